/* check.c: what there is to know of a configuration and of the store behind it, in words (footfall_admin.h). What a store is
 * asked is its backend's affair. */
#include "engine.h"
#include "error.h"
#include "footfall_admin.h"

struct checking {
    footfall_each_finding *each;
    void *user;
    size_t at, told; /* a second attempt tells only what the first has not */
};

static void tell_finding(void *user, int severity, const char *text, const char *advice)
{
    struct checking *c = user;
    struct footfall_finding finding = { FOOTFALL_WRONG, text, advice };
    if (c->at++ < c->told)
        return;
    c->told++;
    if (severity >= FOOTFALL_FINE && severity <= FOOTFALL_WRONG)
        finding.severity = (enum footfall_severity)severity;
    c->each(c->user, &finding);
}

static void check_engine(struct footfall *ff, void *user)
{
    int64_t wall_ms = footfall__now(ff);
    int64_t year_2024_ms = INT64_C(1704067200000);
    if (wall_ms < year_2024_ms)
        tell_finding(user, FOOTFALL_WRONG, "This host's clock is before 2024.",
                     "Set the clock (NTP): windows and expiries depend on it.");
    else
        tell_finding(user, FOOTFALL_FINE, "This host's clock is plausible.", NULL);
    if (ff->settings.ipv6_prefix > 64)
        tell_finding(user, FOOTFALL_NOTE, "ipv6_prefix is longer than 64: one household counts as many visitors.",
                     "Leave ipv6_prefix at 64 unless you know better.");
    if (!(ff->caps & FOOTFALL_STORE_CAP_DURABLE))
        tell_finding(user, FOOTFALL_NOTE, "This backend keeps nothing beyond the process.", NULL);
}

static int run_check(struct footfall *ff, struct footfall__store *store, void *user, struct footfall_store_call *call)
{
    struct checking *c = user;
    c->at = 0;
    check_engine(ff, c);
    return footfall__store_check(store, tell_finding, c, call);
}

int footfall_check(struct footfall *ff, const struct footfall_call *call, footfall_each_finding *each, void *user,
                   struct footfall_error *err)
{
    struct checking checking = { each, user, 0, 0 };
    int rc = footfall__enter(ff, call, 1, err);
    if (rc != FOOTFALL_OK)
        return rc;
    if (each == NULL)
        rc = footfall__fail(err, FOOTFALL_INVALID, 0, "each is NULL");
    else
        rc = footfall__exclusively(ff, call, run_check, &checking, err);
    footfall__leave(ff);
    return rc;
}
