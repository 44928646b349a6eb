/* memory.c: keeps the server's memory small: few arenas, and what only the start or a crowd needed is given back. */
#include "server.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

void footfall__serve_keep_memory_small(void)
{
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_TRIM_THRESHOLD, 256 * 1024);
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
}

/* Its code has been written to when it was loaded (not on today's machines). */
static int is_patched(const struct dl_phdr_info *library)
{
    for (int i = 0; i < library->dlpi_phnum; i++) {
        const ElfW(Dyn) *entry = (const ElfW(Dyn) *)(library->dlpi_addr + library->dlpi_phdr[i].p_vaddr);
        for (; library->dlpi_phdr[i].p_type == PT_DYNAMIC && entry->d_tag != DT_NULL; entry++)
            if (entry->d_tag == DT_TEXTREL || (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL) != 0))
                return 1;
    }
    return 0;
}

/* What of a library is never written is the file's own pages: those that are needed again come back by themselves. */
static int give_back(struct dl_phdr_info *library, size_t bytes, void *user)
{
    uintptr_t page = *(const uintptr_t *)user;
    (void)bytes;
    for (int i = 0; i < library->dlpi_phnum && !is_patched(library); i++) {
        const ElfW(Phdr) *part = &library->dlpi_phdr[i];
        uintptr_t begin = (library->dlpi_addr + part->p_vaddr) / page * page;
        uintptr_t end = library->dlpi_addr + part->p_vaddr + part->p_filesz;
        if (part->p_type == PT_LOAD && (part->p_flags & PF_W) == 0)
            madvise((void *)begin, end - begin, MADV_DONTNEED);
    }
    return 0;
}

void footfall__serve_give_back_code(void)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    dl_iterate_phdr(give_back, &page);
    footfall__serve_give_back_memory();
}

void footfall__serve_give_back_memory(void)
{
    malloc_trim(0);
}
