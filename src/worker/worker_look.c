#include "worker_look.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "buf/buf.h"
#include "limits/limits.h"
#include "scan/json_scan.h"
#include "worker_packed.h"
#include "worker_parquet.h"

enum { MB = 1024 * 1024, RECORDS_BYTES_MAX = 2 * MB };

/* The name stands on a line of its own: the server finds the file by it, and shows what is before. */
static bool fail_look(struct task *t, str name, str message)
{
    return task_fail(t, ERR_DATA, "weft: " STR_FMT "\nin/" STR_FMT, STR_ARG(message),
                     STR_ARG(name));
}

/* ---- JSON */

struct json_look {
    struct worker_engine *e;
    struct json_scan *scan;
    struct buf *records;
    int fd; /* where they go; -1: nowhere */
    uint64_t written;
};

static bool write_records(struct task *t, struct json_look *look)
{
    str rest = buf_str(look->records);
    look->written += rest.len;
    if (look->written > look->e->options->temp_mb * MB)
        return task_fail(t, ERR_LIMIT,
                         "weft: the records of the file need more space than a worker may take");
    while (rest.len) {
        ssize_t done = write(look->fd, rest.ptr, rest.len);
        if (done < 0)
            return task_fail_errno(t, ERR_IO, "cannot write the records of a file");
        rest = str_from(rest, (size_t)done);
    }
    buf_clear(look->records);
    return true;
}

static bool take_json(struct task *t, void *state, str bytes)
{
    struct json_look *look = state;
    if (!json_scan_feed(look->scan, bytes))
        return false;
    return look->fd < 0 || write_records(t, look);
}

static void close_records(void *handle)
{
    close((int)(intptr_t)handle);
}

static bool look_json(struct task *t, struct worker_engine *e, const struct job_look *what)
{
    bool is_document = what->kind == JOB_LOOK_JSON_DOCUMENT;
    struct json_look look = {.e = e, .fd = -1};
    if (is_document) {
        str path = arena_format(t->mem, "tmp/" STR_FMT ".ndjson", STR_ARG(what->file));
        look.fd = open(path.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (look.fd < 0)
            return task_fail_errno(t, ERR_IO, "cannot write the records of a file");
        arena_defer(t->mem, close_records, (void *)(intptr_t)look.fd);
        look.records = buf_new(t->mem, RECORDS_BYTES_MAX);
    }
    look.scan = json_scan_new(t->mem, is_document ? JSON_SCAN_DOCUMENT : JSON_SCAN_LINES,
                              what->records, look.records);
    if (!look.scan)
        return fail_look(t, what->file, STR("`records` is no JSON pointer"));
    bool ok = worker_packed_read(t, e, what->file, take_json, &look) && json_scan_end(look.scan)
           && (look.fd < 0 || write_records(t, &look));
    str problem = json_scan_message(t->mem, look.scan);
    return ok || (problem.len ? fail_look(t, what->file, problem) : false);
}

/* ---- lines */

enum { HEAD_BYTES = 4 }; /* a byte order mark, and one more */

struct line_look {
    str name;
    size_t line, len;
    char head[HEAD_BYTES];
    size_t head_len;
};

/* The engine keeps to its bounds where it reads a file as it lies; what it unpacks may be one line of any length. */
static bool take_lines(struct task *t, void *state, str bytes)
{
    struct line_look *look = state;
    for (size_t i = 0; i < bytes.len && look->head_len < HEAD_BYTES; i++)
        look->head[look->head_len++] = bytes.ptr[i];
    for (str rest = bytes, line; rest.len;) {
        bool is_end = str_cut(rest, '\n', &line, &rest);
        look->len += line.len;
        if (look->len > SOURCE_LINE_BYTES_MAX)
            return fail_look(t, look->name,
                             arena_format(t->mem, "line %zu is too long", look->line));
        if (is_end) {
            look->line++;
            look->len = 0;
        }
    }
    return true;
}

static bool is_packed(str name)
{
    return str_ends(name, STR(".gz")) || str_ends(name, STR(".zst"));
}

static bool look_packed(struct task *t, struct worker_engine *e, struct line_look *look)
{
    return worker_packed_read(t, e, look->name, take_lines, look);
}

static bool read_head(struct task *t, struct line_look *look)
{
    str path = arena_format(t->mem, "in/" STR_FMT, STR_ARG(look->name));
    int fd = open(path.ptr, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : pread(fd, look->head, HEAD_BYTES, 0);
    int failed = errno;
    if (fd >= 0)
        close(fd);
    errno = failed;
    look->head_len = got < 0 ? 0 : (size_t)got;
    return got >= 0 || task_fail_errno(t, ERR_IO, "cannot read " STR_FMT, STR_ARG(path));
}

/* The engine passes over empty lines where it looks for names, and takes one for the names where it reads rows. */
static bool look_csv(struct task *t, struct worker_engine *e, struct line_look *look)
{
    if (is_packed(look->name) ? !look_packed(t, e, look) : !read_head(t, look))
        return false;
    str head = {look->head, look->head_len};
    if (str_starts(head, STR("\xef\xbb\xbf")))
        head = str_from(head, 3);
    if (!head.len)
        return fail_look(t, look->name, STR("the file is empty: it has not even a header"));
    return (head.ptr[0] != '\n' && head.ptr[0] != '\r')
        || fail_look(t, look->name, STR("line 1 is empty: names of columns stand in it"));
}

/* ---- all kinds */

static bool look_at(struct task *t, struct worker_engine *e, const struct job_look *look)
{
    struct line_look lines = {.name = look->file, .line = 1};
    switch (look->kind) {
    case JOB_LOOK_WHOLE:
        return !is_packed(look->file) || look_packed(t, e, &lines);
    case JOB_LOOK_CSV:
        return look_csv(t, e, &lines);
    case JOB_LOOK_JSON_LINES:
    case JOB_LOOK_JSON_DOCUMENT:
        return look_json(t, e, look);
    case JOB_LOOK_PARQUET:
        return worker_parquet_check(t, e, look->file);
    case JOB_LOOK_COUNT:
        break;
    }
    return true;
}

bool worker_look(struct task *t, struct worker_engine *e, const struct job_looks *looks)
{
    for (size_t i = 0; i < looks->len; i++) {
        struct arena_mark mark = arena_mark(t->mem);
        if (!look_at(t, e, &looks->at[i]))
            return false;
        arena_rewind(t->mem, mark);
    }
    return true;
}
