/* test_dynamodb_tables.c: making the tables and looking at them, against a client that answers from a script. */
#include "dynamodb_script.h"

#define COUNTS(status, index_status)                                                                                   \
    "{'Table':{'TableStatus':'" status "','KeySchema':[{'AttributeName':'pk','KeyType':'HASH'},"                       \
    "{'AttributeName':'sk','KeyType':'RANGE'}],'AttributeDefinitions':[{'AttributeName':'pk','AttributeType':'S'},"    \
    "{'AttributeName':'sk','AttributeType':'B'},{'AttributeName':'d','AttributeType':'S'}],"                           \
    "'BillingModeSummary':{'BillingMode':'PAY_PER_REQUEST'},'DeletionProtectionEnabled':true,"                         \
    "'GlobalSecondaryIndexes':[{'IndexName':'list','IndexStatus':'" index_status "','KeySchema':"                      \
    "[{'AttributeName':'d','KeyType':'HASH'},{'AttributeName':'pk','KeyType':'RANGE'}],"                               \
    "'Projection':{'ProjectionType':'KEYS_ONLY'}}]}}"
#define KEYS_WITH(more)                                                                                                \
    "{'Table':{'TableStatus':'ACTIVE','KeySchema':[{'AttributeName':'pk','KeyType':'HASH'},"                           \
    "{'AttributeName':'sk','KeyType':'RANGE'}],'AttributeDefinitions':[{'AttributeName':'pk','AttributeType':'S'},"    \
    "{'AttributeName':'sk','AttributeType':'B'}]" more "}}"
#define KEYS KEYS_WITH(",'BillingModeSummary':{'BillingMode':'PAY_PER_REQUEST'}")
#define TTL(state, attribute)                                                                                          \
    "{'TimeToLiveDescription':{'TimeToLiveStatus':'" state "','AttributeName':'" attribute "'}}"
#define TTL_OFF "{'TimeToLiveDescription':{'TimeToLiveStatus':'DISABLED'}}"
#define ON TTL("ENABLED", "e")

#define LOOK_FOR(table, ...)                                                                                           \
    {                                                                                                                  \
        DYNAMODB_DESCRIBE_TABLE, "'TableName':'" table "'", __VA_ARGS__                                                \
    }
#define EXPIRY_OF(table, ...)                                                                                          \
    {                                                                                                                  \
        DYNAMODB_DESCRIBE_TIME_TO_LIVE, "'TableName':'" table "'", __VA_ARGS__                                         \
    }
#define SWITCH(table, ...)                                                                                             \
    {                                                                                                                  \
        DYNAMODB_UPDATE_TIME_TO_LIVE,                                                                                  \
            "'TableName':'" table "'$'TimeToLiveSpecification':{'AttributeName':'e','Enabled':true}", __VA_ARGS__      \
    }
#define MAKE(table, ...)                                                                                               \
    {                                                                                                                  \
        DYNAMODB_CREATE_TABLE, "'BillingMode':'PAY_PER_REQUEST'$'TableName':'" table "'", __VA_ARGS__                  \
    }

static int create(int64_t within_ms)
{
    struct footfall_store_call call = script_call(within_ms);
    return footfall__dynamodb_create_tables(THE_CLIENT, "counts", "keys", &call);
}

