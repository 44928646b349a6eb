/* redis.h: what the files of this backend share. A store is one connection and the keys under one prefix; one thread at a
 * time is in it. Everything that waits ends by a deadline on CLOCK_BOOTTIME. hiredis writes commands and reads replies;
 * sockets, TLS and time are ours, because its own reads know no deadline and no limit. */
#ifndef FOOTFALL_REDIS_H
#define FOOTFALL_REDIS_H
#include "footfall_store.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <hiredis.h>

enum {
    REDIS_MAX_BATCH = 1024,
    REDIS_KEY_BYTES =
        1024, /* room for the longest key: prefix, a name of 200 bytes with every brace encoded, and what follows */
    REDIS_PREFIX_BYTES = 128,
    REDIS_REPLY_BYTES = 1 << 20, /* a longer reply is no reply to anything we ask */
    REDIS_REPLY_ELEMENTS = 16384
};

/* ---- url.c: where the server is --------------------------------------------------------------------------------------- */

struct redis_address {
    int tls;
    char *host, *path; /* one of them; path: a Unix socket */
    char port[8];
    char *user, *password; /* NULL: none. Cleansed */
    int database;
    char *ca_file;                  /* NULL: the system's certificates */
    struct ssl_ctx_st *tls_context; /* made by the first connection, with those certificates */
};
/* 0; CONFIG, NO_MEMORY with a text that names the key and shows no secret. Free it in any case. */
int footfall__redis_url(struct redis_address *out, const char *url, struct footfall_store_call *call);
/* path NULL: there is none. */
int footfall__redis_password_file(struct redis_address *address, const char *path, struct footfall_store_call *call);
void footfall__redis_address_free(struct redis_address *address);

/* ---- fault.c: what a fault means -------------------------------------------------------------------------------------- */

