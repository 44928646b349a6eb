/* handle.c: handles and calls in one line each (handle.h). */
#include "handle.h"

#include <stdio.h>
#include <stdlib.h>

#include "folder.h"

enum { MOST_PAIRS = 16 };

int support_try_open(struct footfall **out, struct footfall_error *err, const char *const *pairs)
{
    struct footfall_setting settings[MOST_PAIRS];
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    size_t count = 0;
    for (; count < MOST_PAIRS && pairs[2 * count] != NULL; count++) {
        settings[count].key = pairs[2 * count];
        settings[count].value = pairs[2 * count + 1];
    }
    options.settings = settings;
    options.setting_count = count;
    return footfall_open(out, &options, err);
}

struct footfall *support_open(const char *const *pairs)
{
    struct footfall *ff = NULL;
    struct footfall_error err;
    if (support_try_open(&ff, &err, pairs) != FOOTFALL_OK) {
        fprintf(stderr, "test support: open: %s: %s\n", footfall_status_name(err.status), err.text);
        exit(99);
    }
    return ff;
}

struct footfall *support_open_sqlite(const char *dir, const char *durability)
{
    char *path = support_path(dir, "footfall.db");
    const char *pairs[] = { "backend",  "sqlite", "sqlite.path", path, durability != NULL ? "sqlite.durability" : NULL,
                            durability, NULL };
    struct footfall *ff = support_open(pairs);
    free(path);
    return ff;
}

int support_add(struct footfall *ff, const char *name, int64_t delta, uint32_t wait_ms, struct footfall_result *r)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    call.wait_ms = wait_ms;
    return footfall_add(ff, name, delta, &call, r, NULL);
}

void support_address(char out[16], uint32_t visitor)
{
    snprintf(out, 16, "10.%u.%u.%u", visitor >> 16 & 255, visitor >> 8 & 255, visitor & 255);
}

int support_visit(struct footfall *ff, const char *name, uint32_t visitor, int64_t now_ms, uint32_t wait_ms,
                  struct footfall_result *r)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
    char address[16];
    support_address(address, visitor);
    call.wait_ms = wait_ms;
    who.address = address;
    who.now_ms = now_ms;
    return footfall_visit(ff, name, &who, &call, r, NULL);
}

struct footfall_result support_read(struct footfall *ff, const char *name)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_result r;
    struct footfall_error err;
    call.wait_ms = 60000;
    if (footfall_read(ff, &name, 1, &call, &r, &err) != FOOTFALL_OK) {
        fprintf(stderr, "test support: read: %s: %s\n", footfall_status_name(err.status), err.text);
        exit(99);
    }
    return r;
}
