/* test_web_client.c: whose request it is: what becomes of headers, kind ones and others, and which show that there is a proxy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client.h"

#define XFF "X-Forwarded-For"
#define CFVA "CloudFront-Viewer-Address"
#define FIFTY "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"
enum { LINES = 4 };

static struct footfall_web_clients *clients_of(const char *trusted, const char *header)
{
    struct footfall_web_clients *clients;
    struct footfall_error err;
    if (footfall__web_clients_read(&clients, trusted, header, &err) != FOOTFALL_OK)
        fail_msg("%s", err.text);
    assert_non_null(clients);
    return clients;
}

struct asked { /* a header's name in `header` stands for all lines that have no name of their own */
    const char *trusted, *header, *peer, *lines[LINES];
    const char *wanted; /* NULL: none, because of */
    const char *why;
};

/* "Name: value" as it is; what has no ": " is a value of the configured header */
static size_t fill(struct footfall_web_header headers[LINES], char names[LINES][64], const struct asked *asked)
{
    size_t count = 0;
    for (; count < LINES && asked->lines[count] != NULL; count++) {
        const char *line = asked->lines[count];
        const char *colon = strstr(line, ": ");
        size_t bytes = colon != NULL ? (size_t)(colon - line) : strlen(asked->header);
        assert_in_range(bytes, 1, 63);
        memcpy(names[count], colon != NULL ? line : asked->header, bytes);
        names[count][bytes] = '\0';
        headers[count] = (struct footfall_web_header){ names[count], colon != NULL ? colon + 2 : line };
    }
    return count;
}

static void assert_asked(const struct asked *asked, size_t which)
{
    struct footfall_web_clients *clients = clients_of(asked->trusted, asked->header);
    struct footfall_web_header headers[LINES];
    char names[LINES][64];
    char out[FOOTFALL_WEB_ADDRESS_ROOM];
    char why[160];
    const char *fault;
    struct footfall_web_request request = { .method = "GET", .headers = headers };
    request.header_count = fill(headers, names, asked);
    request.peer_is_unix = asked->peer != NULL && strcmp(asked->peer, "unix") == 0;
    request.peer = request.peer_is_unix ? NULL : asked->peer;
    memset(out, 'x', sizeof out);
    memset(why, 'x', sizeof why);
    fault = footfall__web_client_address(out, why, clients, &request);
    if ((fault == NULL) != (asked->wanted != NULL))
        fail_msg("case %zu: %s", which, fault != NULL ? fault : out);
    if (fault == NULL) {
        assert_string_equal(out, asked->wanted);
        assert_int_equal(footfall_address_check(out, NULL), FOOTFALL_OK);
    } else {
        assert_string_equal(out, "");
        assert_in_range(strlen(fault), 1, 159);
        if (strstr(fault, asked->why) == NULL)
            fail_msg("case %zu: \"%s\" is not in \"%s\"", which, asked->why, fault);
        assert_null(strstr(fault, "203.0.113")); /* never an address */
        assert_null(strstr(fault, "db8"));
    }
    footfall__web_clients_free(clients);
}

static void assert_all(const struct asked *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_asked(&cases[i], i);
}
#define ASSERT_ALL(cases) assert_all(cases, sizeof(cases) / sizeof((cases)[0]))

static void untrusted_peers(void **state)
{
    static const struct asked cases[] = {
        { NULL, XFF, "203.0.113.7", { NULL }, "203.0.113.7", NULL },
        { NULL, XFF, "203.0.113.7", { "198.51.100.1" }, "203.0.113.7", NULL }, /* forged */
        { NULL, XFF, "203.0.113.7", { "" }, "203.0.113.7", NULL },
        { NULL, XFF, "203.0.113.7", { "unknown", "," }, "203.0.113.7", NULL },
        { "10.0.0.0/8 unix", XFF, "203.0.113.7", { "10.0.0.1" }, "203.0.113.7", NULL },
        { "203.0.113.8", XFF, "203.0.113.7", { "198.51.100.1", "Forwarded: for=198.51.100.1" }, "203.0.113.7", NULL },
        { "unix", XFF, "2001:db8::7", { "198.51.100.1" }, "2001:db8::7", NULL },
        { NULL, XFF, "::ffff:203.0.113.7", { NULL }, "::ffff:203.0.113.7", NULL },
        { NULL, XFF, "fe80::1%eth0", { NULL }, "fe80::1%eth0", NULL },
        { NULL,
          XFF,
          "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255%" FIFTY "abcdefghij-._~",
          { NULL },
          "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255%" FIFTY "abcdefghij-._~",
          NULL }, /* the longest */
        { NULL,
          XFF,
          "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255%" FIFTY "abcdefghij-._~a",
          { NULL },
          NULL,
          "came from no address" },
        { NULL, XFF, NULL, { NULL }, NULL, "came from no address" },
        { NULL, XFF, "", { NULL }, NULL, "came from no address" },
        { NULL, XFF, "0.0.0.0", { "203.0.113.7" }, NULL, "came from no address" },
        { NULL, XFF, "203.0.113.7:80", { "203.0.113.7" }, NULL, "came from no address" },
        { NULL, XFF, "unix", { NULL }, NULL, "http.trusted_proxies" },
        { "10.0.0.1", XFF, "unix", { "203.0.113.7" }, NULL, "a Unix socket, which http.trusted_proxies does not name" },
    };
    (void)state;
    ASSERT_ALL(cases);
}

