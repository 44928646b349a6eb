/* group.h: a batch on its way. Its operations are grouped by counter; a group goes through runs, one after the other, each a
 * row of operations written in one step. Groups go at once. A group is a small machine: it sends requests, and when all of
 * them are done it takes its next step (run.c). What is in doubt when the time is up stays as it is, until the engine sends the
 * same batch again or another one. */
#ifndef FOOTFALL_DYNAMODB_GROUP_H
#define FOOTFALL_DYNAMODB_GROUP_H
#include "store.h"

#define DYNAMODB_NO_OP UINT32_MAX

struct dynamodb_group;

struct dynamodb_call { /* a request of a group */
    struct dynamodb_request request;
    struct dynamodb_group *group;
    char *body;
    json_t *reply;  /* ours */
    int done;       /* answered, or refused for good */
    uint32_t about; /* which visitor; what else the step likes */
    struct dynamodb_call *next;
};

enum dynamodb_step {
    DYNAMODB_BEGIN,     /* nothing sent: the next run begins */
    DYNAMODB_LOAD,      /* first touch: consistent read of what this run needs */
    DYNAMODB_READ,      /* visitors, or one thing more: then decide again */
    DYNAMODB_REPLAY,    /* consistent read: only replays are left */
    DYNAMODB_SPILL,     /* another writer's slot is put aside */
    DYNAMODB_CLAIM,     /* atomic = false: visitors before the counter */
    DYNAMODB_RECLAIM,   /* are they still ours? */
    DYNAMODB_PLAN,      /* the write itself */
    DYNAMODB_VALUES,    /* applied; its values are read */
    DYNAMODB_LOOK,      /* a condition failed, and an attempt is in doubt: is our mark there? */
    DYNAMODB_FIND,      /* the slot is another's: is our mark among the spilled? */
    DYNAMODB_FENCE,     /* so that no copy of the plan can land any more */
    DYNAMODB_GIVE_BACK, /* claims of operations that count nothing after all */
    DYNAMODB_END
};

enum dynamodb_outcome { /* what an operation of the run comes to */
                        DYNAMODB_COUNTS,
                        DYNAMODB_REPLAYS, /* by its token, or by the series */
                        DYNAMODB_REFUSED_TOKEN,
                        DYNAMODB_REFUSED_RANGE,
                        DYNAMODB_REFUSED_ABSENT
};
struct dynamodb_turn {
    enum dynamodb_outcome outcome;
    int is_new;
    int stored;   /* by the series: decided once and for all */
    int binds;    /* its token goes into the plan */
    int writes;   /* a visit that stores its time */
    int64_t n, k; /* what this and the ones before it add */
    int visitor[2];
};

enum dynamodb_visitor_state { DYNAMODB_UNREAD, DYNAMODB_NOT_THERE, DYNAMODB_THERE };
enum dynamodb_claim_state { DYNAMODB_UNCLAIMED, DYNAMODB_WON };
struct dynamodb_visitor { /* an id of the group */
    uint8_t id[FOOTFALL_STORE_ID_BYTES];
    enum dynamodb_visitor_state state;
    int64_t s, r, e;  /* of the record; r and e are -1 when it is only remembered; e is 0 for never */
    int64_t read_for; /* the revision known when it was read consistently; -1: it was not */
    int remembered;   /* from another batch, however long ago */
    int to_read;
    /* the decision under way */
    int now_there;
    int64_t now_s;
    int written, checked;
    int64_t expire_ms;
    /* atomic = false; s, r, e are still those before the claim */
    enum dynamodb_claim_state claim;
    int64_t claim_s, asked_s; /* the time that was won, that was asked for */
    int reclaims;             /* asked for once more, with a later time */
};

struct dynamodb_token { /* one that is known to be bound, or not to be */
    uint8_t token[FOOTFALL_STORE_TOKEN_BYTES];
    int bound;
    uint8_t f[2 * FOOTFALL_STORE_FINGERPRINT_BYTES];
    size_t f_bytes;
    int is_new;
};

enum dynamodb_part_kind { DYNAMODB_PART_COUNTER, DYNAMODB_PART_VISITOR, DYNAMODB_PART_TOKEN, DYNAMODB_PART_SERIES };
struct dynamodb_part { /* of a plan, in the order of the transaction */
    enum dynamodb_part_kind kind;
    uint32_t about;
};
struct dynamodb_plan {
    struct dynamodb_mark mark, fence;
    int slot, has_prev;
    struct dynamodb_mark prev;
    int64_t g, r; /* generation and revision that it was made for */
    int transaction;
    int bound_failed;       /* its condition may become true again */
    int exact, base_exists; /* exact: t and u as they were read */
    int64_t base_t, base_u;
    int64_t low, high, unique_high; /* otherwise: bounds of them */
    int64_t series_o, series_e;
    struct dynamodb_part parts[DYNAMODB_TRANSACTION_ITEMS];
    size_t part_count;
};

