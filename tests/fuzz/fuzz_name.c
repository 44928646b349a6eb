/* fuzz_name.c: any bytes as a counter's name and as a prefix: what is accepted and what not is held against a decoder of
 * its own, and what errors show is fit for a terminal. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "name.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void must(int holds)
{
    if (!holds)
        abort();
}

/* Reads one character by its bits and asks whether that is its shortest form; 0 when there is none. */
static size_t decode(const uint8_t *at, size_t left, uint32_t *character)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t length = at[0] < 0x80 ? 1 : (at[0] & 0xe0) == 0xc0 ? 2 : (at[0] & 0xf0) == 0xe0 ? 3 : 4;
    uint32_t sum = length == 1 ? at[0] : at[0] & (0x7fu >> length);
    if ((length == 4 && (at[0] & 0xf8) != 0xf0) || length > left)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        sum = sum << 6 | (at[i] & 0x3fu);
    }
    *character = sum;
    return sum < least[length] || sum > 0x10ffff || (sum >= 0xd800 && sum <= 0xdfff) ? 0 : length;
}

static int is_good_name(const uint8_t *at, size_t size)
{
    uint32_t character = 0;
    if (size < 1 || size > 200)
        return 0;
    for (size_t length; size > 0; at += length, size -= length) {
        length = decode(at, size, &character);
        if (length == 0 || character < 0x20 || character == 0x7f)
            return 0;
    }
    return 1;
}

static int is_good_prefix(const uint8_t *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (at[i] < 0x20 || at[i] == 0x7f)
            return 0;
    return size <= 200;
}

/* One line of UTF-8 without anything that a terminal obeys */
static void check_text(const struct footfall_error *err)
{
    const uint8_t *at = (const uint8_t *)err->text;
    size_t left = strnlen(err->text, sizeof err->text);
    uint32_t character = 0;
    must(err->status == FOOTFALL_INVALID && left > 0 && left < sizeof err->text);
    for (size_t length; left > 0; at += length, left -= length) {
        length = decode(at, left, &character);
        must(length > 0 && character >= 0x20 && (character < 0x7f || character > 0x9f));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct footfall_error err;
    char *name = malloc(size > 0 ? size : 1);
    int rc;
    if (name == NULL)
        return 0;
    if (size > 0)
        memcpy(name, bytes, size);
    rc = footfall_name_check(name, size, &err);
    must(rc == (is_good_name(bytes, size) ? FOOTFALL_OK : FOOTFALL_INVALID));
    must(rc == footfall__name_check(name, size, NULL));
    if (rc != FOOTFALL_OK)
        check_text(&err);
    else
        must(err.status == FOOTFALL_OK && err.text[0] == '\0');
    rc = footfall__prefix_check(name, size, &err);
    must(rc == (is_good_prefix(bytes, size) ? FOOTFALL_OK : FOOTFALL_INVALID));
    if (rc != FOOTFALL_OK)
        check_text(&err);
    free(name);
    return 0;
}
