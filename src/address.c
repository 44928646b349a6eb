/* address.c: parsing visitors' addresses (address.h). inet_pton decides what an address is; whose it was is forgotten by
 * the caller, who turns the bytes into an id and keeps neither. */
#include "address.h"

#include <arpa/inet.h>
#include <string.h>

#include "error.h"

enum { ZONE_BYTES = 64 };

static int is_zone_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_' || c == '~';
}

static int zone_is_sane(const char *zone)
{
    size_t bytes = 0;
    while (bytes <= ZONE_BYTES && is_zone_byte(zone[bytes]))
        bytes++;
    return bytes >= 1 && bytes <= ZONE_BYTES && zone[bytes] == '\0';
}

/* inet_pton of the first `bytes` bytes of text */
static int reads_as(int family, const char *text, size_t bytes, uint8_t out[16])
{
    char copy[INET6_ADDRSTRLEN];
    if (bytes >= sizeof copy)
        return 0;
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    return inet_pton(family, copy, out) == 1;
}

/* Says why text was not taken. Only on the way to an error, so it may look at everything again. */
static const char *fault_of(const char *text)
{
    uint8_t ignored[16];
    const char *zone = strchr(text, '%');
    const char *colon = strrchr(text, ':');
    if (text[0] == '\0')
        return "empty";
    if (strpbrk(text, "[]") != NULL)
        return "has brackets";
    if (zone != NULL && reads_as(AF_INET, text, (size_t)(zone - text), ignored))
        return "a zone id after an IPv4 address";
    if (zone != NULL && reads_as(AF_INET6, text, (size_t)(zone - text), ignored))
        return zone[1] == '\0' ? "an empty zone id" : "a bad zone id";
    if (colon != NULL && colon != text && colon[-1] != ':' && colon[1] != '\0' &&
        strspn(colon + 1, "0123456789") == strlen(colon + 1) &&
        (reads_as(AF_INET, text, (size_t)(colon - text), ignored) ||
         reads_as(AF_INET6, text, (size_t)(colon - text), ignored)))
        return "has a port";
    return "not an IPv4 or IPv6 address";
}

/* 1 and bytes and length, or 0 */
static int read_text(struct footfall__address *out, const char *text)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    const char *zone;
    if (strchr(text, ':') == NULL) {
        out->length = 4;
        return inet_pton(AF_INET, text, out->bytes) == 1;
    }
    out->length = 16;
    zone = strchr(text, '%');
    if (zone == NULL) {
        if (inet_pton(AF_INET6, text, out->bytes) != 1)
            return 0;
    } else if (!reads_as(AF_INET6, text, (size_t)(zone - text), out->bytes) || !zone_is_sane(zone + 1)) {
        return 0;
    }
    if (memcmp(out->bytes, mapped, sizeof mapped) == 0) {
        memcpy(out->bytes, out->bytes + 12, 4);
        memset(out->bytes + 4, 0, 12);
        out->length = 4;
    }
    return 1;
}

static void keep_prefix(struct footfall__address *address, unsigned prefix)
{
    unsigned whole = prefix / 8;
    if (whole >= address->length)
        return;
    address->bytes[whole] &= (uint8_t)(0xff00u >> (prefix % 8));
    memset(address->bytes + whole + 1, 0, address->length - whole - 1);
}

int footfall__address_parse(struct footfall__address *out, const char *text, unsigned ipv4_prefix, unsigned ipv6_prefix,
                            struct footfall_error *err)
{
    static const uint8_t zero[16];
    const char *fault = NULL;
    memset(out, 0, sizeof *out);
    if (text == NULL)
        fault = "missing (NULL)";
    else if (!read_text(out, text))
        fault = fault_of(text);
    else if (memcmp(out->bytes, zero, sizeof zero) == 0)
        fault = "the unspecified address";
    if (fault != NULL) {
        memset(out, 0, sizeof *out);
        return footfall__fail(err, FOOTFALL_INVALID, 0, "bad visitor address: %s", fault);
    }
    keep_prefix(out, out->length == 4 ? ipv4_prefix : ipv6_prefix);
    return FOOTFALL_OK;
}

int footfall_address_check(const char *address, struct footfall_error *err)
{
    struct footfall__address ignored;
    int rc = footfall__address_parse(&ignored, address, 32, 128, err);
    if (rc == FOOTFALL_OK)
        footfall__fine(err);
    return rc;
}
