/* test_address.c: canonical bytes of visitors' addresses, and what is no address. The vectors with the documentation
 * addresses are those that identities are tested with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "address.h"
#include "bytes.h"

static void assert_canonical(const char *text, unsigned ipv4_prefix, unsigned ipv6_prefix, const char *wanted)
{
    static const uint8_t zero[16];
    struct footfall__address address;
    struct footfall_error err;
    char hex[33];
    memset(&address, 0xaa, sizeof address);
    if (footfall__address_parse(&address, text, ipv4_prefix, ipv6_prefix, &err) != FOOTFALL_OK)
        fail_msg("%s: %s", text, err.text);
    assert_int_equal(address.length, strlen(wanted) / 2);
    footfall__hex(hex, address.bytes, address.length);
    assert_string_equal(hex, wanted);
    assert_memory_equal(address.bytes + address.length, zero, sizeof address.bytes - address.length);
}

static void canonical_bytes(void **state)
{
    static const struct {
        const char *text, *bytes;
    } cases[] = {
        { "203.0.113.7", "cb007107" },
        { "::ffff:203.0.113.7", "cb007107" },
        { "2001:db8:1:2:3:4:5:6", "20010db8000100020000000000000000" },
        { "2001:db8:1:2::1", "20010db8000100020000000000000000" },
        { "fe80::1%eth0", "fe800000000000000000000000000000" },
        { "::FFFF:203.0.113.7", "cb007107" },
        { "::ffff:cb00:7107", "cb007107" },
        { "0:0:0:0:0:ffff:cb00:7107", "cb007107" },
        { "::ffff:203.0.113.7%3", "cb007107" },
        { "255.255.255.255", "ffffffff" },
        { "0.0.0.1", "00000001" },
        { "2001:DB8:1:2::1", "20010db8000100020000000000000000" },
        { "2001:db8::203.0.113.7", "20010db8000000000000000000000000" },
        { "fe80::1%en0.100_a-b~c", "fe800000000000000000000000000000" },
        { "fe80::1%12", "fe800000000000000000000000000000" },
        { "2001:0db8:0001:0002:0003:0004:203.000.113.7", NULL },
        { "2001:0db8:0001:0002:0003:0004:203.0.113.7", "20010db8000100020000000000000000" },
        { "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffffffffffffffff0000000000000000" }, /* the longest */
        { "::1", "00000000000000000000000000000000" }, /* judged before the prefix is applied */
        { "::203.0.113.7", "00000000000000000000000000000000" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (cases[i].bytes != NULL)
            assert_canonical(cases[i].text, 32, 64, cases[i].bytes);
        else
            assert_int_equal(footfall_address_check(cases[i].text, NULL), FOOTFALL_INVALID);
}

