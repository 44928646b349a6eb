/* ingest_lines.c: makes a visit of a log line, or says why it does not count. The library itself judges names and addresses,
 * so that a batch never holds what it would refuse. No line, name or address is ever printed from here. */
#include "ingest.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)1 << 20)

const char *const footfall__ingest_skip_names[FOOTFALL_INGEST_SKIPS] = {
    "bad line",      "not an address",       "unspecified address",      "no path", "bad name", "before 1970",
    "in the future", "left out by --status", "left out by --skip-agent",
};
const char *const footfall__ingest_skip_keys[FOOTFALL_INGEST_SKIPS] = {
    "bad_line", "not_an_address", "unspecified_address", "no_path", "bad_name", "before_1970", "in_the_future",
    "status",   "agent",
};

/* ---- text that lives as long as its batch ----------------------------------------------------------------------------- */

struct footfall_ingest_block {
    struct footfall_ingest_block *next;
    size_t used, room;
    char text[];
};

/* Room at the end of the current block; taken by keep(). NULL: no memory. */
static char *room_for(struct footfall_ingest_batch *batch, size_t bytes)
{
    struct footfall_ingest_block *block = batch->block, *next = NULL;
    size_t room = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    if (block != NULL && block->room - block->used >= bytes)
        return block->text + block->used;
    next = block != NULL ? block->next : batch->blocks;
    if (next == NULL || next->room < bytes) {
        struct footfall_ingest_block *made = malloc(sizeof *made + room);
        if (made == NULL)
            return NULL;
        made->next = next;
        made->room = room;
        next = made;
        if (block != NULL)
            block->next = made;
        else
            batch->blocks = made;
    }
    next->used = 0;
    batch->block = next;
    return next->text;
}

static const char *keep(struct footfall_ingest_batch *batch, size_t bytes)
{
    const char *text = batch->block->text + batch->block->used;
    batch->block->used += bytes;
    return text;
}

/* ---- batches ---------------------------------------------------------------------------------------------------------- */

int footfall__ingest_batch_open(struct footfall_ingest_batch *batch, size_t room)
{
    memset(batch, 0, sizeof *batch);
    batch->ops = malloc(room * sizeof *batch->ops);
    batch->visitors = malloc(room * sizeof *batch->visitors);
    batch->results = calloc(room, sizeof *batch->results);
    batch->where = malloc(room * sizeof *batch->where);
    if (batch->ops == NULL || batch->visitors == NULL || batch->results == NULL || batch->where == NULL) {
        footfall__ingest_batch_free(batch);
        return -1;
    }
    for (size_t i = 0; i < room; i++) {
        batch->visitors[i] = (struct footfall_visitor)FOOTFALL_VISITOR_INIT;
        batch->ops[i] = (struct footfall_op)FOOTFALL_OP_INIT(FOOTFALL_OP_VISIT);
        batch->ops[i].visitor = &batch->visitors[i];
    }
    batch->room = room;
    return 0;
}

void footfall__ingest_batch_free(struct footfall_ingest_batch *batch)
{
    while (batch->blocks != NULL) {
        struct footfall_ingest_block *next = batch->blocks->next;
        free(batch->blocks);
        batch->blocks = next;
    }
    free(batch->ops);
    free(batch->visitors);
    free(batch->results);
    free(batch->where);
    memset(batch, 0, sizeof *batch);
}

void footfall__ingest_batch_clear(struct footfall_ingest_batch *batch)
{
    batch->count = 0;
    batch->block = NULL;
    batch->names = 0;
    memset(&batch->counts, 0, sizeof batch->counts);
    batch->note_count = 0;
    batch->end = FOOTFALL_INGEST_MORE;
    batch->error = 0;
    batch->first = 0;
    batch->device = 0;
    batch->inode = 0;
    memset(&batch->last, 0, sizeof batch->last);
    batch->left = 0;
}

/* ---- judging ---------------------------------------------------------------------------------------------------------- */

