/* dynamodb_costs.c: what visits cost on DynamoDB, in units by the service's documented rules from the requests and replies that were
 * made: alone, 64 at a time, and with few and with many visitors stored. FOOTFALL_TEST_LONG=1: 20,000 of them; --figures N: so many,
 * and every figure on a line for bench_dynamodb.py, "figure|what|write units|at most|read units|at most". */
#include "dynamodb_taped.h"
#include "footfall_admin.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOGETHER = 64, FEW = 10, MANY = 2000, MANY_LONG = 20000, STRANGER = 1000000 };

static const char *const plain[] = { "dynamodb.atomic", "false", NULL };
static uint32_t next_stranger = STRANGER;
static uint32_t figures; /* told, with so many visitors stored */

/* Units of these visits, and the tape is cleared. */
struct units {
    double writes, reads;
};

static struct units spent(void)
{
    struct dynamodb_bill bill = taped_bill();
    dynamodb_tape_clear(taped);
    return (struct units){ (double)bill.write_halves / 2, (double)bill.read_halves / 2 };
}

static void expect(struct units got, double writes, double reads)
{
    if (got.writes != writes || got.reads != reads)
        fail_msg("%g write units and %g read units, not %g and %g", got.writes, got.reads, writes, reads);
}

/* For the benchmark, when it asks. */
static void tell(const char *what, struct units u, double most_writes, double most_reads, int atomic, uint32_t stored)
{
    char beside[32] = "";
    if (figures == 0)
        return;
    if (stored > 0)
        (void)snprintf(beside, sizeof(beside), ", %u stored", (unsigned)stored);
    printf("figure|%s, %s%s|%.4f|%g|%.4f|%g\n", what, atomic ? "atomic" : "atomic=false", beside, u.writes, most_writes,
           u.reads, most_reads);
}

static struct units per_visit(struct units u)
{
    return (struct units){ u.writes / TOGETHER, u.reads / TOGETHER };
}

/* The units that the handle's own metrics count, of all its lanes. */
static void take_metric(void *user, const struct footfall_metric *metric)
{
    struct units *u = user;
    if (strcmp(metric->name, "footfall_dynamodb_write_units_total") == 0)
        u->writes += metric->value;
    if (strcmp(metric->name, "footfall_dynamodb_read_units_total") == 0)
        u->reads += metric->value;
}

static struct units counted(struct footfall *ff)
{
    struct units u = { 0, 0 };
    footfall_metrics(ff, take_metric, &u);
    assert_true(u.writes > 0);
    return u;
}

/* ---- alone -------------------------------------------------------------------------------------------------------------------- */

/* What each kind of visit costs a process that has touched the counter before. */
struct alone {
    struct units known, returning, fresh, fresh_in_first_hour, returning_in_first_hour;
};

static struct alone measure(const char *const *how, const char *name)
{
    struct footfall *ff = taped_open(how), *other = taped_open(how);
    struct alone cost;
    uint32_t visitor = next_stranger;
    next_stranger += 8;
    taped_clock(TAPED_NOON);
    taped_visit(ff, name, visitor, FOOTFALL_NOW);
    dynamodb_tape_clear(taped);
    assert_int_equal(taped_visit(ff, name, visitor, FOOTFALL_NOW), 0);
    cost.known = spent();
    assert_int_equal(taped_visit(ff, name, visitor + 1, FOOTFALL_NOW), 1);
    cost.fresh = spent();
    taped_visit(other, name, visitor + 2, FOOTFALL_NOW);
    taped_visit(other, name, visitor + 3, FOOTFALL_NOW);
    dynamodb_tape_clear(taped);
    assert_int_equal(taped_visit(ff, name, visitor + 2, FOOTFALL_NOW), 0);
    cost.returning = spent();
    taped_clock(TAPED_MIDNIGHT + 24 * TAPED_HOUR + 60000);
    taped_visit(ff, name, visitor, FOOTFALL_NOW); /* gets the epoch's key */
    dynamodb_tape_clear(taped);
    assert_int_equal(taped_visit(ff, name, visitor + 4, FOOTFALL_NOW), 1);
    cost.fresh_in_first_hour = spent();
    assert_int_equal(taped_visit(ff, name, visitor + 3, FOOTFALL_NOW), 0); /* under the id of the epoch before */
    cost.returning_in_first_hour = spent();
    taped_clock(TAPED_NOON);
    footfall_close(other);
    footfall_close(ff);
    return cost;
}

