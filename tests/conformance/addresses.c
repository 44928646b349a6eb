/* addresses.c: who a visitor is, and which addresses and times are refused. No text that the library gives ever holds an
 * address. */
#include "cases.h"
#include "suite_asks.h"

#include <string.h>

static void addresses_mapped_ipv4_is_ipv4(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_VISIT(ff, "a", "::ffff:203.0.113.7", NOON, 0, 2, 1);
    EXPECT_VISIT(ff, "a", "::FFFF:cb00:7107", NOON, 0, 3, 1);
    EXPECT_VISIT(ff, "a", "0:0:0:0:0:ffff:203.0.113.7", NOON, 0, 4, 1);
    EXPECT_VISIT(ff, "a", "::ffff:203.0.113.8", NOON, 1, 5, 2);
    EXPECT_VISIT(ff, "a", "203.0.113.8", NOON, 0, 6, 2);
}

static void addresses_every_ipv4_bit_tells(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.6", NOON, 1, 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 2, 2);
    EXPECT_VISIT(ff, "a", "203.0.112.7", NOON, 1, 3, 3);
    EXPECT_VISIT(ff, "a", "75.0.113.7", NOON, 1, 4, 4);
    EXPECT_VISIT(ff, "a", "0.0.0.1", NOON, 1, 5, 5);
    EXPECT_VISIT(ff, "a", "255.255.255.255", NOON, 1, 6, 6);
}

static void addresses_ipv6_counts_by_its_first_64_bits(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "2001:db8::1", NOON, 1, 1, 1);
    EXPECT_VISIT(ff, "a", "2001:db8::2", NOON, 0, 2, 1);
    EXPECT_VISIT(ff, "a", "2001:DB8:0:0:ffff:ffff:ffff:ffff", NOON, 0, 3, 1);
    EXPECT_VISIT(ff, "a", "2001:db8:0:1::", NOON, 1, 4, 2);
    EXPECT_VISIT(ff, "a", "2001:db8:0:8000::", NOON, 1, 5, 3);
    EXPECT_VISIT(ff, "a", "2001:db8:0:1::7", NOON, 0, 6, 3);
}

static void addresses_ipv6_that_looks_like_ipv4_is_not(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_VISIT(ff, "a", "64:ff9b::203.0.113.7", NOON, 1, 2, 2);
    EXPECT_VISIT(ff, "a", "cb00:7107::", NOON, 1, 3, 3);
}

static void addresses_zone_ids_are_dropped(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "fe80::1", NOON, 1, 1, 1);
    EXPECT_VISIT(ff, "a", "fe80::1%eth0", NOON, 0, 2, 1);
    EXPECT_VISIT(ff, "a", "fe80::1%2", NOON, 0, 3, 1);
}

static void addresses_prefixes_are_configurable(void **state)
{
    static const struct footfall_setting more[] = { { "ipv4_prefix", "24" }, { "ipv6_prefix", "128" } };
    const struct suite_knobs knobs = { .more = more, .more_count = 2 };
    struct footfall *ff = suite_open(*state, &knobs);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.200", NOON, 0, 2, 1);
    EXPECT_VISIT(ff, "a", "203.0.112.7", NOON, 1, 3, 2);
    EXPECT_VISIT(ff, "a", "2001:db8::1", NOON, 1, 4, 3);
    EXPECT_VISIT(ff, "a", "2001:db8::2", NOON, 1, 5, 4);
}

static int agent_is_new(struct footfall *ff, const char *agent)
{
    struct footfall_visitor who = suite_visitor("203.0.113.7", NOON);
    struct footfall_result r;
    who.user_agent = agent;
    assert_int_equal(footfall_visit(ff, "a", &who, NULL, &r, NULL), FOOTFALL_OK);
    return (r.flags & FOOTFALL_IS_NEW) != 0;
}

