/* test_logs_json_keys.c: which key counts, the usual ones and those that are given. */
#include <stdio.h>

#include "test_logs_json.h"

static void take(struct footfall_logs_keys *keys, const char *list)
{
    struct footfall_logs_field part;
    const char *wrong = footfall__logs_take_keys(keys, list, &part);
    if (wrong != NULL)
        fail_msg("%s: %s", list, wrong);
}

void test_keys_that_are_taken(void **state)
{
    struct footfall_logs_keys keys;
    (void)state;
    take(&keys, "address=a");
    assert_string_equal(keys.of[FOOTFALL_LOGS_ADDRESS].whole, "a");
    assert_null(keys.of[FOOTFALL_LOGS_TIME].whole);
    footfall__logs_free_keys(&keys);
    assert_null(keys.of[FOOTFALL_LOGS_ADDRESS].whole);
    take(&keys, "agent=a.bc.d,status==,target=@x y,time=t=t");
    assert_string_equal(keys.of[FOOTFALL_LOGS_AGENT].whole, "a.bc.d");
    assert_memory_equal(keys.of[FOOTFALL_LOGS_AGENT].parts, "a\0bc\0d\0\0", 8);
    assert_string_equal(keys.of[FOOTFALL_LOGS_STATUS].whole, "=");
    assert_string_equal(keys.of[FOOTFALL_LOGS_TARGET].whole, "@x y");
    assert_string_equal(keys.of[FOOTFALL_LOGS_TIME].whole, "t=t");
    footfall__logs_free_keys(&keys);
}

