/* dynamodb_denied.c: a service that refuses one action and carries out all others: each call says what was refused, and of which table,
 * at once; nothing is in doubt unless something was carried out before; and a check tells which right is missing. */
#include "dynamodb_here.h"

#include "folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONG_MS = 10000 };

static const char *const actions[] = { "GetItem",       "BatchGetItem",       "UpdateItem", "PutItem",
                                       "DeleteItem",    "TransactWriteItems", "Query",      "Scan",
                                       "DescribeTable", "DescribeTimeToLive" };
enum { ACTIONS = sizeof actions / sizeof actions[0] };
static const char *const types[] = { "AccessDeniedException", "ResourceNotFoundException", "ValidationException",
                                     "UnrecognizedClientException", "UnknownOperationException" };
enum { TYPES = sizeof types / sizeof types[0] };

struct refusing {
    const char *action, *type;
    unsigned asked; /* bits: of actions */
    int refused;
};

static void refuse(void *user, const struct support_service_request *request, struct support_service_reply *reply)
{
    struct refusing *r = user;
    json_t *good = NULL;
    for (int i = 0; i < ACTIONS; i++)
        if (strcmp(request->action, actions[i]) == 0)
            r->asked |= 1u << i;
    if (r->action != NULL && strcmp(request->action, r->action) == 0) {
        r->refused++;
        reply->status = 400;
        reply->body = support_format(
            "{\"__type\":\"com.amazonaws.dynamodb.v20120810#%s\",\"message\":\"User is not authorized\"}", r->type);
        return;
    }
    good = here_good(request);
    reply->body = json_dumps(good, 0);
    json_decref(good);
}

static void all_is_well(void **state)
{
    (void)state;
    for (int ask = 0; ask < HERE_ASKS; ask++) {
        struct refusing r = { 0 };
        struct here here;
        int rc = 0;
        here_open(&here, refuse, &r);
        rc = here_ask(&here, (enum here_ask)ask, LONG_MS);
        if (rc != 0 || here.text[0] != '\0')
            fail_msg("%s: '%c' %s", here_names[ask], here_letter(rc), here.text);
        assert_true(r.asked != 0);
        here_close(&here);
    }
}

static const char *table_of(enum here_ask ask, const char *action)
{
    return ask == KEY || ask == LOOK || ask == DROP || ask == OTHER ? HERE_KEYS
           : ask == IMPORT && strcmp(action, "Scan") == 0           ? HERE_SOURCE
                                                                    : HERE_TABLE;
}

/* A transaction's values are read after it: by then it is carried out. */
static int is_after_a_write(enum here_ask ask, const char *action)
{
    return strcmp(action, "GetItem") == 0 && (ask == VISIT || ask == FORGET || ask == TOKEN);
}

static void refuse_one(enum here_ask ask, const char *action, const char *type)
{
    struct refusing r = { action, type, 0, 0 };
    struct here here;
    char wanted = is_after_a_write(ask, action)                                                 ? 'u'
                  : ask == IMPORT && strcmp(action, "Scan") == 0 && strcmp(type, types[1]) == 0 ? 'i'
                                                                                                : 'b';
    char got = '?';
    here_open(&here, refuse, &r);
    got = here_letter(here_ask(&here, ask, LONG_MS));
    if (r.refused > 0) {
        if (got != wanted)
            fail_msg("%s, %s, %s: '%c' instead of '%c': %s", here_names[ask], action, type, got, wanted, here.text);
        if (wanted == 'b' && strstr(here.text, action) == NULL)
            fail_msg("%s, %s, %s: the action is not named: %s", here_names[ask], action, type, here.text);
        if (strstr(here.text, table_of(ask, action)) == NULL)
            fail_msg("%s, %s, %s: the table is not named: %s", here_names[ask], action, type, here.text);
        assert_int_equal(r.refused,
                         strcmp(type, "UnrecognizedClientException") == 0 ? 2 : 1); /* credentials are looked at anew */
        assert_null(strstr(here.text, "PSWQ"));
        assert_null(strchr(here.text, '\n'));
    }
    here_close(&here);
}

