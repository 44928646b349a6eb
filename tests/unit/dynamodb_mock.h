/* dynamodb_mock.h: a small HTTP server on 127.0.0.1 for the tests of DynamoDB's credentials: a thread that answers requests from a
 * table, in some of the ways that endpoints misbehave, and keeps what it was asked. One connection at a time, one request each. */
#ifndef DYNAMODB_MOCK_H
#define DYNAMODB_MOCK_H
#include <stddef.h>

enum mock_way {
    MOCK_PLAIN,   /* status and body */
    MOCK_RAW,     /* the body is all that is sent, then the connection closes */
    MOCK_SILENT,  /* nothing is sent until the client goes */
    MOCK_ENDLESS, /* a head, then bytes without an end */
    MOCK_DRIP,    /* a head, then a byte each 50 ms without an end */
    MOCK_HANG_UP  /* the connection closes */
};
struct mock_answer {
    const char *request; /* begins like this: "GET /role"; NULL: any, and the end of the table */
    enum mock_way way;
    int status;
    const char *body;
    int times; /* then the next one that fits is taken; 0: for ever */
};

struct mock;
struct mock *mock_start(void);
void mock_stop(struct mock *mock);
int mock_port(const struct mock *mock);
/* Answers from this table from now on, and forgets what was asked. The table is the caller's and ends with request NULL. */
void mock_answers(struct mock *mock, const struct mock_answer *answers);
int mock_asked(struct mock *mock); /* requests since then */
/* The head of the number-th request (0 the first) as it came; "" when there was none. Good until mock_answers. */
const char *mock_request(struct mock *mock, int number);
#endif
