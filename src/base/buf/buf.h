/* Bytes that grow up to a ceiling given at birth. Past it `full` is set and nothing more is
 * added. */
#ifndef WEFT_BUF_H
#define WEFT_BUF_H

#include <stdarg.h>

#include "arena/arena.h"

struct buf {
    char *ptr;
    size_t len;
    size_t cap;
    size_t most;
    bool full;
};

void buf_init(struct buf *b, size_t most_bytes);
/* A buf that is freed with the arena. */
struct buf *buf_new(struct arena *mem, size_t most_bytes);
void buf_free(struct buf *b);
void buf_clear(struct buf *b);
/* Room for `len` more bytes at b->ptr + b->len, or NULL when that passes the ceiling. */
char *buf_room(struct buf *b, size_t len);
bool buf_add(struct buf *b, str s);
bool buf_add_byte(struct buf *b, char c);
bool buf_format(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool buf_format_args(struct buf *b, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
/* A JSON string with its quotes; bytes that are no UTF-8 become U+FFFD. */
bool buf_add_json(struct buf *b, str s);
/* A quoted SQL identifier, and a quoted SQL literal. No SQL text can hold a NUL: one sets
 * `full`. */
bool buf_add_identifier(struct buf *b, str name);
bool buf_add_literal(struct buf *b, str text);
/* Drops the first `len` bytes. */
void buf_drop(struct buf *b, size_t len);
str buf_str(const struct buf *b);
/* A copy in the arena. */
str buf_copy(const struct buf *b, struct arena *mem);

#endif