static enum footfall_ingest_verdict skip(struct footfall_ingest_batch *batch, const struct footfall_ingest_rules *rules,
                                         enum footfall_ingest_skip kind, const char *reason)
{
    struct footfall_ingest_note note = { batch->reached, kind, reason };
    batch->counts.skipped[kind]++;
    if (kind == FOOTFALL_INGEST_STATUS || kind == FOOTFALL_INGEST_AGENT)
        return FOOTFALL_INGEST_SKIPPED;
    if (rules->strict) {
        batch->stop = note;
        return FOOTFALL_INGEST_REFUSED;
    }
    if (batch->counts.skipped[kind] <= FOOTFALL_INGEST_NOTES)
        batch->notes[batch->note_count++] = note;
    return FOOTFALL_INGEST_SKIPPED;
}

/* Of an address that was refused: an address by its form, but one that stands for nobody? */
static int is_unspecified(const char *address)
{
    char text[INET6_ADDRSTRLEN];
    struct in_addr four;
    struct in6_addr six;
    size_t bytes = strcspn(address, "%"); /* up to its zone */
    if (inet_pton(AF_INET, address, &four) == 1)
        return four.s_addr == 0;
    if (bytes >= sizeof text || (address[bytes] == '%' && address[bytes + 1] == '\0'))
        return 0;
    memcpy(text, address, bytes);
    text[bytes] = '\0';
    if (inet_pton(AF_INET6, text, &six) != 1)
        return 0;
    memcpy(&four, six.s6_addr + 12, sizeof four);
    return IN6_IS_ADDR_UNSPECIFIED(&six) || (IN6_IS_ADDR_V4MAPPED(&six) && four.s_addr == 0);
}

/* The counter's name into *name; NULL with *reason when there is none, or without when memory ran out. */
static enum footfall_ingest_skip name_of(struct footfall_ingest_batch *batch, const char **name, const char **reason,
                                         const struct footfall_logs_line *line)
{
    char *text = room_for(batch, line->target.bytes + 2);
    size_t bytes = 0;
    *name = *reason = NULL;
    if (text == NULL)
        return FOOTFALL_INGEST_SKIPS;
    if ((*reason = footfall__logs_path(text, &bytes, line->target, line->plain)) != NULL)
        return FOOTFALL_INGEST_NO_PATH;
    if (footfall_name_check(text, bytes, NULL) != FOOTFALL_OK) {
        *reason = "the path is no valid counter name";
        return FOOTFALL_INGEST_BAD_NAME;
    }
    *name = keep(batch, bytes + 1);
    return FOOTFALL_INGEST_SKIPS;
}

static const char *copy_field(struct footfall_ingest_batch *batch, struct footfall_logs_field field, int unescape)
{
    char *text = room_for(batch, field.bytes + 1);
    size_t bytes = field.bytes;
    if (text == NULL)
        return NULL;
    if (unescape)
        bytes = footfall__logs_unescape(text, field);
    else
        memcpy(text, field.text, bytes);
    text[bytes] = '\0';
    return text;
}

/* A user agent is a C string for the library: it ends at a NUL that was logged as \x00 or \u0000. */
static int take_agent(struct footfall_ingest_batch *batch, struct footfall_visitor *visitor,
                      const struct footfall_logs_line *line)
{
    const char *agent = copy_field(batch, line->agent, !line->plain);
    if (agent == NULL)
        return -1;
    visitor->user_agent = keep(batch, strlen(agent) + 1);
    return 0;
}

