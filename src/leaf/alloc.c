/* alloc.c: malloc and friends behind one seam (alloc.h). */
#include "alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int (*refuse_hook)(void *user);
static void *refuse_user;

void footfall__alloc_hook(int (*refuse)(void *user), void *user)
{
    refuse_hook = refuse;
    refuse_user = user;
}

static int refused(void)
{
    return refuse_hook != NULL && refuse_hook(refuse_user);
}

void *footfall__malloc(size_t size)
{
    return refused() ? NULL : malloc(size > 0 ? size : 1);
}

void *footfall__calloc(size_t count, size_t size)
{
    if (count == 0 || size == 0)
        count = size = 1;
    return refused() ? NULL : calloc(count, size);
}

void *footfall__realloc(void *old, size_t size)
{
    return refused() ? NULL : realloc(old, size > 0 ? size : 1);
}

void *footfall__array(void *old, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    return footfall__realloc(old, count * size);
}

char *footfall__strndup(const char *text, size_t bytes)
{
    char *copy = bytes < SIZE_MAX ? footfall__malloc(bytes + 1) : NULL;
    if (copy != NULL) {
        memcpy(copy, text, bytes);
        copy[bytes] = '\0';
    }
    return copy;
}

void footfall__free(void *old)
{
    free(old);
}
