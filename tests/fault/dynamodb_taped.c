/* dynamodb_taped.c: handles on a tape (dynamodb_taped.h). */
#include "dynamodb_taped.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "handle.h"
#include "tables.h"

enum { NAME_BYTES = 128, MOST_SETTINGS = 16 };

struct dynamodb_tape *taped;

static struct dynamodb_client *direct; /* past the tape */
static char table[NAME_BYTES], keys[NAME_BYTES], through[64];
static _Atomic int64_t clock_ms;

static struct footfall_store_call call_within(int64_t ms)
{
    static char text[256];
    struct footfall_store_call call = { .text = text, .text_bytes = sizeof(text) };
    text[0] = '\0';
    call.deadline_ms = footfall__boottime_ms() + ms;
    call.wall_ms = footfall__wall_ms();
    return call;
}

static json_t *look(const char *at, json_t *key)
{
    struct footfall_store_call call = call_within(10000);
    json_t *reply = NULL, *item = NULL;
    json_t *body = json_pack("{s:s, s:o, s:b}", "TableName", at, "Key", key, "ConsistentRead", 1);
    if (footfall__dynamodb_ask(direct, DYNAMODB_GET_ITEM, body, &reply, &call) != DYNAMODB_ANSWERED)
        fail_msg("GetItem: %s", call.text);
    item = json_incref(json_object_get(reply, "Item"));
    json_decref(reply);
    return item;
}

int taped_set_up(void **state)
{
    const char *url = getenv("FOOTFALL_TEST_DYNAMODB_URL"), *port = getenv("FOOTFALL_TEST_DYNAMODB_PORT");
    const char *prefix = getenv("FOOTFALL_TEST_NAME_PREFIX");
    const struct dynamodb_client_options options = { .endpoint = url };
    struct footfall_store_call call = call_within(20000);
    (void)state;
    assert_true(url != NULL && port != NULL && prefix != NULL);
    (void)snprintf(table, sizeof(table), "%staped", prefix);
    (void)snprintf(keys, sizeof(keys), "%staped-keys", prefix);
    taped = dynamodb_tape_start((uint16_t)strtol(port, NULL, 10));
    (void)snprintf(through, sizeof(through), "http://127.0.0.1:%u", (unsigned)dynamodb_tape_port(taped));
    if (footfall__dynamodb_client_new(&direct, &options, &call) != 0 ||
        footfall__dynamodb_create_tables(direct, table, keys, &call) != 0)
        fail_msg("%s", call.text);
    return 0;
}

int taped_tear_down(void **state)
{
    (void)state;
    footfall__dynamodb_client_free(direct, 0);
    dynamodb_tape_stop(taped);
    return 0;
}

void taped_clock(int64_t now_ms)
{
    atomic_store(&clock_ms, now_ms);
}

static int64_t read_clock(void *user)
{
    (void)user;
    return atomic_load(&clock_ms);
}

const char *taped_begin(void)
{
    static char name[40];
    static int count;
    (void)snprintf(name, sizeof(name), "a counter of thirty bytes %04d", ++count);
    taped_clock(TAPED_NOON);
    return name;
}

struct footfall *taped_open_bare(const char *const *extra)
{
    struct footfall_setting settings[MOST_SETTINGS] = {
        { "backend", "dynamodb" },   { "secret", SUPPORT_SECRET },     { "deadline", "60s" },
        { "dynamodb.table", table }, { "dynamodb.endpoint", through }, { "dynamodb.capacity", "true" },
    };
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    struct footfall_error err;
    struct footfall *ff = NULL;
    size_t count = 6;
    for (size_t i = 0; extra != NULL && extra[i] != NULL; i += 2)
        settings[count++] = (struct footfall_setting){ extra[i], extra[i + 1] };
    options.settings = settings;
    options.setting_count = count;
    options.clock = read_clock;
    dynamodb_tape_clear(taped);
    if (footfall_open(&ff, &options, &err) != FOOTFALL_OK)
        fail_msg("open: %s", err.text);
    return ff;
}

struct footfall *taped_open(const char *const *extra)
{
    struct footfall *ff = taped_open_bare(extra);
    assert_int_equal(taped_visits(ff, "to look up the keys", 0, 1) <= 1, 1);
    dynamodb_tape_clear(taped);
    return ff;
}

int taped_visit(struct footfall *ff, const char *name, uint32_t visitor, int64_t now_ms)
{
    struct footfall_result r;
    if (support_visit(ff, name, visitor, now_ms, FOOTFALL_WAIT_DEFAULT, &r) != FOOTFALL_OK)
        fail_msg("a visit: status %d", r.status);
    return (r.flags & FOOTFALL_IS_NEW) != 0;
}

size_t taped_visits(struct footfall *ff, const char *name, uint32_t first, size_t count)
{
    struct footfall_op *ops = calloc(count, sizeof(*ops));
    struct footfall_visitor *who = calloc(count, sizeof(*who));
    struct footfall_result *results = calloc(count, sizeof(*results));
    char(*addresses)[16] = calloc(count, sizeof(*addresses));
    struct footfall_error err;
    size_t fresh = 0;
    assert_true(ops != NULL && who != NULL && results != NULL && addresses != NULL);
    for (size_t i = 0; i < count; i++) {
        support_address(addresses[i], first + (uint32_t)i);
        who[i] = (struct footfall_visitor)FOOTFALL_VISITOR_INIT;
        who[i].address = addresses[i];
        ops[i] = (struct footfall_op)FOOTFALL_OP_INIT(FOOTFALL_OP_VISIT);
        ops[i].name = name;
        ops[i].visitor = &who[i];
    }
    if (footfall_apply(ff, ops, count, NULL, results, &err) != FOOTFALL_OK)
        fail_msg("visits: %s", err.text);
    for (size_t i = 0; i < count; i++)
        fresh += (results[i].flags & FOOTFALL_IS_NEW) != 0;
    free(addresses);
    free(results);
    free(who);
    free(ops);
    return fresh;
}

void taped_expect_calls(const char *lines, const char *file, int line)
{
    const char *said = dynamodb_tape_lines(taped);
    if (strcmp(said, lines) != 0) {
        print_error("asked:\n%swanted:\n%s", said, lines);
        _fail(file, line);
    }
    dynamodb_tape_clear(taped);
}

struct dynamodb_bill taped_bill(void)
{
    return dynamodb_tape_bill(taped, look);
}
