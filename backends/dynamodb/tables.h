/* tables.h: the two tables as a whole: making them, looking at them, what rights they ask for, and moving in from another
 * table. Counting is elsewhere. Everything here takes the client and the tables' names, so that it can be tried without a
 * store; the same thread rule as the client's: one at a time. Failures leave one line in the call's text. */
#ifndef FOOTFALL_DYNAMODB_TABLES_H
#define FOOTFALL_DYNAMODB_TABLES_H
#include "client.h"

#define DYNAMODB_LIST_INDEX "list"        /* of the table of counts: hash `d`, range `pk`, keys only */
#define DYNAMODB_TTL_ATTRIBUTE "e"        /* of both tables */
enum { DYNAMODB_TABLE_NAME_BYTES = 256 }; /* a table's name, 3 to 255 characters, with the NUL */

/* ---- settings.c --------------------------------------------------------------------------------------------------------- */

/* The value, or NULL when it is not set or empty. */
const char *footfall__dynamodb_setting(const struct footfall_store_setting *settings, size_t count, const char *key);
/* Into *out, which stays as it is when the key is not set: 0, or CONFIG. */
int footfall__dynamodb_bool(int *out, const struct footfall_store_setting *settings, size_t count, const char *key,
                            struct footfall_store_call *call);
/* Is it a table's name: 3 to 255 of a-z A-Z 0-9 _ . -? Source: "Naming rules" in the DynamoDB guide. */
int footfall__dynamodb_is_table(const char *name);
/* The names of both tables, DYNAMODB_TABLE_NAME_BYTES each: 0, or CONFIG. */
int footfall__dynamodb_table_names(char *table, char *key_table, const struct footfall_store_setting *settings,
                                   size_t count, struct footfall_store_call *call);

/* ---- tables.c --------------------------------------------------------------------------------------------------------- */

/* Makes the tables that are missing (on demand), waits until both are active, and switches expiry on. Any number of processes
 * may do so at once. What exists with other keys, or with expiry on another attribute, is left untouched, and then nothing at
 * all is made. 0; TEMPORARY: not ready by the deadline, call again; BROKEN: other keys, no right; NO_MEMORY. */
int footfall__dynamodb_create_tables(struct dynamodb_client *client, const char *table, const char *key_table,
                                     struct footfall_store_call *call);

/* One of the Describe actions on a table. As footfall__dynamodb_ask. */
enum dynamodb_answer footfall__dynamodb_describe(struct dynamodb_client *client, enum dynamodb_action action,
                                                 const char *table, json_t **reply, struct footfall_store_call *call);
/* Of DescribeTable's "Table": 1 when its keys, or those of the list index that it must have, are not ours, with what is wrong
 * in `why`; 0 when all is well. */
int footfall__dynamodb_layout_wrong(const json_t *table, int must_list, char *why, size_t why_bytes);
/* The member's text, "" when there is none or it is no text. */
const char *footfall__dynamodb_member(const json_t *object, const char *member);
/* That of the index of this name in "Table", or NULL. */
const json_t *footfall__dynamodb_index(const json_t *table, const char *name);

/* ---- check.c, probes.c -------------------------------------------------------------------------------------------------- */

/* For the slot `check`: credentials, state, keys, expiry, billing, backups, replicas, protection, clock, rights. Changes nothing:
 * what is tried to learn of a right to write stands under a condition that cannot hold. makes_tables: those that are missing
 * are made when the backend is opened. 0; TEMPORARY, NO_MEMORY. */
int footfall__dynamodb_check(struct dynamodb_client *client, const char *table, const char *key_table, int makes_tables,
                             footfall_store_finding *each, void *user, struct footfall_store_call *call);
/* The rights that counting asks for, one harmless request each; tells of those that are missing, and when none is. has_index:
 * the list index is there to be asked. 0; TEMPORARY, NO_MEMORY. */
int footfall__dynamodb_probe_rights(struct dynamodb_client *client, const char *table, int is_key_table, int has_index,
                                    footfall_store_finding *each, void *user, struct footfall_store_call *call);

/* ---- rights.c ------------------------------------------------------------------------------------------------------------ */

/* The slot `rights`. From the settings `table`, `key_table`, `region`, `create_table` and, without a region there, from
 * AWS_REGION and AWS_DEFAULT_REGION. */
int footfall__dynamodb_rights(const struct footfall_store_setting *settings, size_t count,
                              const struct footfall_store_rights *wanted, footfall_store_right *each, void *user,
                              struct footfall_store_call *call);

/* ---- import.c ----------------------------------------------------------------------------------------------------------- */

/* The slot `import_foreign`: the counter in `table` gets what a tutorial's table counts. Items are either `ip_address`,
 * `visit_count` (total: the sum; unique: how many items) or `id`, `views` (total: the sum; unique: 0); other attributes are
 * not looked at, anything else is INVALID, an empty table too. One page a call, then one transaction: its record, pk = name NUL
 * "i", sk = 16 bytes of SHA-256(generation, 8 bytes big endian ‖ the source's name), holds `t` and `u` as imported last and `n`,
 * how often it was written. Each transaction asks for the `n` that it read: late copies die, and reading the record tells what
 * became of any of them. Slots, `r` and `w` of the counter are not touched. */
int footfall__dynamodb_import(struct dynamodb_client *client, const char *table, struct footfall_store_import *import,
                              int *more, struct footfall_store_call *call);
#endif
