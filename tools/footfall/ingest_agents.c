/* ingest_agents.c: lines left out for their user agent (--skip-agent). Looking for an expression takes longer than reading
 * the line, and few agents write most of a log: what was found in an agent is remembered. */
#include "ingest.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS 8192     /* 4 MiB, touched as agents come */
#define TEXT_BYTES 496 /* longer agents are looked through each time */
#define SEARCHED 1024  /* bytes: some expressions take the square of the length, and clients may send a megabyte */

struct slot {
    uint64_t hash; /* of the text as it stands in the log; 0: nothing here */
    uint32_t bytes;
    int skipped;
    char text[TEXT_BYTES];
};

struct footfall_ingest_agents {
    struct slot slots[SLOTS];
};

/* Never 0. Whoever makes two agents fall on one slot gains nothing but his own slowness: the text is compared too. */
static uint64_t hash_text(const char *text, size_t bytes)
{
    uint64_t hash = bytes, word = 0;
    for (; bytes > 0; text += sizeof word) {
        size_t part = bytes < sizeof word ? bytes : sizeof word;
        word = 0;
        memcpy(&word, text, part);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
        bytes -= part;
    }
    return hash | 1;
}

/* Looks through the agent as the client sent it. It may hold NULs, at which regexec would stop: they count as spaces. */
static int search(const struct footfall_ingest_rules *rules, const struct footfall_logs_line *line)
{
    char *text = malloc(line->agent.bytes + 1);
    size_t bytes = line->agent.bytes;
    int found = REG_ESPACE, flags = 0;
    if (text == NULL)
        return -1;
    if (line->plain)
        memcpy(text, line->agent.text, bytes);
    else
        bytes = footfall__logs_unescape(text, line->agent);
    if (bytes > SEARCHED) {
        bytes = SEARCHED;
        flags = REG_NOTEOL;
    }
    text[bytes] = '\0';
    for (char *nul = text; (nul = memchr(nul, '\0', (size_t)(text + bytes - nul))) != NULL;)
        *nul = ' ';
    found = regexec(&rules->skip_agents, text, 0, NULL, flags);
    free(text);
    return found == 0 ? 1 : found == REG_NOMATCH ? 0 : -1;
}

int footfall__ingest_skips_agent(const struct footfall_ingest_rules *rules, struct footfall_ingest_memory *memory,
                                 const struct footfall_logs_line *line)
{
    const struct footfall_logs_field *agent = &line->agent;
    uint64_t hash = 0;
    struct slot *slot = NULL;
    int skipped = 0;
    if (agent->bytes > TEXT_BYTES)
        return search(rules, line);
    if (memory->agents == NULL && (memory->agents = calloc(1, sizeof *memory->agents)) == NULL)
        return -1;
    hash = hash_text(agent->text, agent->bytes);
    slot = &memory->agents->slots[hash >> 32 & (SLOTS - 1)];
    if (slot->hash == hash && slot->bytes == agent->bytes && memcmp(slot->text, agent->text, agent->bytes) == 0)
        return slot->skipped;
    if ((skipped = search(rules, line)) < 0)
        return -1;
    slot->hash = hash;
    slot->bytes = (uint32_t)agent->bytes;
    slot->skipped = skipped;
    memcpy(slot->text, agent->text, agent->bytes);
    return skipped;
}
