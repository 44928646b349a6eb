/* test_web_trust.c: which proxies are trusted: http.trusted_proxies and http.address_header, and who is a proxy by them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "client.h"

#define XFF "X-Forwarded-For"
#define FIFTY "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"

static struct footfall_web_clients *clients_of(const char *trusted, const char *header)
{
    struct footfall_web_clients *clients;
    struct footfall_error err;
    if (footfall__web_clients_read(&clients, trusted, header, &err) != FOOTFALL_OK)
        fail_msg("%s", err.text);
    assert_non_null(clients);
    return clients;
}

static void refused(void **state)
{
    static const struct {
        const char *trusted, *header, *why;
    } cases[] = {
        { "10.0.0.0/8, 192.168.1", XFF, "http.trusted_proxies: \"192.168.1\" is no address" },
        { "localhost", XFF, "\"localhost\" is no address" },
        { "Any", XFF, "\"Any\" is no address" },
        { "unix:", XFF, "\"unix:\" is no address" },
        { "10.0.0.1;10.0.0.2", XFF, "is no address" },
        { "[2001:db8::1]", XFF, "is no address" },
        { "10.0.0.1:80", XFF, "is no address" },
        { "10.0.0.1%eth0", XFF, "is no address" },
        { "fe80::1%eth0", XFF, "has a zone id" },
        { "fe80::%eth0/10", XFF, "has a zone id" },
        { "/8", XFF, "\"/8\" does not begin with an address" },
        { "10/8", XFF, "does not begin with an address" },
        { "10.0.0.0/", XFF, "has no prefix from 0 to 32" },
        { "10.0.0.0/33", XFF, "has no prefix from 0 to 32" },
        { "10.0.0.0/-1", XFF, "has no prefix from 0 to 32" },
        { "10.0.0.0/+8", XFF, "has no prefix from 0 to 32" },
        { "10.0.0.0/0x8", XFF, "has no prefix from 0 to 32" },
        { "10.0.0.0/255.0.0.0", XFF, "has no prefix from 0 to 32" },
        { "10.0.0.0/8/8", XFF, "has no prefix from 0 to 32" },
        { "10.0.0.0/4294967304", XFF, "has no prefix from 0 to 32" },
        { "2001:db8::/129", XFF, "has no prefix from 0 to 128" },
        { "2001:db8::/999", XFF, "has no prefix from 0 to 128" },
        { "10.1.2.3/8", XFF, "\"10.1.2.3/8\" has bits set past its prefix; the network is 10.0.0.0/8" },
        { "10.0.0.1/0", XFF, "the network is 0.0.0.0/0" },
        { "10.0.0.1/31", XFF, "the network is 10.0.0.0/31" },
        { "2001:db8::1/32", XFF, "the network is 2001:db8::/32" },
        { "2001:db8:0:8000::/48", XFF, "the network is 2001:db8::/48" },
        { "::ffff:10.1.2.3/104", XFF, "the network is ::ffff:10.0.0.0/104" },
        { "::ffff:10.0.0.0/8", XFF, "the network is ::/8" }, /* an IPv4 prefix after an IPv6 address */
        { "0.0.0.0", XFF, "everybody is 0.0.0.0/0 and ::/0" },
        { "::", XFF, "everybody is 0.0.0.0/0 and ::/0" },
        { "10.0.0.1 " FIFTY FIFTY, XFF, "\"" FIFTY "abcdefghij...\" is no address" },
        { NULL, NULL, "http.address_header: empty" },
        { NULL, "", "http.address_header: empty" },
        { NULL, "X-Forwarded-For,X-Real-IP",
          "http.address_header: \"X-Forwarded-For,X-Real-IP\" is not the name of a header" },
        { NULL, "X-Forwarded-For:", "is not the name of a header" },
        { NULL, "X Real IP", "is not the name of a header" },
        { NULL, "X-Real-IP\t", "is not the name of a header" },
        { NULL,
          "X-R\xc3\xa9"
          "el",
          "is not the name of a header" },
        { NULL, "(x)", "is not the name of a header" },
        { NULL, FIFTY "abcdefghijabcde", "\"" FIFTY "abcdefghij...\" is not the name of a header" },
        { NULL, "Forwarded", "let the proxy send X-Forwarded-For" },
        { NULL, "forwarded", "let the proxy send X-Forwarded-For" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct footfall_web_clients *clients = (struct footfall_web_clients *)(uintptr_t)1;
        struct footfall_error err;
        memset(&err, 'x', sizeof err);
        assert_int_equal(footfall__web_clients_read(&clients, cases[i].trusted, cases[i].header, &err),
                         FOOTFALL_CONFIG);
        assert_null(clients);
        assert_int_equal(err.status, FOOTFALL_CONFIG);
        assert_int_equal(err.native, 0);
        if (strstr(err.text, cases[i].why) == NULL)
            fail_msg("\"%s\" is not in \"%s\"", cases[i].why, err.text);
        assert_int_equal(footfall__web_clients_read(&clients, cases[i].trusted, cases[i].header, NULL),
                         FOOTFALL_CONFIG);
    }
}

