/* redis_control.h: the C side of with_redis.py, for programs that it runs: where their server is, killing and restarting it,
 * and commands to it that set up a test, without any client library. Everything fails the running process loudly (status 99).
 * Any thread and any process that the program starts may call these. */
#ifndef SUPPORT_REDIS_CONTROL_H
#define SUPPORT_REDIS_CONTROL_H
#include <sys/types.h>

/* What with_redis.py says in the environment; do not free. */
const char *support_redis_url(void);
int support_redis_port(void);           /* tcp, tls */
const char *support_redis_socket(void); /* unix */
const char *support_redis_ca(void);     /* tls: who signed the server's certificate */
const char *support_redis_bad_ca(void); /* tls: who did not */
/* Of the server that was started first: stale after start and restart. */
pid_t support_redis_pid(void);

/* Has the server's life changed, and returns once that is done: "kill" (SIGKILL), "stop" (SIGTERM), "start", "restart" (SIGKILL,
 * then start), "pause" (SIGSTOP), "resume" (SIGCONT). A server that starts keeps port, folder and what persistence saved; it
 * answers PING by then, or says that it is loading. kill and stop of one that does not run are fine; start of one that runs,
 * pause and resume of one that does not are errors. */
void support_redis_control(const char *command);

/* One command, its words up to a NULL, on a connection of its own, as the URL's user and in its database; not over TLS. Blocks
 * until the reply is there and returns it as text; free() it. Strings and integers as they are, an error as "-ERR …", nil as
 * "(nil)", the elements of an array with '\n' between them (nested ones flattened). */
char *support_redis_command(const char *first, ...) __attribute__((sentinel));
#endif
