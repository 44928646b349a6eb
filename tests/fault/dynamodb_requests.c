/* dynamodb_requests.c: which requests each operation makes on DynamoDB, exactly, and their expressions. docs/dynamodb.md says why. */
#include "dynamodb_taped.h"

#include <stdio.h>
#include <string.h>

#define PLAN_NEW "TransactWriteItems Update:counter Update:visitor\n"
#define VALUES "GetItem consistent counter\n"

static const char *const plain[] = { "dynamodb.atomic", "false", NULL };

#define OPENS "Query consistent\n" /* of the key table, for the keys of now */
#define DROPS "Query consistent\n" /* of the key table, for keys that are due: once an epoch and handle */

/* Opening looks at two epoch keys at once and nothing else. The first visit makes those that are missing, once for everybody, and looks
 * whether the table has keys of another window; nothing of that comes again. */
static void opening(void **state)
{
    const char *name = taped_begin();
    struct footfall *ff = taped_open_bare(NULL);
    (void)state;
    EXPECT_CALLS(OPENS);
    assert_int_equal(taped_visit(ff, name, 1, FOOTFALL_NOW), 1);
    EXPECT_CALLS("Query consistent\nPutItem epoch\nQuery consistent\nPutItem epoch\n"
                 "BatchGetItem consistent counter visitor*2\n" PLAN_NEW VALUES DROPS);
    taped_visit(ff, name, 1, FOOTFALL_NOW);
    EXPECT_CALLS("UpdateItem counter\n");
    footfall_close(ff);
    EXPECT_CALLS("");
    ff = taped_open_bare(NULL);
    EXPECT_CALLS(OPENS);
    assert_int_equal(taped_visit(ff, name, 1, FOOTFALL_NOW), 0);
    EXPECT_CALLS("BatchGetItem consistent counter visitor*2\nUpdateItem counter\n" DROPS);
    footfall_close(ff);
}

static void visits(void **state)
{
    const char *name = taped_begin();
    struct footfall *ff = taped_open(NULL), *other = taped_open(NULL);
    (void)state;
    assert_int_equal(taped_visit(ff, name, 1, FOOTFALL_NOW), 1); /* first touch */
    EXPECT_CALLS("BatchGetItem consistent counter visitor*2\n" PLAN_NEW VALUES);
    assert_int_equal(taped_visit(ff, name, 1, FOOTFALL_NOW), 0); /* known to the process */
    EXPECT_CALLS("UpdateItem counter\n");
    assert_int_equal(taped_visit(ff, name, 2, FOOTFALL_NOW), 1);
    EXPECT_CALLS("BatchGetItem visitor\nBatchGetItem visitor\n" PLAN_NEW VALUES);
    assert_int_equal(taped_visit(other, name, 3, FOOTFALL_NOW), 1);
    EXPECT_CALLS("BatchGetItem consistent counter visitor*2\n" PLAN_NEW VALUES);
    assert_int_equal(taped_visit(ff, name, 3, FOOTFALL_NOW), 0); /* returning, read */
    EXPECT_CALLS("BatchGetItem visitor\nUpdateItem counter\n");
    footfall_close(other);
    other = taped_open(NULL);
    assert_int_equal(taped_visit(other, name, 3, FOOTFALL_NOW), 0); /* first touch, returning */
    EXPECT_CALLS("BatchGetItem consistent counter visitor*2\nUpdateItem counter\n");
    footfall_close(other);
    footfall_close(ff);
}

static void visits_across_epochs(void **state)
{
    const char *name = taped_begin();
    struct footfall *ff = taped_open(NULL), *other = taped_open(NULL);
    (void)state;
    taped_visit(ff, name, 0, FOOTFALL_NOW);
    taped_visit(other, name, 1, FOOTFALL_NOW);
    taped_visit(other, name, 2, FOOTFALL_NOW);
    taped_clock(TAPED_MIDNIGHT + 25 * TAPED_HOUR);
    taped_visit(ff, name, 0, FOOTFALL_NOW); /* looks up the new epoch's key */
    dynamodb_tape_clear(taped);
    assert_int_equal(taped_visit(ff, name, 1, FOOTFALL_NOW), 0); /* found under the id before */
    EXPECT_CALLS("BatchGetItem visitor\nBatchGetItem visitor\nUpdateItem counter\n");
    taped_clock(TAPED_MIDNIGHT + 24 * TAPED_HOUR + 60000);
    assert_int_equal(taped_visit(ff, name, 9, FOOTFALL_NOW), 1); /* the epoch's first hour: under both ids */
    EXPECT_CALLS(
        "BatchGetItem visitor\nBatchGetItem visitor\nTransactWriteItems Update:counter Update:visitor*2\n" VALUES);
    footfall_close(other);
    footfall_close(ff);
}

