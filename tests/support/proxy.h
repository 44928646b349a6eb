/* proxy.h: a proxy that stands between a client under test and a real server, and makes faults. It cuts both byte streams
 * into whole messages, loses, delays, repeats or breaks off the chosen ones, and counts exactly what it did. One thread of the
 * test's process serves every connection, from any number of processes. */
#ifndef SUPPORT_PROXY_H
#define SUPPORT_PROXY_H
#include <stddef.h>
#include <stdint.h>

/* What can happen to one request. Everything happens in its turn: replies of earlier requests of the connection are awaited and
 * passed on first (but see lose_earlier). A fault marked "ends" is the last thing of its connection: the client's later requests
 * are thrown away unseen. "Reset" is an RST both ways; on a Unix socket, which knows none, the connection is closed. */
enum support_proxy_fault {
    SUPPORT_PROXY_NONE,
    SUPPORT_PROXY_DROP_REQUEST, /* ends: never forwarded, no reply; the connection stays open, mute */
    SUPPORT_PROXY_RESET_BEFORE, /* ends: never forwarded, reset */
    SUPPORT_PROXY_CUT_REQUEST,  /* ends: the first half of its bytes is forwarded, then reset */
    SUPPORT_PROXY_RESET_AFTER,  /* ends: forwarded, the whole reply awaited and thrown away, then reset */
    SUPPORT_PROXY_DROP_REPLY,   /* ends: forwarded, the reply swallowed; the connection stays open, mute */
    SUPPORT_PROXY_CUT_REPLY,    /* ends: forwarded, the first half of the whole reply is passed on, then reset */
    SUPPORT_PROXY_DELAY, /* forwarded delay_ms later, and what follows it after it; also if the client leaves meanwhile */
    SUPPORT_PROXY_LATE_COPY, /* ends: the client is reset; forwarded delay_ms later over the upstream connection, kept for it */
    SUPPORT_PROXY_REPEAT,        /* forwarded twice; the second reply is swallowed */
    SUPPORT_PROXY_TRICKLE,       /* forwarded; of the reply a byte is passed on every trickle_ms */
    SUPPORT_PROXY_SILENT,        /* ends: not forwarded; nothing is read or sent any more, the connection stays open */
    SUPPORT_PROXY_ANSWER_BEFORE, /* never forwarded: the plan's answer is sent instead of a reply */
    SUPPORT_PROXY_ANSWER_AFTER,  /* forwarded, the whole reply awaited; the plan's answer is sent in its place */
    SUPPORT_PROXY_FAULTS         /* how many */
};

/* A protocol. Lengths of the first whole message in these bytes, or one of: */
enum {
    SUPPORT_PROXY_PARTIAL = 0, /* not complete yet */
    SUPPORT_PROXY_BROKEN = -1, /* no message of this protocol: the connection is reset, and counted as broken */
    SUPPORT_PROXY_TO_END = -2  /* replies: goes on until the server closes */
};
struct support_proxy_framing {
    int64_t (*request_bytes)(const void *at, size_t count);
    int64_t (*reply_bytes)(const void *at, size_t count, int note);
    int (*note)(const void *request,
                size_t bytes); /* what the reply's framing must know of its request; may be NULL: 0 */
};
/* Redis: requests are arrays of bulk strings, replies RESP2 and RESP3 (no pushes outside of a reply). */
extern const struct support_proxy_framing support_proxy_redis;
/* HTTP/1.x: Content-Length, chunked, to the end of the connection; 1xx is part of the reply that follows it. A request goes out
 * whole: who waits for "100 Continue" before sending a body waits in vain. */
extern const struct support_proxy_framing support_proxy_http;