static void entries_from_the_right(void **state)
{
    static const struct asked cases[] = {
        { "10.0.0.0/8", XFF, "10.0.0.1", { "203.0.113.7" }, "203.0.113.7", NULL },
        { "10.0.0.0/8", XFF, "10.0.0.1", { "x-forwarded-FOR: 203.0.113.7" }, "203.0.113.7", NULL },
        { "10.0.0.0/8", XFF, "::ffff:10.0.0.1", { "203.0.113.7" }, "203.0.113.7", NULL },
        { "10.0.0.0/8", XFF, "10.0.0.1", { "198.51.100.1, 203.0.113.7" }, "203.0.113.7", NULL },
        { "10.0.0.0/8", XFF, "10.0.0.1", { "198.51.100.1, 203.0.113.7, 10.1.1.1" }, "203.0.113.7", NULL },
        { "10.0.0.0/8", XFF, "10.0.0.1", { "198.51.100.1,203.0.113.7,10.1.1.1,::ffff:10.2.2.2" }, "203.0.113.7", NULL },
        { "10.0.0.0/8",
          XFF,
          "10.0.0.1",
          { "198.51.100.1, 203.0.113.7, [::ffff:10.1.1.1]:80, 10.9.9.9:1" },
          "203.0.113.7",
          NULL },
        { "10.0.0.0/8", XFF, "10.0.0.1", { "  \t203.0.113.7\t " }, "203.0.113.7", NULL },
        { "10.0.0.0/8", XFF, "10.0.0.1", { "unknown, nonsense,, 203.0.113.7" }, "203.0.113.7", NULL },
        /* all of them trusted */
        { "10.0.0.0/8", XFF, "10.0.0.1", { "10.0.0.3, 10.0.0.2" }, "10.0.0.3", NULL },
        { "0.0.0.0/0,::/0", XFF, "10.0.0.1", { "198.51.100.1, 2001:db8::1", "203.0.113.7" }, "198.51.100.1", NULL },
        { "0.0.0.0/0", XFF, "10.0.0.1", { "198.51.100.1, 2001:db8::1", "203.0.113.7" }, "2001:db8::1", NULL },
        /* several lines are one list */
        { "10.0.0.0/8", XFF, "10.0.0.1", { "198.51.100.1", "203.0.113.7" }, "203.0.113.7", NULL },
        { "10.0.0.0/8",
          XFF,
          "10.0.0.1",
          { "198.51.100.1, 203.0.113.7", "10.1.1.1,10.1.1.2", "10.1.1.3" },
          "203.0.113.7",
          NULL },
        { "10.0.0.0/8",
          XFF,
          "10.0.0.1",
          { "203.0.113.7", "X-Real-IP: 198.51.100.1", "10.1.1.3", "Host: 192.0.2.1" },
          "203.0.113.7",
          NULL },
        /* whoever is the peer, entries are passed over by address alone */
        { "any", XFF, "192.0.2.1", { "203.0.113.7, 198.51.100.1" }, "198.51.100.1", NULL },
        { "any 198.51.100.0/24", XFF, "192.0.2.1", { "203.0.113.7, 198.51.100.1" }, "203.0.113.7", NULL },
        { "any", XFF, "unix", { "203.0.113.7, 198.51.100.1" }, "198.51.100.1", NULL },
        { "unix", XFF, "unix", { "203.0.113.7, 198.51.100.1" }, "198.51.100.1", NULL },
        { "unix, 198.51.100.1", XFF, "unix", { "203.0.113.7, 198.51.100.1" }, "203.0.113.7", NULL },
        { "fe80::/10", XFF, "fe80::1%eth0", { "203.0.113.7, fe80::2%eth0" }, "203.0.113.7", NULL },
        /* other headers are nothing */
        { "10.0.0.1",
          "X-Real-IP",
          "10.0.0.1",
          { "198.51.100.1", "X-Forwarded-For: 203.0.113.7" },
          "198.51.100.1",
          NULL },
        { "10.0.0.1", "X-Real-IP", "10.0.0.1", { "198.51.100.1", "203.0.113.7" }, "203.0.113.7", NULL },
        { "10.0.0.1", "CF-Connecting-IP", "10.0.0.1", { "2001:db8::7" }, "2001:db8::7", NULL },
    };
    (void)state;
    ASSERT_ALL(cases);
}

