/* settings.h: what the configuration says to the front end. */
#ifndef FOOTFALL_SERVE_SETTINGS_H
#define FOOTFALL_SERVE_SETTINGS_H
#include "footfall_admin.h"
#include "listen.h"

struct footfall_serve_settings {
    struct footfall_serve_place place;
    uint32_t max_connections;
    uint32_t max_per_address; /* 0: no limit */
    uint32_t threads;         /* never 0 */
    size_t header_bytes, body_bytes;
    int64_t idle_ms, request_ms;
    enum footfall_log_level log_level;
};

/* Errors: CONFIG, and names the key. */
int footfall__serve_settings_read(struct footfall_serve_settings *out, const struct footfall_config *config,
                                  struct footfall_error *err);

/* Makes room for that many connections beside what the rest of the process opens: raises the soft limit of descriptors. Returns
 * how many there is room for: `wanted`, or fewer. */
uint32_t footfall__serve_room(uint32_t wanted);

/* Fills err, which may be NULL; returns status. */
int footfall__serve_fail(struct footfall_error *err, enum footfall_status status, int native, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
#endif
