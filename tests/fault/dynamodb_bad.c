/* dynamodb_bad.c: services that answer 200 with JSON of another shape: each part of each reply to each call, replaced by what it is
 * not; and replies that never come to an end. Whatever they say, a call ends by its deadline, says no more than is known, and never
 * takes nonsense for an answer. */
#include "dynamodb_here.h"

#include "folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SOON_MS = 150, LATER_MS = 10000 /* it ends by itself */, MANY_ITEMS = 10000 };

/* ---- one part of one reply is another thing ----------------------------------------------------------------------------------------- */

enum wrong { IS_NULL, IS_NUMBER, IS_TRUE, IS_TEXT, IS_EMPTY_TEXT, IS_ARRAY, IS_OBJECT, IS_ITSELF_IN_ARRAY, WRONGS };
static const char *const wrong_names[WRONGS] = { "null", "7", "true", "\"x\"", "\"\"", "[]", "{}", "[itself]" };

struct spoiling {
    int reply; /* which one of the call's, from 0 */
    int part;  /* which part of it, in order of its tree; 0: the whole */
    enum wrong wrong;
    int seen, at; /* replies so far; parts so far */
    int struck, harmless;
    char what[64];
};

static json_t *wrong_thing(struct spoiling *s, json_t *was)
{
    switch (s->wrong) {
    case IS_NULL:
        return json_null();
    case IS_NUMBER:
        return json_integer(7);
    case IS_TRUE:
        return json_true();
    case IS_TEXT:
    case IS_EMPTY_TEXT:
        return json_string(s->wrong == IS_TEXT ? "x" : "");
    case IS_ARRAY:
        s->harmless |= json_is_array(was);
        return json_array();
    case IS_OBJECT:
        s->harmless |= json_is_object(was);
        return json_object();
    default:
        return json_pack("[O]", was);
    }
}

/* The tree with one part replaced; borrows and gives a new reference. */
static json_t *spoil(struct spoiling *s, json_t *tree, const char *name)
{
    json_t *copy = NULL;
    const char *key = NULL;
    json_t *value = NULL;
    if (s->at++ == s->part) {
        s->struck = 1;
        (void)snprintf(s->what, sizeof s->what, "%s", name);
        return wrong_thing(s, tree);
    }
    if (json_is_object(tree)) {
        copy = json_object();
        json_object_foreach(tree, key, value) json_object_set_new(copy, key, spoil(s, value, key));
        return copy;
    }
    if (json_is_array(tree)) {
        copy = json_array();
        for (size_t i = 0; i < json_array_size(tree); i++)
            json_array_append_new(copy, spoil(s, json_array_get(tree, i), name));
        return copy;
    }
    return json_incref(tree);
}

static void answer_spoilt(void *user, const struct support_service_request *request,
                          struct support_service_reply *reply)
{
    struct spoiling *s = user;
    json_t *good = here_good(request);
    if (s->seen++ == s->reply) {
        json_t *bad = NULL;
        s->at = 0;
        bad = spoil(s, good, request->action);
        json_decref(good);
        good = bad;
    }
    reply->body = json_dumps(good, JSON_ENCODE_ANY);
    json_decref(good);
}

/* What an OK may say: the truth. */
static int is_true(const struct here *here, enum here_ask ask)
{
    switch (ask) {
    case ADD:
    case TOKEN:
        return here->total == HERE_TOTAL + 1 && here->unique == HERE_UNIQUE && !here->is_new;
    case VISIT:
        return here->total == HERE_TOTAL + 1 && here->unique == HERE_UNIQUE + 1 && here->is_new;
    case SET:
        return here->total == 1 && here->unique == 1;
    case DELETE:
    case FORGET:
        return here->total == HERE_TOTAL && here->unique == HERE_UNIQUE;
    case FETCH:
        return here->exists && here->total == HERE_TOTAL && here->unique == HERE_UNIQUE;
    case SCAN:
        return here->told == 0 || (here->told == 1 && here->total == HERE_TOTAL && here->unique == HERE_UNIQUE);
    case IMPORT:
        return here->unique == HERE_VIEWS;
    default:
        return 1;
    }
}

