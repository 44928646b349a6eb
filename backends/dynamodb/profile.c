/* profile.c: the text of a shared AWS file, ~/.aws/credentials or ~/.aws/config, and one profile in it (credentials.h). As the AWS
 * CLI reads it: comments on lines of their own or after a blank, lines set deeper than the setting above belong to it. Pure. */
#include "credentials.h"

#include "alloc.h"

#include <string.h>
#include <strings.h>

struct span {
    const char *at;
    size_t bytes;
};

struct reader {
    struct dynamodb_profile *out;
    struct footfall_store_call *call;
    const char *name, *path;
    int is_config;
    int line;
    int here;     /* this section is the profile */
    int rank;     /* of the section that was taken: [profile default] goes before [default] */
    int section;  /* there is one above */
    int setting;  /* and one of these in it */
    int ours;     /* and it is one that we read, in our profile */
    size_t depth; /* blanks before it */
};

static const char *const value_names[PROFILE_VALUES] = { "aws_access_key_id", "aws_secret_access_key",
                                                         "aws_session_token", "region" };

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct span trim(struct span s)
{
    while (s.bytes > 0 && is_blank(s.at[0])) {
        s.at++;
        s.bytes--;
    }
    while (s.bytes > 0 && is_blank(s.at[s.bytes - 1]))
        s.bytes--;
    return s;
}

static struct span rest(struct span s, size_t from)
{
    return (struct span){ s.at + from, s.bytes - from };
}

static int is(struct span s, const char *text)
{
    return s.bytes == strlen(text) && strncasecmp(s.at, text, s.bytes) == 0;
}

static int wrong(const struct reader *r, const char *what)
{
    return footfall__dynamodb_fault(r->call, FOOTFALL_STORE_BROKEN, "%s:%d: %s", footfall__dynamodb_path_end(r->path),
                                    r->line, what);
}

/* ---- sections ---------------------------------------------------------------------------------------------------- */

/* 0: another profile's, or none's; else how much this section counts. */
static int section_rank(const struct reader *r, struct span section)
{
    static const char prefix[] = "profile";
    size_t length = sizeof prefix - 1;
    struct span name = section;
    if (r->is_config && section.bytes > length && strncmp(section.at, prefix, length) == 0 &&
        is_blank(section.at[length])) {
        name = trim(rest(section, length));
        if (name.bytes >= 2 && (name.at[0] == '"' || name.at[0] == '\'') && name.at[name.bytes - 1] == name.at[0])
            name = (struct span){ name.at + 1, name.bytes - 2 };
    } else if (r->is_config) {
        return section.bytes == 7 && memcmp(section.at, "default", 7) == 0 && strcmp(r->name, "default") == 0;
    }
    return name.bytes == strlen(r->name) && memcmp(name.at, r->name, name.bytes) == 0 ? 2 : 0;
}

static int section_line(struct reader *r, struct span line)
{
    const char *end = memchr(line.at, ']', line.bytes);
    struct span after;
    int rank = 0;
    if (end == NULL)
        return wrong(r, "a '[' without ']'");
    after = trim(rest(line, (size_t)(end + 1 - line.at)));
    if (after.bytes > 0 && after.at[0] != '#' && after.at[0] != ';')
        return wrong(r, "only a comment may follow ']'");
    rank = section_rank(r, trim((struct span){ line.at + 1, (size_t)(end - line.at - 1) }));
    r->here = rank > 0 && rank >= r->rank;
    r->section = 1;
    r->setting = r->ours = 0;
    if (r->here && rank > r->rank) {
        footfall__dynamodb_profile_drop(r->out);
        r->out->line = r->line;
        r->rank = rank;
    }
    return 0;
}

/* ---- settings ---------------------------------------------------------------------------------------------------- */

/* Other ways to an identity, which we do not go. */
static void note_foreign(struct dynamodb_profile *out, struct span key)
{
    static const char *const foreign[] = { "credential_process", "web_identity_token_file",
                                           "credential_source",  "login_session",
                                           "sso_session",        "sso_start_url",
                                           "sso_account_id",     "sso_role_name" };
    if (is(key, "role_arn"))
        out->role = "role_arn";
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        if (is(key, foreign[i]))
            out->foreign = foreign[i];
}

