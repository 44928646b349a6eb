/* cases.h: the promises, by theme. Each theme is a file with one test a promise and a table of them at its end; conformance.c
 * runs all that the backend's caps allow. */
#ifndef CONFORMANCE_CASES_H
#define CONFORMANCE_CASES_H
#include <stdint.h>

struct suite_case {
    const char *name; /* NULL ends a table */
    void (*run)(void **state);
    uint32_t needs; /* enum footfall_store_caps: all of these, or the promise is not made */
};
#define SUITE_CASE(test)                                                                                               \
    {                                                                                                                  \
#test, test, 0                                                                                                 \
    }
#define SUITE_CASE_NEEDS(test, caps)                                                                                   \
    {                                                                                                                  \
#test, test, caps                                                                                              \
    }
#define SUITE_CASES_END                                                                                                \
    {                                                                                                                  \
        NULL, NULL, 0                                                                                                  \
    }

extern const struct suite_case suite_windows[], suite_epochs[], suite_keys[], suite_numbers[], suite_names[],
    suite_addresses[], suite_tokens[], suite_series[], suite_list[], suite_forgetting[], suite_batches[],
    suite_upkeep[], suite_misuse[], suite_submit[], suite_submit_read[], suite_concurrency[];
#endif
