/* admin.c: administration: listing counters, setting and deleting one. That the token was shown is exchange.c's affair. */
#include "exchange.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "respond.h"

enum { LIST_MAX = 1000 };

/* ---- listing ---------------------------------------------------------------------------------------------------------------- */

static int keep_counter(void *user, const char *name, int64_t total, int64_t unique)
{
    struct footfall__web_listing *listing = user;
    json_t *row = NULL;
    listing->more = listing->count == listing->limit;
    if (listing->more)
        return 1;
    row = footfall__web_json_row(name, total, unique);
    listing->broken = json_array_append_new(listing->rows, row) != 0; /* takes a row of NULL as a failure */
    if (listing->broken)
        return 1;
    memcpy(listing->after, name, strlen(name) + 1);
    listing->count++;
    return 0;
}

int footfall__web_list_all(struct footfall_web_exchange *x, const struct footfall_call *call)
{
    struct footfall__web_listing *listing = x->listing;
    char after[sizeof listing->after];
    int rc = FOOTFALL_OK;
    memcpy(after, listing->after, sizeof after);
    rc = footfall_list(x->web->ff, listing->prefix, after, call, keep_counter, listing, &x->err);
    return rc == FOOTFALL_OK && listing->broken ? FOOTFALL_NO_MEMORY : rc;
}

void footfall__web_listing_free(struct footfall__web_listing *listing)
{
    if (listing == NULL)
        return;
    json_decref(listing->rows);
    footfall__free(listing);
}

static void listed(struct footfall_web_exchange *x)
{
    size_t bytes = 0;
    if (x->result.status == FOOTFALL_INVALID) { /* nothing else can be wrong */
        footfall__web_error(x, FOOTFALL__WEB_BAD_PARAMETER, x->err.text);
        return;
    }
    if (x->result.status != FOOTFALL_OK) {
        footfall__web_store_error(x);
        return;
    }
    x->owned = footfall__web_json_list(&bytes, x->listing->rows, x->listing->more ? x->listing->after : NULL);
    if (x->owned != NULL)
        footfall__web_answer(x, 200, FOOTFALL__WEB_JSON, FOOTFALL__WEB_NO_STORE, x->owned, bytes);
    else
        footfall__web_error(x, FOOTFALL__WEB_TEMPORARY, "no memory for the list");
}

/* 1; 0: refused. */
static int find_limit(struct footfall_web_exchange *x)
{
    char text[8] = "1000";
    unsigned long limit = 0;
    if (footfall__web_parameter(x, text, sizeof text, "limit") < 0)
        return 0;
    if (text[0] != '\0' && strspn(text, "0123456789") == strlen(text))
        limit = strtoul(text, NULL, 10);
    if (limit < 1 || limit > LIST_MAX) {
        footfall__web_error(x, FOOTFALL__WEB_BAD_PARAMETER, "limit is no number from 1 to 1000");
        return 0;
    }
    x->listing->limit = limit;
    return 1;
}

void footfall__web_list(struct footfall_web_exchange *x)
{
    struct footfall__web_listing *listing = footfall__calloc(1, sizeof *listing);
    x->listing = listing;
    if (listing != NULL)
        listing->rows = json_array();
    if (listing == NULL || listing->rows == NULL) {
        footfall__web_error(x, FOOTFALL__WEB_TEMPORARY, "no memory for the list");
        return;
    }
    if (footfall__web_parameter(x, listing->prefix, sizeof listing->prefix, "prefix") < 0 ||
        footfall__web_parameter(x, listing->after, sizeof listing->after, "cursor") < 0 || !find_limit(x))
        return;
    footfall__web_ask(x, FOOTFALL__WEB_ASK_LIST, listed);
}

/* ---- setting ---------------------------------------------------------------------------------------------------------------- */

static void answer_set(struct footfall_web_exchange *x, int status)
{
    const struct footfall__web_shown shown = { .replayed = (x->result.flags & FOOTFALL_REPLAYED) != 0 };
    size_t bytes = footfall__web_json_counter(x->body, x->name, &x->result, &shown);
    if (bytes > 0)
        footfall__web_answer(x, status, FOOTFALL__WEB_JSON, FOOTFALL__WEB_NO_STORE, x->body, bytes);
    else
        footfall__web_error(x, FOOTFALL__WEB_UNKNOWN_OUTCOME, NULL);
}

static void made(struct footfall_web_exchange *x)
{
    int is_new = x->result.status == FOOTFALL_OK && (x->result.flags & FOOTFALL_REPLAYED) == 0;
    if (is_new || x->result.status == FOOTFALL_UNKNOWN)
        footfall__web_place_made(&x->web->places);
    if (x->result.status == FOOTFALL_OK)
        answer_set(x, is_new ? 201 : 200);
    else
        footfall__web_store_error(x);
}

static void set_existing(struct footfall_web_exchange *x)
{
    if (x->result.status == FOOTFALL_ABSENT) {
        x->op.must_exist = 0;
        footfall__web_ask(x, FOOTFALL__WEB_ASK_OP, made);
    } else if (x->result.status == FOOTFALL_OK) {
        answer_set(x, 200);
    } else {
        footfall__web_store_error(x);
    }
}

void footfall__web_set(struct footfall_web_exchange *x)
{
    char why[FOOTFALL__WEB_WHY_ROOM];
    if (!footfall__web_name(x) || !footfall__web_token(x))
        return;
    if (!footfall__web_json_numbers(&x->op.total, &x->op.unique, x->request->body, x->request->body_bytes, why)) {
        footfall__web_error(x, FOOTFALL__WEB_BAD_BODY, why);
        return;
    }
    x->op.kind = FOOTFALL_OP_SET;
    x->op.must_exist = 1;
    footfall__web_ask(x, FOOTFALL__WEB_ASK_OP, set_existing);
}

/* ---- deleting --------------------------------------------------------------------------------------------------------------- */

static void deleted(struct footfall_web_exchange *x)
{
    const struct footfall_result none = { 0 };
    const struct footfall__web_shown shown = { .deleted = 1, .replayed = (x->result.flags & FOOTFALL_REPLAYED) != 0 };
    size_t bytes = 0;
    if (x->result.status != FOOTFALL_OK) {
        footfall__web_store_error(x);
        return;
    }
    if (!shown.replayed)
        footfall__web_place_freed(&x->web->places);
    bytes = footfall__web_json_counter(x->body, x->name, &none, &shown);
    if (bytes > 0)
        footfall__web_answer(x, 200, FOOTFALL__WEB_JSON, FOOTFALL__WEB_NO_STORE, x->body, bytes);
    else
        footfall__web_error(x, FOOTFALL__WEB_UNKNOWN_OUTCOME, NULL);
}

void footfall__web_delete(struct footfall_web_exchange *x)
{
    if (!footfall__web_name(x) || !footfall__web_token(x))
        return;
    x->op.kind = FOOTFALL_OP_DELETE;
    x->op.must_exist = 1;
    footfall__web_ask(x, FOOTFALL__WEB_ASK_OP, deleted);
}
