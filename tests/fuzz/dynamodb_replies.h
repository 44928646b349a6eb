/* dynamodb_replies.h: a DynamoDB client that answers from the fuzzer's bytes, linked in place of client.c: each request gets the kind
 * of reply that the next byte says, made of what was asked and of more bytes. When they are used up nothing is answered any more. */
#ifndef FUZZ_DYNAMODB_REPLIES_H
#define FUZZ_DYNAMODB_REPLIES_H
#include <stddef.h>
#include <stdint.h>

#include "client.h"

#define FUZZ_NOW_MS INT64_C(1795824000000)

struct fuzz_bytes {
    const uint8_t *at;
    size_t left;
};
uint8_t fuzz_byte(struct fuzz_bytes *bytes); /* 0 behind the end */

/* From now on these answer, so many requests at most. */
void fuzz_replies_begin(const struct fuzz_bytes *bytes, int requests);
/* So many allocations for JSON succeed from now on, then one fails; -1: none. */
void fuzz_replies_memory(int allocations);
/* Since the beginning: could anything have been taken for carried out? A 200 for a write, a mark of ours in an item, a spilled item. */
int fuzz_replies_confirmed(void);
/* What is left of the bytes. */
struct fuzz_bytes fuzz_replies_rest(void);
#endif
