/* ingest.h: what the parts of `footfall ingest` share. ingest_rules.c takes what counts from the options. ingest_stream.c
 * decompresses, ingest_reader.c cuts files into lines, ingest_lines.c makes operations of lines by the rules and asks
 * ingest_agents.c about agents, ingest_source.c makes batches of them, ingest_follow.c goes on with a growing log, ingest_pipe.c
 * does all that on a thread of its own. ingest_send.c sends them, ingest_state.c remembers how far it got, ingest_files.c
 * and ingest_rotated.c know files again, ingest_report.c and ingest_progress.c tell, ingest.c begins and ends it all. */
#ifndef FOOTFALL_CLI_INGEST_H
#define FOOTFALL_CLI_INGEST_H
#include <regex.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include <jansson.h>

#include "cli.h"
#include "logs.h"

#define FOOTFALL_INGEST_BATCH 65536        /* operations at most: 16384 cost 20 to 45 % more by path, 131072 no less */
#define FOOTFALL_INGEST_BATCH_MAX 16777216 /* that a state file may ask for */
#define FOOTFALL_INGEST_BATCH_BYTES 33554432 /* of log in a batch, which must not fill the memory when lines are long */
#define FOOTFALL_INGEST_LINE_BYTES 1048576   /* longest line that is looked at */
#define FOOTFALL_INGEST_HEAD_BYTES 4096      /* what a file is known by: its first bytes, */
#define FOOTFALL_INGEST_TAIL_BYTES 256       /* and those before the place that was reached */
#define FOOTFALL_INGEST_AHEAD_MS 3600000     /* how far a line may be ahead of the clock */
#define FOOTFALL_INGEST_STDIN "(standard input)" /* as messages call it */

/* ---- what counts ------------------------------------------------------------------------------------------------------ */

struct footfall_ingest_rules {
    enum footfall_logs_format format;
    struct footfall_logs_keys keys; /* JSON: those given */
    const char *counter;            /* NULL: by path */
    int every_status;
    unsigned char statuses[FOOTFALL_CLI_STATUSES];
    const char *skip_agent; /* NULL: nobody's lines are left out for their agent */
    regex_t skip_agents;    /* the same compiled */
    int strict;
    int with_agent; /* the configuration tells visitors apart by their agent too; no part of the state */
};

extern const char *const footfall__ingest_format_names[]; /* by enum footfall_logs_format */
/* From the options: 0, or an exit status after a message. Strings stay the arguments'. with_agent is the caller's to set. */
int footfall__ingest_take_rules(struct footfall_ingest_rules *rules, const struct footfall_cli_arguments *arguments);
void footfall__ingest_free_rules(struct footfall_ingest_rules *rules);

enum footfall_ingest_skip {
    FOOTFALL_INGEST_BAD_LINE,
    FOOTFALL_INGEST_NO_ADDRESS,
    FOOTFALL_INGEST_UNSPECIFIED,
    FOOTFALL_INGEST_NO_PATH,
    FOOTFALL_INGEST_BAD_NAME,
    FOOTFALL_INGEST_BEFORE_1970,
    FOOTFALL_INGEST_FUTURE,
    FOOTFALL_INGEST_STATUS, /* left out by --status, */
    FOOTFALL_INGEST_AGENT,  /* or by --skip-agent: no faults, these two */
    FOOTFALL_INGEST_SKIPS
};
/* "bad line", and as a JSON key "bad_line". */
extern const char *const footfall__ingest_skip_names[FOOTFALL_INGEST_SKIPS];
extern const char *const footfall__ingest_skip_keys[FOOTFALL_INGEST_SKIPS];

struct footfall_ingest_counts {
    uint64_t read, counted, before, fresh; /* lines; `before`: counted by an earlier run; `fresh`: new visitors */
    uint64_t skipped[FOOTFALL_INGEST_SKIPS];
};

/* ---- bytes ------------------------------------------------------------------------------------------------------------- */

