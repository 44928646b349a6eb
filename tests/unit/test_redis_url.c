/* test_redis_url.c: redis.url in every form, right and wrong, and password files. Whatever is wrong, no text shows a piece of user
 * or password. */
#include "test_redis.h"

#include "alloc.h"
#include "folder.h"

struct right {
    const char *url;
    int tls;
    const char *host, *port, *path, *user, *password;
    int database;
};

static const struct right rights[] = {
    { "redis://localhost", 0, "localhost", "6379", NULL, NULL, NULL, 0 },
    { "redis://localhost/", 0, "localhost", "6379", NULL, NULL, NULL, 0 },
    { "rediss://cache.example.org", 1, "cache.example.org", "6379", NULL, NULL, NULL, 0 },
    { "redis://127.0.0.1:1/0", 0, "127.0.0.1", "1", NULL, NULL, NULL, 0 },
    { "redis://127.0.0.1:65535/65535", 0, "127.0.0.1", "65535", NULL, NULL, NULL, 65535 },
    { "redis://a:06379/007", 0, "a", "6379", NULL, NULL, NULL, 7 },
    { "redis://[::1]", 0, "::1", "6379", NULL, NULL, NULL, 0 },
    { "rediss://[2001:db8::7]:7000/3", 1, "2001:db8::7", "7000", NULL, NULL, NULL, 3 },
    { "redis://[fe80::1%eth0]:7000", 0, "fe80::1%eth0", "7000", NULL, NULL, NULL, 0 },
    { "redis://us@[::1]/1", 0, "::1", "6379", NULL, "us", NULL, 1 },
    { "redis://us:pw@host:7/2", 0, "host", "7", NULL, "us", "pw", 2 },
    { "redis://:pw@host", 0, "host", "6379", NULL, NULL, "pw", 0 },
    { "redis://us:@host", 0, "host", "6379", NULL, "us", "", 0 },
    { "redis://@host", 0, "host", "6379", NULL, NULL, NULL, 0 },
    { "redis://us:a@b:c@d@host:7", 0, "host", "7", NULL, "us", "a@b:c@d", 0 },
    { "redis://u%3as%40r:p%2Fw%3F%23%25%20@host", 0, "host", "6379", NULL, "u:s@r", "p/w?#% ", 0 },
    { "redis://us:p#w@host", 0, "host", "6379", NULL, "us", "p#w", 0 },
    { "redis://us:%ff%01%c3%a9@host", 0, "host", "6379", NULL, "us", "\xff\x01\xc3\xa9", 0 },
    { "unix:///run/redis.sock", 0, NULL, "", "/run/redis.sock", NULL, NULL, 0 },
    { "unix:///run/redis.sock?db=9", 0, NULL, "", "/run/redis.sock", NULL, NULL, 9 },
    { "unix:///run/redis.sock?db=", 0, NULL, "", "/run/redis.sock", NULL, NULL, 0 },
    { "unix:///run/a%3Fb%20c@d", 0, NULL, "", "/run/a?b c@d", NULL, NULL, 0 },
    { "unix://us:p@w@/s?db=65535", 0, NULL, "", "/s", "us", "p@w", 65535 },
    { "unix://:pw@/s", 0, NULL, "", "/s", NULL, "pw", 0 },
};

static void same_text(const char *url, const char *is, const char *wanted)
{
    if ((is == NULL) != (wanted == NULL) || (is != NULL && strcmp(is, wanted) != 0))
        fail_msg("%s: '%s' instead of '%s'", url, is != NULL ? is : "(none)", wanted != NULL ? wanted : "(none)");
}

static void every_right_form_is_taken_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
        const struct right *r = &rights[i];
        struct footfall_store_call call = call_now();
        struct redis_address a;
        if (footfall__redis_url(&a, r->url, &call) != 0)
            fail_msg("%s: %s", r->url, text);
        same_text(r->url, text, "");
        same_text(r->url, a.host, r->host);
        same_text(r->url, a.port, r->port);
        same_text(r->url, a.path, r->path);
        same_text(r->url, a.user, r->user);
        same_text(r->url, a.password, r->password);
        assert_int_equal(a.tls, r->tls);
        assert_int_equal(a.database, r->database);
        assert_null(a.ca_file);
        footfall__redis_address_free(&a);
    }
}

