/* test_lambda.c: events of every kind in the simple cases: each counts once, by the right address, and is answered in its format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lambda.h"
#include "web_site.h"

static void first(void **state)
{
    static const struct footfall_web_options options = { 0 };
    static const char *const events[] = {
        "{\"version\":\"2.0\",\"rawPath\":\"/visit/"
        "a\",\"rawQueryString\":\"\",\"headers\":{},\"requestContext\":{\"domainName\":\"x.lambda-url.eu-west-1.on."
        "aws\",\"http\":{\"method\":\"GET\",\"sourceIp\":\"192.0.2.1\"}}}",
        "{\"version\":\"1.0\",\"path\":\"/prod/visit/"
        "a\",\"httpMethod\":\"GET\",\"headers\":null,\"multiValueHeaders\":{},\"requestContext\":{\"stage\":\"prod\","
        "\"identity\":{\"sourceIp\":\"192.0.2.1\"}}}",
        "{\"path\":\"/visit/a\",\"httpMethod\":\"GET\",\"headers\":{\"x-forwarded-for\":\"192.0.2.9, "
        "192.0.2.1:44\"},\"requestContext\":{\"elb\":{}}}",
        "{\"path\":\"/x\",\"httpMethod\":\"GET\",\"headers\":{\"user-agent\":\"ELB-HealthChecker/"
        "2.0\"},\"requestContext\":{\"elb\":{}}}",
        "{\"Records\":[{\"eventSource\":\"aws:sqs\"}]}",
        "{}",
        "[]",
        "x",
    };
    struct site site;
    (void)state;
    site_open(&site, &options, NULL);
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        struct footfall_error err;
        char *reply = NULL;
        size_t bytes = 0;
        int rc = footfall__lambda_answer(&reply, &bytes, site.web, events[i], strlen(events[i]), INT64_MAX, &err);
        printf("%d %.*s %s\n", rc, (int)bytes, reply != NULL ? reply : "", rc ? err.text : "");
        free(reply);
    }
    expect_numbers(&site, "a", 1, 3, 1);
    site_close(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(first) };
    return cmocka_run_group_tests_name("lambda", tests, NULL, NULL);
}