struct footfall_ingest_gzip;
struct footfall_ingest_stream {
    int fd;
    int looked; /* at the bytes that tell what it is */
    unsigned char lead[2];
    size_t lead_bytes;
    struct footfall_ingest_gzip *gzip; /* NULL: nothing to decompress */
    uint64_t offset;                   /* of the next byte that is given out */
    uint64_t taken;                    /* bytes read from fd */
    char wrong[96];                    /* what is, when errno is EBADMSG */
};

/* From where fd stands, which stays the caller's. Nothing is read yet. `plain`: whatever it looks like. */
void footfall__ingest_stream_open(struct footfall_ingest_stream *stream, int fd, int plain);
void footfall__ingest_stream_free(struct footfall_ingest_stream *stream);
/* Up to `size` bytes, 0 at the end, or -1 with errno; the second goes on until the end or `size`. */
ssize_t footfall__ingest_stream_read(struct footfall_ingest_stream *stream, void *out, size_t size);
ssize_t footfall__ingest_stream_read_all(struct footfall_ingest_stream *stream, void *out, size_t size);
/* Passes so many bytes or, unless it is compressed, goes past the end. fd was opened at its beginning. 0, or -1 with errno. */
int footfall__ingest_stream_pass(struct footfall_ingest_stream *stream, uint64_t bytes);
/* Bytes of fd that are done with. */
uint64_t footfall__ingest_stream_taken(const struct footfall_ingest_stream *stream);

/* ---- a place in a file ------------------------------------------------------------------------------------------------ */

/* All before `offset` is done; the hashes are those of the bytes that a file must have to be the same. Of a compressed log all
 * numbers are those of the log, so that it is the same before and after it was compressed. */
struct footfall_ingest_place {
    uint64_t offset;
    uint64_t lines; /* that begin before offset */
    uint64_t head, tail;
    uint32_t head_bytes, tail_bytes;
    int inside_line; /* the line before offset was counted without its newline: what is left of it does not count */
};

struct footfall_ingest_file {
    const char *name; /* as given; "-" is standard input */
    dev_t device;
    ino_t inode;
    int fd;         /* open already, and the run's to close; -1: it is opened by its name */
    uint64_t bytes; /* of a regular file, on disk */
    int regular, compressed;
    struct footfall_ingest_place start; /* zeros: from its beginning */
    size_t entry;                       /* of the state; SIZE_MAX: none yet */
    int left_alone;                     /* nobody adds to it any more */
    char *own_name;                     /* NULL, or `name`, which was not given and is to be freed */
    uint64_t generation;                /* of a slot that is followed: which log that entry is of */
};

uint64_t footfall__ingest_hash(const void *bytes, size_t size);
/* Opens for reading: a descriptor, or -1 with errno. */
int footfall__ingest_open(const struct footfall_ingest_file *file);
/* Looks at every file before anything is counted: 0, or FOOTFALL_CLI_USAGE after a message. `resume`: they must be regular
 * files, none of them twice. `follow`: the last one is kept open. */
int footfall__ingest_look(struct footfall_ingest_file *files, size_t count, int resume, int follow);
/* Bytes that there are to read, as they are on disk; 0: nobody knows. */
uint64_t footfall__ingest_input_bytes(const struct footfall_ingest_file *files, size_t count);
/* Is the regular file that is open the one in which that place was reached? 1, 0, or -1 with errno, and why in `wrong`. */
int footfall__ingest_is_at(int fd, const struct footfall_ingest_place *place, char *wrong, size_t wrong_bytes);

/* The first bytes of a log, by which most places are told to be another log's without reading on. */
struct footfall_ingest_beginning {
    unsigned char head[FOOTFALL_INGEST_HEAD_BYTES];
    size_t bytes;
    int cut; /* they could not be read to their end */
    int compressed;
    uint32_t hashed; /* so many bytes, whose hash is: */
    uint64_t hash;
};
void footfall__ingest_look_at_beginning(struct footfall_ingest_beginning *beginning, int fd); /* from its beginning */
int footfall__ingest_may_be_at(struct footfall_ingest_beginning *beginning, const struct footfall_ingest_place *place);

