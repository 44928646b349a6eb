/* badge_font.h: how wide text is in a badge. Pure, any thread. */
#ifndef FOOTFALL_WEB_BADGE_FONT_H
#define FOOTFALL_WEB_BADGE_FONT_H
#include <stddef.h>
#include <stdint.h>

enum { FOOTFALL_WEB_FONT_EM = 2048, FOOTFALL_WEB_FONT_UNIT = 12 /* of those, what a byte of the table counts in */ };

struct footfall_web_font_range {
    uint32_t first, last; /* characters */
    uint32_t place;       /* of the first one's width in footfall__web_font; 0 there: not in the font */
};
extern const uint8_t footfall__web_font[];
extern const struct footfall_web_font_range footfall__web_font_ranges[]; /* ascending */
extern const size_t footfall__web_font_range_count;

/* The character at text, of which `left` > 0 bytes are there; *length is what it takes. U+FFFD, one byte, for what is no UTF-8. */
uint32_t footfall__web_character(const char *text, size_t left, size_t *length);

/* Width of UTF-8 text in 1/2048 em. */
uint32_t footfall__web_text_width(const char *text, size_t bytes);
#endif