/* Writes the call's text when it has none yet; returns status. */
int footfall__redis_fault(struct footfall_store_call *call, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What an error reply says of the command it answers: TEMPORARY, BROKEN, or UNKNOWN where it does not prove that nothing was
 * done. *reconnect = 1: another connection may do better. */
int footfall__redis_error(struct footfall_store_call *call, const redisReply *reply, int *reconnect);
int footfall__redis_is_noscript(const redisReply *reply);

/* ---- socket.c, tls.c: a connected stream ------------------------------------------------------------------------------ */

struct redis_tls; /* a session over one socket */

/* A connected non-blocking socket: a descriptor, or a negative status with the call's text. */
int footfall__redis_connect(const struct redis_address *address, struct footfall_store_call *call);
/* Waits for poll's events: 1; 0 when the deadline came first. */
int footfall__redis_wait(int fd, short events, int64_t deadline_ms);

/* Handshake over fd, the server's certificate and name checked: 0, or a negative status with the call's text. */
int footfall__redis_tls_start(struct redis_tls **out, int fd, struct redis_address *address,
                              struct footfall_store_call *call);
void footfall__redis_tls_forget(struct redis_address *address); /* its context */
void footfall__redis_tls_end(struct redis_tls *tls);            /* sends nothing; NULL is fine */
/* As recv and send on a non-blocking socket: -1 with errno EAGAIN and poll's events in *wait. */
long footfall__redis_tls_read(struct redis_tls *tls, void *out, size_t bytes, short *wait);
long footfall__redis_tls_write(struct redis_tls *tls, const void *from, size_t bytes, short *wait);
int footfall__redis_tls_pending(const struct redis_tls *tls); /* bytes are decrypted and not read yet */

/* ---- command.c: commands to be sent ----------------------------------------------------------------------------------- */

struct redis_bytes { /* grows; all zero is empty */
    char *at;
    size_t count, room;
};
struct redis_argument {
    const void *at;
    size_t bytes;
};
struct redis_argument footfall__redis_text(const char *text);
int footfall__redis_put(struct redis_bytes *to, const void *bytes, size_t count); /* 0 or NO_MEMORY */
void footfall__redis_bytes_free(struct redis_bytes *bytes);                       /* cleanses */

/* ---- connection.c: a server, and what it was told and answered ---------------------------------------------------------- */

struct redis_server { /* what the handshake learnt; texts of INFO, cut to fit, "" where it does not tell */
    char version[32], policy[32], mode[16];
    int is_replica;
};

struct redis_connection {
    int fd; /* -1: none */
    struct redis_tls *tls;
    redisReader *reader;
    struct redis_bytes out;
    size_t sent;             /* bytes of `out` that have left, or may have */
    size_t reply_bytes;      /* of the reply under way */
    int64_t server_ahead_ms; /* the server's clock minus CLOCK_BOOTTIME */
    int64_t usual_us;        /* how long a round trip takes, of late */
    struct redis_server server;
    _Atomic uint64_t connects, commands, round_trips, reloads;
};

/* Appends a command to what is sent next: 0 or NO_MEMORY. */
int footfall__redis_command(struct redis_connection *c, const struct redis_argument *arguments, size_t count);
int footfall__redis_say(struct redis_connection *c, const char *first,
                        ...); /* the same from strings, NULL at the end */

/* Sends what was appended and takes `count` replies, in order. each(user, i, reply) may keep *reply by setting it to NULL.
 * Returns how many came; fewer: the connection is closed, the call's text says why, and `sent` tells what had left. 0 also when
 * more came than was asked for: then none of them can be trusted. */
typedef void footfall__redis_reply(void *user, size_t i, redisReply **reply);
size_t footfall__redis_exchange(struct redis_connection *c, size_t count, footfall__redis_reply *each, void *user,
                                struct footfall_store_call *call);
/* One command that was appended, one reply: NULL when none came (then the connection is closed). The caller frees. */
redisReply *footfall__redis_ask(struct redis_connection *c, struct footfall_store_call *call);
/* What was sent and received is wiped, once all of it is done with. */
void footfall__redis_cleanse(struct redis_connection *c);
/* Drops the connection, if any, and what was to be sent. */
void footfall__redis_hang_up(struct redis_connection *c);

/* ---- reply.c: reading replies within limits ----------------------------------------------------------------------------- */

redisReader *footfall__redis_reader(void); /* NULL: no memory */
int footfall__redis_is_text(const redisReply *reply);
int footfall__redis_number(const redisReply *reply,
                           int64_t *out); /* exact int64 from its text: 0, or -1 when it is none */
int footfall__redis_parse(const char *text, size_t bytes, int64_t *out);
int footfall__redis_is_array(const redisReply *reply, size_t elements);
int footfall__redis_is_replica(const redisReply *reply); /* ROLE's; 0 too when it was refused */

/* ---- keys.c: names of keys ---------------------------------------------------------------------------------------------- */

struct redis_key {
    char at[REDIS_KEY_BYTES];
    size_t bytes;
};
/* PREFIX:{NAME}; the braces hold the part that decides the slot, so all keys of one counter share it */
void footfall__redis_counter_key(struct redis_key *out, const char *prefix, const char *name, size_t name_bytes);
void footfall__redis_key(struct redis_key *out, const char *prefix, const char *what); /* PREFIX:WHAT */
void footfall__redis_key_add(struct redis_key *key, const void *bytes, size_t count);
struct redis_argument footfall__redis_key_argument(const struct redis_key *key);

/* ---- scripts ------------------------------------------------------------------------------------------------------------ */

struct redis_script { /* generated from scripts/NAME.lua */
    const char *source;
    size_t bytes;
    char sha1[41];
};
extern const struct redis_script footfall__redis_script_apply, footfall__redis_script_epoch_key,
    footfall__redis_script_epoch_drop, footfall__redis_script_epoch_other, footfall__redis_script_probe,
    footfall__redis_script_purge;

/* ---- the store ---------------------------------------------------------------------------------------------------------- */

struct redis_group { /* the ops of one counter in a batch */
    uint32_t first, last;
    size_t end; /* of its command in what is sent */
    int again;  /* the server had forgotten the script */
    int answered;
};

struct footfall_store {
    struct redis_connection connection;
    struct redis_address address;
    char prefix[REDIS_PREFIX_BYTES];
    int64_t wait_replicas;
    int allow_eviction;
    int is_open;
    uint64_t sequence; /* of the last batch … */
    int64_t first_ms;  /* … and the server's time at its first attempt */
    uint64_t hash_key[2];
    struct redis_group *groups; /* max_batch of each */
    uint32_t *next;             /* the next op of the same counter, or UINT32_MAX */
    uint32_t *table;            /* by name */
    struct redis_bytes packed, places;
};

/* A working connection, made when there is none: 0, or a negative status. */
int footfall__redis_ready(struct footfall_store *store, struct footfall_store_call *call);
/* What must hold of a server before anything is counted on it: 0, CONFIG or BROKEN. */
int footfall__redis_fit(const struct footfall_store *store, const struct redis_server *server,
                        struct footfall_store_call *call);
/* Whether our user has every right that the scripts need: 0, or BROKEN with the one that is missing; TEMPORARY, NO_MEMORY. */
int footfall__redis_probe(struct footfall_store *store, struct footfall_store_call *call);
/* Copies the value of `key` from INFO's text into out; '' when it is not there. */
void footfall__redis_info_value(char *out, size_t out_bytes, const char *info, const char *key);

/* encode.c: packs the ops of a group as scripts/apply.lua reads them: 0, NO_MEMORY, or UNSUPPORTED (a time past the year
 * 140,000). decode.c: from its answer to results: 0, or -1 when it is no answer to these ops; then results say nothing. */
int footfall__redis_encode(struct footfall_store *store, const struct redis_group *group,
                           const struct footfall_store_op *ops, const struct footfall_store_call *call);
int footfall__redis_decode(const struct footfall_store *store, const struct redis_group *group,
                           const struct footfall_store_op *ops, struct footfall_store_result *results,
                           const redisReply *reply);

/* One call of a script that may be repeated at will, loaded when it has to be: NULL with *status (TEMPORARY, BROKEN,
 * NO_MEMORY), else a reply that is no error, to be freed. */
redisReply *footfall__redis_run(struct footfall_store *store, const struct redis_script *script,
                                const struct redis_argument *keys, size_t key_count,
                                const struct redis_argument *arguments, size_t argument_count, int *status,
                                struct footfall_store_call *call);

/* The slots, as footfall_store.h has them. */
int footfall__redis_apply(struct footfall_store *store, const struct footfall_store_op *ops, size_t count,
                          struct footfall_store_result *results, struct footfall_store_call *call);
int footfall__redis_fetch(struct footfall_store *store, const char *const *names, const size_t *name_bytes,
                          size_t count, int64_t *totals, int64_t *uniques, uint8_t *exists,
                          struct footfall_store_call *call);
int footfall__redis_scan(struct footfall_store *store, const char *prefix, size_t prefix_bytes, const char *after,
                         size_t after_bytes, size_t limit, footfall_store_each *each, void *user, int *more,
                         struct footfall_store_call *call);
int footfall__redis_epoch_key(struct footfall_store *store, int64_t epoch_ms, int64_t epoch, const uint8_t *candidate,
                              int64_t expire_ms, uint8_t *winner, int64_t *kept_until,
                              struct footfall_store_call *call);
int footfall__redis_epoch_drop(struct footfall_store *store, int64_t wall_ms, int64_t *next_ms,
                               struct footfall_store_call *call);
int footfall__redis_epoch_other(struct footfall_store *store, int64_t epoch_ms, int *found,
                                struct footfall_store_call *call);
int footfall__redis_purge(struct footfall_store *store, int64_t now_ms, size_t budget, size_t dropped[3], int *more,
                          struct footfall_store_call *call);
int footfall__redis_check(struct footfall_store *store, footfall_store_finding *each, void *user,
                          struct footfall_store_call *call);
#endif
