/* test_logs_json.c: log lines in JSON as servers write them and as nobody should. Keys and times have files of their own. */
#include <stdio.h>

#include "test_logs_json.h"

#define MS INT64_C(1772366400000)
#define AT "2026-03-01T12:00:00+00:00"
/* What a line needs besides what is tried. */
#define REST "'msec':'1772366400.000','request_uri':'/a'}"
#define HEAD "{'remote_addr':'192.0.2.1','msec':'1772366400.000',"

static struct footfall_logs_reader fresh;

char *quoted(const char *line)
{
    char *out = strdup(line);
    assert_non_null(out);
    for (char *c = out; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    return out;
}

void forget_line(void)
{
    footfall__logs_reader_free(&fresh);
}

/* In memory of that size, so that a sanitizer sees what is read past its end, or after it is gone. */
static const char *read_bytes(struct footfall_logs_line *out, struct footfall_logs_reader *reader, const char *line,
                              size_t bytes)
{
    char *copy = malloc(bytes > 0 ? bytes : 1);
    const char *reason = NULL;
    assert_non_null(copy);
    memcpy(copy, line, bytes);
    reason = footfall__logs_read(out, reader, copy, bytes);
    free(copy);
    return reason;
}

const char *read_quoted(struct footfall_logs_line *out, const struct footfall_logs_keys *keys, const char *line)
{
    char *text = quoted(line);
    const char *reason = NULL;
    forget_line();
    fresh.format = FOOTFALL_LOGS_JSON;
    fresh.keys = keys;
    reason = read_bytes(out, &fresh, text, strlen(text));
    free(text);
    return reason;
}

void assert_field(const char *line, struct footfall_logs_field field, const char *wanted)
{
    if (field.bytes != strlen(wanted) || memcmp(field.text, wanted, field.bytes) != 0)
        fail_msg("in %s: '%.*s' instead of '%s'", line, (int)field.bytes, field.text, wanted);
}

/* ---- lines of servers ------------------------------------------------------------------------------------------------- */

struct good {
    const char *line, *host, *method, *target, *protocol;
    int status;
    const char *agent;
    int64_t time_ms;
};

static const struct good good_lines[] = {
    /* nginx, after its variables */
    { "{'time_local':'01/Mar/2026:12:00:00 +0000','remote_addr':'203.0.113.7','remote_user':'','request':'GET "
      "/a%20b?c=d HTTP/1.1','status': '200','body_bytes_sent':'612','request_time':'0.000','http_referrer':'',"
      "'http_user_agent':'Mozilla/5.0 (X11; \\'odd\\' one)'}",
      "203.0.113.7", "GET", "/a%20b?c=d", "HTTP/1.1", 200, "Mozilla/5.0 (X11; \"odd\" one)", MS },
    { "{'@timestamp':'" AT "','client':'2001:db8::7','method':'GET','uri':'/index.php','request_uri':'/shop/?p=1',"
      "'status':404,'upstream':{'status':['502','404'],'addr':[]},'user_agent':'curl/8.5.0'}",
      "2001:db8::7", "", "/shop/?p=1", "", 404, "curl/8.5.0", MS },
    { " { \"msec\" : 1772366400.123 , \"remote_addr\" : \"192.0.2.1\" , \"request\" : \"\\u0016\\u0003\\u0001\" , "
      "\"status\" : 400 , \"http_user_agent\" : \"\" }\r",
      "192.0.2.1", "", "\x16\x03\x01", "", 400, "", MS + 123 },
    { "{'time':'[01/Mar/2026:13:00:00 +0100]','clientip':'192.0.2.1','request':'-','status':'408','agent':'-'}",
      "192.0.2.1", "", "", "", 408, "", MS },
    /* Caddy 2.9, 2.5 and 2.4 */
    { "{'level':'info','ts':1772366400.3230798,'logger':'http.log.access.log0','msg':'handled request','request':{"
      "'remote_ip':'172.18.0.1','remote_port':'37070','client_ip':'203.0.113.7','proto':'HTTP/2.0','method':'GET',"
      "'host':'example.org','uri':'/map.css?v=3','headers':{'Accept-Encoding':['gzip, br'],'User-Agent':["
      "'Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0','second'],'Cookie':['REDACTED']},'tls':"
      "{'resumed':false,'version':772,'cipher_suite':4865,'proto':'h2','server_name':'example.org','ech':false}},"
      "'bytes_read':0,'user_id':'','duration':0.00020782,'size':0,'status':304,'resp_headers':{'Server':['Caddy'],"
      "'Alt-Svc':['h3=\\':443\\'; ma=2592000']}}",
      "203.0.113.7", "", "/map.css?v=3", "", 304,
      "Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0", MS + 323 },
    { "{'level':'error','ts':1772366400,'logger':'http.log.access','msg':'handled request','request':{'remote_ip':"
      "'::1','remote_port':'5431','proto':'HTTP/1.1','method':'GET','host':'localhost','uri':'/','headers':{'Accept':"
      "['*/*']}},'user_id':'','duration':3.5e-06,'size':5,'status':502,'resp_headers':{}}",
      "::1", "", "/", "", 502, "", MS },
    { "{'level':'info','ts':'2026-03-01T12:00:00.999Z','logger':'http.log.access','msg':'handled request','request':{"
      "'remote_addr':'[2001:db8::7]:63555','proto':'HTTP/2.0','method':'GET','host':'example.org','uri':'/favicon.ico',"
      "'headers':{'User-Agent':['curl']}},'common_log':'2001:db8::7 - - [01/Mar/2026:12:00:00 +0000] \\'GET "
      "/favicon.ico HTTP/2.0\\' 404 0','duration':0.000173197,'size':0,'status':0,'resp_headers':{'Server':['Caddy']}}",
      "2001:db8::7", "", "/favicon.ico", "", 0, "curl", MS + 999 },
    /* Traefik */
    { "{'ClientAddr':'192.0.2.1:41342','ClientHost':'192.0.2.1','ClientPort':'41342','ClientUsername':'-',"
      "'DownstreamContentSize':19,'DownstreamStatus':404,'Duration':61208,'RequestAddr':'example.org','RequestMethod':"
      "'GET','RequestPath':'/whoami?x=y','RequestProtocol':'HTTP/1.1','StartLocal':'2026-03-01T13:00:00.1+01:00',"
      "'StartUTC':'2026-03-01T12:00:00.123456789Z','level':'info','msg':'','request_User-Agent':'curl/8.5.0',"
      "'time':'2026-03-01T12:00:01Z'}",
      "192.0.2.1", "", "/whoami?x=y", "", 404, "curl/8.5.0", MS + 123 },
    /* what a client may send */
    { HEAD
      "'request':'GET /say/\\'hi\\'/\\\\x41/\\u0000/\\t HTTP/1.1','http_user_agent':'\\\\x22 \\u20ac \\ud83d\\ude00'}",
      "192.0.2.1", "GET", NULL, "HTTP/1.1", -1, "\\x22 \xe2\x82\xac \xf0\x9f\x98\x80", MS },
    { HEAD "'request':'CONNECT example.org:443 HTTP/1.1','status':200.0}", "192.0.2.1", "CONNECT", "example.org:443",
      "HTTP/1.1", 200, "", MS },
    { HEAD "'uri':'*','status':null}", "192.0.2.1", "", "*", "", -1, "", MS },
    { HEAD "'request':'GET http://example.org/a b'}", "192.0.2.1", "GET", "http://example.org/a b", "", -1, "", MS },
    { HEAD "'uri':'http://example.org/a b'}", "192.0.2.1", "", "http://example.org/a b", "", -1, "", MS },
    { HEAD "'connection':18446744073709551616,'other':[1e308,-1,{}],'status':200}", "192.0.2.1", "", "", "", 200, "",
      MS },
    { HEAD "'status':200,'status':201}", "192.0.2.1", "", "", "", 201, "", MS },
};
#define GOOD (sizeof good_lines / sizeof good_lines[0])

static void check_good(const struct good *want, const struct footfall_logs_line *got)
{
    assert_field(want->line, got->host, want->host);
    assert_field(want->line, got->method, want->method);
    if (want->target != NULL)
        assert_field(want->line, got->target, want->target);
    assert_field(want->line, got->protocol, want->protocol);
    assert_field(want->line, got->agent, want->agent);
    assert_field(want->line, got->user, "");
    assert_field(want->line, got->referer, "");
    if (got->status != want->status || got->time_ms != want->time_ms)
        fail_msg("in %s: %d at %lld", want->line, got->status, (long long)got->time_ms);
    assert_int_equal(got->body_bytes, -1);
    assert_true(got->plain);
}

static void test_good_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOOD; i++) {
        struct footfall_logs_line got;
        const char *reason = read_quoted(&got, NULL, good_lines[i].line);
        if (reason != NULL)
            fail_msg("%s: %s", good_lines[i].line, reason);
        check_good(&good_lines[i], &got);
    }
}

