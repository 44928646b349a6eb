/* test_logs_json_times.c: times as JSON has them; numbers above all, whose unit nobody says. */
#include <inttypes.h>
#include <stdio.h>

#include "test_logs_json.h"

static const char *read_time(int64_t *time_ms, const char *value)
{
    struct footfall_logs_line got;
    char line[256];
    const char *reason = NULL;
    snprintf(line, sizeof line, "{'ip':'192.0.2.1','ts':%s}", value);
    reason = read_quoted(&got, NULL, line);
    *time_ms = reason == NULL ? got.time_ms : 0;
    return reason;
}

void test_times_of_values(void **state)
{
    static const struct {
        const char *value;
        int64_t time_ms;
    } cases[] = {
        { "1772366400", INT64_C(1772366400000) },
        { "'1772366400'", INT64_C(1772366400000) },
        { "1772366400.0", INT64_C(1772366400000) },
        { "1772366400.9999", INT64_C(1772366400999) },
        { "'1772366400.9999999999999'", INT64_C(1772366400999) },
        { "'1772366400.5'", INT64_C(1772366400500) },
        { "1.7723664e9", INT64_C(1772366400000) },
        { "1646861401.524", INT64_C(1646861401524) },
        { "1646861401.5241024", INT64_C(1646861401524) },
        { "'1646861401.524'", INT64_C(1646861401524) },
        /* each unit from its first to its last */
        { "100000000", INT64_C(100000000000) },
        { "100000000.0", INT64_C(100000000000) },
        { "'0100000000'", INT64_C(100000000000) },
        { "99999999999", INT64_C(99999999999000) },
        { "99999999999.999", INT64_C(99999999999999) },
        { "'99999999999.999'", INT64_C(99999999999999) },
        { "100000000000", INT64_C(100000000000) },
        { "1772366400123", INT64_C(1772366400123) },
        { "1772366400123.9", INT64_C(1772366400123) },
        { "'1772366400123.9'", INT64_C(1772366400123) },
        { "99999999999999", INT64_C(99999999999999) },
        { "99999999999999.9", INT64_C(99999999999999) },
        { "100000000000000", INT64_C(100000000000) },
        { "1772366400123999", INT64_C(1772366400123) },
        { "1772366400123999.6", INT64_C(1772366400123) },
        { "'1772366400123999'", INT64_C(1772366400123) },
        { "99999999999999999", INT64_C(99999999999999) },
        { "100000000000000000", INT64_C(100000000000) },
        { "1772366400123999999", INT64_C(1772366400123) },
        { "1.772366400123e18", INT64_C(1772366400123) },
        { "9223372036854775807", INT64_C(9223372036854) },
        { "'9223372036854775807'", INT64_C(9223372036854) },
        /* text */
        { "'2026-03-01T12:00:00Z'", INT64_C(1772366400000) },
        { "'2026-03-01T12:00:00.123456789+00:00'", INT64_C(1772366400123) },
        { "'2026-03-01T12:00:00.123+0000'", INT64_C(1772366400123) },
        { "'2026-03-01 13:00:00+01:00'", INT64_C(1772366400000) },
        { "'[2026-03-01T12:00:00Z]'", INT64_C(1772366400000) },
        { "'01/Mar/2026:04:00:00 -0800'", INT64_C(1772366400000) },
        { "'[01/Mar/2026:12:00:00 +0000]'", INT64_C(1772366400000) },
        { "'1969-12-31T23:59:59.999Z'", -1 },
        { "['1772366400',5]", INT64_C(1772366400000) },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t got = 0;
        const char *reason = read_time(&got, cases[i].value);
        if (reason != NULL || got != cases[i].time_ms)
            fail_msg("%s: %s, %" PRId64, cases[i].value, reason == NULL ? "read" : reason, got);
    }
}

void test_no_times(void **state)
{
    static const char *const values[] = {
        "0",
        "-1",
        "-1772366400",
        "'-1772366400'",
        "'+1772366400'",
        "-1772366400.5",
        "1e-300",
        "0.005",
        "'0.005'",
        "99999999",
        "99999999.999",
        "9223372036854775808",
        "9.3e18",
        "1e300",
        "'9223372036854775808'",
        "'99999999999999999999999'",
        "'1772366400.'",
        "'.5'",
        "'1772366400,5'",
        "'1772366400 '",
        "'1772366400.5s'",
        "'1.7723664e9'",
        "'0x69a2fa00'",
        "'1772366400\\u0000'",
        "'NaN'",
        "'['",
        "'[]'",
        "'2026-03-01T12:00:00'",
        "'2026/03/01 12:00:00'",
        "'2026-03-01'",
        "'2026-02-29T12:00:00Z'",
        "'29/Feb/2026:12:00:00 +0000'",
        "'01/Mar/2026:12:00:00'",
        "'Sun, 01 Mar 2026 12:00:00 GMT'",
    };
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        int64_t got = 0;
        const char *reason = read_time(&got, values[i]);
        if (reason == NULL || strcmp(reason, "bad time") != 0)
            fail_msg("%s: %s, %" PRId64, values[i], reason == NULL ? "read" : reason, got);
    }
}

/* Every millisecond of a second, as number and as text, with what follows it and without, comes out as it was written. */
void test_milliseconds_are_exact(void **state)
{
    static const char *const seconds[] = { "100000000", "1646861401", "1772366399", "4102444799", "99999999999" };
    static const char *const after[] = { "", "0", "4", "9", "49", "99", "5241", "999" };
    (void)state;
    for (size_t s = 0; s < sizeof seconds / sizeof seconds[0]; s++)
        for (int ms = 0; ms < 1000; ms++)
            for (size_t a = 0; a < sizeof after / sizeof after[0]; a++) {
                char value[64];
                int64_t got = 0, wanted = strtoll(seconds[s], NULL, 10) * 1000 + ms;
                if (strlen(seconds[s]) > 10 && strlen(after[a]) > 1)
                    continue; /* more digits than a double has */
                snprintf(value, sizeof value, "%s.%03d%s", seconds[s], ms, after[a]);
                assert_null(read_time(&got, value));
                if (got != wanted)
                    fail_msg("%s: %" PRId64, value, got);
                snprintf(value, sizeof value, "'%s.%03d%s'", seconds[s], ms, after[a]);
                assert_null(read_time(&got, value));
                if (got != wanted)
                    fail_msg("%s: %" PRId64, value, got);
            }
}
