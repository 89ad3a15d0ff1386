#include "worker_packed.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "buf/buf.h"
#include "limits/limits.h"

enum { PACKED_CHUNK_BYTES = 256 * 1024, GZIP_WINDOW = 15 + 16 };

/* One file on its way through; what comes out is thrown away. */
struct packed {
    struct worker_engine *e;
    str name;
    int fd;
    unsigned char *in, *out;
    size_t len;
};

static bool fail_packed(struct task *t, const struct packed *p, const char *what)
{
    /* The name stands on a line of its own: the server finds the file by it, and shows what is before. */
    task_fail(t, ERR_DATA, "weft: %s\nin/" STR_FMT, what, STR_ARG(p->name));
    return task_hint(t, "bring the file again");
}

static bool read_more(struct task *t, struct packed *p)
{
    ssize_t got = read(p->fd, p->in, PACKED_CHUNK_BYTES);
    if (got < 0)
        return task_fail_errno(t, ERR_IO, "cannot read in/" STR_FMT, STR_ARG(p->name));
    p->len = (size_t)got;
    return worker_go_on(t, p->e);
}

static void close_gzip(void *handle)
{
    inflateEnd(handle);
}

/* Members follow each other; zeros may fill the last block of a tape. */
static bool next_member(struct task *t, const struct packed *p, z_stream *z)
{
    while (z->avail_in && *z->next_in == 0) {
        z->next_in++;
        z->avail_in--;
    }
    return !z->avail_in || inflateReset(z) == Z_OK
        || fail_packed(t, p, "the file is no whole gzip file: it is damaged");
}

static bool check_gzip(struct task *t, struct packed *p)
{
    z_stream z = {0};
    int state = Z_OK;
    if (inflateInit2(&z, GZIP_WINDOW) != Z_OK)
        return task_fail(t, ERR_MEMORY, "no memory to unpack a file");
    arena_defer(t->mem, close_gzip, &z);
    bool ok = true;
    do {
        ok = read_more(t, p);
        z.next_in = p->in;
        z.avail_in = ok ? (unsigned)p->len : 0;
        while (ok && z.avail_in) {
            if (state == Z_STREAM_END && !next_member(t, p, &z)) {
                ok = false;
                break;
            }
            if (!z.avail_in)
                break;
            z.next_out = p->out;
            z.avail_out = PACKED_CHUNK_BYTES;
            state = inflate(&z, Z_NO_FLUSH);
            if (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR)
                ok = fail_packed(t, p, "the file is no gzip file, or it is damaged");
        }
    } while (ok && p->len);
    if (ok && state != Z_STREAM_END)
        ok = fail_packed(t, p, "the file was cut: its end is missing");
    arena_close(t->mem, &z);
    return ok;
}

static void close_zstd(void *handle)
{
    ZSTD_freeDCtx(handle);
}

static bool check_zstd(struct task *t, struct packed *p)
{
    ZSTD_DCtx *z = ZSTD_createDCtx();
    size_t left = 1;
    if (z == NULL)
        return task_fail(t, ERR_MEMORY, "no memory to unpack a file");
    arena_defer(t->mem, close_zstd, z);
    do {
        if (!read_more(t, p))
            return false;
        ZSTD_inBuffer in = {p->in, p->len, 0};
        ZSTD_outBuffer out = {p->out, PACKED_CHUNK_BYTES, 0};
        while (in.pos < in.size || out.pos == out.size) {
            out.pos = 0;
            left = ZSTD_decompressStream(z, &out, &in);
            if (ZSTD_isError(left))
                return fail_packed(t, p, "the file is no zstd file, or it is damaged");
        }
    } while (p->len);
    if (left != 0)
        return fail_packed(t, p, "the file was cut: its end is missing");
    arena_close(t->mem, z);
    return true;
}

static void close_file(void *handle)
{
    close((int)(intptr_t)handle);
}

static bool check_file(struct task *t, struct worker_engine *e, str name, bool is_gzip)
{
    struct packed p = {.e = e, .name = name};
    str path = arena_format(t->mem, "in/" STR_FMT, STR_ARG(name));
    p.fd = open(path.ptr, O_RDONLY | O_CLOEXEC);
    if (p.fd < 0)
        return task_fail_errno(t, ERR_IO, "cannot read " STR_FMT, STR_ARG(path));
    arena_defer(t->mem, close_file, (void *)(intptr_t)p.fd);
    p.in = arena_alloc(t->mem, PACKED_CHUNK_BYTES);
    p.out = arena_alloc(t->mem, PACKED_CHUNK_BYTES);
    return is_gzip ? check_gzip(t, &p) : check_zstd(t, &p);
}

/* The next 'in/…' of a text that reads files; its quotes are doubled inside. */
static bool next_file(struct arena *mem, str *rest, str *name_out)
{
    str mark = STR("'in/");
    size_t at = str_find(*rest, mark);
    if (at == rest->len)
        return false;
    str text = str_from(*rest, at + mark.len);
    struct buf *name = buf_new(mem, PATH_BYTES_MAX);
    size_t i = 0;
    for (; i < text.len && (text.ptr[i] != '\'' || (i + 1 < text.len && text.ptr[i + 1] == '\''));
         i++) {
        buf_add_byte(name, text.ptr[i]);
        i += text.ptr[i] == '\'';
    }
    *rest = str_from(text, i < text.len ? i + 1 : text.len);
    *name_out = buf_str(name);
    return true;
}

bool worker_packed_check(struct task *t, struct worker_engine *e, str text)
{
    struct str_list names = {0};
    str name;
    while (next_file(t->mem, &text, &name))
        str_list_add(t->mem, &names, name);
    for (size_t i = 0; i < names.len; i++) {
        struct arena_mark mark = arena_mark(t->mem);
        bool is_gzip = str_ends(names.at[i], STR(".gz"));
        bool is_zstd = str_ends(names.at[i], STR(".zst"));
        if ((is_gzip || is_zstd) && !check_file(t, e, names.at[i], is_gzip))
            return false;
        arena_rewind(t->mem, mark);
    }
    return true;
}
