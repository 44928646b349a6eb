/* test_dynamodb_import.c: moving in from a tutorial's table, against a client that answers from a script: what is asked, what
 * is added up, and what becomes of a transaction whose reply is lost. */
#include "dynamodb_script.h"

/* base64 of the first 16 bytes of SHA-256(generation, "old") */
#define RECORD_0 "3JPKmHVG0sCZDWe6gQb6qw=="
#define RECORD_3 "YAIWFT+p4Lplf9a6sjkANA=="

static struct footfall_store_import import;

static void begin(void)
{
    memset(&import, 0, sizeof(import));
    import.source = "old";
    import.name = "page";
    import.name_bytes = 4;
}

static int step(int *more)
{
    struct footfall_store_call call = script_call(5000);
    return footfall__dynamodb_import(THE_CLIENT, "counts", &import, more, &call);
}

/* Calls until it is done or fails. */
static int run(void)
{
    int more = 1;
    int rc = 0;
    while (rc == 0 && more)
        rc = step(&more);
    script_done();
    return rc;
}

#define SCAN_OF "'ConsistentRead':true$'TableName':'old'$'ProjectionExpression':'#a, #c, #i, #v'"
#define PAGE(reply)                                                                                                    \
    {                                                                                                                  \
        DYNAMODB_SCAN, SCAN_OF, DYNAMODB_ANSWERED, reply                                                               \
    }
#define PERSON(hash, visits) "{'ip_address':{'S':'" hash "'},'visit_count':{'N':'" visits "'}}"
#define VIEWED(id, views) "{'id':{'S':'" id "'},'views':{'N':'" views "'}}"
#define COUNTER(item)                                                                                                  \
    {                                                                                                                  \
        DYNAMODB_GET_ITEM, "'Key':{'pk':{'S':'page'},'sk':{'B':'AA=='}}$'ConsistentRead':true$'TableName':'counts'",   \
            DYNAMODB_ANSWERED, item                                                                                    \
    }
#define RECORD_OF(key, item)                                                                                           \
    {                                                                                                                  \
        DYNAMODB_GET_ITEM, "'Key':{'pk':{'S':'page\\u0000i'},'sk':{'B':'" key "'}}$'ConsistentRead':true",             \
            DYNAMODB_ANSWERED, item                                                                                    \
    }
#define RECORD(item) RECORD_OF(RECORD_0, item)
#define IMPORTED(total, unique, number) "{'Item':{'t':{'N':'" total "'},'u':{'N':'" unique "'},'n':{'N':'" number "'}}}"
#define HOLDS(total, unique) "{'Item':{'t':{'N':'" total "'},'u':{'N':'" unique "'},'d':{'S':'c'}}}"
#define SENT(says, ...)                                                                                                \
    {                                                                                                                  \
        DYNAMODB_TRANSACT_WRITE_ITEMS, says, __VA_ARGS__                                                               \
    }

static void expect(int64_t source_total, int64_t source_unique, int64_t added_total, int64_t added_unique,
                   int64_t total, int64_t unique)
{
    assert_int_equal(import.source_total, source_total);
    assert_int_equal(import.source_unique, source_unique);
    assert_int_equal(import.added_total, added_total);
    assert_int_equal(import.added_unique, added_unique);
    assert_int_equal(import.total, total);
    assert_int_equal(import.unique, unique);
    assert_string_equal(script_text, "");
    for (size_t i = 0; i < sizeof(import.cursor); i++)
        assert_int_equal(import.cursor[i], 0); /* a visitor's hash was in it */
}