static enum footfall_ingest_verdict take(struct footfall_ingest_batch *batch, const struct footfall_ingest_rules *rules,
                                         const struct footfall_logs_line *line)
{
    struct footfall_visitor *visitor = &batch->visitors[batch->count];
    const char *name = rules->counter, *reason = NULL, *address = copy_field(batch, line->host, 0);
    if (address == NULL)
        return FOOTFALL_INGEST_OUT_OF_MEMORY;
    if (footfall_address_check(address, NULL) != FOOTFALL_OK)
        return is_unspecified(address)
                   ? skip(batch, rules, FOOTFALL_INGEST_UNSPECIFIED, "the address stands for no one")
                   : skip(batch, rules, FOOTFALL_INGEST_NO_ADDRESS, "the host is no IP address");
    visitor->address = keep(batch, line->host.bytes + 1);
    visitor->now_ms = line->time_ms;
    if (rules->with_agent && take_agent(batch, visitor, line) != 0)
        return FOOTFALL_INGEST_OUT_OF_MEMORY;
    if (name == NULL) {
        enum footfall_ingest_skip kind = name_of(batch, &name, &reason, line);
        if (name == NULL)
            return reason == NULL ? FOOTFALL_INGEST_OUT_OF_MEMORY : skip(batch, rules, kind, reason);
    }
    batch->ops[batch->count].name = name;
    batch->where[batch->count] = batch->reached;
    batch->count++;
    return FOOTFALL_INGEST_TAKEN;
}

/* What is no fault of the line: SKIPPED; TAKEN: go on. */
static enum footfall_ingest_verdict leave_out(struct footfall_ingest_batch *batch,
                                              const struct footfall_ingest_rules *rules,
                                              struct footfall_ingest_memory *memory,
                                              const struct footfall_logs_line *line)
{
    int skipped = 0;
    if (!rules->every_status && !rules->statuses[line->status])
        return skip(batch, rules, FOOTFALL_INGEST_STATUS, NULL);
    if (rules->skip_agent != NULL && (skipped = footfall__ingest_skips_agent(rules, memory, line)) != 0)
        return skipped < 0 ? FOOTFALL_INGEST_OUT_OF_MEMORY : skip(batch, rules, FOOTFALL_INGEST_AGENT, NULL);
    return FOOTFALL_INGEST_TAKEN;
}

static const char *read_line(struct footfall_logs_line *out, const struct footfall_ingest_rules *rules,
                             struct footfall_ingest_memory *memory, const struct footfall_ingest_text *line)
{
    const char *reason = NULL;
    if (line->too_long)
        return "longer than 1 MiB";
    memory->logs.format = rules->format;
    memory->logs.keys = &rules->keys;
    reason = footfall__logs_read(out, &memory->logs, line->text, line->bytes);
    return reason == NULL && out->status < 0 && !rules->every_status ? "no status" : reason;
}

enum footfall_ingest_verdict footfall__ingest_judge(struct footfall_ingest_batch *batch,
                                                    const struct footfall_ingest_rules *rules,
                                                    struct footfall_ingest_memory *memory,
                                                    const struct footfall_ingest_text *line, int resume)
{
    struct footfall_logs_line fields;
    enum footfall_ingest_verdict verdict = FOOTFALL_INGEST_TAKEN;
    const char *reason = read_line(&fields, rules, memory, line);
    if (reason == footfall__logs_no_memory)
        return FOOTFALL_INGEST_OUT_OF_MEMORY;
    if (reason != NULL && resume && !line->complete)
        return FOOTFALL_INGEST_UNFINISHED;
    batch->counts.read++;
    if (reason != NULL)
        return skip(batch, rules, FOOTFALL_INGEST_BAD_LINE, reason);
    if ((verdict = leave_out(batch, rules, memory, &fields)) != FOOTFALL_INGEST_TAKEN)
        return verdict;
    if (fields.time_ms < 0)
        return skip(batch, rules, FOOTFALL_INGEST_BEFORE_1970, "the time is before 1970");
    if (fields.time_ms > batch->limit_ms)
        return skip(batch, rules, FOOTFALL_INGEST_FUTURE, "the time is more than one hour ahead of the clock");
    return take(batch, rules, &fields);
}

void footfall__ingest_forget(struct footfall_ingest_memory *memory)
{
    footfall__logs_reader_free(&memory->logs);
    free(memory->agents);
    memset(memory, 0, sizeof *memory);
}
