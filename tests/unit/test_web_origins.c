/* test_web_origins.c: which lists of origins are taken, and which origin is in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "origins.h"

#define SIXTY "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"

static struct footfall_web_origins *origins_of(const char *text)
{
    struct footfall_web_origins *origins;
    struct footfall_error err;
    if (footfall__web_origins_read(&origins, text, &err) != FOOTFALL_OK)
        fail_msg("%s", err.text);
    assert_non_null(origins);
    return origins;
}

static void refused(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        { "https://example.org *", "http.cors_origins: \"*\" stands alone" },
        { "*, *", "\"*\" stands alone" },
        { "null", "\"null\" is what every sandboxed page" },
        { "https://example.org, null", "\"null\" is what every sandboxed page" },
        { "https://Example.org", "\"https://Example.org\" has capitals" },
        { "HTTPS://example.org", "has capitals" },
        { "http://[2001:DB8::1]", "has capitals" },
        { "example.org", "\"example.org\" does not begin with a scheme" },
        { "//example.org", "does not begin with a scheme" },
        { "https:example.org", "does not begin with a scheme" },
        { "https:/example.org", "does not begin with a scheme" },
        { "://example.org", "does not begin with a scheme" },
        { "1http://example.org", "does not begin with a scheme" },
        { "\"https://example.org\"", "does not begin with a scheme" },
        { "https://", "has no host" },
        { "https://:8080", "has no host" },
        { "https:///", "has a path" },
        { "https://example.org/", "\"https://example.org/\" has a path" },
        { "https://example.org/page", "has a path" },
        { "https://example.org:8080/", "has a path" },
        { "http://[2001:db8::1]/", "has a path" },
        { "https://example.org?x", "has a path" },
        { "https://example.org#x", "has a path" },
        { "https://*.example.org", "each origin is written in full" },
        { "https://*", "each origin is written in full" },
        { "https://www.*.org", "each origin is written in full" },
        { "https://user@example.org", "browsers never send there" },
        { "https://user:pass@example.org", "has no port from 1 to 65535" },
        { "https://ex\xc3\xa4mple.org", "begin with xn--" },
        { "https://example.org;https://example.com", "browsers never send there" },
        { "https://exam%70le.org", "browsers never send there" },
        { "https://.example.org", "a host name with an empty part" },
        { "https://example..org", "a host name with an empty part" },
        { "https://example.org.", "a host name with an empty part" },
        { "https://" SIXTY "abcd.org", "or one that is too long" },
        { "https://" SIXTY "." SIXTY "." SIXTY "." SIXTY "." SIXTY, "a host name that is too long" },
        { "https://" SIXTY SIXTY SIXTY SIXTY SIXTY SIXTY SIXTY SIXTY SIXTY,
          "\"https://abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijab...\" is too long" },
        { "http://127.1", "is no IPv4 address" },
        { "http://256.0.0.1", "is no IPv4 address" },
        { "http://192.0.2.01", "is no IPv4 address" },
        { "http://example.123", "is no IPv4 address" },
        { "http://3221225985", "is no IPv4 address" },
        { "http://[", "browsers never send there" },
        { "http://[2001:db8::1", "browsers never send there" },
        { "http://[2001:db8::1]x", "browsers never send there" },
        { "http://[]", "no IPv6 address in its brackets" },
        { "http://[192.0.2.1]", "no IPv6 address in its brackets" },
        { "http://[::ffff:192.0.2.1]", "no IPv6 address in its brackets" },
        { "http://[fe80::1%25eth0]", "no IPv6 address in its brackets" },
        { "http://[2001:db8:0:0:0:0:0:1]", "write shorter" },
        { "http://[2001:0db8::1]", "write shorter" },
        { "http://2001:db8::1", "is no IPv4 address" },
        { "https://example.org:", "has no port from 1 to 65535" },
        { "https://example.org:0", "has no port from 1 to 65535" },
        { "https://example.org:080", "has no port from 1 to 65535" },
        { "https://example.org:65536", "has no port from 1 to 65535" },
        { "https://example.org:100000", "has no port from 1 to 65535" },
        { "https://example.org:*", "has no port from 1 to 65535" },
        { "https://example.org:+80", "has no port from 1 to 65535" },
        { "https://example.org:8080x", "has no port from 1 to 65535" },
        { "https://example.org:443", "its scheme's own port" },
        { "http://example.org:80", "its scheme's own port" },
        { "http://[::1]:80", "its scheme's own port" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct footfall_web_origins *origins = (struct footfall_web_origins *)(uintptr_t)1;
        struct footfall_error err;
        memset(&err, 'x', sizeof err);
        if (footfall__web_origins_read(&origins, cases[i].text, &err) != FOOTFALL_CONFIG)
            fail_msg("%s was taken", cases[i].text);
        assert_null(origins);
        assert_int_equal(err.status, FOOTFALL_CONFIG);
        if (strstr(err.text, cases[i].why) == NULL)
            fail_msg("\"%s\" is not in \"%s\"", cases[i].why, err.text);
        assert_int_equal(footfall__web_origins_read(&origins, cases[i].text, NULL), FOOTFALL_CONFIG);
    }
}

static void taken(void **state)
{
    static const char *const cases[] = {
        "https://example.org",
        "http://example.org",
        "http://localhost:3000",
        "https://localhost",
        "https://example.org:8443",
        "http://example.org:443",
        "https://example.org:80",
        "https://a-b_c.example.org",
        "http://192.0.2.1",
        "http://192.0.2.1:8080",
        "http://[::1]:8080",
        "http://[2001:db8::1]",
        "http://[::ffff:c000:201]",
        "https://xn--bcher-kva.example",
        "https://example.org:65535",
        "https://example.org:1",
        "https://1.example.org",
        "https://example.1a",
        "capacitor://localhost",
        "moz-extension://6a3f",
        "app+x.y://host",
        "https://" SIXTY "abc.org",
    };
    struct footfall_web_origins *all;
    char list[2048] = "";
    size_t bytes = 0;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct footfall_web_origins *one = origins_of(cases[i]);
        assert_int_equal(footfall__web_origins_any(one), 0);
        assert_int_equal(footfall__web_origins_has(one, cases[i]), 1);
        assert_int_equal(footfall__web_origins_has(one, cases[(i + 1) % (sizeof cases / sizeof cases[0])]), 0);
        footfall__web_origins_free(one);
        memcpy(list + bytes, cases[i], strlen(cases[i]));
        bytes += strlen(cases[i]);
        list[bytes++] = ", \t"[i % 3];
    }
    all = origins_of(list);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(footfall__web_origins_has(all, cases[i]), 1);
    footfall__web_origins_free(all);
}

static void exactly_this_one(void **state)
{
    static const char *const others[] = {
        "",
        "null",
        "*",
        "https://example.or",
        "https://example.org ",
        " https://example.org",
        "https://example.org/",
        "https://example.org:443",
        "https://EXAMPLE.org",
        "http://example.org",
        "https://www.example.org",
        "https://example.org.evil.example",
        "https://example.org, http://localhost:3000",
        "https://example.orghttp://localhost:3000",
        "http://localhost",
        "http://localhost:30000",
    };
    struct footfall_web_origins *origins = origins_of(" ,https://example.org,, http://localhost:3000, ");
    (void)state;
    assert_int_equal(footfall__web_origins_any(origins), 0);
    assert_int_equal(footfall__web_origins_has(origins, "https://example.org"), 1);
    assert_int_equal(footfall__web_origins_has(origins, "http://localhost:3000"), 1);
    assert_int_equal(footfall__web_origins_has(origins, NULL), 0);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(footfall__web_origins_has(origins, others[i]), 0);
    footfall__web_origins_free(origins);
}

static void any_and_none(void **state)
{
    static const char *const nones[] = { NULL, "", " ", ",", ", \t," };
    struct footfall_web_origins *origins;
    (void)state;
    origins = origins_of(" *,");
    assert_int_equal(footfall__web_origins_any(origins), 1);
    assert_int_equal(footfall__web_origins_has(origins, "*"), 0);
    assert_int_equal(footfall__web_origins_has(origins, "https://example.org"), 0);
    footfall__web_origins_free(origins);
    for (size_t i = 0; i < sizeof nones / sizeof nones[0]; i++) {
        origins = origins_of(nones[i]);
        assert_int_equal(footfall__web_origins_any(origins), 0);
        assert_int_equal(footfall__web_origins_has(origins, ""), 0);
        footfall__web_origins_free(origins);
    }
    footfall__web_origins_free(NULL);
}

static int refuse(void *user)
{
    (void)user;
    return 1;
}

static void without_memory(void **state)
{
    struct footfall_web_origins *origins;
    struct footfall_error err;
    (void)state;
    footfall__alloc_hook(refuse, NULL);
    assert_int_equal(footfall__web_origins_read(&origins, "*", &err), FOOTFALL_NO_MEMORY);
    footfall__alloc_hook(NULL, NULL);
    assert_null(origins);
    assert_int_equal(err.status, FOOTFALL_NO_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),      cmocka_unit_test(taken),          cmocka_unit_test(exactly_this_one),
        cmocka_unit_test(any_and_none), cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests_name("web_origins", tests, NULL, NULL);
}
