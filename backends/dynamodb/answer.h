/* answer.h: what one reply says of the attempt it answers. Pure functions, any thread. */
#ifndef FOOTFALL_DYNAMODB_ANSWER_H
#define FOOTFALL_DYNAMODB_ANSWER_H
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

enum dynamodb_verdict {
    DYNAMODB_IS_ANSWER,    /* 200: carried out */
    DYNAMODB_IS_CONDITION, /* a condition failed */
    DYNAMODB_IS_CANCELED,  /* a transaction in which at least one condition failed */
    DYNAMODB_IS_REFUSED,   /* not carried out, this once: a conflict with another writer */
    DYNAMODB_IS_THROTTLED, /* the same for want of capacity */
    DYNAMODB_IS_UNSIGNED,  /* not carried out: the clock or the signature is wrong */
    DYNAMODB_IS_STRANGER,  /* not carried out: the credentials are expired or unknown */
    DYNAMODB_IS_DOUBTFUL,  /* it may have been carried out, or may yet be */
    DYNAMODB_IS_NOT_FOUND, /* the rest: not carried out, and no use trying. No such table */
    DYNAMODB_IS_IN_USE,    /* the table is being made, changed or removed */
    DYNAMODB_IS_DENIED,
    DYNAMODB_IS_INVALID
};

struct dynamodb_raw { /* a reply as it came */
    long status;      /* of HTTP */
    const char *body;
    size_t body_bytes;
    int has_crc;
    uint32_t crc; /* x-amz-crc32: of the body's bytes */
};

/* *reply: the JSON object in the body, to be decref'd, or NULL when it holds none. why: one line about anything but an answer:
 * the error's name and its message. Whatever is not known is doubtful. */
enum dynamodb_verdict footfall__dynamodb_judge(const struct dynamodb_raw *raw, json_t **reply, char *why,
                                               size_t why_bytes);
#endif
