/* proxy_link.c: one connection through the proxy (proxy_link.h): cuts both streams into messages, makes the faults, counts what
 * came of them. Whatever happens to a client happens where its turn is in the queue of what is due to it. */
#include "proxy_link.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "process.h"

enum { MOST_UNSENT = 1 << 20, AGAIN_NS = 1000000 };

static int is_passed_on(int what)
{
    return what == SUPPORT_PROXY_NONE || what == SUPPORT_PROXY_TRICKLE;
}

static int needs_reply(int what)
{
    return is_passed_on(what) || what == SUPPORT_PROXY_RESET_AFTER || what == SUPPORT_PROXY_DROP_REPLY ||
           what == SUPPORT_PROXY_CUT_REPLY || what == SUPPORT_PROXY_ANSWER_AFTER || what == PROXY_LOSE ||
           what == PROXY_SECOND || what == PROXY_LATE;
}

static void add_due(struct proxy_link *link, int what, int note)
{
    if (link->dues == link->due_room && link->told > link->dues / 2) {
        memmove(link->due, link->due + link->told, (link->dues - link->told) * sizeof *link->due);
        link->answered -= link->told;
        link->dues -= link->told;
        link->told = 0;
    } else if (link->dues == link->due_room) {
        link->due_room = link->due_room * 2 + 64;
        link->due = realloc(link->due, link->due_room * sizeof *link->due);
        if (link->due == NULL)
            support_die("proxy: realloc");
    }
    link->due[link->dues++] = (struct proxy_due){ .what = what, .note = note };
}

static void drop_requests(struct proxy_link *link)
{
    link->held_from_ns = 0;
    proxy_buffer_take(&link->requests, link->requests.count);
}

static void client_gone(struct proxy_core *core, struct proxy_link *link, enum proxy_end how)
{
    proxy_socket_end(&link->client, how);
    link->end = PROXY_OPEN;
    link->end_from_ns = 0;
    link->trickle_end = 0;
    for (; link->told < link->answered; link->told++)
        core->counts.lost_after += link->due[link->told].end > link->sent && is_passed_on(link->due[link->told].what);
    proxy_buffer_take(&link->to_client, link->to_client.count);
}

static void to_client(struct proxy_link *link, const void *bytes, size_t count)
{
    if (link->client < 0)
        return;
    proxy_buffer_add(&link->to_client, bytes, count);
    link->queued += count;
}

/* The plan's own words, as the client's reply. What has been read after a request whose answer ends the connection is lost. */
static void answer_otherwise(struct proxy_link *link, struct proxy_due *due, size_t bytes)
{
    struct support_proxy_answer own =
        due->answers->make(due->picked, bytes > 0 ? proxy_buffer_at(&link->replies) : NULL, bytes, due->answers->user);
    const int is_over = link->client < 0 || link->end != PROXY_OPEN || link->mute;
    if (!is_over)
        to_client(link, own.bytes, own.count);
    free(own.bytes);
    due->end = is_over ? 0 : link->queued;
    if (is_over || own.then == SUPPORT_PROXY_GOES_ON)
        return;
    link->mute = own.then == SUPPORT_PROXY_STAYS_MUTE;
    link->end = link->mute ? link->end : PROXY_CLOSE;
    link->reading = PROXY_SWALLOWS;
    for (size_t i = link->answered; i < link->dues; i++)
        if (is_passed_on(link->due[i].what))
            link->due[i].what = PROXY_LOSE;
}

static void answer(struct proxy_core *core, struct proxy_link *link, struct proxy_due *due, size_t bytes)
{
    const unsigned char *reply = proxy_buffer_at(&link->replies);
    const int is_lost = link->client < 0 || !is_passed_on(due->what);
    switch (due->what) {
    case PROXY_SECOND:
        core->counts.repeated++;
        return;
    case PROXY_LATE:
        core->counts.late_delivered++;
        return;
    case SUPPORT_PROXY_DROP_REQUEST:
    case SUPPORT_PROXY_DROP_REPLY:
    case SUPPORT_PROXY_SILENT:
        link->mute = 1;
        break;
    case SUPPORT_PROXY_CUT_REPLY:
        to_client(link, reply, bytes / 2);
        link->end = PROXY_RESET;
        break;
    case SUPPORT_PROXY_NONE:
    case SUPPORT_PROXY_TRICKLE:
        if (is_lost)
            break;
        link->trickle_begin = link->queued;
        to_client(link, reply, bytes);
        due->end = link->queued;
        link->trickle_end = due->what == SUPPORT_PROXY_TRICKLE ? link->queued : 0;
        link->trickle_from_ns = 0;
        break;
    case SUPPORT_PROXY_ANSWER_BEFORE:
    case SUPPORT_PROXY_ANSWER_AFTER:
        answer_otherwise(link, due, bytes);
        break;
    default:
        link->end = due->what == PROXY_LOSE ? link->end : PROXY_RESET;
    }
    core->counts.lost_after += is_lost && needs_reply(due->what);
}

