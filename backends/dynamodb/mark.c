/* mark.c: marks, by which a writer tells its own updates (store.h). */
#include "store.h"

struct dynamodb_mark footfall__dynamodb_mark(struct dynamodb_marker *m, int64_t now_ms)
{
    struct dynamodb_mark mark;
    uint32_t now = (uint32_t)(now_ms / 1000);
    m->count++;
    if (now > m->seconds) { /* seconds never go back */
        m->seconds = now;
        m->first = m->count;
    } else if (m->count == m->first) { /* all 65,536 of this second are used: the next one's, a little early */
        m->seconds++;
    }
    memcpy(mark.bytes, m->writer, sizeof(m->writer));
    mark.bytes[6] = (uint8_t)(m->count >> 8);
    mark.bytes[7] = (uint8_t)m->count;
    for (int i = 0; i < 4; i++)
        mark.bytes[8 + i] = (uint8_t)(m->seconds >> (24 - 8 * i));
    return mark;
}

int footfall__dynamodb_same_mark(const struct dynamodb_mark *a, const struct dynamodb_mark *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}