/* How long the log is that is in the regular file, decompressed; and its bytes and whether it is compressed into `file`. 0, or
 * -1 with errno: it cannot be read to its end. */
int footfall__ingest_log_bytes(int fd, uint64_t *bytes, struct footfall_ingest_file *file);

/* ---- beside a log (ingest_rotated.c) ------------------------------------------------------------------------------------ */

struct footfall_ingest_sibling {
    char *name;
    dev_t device;
    ino_t inode;
    struct timespec modified;
    size_t entry; /* of the state, whose log it is; SIZE_MAX: none's that was looked for */
    int unknown;  /* no entry's at all */
};
struct footfall_ingest_entry;
struct footfall_ingest_siblings { /* latest first */
    struct footfall_ingest_sibling *files;
    size_t count;
};

/* The regular files that are not empty and named as a rotated log of that name may be. 0, or -1: no memory. */
int footfall__ingest_siblings_open(struct footfall_ingest_siblings *siblings, const char *name);
void footfall__ingest_siblings_free(struct footfall_ingest_siblings *siblings);
int footfall__ingest_is_later(const struct footfall_ingest_sibling *sibling, const struct timespec *than);
/* "log.1", "log-20260301.gz": as a rotated log of that name, and hardly anything else, is called. */
int footfall__ingest_is_numbered(const struct footfall_ingest_sibling *sibling, const char *name);
/* Was the entry last read from that file? 0 too when nobody knows. */
int footfall__ingest_was_read_from(const struct footfall_ingest_entry *entry, dev_t device, ino_t inode);
/* Does another file have the name, and is the one that the entry was read from beside it? */
int footfall__ingest_was_renamed(const struct footfall_ingest_file *file, const struct footfall_ingest_entry *entry,
                                 const struct footfall_ingest_place *reached);
/* The one in which that place was reached, open, or -1. */
int footfall__ingest_find_copy(const char *name, const struct footfall_ingest_place *place);

/* ---- lines ------------------------------------------------------------------------------------------------------------ */

struct footfall_ingest_reader {
    struct footfall_ingest_stream stream;
    char *buffer; /* bytes already passed (as many as a place needs), then begin … end: not looked at yet */
    size_t begin, end;
    size_t pending;  /* of the line given out last */
    uint64_t offset; /* in the log, of begin */
    uint64_t start;  /* where it began to read */
    uint64_t stop;   /* the file ends here, whatever follows */
    int at_end;
    int behind; /* the line that was put back is no longer in the buffer: `before` is its place */
    struct footfall_ingest_place before;
    unsigned char head[FOOTFALL_INGEST_HEAD_BYTES];
    size_t head_bytes;
};

struct footfall_ingest_text {
    const char *text; /* within the reader, until the next call; without the newline */
    size_t bytes;
    int complete; /* its newline was there */
    int too_long; /* longer than FOOTFALL_INGEST_LINE_BYTES; text is undefined */
};

/* Goes to that place in a fresh stream, and gives the bytes that stand there: `head` and `tail` have room for as many as a place
 * knows. 0, or -1 with errno (ESTALE: not the file in which it was reached). */
int footfall__ingest_reach(struct footfall_ingest_stream *stream, const struct footfall_ingest_place *place,
                           unsigned char *head, unsigned char *tail);
/* Reads from `start` up to `stop`; fd stands at its beginning, and is taken over. `plain`: as of a stream. 0, or -1 with errno
 * (ESTALE: not the file in which that place was reached). The buffer is kept from one file to the next. */
int footfall__ingest_begin(struct footfall_ingest_reader *reader, int fd, const struct footfall_ingest_place *start,
                           uint64_t stop, int plain);
