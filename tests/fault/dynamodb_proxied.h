/* dynamodb_proxied.h: proxied.h for DynamoDB, and what only its tests ask for. */
#ifndef FAULT_DYNAMODB_PROXIED_H
#define FAULT_DYNAMODB_PROXIED_H
#include "proxied.h"

/* The table of this prefix; free() it. */
char *dynamodb_table(const char *prefix);
struct footfall *dynamodb_proxied_open(const char *backend, uint16_t port, const char *prefix, const char *settings);
/* The setting of a window by which a visit at now_ms has so many ids (1 or 2) to write: the middle of an epoch, or its first
 * hour. free() it. */
char *dynamodb_window(int64_t now_ms, int ids);
/* Settings with dynamodb.atomic=false and such a window, and the time to visit at. An old log is read with transactions even then,
 * so visits come now. free() them. */
char *dynamodb_plain(int64_t *now_ms, int ids);
/* Is this a request of that action, "UpdateItem"? */
int dynamodb_is_action(const void *request, size_t bytes, const char *action);
#endif