static void visitors_are_added_up_page_by_page(void **state)
{
    SCRIPT(
        PAGE("{'Items':[" PERSON("aa", "3") "," PERSON("bb", "007") "],'LastEvaluatedKey':{'ip_address':{'S':'bb'}}}"),
        { DYNAMODB_SCAN, "'ExclusiveStartKey':{'ip_address':{'S':'bb'}}$" SCAN_OF, DYNAMODB_ANSWERED,
          "{'Items':[],'LastEvaluatedKey':{'ip_address':{'S':'cc'}}}" },
        { DYNAMODB_SCAN, "'ExclusiveStartKey':{'ip_address':{'S':'cc'}}$" SCAN_OF, DYNAMODB_ANSWERED,
          "{'Items':[" PERSON("dd", "0") "]}" },
        COUNTER(NULL), RECORD(NULL),
        SENT("'UpdateExpression':'SET t = if_not_exists(t, :z) + :t, u = if_not_exists(u, :z) + :u, d = :c'"
             "$'ConditionExpression':'attribute_not_exists(g) AND (attribute_not_exists(t) OR t <= :tm) AND "
             "(attribute_not_exists(u) OR u <= :um)'$':t':{'N':'10'}$':u':{'N':'3'}$':tm':{'N':'9223372036854775797'}"
             "$':um':{'N':'9223372036854775804'}$'Item':{'n':{'N':'1'},'pk':{'S':'page\\u0000i'},'sk':{'B':'" RECORD_0
             "'},'t':{'N':'10'},'u':{'N':'3'}}$'ConditionExpression':'attribute_not_exists(pk)'",
             DYNAMODB_ANSWERED),
        COUNTER(HOLDS("12", "4")), RECORD(IMPORTED("10", "3", "1")));
    (void)state;
    begin();
    assert_int_equal(run(), 0);
    expect(10, 3, 10, 3, 12, 4);
}

static void views_have_no_visitors(void **state)
{
    SCRIPT(PAGE("{'Items':[" VIEWED("home", "9223372036854775806") "," VIEWED("about", "1") "]}"), COUNTER(NULL),
           RECORD(NULL), SENT("':t':{'N':'9223372036854775807'}$':tm':{'N':'0'}", DYNAMODB_ANSWERED),
           COUNTER(HOLDS("9223372036854775807", "0")), RECORD(IMPORTED("9223372036854775807", "0", "1")));
    (void)state;
    begin();
    assert_int_equal(run(), 0);
    expect(INT64_MAX, 0, INT64_MAX, 0, INT64_MAX, 0);
}

static void a_repeat_adds_only_the_gain(void **state)
{
    SCRIPT(PAGE("{'Items':[" PERSON("aa", "5") "," PERSON("bb", "2") "]}"), COUNTER(HOLDS("100", "50")),
           RECORD(IMPORTED("4", "1", "6")),
           SENT("':t':{'N':'3'}$':u':{'N':'1'}$'ConditionExpression':'n = :n'$':n':{'N':'6'}$'n':{'N':'7'}",
                DYNAMODB_ANSWERED),
           COUNTER(HOLDS("103", "51")), RECORD(IMPORTED("7", "2", "7")));
    (void)state;
    begin();
    assert_int_equal(run(), 0);
    expect(7, 2, 3, 1, 103, 51);
}

static void nothing_gained_sends_nothing(void **state)
{
    SCRIPT(PAGE("{'Items':[" PERSON("aa", "4") "]}"), COUNTER(HOLDS("100", "50")), RECORD(IMPORTED("4", "1", "6")));
    (void)state;
    begin();
    assert_int_equal(run(), 0);
    expect(4, 1, 0, 0, 100, 50);
}

static void a_table_of_zeros_makes_the_counter(void **state)
{
    SCRIPT(PAGE("{'Items':[" VIEWED("home", "0") "]}"), COUNTER(NULL), RECORD(NULL),
           SENT("':t':{'N':'0'}", DYNAMODB_ANSWERED), COUNTER(HOLDS("0", "0")), RECORD(IMPORTED("0", "0", "1")));
    (void)state;
    begin();
    assert_int_equal(run(), 0);
    expect(0, 0, 0, 0, 0, 0);
}

