/* dynamodb_sim.h: a table of DynamoDB in memory that understands the expressions of the backend, no more. */
#ifndef FOOTFALL_TEST_DYNAMODB_SIM_H
#define FOOTFALL_TEST_DYNAMODB_SIM_H
#include "client.h"

#include <stdint.h>
#include <jansson.h>

struct sim_table {
    json_t *items,
        *before; /* by key; before: what an eventually consistent read may still see, with the time it ended */
    int64_t now_ms;
    int64_t stale_ms; /* how long it may */
    uint64_t *random;
    int names_one_reason; /* of several failed conditions */
    /* told of every change of a counter's item that carries a plan's mark (base64), just after it */
    void (*committed)(void *user, const char *mark);
    void *user;
};
void sim_table_open(struct sim_table *t);
void sim_table_close(struct sim_table *t);
/* *answer: ANSWERED, CONDITION or CANCELED. */
json_t *sim_table_execute(struct sim_table *t, enum dynamodb_action action, const json_t *body,
                          enum dynamodb_answer *answer);
const json_t *sim_table_item(const struct sim_table *t, const json_t *key); /* or NULL */
uint64_t sim_random(uint64_t *state, uint64_t below);
_Noreturn void sim_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
#endif