/* A reader that has read other lines says the same. */
static void test_one_after_another(void **state)
{
    struct footfall_logs_reader reader = { .format = FOOTFALL_LOGS_JSON };
    (void)state;
    for (size_t round = 0; round < 3; round++)
        for (size_t i = 0; i < GOOD; i++) {
            char *line = quoted(good_lines[(i * 7 + round) % GOOD].line);
            struct footfall_logs_line got;
            assert_null(read_bytes(&got, &reader, line, strlen(line)));
            check_good(&good_lines[(i * 7 + round) % GOOD], &got);
            assert_string_equal(read_bytes(&got, &reader, line, strlen(line) - 2), "no JSON");
            free(line);
        }
    footfall__logs_reader_free(&reader);
    assert_null(reader.object);
    assert_int_equal(reader.format, FOOTFALL_LOGS_JSON);
}

/* What a server has written only half of yet is no line, or says the same as the whole will. */
static void test_every_beginning_of_a_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOOD; i++) {
        struct footfall_logs_reader reader = { .format = FOOTFALL_LOGS_JSON };
        char *line = quoted(good_lines[i].line);
        size_t whole = strlen(line), read = 0;
        for (size_t bytes = 0; bytes < whole; bytes++) {
            struct footfall_logs_line got;
            if (read_bytes(&got, &reader, line, bytes) != NULL)
                continue;
            check_good(&good_lines[i], &got);
            read++;
        }
        assert_int_equal(read, line[whole - 1] == '\r');
        free(line);
        footfall__logs_reader_free(&reader);
    }
}

