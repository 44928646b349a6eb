/* ingest_gauge.c: the line of figures that a run of ingest shows on the way: as much of it as a width has room for. When it is
 * shown is ingest_progress.c's affair. */
#include "ingest.h"

#include <inttypes.h>
#include <string.h>

#define LEAST_BAR 10
#define MOST_BAR 30           /* the same for a whole run: figures that grow have room in 80 columns */
#define LONGEST_WAIT 360000.0 /* seconds that are worth telling */

/* 12,345,678 */
static void write_grouped(char *out, size_t size, uint64_t number)
{
    char digits[24];
    size_t count = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, number), at = 0;
    for (size_t i = 0; i < count && at + 2 < size; i++) {
        if (i > 0 && (count - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
}

/* 0.4, 950, 9.5k, 123k, 1.2M */
static void write_short(char *out, size_t size, double number)
{
    static const char units[] = { 'k', 'M', 'G', 'T' };
    size_t unit = 0;
    if (number < 999.5) {
        snprintf(out, size, number < 9.95 ? "%.1f" : "%.0f", number);
        return;
    }
    for (number /= 1000; number >= 999.5 && unit + 1 < sizeof units; unit++)
        number /= 1000;
    snprintf(out, size, number < 9.95 ? "%.1f%c" : "%.0f%c", number, units[unit]);
}

/* 0:12, 1:02:03 */
static void write_time(char *out, size_t size, double seconds)
{
    unsigned long whole = (unsigned long)(seconds + 0.999);
    if (whole >= 3600)
        snprintf(out, size, "%lu:%02lu:%02lu", whole / 3600, whole / 60 % 60, whole % 60);
    else
        snprintf(out, size, "%lu:%02lu", whole / 60, whole % 60);
}

enum part { PERCENT, BAR, LINES, RATE, LEFT, PARTS };

static void write_parts(char parts[PARTS][48], const struct footfall_ingest_gauge *gauge)
{
    char number[32];
    memset(parts, 0, PARTS * sizeof parts[0]);
    if (gauge->share >= 0)
        snprintf(parts[PERCENT], sizeof parts[PERCENT], "%3d%%", (int)(gauge->share * 100));
    write_grouped(number, sizeof number, gauge->lines);
    snprintf(parts[LINES], sizeof parts[LINES], "%s line%s", number, gauge->lines == 1 ? "" : "s");
    if (gauge->lines_per_second >= 0.05) {
        write_short(number, sizeof number, gauge->lines_per_second);
        snprintf(parts[RATE], sizeof parts[RATE], "%s/s", number);
    }
    if (gauge->seconds_left >= 0 && gauge->seconds_left < LONGEST_WAIT) {
        write_time(number, sizeof number, gauge->seconds_left);
        snprintf(parts[LEFT], sizeof parts[LEFT], "%s left", number);
    }
}

static size_t columns_of(char parts[PARTS][48])
{
    size_t columns = 0;
    for (size_t i = 0; i < PARTS; i++)
        if (parts[i][0] != '\0')
            columns += strlen(parts[i]) + (columns > 0 ? 2 : 0);
    return columns;
}

/* ---- the bar ---------------------------------------------------------------------------------------------------------- */

struct text {
    char *out;
    size_t size, bytes;
};

static void put(struct text *text, const char *more)
{
    size_t bytes = strlen(more);
    if (text->bytes + bytes >= text->size)
        return;
    memcpy(text->out + text->bytes, more, bytes + 1);
    text->bytes += bytes;
}

static void put_bar(struct text *text, const struct footfall_ingest_gauge *gauge, size_t columns)
{
    size_t inner = gauge->utf8 ? columns : columns - 2, filled = (size_t)(gauge->share * (double)inner);
    put(text, gauge->utf8 ? "" : "[");
    put(text, gauge->on);
    for (size_t i = 0; i < filled; i++)
        put(text, gauge->utf8 ? "━" : "#");
    put(text, gauge->off);
    for (size_t i = filled; i < inner; i++)
        put(text, gauge->utf8 ? "─" : ".");
    put(text, gauge->utf8 ? "" : "]");
}

void footfall__ingest_draw_gauge(char *out, size_t size, const struct footfall_ingest_gauge *gauge, size_t columns)
{
    static const enum part given_up[] = { RATE, LINES, LEFT, PERCENT };
    struct text text = { out, size, 0 };
    char parts[PARTS][48];
    size_t width = 0, bar = 0;
    write_parts(parts, gauge);
    for (size_t i = 0; columns_of(parts) > columns && i < sizeof given_up / sizeof given_up[0]; i++)
        parts[given_up[i]][0] = '\0';
    width = columns_of(parts);
    if (parts[PERCENT][0] != '\0' && width + 2 + LEAST_BAR <= columns)
        bar = columns - width - 2 < MOST_BAR ? columns - width - 2 : MOST_BAR;
    out[0] = '\0';
    for (size_t i = 0; i < PARTS; i++) {
        if (parts[i][0] == '\0' && (i != BAR || bar == 0))
            continue;
        put(&text, text.bytes > 0 ? "  " : "");
        put(&text, parts[i]);
        if (i == BAR)
            put_bar(&text, gauge, bar);
    }
}