static void ports_and_brackets(void **state)
{
    static const struct asked cases[] = {
        { "any", XFF, "192.0.2.1", { "192.0.2.1:443" }, "192.0.2.1", NULL },
        { "any", XFF, "192.0.2.1", { "192.0.2.1:0" }, "192.0.2.1", NULL },
        { "any", XFF, "192.0.2.1", { "192.0.2.1:65535" }, "192.0.2.1", NULL },
        { "any", XFF, "192.0.2.1", { "2001:db8::1" }, "2001:db8::1", NULL },
        { "any", XFF, "192.0.2.1", { "2001:db8::1:443" }, "2001:db8::1:443", NULL }, /* an address of its own */
        { "any", XFF, "192.0.2.1", { "[2001:db8::1]" }, "2001:db8::1", NULL },
        { "any", XFF, "192.0.2.1", { "[2001:db8::1]:443" }, "2001:db8::1", NULL },
        { "any", XFF, "192.0.2.1", { "[::ffff:192.0.2.1]:443" }, "::ffff:192.0.2.1", NULL },
        { "any", XFF, "192.0.2.1", { "[fe80::1%eth0]:443" }, "fe80::1%eth0", NULL },
        { "any", XFF, "192.0.2.1", { "::1" }, "::1", NULL },
        { "any", CFVA, "192.0.2.1", { "192.0.2.1:443" }, "192.0.2.1", NULL },
        { "any", CFVA, "192.0.2.1", { "2001:db8::1:443" }, "2001:db8::1", NULL },
        { "any", CFVA, "192.0.2.1", { "2001:db8:0:1:2:3:4:5:443" }, "2001:db8:0:1:2:3:4:5", NULL },
        { "any", CFVA, "192.0.2.1", { "[2001:db8::1]:443" }, "2001:db8::1", NULL },
        { "any", "cloudfront-VIEWER-address", "192.0.2.1", { "2001:db8::1:443" }, "2001:db8::1", NULL },
        { "any 192.0.2.0/24", CFVA, "192.0.2.1", { "2001:db8::1:443", "192.0.2.9:1" }, "2001:db8::1", NULL },
        { "any", CFVA, "192.0.2.1", { "192.0.2.1" }, NULL, CFVA },
        { "any", CFVA, "192.0.2.1", { "2001:db8::1:" }, NULL, CFVA },
        { "any", CFVA, "192.0.2.1", { "[2001:db8::1]" }, NULL, CFVA },
        { "any", CFVA, "192.0.2.1", { "[2001:db8::1]:1:1" }, NULL, CFVA },
        { "any", CFVA, "192.0.2.1", { ":443" }, NULL, CFVA },
        { "any", CFVA, "192.0.2.1", { "192.0.2.1:80:443" }, NULL, CFVA },
        { "any", CFVA, "192.0.2.1", { "2001:db8::1:65536" }, NULL, CFVA },
    };
    (void)state;
    ASSERT_ALL(cases);
}

