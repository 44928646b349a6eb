/* settings.c: what the configuration says to the front end, in range, or an error that names the key. */
#include "settings.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "web.h"

enum {
    THREADS_BY_ITSELF = 8,    /* at most, when nobody says how many */
    OTHER_DESCRIPTORS = 64,   /* that a process may have open beside its connections: the store, epoll, standard ones */
    CONNECTIONS_MAX = 100000, /* more is a mistake */
};

int footfall__serve_fail(struct footfall_error *err, enum footfall_status status, int native, const char *format, ...)
{
    va_list args;
    if (err == NULL)
        return status;
    err->status = status;
    err->native = native;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return status;
}

static uint32_t processors(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count < 1 ? 1 : count > THREADS_BY_ITSELF ? THREADS_BY_ITSELF : (uint32_t)count;
}

int footfall__serve_settings_read(struct footfall_serve_settings *out, const struct footfall_config *config,
                                  struct footfall_error *err)
{
    int64_t connections = 0, per_address = 0, threads = 0, header = 0;
    int rc = footfall__serve_place_read(&out->place, footfall_config_get(config, "http.listen"), err);
    if (rc != FOOTFALL_OK)
        footfall__web_name_place(err, config);
    if (rc == FOOTFALL_OK)
        rc = footfall_config_integer(&connections, config, "http.max_connections", 1, CONNECTIONS_MAX, err);
    if (rc == FOOTFALL_OK)
        rc = footfall_config_integer(&per_address, config, "http.max_connections_per_address", 0, CONNECTIONS_MAX, err);
    if (rc == FOOTFALL_OK)
        rc = footfall_config_integer(&threads, config, "http.threads", 0, 64, err);
    if (rc == FOOTFALL_OK)
        rc = footfall_config_integer(&header, config, "http.header_bytes", 1024, 1 << 20, err);
    if (rc == FOOTFALL_OK)
        rc = footfall__web_body_bytes(&out->body_bytes, config, err);
    if (rc == FOOTFALL_OK)
        rc = footfall_config_duration(&out->idle_ms, config, "http.idle_timeout", 100, 86400000, err);
    if (rc == FOOTFALL_OK)
        rc = footfall_config_duration(&out->request_ms, config, "http.request_timeout", 100, 3600000, err);
    if (rc != FOOTFALL_OK)
        return rc;
    out->max_connections = (uint32_t)connections;
    out->max_per_address = (uint32_t)per_address;
    out->threads = threads > 0 ? (uint32_t)threads : processors();
    out->header_bytes = (size_t)header;
    out->log_level = footfall__web_log_level(config);
    return FOOTFALL_OK;
}

uint32_t footfall__serve_room(uint32_t wanted)
{
    struct rlimit limit;
    rlim_t need = (rlim_t)wanted + OTHER_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= need)
        return wanted;
    limit.rlim_cur = limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= need ? need : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 && getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return wanted;
    if (limit.rlim_cur >= need)
        return wanted;
    return limit.rlim_cur > OTHER_DESCRIPTORS ? (uint32_t)(limit.rlim_cur - OTHER_DESCRIPTORS) : 1;
}
