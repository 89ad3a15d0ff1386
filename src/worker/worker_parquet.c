#include "worker_parquet.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "scan/parquet_scan.h"

enum {
    TAIL_BYTES = 8, /* the length of the footer, and PAR1 */
    FOOTER_BYTES_MAX = 256 * 1024 * 1024,
    HEADER_BYTES_MAX = 64 * 1024, /* of a page; statistics stand in it */
    CHUNK_BYTES = 256 * 1024,
};

struct parquet_look {
    struct worker_engine *e;
    str name;
    int fd;
    uint64_t bytes;
    char *chunk;
};

static bool fail_parquet(struct task *t, const struct parquet_look *p, const char *what)
{
    return task_fail(t, ERR_DATA, "weft: %s\nin/" STR_FMT, what, STR_ARG(p->name));
}

static bool fail_damaged(struct task *t, const struct parquet_look *p)
{
    return fail_parquet(t, p, "the Parquet file is damaged, or was cut");
}

/* As many bytes as there are, up to `len`. */
static bool read_at(struct task *t, const struct parquet_look *p, char *into, size_t len,
                    uint64_t offset, size_t *got_out)
{
    *got_out = 0;
    while (*got_out < len) {
        ssize_t got = pread(p->fd, into + *got_out, len - *got_out, (off_t)(offset + *got_out));
        if (got < 0)
            return task_fail_errno(t, ERR_IO, "cannot read in/" STR_FMT, STR_ARG(p->name));
        if (got == 0)
            break;
        *got_out += (size_t)got;
    }
    return worker_go_on(t, p->e);
}

static bool check_page(struct task *t, const struct parquet_look *p, uint64_t offset,
                       const struct parquet_page *page)
{
    uint64_t done = 0;
    uLong sum = crc32(0, NULL, 0);
    while (done < page->data_bytes) {
        uint64_t left = page->data_bytes - done;
        size_t got;
        if (!read_at(t, p, p->chunk, left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES, offset + done,
                     &got))
            return false;
        if (got == 0)
            return fail_damaged(t, p);
        sum = crc32(sum, (const Bytef *)p->chunk, (uInt)got);
        done += got;
    }
    return (uint32_t)sum == page->checksum
        || fail_parquet(t, p, "the Parquet file is damaged: the checksum of a page is another");
}

/* Until all values are there: sizes of whole chunks are written differently by some programs. */
static bool check_chunk(struct task *t, const struct parquet_look *p,
                        const struct parquet_chunk *chunk)
{
    uint64_t offset = chunk->offset, values = 0;
    while (values < chunk->values) {
        struct parquet_page page;
        size_t got;
        if (offset >= p->bytes)
            return fail_damaged(t, p);
        if (!read_at(t, p, p->chunk, HEADER_BYTES_MAX, offset, &got))
            return false;
        if (!parquet_scan_page((str){p->chunk, got}, &page)
            || page.data_bytes > p->bytes - offset - page.header_bytes)
            return fail_damaged(t, p);
        offset += page.header_bytes;
        if (page.has_checksum && !check_page(t, p, offset, &page))
            return false;
        offset += page.data_bytes;
        values += page.values;
    }
    return values == chunk->values || fail_damaged(t, p);
}

static void close_parquet(void *handle)
{
    close((int)(intptr_t)handle);
}

/* What is no Parquet file at all the engine tells by itself, in better words. */
static bool read_footer(struct task *t, struct parquet_look *p, str *out)
{
    char tail[TAIL_BYTES];
    uint32_t len;
    size_t got;
    *out = STR_NONE;
    if (p->bytes < 12 || !read_at(t, p, tail, TAIL_BYTES, p->bytes - TAIL_BYTES, &got))
        return p->bytes < 12;
    memcpy(&len, tail, sizeof len);
    if (memcmp(tail + 4, "PAR1", 4) != 0)
        return true;
    if (len == 0 || len > FOOTER_BYTES_MAX || len > p->bytes - 12)
        return fail_damaged(t, p);
    char *text = arena_alloc(t->mem, len);
    *out = (str){text, len};
    return read_at(t, p, text, len, p->bytes - TAIL_BYTES - len, &got)
        && (got == len || fail_damaged(t, p));
}

bool worker_parquet_check(struct task *t, struct worker_engine *e, str name)
{
    struct parquet_look p = {.e = e, .name = name};
    struct parquet_footer footer;
    struct stat facts;
    str path = arena_format(t->mem, "in/" STR_FMT, STR_ARG(name)), text;
    p.fd = open(path.ptr, O_RDONLY | O_CLOEXEC);
    if (p.fd < 0)
        return task_fail_errno(t, ERR_IO, "cannot read " STR_FMT, STR_ARG(path));
    arena_defer(t->mem, close_parquet, (void *)(intptr_t)p.fd);
    if (fstat(p.fd, &facts))
        return task_fail_errno(t, ERR_IO, "cannot read " STR_FMT, STR_ARG(path));
    p.bytes = (uint64_t)facts.st_size;
    p.chunk = arena_alloc(t->mem, CHUNK_BYTES);
    if (!read_footer(t, &p, &text))
        return false;
    if (!text.len)
        return true;
    if (!parquet_scan_footer(t->mem, text, p.bytes, &footer))
        return fail_damaged(t, &p);
    for (size_t i = 0; i < footer.chunks.len; i++)
        if (!check_chunk(t, &p, &footer.chunks.at[i]))
            return false;
    return true;
}
