/* dynamodb_tape.c: requests with their replies, in words and in units (dynamodb_tape.h). Source of the units: "Read and write
 * operations", "Item sizes and formats" and "Managing complex workflows with transactions" in the DynamoDB guide. */
#include "dynamodb_tape.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "proxy.h"

enum { ACTION_BYTES = 40, MOST_CALLS = 65536, WRITE_BYTES = 1024, READ_BYTES = 4096, TEXT_BYTES = 65536 };

struct taped {
    char action[ACTION_BYTES];
    json_t *asked, *reply;
    int status;
};
struct dynamodb_tape {
    struct support_proxy *proxy;
    struct taped *calls;
    size_t count;
    char text[TEXT_BYTES];
    size_t text_bytes;
};

/* The proxy's framing knows no user: one tape a process. All of it runs in the proxy's thread. */
static struct dynamodb_tape *recording;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- taking down ------------------------------------------------------------------------------------------------------------- */

static json_t *body_of(const void *message, size_t bytes)
{
    const char *body = memmem(message, bytes, "\r\n\r\n", 4);
    size_t head = body != NULL ? (size_t)(body - (const char *)message) + 4 : bytes;
    return body != NULL ? json_loadb(body + 4, bytes - head, JSON_ALLOW_NUL, NULL) : NULL;
}

static void take_action(char *action, const char *head, size_t bytes)
{
    static const char before[] = "DynamoDB_20120810.";
    const char *at = memmem(head, bytes, before, sizeof(before) - 1);
    size_t length = 0;
    if (at == NULL)
        support_die("a request without a target");
    at += sizeof(before) - 1;
    while (length + 1 < ACTION_BYTES && at + length < head + bytes && at[length] != '\r')
        length++;
    memcpy(action, at, length);
    action[length] = '\0';
}

/* The note of a request is its number, from 1. */
static int note(const void *request, size_t bytes)
{
    struct taped *call = NULL;
    size_t number = 0;
    pthread_mutex_lock(&lock);
    if (recording->count == MOST_CALLS)
        support_die("too many requests for one tape");
    number = ++recording->count;
    call = &recording->calls[number - 1];
    memset(call, 0, sizeof(*call));
    take_action(call->action, request, bytes);
    call->asked = body_of(request, bytes);
    pthread_mutex_unlock(&lock);
    return (int)number;
}

static int64_t reply_bytes(const void *at, size_t count, int number)
{
    int64_t bytes = support_proxy_http.reply_bytes(at, count, 0);
    struct taped *call = NULL;
    if (bytes <= 0)
        return bytes;
    pthread_mutex_lock(&lock);
    call = (size_t)number <= recording->count ? &recording->calls[number - 1] : NULL;
    if (call != NULL && call->reply == NULL) {
        call->reply = body_of(at, (size_t)bytes);
        call->status = (int)strtol((const char *)at + strlen("HTTP/1.1 "), NULL, 10);
    }
    pthread_mutex_unlock(&lock);
    return bytes;
}

struct dynamodb_tape *dynamodb_tape_start(uint16_t server_port)
{
    static struct support_proxy_framing framing;
    struct dynamodb_tape *tape = calloc(1, sizeof(*tape));
    if (tape == NULL || recording != NULL || (tape->calls = calloc(MOST_CALLS, sizeof(*tape->calls))) == NULL)
        support_die("a tape");
    framing = support_proxy_http;
    framing.note = note;
    framing.reply_bytes = reply_bytes;
    recording = tape;
    tape->proxy = support_proxy_start(&framing, (struct support_proxy_address){ NULL, 0 },
                                      (struct support_proxy_address){ NULL, server_port });
    return tape;
}

void dynamodb_tape_clear(struct dynamodb_tape *tape)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < tape->count; i++) {
        json_decref(tape->calls[i].asked);
        json_decref(tape->calls[i].reply);
    }
    tape->count = 0;
    pthread_mutex_unlock(&lock);
}

