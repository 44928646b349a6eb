/* sockets.h: the sockets of a client, known by number, so that a fork's child can let go of them without a word. */
#ifndef FOOTFALL_DYNAMODB_SOCKETS_H
#define FOOTFALL_DYNAMODB_SOCKETS_H
#include <stdatomic.h>
#include <stdint.h>
#include <curl/curl.h>

enum { DYNAMODB_SOCKETS = 64 };
struct dynamodb_sockets {
    int fds[DYNAMODB_SOCKETS];  /* -1: none */
    _Atomic uint64_t *connects; /* counts those that were opened */
};
void footfall__dynamodb_sockets_init(struct dynamodb_sockets *sockets, _Atomic uint64_t *connects);
/* The handle opens and closes its sockets here: 0, or -1. */
int footfall__dynamodb_sockets_use(struct dynamodb_sockets *sockets, CURL *easy);
/* Whatever is said on them from now on goes nowhere. */
void footfall__dynamodb_sockets_disown(struct dynamodb_sockets *sockets);
#endif
