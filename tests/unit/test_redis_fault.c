/* test_redis_fault.c: what an error reply says of the operations that it answers, in the words of servers old and new, and that
 * its text shows no arguments. */
#include "test_redis.h"

static const struct {
    const char *error;
    int status, reconnect;
    const char *says; /* part of the text */
} errors[] = {
    { "LOADING Redis is loading the dataset in memory", FOOTFALL_STORE_TEMPORARY, 0, "LOADING" },
    { "BUSY Redis is busy running a script.", FOOTFALL_STORE_TEMPORARY, 0, "BUSY" },
    { "READONLY You can't write against a read only replica.", FOOTFALL_STORE_TEMPORARY, 1, "READONLY" },
    { "MASTERDOWN Link with MASTER is down", FOOTFALL_STORE_TEMPORARY, 1, "MASTERDOWN" },
    { "CLUSTERDOWN Hash slot not served", FOOTFALL_STORE_TEMPORARY, 0, "CLUSTERDOWN" },
    { "TRYAGAIN Multiple keys request during rehashing", FOOTFALL_STORE_TEMPORARY, 0, "TRYAGAIN" },
    { "NOREPLICAS Not enough good replicas to write.", FOOTFALL_STORE_TEMPORARY, 0, "NOREPLICAS" },
    { "NOSCRIPT No matching script.", FOOTFALL_STORE_TEMPORARY, 0, "NOSCRIPT" },
    { "FFSTALE the batch was first sent too long ago", FOOTFALL_STORE_TEMPORARY, 1, "FFSTALE" },
    { "ERR max number of clients reached", FOOTFALL_STORE_TEMPORARY, 1, "max number of clients" },
    { "MOVED 3999 127.0.0.1:6381", FOOTFALL_STORE_BROKEN, 0, "Redis Cluster is not supported yet" },
    { "ASK 3999 127.0.0.1:6381", FOOTFALL_STORE_BROKEN, 0, "Redis Cluster is not supported yet" },
    { "CROSSSLOT Keys in request don't hash", FOOTFALL_STORE_BROKEN, 0, "Redis Cluster is not supported yet" },
    { "OOM command not allowed when used memory > 'maxmemory'.", FOOTFALL_STORE_BROKEN, 0, "OOM command" },
    { "MISCONF Redis is configured to save RDB snapshots", FOOTFALL_STORE_BROKEN, 0, "MISCONF" },
    { "WRONGTYPE Operation against a key", FOOTFALL_STORE_BROKEN, 0, "a key under redis.prefix is not ours" },
    { "FFFOREIGN a key of ours holds what is not ours", FOOTFALL_STORE_BROKEN, 0, "not ours" },
    { "NOAUTH Authentication required.", FOOTFALL_STORE_BROKEN, 1, "must give a password" },
    { "WRONGPASS invalid username-password pair", FOOTFALL_STORE_BROKEN, 1, "user or password is wrong" },
    { "DENIED Redis is running in protected mode", FOOTFALL_STORE_BROKEN, 1, "DENIED" },
    { "NOPERM this user has no permissions to run the 'evalsha' command", FOOTFALL_STORE_BROKEN, 0, "NOPERM" },
    /* Nothing is known of these: perhaps something was done. */
    { "NOPERM The user executing the script can't run this command", FOOTFALL_STORE_UNKNOWN, 0, "NOPERM" },
    { "ERR The user executing the script can't run this command script: f3, on @user_script:1.", FOOTFALL_STORE_UNKNOWN,
      0, "executing" },
    { "FFLATE a later batch of this writer is stored", FOOTFALL_STORE_UNKNOWN, 0, "FFLATE" },
    { "UNKILLABLE", FOOTFALL_STORE_UNKNOWN, 0, "UNKILLABLE" },
    { "ERR something new", FOOTFALL_STORE_UNKNOWN, 0, "something new" },
    { "NOSCRIPTS", FOOTFALL_STORE_UNKNOWN, 0, "NOSCRIPTS" },
    { "OOMX", FOOTFALL_STORE_UNKNOWN, 0, "OOMX" },
    { "oom", FOOTFALL_STORE_UNKNOWN, 0, "oom" },
    { " OOM", FOOTFALL_STORE_UNKNOWN, 0, "OOM" },
    { "ERR OOM", FOOTFALL_STORE_UNKNOWN, 0, "ERR OOM" },
    { "", FOOTFALL_STORE_UNKNOWN, 0, "Redis says: " },
    /* As Redis 7 puts a command's error inside a script */
    { "WRONGTYPE Operation against a key script: f3, on @user_script:48.", FOOTFALL_STORE_BROKEN, 0, "not ours" },
    /* As Redis 5 and 6 put it: the command's own, then what Redis found before it ran the command */
    { "ERR Error running script (call to f_4ba9): @user_script:12: WRONGTYPE Operation", FOOTFALL_STORE_BROKEN, 0,
      "not ours; Redis says: WRONGTYPE Operation" },
    { "ERR Error running script (call to f_4ba9): @user_script:12: @user_script: 12: -OOM command not allowed",
      FOOTFALL_STORE_BROKEN, 0, "Redis says: OOM command" },
    { "ERR Error running script (call to f_4ba9): @user_script: 12: WRONGTYPE Operation", FOOTFALL_STORE_BROKEN, 0,
      "says: WRONGTYPE Operation" },
    { "ERR Error running script (call to f_4ba9): @user_script:12: -OOM command", FOOTFALL_STORE_BROKEN, 0,
      "says: OOM" },
    { "ERR Error running script (call to f_4ba9): @user_script:3: @user_script: 3: -READONLY You can't write",
      FOOTFALL_STORE_TEMPORARY, 1, "says: READONLY" },
    { "ERR Error running script (call to f_4ba9): @user_script:3: @user_script: 3: -MISCONF Redis",
      FOOTFALL_STORE_BROKEN, 0, "says: MISCONF" },
    { "ERR Error running script (call to f_4ba9): @user_script:5: user_script:5: attempt to index a nil value",
      FOOTFALL_STORE_UNKNOWN, 0, "attempt to index" },
    { "ERR Error running script (call to f_4ba9): @user_script:x: -OOM", FOOTFALL_STORE_UNKNOWN, 0, "-OOM" },
    { "ERR Error running script (call to f_4ba9): @user_script:", FOOTFALL_STORE_UNKNOWN, 0, "@user_script" },
    { "ERR Error running script -OOM: -OOM", FOOTFALL_STORE_UNKNOWN, 0, "says: ERR Error" },
};