void dynamodb_tape_stop(struct dynamodb_tape *tape)
{
    support_proxy_stop(tape->proxy);
    dynamodb_tape_clear(tape);
    recording = NULL;
    free(tape->calls);
    free(tape);
}

uint16_t dynamodb_tape_port(const struct dynamodb_tape *tape)
{
    return support_proxy_port(tape->proxy);
}

void dynamodb_tape_delay_next(struct dynamodb_tape *tape, int64_t ms)
{
    const struct support_proxy_step step = { 1, SUPPORT_PROXY_DELAY };
    const struct support_proxy_plan plan = { .script = &step, .script_count = 1, .delay_ms = ms };
    support_proxy_plan(tape->proxy, &plan);
}

/* ---- in words ---------------------------------------------------------------------------------------------------------------- */

static void say(struct dynamodb_tape *tape, const char *word)
{
    size_t bytes = strlen(word);
    if (tape->text_bytes + bytes >= sizeof(tape->text))
        support_die("too much on the tape to be said");
    memcpy(tape->text + tape->text_bytes, word, bytes + 1);
    tape->text_bytes += bytes;
}

/* What an item is, by its key: a name has no NUL, and behind one stands the kind, or a generation. */
static const char *kind_of(const json_t *key)
{
    const json_t *pk = json_object_get(json_object_get(key, "pk"), "S");
    const char *text = json_string_value(pk);
    const char *nul = text != NULL ? memchr(text, '\0', json_string_length(pk)) : NULL;
    if (text == NULL)
        return "foreign";
    if (nul == NULL)
        return strcmp(text, "epoch") == 0 ? "epoch" : "counter";
    switch (nul[1]) {
    case 't':
        return "token";
    case 'm':
        return "spill";
    case 's':
        return "series";
    case 'i':
        return "import";
    default:
        return "visitor";
    }
}

/* Several of one kind in a row become one word. */
struct row {
    const char *kind;
    size_t count;
};

static void end_row(struct dynamodb_tape *tape, struct row *row)
{
    char times[24];
    if (row->count > 0) {
        say(tape, " ");
        say(tape, row->kind);
    }
    if (row->count > 1) {
        (void)snprintf(times, sizeof(times), "*%zu", row->count);
        say(tape, times);
    }
    row->count = 0;
}

static void say_row(struct dynamodb_tape *tape, struct row *row, const char *kind)
{
    if (row->count > 0 && strcmp(row->kind, kind) != 0)
        end_row(tape, row);
    row->kind = kind;
    row->count++;
}

static const json_t *key_of(const json_t *part)
{
    const json_t *key = json_object_get(part, "Key");
    return key != NULL ? key : json_object_get(part, "Item");
}

static void say_batch(struct dynamodb_tape *tape, json_t *tables)
{
    const char *table = NULL;
    json_t *asked = NULL, *key = NULL;
    size_t i = 0;
    struct row row = { "", 0 };
    json_object_foreach(tables, table, asked)
    {
        if (json_is_true(json_object_get(asked, "ConsistentRead")))
            say(tape, " consistent");
        json_array_foreach(json_object_get(asked, "Keys"), i, key)
        {
            say_row(tape, &row, kind_of(key));
        }
    }
    end_row(tape, &row);
}

static void say_transaction(struct dynamodb_tape *tape, json_t *items)
{
    static char words[4096][48];
    json_t *item = NULL, *at = NULL;
    const char *part = NULL;
    size_t i = 0;
    struct row row = { "", 0 };
    json_array_foreach(items, i, item)
    {
        json_object_foreach(item, part, at)
        {
            (void)snprintf(words[i], sizeof(words[i]), "%s:%s", part, kind_of(key_of(at)));
            say_row(tape, &row, words[i]);
        }
    }
    end_row(tape, &row);
}

