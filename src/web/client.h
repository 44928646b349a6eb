/* client.h: whose request it is: the direct peer, or behind proxies that are trusted whom they name; and which forwarding
 * headers there are. Text only: what becomes of an address is the caller's affair, it is written to nobody. */
#ifndef FOOTFALL_WEB_CLIENT_H
#define FOOTFALL_WEB_CLIENT_H
#include <netinet/in.h>

#include "web.h"

struct footfall_web_clients; /* http.trusted_proxies and http.address_header, read; never changes: any thread */

/* trusted: addresses, CIDRs ("10.0.0.0/8", "2001:db8::/32"), "unix" and "any", with commas or blanks between; NULL or "": none.
 * A CIDR has no bits set past its prefix. IPv4 and ::ffff:a.b.c.d are the same, and in networks of IPv4 only: everybody is
 * "0.0.0.0/0" and "::/0". "unix" and "any" speak of the direct peer alone.
 * header: its name, a token of at most 64 bytes, not "Forwarded". Errors: CONFIG (names key and entry), NO_MEMORY. */
int footfall__web_clients_read(struct footfall_web_clients **out, const char *trusted, const char *header,
                               struct footfall_error *err);
void footfall__web_clients_free(struct footfall_web_clients *clients); /* NULL is fine */

/* The direct peer is one whose word is believed. peer as in struct footfall_web_request. */
int footfall__web_client_proxied(const struct footfall_web_clients *clients, const char *peer, int peer_is_unix);

enum { FOOTFALL_WEB_ADDRESS_ROOM = INET6_ADDRSTRLEN + 65 }; /* with a zone id */

/* The client's address, as footfall_visit takes it. NULL and out; or a sentence about why there is none (static text or in
 * `why`, never an address), for the answer 400:
 *   the peer is no trusted proxy: its own address (headers change nothing); none over a Unix socket that is not trusted.
 *   it is one: the header's entries (of all its lines, in order) from the right, past those that are trusted by address or CIDR;
 *   when all are, the leftmost. "192.0.2.1:443", "[2001:db8::1]" and "[2001:db8::1]:443" lose brackets and port;
 *   CloudFront-Viewer-Address is cut at its last colon. No header, or an empty entry or one that is no address before that
 *   entry has been found: none. What stands to the left of it is not looked at. */
const char *footfall__web_client_address(char out[FOOTFALL_WEB_ADDRESS_ROOM], char why[160],
                                         const struct footfall_web_clients *clients,
                                         const struct footfall_web_request *request);

/* The name of the first header that shows that a proxy passed the request on (the configured one, X-Forwarded-For, Forwarded,
 * X-Real-IP, CF-Connecting-IP, True-Client-IP, CloudFront-Viewer-Address, X-Forwarded-Proto, Via, …), or NULL. It lives as long
 * as clients do. */
const char *footfall__web_client_forwarded(const struct footfall_web_clients *clients,
                                           const struct footfall_web_request *request);
#endif
