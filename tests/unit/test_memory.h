/* test_memory.h: driving the memory backend's vtable: operations by the line, and what they must answer. */
#ifndef TEST_MEMORY_H
#define TEST_MEMORY_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "alloc.h"
#include "footfall_store.h"

extern const struct footfall_backend footfall__backend_memory;

#define HOUR INT64_C(3600000)
#define FOREVER FOOTFALL_STORE_FOREVER

static const struct footfall_backend *const memory = &footfall__backend_memory;
static char text[200];

static inline struct footfall_store_call call_at(int64_t wall_ms)
{
    struct footfall_store_call call = { .wall_ms = wall_ms, .text = text, .text_bytes = sizeof(text) };
    text[0] = '\0';
    return call;
}

static inline struct footfall_store *open_store(const char *name)
{
    struct footfall_store_setting setting = { "name", name };
    struct footfall_store_call call = call_at(0);
    struct footfall_store *store = NULL;
    assert_int_equal(memory->open(&store, &setting, name != NULL, 0, &call), 0);
    assert_non_null(store);
    return store;
}

static inline int set_up(void **state)
{
    *state = open_store(NULL);
    return 0;
}

static inline int tear_down(void **state)
{
    memory->close(*state, 0);
    return 0;
}

static inline struct footfall_store_op op_of(enum footfall_store_kind kind, const char *name)
{
    struct footfall_store_op op = { .kind = kind, .name = name, .name_bytes = strlen(name) };
    op.id_count = op.write_count = 1;
    op.window_ms = HOUR;
    op.expire_ms = 1000;
    return op;
}

/* A visit by the visitor known as `id` under this epoch's key. */
static inline struct footfall_store_op visit_of(const char *name, uint8_t id, int64_t now_ms, int64_t window_ms)
{
    struct footfall_store_op op = op_of(FOOTFALL_STORE_VISIT, name);
    memset(op.ids[0].bytes, id, sizeof(op.ids[0].bytes));
    memset(op.fingerprints[0], id, sizeof(op.fingerprints[0]));
    op.now_ms = now_ms;
    op.window_ms = window_ms;
    op.expire_ms = window_ms == FOREVER ? FOREVER : now_ms + window_ms + HOUR;
    return op;
}

static inline struct footfall_store_op add_of(const char *name, int64_t delta)
{
    struct footfall_store_op op = op_of(FOOTFALL_STORE_ADD, name);
    op.a = delta;
    return op;
}

static inline struct footfall_store_op set_of(const char *name, int64_t total, int64_t unique)
{
    struct footfall_store_op op = op_of(FOOTFALL_STORE_SET, name);
    op.a = total;
    op.b = unique;
    return op;
}

static inline struct footfall_store_op with_token(struct footfall_store_op op, const char *token16, uint8_t fingerprint)
{
    op.token = (const uint8_t *)token16;
    op.token_expire_ms = 500;
    memset(op.fingerprints[0], fingerprint, sizeof(op.fingerprints[0]));
    return op;
}

static inline struct footfall_store_result apply(struct footfall_store *store, struct footfall_store_op op)
{
    struct footfall_store_call call = call_at(0);
    struct footfall_store_result result = { .status = FOOTFALL_STORE_BROKEN, .total = -7 };
    assert_int_equal(memory->apply(store, &op, 1, &result, &call), 0);
    return result;
}

static inline void expect(struct footfall_store_result result, int status, int is_new, int64_t total, int64_t unique)
{
    assert_int_equal(result.status, status);
    assert_int_equal(result.is_new, is_new);
    assert_int_equal(result.total, total);
    assert_int_equal(result.unique, unique);
}

static inline int exists(struct footfall_store *store, const char *name, int64_t total, int64_t unique)
{
    struct footfall_store_call call = call_at(0);
    size_t bytes = strlen(name);
    int64_t totals = -1;
    int64_t uniques = -1;
    uint8_t there = 9;
    assert_int_equal(memory->fetch(store, &name, &bytes, 1, &totals, &uniques, &there, &call), 0);
    assert_int_equal(totals, total);
    assert_int_equal(uniques, unique);
    return there;
}

struct held {
    int64_t counters, visitors, tokens, series;
};

static inline void note_held(void *user, const char *name, const char *help, const char *labels, int counter,
                             double value)
{
    struct held *held = user;
    assert_non_null(help);
    assert_int_equal(counter, 0);
    if (strcmp(name, "footfall_memory_counters") == 0)
        held->counters = (int64_t)value;
    else if (strstr(labels, "visitor") != NULL)
        held->visitors = (int64_t)value;
    else if (strstr(labels, "token") != NULL)
        held->tokens = (int64_t)value;
    else
        held->series = (int64_t)value;
}

static inline void expect_held(struct footfall_store *store, int64_t counters, int64_t visitors, int64_t tokens,
                               int64_t series)
{
    struct held held = { -1, -1, -1, -1 };
    memory->metrics(store, note_held, &held);
    assert_int_equal(held.counters, counters);
    assert_int_equal(held.visitors, visitors);
    assert_int_equal(held.tokens, tokens);
    assert_int_equal(held.series, series);
}

static inline struct footfall_store_result numbered(struct footfall_store *store, struct footfall_store_op op,
                                                    uint64_t number, uint32_t at)
{
    static const uint8_t series[FOOTFALL_STORE_SERIES_BYTES] = "a log of visits";
    struct footfall_store_call call = call_at(1000);
    struct footfall_store_result result = { .status = FOOTFALL_STORE_BROKEN };
    call.series = series;
    call.series_number = number;
    call.series_keep_ms = 900;
    op.series_at = at;
    assert_int_equal(memory->apply(store, &op, 1, &result, &call), 0);
    return result;
}

static inline int join_names(void *user, const char *name, size_t name_bytes, int64_t total, int64_t unique)
{
    char *line = user;
    size_t end = strlen(line);
    (void)snprintf(line + end, 200 - end, "%.*s=%d/%d ", (int)name_bytes, name, (int)total, (int)unique);
    return strstr(line, "stop") != NULL;
}

static inline int refuse_at(void *user)
{
    int *left = user;
    return (*left)-- == 0;
}

static const char token_a[] = "token a 16 bytes";
#endif