static void say_call(struct dynamodb_tape *tape, const struct taped *call)
{
    json_t *part = NULL;
    say(tape, call->action);
    if ((part = json_object_get(call->asked, "TransactItems")) != NULL) {
        say_transaction(tape, part);
    } else if ((part = json_object_get(call->asked, "RequestItems")) != NULL) {
        say_batch(tape, part);
    } else {
        if (json_is_true(json_object_get(call->asked, "ConsistentRead")))
            say(tape, " consistent");
        if (key_of(call->asked) != NULL) {
            say(tape, " ");
            say(tape, kind_of(key_of(call->asked)));
        } else if ((part = json_object_get(call->asked, "IndexName")) != NULL) {
            say(tape, " index ");
            say(tape, json_string_value(part));
        }
    }
    if (call->status != 200)
        say(tape, call->status == 0 ? " unanswered" : " failed");
    say(tape, "\n");
}

const char *dynamodb_tape_lines(struct dynamodb_tape *tape)
{
    pthread_mutex_lock(&lock);
    tape->text_bytes = 0;
    tape->text[0] = '\0';
    for (size_t i = 0; i < tape->count; i++)
        say_call(tape, &tape->calls[i]);
    pthread_mutex_unlock(&lock);
    return tape->text;
}

const char *dynamodb_tape_expressions(struct dynamodb_tape *tape, size_t at, size_t part)
{
    const json_t *asked = NULL, *items = NULL;
    const char *update = NULL, *condition = NULL;
    pthread_mutex_lock(&lock);
    asked = at < tape->count ? tape->calls[at].asked : NULL;
    items = json_object_get(asked, "TransactItems");
    if (items != NULL)
        asked = json_object_iter_value(json_object_iter(json_array_get(items, part)));
    update = json_string_value(json_object_get(asked, "UpdateExpression"));
    condition = json_string_value(json_object_get(asked, "ConditionExpression"));
    tape->text_bytes = 0;
    tape->text[0] = '\0';
    say(tape, update != NULL ? update : "");
    if (condition != NULL) {
        say(tape, " IF ");
        say(tape, condition);
    }
    for (char *c = tape->text; *c != '\0'; c++) /* m3, x3, y3 */
        if (strchr("mxy", c[0]) != NULL && strchr("0123456789abcdef", c[1]) != NULL && c[1] != '\0' &&
            (c == tape->text || strchr(" (,", c[-1]) != NULL))
            c[1] = '#';
    pthread_mutex_unlock(&lock);
    return tape->text;
}

/* ---- in units ---------------------------------------------------------------------------------------------------------------- */

static size_t number_bytes(const char *text)
{
    size_t digits = strspn(text + (*text == '-'), "0123456789");
    return (digits + 1) / 2 + 1 + (*text == '-');
}

size_t dynamodb_item_bytes(const json_t *item)
{
    size_t bytes = 0;
    const char *name = NULL, *type = NULL;
    json_t *value = NULL, *inner = NULL;
    json_object_foreach((json_t *)(uintptr_t)item, name, value)
    {
        bytes += strlen(name);
        json_object_foreach(value, type, inner)
        {
            const char *text = json_string_value(inner);
            size_t length = json_string_length(inner);
            if (text == NULL)
                support_die("an attribute that is neither S, N nor B");
            if (type[0] == 'N')
                bytes += number_bytes(text);
            else if (type[0] == 'S')
                bytes += length;
            else
                bytes +=
                    length / 4 * 3 - (length > 0 && text[length - 1] == '=') - (length > 1 && text[length - 2] == '=');
        }
    }
    return bytes;
}

static int64_t pages(size_t bytes)
{
    return bytes == 0 ? 1 : (int64_t)((bytes + READ_BYTES - 1) / READ_BYTES);
}

