/* badge.c: a counter as an SVG badge: its colours, its short number, its layout. Flat: two rectangles and two texts, without ids, so
 * that several may stand in one page. How wide a text is badge_widths.c knows. */
#include "badge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "badge_font.h"

/* Those that badges are known by, then the sixteen of HTML where they differ, then a few that people ask for. */
static const struct named_color {
    const char *name, *color;
} named_colors[] = {
    { "brightgreen", "#44cc11" }, { "green", "#97ca00" },     { "yellowgreen", "#a4a61d" },
    { "yellow", "#dfb317" },      { "orange", "#fe7d37" },    { "red", "#e05d44" },
    { "blue", "#007ec6" },        { "lightgrey", "#9f9f9f" }, { "lightgray", "#9f9f9f" },
    { "grey", "#555555" },        { "gray", "#555555" },      { "success", "#44cc11" },
    { "important", "#fe7d37" },   { "critical", "#e05d44" },  { "informational", "#007ec6" },
    { "inactive", "#9f9f9f" },    { "aqua", "#00ffff" },      { "black", "#000000" },
    { "brown", "#a52a2a" },       { "coral", "#ff7f50" },     { "crimson", "#dc143c" },
    { "cyan", "#00ffff" },        { "fuchsia", "#ff00ff" },   { "gold", "#ffd700" },
    { "indigo", "#4b0082" },      { "lime", "#00ff00" },      { "magenta", "#ff00ff" },
    { "maroon", "#800000" },      { "navy", "#000080" },      { "olive", "#808000" },
    { "orchid", "#da70d6" },      { "pink", "#ffc0cb" },      { "purple", "#800080" },
    { "salmon", "#fa8072" },      { "silver", "#c0c0c0" },    { "skyblue", "#87ceeb" },
    { "slategray", "#708090" },   { "slategrey", "#708090" }, { "steelblue", "#4682b4" },
    { "teal", "#008080" },        { "tomato", "#ff6347" },    { "turquoise", "#40e0d0" },
    { "violet", "#ee82ee" },      { "white", "#ffffff" },
};

static const char label_color[] = "#555";

const char *footfall__web_badge_color(char out[8], const char *text, size_t bytes)
{
    for (size_t i = 0; i < sizeof named_colors / sizeof named_colors[0]; i++)
        if (strlen(named_colors[i].name) == bytes && strncasecmp(named_colors[i].name, text, bytes) == 0)
            return named_colors[i].color;
    if (bytes > 0 && text[0] == '#') {
        text++;
        bytes--;
    }
    if (bytes != 3 && bytes != 6)
        return NULL;
    out[0] = '#';
    for (size_t i = 0; i < bytes; i++) {
        const char *digit = text[i] != '\0' ? strchr("0123456789abcdefABCDEF", text[i]) : NULL;
        if (!digit)
            return NULL;
        out[i + 1] = *digit >= 'A' && *digit <= 'F' ? (char)(*digit - 'A' + 'a') : *digit;
    }
    out[bytes + 1] = '\0';
    return out;
}

size_t footfall__web_badge_number(char out[16], int64_t value)
{
    static const char units[] = "kMGTPE";
    const char *sign = value < 0 ? "-" : "";
    const uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    uint64_t one = 1;
    size_t unit = 0;
    int length;
    while (size / one >= 1000) {
        one *= 1000;
        unit++;
    }
    if (unit == 0)
        length = snprintf(out, 16, "%s%" PRIu64, sign, size);
    else if (size / one >= 10 || size / (one / 10) % 10 == 0)
        length = snprintf(out, 16, "%s%" PRIu64 "%c", sign, size / one, units[unit - 1]);
    else
        length =
            snprintf(out, 16, "%s%" PRIu64 ".%" PRIu64 "%c", sign, size / one, size / (one / 10) % 10, units[unit - 1]);
    return (size_t)length;
}

/* What may stand in XML 1.0: no control characters, no U+FFFE and U+FFFF. */
static int fits_xml(uint32_t c)
{
    return c >= 0x20 && (c < 0x7f || c > 0x9f) && c != 0xfffe && c != 0xffff;
}

/* Escaped, for text and attributes; what XML cannot hold becomes U+FFFD. out has six bytes for each of `bytes` and one more. */
static void escape(char *out, const char *text, size_t bytes)
{
    size_t length;
    for (size_t at = 0; at < bytes; at += length) {
        const uint32_t c = footfall__web_character(text + at, bytes - at, &length);
        const char *as = c == '&'                                          ? "&amp;"
                         : c == '<'                                        ? "&lt;"
                         : c == '>'                                        ? "&gt;"
                         : c == '"'                                        ? "&quot;"
                         : c == '\''                                       ? "&#39;"
                         : !fits_xml(c) || c == 0xfffd /* too: no UTF-8 */ ? "\xef\xbf\xbd"
                                                                           : NULL;
        const size_t size = as ? strlen(as) : length;
        memcpy(out, as ? as : text + at, size);
        out += size;
    }
    *out = '\0';
}

