/* Files that the build turned into bytes of the program. */
#ifndef WEFT_EMBED_H
#define WEFT_EMBED_H

#include <stddef.h>

struct embedded_file {
    const char *path; /* relative to the embedded folder; a table is in byte order of these */
    const unsigned char *bytes; /* a NUL follows that does not count */
    size_t len;
    unsigned mode; /* 0644, or 0755 for what is executable */
};

/* Made by tools/embed.c: src/catalog/migrate (linked into catalog), examples and library (linked into doors). */
extern const struct embedded_file embedded_migrations[];
extern const size_t embedded_migrations_len;
extern const struct embedded_file embedded_examples[];
extern const size_t embedded_examples_len;
extern const struct embedded_file embedded_library[];
extern const size_t embedded_library_len;

#endif
