/* test_dynamodb.h: what the unit tests of the DynamoDB backend's credentials share: calls, an environment without anybody's own, and
 * a look that no text shows a secret. Secrets in these tests hold PSWQ. Instance metadata are off unless a test names an endpoint. */
#ifndef TEST_DYNAMODB_H
#define TEST_DYNAMODB_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "alloc.h"
#include "clock.h"
#include "credentials.h"
#include "folder.h"

#define NOW_MS INT64_C(1795824000000) /* 2026-11-28T00:00:00Z */

static char text[256]; /* of the last call */
static char *folder;   /* $HOME, with an empty .aws */

static inline struct footfall_store_call call_within(int64_t ms)
{
    struct footfall_store_call call = { .text = text, .text_bytes = sizeof(text) };
    call.deadline_ms = footfall__boottime_ms() + ms;
    text[0] = '\0';
    return call;
}

static inline struct footfall_store_call call_now(void)
{
    return call_within(20000);
}

static inline void set(const char *name, const char *value)
{
    assert_int_equal(setenv(name, value, 1), 0);
}

/* A fresh environment before each test. */
static inline int set_up(void **state)
{
    static const char *const others[] = { "AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE",
                                          "SSL_CERT_DIR",  "NO_PROXY",       "no_proxy" };
    char *made = support_folder_make();
    char *dir = support_path(made, ".aws");
    (void)state;
    for (int i = 0; i < DYNAMODB_VARIABLES; i++)
        (void)unsetenv(footfall__dynamodb_variables[i]);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        (void)unsetenv(others[i]);
    set("AWS_EC2_METADATA_DISABLED", "true");
    set("http_proxy", "http://127.0.0.1:1"); /* nobody listens there, so that a proxy that is asked is noticed */
    set("all_proxy", "http://127.0.0.1:1");
    set("HOME", made);
    assert_int_equal(mkdir(dir, 0700), 0);
    free(dir);
    folder = made;
    return 0;
}

/* Writes $HOME/.aws/NAME. */
static inline void write_file(const char *name, const char *bytes)
{
    char *dir = support_path(folder, ".aws");
    char *path = support_path(dir, name);
    support_file_write(path, bytes, strlen(bytes));
    free(path);
    free(dir);
}

static inline void shows_nothing(const char *of)
{
    if (strstr(text, "PSWQ") != NULL)
        fail_msg("%s: %s", of, text);
}

static inline void same_text(const char *of, const char *is, const char *wanted)
{
    if ((is == NULL) != (wanted == NULL) || (is != NULL && strcmp(is, wanted) != 0))
        fail_msg("%s: '%s' instead of '%s'", of, is != NULL ? is : "(none)", wanted != NULL ? wanted : "(none)");
}

/* A chain of these settings (NULL: none) that must come to be. */
static inline struct dynamodb_chain *chain_of(const struct dynamodb_chain_options *options)
{
    static const struct dynamodb_chain_options none;
    struct footfall_store_call call = call_now();
    struct dynamodb_chain *chain = NULL;
    if (footfall__dynamodb_chain_new(&chain, options != NULL ? options : &none, &call) != 0)
        fail_msg("%s", text);
    return chain;
}

/* What the chain answers at NOW_MS: its status, and the id or "". */
static inline int ask(struct dynamodb_chain *chain, int64_t now_ms, const char **id)
{
    struct footfall_store_call call = call_now();
    const struct dynamodb_credentials *who = NULL;
    int rc = footfall__dynamodb_credentials(chain, &who, now_ms, &call);
    assert_int_equal(rc == 0, who != NULL);
    assert_int_equal(rc == 0, text[0] == '\0');
    shows_nothing("credentials");
    *id = rc == 0 ? who->access_key_id : "";
    return rc;
}

/* One question to a new chain: the status, and the words in the text or the id ("": no matter). */
static inline void expect(const char *of, const struct dynamodb_chain_options *options, int status, const char *words)
{
    struct dynamodb_chain *chain = chain_of(options);
    const char *id = "";
    int rc = ask(chain, NOW_MS, &id);
    if (rc != status || strstr(rc == 0 ? id : text, words) == NULL)
        fail_msg("%s: %d %s%s instead of %d %s", of, rc, id, text, status, words);
    footfall__dynamodb_chain_free(chain);
}

static inline int tear_down(void **state)
{
    (void)state;
    support_folder_remove(folder);
    folder = NULL;
    return 0;
}
#endif
