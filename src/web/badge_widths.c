/* badge_widths.c: how wide text is (badge_font.h): by the font's table, and by kind for what the font has not: nothing for marks that
 * sit on another character, an em for Chinese, Japanese and Korean, a little more for emoji. */
#include "badge_font.h"

#include "bytes.h"

enum { EM = FOOTFALL_WEB_FONT_EM, EMOJI = EM * 5 / 4, OTHER = EM * 5 / 8, JOINER = 0x200d };

/* Kinds, ascending; asked before the font's table. */
static const struct kind {
    uint32_t first, last, width;
} kinds[] = {
    { 0x00ad, 0x00ad, 0 },           { 0x0300, 0x036f, 0 },       { 0x0483, 0x0489, 0 },   { 0x0591, 0x05bd, 0 },
    { 0x05bf, 0x05c7, 0 },           { 0x0610, 0x061c, 0 },       { 0x064b, 0x065f, 0 },   { 0x0670, 0x0670, 0 },
    { 0x06d6, 0x06ed, 0 },           { 0x0900, 0x0902, 0 },       { 0x093c, 0x093c, 0 },   { 0x0941, 0x0948, 0 },
    { 0x094d, 0x094d, 0 },           { 0x0e31, 0x0e31, 0 },       { 0x0e34, 0x0e3a, 0 },   { 0x0e47, 0x0e4e, 0 },
    { 0x1100, 0x115f, EM },          { 0x1160, 0x11ff, 0 },       { 0x1ab0, 0x1aff, 0 },   { 0x1dc0, 0x1dff, 0 },
    { 0x200b, 0x200f, 0 },           { 0x2028, 0x202e, 0 },       { 0x2060, 0x206f, 0 },   { 0x20d0, 0x20ff, 0 },
    { 0x2190, 0x25ff, EM * 5 / 6 },  { 0x2600, 0x27bf, EM },      { 0x2e80, 0x302f, EM },  { 0x3030, 0x3098, EM },
    { 0x3099, 0x309a, 0 },           { 0x309b, 0xa4cf, EM },      { 0xac00, 0xd7a3, EM },  { 0xf900, 0xfaff, EM },
    { 0xfe00, 0xfe0f, 0 },           { 0xfe20, 0xfe2f, 0 },       { 0xfe30, 0xfe6f, EM },  { 0xfeff, 0xfeff, 0 },
    { 0xff01, 0xff60, EM },          { 0xff61, 0xffdc, EM / 2 },  { 0xffe0, 0xffe6, EM },  { 0xfffd, 0xfffd, EM },
    { 0x1f1e6, 0x1f1ff, EMOJI / 2 }, { 0x1f300, 0x1f3fa, EMOJI }, { 0x1f3fb, 0x1f3ff, 0 }, { 0x1f400, 0x1faff, EMOJI },
    { 0x20000, 0x3ffff, EM },        { 0xe0000, 0xe0fff, 0 },
};

uint32_t footfall__web_character(const char *text, size_t left, size_t *length)
{
    static const uint8_t first_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
    const unsigned char *at = (const unsigned char *)text;
    const size_t bytes = footfall__utf8_length(text, left);
    uint32_t c;
    *length = bytes > 0 ? bytes : 1;
    if (bytes == 0)
        return 0xfffd;
    c = at[0] & first_bits[bytes];
    for (size_t i = 1; i < bytes; i++)
        c = c << 6 | (at[i] & 0x3f);
    return c;
}

static uint32_t width_of(uint32_t c)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && c >= kinds[i].first; i++)
        if (c <= kinds[i].last)
            return kinds[i].width;
    for (size_t i = 0; i < footfall__web_font_range_count; i++) {
        const struct footfall_web_font_range *range = &footfall__web_font_ranges[i];
        const uint32_t width =
            c >= range->first && c <= range->last ? footfall__web_font[range->place + c - range->first] : 0;
        if (width > 0)
            return width * FOOTFALL_WEB_FONT_UNIT;
    }
    return OTHER;
}

uint32_t footfall__web_text_width(const char *text, size_t bytes)
{
    uint32_t width = 0;
    uint32_t before = 0;
    for (size_t at = 0, length = 0; at < bytes; at += length) {
        const uint32_t c = footfall__web_character(text + at, bytes - at, &length);
        const uint32_t own = width_of(c);
        if (before != JOINER || own != EMOJI) /* what is joined to an emoji is shown as one with it */
            width += own;
        before = c;
    }
    return width;
}