static redisReply error_of(char *error)
{
    redisReply reply = { 0 };
    reply.type = REDIS_REPLY_ERROR;
    reply.str = error;
    reply.len = error != NULL ? strlen(error) : 0;
    return reply;
}

static void errors_mean_what_they_prove(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        struct footfall_store_call call = call_now();
        char *error = strdup(errors[i].error);
        redisReply reply = error_of(error);
        int reconnect = 7;
        int status = footfall__redis_error(&call, &reply, &reconnect);
        if (status != errors[i].status || reconnect != errors[i].reconnect || strstr(text, errors[i].says) == NULL)
            fail_msg("%s: status %d, reconnect %d: %s", error, status, reconnect, text);
        assert_int_equal(footfall__redis_is_noscript(&reply), strncmp(error, "NOSCRIPT ", 9) == 0);
        free(error);
    }
}

static void the_first_fault_keeps_the_text(void **state)
{
    struct footfall_store_call call = call_now();
    redisReply reply = error_of(NULL);
    int reconnect = 0;
    (void)state;
    assert_int_equal(footfall__redis_fault(&call, FOOTFALL_STORE_CONFIG, "first %d", 1), FOOTFALL_STORE_CONFIG);
    assert_int_equal(footfall__redis_error(&call, &reply, &reconnect), FOOTFALL_STORE_UNKNOWN);
    assert_string_equal(text, "first 1");
    call.text_bytes = 0;
    assert_int_equal(footfall__redis_error(&call, &reply, &reconnect), FOOTFALL_STORE_UNKNOWN);
    call.text = NULL;
    assert_int_equal(footfall__redis_error(&call, &reply, &reconnect), FOOTFALL_STORE_UNKNOWN);
}

static void arguments_are_never_shown(void **state)
{
    static const char *const told[] = {
        "ERR unknown command 'AUTH', with args beginning with: 'PSWQ' 'PSWQ' ",
        "ERR unknown command `AUTH`, with args beginning with: `PSWQ`, ",
        "ERR Error running script (call to f_4ba9): @user_script:1: WRONGTYPE x, with args beginning with: `PSWQ`",
        "ERR unknown command `AUTH`, with args beginning with: `x`, with args beginning with: `PSWQ`, ",
        "WRONGPASS, with args beginning with: PSWQ",
    };
    char longest[400];
    redisReply reply;
    struct footfall_store_call call;
    int reconnect = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        char *error = strdup(told[i]);
        call = call_now();
        reply = error_of(error);
        (void)footfall__redis_error(&call, &reply, &reconnect);
        if (strstr(text, "PSWQ") != NULL || text[0] == '\0')
            fail_msg("%s: %s", error, text);
        free(error);
    }
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    memcpy(longest + 150, ", with args beginning with: PSWQ", 32);
    call = call_now();
    reply = error_of(longest);
    (void)footfall__redis_error(&call, &reply, &reconnect);
    assert_int_equal(strlen(text), strlen("Redis says: ") + 120);
    memcpy(longest, "ERR a\x1b[2J\x80\n", 11);
    call = call_now();
    (void)footfall__redis_error(&call, &reply, &reconnect);
    for (const char *at = text; *at != '\0'; at++)
        assert_in_range(*at, ' ', '~');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_mean_what_they_prove),
        cmocka_unit_test(the_first_fault_keeps_the_text),
        cmocka_unit_test(arguments_are_never_shown),
    };
    return cmocka_run_group_tests_name("redis faults", tests, NULL, NULL);
}
