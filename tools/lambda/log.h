/* log.h: lines on standard error, where Lambda picks them up: "footfall: …", of one invocation "footfall: REQUEST-ID: …". */
#ifndef FOOTFALL_RUNTIME_LOG_H
#define FOOTFALL_RUNTIME_LOG_H
#include "footfall.h"

/* For the process, once it is known: what is less urgent than level is left out. Before: FOOTFALL_LOG_WARN. */
void footfall__runtime_log_up_to(enum footfall_log_level level);
/* The invocation that lines belong to from here on; NULL: none. Borrowed until the next call. */
void footfall__runtime_log_of(const char *request_id);

/* One line; what is no printable ASCII in it becomes '?'. */
void footfall__runtime_log(enum footfall_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same, as the log of an engine or a site. */
void footfall__runtime_log_line(void *user, enum footfall_log_level level, const char *line);
#endif
