/* headers.c: takes a request's header over from libmicrohttpd, which is lenient: it forgets what stands behind a NUL, and makes of
 * a line that goes on in the next one a header of another name. A proxy in front may read such a header differently, and take
 * for a body what is a request here. So a header counts only when it is, as it is told, all that has come. */
#include "server.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct taken {
    struct footfall_web_header *headers;
    size_t count, room;
    const char *end; /* of what has been told, in libmicrohttpd's buffer: a NUL where the line ended */
    int is_wrong;
    int lengths, encodings; /* how often the body's were there */
    const char *length, *encoding;
};

/* From there on comes the end of a line, which libmicrohttpd makes one NUL or two, and then this. */
static int follows(const char *end, const char *next)
{
    return next == end + 1 || (next == end + 2 && end[1] == '\0');
}

static int is_name(const char *name, size_t bytes)
{
    static const char letters[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return bytes > 0 && strspn(name, letters) == bytes;
}

static int is_value(const char *value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (((unsigned char)value[i] < ' ' && value[i] != '\t') || value[i] == 0x7f)
            return 0;
    return 1;
}

/* Between name and value stood a colon, which is a NUL now, and perhaps blanks. */
static int belong_together(const char *name_end, const char *value)
{
    return value > name_end && strspn(name_end + 1, " \t") == (size_t)(value - name_end - 1);
}

static enum MHD_Result take(void *user, enum MHD_ValueKind kind, const char *name, size_t name_bytes, const char *value,
                            size_t value_bytes)
{
    struct taken *all = user;
    (void)kind;
    if (value == NULL || !follows(all->end, name) || !is_name(name, name_bytes) ||
        !belong_together(name + name_bytes, value) || !is_value(value, value_bytes)) {
        all->is_wrong = 1;
        return MHD_NO;
    }
    all->end = value + value_bytes;
    if (all->count < all->room)
        all->headers[all->count] = (struct footfall_web_header){ name, value };
    all->count++;
    if (strcasecmp(name, "Content-Length") == 0) {
        all->lengths++;
        all->length = value;
    } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
        all->encodings++;
        all->encoding = value;
    }
    return MHD_YES;
}

static void take_all(struct footfall_serve_connection *c, struct taken *all, const char *version)
{
    all->count = 0;
    all->lengths = all->encodings = 0;
    all->end = version + strlen(version);
    MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, take, all);
}

/* The empty line, and nothing more. */
static int ends_there(const struct taken *all, const struct footfall_serve_connection *c, const char *method)
{
    const union MHD_ConnectionInfo *known = MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    const char *end = known != NULL ? method + known->header_size : NULL;
    return end != NULL && end > all->end && (follows(all->end, end - 1) || follows(all->end, end - 2));
}

/* Where the body ends must be beyond doubt. */
static int is_doubtful(const struct taken *all)
{
    return all->lengths + all->encodings > 1 || (all->encodings == 1 && strcasecmp(all->encoding, "chunked") != 0);
}

/* libmicrohttpd notes every line and every cookie, copies the cookies, and writes the answer's header, all in the connection's
 * memory. What leaves no room for the answer ends here, before it counts: the connection would end then. */
static int leaves_room(const struct taken *all, const struct footfall_serve_connection *c)
{
    enum { NOTE_BYTES = 64, ANSWER_BYTES = 1024 };
    const union MHD_ConnectionInfo *known = MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    size_t bytes = known != NULL ? known->header_size : 0;
    for (size_t i = 0; i < all->count; i++) {
        const char *cookie = strcasecmp(all->headers[i].name, "Cookie") == 0 ? all->headers[i].value : NULL;
        bytes += NOTE_BYTES + (cookie != NULL ? strlen(cookie) : 0);
        for (; cookie != NULL; cookie = *cookie != '\0' ? strchr(cookie + 1, ';') : NULL)
            bytes += NOTE_BYTES;
    }
    return bytes + ANSWER_BYTES <= footfall__serve_memory(c->loop->server->settings.header_bytes);
}

int footfall__serve_take_headers(struct footfall_serve_connection *c, const char *method, const char *version)
{
    struct footfall_serve_request *r = &c->request;
    struct taken all = { .headers = r->few, .room = FOOTFALL_SERVE_HEADERS };
    take_all(c, &all, version);
    if (!all.is_wrong && all.count > all.room) {
        r->many = calloc(all.count, sizeof *r->many);
        if (r->many == NULL)
            return -1;
        all.headers = r->many;
        all.room = all.count;
        take_all(c, &all, version);
    }
    if (!all.is_wrong && !leaves_room(&all, c))
        return -1;
    r->asked.headers = all.headers;
    r->asked.header_count = all.count < all.room ? all.count : all.room;
    r->length = all.length != NULL ? strtoull(all.length, NULL, 10) : 0;
    r->is_malformed = all.is_wrong || !ends_there(&all, c, method) || is_doubtful(&all);
    return 0;
}
