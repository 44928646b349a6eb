/* board.h: what completions saw. They run on threads of the library, so they only note it; the test's thread judges. */
#ifndef CONFORMANCE_BOARD_H
#define CONFORMANCE_BOARD_H
#include <pthread.h>

#include "footfall.h"

struct note { /* of one submission */
    struct board *board;
    int runs;
    struct footfall_result r;
    int err_status;
};
struct board {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int done;
    struct footfall *ff;
    int inner; /* what a call from inside a completion gave */
};
#define BOARD_INIT                                                                                                     \
    {                                                                                                                  \
        .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER                                        \
    }

enum { MANY = 2000 };
extern struct note notes[MANY]; /* of one test; a completion's `user` is one of them */

void prepare(struct board *board, struct footfall *ff); /* all notes are blank, and on this board */
void take_note(void *user, const struct footfall_result *r, const struct footfall_error *err); /* a completion */
void wait_for(struct board *board, int count); /* until so many completions have run; fails after a minute */
#endif