/* 1: a line; 0: the end; -1: errno. Each call passes the line before. */
int footfall__ingest_line(struct footfall_ingest_reader *reader, struct footfall_ingest_text *out);
void footfall__ingest_put_back(struct footfall_ingest_reader *reader); /* the last line; nothing is read after that */
/* The place after the last line (before it, once put back); `lines` and `inside_line` are the caller's. */
void footfall__ingest_mark(struct footfall_ingest_reader *reader, struct footfall_ingest_place *out);
/* Is it a pipe in which the rest of the next line is not there yet? */
int footfall__ingest_would_wait(const struct footfall_ingest_reader *reader);
uint64_t footfall__ingest_consumed(const struct footfall_ingest_reader *reader); /* bytes on disk, from `start` on */
void footfall__ingest_release(struct footfall_ingest_reader *reader); /* as below, but fd is the caller's again */
void footfall__ingest_close(struct footfall_ingest_reader *reader);   /* the file; keeps the buffer */

/* ---- batches ---------------------------------------------------------------------------------------------------------- */

struct footfall_ingest_where {
    size_t file;
    uint64_t line; /* from 1 */
};

struct footfall_ingest_note { /* a line that is worth naming */
    struct footfall_ingest_where where;
    enum footfall_ingest_skip skip;
    const char *reason;
};
#define FOOTFALL_INGEST_NOTES 3 /* of each kind that are named */

enum footfall_ingest_end {
    FOOTFALL_INGEST_MORE,       /* more may follow */
    FOOTFALL_INGEST_INPUT_ENDS, /* nothing follows */
    FOOTFALL_INGEST_STOPPED,    /* strict: `stop` says where */
    FOOTFALL_INGEST_UNREADABLE  /* `error` and `wrong`, at `reached` */
};

struct footfall_ingest_block;
struct footfall_ingest_batch {
    struct footfall_op *ops; /* visitors point into `visitors`, text into `blocks` */
    struct footfall_visitor *visitors;
    struct footfall_result *results;
    struct footfall_ingest_where *where; /* each op's line */
    size_t count, room;
    struct footfall_ingest_block *blocks, *block;
    int64_t limit_ms; /* later lines are in the future */
    uint64_t names;   /* hash of names and times: a resend must be the same */
    struct footfall_ingest_counts counts;
    struct footfall_ingest_note notes[FOOTFALL_INGEST_SKIPS * FOOTFALL_INGEST_NOTES];
    size_t note_count;
    struct footfall_ingest_where reached; /* the last line read */
    struct footfall_ingest_where next;    /* the first that is not done with it */
    struct footfall_ingest_note stop;
    enum footfall_ingest_end end;
    int error;                                                       /* an errno */
    char wrong[sizeof(((struct footfall_ingest_stream *)0)->wrong)]; /* "" when the errno says it all */
    uint64_t consumed; /* bytes of all input so far, as they are on disk */
    int idle;          /* followed: nothing more is there for the moment */
    char news[256];    /* what is worth a line of the file news_file; "": nothing */
    size_t news_file;
    /* With a state file or followed only, and then all lines are of one file: */
    size_t file;
    uint64_t generation; /* see struct footfall_ingest_file */
    dev_t device;
    ino_t inode;
    uint64_t first;                    /* offset of its first line */
    struct footfall_ingest_place last; /* where it ends */
    int left;                          /* an unfinished line is left for the next run */
};

int footfall__ingest_batch_open(struct footfall_ingest_batch *batch, size_t room); /* 0, or -1: no memory */
void footfall__ingest_batch_free(struct footfall_ingest_batch *batch);
void footfall__ingest_batch_clear(struct footfall_ingest_batch *batch);

enum footfall_ingest_verdict {
    FOOTFALL_INGEST_TAKEN,
    FOOTFALL_INGEST_SKIPPED,
    FOOTFALL_INGEST_UNFINISHED, /* its newline is not there yet, and it does not read as a line */
    FOOTFALL_INGEST_REFUSED,    /* strict: batch->stop */
    FOOTFALL_INGEST_OUT_OF_MEMORY
};