static void visits_without_a_transaction(void **state)
{
    const char *name = taped_begin();
    struct footfall *ff = taped_open(plain);
    (void)state;
    assert_int_equal(taped_visit(ff, name, 1, FOOTFALL_NOW), 1);
    EXPECT_CALLS("BatchGetItem consistent counter visitor*2\nUpdateItem visitor\nUpdateItem counter\n");
    assert_int_equal(taped_visit(ff, name, 1, FOOTFALL_NOW), 0);
    EXPECT_CALLS("UpdateItem counter\n");
    assert_int_equal(taped_visit(ff, name, 2, FOOTFALL_NOW), 1);
    assert_string_equal(dynamodb_tape_expressions(taped, 2, 0),
                        "SET s = :s, r = :r, e = :e, c = :c IF attribute_not_exists(s)");
    EXPECT_CALLS("BatchGetItem visitor\nBatchGetItem visitor\nUpdateItem visitor\nUpdateItem counter\n");
    taped_clock(TAPED_MIDNIGHT + 24 * TAPED_HOUR + 60000);
    taped_visit(ff, name, 1, FOOTFALL_NOW);
    dynamodb_tape_clear(taped);
    assert_int_equal(taped_visit(ff, name, 3, FOOTFALL_NOW), 1);
    EXPECT_CALLS(
        "BatchGetItem visitor\nBatchGetItem visitor\nUpdateItem visitor\nUpdateItem visitor\nUpdateItem counter\n");
    footfall_close(ff);
}

/* Visits at a time an hour or more from the host's: what they rest on is checked in the same step. */
static void visits_of_a_log(void **state)
{
    const char *name = taped_begin();
    struct footfall *ff = NULL;
    (void)state;
    for (int i = 0; i < 2; i++) {
        ff = taped_open(i == 0 ? NULL : plain);
        taped_visit(ff, name, 1, TAPED_NOON - 4 * TAPED_HOUR);
        dynamodb_tape_clear(taped);
        assert_int_equal(taped_visit(ff, name, 10 + (uint32_t)i, TAPED_NOON - 4 * TAPED_HOUR), 1);
        EXPECT_CALLS("BatchGetItem visitor\nBatchGetItem visitor\n"
                     "TransactWriteItems Update:counter Update:visitor ConditionCheck:visitor\n" VALUES);
        assert_int_equal(taped_visit(ff, name, 10 + (uint32_t)i, TAPED_NOON - 3 * TAPED_HOUR), 0);
        EXPECT_CALLS("UpdateItem counter\n");
        footfall_close(ff);
    }
}

static void sliding_visits(void **state)
{
    static const char *const sliding[] = { "window_mode", "sliding", NULL };
    const char *name = taped_begin();
    struct footfall *ff = taped_open(sliding);
    (void)state;
    taped_visit(ff, name, 1, FOOTFALL_NOW);
    dynamodb_tape_clear(taped);
    assert_int_equal(taped_visit(ff, name, 1, FOOTFALL_NOW), 0); /* the same millisecond: nothing moves */
    EXPECT_CALLS(
        "BatchGetItem visitor\nUpdateItem counter\n"); /* the later of both ids: the one that is not there is read */
    taped_clock(TAPED_NOON + 1000);
    assert_int_equal(taped_visit(ff, name, 1, FOOTFALL_NOW), 0);
    assert_string_equal(dynamodb_tape_expressions(taped, 1, 1), "SET s = :s, r = :r, e = :e IF s = :old");
    EXPECT_CALLS("BatchGetItem visitor\n" PLAN_NEW VALUES);
    footfall_close(ff);
}

#define SLOT_X "SET m# = :m, x# = if_not_exists(t, :z), y# = if_not_exists(u, :z)"
#define COUNT SLOT_X ", t = if_not_exists(t, :z) + :n, u = if_not_exists(u, :z) + :k, d = :c"
#define BOUNDS " AND (attribute_not_exists(t) OR t BETWEEN :lo AND :hi)"