/* What a client is sent in the place of a reply. */
enum support_proxy_then {                          /* afterwards the connection */
                          SUPPORT_PROXY_GOES_ON,   /* is as any */
                          SUPPORT_PROXY_CLOSES,    /* ends, in an orderly way; as a fault that "ends" */
                          SUPPORT_PROXY_STAYS_MUTE /* ends so too, but stays open */
};
struct support_proxy_answer {
    void *bytes; /* allocated; the proxy frees them */
    size_t count;
    enum support_proxy_then then;
};
/* All of it is called in the proxy's thread, under its lock. */
struct support_proxy_answers {
    /* When a request meets ANSWER_BEFORE or ANSWER_AFTER: what it is to be answered with, a number for `make`. random: to be
     * handed to support_random_below. */
    int (*pick)(const void *request, size_t bytes, enum support_proxy_fault fault, uint64_t *random, void *user);
    /* When its turn has come. reply: the server's, whole, for ANSWER_AFTER; else NULL. */
    struct support_proxy_answer (*make)(int picked, const void *reply, size_t bytes, void *user);
    void *user;
};

struct support_proxy_step {
    uint64_t nth; /* of the matching requests since the plan was set, from 1 */
    enum support_proxy_fault fault;
};
struct support_proxy_plan {
    /* Which requests are counted as matching and may meet a fault; NULL: all. Called in the proxy's thread, under its lock. */
    int (*matches)(const void *request, size_t bytes, void *user);
    void *user;
    const struct support_proxy_step *script; /* copied */
    size_t script_count;
    unsigned permille[SUPPORT_PROXY_FAULTS]; /* chances of what the script leaves alone; 1000 together at most */
    uint64_t seed;
    int64_t delay_ms, trickle_ms;
    int64_t late_ms; /* late copies go out between delay_ms and this later, by chance; 0: after delay_ms */
    const struct support_proxy_answers *answers; /* lives until the proxy stops; needed for ANSWER_ faults */
    int lose_earlier; /* a fault that ends loses replies of earlier requests that are still out: thrown away as they come */
};

struct support_proxy_counts {
    uint64_t connections; /* accepted */
    uint64_t requests;    /* whole ones read of clients */
    uint64_t matching;
    uint64_t by_fault[SUPPORT_PROXY_FAULTS]; /* what was chosen for the matching ones, NONE included */
    uint64_t forwarded; /* whole ones sent to the server: with both copies of REPEAT, and late ones when they go out */
    uint64_t replies;   /* passed on: the last byte is in the client's socket */
    uint64_t
        lost_after; /* whole replies the server gave and the client did not get, whatever the reason; ANSWER_AFTER's too */
    uint64_t late_delivered; /* late copies that the server has answered */
    uint64_t repeated;       /* second replies swallowed */
    uint64_t answered;       /* answers of the plan's own making that were passed on */
    uint64_t broken;         /* connections ended because of bytes that are no message */
};

struct support_proxy_address { /* path: a Unix socket; NULL: TCP on 127.0.0.1 */
    const char *path;
    uint16_t port; /* to listen on: 0, any free one */
};
struct support_proxy;

/* What cannot work (no port, no thread) ends the process. Addresses are copied; a path to listen on must not be in use. */
struct support_proxy *support_proxy_start(const struct support_proxy_framing *framing,
                                          struct support_proxy_address listen_at,
                                          struct support_proxy_address upstream);
/* Resets what is left, ends the thread, frees; NULL is fine. */
void support_proxy_stop(struct support_proxy *proxy);
uint16_t support_proxy_port(const struct support_proxy *proxy);

/* The functions below may be called by any thread at any time, but not by `matches`. */

/* From now on this plan (NULL: no faults), with counts that start at 0. Requests already read keep what was chosen for them. */
void support_proxy_plan(struct support_proxy *proxy, const struct support_proxy_plan *plan);
/* Ends all clients' connections before it returns, also those not accepted yet: by RST, or orderly if reset is 0. Requests not
 * forwarded yet are dropped; the replies of those that were, and late copies, are awaited upstream and counted. */
void support_proxy_cut_all(struct support_proxy *proxy, int reset);
/* 1: new connections are refused, as if no server ran; present ones go on. 0: accepted again, at the same address. */
void support_proxy_refuse(struct support_proxy *proxy, int refuse);
struct support_proxy_counts support_proxy_counts(struct support_proxy *proxy);
/* Waits until nothing is under way: no request delayed, no late copy, no reply awaited or unsent. 0, or 1 when the time
 * (support_now_ns) has come. */
int support_proxy_settle(struct support_proxy *proxy, int64_t until_ns);
/* "RESET_AFTER" */
const char *support_proxy_fault_name(enum support_proxy_fault fault);
#endif
