/* Runs a fuzz target over kept inputs, without libFuzzer: each file of the folders and files that are named.
 *
 * usage: NAME_fuzz FOLDER-OR-FILE ... */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

static size_t inputs;

static void run_file(const char *path)
{
    FILE *in = fopen(path, "rb");
    if (in == NULL || fseek(in, 0, SEEK_END) != 0) {
        perror(path);
        exit(1);
    }
    long len = ftell(in);
    rewind(in);
    /* Exactly as long as the input, so that a sanitizer sees one byte too far. */
    uint8_t *data = malloc(len > 0 ? (size_t)len : 1);
    if (data == NULL || fread(data, 1, (size_t)len, in) != (size_t)len) {
        perror(path);
        exit(1);
    }
    fclose(in);
    fprintf(stderr, "%s\n", path); /* the last one named is the one that crashed */
    LLVMFuzzerTestOneInput(data, (size_t)len);
    free(data);
    inputs++;
}

static void run_path(const char *path)
{
    struct stat about;
    if (stat(path, &about) != 0) {
        perror(path);
        exit(1);
    }
    if (!S_ISDIR(about.st_mode)) {
        run_file(path);
        return;
    }
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char inside[4096];
        if (entries[i]->d_name[0] != '.'
            && snprintf(inside, sizeof inside, "%s/%s", path, entries[i]->d_name)
                   < (int)sizeof inside)
            run_path(inside);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    if (LLVMFuzzerInitialize != NULL)
        LLVMFuzzerInitialize(&argc, &argv);
    run_file("/dev/null");
    for (int i = 1; i < argc; i++)
        run_path(argv[i]);
    if (inputs < 2) {
        fprintf(stderr, "no inputs: each fuzz target keeps some in tests/fuzz/corpus\n");
        return 1;
    }
    printf("%zu passed, 0 failed\n", inputs);
    return 0;
}
