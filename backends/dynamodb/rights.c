/* rights.c: the least rights that a configuration needs, as actions and ARNs of AWS IAM (the slot `rights`). Asks nobody. Which
 * requests the backend makes is said in the other files; this one must name them all, and none besides. */
#include "tables.h"

#include "bytes.h"

#include <stdlib.h>
#include <string.h>

enum { REGION_BYTES = 64, RESOURCE_BYTES = 512 };

enum place { COUNTS, INDEX, KEYS, SOURCE, PLACES };

#define RUN (1U << FOOTFALL_STORE_TO_RUN)
#define SET_UP (1U << FOOTFALL_STORE_TO_SET_UP)
#define READ (1U << FOOTFALL_STORE_TO_READ)
#define IMPORT (1U << FOOTFALL_STORE_TO_IMPORT)
#define CREATE 1U /* added to RUN by create_table */

/* In the order of their places. A transaction needs the rights to its parts. The key table is asked for by every handle: for
 * its keys when it opens, and now and then for keys that are due to be erased (who only reads leaves the erasing to others). */
static const struct {
    enum place at;
    unsigned purposes;
    const char *action;
} rights[] = {
    { COUNTS, RUN | IMPORT, "GetItem" },
    { COUNTS, RUN | READ, "BatchGetItem" },
    { COUNTS, RUN | IMPORT, "UpdateItem" },
    { COUNTS, RUN | IMPORT, "PutItem" },
    { COUNTS, RUN, "DeleteItem" },
    { COUNTS, RUN, "ConditionCheckItem" },
    { COUNTS, RUN, "Query" },
    { COUNTS, SET_UP | CREATE, "CreateTable" },
    { COUNTS, SET_UP | CREATE, "DescribeTable" },
    { COUNTS, SET_UP | CREATE, "DescribeTimeToLive" },
    { COUNTS, SET_UP | CREATE, "UpdateTimeToLive" },
    { COUNTS, SET_UP, "DescribeContinuousBackups" },
    { INDEX, RUN | READ, "Query" },
    { KEYS, RUN, "PutItem" },
    { KEYS, RUN, "DeleteItem" },
    { KEYS, RUN | READ | IMPORT, "Query" },
    { KEYS, SET_UP | CREATE, "CreateTable" },
    { KEYS, SET_UP | CREATE, "DescribeTable" },
    { KEYS, SET_UP | CREATE, "DescribeTimeToLive" },
    { KEYS, SET_UP | CREATE, "UpdateTimeToLive" },
    { KEYS, SET_UP, "DescribeContinuousBackups" },
    { SOURCE, IMPORT, "Scan" },
};

/* "eu-west-1", or "*" when none is configured: a profile's file is not read for this. */
static int find_region(char region[REGION_BYTES], const struct footfall_store_setting *settings, size_t count,
                       struct footfall_store_call *call)
{
    const char *found = footfall__dynamodb_setting(settings, count, "region");
    if (found == NULL || found[0] == '\0')
        found = getenv("AWS_REGION");
    if (found == NULL || found[0] == '\0')
        found = getenv("AWS_DEFAULT_REGION");
    if (found == NULL || found[0] == '\0')
        found = "*";
    else if (strlen(found) >= REGION_BYTES || strspn(found, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(found))
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_CONFIG, "dynamodb.region: %.40s is no region", found);
    footfall__format(region, REGION_BYTES, "%s", found);
    return 0;
}

static const char *partition_of(const char *region)
{
    return strncmp(region, "cn-", 3) == 0 ? "aws-cn" : strncmp(region, "us-gov-", 7) == 0 ? "aws-us-gov" : "aws";
}

int footfall__dynamodb_rights(const struct footfall_store_setting *settings, size_t count,
                              const struct footfall_store_rights *wanted, footfall_store_right *each, void *user,
                              struct footfall_store_call *call)
{
    char table[DYNAMODB_TABLE_NAME_BYTES], key_table[DYNAMODB_TABLE_NAME_BYTES];
    const char *const tables[PLACES] = { table, table, key_table, wanted->source };
    char region[REGION_BYTES];
    int creates = 0;
    unsigned purposes = 1U << wanted->purpose;
    int rc = find_region(region, settings, count, call);
    if (rc == 0)
        rc = footfall__dynamodb_table_names(table, key_table, settings, count, call);
    if (rc == 0)
        rc = footfall__dynamodb_bool(&creates, settings, count, "create_table", call);
    if (rc == 0 && wanted->source != NULL && !footfall__dynamodb_is_table(wanted->source))
        rc = footfall__dynamodb_fault(call, FOOTFALL_STORE_INVALID, "%.60s is no table's name", wanted->source);
    if (rc != 0)
        return rc;
    if (wanted->purpose == FOOTFALL_STORE_TO_RUN && creates)
        purposes |= CREATE;
    for (size_t i = 0; i < sizeof rights / sizeof rights[0]; i++) {
        char action[64], resource[RESOURCE_BYTES];
        if ((rights[i].purposes & purposes) == 0)
            continue;
        footfall__format(action, sizeof action, "dynamodb:%s", rights[i].action);
        footfall__format(resource, sizeof resource, "arn:%s:dynamodb:%s:%s:table/%s%s", partition_of(region), region,
                         wanted->account != NULL ? wanted->account : "*", tables[rights[i].at],
                         rights[i].at == INDEX ? "/index/" DYNAMODB_LIST_INDEX : "");
        each(user, action, resource);
    }
    return 0;
}