static int64_t bill_batch(const struct taped *call)
{
    int64_t halves = 0;
    const char *table = NULL;
    json_t *asked = NULL, *item = NULL;
    size_t i = 0;
    json_object_foreach(json_object_get(call->asked, "RequestItems"), table, asked)
    {
        const json_t *found = json_object_get(json_object_get(call->reply, "Responses"), table);
        int64_t each = json_is_true(json_object_get(asked, "ConsistentRead")) ? 2 : 1;
        halves += each * (int64_t)(json_array_size(json_object_get(asked, "Keys")) - json_array_size(found));
        json_array_foreach(found, i, item)
        {
            halves += each * pages(dynamodb_item_bytes(item));
        }
    }
    return halves;
}

static int64_t bill_read(const struct taped *call)
{
    int64_t each = json_is_true(json_object_get(call->asked, "ConsistentRead")) ? 2 : 1;
    size_t bytes = dynamodb_item_bytes(json_object_get(call->reply, "Item"));
    json_t *item = NULL;
    size_t i = 0;
    json_array_foreach(json_object_get(call->reply, "Items"), i, item)
    {
        bytes += dynamodb_item_bytes(item);
    }
    return each * pages(bytes);
}

/* One write: a unit as long as the item is of 1 KB or less, before and after. It is looked at after each of them, so what it was
 * before has been seen then. */
static int64_t bill_part(const json_t *part, json_t *(*look)(const char *table, json_t *key))
{
    const json_t *from = key_of(part);
    json_t *key = json_pack("{s:O, s:O}", "pk", json_object_get(from, "pk"), "sk", json_object_get(from, "sk"));
    json_t *item = look(json_string_value(json_object_get(part, "TableName")), key);
    if (dynamodb_item_bytes(item) > WRITE_BYTES)
        support_die("an item of more than 1 KB");
    json_decref(item);
    return 2;
}

static int64_t bill_write(const struct taped *call, json_t *(*look)(const char *table, json_t *key))
{
    json_t *items = json_object_get(call->asked, "TransactItems"), *item = NULL;
    int64_t halves = 0;
    size_t i = 0;
    if (items == NULL)
        return bill_part(call->asked, look);
    json_array_foreach(items, i, item)
    {
        halves += 2 * bill_part(json_object_iter_value(json_object_iter(item)), look);
    }
    return halves;
}

static int reads(const struct taped *call)
{
    return strcmp(call->action, "GetItem") == 0 || strcmp(call->action, "Query") == 0;
}

static int writes(const struct taped *call)
{
    return strcmp(call->action, "UpdateItem") == 0 || strcmp(call->action, "PutItem") == 0 ||
           strcmp(call->action, "DeleteItem") == 0 || strcmp(call->action, "TransactWriteItems") == 0;
}

static int64_t said_halves(const struct taped *call)
{
    const json_t *said = json_object_get(call->reply, "ConsumedCapacity");
    double units = json_number_value(json_object_get(said, "CapacityUnits"));
    for (size_t i = 0; i < json_array_size(said); i++)
        units += json_number_value(json_object_get(json_array_get(said, i), "CapacityUnits"));
    return (int64_t)(2 * units + 0.5);
}

struct dynamodb_bill dynamodb_tape_bill(struct dynamodb_tape *tape, json_t *(*look)(const char *table, json_t *key))
{
    struct dynamodb_bill bill = { 0, 0, 0, 0 };
    for (size_t i = 0; i < tape->count; i++) {
        const struct taped *call = &tape->calls[i];
        int transaction = strcmp(call->action, "TransactWriteItems") == 0;
        if (strcmp(call->action, "BatchGetItem") == 0 || reads(call)) {
            bill.read_halves += reads(call) ? bill_read(call) : bill_batch(call);
            bill.said_read_halves += said_halves(call);
        } else if (writes(call)) {
            bill.write_halves += bill_write(call, look);
            bill.said_write_halves += transaction ? 0 : said_halves(call);
        } else {
            support_die("a request whose price is not known here");
        }
    }
    return bill;
}
