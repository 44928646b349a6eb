/* client.h: requests to DynamoDB and their answers. A client belongs to one store, so one thread at a time is in it.
 * Everything that waits ends by a deadline on CLOCK_BOOTTIME. libcurl speaks HTTP, OpenSSL hashes, jansson reads JSON. */
#ifndef FOOTFALL_DYNAMODB_CLIENT_H
#define FOOTFALL_DYNAMODB_CLIENT_H
#include "footfall_store.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <curl/curl.h>
#include <jansson.h>

/* ---- fault.c: words ----------------------------------------------------------------------------------------------------- */

/* Writes the call's text when it has none yet; returns status. */
int footfall__dynamodb_fault(struct footfall_store_call *call, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int footfall__dynamodb_no_memory(struct footfall_store_call *call);

/* ---- curl.c: libcurl --------------------------------------------------------------------------------------------------- */

/* Starts libcurl, once for the process: 0, or -1. Any thread. */
int footfall__dynamodb_curl(void);
/* A handle that raises no signals, speaks http and https only, follows no redirects, and trusts AWS_CA_BUNDLE, CURL_CA_BUNDLE, or
 * SSL_CERT_FILE and SSL_CERT_DIR, else the system's certificates. Proxies are libcurl's own: *_PROXY and NO_PROXY. NULL: out of
 * memory, or libcurl did not start. curl_easy_cleanup ends it. */
CURL *footfall__dynamodb_curl_handle(void);

/* ---- sign.c: Signature Version 4 ---------------------------------------------------------------------------------------- */

enum { DYNAMODB_DATE_BYTES = 17, DYNAMODB_AUTHORIZATION_BYTES = 512 };

struct dynamodb_credentials { /* strings, never NULL but the last. Cleansed by whoever owns them */
    char *access_key_id, *secret_access_key, *session_token;
    int64_t expires_ms; /* UTC; INT64_MAX: never */
};
struct dynamodb_signer { /* the day's key, kept; all zero is empty. Cleanse it */
    uint8_t key[32];
    uint8_t of[32]; /* a digest of what it was made from: date, region, secret */
    int has_key;
};
struct dynamodb_signable {
    const char *host;   /* as the Host header has it */
    const char *region; /* "eu-west-1" */
    const char *target; /* X-Amz-Target */
    const char *body;
    size_t body_bytes;
    const char *date; /* X-Amz-Date, "20261128T035900Z" */
};
void footfall__dynamodb_date(char out[DYNAMODB_DATE_BYTES], int64_t utc_ms);
/* The value of the Authorization header for a POST to "/" with content type application/x-amz-json-1.0, headers content-type,
 * host, x-amz-date, x-amz-security-token (when there is one) and x-amz-target signed. 0, or -1 and out is empty (OpenSSL failed, a value
 * too long, or with a blank or a control character). Source: "Signature Version 4 signing process", AWS IAM User Guide. */
int footfall__dynamodb_sign(char out[DYNAMODB_AUTHORIZATION_BYTES], struct dynamodb_signer *signer,
                            const struct dynamodb_credentials *credentials, const struct dynamodb_signable *request);

/* ---- credentials.c: who we are ------------------------------------------------------------------------------------------- */

struct dynamodb_chain;          /* where credentials come from, and those in force */
struct dynamodb_chain_options { /* settings; NULL: not set. Copied */
    const char *access_key_id, *secret_access_key, *session_token, *profile, *region;
};
/* Looks at nothing but the settings and the environment, which is copied: later changes are not seen. 0; CONFIG: half a pair of
 * keys in either, or a key that cannot be one; NO_MEMORY. */
int footfall__dynamodb_chain_new(struct dynamodb_chain **out, const struct dynamodb_chain_options *options,
                                 struct footfall_store_call *call);
void footfall__dynamodb_chain_free(struct dynamodb_chain *chain); /* cleanses; NULL is fine */
/* Credentials good for now_ms (UTC), found or renewed when need be: *out lives until the next call. They are renewed from five
 * minutes before they expire, the old ones being used while that fails. The first that answers: settings; environment; shared
 * files; the container's endpoint; instance metadata (IMDSv2). A profile in the settings goes before the environment's keys. 0;
 * TEMPORARY: an endpoint that should have them does not answer properly; BROKEN: there are none, with a text that says where they
 * were looked for, or a file is wrong, with its name and line, or what is asked for is not supported; NO_MEMORY. */
int footfall__dynamodb_credentials(struct dynamodb_chain *chain, const struct dynamodb_credentials **out,
                                   int64_t now_ms, struct footfall_store_call *call);
/* The service refused them: the next call gets them anew (from files too). */
void footfall__dynamodb_credentials_refused(struct dynamodb_chain *chain);
/* From the setting, AWS_REGION, AWS_DEFAULT_REGION or the profile (then files are read, once). 0 with *out, which lives as long as
 * the chain; CONFIG when there is none, it is no region, or a file is wrong; NO_MEMORY. */
int footfall__dynamodb_region(struct dynamodb_chain *chain, const char **out, struct footfall_store_call *call);

/* ---- client.c: requests ---------------------------------------------------------------------------------------------------- */

enum dynamodb_action {
    DYNAMODB_GET_ITEM,
    DYNAMODB_BATCH_GET_ITEM,
    DYNAMODB_UPDATE_ITEM,
    DYNAMODB_PUT_ITEM,
    DYNAMODB_DELETE_ITEM,
    DYNAMODB_TRANSACT_WRITE_ITEMS,
    DYNAMODB_QUERY,
    DYNAMODB_SCAN,
    DYNAMODB_CREATE_TABLE,
    DYNAMODB_DESCRIBE_TABLE,
    DYNAMODB_DESCRIBE_TIME_TO_LIVE,
    DYNAMODB_UPDATE_TIME_TO_LIVE,
    DYNAMODB_DESCRIBE_CONTINUOUS_BACKUPS,
    DYNAMODB_ACTIONS
};
const char *footfall__dynamodb_action_name(enum dynamodb_action action); /* "GetItem" */

enum dynamodb_answer {
    DYNAMODB_NO_ANSWER, /* the deadline came, or the budget for retries is spent: TEMPORARY or in doubt */
    DYNAMODB_ANSWERED,  /* 200 with a JSON object */
    DYNAMODB_CONDITION, /* ConditionalCheckFailed */
    DYNAMODB_CANCELED,  /* TransactionCanceled with a ConditionalCheckFailed among its reasons */
    DYNAMODB_NOT_FOUND, /* ResourceNotFound: no such table */
    DYNAMODB_IN_USE,    /* ResourceInUse: there already, or being made */
    DYNAMODB_DENIED,    /* no right to it */
    DYNAMODB_STRANGER,  /* no credentials, or none that are accepted */
    DYNAMODB_INVALID,   /* ValidationException, UnknownOperation, and their like */
    DYNAMODB_OUT_OF_MEMORY
};

struct dynamodb_client;
/* One request, resent with the same body until it is answered. The caller owns it and its body from `send` until `done`. */
struct dynamodb_request {
    enum dynamodb_action action;
    const char *body;
    size_t body_bytes;
    unsigned items; /* that it writes, or would if its conditions held: for counting units. 0 when it only reads */
    void (*done)(struct dynamodb_request *request); /* from footfall__dynamodb_pump; may send others */
    void *user;
    /* answers */
    enum dynamodb_answer answer;
    json_t *reply; /* an object, or NULL; `done` may keep it with json_incref */
    int sent;      /* an attempt was made, of this or an earlier `send` */
    int doubt; /* an attempt ended so that it may have been carried out, or still may; 0 and sent: each was refused */
    char why[200]; /* one line about its last fault */
    /* the client's own; all zero before the first `send` */
    struct dynamodb_request *next;
    int64_t not_before_ms;
    unsigned failures;
    int signed_again, renewed;
};

struct dynamodb_client_options { /* settings; NULL: not set */
    struct dynamodb_chain_options chain;
    const char *endpoint;
    int capacity; /* ask for consumed capacity and count it */
};
struct dynamodb_usage {                          /* since the client was made; read from any thread */
    _Atomic uint64_t requests[DYNAMODB_ACTIONS]; /* attempts */
    _Atomic uint64_t retries, throttles, connects;
    _Atomic uint64_t read_units_x2, write_units; /* halves; counted only when capacity is on */
};
/* No I/O. 0, CONFIG, NO_MEMORY. */
int footfall__dynamodb_client_new(struct dynamodb_client **out, const struct dynamodb_client_options *options,
                                  struct footfall_store_call *call);
/* inherited: nothing is sent on connections that another process uses. NULL is fine. */
void footfall__dynamodb_client_free(struct dynamodb_client *client, int inherited);
struct dynamodb_usage *footfall__dynamodb_usage(struct dynamodb_client *client);
int footfall__dynamodb_capacity(const struct dynamodb_client *client);
const char *footfall__dynamodb_client_region(const struct dynamodb_client *client);
/* UTC by the service's clock, as far as its replies told: the host's, corrected. Milliseconds, good to a second or so. */
int64_t footfall__dynamodb_now_ms(const struct dynamodb_client *client);

/* Queues a request. Once sent, it may be sent again after `done`: `sent`, `doubt` and the backoff go on. */
void footfall__dynamodb_send(struct dynamodb_client *client, struct dynamodb_request *request);
/* Of a request just queued: not at once, somewhat later. */
void footfall__dynamodb_delay(struct dynamodb_client *client, struct dynamodb_request *request);
/* Works until every request that was queued, also by `done`, is done. None is under way afterwards. */
void footfall__dynamodb_pump(struct dynamodb_client *client, struct footfall_store_call *call);

/* body as text, to be freed with footfall__free; NULL: out of memory. */
char *footfall__dynamodb_text(const json_t *body, size_t *bytes);

/* One request that may be repeated at will (a read, an idempotent write): its answer, *reply (may be NULL) to be decref'd by
 * the caller when DYNAMODB_ANSWERED. Takes over body; NULL: out of memory. The call's text says what went wrong. */
enum dynamodb_answer footfall__dynamodb_ask(struct dynamodb_client *client, enum dynamodb_action action, json_t *body,
                                            json_t **reply, struct footfall_store_call *call);
/* Several of one action at once, replies not wanted: the first answer that is neither ANSWERED nor CONDITION, else ANSWERED.
 * Takes over the bodies. */
enum dynamodb_answer footfall__dynamodb_ask_all(struct dynamodb_client *client, enum dynamodb_action action,
                                                json_t *const *bodies, size_t count, struct footfall_store_call *call);
/* What an answer other than ANSWERED means for a call that changes nothing or may be repeated: TEMPORARY, BROKEN, NO_MEMORY;
 * with a text when there is none yet. */
int footfall__dynamodb_status(enum dynamodb_answer answer, enum dynamodb_action action, const char *table,
                              struct footfall_store_call *call);
#endif
