/* import_set.c: `footfall import [FILE]`: sets counters to the numbers of an export's lines, where they differ. The lines are
 * import_lines.c's affair. */
#include "import.h"

#include <inttypes.h>
#include <stdlib.h>

#include "batches.h"

#define NAMED 5 /* counters that would get smaller */

struct import {
    struct footfall_cli *cli;
    struct footfall_import_rows rows;
    int overwrite;
    uint64_t of[FOOTFALL_IMPORT_NEW + 1]; /* rows of each kind */
    uint64_t smaller;
    const char *names[FOOTFALL_CLI_BATCH_OPS];
    struct footfall_op ops[FOOTFALL_CLI_BATCH_OPS];
    struct footfall_result results[FOOTFALL_CLI_BATCH_OPS];
};

/* ---- what is there ---------------------------------------------------------------------------------------------------- */

static void compare_row(struct import *m, struct footfall_import_row *row, const struct footfall_result *is)
{
    if (!(is->flags & FOOTFALL_EXISTS))
        row->kind = FOOTFALL_IMPORT_NEW;
    else if (row->total != is->total || row->unique != is->unique)
        row->kind = FOOTFALL_IMPORT_CHANGED;
    m->of[row->kind]++;
    if (row->kind != FOOTFALL_IMPORT_CHANGED || (row->total >= is->total && row->unique >= is->unique))
        return;
    if (!m->overwrite && m->smaller < NAMED)
        footfall__cli_complain(0,
                               "%s:%" PRIu64 ": '%s' has %" PRId64 " visits and %" PRId64
                               " visitors, and would get %" PRId64 " and %" PRId64,
                               m->rows.file, row->line, row->name, is->total, is->unique, row->total, row->unique);
    m->smaller++;
}

static int compare(struct import *m)
{
    struct footfall_error err;
    for (size_t at = 0, count = 0; at < m->rows.count; at += count) {
        struct footfall_call call;
        count = m->rows.count - at < FOOTFALL_CLI_BATCH_OPS ? m->rows.count - at : FOOTFALL_CLI_BATCH_OPS;
        call = footfall__cli_patience(m->cli, count);
        for (size_t i = 0; i < count; i++)
            m->names[i] = m->rows.rows[at + i].name;
        if (footfall_read(m->cli->handle, m->names, count, &call, m->results, &err) != FOOTFALL_OK)
            return footfall__cli_failed(&err);
        for (size_t i = 0; i < count; i++)
            compare_row(m, &m->rows.rows[at + i], &m->results[i]);
    }
    if (m->smaller == 0 || m->overwrite)
        return 0;
    return footfall__cli_complain(
        FOOTFALL_CLI_USAGE, "%" PRIu64 " counter%s would get smaller; nothing is imported (--%s does it)", m->smaller,
        m->smaller == 1 ? "" : "s", footfall__cli_options[FOOTFALL_CLI_OVERWRITE].name);
}

/* ---- what is set ------------------------------------------------------------------------------------------------------ */

/* The next rows that differ, from *at on: how many. */
static size_t fill_batch(struct import *m, size_t *at)
{
    size_t count = 0;
    for (; *at < m->rows.count && count < FOOTFALL_CLI_BATCH_OPS; ++*at) {
        const struct footfall_import_row *row = &m->rows.rows[*at];
        if (row->kind == FOOTFALL_IMPORT_UNCHANGED)
            continue;
        m->ops[count] = (struct footfall_op)FOOTFALL_OP_INIT(FOOTFALL_OP_SET);
        m->ops[count].name = row->name;
        m->ops[count].total = row->total;
        m->ops[count++].unique = row->unique;
    }
    return count;
}

static int set_all(struct import *m)
{
    uint64_t all = m->of[FOOTFALL_IMPORT_NEW] + m->of[FOOTFALL_IMPORT_CHANGED];
    struct footfall_cli_applied sum = { 0, 0 };
    size_t at = 0, count = 0;
    int exit = 0;
    footfall__cli_catch_interrupts();
    while (exit == 0 && !footfall__cli_interrupted() && (count = fill_batch(m, &at)) > 0)
        exit = footfall__cli_apply(m->cli, m->ops, count, m->results, &sum);
    if (exit == 0 && sum.done == all)
        return 0;
    return footfall__cli_tell_applied(exit != 0 ? exit : FOOTFALL_CLI_FAILED, &sum, all, "counters are set",
                                      "; the same import again completes it");
}

static void print_summary(const struct import *m)
{
    const uint64_t *of = m->of;
    printf(m->cli->json ? "{\"read\":%zu,\"new\":%" PRIu64 ",\"changed\":%" PRIu64 ",\"unchanged\":%" PRIu64 "}\n"
                        : "read      %12zu\nnew       %12" PRIu64 "\nchanged   %12" PRIu64 "\nunchanged %12" PRIu64
                          "\n",
           m->rows.count, of[FOOTFALL_IMPORT_NEW], of[FOOTFALL_IMPORT_CHANGED], of[FOOTFALL_IMPORT_UNCHANGED]);
    footfall__cli_written();
}

int footfall__import_lines(struct footfall_cli *cli)
{
    const struct footfall_cli_arguments *arguments = &cli->arguments;
    struct import *m = calloc(1, sizeof *m);
    int exit = 0;
    if (m == NULL)
        return footfall__cli_complain(FOOTFALL_CLI_FAILED, "out of memory");
    m->cli = cli;
    m->overwrite = arguments->values[FOOTFALL_CLI_OVERWRITE] != NULL;
    exit = footfall__cli_configure(cli);
    if (exit == 0)
        exit = footfall__import_read(&m->rows, arguments->operand_count == 1 ? arguments->operands[0] : NULL);
    if (exit == 0)
        exit = footfall__cli_open(cli);
    if (exit == 0)
        exit = compare(m);
    if (exit == 0)
        exit = set_all(m);
    if (exit == 0)
        print_summary(m);
    footfall__import_free(&m->rows);
    free(m);
    return exit;
}
