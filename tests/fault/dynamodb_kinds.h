/* dynamodb_kinds.h: one operation of each kind on a counter of its own, what it must answer, and what must be there then: for tests
 * that put one fault in its way (dynamodb_lost.c). Nothing here ends a test: what is wrong is said, for any thread. */
#ifndef FAULT_DYNAMODB_KINDS_H
#define FAULT_DYNAMODB_KINDS_H
#include <stddef.h>
#include <stdint.h>

#include "footfall.h"

enum kind_more { KIND_ALONE, KIND_TOKEN, KIND_SERIES };
struct kind {
    const char *name;
    int prepared; /* 0: the counter is absent; 1: 6/1 with visitor 1, by the same handle; 2: by another */
    enum footfall_op_kind op;
    int64_t a, b; /* of ADD, SET */
    uint32_t visitor;
    enum kind_more more;
    int must_exist;
    enum footfall_status status; /* the answer */
    int64_t total, unique;
    int is_new;
    int64_t after_total, after_unique; /* and what is there then */
    int after_exists;
};
extern const struct kind kinds[];
extern const size_t kind_count;

struct kind_run {
    const struct kind *kind;
    const char *counter;
    struct footfall *ff, *other; /* through the proxy; past it */
    int64_t now_ms;
    char why[256]; /* the first thing that was wrong, or "" */
};
void kind_prepare(struct kind_run *run);
/* Does it by this handle. */
struct footfall_result kind_do(struct kind_run *run, struct footfall *ff, uint32_t wait_ms);
/* An answer that came through: its own values, or under a token or number those of a replay. */
void kind_check_answer(struct kind_run *run, const struct footfall_result *r, int may_replay);
/* It was done, or (0) it was not. Looks past the proxy, and tries what a visitor's record is like then. */
void kind_check_store(struct kind_run *run, int done);
/* Is what the store holds what it held before, or what it holds after? A visit's record may be one that counts nothing. */
void kind_check_either(struct kind_run *run);
void kind_wrong(struct kind_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
#endif
