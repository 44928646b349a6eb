/* arguments.c: the words of a command line become a command, its operands and option values. What the values mean is
 * values.c's and the commands' affair. */
#include "arguments.h"

#include <stdlib.h>
#include <string.h>

#define WORD_BYTES 40 /* of an unknown word that is worth repeating */

struct parser {
    struct footfall_cli_arguments *out;
    int argc;
    char *const *argv;
    int at; /* the word that is looked at */
    const char **words;
    size_t word_count; /* operands so far, the command's name first */
    char *text;
    size_t text_bytes;
};

/* How many letters must be changed, added, dropped or swapped with the next to make one of the other; 99 for long words. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][WORD_BYTES + 1], *before = rows[0], *above = rows[1], *row = rows[2];
    size_t a_bytes = strlen(a), b_bytes = strlen(b);
    if (a_bytes > WORD_BYTES || b_bytes > WORD_BYTES)
        return 99;
    for (size_t j = 0; j <= b_bytes; j++)
        above[j] = j;
    for (size_t i = 1; i <= a_bytes; i++) {
        size_t *next = before;
        row[0] = i;
        for (size_t j = 1; j <= b_bytes; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
        before = above;
        above = row;
        row = next;
    }
    return above[b_bytes];
}

/* Keeps in *nearest the name that is nearest to the word, if it is near enough to be meant. */
static void compare(const char **nearest, size_t *least, const char *word, const char *name)
{
    size_t far = distance(word, name);
    if (far < *least && far <= 1 + strlen(name) / 4) {
        *least = far;
        *nearest = name;
    }
}

/* Unknown words come from outside: only what is printable is repeated, and not at length. */
static void printable(char out[WORD_BYTES + 1], const char *word)
{
    size_t bytes = 0;
    for (; bytes < WORD_BYTES && word[bytes] != '\0'; bytes++)
        out[bytes] = word[bytes] >= 0x20 && word[bytes] < 0x7f ? word[bytes] : '?';
    out[bytes] = '\0';
}

static int unknown_command(const struct parser *p, const char *word)
{
    const char *nearest = NULL;
    size_t least = 99;
    char shown[WORD_BYTES + 1];
    for (size_t i = 0; i < FOOTFALL_CLI_COMMANDS; i++)
        compare(&nearest, &least, word, footfall__cli_commands[i].name);
    printable(shown, word);
    if (nearest != NULL)
        snprintf(p->text, p->text_bytes, "there is no command '%s'; did you mean '%s'?", shown, nearest);
    else
        snprintf(p->text, p->text_bytes, "there is no command '%s'; see footfall --help", shown);
    return -1;
}

static int belongs_to(enum footfall_cli_command command, enum footfall_cli_option option)
{
    const struct footfall_cli_own_option *own = footfall__cli_commands[command].own;
    if (footfall__cli_options[option].help != NULL)
        return 1;
    for (; own->option != FOOTFALL_CLI_END; own++)
        if (own->option == option)
            return 1;
    return 0;
}

/* Whether it may be meant, as far as the command is known yet. */
static int may_be_meant(const struct parser *p, enum footfall_cli_option option)
{
    for (size_t i = 0; p->word_count > 0 && i < FOOTFALL_CLI_COMMANDS; i++)
        if (strcmp(footfall__cli_commands[i].name, p->words[0]) == 0)
            return belongs_to((enum footfall_cli_command)i, option);
    return 1;
}

static int unknown_option(const struct parser *p, const char *word, size_t name_bytes)
{
    const char *nearest = NULL;
    size_t least = 99;
    char shown[WORD_BYTES + 1], name[WORD_BYTES + 2];
    snprintf(name, sizeof name, "%.*s", (int)(name_bytes < sizeof name ? name_bytes : sizeof name), word);
    printable(shown, name);
    for (size_t i = 0; strncmp(name, "--", 2) == 0 && i < FOOTFALL_CLI_OPTIONS; i++)
        if (footfall__cli_options[i].name != NULL && may_be_meant(p, (enum footfall_cli_option)i))
            compare(&nearest, &least, name + 2, footfall__cli_options[i].name);
    if (nearest != NULL)
        snprintf(p->text, p->text_bytes, "there is no option '%s'; did you mean '--%s'?", shown, nearest);
    else
        snprintf(p->text, p->text_bytes, "there is no option '%s'; see footfall --help", shown);
    return -1;
}

/* "-c" or "--json", as the user would write it. */
static const char *option_word(char out[WORD_BYTES], enum footfall_cli_option option)
{
    const struct footfall_cli_option_row *row = &footfall__cli_options[option];
    if (row->name != NULL)
        snprintf(out, WORD_BYTES, "--%s", row->name);
    else
        snprintf(out, WORD_BYTES, "-%c", row->letter);
    return out;
}

static int add_setting(const struct parser *p, const char *pair)
{
    struct footfall_cli_arguments *out = p->out;
    const char *equals = strchr(pair, '=');
    struct footfall_setting *grown = NULL;
    char *key = NULL;
    if (equals == NULL || equals == pair) {
        snprintf(p->text, p->text_bytes, "-o needs KEY=VALUE");
        return -1;
    }
    grown = realloc(out->settings, (out->setting_count + 1) * sizeof *grown);
    if (grown != NULL)
        out->settings = grown;
    if (grown == NULL || (key = strndup(pair, (size_t)(equals - pair))) == NULL) {
        snprintf(p->text, p->text_bytes, "out of memory");
        return -1;
    }
    out->settings[out->setting_count++] = (struct footfall_setting){ key, equals + 1 };
    return 0;
}