static void server_gone(struct proxy_core *core, struct proxy_link *link, enum proxy_end how);

/* The first of what is due: the bytes of its reply, 0 when it needs none; -1: not yet. */
static int64_t turn(struct proxy_core *core, struct proxy_link *link, int is_ended)
{
    const struct proxy_due *due = &link->due[link->answered];
    const struct proxy_buffer *replies = &link->replies;
    int64_t bytes = 0;
    if (!needs_reply(due->what))
        return due->what == SUPPORT_PROXY_CUT_REQUEST && link->to_server.count > 0 ? -1 : 0;
    if (replies->count == 0)
        return -1;
    bytes = core->framing->reply_bytes(proxy_buffer_at(replies), replies->count, due->note);
    if (bytes == SUPPORT_PROXY_TO_END && is_ended)
        return (int64_t)replies->count;
    if (bytes == SUPPORT_PROXY_BROKEN) {
        core->counts.broken++;
        proxy_buffer_take(&link->replies, link->replies.count);
        link->dues = link->answered;
        server_gone(core, link, PROXY_RESET);
    }
    return bytes > 0 ? bytes : -1;
}

static void take_replies(struct proxy_core *core, struct proxy_link *link, int is_ended)
{
    while (link->answered < link->dues && link->trickle_end == 0) {
        const int64_t bytes = turn(core, link, is_ended);
        if (bytes < 0)
            return;
        answer(core, link, &link->due[link->answered++], (size_t)bytes);
        proxy_buffer_take(&link->replies, (size_t)bytes);
    }
    if (link->answered < link->dues)
        return;
    /* What no request has asked for, say "too many clients". */
    if (!link->mute && link->end == PROXY_OPEN && link->trickle_end == 0)
        to_client(link, proxy_buffer_at(&link->replies), link->replies.count);
    if (link->trickle_end == 0)
        proxy_buffer_take(&link->replies, link->replies.count);
}

static void server_gone(struct proxy_core *core, struct proxy_link *link, enum proxy_end how)
{
    take_replies(core, link, 1);
    if (link->answered < link->dues && is_passed_on(link->due[link->answered].what) && !link->mute)
        to_client(link, proxy_buffer_at(&link->replies), link->replies.count);
    proxy_socket_end(&link->server, PROXY_RESET);
    link->connecting = 0;
    link->dues = link->answered;
    link->late_from_ns = 0;
    if (link->end == PROXY_OPEN && !link->mute)
        link->end = how;
    if (link->reading == PROXY_READS)
        link->reading = PROXY_SWALLOWS;
    drop_requests(link);
    proxy_buffer_take(&link->to_server, link->to_server.count);
}

static void forward(struct proxy_core *core, struct proxy_link *link, const void *request, size_t bytes, int what)
{
    core->counts.forwarded++;
    proxy_buffer_add(&link->to_server, request, bytes);
    add_due(link, what, core->framing->note != NULL ? core->framing->note(request, bytes) : 0);
}

static void promise_answer(struct proxy_core *core, struct proxy_link *link, const void *request, size_t bytes,
                           int fault)
{
    const struct support_proxy_answers *answers = core->plan.answers;
    struct proxy_due *due = NULL;
    if (answers == NULL)
        support_die("proxy: no answers");
    if (fault == SUPPORT_PROXY_ANSWER_AFTER)
        forward(core, link, request, bytes, fault);
    else
        add_due(link, fault, 0);
    due = &link->due[link->dues - 1];
    due->answers = answers;
    due->picked = answers->pick(request, bytes, (enum support_proxy_fault)fault, &core->random, answers->user);
}

/* What ends the link is the last that is due. */
static void end_requests(struct proxy_core *core, struct proxy_link *link, int what)
{
    link->reading = what == SUPPORT_PROXY_SILENT ? PROXY_FROZEN : PROXY_SWALLOWS;
    for (size_t i = link->answered; core->plan.lose_earlier && i + 1 < link->dues; i++)
        if (is_passed_on(link->due[i].what))
            link->due[i].what = PROXY_LOSE;
}

static int64_t late_after_ms(struct proxy_core *core)
{
    const int64_t most = core->plan.late_ms - core->plan.delay_ms;
    return core->plan.delay_ms + (most > 0 ? (int64_t)support_random_below(&core->random, (uint64_t)most + 1) : 0);
}

