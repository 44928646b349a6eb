/* fault.c: what is said of a fault (client.h). */
#include "client.h"

#include "bytes.h"

#include <stdarg.h>

int footfall__dynamodb_fault(struct footfall_store_call *call, int status, const char *format, ...)
{
    va_list args;
    if (call->text_bytes == 0 || call->text[0] != '\0')
        return status;
    va_start(args, format);
    footfall__vformat(call->text, call->text_bytes, format, args);
    va_end(args);
    return status;
}

int footfall__dynamodb_no_memory(struct footfall_store_call *call)
{
    return footfall__dynamodb_fault(call, FOOTFALL_STORE_NO_MEMORY, "out of memory");
}