static void makes_what_is_missing(void **state)
{
    SCRIPT(LOOK_FOR("counts", DYNAMODB_NOT_FOUND), LOOK_FOR("keys", DYNAMODB_NOT_FOUND),
           { DYNAMODB_CREATE_TABLE,
             "'TableName':'counts'$'GlobalSecondaryIndexes':[{'IndexName':'list','KeySchema':[{'AttributeName':'d',"
             "'KeyType':'HASH'},{'AttributeName':'pk','KeyType':'RANGE'}],'Projection':{'ProjectionType':'KEYS_ONLY'}}]"
             "$'KeySchema':[{'AttributeName':'pk','KeyType':'HASH'},{'AttributeName':'sk','KeyType':'RANGE'}]"
             "$'AttributeDefinitions':[{'AttributeName':'pk','AttributeType':'S'},{'AttributeName':'sk',"
             "'AttributeType':'B'},{'AttributeName':'d','AttributeType':'S'}]",
             DYNAMODB_ANSWERED },
           MAKE("keys", DYNAMODB_ANSWERED), LOOK_FOR("counts", DYNAMODB_NOT_FOUND), /* not to be seen yet */
           LOOK_FOR("counts", DYNAMODB_ANSWERED, COUNTS("CREATING", "CREATING")),
           LOOK_FOR("counts", DYNAMODB_ANSWERED, COUNTS("ACTIVE", "CREATING")),
           LOOK_FOR("counts", DYNAMODB_ANSWERED, COUNTS("ACTIVE", "ACTIVE")), LOOK_FOR("keys", DYNAMODB_ANSWERED, KEYS),
           EXPIRY_OF("counts", DYNAMODB_ANSWERED, TTL_OFF), SWITCH("counts", DYNAMODB_ANSWERED),
           EXPIRY_OF("keys", DYNAMODB_ANSWERED, TTL_OFF), SWITCH("keys", DYNAMODB_ANSWERED));
    (void)state;
    assert_int_equal(create(5000), 0);
    assert_string_equal(script_text, "");
    script_done();
}

static void leaves_what_is_there(void **state)
{
    SCRIPT(
        LOOK_FOR("counts", DYNAMODB_ANSWERED, COUNTS("ACTIVE", "ACTIVE")), EXPIRY_OF("counts", DYNAMODB_ANSWERED, ON),
        LOOK_FOR("keys", DYNAMODB_ANSWERED, KEYS), EXPIRY_OF("keys", DYNAMODB_ANSWERED, TTL("ENABLING", "e")),
        LOOK_FOR("counts", DYNAMODB_ANSWERED, COUNTS("UPDATING", "ACTIVE")), LOOK_FOR("keys", DYNAMODB_ANSWERED, KEYS),
        EXPIRY_OF("counts", DYNAMODB_ANSWERED, ON), EXPIRY_OF("keys", DYNAMODB_ANSWERED, ON));
    (void)state;
    assert_int_equal(create(5000), 0);
    script_done();
}

static void another_process_may_be_faster(void **state)
{
    SCRIPT(LOOK_FOR("counts", DYNAMODB_NOT_FOUND), LOOK_FOR("keys", DYNAMODB_NOT_FOUND),
           MAKE("counts", DYNAMODB_IN_USE), MAKE("keys", DYNAMODB_IN_USE),
           LOOK_FOR("counts", DYNAMODB_ANSWERED, COUNTS("ACTIVE", "ACTIVE")), LOOK_FOR("keys", DYNAMODB_ANSWERED, KEYS),
           EXPIRY_OF("counts", DYNAMODB_ANSWERED, TTL_OFF), SWITCH("counts", DYNAMODB_INVALID),
           EXPIRY_OF("counts", DYNAMODB_ANSWERED, ON), EXPIRY_OF("keys", DYNAMODB_ANSWERED, ON));
    (void)state;
    assert_int_equal(create(5000), 0);
    assert_string_equal(script_text, "");
    script_done();
}

static void not_ready_by_the_deadline_is_temporary(void **state)
{
    SCRIPT(LOOK_FOR("counts", DYNAMODB_ANSWERED, COUNTS("CREATING", "CREATING")),
           LOOK_FOR("keys", DYNAMODB_ANSWERED, KEYS), EXPIRY_OF("keys", DYNAMODB_ANSWERED, ON),
           LOOK_FOR("counts", DYNAMODB_ANSWERED, COUNTS("CREATING", "CREATING")));
    (void)state;
    assert_int_equal(create(10), FOOTFALL_STORE_TEMPORARY);
    assert_string_equal(script_text, "table counts is still being made; try again in a moment");
    script_done();
}

