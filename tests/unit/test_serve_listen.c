/* test_serve_listen.c: http.listen as text, and what is listened on: TCP, a Unix socket over a dead one and never over a living
 * one, and a socket that is handed over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "server.h"

static char folder[64];

static struct footfall_serve_place place_of(const char *text)
{
    struct footfall_serve_place place;
    struct footfall_error err;
    if (footfall__serve_place_read(&place, text, &err) != FOOTFALL_OK)
        fail_msg("%s: %s", text, err.text);
    return place;
}

static struct footfall_serve_place place_in_folder(const char *name)
{
    char text[128];
    snprintf(text, sizeof text, "unix:%s/%s", folder, name);
    return place_of(text);
}

static int mode_of(const char *path)
{
    struct stat found;
    return lstat(path, &found) == 0 && S_ISSOCK(found.st_mode) ? (int)(found.st_mode & 0777) : -1;
}

/* ---- text --------------------------------------------------------------------------------------------------------------- */

static void test_good(void **state)
{
    static const struct {
        const char *text;
        int family;
    } cases[] = { { "127.0.0.1:8080", AF_INET }, { "0.0.0.0:0", AF_INET },    { "255.255.255.255:65535", AF_INET },
                  { "[::]:80", AF_INET6 },       { "[::1]:00080", AF_INET6 }, { "[::ffff:192.0.2.1]:1", AF_INET6 },
                  { "[fe80::1%1]:1", AF_INET6 }, { "unix:/a", AF_UNIX },      { "unix:/a:80", AF_UNIX },
                  { "unix:/a b/c", AF_UNIX } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(place_of(cases[i].text).address.any.sa_family, cases[i].family);
    assert_int_equal(ntohs(((struct sockaddr_in *)&(struct footfall_serve_place){ 0 }.address.room)->sin_port), 0);
    {
        struct footfall_serve_place place = place_of("192.0.2.1:8081");
        const struct sockaddr_in *address = (const struct sockaddr_in *)&place.address.room;
        assert_int_equal(ntohs(address->sin_port), 8081);
        assert_int_equal(ntohl(address->sin_addr.s_addr), 0xc0000201);
    }
    assert_string_equal(place_of("unix:/a:80").address.local.sun_path, "/a:80");
}

static void test_bad(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = { { NULL, "no value" },
                  { "", "no value" },
                  { "8080", "no port" },
                  { ":8080", "no address" },
                  { "[]:8080", "no address" },
                  { "127.0.0.1", "no port" },
                  { "127.0.0.1:", "the port" },
                  { "127.0.0.1:x", "the port" },
                  { "127.0.0.1:-1", "the port" },
                  { "127.0.0.1: 1", "the port" },
                  { "127.0.0.1:65536", "the port" },
                  { "127.0.0.1:123456", "the port" },
                  { "127.1:80", "no address" },
                  { "0x7f.0.0.1:80", "no address" },
                  { "localhost:80", "no address" },
                  { "*:80", "no address" },
                  { "::1:80", "brackets" },
                  { "[::1:80", "not closed" },
                  { "[::1]80", "the port" },
                  { "[127.0.0.1]:80", "no address" },
                  { "[::1]x:80", "not closed" },
                  { "unix:", "does not begin" },
                  { "unix:a", "does not begin" },
                  { "unix:@a", "does not begin" },
                  { "unix:/a/", "a folder" },
                  { "UNIX:/a", "the port" } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct footfall_serve_place place;
        struct footfall_error err = { 0 };
        assert_int_equal(footfall__serve_place_read(&place, cases[i].text, &err), FOOTFALL_CONFIG);
        assert_int_equal(err.status, FOOTFALL_CONFIG);
        if (strstr(err.text, cases[i].why) == NULL || strncmp(err.text, "http.listen", 11) != 0)
            fail_msg("%s: %s", cases[i].text, err.text);
        assert_int_equal(footfall__serve_place_read(&place, cases[i].text, NULL), FOOTFALL_CONFIG);
    }
}

static void test_long_texts(void **state)
{
    char text[300];
    struct footfall_serve_place place;
    struct footfall_error err;
    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text, "unix:/", 6);
    text[5 + 107] = '\0';
    assert_int_equal(footfall__serve_place_read(&place, text, &err), FOOTFALL_OK);
    text[5 + 107] = 'a';
    text[5 + 108] = '\0';
    assert_int_equal(footfall__serve_place_read(&place, text, &err), FOOTFALL_CONFIG);
    assert_non_null(strstr(err.text, "107"));
    memset(text, '1', sizeof text);
    memcpy(text + sizeof text - 4, ":80", 4);
    assert_int_equal(footfall__serve_place_read(&place, text, &err), FOOTFALL_CONFIG);
}

/* ---- TCP ---------------------------------------------------------------------------------------------------------------- */

static void test_tcp(void **state)
{
    struct footfall_serve_place place = place_of("127.0.0.1:0"), same;
    struct footfall_serve_listener first, second;
    struct footfall_error err;
    char text[64];
    unsigned port = 0;
    (void)state;
    assert_int_equal(footfall__serve_listen(&first, &place, &err), FOOTFALL_OK);
    assert_false(first.is_unix);
    assert_int_equal(sscanf(first.where, "http://127.0.0.1:%u/", &port), 1);
    assert_int_not_equal(port, 0);
    snprintf(text, sizeof text, "127.0.0.1:%u", port);
    same = place_of(text);
    assert_int_equal(footfall__serve_listen(&second, &same, &err), FOOTFALL_BROKEN);
    assert_int_equal(second.fd, -1);
    assert_non_null(strstr(err.text, "in use"));
    footfall__serve_listen_end(&second);
    footfall__serve_listen_end(&first);
    assert_int_equal(first.fd, -1);
    assert_int_equal(footfall__serve_listen(&second, &same, &err), FOOTFALL_OK);
    footfall__serve_listen_end(&second);
}