static double linear(unsigned channel)
{
    const double c = channel / 255.0;
    return c * c * (0.3 * c + 0.7); /* near enough to sRGB's curve, and needs no pow() */
}

/* White, or a dark text where white would be hard to read: relative luminance as WCAG has it. */
static const char *text_color(const char *color)
{
    const unsigned long hex = strtoul(color + 1, NULL, 16);
    unsigned rgb[3];
    for (int i = 0; i < 3; i++)
        rgb[i] = strlen(color) == 4 ? (unsigned)(hex >> (8 - 4 * i) & 15) * 17 : (unsigned)(hex >> (16 - 8 * i) & 255);
    return 0.2126 * linear(rgb[0]) + 0.7152 * linear(rgb[1]) + 0.0722 * linear(rgb[2]) > 0.25 ? "#111" : "#fff";
}

enum { PADDING = 5, CORNER = 3, HEIGHT = 20 };
enum { TEXT_BYTES = 6 * FOOTFALL_WEB_LABEL_BYTES + 1, SHAPE_BYTES = 128, LINE_BYTES = TEXT_BYTES + 128 };

struct half { /* of the badge: label or number */
    unsigned left, width;
    unsigned text_tenths; /* width of the text alone, in tenths of a pixel */
};

static struct half lay_out(unsigned left, const char *text, size_t bytes)
{
    const uint64_t units = footfall__web_text_width(text, bytes);
    struct half half = { left, 0, (unsigned)((units * 110 + FOOTFALL_WEB_FONT_EM - 1) / FOOTFALL_WEB_FONT_EM) };
    if (bytes > 0)
        half.width = (half.text_tenths + 9) / 10 + 2 * PADDING;
    return half;
}

/* The background of a half; its outer corners are round. */
static void draw(char out[SHAPE_BYTES], const struct half *half, int round_left, int round_right, const char *color)
{
    const unsigned from = half->left + (round_left ? CORNER : 0);
    const unsigned to = half->left + half->width - (round_right ? CORNER : 0);
    (void)snprintf(out, SHAPE_BYTES, "<path fill=\"%s\" d=\"M%u 0H%u%sH%u%sz\"/>", color, from, to,
                   round_right ? "a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3" : "v20", from,
                   round_left ? "a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3" : "");
}

static void write_text(char out[LINE_BYTES], const struct half *half, const char *escaped, const char *color)
{
    const unsigned middle_tenths = 10 * half->left + 5 * half->width;
    out[0] = '\0';
    if (half->text_tenths > 0)
        (void)snprintf(out, LINE_BYTES, "<text x=\"%u.%u\" y=\"14\" fill=\"%s\" textLength=\"%u.%u\">%s</text>",
                       middle_tenths / 10, middle_tenths % 10, color, half->text_tenths / 10, half->text_tenths % 10,
                       escaped);
}

char *footfall__web_badge_svg(size_t *bytes, const struct footfall_web_badge *badge)
{
    enum { ROOM = 3 * TEXT_BYTES + 1024 };
    char number[16];
    char label[TEXT_BYTES];
    char shapes[2][SHAPE_BYTES] = { "", "" };
    char texts[2][LINE_BYTES];
    const size_t label_bytes =
        badge->label_bytes < FOOTFALL_WEB_LABEL_BYTES ? badge->label_bytes : FOOTFALL_WEB_LABEL_BYTES;
    const struct half left = lay_out(0, badge->label, label_bytes);
    const struct half right = lay_out(left.width, number, footfall__web_badge_number(number, badge->value));
    const char *colon = label_bytes > 0 ? ": " : "";
    char *svg = footfall__malloc(ROOM);
    int length;
    if (!svg)
        return NULL;
    escape(label, badge->label, label_bytes);
    if (left.width > 0)
        draw(shapes[0], &left, 1, 0, label_color);
    draw(shapes[1], &right, left.width == 0, 1, badge->color);
    write_text(texts[0], &left, label, "#fff");
    write_text(texts[1], &right, number, text_color(badge->color));
    length = snprintf(
        svg, ROOM,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%d\" role=\"img\" aria-label=\"%s%s%s\">"
        "<title>%s%s%" PRId64 "</title>%s%s"
        "<g text-anchor=\"middle\" font-family=\"Verdana,Geneva,DejaVu Sans,sans-serif\" "
        "font-size=\"11\">%s%s</g></svg>\n",
        right.left + right.width, HEIGHT, label, colon, number, label, colon, badge->value, shapes[0], shapes[1],
        texts[0], texts[1]);
    *bytes = (size_t)length;
    return svg;
}
