/* dynamodb_sim_world.h: what the files of dynamodb_sim share: the operations and their plans, the model of the counters, messages
 * on their way, and the actors who take turns. Everything is in `sim`; sim_below() and sim_percent() draw what happens. */
#ifndef FOOTFALL_TEST_DYNAMODB_SIM_WORLD_H
#define FOOTFALL_TEST_DYNAMODB_SIM_WORLD_H
#include "dynamodb_sim.h"
#include "group.h"
#include "usage.h"

#include <inttypes.h>
#include <ucontext.h>

enum {
    ACTORS = 3,
    COUNTERS = 2,
    PEOPLE = 3,
    OPS = 8, /* in a batch */
    ALL_OPS = 4096,
    PLANS = 8192,
    STACK = 256 << 10,
    MINUTE = 60000,
    HOUR = 60 * MINUTE,
    ATTEMPTS = 8
};
#define DAY (24 * (int64_t)HOUR)

struct sim_op {
    struct footfall_store_op op;
    int actor, counter, person;
    uint64_t begin;
    int64_t begin_ms;
    int committed, refused; /* stored as counted; as out of range */
    uint64_t committed_at;
    int64_t total, unique;
    int is_new;
    int final, status; /* answered for good */
    int64_t final_ms;
    int log; /* its time is long past */
};
struct sim_plan {
    char mark[24];
    int actor, committed;
    size_t count;
    struct {
        struct sim_op *op;
        enum dynamodb_outcome outcome;
        int is_new, stored;
    } turns[OPS];
};
struct sim_person { /* a record that the model keeps */
    struct footfall_store_id id;
    int64_t at_ms, low_ms; /* the record's time; a sliding visit may leave the older id's a little behind, at low_ms */
    uint64_t since, until; /* step of the last change from absent; until: when it was dropped */
    int64_t logged_ms;     /* when a log reader stored it */
    uint64_t set_at;       /* step when it was stored last */
    int there;
};
struct sim_bound {
    const uint8_t *token;
    const struct footfall_store_op *op;
    int is_new;
};
struct sim_lag { /* a visit that was due and not new: atomic = false only */
    struct sim_op *op;
    uint64_t at;
};
struct sim_model {
    int exists;
    uint64_t changed; /* step when exists changed last */
    int64_t t, u;
    struct sim_person people[256];
    size_t people_count;
    struct sim_bound bound[256];
    size_t bound_count;
};
struct sim_message {
    struct dynamodb_request *request; /* NULL: nobody waits for it */
    struct dynamodb_client *client;
    enum dynamodb_action action;
    char *body;
    size_t body_bytes;
    int64_t sent_ms;
    int gone; /* it will not be carried out any more */
    struct sim_message *next;
};
struct sim_inbox {
    struct dynamodb_request *request;
    enum dynamodb_answer answer;
    json_t *reply;
    int verdict; /* 0: answered; 1: in doubt; 2: refused */
    struct sim_inbox *next;
};
struct dynamodb_client {
    struct dynamodb_request *queue, **queue_end;
    struct sim_inbox *inbox;
    size_t under_way;
    int actor;
    struct dynamodb_usage usage;
};
struct sim_actor {
    struct footfall_store *store;
    struct dynamodb_client client;
    ucontext_t context;
    char *stack;
    int done, waits;
    int64_t wake_ms;
    int64_t clock_ms; /* its host's, less the world's */
    uint64_t sequence;
    struct sim_op *ops; /* of the batch */
    size_t op_count;
    size_t writes; /* requests that were sent for it, reads aside */
    int batches;
};

struct sim_world {
    uint64_t random_state, steps, seed;
    struct sim_table table;
    struct sim_actor actors[ACTORS];
    ucontext_t scheduler;
    struct sim_message *pool;
    struct sim_model models[COUNTERS];
    struct sim_op ops[ALL_OPS];
    size_t op_total;
    struct sim_plan plans[PLANS];
    size_t plan_total;
    struct sim_lag lags[ALL_OPS];
    size_t lag_total;
    int atomic_visits, fault_percent, late_copies, log_readers, tokens_in_use, forgets, trace;
    int only_atomic; /* SIM_ATOMIC=0 or 1: that mode alone; else -1 */
    int sliding, near_limits;
    int loose; /* claims are given back: whoever saw them was not new. Visitors are not checked then, numbers are */
    int64_t window_ms;
    uint8_t tokens[8][16];
};
extern struct sim_world sim;
extern const char *const sim_names[COUNTERS];

uint64_t sim_below(uint64_t n);
int sim_percent(int p);
/* With SIM_TRACE. */
void sim_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The network: carries m out, loses, delays or repeats it. */
void sim_deliver(struct sim_message *m);
void sim_drop_message(struct sim_message *m);
/* Gives the turn to another, until then or until an answer comes. */
void sim_rest(struct sim_actor *a, int64_t until);

/* The model. */
void sim_note_plan(const struct dynamodb_request *r);
struct sim_person *sim_person_of(struct sim_model *m, const struct footfall_store_id *id, int make); /* or NULL */
struct sim_bound *sim_bound_of(struct sim_model *m, const uint8_t *token);                           /* or NULL */
int sim_same_operation(const struct footfall_store_op *op, const struct footfall_store_op *stored);
void sim_compare(int counter);
void sim_committed(void *user, const char *mark);

/* The actors. */
void sim_hash(uint8_t *out, uint64_t a, uint64_t b, uint64_t c);
void sim_open_store(struct sim_actor *a);
void sim_close_store(struct sim_actor *a);
void sim_live(int index);
#endif