static void no_address(void **state)
{
    static const char *const values[] = {
        "",
        " ",
        "\t \t",
        ",",
        "203.0.113.7,",
        "203.0.113.7, ",
        "203.0.113.7,\t,",
        "unknown",
        "-",
        "_hidden",
        "localhost",
        "203.0.113.7;",
        "203.0.113.7 198.51.100.1",
        "\"203.0.113.7\"",
        "\"[2001:db8::1]\"",
        "'203.0.113.7'",
        "for=203.0.113.7",
        "203.0.113.7/32",
        "203.0.113.7:",
        "203.0.113.7:65536",
        "203.0.113.7:99999",
        "203.0.113.7:100000",
        "203.0.113.7:-1",
        "203.0.113.7:+1",
        "203.0.113.7:\t1",
        "203.0.113.7 :1",
        "203.0.113.7:0x1",
        "203.0.113.7:1a",
        "203.0.113.7:80:80",
        ":80",
        "[203.0.113.7]",
        "[203.0.113.7]:80",
        "[2001:db8::1",
        "2001:db8::1]",
        "[2001:db8::1]]",
        "[[2001:db8::1]]",
        "[2001:db8::1]:",
        "[2001:db8::1]:65536",
        "[2001:db8::1]80",
        "[2001:db8::1]x:80",
        "[]",
        "[]:80",
        "[",
        "]",
        "[:]",
        "[2001:db8::1 ]",
        "[ 2001:db8::1]",
        "[2001:db8::1]:80 x",
        "x[2001:db8::1]",
        "203.0.113",
        "203.0.113.07",
        "203.0.113.256",
        "0xcb007107",
        "3405803783",
        "0.0.0.0",
        "::",
        "[::]:80",
        "::ffff:0.0.0.0",
        "0.0.0.0:80",
        "2001:db8:::1",
        "2001:db8::1::",
        "12345::",
        "203.0.113.7%eth0",
        "fe80::1%",
        "fe80::1%a b",
        "fe80::1%a%b",
        "fe80::1%" FIFTY FIFTY,
        "[fe80::1%]:80",
        "%eth0",
        "203.0.113.7\r\n",
        "203.0.113.7\r\n 198.51.100.1",
        "\v203.0.113.7",
        "203.0.113.7\xc2\xa0",
        "\xff\xfe",
        "null",
        "203.0.113.7, unknown",
        "203.0.113.7,\"198.51.100.1,198.51.100.2\"",
        FIFTY FIFTY FIFTY,
        FIFTY ":" FIFTY "%" FIFTY,
    };
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct asked asked = { "any 10.0.0.0/8", XFF,  "192.0.2.1",
                               { values[i] },    NULL, "trusted proxies name the client" };
        assert_asked(&asked, i);
        asked.lines[0] = "203.0.113.7"; /* good ones before it do not help, … */
        asked.lines[1] = values[i];
        assert_asked(&asked, i);
        asked.lines[2] = "10.0.0.1, 10.0.0.2"; /* … nor trusted ones behind it, … */
        assert_asked(&asked, i);
        asked.lines[3] = "203.0.113.7"; /* … but it is not looked at behind one that is found */
        asked.wanted = "203.0.113.7";
        assert_asked(&asked, i);
    }
}

static void no_header(void **state)
{
    static const struct asked cases[] = {
        { "10.0.0.1",
          XFF,
          "10.0.0.1",
          { NULL },
          NULL,
          "X-Forwarded-For, in which trusted proxies name the client, is missing" },
        { "any", XFF, "203.0.113.7", { "X-Real-IP: 203.0.113.7" }, NULL, "is missing" },
        { "unix", "X-Real-IP", "unix", { "X-Forwarded-For: 203.0.113.7" }, NULL, "X-Real-IP, in which" },
        { "any",
          XFF,
          "192.0.2.1",
          { "Forwarded: for=203.0.113.7", "X-Forwarded-For-Not: 203.0.113.7" },
          NULL,
          "is missing" },
        { "any", XFF, "192.0.2.1", { "203.0.113.7,, 198.51.100.1,10.0.0.1," }, NULL, "has an empty entry" },
        { "any", FIFTY "abcdefghijabc", "192.0.2.1", { "nowhere" }, NULL, "has an entry that is no address" },
    };
    (void)state;
    ASSERT_ALL(cases);
}

