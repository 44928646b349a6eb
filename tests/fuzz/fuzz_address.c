/* fuzz_address.c: two bytes that choose the prefix lengths ("??" for 32 and 64), then any text as an address. What is
 * accepted is what inet_pton accepts, its canonical text gives the same bytes again, and no error tells the address. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void must(int holds)
{
    if (!holds)
        abort();
}

static int is_zero(const uint8_t *at, size_t count)
{
    while (count > 0 && at[count - 1] == 0)
        count--;
    return count == 0;
}

static void check_error(const struct footfall_error *err)
{
    static const char *const texts[] = { "empty",
                                         "has brackets",
                                         "has a port",
                                         "a zone id after an IPv4 address",
                                         "an empty zone id",
                                         "a bad zone id",
                                         "the unspecified address",
                                         "not an IPv4 or IPv6 address" };
    static const char begin[] = "bad visitor address: ";
    int known = 0;
    must(err->status == FOOTFALL_INVALID && strncmp(err->text, begin, sizeof begin - 1) == 0);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        known += strcmp(err->text + sizeof begin - 1, texts[i]) == 0;
    must(known == 1);
}

/* Bit by bit: is `out` the first `prefix` bits of `whole`, and zero after them? */
static void check_prefix(const struct footfall__address *out, const struct footfall__address *whole, unsigned prefix)
{
    for (unsigned bit = 0; bit < 8u * out->length; bit++) {
        unsigned mask = 0x80u >> (bit % 8);
        must((out->bytes[bit / 8] & mask) == (bit < prefix ? whole->bytes[bit / 8] & mask : 0));
    }
    must(is_zero(out->bytes + out->length, sizeof out->bytes - out->length));
}

/* The text of an address, read again, is that address */
static void check_again(const struct footfall__address *address)
{
    char text[INET6_ADDRSTRLEN];
    struct footfall__address again;
    must(inet_ntop(address->length == 4 ? AF_INET : AF_INET6, address->bytes, text, sizeof text) != NULL);
    if (is_zero(address->bytes, sizeof address->bytes)) {
        must(footfall__address_parse(&again, text, 32, 128, NULL) == FOOTFALL_INVALID);
        return;
    }
    must(footfall__address_parse(&again, text, 32, 128, NULL) == FOOTFALL_OK);
    must(memcmp(&again, address, sizeof again) == 0);
}

/* A second opinion on what is accepted: inet_pton on what stands before a zone id */
static int is_address(char *text, size_t size)
{
    uint8_t out[16];
    char *zone = memchr(text, '%', size);
    int good;
    if (inet_pton(AF_INET, text, out) == 1)
        return !is_zero(out, 4);
    if (zone != NULL && (zone[1] == '\0' || strlen(zone + 1) > 64))
        return 0;
    for (const char *at = zone; at != NULL && *++at != '\0';)
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_~", *at) == NULL)
            return 0;
    if (zone != NULL)
        *zone = '\0';
    good = inet_pton(AF_INET6, text, out) == 1 && !is_zero(out, 16) &&
           !(is_zero(out, 10) && out[10] == 0xff && out[11] == 0xff && is_zero(out + 12, 4));
    if (zone != NULL)
        *zone = '%';
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct footfall__address whole;
    struct footfall__address out;
    struct footfall_error err;
    unsigned ipv4_prefix = size > 0 ? (bytes[0] & 31u) + 1 : 32;
    unsigned ipv6_prefix = size > 1 ? (bytes[1] & 127u) + 1 : 64;
    size_t text_bytes = size > 2 ? size - 2 : 0;
    char *text = malloc(text_bytes + 1);
    int rc;
    if (text == NULL)
        return 0;
    if (text_bytes > 0)
        memcpy(text, bytes + 2, text_bytes);
    text[text_bytes] = '\0';
    rc = footfall__address_parse(&out, text, ipv4_prefix, ipv6_prefix, &err);
    must(rc == (is_address(text, strlen(text)) ? FOOTFALL_OK : FOOTFALL_INVALID));
    must(rc == footfall_address_check(text, NULL));
    must(rc == footfall__address_parse(&whole, text, 32, 128, NULL));
    if (rc == FOOTFALL_OK) {
        must(out.length == whole.length && (out.length == 4 || out.length == 16));
        check_prefix(&out, &whole, out.length == 4 ? ipv4_prefix : ipv6_prefix);
        check_again(&whole);
        check_again(&out);
    } else {
        check_error(&err);
        must(is_zero((const uint8_t *)&out, sizeof out));
    }
    free(text);
    return 0;
}
