/* dynamodb_config.c: settings that are wrong: CONFIG at once, by a text that names the key and shows no secret, and nothing is sent. */
#include "dynamodb_here.h"

#include "folder.h"
#include "footfall.h"
#include "handle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SWORDFISH "swordfish"
enum { MOST_PAIRS = 12 };

static struct support_service *service;

static void answer(void *user, const struct support_service_request *request, struct support_service_reply *reply)
{
    json_t *good = here_good(request);
    (void)user;
    reply->body = json_dumps(good, 0);
    json_decref(good);
}

/* The settings that work, with some changed (key, value, …; NULL at the end; value NULL: taken away). */
static int try_open(struct footfall **out, struct footfall_error *err, const char *const *changes)
{
    const char *pairs[2 * MOST_PAIRS + 1] = { "backend",
                                              "dynamodb",
                                              "dynamodb.table",
                                              HERE_TABLE,
                                              "dynamodb.region",
                                              "eu-west-1",
                                              "dynamodb.endpoint",
                                              support_service_url(service),
                                              "dynamodb.access_key_id",
                                              "AKID",
                                              "dynamodb.secret_access_key",
                                              SWORDFISH,
                                              "secret",
                                              SUPPORT_SECRET };
    const char *left[2 * MOST_PAIRS + 1] = { NULL };
    size_t count = 0;
    for (; changes[0] != NULL; changes += 2) {
        size_t i = 0;
        while (pairs[i] != NULL && strcmp(pairs[i], changes[0]) != 0)
            i += 2;
        pairs[i] = changes[0];
        pairs[i + 1] = changes[1];
    }
    for (size_t i = 0; pairs[i] != NULL; i += 2)
        if (pairs[i + 1] != NULL) {
            left[count++] = pairs[i];
            left[count++] = pairs[i + 1];
        }
    return support_try_open(out, err, left);
}

static void refused_all(const char *const *changes, const char *word)
{
    struct footfall *ff = NULL;
    struct footfall_error err;
    int rc = try_open(&ff, &err, changes);
    if (rc != FOOTFALL_CONFIG || strstr(err.text, word) == NULL)
        fail_msg("%s = \"%s\": %s: \"%s\"; wanted CONFIG: %s", changes[0], changes[1] != NULL ? changes[1] : "(none)",
                 footfall_status_name((enum footfall_status)rc), err.text, word);
    assert_null(ff);
    assert_null(strstr(err.text, SWORDFISH));
    assert_null(strchr(err.text, '\n'));
    assert_int_equal(support_service_connections(service), 0);
}
#define REFUSED(word, ...)                                                                                             \
    do {                                                                                                               \
        const char *const changes_[] = { __VA_ARGS__, NULL };                                                          \
        refused_all(changes_, word);                                                                                   \
    } while (0)

static void they_work_as_they_are(void **state)
{
    static const char *const none[] = { NULL };
    struct footfall *ff = NULL;
    struct footfall_error err;
    (void)state;
    if (try_open(&ff, &err, none) != FOOTFALL_OK)
        fail_msg("%s", err.text);
    footfall_close(ff);
    support_service_forget(service);
}

static void tables(void **state)
{
    static const char *const bad[] = { "",        "ab",      "a b",   "a/b",       "a:b",     "t\xc3\xa9table",
                                       "tab\tle", "table\n", "*",     "table\x7f", "arn:aws", "a,bc",
                                       "a'b",     "table ",  " table" };
    char *longest = support_format("%0256d", 1);
    char *fits_alone = support_format("%0251d", 1);
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        REFUSED("dynamodb.table", "dynamodb.table", bad[i]);
        if (bad[i][0] != '\0')
            REFUSED("dynamodb.key_table", "dynamodb.key_table", bad[i]);
    }
    REFUSED("dynamodb.table", "dynamodb.table", longest);
    REFUSED("dynamodb.key_table", "dynamodb.key_table", longest);
    REFUSED("dynamodb.key_table", "dynamodb.table", fits_alone); /* with -keys it is too long */
    REFUSED("dynamodb.key_table", "dynamodb.key_table", HERE_TABLE);
    REFUSED("dynamodb.key_table", "dynamodb.table", "same", "dynamodb.key_table", "same");
    free(fits_alone);
    free(longest);
}