static void addresses_agents_tell_only_when_so_configured(void **state)
{
    static const struct footfall_setting more[] = { { "visitor", "address+agent" } };
    const struct suite_knobs knobs = { .more = more, .more_count = 1 };
    struct footfall *ff = suite_open(*state, NULL);
    assert_true(agent_is_new(ff, "Mozilla/5.0"));
    assert_false(agent_is_new(ff, "curl/8.0"));
    assert_false(agent_is_new(ff, NULL));
    ff = suite_open(*state, &knobs);
    assert_true(agent_is_new(ff, "Mozilla/5.0"));
    assert_true(agent_is_new(ff, "curl/8.0"));
    assert_false(agent_is_new(ff, "Mozilla/5.0"));
    assert_true(agent_is_new(ff, NULL));
    assert_false(agent_is_new(ff, ""));
}

static const char *const refused[] = {
    "",
    " ",
    "localhost",
    "203.0.113",
    "203.0.113.7.8",
    "203.0.113.256",
    "203.0.113.-1",
    " 203.0.113.7",
    "203.0.113.7 ",
    "203.0.113.7\n",
    "203.0.113.7:80",
    "203.0.113.7/32",
    "203.0.113.7%eth0",
    "0xcb.0.113.7",
    "3405803783",
    "0.0.0.0",
    "::",
    "0:0:0:0:0:0:0:0",
    "::%eth0",
    "::ffff:0.0.0.0",
    "[2001:db8::1]",
    "[2001:db8::1]:80",
    "2001:db8::1::2",
    "2001:db8:::1",
    "2001:db8::12345",
    "2001:db8::g",
    "1:2:3:4:5:6:7:8:9",
    "fe80::1%",
    "unix:",
    "\xff\xfe",
};
enum { REFUSED = sizeof(refused) / sizeof(refused[0]) };

static void addresses_refused_ones_are_never_repeated(void **state)
{
    struct footfall_error err;
    struct footfall_result r;
    struct footfall *ff = suite_open(*state, NULL);
    for (int i = 0; i < REFUSED; i++) {
        struct footfall_visitor who = suite_visitor(refused[i], NOON);
        EXPECT_REFUSED(footfall_visit(ff, "a", &who, NULL, &r, &err), err, FOOTFALL_INVALID, "address");
        EXPECT_ANSWER(r, FOOTFALL_INVALID, 0, 0, 0);
        assert_true(strlen(refused[i]) < 5 || strstr(err.text, refused[i]) == NULL);
        assert_null(strstr(err.text, "203"));
        assert_null(strstr(err.text, "2001"));
        EXPECT_REFUSED(footfall_forget(ff, "a", &who, NULL, &r, &err), err, FOOTFALL_INVALID, "address");
        EXPECT_REFUSED(footfall_address_check(refused[i], &err), err, FOOTFALL_INVALID, "address");
        assert_null(strstr(err.text, "203"));
    }
    EXPECT_LIST(ff, "", NULL, "");
}

static void addresses_checked_ones_are_those_that_count(void **state)
{
    static const char *const taken[] = { "1.2.3.4",    "255.255.255.255", "::1",
                                         "2001:db8::", "fe80::1%eth0",    "::ffff:1.2.3.4",
                                         "::1.2.3.4",  "2001:DB8::a:B",   "127.0.0.1" };
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_error err;
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        assert_int_equal(footfall_address_check(taken[i], &err), FOOTFALL_OK);
        assert_int_equal(err.status, FOOTFALL_OK);
        (void)suite_visit_is_new(ff, "a", taken[i], NOON);
    }
    EXPECT_REFUSED(footfall_address_check(NULL, &err), err, FOOTFALL_INVALID, "NULL");
}

struct heard {
    int addresses, secrets;
};

static void listen(void *user, enum footfall_log_level level, const char *line)
{
    struct heard *heard = user;
    (void)level;
    heard->addresses += strstr(line, "203.0.113") != NULL || strstr(line, "2001:db8") != NULL;
    heard->secrets += strstr(line, "conformance suite") != NULL || strstr(line, "idempotency") != NULL;
}