static void a_deleted_counter_gets_all_of_it_again(void **state)
{
    SCRIPT(PAGE("{'Items':[" PERSON("aa", "4") "]}"), COUNTER("{'Item':{'g':{'N':'3'},'r':{'N':'3'},'d':{'S':'x'}}}"),
           RECORD_OF(RECORD_3, NULL),
           SENT("'ConditionExpression':'g = :g AND $':g':{'N':'3'}$':t':{'N':'4'}", DYNAMODB_ANSWERED),
           COUNTER("{'Item':{'g':{'N':'3'},'t':{'N':'4'},'u':{'N':'1'}}}"),
           RECORD_OF(RECORD_3, IMPORTED("4", "1", "1")));
    (void)state;
    begin();
    assert_int_equal(run(), 0);
    expect(4, 1, 4, 1, 4, 1);
}

static void a_failed_condition_is_looked_at_again(void **state)
{
    SCRIPT(PAGE("{'Items':[" PERSON("aa", "9") "]}"), COUNTER(NULL), RECORD(IMPORTED("4", "1", "1")),
           SENT("':t':{'N':'5'}$':n':{'N':'1'}", DYNAMODB_CANCELED), COUNTER(NULL), RECORD(IMPORTED("6", "1", "2")),
           SENT("':t':{'N':'3'}$':n':{'N':'2'}", DYNAMODB_ANSWERED), COUNTER(HOLDS("9", "1")),
           RECORD(IMPORTED("9", "1", "3")));
    (void)state;
    begin();
    assert_int_equal(run(), 0);
    expect(9, 1, 3, 0, 9, 1);
}

static void a_lost_reply_is_resolved_by_the_record(void **state)
{
    int more = 0;
    (void)state;
    { /* it had been applied */
        SCRIPT(PAGE("{'Items':[" PERSON("aa", "9") "]}"), COUNTER(NULL), RECORD(NULL),
               SENT("':t':{'N':'9'}", DYNAMODB_NO_ANSWER, NULL, 1), COUNTER(HOLDS("9", "1")),
               RECORD(IMPORTED("9", "1", "1")));
        begin();
        assert_int_equal(step(&more), 0);
        assert_true(more);
        assert_int_equal(step(&more), FOOTFALL_STORE_UNKNOWN);
        assert_int_equal(run(), 0);
        expect(9, 1, 9, 1, 9, 1);
    }
    { /* it had not, and a copy may still come: the same condition lets in one of the two */
        SCRIPT(PAGE("{'Items':[" PERSON("aa", "9") "]}"), COUNTER(NULL), RECORD(NULL),
               SENT("'ConditionExpression':'attribute_not_exists(pk)'", DYNAMODB_NO_ANSWER, NULL, 1), COUNTER(NULL),
               RECORD(NULL), SENT("'ConditionExpression':'attribute_not_exists(pk)'", DYNAMODB_CANCELED),
               COUNTER(HOLDS("9", "1")), RECORD(IMPORTED("9", "1", "1")));
        begin();
        assert_int_equal(step(&more), 0);
        assert_int_equal(step(&more), FOOTFALL_STORE_UNKNOWN);
        assert_int_equal(run(), 0);
        expect(9, 1, 9, 1, 9, 1);
    }
    { /* whatever is found wrong then, the first may still land */
        SCRIPT(PAGE("{'Items':[" PERSON("aa", "9") "]}"), COUNTER(NULL), RECORD(NULL),
               SENT(NULL, DYNAMODB_CANCELED, NULL, 1), COUNTER(HOLDS("9223372036854775807", "1")), RECORD(NULL));
        begin();
        assert_int_equal(run(), FOOTFALL_STORE_UNKNOWN);
    }
    { /* refused each time: not applied */
        SCRIPT(PAGE("{'Items':[" PERSON("aa", "9") "]}"), COUNTER(NULL), RECORD(NULL), SENT(NULL, DYNAMODB_NO_ANSWER));
        begin();
        assert_int_equal(run(), FOOTFALL_STORE_TEMPORARY);
    }
}

