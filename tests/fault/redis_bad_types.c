/* redis_bad_types.c: well-formed replies that are no answer to what was asked, servers that are not fit, and surplus replies. */
#include "redis_bad.h"

#include "folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SENT_MS = 500, LATER_MS = 4000 };

static const char *const replies[] = {
    ":7\r\n",
    "$-1\r\n",
    "*-1\r\n",
    "*0\r\n",
    "*1\r\n$1\r\nx\r\n",
    "*2\r\n$1\r\n5\r\n$1\r\n5\r\n",
    "*3\r\n*0\r\n*0\r\n*0\r\n",
    "$1\r\nx\r\n",
    "+OK\r\n",
    "-ERR no\r\n",
    "*2\r\n$-1\r\n$-1\r\n",
    "-OOM x\r\n",
};
enum { REPLIES = sizeof(replies) / sizeof(replies[0]) };

/* What each ask makes of each reply (bad_letter). A page of one name and a piece of purge ask on, and the server is silent then; a
 * check tells what it could not see. */
static const char *const wanted[ASKS] = {
    [APPLY] = "uuuuuuuuuuub", [FETCH] = "bbbbbobbbbob", [SCAN] = "bbbotbbbbbbb",  [KEY] = "bbbbbbbbbbbb",
    [LOOK] = "b11bbbbbbbbb",  [DROP] = "bbbbbobbbbbb",  [OTHER] = "obbbbbbbbbbb", [PURGE] = "bbbbbobbbbbb",
    [PING] = "ttttttttobtb",  [CHECK] = "ooooooottooo",
};

static void replies_of_a_wrong_type(void **state)
{
    (void)state;
    for (int ask = 0; ask < ASKS; ask++)
        for (int i = 0; i < REPLIES; i++) {
            struct bad bad = { 0 };
            int asks_on = (ask == SCAN && i == 4) || (ask == PURGE && i == 5) || (ask == CHECK && (i == 7 || i == 8));
            struct bad_way way = { .at = HANDSHAKE, .says = replies[i], .times = !asks_on };
            char letter = 0;
            bad_open(&bad, &way, 1, NULL, NULL, LATER_MS);
            assert_int_equal(bad.opened, 0);
            letter = bad_letter(bad_ask(&bad, (enum ask)ask, asks_on ? SENT_MS : LATER_MS));
            if (letter != wanted[ask][i])
                fail_msg("%s took %s for '%c': %s", ask_names[ask], replies[i], letter, bad.text);
            bad_close(&bad);
        }
}

static void handshakes_of_a_wrong_type(void **state)
{
    static const char time[] = "tttttottttttb";
    static const char info[] = "tttttttoooto";
    (void)state;
    for (int i = 0; i < REPLIES; i++) {
        struct bad_way ways[] = { { .time = replies[i], .at = 99 },
                                  { .server = replies[i], .at = 99 },
                                  { .memory = replies[i], .at = 99 } };
        for (int j = 0; j < 3; j++) {
            char letter = j > 0 ? info[i] : i == 9 || i == 11 ? 'b' : time[i];
            struct bad bad = { 0 };
            bad_open(&bad, &ways[j], 1, NULL, NULL, LATER_MS);
            if (bad_letter(bad.opened) != letter || (bad.opened != 0 && bad.text[0] == '\0'))
                fail_msg("command %d took %s for '%c': %s", j, replies[i], bad_letter(bad.opened), bad.text);
            bad_close(&bad);
        }
    }
}

static void replicas_are_counted_or_doubted(void **state)
{
    (void)state;
    for (int i = 0; i <= REPLIES; i++) {
        struct bad_way way = { .at = HANDSHAKE + 1, .says = i < REPLIES ? replies[i] : ":0\r\n" };
        struct bad bad = { 0 };
        bad_open(&bad, &way, 1, NULL, "1", LATER_MS);
        assert_int_equal(bad_letter(bad_ask(&bad, APPLY, LATER_MS)), i == 0 ? 'o' : 'u');
        bad_close(&bad);
    }
}

/* ---- servers that are not fit -------------------------------------------------------------------------------------------- */

struct unfit {
    struct bad_way way;
    const char *credentials; /* in the URL */
    char opened, applied;    /* when it is so from the start, and when it becomes so */
    const char *says;
};

