/* redis_bad.h: what the tests of bad Redis servers share: a store on such a server, and everything that can be asked of it, in one
 * line each, watched for time and memory. */
#ifndef FAULT_REDIS_BAD_H
#define FAULT_REDIS_BAD_H
#include "cmocka_all.h"

#include "footfall_store.h"
#include "redis_bad_server.h"

enum { HANDSHAKE = 4 /* commands of one without password and database */ };

enum ask { APPLY, FETCH, SCAN, KEY, LOOK, DROP, OTHER, PURGE, PING, CHECK, ASKS };
extern const char *const ask_names[ASKS];

struct bad { /* of one case */
    struct bad_server *server;
    char *folder; /* for a Unix socket; or NULL */
    struct footfall_store *store;
    int opened;     /* the status */
    char text[256]; /* of the last call */
};

/* A server of these ways, and a store opened on it within the deadline; `url` NULL: its own. */
void bad_open(struct bad *bad, const struct bad_way *ways, size_t count, const char *url, const char *replicas,
              int deadline_ms);
void bad_close(struct bad *bad);
/* The store alone, of any URL. */
int bad_open_store(struct bad *bad, const char *url, const char *replicas, int deadline_ms);

/* Asks and gives the status; of a batch (one operation) that of its operation. Fails the test when it took a second and a half longer
 * than the deadline. */
int bad_ask(struct bad *bad, enum ask ask, int deadline_ms);
/* A batch of `count` ADDs to as many counters, all with long names; fills the results. */
int bad_apply(struct bad *bad, size_t count, struct footfall_store_result *results, int deadline_ms);

/* How much the most memory that this process ever held has grown since bad_memory_begin, in KiB; 0 under sanitizers, whose
 * memory is not the library's. */
void bad_memory_begin(void);
long bad_memory_grown(void);

/* As the letters of the tables: o OK, 1 absent, b BROKEN, t TEMPORARY, u UNKNOWN, c CONFIG, ? anything else. */
char bad_letter(int status);

extern const struct CMUnitTest redis_bad_types[];
extern const size_t redis_bad_types_count;
#endif
