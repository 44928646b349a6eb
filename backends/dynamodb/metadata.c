/* metadata.c: one small answer over HTTP from an endpoint that hands out credentials, and the credentials in it (credentials.h).
 * libcurl speaks HTTP, jansson reads JSON; whom to ask, and what, is for container.c and instance.c. */
#include "credentials.h"

#include "alloc.h"
#include "clock.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { ATTEMPTS = 3, CONNECT_MS = 1000, ATTEMPT_MS = 2000, PAUSE_MS = 100 };

/* ---- asking ------------------------------------------------------------------------------------------------------ */

void footfall__dynamodb_metadata_drop(struct dynamodb_metadata *metadata)
{
    footfall__dynamodb_cleanse_bytes(metadata->reply, metadata->reply_bytes);
    metadata->reply = NULL;
    metadata->reply_bytes = 0;
}

static size_t receive(char *from, size_t size, size_t count, void *user)
{
    struct dynamodb_metadata *metadata = user;
    size_t bytes = size * count;
    if (bytes > DYNAMODB_REPLY_BYTES - metadata->reply_bytes)
        return 0; /* ends the transfer */
    memcpy(metadata->reply + metadata->reply_bytes, from, bytes);
    metadata->reply_bytes += bytes;
    return bytes;
}

static struct curl_slist *add(struct curl_slist *list, const char *line, int *fine)
{
    struct curl_slist *longer = *fine ? curl_slist_append(list, line) : NULL;
    *fine = longer != NULL;
    return longer != NULL ? longer : list;
}

static void free_headers(struct curl_slist *list)
{
    for (struct curl_slist *at = list; at != NULL; at = at->next)
        OPENSSL_cleanse(at->data, strlen(at->data));
    curl_slist_free_all(list);
}

static CURLcode prepare(CURL *handle, struct dynamodb_metadata *metadata, const char *url, struct curl_slist *headers,
                        char *error, int64_t left_ms)
{
    long all_ms = (long)(left_ms < ATTEMPT_MS ? left_ms : ATTEMPT_MS);
    CURLcode code = curl_easy_setopt(handle, CURLOPT_URL, url);
#define SET(option, value) code = code == CURLE_OK ? curl_easy_setopt(handle, option, value) : code
    SET(CURLOPT_PROXY, ""); /* whatever the environment says */
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_WRITEFUNCTION, receive);
    SET(CURLOPT_WRITEDATA, metadata);
    SET(CURLOPT_ERRORBUFFER, error);
    SET(CURLOPT_TIMEOUT_MS, all_ms);
    SET(CURLOPT_CONNECTTIMEOUT_MS, all_ms < CONNECT_MS ? all_ms : (long)CONNECT_MS);
    SET(CURLOPT_FRESH_CONNECT, 1L);
    if (metadata->method != NULL) {
        SET(CURLOPT_POSTFIELDS, "");
        SET(CURLOPT_POSTFIELDSIZE, 0L);
        SET(CURLOPT_CUSTOMREQUEST, metadata->method);
    }
#undef SET
    return code;
}

/* One attempt. The reply is empty before it. */
static CURLcode attempt(CURL *handle, struct dynamodb_metadata *metadata, const char *url, int64_t left_ms, char *error)
{
    int fine = 1;
    struct curl_slist *headers = NULL;
    CURLcode code = CURLE_OUT_OF_MEMORY;
    if (metadata->method != NULL)
        headers = add(headers, "Content-Type:", &fine);
    if (metadata->header != NULL)
        headers = add(headers, metadata->header, &fine);
    if (fine)
        code = prepare(handle, metadata, url, headers, error, left_ms);
    if (code == CURLE_OK)
        code = curl_easy_perform(handle);
    if (code == CURLE_OK)
        code = curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &metadata->status);
    (void)curl_easy_setopt(handle, CURLOPT_HTTPHEADER, NULL);
    (void)curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, NULL);
    free_headers(headers);
    return code;
}