/* In these USRX and PSWQ stand for what may not be shown, and percent signs between them for damage. */
static const char *const wrongs[] = {
    "",
    "redis",
    "redis:",
    "redis:/",
    "redis://",
    "REDIS://host",
    " redis://host",
    "http://USRX:PSWQ@host",
    "USRX:PSWQ@host",
    "redis:USRX:PSWQ@host",
    "redis:///0",
    "redis://:6379",
    "redis://USRX:PSWQ@",
    "redis://USRX:PSWQ@:6379",
    "redis://USRX:PSWQ@/0",
    "redis://USRX:PSWQ@host:",
    "redis://USRX:PSWQ@host:0",
    "redis://USRX:PSWQ@host:65536",
    "redis://USRX:PSWQ@host:-1",
    "redis://USRX:PSWQ@host:+1",
    "redis://USRX:PSWQ@host: 1",
    "redis://USRX:PSWQ@host:1x",
    "redis://USRX:PSWQ@host:99999999999999999999",
    "redis://USRX:PSWQ@host:1:2",
    "redis://USRX:PSWQ@::1",
    "redis://USRX:PSWQ@[::1",
    "redis://USRX:PSWQ@[]",
    "redis://USRX:PSWQ@[]:1",
    "redis://USRX:PSWQ@[::1]6379",
    "redis://USRX:PSWQ@[::1]x:1",
    "redis://USRX:PSWQ@[::1]:",
    "redis://USRX:PSWQ@host/-1",
    "redis://USRX:PSWQ@host/65536",
    "redis://USRX:PSWQ@host/x",
    "redis://USRX:PSWQ@host/0/0",
    "redis://USRX:PSWQ@host/0?db=1",
    "redis://USRX:PSWQ@host?db=1",
    "redis://USRX:PSWQ@host#0",
    "redis://USRX:PSWQ@ho st",
    "redis://USRX:PSWQ/PSWQ@host",
    "redis://USRX:PSWQ?PSWQ@host",
    "redis://USRX:PSWQ",
    "redis://:PSWQ",
    "redis://:PSWQ/PSWQ@host",
    "redis://USRX:12/PSWQ@host",
    "redis://USRX:12/1@PSWQ",
    "redis://USRX:PSWQ%@host",
    "redis://USRX:PSWQ%4@host",
    "redis://USRX:PSWQ%4g@host",
    "redis://USRX:%zzPSWQ@host",
    "redis://USRX:PSWQ%00PSWQ@host",
    "redis://USRX%2:PSWQ@host",
    "unix://",
    "unix://path",
    "unix://USRX:PSWQ@path",
    "unix://USRX:PSWQ@",
    "unix://USRX:PSWQ@/path?db=x",
    "unix://USRX:PSWQ@/path?db=65536",
    "unix://USRX:PSWQ@/path?db=1&x=2",
    "unix://USRX:PSWQ@/path?",
    "unix://USRX:PSWQ@/path?database=1",
    "unix://USRX:PSWQ@/pa%th",
    "unix://USRX:PSWQ%@/path",
};

/* Four bytes in a row are a piece. */
static void shows_nothing(const char *url)
{
    if (strstr(text, "USRX") != NULL || strstr(text, "PSWQ") != NULL)
        fail_msg("%s: %s", url, text);
}

static void every_wrong_form_is_told_without_secrets(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
        struct footfall_store_call call = call_now();
        struct redis_address a;
        int rc = footfall__redis_url(&a, wrongs[i], &call);
        if (rc != FOOTFALL_STORE_CONFIG || strncmp(text, "redis.url", 9) != 0)
            fail_msg("%s: %d %s", wrongs[i], rc, text);
        shows_nothing(wrongs[i]);
        footfall__redis_address_free(&a);
    }
}

static void long_hosts_and_paths_end(void **state)
{
    char url[400];
    struct redis_address a;
    struct footfall_store_call call = call_now();
    (void)state;
    for (int bytes = 250; bytes < 258; bytes++) {
        (void)snprintf(url, sizeof(url), "redis://%0*d", bytes, 0);
        call = call_now();
        assert_int_equal(footfall__redis_url(&a, url, &call), bytes <= 253 ? 0 : FOOTFALL_STORE_CONFIG);
        footfall__redis_address_free(&a);
    }
    for (int bytes = 104; bytes < 112; bytes++) {
        (void)snprintf(url, sizeof(url), "unix:///%0*d", bytes - 1, 0);
        call = call_now();
        assert_int_equal(footfall__redis_url(&a, url, &call), bytes <= 107 ? 0 : FOOTFALL_STORE_CONFIG);
        footfall__redis_address_free(&a);
    }
}

static int refuse_at(void *user)
{
    int *left = user;
    return (*left)-- == 0;
}

static void without_memory_nothing_is_left(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++)
        for (int at = 0, rc = -1; rc != 0; at++) {
            struct footfall_store_call call = call_now();
            struct redis_address a;
            int left = at;
            footfall__alloc_hook(refuse_at, &left);
            rc = footfall__redis_url(&a, rights[i].url, &call);
            footfall__alloc_hook(NULL, NULL);
            assert_true(rc == (left < 0 ? FOOTFALL_STORE_NO_MEMORY : 0));
            footfall__redis_address_free(&a);
        }
}

/* ---- password files ------------------------------------------------------------------------------------------------------ */

struct file {
    const char *bytes;
    size_t count;
    const char *password; /* NULL: refused */
};

