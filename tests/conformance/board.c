/* board.c: notes of completions (board.h). */
#include "board.h"
#include "suite_asks.h"

#include <string.h>
#include <time.h>

struct note notes[MANY];

void prepare(struct board *board, struct footfall *ff)
{
    board->ff = ff;
    memset(notes, 0, sizeof(notes));
    for (int i = 0; i < MANY; i++)
        notes[i].board = board;
}

void take_note(void *user, const struct footfall_result *r, const struct footfall_error *err)
{
    struct note *note = user;
    pthread_mutex_lock(&note->board->mutex);
    note->runs++;
    note->r = *r;
    note->err_status = err->status;
    note->board->done++;
    pthread_cond_broadcast(&note->board->changed);
    pthread_mutex_unlock(&note->board->mutex);
}

void wait_for(struct board *board, int count)
{
    struct timespec until;
    int rc = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    pthread_mutex_lock(&board->mutex);
    while (board->done < count && rc == 0)
        rc = pthread_cond_timedwait(&board->changed, &board->mutex, &until);
    pthread_mutex_unlock(&board->mutex);
    assert_int_equal(rc, 0);
}