static void other_keys_are_refused_and_nothing_is_made(void **state)
{
    (void)state;
    {
        SCRIPT(LOOK_FOR("counts", DYNAMODB_NOT_FOUND),
               LOOK_FOR("keys", DYNAMODB_ANSWERED,
                        "{'Table':{'TableStatus':'ACTIVE','KeySchema':[{'AttributeName':'id','KeyType':'HASH'}],"
                        "'AttributeDefinitions':[{'AttributeName':'id','AttributeType':'S'}]}}"));
        assert_int_equal(create(5000), FOOTFALL_STORE_BROKEN);
        assert_string_equal(script_text, "table keys is not one of ours: its keys are not pk (S) and sk (B)");
        script_done();
    }
    {
        SCRIPT(LOOK_FOR("counts", DYNAMODB_ANSWERED, KEYS));
        assert_int_equal(create(5000), FOOTFALL_STORE_BROKEN);
        assert_string_equal(script_text,
                            "table counts is not one of ours: it has no index 'list' with keys d (S) and pk (S)");
        script_done();
    }
    {
        SCRIPT(LOOK_FOR("counts", DYNAMODB_ANSWERED, COUNTS("ACTIVE", "ACTIVE")),
               EXPIRY_OF("counts", DYNAMODB_ANSWERED, TTL("ENABLED", "expires")));
        assert_int_equal(create(5000), FOOTFALL_STORE_BROKEN);
        assert_string_equal(script_text, "items of table counts expire by 'expires', not by 'e'");
        script_done();
    }
}

static void refusals_are_passed_on(void **state)
{
    (void)state;
    {
        SCRIPT(LOOK_FOR("counts", DYNAMODB_DENIED));
        assert_int_equal(create(5000), FOOTFALL_STORE_BROKEN);
        assert_string_equal(script_text, "DescribeTable: answer 6");
        script_done();
    }
    {
        SCRIPT(LOOK_FOR("counts", DYNAMODB_NOT_FOUND), LOOK_FOR("keys", DYNAMODB_NOT_FOUND),
               MAKE("counts", DYNAMODB_NO_ANSWER));
        assert_int_equal(create(5000), FOOTFALL_STORE_TEMPORARY);
        script_done();
    }
    {
        SCRIPT(LOOK_FOR("counts", DYNAMODB_ANSWERED, COUNTS("ACTIVE", "ACTIVE")),
               EXPIRY_OF("counts", DYNAMODB_ANSWERED, TTL("DISABLING", "e")));
        assert_int_equal(create(5000), FOOTFALL_STORE_TEMPORARY);
        script_done();
    }
}

static void names_of_tables(void **state)
{
    char name[258];
    (void)state;
    memset(name, 'a', sizeof(name));
    name[256] = '\0';
    assert_false(footfall__dynamodb_is_table(name));
    name[255] = '\0';
    assert_true(footfall__dynamodb_is_table(name));
    assert_true(footfall__dynamodb_is_table("A_b.c-9"));
    assert_false(footfall__dynamodb_is_table("ab"));
    assert_false(footfall__dynamodb_is_table(""));
    assert_false(footfall__dynamodb_is_table("ab c"));
    assert_false(footfall__dynamodb_is_table("caf\xc3\xa9"));
}

/* ---- check ---------------------------------------------------------------------------------------------------------------- */

static char findings[8192]; /* "2 text\n" for each */

static void each_finding(void *user, int severity, const char *text, const char *advice)
{
    size_t bytes = strlen(findings);
    (void)user;
    assert_true(severity == 0 ? advice == NULL : advice != NULL);
    snprintf(findings + bytes, sizeof(findings) - bytes, "%d %s\n", severity, text);
}

static int makes_tables;

static int check(void)
{
    struct footfall_store_call call = script_call(5000);
    findings[0] = '\0';
    return footfall__dynamodb_check(THE_CLIENT, "counts", "keys", makes_tables, each_finding, NULL, &call);
}

