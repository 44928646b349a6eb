/* reader.c: lines of whatever format a log has. Each format has a file of its own. */
#include "json.h"

#include <stdlib.h>

const char footfall__logs_no_memory[] = "out of memory";

const char *footfall__logs_read(struct footfall_logs_line *out, struct footfall_logs_reader *reader, const char *line,
                                size_t bytes)
{
    if (reader->format == FOOTFALL_LOGS_JSON)
        return footfall__logs_json(out, reader, line, bytes);
    return footfall__logs_line(out, &reader->minute, reader->format, line, bytes);
}

void footfall__logs_reader_free(struct footfall_logs_reader *reader)
{
    json_decref(reader->object);
    free(reader->bytes);
    *reader = (struct footfall_logs_reader){ .format = reader->format, .keys = reader->keys };
}