static void expect_alone(const struct alone *cost, int atomic, uint32_t stored)
{
    tell("known to the process", cost->known, 1, 0, atomic, stored);
    tell("returning", cost->returning, 1, 0.5, atomic, stored);
    tell("returning, found under the previous id", cost->returning_in_first_hour, 1, 1, atomic, stored);
    tell("new", cost->fresh, atomic ? 4 : 2, atomic ? 2 : 1, atomic, stored);
    tell("new, in an epoch's first hour", cost->fresh_in_first_hour, atomic ? 6 : 3, atomic ? 2 : 1, atomic, stored);
    expect(cost->known, 1, 0);
    expect(cost->returning, 1, 0.5);
    expect(cost->returning_in_first_hour, 1, 1);
    expect(cost->fresh, atomic ? 4 : 2, atomic ? 2 : 1);
    expect(cost->fresh_in_first_hour, atomic ? 6 : 3, atomic ? 2 : 1);
}

static void alone(void **state)
{
    (void)state;
    for (int atomic = 0; atomic < 2; atomic++) {
        const char *name = taped_begin();
        struct alone cost = measure(atomic ? NULL : plain, name);
        expect_alone(&cost, atomic, 0);
    }
}

/* ---- many at once -------------------------------------------------------------------------------------------------------------- */

struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t all;
    int done, fresh;
};

static void completed(void *user, const struct footfall_result *r, const struct footfall_error *err)
{
    struct waiting *w = user;
    (void)err;
    pthread_mutex_lock(&w->lock);
    w->fresh += r->status == FOOTFALL_OK ? (r->flags & FOOTFALL_IS_NEW) != 0 : TOGETHER;
    if (++w->done == TOGETHER)
        pthread_cond_signal(&w->all);
    pthread_mutex_unlock(&w->lock);
}

/* 64 submissions, all of them made while the first request is on its way. How many were new. */
static int submit_together(struct footfall *ff, const char *name, uint32_t first)
{
    struct waiting w = { .lock = PTHREAD_MUTEX_INITIALIZER, .all = PTHREAD_COND_INITIALIZER };
    dynamodb_tape_delay_next(taped, 300);
    for (uint32_t i = 0; i < TOGETHER; i++) {
        struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
        struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_VISIT);
        char address[32];
        (void)snprintf(address, sizeof(address), "10.%u.%u.%u", (first + i) >> 16 & 255, (first + i) >> 8 & 255,
                       (first + i) & 255);
        who.address = address;
        op.name = name;
        op.visitor = &who;
        assert_int_equal(footfall_submit(ff, &op, NULL, completed, &w, NULL), FOOTFALL_OK);
    }
    pthread_mutex_lock(&w.lock);
    while (w.done < TOGETHER)
        pthread_cond_wait(&w.all, &w.lock);
    pthread_mutex_unlock(&w.lock);
    return w.fresh;
}

static void together(void **state)
{
    (void)state;
    for (int atomic = 0; atomic < 2; atomic++) {
        double most = atomic ? 2.1 : 1.1;
        const char *name = taped_begin();
        struct footfall *ff = taped_open(atomic ? NULL : plain);
        struct units u;
        uint32_t first = next_stranger;
        next_stranger += 2 * TOGETHER;
        taped_visit(ff, name, 1, FOOTFALL_NOW);
        dynamodb_tape_clear(taped);
        assert_int_equal(taped_visits(ff, name, first, TOGETHER), TOGETHER);
        u = spent();
        expect(u, atomic ? 2 * (TOGETHER + 1) : TOGETHER + 1, atomic ? TOGETHER + 1 : TOGETHER);
        assert_true(u.writes / TOGETHER <= most);
        tell("64 in one call, new", per_visit(u), most, 2, atomic, 0);
        assert_int_equal(taped_visits(ff, name, first, TOGETHER), 0);
        u = spent();
        expect(u, 1, 0);
        tell("64 in one call, known", per_visit(u), 0.05, 0, atomic, 0);
        assert_int_equal(submit_together(ff, name, first), 0);
        u = spent();
        assert_true(u.writes / TOGETHER < 0.05 && u.reads == 0);
        tell("64 submissions under way, known", per_visit(u), 0.05, 0, atomic, 0);
        assert_int_equal(submit_together(ff, name, first + TOGETHER), TOGETHER);
        u = spent();
        assert_true(u.writes / TOGETHER <= most);
        tell("64 submissions under way, new", per_visit(u), most, 2, atomic, 0);
        footfall_close(ff);
    }
}