static const struct bad {
    const char *line, *reason;
} bad_lines[] = {
    { "", "empty line" },
    { "\r", "empty line" },
    { " ", "no JSON" },
    { "{", "no JSON" },
    { "x", "no JSON" },
    { "192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] 'GET /\\x22 HTTP/1.0' 200 2326", "no JSON" },
    { "{'remote_addr':'192.0.2.1'" REST "'", "no JSON" },
    { "{'remote_addr':'192.0.2.1'," REST "{}", "no JSON" },
    { "{'remote_addr':'192.0.2.1'," REST ",", "no JSON" },
    { "{'remote_addr':'192.0.2.1','status':," REST, "no JSON" },
    { "{'remote_addr':'192.0.2.1','http_user_agent':'a\\xc3'," REST, "no JSON: nginx wants escape=json" },
    { "{'remote_addr':'192.0.2.1','http_user_agent':'a\\x22b'," REST, "no JSON: nginx wants escape=json" },
    { "{'remote_addr':'192.0.2.1','http_user_agent':'a\tb'," REST, "no JSON" },
    { "{'remote_addr':'192.0.2.1','http_user_agent':'\\ud800'," REST, "no JSON" },
    { "{'remote_addr':'192.0.2.1','size':1e999," REST, "a number out of range" },
    { "{'remote_addr':'192.0.2.1','\\u0000':1," REST, "a key with a NUL" },
    { "[]", "no JSON object" },
    { "[{'remote_addr':'192.0.2.1'," REST "]", "no JSON object" },
    { "'text'", "no JSON object" },
    { "17", "no JSON object" },
    { "null", "no JSON object" },
    { "{}", "no address" },
    { "{'remote_addr':''," REST, "no address" },
    { "{'remote_addr':'-'," REST, "no address" },
    { "{'remote_addr':null," REST, "no address" },
    { "{'remote_addr':3232235521," REST, "no address" },
    { "{'remote_addr':{'ip':'192.0.2.1'}," REST, "no address" },
    { "{'http_x_forwarded_for':'192.0.2.1','x_forwarded_for':'192.0.2.1','http_x_real_ip':'192.0.2.1'," REST,
      "no address" },
    { "{'remote_addr':'192.0.2.1, 192.0.2.2'," REST, "bad address" },
    { "{'remote_addr':'192.0.2.1\\u0000'," REST, "bad address" },
    { "{'remote_addr':'[]'," REST, "bad address" },
    { "{'remote_addr':'\\u00e9'," REST, "bad address" },
    { "{'remote_addr':'192.0.2.1','request_uri':'/a'}", "no time" },
    { "{'remote_addr':'192.0.2.1','time':''}", "no time" },
    { "{'remote_addr':'192.0.2.1','time':true}", "no time" },
    { "{'remote_addr':'192.0.2.1','time':'0.005'}", "bad time" },
    { "{'level':'info','ts':1772366400.1,'logger':'http.log','msg':'server running','name':'srv0'}", "no address" },
    { "{'level':'error','ts':1772366400.1,'logger':'http.log.error.log0','msg':'dial tcp 192.0.2.9:80: connect: "
      "connection refused','request':{'remote_ip':'192.0.2.1','uri':'/'},'status':502,'err_id':'xxbwvxhij'}",
      "not of the access log" },
    { "{'level':'debug','ts':1772366400.1,'logger':'http.handlers.reverse_proxy','msg':'upstream roundtrip','request':{"
      "'remote_ip':'192.0.2.1','uri':'/'},'status':200}",
      "not of the access log" },
};

