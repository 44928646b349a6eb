/* usage.c: consumed units (usage.h). Source: "Read and write operations" and "Managing complex workflows with DynamoDB
 * transactions" in the DynamoDB guide: a write of up to 1 KB is a unit, in a transaction two, also when its condition fails. */
#include "usage.h"

enum { IN_TRANSACTION = 2, UNITS_MAX = 1000000 /* of one reply: a page of a megabyte is 256 */ };

static double units_of(const json_t *consumed)
{
    double sum = json_number_value(json_object_get(consumed, "CapacityUnits"));
    for (size_t i = 0; i < json_array_size(consumed); i++)
        sum += json_number_value(json_object_get(json_array_get(consumed, i), "CapacityUnits"));
    return sum;
}

void footfall__dynamodb_count_units(struct dynamodb_usage *usage, int capacity, const struct dynamodb_request *r,
                                    enum dynamodb_verdict verdict)
{
    int transaction = r->action == DYNAMODB_TRANSACT_WRITE_ITEMS;
    double units = 0;
    if (!capacity)
        return;
    if (verdict == DYNAMODB_IS_CONDITION || verdict == DYNAMODB_IS_CANCELED ||
        (transaction && verdict == DYNAMODB_IS_ANSWER))
        units = transaction ? r->items * IN_TRANSACTION : r->items; /* none of our items is larger than 1 KB */
    else if (verdict == DYNAMODB_IS_ANSWER)
        units = units_of(json_object_get(r->reply, "ConsumedCapacity"));
    if (!(units > 0 && units <= UNITS_MAX))
        return;
    if (r->items > 0)
        atomic_fetch_add_explicit(&usage->write_units, (uint64_t)(units + 0.5), memory_order_relaxed);
    else
        atomic_fetch_add_explicit(&usage->read_units_x2, (uint64_t)(2 * units + 0.5), memory_order_relaxed);
}