#define BACKUPS(table, ...)                                                                                            \
    {                                                                                                                  \
        DYNAMODB_DESCRIBE_CONTINUOUS_BACKUPS, "'TableName':'" table "'", __VA_ARGS__                                   \
    }
#define PITR(state)                                                                                                    \
    "{'ContinuousBackupsDescription':{'ContinuousBackupsStatus':'ENABLED','PointInTimeRecoveryDescription':"           \
    "{'PointInTimeRecoveryStatus':'" state "'}}}"
#define NEVER "'ConditionExpression':'attribute_exists(pk) AND attribute_not_exists(pk)'"
#define NOBODY "{'pk':{'S':'\\u0000check'},'sk':{'B':'AA=='}}"
#define PROBE_COUNTS(update)                                                                                           \
    { DYNAMODB_GET_ITEM, "'Key':" NOBODY, DYNAMODB_ANSWERED }, { DYNAMODB_BATCH_GET_ITEM, NOBODY, DYNAMODB_ANSWERED }, \
        { DYNAMODB_QUERY, "'Limit':1", DYNAMODB_ANSWERED },                                                            \
        { DYNAMODB_QUERY, "'IndexName':'list'$'Limit':1", DYNAMODB_ANSWERED },                                         \
        { DYNAMODB_UPDATE_ITEM, NEVER "$'Key':" NOBODY, update },                                                      \
        { DYNAMODB_PUT_ITEM, NEVER "$'Item':" NOBODY, DYNAMODB_CONDITION },                                            \
        { DYNAMODB_DELETE_ITEM, NEVER "$'Key':" NOBODY, DYNAMODB_CONDITION },                                          \
    {                                                                                                                  \
        DYNAMODB_TRANSACT_WRITE_ITEMS, "'ConditionCheck':{" NEVER "$'Key':" NOBODY, DYNAMODB_CANCELED                  \
    }
#define PROBE_KEYS                                                                                                     \
    { DYNAMODB_QUERY, "'TableName':'keys'", DYNAMODB_ANSWERED },                                                       \
        { DYNAMODB_PUT_ITEM, NEVER "$'TableName':'keys'", DYNAMODB_CONDITION },                                        \
    {                                                                                                                  \
        DYNAMODB_DELETE_ITEM, NEVER "$'TableName':'keys'", DYNAMODB_CONDITION                                          \
    }

static void all_is_well(void **state)
{
    SCRIPT(LOOK_FOR("counts", DYNAMODB_ANSWERED, COUNTS("ACTIVE", "ACTIVE")),
           EXPIRY_OF("counts", DYNAMODB_ANSWERED, ON), BACKUPS("counts", DYNAMODB_ANSWERED, PITR("ENABLED")),
           PROBE_COUNTS(DYNAMODB_CONDITION), LOOK_FOR("keys", DYNAMODB_ANSWERED, KEYS),
           EXPIRY_OF("keys", DYNAMODB_ANSWERED, ON), BACKUPS("keys", DYNAMODB_ANSWERED, PITR("DISABLED")), PROBE_KEYS);
    (void)state;
    script_clock_ahead_ms = 0;
    assert_int_equal(check(), 0);
    assert_string_equal(findings, "0 Table counts is there and has the keys that it should.\n"
                                  "0 Table counts is billed on demand.\n"
                                  "0 What is out of date expires from table counts.\n"
                                  "0 Table counts has point-in-time recovery.\n"
                                  "0 The rights to count in table counts are there.\n"
                                  "0 Table keys is there and has the keys that it should.\n"
                                  "0 Table keys is billed on demand.\n"
                                  "0 What is out of date expires from table keys.\n"
                                  "0 Table keys has no point-in-time recovery: erased keys are gone.\n"
                                  "0 The rights to count in table keys are there.\n"
                                  "0 The service's clock agrees with this host's.\n");
    assert_string_equal(script_text, "");
    script_done();
}