struct dynamodb_group {
    struct footfall_store *store;
    struct dynamodb_batch *batch;
    struct dynamodb_counter *counter;
    struct dynamodb_name name;
    uint32_t first, at, last; /* ops: of the group, of the run; the last one */
    enum dynamodb_step step;
    struct dynamodb_call *calls;
    size_t under_way;
    int short_of_memory; /* not all requests of the step could be made */
    int consistent;      /* how the step reads */
    int64_t read_g;      /* the generation whose visitors it reads */
    int want_counter, want_series;
    int series_fresh; /* its item was read for this batch */
    int want_tokens;  /* of operations that are ABSENT unless they are replays */

    struct dynamodb_visitor *visitors;
    size_t visitor_count, visitor_room;
    uint16_t *visitor_table; /* by id; 0: free, else index + 1 */
    size_t table_room;
    struct dynamodb_token *tokens;
    size_t token_count, token_room;

    uint32_t *ops; /* of the run, at most; then what became of them */
    struct dynamodb_turn *turns;
    size_t op_count, run_count, op_room;
    int64_t n, k, n_min, n_max; /* of the run */
    int64_t wall_ms;            /* when it began */
    int has_item;               /* item is a consistent view, not older than this call */
    struct dynamodb_counter_item item;
    int exact;       /* decide by item, and demand that it is still so */
    int transaction; /* of the run: needs one, whatever it writes */
    int sends;       /* it writes at all */
    int asks;        /* it does not, and needs today's values */
    int doubt;       /* an attempt at the plan is in doubt */
    int applied;
    int claims;                 /* claims may be out, */
    struct dynamodb_mark claim; /* with this mark, */
    int64_t claim_r;            /* for this revision */
    int64_t x, y;
    struct dynamodb_plan plan;
};

struct dynamodb_op_state {
    struct footfall_store_result result;
    int decided;
    uint32_t next; /* of the same counter */
};
struct dynamodb_batch {
    uint64_t writer, sequence;
    size_t count, group_count;
    int live;
    const struct footfall_store_op *ops;
    struct footfall_store_call *call;
    struct dynamodb_op_state states[DYNAMODB_MAX_BATCH];
    struct dynamodb_group *groups[DYNAMODB_MAX_BATCH]; /* group_count of them */
    uint16_t table[2 * DYNAMODB_MAX_BATCH];
};

/* group.c */
/* Sends a request of the group; takes over body. items: that it writes. NULL after NO_MEMORY was noted. */
struct dynamodb_call *footfall__dynamodb_call(struct dynamodb_group *g, enum dynamodb_action action, json_t *body,
                                              unsigned items, uint32_t about);
void footfall__dynamodb_free_calls(struct dynamodb_call *calls); /* the list */
void footfall__dynamodb_drop_calls(struct dynamodb_group *g);
void footfall__dynamodb_batch_free(struct footfall_store *store);
/* The run cannot go on now: what is undecided gets a status, UNKNOWN when something may yet be applied. */
void footfall__dynamodb_fail(struct dynamodb_group *g, int status);
const struct footfall_store_op *footfall__dynamodb_op(const struct dynamodb_group *g, size_t i); /* of the run */

/* run.c */
void footfall__dynamodb_step(struct dynamodb_group *g);    /* all its requests are done; or it begins, or goes on */
void footfall__dynamodb_proceed(struct dynamodb_group *g); /* what is known decides what is done next */
void footfall__dynamodb_enter(struct dynamodb_group *g, enum dynamodb_step step); /* sends what a step begins with */
void footfall__dynamodb_plan_dead(struct dynamodb_group *g); /* it is not applied and never will be: another one */
/* The step's requests were sent. 1: they are waited for, or the group has failed for want of memory. */
int footfall__dynamodb_is_stuck(struct dynamodb_group *g);
/* A step of one request; takes over body. */
void footfall__dynamodb_send_one(struct dynamodb_group *g, enum dynamodb_step step, enum dynamodb_action action,
                                 json_t *body, unsigned items);
void footfall__dynamodb_send_get(struct dynamodb_group *g, enum dynamodb_step step, const struct dynamodb_key *key);
void footfall__dynamodb_get_counter(struct dynamodb_group *g, enum dynamodb_step step);
void footfall__dynamodb_unreadable(struct dynamodb_group *g, int status); /* an item is none of ours: fails */

/* load.c */
void footfall__dynamodb_load(
    struct dynamodb_group *g); /* the counter's item and, at the first touch, all that is looked up */
void footfall__dynamodb_read_visitors(struct dynamodb_group *g,
                                      int consistent);        /* those marked to_read; wanted tokens */
void footfall__dynamodb_send_reads(struct dynamodb_group *g); /* whatever is marked, as `consistent` says */
void footfall__dynamodb_took_reads(struct dynamodb_group *g);

/* finish.c */
void footfall__dynamodb_applied(struct dynamodb_group *g, int64_t x,
                                int64_t y); /* total and unique as the run found them */
void footfall__dynamodb_end_run(struct dynamodb_group *g);

