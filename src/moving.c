/* moving.c: around the store rather than in it: the rights that it needs, and moving in from another program's counters
 * (footfall_admin.h). What the rights are called and what can be read is the backend's. */
#include <string.h>
#include <openssl/crypto.h>

#include "alloc.h"
#include "config.h"
#include "engine.h"
#include "error.h"
#include "footfall_admin.h"
#include "name.h"

enum { TEXT_BYTES = 200, ACCOUNT_BYTES = 12 };

static int backend_of(struct footfall_backend *out, struct footfall__settings *settings,
                      const struct footfall_config *config, struct footfall_error *err)
{
    const char *why = NULL;
    int rc = footfall__config_settings(settings, config, err);
    if (rc == FOOTFALL_OK && footfall__backend_normalise(out, settings->backend, &why) != 0)
        rc = footfall__fail(err, FOOTFALL_CONFIG, 0, "backend: %s %s", footfall_config_get(config, "backend"), why);
    return rc;
}

/* ---- rights ----------------------------------------------------------------------------------------------------------- */

static int check_wanted(const struct footfall_rights_wanted *wanted, struct footfall_error *err)
{
    if (wanted->size != sizeof *wanted)
        return footfall__fail(err, FOOTFALL_MISUSE, 0, "struct footfall_rights_wanted has size %zu, not %zu",
                              wanted->size, sizeof *wanted);
    if (wanted->purpose < FOOTFALL_RIGHTS_RUN || wanted->purpose > FOOTFALL_RIGHTS_IMPORT)
        return footfall__fail(err, FOOTFALL_INVALID, 0, "purpose is %d, which is none", (int)wanted->purpose);
    if (wanted->account != NULL &&
        (strlen(wanted->account) != ACCOUNT_BYTES || strspn(wanted->account, "0123456789") != ACCOUNT_BYTES))
        return footfall__fail(err, FOOTFALL_INVALID, 0, "account is not %d digits", ACCOUNT_BYTES);
    if ((wanted->purpose == FOOTFALL_RIGHTS_IMPORT) != (wanted->source != NULL && wanted->source[0] != '\0'))
        return footfall__fail(err, FOOTFALL_INVALID, 0, "a source goes with importing, and importing with a source");
    return FOOTFALL_OK;
}

int footfall_rights(const struct footfall_config *config, const struct footfall_rights_wanted *wanted,
                    footfall_each_right *each, void *user, struct footfall_error *err)
{
    struct footfall_store_setting *settings = NULL;
    struct footfall_store_rights asked;
    struct footfall__settings engine;
    struct footfall_backend backend;
    char text[TEXT_BYTES] = "";
    struct footfall_store_call call = { .deadline_ms = INT64_MAX, .text = text, .text_bytes = sizeof text };
    size_t count = 0;
    int rc;
    if (config == NULL || wanted == NULL || each == NULL)
        return footfall__fail(err, FOOTFALL_INVALID, 0, "config, wanted or each is NULL");
    rc = check_wanted(wanted, err);
    if (rc == FOOTFALL_OK)
        rc = backend_of(&backend, &engine, config, err);
    if (rc == FOOTFALL_OK)
        rc = footfall__config_section(&settings, &count, config, &backend, err);
    if (rc != FOOTFALL_OK)
        return rc;
    asked.purpose = (enum footfall_store_purpose)wanted->purpose;
    asked.account = wanted->account;
    asked.source = wanted->source;
    rc = footfall__store_rights(&backend, settings, count, &asked, each, user, &call);
    footfall__free(settings);
    if (rc != 0)
        return footfall__fail(err, rc, 0, "backend %s: %s", backend.name, text);
    footfall__fine(err);
    return FOOTFALL_OK;
}

/* ---- moving in -------------------------------------------------------------------------------------------------------- */

int footfall_import_supported(const struct footfall_config *config, struct footfall_error *err)
{
    struct footfall__settings engine;
    struct footfall_backend backend;
    int rc;
    if (config == NULL)
        return footfall__fail(err, FOOTFALL_INVALID, 0, "config is NULL");
    rc = backend_of(&backend, &engine, config, err);
    if (rc == FOOTFALL_OK && backend.import_foreign == NULL)
        rc = footfall__fail(err, FOOTFALL_UNSUPPORTED, 0, "backend %s cannot import from another program's table",
                            backend.name);
    if (rc == FOOTFALL_OK)
        footfall__fine(err);
    return rc;
}

struct importing {
    struct footfall_store_import *import;
    int more;
    int doubted; /* an attempt may have been applied: only success ends that */
};

/* In doubt, the store is asked again as after a temporary fault: it finds out what became of it. */
static int run_import(struct footfall *ff, struct footfall__store *store, void *user, struct footfall_store_call *call)
{
    struct importing *i = user;
    int rc;
    (void)ff;
    rc = footfall__store_import_foreign(store, i->import, &i->more, call);
    if (rc != FOOTFALL_STORE_UNKNOWN)
        return rc;
    i->doubted = 1;
    return FOOTFALL_STORE_TEMPORARY;
}

static int import_all(struct footfall *ff, struct footfall_store_import *import, const struct footfall_call *call,
                      struct footfall_error *err)
{
    struct importing importing = { import, 1, 0 };
    struct footfall_error failed;
    int rc = FOOTFALL_OK;
    while (rc == FOOTFALL_OK && importing.more)
        rc = footfall__exclusively(ff, call, run_import, &importing, &failed);
    if (rc == FOOTFALL_OK)
        return rc;
    return footfall__fail(err, importing.doubted ? FOOTFALL_UNKNOWN : rc, failed.native, "%s", failed.text);
}

int footfall_import_foreign(struct footfall *ff, const char *source, const char *name, const struct footfall_call *call,
                            struct footfall_import_result *out, struct footfall_error *err)
{
    struct footfall_store_import *import = NULL;
    int rc;
    if (out != NULL)
        memset(out, 0, sizeof *out);
    rc = footfall__enter(ff, call, 1, err);
    if (rc != FOOTFALL_OK)
        return rc;
    if (source == NULL || source[0] == '\0' || name == NULL)
        rc = footfall__fail(err, FOOTFALL_INVALID, 0, "%s", name == NULL ? "name is NULL" : "there is no source");
    else
        rc = footfall__name_check(name, strnlen(name, FOOTFALL_NAME_BYTES + 1), err);
    if (rc == FOOTFALL_OK && ff->backend.import_foreign == NULL)
        rc = footfall__fail(err, FOOTFALL_UNSUPPORTED, 0, "backend %s cannot import from another program's table",
                            ff->backend.name);
    if (rc == FOOTFALL_OK && (import = footfall__calloc(1, sizeof *import)) == NULL)
        rc = footfall__fail(err, FOOTFALL_NO_MEMORY, 0, "no memory for an import");
    if (rc == FOOTFALL_OK) {
        import->source = source;
        import->name = name;
        import->name_bytes = strlen(name);
        rc = import_all(ff, import, call, err);
    }
    if (rc == FOOTFALL_OK && out != NULL)
        *out = (struct footfall_import_result){ import->source_total, import->source_unique, import->added_total,
                                                import->added_unique, import->total,         import->unique };
    if (import != NULL)
        OPENSSL_cleanse(import, sizeof *import); /* the cursor may show a visitor */
    footfall__free(import);
    footfall__leave(ff);
    if (rc == FOOTFALL_OK)
        footfall__fine(err);
    return rc;
}
