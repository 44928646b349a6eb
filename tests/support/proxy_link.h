/* proxy_link.h: inside the proxy (proxy.h): one client's connection with the server's behind it. proxy.c polls and decides
 * which fault a request meets, proxy_link.c moves the bytes and makes the fault, proxy_bytes.c knows buffers and sockets. All of
 * it runs in the proxy's thread, under its lock. */
#ifndef SUPPORT_PROXY_LINK_H
#define SUPPORT_PROXY_LINK_H
#include "proxy.h"

#include <sys/socket.h>

struct proxy_buffer { /* grows at the end, is taken from the front; start with zeros, end with free(room_at) */
    unsigned char *room_at;
    size_t first, count, room;
};

enum {                                    /* what a reply is waited for beyond the faults */
       PROXY_LOSE = SUPPORT_PROXY_FAULTS, /* thrown away, because a later request's fault takes it along */
       PROXY_SECOND,                      /* of a REPEAT */
       PROXY_LATE,                        /* of a late copy: the last thing of a link */
       PROXY_BROKEN                       /* no reply: the client's bytes were no request */
};
struct
    proxy_due { /* a request that has had its turn, in their order; most wait for a reply, some only for those before them */
    int what; /* a fault, or one of the above */
    int note;
    int picked;                                  /* of an ANSWER_ fault, */
    const struct support_proxy_answers *answers; /* and by whom */
    uint64_t end; /* where its reply ends in the stream to the client, once answered; 0: has none there */
};

enum proxy_reading { PROXY_READS, PROXY_SWALLOWS, PROXY_FROZEN }; /* what becomes of the client's bytes */
enum proxy_end { PROXY_OPEN, PROXY_CLOSE, PROXY_RESET };

struct proxy_link {
    struct proxy_link *next;
    int client, server; /* -1: gone */
    int connecting;     /* to the server: nothing is read until that is done */
    enum proxy_reading reading;
    int mute;             /* 1: nothing is sent to the client any more */
    enum proxy_end end;   /* of the client, once it has everything that is on the way to it */
    int64_t end_from_ns;  /* when that is to be looked at again, 0: when there is something new */
    int64_t held_from_ns; /* 0, or when the first request waiting is forwarded: it has met DELAY */

    struct proxy_buffer requests, to_server, replies, to_client;
    uint64_t queued, sent; /* bytes ever put in to_client, and taken from it */

    struct proxy_due
        *due; /* [0, told): forgotten; [told, answered): the client has not got all of it; [answered, dues): waits */
    size_t told, answered, dues, due_room;

    struct proxy_buffer late; /* a late copy */
    int64_t late_from_ns;     /* 0: none */

    uint64_t trickle_end; /* the reply that trickles ends here in the stream, 0: none */
    uint64_t trickle_begin;
    int64_t trickle_from_ns;
};

/* What links need of their proxy. */
struct proxy_core {
    const struct support_proxy_framing *framing;
    struct support_proxy_plan plan;
    struct support_proxy_counts counts;
    uint64_t random;
};

/* Which fault a whole request meets; counts it. */
enum support_proxy_fault proxy_choose(struct proxy_core *core, const void *request, size_t bytes);

/* What to poll for; 0: nothing, not even errors. */
short proxy_link_client_events(const struct proxy_link *link, int64_t now_ns);
short proxy_link_server_events(const struct proxy_link *link);
/* When it wants to go on without an event, INT64_MAX: never. */
int64_t proxy_link_wakes_ns(const struct proxy_link *link);
/* Goes on after these events, as far as it can. 1: the link is over (proxy_link_free). */
int proxy_link_step(struct proxy_core *core, struct proxy_link *link, short client, short server);
/* The client is cut off; what was forwarded is awaited. */
void proxy_link_cut(struct proxy_core *core, struct proxy_link *link, int reset);
/* Whether something is under way that comes to an end by itself. */
int proxy_link_is_busy(const struct proxy_link *link);
/* Resets what is open. */
void proxy_link_free(struct proxy_link *link);

void proxy_buffer_add(struct proxy_buffer *buffer, const void *bytes, size_t count);
void proxy_buffer_take(struct proxy_buffer *buffer, size_t count);
const unsigned char *proxy_buffer_at(const struct proxy_buffer *buffer);
/* One recv to the end, one send from the front. What was moved; 0: the socket is not ready, -1: it is at its end, -2: error. */
ssize_t proxy_buffer_recv(struct proxy_buffer *buffer, int fd);
ssize_t proxy_buffer_send(struct proxy_buffer *buffer, int fd, size_t most);

struct proxy_socket { /* an address */
    union {
        struct sockaddr any;
        struct sockaddr_storage room;
    } at;
    socklen_t bytes;
};
void proxy_socket_address(struct proxy_socket *out, const struct support_proxy_address *address);
/* A new one, not blocking, closed by exec. */
int proxy_socket_open(const struct proxy_socket *address);
int proxy_socket_accept(int listener); /* the same; -1: nobody is there */
/* Whether bytes sent have yet to leave for the other side: they would be lost in a reset. */
int proxy_socket_holds(int fd);
/* Closes both directions and the descriptor; *fd becomes -1. Works although a fork may hold copies of it. */
void proxy_socket_end(int *fd, enum proxy_end how);
#endif
