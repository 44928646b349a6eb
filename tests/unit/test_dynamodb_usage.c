/* test_dynamodb_usage.c: consumed units, as replies tell them and as the rules say. */
#include "dynamodb_unit.h"

#include "usage.h"

struct counted {
    uint64_t read_x2, written;
};

static struct counted count_as(int capacity, enum dynamodb_action action, unsigned items, enum dynamodb_verdict verdict,
                               const char *reply)
{
    struct dynamodb_usage usage;
    struct dynamodb_request r = { .action = action, .items = items };
    struct counted counted;
    memset(&usage, 0, sizeof(usage));
    r.reply = reply != NULL ? json_of(reply) : NULL;
    footfall__dynamodb_count_units(&usage, capacity, &r, verdict);
    json_decref(r.reply);
    counted.read_x2 = atomic_load(&usage.read_units_x2);
    counted.written = atomic_load(&usage.write_units);
    return counted;
}

static void is(struct counted c, uint64_t read_x2, uint64_t written)
{
    assert_int_equal(c.read_x2, read_x2);
    assert_int_equal(c.written, written);
}

#define UNITS(number) "{'ConsumedCapacity':{'TableName':'T','CapacityUnits':" number "}}"

static void reads(void **state)
{
    (void)state;
    is(count_as(1, DYNAMODB_GET_ITEM, 0, DYNAMODB_IS_ANSWER, UNITS("0.5")), 1, 0);
    is(count_as(1, DYNAMODB_GET_ITEM, 0, DYNAMODB_IS_ANSWER, UNITS("1")), 2, 0);
    is(count_as(1, DYNAMODB_QUERY, 0, DYNAMODB_IS_ANSWER, UNITS("128.5")), 257, 0);
    is(count_as(1, DYNAMODB_BATCH_GET_ITEM, 0, DYNAMODB_IS_ANSWER,
                "{'ConsumedCapacity':[{'CapacityUnits':1.5},{'CapacityUnits':2.0},{'TableName':'x'}]}"),
       7, 0);
    is(count_as(0, DYNAMODB_GET_ITEM, 0, DYNAMODB_IS_ANSWER, UNITS("1")), 0, 0);
    is(count_as(1, DYNAMODB_GET_ITEM, 0, DYNAMODB_IS_ANSWER, "{}"), 0, 0);
}

static void writes(void **state)
{
    (void)state;
    is(count_as(1, DYNAMODB_UPDATE_ITEM, 1, DYNAMODB_IS_ANSWER, UNITS("1.0")), 0, 1);
    is(count_as(1, DYNAMODB_UPDATE_ITEM, 1, DYNAMODB_IS_CONDITION, "{}"), 0, 1); /* a failed condition is charged */
    is(count_as(1, DYNAMODB_UPDATE_ITEM, 1, DYNAMODB_IS_CONDITION, NULL), 0, 1);
    is(count_as(1, DYNAMODB_TRANSACT_WRITE_ITEMS, 3, DYNAMODB_IS_CANCELED, "{}"), 0, 6);
    is(count_as(1, DYNAMODB_TRANSACT_WRITE_ITEMS, 2, DYNAMODB_IS_ANSWER, UNITS("2.0")), 0,
       4); /* what is said is not asked */
    is(count_as(0, DYNAMODB_TRANSACT_WRITE_ITEMS, 2, DYNAMODB_IS_ANSWER, UNITS("2.0")), 0, 0);
}

/* Refused, throttled, in doubt: nothing is known, so nothing is counted. */
static void what_is_not_known(void **state)
{
    static const enum dynamodb_verdict verdicts[] = {
        DYNAMODB_IS_REFUSED,   DYNAMODB_IS_THROTTLED, DYNAMODB_IS_UNSIGNED, DYNAMODB_IS_STRANGER, DYNAMODB_IS_DOUBTFUL,
        DYNAMODB_IS_NOT_FOUND, DYNAMODB_IS_DENIED,    DYNAMODB_IS_INVALID,  DYNAMODB_IS_IN_USE
    };
    (void)state;
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        is(count_as(1, DYNAMODB_UPDATE_ITEM, 1, verdicts[i], UNITS("1.0")), 0, 0);
        is(count_as(1, DYNAMODB_TRANSACT_WRITE_ITEMS, 2, verdicts[i], NULL), 0, 0);
    }
}

static void nonsense(void **state)
{
    static const char *const units[] = {
        "-1", "0", "'1'", "null", "[]", "{}", "true", "1e300", "-1e300", "1e18", "9223372036854775807"
    };
    (void)state;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        char *reply = support_format("{'ConsumedCapacity':{'CapacityUnits':%s}}", units[i]);
        char *array =
            support_format("{'ConsumedCapacity':[{'CapacityUnits':%s},{'CapacityUnits':%s}]}", units[i], units[i]);
        is(count_as(1, DYNAMODB_GET_ITEM, 0, DYNAMODB_IS_ANSWER, reply), 0, 0);
        is(count_as(1, DYNAMODB_BATCH_GET_ITEM, 0, DYNAMODB_IS_ANSWER, array), 0, 0);
        is(count_as(1, DYNAMODB_UPDATE_ITEM, 1, DYNAMODB_IS_ANSWER, reply), 0, 0);
        free(array);
        free(reply);
    }
    is(count_as(1, DYNAMODB_GET_ITEM, 0, DYNAMODB_IS_ANSWER, "{'ConsumedCapacity':7}"), 0, 0);
    is(count_as(1, DYNAMODB_GET_ITEM, 0, DYNAMODB_IS_ANSWER, "{'ConsumedCapacity':[7,null,'x']}"), 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads),
        cmocka_unit_test(writes),
        cmocka_unit_test(what_is_not_known),
        cmocka_unit_test(nonsense),
    };
    return cmocka_run_group_tests_name("dynamodb usage", tests, NULL, NULL);
}