/* outcome.c: the replies of each step */
void footfall__dynamodb_took_plan(struct dynamodb_group *g);
void footfall__dynamodb_took_values(struct dynamodb_group *g);
void footfall__dynamodb_took_spilled(struct dynamodb_group *g);
void footfall__dynamodb_took_fence(struct dynamodb_group *g);
void footfall__dynamodb_took_replay(struct dynamodb_group *g);
int footfall__dynamodb_take_get(struct dynamodb_group *g);    /* the counter, read: 1; 0 when the group has failed */
void footfall__dynamodb_judge_slot(struct dynamodb_group *g); /* a condition failed, and the counter's item is known */
void footfall__dynamodb_find_spilled(struct dynamodb_group *g);
void footfall__dynamodb_reclaim(
    struct dynamodb_group *g); /* are claims still ours, now that the revision is another? */

/* known.c */
int footfall__dynamodb_collect(struct dynamodb_group *g); /* ops and visitors of a run that begins: 0 or NO_MEMORY */
int footfall__dynamodb_has_visitors(const struct footfall_store_op *op); /* VISIT, FORGET */
struct dynamodb_visitor *footfall__dynamodb_visitor(const struct dynamodb_group *g, const uint8_t *id); /* or NULL */
void footfall__dynamodb_learn_visitor(struct dynamodb_group *g, struct dynamodb_visitor *v,
                                      const struct dynamodb_record *record, int consistent);
int footfall__dynamodb_not_due(const struct footfall_store_op *op, int64_t last);
/* Its record holds for the counter's present revision: nobody has forgotten it since. */
int footfall__dynamodb_is_proven(const struct dynamodb_group *g, const struct dynamodb_visitor *v);
/* Marks visitors to be read (to_read) and returns how many. */
size_t footfall__dynamodb_wanted(struct dynamodb_group *g);
struct dynamodb_token *footfall__dynamodb_token(const struct dynamodb_group *g, const uint8_t *token); /* or NULL */
int footfall__dynamodb_learn_token(struct dynamodb_group *g, const uint8_t *token, const json_t *item);
int footfall__dynamodb_is_same_operation(const struct footfall_store_op *op, const struct dynamodb_token *known);

/* decide.c */
/* Decides op by op, sets run_count. Returns how many visitors must first be read consistently (to_read); want_tokens: and some
 * tokens. */
size_t footfall__dynamodb_decide(struct dynamodb_group *g);

/* plan.c: bodies */
/* keys: an array, taken over. */
json_t *footfall__dynamodb_read_body(const struct footfall_store *store, json_t *keys, int consistent);
json_t *footfall__dynamodb_get_body(const struct footfall_store *store, const struct dynamodb_key *key);
json_t *footfall__dynamodb_plan_body(struct dynamodb_group *g);
json_t *footfall__dynamodb_fence_body(const struct dynamodb_group *g);
json_t *footfall__dynamodb_spill_body(const struct dynamodb_group *g);
json_t *footfall__dynamodb_claim_body(const struct dynamodb_group *g, const struct dynamodb_visitor *v);
json_t *footfall__dynamodb_give_back_body(const struct dynamodb_group *g, const struct dynamodb_visitor *v,
                                          int *deletes);

/* slot.c: which slot is ours, by the item: sets counter's slot and prev. 1: what is in it must be spilled first. */
int footfall__dynamodb_choose_slot(struct dynamodb_group *g);
void footfall__dynamodb_learn_counter(struct dynamodb_group *g, const struct dynamodb_counter_item *item);

/* claim.c: atomic = false */
int footfall__dynamodb_claims_wanted(const struct dynamodb_group *g); /* are there visitors to claim? */
void footfall__dynamodb_claim(struct dynamodb_group *g);              /* sends them, or goes on */
void footfall__dynamodb_claimed(struct dynamodb_group *g);            /* their replies */
/* The revision has moved: marks those to be read (how many), and takes what they are now. */
size_t footfall__dynamodb_reclaim_marks(struct dynamodb_group *g);
void footfall__dynamodb_reclaim_take(struct dynamodb_group *g, struct dynamodb_visitor *v,
                                     const struct dynamodb_record *record);
int footfall__dynamodb_give_back(struct dynamodb_group *g); /* 1: requests are under way */

/* series.c: a caller's numbered batch */
int footfall__dynamodb_series_known(const struct dynamodb_group *g);
int footfall__dynamodb_series_learn(struct dynamodb_group *g, const json_t *item); /* NULL: there is none */
/* 1 with the op's turn when it is stored already, or its number is lower than the stored one; else 0. */
int footfall__dynamodb_series_stored(const struct dynamodb_group *g, const struct footfall_store_op *op,
                                     struct dynamodb_turn *turn);
json_t *footfall__dynamodb_series_part(struct dynamodb_group *g);
void footfall__dynamodb_series_moved(struct dynamodb_group *g); /* the run is stored: what its item has now */
void footfall__dynamodb_series_key(const struct dynamodb_group *g, struct dynamodb_key *out);
#endif
