/* suite_asks.h: one line for one question and the answer that is expected, at any time of day. The macros report the line of
 * the test that asks. */
#ifndef SUITE_ASKS_H
#define SUITE_ASKS_H
#include "suite_fixture.h"

struct suite_here {
    const char *file;
    int line;
};
#define SUITE_HERE ((struct suite_here){ __FILE__, __LINE__ })

/* A call that is OK, and its numbers. is_new for visits. */
#define EXPECT_VISIT(ff, name, address, now_ms, is_new, total, unique)                                                 \
    suite_expect_visit(SUITE_HERE, ff, name, address, now_ms, is_new, total, unique)
#define EXPECT_ADD(ff, name, delta, total, unique) suite_expect_add(SUITE_HERE, ff, name, delta, total, unique)
#define EXPECT_SET(ff, name, total, unique) suite_expect_set(SUITE_HERE, ff, name, total, unique)
#define EXPECT_DELETE(ff, name, total, unique) suite_expect_delete(SUITE_HERE, ff, name, total, unique)
#define EXPECT_FORGET(ff, name, address, now_ms, total, unique)                                                        \
    suite_expect_forget(SUITE_HERE, ff, name, address, now_ms, total, unique)
#define EXPECT_READ(ff, name, total, unique) suite_expect_read(SUITE_HERE, ff, name, 1, total, unique)
#define EXPECT_NOTHING(ff, name) suite_expect_read(SUITE_HERE, ff, name, 0, 0, 0)
/* Every counter that footfall_list shows, as "name=total/unique" joined by blanks. */
#define EXPECT_LIST(ff, prefix, after, text) suite_expect_list(SUITE_HERE, ff, prefix, after, text)
/* An answer: status, flags, numbers. */
#define EXPECT_ANSWER(result, status, flags, total, unique)                                                            \
    suite_expect_answer(SUITE_HERE, result, status, flags, total, unique)
/* A refusal: the code that a call returned, and its error that must speak of `word`. */
#define EXPECT_REFUSED(rc, err, status, word) suite_expect_refused(SUITE_HERE, rc, &(err), status, word)

void suite_expect_visit(struct suite_here here, struct footfall *ff, const char *name, const char *address,
                        int64_t now_ms, int is_new, int64_t total, int64_t unique);
void suite_expect_add(struct suite_here here, struct footfall *ff, const char *name, int64_t delta, int64_t total,
                      int64_t unique);
void suite_expect_set(struct suite_here here, struct footfall *ff, const char *name, int64_t total, int64_t unique);
void suite_expect_delete(struct suite_here here, struct footfall *ff, const char *name, int64_t total, int64_t unique);
void suite_expect_forget(struct suite_here here, struct footfall *ff, const char *name, const char *address,
                         int64_t now_ms, int64_t total, int64_t unique);
void suite_expect_read(struct suite_here here, struct footfall *ff, const char *name, int exists, int64_t total,
                       int64_t unique);
void suite_expect_list(struct suite_here here, struct footfall *ff, const char *prefix, const char *after,
                       const char *text);
void suite_expect_answer(struct suite_here here, struct footfall_result result, int status, uint32_t flags,
                         int64_t total, int64_t unique);
void suite_expect_refused(struct suite_here here, int rc, const struct footfall_error *err, int status,
                          const char *word);

struct footfall_visitor suite_visitor(const char *address, int64_t now_ms);
/* is_new, 1 or 0, of a visit that must be OK */
int suite_visit_is_new(struct footfall *ff, const char *name, const char *address, int64_t now_ms);

/* Operations for footfall_apply. `name` and `who` are borrowed. */
struct footfall_op suite_add(const char *name, int64_t delta);
struct footfall_op suite_set(const char *name, int64_t total, int64_t unique);
struct footfall_op suite_delete(const char *name);
struct footfall_op suite_visit(const char *name, const struct footfall_visitor *who);
struct footfall_op suite_forget(const char *name, const struct footfall_visitor *who);
struct footfall_op suite_strict(struct footfall_op op); /* must_exist */
struct footfall_op suite_token(struct footfall_op op, const char *token);

/* One operation through footfall_apply: its answer, whatever it is. */
struct footfall_result suite_apply(struct footfall *ff, struct footfall_op op);
/* A call with this token, or with this series and number (kept 15 minutes). */
struct footfall_call suite_with_token(const char *token);
struct footfall_call suite_numbered(const uint8_t series[16], uint64_t number);
#endif
