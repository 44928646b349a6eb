/* fault.c: what a fault means for the operations it met. What becomes of them is the engine's business. */
#include "redis.h"

#include "bytes.h"

#include <stdarg.h>
#include <string.h>

int footfall__redis_fault(struct footfall_store_call *call, int status, const char *format, ...)
{
    va_list args;
    if (call->text == NULL || call->text_bytes == 0 || call->text[0] != '\0')
        return status;
    va_start(args, format);
    footfall__vformat(call->text, call->text_bytes, format, args);
    va_end(args);
    return status;
}

/* Errors that come before a command, or a script's first write, has done anything. A script reads the keys that it writes before
 * that, or has just named them as nobody did before, and Redis asks for memory, role and disk at its first write alone
 * (script.c of Redis: SCRIPT_WRITE_DIRTY). */
static const struct meaning {
    const char *word;
    int status, reconnect;
    const char *advice;
} meanings[] = {
    { "LOADING", FOOTFALL_STORE_TEMPORARY, 0, NULL },
    { "BUSY", FOOTFALL_STORE_TEMPORARY, 0, NULL },
    { "READONLY", FOOTFALL_STORE_TEMPORARY, 1, NULL }, /* a replica: its name may lead to the new master */
    { "MASTERDOWN", FOOTFALL_STORE_TEMPORARY, 1, NULL },
    { "CLUSTERDOWN", FOOTFALL_STORE_TEMPORARY, 0, NULL },
    { "TRYAGAIN", FOOTFALL_STORE_TEMPORARY, 0, NULL },
    { "NOREPLICAS", FOOTFALL_STORE_TEMPORARY, 0, NULL },
    { "FFSTALE", FOOTFALL_STORE_TEMPORARY, 1, NULL }, /* its clock jumped, or this is a copy from long ago */
    { "NOSCRIPT", FOOTFALL_STORE_TEMPORARY, 0, NULL },
    { "MOVED", FOOTFALL_STORE_BROKEN, 0, "Redis Cluster is not supported yet" },
    { "ASK", FOOTFALL_STORE_BROKEN, 0, "Redis Cluster is not supported yet" },
    { "CROSSSLOT", FOOTFALL_STORE_BROKEN, 0, "Redis Cluster is not supported yet" },
    { "OOM", FOOTFALL_STORE_BROKEN, 0, NULL },
    { "MISCONF", FOOTFALL_STORE_BROKEN, 0, NULL },
    { "WRONGTYPE", FOOTFALL_STORE_BROKEN, 0, "a key under redis.prefix is not ours" },
    { "FFFOREIGN", FOOTFALL_STORE_BROKEN, 0, "a key under redis.prefix is not ours" },
    { "NOAUTH", FOOTFALL_STORE_BROKEN, 1, "redis.url or redis.password_file must give a password" },
    { "WRONGPASS", FOOTFALL_STORE_BROKEN, 1, "user or password is wrong" },
    { "NOPERM", FOOTFALL_STORE_BROKEN, 0, "the user in redis.url lacks a right" }, /* but see was_running */
    { "DENIED", FOOTFALL_STORE_BROKEN, 1, NULL },
    { "FFHALF", FOOTFALL_STORE_UNKNOWN, 0, NULL }, /* of a write that failed after others, see apply.lua */
};

static size_t word_bytes(const char *text)
{
    return strcspn(text, " :");
}

static const struct meaning *find(const char *text)
{
    size_t bytes = word_bytes(text);
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
        if (strlen(meanings[i].word) == bytes && memcmp(meanings[i].word, text, bytes) == 0)
            return &meanings[i];
    return NULL;
}

/* Older servers (5, 6) put the error of a command inside a script behind its line, once or twice:
 * "ERR Error running script (call to f_…): @user_script:12: WRONGTYPE …", "…: @user_script:12: @user_script: 12: -OOM …". */
static const char *inner_error(const char *text)
{
    static const char script[] = "ERR Error running script";
    static const char place[] = "@user_script:";
    const char *at =
        strncmp(text, "ERR ", 4) == 0 ? strstr(text, "FFFOREIGN") : NULL; /* ours, before the first write */
    if (at != NULL)
        return at;
    if (strncmp(text, script, sizeof(script) - 1) != 0)
        return text;
    at = strstr(text, place);
    while (at != NULL && strncmp(at, place, sizeof(place) - 1) == 0) {
        at += sizeof(place) - 1;
        at += *at == ' ';
        at += strspn(at, "0123456789");
        at = strncmp(at, ": ", 2) == 0 ? at + 2 : NULL;
    }
    if (at == NULL)
        return text;
    at += *at == '-';
    return find(at) != NULL ? at : text;
}

/* A right that was missing in the middle of a script: what it wrote before stands. Newer servers speak of the script then, older
 * ones of its running; footfall__redis_probe is there to find it before that. */
static int was_running(const char *text)
{
    return (strncmp(text, "NOPERM", 6) == 0 || strncmp(text, "ERR ", 4) == 0) && strstr(text, "NOPERM") != NULL &&
           strstr(text, "script") != NULL;
}

int footfall__redis_error(struct footfall_store_call *call, const redisReply *reply, int *reconnect)
{
    const char *text = inner_error(reply->str != NULL ? reply->str : "");
    const struct meaning *meaning = was_running(reply->str != NULL ? reply->str : "") ? NULL : find(text);
    const char *arguments = strstr(text, ", with args"); /* what follows may be a password */
    int shown = arguments != NULL ? (int)(arguments - text) : (int)strcspn(text, "\r\n");
    *reconnect = meaning != NULL && meaning->reconnect;
    if (shown > 120)
        shown = 120;
    if (strncmp(text, "ERR max number of clients", 25) == 0) { /* said instead of hello */
        *reconnect = 1;
        return footfall__redis_fault(call, FOOTFALL_STORE_TEMPORARY, "Redis says: %.*s", shown, text);
    }
    if (strncmp(text, "ERR unknown command", 19) == 0 && strstr(text, "script") == NULL) /* renamed: it did not begin */
        return footfall__redis_fault(call, FOOTFALL_STORE_BROKEN, "Redis says: %.*s", shown, text);
    if (meaning == NULL)
        return footfall__redis_fault(call, FOOTFALL_STORE_UNKNOWN, "Redis says: %.*s", shown, text);
    if (meaning->advice != NULL)
        return footfall__redis_fault(call, meaning->status, "%s; Redis says: %.*s", meaning->advice, shown, text);
    return footfall__redis_fault(call, meaning->status, "Redis says: %.*s", shown, text);
}

int footfall__redis_is_noscript(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR && reply->str != NULL && strncmp(reply->str, "NOSCRIPT", 8) == 0 &&
           word_bytes(reply->str) == 8;
}