/* ---- few and many visitors --------------------------------------------------------------------------------------------------------- */

static uint32_t many(void)
{
    const char *asked = getenv("FOOTFALL_TEST_LONG");
    if (figures > 0)
        return figures;
    return asked != NULL && strcmp(asked, "1") == 0 ? MANY_LONG : MANY;
}

static void fill(const char *name, uint32_t count)
{
    struct footfall *ff = taped_open(plain);
    for (uint32_t i = 0; i < count; i += 1000) {
        size_t n = count - i < 1000 ? count - i : 1000;
        assert_int_equal(taped_visits(ff, name, i, n), n);
        dynamodb_tape_clear(taped);
    }
    footfall_close(ff);
}

static void as_dear_with_many_as_with_few(void **state)
{
    (void)state;
    for (int atomic = 0; atomic < 2; atomic++)
        for (int i = 0; i < 2; i++) {
            const char *name = taped_begin();
            struct alone cost;
            uint32_t stored = i == 0 ? FEW : many();
            fill(name, stored);
            cost = measure(atomic ? NULL : plain, name);
            expect_alone(&cost, atomic, stored);
        }
}

/* ---- what is told of it ------------------------------------------------------------------------------------------------------------ */

static void expect_metrics(struct footfall *ff, struct units before)
{
    struct units after = counted(ff);
    struct dynamodb_bill bill = taped_bill();
    assert_true(bill.said_read_halves <= bill.read_halves);
    assert_true(2 * (after.reads - before.reads) == (double)bill.said_read_halves);
    assert_true(2 * (after.writes - before.writes) == (double)bill.write_halves);
    dynamodb_tape_clear(taped);
}

/* Reads go by the service's word (DynamoDB Local says nothing of items that are not there, the service does), writes by the rules
 * where its word is not to be had. A counter's first write costs one more, in the index; nothing here makes one. */
static void metrics_agree(void **state)
{
    (void)state;
    for (int atomic = 0; atomic < 2; atomic++) {
        const char *name = taped_begin();
        struct footfall *ff = taped_open(atomic ? NULL : plain), *other = taped_open(NULL);
        struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
        struct units before;
        taped_visit(ff, name, 1, FOOTFALL_NOW);
        taped_visit(other, name, 30, FOOTFALL_NOW);
        before = counted(ff);
        dynamodb_tape_clear(taped);
        taped_visit(ff, name, 1, FOOTFALL_NOW);
        taped_visit(ff, name, 30, FOOTFALL_NOW);
        taped_visit(ff, name, 2, FOOTFALL_NOW);
        assert_int_equal(footfall_add(ff, name, 1, NULL, NULL, NULL), FOOTFALL_OK);
        (void)taped_visits(ff, name, 2, 20);
        assert_int_equal(footfall_read(ff, &name, 1, NULL, &(struct footfall_result){ 0 }, NULL), FOOTFALL_OK);
        expect_metrics(ff, before);
        who.address = "10.0.0.1";
        assert_int_equal(footfall_forget(other, name, &who, NULL, NULL, NULL), FOOTFALL_OK);
        before = counted(ff);
        dynamodb_tape_clear(taped);
        taped_visit(ff, name, 2, FOOTFALL_NOW); /* its first condition fails, and is charged */
        expect_metrics(ff, before);
        footfall_close(other);
        footfall_close(ff);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alone),
        cmocka_unit_test(together),
        cmocka_unit_test(as_dear_with_many_as_with_few),
        cmocka_unit_test(metrics_agree),
    };
    if (argc == 3 && strcmp(argv[1], "--figures") == 0)
        figures = (uint32_t)strtoul(argv[2], NULL, 10);
    return cmocka_run_group_tests_name("dynamodb_costs", tests, taped_set_up, taped_tear_down);
}
