/* credentials.h: what the sources of credentials have in common. credentials.c asks them in turn: files.c (over profile.c),
 * container.c and instance.c (over metadata.c). A source answers 0 with out->access_key_id set, 0 and all NULL when it has nothing
 * to say, or a status with a text that shows no secret. */
#ifndef FOOTFALL_DYNAMODB_CREDENTIALS_H
#define FOOTFALL_DYNAMODB_CREDENTIALS_H
#include "client.h"

/* ---- credentials.c: texts, and where they come from -------------------------------------------------------------- */

enum dynamodb_variable { /* of the environment */
                         DYNAMODB_ACCESS_KEY_ID,
                         DYNAMODB_SECRET_ACCESS_KEY,
                         DYNAMODB_SESSION_TOKEN,
                         DYNAMODB_REGION,
                         DYNAMODB_DEFAULT_REGION,
                         DYNAMODB_PROFILE,
                         DYNAMODB_CREDENTIALS_FILE,
                         DYNAMODB_CONFIG_FILE,
                         DYNAMODB_HOME,
                         DYNAMODB_WEB_IDENTITY,
                         DYNAMODB_RELATIVE_URI,
                         DYNAMODB_FULL_URI,
                         DYNAMODB_TOKEN,
                         DYNAMODB_TOKEN_FILE,
                         DYNAMODB_METADATA_DISABLED,
                         DYNAMODB_METADATA_ENDPOINT,
                         DYNAMODB_METADATA_MODE,
                         DYNAMODB_VARIABLES
};
extern const char *const footfall__dynamodb_variables[DYNAMODB_VARIABLES]; /* their names */

struct dynamodb_sources { /* as they were when the chain was made. NULL: not set */
    char *access_key_id, *secret_access_key, *session_token, *profile, *region; /* settings */
    char *env[DYNAMODB_VARIABLES];                                              /* never empty */
    int on_instance; /* instance metadata have answered before, so that they ought to answer */
};

enum { DYNAMODB_ID_BYTES = 128, DYNAMODB_SECRET_BYTES = 256, DYNAMODB_TOKEN_BYTES = 16384 }; /* at most */

/* Copies an id, its secret and a token (NULL: none), once they are looked at. 0, *out all NULL when there is neither id nor secret;
 * `status` with a text of `where` and the name of the one that is missing or wrong; NO_MEMORY. */
int footfall__dynamodb_take(struct dynamodb_credentials *out, const char *const texts[3], const char *const names[3],
                            int status, const char *where, struct footfall_store_call *call);
void footfall__dynamodb_drop(struct dynamodb_credentials *credentials); /* cleanses, frees, makes all NULL */
void footfall__dynamodb_cleanse(char *text);                            /* and frees; NULL is fine */
int footfall__dynamodb_is_plain(const char *text, size_t max_bytes);    /* 1 to max_bytes of visible ASCII */

/* ---- profile.c: one profile of one shared file ------------------------------------------------------------------- */

enum dynamodb_profile_value { PROFILE_ID, PROFILE_SECRET, PROFILE_TOKEN, PROFILE_REGION, PROFILE_VALUES };
struct dynamodb_profile {
    int line;                     /* of its section; 0: it is not there */
    char *values[PROFILE_VALUES]; /* NULL: not there, or empty */
    const char *role;             /* "role_arn" when it has one: another identity than its keys */
    const char *foreign;          /* another source of credentials that it names, "credential_process"; NULL: none */
};
/* Reads profile `name` in the text of `path`; in a config file its section is "profile NAME". 0; BROKEN, with path and line in the
 * text; NO_MEMORY. *out wants footfall__dynamodb_profile_drop whatever comes. */
int footfall__dynamodb_profile(struct dynamodb_profile *out, const char *name, int is_config, const char *path,
                               const char *text, size_t bytes, struct footfall_store_call *call);
void footfall__dynamodb_profile_drop(struct dynamodb_profile *profile);
const char *footfall__dynamodb_path_end(const char *path); /* a long path as texts show it: its end matters most */

/* ---- files.c: ~/.aws/credentials and ~/.aws/config --------------------------------------------------------------- */

enum { DYNAMODB_FILE_BYTES = 1048576, DYNAMODB_PATH_BYTES = 4096 };
int footfall__dynamodb_files(struct dynamodb_credentials *out, const struct dynamodb_sources *from,
                             struct footfall_store_call *call);
/* *out is allocated, or NULL: no file has one. */
int footfall__dynamodb_files_region(char **out, const struct dynamodb_sources *from, struct footfall_store_call *call);
/* Reads a file into memory of max_bytes + 1, *out, with a NUL after it; footfall__dynamodb_cleanse_bytes ends it. 0 or errno;
 * EFBIG, ENOMEM, EINVAL (a FIFO, a socket) too. */
int footfall__dynamodb_file_read(char **out, size_t *bytes, const char *path, size_t max_bytes);
void footfall__dynamodb_cleanse_bytes(char *text, size_t bytes); /* and frees; NULL is fine */

/* ---- metadata.c: small answers over HTTP ------------------------------------------------------------------------- */

enum { DYNAMODB_REPLY_BYTES = 65536 };
struct dynamodb_metadata { /* one question, and its answer */
    const char *what;      /* "the container's credentials": begins texts */
    const char *method;    /* NULL: GET; else with an empty body */
    const char *header;    /* "Name: value", secret; NULL: none */
    char *reply;           /* ends with a NUL; footfall__dynamodb_metadata_drop */
    size_t reply_bytes;
    long status;     /* of HTTP; 0: there was no answer */
    int unreachable; /* nobody took a connection */
};
/* Asks up to three times within the call's deadline, while there is no answer or one of 429 or 5xx. 0: there is one of any other
 * status; TEMPORARY, NO_MEMORY. */
int footfall__dynamodb_metadata(struct dynamodb_metadata *metadata, const char *url, struct footfall_store_call *call);
void footfall__dynamodb_metadata_drop(struct dynamodb_metadata *metadata); /* the reply, cleansed */
/* The reply as credentials. `lasting`: they may lack token and expiry. 0; TEMPORARY: there are none that are good at now_ms. */
int footfall__dynamodb_metadata_parse(struct dynamodb_credentials *out, const struct dynamodb_metadata *metadata,
                                      int lasting, int64_t now_ms, struct footfall_store_call *call);
/* "2026-11-28T09:00:00Z", also with a fraction or an offset: 0, or -1. */
int footfall__dynamodb_time(int64_t *out_ms, const char *text);

/* ---- container.c, instance.c: who is asked ----------------------------------------------------------------------- */

int footfall__dynamodb_container(struct dynamodb_credentials *out, const struct dynamodb_sources *from, int64_t now_ms,
                                 struct footfall_store_call *call);
/* The endpoint's URL, allocated; NULL: the environment names none. BROKEN: it may not be asked. */
int footfall__dynamodb_container_url(char **out, const struct dynamodb_sources *from, struct footfall_store_call *call);
int footfall__dynamodb_instance(struct dynamodb_credentials *out, struct dynamodb_sources *from, int64_t now_ms,
                                struct footfall_store_call *call);
#endif