static void all_is_wrong(void **state)
{
    SCRIPT(LOOK_FOR("counts", DYNAMODB_ANSWERED,
                    KEYS_WITH(",'ProvisionedThroughput':{'ReadCapacityUnits':5,'WriteCapacityUnits':3},"
                              "'Replicas':[{'RegionName':'eu-west-2'}]")),
           EXPIRY_OF("counts", DYNAMODB_ANSWERED, TTL("ENABLED", "t")),
           BACKUPS("counts", DYNAMODB_ANSWERED, PITR("DISABLED")), { DYNAMODB_GET_ITEM, NULL, DYNAMODB_DENIED },
           { DYNAMODB_BATCH_GET_ITEM, NULL, DYNAMODB_DENIED }, { DYNAMODB_QUERY, NULL, DYNAMODB_DENIED },
           { DYNAMODB_UPDATE_ITEM, NULL, DYNAMODB_DENIED }, { DYNAMODB_PUT_ITEM, NULL, DYNAMODB_DENIED },
           { DYNAMODB_DELETE_ITEM, NULL, DYNAMODB_DENIED },
           { DYNAMODB_TRANSACT_WRITE_ITEMS, "'TransactItems':[{'ConditionCheck'", DYNAMODB_DENIED },
           LOOK_FOR("keys", DYNAMODB_ANSWERED, KEYS), EXPIRY_OF("keys", DYNAMODB_ANSWERED, TTL_OFF),
           BACKUPS("keys", DYNAMODB_ANSWERED, PITR("ENABLED")), PROBE_KEYS);
    (void)state;
    script_clock_ahead_ms = -90000;
    assert_int_equal(check(), 0);
    script_clock_ahead_ms = 0;
    assert_string_equal(
        findings, "3 Table counts is not one of ours: it has no index 'list' with keys d (S) and pk (S).\n"
                  "1 Table counts has bought capacity (5 reads, 3 writes a second): above it, counting is throttled.\n"
                  "3 Table counts is a global table (1 replicas), where the last writer wins: counts would be lost.\n"
                  "1 Table counts can be deleted by one request.\n"
                  "3 Items of table counts expire by attribute t, not by e.\n"
                  "1 Table counts has no point-in-time recovery.\n"
                  "3 There is no right to GetItem on table counts.\n"
                  "3 There is no right to BatchGetItem on table counts.\n"
                  "3 There is no right to Query on table counts.\n"
                  "3 There is no right to UpdateItem on table counts.\n"
                  "3 There is no right to PutItem on table counts.\n"
                  "3 There is no right to DeleteItem on table counts.\n"
                  "3 There is no right to ConditionCheckItem on table counts.\n"
                  "0 Table keys is there and has the keys that it should.\n"
                  "0 Table keys is billed on demand.\n"
                  "2 Nothing expires in table keys by itself: keys go only while a process counts.\n"
                  "3 Table keys is backed up: keys that were erased live on in its backups, and with them who came.\n"
                  "0 The rights to count in table keys are there.\n"
                  "2 The service's clock is 90 s off this host's.\n");
    script_done();
}

static void what_is_not_told_is_a_note(void **state)
{
    SCRIPT(LOOK_FOR("counts", DYNAMODB_DENIED), EXPIRY_OF("counts", DYNAMODB_DENIED),
           BACKUPS("counts", DYNAMODB_INVALID), PROBE_COUNTS(DYNAMODB_CONDITION), LOOK_FOR("keys", DYNAMODB_NOT_FOUND));
    (void)state;
    assert_int_equal(check(), 0);
    assert_string_equal(
        findings,
        "1 State and keys of table counts: not told (no right to DescribeTable).\n"
        "1 Expiry of table counts: not told (no right to DescribeTimeToLive).\n"
        "1 Point-in-time recovery of table counts: not told (the service does not answer DescribeContinuousBackups).\n"
        "0 The rights to count in table counts are there.\n"
        "3 There is no table keys in region eu-west-1.\n"
        "0 The service's clock agrees with this host's.\n");
    assert_string_equal(script_text, "");
    script_done();
}

