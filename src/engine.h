/* engine.h: what a handle is made of. Seen by the core only. */
#ifndef FOOTFALL_ENGINE_H
#define FOOTFALL_ENGINE_H
#include <stdatomic.h>
#include <sys/types.h>

#include "config.h"
#include "footfall.h"
#include "identity.h"
#include "lane.h"
#include "store.h"

enum { FOOTFALL__KEYS_AGREE_MS = 60000 }; /* how long two handles may differ after the store lost a key */

struct footfall__counts { /* since open; all relaxed */
    _Atomic uint64_t operations, batches, retries, unknown, temporary, replayed, queued_now, longest_batch;
};

struct footfall {
    pid_t pid;                          /* of the process that opened it: a fork's child is refused */
    volatile int *mine;                 /* 1, and 0 in a fork's child; NULL where the kernel cannot do that */
    struct footfall__settings settings; /* without its borrowed strings */
    struct footfall_backend backend;
    uint32_t caps;
    int looks;        /* footfall__open_to_look made it */
    int alone;        /* an option: upkeep is footfall_upkeep's */
    int lacks_secret; /* and there is no secret yet */
    int64_t (*clock)(void *user);
    void *clock_user;
    void (*log)(void *user, enum footfall_log_level level, const char *line);
    void *log_user;
    uint64_t hash_key[2]; /* spreads counters over lanes */
    struct footfall__identity identity;
    struct footfall__counts counts;
    _Atomic int64_t next_drop_ms; /* host's clock: when expired epoch keys are to be erased next */
    _Atomic int64_t next_keys_ms; /* CLOCK_BOOTTIME: when the keys at hand are to be compared with the store's next */
    _Atomic int closing;          /* 1: no call may begin. 2: calls inside give up */
    _Atomic uint32_t active;      /* calls inside */
    uint32_t lane_count;
    struct footfall__lane *lanes;
};

int footfall__inherited(const struct footfall *ff); /* this process is a fork's child */
int64_t footfall__now(const struct footfall *ff);   /* the host's clock, UTC ms */
void footfall__log(const struct footfall *ff, enum footfall_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Every public call on a handle: enter checks handle, fork, closing, whether this thread may block (a completion may not),
 * and `call`; leave ends it. enter: OK, INVALID or MISUSE in err. */
int footfall__enter(struct footfall *ff, const struct footfall_call *call, int may_block, struct footfall_error *err);
void footfall__leave(struct footfall *ff);
int64_t footfall__deadline(const struct footfall *ff, const struct footfall_call *call); /* CLOCK_BOOTTIME */

/* Opens as footfall_open_config does, but makes, erases and changes nothing; ABSENT when there is no store yet. The handle is for
 * footfall_ping, footfall_check and footfall_close alone, and one attempt of that may take all the time that it has. */
int footfall__open_to_look(struct footfall **out, const struct footfall_config *config,
                           const struct footfall_options *options, struct footfall_error *err);

/* How a store is called outside a batch. text: at least 200 bytes, lives as long as *out. */
void footfall__store_call_init(const struct footfall *ff, struct footfall_store_call *out, int64_t deadline_ms,
                               char *text, size_t text_bytes);

struct footfall__lane *footfall__lane_of(struct footfall *ff, const char *name, size_t name_bytes);

/* Erases expired epoch keys, and compares those at hand with the store's, when their time has come, if it can be done by
 * deadline_ms (CLOCK_BOOTTIME). The caller has the store to itself. */
int footfall__upkeep_due(const struct footfall *ff, int64_t wall_ms, int64_t now_ms /* CLOCK_BOOTTIME */);
void footfall__upkeep(struct footfall *ff, struct footfall__store *store, int64_t deadline_ms);

/* For what is no batch (scan, purge, ping): borrows lane 0 and runs `run`, again after a temporary fault, until the deadline.
 * `run` returns a store status. OK, or the failure in err. */
typedef int footfall__with_store(struct footfall *ff, struct footfall__store *store, void *user,
                                 struct footfall_store_call *call);
int footfall__exclusively(struct footfall *ff, const struct footfall_call *how, footfall__with_store *run, void *user,
                          struct footfall_error *err);
#endif