static void take_file(const char *path, const struct file *file)
{
    struct footfall_store_call call = call_now();
    struct redis_address a = { 0 };
    int rc = 0;
    support_file_write(path, file->bytes, file->count);
    rc = footfall__redis_password_file(&a, path, &call);
    assert_int_equal(rc, file->password != NULL ? 0 : FOOTFALL_STORE_CONFIG);
    same_text(path, a.password, file->password);
    assert_true(rc == 0 ? text[0] == '\0' : strncmp(text, "redis.password_file", 19) == 0);
    shows_nothing(path);
    footfall__redis_address_free(&a);
}

static void password_files_hold_one_line(void **state)
{
    static const struct file files[] = {
        { "PSWQ", 4, "PSWQ" },
        { "PSWQ\n", 5, "PSWQ" },
        { "PSWQ\r\n", 6, "PSWQ" },
        { "PSWQ\n\n", 6, "PSWQ" },
        { " P W \n", 6, " P W " },
        { "%41:@/\n", 7, "%41:@/" },
        { "\xff\xfe\n", 3, "\xff\xfe" },
        { "", 0, NULL },
        { "\n", 1, NULL },
        { "\r\n\n", 3, NULL },
        { "PSWQ\nPSWQ\n", 10, NULL },
        { "\nPSWQ", 5, NULL },
        { "PS\0WQ", 5, NULL },
        { "PSWQ\0", 5, NULL },
    };
    char *dir = support_folder_make();
    char *path = support_path(dir, "password");
    char *longest = malloc(4097);
    (void)state;
    assert_non_null(longest);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        take_file(path, &files[i]);
    memset(longest, 'x', 4097);
    take_file(path, &(struct file){ longest, 4097, NULL });
    take_file(path, &(struct file){ longest, 4096, NULL });
    longest[4095] = '\0';
    take_file(path, &(struct file){ longest, 4095, longest });
    free(longest);
    free(path);
    support_folder_remove(dir);
}

static void password_files_that_cannot_be_read(void **state)
{
    char *dir = support_folder_make();
    char *none = support_path(dir, "none");
    struct redis_address a = { 0 };
    struct footfall_store_call call = call_now();
    (void)state;
    assert_int_equal(footfall__redis_password_file(&a, none, &call), FOOTFALL_STORE_CONFIG);
    assert_null(a.password);
    assert_true(strstr(text, none) != NULL);
    call = call_now();
    assert_int_equal(footfall__redis_password_file(&a, dir, &call), FOOTFALL_STORE_CONFIG);
    call = call_now();
    assert_int_equal(footfall__redis_url(&a, "redis://:PSWQ@host", &call), 0);
    assert_int_equal(footfall__redis_password_file(&a, none, &call), FOOTFALL_STORE_CONFIG);
    assert_string_equal(text, "redis.password_file: redis.url holds a password already");
    assert_string_equal(a.password, "PSWQ");
    footfall__redis_address_free(&a);
    free(none);
    support_folder_remove(dir);
}

/* ---- as settings ----------------------------------------------------------------------------------------------------------- */

extern const struct footfall_backend footfall__backend_redis;

static void settings_are_checked_before_anything_is_sent(void **state)
{
    static const struct {
        const char *key, *value;
    } wrong[] = {
        { "url", "redis://USRX@127.0.0.1:1" },
        { "url", "redis://USRX:PSWQ@" },
        { "prefix", "" },
        { "prefix", "a b" },
        { "prefix", "a{b" },
        { "prefix", "a}b" },
        { "wait_replicas", "-1" },
        { "wait_replicas", "101" },
        { "wait_replicas", "x" },
        { "allow_eviction", "maybe" },
        { "sentinel", "main@host:1" },
        { "ca_file", "/nonexistent" },
        { "password_file", "/nonexistent" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const struct footfall_store_setting settings[] = { { wrong[i].key, wrong[i].value },
                                                           { "url", "redis://127.0.0.1:1" },
                                                           { "prefix", "footfall" } };
        struct footfall_store_call call = call_now();
        struct footfall_store *store = NULL;
        char key[40];
        call.deadline_ms = INT64_MAX;
        (void)snprintf(key, sizeof(key), "redis.%s", wrong[i].key);
        assert_int_equal(footfall__backend_redis.open(&store, settings, 3, 0, &call), FOOTFALL_STORE_CONFIG);
        assert_null(store);
        assert_true(strncmp(text, key, strlen(key)) == 0);
        shows_nothing(wrong[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_right_form_is_taken_apart),
        cmocka_unit_test(every_wrong_form_is_told_without_secrets),
        cmocka_unit_test(long_hosts_and_paths_end),
        cmocka_unit_test(without_memory_nothing_is_left),
        cmocka_unit_test(password_files_hold_one_line),
        cmocka_unit_test(password_files_that_cannot_be_read),
        cmocka_unit_test(settings_are_checked_before_anything_is_sent),
    };
    return cmocka_run_group_tests_name("redis url", tests, NULL, NULL);
}
