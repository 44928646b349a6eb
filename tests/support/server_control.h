/* server_control.h: the C side of with_server.py's control socket, and streams to servers without any client library. Everything
 * fails the running process loudly (status 99). Any thread and any process may call these. */
#ifndef SUPPORT_SERVER_CONTROL_H
#define SUPPORT_SERVER_CONTROL_H
#include <stddef.h>
#include <stdio.h>

/* Has the life of the server behind this socket changed, and returns once that is done: see support_redis_control. */
void support_server_control(const char *path, const char *command);

/* A connection: what comes is read from the stream, what goes is sent by the next. fclose() it. */
FILE *support_dial_unix(const char *path);
FILE *support_dial_tcp(int port);
void support_send_all(FILE *stream, const char *bytes, size_t count);
/* A line without this end of it; free() it. */
char *support_read_line(FILE *stream, const char *end);
#endif