static void one_action_is_refused(void **state)
{
    (void)state;
    for (int ask = 0; ask < CHECK; ask++) {
        struct refusing all = { 0 };
        struct here here;
        here_open(&here, refuse, &all);
        assert_int_equal(here_ask(&here, (enum here_ask)ask, LONG_MS), 0);
        here_close(&here);
        for (int action = 0; action < ACTIONS; action++)
            for (int type = 0; type < TYPES && (all.asked & 1u << action) != 0; type++)
                refuse_one((enum here_ask)ask, actions[action], types[type]);
    }
}

/* Refused while an earlier attempt is in doubt: unknown it stays. */
static void lose_then_refuse(void *user, const struct support_service_request *request,
                             struct support_service_reply *reply)
{
    int *writes = user;
    if (strcmp(request->action, "UpdateItem") == 0 && ++*writes > 1) {
        reply->status = 400;
        reply->body = support_format("{\"__type\":\"AccessDeniedException\"}");
    } else if (*writes == 1) {
        reply->status = 500;
    } else {
        json_t *good = here_good(request);
        reply->body = json_dumps(good, 0);
        json_decref(good);
    }
}

static void what_was_in_doubt_stays_so(void **state)
{
    struct here here;
    int writes = 0;
    (void)state;
    here_open(&here, lose_then_refuse, &writes);
    assert_int_equal(here_ask(&here, ADD, LONG_MS), FOOTFALL_STORE_UNKNOWN);
    assert_int_equal(writes, 2);
    assert_non_null(strstr(here.text, "UpdateItem"));
    assert_non_null(strstr(here.text, HERE_TABLE));
    here_close(&here);
}

/* ---- check -------------------------------------------------------------------------------------------------------------------------- */

static void finds(const char *action, const char *type, const char *words)
{
    struct refusing r = { action, type, 0, 0 };
    struct here here;
    here_open(&here, refuse, &r);
    if (here_ask(&here, CHECK, LONG_MS) != 0)
        fail_msg("%s: %s", action, here.text);
    assert_true(r.refused > 0);
    assert_string_equal(here.text, ""); /* a finding is no fault */
    if (strstr(here_findings, words) == NULL)
        fail_msg("no %s among\n%s", words, here_findings);
    here_close(&here);
}

static void a_check_says_what_is_missing(void **state)
{
    static const char *const denied = "AccessDeniedException";
    (void)state;
    finds("DescribeTable", "ResourceNotFoundException", "3 There is no table " HERE_TABLE " in region eu-west-1");
    finds("DescribeTable", "ResourceNotFoundException", "3 There is no table " HERE_KEYS " in region eu-west-1");
    finds("DescribeTable", denied, "no right to DescribeTable");
    finds("DescribeTimeToLive", denied, "no right to DescribeTimeToLive");
    finds("GetItem", denied, "3 There is no right to GetItem on table " HERE_TABLE);
    finds("Query", denied, "3 There is no right to Query on table " HERE_KEYS);
    finds("BatchGetItem", denied, "3 There is no right to BatchGetItem on table " HERE_TABLE);
    finds("UpdateItem", denied, "3 There is no right to UpdateItem on table " HERE_TABLE);
    finds("PutItem", denied, "3 There is no right to PutItem on table " HERE_KEYS);
    finds("DeleteItem", denied, "3 There is no right to DeleteItem on table " HERE_TABLE);
    finds("Query", denied, "3 There is no right to Query on index list of table " HERE_TABLE);
    finds("TransactWriteItems", denied, "3 There is no right to ConditionCheckItem on table " HERE_TABLE);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_well),
        cmocka_unit_test(one_action_is_refused),
        cmocka_unit_test(what_was_in_doubt_stays_so),
        cmocka_unit_test(a_check_says_what_is_missing),
    };
    return cmocka_run_group_tests_name("DynamoDB, rights", tests, here_environment, NULL);
}
