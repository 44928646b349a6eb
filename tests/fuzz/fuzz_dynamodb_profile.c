/* fuzz_dynamodb_profile.c: any text as a shared AWS file. The first byte says which of the two it is and which profile is looked for.
 * What is found is whole, and the same with a BOM and with CRLF; a fault names a line that is there, in words that show nothing of
 * the text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "credentials.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void must(int holds)
{
    if (!holds)
        abort();
}

static void check_error(const char *said, int lines)
{
    static const char *const texts[] = {
        ": a '[' without ']'",
        ": only a comment may follow ']'",
        ": no '=': a line is \"key = value\", [section] or # comment",
        ": no key before the '='",
        ": a setting before the first [section]",
        ": set deeper than the line above, so that it continues its value",
        ": the line holds a control character",
        ": write aws_access_key_id without quotes",
        ": write aws_secret_access_key without quotes",
        ": write aws_session_token without quotes",
        ": write region without quotes",
    };
    char *end = NULL;
    long line = 0;
    int known = 0;
    must(strncmp(said, "FILE:", 5) == 0);
    line = strtol(said + 5, &end, 10);
    must(line >= 1 && line <= lines);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        known += strcmp(end, texts[i]) == 0;
    must(known == 1);
}

static void check_profile(const struct dynamodb_profile *p, int lines)
{
    must(p->line >= 0 && p->line <= lines);
    for (int i = 0; i < PROFILE_VALUES; i++) {
        const char *value = p->values[i];
        must(value == NULL || (p->line > 0 && value[0] != '\0'));
        for (; value != NULL && *value != '\0'; value++)
            must((unsigned char)*value >= 0x20 || *value == '\t');
    }
    must(p->line > 0 || (p->role == NULL && p->foreign == NULL));
}

static int same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* With a BOM before it, and CR before each LF that has none. */
static void check_again(const struct dynamodb_profile *p, const char *name, int is_config, const char *text,
                        size_t size)
{
    struct footfall_store_call call = { 0 };
    struct dynamodb_profile again;
    char *copy = malloc(2 * size + 3);
    size_t to = 3;
    if (copy == NULL)
        return;
    memcpy(copy, "\xef\xbb\xbf", 3);
    for (size_t i = size >= 3 && memcmp(text, copy, 3) == 0 ? 3 : 0; i < size; i++) {
        if (text[i] == '\n' && copy[to - 1] != '\r')
            copy[to++] = '\r';
        copy[to++] = text[i];
    }
    must(footfall__dynamodb_profile(&again, name, is_config, "FILE", copy, to, &call) == 0);
    must(again.line == p->line && again.role == p->role && again.foreign == p->foreign);
    for (int i = 0; i < PROFILE_VALUES; i++)
        must(same(again.values[i], p->values[i]));
    footfall__dynamodb_profile_drop(&again);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const names[] = { "default", "a", "a b" };
    char said[256] = "";
    struct footfall_store_call call = { .text = said, .text_bytes = sizeof said };
    struct dynamodb_profile profile;
    char *text = NULL;
    const char *name = NULL;
    int is_config = 0;
    int lines = 1;
    int rc = 0;
    if (size == 0 || (text = malloc(size)) == NULL)
        return 0;
    is_config = bytes[0] & 1;
    name = names[(bytes[0] >> 1) % 3];
    memcpy(text, bytes + 1, size - 1);
    for (size_t i = 0; i < size - 1; i++)
        lines += text[i] == '\n';
    rc = footfall__dynamodb_profile(&profile, name, is_config, "FILE", text, size - 1, &call);
    must(rc == 0 || rc == FOOTFALL_STORE_BROKEN);
    if (rc == 0) {
        check_profile(&profile, lines);
        check_again(&profile, name, is_config, text, size - 1);
    } else {
        check_error(said, lines);
    }
    footfall__dynamodb_profile_drop(&profile);
    free(text);
    return 0;
}