/* `inside` is the value that came with the word ("--at=…", "-cFILE"), NULL if none did. */
static int take_option(struct parser *p, enum footfall_cli_option option, const char *inside)
{
    const struct footfall_cli_option_row *row = &footfall__cli_options[option];
    const char **value = &p->out->values[option];
    char word[WORD_BYTES];
    if (row->value == NULL && inside != NULL) {
        snprintf(p->text, p->text_bytes, "%s takes no value", option_word(word, option));
        return -1;
    }
    if (row->value != NULL && inside == NULL) {
        if (p->at + 1 >= p->argc) {
            snprintf(p->text, p->text_bytes, "%s needs a value: %s", option_word(word, option), row->value);
            return -1;
        }
        inside = p->argv[++p->at];
    }
    if (option == FOOTFALL_CLI_SETTING && add_setting(p, inside) != 0)
        return -1;
    if (row->value != NULL && *value != NULL && option != FOOTFALL_CLI_SETTING) {
        snprintf(p->text, p->text_bytes, "%s was given twice", option_word(word, option));
        return -1;
    }
    *value = inside == NULL ? "" : inside;
    return 0;
}

static int take_long(struct parser *p, const char *word)
{
    size_t bytes = strcspn(word + 2, "=");
    for (size_t i = 1; i < FOOTFALL_CLI_OPTIONS; i++) {
        const char *name = footfall__cli_options[i].name;
        if (name != NULL && strlen(name) == bytes && memcmp(name, word + 2, bytes) == 0)
            return take_option(p, (enum footfall_cli_option)i, word[2 + bytes] == '=' ? word + 3 + bytes : NULL);
    }
    return unknown_option(p, word, 2 + bytes);
}

static int take_short(struct parser *p, const char *word)
{
    for (size_t i = 1; i < FOOTFALL_CLI_OPTIONS; i++)
        if (footfall__cli_options[i].letter == word[1])
            return take_option(p, (enum footfall_cli_option)i, word[2] != '\0' ? word + 2 : NULL);
    return unknown_option(p, word, strlen(word));
}

/* "-5" is a number, and no option has a digit for a letter; "-" is standard input. */
static int is_operand(const char *word)
{
    return word[0] != '-' || word[1] == '\0' || (word[1] >= '0' && word[1] <= '9');
}

static int take_words(struct parser *p)
{
    int only_operands = 0;
    for (p->at = 1; p->at < p->argc; p->at++) {
        const char *word = p->argv[p->at];
        int failed = 0;
        if (only_operands || is_operand(word))
            p->words[p->word_count++] = word;
        else if (strcmp(word, "--") == 0)
            only_operands = 1;
        else
            failed = word[1] == '-' ? take_long(p, word) : take_short(p, word);
        if (failed)
            return -1;
    }
    return 0;
}

static int check_command(const struct parser *p)
{
    struct footfall_cli_arguments *out = p->out;
    const struct footfall_cli_command_row *row = &footfall__cli_commands[out->command];
    char word[WORD_BYTES];
    for (size_t i = 1; i < FOOTFALL_CLI_OPTIONS; i++)
        if (out->values[i] != NULL && !belongs_to(out->command, (enum footfall_cli_option)i)) {
            snprintf(p->text, p->text_bytes, "%s does not go with '%s'; see footfall %s --help",
                     option_word(word, (enum footfall_cli_option)i), row->name, row->name);
            return -1;
        }
    if (out->values[FOOTFALL_CLI_HELP] != NULL || out->values[FOOTFALL_CLI_VERSION] != NULL)
        return 0;
    if (out->operand_count >= row->least && out->operand_count <= row->most)
        return 0;
    snprintf(p->text, p->text_bytes, "%s arguments; usage: footfall %s%s%s",
             out->operand_count < row->least ? "too few" : "too many", row->name, *row->operands ? " " : "",
             row->operands);
    return -1;
}

static int find_command(const struct parser *p)
{
    struct footfall_cli_arguments *out = p->out;
    if (p->word_count == 0) {
        if (out->values[FOOTFALL_CLI_HELP] != NULL || out->values[FOOTFALL_CLI_VERSION] != NULL)
            return 0;
        snprintf(p->text, p->text_bytes, "no command; see footfall --help");
        return -1;
    }
    for (size_t i = 0; i < FOOTFALL_CLI_COMMANDS; i++)
        if (strcmp(footfall__cli_commands[i].name, p->words[0]) == 0)
            out->command = (enum footfall_cli_command)i;
    if (out->command == FOOTFALL_CLI_NONE)
        return unknown_command(p, p->words[0]);
    memmove(out->operands, out->operands + 1, (p->word_count - 1) * sizeof *out->operands);
    out->operand_count = p->word_count - 1;
    return check_command(p);
}

int footfall__cli_parse(struct footfall_cli_arguments *out, int argc, char *const argv[], char *text, size_t text_bytes)
{
    struct parser p = { out, argc, argv, 1, NULL, 0, text, text_bytes };
    memset(out, 0, sizeof *out);
    out->command = FOOTFALL_CLI_NONE;
    out->operands = p.words = calloc((size_t)argc + 1, sizeof *out->operands);
    if (p.words == NULL) {
        snprintf(text, text_bytes, "out of memory");
        return -1;
    }
    if (take_words(&p) == 0 && find_command(&p) == 0)
        return 0;
    footfall__cli_free(out);
    return -1;
}

void footfall__cli_free(struct footfall_cli_arguments *arguments)
{
    for (size_t i = 0; i < arguments->setting_count; i++)
        free((void *)(uintptr_t)arguments->settings[i].key);
    free(arguments->settings);
    free(arguments->operands);
    arguments->settings = NULL;
    arguments->operands = NULL;
    arguments->setting_count = arguments->operand_count = 0;
}
