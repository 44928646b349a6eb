/* dynamodb_here.h: what the tests of bad and unwilling services share: a store on a server of the test's own (dynamodb_service.h) that
 * holds one counter, "a" with 41 visits by 7 visitors, and everything that can be asked of it, in one line each. */
#ifndef FAULT_DYNAMODB_HERE_H
#define FAULT_DYNAMODB_HERE_H
#include "cmocka_all.h"

#include "dynamodb_service.h"
#include "footfall_store.h"

#include <jansson.h>

#define HERE_TABLE "counts-here"
#define HERE_KEYS "keys-here"
#define HERE_SOURCE "tutorial-table"
enum { HERE_TOTAL = 41, HERE_UNIQUE = 7, HERE_VIEWS = 5 };

enum here_ask {
    ADD,
    VISIT,
    SET,
    DELETE,
    FORGET,
    TOKEN,
    FETCH,
    SCAN,
    KEY,
    LOOK,
    DROP,
    OTHER,
    PURGE,
    IMPORT,
    PING,
    CHECK,
    HERE_ASKS
};
extern const char *const here_names[HERE_ASKS];

struct here {
    struct support_service *service;
    struct footfall_store *store;
    char text[256]; /* of the last call */
    /* of the last one */
    int64_t total, unique;
    int is_new, exists;
    int told; /* counters, by SCAN */
};

/* No AWS_* and no proxy of anybody's own; cmocka's group setup. */
int here_environment(void **state);
void here_open(struct here *here, support_service_answer *answer, void *user);
void here_close(struct here *here);
/* The status; of a batch, that of its operation. Fails the test when it took seconds longer than the deadline. */
int here_ask(struct here *here, enum here_ask ask, int deadline_ms);
/* What a service that holds the counter would say; a new reference. Remembers the last plan, so from one thread at a time. */
json_t *here_good(const struct support_service_request *request);
/* Findings of the last CHECK, "3 text\n" each. */
extern char here_findings[16384];
/* o OK, 1 absent, b BROKEN, t TEMPORARY, u UNKNOWN, i INVALID, m NO_MEMORY, r RANGE, ? anything else. */
char here_letter(int status);
#endif