static void prefix_lengths(void **state)
{
    static const struct {
        const char *text;
        unsigned ipv4_prefix, ipv6_prefix;
        const char *bytes;
    } cases[] = {
        { "255.255.255.255", 32, 1, "ffffffff" },
        { "255.255.255.255", 31, 1, "fffffffe" },
        { "255.255.255.255", 25, 1, "ffffff80" },
        { "255.255.255.255", 24, 1, "ffffff00" },
        { "255.255.255.255", 23, 1, "fffffe00" },
        { "255.255.255.255", 8, 1, "ff000000" },
        { "255.255.255.255", 1, 1, "80000000" },
        { "127.0.0.1", 1, 1, "00000000" },
        { "::ffff:255.255.255.255", 16, 128, "ffff0000" }, /* the IPv4 prefix holds for what is folded */
        { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1, 128, "ffffffffffffffffffffffffffffffff" },
        { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1, 127, "fffffffffffffffffffffffffffffffe" },
        { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1, 65, "ffffffffffffffff8000000000000000" },
        { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1, 64, "ffffffffffffffff0000000000000000" },
        { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1, 56, "ffffffffffffff000000000000000000" },
        { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1, 44, "fffffffffff000000000000000000000" },
        { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1, 1, "80000000000000000000000000000000" },
        { "2001:db8:1:2:3:4:5:6", 32, 128, "20010db8000100020003000400050006" },
        { "::1", 32, 128, "00000000000000000000000000000001" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_canonical(cases[i].text, cases[i].ipv4_prefix, cases[i].ipv6_prefix, cases[i].bytes);
}

#define SEVENTY "0123456789012345678901234567890123456789012345678901234567890123456789"

static void refused(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        { NULL, "NULL" },
        { "", "empty" },
        { "0.0.0.0", "the unspecified address" },
        { "::", "the unspecified address" },
        { "0:0:0:0:0:0:0:0", "the unspecified address" },
        { "::0.0.0.0", "the unspecified address" },
        { "::ffff:0.0.0.0", "the unspecified address" },
        { "::ffff:0:0", "the unspecified address" },
        { "::%eth0", "the unspecified address" },
        { "203.0.113.7:443", "has a port" },
        { "2001:db8:1:2:3:4:5:6:443", "has a port" },
        { "[2001:db8::1]:443", "has brackets" },
        { "[2001:db8::1]", "has brackets" },
        { "[203.0.113.7]", "has brackets" },
        { "203.0.113.7%eth0", "a zone id after an IPv4 address" },
        { "203.0.113.7%", "a zone id after an IPv4 address" },
        { "fe80::1%", "an empty zone id" },
        { "fe80::1%a b", "a bad zone id" },
        { "fe80::1%eth0%eth1", "a bad zone id" },
        { "fe80::1%eth0/64", "a bad zone id" },
        { "fe80::1%eth0:80", "a bad zone id" },
        { "fe80::1%\xc3\xa9", "a bad zone id" },
        { "fe80::1%" SEVENTY, "a bad zone id" },
        { "%eth0", "not an IPv4 or IPv6 address" },
        { "203.0.113", "not an IPv4 or IPv6 address" },
        { "203.0.113.7.1", "not an IPv4 or IPv6 address" },
        { "203.0.113.256", "not an IPv4 or IPv6 address" },
        { "203.0.113.07", "not an IPv4 or IPv6 address" },
        { "0xcb.0.113.7", "not an IPv4 or IPv6 address" },
        { "3405803783", "not an IPv4 or IPv6 address" },
        { " 203.0.113.7", "not an IPv4 or IPv6 address" },
        { "203.0.113.7 ", "not an IPv4 or IPv6 address" },
        { "203.0.113.7\n", "not an IPv4 or IPv6 address" },
        { "203.0.113.0/24", "not an IPv4 or IPv6 address" },
        { "2001:db8::/32", "not an IPv4 or IPv6 address" },
        { "2001:db8:::1", "not an IPv4 or IPv6 address" },
        { "2001::db8::1", "not an IPv4 or IPv6 address" },
        { "2001:db8:1:2:3:4:5", "not an IPv4 or IPv6 address" },
        { "2001:db8:1:2:3:4:5:g", "not an IPv4 or IPv6 address" },
        { "12345::1", "not an IPv4 or IPv6 address" },
        { "::ffff:203.0.113.256", "not an IPv4 or IPv6 address" },
        { "203.0.113.7, 198.51.100.1", "not an IPv4 or IPv6 address" },
        { "localhost", "not an IPv4 or IPv6 address" },
        { "example.com:80", "not an IPv4 or IPv6 address" },
        { ":", "not an IPv4 or IPv6 address" },
        { "-", "not an IPv4 or IPv6 address" },
        { "unix:", "not an IPv4 or IPv6 address" },
        { SEVENTY, "not an IPv4 or IPv6 address" },
        { SEVENTY ":" SEVENTY "%" SEVENTY, "not an IPv4 or IPv6 address" },
    };
    static const struct footfall__address zero;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct footfall__address address;
        struct footfall_error err;
        memset(&address, 0xaa, sizeof address);
        memset(&err, 'x', sizeof err);
        assert_int_equal(footfall__address_parse(&address, cases[i].text, 1, 1, &err), FOOTFALL_INVALID);
        assert_int_equal(err.status, FOOTFALL_INVALID);
        if (strstr(err.text, cases[i].why) == NULL)
            fail_msg("%s: \"%s\" is not in \"%s\"", cases[i].text, cases[i].why, err.text);
        assert_null(strstr(err.text, "203.0.113")); /* the text never holds the address */
        if (cases[i].text != NULL && strlen(cases[i].text) > 2)
            assert_null(strstr(err.text, cases[i].text));
        assert_memory_equal(&address, &zero, sizeof zero);
        assert_int_equal(footfall_address_check(cases[i].text, NULL), FOOTFALL_INVALID);
    }
}

static void check_clears_the_error(void **state)
{
    struct footfall_error err;
    (void)state;
    memset(&err, 'x', sizeof err);
    assert_int_equal(footfall_address_check("2001:db8::1", &err), FOOTFALL_OK);
    assert_int_equal(err.status, FOOTFALL_OK);
    assert_string_equal(err.text, "");
    assert_int_equal(footfall_address_check("203.0.113.7", NULL), FOOTFALL_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_bytes),
        cmocka_unit_test(prefix_lengths),
        cmocka_unit_test(refused),
        cmocka_unit_test(check_clears_the_error),
    };
    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
