/* network.c: reading addresses and CIDRs, and comparing them (network.h). inet_pton decides what an address is. */
#include "network.h"

#include <arpa/inet.h>
#include <string.h>

#include "bytes.h"

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

int footfall__web_ip_is_v4(const struct footfall_web_ip *ip)
{
    return memcmp(ip->bytes, mapped, sizeof mapped) == 0;
}

int footfall__web_ip_read(struct footfall_web_ip *out, const char *text, size_t bytes)
{
    char copy[INET6_ADDRSTRLEN];
    const char *zone = memchr(text, '%', bytes);
    if (zone != NULL)
        bytes = (size_t)(zone - text);
    if (bytes >= sizeof copy || memchr(text, '\0', bytes) != NULL)
        return 0;
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    if (strchr(copy, ':') != NULL)
        return inet_pton(AF_INET6, copy, out->bytes) == 1;
    memcpy(out->bytes, mapped, sizeof mapped);
    return zone == NULL && inet_pton(AF_INET, copy, out->bytes + sizeof mapped) == 1;
}

/* ---- networks --------------------------------------------------------------------------------------------------------- */

/* Zero past the prefix. Says whether there was anything. */
static int cut_to_prefix(struct footfall_web_ip *ip, unsigned prefix)
{
    int had = 0;
    for (unsigned i = 0; i < sizeof ip->bytes; i++) {
        unsigned kept = prefix > 8 * i ? prefix - 8 * i : 0;
        unsigned mask = kept >= 8 ? 0xffU : (0xff00U >> kept) & 0xffU;
        had |= (ip->bytes[i] & ~mask) != 0;
        ip->bytes[i] = (uint8_t)(ip->bytes[i] & mask);
    }
    return had;
}

/* Up to three digits without a sign: the number, or 1000 */
static unsigned read_prefix(const char *text, size_t bytes)
{
    unsigned prefix = 0;
    if (bytes < 1 || bytes > 3)
        return 1000;
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 1000;
        prefix = 10 * prefix + (unsigned)(text[i] - '0');
    }
    return prefix;
}

static const char *host_bits(char why[96], const struct footfall_web_ip *first, int is_v4, unsigned prefix)
{
    char text[INET6_ADDRSTRLEN];
    (void)inet_ntop(is_v4 ? AF_INET : AF_INET6, first->bytes + (is_v4 ? sizeof mapped : 0), text, sizeof text);
    footfall__format(why, 96, "has bits set past its prefix; the network is %s/%u", text, prefix);
    return why;
}

const char *footfall__web_network_read(struct footfall_web_network *out, char why[96], const char *text, size_t bytes)
{
    static const uint8_t zero[16];
    const char *slash = memchr(text, '/', bytes);
    size_t address_bytes = slash != NULL ? (size_t)(slash - text) : bytes;
    int dotted;
    unsigned prefix;
    memset(out, 0, sizeof *out);
    if (!footfall__web_ip_read(&out->first, text, address_bytes))
        return slash != NULL ? "does not begin with an address" : "is no address";
    if (memchr(text, '%', address_bytes) != NULL)
        return "has a zone id";
    dotted = memchr(text, ':', address_bytes) == NULL;
    out->prefix = 128;
    if (slash == NULL)
        return memcmp(out->first.bytes + (dotted ? 12 : 0), zero, dotted ? 4 : 16) == 0
                   ? "is no proxy's address; everybody is 0.0.0.0/0 and ::/0"
                   : NULL;
    prefix = read_prefix(slash + 1, bytes - address_bytes - 1);
    if (prefix > (dotted ? 32U : 128U))
        return dotted ? "has no prefix from 0 to 32" : "has no prefix from 0 to 128";
    out->prefix = dotted ? prefix + 96 : prefix;
    return cut_to_prefix(&out->first, out->prefix) ? host_bits(why, &out->first, dotted, prefix) : NULL;
}

int footfall__web_network_has(const struct footfall_web_network *network, const struct footfall_web_ip *ip)
{
    unsigned whole = network->prefix / 8;
    unsigned mask = 0xff00U >> (network->prefix % 8) & 0xffU;
    if (footfall__web_ip_is_v4(ip) && (network->prefix < 96 || !footfall__web_ip_is_v4(&network->first)))
        return 0;
    return memcmp(ip->bytes, network->first.bytes, whole) == 0 &&
           (whole == 16 || ((ip->bytes[whole] ^ network->first.bytes[whole]) & mask) == 0);
}
