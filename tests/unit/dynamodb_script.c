/* dynamodb_script.c: see dynamodb_script.h. */
#include "dynamodb_script.h"

#include "alloc.h"

int64_t script_clock_ahead_ms;
char script_text[256];

static const struct script_step *steps;
static size_t step_count, step_at;
static struct dynamodb_request *queue[8];
static size_t queued;
static int allowed = -1;
static int is_own; /* this file is at work */

static void *allocate(size_t bytes)
{
    if (!is_own && allowed == 0)
        return NULL;
    if (!is_own && allowed > 0)
        allowed--;
    return malloc(bytes);
}

void script_memory(int allocations)
{
    json_set_alloc_funcs(allocate, free);
    allowed = allocations;
}

void script_begin(const struct script_step *first, size_t count)
{
    steps = first;
    step_count = count;
    step_at = 0;
    queued = 0;
}

void script_done(void)
{
    if (step_at != step_count)
        fail_msg("%zu of %zu requests were made", step_at, step_count);
}

struct footfall_store_call script_call(int64_t within_ms)
{
    struct footfall_store_call call = { .text = script_text, .text_bytes = sizeof(script_text) };
    script_text[0] = '\0';
    call.deadline_ms = footfall__boottime_ms() + within_ms;
    call.wall_ms = footfall__wall_ms();
    return call;
}

static void must_hold(const char *body, const char *says)
{
    char part[512];
    while (says != NULL && *says != '\0') {
        size_t bytes = strcspn(says, "$");
        assert_true(bytes < sizeof(part));
        for (size_t i = 0; i < bytes; i++)
            part[i] = says[i] == '\'' ? '"' : says[i];
        part[bytes] = '\0';
        if (strstr(body, part) == NULL)
            fail_msg("request %zu: no %s in %s", step_at, part, body);
        says += bytes + (says[bytes] == '$');
    }
}

static const struct script_step *next_step(enum dynamodb_action action, const json_t *body)
{
    const struct script_step *step = &steps[step_at];
    char *text = NULL;
    is_own = 1;
    text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
    is_own = 0;
    assert_non_null(text);
    if (step_at >= step_count || step->action != action)
        fail_msg("request %zu is %s %s", step_at, footfall__dynamodb_action_name(action), text);
    must_hold(text, step->says);
    free(text);
    step_at++;
    return step;
}

static json_t *reply_of(const struct script_step *step)
{
    char text[4096];
    size_t bytes = 0;
    json_t *reply = NULL;
    for (const char *c = step->reply != NULL ? step->reply : "{}"; *c != '\0' && bytes + 1 < sizeof(text); c++)
        text[bytes++] = *c == '\'' ? '"' : *c;
    text[bytes] = '\0';
    is_own = 1;
    reply = json_loads(text, JSON_ALLOW_NUL, NULL);
    is_own = 0;
    if (reply == NULL)
        fail_msg("the script's reply is no JSON: %s", text);
    return reply;
}

enum dynamodb_answer footfall__dynamodb_ask(struct dynamodb_client *client, enum dynamodb_action action, json_t *body,
                                            json_t **reply, struct footfall_store_call *call)
{
    const struct script_step *step = NULL;
    assert_ptr_equal(client, THE_CLIENT);
    *reply = NULL;
    if (body == NULL)
        return DYNAMODB_OUT_OF_MEMORY;
    step = next_step(action, body);
    json_decref(body);
    if (step->answer == DYNAMODB_ANSWERED)
        *reply = reply_of(step);
    else
        footfall__dynamodb_fault(call, 0, "%s: answer %d", footfall__dynamodb_action_name(action), (int)step->answer);
    return step->answer;
}

int footfall__dynamodb_status(enum dynamodb_answer answer, enum dynamodb_action action, const char *table,
                              struct footfall_store_call *call)
{
    int status = answer == DYNAMODB_NO_ANSWER       ? FOOTFALL_STORE_TEMPORARY
                 : answer == DYNAMODB_OUT_OF_MEMORY ? FOOTFALL_STORE_NO_MEMORY
                                                    : FOOTFALL_STORE_BROKEN;
    (void)table;
    return footfall__dynamodb_fault(call, status, "%s failed", footfall__dynamodb_action_name(action));
}

void footfall__dynamodb_send(struct dynamodb_client *client, struct dynamodb_request *request)
{
    assert_ptr_equal(client, THE_CLIENT);
    assert_true(queued < sizeof(queue) / sizeof(queue[0]));
    queue[queued++] = request;
}

void footfall__dynamodb_pump(struct dynamodb_client *client, struct footfall_store_call *call)
{
    assert_ptr_equal(client, THE_CLIENT);
    for (size_t i = 0; i < queued; i++) {
        struct dynamodb_request *request = queue[i];
        json_t *body = NULL;
        const struct script_step *step = NULL;
        is_own = 1;
        body = json_loadb(request->body, request->body_bytes, JSON_ALLOW_NUL, NULL);
        is_own = 0;
        assert_non_null(body);
        step = next_step(request->action, body);
        json_decref(body);
        request->answer = step->answer;
        request->sent = 1;
        request->doubt = step->doubt;
        request->reply = step->answer == DYNAMODB_ANSWERED ? reply_of(step) : NULL;
        if (step->answer != DYNAMODB_ANSWERED)
            footfall__dynamodb_fault(call, 0, "answer %d", (int)step->answer);
        if (request->done != NULL)
            request->done(request);
        json_decref(request->reply);
        request->reply = NULL;
    }
    queued = 0;
}

char *footfall__dynamodb_text(const json_t *body, size_t *bytes)
{
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    char *copy = NULL;
    *bytes = text != NULL ? strlen(text) : 0;
    if (text != NULL)
        copy = footfall__strndup(text, *bytes);
    free(text);
    return copy;
}

int footfall__dynamodb_capacity(const struct dynamodb_client *client)
{
    assert_ptr_equal(client, THE_CLIENT);
    return 0;
}

int64_t footfall__dynamodb_now_ms(const struct dynamodb_client *client)
{
    assert_ptr_equal(client, THE_CLIENT);
    return footfall__wall_ms() + script_clock_ahead_ms;
}

const char *footfall__dynamodb_client_region(const struct dynamodb_client *client)
{
    assert_ptr_equal(client, THE_CLIENT);
    return "eu-west-1";
}
