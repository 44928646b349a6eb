/* http_constant.c: an HTTP server that answers one constant JSON to everything, to measure `footfall serve` against: the same
 * library, flags and threads, nothing behind it. Says where it listens on standard output and stays until standard input ends.
 *
 *     http_constant THREADS */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char body[] = "{\"counter\":\"main_page\",\"count\":123456,\"total_visits\":123456,\"unique_visitors\":61728,"
                     "\"is_new_visitor\":true}\n";

static enum MHD_Result answer(void *response, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_bytes, void **user)
{
    static int begun;
    (void)url, (void)method, (void)version, (void)upload;
    if (*user == NULL) {
        *user = &begun; /* the header is there; the answer is due when the body is, too */
        return MHD_YES;
    }
    if (*upload_bytes > 0) {
        *upload_bytes = 0;
        return MHD_YES;
    }
    return MHD_queue_response(connection, MHD_HTTP_OK, response);
}

int main(int argc, char **argv)
{
    const unsigned threads = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct sockaddr_in at = { .sin_family = AF_INET };
    struct MHD_Response *response = MHD_create_response_from_buffer(sizeof body - 1, body, MHD_RESPMEM_PERSISTENT);
    struct MHD_Daemon *daemon = NULL;
    const union MHD_DaemonInfo *bound = NULL;
    int status = 1;

    if (threads < 1 || threads > 64) {
        fprintf(stderr, "http_constant THREADS\n");
        status = 2;
        goto cleanup;
    }
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (response == NULL || MHD_add_response_header(response, "Content-Type", "application/json") != MHD_YES ||
        MHD_add_response_header(response, "Cache-Control", "no-store") != MHD_YES)
        goto cleanup;
    daemon = MHD_start_daemon(flags, 0, NULL, NULL, answer, response, MHD_OPTION_SOCK_ADDR, &at,
                              MHD_OPTION_THREAD_POOL_SIZE, threads > 1 ? threads : 0, MHD_OPTION_CONNECTION_LIMIT,
                              1024u, MHD_OPTION_CONNECTION_TIMEOUT, 60u, MHD_OPTION_END);
    if (daemon == NULL || (bound = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)) == NULL) {
        fprintf(stderr, "http_constant: the server did not start\n");
        goto cleanup;
    }
    printf("listening on http://127.0.0.1:%u/\n", bound->port);
    fflush(stdout);
    while (getchar() != EOF) {
    }
    status = 0;

cleanup:
    if (daemon != NULL)
        MHD_stop_daemon(daemon);
    if (response != NULL)
        MHD_destroy_response(response);
    return status;
}
