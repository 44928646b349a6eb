/* badge.h: a counter as an SVG badge. What it shows is the caller's affair. */
#ifndef FOOTFALL_WEB_BADGE_H
#define FOOTFALL_WEB_BADGE_H
#include <stddef.h>
#include <stdint.h>

enum { FOOTFALL_WEB_LABEL_BYTES = 128 /* longest label */ };

struct footfall_web_badge {
    const char *label; /* UTF-8 without control characters, at most FOOTFALL_WEB_LABEL_BYTES, not escaped; may be "" */
    size_t label_bytes;
    const char *color; /* of footfall__web_badge_color */
    int64_t value;
};

/* "brightgreen", "blue", … or three or six hex digits, with or without '#', as CSS wants it ("#4c1"); NULL: no colour that is
 * known. out holds it where it has to be put together. */
const char *footfall__web_badge_color(char out[8], const char *text, size_t bytes);

/* "999", "1.2k", "12k", "-3.4M", "9.2E": never more than was counted. Returns its length. */
size_t footfall__web_badge_number(char out[16], int64_t value);

/* The image; the caller's to free with free(). NULL: no memory. Its title has the exact number. */
char *footfall__web_badge_svg(size_t *bytes, const struct footfall_web_badge *badge);
#endif