static void peers_trusted(void **state)
{
    static const struct {
        const char *trusted, *peer; /* peer "unix": over a Unix socket */
        int yes;
    } cases[] = {
        { NULL, "127.0.0.1", 0 },
        { "", "127.0.0.1", 0 },
        { " ,\t, ", "127.0.0.1", 0 },
        { NULL, "unix", 0 },
        { NULL, NULL, 0 },
        { "127.0.0.1", "127.0.0.1", 1 },
        { "127.0.0.1", "127.0.0.2", 0 },
        { "127.0.0.1", "::1", 0 },
        { "127.0.0.1", "unix", 0 },
        { "127.0.0.1", NULL, 0 },
        { "127.0.0.1", "", 0 },
        { "127.0.0.1", "127.0.0.1 ", 0 },
        { "127.0.0.1", "127.0.0.1:80", 0 },
        { "192.0.2.1 127.0.0.1", "127.0.0.1", 1 },
        { "192.0.2.1,127.0.0.1", "127.0.0.1", 1 },
        { ",, 192.0.2.1 ,\t127.0.0.1, ", "127.0.0.1", 1 },
        { "10.0.0.0/8", "10.0.0.0", 1 },
        { "10.0.0.0/8", "10.255.255.255", 1 },
        { "10.0.0.0/8", "9.255.255.255", 0 },
        { "10.0.0.0/8", "11.0.0.0", 0 },
        { "10.0.0.0/8", "::ffff:10.1.2.3", 1 },
        { "10.0.0.0/8", "::FFFF:0a01:0203", 1 },
        { "10.0.0.0/8", "::10.1.2.3", 0 },
        { "10.0.0.0/8", "a00::", 0 },
        { "::ffff:10.0.0.0/104", "10.1.2.3", 1 },
        { "::ffff:10.0.0.0/104", "11.1.2.3", 0 },
        { "::ffff:192.0.2.1", "192.0.2.1", 1 },
        { "172.16.0.0/12", "172.31.255.255", 1 },
        { "172.16.0.0/12", "172.32.0.0", 0 },
        { "192.0.2.128/25", "192.0.2.127", 0 },
        { "192.0.2.128/25", "192.0.2.128", 1 },
        { "192.0.2.7/32", "192.0.2.7", 1 },
        { "192.0.2.7/32", "192.0.2.6", 0 },
        { "0.0.0.0/0", "203.0.113.7", 1 },
        { "0.0.0.0/0", "::ffff:203.0.113.7", 1 },
        { "0.0.0.0/0", "2001:db8::1", 0 },
        { "0.0.0.0/0", "unix", 0 },
        { "::/0", "2001:db8::1", 1 },
        { "::/0", "203.0.113.7", 0 },
        { "::/0", "::ffff:203.0.113.7", 0 },
        { "0.0.0.0/0 ::/0", "203.0.113.7", 1 },
        { "2001:db8::/32", "2001:db8:ffff::1", 1 },
        { "2001:db8::/32", "2001:db9::1", 0 },
        { "2001:db8::/33", "2001:db8:8000::", 0 },
        { "2001:db8::1/128", "2001:db8::1", 1 },
        { "2001:db8::1/128", "2001:db8::3", 0 },
        { "2001:DB8:0::1", "2001:db8::1", 1 },
        { "fe80::/10", "fe80::1%eth0", 1 },
        { "fe80::1", "fe80::1%7", 1 },
        { "10.0.0.1", "10.0.0.1%eth0", 0 },
        { "unix", "unix", 1 },
        { "unix", "127.0.0.1", 0 },
        { "any", "unix", 1 },
        { "any", "127.0.0.1", 1 },
        { "any", "2001:db8::1", 1 },
        { "any", NULL, 0 },
        { "any", "", 0 },
        { "any", "192.0.2.1/32", 0 },
        { "any", "test-invoke-source-ip", 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct footfall_web_clients *clients = clients_of(cases[i].trusted, XFF);
        int is_unix = cases[i].peer != NULL && strcmp(cases[i].peer, "unix") == 0;
        if (footfall__web_client_proxied(clients, is_unix ? NULL : cases[i].peer, is_unix) != cases[i].yes)
            fail_msg("case %zu: \"%s\" of \"%s\"", i, cases[i].peer, cases[i].trusted);
        footfall__web_clients_free(clients);
    }
}

static int refuse_nth(void *user)
{
    return (*(int *)user)-- == 0;
}

static void without_memory(void **state)
{
    (void)state;
    for (int nth = 0; nth < 2; nth++) {
        int left = nth;
        struct footfall_web_clients *clients;
        struct footfall_error err;
        footfall__alloc_hook(refuse_nth, &left);
        assert_int_equal(footfall__web_clients_read(&clients, "10.0.0.1", XFF, &err), FOOTFALL_NO_MEMORY);
        footfall__alloc_hook(NULL, NULL);
        assert_null(clients);
        assert_int_equal(err.status, FOOTFALL_NO_MEMORY);
    }
    footfall__web_clients_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(peers_trusted),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests_name("web_trust", tests, NULL, NULL);
}