static void meet(struct proxy_core *core, struct proxy_link *link, const void *request, size_t bytes, int fault)
{
    switch (fault) {
    case SUPPORT_PROXY_NONE:
    case SUPPORT_PROXY_TRICKLE:
        forward(core, link, request, bytes, fault);
        return;
    case SUPPORT_PROXY_REPEAT:
        forward(core, link, request, bytes, SUPPORT_PROXY_NONE);
        forward(core, link, request, bytes, PROXY_SECOND);
        return;
    case SUPPORT_PROXY_ANSWER_BEFORE:
    case SUPPORT_PROXY_ANSWER_AFTER:
        promise_answer(core, link, request, bytes, fault);
        return;
    case SUPPORT_PROXY_RESET_AFTER:
    case SUPPORT_PROXY_DROP_REPLY:
    case SUPPORT_PROXY_CUT_REPLY:
        forward(core, link, request, bytes, fault);
        break;
    case SUPPORT_PROXY_CUT_REQUEST:
        proxy_buffer_add(&link->to_server, request, bytes / 2);
        add_due(link, fault, 0);
        break;
    case SUPPORT_PROXY_LATE_COPY:
        proxy_buffer_add(&link->late, request, bytes);
        link->late_from_ns = support_now_ns() + late_after_ms(core) * 1000000;
        add_due(link, fault, 0);
        break;
    default:
        add_due(link, fault, 0);
    }
    end_requests(core, link, fault);
}

static void take_requests(struct proxy_core *core, struct proxy_link *link, int64_t now_ns)
{
    while (link->reading == PROXY_READS && link->requests.count > 0 && link->held_from_ns <= now_ns) {
        const unsigned char *request = proxy_buffer_at(&link->requests);
        const int64_t bytes = core->framing->request_bytes(request, link->requests.count);
        int fault = SUPPORT_PROXY_NONE;
        if (bytes == SUPPORT_PROXY_PARTIAL)
            return;
        if (bytes < 0) {
            core->counts.broken++;
            meet(core, link, request, 0, PROXY_BROKEN);
            break;
        }
        if (link->held_from_ns == 0)
            fault = (int)proxy_choose(core, request, (size_t)bytes);
        link->held_from_ns = fault == SUPPORT_PROXY_DELAY ? now_ns + core->plan.delay_ms * 1000000 : 0;
        if (fault == SUPPORT_PROXY_DELAY)
            continue;
        meet(core, link, request, (size_t)bytes, fault);
        proxy_buffer_take(&link->requests, (size_t)bytes);
    }
    if (link->reading != PROXY_READS)
        drop_requests(link);
}

static void take_late(struct proxy_core *core, struct proxy_link *link, int64_t now_ns)
{
    if (link->late_from_ns == 0 || link->client >= 0 || link->late_from_ns > now_ns)
        return;
    link->late_from_ns = 0;
    forward(core, link, proxy_buffer_at(&link->late), link->late.count, PROXY_LATE);
}

/* How much may be sent now. */
static size_t may_send(const struct proxy_link *link, int64_t now_ns)
{
    if (link->trickle_end == 0)
        return link->to_client.count;
    if (link->sent < link->trickle_begin)
        return (size_t)(link->trickle_begin - link->sent);
    return link->trickle_from_ns <= now_ns ? 1 : 0;
}

/* 1: a trickle is over, what came after it can go on. */
static int send_client(struct proxy_core *core, struct proxy_link *link, int64_t now_ns)
{
    const uint64_t trickle_end = link->trickle_end;
    ssize_t put = 1;
    while (link->client >= 0 && put > 0) {
        put = proxy_buffer_send(&link->to_client, link->client, may_send(link, now_ns));
        if (put < 0) {
            client_gone(core, link, PROXY_RESET);
            break;
        }
        link->sent += (size_t)put;
        if (link->trickle_end != 0 && link->sent > link->trickle_begin && put > 0)
            link->trickle_from_ns = now_ns + core->plan.trickle_ms * 1000000;
        else if (link->trickle_end != 0 && link->trickle_from_ns <= now_ns && link->to_client.count > 0 && put == 0)
            link->trickle_from_ns = now_ns + AGAIN_NS;
        if (link->sent == link->trickle_end)
            link->trickle_end = 0;
    }
    for (; link->told < link->answered && link->due[link->told].end <= link->sent; link->told++)
        if (link->due[link->told].end > 0 && is_passed_on(link->due[link->told].what))
            core->counts.replies++;
        else if (link->due[link->told].end > 0)
            core->counts.answered++;
    if (link->told == link->dues)
        link->told = link->answered = link->dues = 0;
    return trickle_end != 0 && link->trickle_end == 0;
}

