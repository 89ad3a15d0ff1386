#include "arena/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONS 1
#endif

#ifdef ARENA_POISONS
#include <sanitizer/asan_interface.h>
/* A gap behind each piece, so that the sanitizer sees writes past its end. */
enum { GAP_BYTES = 16 };
#else
#define ASAN_POISON_MEMORY_REGION(at, len) ((void)(at), (void)(len))
#define ASAN_UNPOISON_MEMORY_REGION(at, len) ((void)(at), (void)(len))
enum { GAP_BYTES = 0 };
#endif

enum { BLOCK_BYTES_LEAST = 4096, BLOCK_BYTES_MOST = 1024 * 1024 };

struct block {
    struct block *older;
    size_t size; /* of `bytes` */
    size_t used;
    alignas(max_align_t) char bytes[];
};

struct defer {
    struct defer *older;
    void (*close)(void *); /* NULL once it has run or was released */
    void *handle;
};

struct arena {
    struct block *newest;
    struct defer *defers;
    size_t next_bytes;
    size_t held_bytes;
};

/* The arena lies below `task`, so it cannot use CHECK. */
static _Noreturn void stop(const char *why)
{
    dprintf(STDERR_FILENO, "level=error module=arena msg=\"%s\"\n", why);
    abort();
}

struct arena *arena_new(void)
{
    struct arena *mem = calloc(1, sizeof *mem);
    if (!mem)
        stop("out of memory");
    mem->next_bytes = BLOCK_BYTES_LEAST;
    return mem;
}

static void free_newest(struct arena *mem)
{
    struct block *block = mem->newest;
    mem->newest = block->older;
    mem->held_bytes -= sizeof *block + block->size;
    ASAN_UNPOISON_MEMORY_REGION(block->bytes, block->size);
    free(block);
}

/* A call may defer or close others, so each leaves the list before it runs. */
static void run_defers(struct arena *mem, const struct defer *until)
{
    while (mem->defers != until) {
        struct defer *defer = mem->defers;
        if (!defer)
            stop("a mark is rewound twice, or in another arena");
        mem->defers = defer->older;
        if (defer->close)
            defer->close(defer->handle);
    }
}

void arena_free(struct arena *mem)
{
    if (!mem)
        return;
    run_defers(mem, NULL);
    while (mem->newest)
        free_newest(mem);
    free(mem);
}

static struct block *add_block(struct arena *mem, size_t bytes)
{
    size_t size = mem->next_bytes - sizeof(struct block);
    if (size < bytes)
        size = bytes;
    if (size > SIZE_MAX / 2)
        stop("out of memory");
    struct block *block = malloc(sizeof *block + size);
    if (!block)
        stop("out of memory");
    block->older = mem->newest;
    block->size = size;
    block->used = 0;
    ASAN_POISON_MEMORY_REGION(block->bytes, size);
    mem->newest = block;
    mem->held_bytes += sizeof *block + size;
    if (mem->next_bytes < BLOCK_BYTES_MOST)
        mem->next_bytes *= 2;
    return block;
}

void *arena_alloc(struct arena *mem, size_t bytes)
{
    size_t align = alignof(max_align_t);
    if (bytes > SIZE_MAX / 2)
        stop("out of memory");
    size_t room = (bytes + GAP_BYTES + align - 1) / align * align;
    /* Pieces of no bytes still get an address of their own. */
    if (room == 0)
        room = align;
    struct block *block = mem->newest;
    if (!block || block->size - block->used < room)
        block = add_block(mem, room);
    char *piece = block->bytes + block->used;
    block->used += room;
    ASAN_UNPOISON_MEMORY_REGION(piece, bytes);
    return memset(piece, 0, bytes);
}

void *arena_array(struct arena *mem, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        stop("the size of an array overflows");
    return arena_alloc(mem, bytes);
}

char *arena_c_string(struct arena *mem, str s)
{
    if (s.len == SIZE_MAX)
        stop("out of memory");
    char *copy = arena_alloc(mem, s.len + 1);
    if (s.len)
        memcpy(copy, s.ptr, s.len);
    return copy;
}

str arena_str(struct arena *mem, str s)
{
    return (str){arena_c_string(mem, s), s.len};
}

str arena_format(struct arena *mem, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    str text = arena_format_args(mem, format, args);
    va_end(args);
    return text;
}

str arena_format_args(struct arena *mem, const char *format, va_list args)
{
    va_list again;
    if (!format)
        stop("a text has no format");
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0)
        stop("a text cannot be formatted");
    char *text = arena_alloc(mem, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, args);
    return (str){text, (size_t)len};
}

str arena_lower(struct arena *mem, str s)
{
    char *copy = arena_c_string(mem, s);
    for (size_t i = 0; i < s.len; i++)
        if (copy[i] >= 'A' && copy[i] <= 'Z')
            copy[i] = (char)(copy[i] - 'A' + 'a');
    return (str){copy, s.len};
}

void arena_defer(struct arena *mem, void (*close)(void *), void *handle)
{
    struct defer *defer = ARENA_NEW(mem, struct defer);
    defer->close = close;
    defer->handle = handle;
    defer->older = mem->defers;
    mem->defers = defer;
}

/* An entry stays in the list without its call: a mark may point at it. */
static void (*take_close(struct arena *mem, const void *handle))(void *)
{
    for (struct defer *defer = mem->defers; defer; defer = defer->older) {
        if (defer->close && defer->handle == handle) {
            void (*close)(void *) = defer->close;
            defer->close = NULL;
            return close;
        }
    }
    return NULL;
}

void arena_close(struct arena *mem, void *handle)
{
    void (*close)(void *) = take_close(mem, handle);
    if (close)
        close(handle);
}

void arena_release(struct arena *mem, void *handle)
{
    (void)take_close(mem, handle);
}

struct arena_mark arena_mark(struct arena *mem)
{
    return (struct arena_mark){mem->newest, mem->newest ? mem->newest->used : 0, mem->defers};
}

void arena_rewind(struct arena *mem, struct arena_mark mark)
{
    run_defers(mem, mark.defers);
    while (mem->newest != mark.block) {
        if (!mem->newest)
            stop("a mark is rewound twice, or in another arena");
        free_newest(mem);
    }
    struct block *block = mem->newest;
    if (!block)
        return;
    if (block->used < mark.used)
        stop("a mark is rewound twice, or in another arena");
    ASAN_POISON_MEMORY_REGION(block->bytes + mark.used, block->used - mark.used);
    block->used = mark.used;
}

size_t arena_bytes(const struct arena *mem)
{
    return mem->held_bytes;
}