static void what_is_no_tutorials_table_is_refused(void **state)
{
    static const struct {
        const char *items, *text;
        int status;
    } cases[] = {
        { "", "table old is empty", FOOTFALL_STORE_INVALID },
        { "{}", "table old: an item has neither ip_address and visit_count, nor id and views", FOOTFALL_STORE_INVALID },
        { "{'id':{'S':'x'},'visit_count':{'N':'1'}}",
          "table old: an item has neither ip_address and visit_count, nor id and views", FOOTFALL_STORE_INVALID },
        { "{'ip_address':{'S':'x'},'visit_count':{'N':'1'},'views':{'N':'1'}}",
          "table old: an item has neither ip_address and visit_count, nor id and views", FOOTFALL_STORE_INVALID },
        { PERSON("aa", "1") "," VIEWED("x", "1"),
          "table old: some items have ip_address and visit_count, others id and views", FOOTFALL_STORE_INVALID },
        { "{'ip_address':{'S':'x'},'visit_count':{'S':'1'}}", "table old: visit_count of an item is not a number",
          FOOTFALL_STORE_INVALID },
        { PERSON("aa", "-1"),
          "table old: visit_count of an item is -1, not a whole number from 0 to 9223372036854775807",
          FOOTFALL_STORE_INVALID },
        { VIEWED("x", "1.5"), "table old: views of an item is 1.5, not a whole number from 0 to 9223372036854775807",
          FOOTFALL_STORE_INVALID },
        { VIEWED("x", "1E+2"), "table old: views of an item is 1E+2, not a whole number from 0 to 9223372036854775807",
          FOOTFALL_STORE_INVALID },
        { VIEWED("x", "9223372036854775808"),
          "table old: views of an item is 9223372036854775808, not a whole number from 0 to 9223372036854775807",
          FOOTFALL_STORE_INVALID },
        { VIEWED("x", ""), "table old: views of an item is , not a whole number from 0 to 9223372036854775807",
          FOOTFALL_STORE_INVALID },
        { VIEWED("x", "9223372036854775807") "," VIEWED("y", "1"),
          "table old: the sum of views is larger than 9223372036854775807", FOOTFALL_STORE_RANGE },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char page[1024];
        snprintf(page, sizeof(page), "{'Items':[%s]}", cases[i].items);
        SCRIPT(PAGE(page));
        begin();
        assert_int_equal(run(), cases[i].status);
        assert_string_equal(script_text, cases[i].text);
    }
}

static void other_refusals(void **state)
{
    (void)state;
    {
        SCRIPT({ DYNAMODB_SCAN, NULL, DYNAMODB_NOT_FOUND });
        begin();
        assert_int_equal(run(), FOOTFALL_STORE_INVALID);
        assert_string_equal(script_text, "there is no table old in region eu-west-1");
    }
    {
        SCRIPT({ DYNAMODB_SCAN, NULL, DYNAMODB_DENIED });
        begin();
        assert_int_equal(run(), FOOTFALL_STORE_BROKEN);
    }
    {
        SCRIPT(PAGE("{'Items':[" VIEWED("x", "3") "]}"), COUNTER(HOLDS("10", "0")), RECORD(IMPORTED("4", "0", "1")));
        begin();
        assert_int_equal(run(), FOOTFALL_STORE_INVALID);
        assert_string_equal(script_text, "table old holds fewer (3, 0) than were imported from it before (4, 0)");
    }
    {
        SCRIPT(PAGE("{'Items':[" VIEWED("x", "3") "]}"), COUNTER(HOLDS("9223372036854775805", "0")), RECORD(NULL));
        begin();
        assert_int_equal(run(), FOOTFALL_STORE_RANGE);
    }
    {
        SCRIPT(PAGE("{'Items':[" VIEWED("x", "3") "]}"), COUNTER("{'Item':{'t':{'S':'a'}}}"));
        begin();
        assert_int_equal(run(), FOOTFALL_STORE_BROKEN);
    }
    {
        SCRIPT({ DYNAMODB_SCAN, NULL, DYNAMODB_NOT_FOUND });
        script_begin(steps_, 0);
        begin();
        import.source = "no table";
        assert_int_equal(run(), FOOTFALL_STORE_INVALID);
        import.source = "counts";
        assert_int_equal(run(), FOOTFALL_STORE_INVALID);
    }
}