/* 1: there was such a part of such a reply. */
static int one_wrong(enum here_ask ask, int reply, int part, enum wrong wrong, int *calls)
{
    struct spoiling s = { .reply = reply, .part = part, .wrong = wrong };
    struct here here;
    char got = '?';
    here_open(&here, answer_spoilt, &s);
    got = here_letter(here_ask(&here, ask, SOON_MS));
    if (got == '?')
        fail_msg("%s: no such status: %s", here_names[ask], here.text);
    if (got == 'u' && ask > TOKEN && ask != IMPORT)
        fail_msg("%s: unknown: %s", here_names[ask], here.text);
    if (s.struck && got == 'o' && !s.harmless && !is_true(&here, ask))
        fail_msg("%s: reply %d with %s instead of %s passes for %lld, %lld", here_names[ask], reply, wrong_names[wrong],
                 s.what, (long long)here.total, (long long)here.unique);
    if (got != 'o' && got != '1' && here.text[0] == '\0')
        fail_msg("%s: nothing is said of '%c'", here_names[ask], got);
    *calls = s.seen;
    here_close(&here);
    return s.struck;
}

static void every_part_of_every_reply(void **state)
{
    enum { MOST_REPLIES = 8 };
    size_t tried = 0;
    (void)state;
    for (int ask = 0; ask < HERE_ASKS; ask++) {
        int calls = 1;
        for (int reply = 0; reply < calls && reply < MOST_REPLIES; reply++)
            for (int part = 0;; part++) {
                int any = 0;
                for (int wrong = 0; wrong < WRONGS; wrong++) {
                    int seen = 0;
                    any |= one_wrong((enum here_ask)ask, reply, part, (enum wrong)wrong, &seen);
                    calls = part == 0 && wrong == 0 && seen > calls ? seen : calls;
                }
                if (!any)
                    break;
                tried += WRONGS;
            }
    }
    printf("%zu wrong replies\n", tried);
    assert_true(tried > 500);
}

/* ---- replies without end, and with too much ----------------------------------------------------------------------------------------- */

struct flood {
    const char *action;
    json_t *(*make)(const json_t *body);
};

static json_t *many_of_one(const json_t *body);
static json_t *many_others(const json_t *body);

/* Large ones are made once: an attempt has a second, and machines are slow. */
static char *text_of(const struct flood *f, const json_t *body)
{
    static char *large[2];
    int which = f->make == many_of_one ? 0 : f->make == many_others ? 1 : -1;
    json_t *reply = NULL;
    char *text = NULL;
    if (which >= 0 && large[which] != NULL)
        return support_format("%s", large[which]);
    reply = f->make(body);
    text = json_dumps(reply, JSON_COMPACT);
    json_decref(reply);
    if (which >= 0)
        large[which] = support_format("%s", text);
    return text;
}

static void answer_flood(void *user, const struct support_service_request *request, struct support_service_reply *reply)
{
    const struct flood *f = user;
    int is_it = strcmp(request->action, f->action) == 0;
    json_t *json = is_it ? json_loadb(request->body, request->body_bytes, JSON_ALLOW_NUL, NULL) : here_good(request);
    reply->body = is_it ? text_of(f, json) : json_dumps(json, 0);
    json_decref(json);
}

static json_t *unprocessed(const json_t *body)
{
    return json_pack("{s:{}, s:O}", "Responses", "UnprocessedKeys", json_object_get(body, "RequestItems"));
}

static json_t *unprocessed_of_strangers(const json_t *body)
{
    (void)body;
    return json_pack("{s:{}, s:{s:{s:[{s:{s:s}}]}}}", "Responses", "UnprocessedKeys", "stranger", "Keys", "id", "S",
                     "x");
}

static json_t *unprocessed_nonsense(const json_t *body)
{
    (void)body;
    return json_pack("{s:{}, s:{s:i, s:[]}}", "Responses", "UnprocessedKeys", HERE_TABLE, 7, "x");
}

static json_t *item_of(const char *pk)
{
    return json_pack("{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}}", "pk", "S", pk, "sk", "B", "AA==", "d", "S", "c",
                     "t", "N", "1", "u", "N", "1");
}

/* The same item again and again. */
static json_t *many_of_one(const json_t *body)
{
    json_t *items = json_array();
    (void)body;
    for (int i = 0; i < MANY_ITEMS; i++)
        json_array_append_new(items, item_of("a"));
    return json_pack("{s:{s:O}, s:o}", "Responses", HERE_TABLE, items, "Items", items);
}

static json_t *many_others(const json_t *body)
{
    json_t *items = json_array();
    (void)body;
    for (int i = 0; i < MANY_ITEMS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "n%05d", i);
        json_array_append_new(items, item_of(name));
    }
    return json_pack("{s:{s:O}, s:o}", "Responses", HERE_TABLE, items, "Items", items);
}

static json_t *pages_in_a_circle(const json_t *body)
{
    (void)body;
    return json_pack("{s:[o], s:{s:{s:s}, s:{s:s}, s:{s:s}}}", "Items", item_of("a"), "LastEvaluatedKey", "pk", "S",
                     "a", "sk", "B", "AA==", "d", "S", "c");
}

