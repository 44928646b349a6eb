/* dynamodb_proxied.h: proxied.h for DynamoDB, and what only its tests ask for. */
#ifndef FAULT_DYNAMODB_PROXIED_H
#define FAULT_DYNAMODB_PROXIED_H
#include "proxied.h"

/* The table of this prefix; free() it. */
char *dynamodb_table(const char *prefix);
/* proxied_open; create: "true" or "false", of create_table. */
struct footfall *dynamodb_proxied_open(const char *backend, uint16_t port, const char *prefix, const char *setting,
                                       const char *create);
/* Is this a request of that action, "UpdateItem"? */
int dynamodb_is_action(const void *request, size_t bytes, const char *action);
#endif
