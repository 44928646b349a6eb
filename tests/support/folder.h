/* folder.h: temporary folders and plain files for tests. Everything fails the running process loudly: a test that cannot
 * make its own folder has nothing to say about the library. */
#ifndef SUPPORT_FOLDER_H
#define SUPPORT_FOLDER_H
#include <stddef.h>

/* A fresh, empty folder under $TMPDIR or /tmp; free() the path. */
char *support_folder_make(void);
/* Removes it with all that is in it; NULL is fine. Frees the path. */
void support_folder_remove(char *path);
/* dir/name in allocated memory. */
char *support_path(const char *dir, const char *name);

/* Copies the regular files directly inside `from` whose names do not end in `except` (NULL: all) into the existing `to`. */
void support_folder_copy(const char *from, const char *to, const char *except);
/* The whole file in allocated memory, *bytes of it; NULL when it cannot be opened. */
unsigned char *support_file_read(const char *path, size_t *bytes);
void support_file_write(const char *path, const void *bytes, size_t count);

/* printf to allocated memory. */
char *support_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Says what failed and ends the process with status 99. */
_Noreturn void support_die(const char *what);
#endif
