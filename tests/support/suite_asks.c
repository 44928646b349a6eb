/* suite_asks.c: questions with their expected answers (suite_asks.h). */
#include "suite_asks.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FAIL_HERE(here, ...)                                                                                           \
    do {                                                                                                               \
        print_error(__VA_ARGS__);                                                                                      \
        print_error("\n");                                                                                             \
        _fail((here).file, (here).line);                                                                               \
    } while (0)

static void expect_fine(struct suite_here here, int rc, const struct footfall_error *err,
                        const struct footfall_result *r)
{
    if (rc != FOOTFALL_OK)
        FAIL_HERE(here, "%s: %s", footfall_status_name((enum footfall_status)rc), err->text);
    if (err->status != FOOTFALL_OK || err->text[0] != '\0' || r->status != FOOTFALL_OK)
        FAIL_HERE(here, "OK, but err holds \"%s\" and the result %s", err->text, footfall_status_name(r->status));
}

void suite_expect_answer(struct suite_here here, struct footfall_result r, int status, uint32_t flags, int64_t total,
                         int64_t unique)
{
    if ((int)r.status != status || r.flags != flags || r.total != total || r.unique != unique)
        FAIL_HERE(here,
                  "answer %s, flags %" PRIu32 ", %" PRId64 "/%" PRId64 "; expected %s, flags %" PRIu32 ", %" PRId64
                  "/%" PRId64,
                  footfall_status_name(r.status), r.flags, r.total, r.unique,
                  footfall_status_name((enum footfall_status)status), flags, total, unique);
}

void suite_expect_refused(struct suite_here here, int rc, const struct footfall_error *err, int status,
                          const char *word)
{
    if (rc != status || (int)err->status != status)
        FAIL_HERE(here, "returned %s, err says %s (\"%s\"); expected %s",
                  footfall_status_name((enum footfall_status)rc), footfall_status_name(err->status), err->text,
                  footfall_status_name((enum footfall_status)status));
    if (err->text[0] == '\0' || strcasestr(err->text, word) == NULL)
        FAIL_HERE(here, "\"%s\" does not speak of \"%s\"", err->text, word);
}

struct footfall_visitor suite_visitor(const char *address, int64_t now_ms)
{
    struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
    who.address = address;
    who.now_ms = now_ms;
    return who;
}

void suite_expect_visit(struct suite_here here, struct footfall *ff, const char *name, const char *address,
                        int64_t now_ms, int is_new, int64_t total, int64_t unique)
{
    struct footfall_visitor who = suite_visitor(address, now_ms);
    struct footfall_error err;
    struct footfall_result r;
    expect_fine(here, footfall_visit(ff, name, &who, NULL, &r, &err), &err, &r);
    suite_expect_answer(here, r, FOOTFALL_OK, is_new ? FOOTFALL_IS_NEW : 0, total, unique);
}

int suite_visit_is_new(struct footfall *ff, const char *name, const char *address, int64_t now_ms)
{
    struct footfall_visitor who = suite_visitor(address, now_ms);
    struct footfall_error err;
    struct footfall_result r;
    int rc = footfall_visit(ff, name, &who, NULL, &r, &err);
    if (rc != FOOTFALL_OK)
        fail_msg("%s: %s", footfall_status_name((enum footfall_status)rc), err.text);
    return (r.flags & FOOTFALL_IS_NEW) != 0;
}

void suite_expect_add(struct suite_here here, struct footfall *ff, const char *name, int64_t delta, int64_t total,
                      int64_t unique)
{
    struct footfall_error err;
    struct footfall_result r;
    expect_fine(here, footfall_add(ff, name, delta, NULL, &r, &err), &err, &r);
    suite_expect_answer(here, r, FOOTFALL_OK, 0, total, unique);
}

void suite_expect_set(struct suite_here here, struct footfall *ff, const char *name, int64_t total, int64_t unique)
{
    struct footfall_error err;
    struct footfall_result r;
    expect_fine(here, footfall_set(ff, name, total, unique, NULL, &r, &err), &err, &r);
    suite_expect_answer(here, r, FOOTFALL_OK, 0, total, unique);
}