/* A mebibyte of entries that are all trusted, or all empty, or one entry: it is read once, and ends. */
static void very_long_headers(void **state)
{
    static const struct {
        const char *part, *wanted;
    } cases[] = {
        { "10.0.0.1,", "203.0.113.7" },
        { ",", NULL },
        { " ", "203.0.113.7" },
        { "1", NULL },
        { "[", NULL },
        { ":", NULL },
        { "10.0.0.1 ,\t", "203.0.113.7" },
        { "::1:", NULL },
    };
    enum { BYTES = 1 << 20 };
    static const char begin[] = "203.0.113.7,", end[] = "10.0.0.9";
    struct footfall_web_clients *clients = clients_of("any 10.0.0.0/8", XFF);
    char *value = malloc(BYTES + sizeof begin + sizeof end);
    struct footfall_web_header header = { XFF, value };
    struct footfall_web_request request = { .headers = &header, .header_count = 1, .peer = "192.0.2.1" };
    (void)state;
    assert_non_null(value);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[FOOTFALL_WEB_ADDRESS_ROOM];
        char why[160];
        size_t part = strlen(cases[i].part);
        size_t at = sizeof begin - 1;
        const char *fault;
        memcpy(value, begin, at);
        for (; at + part < BYTES; at += part)
            memcpy(value + at, cases[i].part, part);
        memcpy(value + at, end, sizeof end);
        fault = footfall__web_client_address(out, why, clients, &request);
        assert_int_equal(fault == NULL, cases[i].wanted != NULL);
        assert_string_equal(out, cases[i].wanted != NULL ? cases[i].wanted : "");
    }
    free(value);
    footfall__web_clients_free(clients);
}

static void thousands_of_lines(void **state)
{
    enum { COUNT = 5000 };
    static struct footfall_web_header headers[COUNT];
    struct footfall_web_clients *clients = clients_of("any 10.0.0.0/8", XFF);
    struct footfall_web_request request = { .headers = headers, .header_count = COUNT, .peer = "192.0.2.1" };
    char out[FOOTFALL_WEB_ADDRESS_ROOM];
    char why[160];
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        headers[i] = (struct footfall_web_header){ i % 2 ? "x-forwarded-for" : "X-Other", "10.0.0.1, 10.0.0.2" };
    assert_null(footfall__web_client_address(out, why, clients, &request));
    assert_string_equal(out, "10.0.0.1");
    headers[1].value = "203.0.113.7,10.0.0.3";
    assert_null(footfall__web_client_address(out, why, clients, &request));
    assert_string_equal(out, "203.0.113.7");
    headers[3].value = "";
    assert_non_null(footfall__web_client_address(out, why, clients, &request));
    footfall__web_clients_free(clients);
}

/* ---- forwarded -------------------------------------------------------------------------------------------------------- */

static void forwarded(void **state)
{
    static const struct {
        const char *header, *sent, *wanted;
    } cases[] = {
        { XFF, "x-forwarded-for", "X-Forwarded-For" },
        { "X-Real-IP", "X-Forwarded-For", "X-Forwarded-For" },
        { XFF, "forwarded", "Forwarded" },
        { XFF, "x-real-ip", "X-Real-IP" },
        { XFF, "cf-connecting-ip", "CF-Connecting-IP" },
        { XFF, "True-Client-Ip", "True-Client-IP" },
        { XFF, "cloudfront-viewer-address", CFVA },
        { XFF, "X-FORWARDED-PROTO", "X-Forwarded-Proto" },
        { XFF, "via", "Via" },
        { "X-Own", "x-own", "X-Own" },
        { XFF, "X-Own", NULL },
        { XFF, "Host", NULL },
        { XFF, "X-Forwarded-For-", NULL },
        { XFF, "", NULL },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct footfall_web_clients *clients = clients_of(NULL, cases[i].header);
        struct footfall_web_header headers[] = { { "Accept", "*/*" }, { cases[i].sent, "" } };
        struct footfall_web_request request = { .headers = headers, .header_count = 2 };
        const char *found = footfall__web_client_forwarded(clients, &request);
        if (cases[i].wanted == NULL)
            assert_null(found);
        else
            assert_string_equal(found, cases[i].wanted);
        request.header_count = 1;
        assert_null(footfall__web_client_forwarded(clients, &request));
        footfall__web_clients_free(clients);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(untrusted_peers),    cmocka_unit_test(entries_from_the_right),
        cmocka_unit_test(ports_and_brackets), cmocka_unit_test(no_address),
        cmocka_unit_test(no_header),          cmocka_unit_test(very_long_headers),
        cmocka_unit_test(thousands_of_lines), cmocka_unit_test(forwarded),
    };
    return cmocka_run_group_tests_name("web_client", tests, NULL, NULL);
}
