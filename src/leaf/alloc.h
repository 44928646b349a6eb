/* alloc.h: the one allocation seam. Everything that footfall allocates itself comes from here, so that a test can make any
 * one allocation fail. Any thread. */
#ifndef FOOTFALL_LEAF_ALLOC_H
#define FOOTFALL_LEAF_ALLOC_H
#include <stddef.h>

void *footfall__malloc(size_t size);
void *footfall__calloc(size_t count, size_t size); /* NULL too when count * size overflows */
void *footfall__realloc(void *old, size_t size);
void *footfall__array(void *old, size_t count, size_t size); /* realloc to count * size; NULL when that overflows */
char *footfall__strndup(const char *text, size_t bytes);     /* a copy with a NUL after `bytes` bytes */
void footfall__free(void *old);

/* Tests only: called before every allocation; nonzero makes it fail. NULL: none. Set it while no other thread allocates. */
void footfall__alloc_hook(int (*refuse)(void *user), void *user);
#endif