static void tables_that_opening_makes(void **state)
{
    SCRIPT(LOOK_FOR("counts", DYNAMODB_NOT_FOUND), LOOK_FOR("keys", DYNAMODB_NOT_FOUND));
    (void)state;
    makes_tables = 1;
    assert_int_equal(check(), 0);
    makes_tables = 0;
    assert_string_equal(findings, "1 There is no table counts yet in region eu-west-1.\n"
                                  "1 There is no table keys yet in region eu-west-1.\n"
                                  "0 The service's clock agrees with this host's.\n");
    script_done();
}

static void a_stranger_is_told_so_once(void **state)
{
    SCRIPT(LOOK_FOR("counts", DYNAMODB_STRANGER));
    (void)state;
    assert_int_equal(check(), 0);
    assert_string_equal(findings, "3 There are no credentials that the service accepts: DescribeTable: answer 7\n");
    assert_string_equal(script_text, "");
    script_done();
}

static void no_answer_ends_the_check(void **state)
{
    SCRIPT(LOOK_FOR("counts", DYNAMODB_NO_ANSWER));
    (void)state;
    assert_int_equal(check(), FOOTFALL_STORE_TEMPORARY);
    assert_string_equal(findings, "");
    script_done();
}

static void no_memory(void **state)
{
    int failed = 1;
    (void)state;
    for (int allocations = 0; failed; allocations++) {
        SCRIPT(LOOK_FOR("counts", DYNAMODB_NOT_FOUND), LOOK_FOR("keys", DYNAMODB_NOT_FOUND),
               MAKE("counts", DYNAMODB_ANSWERED), MAKE("keys", DYNAMODB_ANSWERED),
               LOOK_FOR("counts", DYNAMODB_ANSWERED, COUNTS("ACTIVE", "ACTIVE")),
               LOOK_FOR("keys", DYNAMODB_ANSWERED, KEYS), EXPIRY_OF("counts", DYNAMODB_ANSWERED, TTL_OFF),
               SWITCH("counts", DYNAMODB_ANSWERED), EXPIRY_OF("keys", DYNAMODB_ANSWERED, ON));
        int rc = 0;
        script_memory(allocations);
        rc = create(5000);
        script_memory(-1);
        failed = rc != 0;
        assert_int_equal(rc, failed ? FOOTFALL_STORE_NO_MEMORY : 0);
    }
    script_done();
    failed = 1;
    for (int allocations = 0; failed; allocations++) {
        SCRIPT(LOOK_FOR("counts", DYNAMODB_DENIED), EXPIRY_OF("counts", DYNAMODB_ANSWERED, ON),
               BACKUPS("counts", DYNAMODB_INVALID), PROBE_COUNTS(DYNAMODB_CONDITION),
               LOOK_FOR("keys", DYNAMODB_NOT_FOUND));
        int rc = 0;
        script_memory(allocations);
        rc = check();
        script_memory(-1);
        failed = rc != 0;
        assert_int_equal(rc, failed ? FOOTFALL_STORE_NO_MEMORY : 0);
    }
    script_done();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_what_is_missing),
        cmocka_unit_test(leaves_what_is_there),
        cmocka_unit_test(another_process_may_be_faster),
        cmocka_unit_test(not_ready_by_the_deadline_is_temporary),
        cmocka_unit_test(other_keys_are_refused_and_nothing_is_made),
        cmocka_unit_test(refusals_are_passed_on),
        cmocka_unit_test(names_of_tables),
        cmocka_unit_test(all_is_well),
        cmocka_unit_test(all_is_wrong),
        cmocka_unit_test(what_is_not_told_is_a_note),
        cmocka_unit_test(tables_that_opening_makes),
        cmocka_unit_test(a_stranger_is_told_so_once),
        cmocka_unit_test(no_answer_ends_the_check),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests_name("dynamodb_tables", tests, NULL, NULL);
}