static void regions(void **state)
{
    static const char *const bad[] = { "eu west",     "eu/west",  "eu.west",  "eu@west",
                                       "eu-west-1\n", "\xc3\xa9", "http://eu" };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        REFUSED("dynamodb.region", "dynamodb.region", bad[i]);
    REFUSED("dynamodb.region", "dynamodb.region", NULL);
    REFUSED("dynamodb.region", "dynamodb.region", "");
    assert_int_equal(setenv("AWS_REGION", "no region", 1), 0);
    REFUSED("AWS_REGION", "dynamodb.region", NULL);
    (void)unsetenv("AWS_REGION");
}

static void endpoints(void **state)
{
    static const char *const bad[] = { "127.0.0.1",
                                       "127.0.0.1:8000",
                                       "ftp://127.0.0.1",
                                       "http://",
                                       "http://127.0.0.1:0",
                                       "http://127.0.0.1:99999",
                                       "http://127.0.0.1/path",
                                       "http://127.0.0.1/?a=b",
                                       "http://127.0.0.1/#x",
                                       "http://u:" SWORDFISH "@127.0.0.1",
                                       "http://[::1",
                                       "unix:/tmp/x",
                                       "http://a b" };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        REFUSED("dynamodb.endpoint", "dynamodb.endpoint", bad[i]);
        assert_int_equal(setenv("AWS_ENDPOINT_URL_DYNAMODB", bad[i], 1), 0);
        REFUSED("AWS_ENDPOINT_URL_DYNAMODB", "dynamodb.endpoint", NULL);
        (void)unsetenv("AWS_ENDPOINT_URL_DYNAMODB");
    }
}

static void credentials(void **state)
{
    (void)state;
    REFUSED("dynamodb.secret_access_key", "dynamodb.secret_access_key", NULL);
    REFUSED("dynamodb.secret_access_key", "dynamodb.secret_access_key", "");
    REFUSED("dynamodb.access_key_id", "dynamodb.access_key_id", NULL);
    REFUSED("dynamodb.access_key_id", "dynamodb.access_key_id", "");
    REFUSED("dynamodb.access_key_id", "dynamodb.access_key_id", "AK ID");
    REFUSED("dynamodb.secret_access_key", "dynamodb.secret_access_key", "sword fish " SWORDFISH);
    REFUSED("dynamodb.", "dynamodb.session_token", SWORDFISH, "dynamodb.access_key_id", NULL,
            "dynamodb.secret_access_key", NULL);
    assert_int_equal(setenv("AWS_ACCESS_KEY_ID", "AKID", 1), 0);
    REFUSED("AWS_SECRET_ACCESS_KEY", "dynamodb.access_key_id", NULL, "dynamodb.secret_access_key", NULL);
    (void)unsetenv("AWS_ACCESS_KEY_ID");
}

static void words_and_numbers(void **state)
{
    static const char *const words[] = { "maybe", "TRUE", "2", "yes ", "nope", "-1", "truefalse" };
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        REFUSED("dynamodb.atomic", "dynamodb.atomic", words[i]);
        REFUSED("dynamodb.create_table", "dynamodb.create_table", words[i]);
        REFUSED("dynamodb.capacity", "dynamodb.capacity", words[i]);
    }
    REFUSED("dynamodb.lanes", "dynamodb.lanes", "0");
    REFUSED("dynamodb.lanes", "dynamodb.lanes", "65");
    REFUSED("dynamodb.lanes", "dynamodb.lanes", "four");
    REFUSED("dynamodb.tabel", "dynamodb.tabel", "x");
    REFUSED("dynamodb.url", "dynamodb.url", "http://127.0.0.1");
}

static int start(void **state)
{
    service = support_service_start(answer, NULL, NULL);
    return here_environment(state);
}

static int stop(void **state)
{
    (void)state;
    support_service_stop(service);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_work_as_they_are),
        cmocka_unit_test(tables),
        cmocka_unit_test(regions),
        cmocka_unit_test(endpoints),
        cmocka_unit_test(credentials),
        cmocka_unit_test(words_and_numbers),
    };
    return cmocka_run_group_tests_name("DynamoDB, settings", tests, start, stop);
}
