/* connection.c: sends what was appended and takes the replies, within the call's deadline and within limits. It never blocks in
 * the kernel but in poll. What the replies mean is the callers' business. */
#include "redis.h"

#include "clock.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 16384, WATCH_US = 200 };

struct exchange {
    struct redis_connection *c;
    size_t wanted, got;
    footfall__redis_reply *each;
    void *user;
    struct footfall_store_call *call;
    short wait; /* what TLS waits for beyond the plain */
};

void footfall__redis_cleanse(struct redis_connection *c)
{
    if (c->out.at != NULL && c->out.count == 0)
        OPENSSL_cleanse(c->out.at, c->out.room);
    if (c->reader != NULL && c->reader->buf != NULL && c->reader->pos == c->reader->len)
        OPENSSL_cleanse(c->reader->buf, sdsalloc(c->reader->buf));
}

void footfall__redis_hang_up(struct redis_connection *c)
{
    footfall__redis_tls_end(c->tls);
    c->tls = NULL;
    if (c->fd >= 0)
        (void)close(c->fd);
    c->fd = -1;
    if (c->reader != NULL)
        redisReaderFree(c->reader);
    c->reader = NULL;
    c->out.count = c->sent = 0;
    c->reply_bytes = 0;
}

static int failed(struct exchange *x, const char *what)
{
    (void)footfall__redis_fault(x->call, FOOTFALL_STORE_TEMPORARY, "%s", what);
    return -1;
}

static int failed_by(struct exchange *x, const char *what)
{
    char reason[64] = "";
    (void)footfall__redis_fault(x->call, FOOTFALL_STORE_TEMPORARY, "%s: %s", what,
                                strerror_r(errno, reason, sizeof(reason)));
    return -1;
}

/* As much of what is to be sent as the socket takes: 0, or -1. */
static int send_some(struct exchange *x)
{
    struct redis_connection *c = x->c;
    while (c->sent < c->out.count) {
        const char *from = c->out.at + c->sent;
        size_t left = c->out.count - c->sent;
        long gone = c->tls != NULL ? footfall__redis_tls_write(c->tls, from, left, &x->wait)
                                   : (long)send(c->fd, from, left, MSG_NOSIGNAL);
        if (gone < 0 && errno == EINTR)
            continue;
        if (gone < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : failed_by(x, "the connection to Redis broke");
        c->sent += (size_t)gone;
    }
    return 0;
}

static int take_replies(struct exchange *x)
{
    struct redis_connection *c = x->c;
    for (;;) {
        void *reply = NULL;
        if (redisReaderGetReply(c->reader, &reply) != REDIS_OK)
            return failed(x, "what the server says is not the Redis protocol");
        if (reply == NULL)
            return c->reply_bytes > REDIS_REPLY_BYTES ? failed(x, "a reply of Redis is too long") : 0;
        c->reply_bytes = c->reader->len - c->reader->pos;
        if (x->got == x->wanted) {
            freeReplyObject(reply);
            return failed(x, "Redis sent a reply that nobody asked for");
        }
        x->each(x->user, x->got++, (redisReply **)&reply);
        if (reply != NULL)
            freeReplyObject(reply);
    }
}

/* What has come: 0, or -1. */
static int receive_some(struct exchange *x)
{
    struct redis_connection *c = x->c;
    char bytes[READ_BYTES];
    for (;;) {
        long came = c->tls != NULL ? footfall__redis_tls_read(c->tls, bytes, sizeof(bytes), &x->wait)
                                   : (long)recv(c->fd, bytes, sizeof(bytes), 0);
        if (came < 0 && errno == EINTR)
            continue;
        if (came < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : failed_by(x, "the connection to Redis broke");
        if (came == 0)
            return failed(x, "Redis closed the connection");
        c->reply_bytes += (size_t)came;
        if (redisReaderFeed(c->reader, bytes, (size_t)came) != REDIS_OK)
            return failed(x, "a reply of Redis cannot be read");
        if (take_replies(x) != 0)
            return -1;
        if (x->got == x->wanted || (c->tls == NULL && (size_t)came < sizeof(bytes)))
            return 0;
    }
}

/* An answer that is due in less time than a sleep costs (a processor that went idle takes some 50 µs to wake) is watched for,
 * while whoever else can run has the processor. 1: something has come; 0: not yet; -1: the connection failed. */
static int watch(struct exchange *x, int64_t sent_us)
{
    const struct redis_connection *c = x->c;
    if (c->usual_us > WATCH_US)
        return 0;
    do {
        size_t got = x->got;
        size_t bytes = c->reply_bytes;
        if (receive_some(x) != 0)
            return -1;
        if (x->got > got || c->reply_bytes != bytes)
            return 1;
        (void)sched_yield();
    } while (footfall__boottime_us() - sent_us < 2 * c->usual_us);
    return 0;
}

static int await(struct exchange *x)
{
    const struct redis_connection *c = x->c;
    short events = (short)(POLLIN | x->wait);
    if (c->tls == NULL && c->sent < c->out.count)
        events |= POLLOUT;
    x->wait = 0;
    if ((c->tls == NULL || !footfall__redis_tls_pending(c->tls)) &&
        !footfall__redis_wait(c->fd, events, x->call->deadline_ms))
        return failed(x, "Redis did not answer in time");
    return receive_some(x);
}

static int run(struct exchange *x)
{
    struct redis_connection *c = x->c;
    int64_t sent_us = 0;
    while (x->got < x->wanted || c->sent < c->out.count) {
        int came = 0;
        if (footfall__boottime_ms() >= x->call->deadline_ms)
            return failed(x, "Redis did not answer in time");
        if (send_some(x) != 0)
            return -1;
        if (sent_us == 0 && c->sent == c->out.count) {
            sent_us = footfall__boottime_us();
            came = watch(x, sent_us);
        }
        if (came < 0 || (came == 0 && await(x) != 0))
            return -1;
    }
    c->usual_us += (footfall__boottime_us() - sent_us - c->usual_us) / 8;
    return 0;
}

size_t footfall__redis_exchange(struct redis_connection *c, size_t count, footfall__redis_reply *each, void *user,
                                struct footfall_store_call *call)
{
    struct exchange x = { c, count, 0, each, user, call, 0 };
    atomic_fetch_add_explicit(&c->round_trips, 1, memory_order_relaxed);
    if (run(&x) != 0) {
        size_t sent = c->sent;
        footfall__redis_hang_up(c);
        c->sent = sent;
        return x.got < count ? x.got : 0; /* something came after the last one: any of them may have been the stray */
    }
    c->out.count = c->sent = 0;
    return x.got;
}

static void keep_reply(void *user, size_t i, redisReply **reply)
{
    (void)i;
    *(redisReply **)user = *reply;
    *reply = NULL;
}

redisReply *footfall__redis_ask(struct redis_connection *c, struct footfall_store_call *call)
{
    redisReply *reply = NULL;
    if (footfall__redis_exchange(c, 1, keep_reply, &reply, call) != 1 && reply != NULL) {
        freeReplyObject(reply);
        reply = NULL;
    }
    return reply;
}
