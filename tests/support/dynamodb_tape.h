/* dynamodb_tape.h: a proxy of the test's own between a handle and DynamoDB Local that keeps every request with its reply, says
 * them in one line each, and counts what the service would bill for them by its documented rules. */
#ifndef SUPPORT_DYNAMODB_TAPE_H
#define SUPPORT_DYNAMODB_TAPE_H
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

struct dynamodb_tape;

/* In halves of a unit, so that they are whole numbers. */
struct dynamodb_bill {
    int64_t read_halves, write_halves;
    int64_t said_read_halves,
        said_write_halves; /* by ConsumedCapacity, of all but transactions and failed conditions */
};

/* What cannot work ends the process. The server listens on 127.0.0.1. */
struct dynamodb_tape *dynamodb_tape_start(uint16_t server_port);
void dynamodb_tape_stop(struct dynamodb_tape *tape);
uint16_t dynamodb_tape_port(const struct dynamodb_tape *tape);

/* The first request from now on reaches the server so much later. */
void dynamodb_tape_delay_next(struct dynamodb_tape *tape, int64_t ms);

/* From here on, call them when no request is under way. */

void dynamodb_tape_clear(struct dynamodb_tape *tape);
/* A line a request: "BatchGetItem consistent counter visitor*2", "TransactWriteItems Update:counter Update:visitor failed",
 * "GetItem epoch". Lives until the next call. */
const char *dynamodb_tape_lines(struct dynamodb_tape *tape);
/* The expressions of request `at`, part `part` (0 unless it is a transaction): "update IF condition", with '#' for the slot's digit. */
const char *dynamodb_tape_expressions(struct dynamodb_tape *tape, size_t at, size_t part);
/* Every item written must be among those that `look` finds (consistently, past the tape; a new reference, NULL when it is not there)
 * and of at most 1 KB, which makes a unit of it; else the process ends. */
struct dynamodb_bill dynamodb_tape_bill(struct dynamodb_tape *tape, json_t *(*look)(const char *table, json_t *key));
/* Bytes by the service's rules. */
size_t dynamodb_item_bytes(const json_t *item);
#endif