/* A comment after a value begins with # or ; after a blank; no value that we read holds a blank. */
static struct span without_comment(struct span value)
{
    for (size_t i = 1; i < value.bytes; i++)
        if ((value.at[i] == '#' || value.at[i] == ';') && is_blank(value.at[i - 1]))
            return trim((struct span){ value.at, i });
    return value.bytes > 0 && (value.at[0] == '#' || value.at[0] == ';') ? (struct span){ value.at, 0 } : value;
}

static int keep(struct reader *r, enum dynamodb_profile_value which, struct span value)
{
    char **slot = &r->out->values[which];
    if (value.bytes >= 2 && (value.at[0] == '"' || value.at[0] == '\'') && value.at[value.bytes - 1] == value.at[0])
        return footfall__dynamodb_fault(r->call, FOOTFALL_STORE_BROKEN, "%s:%d: write %s without quotes",
                                        footfall__dynamodb_path_end(r->path), r->line, value_names[which]);
    footfall__dynamodb_cleanse(*slot);
    *slot = NULL;
    if (value.bytes == 0)
        return 0;
    *slot = footfall__strndup(value.at, value.bytes);
    return *slot != NULL ? 0 : footfall__dynamodb_no_memory(r->call);
}

static int setting_line(struct reader *r, struct span line)
{
    const char *equals = memchr(line.at, '=', line.bytes);
    struct span key;
    struct span value;
    if (equals == NULL)
        return wrong(r, "no '=': a line is \"key = value\", [section] or # comment");
    if (!r->section)
        return wrong(r, "a setting before the first [section]");
    key = trim((struct span){ line.at, (size_t)(equals - line.at) });
    value = without_comment(trim(rest(line, (size_t)(equals + 1 - line.at))));
    if (key.bytes == 0)
        return wrong(r, "no key before the '='");
    r->setting = 1;
    r->ours = 0;
    if (!r->here)
        return 0;
    if (value.bytes > 0)
        note_foreign(r->out, key);
    for (int i = 0; i < PROFILE_VALUES; i++)
        if (is(key, value_names[i])) {
            r->ours = 1;
            return keep(r, (enum dynamodb_profile_value)i, value);
        }
    return 0;
}

static int one_line(struct reader *r, struct span line)
{
    struct span text;
    size_t depth;
    if (line.bytes > 0 && line.at[line.bytes - 1] == '\r')
        line.bytes--;
    for (size_t i = 0; i < line.bytes; i++)
        if (((unsigned char)line.at[i] < 0x20 && line.at[i] != '\t') || line.at[i] == 0x7f)
            return wrong(r, "the line holds a control character");
    text = trim(line);
    if (text.bytes == 0 || text.at[0] == '#' || text.at[0] == ';')
        return 0;
    depth = (size_t)(text.at - line.at);
    if (r->setting && depth > r->depth)
        return r->ours ? wrong(r, "set deeper than the line above, so that it continues its value") : 0;
    if (text.at[0] == '[')
        return section_line(r, text);
    r->depth = depth;
    return setting_line(r, text);
}

int footfall__dynamodb_profile(struct dynamodb_profile *out, const char *name, int is_config, const char *path,
                               const char *text, size_t bytes, struct footfall_store_call *call)
{
    struct reader r = { .out = out, .call = call, .name = name, .path = path, .is_config = is_config };
    struct span left = { text, bytes };
    int rc = 0;
    memset(out, 0, sizeof *out);
    if (bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        left = rest(left, 3);
    while (rc == 0 && left.bytes > 0) {
        const char *end = memchr(left.at, '\n', left.bytes);
        size_t length = end != NULL ? (size_t)(end - left.at) : left.bytes;
        r.line++;
        rc = one_line(&r, (struct span){ left.at, length });
        left = rest(left, end != NULL ? length + 1 : length);
    }
    return rc;
}

void footfall__dynamodb_profile_drop(struct dynamodb_profile *profile)
{
    for (int i = 0; i < PROFILE_VALUES; i++)
        footfall__dynamodb_cleanse(profile->values[i]);
    memset(profile, 0, sizeof *profile);
}
