/* replace.h: a file that is replaced as a whole: whatever happens, its name stands for the old one or for the new whole one.
 * What is written there is the commands' affair. */
#ifndef FOOTFALL_CLI_REPLACE_H
#define FOOTFALL_CLI_REPLACE_H
#include <limits.h>
#include <stdio.h>

struct footfall_cli_replacement {
    FILE *out;             /* where the new content is to be written */
    const char *file;      /* as given */
    int through;           /* no regular file, or standard output: written to as it is, not replaced */
    char path[PATH_MAX];   /* the file itself, links followed */
    char beside[PATH_MAX]; /* path.new-XXXXXX, the new content until it is whole */
};

/* Makes a file beside `file`, with its mode; or opens what is no regular file, for writing. The string is borrowed until the
 * end. 0, or FOOTFALL_CLI_USAGE after a message; nothing is left then. */
int footfall__cli_replace_begin(struct footfall_cli_replacement *replacement, const char *file);
/* exit 0: puts the new content in its place, on disk when this returns. Else drops it. Returns `exit`, or FOOTFALL_CLI_FAILED
 * after a message. A reader that went away is no failure. */
int footfall__cli_replace_end(struct footfall_cli_replacement *replacement, int exit);

/* Forces the folder that holds `path` to disk: 0, or -1 with errno. */
int footfall__cli_sync_folder(const char *path);
#endif