static int told(struct dynamodb_metadata *metadata, CURLcode code, const char *error, struct footfall_store_call *call)
{
    if (code == CURLE_OUT_OF_MEMORY)
        return footfall__dynamodb_no_memory(call);
    if (code == CURLE_WRITE_ERROR)
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_TEMPORARY, "%s: the answer is too long", metadata->what);
    if (code != CURLE_OK)
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_TEMPORARY, "%s: %s", metadata->what,
                                        error[0] != '\0' ? error : curl_easy_strerror(code));
    return footfall__dynamodb_fault(call, FOOTFALL_STORE_TEMPORARY, "%s: HTTP status %ld", metadata->what,
                                    metadata->status);
}

static int is_worth_another(CURLcode code, long status)
{
    if (code == CURLE_OK)
        return status == 429 || status >= 500;
    return code == CURLE_OPERATION_TIMEDOUT || code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR ||
           code == CURLE_SEND_ERROR || code == CURLE_PARTIAL_FILE;
}

static int ask(CURL *handle, struct dynamodb_metadata *metadata, const char *url, struct footfall_store_call *call)
{
    char error[CURL_ERROR_SIZE] = "";
    CURLcode code = CURLE_OPERATION_TIMEDOUT;
    for (int i = 0; i < ATTEMPTS; i++) {
        int64_t left_ms = call->deadline_ms - footfall__boottime_ms() - (i > 0 ? PAUSE_MS * i : 0);
        double connected = 0;
        if (left_ms <= 0)
            break;
        footfall__sleep_us(i > 0 ? PAUSE_MS * 1000 * i : 0);
        OPENSSL_cleanse(metadata->reply, metadata->reply_bytes);
        metadata->reply_bytes = 0;
        metadata->status = 0;
        code = attempt(handle, metadata, url, left_ms, error);
        (void)curl_easy_getinfo(handle, CURLINFO_CONNECT_TIME, &connected);
        metadata->unreachable =
            code != CURLE_OK && connected <= 0 && (code != CURLE_OPERATION_TIMEDOUT || left_ms >= CONNECT_MS);
        if (metadata->unreachable || !is_worth_another(code, metadata->status))
            break;
    }
    if (code == CURLE_OK && !is_worth_another(code, metadata->status))
        return 0;
    return told(metadata, code, error, call);
}

int footfall__dynamodb_metadata(struct dynamodb_metadata *metadata, const char *url, struct footfall_store_call *call)
{
    CURL *handle = NULL;
    int rc = 0;
    metadata->status = 0;
    metadata->unreachable = 0;
    metadata->reply_bytes = 0;
    metadata->reply = footfall__malloc(DYNAMODB_REPLY_BYTES + 1);
    handle = metadata->reply != NULL ? footfall__dynamodb_curl_handle() : NULL;
    if (handle == NULL)
        rc = footfall__dynamodb_no_memory(call);
    else
        rc = ask(handle, metadata, url, call);
    curl_easy_cleanup(handle);
    if (rc != 0)
        footfall__dynamodb_metadata_drop(metadata);
    else
        metadata->reply[metadata->reply_bytes] = '\0';
    return rc;
}

/* ---- what was said ----------------------------------------------------------------------------------------------- */

/* `digits` digits at *at as a number; -1: they are none. */
static int number(const char **at, int digits)
{
    int value = 0;
    for (int i = 0; i < digits; i++) {
        char c = (*at)[i];
        if (c < '0' || c > '9')
            return -1;
        value = value * 10 + (c - '0');
    }
    *at += digits;
    return value;
}

/* Z or +hh:mm, and the end of the text. */
static int offset_s(int *out, const char *at)
{
    int sign = *at == '-' ? -1 : 1;
    int hours = 0;
    int minutes = 0;
    *out = 0;
    if (at[0] == 'Z' && at[1] == '\0')
        return 0;
    if (*at != '+' && *at != '-')
        return -1;
    at++;
    hours = number(&at, 2);
    if (hours < 0 || hours > 23 || *at++ != ':')
        return -1;
    minutes = number(&at, 2);
    *out = sign * (hours * 3600 + minutes * 60);
    return minutes >= 0 && minutes <= 59 && *at == '\0' ? 0 : -1;
}