static void numbers(void **state)
{
    const char *name = taped_begin();
    struct footfall *ff = taped_open(NULL);
    (void)state;
    assert_int_equal(footfall_add(ff, name, 5, NULL, NULL, NULL), FOOTFALL_OK);
    assert_string_equal(dynamodb_tape_expressions(taped, 1, 0), COUNT " IF attribute_not_exists(m#)" BOUNDS);
    EXPECT_CALLS("BatchGetItem consistent counter\nUpdateItem counter\n");
    assert_int_equal(footfall_add(ff, name, -2, NULL, NULL, NULL), FOOTFALL_OK);
    assert_string_equal(dynamodb_tape_expressions(taped, 0, 0), COUNT " IF m# = :p" BOUNDS);
    EXPECT_CALLS("UpdateItem counter\n");
    assert_int_equal(footfall_set(ff, name, 7, 1, NULL, NULL, NULL), FOOTFALL_OK);
    assert_string_equal(dynamodb_tape_expressions(taped, 0, 0), SLOT_X ", t = :n, u = :k, d = :c IF m# = :p");
    EXPECT_CALLS("UpdateItem counter\n");
    taped_visit(ff, name, 1, FOOTFALL_NOW);
    assert_string_equal(dynamodb_tape_expressions(taped, 2, 0), COUNT " IF m# = :p AND attribute_not_exists(r)" BOUNDS
                                                                      " AND (attribute_not_exists(u) OR u <= :uh)");
    assert_string_equal(dynamodb_tape_expressions(taped, 2, 1),
                        "SET s = :s, r = :r, e = :e IF attribute_not_exists(s)");
    EXPECT_CALLS("BatchGetItem visitor\nBatchGetItem visitor\n" PLAN_NEW VALUES);
    assert_int_equal(footfall_read(ff, &name, 1, NULL, &(struct footfall_result){ 0 }, NULL), FOOTFALL_OK);
    EXPECT_CALLS("BatchGetItem consistent counter\n");
    footfall_close(ff);
}

static void deleting(void **state)
{
    const char *name = taped_begin();
    struct footfall *ff = taped_open(NULL);
    (void)state;
    assert_int_equal(footfall_delete(ff, name, NULL, NULL, NULL), FOOTFALL_OK); /* what is not there */
    EXPECT_CALLS("BatchGetItem consistent counter\n");
    taped_visit(ff, name, 1, FOOTFALL_NOW);
    dynamodb_tape_clear(taped);
    assert_int_equal(footfall_delete(ff, name, NULL, NULL, NULL), FOOTFALL_OK);
    assert_string_equal(dynamodb_tape_expressions(taped, 1, 0),
                        SLOT_X ", r = if_not_exists(r, :z) + :one, g = if_not_exists(g, :z) + :one, d = :x REMOVE t, u"
                               " IF m# = :p");
    EXPECT_CALLS("BatchGetItem consistent counter\nUpdateItem counter\n");
    assert_int_equal(taped_visit(ff, name, 1, FOOTFALL_NOW), 1); /* g is another: its visitors are read again */
    EXPECT_CALLS(
        "BatchGetItem consistent counter visitor*2\nBatchGetItem visitor\nBatchGetItem visitor\n" PLAN_NEW VALUES);
    footfall_close(ff);
}

static int forget(struct footfall *ff, const char *name, const char *address)
{
    struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
    who.address = address;
    return footfall_forget(ff, name, &who, NULL, NULL, NULL);
}

static void forgetting(void **state)
{
    const char *name = taped_begin();
    struct footfall *ff = taped_open(NULL), *other = taped_open(NULL);
    (void)state;
    taped_visit(ff, name, 1, FOOTFALL_NOW);
    taped_visit(ff, name, 2, FOOTFALL_NOW);
    dynamodb_tape_clear(taped);
    assert_int_equal(forget(ff, name, "203.0.113.9"), FOOTFALL_OK); /* nobody */
    EXPECT_CALLS("BatchGetItem consistent counter\nBatchGetItem consistent visitor*2\n");
    taped_visit(other, name, 2, FOOTFALL_NOW);
    dynamodb_tape_clear(taped);
    assert_int_equal(forget(ff, name, "10.0.0.1"), FOOTFALL_OK);
    assert_string_equal(dynamodb_tape_expressions(taped, 2, 0),
                        SLOT_X ", r = if_not_exists(r, :z) + :one IF m# = :p AND attribute_not_exists(r)");
    EXPECT_CALLS("BatchGetItem consistent counter\nBatchGetItem consistent visitor\n" /* one id is known and proven */
                 "TransactWriteItems Update:counter Delete:visitor*2\n" VALUES);
    assert_int_equal(taped_visit(other, name, 2, FOOTFALL_NOW), 0); /* remembered, but of the revision before */
    EXPECT_CALLS("UpdateItem counter failed\nBatchGetItem consistent visitor\nUpdateItem counter\n");
    assert_int_equal(taped_visit(other, name, 2, FOOTFALL_NOW), 0);
    EXPECT_CALLS("UpdateItem counter\n");
    footfall_close(other);
    footfall_close(ff);
}

