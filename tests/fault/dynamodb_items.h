/* dynamodb_items.h: requests to DynamoDB Local past the backend's own paths, and items as they lie there. Failures end the running
 * cmocka test. */
#ifndef FAULT_DYNAMODB_ITEMS_H
#define FAULT_DYNAMODB_ITEMS_H
#include "client.h"

/* The reply, to be decref'd. Takes over body. */
json_t *dynamodb_says(enum dynamodb_action action, json_t *body);
/* What the backend's client does not do: a request in the test's own words, which must be answered by 200. */
void dynamodb_says_raw(const char *action, const char *body);
/* A counter's item, to be decref'd; NULL: there is none. */
json_t *dynamodb_counter_item(const char *table, const char *name);
/* How many items a counter has of this kind: 'm' spills, 't' tokens, 's' series. */
int64_t dynamodb_count_items(const char *table, const char *name, char kind);
/* Bytes, as the service counts them ("DynamoDB item sizes and formats" in its guide). */
size_t dynamodb_item_bytes(const json_t *item);
#endif