static void a_failed_page_counts_once(void **state)
{
    int more = 0;
    SCRIPT({ DYNAMODB_SCAN, NULL, DYNAMODB_NO_ANSWER },
           PAGE("{'Items':[" VIEWED("x", "3") "],'LastEvaluatedKey':{'id':{'S':'x'}}}"),
           { DYNAMODB_SCAN, "'ExclusiveStartKey':{'id':{'S':'x'}}", DYNAMODB_NO_ANSWER },
           { DYNAMODB_SCAN, "'ExclusiveStartKey':{'id':{'S':'x'}}", DYNAMODB_ANSWERED,
             "{'Items':[" VIEWED("y", "4") "],'LastEvaluatedKey':{}}" });
    (void)state;
    begin();
    assert_int_equal(step(&more), FOOTFALL_STORE_TEMPORARY);
    assert_int_equal(step(&more), 0);
    assert_int_equal(step(&more), FOOTFALL_STORE_TEMPORARY);
    assert_int_equal(step(&more), 0);
    assert_true(more);
    assert_int_equal(import.source_total, 7);
    assert_true(import.all_read);
    script_done();
}

/* Memory runs out at any one place: nothing is done wrong, and once there is some again the import goes on. */
static void no_memory(void **state)
{
    int failed = 1;
    (void)state;
    for (int allocations = 0; failed; allocations++) {
        SCRIPT(PAGE("{'Items':[" PERSON("aa", "3") "],'LastEvaluatedKey':{'ip_address':{'S':'aa'}}}"),
               PAGE("{'Items':[" PERSON("bb", "4") "]}"), COUNTER("{'Item':{'g':{'N':'3'},'d':{'S':'x'}}}"),
               RECORD_OF(RECORD_3, IMPORTED("1", "1", "1")), SENT("':t':{'N':'6'}", DYNAMODB_ANSWERED),
               COUNTER("{'Item':{'g':{'N':'3'},'t':{'N':'7'},'u':{'N':'2'}}}"),
               RECORD_OF(RECORD_3, IMPORTED("7", "2", "2")));
        int more = 1;
        int rc = 0;
        begin();
        script_memory(allocations);
        while (rc == 0 && more)
            rc = step(&more);
        script_memory(-1);
        failed = rc != 0;
        assert_int_equal(rc, failed ? FOOTFALL_STORE_NO_MEMORY : 0);
    }
    script_done();
    expect(7, 2, 6, 1, 7, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(visitors_are_added_up_page_by_page),
        cmocka_unit_test(views_have_no_visitors),
        cmocka_unit_test(a_repeat_adds_only_the_gain),
        cmocka_unit_test(nothing_gained_sends_nothing),
        cmocka_unit_test(a_table_of_zeros_makes_the_counter),
        cmocka_unit_test(a_deleted_counter_gets_all_of_it_again),
        cmocka_unit_test(a_failed_condition_is_looked_at_again),
        cmocka_unit_test(a_lost_reply_is_resolved_by_the_record),
        cmocka_unit_test(what_is_no_tutorials_table_is_refused),
        cmocka_unit_test(other_refusals),
        cmocka_unit_test(a_failed_page_counts_once),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests_name("dynamodb_import", tests, NULL, NULL);
}
