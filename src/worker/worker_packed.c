#include "worker_packed.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { PACKED_CHUNK_BYTES = 256 * 1024, GZIP_WINDOW = 15 + 16 };

/* One file on its way through. */
struct packed {
    struct worker_engine *e;
    str name;
    worker_packed_take *take;
    void *state;
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

static bool take(struct task *t, const struct packed *p, size_t len)
{
    return !p->take || !len || p->take(t, p->state, (str){(const char *)p->out, len});
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
            ok = ok && take(t, p, PACKED_CHUNK_BYTES - z.avail_out);
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
            if (!take(t, p, out.pos))
                return false;
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

static bool read_plain(struct task *t, struct packed *p)
{
    do {
        if (!read_more(t, p)
            || (p->take && p->len && !p->take(t, p->state, (str){(const char *)p->in, p->len})))
            return false;
    } while (p->len);
    return true;
}

bool worker_packed_read(struct task *t, struct worker_engine *e, str name,
                        worker_packed_take *taker, void *state)
{
    struct packed p = {.e = e, .name = name, .take = taker, .state = state};
    str path = arena_format(t->mem, "in/" STR_FMT, STR_ARG(name));
    p.fd = open(path.ptr, O_RDONLY | O_CLOEXEC);
    if (p.fd < 0)
        return task_fail_errno(t, ERR_IO, "cannot read " STR_FMT, STR_ARG(path));
    arena_defer(t->mem, close_file, (void *)(intptr_t)p.fd);
    p.in = arena_alloc(t->mem, PACKED_CHUNK_BYTES);
    p.out = arena_alloc(t->mem, PACKED_CHUNK_BYTES);
    if (str_ends(name, STR(".gz")))
        return check_gzip(t, &p);
    return str_ends(name, STR(".zst")) ? check_zstd(t, &p) : read_plain(t, &p);
}
