/* Memory that dies together, and the foreign handles that die with it. Not for sharing between
 * threads. */
#ifndef WEFT_ARENA_H
#define WEFT_ARENA_H

#include <stdarg.h>

#include "str/str.h"

struct arena;

struct arena_mark {
    void *block;
    size_t used;
    void *defers;
};

struct arena *arena_new(void);
/* Runs the deferred calls, last in first out, then frees all. NULL is allowed. */
void arena_free(struct arena *mem);
/* Zeroed and aligned for any type; never NULL: out of memory stops the program. */
void *arena_alloc(struct arena *mem, size_t bytes);
/* `count * size` bytes; a product that overflows stops the program. */
void *arena_array(struct arena *mem, size_t count, size_t size);
#define ARENA_NEW(mem, type) ((type *)arena_alloc((mem), sizeof(type)))
#define ARENA_ARRAY(mem, type, count) ((type *)arena_array((mem), (count), sizeof(type)))

/* Copies; the copy is followed by a NUL that does not count. */
str arena_str(struct arena *mem, str s);
char *arena_c_string(struct arena *mem, str s);
str arena_format(struct arena *mem, const char *format, ...) __attribute__((format(printf, 2, 3)));
str arena_format_args(struct arena *mem, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
str arena_lower(struct arena *mem, str s);

/* Calls close(handle) when the arena is freed or rewound past this point. */
void arena_defer(struct arena *mem, void (*close)(void *), void *handle);
/* Runs the deferred call of `handle` now and forgets it; nothing when it is not there. */
void arena_close(struct arena *mem, void *handle);
/* Forgets the deferred call of `handle` without running it: ownership moves to the caller. */
void arena_release(struct arena *mem, void *handle);

struct arena_mark arena_mark(struct arena *mem);
/* Frees and closes what came after the mark. */
void arena_rewind(struct arena *mem, struct arena_mark mark);
size_t arena_bytes(const struct arena *mem);

#endif
