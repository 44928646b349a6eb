/* lambda_case.h: events of Lambda for tests: fixtures, changed field by field, answered by a site, and each reply held against
 * the documented format of its kind. */
#ifndef LAMBDA_CASE_H
#define LAMBDA_CASE_H
#include <jansson.h>

#include "event.h"
#include "lambda.h"
#include "web_site.h"

extern const char *events_folder; /* tests/lambda/events */

/* As tools/lambda has it; pairs as in site_open. */
void lambda_site_open(struct site *site, const char *const *pairs);

/* NAME.json. Ends the test when it cannot be read. */
json_t *event_load(const char *name);
/* "requestContext.http.sourceIp". value is taken over; NULL takes the field out. */
void event_set(json_t *event, const char *field, json_t *value);

/* Of multiValueHeaders where the event has them. */
void event_set_header(json_t *event, const char *name, const char *value);

/* event_load and one event_set. */
json_t *event_with(const char *name, const char *field, json_t *value);
/* footfall__lambda_event_read; ends the test when that fails. */
void event_read(struct footfall__lambda_event *read, json_t *event);

/* One of each kind that counts, and where its path and its address are. */
enum { EVENT_KINDS = 5 };
extern const struct event_kind {
    const char *fixture, *path_field, *address_field, *method_field;
    int decoded; /* its path is */
} event_kinds[EVENT_KINDS];

struct answered {
    int rc;
    struct footfall_error err;
    json_t *root; /* NULL: none */
    int status;
    const char *body;
    size_t body_bytes;
};
/* The reply was checked, and lives until the next. */
const struct answered *text_answer(struct site *site, const char *text, size_t bytes, int64_t left_ms);
const struct answered *event_answer(struct site *site, json_t *event);
const struct answered *event_answer_in(struct site *site, json_t *event, int64_t left_ms);

/* Ends the test unless root is a reply to such an event: the fields that AWS documents, of their types, and no others. */
void reply_check(const json_t *event, const json_t *root);
/* The header's only value, or "" when it is not there. */
const char *reply_header(const json_t *root, const char *name);
void answered_expect(const struct answered *answered, int status, const char *part_of_body);
void refused_expect(const struct answered *answered, const char *what);
#endif
