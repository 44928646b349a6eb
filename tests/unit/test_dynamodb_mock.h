/* test_dynamodb_mock.h: what the tests of endpoints that hand out credentials share: the server (dynamodb_mock.h), where the
 * environment says it is, and what it answers. */
#ifndef TEST_DYNAMODB_MOCK_H
#define TEST_DYNAMODB_MOCK_H
#include "test_dynamodb.h"

#include "dynamodb_mock.h"

#define LATER "2026-11-28T06:00:00Z"
#define SOON "2026-11-28T00:04:00Z"
#define BEFORE "2026-11-27T23:59:59Z"
#define KEYS(id, until)                                                                                                \
    "{\"Code\":\"Success\",\"AccessKeyId\":\"" id                                                                      \
    "\",\"SecretAccessKey\":\"PSWQ\",\"Token\":\"PSWQT\",\"Expiration\":\"" until "\"}"

static struct mock *mock;

static inline int set_up_mock(void **state)
{
    mock = mock_start();
    return set_up(state);
}

static inline int tear_down_mock(void **state)
{
    mock_stop(mock);
    mock = NULL;
    return tear_down(state);
}

static inline void at_container(const char *host)
{
    char *url = support_format("http://%s:%d/creds?a=b", host, mock_port(mock));
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
    free(url);
}

static inline void at_instance(void)
{
    char *url = support_format("http://127.0.0.1:%d/", mock_port(mock));
    set("AWS_EC2_METADATA_SERVICE_ENDPOINT", url);
    set("AWS_EC2_METADATA_DISABLED", "false");
    free(url);
}

static inline void answer(enum mock_way way, int status, const char *body)
{
    static struct mock_answer one[1];
    one[0] = (struct mock_answer){ NULL, way, status, body, 0 };
    mock_answers(mock, one);
}

static inline void asked_with(int number, const char *words)
{
    if (strstr(mock_request(mock, number), words) == NULL)
        fail_msg("request %d lacks %s: %s", number, words, mock_request(mock, number));
}
#endif