/* ---- Unix sockets ------------------------------------------------------------------------------------------------------- */

static void test_unix(void **state)
{
    struct footfall_serve_place place = place_in_folder("socket");
    const char *path = place.address.local.sun_path;
    struct footfall_serve_listener first, second;
    struct footfall_error err;
    mode_t before = umask(077);
    (void)state;
    assert_int_equal(footfall__serve_listen(&first, &place, &err), FOOTFALL_OK);
    umask(before);
    assert_true(first.is_unix);
    assert_int_equal(strncmp(first.where, "unix:", 5), 0);
    assert_string_equal(first.where + 5, path);
    assert_int_equal(mode_of(path), 0666);

    assert_int_equal(footfall__serve_listen(&second, &place, &err), FOOTFALL_BROKEN); /* it lives */
    assert_non_null(strstr(err.text, "already"));
    assert_int_equal(mode_of(path), 0666);

    close(first.fd); /* as a process does that is killed */
    assert_int_equal(footfall__serve_listen(&second, &place, &err), FOOTFALL_OK);
    footfall__serve_remove_unix(&first); /* that is not its own any more */
    assert_int_equal(mode_of(path), 0666);
    footfall__serve_listen_end(&second);
    assert_int_equal(mode_of(path), -1);
}

static void test_unix_in_the_way(void **state)
{
    struct footfall_serve_place file = place_in_folder("file"), nowhere = place_in_folder("none/socket");
    struct footfall_serve_listener listener;
    struct footfall_error err;
    FILE *made = fopen(file.address.local.sun_path, "w");
    (void)state;
    assert_non_null(made);
    fclose(made);
    assert_int_equal(footfall__serve_listen(&listener, &file, &err), FOOTFALL_BROKEN);
    assert_non_null(strstr(err.text, "is no socket"));
    assert_int_equal(access(file.address.local.sun_path, F_OK), 0);
    assert_int_equal(unlink(file.address.local.sun_path), 0);
    assert_int_equal(footfall__serve_listen(&listener, &nowhere, &err), FOOTFALL_BROKEN);
    assert_non_null(strstr(err.text, "No such file"));
}

/* ---- handed over -------------------------------------------------------------------------------------------------------- */

/* In a child, where descriptor 3 may be anything: fd becomes it. Returns what footfall__serve_listen did. */
static int take(int fd, const char *process, const char *count)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        struct footfall_serve_place place = place_of("127.0.0.1:0");
        struct footfall_serve_listener listener;
        char own[32];
        snprintf(own, sizeof own, "%ld", (long)getpid());
        if (dup2(fd, 3) < 0)
            _exit(100);
        setenv("LISTEN_PID", process != NULL ? process : own, 1);
        setenv("LISTEN_FDS", count, 1);
        status = footfall__serve_listen(&listener, &place, NULL);
        if (status == FOOTFALL_OK && listener.fd == 3)
            status = getenv("LISTEN_FDS") == NULL ? 1 : 101;
        _exit(status < 0 ? -status + 10 : status);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    status = WEXITSTATUS(status);
    return status > 10 && status < 100 ? -(status - 10) : status;
}

static void test_handed_over(void **state)
{
    struct footfall_serve_place tcp = place_of("127.0.0.1:0"), local = place_in_folder("handed");
    struct footfall_serve_listener first, second;
    int datagrams = socket(AF_INET, SOCK_DGRAM, 0), silent = socket(AF_INET, SOCK_STREAM, 0);
    (void)state;
    assert_int_equal(footfall__serve_listen(&first, &tcp, NULL), FOOTFALL_OK);
    assert_int_equal(footfall__serve_listen(&second, &local, NULL), FOOTFALL_OK);
    assert_int_equal(take(first.fd, NULL, "1"), 1);
    assert_int_equal(take(second.fd, NULL, "1"), 1);
    assert_int_equal(take(first.fd, "1", "1"), 0); /* meant for another process: its own is opened */
    assert_int_equal(take(first.fd, NULL, "0"), 0);
    assert_int_equal(take(first.fd, NULL, "2"), FOOTFALL_CONFIG);
    assert_int_equal(take(datagrams, NULL, "1"), FOOTFALL_CONFIG);
    assert_int_equal(take(silent, NULL, "1"), FOOTFALL_CONFIG);
    assert_int_equal(mode_of(local.address.local.sun_path), 0666); /* not the child's to remove */
    footfall__serve_listen_end(&first);
    footfall__serve_listen_end(&second);
    close(datagrams);
    close(silent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),        cmocka_unit_test(test_bad),  cmocka_unit_test(test_long_texts),
        cmocka_unit_test(test_tcp),         cmocka_unit_test(test_unix), cmocka_unit_test(test_unix_in_the_way),
        cmocka_unit_test(test_handed_over),
    };
    int failed = 0;
    snprintf(folder, sizeof folder, "/tmp/footfall-listen-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