struct footfall_ingest_agents;
struct footfall_ingest_memory { /* what is remembered from one line to the next; begins with zeros */
    struct footfall_logs_reader logs;
    struct footfall_ingest_agents *agents;
};
void footfall__ingest_forget(struct footfall_ingest_memory *memory); /* frees it */

/* Makes an operation of a line, or counts and notes why not. `resume`: see UNFINISHED. */
enum footfall_ingest_verdict footfall__ingest_judge(struct footfall_ingest_batch *batch,
                                                    const struct footfall_ingest_rules *rules,
                                                    struct footfall_ingest_memory *memory,
                                                    const struct footfall_ingest_text *line, int resume);
/* Is that line's agent one of those to be left out (ingest_agents.c)? 1, 0, or -1: no memory. */
int footfall__ingest_skips_agent(const struct footfall_ingest_rules *rules, struct footfall_ingest_memory *memory,
                                 const struct footfall_logs_line *line);

/* ---- where batches come from ------------------------------------------------------------------------------------------ */

#define FOOTFALL_INGEST_FOLLOWED 8 /* logs at once: the one that has the name and those that had it */

struct footfall_ingest_follow;
struct footfall_ingest_source {
    const struct footfall_ingest_rules *rules;
    struct footfall_ingest_file *files;
    size_t file_count;                     /* to be read to their end */
    struct footfall_ingest_follow *follow; /* NULL, or what follows files[file_count]. With it that file and the
                                              FOOTFALL_INGEST_FOLLOWED - 1 after it are slots for logs of its name */
    int resume;
    int prompt;       /* a batch ends where a pipe has nothing more for the moment */
    int waits;        /* a line counts when its newline has come */
    int64_t limit_ms; /* of a batch that is sent again; 0: one hour ahead of the clock */
    uint64_t stop;    /* where that batch ended; UINT64_MAX: read all */
    size_t file;      /* the current one */
    int opened;
    int inside_line;
    uint64_t lines;    /* read of the current file */
    uint64_t consumed; /* of the files before it */
    struct footfall_ingest_reader reader;
    struct footfall_ingest_memory memory;
};

/* Fills a cleared batch with at most `most` operations. */
void footfall__ingest_fill(struct footfall_ingest_source *source, struct footfall_ingest_batch *batch, size_t most);
void footfall__ingest_source_free(struct footfall_ingest_source *source);
/* For ingest_follow.c: fills from the reader, once begun. 1: the log ends there. */
int footfall__ingest_fill_from_reader(struct footfall_ingest_source *source, struct footfall_ingest_batch *batch,
                                      size_t most);
void footfall__ingest_give_up(struct footfall_ingest_source *source, struct footfall_ingest_batch *batch); /* errno */
void footfall__ingest_tell_news(struct footfall_ingest_batch *batch, size_t file, const char *what, const char *why);

struct footfall_ingest_follow *footfall__ingest_follow_open(void); /* NULL: no memory */
void footfall__ingest_follow_free(struct footfall_ingest_follow *follow);
void footfall__ingest_follow_fill(struct footfall_ingest_source *source, struct footfall_ingest_batch *batch,
                                  size_t most);
/* While no batch is wanted: a log that is rotated away meanwhile is not lost sight of. */
void footfall__ingest_follow_watch(struct footfall_ingest_source *source);
int footfall__ingest_has_something(const struct footfall_ingest_batch *batch); /* to be told or counted */

struct footfall_ingest_pipe; /* reads and parses one batch ahead, on a thread of its own */
/* NULL: no memory or no thread. The source must outlive the pipe and is the pipe's until it is closed. */
struct footfall_ingest_pipe *footfall__ingest_pipe_open(struct footfall_ingest_source *source);
/* The next batch, NULL: there is none within a quarter of a second; the one before goes back. Not after one whose end is not
 * MORE. */
