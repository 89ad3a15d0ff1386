#include "buf/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUF_BYTES_LEAST = 256 };

/* The buf lies below `task`, so it cannot use CHECK. */
static _Noreturn void stop(const char *why)
{
    dprintf(STDERR_FILENO, "level=error module=buf msg=\"%s\"\n", why);
    abort();
}

void buf_init(struct buf *b, size_t most_bytes)
{
    *b = (struct buf){.most = most_bytes};
}

static void free_buf(void *b)
{
    buf_free(b);
}

struct buf *buf_new(struct arena *mem, size_t most_bytes)
{
    struct buf *b = ARENA_NEW(mem, struct buf);
    buf_init(b, most_bytes);
    arena_defer(mem, free_buf, b);
    return b;
}

void buf_free(struct buf *b)
{
    free(b->ptr);
    buf_init(b, b->most);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->full = false;
}

char *buf_room(struct buf *b, size_t len)
{
    if (b->full || b->len > b->most || len > b->most - b->len) {
        b->full = true;
        return NULL;
    }
    size_t need = b->len + len;
    if (need > b->cap || !b->ptr) {
        size_t cap = b->cap ? b->cap : BUF_BYTES_LEAST;
        while (cap < need)
            cap = cap > SIZE_MAX / 2 ? need : cap * 2;
        if (cap > b->most)
            cap = b->most;
        /* One byte more than is counted: for the NUL that vsnprintf writes. */
        char *ptr = cap < SIZE_MAX ? realloc(b->ptr, cap + 1) : NULL;
        if (!ptr)
            stop("out of memory");
        b->ptr = ptr;
        b->cap = cap;
    }
    return b->ptr + b->len;
}

bool buf_add(struct buf *b, str s)
{
    char *at = buf_room(b, s.len);
    if (!at)
        return false;
    if (s.len)
        memcpy(at, s.ptr, s.len);
    b->len += s.len;
    return true;
}

bool buf_add_byte(struct buf *b, char c)
{
    char *at = buf_room(b, 1);
    if (!at)
        return false;
    *at = c;
    b->len++;
    return true;
}

bool buf_format(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bool ok = buf_format_args(b, format, args);
    va_end(args);
    return ok;
}

bool buf_format_args(struct buf *b, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0)
        stop("a text cannot be formatted");
    char *at = buf_room(b, (size_t)len);
    if (!at)
        return false;
    vsnprintf(at, (size_t)len + 1, format, args);
    b->len += (size_t)len;
    return true;
}

/* Half of a quoted text must not stay behind when the ceiling comes in its middle. */
static bool whole_or_nothing(struct buf *b, size_t before)
{
    if (b->full)
        b->len = before;
    return !b->full;
}

static void add_json_escape(struct buf *b, unsigned char c)
{
    switch (c) {
    case '"':
        buf_add(b, STR("\\\""));
        break;
    case '\\':
        buf_add(b, STR("\\\\"));
        break;
    case '\b':
        buf_add(b, STR("\\b"));
        break;
    case '\f':
        buf_add(b, STR("\\f"));
        break;
    case '\n':
        buf_add(b, STR("\\n"));
        break;
    case '\r':
        buf_add(b, STR("\\r"));
        break;
    case '\t':
        buf_add(b, STR("\\t"));
        break;
    default:
        buf_format(b, "\\u%04x", c);
    }
}

static bool is_plain_json(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

bool buf_add_json(struct buf *b, str s)
{
    size_t before = b->len;
    buf_add_byte(b, '"');
    size_t at = 0;
    while (at < s.len && !b->full) {
        size_t plain = at;
        size_t n;
        while ((n = str_utf8_at(s, plain)) != 0 && is_plain_json((unsigned char)s.ptr[plain]))
            plain += n;
        buf_add(b, str_sub(s, at, plain - at));
        at = plain;
        if (at == s.len)
            break;
        if (n == 0)
            buf_add(b, STR("\xef\xbf\xbd"));
        else
            add_json_escape(b, (unsigned char)s.ptr[at]);
        at++;
    }
    buf_add_byte(b, '"');
    return whole_or_nothing(b, before);
}

static bool add_quoted(struct buf *b, str s, char quote)
{
    size_t before = b->len;
    /* Readers of SQL end at a NUL, so a text with one would be cut and mean something else. */
    if (str_has(s, '\0'))
        b->full = true;
    buf_add_byte(b, quote);
    str head, tail;
    while (str_cut(s, quote, &head, &tail)) {
        buf_add(b, head);
        buf_add_byte(b, quote);
        buf_add_byte(b, quote);
        s = tail;
    }
    buf_add(b, s);
    buf_add_byte(b, quote);
    return whole_or_nothing(b, before);
}

bool buf_add_identifier(struct buf *b, str name)
{
    return add_quoted(b, name, '"');
}

bool buf_add_literal(struct buf *b, str text)
{
    return add_quoted(b, text, '\'');
}

void buf_drop(struct buf *b, size_t len)
{
    if (len > b->len)
        len = b->len;
    b->len -= len;
    if (b->len)
        memmove(b->ptr, b->ptr + len, b->len);
}

str buf_str(const struct buf *b)
{
    return (str){b->ptr, b->len};
}

str buf_copy(const struct buf *b, struct arena *mem)
{
    return arena_str(mem, buf_str(b));
}