static json_t *empty_pages(const json_t *body)
{
    (void)body;
    return json_pack("{s:[], s:{s:{s:s}}}", "Items", "LastEvaluatedKey", "pk", "S", "a");
}

static json_t *views_without_end(const json_t *body)
{
    (void)body;
    return json_pack("{s:[{s:{s:s}, s:{s:s}}], s:{s:{s:s}}}", "Items", "id", "S", "home", "views", "N", "5",
                     "LastEvaluatedKey", "id", "S", "home");
}

static json_t *a_cursor_too_long(const json_t *body)
{
    char *text = support_format("%030000d", 1);
    json_t *reply = json_pack("{s:[], s:{s:{s:s}}}", "Items", "LastEvaluatedKey", "id", "S", text);
    (void)body;
    free(text);
    return reply;
}

/* A number at the edge, where the call's own does not fit. */
static json_t *at_the_edge(const json_t *body)
{
    const char *text = json_string_value(json_object_get(body, "UpdateExpression"));
    char x[] = { 'x', text != NULL ? text[5] : '0', '\0' };
    char y[] = { 'y', x[1], '\0' };
    return json_pack("{s:{s:{s:s}, s:{s:s}}}", "Attributes", x, "N", "9223372036854775807", y, "N",
                     "-9223372036854775808");
}

static json_t *imported_before(const json_t *body)
{
    (void)body;
    return json_pack("{s:{s:{s:s}, s:{s:s}, s:{s:s}}}", "Item", "t", "N", "-9223372036854775808", "u", "N",
                     "-9223372036854775807", "n", "N", "9223372036854775807");
}

static json_t *many_generations(const json_t *body)
{
    (void)body;
    return json_pack("{s:{s:{s:s}, s:{s:s}}}", "Item", "g", "N", "9223372036854775807", "w", "N",
                     "-9223372036854775808");
}

static json_t *others_to_delete(const json_t *body)
{
    if (json_object_get(body, "IndexName") != NULL)
        return json_pack("{s:[o]}", "Items", item_of("a"));
    return json_pack("{s:[{s:{s:s}, s:{s:s}}]}", "Items", "pk", "S", "a", "sk", "B", "AA==");
}

static void flooded(const char *action, json_t *(*make)(const json_t *body), enum here_ask ask, const char *allowed,
                    int *deletes)
{
    struct flood f = { action, make };
    struct here here;
    char got = '?';
    here_open(&here, answer_flood, &f);
    got = here_letter(here_ask(&here, ask, strchr(allowed, 't') != NULL ? SOON_MS : LATER_MS));
    if (strchr(allowed, got) == NULL)
        fail_msg("%s: '%c', not one of %s: %s", here_names[ask], got, allowed, here.text);
    if (got == 'o' && !is_true(&here, ask))
        fail_msg("%s: passes for %lld, %lld", here_names[ask], (long long)here.total, (long long)here.unique);
    for (int i = 0; deletes != NULL && i < support_service_asked(here.service); i++)
        *deletes += strstr(support_service_head(here.service, i), "DeleteItem") != NULL;
    here_close(&here);
}

static void reads_without_end(void **state)
{
    static const enum here_ask asks[] = { ADD, VISIT, SET, DELETE, FORGET, FETCH, SCAN };
    (void)state;
    free(text_of(&(struct flood){ "", many_of_one }, NULL));
    free(text_of(&(struct flood){ "", many_others }, NULL));
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        flooded("BatchGetItem", unprocessed, asks[i], "t", NULL);
        flooded("BatchGetItem", unprocessed_of_strangers, asks[i], "tb", NULL);
        flooded("BatchGetItem", unprocessed_nonsense, asks[i], "tb", NULL);
        flooded("BatchGetItem", many_others, asks[i], "b", NULL);
        flooded("BatchGetItem", many_of_one, asks[i], "bo", NULL);
    }
}

static void pages_without_end(void **state)
{
    (void)state;
    flooded("Query", pages_in_a_circle, SCAN, "bot", NULL);
    flooded("Query", many_of_one, SCAN, "b", NULL);
    flooded("Query", many_others, SCAN, "b", NULL);
    flooded("Query", empty_pages, SCAN, "o", NULL);
    flooded("Query", empty_pages, DROP, "t", NULL);
    flooded("Query", empty_pages, OTHER, "t", NULL);
    flooded("Query", pages_in_a_circle, DROP, "tb", NULL);
    flooded("Query", pages_in_a_circle, PURGE, "otb", NULL);
    flooded("Query", many_others, PURGE, "otb", NULL);
    flooded("Query", empty_pages, PURGE, "otb", NULL);
    flooded("Scan", views_without_end, IMPORT, "t", NULL);
    flooded("Scan", a_cursor_too_long, IMPORT, "i", NULL);
}

