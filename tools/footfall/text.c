/* text.c: text from anywhere as a terminal may have it, and how many columns it takes there. Where it goes is the callers'
 * affair. */
#include "cli.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* What is shown or hidden as one: a code point, or a byte that is no UTF-8. */
struct piece {
    size_t bytes;
    unsigned long code;
    int valid;
};

/* The code point at text and its length; length 0 when it is no UTF-8. */
static unsigned long code_point(const char *text, size_t *length)
{
    const unsigned char *b = (const unsigned char *)text;
    size_t bytes = b[0] < 0x80 ? 1 : b[0] >= 0xf0 && b[0] < 0xf5 ? 4 : b[0] >= 0xe0 ? 3 : b[0] >= 0xc2 ? 2 : 0;
    unsigned long code = bytes == 1 ? b[0] : bytes == 2 ? b[0] & 0x1fU : bytes == 3 ? b[0] & 0x0fU : b[0] & 0x07U;
    *length = 0;
    if (bytes == 0 || b[0] >= 0xf5)
        return 0;
    for (size_t i = 1; i < bytes; i++) {
        if ((b[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (b[i] & 0x3fU);
    }
    if ((bytes == 3 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) ||
        (bytes == 4 && (code < 0x10000 || code > 0x10ffff)))
        return 0;
    *length = bytes;
    return code;
}

static struct piece piece_at(const char *text)
{
    struct piece piece = { 0, 0, 1 };
    piece.code = code_point(text, &piece.bytes);
    if (piece.bytes == 0)
        piece = (struct piece){ 1, (unsigned char)*text, 0 };
    return piece;
}

static int is_harmless(const struct piece *piece)
{
    unsigned long code = piece->code;
    if (!piece->valid || code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c || code == 0xfeff)
        return 0;
    return !(code >= 0x200b && code <= 0x200f) && !(code >= 0x2028 && code <= 0x202e) &&
           !(code >= 0x2060 && code <= 0x206f) && !(code >= 0xe0000 && code <= 0xe0fff);
}

static void escape(char out[16], const struct piece *piece)
{
    snprintf(out, 16, piece->valid ? "\\u{%lx}" : "\\x%02lx", piece->code);
}

/* By the C.UTF-8 locale where there is one. */
static size_t columns_of_code(unsigned long code)
{
    static locale_t utf8;
    static int asked;
    int width = 1;
    if (code < 0x300)
        return 1;
    if (!asked)
        utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    asked = 1;
    if (utf8 != (locale_t)0) {
        locale_t before = uselocale(utf8);
        width = wcwidth((wchar_t)code);
        uselocale(before);
    }
    return width < 0 ? 1 : (size_t)width;
}

static size_t columns_of(const struct piece *piece)
{
    char escaped[16];
    if (is_harmless(piece))
        return columns_of_code(piece->code);
    escape(escaped, piece);
    return strlen(escaped);
}

static void print_until(const char *text, const char *end)
{
    for (struct piece piece = { 0, 0, 0 }; text < end; text += piece.bytes) {
        char escaped[16];
        piece = piece_at(text);
        escape(escaped, &piece);
        if (is_harmless(&piece))
            fwrite(text, 1, piece.bytes, stdout);
        else
            fputs(escaped, stdout);
    }
}

size_t footfall__cli_text_columns(const char *text)
{
    size_t columns = 0;
    for (struct piece piece = { 0, 0, 0 }; *text != '\0'; text += piece.bytes) {
        piece = piece_at(text);
        columns += columns_of(&piece);
    }
    return columns;
}

void footfall__cli_print_text(const char *text)
{
    print_until(text, text + strlen(text));
}

size_t footfall__cli_print_cut(const char *text, size_t most, int utf8)
{
    const char *mark = utf8 ? "…" : "...", *head_end = text, *tail = NULL;
    size_t all = footfall__cli_text_columns(text), room = most - (utf8 ? 1 : 3), head = 0, left = 0;
    struct piece piece = piece_at(text);
    if (all <= most) {
        footfall__cli_print_text(text);
        return all;
    }
    for (; head + columns_of(&piece) <= (room + 1) / 2; piece = piece_at(head_end)) {
        head += columns_of(&piece);
        head_end += piece.bytes;
    }
    /* No mark that combines with a letter before may begin the tail: it would sit on the dots. */
    left = all - head;
    for (tail = head_end; left > room - head || (left > 0 && columns_of(&piece) == 0); piece = piece_at(tail)) {
        left -= columns_of(&piece);
        tail += piece.bytes;
    }
    print_until(text, head_end);
    fputs(mark, stdout);
    footfall__cli_print_text(tail);
    return head + (utf8 ? 1 : 3) + left;
}

void footfall__cli_make_harmless(char *text)
{
    char *to = text;
    for (struct piece piece = { 0, 0, 0 }; *text != '\0'; text += piece.bytes) {
        piece = piece_at(text);
        if (is_harmless(&piece)) {
            memmove(to, text, piece.bytes);
            to += piece.bytes;
        } else {
            *to++ = '?';
        }
    }
    *to = '\0';
}