static void addresses_tokens_and_secrets_are_never_logged(void **state)
{
    static const struct footfall_setting more[] = { { "log_level", "debug" } };
    struct heard heard = { 0, 0 };
    const struct suite_knobs knobs = { .more = more, .more_count = 1, .log = listen, .log_user = &heard };
    const struct suite_knobs month = {
        .window = "30d", .more = more, .more_count = 1, .log = listen, .log_user = &heard
    };
    struct footfall *ff = suite_open(*state, &knobs);
    struct footfall *other = suite_open(*state, &month);
    struct footfall_visitor who = suite_visitor("203.0.113.7", NOON);
    struct footfall_visitor bad = suite_visitor("203.0.113.7:80", NOON);
    (void)suite_apply(ff, suite_token(suite_visit("a", &who), "an idempotency token"));
    (void)suite_apply(ff, suite_token(suite_add("a", 1), "an idempotency token"));
    (void)suite_apply(ff, suite_visit("a", &bad));
    EXPECT_VISIT(other, "a", "2001:db8::1", NOON, 1, 2, 2);
    suite_set_clock(*state, NOON + 100 * DAY);
    EXPECT_VISIT(ff, "a", "2001:db8::1", NOON, 1, 3, 3);
    assert_int_equal(heard.addresses, 0);
    assert_int_equal(heard.secrets, 0);
}

static void addresses_none_is_refused(void **state)
{
    struct footfall_visitor nobody = FOOTFALL_VISITOR_INIT;
    struct footfall_error err;
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_REFUSED(footfall_visit(ff, "a", &nobody, NULL, NULL, &err), err, FOOTFALL_INVALID, "address");
    EXPECT_REFUSED(footfall_visit(ff, "a", NULL, NULL, NULL, &err), err, FOOTFALL_INVALID, "NULL");
    EXPECT_NOTHING(ff, "a");
}

/* ---- times ------------------------------------------------------------------------------------------------------------------- */

static void refuse_time(struct footfall *ff, int64_t now_ms, const char *word)
{
    struct footfall_visitor who = suite_visitor("203.0.113.7", now_ms);
    struct footfall_error err;
    struct footfall_result r;
    EXPECT_REFUSED(footfall_visit(ff, "a", &who, NULL, &r, &err), err, FOOTFALL_INVALID, word);
    EXPECT_REFUSED(footfall_forget(ff, "a", &who, NULL, &r, &err), err, FOOTFALL_INVALID, word);
    EXPECT_ANSWER(r, FOOTFALL_INVALID, 0, 0, 0);
}

static void times_before_1970_are_refused(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    refuse_time(ff, -1, "1970");
    refuse_time(ff, INT64_MIN + 1, "1970");
    EXPECT_LIST(ff, "", NULL, "");
    EXPECT_VISIT(ff, "a", "203.0.113.7", 0, 1, 1, 1);
}

static void times_more_than_an_hour_ahead_are_refused(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    refuse_time(ff, NOON + HOUR + 1, "hour");
    refuse_time(ff, INT64_MAX, "hour");
    EXPECT_LIST(ff, "", NULL, "");
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON + HOUR, 1, 1, 1);
    suite_set_clock(*state, NOON + 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON + HOUR + 1, 0, 2, 1);
}

const struct suite_case suite_addresses[] = {
    SUITE_CASE(addresses_mapped_ipv4_is_ipv4),
    SUITE_CASE(addresses_every_ipv4_bit_tells),
    SUITE_CASE(addresses_ipv6_counts_by_its_first_64_bits),
    SUITE_CASE(addresses_ipv6_that_looks_like_ipv4_is_not),
    SUITE_CASE(addresses_zone_ids_are_dropped),
    SUITE_CASE(addresses_prefixes_are_configurable),
    SUITE_CASE(addresses_agents_tell_only_when_so_configured),
    SUITE_CASE(addresses_refused_ones_are_never_repeated),
    SUITE_CASE(addresses_checked_ones_are_those_that_count),
    SUITE_CASE(addresses_tokens_and_secrets_are_never_logged),
    SUITE_CASE(addresses_none_is_refused),
    SUITE_CASE(times_before_1970_are_refused),
    SUITE_CASE(times_more_than_an_hour_ahead_are_refused),
    SUITE_CASES_END,
};
