/* replay.c: a main for fuzz targets without libFuzzer: feeds every file of the given folders to the target, once each and
 * in byte order of the names, and reports each as a test case in cmocka's XML ($CMOCKA_XML_FILE). A crash is the failure;
 * the last name printed is the culprit. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Exactly as many bytes as the file has, in memory of its own, so that a sanitizer sees a read past the end. */
static uint8_t *read_all(const char *path, size_t *size)
{
    struct stat st;
    uint8_t *bytes = NULL;
    FILE *file = fopen(path, "rbe");
    if (file == NULL || fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode))
        goto cleanup;
    *size = (size_t)st.st_size;
    bytes = malloc(*size > 0 ? *size : 1);
    if (bytes != NULL && fread(bytes, 1, *size, file) != *size) {
        free(bytes);
        bytes = NULL;
    }
cleanup:
    if (file != NULL)
        fclose(file);
    return bytes;
}

static int replay(const char *folder, FILE *xml)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, visible, alphasort), fed = 0;
    for (int i = 0; i < count; i++) {
        char path[4096];
        size_t size = 0;
        uint8_t *bytes = NULL;
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        bytes = read_all(path, &size);
        if (bytes != NULL) {
            printf("%s\n", entries[i]->d_name);
            fflush(stdout);
            LLVMFuzzerTestOneInput(bytes, size);
            fed++;
            if (xml != NULL)
                fprintf(xml, "    <testcase name=\"%s\" time=\"0.000\" >\n    </testcase>\n", entries[i]->d_name);
        }
        free(bytes);
        free(entries[i]);
    }
    free(entries);
    return fed;
}

int main(int argc, char **argv)
{
    const char *path = getenv("CMOCKA_XML_FILE");
    FILE *xml = path != NULL ? fopen(path, "we") : NULL;
    int fed = 0;
    if (xml != NULL)
        fputs("<testsuites>\n  <testsuite name=\"corpus\" >\n", xml);
    for (int i = 1; i < argc; i++)
        fed += replay(argv[i], xml);
    if (xml != NULL) {
        fputs("  </testsuite>\n</testsuites>\n", xml);
        fclose(xml);
    }
    if (fed == 0)
        fprintf(stderr, "no input in the corpus folders given\n");
    return fed == 0;
}
