/* demo.c: `footfall demo`: made-up visits on counters of their own, to have something to look at. */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "batches.h"
#include "made_up.h"

#define VISITS 1000
#define MOST_VISITS 10000000
#define SPAN_MS (INT64_C(7) * 24 * 3600 * 1000)
#define SEED UINT64_C(0x9e3779b97f4a7c15)

/* In byte order. Shares by Zipf's law: 27720 / k for the k-th most popular, which is whole for all of them. */
static const struct {
    const char *name;
    unsigned share;
} pages[] = {
    { "demo/", 27720 },
    { "demo/about", 27720 / 6 },
    { "demo/blog/", 27720 / 2 },
    { "demo/blog/counting-without-cookies", 27720 / 8 },
    { "demo/blog/hello-world", 27720 / 4 },
    { "demo/contact", 27720 / 11 },
    { "demo/docs/", 27720 / 3 },
    { "demo/docs/install", 27720 / 5 },
    { "demo/docs/questions", 27720 / 10 },
    { "demo/download", 27720 / 7 },
    { "demo/photos", 27720 / 9 },
    { "demo/team", 27720 / 12 },
};
#define PAGES (sizeof pages / sizeof pages[0])

struct demo {
    struct footfall_cli *cli;
    int64_t visits, made; /* all, and put into batches so far */
    int64_t now_ms;
    uint64_t random;
    unsigned all_shares;
    struct footfall_op ops[FOOTFALL_CLI_BATCH_OPS];
    struct footfall_visitor visitors[FOOTFALL_CLI_BATCH_OPS];
    struct footfall_result results[FOOTFALL_CLI_BATCH_OPS];
    char addresses[FOOTFALL_CLI_BATCH_OPS][FOOTFALL_CLI_MADE_UP_BYTES];
};

static const char *some_page(struct demo *d)
{
    unsigned place = (unsigned)(footfall__cli_random(&d->random) % d->all_shares);
    size_t page = 0;
    while (place >= pages[page].share)
        place -= pages[page++].share;
    return pages[page].name;
}

/* Some come often, most do not; and so many that there is something to see in both columns, however long the run. */
static unsigned some_visitor(struct demo *d)
{
    uint64_t all = 20 + (uint64_t)d->visits / 20;
    uint64_t a = footfall__cli_random(&d->random) % all, b = footfall__cli_random(&d->random) % all;
    return (unsigned)(a * b / all);
}

/* The next visits, one after the other at equal distances, the last of all now: how many. */
static size_t fill_batch(struct demo *d)
{
    size_t count = 0;
    for (; count < FOOTFALL_CLI_BATCH_OPS && d->made < d->visits; count++, d->made++) {
        struct footfall_op *op = &d->ops[count];
        struct footfall_visitor *who = &d->visitors[count];
        *op = (struct footfall_op)FOOTFALL_OP_INIT(FOOTFALL_OP_VISIT);
        *who = (struct footfall_visitor)FOOTFALL_VISITOR_INIT;
        op->name = some_page(d);
        op->visitor = who;
        footfall__cli_made_up_address(d->addresses[count], some_visitor(d));
        who->address = d->addresses[count];
        who->now_ms = d->now_ms - (d->visits - 1 - d->made) * SPAN_MS / d->visits;
    }
    return count;
}

static int count_all(struct demo *d)
{
    struct footfall_cli_applied sum = { 0, 0 };
    size_t count = 0;
    int exit = 0;
    footfall__cli_catch_interrupts();
    while (exit == 0 && !footfall__cli_interrupted() && (count = fill_batch(d)) > 0)
        exit = footfall__cli_apply(d->cli, d->ops, count, d->results, &sum);
    if (exit == 0 && sum.done == (uint64_t)d->visits)
        return 0;
    return footfall__cli_tell_applied(exit != 0 ? exit : FOOTFALL_CLI_FAILED, &sum, (uint64_t)d->visits,
                                      "visits are counted", "");
}

static int print_counters(struct footfall_cli *cli)
{
    const char *names[PAGES];
    struct footfall_result results[PAGES];
    struct footfall_cli_row rows[PAGES];
    struct footfall_error err;
    size_t count = 0;
    for (size_t i = 0; i < PAGES; i++)
        names[i] = pages[i].name;
    if (footfall_read(cli->handle, names, PAGES, NULL, results, &err) != FOOTFALL_OK)
        return footfall__cli_failed(&err);
    for (size_t i = 0; i < PAGES; i++)
        if (results[i].flags & FOOTFALL_EXISTS)
            rows[count++] = (struct footfall_cli_row){ names[i], results[i].total, results[i].unique };
    footfall__cli_print_rows(rows, count, cli->json);
    if (!cli->json)
        printf("\nThese visits are made up. \"footfall list demo/ --sort total\" shows the counters again;\n"
               "\"footfall delete demo/about\" and so on ends them.\n");
    footfall__cli_written();
    return 0;
}

int footfall__cli_demo(struct footfall_cli *cli)
{
    const struct footfall_cli_arguments *arguments = &cli->arguments;
    struct demo *d = calloc(1, sizeof *d);
    struct timespec now = { 0, 0 };
    int exit = 0;
    if (d == NULL)
        return footfall__cli_complain(FOOTFALL_CLI_FAILED, "out of memory");
    clock_gettime(CLOCK_REALTIME, &now);
    d->cli = cli;
    d->visits = VISITS;
    d->now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    d->random = SEED;
    for (size_t i = 0; i < PAGES; i++)
        d->all_shares += pages[i].share;
    if (arguments->operand_count == 1)
        exit = footfall__cli_number(&d->visits, "N", arguments->operands[0], 1, MOST_VISITS);
    if (exit == 0)
        exit = footfall__cli_open(cli);
    if (exit == 0)
        exit = count_all(d);
    if (exit == 0 || footfall__cli_interrupted()) {
        int printed = print_counters(cli);
        exit = exit != 0 ? exit : printed;
    }
    free(d);
    return exit;
}