void suite_expect_delete(struct suite_here here, struct footfall *ff, const char *name, int64_t total, int64_t unique)
{
    struct footfall_error err;
    struct footfall_result r;
    expect_fine(here, footfall_delete(ff, name, NULL, &r, &err), &err, &r);
    suite_expect_answer(here, r, FOOTFALL_OK, 0, total, unique);
}

void suite_expect_forget(struct suite_here here, struct footfall *ff, const char *name, const char *address,
                         int64_t now_ms, int64_t total, int64_t unique)
{
    struct footfall_visitor who = suite_visitor(address, now_ms);
    struct footfall_error err;
    struct footfall_result r;
    expect_fine(here, footfall_forget(ff, name, &who, NULL, &r, &err), &err, &r);
    suite_expect_answer(here, r, FOOTFALL_OK, 0, total, unique);
}

void suite_expect_read(struct suite_here here, struct footfall *ff, const char *name, int exists, int64_t total,
                       int64_t unique)
{
    struct footfall_error err;
    struct footfall_result r;
    expect_fine(here, footfall_read(ff, &name, 1, NULL, &r, &err), &err, &r);
    suite_expect_answer(here, r, FOOTFALL_OK, exists ? FOOTFALL_EXISTS : 0, total, unique);
}

struct listing {
    char text[4096];
    size_t bytes;
};

static int add_line(void *user, const char *name, int64_t total, int64_t unique)
{
    struct listing *listing = user;
    int wrote = snprintf(listing->text + listing->bytes, sizeof(listing->text) - listing->bytes,
                         "%s%s=%" PRId64 "/%" PRId64, listing->bytes > 0 ? " " : "", name, total, unique);
    if (wrote < 0 || (size_t)wrote >= sizeof(listing->text) - listing->bytes)
        return 1;
    listing->bytes += (size_t)wrote;
    return 0;
}

void suite_expect_list(struct suite_here here, struct footfall *ff, const char *prefix, const char *after,
                       const char *text)
{
    struct listing listing = { "", 0 };
    struct footfall_error err;
    int rc = footfall_list(ff, prefix, after, NULL, add_line, &listing, &err);
    if (rc != FOOTFALL_OK)
        FAIL_HERE(here, "list: %s: %s", footfall_status_name((enum footfall_status)rc), err.text);
    if (strcmp(listing.text, text) != 0)
        FAIL_HERE(here, "list shows \"%s\"; expected \"%s\"", listing.text, text);
}

struct footfall_op suite_add(const char *name, int64_t delta)
{
    struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_ADD);
    op.name = name;
    op.delta = delta;
    return op;
}

struct footfall_op suite_set(const char *name, int64_t total, int64_t unique)
{
    struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_SET);
    op.name = name;
    op.total = total;
    op.unique = unique;
    return op;
}

struct footfall_op suite_delete(const char *name)
{
    struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_DELETE);
    op.name = name;
    return op;
}

struct footfall_op suite_visit(const char *name, const struct footfall_visitor *who)
{
    struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_VISIT);
    op.name = name;
    op.visitor = who;
    return op;
}

struct footfall_op suite_forget(const char *name, const struct footfall_visitor *who)
{
    struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_FORGET);
    op.name = name;
    op.visitor = who;
    return op;
}

struct footfall_op suite_strict(struct footfall_op op)
{
    op.must_exist = 1;
    return op;
}

struct footfall_op suite_token(struct footfall_op op, const char *token)
{
    op.token = token;
    op.token_bytes = strlen(token);
    return op;
}

struct footfall_result suite_apply(struct footfall *ff, struct footfall_op op)
{
    struct footfall_result r = { .total = -7, .unique = -7, .flags = 99 };
    struct footfall_error err;
    int rc = footfall_apply(ff, &op, 1, NULL, &r, &err);
    assert_int_equal(rc, r.status);
    assert_int_equal(rc, err.status);
    return r;
}

struct footfall_call suite_with_token(const char *token)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    call.token = token;
    call.token_bytes = strlen(token);
    return call;
}

struct footfall_call suite_numbered(const uint8_t series[16], uint64_t number)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    call.series = series;
    call.number = number;
    return call;
}
