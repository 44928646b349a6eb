/* actions.c: what the requests are called (client.h). */
#include "client.h"

const char *footfall__dynamodb_action_name(enum dynamodb_action action)
{
    static const char *const names[DYNAMODB_ACTIONS] = {
        [DYNAMODB_GET_ITEM] = "GetItem",
        [DYNAMODB_BATCH_GET_ITEM] = "BatchGetItem",
        [DYNAMODB_UPDATE_ITEM] = "UpdateItem",
        [DYNAMODB_PUT_ITEM] = "PutItem",
        [DYNAMODB_DELETE_ITEM] = "DeleteItem",
        [DYNAMODB_TRANSACT_WRITE_ITEMS] = "TransactWriteItems",
        [DYNAMODB_QUERY] = "Query",
        [DYNAMODB_SCAN] = "Scan",
        [DYNAMODB_CREATE_TABLE] = "CreateTable",
        [DYNAMODB_DESCRIBE_TABLE] = "DescribeTable",
        [DYNAMODB_DESCRIBE_TIME_TO_LIVE] = "DescribeTimeToLive",
        [DYNAMODB_UPDATE_TIME_TO_LIVE] = "UpdateTimeToLive",
        [DYNAMODB_DESCRIBE_CONTINUOUS_BACKUPS] = "DescribeContinuousBackups",
    };
    return names[action];
}