const struct footfall_ingest_batch *footfall__ingest_pipe_next(struct footfall_ingest_pipe *pipe);
/* So many operations took so long: later batches are of a size that keeps a run busy, and one that can be watched and stopped. */
void footfall__ingest_pipe_took(struct footfall_ingest_pipe *pipe, size_t count, int64_t ms);
void footfall__ingest_pipe_close(struct footfall_ingest_pipe *pipe);

/* ---- the state file --------------------------------------------------------------------------------------------------- */

struct footfall_ingest_entry {
    char *name; /* under which it was first given, as UTF-8 */
    struct footfall_ingest_place done;
    int closed;   /* it was rotated away and read to its end: nobody need look for it */
    dev_t device; /* the file it was read from last: logs may begin with the same bytes. 0: not known */
    ino_t inode;
};

struct footfall_ingest_doubt { /* a batch that may have been applied */
    int there;
    size_t entry;   /* whose `done` is where the batch began to be read */
    uint64_t first; /* offset of its first line */
    struct footfall_ingest_place last;
    int64_t limit_ms;
    uint64_t operations, names;
};

struct footfall_ingest_state {
    const char *path;
    const char *backend;     /* where its series is known */
    int fd;                  /* locked; -1: the file is not there yet */
    struct timespec written; /* by the run before; 0: none */
    uint8_t series[FOOTFALL_SERIES_BYTES];
    uint64_t number; /* of the batch in doubt, or of the last one */
    struct footfall_ingest_entry *entries;
    size_t entry_count;
    struct footfall_ingest_doubt doubt;
};

/* Locks and reads the state file, or prepares a new one (which is made by the first save). 0, or an exit status after a
 * message: in use, damaged, too old, other options, another backend. */
int footfall__ingest_state_open(struct footfall_ingest_state *state, const char *path, const char *backend,
                                const struct footfall_ingest_rules *rules);
/* Durable when it returns. 0, or FOOTFALL_CLI_FAILED after a message. */
int footfall__ingest_state_save(struct footfall_ingest_state *state, const struct footfall_ingest_rules *rules);
void footfall__ingest_state_free(struct footfall_ingest_state *state);
/* Those after it move up by one. */
void footfall__ingest_state_forget(struct footfall_ingest_state *state, size_t entry);
/* The entry's index, SIZE_MAX: no memory. */
size_t footfall__ingest_state_add(struct footfall_ingest_state *state, const char *name);
/* What a file must have to be that entry's. */
const struct footfall_ingest_place *footfall__ingest_state_reached(const struct footfall_ingest_state *state,
                                                                   size_t entry);
/* Finds each file's entry by what stands in it, and where to go on. 0, or an exit status after a message: a file is a copy of
 * another. */
int footfall__ingest_state_match(struct footfall_ingest_state *state, struct footfall_ingest_file *files, size_t count);
/* 0, or an exit status after a message: the batch in doubt is in no file. */
int footfall__ingest_state_check_doubt(const struct footfall_ingest_state *state,
                                       const struct footfall_ingest_file *files, size_t count);

/* ---- what is told (ingest_report.c) ------------------------------------------------------------------------------------- */

#define FOOTFALL_INGEST_SAMPLES 16
struct footfall_ingest_progress {
    struct footfall_ingest_sample {
        double seconds; /* since the run began */
        uint64_t lines, bytes;
    } samples[FOOTFALL_INGEST_SAMPLES];
    size_t count;
    double shown; /* last, in seconds as above */
};

struct footfall_ingest_report {
    const struct footfall_ingest_file *files;
    struct footfall_ingest_counts sum;
    uint64_t named[FOOTFALL_INGEST_SKIPS]; /* lines named so far */
    struct timespec began;                 /* CLOCK_MONOTONIC */
    uint64_t input_bytes;                  /* that there are to read, as they are on disk; 0: nobody knows */
    int json;
    struct footfall_ingest_progress progress;
};

