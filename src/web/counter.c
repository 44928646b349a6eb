/* counter.c: what shows a counter: its numbers as JSON; and as a badge, which may count a hit. */
#include "exchange.h"

#include <string.h>

#include "respond.h"

static const char read_cache[] = "public, max-age=5";
static const char badge_cache[] = "public, max-age=60";

/* ---- numbers --------------------------------------------------------------------------------------------------------------- */

static void show_numbers(struct footfall_web_exchange *x)
{
    const struct footfall__web_shown nothing = { 0 };
    size_t bytes = 0;
    if (x->result.status != FOOTFALL_OK) {
        footfall__web_store_error(x);
    } else if ((x->result.flags & FOOTFALL_EXISTS) == 0) {
        footfall__web_error(x, FOOTFALL__WEB_NO_SUCH_COUNTER, NULL);
    } else {
        bytes = footfall__web_json_counter(x->body, x->name, &x->result, &nothing);
        if (bytes > 0)
            footfall__web_answer_tagged(x, FOOTFALL__WEB_JSON, read_cache, NULL, x->body, bytes);
        else
            footfall__web_error(x, FOOTFALL__WEB_TEMPORARY, NULL);
    }
}

void footfall__web_counter(struct footfall_web_exchange *x)
{
    if (footfall__web_name(x))
        footfall__web_ask(x, FOOTFALL__WEB_ASK_READ, show_numbers);
}

/* ---- the badge -------------------------------------------------------------------------------------------------------------- */

static void show_badge(struct footfall_web_exchange *x)
{
    static const char type[] = "image/svg+xml";
    size_t bytes = 0;
    x->badge.value = x->unique ? x->result.unique : x->result.total;
    x->owned = footfall__web_badge_svg(&bytes, &x->badge);
    if (x->owned == NULL) { /* a hit was counted all the same */
        footfall__web_error(x, x->counted != NULL ? FOOTFALL__WEB_UNKNOWN_OUTCOME : FOOTFALL__WEB_TEMPORARY, NULL);
        return;
    }
    if (x->hit)
        footfall__web_answer(x, 200, type, FOOTFALL__WEB_NO_STORE, x->owned, bytes);
    else
        footfall__web_answer_tagged(x, type, badge_cache, NULL, x->owned, bytes);
    footfall__web_header(x, "Cross-Origin-Resource-Policy", "cross-origin");
}

static void badge_read(struct footfall_web_exchange *x)
{
    if (x->result.status == FOOTFALL_OK)
        show_badge(x);
    else
        footfall__web_store_error(x);
}

static int bad(struct footfall_web_exchange *x, const char *text)
{
    footfall__web_error(x, FOOTFALL__WEB_BAD_PARAMETER, text);
    return 0;
}

/* 1; 0: refused. */
static int find_value_and_hit(struct footfall_web_exchange *x)
{
    char value[8] = "total";
    char hit[4] = "0";
    if (footfall__web_parameter(x, value, sizeof value, "value") < 0 ||
        footfall__web_parameter(x, hit, sizeof hit, "hit") < 0)
        return 0;
    x->unique = strcmp(value, "unique") == 0;
    if (!x->unique && strcmp(value, "total") != 0)
        return bad(x, "value is neither total nor unique");
    x->hit = strcmp(hit, "1") == 0;
    if (!x->hit && strcmp(hit, "0") != 0)
        return bad(x, "hit is neither 1 nor 0");
    return 1;
}

static int find_label_and_color(struct footfall_web_exchange *x)
{
    char color[32] = "blue";
    struct footfall_error err;
    int given = footfall__web_parameter(x, x->label, sizeof x->label, "label");
    if (given < 0 || footfall__web_parameter(x, color, sizeof color, "color") < 0)
        return 0;
    x->badge.label = given > 0 ? x->label : x->unique ? "visitors" : "visits";
    x->badge.label_bytes = strlen(x->badge.label);
    if (x->badge.label_bytes > 0 && footfall_name_check(x->badge.label, x->badge.label_bytes, &err) != FOOTFALL_OK)
        return bad(x, "label has control characters, or is no UTF-8"); /* what names must not have either */
    x->badge.color = footfall__web_badge_color(x->color, color, strlen(color));
    return x->badge.color != NULL ? 1 : bad(x, "color is no colour that is known, and not three or six hex digits");
}

void footfall__web_show_badge(struct footfall_web_exchange *x)
{
    if (!footfall__web_name(x) || !find_value_and_hit(x) || !find_label_and_color(x))
        return;
    if (!x->hit || footfall__web_never_counts(x)) {
        footfall__web_ask(x, FOOTFALL__WEB_ASK_READ, badge_read);
        return;
    }
    if (!footfall__web_token(x))
        return;
    x->op.kind = FOOTFALL_OP_ADD;
    x->op.delta = 1;
    footfall__web_count(x, show_badge);
}