static void end_client(struct proxy_core *core, struct proxy_link *link, int64_t now_ns)
{
    link->end_from_ns = 0;
    if (link->client < 0 || link->end == PROXY_OPEN || link->to_client.count > 0)
        return;
    if (proxy_socket_holds(link->client) || (link->server >= 0 && proxy_socket_holds(link->server)))
        link->end_from_ns = now_ns + AGAIN_NS;
    else
        client_gone(core, link, link->end);
}

static void from_client(struct proxy_core *core, struct proxy_link *link)
{
    const ssize_t got = link->reading == PROXY_FROZEN ? -1 : proxy_buffer_recv(&link->requests, link->client);
    if (got < 0)
        client_gone(core, link, PROXY_CLOSE);
}

static void from_server(struct proxy_core *core, struct proxy_link *link)
{
    int error = 0;
    socklen_t bytes = sizeof error;
    ssize_t got = 0;
    if (link->connecting) {
        link->connecting = 0;
        if (getsockopt(link->server, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0 || error != 0)
            server_gone(core, link, PROXY_RESET);
        return;
    }
    got = proxy_buffer_recv(&link->replies, link->server);
    if (got < 0)
        server_gone(core, link, got == -1 ? PROXY_CLOSE : PROXY_RESET);
}

int proxy_link_step(struct proxy_core *core, struct proxy_link *link, short client, short server)
{
    const int64_t now_ns = support_now_ns();
    if ((client & ~POLLOUT) != 0 && link->client >= 0)
        from_client(core, link);
    if (((server & ~POLLOUT) != 0 || (link->connecting && server != 0)) && link->server >= 0 && link->trickle_end == 0)
        from_server(core, link);
    if (!link->connecting && link->server >= 0) {
        take_requests(core, link, now_ns);
        take_late(core, link, now_ns);
        /* What a server that broke off has said before comes first: its end is noticed when that has been read. */
        if (proxy_buffer_send(&link->to_server, link->server, link->to_server.count) < 0)
            proxy_buffer_take(&link->to_server, link->to_server.count);
    }
    do
        take_replies(core, link, 0);
    while (send_client(core, link, now_ns));
    end_client(core, link, now_ns);
    return link->client < 0 && !proxy_link_is_busy(link);
}

short proxy_link_client_events(const struct proxy_link *link, int64_t now_ns)
{
    short events = 0;
    if (link->client < 0 || link->connecting)
        return 0;
    if (link->reading == PROXY_FROZEN)
        events = POLLRDHUP;
    else if (link->reading == PROXY_SWALLOWS || (link->held_from_ns == 0 && link->to_server.count < MOST_UNSENT))
        events = POLLIN;
    if (link->to_client.count > 0 && may_send(link, now_ns) > 0)
        events |= POLLOUT;
    return events;
}

short proxy_link_server_events(const struct proxy_link *link)
{
    short events = 0;
    if (link->server < 0 || link->connecting)
        return link->server < 0 ? 0 : POLLOUT;
    if (link->trickle_end == 0 && link->to_client.count < MOST_UNSENT)
        events = POLLIN;
    if (link->to_server.count > 0)
        events |= POLLOUT;
    return events;
}

int64_t proxy_link_wakes_ns(const struct proxy_link *link)
{
    const int64_t times[] = { link->held_from_ns, link->client < 0 ? link->late_from_ns : 0, link->end_from_ns,
                              link->trickle_end != 0 && link->sent >= link->trickle_begin ? link->trickle_from_ns : 0 };
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        if (times[i] != 0 && times[i] < first)
            first = times[i];
    return first;
}

int proxy_link_is_busy(const struct proxy_link *link)
{
    const int is_upstream = link->connecting || link->held_from_ns != 0 || link->late_from_ns != 0 ||
                            link->to_server.count > 0 || link->answered < link->dues;
    return (link->server >= 0 && is_upstream) ||
           (link->client >= 0 && (link->told < link->dues || link->end != PROXY_OPEN));
}

void proxy_link_cut(struct proxy_core *core, struct proxy_link *link, int reset)
{
    if (link->client < 0)
        return;
    client_gone(core, link, reset ? PROXY_RESET : PROXY_CLOSE);
    if (link->reading == PROXY_READS)
        link->reading = PROXY_SWALLOWS;
    drop_requests(link);
}

void proxy_link_free(struct proxy_link *link)
{
    proxy_socket_end(&link->client, PROXY_RESET);
    proxy_socket_end(&link->server, PROXY_RESET);
    free(link->requests.room_at);
    free(link->to_server.room_at);
    free(link->replies.room_at);
    free(link->to_client.room_at);
    free(link->late.room_at);
    free(link->due);
    free(link);
}
