/* config.h: the configuration as the engine sees it. Reading it for applications is footfall_admin.h.
 *
 * The file is INI, and strict: "[section]", "key = value", lines whose first character that is no blank is # or ; are
 * comments, empty lines are fine. Spaces and tabs around key and value go; the value is the rest of the line as it stands,
 * so there are no comments after it, no escapes and no continuation. Quotes mean nothing; a value that is wholly in double
 * quotes is refused, because whoever wrote it expects them to go. Keys without a section stand before the first [section];
 * a section may come twice, a key may not. UTF-8 (a BOM is skipped), LF or CRLF, no control but the tab, lines up to
 * 65,536 bytes, files up to 1 MiB. Values from the environment and from settings obey the same limits.
 *
 * Everything here: any thread, once the configuration is loaded. `err` may be NULL and is touched only on failure. */
#ifndef FOOTFALL_CONFIG_H
#define FOOTFALL_CONFIG_H
#include <stddef.h>
#include <stdint.h>

#include "footfall_admin.h"
#include "footfall_store.h"

#define FOOTFALL__WINDOW_MIN_MS INT64_C(1000)
#define FOOTFALL__WINDOW_MAX_MS (INT64_C(10) * 366 * 24 * 60 * 60 * 1000)
#define FOOTFALL__SECRET_MIN_BYTES 32

struct footfall__settings { /* what the engine reads, checked and typed */
    const struct footfall_backend *backend;
    int64_t window_ms;                 /* 1000 … 10 years, or INT64_MAX = forever */
    int sliding;                       /* 0 or 1 */
    uint32_t deadline_ms;              /* 1 … 600000 */
    unsigned ipv4_prefix, ipv6_prefix; /* 1 … 32, 1 … 128 */
    int visitor_agent;                 /* 1: visitor = address+agent */
    enum footfall_log_level log_level;
    const char *secret_file, *secret; /* borrowed from the configuration, at most one is not NULL */
};

/* Every error is CONFIG and names key, source and line, never a secret's value. On failure *out is all zero. A loaded
 * configuration has passed this already. */
int footfall__config_settings(struct footfall__settings *out, const struct footfall_config *config,
                              struct footfall_error *err);

/* The settings of the backend's own section, for backend->open: each of backend->keys that has a value, set or default, in
 * the order of that table; keys without the section. The array is the caller's, who ends it with footfall__free; its strings
 * live as long as config and backend. *out may be NULL with *count 0. Only NO_MEMORY. */
int footfall__config_section(struct footfall_store_setting **out, size_t *count, const struct footfall_config *config,
                             const struct footfall_backend *backend, struct footfall_error *err);

/* "90m", "24h", "1h30m" (largest unit first), units ms s m h d w; "forever" gives INT64_MAX, nothing else does.
 * 0, or -1 and *out_ms is 0: no unit, no number, a sign, a blank, overflow. */
int footfall__duration_parse(int64_t *out_ms, const char *text);

/* footfall_config_load with the text of a file instead of a file: options->file and FOOTFALL_CONFIG are not looked at.
 * `name` stands for the file in errors and in footfall_config_list. text NULL: no file. */
int footfall__config_load_text(struct footfall_config **out, const char *name, const char *text, size_t bytes,
                               const struct footfall_options *options, const struct footfall_config_key *own,
                               size_t own_count, struct footfall_error *err);
#endif