void test_keys_that_are_wrong(void **state)
{
    static const struct {
        const char *list, *part, *wrong;
    } cases[] = {
        { "", "", "is not of the form NAME=KEY" },
        { "address", "address", "is not of the form NAME=KEY" },
        { "address=a,", "", "is not of the form NAME=KEY" },
        { ",address=a", "", "is not of the form NAME=KEY" },
        { "address=a,,time=b", "", "is not of the form NAME=KEY" },
        { "address=a,ip=b", "ip=b", "names none of address, time, target, status, agent" },
        { "=a", "=a", "names none of address, time, target, status, agent" },
        { "Address=a", "Address=a", "names none of address, time, target, status, agent" },
        { "addres=a", "addres=a", "names none of address, time, target, status, agent" },
        { "time=a,status=b,time=c", "time=c", "names what was named before" },
        { "time=", "time=", "has an empty key, or an empty part in it" },
        { "time=.", "time=.", "has an empty key, or an empty part in it" },
        { "time=.a", "time=.a", "has an empty key, or an empty part in it" },
        { "time=a.", "time=a.", "has an empty key, or an empty part in it" },
        { "time=a..b", "time=a..b", "has an empty key, or an empty part in it" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct footfall_logs_keys keys;
        struct footfall_logs_field part;
        const char *wrong = footfall__logs_take_keys(&keys, cases[i].list, &part);
        if (wrong == NULL || strcmp(wrong, cases[i].wrong) != 0)
            fail_msg("%s: %s", cases[i].list, wrong == NULL ? "fine" : wrong);
        assert_field(cases[i].list, part, cases[i].part);
        footfall__logs_free_keys(&keys);
    }
}

/* {'address', 'target', 'agent'} of a line with two keys each: the one that should count says "right". */
void test_usual_keys(void **state)
{
    static const char *const lines[] = {
        "'client_ip':'wrong','remote_addr':'right','ip':'wrong','client':'wrong'",
        "'request':{'remote_ip':'wrong','client_ip':'right','remote_addr':'wrong'},'ClientHost':'wrong'",
        "'request':{'remote_ip':'right','client_ip':'','remote_addr':'wrong:80'}",
        "'remote_ip':'right','clientip':'wrong'",
        "'clientip':'right','client':'wrong'",
        "'client':'right','ip':'wrong'",
        "'ip':'right','ClientHost':'wrong','ClientAddr':'wrong'",
        "'ClientHost':'right','ClientAddr':'wrong'",
        "'remote_addr':'right','request_uri':'/right','request':'GET /wrong HTTP/1.1','uri':'/wrong'",
        "'remote_addr':'right','request':'GET /right HTTP/1.1','uri':'/wrong','path':'/wrong','url':'/wrong'",
        "'remote_addr':'right','request':'','uri':'/right','path':'/wrong'",
        "'remote_addr':'right','RequestPath':'/right','path':'/wrong'",
        "'remote_addr':'right','path':'/right','url':'/wrong'",
        "'remote_addr':'right','url':'/right'",
        "'request':{'client_ip':'right','uri':'/right','url':'/wrong'},'uri':'/wrong'",
        "'remote_addr':'right','http_user_agent':'right','user_agent':'wrong','agent':'wrong'",
        "'remote_addr':'right','request':{'headers':{'User-Agent':['right','wrong']}},'user_agent':'wrong'",
        "'remote_addr':'right','request':{'headers':{'User-Agent':[]}},'user_agent':'right'",
        "'remote_addr':'right','request_User-Agent':'right','agent':'wrong'",
        "'remote_addr':'right','agent':'right','userAgent':'wrong'",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct footfall_logs_line got;
        char line[512];
        snprintf(line, sizeof line, "{'time':1772366400,%s}", lines[i]);
        assert_null(read_quoted(&got, NULL, line));
        assert_field(line, got.host, "right");
        if (strstr(line, "/right") != NULL)
            assert_field(line, got.target, "/right");
        if (strstr(line, "gent") != NULL)
            assert_field(line, got.agent, "right");
    }
}

void test_given_keys(void **state)
{
    static const struct {
        const char *keys, *line, *reason;
    } cases[] = {
        { "address=src", "'src':'right','remote_addr':'wrong'", NULL },
        { "address=src", "'remote_addr':'wrong'", "no address" }, /* then no other key counts, */
        { "address=src", "'src':'-','remote_addr':'wrong'", "no address" },
        { "agent=ua", "'remote_addr':'right'", NULL }, /* but the usual ones do for the rest */
        { "address=source.ip", "'source':{'ip':'right'}", NULL },
        { "address=source.ip", "'source':{'ip':'wrong'},'source.ip':'right'", NULL },
        { "address=source.ip", "'source.ip':'right'", NULL },
        { "address=source.ip", "'source':[{'ip':'right'},{'ip':'wrong'}]", NULL },
        { "address=source.ip", "'source':{'ip':['right','wrong']}", NULL },
        { "address=source.ip", "'source':'wrong','ip':'wrong'", "no address" },
        { "address=source.ip", "'source':{'ip':[]}", "no address" },
        { "address=a.b.c", "'a':{'b':{'c':'right'}}", NULL },
        { "address=a.b.c", "'a':{'b.c':'right'}", NULL },
        { "address=a.b.c", "'a.b':{'c':'wrong'}", "no address" },
        { "address=a.b.c", "'a':{'b':{'c':{'d':'wrong'}}}", "no address" },
        { "address=request.remote_ip", "'request':{'remote_ip':'right','client_ip':'wrong'}", NULL },
        { "address=r\xc3\xa9", "'r\\u00e9':'right'", NULL },
        { "address=src,time=when", "'src':'right','when':'2026-03-01T12:00:00Z','time':5", NULL },
        { "time=when", "'remote_addr':'right'", "no time" },
        { "time=when", "'remote_addr':'right','when':{}", "no time" },
        { "time=when", "'remote_addr':'right','when':'noon'", "bad time" },
        { "target=req", "'remote_addr':'right','req':'GET /right HTTP/1.1','uri':'/wrong'", NULL },
        { "target=req", "'remote_addr':'right','req':'/right','uri':'/wrong'", NULL },
        { "agent=ua", "'remote_addr':'right','ua':'right','http_user_agent':'wrong'", NULL },
        { "status=code", "'remote_addr':'right','code':'201','status':404", NULL },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct footfall_logs_keys keys;
        struct footfall_logs_line got;
        char line[512];
        const char *reason = NULL;
        take(&keys, cases[i].keys);
        snprintf(line, sizeof line, "{'ts':1772366400,%s}", cases[i].line);
        reason = read_quoted(&got, &keys, line);
        if ((reason == NULL) != (cases[i].reason == NULL) || (reason != NULL && strcmp(reason, cases[i].reason) != 0))
            fail_msg("%s, %s: %s", cases[i].keys, line, reason == NULL ? "fine" : reason);
        if (reason == NULL) {
            assert_field(line, got.host, "right");
            assert_field(line, got.target, strstr(line, "/right") != NULL ? "/right" : "");
            assert_field(line, got.agent, strstr(line, "ua") != NULL ? "right" : "");
            assert_int_equal(got.status, strstr(line, "code") != NULL ? 201 : -1);
            assert_true(got.time_ms == INT64_C(1772366400000));
        }
        footfall__logs_free_keys(&keys);
    }
}