static const struct unfit unfits[] = {
    { { .at = 99, .server = "redis_version:7.0.15\r\nredis_mode:cluster\r\n" },
      "",
      'c',
      'b',
      "Redis Cluster, which is not supported yet" },
    { { .at = 99, .server = "redis_version:7.0.15\r\nredis_mode:sentinel\r\n" }, "", 'c', 'b', "Sentinel" },
    { { .at = 99, .server = "redis_version:4.0.14\r\n" }, "", 'c', 'b', "Redis 4.0.14; 5.0 or newer" },
    { { .at = 99, .server = "redis_version:x.0.14\r\n" }, "", 'c', 'b', "5.0 or newer" },
    { { .at = 99, .memory = "maxmemory_policy:allkeys-lru\r\n" }, "", 'c', 'b', "allkeys-lru" },
    { { .at = -1, .says = "-ERR max number of clients reached\r\n", .closes = 1 },
      "",
      't',
      't',
      "max number of clients" },
    { { .at = -1, .says = "-DENIED Redis is running in protected mode\r\n", .closes = 1 }, "", 'b', 'b', "DENIED" },
    { { .at = 0, .says = "-NOAUTH Authentication required.\r\n", .times = 3 }, "", 'b', 'b', "must give a password" },
    { { .at = 0, .says = "-WRONGPASS invalid username-password pair\r\n", .times = 1 },
      "USRX:PSWQ@",
      'b',
      'b',
      "user or password is wrong" },
    { { .at = 0, .says = "-ERR unknown command 'AUTH', with args beginning with: 'USRX' 'PSWQ' \r\n", .times = 1 },
      ":PSWQ@",
      'b',
      'b',
      "unknown command 'AUTH'" },
    { { .at = 0, .says = ":1\r\n", .times = 1 }, ":PSWQ@", 't', 't', "AUTH" },
    { { .at = 1, .says = "-ERR DB index is out of range\r\n", .times = 1 }, ":PSWQ@", 'b', 'b', "DB index" },
    { { .at = 1, .says = "-MOVED 1 127.0.0.1:1\r\n", .times = 1 }, "", 'o', 'o', "" },
    { { .at = 0, .says = "-MOVED 1 127.0.0.1:1\r\n", .times = 1 }, "", 'b', 'b', "Redis Cluster is not supported yet" },
};

static char *url_of(const struct bad *bad, const struct unfit *unfit)
{
    return support_format("redis://%s%s%s", unfit->credentials, bad_server_url(bad->server) + strlen("redis://"),
                          strstr(unfit->way.says != NULL ? unfit->way.says : "", "DB") != NULL ? "/7" : "");
}

static void expect_unfit(const struct bad *bad, const struct unfit *unfit, int status, char letter)
{
    if (bad_letter(status) != letter || strstr(bad->text, unfit->says) == NULL || strstr(bad->text, "PSWQ") != NULL)
        fail_msg("'%s': '%c' instead of '%c': %s", unfit->says, bad_letter(status), letter, bad->text);
}

static void servers_that_are_not_fit(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(unfits) / sizeof(unfits[0]); i++) {
        struct bad_way ways[2] = { { .at = HANDSHAKE, .closes = 1 }, unfits[i].way };
        struct bad bad = { 0 };
        char *url = NULL;
        bad.server = bad_server_start(&ways[1], 1, NULL);
        url = url_of(&bad, &unfits[i]);
        expect_unfit(&bad, &unfits[i], bad_open_store(&bad, url, NULL, LATER_MS), unfits[i].opened);
        bad_close(&bad);
        free(url);
        ways[0].at += (unfits[i].credentials[0] != '\0') + (strstr(unfits[i].says, "DB") != NULL);
        bad.server = bad_server_start(ways, 2, NULL);
        url = url_of(&bad, &unfits[i]);
        assert_int_equal(bad_open_store(&bad, url, NULL, LATER_MS), 0);
        (void)bad_ask(&bad, PING, LATER_MS); /* loses the connection */
        expect_unfit(&bad, &unfits[i], bad_ask(&bad, APPLY, LATER_MS), unfits[i].applied);
        bad_close(&bad);
        free(url);
    }
}

/* ---- answers to something else --------------------------------------------------------------------------------------------- */

#define ANSWER "*3\r\n$1\r\n0\r\n$1\r\n0\r\n$1\r\n0\r\n"

