/* check.c: what an operator should know of the tables behind the counters, in words (footfall_check). Changes nothing. What
 * may be done to them is asked in probes.c. */
#include "tables.h"

#include "bytes.h"
#include "clock.h"

#include <inttypes.h>
#include <string.h>

enum { REFUSED = 1, STRANGER = 2 }; /* what `ask` returns beside 0 and a status */
enum { FINE, NOTE, WARNING, WRONG, TEXT_BYTES = 400, WHY_BYTES = 128, APART_MS = 60000 };

struct checking {
    struct dynamodb_client *client;
    const char *table;
    int is_key_table, makes_tables;
    footfall_store_finding *each;
    void *user;
    struct footfall_store_call *call;
};

static void tell(const struct checking *c, int severity, const char *advice, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void tell(const struct checking *c, int severity, const char *advice, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list args;
    va_start(args, format);
    footfall__vformat(text, sizeof text, format, args);
    va_end(args);
    c->each(c->user, severity, text, advice);
}

static void forget_fault(const struct checking *c)
{
    if (c->call->text_bytes > 0) /* it is a finding, not a fault */
        c->call->text[0] = '\0';
    c->call->native = 0;
}

/* One of the Describe actions: 0 with *reply; REFUSED, *denied saying whether for want of a right, or there is no such table
 * (*absent); STRANGER, which has been told, and nothing else can be learned; or a negative status when no answer came. */
static int ask(const struct checking *c, enum dynamodb_action action, json_t **reply, int *denied, int *absent)
{
    enum dynamodb_answer answer = footfall__dynamodb_describe(c->client, action, c->table, reply, c->call);
    *denied = answer == DYNAMODB_DENIED;
    *absent = answer == DYNAMODB_NOT_FOUND;
    if (answer == DYNAMODB_ANSWERED)
        return 0;
    if (answer == DYNAMODB_NO_ANSWER || answer == DYNAMODB_OUT_OF_MEMORY)
        return footfall__dynamodb_status(answer, action, c->table, c->call);
    if (answer == DYNAMODB_STRANGER)
        tell(c, WRONG,
             "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, choose a profile (dynamodb.profile or AWS_PROFILE), "
             "or run where a role gives credentials; then check this host's clock.",
             "There are no credentials that the service accepts: %s", c->call->text);
    forget_fault(c);
    return answer == DYNAMODB_STRANGER ? STRANGER : REFUSED;
}

static void could_not_look(const struct checking *c, enum dynamodb_action action, int denied, const char *at)
{
    if (denied)
        tell(c, NOTE, "Grant it while checking, or look yourself.", "%s of table %s: not told (no right to %s).", at,
             c->table, footfall__dynamodb_action_name(action));
    else
        tell(c, NOTE, "Look yourself.", "%s of table %s: not told (the service does not answer %s).", at, c->table,
             footfall__dynamodb_action_name(action));
}

/* ---- the table ------------------------------------------------------------------------------------------------------------ */

static void check_state(const struct checking *c, const json_t *table)
{
    const char *state = footfall__dynamodb_member(table, "TableStatus");
    char why[WHY_BYTES];
    if (footfall__dynamodb_layout_wrong(table, !c->is_key_table, why, sizeof why))
        tell(c, WRONG, "Give the name of another table, and have this program make it (dynamodb.create_table = true).",
             "Table %s is not one of ours: %s.", c->table, why);
    else if (strcmp(state, "ACTIVE") == 0 || strcmp(state, "UPDATING") == 0)
        tell(c, FINE, NULL, "Table %s is there and has the keys that it should.", c->table);
    else
        tell(c, WRONG, "Wait until it is active, or see the console.", "Table %s cannot be used: it is %s.", c->table,
             state);
}

static void check_index(const struct checking *c, const json_t *table)
{
    const json_t *index = footfall__dynamodb_index(table, DYNAMODB_LIST_INDEX);
    const char *state = footfall__dynamodb_member(index, "IndexStatus");
    const char *holds = footfall__dynamodb_member(json_object_get(index, "Projection"), "ProjectionType");
    if (index == NULL)
        return; /* said already */
    if (strcmp(state, "ACTIVE") != 0 && strcmp(state, "UPDATING") != 0)
        tell(c, WARNING, "Wait until it is active.",
             "Index " DYNAMODB_LIST_INDEX " of table %s is %s: counters cannot "
             "be listed.",
             c->table, state);
    if (strcmp(holds, "KEYS_ONLY") != 0)
        tell(c, WARNING, "Make the index anew, with keys only.",
             "Index " DYNAMODB_LIST_INDEX " of table %s holds more than keys: every count pays for it again.",
             c->table);
}

static void check_billing(const struct checking *c, const json_t *table)
{
    const char *mode = footfall__dynamodb_member(json_object_get(table, "BillingModeSummary"), "BillingMode");
    const json_t *bought = json_object_get(table, "ProvisionedThroughput");
    if (strcmp(mode, "PAY_PER_REQUEST") == 0)
        tell(c, FINE, NULL, "Table %s is billed on demand.", c->table);
    else
        tell(c, NOTE, "Choose on demand unless traffic is steady and known.",
             "Table %s has bought capacity (%" JSON_INTEGER_FORMAT " reads, %" JSON_INTEGER_FORMAT
             " writes a second): above it, counting is throttled.",
             c->table, json_integer_value(json_object_get(bought, "ReadCapacityUnits")),
             json_integer_value(json_object_get(bought, "WriteCapacityUnits")));
}

static void check_copies(const struct checking *c, const json_t *table)
{
    size_t replicas = json_array_size(json_object_get(table, "Replicas"));
    if (replicas > 0 || footfall__dynamodb_member(table, "GlobalTableVersion")[0] != '\0')
        tell(c, WRONG, "Use a table in one region.",
             "Table %s is a global table (%zu replicas), where the last writer wins: counts would be lost.", c->table,
             replicas);
    if (!c->is_key_table && !json_is_true(json_object_get(table, "DeletionProtectionEnabled")))
        tell(c, NOTE, "Switch deletion protection on.", "Table %s can be deleted by one request.", c->table);
}

static int check_table(const struct checking *c, int *has_table, int *has_index)
{
    json_t *reply = NULL;
    const json_t *table = NULL;
    int denied = 0, absent = 0;
    int rc = ask(c, DYNAMODB_DESCRIBE_TABLE, &reply, &denied, &absent);
    *has_table = !absent;
    *has_index = !absent;
    if (rc == REFUSED && absent && c->makes_tables)
        tell(c, NOTE, "The first command that counts makes it (dynamodb.create_table is true).",
             "There is no table %s yet in region %s.", c->table, footfall__dynamodb_client_region(c->client));
    else if (rc == REFUSED && absent)
        tell(c, WRONG, "Set dynamodb.create_table = true once, or give the right name and region.",
             "There is no table %s in region %s.", c->table, footfall__dynamodb_client_region(c->client));
    else if (rc == REFUSED)
        could_not_look(c, DYNAMODB_DESCRIBE_TABLE, denied, "State and keys");
    if (rc != 0)
        return rc == REFUSED ? 0 : rc;
    table = json_object_get(reply, "Table");
    *has_index = footfall__dynamodb_index(table, DYNAMODB_LIST_INDEX) != NULL;
    check_state(c, table);
    if (!c->is_key_table)
        check_index(c, table);
    check_billing(c, table);
    check_copies(c, table);
    json_decref(reply);
    return 0;
}

/* ---- what goes, and what stays ------------------------------------------------------------------------------------------- */

static int check_expiry(const struct checking *c)
{
    json_t *reply = NULL;
    const char *state = NULL, *attribute = NULL;
    int denied = 0, absent = 0;
    int rc = ask(c, DYNAMODB_DESCRIBE_TIME_TO_LIVE, &reply, &denied, &absent);
    if (rc == REFUSED)
        could_not_look(c, DYNAMODB_DESCRIBE_TIME_TO_LIVE, denied, "Expiry");
    if (rc != 0)
        return rc == REFUSED ? 0 : rc;
    state = footfall__dynamodb_member(json_object_get(reply, "TimeToLiveDescription"), "TimeToLiveStatus");
    attribute = footfall__dynamodb_member(json_object_get(reply, "TimeToLiveDescription"), "AttributeName");
    if (strncmp(state, "ENABL", 5) != 0)
        tell(c, WARNING, "Switch time to live on, for attribute " DYNAMODB_TTL_ATTRIBUTE ".",
             c->is_key_table ? "Nothing expires in table %s by itself: keys go only while a process counts."
                             : "Nothing expires in table %s: records of visitors stay, and are paid for, for ever.",
             c->table);
    else if (strcmp(attribute, DYNAMODB_TTL_ATTRIBUTE) != 0)
        tell(c, WRONG, "Set time to live to attribute " DYNAMODB_TTL_ATTRIBUTE ".",
             "Items of table %s expire by attribute %s, not by " DYNAMODB_TTL_ATTRIBUTE ".", c->table, attribute);
    else
        tell(c, FINE, NULL, "What is out of date expires from table %s.", c->table);
    json_decref(reply);
    return 0;
}

static int check_backups(const struct checking *c)
{
    json_t *reply = NULL;
    const json_t *described = NULL;
    int denied = 0, absent = 0, is_on = 0;
    int rc = ask(c, DYNAMODB_DESCRIBE_CONTINUOUS_BACKUPS, &reply, &denied, &absent);
    if (rc == REFUSED)
        could_not_look(c, DYNAMODB_DESCRIBE_CONTINUOUS_BACKUPS, denied, "Point-in-time recovery");
    if (rc != 0)
        return rc == REFUSED ? 0 : rc;
    described =
        json_object_get(json_object_get(reply, "ContinuousBackupsDescription"), "PointInTimeRecoveryDescription");
    is_on = strcmp(footfall__dynamodb_member(described, "PointInTimeRecoveryStatus"), "ENABLED") == 0;
    if (c->is_key_table && is_on)
        tell(c, WRONG, "Switch point-in-time recovery off for this table, and keep it out of backup plans.",
             "Table %s is backed up: keys that were erased live on in its backups, and with them who came.", c->table);
    else if (c->is_key_table)
        tell(c, FINE, NULL, "Table %s has no point-in-time recovery: erased keys are gone.", c->table);
    else if (!is_on)
        tell(c, NOTE, "Switch point-in-time recovery on if a mistake must be undone.",
             "Table %s has no point-in-time recovery.", c->table);
    else
        tell(c, FINE, NULL, "Table %s has point-in-time recovery.", c->table);
    json_decref(reply);
    return 0;
}

static int check_one(const struct checking *c)
{
    int has_table = 0, has_index = 0;
    int rc = check_table(c, &has_table, &has_index);
    if (rc == 0 && has_table)
        rc = check_expiry(c);
    if (rc == 0 && has_table)
        rc = check_backups(c);
    if (rc == 0 && has_table)
        rc =
            footfall__dynamodb_probe_rights(c->client, c->table, c->is_key_table, has_index, c->each, c->user, c->call);
    return rc;
}

/* ---- both, and the clock --------------------------------------------------------------------------------------------------- */

/* Windows go by this host's clock, expiries and marks by the service's; more than an hour between them and records go too
 * early. The replies so far told the service's time. */
static void check_clock(const struct checking *c)
{
    int64_t apart = footfall__dynamodb_now_ms(c->client) - footfall__wall_ms();
    if (apart < 0)
        apart = -apart;
    if (apart > APART_MS)
        tell(c, WARNING, "Set this host's clock (NTP).", "The service's clock is %" PRId64 " s off this host's.",
             apart / 1000);
    else
        tell(c, FINE, NULL, "The service's clock agrees with this host's.");
}

int footfall__dynamodb_check(struct dynamodb_client *client, const char *table, const char *key_table, int makes_tables,
                             footfall_store_finding *each, void *user, struct footfall_store_call *call)
{
    struct checking c = { client, table, 0, makes_tables, each, user, call };
    int rc = check_one(&c);
    if (rc == 0) {
        c.table = key_table;
        c.is_key_table = 1;
        rc = check_one(&c);
    }
    if (rc == 0)
        check_clock(&c);
    return rc == STRANGER ? 0 : rc;
}
