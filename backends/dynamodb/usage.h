/* usage.h: consumed units, from the answers and by the documented rules. */
#ifndef FOOTFALL_DYNAMODB_USAGE_H
#define FOOTFALL_DYNAMODB_USAGE_H
#include "answer.h"
#include "client.h"

/* Counts what one attempt cost when that is known: r->reply is read for an answer. Nothing when capacity is 0. */
void footfall__dynamodb_count_units(struct dynamodb_usage *usage, int capacity, const struct dynamodb_request *r,
                                    enum dynamodb_verdict verdict);
#endif
