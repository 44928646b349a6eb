/* network.h: addresses as bytes and networks of them, to be compared. IPv4 and ::ffff:a.b.c.d are the same; a zone id is left
 * out. Pure, any thread, no allocation. */
#ifndef FOOTFALL_WEB_NETWORK_H
#define FOOTFALL_WEB_NETWORK_H
#include <stddef.h>
#include <stdint.h>

struct footfall_web_ip {
    uint8_t bytes[16]; /* network byte order; IPv4 mapped */
};

/* What inet_pton(3) reads, of the first `bytes` bytes of text: 1; 0 when that is no address. */
int footfall__web_ip_read(struct footfall_web_ip *out, const char *text, size_t bytes);
int footfall__web_ip_is_v4(const struct footfall_web_ip *ip);

struct footfall_web_network {
    struct footfall_web_ip first;
    unsigned prefix; /* 0 … 128, of the mapped form: 96 more than what is written for IPv4 */
};

/* An address or a CIDR ("10.0.0.0/8", "2001:db8::/32"): NULL and *out; or what is wrong with it, as the end of a sentence that
 * begins with the text (static, or in `why`). */
const char *footfall__web_network_read(struct footfall_web_network *out, char why[96], const char *text, size_t bytes);
/* IPv4 is in networks of IPv4 only: ::/0 is every IPv6 address. */
int footfall__web_network_has(const struct footfall_web_network *network, const struct footfall_web_ip *ip);
#endif