int footfall__dynamodb_time(int64_t *out_ms, const char *text)
{
    static const char ends[] = "--T::";
    int parts[6] = { 0 };
    struct tm t = { 0 };
    struct tm same;
    int offset = 0;
    time_t seconds;
    for (int i = 0; i < 6; i++) {
        parts[i] = number(&text, i == 0 ? 4 : 2);
        if (parts[i] < 0 || (i < 5 && *text++ != ends[i]))
            return -1;
    }
    if (*text == '.') {
        text += 1 + strspn(text + 1, "0123456789");
        if (text[-1] == '.')
            return -1;
    }
    if (parts[0] < 1970 || parts[3] > 23 || parts[4] > 59 || parts[5] > 60 || offset_s(&offset, text) != 0)
        return -1;
    t = (struct tm){
        .tm_year = parts[0] - 1900, .tm_mon = parts[1] - 1, .tm_mday = parts[2], .tm_hour = parts[3], .tm_min = parts[4]
    };
    same = t;
    seconds = timegm(&same); /* makes 3 March of 31 February, and so on */
    if (same.tm_mon != t.tm_mon || same.tm_mday != t.tm_mday)
        return -1;
    *out_ms = ((int64_t)seconds + parts[5] - offset) * 1000;
    return 0;
}

/* Every text in the tree is overwritten: jansson frees what it read as it is. */
static void wipe(json_t *json)
{
    const char *key = NULL;
    json_t *value = NULL;
    size_t i = 0;
    if (json_is_string(json))
        OPENSSL_cleanse((void *)(uintptr_t)json_string_value(json), json_string_length(json));
    json_object_foreach(json, key, value) wipe(value);
    json_array_foreach(json, i, value) wipe(value);
}

static int unusable(const struct dynamodb_metadata *metadata, const char *why, struct footfall_store_call *call)
{
    return footfall__dynamodb_fault(call, FOOTFALL_STORE_TEMPORARY, "%s: %s", metadata->what, why);
}

static int take(struct dynamodb_credentials *out, const struct dynamodb_metadata *metadata, const json_t *json,
                int lasting, int64_t now_ms, struct footfall_store_call *call)
{
    static const char *const names[] = { "AccessKeyId", "SecretAccessKey", "Token" };
    const char *texts[3];
    const char *code = json_string_value(json_object_get(json, "Code"));
    const char *until = json_string_value(json_object_get(json, "Expiration"));
    int64_t expires_ms = INT64_MAX;
    char where[128];
    int rc = 0;
    for (int i = 0; i < 3; i++)
        texts[i] = json_string_value(json_object_get(json, names[i]));
    if (code != NULL && strcmp(code, "Success") != 0)
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_TEMPORARY, "%s: the answer is %.60s", metadata->what,
                                        code);
    if (texts[0] == NULL || texts[1] == NULL || (!lasting && (texts[2] == NULL || until == NULL)))
        return unusable(metadata, "the answer lacks AccessKeyId, SecretAccessKey, Token or Expiration", call);
    if (until != NULL && footfall__dynamodb_time(&expires_ms, until) != 0)
        return unusable(metadata, "the answer's Expiration is no time", call);
    if (expires_ms <= now_ms)
        return unusable(metadata, "the answer has expired already", call);
    (void)snprintf(where, sizeof where, "%s: the answer's ", metadata->what);
    rc = footfall__dynamodb_take(out, texts, names, FOOTFALL_STORE_TEMPORARY, where, call);
    out->expires_ms = expires_ms;
    return rc;
}

int footfall__dynamodb_metadata_parse(struct dynamodb_credentials *out, const struct dynamodb_metadata *metadata,
                                      int lasting, int64_t now_ms, struct footfall_store_call *call)
{
    json_t *json = json_loadb(metadata->reply, metadata->reply_bytes, JSON_REJECT_DUPLICATES, NULL);
    int rc = 0;
    memset(out, 0, sizeof *out);
    if (!json_is_object(json))
        rc = unusable(metadata, "the answer is no JSON object", call);
    else
        rc = take(out, metadata, json, lasting, now_ms, call);
    wipe(json);
    json_decref(json);
    return rc;
}