static const struct {
    const char *says;
    char applied;
    const char *text;
} answers[] = {
    { ANSWER, 'o', "" },
    { "*3\r\n$1\r\n0\r\n$1\r\n0\r\n$0\r\n\r\n", 'u', "no answer" },
    { "*3\r\n$1\r\n0\r\n$1\r\n0\r\n$2\r\n00\r\n", 'u', "no answer" },
    { "*3\r\n$1\r\n0\r\n$1\r\n0\r\n$1\r\n1\r\n", 'u', "no answer" },
    { "*3\r\n$1\r\n0\r\n$1\r\n0\r\n$1\r\nz\r\n", 'u', "no answer" },
    { "*3\r\n$1\r\nx\r\n$1\r\n0\r\n$1\r\n0\r\n", 'u', "no answer" },
    { "*3\r\n$19\r\n9223372036854775807\r\n$1\r\n0\r\n$1\r\n0\r\n", 'u', "no answer" },
    { "*3\r\n$19\r\n9223372036854775808\r\n$1\r\n0\r\n$1\r\nG\r\n", 'u', "no answer" },
    { "-MOVED 3999 127.0.0.1:6381\r\n", 'b', "Redis Cluster is not supported yet" },
    { "-ASK 3999 127.0.0.1:6381\r\n", 'b', "Redis Cluster is not supported yet" },
    { "-READONLY You can't write against a read only replica.\r\n", 't', "READONLY" },
    { "-FFLATE a later batch of this writer is stored\r\n", 'u', "FFLATE" },
    { "-NOSCRIPT No matching script.\r\n-NOSCRIPT No matching script.\r\n", 'u', "nobody asked for" },
    { "-LOADING x\r\n-LOADING x\r\n", 'u', "" },
    { ANSWER ANSWER, 'u', "nobody asked for" },
    { ANSWER "?", 'u', "not the Redis protocol" },
};

static void answers_to_other_batches(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct bad_way way = { .at = HANDSHAKE, .says = answers[i].says };
        struct bad bad = { 0 };
        char letter = 0;
        bad_open(&bad, &way, 1, NULL, NULL, LATER_MS);
        letter = bad_letter(bad_ask(&bad, APPLY, LATER_MS));
        if (letter != answers[i].applied || strstr(bad.text, answers[i].text) == NULL)
            fail_msg("%s is taken for '%c': %s", answers[i].says, letter, bad.text);
        bad_close(&bad);
    }
}

/* NOSCRIPT again, to the whole script: certainly not run. */
static void a_script_that_is_never_known(void **state)
{
    static const struct bad_way way = { .at = HANDSHAKE, .says = "-NOSCRIPT No matching script.\r\n", .times = 1000 };
    (void)state;
    for (int ask = 0; ask < ASKS; ask++)
        if (ask == APPLY || ask == KEY || ask == DROP || ask == OTHER || ask == PURGE) {
            struct bad bad = { 0 };
            bad_open(&bad, &way, 1, NULL, NULL, LATER_MS);
            assert_int_equal(bad_letter(bad_ask(&bad, (enum ask)ask, LATER_MS)), 't');
            bad_close(&bad);
        }
}

/* A reply that nobody asked for, or the beginning of one, may not answer the next command: each gets a new connection. */
static void a_surplus_reply_answers_nothing(void **state)
{
    static const char *const surplus[] = { ANSWER "+PON", ANSWER "*3\r\n$1\r\n", ANSWER "\r\n", ANSWER ":1\r\n" };
    (void)state;
    for (size_t i = 0; i < sizeof(surplus) / sizeof(surplus[0]); i++) {
        struct bad_way way = { .at = HANDSHAKE, .says = surplus[i], .times = 1 };
        struct bad bad = { 0 };
        bad_open(&bad, &way, 1, NULL, NULL, LATER_MS);
        (void)bad_ask(&bad, APPLY, LATER_MS);
        way.at = 99;
        assert_int_equal(bad_ask(&bad, PING, LATER_MS), 0);
        assert_int_equal(bad_server_connections(bad.server), 2);
        bad_close(&bad);
    }
}

const struct CMUnitTest redis_bad_types[] = {
    cmocka_unit_test(replies_of_a_wrong_type),         cmocka_unit_test(handshakes_of_a_wrong_type),
    cmocka_unit_test(replicas_are_counted_or_doubted), cmocka_unit_test(servers_that_are_not_fit),
    cmocka_unit_test(answers_to_other_batches),        cmocka_unit_test(a_script_that_is_never_known),
    cmocka_unit_test(a_surplus_reply_answers_nothing),
};
const size_t redis_bad_types_count = sizeof(redis_bad_types) / sizeof(redis_bad_types[0]);
