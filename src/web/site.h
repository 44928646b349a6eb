/* site.h: what the files of the handler share about a site: its configuration, the places for counters, and what is counted
 * for /metrics. Nobody else includes it. */
#ifndef FOOTFALL_WEB_SITE_H
#define FOOTFALL_WEB_SITE_H
#include <stdatomic.h>

#include "client.h"
#include "origins.h"
#include "rates.h"
#include "web.h"

enum { FOOTFALL__WEB_DIGEST_BYTES = 32, FOOTFALL__WEB_TAG_ROOM = 35 /* of an ETag, quotes and NUL included */ };

/* What became of requests that ask for a visit. */
enum footfall__web_visit {
    FOOTFALL__WEB_VISIT_NONE, /* it was none */
    FOOTFALL__WEB_VISIT_NEW,
    FOOTFALL__WEB_VISIT_RETURNING,
    FOOTFALL__WEB_VISIT_REPLAYED,
    FOOTFALL__WEB_VISIT_READ, /* answered without counting */
    FOOTFALL__WEB_VISIT_REFUSED,
    FOOTFALL__WEB_VISIT_FAILED,
    FOOTFALL__WEB_VISIT_UNKNOWN,
    FOOTFALL__WEB_VISITS
};

enum { FOOTFALL__WEB_ROUTES = 12, FOOTFALL__WEB_CODES = 16 };

extern const int footfall__web_codes[FOOTFALL__WEB_CODES]; /* tally.c: statuses; 0: none */
struct footfall__web_tally {                               /* relaxed: each is a number of its own */
    atomic_ullong requests[FOOTFALL__WEB_ROUTES][FOOTFALL__WEB_CODES];
    atomic_ullong visits[FOOTFALL__WEB_VISITS];
};

/* Places for counters under http.max_counters. Whoever makes a counter takes one first. */
struct footfall__web_places {
    uint64_t most;         /* less than 2^31 */
    atomic_int known;      /* it was counted how many there were */
    atomic_int beyond;     /* and those were more than there may be: until the next start no place comes free */
    _Atomic uint64_t both; /* taken, and how many of them may be given back (places.c) */
    atomic_uint settled;   /* grows with each that is settled */
    atomic_uint outside;   /* grows when administration makes or deletes a counter */
};

struct footfall_web {
    struct footfall *ff; /* NULL: not there yet */
    struct footfall_web_options options;
    struct footfall_web_clients *clients;
    struct footfall_web_origins *origins;
    int origins_any, origins_some;
    struct footfall_web_keys *keys;
    struct footfall_web_rates *rates; /* NULL: no limit */
    char default_counter[FOOTFALL_NAME_BYTES + 1];
    size_t default_bytes;
    int create;
    uint32_t deadline_ms;
    size_t body_most;
    int has_admin;
    uint8_t admin[FOOTFALL__WEB_DIGEST_BYTES]; /* SHA-256 of the token */
    char page_tag[FOOTFALL__WEB_TAG_ROOM], widget_tag[FOOTFALL__WEB_TAG_ROOM];
    struct footfall__web_places places;
    atomic_int warned;          /* of a forwarding header from a peer that is not trusted */
    atomic_int refused;         /* warned of a visit by nobody */
    atomic_llong complained_ms; /* when the store's last error was logged */
    struct footfall__web_tally tally;
};

/* A line of the log; nothing when there is none. */
void footfall__web_log(const struct footfall_web *web, enum footfall_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* token.c: reads the file of http.admin_token_file into a digest; CONFIG, NO_MEMORY. */
int footfall__web_token_read(uint8_t digest[FOOTFALL__WEB_DIGEST_BYTES], const char *path, struct footfall_error *err);
/* 1: an Authorization header with that token. In constant time. */
int footfall__web_token_matches(const uint8_t digest[FOOTFALL__WEB_DIGEST_BYTES], const char *authorization);

/* places.c. _take: 1; 0: there is none; -1: there is none now, but a counter is being made or one was settled since `settled`
 * was read, so whoever asked whether a counter exists asks again. Each that was taken is settled once: kept, or given back. */
int footfall__web_place_take(struct footfall__web_places *places, unsigned settled);
void footfall__web_place_settle(struct footfall__web_places *places, int kept);
void footfall__web_place_made(struct footfall__web_places *places); /* by administration, which asks nobody */
void footfall__web_place_freed(struct footfall__web_places *places);
#endif
