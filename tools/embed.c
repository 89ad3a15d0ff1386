/* Turns files into a C table of `struct embedded_file`.
 *
 * usage: embed NAME FOLDER OUTPUT [FILE ...]
 *
 * FILEs lie below FOLDER. OUTPUT defines NAME[] and NAME_len, which src/base/embed/embed.h declares. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static _Noreturn void die(const char *what, const char *path)
{
    fprintf(stderr, "embed: %s %s: %s\n", what, path, strerror(errno));
    exit(1);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A string literal per 64 bytes or line: compilers read those many times faster than lists of numbers. */
static size_t write_bytes(FILE *out, FILE *in)
{
    size_t len = 0;
    int column = 0;
    for (int c = getc(in); c != EOF; c = getc(in), len++) {
        if (column == 0)
            fputs("\n        \"", out);
        if (c == '\n')
            fputs("\\n", out);
        else if (c == '"' || c == '\\' || c == '?')
            fprintf(out, "\\%c", c); /* ? too, or a trigraph could appear */
        else if (c >= ' ' && c < 127)
            putc(c, out);
        else
            fprintf(out, "\\%03o", (unsigned)c);
        if (++column == 64 || c == '\n') {
            putc('"', out);
            column = 0;
        }
    }
    if (column > 0)
        putc('"', out);
    if (len == 0)
        fputs(" \"\"", out);
    return len;
}

static void write_path(FILE *out, const char *path)
{
    for (; *path != '\0'; path++) {
        if (*path == '"' || *path == '\\')
            putc('\\', out);
        putc(*path, out);
    }
}

static void write_entry(FILE *out, const char *path, const char *shown)
{
    FILE *in = fopen(path, "rb");
    struct stat about;
    if (in == NULL || fstat(fileno(in), &about) != 0)
        die("cannot read", path);
    fputs("    {\n        \"", out);
    write_path(out, shown);
    fputs("\",\n        (const unsigned char *)", out);
    size_t len = write_bytes(out, in);
    if (ferror(in))
        die("cannot read", path);
    fclose(in);
    fprintf(out, ",\n        %zu,\n        %s,\n    },\n", len,
            about.st_mode & 0100 ? "0755" : "0644");
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fputs("usage: embed NAME FOLDER OUTPUT [FILE ...]\n", stderr);
        return 2;
    }
    const char *name = argv[1], *folder = argv[2], *output = argv[3];
    char **files = argv + 4;
    size_t count = (size_t)argc - 4, prefix = strlen(folder);
    qsort(files, count, sizeof *files, compare);

    FILE *out = fopen(output, "w");
    if (out == NULL)
        die("cannot write", output);
    fprintf(out,
            "/* Made by tools/embed.c. */\n#include \"embed/embed.h\"\n\nconst struct "
            "embedded_file %s[] = {\n",
            name);
    for (size_t i = 0; i < count; i++) {
        if (strncmp(files[i], folder, prefix) != 0 || files[i][prefix] != '/') {
            fprintf(stderr, "embed: %s is not below %s\n", files[i], folder);
            return 1;
        }
        write_entry(out, files[i], files[i] + prefix + 1);
    }
    if (count == 0)
        fputs("    {\"\", (const unsigned char *)\"\", 0, 0},\n", out);
    fprintf(out, "};\nconst size_t %s_len = %zu;\n", name, count);
    if (ferror(out) | fclose(out))
        die("cannot write", output);
    return 0;
}
