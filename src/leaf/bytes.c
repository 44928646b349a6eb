/* bytes.c: hash, hex and text (bytes.h). SipHash as in Aumasson and Bernstein's paper, with 1 and 3 rounds. */
#include "bytes.h"

#include <stdio.h>
#include <string.h>

static uint64_t rotate(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

static uint64_t little_endian(const uint8_t *at, size_t bytes)
{
    uint64_t word = 0;
    for (size_t i = 0; i < bytes; i++)
        word |= (uint64_t)at[i] << (8 * i);
    return word;
}

uint64_t footfall__hash(const uint64_t key[2], const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint64_t v[4] = { key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
                      key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573) };
    uint64_t last = (uint64_t)size << 56;
    for (; size >= 8; size -= 8, at += 8) {
        uint64_t word = little_endian(at, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    last |= little_endian(at, size);
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void footfall__hex(char *out, const void *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *at = bytes;
    for (size_t i = 0; i < size; i++) {
        *out++ = digits[at[i] >> 4];
        *out++ = digits[at[i] & 15];
    }
    *out = '\0';
}

size_t footfall__utf8_length(const void *text, size_t left)
{
    const uint8_t *s = text;
    size_t length;
    uint8_t low = 0x80;
    uint8_t high = 0xbf;
    if (left == 0)
        return 0;
    if (s[0] < 0x80)
        return 1;
    if (s[0] >= 0xc2 && s[0] <= 0xdf)
        length = 2;
    else if (s[0] >= 0xe0 && s[0] <= 0xef)
        length = 3;
    else if (s[0] >= 0xf0 && s[0] <= 0xf4)
        length = 4;
    else
        return 0;
    if (s[0] == 0xe0)
        low = 0xa0; /* no overlong forms */
    else if (s[0] == 0xed)
        high = 0x9f; /* no surrogates */
    else if (s[0] == 0xf0)
        low = 0x90;
    else if (s[0] == 0xf4)
        high = 0x8f; /* nothing past U+10FFFF */
    if (length > left || s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (s[i] < 0x80 || s[i] > 0xbf)
            return 0;
    return length;
}

/* Makes text one clean line: what is no UTF-8 or is a control becomes '?', and a sequence cut at the very end goes. */
static void clean(char *text, int was_cut)
{
    size_t size = strlen(text);
    for (size_t i = 0; i < size;) {
        size_t length = footfall__utf8_length(text + i, size - i);
        if (length == 0 && was_cut && size - i < 4 && (text[i] & 0xc0) == 0xc0) {
            text[i] = '\0';
            return;
        }
        if (length == 0 || (unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            text[i] = '?';
            length = 1;
        }
        i += length;
    }
}

void footfall__vformat(char *out, size_t out_bytes, const char *format, va_list args)
{
    int wanted;
    if (out == NULL || out_bytes == 0)
        return;
    wanted = vsnprintf(out, out_bytes, format, args);
    if (wanted < 0)
        out[0] = '\0';
    clean(out, wanted >= 0 && (size_t)wanted >= out_bytes);
}

void footfall__format(char *out, size_t out_bytes, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    footfall__vformat(out, out_bytes, format, args);
    va_end(args);
}