static void tokens(void **state)
{
    const char *name = taped_begin();
    struct footfall *ff = taped_open(NULL);
    struct footfall_call call = FOOTFALL_CALL_INIT;
    (void)state;
    call.token = "a token";
    call.token_bytes = 7;
    assert_int_equal(footfall_add(ff, name, 1, NULL, NULL, NULL), FOOTFALL_OK);
    dynamodb_tape_clear(taped);
    assert_int_equal(footfall_add(ff, name, 1, &call, NULL, NULL), FOOTFALL_OK);
    assert_string_equal(dynamodb_tape_expressions(taped, 0, 1), " IF attribute_not_exists(pk)");
    EXPECT_CALLS("TransactWriteItems Update:counter Put:token\n" VALUES);
    assert_int_equal(footfall_add(ff, name, 1, &call, NULL, NULL), FOOTFALL_OK); /* a replay */
    EXPECT_CALLS("TransactWriteItems Update:counter Put:token failed\n" VALUES);
    assert_int_equal(footfall_add(ff, name, 2, &call, NULL, NULL), FOOTFALL_INVALID);
    EXPECT_CALLS("TransactWriteItems Update:counter Put:token failed\n");
    footfall_close(ff);
}

static void must_exist(void **state)
{
    const char *name = taped_begin();
    struct footfall *ff = taped_open(NULL);
    struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_ADD);
    struct footfall_result r;
    (void)state;
    op.name = name;
    op.delta = 1;
    op.must_exist = 1;
    assert_int_equal(footfall_apply(ff, &op, 1, NULL, &r, NULL), FOOTFALL_ABSENT);
    EXPECT_CALLS("BatchGetItem consistent counter\n");
    assert_int_equal(footfall_add(ff, name, 1, NULL, NULL, NULL), FOOTFALL_OK);
    dynamodb_tape_clear(taped);
    assert_int_equal(footfall_apply(ff, &op, 1, NULL, &r, NULL), FOOTFALL_OK);
    assert_string_equal(dynamodb_tape_expressions(taped, 0, 0),
                        COUNT " IF m# = :p AND attribute_exists(t) AND t BETWEEN :lo AND :hi");
    EXPECT_CALLS("UpdateItem counter\n");
    footfall_close(ff);
}

/* The bound may hold again: before ABSENT is said, a fence makes sure that no copy of the refused update can land. */
static void absent_behind_a_fence(void **state)
{
    const char *name = taped_begin();
    struct footfall *ff = taped_open(NULL), *other = taped_open(NULL);
    struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_ADD);
    struct footfall_result r;
    (void)state;
    op.name = name;
    op.delta = 1;
    op.must_exist = 1;
    assert_int_equal(footfall_add(ff, name, 1, NULL, NULL, NULL), FOOTFALL_OK);
    assert_int_equal(footfall_delete(other, name, NULL, NULL, NULL), FOOTFALL_OK);
    dynamodb_tape_clear(taped);
    assert_int_equal(footfall_apply(ff, &op, 1, NULL, &r, NULL), FOOTFALL_ABSENT);
    assert_string_equal(dynamodb_tape_expressions(taped, 1, 0), "SET m# = :f IF m# = :p");
    footfall_close(other);
    footfall_close(ff);
}

static void series(void **state)
{
    static const uint8_t name_of_series[16] = "a series";
    const char *name = taped_begin();
    struct footfall *ff = taped_open(NULL);
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_ADD);
    struct footfall_result r;
    (void)state;
    op.name = name;
    op.delta = 1;
    call.series = name_of_series;
    call.number = 1;
    assert_int_equal(footfall_apply(ff, &op, 1, &call, &r, NULL), FOOTFALL_OK);
    EXPECT_CALLS("BatchGetItem consistent counter series\nTransactWriteItems Update:counter Update:series\n" VALUES);
    call.number = 2;
    assert_int_equal(footfall_apply(ff, &op, 1, &call, &r, NULL), FOOTFALL_OK);
    EXPECT_CALLS("TransactWriteItems Update:counter Update:series\n" VALUES);
    footfall_close(ff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening),
        cmocka_unit_test(visits),
        cmocka_unit_test(visits_across_epochs),
        cmocka_unit_test(visits_without_a_transaction),
        cmocka_unit_test(visits_of_a_log),
        cmocka_unit_test(sliding_visits),
        cmocka_unit_test(numbers),
        cmocka_unit_test(deleting),
        cmocka_unit_test(forgetting),
        cmocka_unit_test(tokens),
        cmocka_unit_test(must_exist),
        cmocka_unit_test(absent_behind_a_fence),
        cmocka_unit_test(series),
    };
    return cmocka_run_group_tests_name("dynamodb_requests", tests, taped_set_up, taped_tear_down);
}