static void test_bad_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_lines / sizeof bad_lines[0]; i++) {
        struct footfall_logs_line got;
        const char *reason = read_quoted(&got, NULL, bad_lines[i].line);
        if (reason == NULL || strcmp(reason, bad_lines[i].reason) != 0)
            fail_msg("%s: '%s' instead of '%s'", bad_lines[i].line, reason == NULL ? "fine" : reason,
                     bad_lines[i].reason);
    }
}

/* ---- single fields ---------------------------------------------------------------------------------------------------- */

static void test_addresses(void **state)
{
    static const char *const cases[][2] = {
        { "192.0.2.1:443", "192.0.2.1" },
        { "[2001:db8::7]", "2001:db8::7" },
        { "[2001:db8::7]:1", "2001:db8::7" },
        { "[fe80::1%eth0]:443", "fe80::1%eth0" },
        { "fe80::1%eth0", "fe80::1%eth0" },
        { "2001:db8::7:443", "2001:db8::7:443" }, /* an address of its own */
        { "::ffff:192.0.2.1", "::ffff:192.0.2.1" },
        { "::1", "::1" },
        { "1:2", "1" },
        { "crawler.example.org", "crawler.example.org" }, /* names are for the caller to refuse, as they stand */
        { "example.org:80", "example.org:80" },
        { "192.0.2.1:", "192.0.2.1:" },
        { "192.0.2.1:80:80", "192.0.2.1:80:80" },
        { "192.0.2.1:http", "192.0.2.1:http" },
        { "[2001:db8::7", "[2001:db8::7" },
        { "[2001:db8::7]80", "[2001:db8::7]80" },
        { "[2001:db8::7]:", "[2001:db8::7]:" },
        { "unix:", "unix:" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct footfall_logs_line got;
        char line[256];
        snprintf(line, sizeof line, "{'remote_addr':'%s'," REST, cases[i][0]);
        assert_null(read_quoted(&got, NULL, line));
        assert_field(line, got.host, cases[i][1]);
    }
}

static void test_statuses(void **state)
{
    static const struct {
        const char *value;
        int status;
    } cases[] = {
        { "200", 200 },   { "'404'", 404 },   { "0", 0 },       { "'000'", 0 },        { "999", 999 }, { "'7'", 7 },
        { "200.0", 200 }, { "[204,1]", 204 }, { "1000", -1 },   { "'1000'", -1 },      { "-1", -1 },   { "200.5", -1 },
        { "1e300", -1 },  { "'2x0'", -1 },    { "'-'", -1 },    { "''", -1 },          { "null", -1 }, { "true", -1 },
        { "{}", -1 },     { "[]", -1 },       { "' 200'", -1 }, { "'20\\u0000'", -1 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct footfall_logs_line got;
        char line[256];
        snprintf(line, sizeof line, HEAD "'status':%s}", cases[i].value);
        assert_null(read_quoted(&got, NULL, line));
        if (got.status != cases[i].status)
            fail_msg("%s: %d", line, got.status);
    }
}

/* ---- bytes of any value ----------------------------------------------------------------------------------------------- */

static void test_nul_in_strings(void **state)
{
    struct footfall_logs_line got;
    (void)state;
    assert_null(read_quoted(&got, NULL, HEAD "'request_uri':'/a\\u0000b','http_user_agent':'\\u0000x\\u0000'}"));
    assert_int_equal(got.target.bytes, 4);
    assert_memory_equal(got.target.text, "/a\0b", 4);
    assert_int_equal(got.agent.bytes, 3);
    assert_memory_equal(got.agent.text, "\0x\0", 3);
}

/* nginx logs what is no UTF-8 as it came: it comes out as it was, whatever stands around it. */
static void test_no_utf8(void **state)
{
    static const char *const texts[] = {
        "\xff",
        "caf\xe9",
        "\xc3\xa9\xc3",
        "\xe2\x82",
        "\xed\xa0\x80",
        "\xf4\x90\x80\x80",
        "\xc0\xaf",
        "\x80\xbf\xfe",
        "\xf4\x8f\xbe\x80",
        "\xf4\x8f\xbf\xbf\xff",
        "\xf4\x8f\xbe",
        "\xe2\x82\xac\xf0\x9f\x98\x80\xf0\x9f\x98",
        "/a\xff/\xc3\xa9",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct footfall_logs_line got;
        char line[256];
        snprintf(line, sizeof line, HEAD "'\xff':1,'request_uri':'%s','http_user_agent':'%s, Mozilla','x':'\xc3'}",
                 texts[i], texts[i]);
        assert_null(read_quoted(&got, NULL, line));
        assert_field(line, got.host, "192.0.2.1");
        assert_field(line, got.target, texts[i]);
        assert_int_equal(got.agent.bytes, strlen(texts[i]) + 9);
        assert_memory_equal(got.agent.text, texts[i], strlen(texts[i]));
    }
    /* outside of strings it is nothing */
    {
        struct footfall_logs_line got;
        assert_string_equal(read_quoted(&got, NULL, HEAD "'a':\xff}"), "no JSON");
        assert_string_equal(read_quoted(&got, NULL, "\xef\xbb\xbf{'remote_addr':'192.0.2.1'," REST), "no JSON");
        assert_string_equal(read_quoted(&got, NULL, "{'remote_addr':'192.0.2.1\xff'," REST), "bad address");
    }
}

/* Every pair of bytes, so that both mending and what it puts in place of a byte are tried. */
static void test_every_byte_comes_out(void **state)
{
    struct footfall_logs_reader reader = { .format = FOOTFALL_LOGS_JSON };
    (void)state;
    for (int first = 0x80; first < 0x100; first++)
        for (int second = 0x20; second < 0x100; second++) {
            char text[] = { (char)first, (char)second, (char)first, '\0' };
            char *line = NULL;
            char template[256];
            struct footfall_logs_line got;
            if (second == '"' || second == '\\' || second == '\'')
                continue;
            snprintf(template, sizeof template, HEAD "'agent':'%s'}", text);
            line = quoted(template);
            assert_null(read_bytes(&got, &reader, line, strlen(line)));
            assert_field(line, got.agent, text);
            free(line);
        }
    footfall__logs_reader_free(&reader);
}

static char *repeated(const char *begin, const char *middle, size_t count, const char *end)
{
    size_t bytes = strlen(middle), head = strlen(begin);
    char *line = malloc(head + count * bytes + strlen(end) + 1);
    assert_non_null(line);
    memcpy(line, begin, head);
    for (size_t i = 0; i < count; i++)
        memcpy(line + head + i * bytes, middle, bytes);
    memcpy(line + head + count * bytes, end, strlen(end) + 1);
    return line;
}

static void test_long_and_deep(void **state)
{
    static const struct {
        const char *begin, *middle;
        size_t count;
        const char *end, *reason;
    } cases[] = {
        { HEAD "'agent':'", "Mozilla ", 130000, "'}", NULL },
        { HEAD "'agent':'", "\xff", 1000000, "'}", NULL },
        { HEAD "'agent':'", "\\u0000", 170000, "'}", NULL },
        { HEAD, "'x':1,", 170000, "'y':2}", NULL },
        { HEAD "'x':", "[", 500000, "", "nested too deeply" },
        { HEAD "'x':", "{'':", 200000, "", "nested too deeply" },
        { HEAD "'x':", "9", 500000, "}", "a number out of range" },
        { HEAD "'x':0.", "9", 500000, "}", NULL },
        { "{'remote_addr':'", "1", 256, "'," REST, "bad address" },
        { "{'remote_addr':'", "1", 255, "'," REST, NULL },
        { "{'remote_addr':'192.0.2.1','time':'", "1", 500000, "'}", "bad time" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct footfall_logs_line got;
        char *line = repeated(cases[i].begin, cases[i].middle, cases[i].count, cases[i].end);
        const char *reason = read_quoted(&got, NULL, line);
        if ((reason == NULL) != (cases[i].reason == NULL) || (reason != NULL && strcmp(reason, cases[i].reason) != 0))
            fail_msg("%zu: %s", i, reason == NULL ? "fine" : reason);
        free(line);
    }
}

/* The other formats go through the same door. */
static void test_other_formats(void **state)
{
    static const char line[] = "192.0.2.1 - - [01/Mar/2026:12:00:00 +0000] \"GET /a HTTP/1.1\" 200 1 \"-\" \"x\\x22\"";
    struct footfall_logs_reader reader = { .format = FOOTFALL_LOGS_COMBINED };
    struct footfall_logs_line got;
    (void)state;
    assert_null(footfall__logs_read(&got, &reader, line, sizeof line - 1));
    assert_field(line, got.agent, "x\\x22");
    assert_false(got.plain);
    assert_true(got.time_ms == MS);
    reader.format = FOOTFALL_LOGS_COMMON;
    assert_null(footfall__logs_read(&got, &reader, line, sizeof line - 1));
    assert_field(line, got.agent, "");
    footfall__logs_reader_free(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_lines),
        cmocka_unit_test(test_one_after_another),
        cmocka_unit_test(test_every_beginning_of_a_line),
        cmocka_unit_test(test_bad_lines),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_nul_in_strings),
        cmocka_unit_test(test_no_utf8),
        cmocka_unit_test(test_every_byte_comes_out),
        cmocka_unit_test(test_long_and_deep),
        cmocka_unit_test(test_other_formats),
        cmocka_unit_test(test_keys_that_are_taken),
        cmocka_unit_test(test_keys_that_are_wrong),
        cmocka_unit_test(test_usual_keys),
        cmocka_unit_test(test_given_keys),
        cmocka_unit_test(test_times_of_values),
        cmocka_unit_test(test_no_times),
        cmocka_unit_test(test_milliseconds_are_exact),
    };
    int failed = cmocka_run_group_tests_name("logs_json", tests, NULL, NULL);
    forget_line();
    return failed;
}