static void numbers_at_the_edge(void **state)
{
    (void)state;
    flooded("UpdateItem", at_the_edge, ADD, "u", NULL);
    flooded("UpdateItem", at_the_edge, TOKEN, "o", NULL); /* a transaction: not asked */
    flooded("GetItem", imported_before, IMPORT, "b", NULL);
    flooded("GetItem", many_generations, PURGE, "bt", NULL);
}

/* A purge removes what it asked for, whatever it is told. */
static void nothing_else_is_removed(void **state)
{
    int deletes = 0;
    (void)state;
    {
        struct flood f = { "Query", others_to_delete };
        struct here here;
        here_open(&here, answer_flood, &f);
        here_close(&here);
    }
    flooded("Query", others_to_delete, PURGE, "otb", &deletes);
    assert_int_equal(deletes, 0);
}

/* Each request takes a while, and a call's time is a fraction of what a counter with many dead generations takes. */
struct slow {
    _Atomic int swept, parts;
};
enum { SLOW_MS = 4, CALL_MS = 200, GENERATIONS = 12, PARTS = 16, CALLS = 500 };

static void answer_slowly(void *user, const struct support_service_request *request,
                          struct support_service_reply *reply)
{
    struct slow *s = user;
    json_t *json = NULL;
    reply->delay_ms = SLOW_MS;
    if (strcmp(request->action, "GetItem") == 0)
        json = json_pack("{s:{s:{s:s}, s:{s:s}}}", "Item", "g", "N", "12", "w", "N", s->swept ? "12" : "0");
    else if (strcmp(request->action, "Query") == 0 && strstr(request->body, "IndexName") != NULL)
        json = json_pack("{s:[o]}", "Items", item_of("a"));
    else
        json = json_pack("{s:[]}", "Items");
    s->parts += strcmp(request->action, "Query") == 0 && strstr(request->body, "IndexName") == NULL;
    s->swept |= strcmp(request->action, "UpdateItem") == 0;
    reply->body = json_dumps(json, JSON_COMPACT);
    json_decref(json);
}

static void a_purge_goes_on_where_time_ended_it(void **state)
{
    struct slow s = { 0, 0 };
    struct here here;
    int calls = 0;
    (void)state;
    here_open(&here, answer_slowly, &s);
    while (!s.swept && calls++ < CALLS)
        (void)here_ask(&here, PURGE, CALL_MS);
    assert_true(s.swept);
    assert_true(s.parts >= GENERATIONS * PARTS);
    here_close(&here);
}

/* "a" is deleted while a purge looks at the others. */
static void answer_deleting(void *user, const struct support_service_request *request,
                            struct support_service_reply *reply)
{
    struct slow *s = user;
    json_t *json = NULL;
    s->parts |= strcmp(request->action, "Query") == 0 && strstr(request->body, "{\"S\":\"c\"}") != NULL;
    s->swept |= strcmp(request->action, "UpdateItem") == 0 && strstr(request->body, "REMOVE d") != NULL;
    if (strcmp(request->action, "GetItem") == 0)
        json = json_pack("{s:{s:{s:s}, s:{s:s}}}", "Item", "g", "N", "1", "w", "N", s->swept ? "1" : "0");
    else if (s->parts && !s->swept && strstr(request->body, "{\"S\":\"x\"}") != NULL)
        json = json_pack("{s:[o]}", "Items", item_of("a"));
    else
        json = json_pack("{s:[]}", "Items");
    reply->body = json_dumps(json, JSON_COMPACT);
    json_decref(json);
}

static void a_purge_sees_what_is_deleted_meanwhile(void **state)
{
    struct slow s = { 0, 0 };
    struct here here;
    (void)state;
    here_open(&here, answer_deleting, &s);
    assert_int_equal(here_ask(&here, PURGE, LATER_MS), 0);
    assert_true(s.parts && s.swept);
    here_close(&here);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_of_every_reply),
        cmocka_unit_test(reads_without_end),
        cmocka_unit_test(pages_without_end),
        cmocka_unit_test(numbers_at_the_edge),
        cmocka_unit_test(nothing_else_is_removed),
        cmocka_unit_test(a_purge_goes_on_where_time_ended_it),
        cmocka_unit_test(a_purge_sees_what_is_deleted_meanwhile),
    };
    return cmocka_run_group_tests_name("bad DynamoDB services", tests, here_environment, NULL);
}