const char *footfall__ingest_file_name(const struct footfall_ingest_report *report, size_t file); /* for messages */
/* Names the first lines of each kind that were skipped. */
void footfall__ingest_tell_notes(struct footfall_ingest_report *report, const struct footfall_ingest_batch *batch);
/* After a batch that did not wholly succeed: how far it got. Returns the exit status. */
int footfall__ingest_tell_failure(const struct footfall_ingest_report *report,
                                  const struct footfall_ingest_batch *batch, const struct footfall_error *err);
/* Adds what became of a batch's lines. */
void footfall__ingest_add_counts(struct footfall_ingest_report *report, const struct footfall_ingest_batch *batch);
void footfall__ingest_print_summary(const struct footfall_ingest_report *report);
double footfall__ingest_seconds(const struct footfall_ingest_report *report); /* since the run began */

/* On a terminal: how far it is, once its lines are counted (ingest_progress.c). Hidden before the summary; messages wipe it
 * themselves. */
void footfall__ingest_show_progress(struct footfall_ingest_report *report, const struct footfall_ingest_batch *batch);
void footfall__ingest_hide_progress(struct footfall_ingest_report *report);

struct footfall_ingest_gauge {
    uint64_t lines;
    double lines_per_second; /* 0: unknown */
    double share;            /* of the input, 0 to 1; below 0: unknown */
    double seconds_left;     /* below 0: unknown */
    int utf8;
    const char *on, *off; /* the bar's style and its end */
};
/* The figures in a line of at most so many columns; empty when not even one has room (ingest_gauge.c). */
void footfall__ingest_draw_gauge(char *out, size_t size, const struct footfall_ingest_gauge *gauge, size_t columns);

/* As JSON (ingest_record.c). `record` is borrowed. */
json_t *footfall__ingest_record_make(const struct footfall_ingest_state *state,
                                     const struct footfall_ingest_rules *rules, int64_t written_ms);
/* NULL, or why it cannot be used; *written_ms is when it was written. */
const char *footfall__ingest_record_read(struct footfall_ingest_state *state, const struct footfall_ingest_rules *rules,
                                         const json_t *record, int64_t *written_ms);
char *footfall__ingest_utf8(const char *name); /* a copy with '?' for what is no UTF-8; NULL: no memory */

/* ---- the run (ingest.c, ingest_send.c) ----------------------------------------------------------------------------------- */

struct footfall_ingest_run {
    struct footfall_cli *cli;
    struct footfall_ingest_rules rules;
    struct footfall_ingest_file *files;
    size_t file_count;
    int follow;             /* the last one is followed by its name */
    int prompt;             /* it is a pipe, which is followed to its end */
    const char *state_path; /* NULL: nothing is remembered */
    struct footfall_ingest_state state;
    int unsaved; /* it says less than is done */
    struct footfall_call call;
    struct footfall_ingest_report report;
    struct footfall_ingest_where next; /* all before is counted */
};

/* Of the state; the files' entries are counted anew. */
void footfall__ingest_forget_entry(struct footfall_ingest_run *run, size_t entry);
/* Adds files beside those given in which logs of their names go on that a run before was reading (ingest_rotated.c). 0, or an
 * exit status after a message. */
int footfall__ingest_add_rotated(struct footfall_ingest_run *run);
/* Sends the batch of the run before again, if there is one in doubt. 0; -1: its file does not read as it did; or an exit status
 * after a message. Then all that follows. */
int footfall__ingest_settle_doubt(struct footfall_ingest_run *run);
int footfall__ingest_send_all(struct footfall_ingest_run *run);
/* What has run out of use is dropped a slice at a time; a failure there takes nothing from what was counted. */
void footfall__ingest_purge_slice(const struct footfall_ingest_run *run);
#endif
