#include "frame/frame.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

/* A wait is cut into slices of this length, so that a cancel from another thread is seen. */
enum { SLICE_MS = 50 };

struct kind_row {
    const char *name;
    size_t bytes_max;
};

static const struct kind_row kinds[256] = {
#define FRAME(name, number, most, meaning) [number] = {#name, most},
#include "frame/frames.def"
#undef FRAME
};

const char *frame_kind_name(uint8_t kind)
{
    return kinds[kind].name;
}

size_t frame_bytes_max(uint8_t kind)
{
    return kinds[kind].bytes_max;
}

static void store_u32(char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (char)(value >> (8 * i) & 0xff);
}

size_t frame_begin(struct buf *b, enum frame_kind kind)
{
    size_t begin = b->len;
    CHECK(frame_kind_name((uint8_t)kind) != NULL);
    char *at = buf_room(b, FRAME_HEADER_BYTES);
    if (at) {
        memset(at, 0, FRAME_HEADER_BYTES);
        at[0] = FRAME_VERSION;
        at[1] = (char)kind;
        b->len += FRAME_HEADER_BYTES;
    }
    return begin;
}

bool frame_end(struct buf *b, size_t begin)
{
    if (!b->full) {
        CHECK(b->len >= begin + FRAME_HEADER_BYTES);
        size_t len = b->len - begin - FRAME_HEADER_BYTES;
        if (len <= frame_bytes_max((uint8_t)b->ptr[begin + 1])) {
            store_u32(b->ptr + begin + 4, (uint32_t)len);
            return true;
        }
    }
    /* Half a frame would put the reader out of step. */
    if (b->len > begin)
        b->len = begin;
    return false;
}

void frame_put_u8(struct buf *b, uint8_t value)
{
    buf_add_byte(b, (char)value);
}

void frame_put_u32(struct buf *b, uint32_t value)
{
    char *at = buf_room(b, 4);
    if (!at)
        return;
    store_u32(at, value);
    b->len += 4;
}

void frame_put_u64(struct buf *b, uint64_t value)
{
    frame_put_u32(b, (uint32_t)(value & UINT32_MAX));
    frame_put_u32(b, (uint32_t)(value >> 32));
}

void frame_put_str(struct buf *b, str value)
{
    if (value.len > UINT32_MAX)
        b->full = true;
    frame_put_u32(b, (uint32_t)value.len);
    buf_add(b, value);
}

void frame_put_list(struct buf *b, const struct str_list *list)
{
    if (list->len > UINT32_MAX)
        b->full = true;
    frame_put_u32(b, (uint32_t)list->len);
    for (size_t i = 0; i < list->len && !b->full; i++)
        frame_put_str(b, list->at[i]);
}

static str take(struct frame_reader *r, size_t len)
{
    if (r->failed || len > r->rest.len) {
        r->failed = true;
        r->rest = STR_NONE;
        return STR_NONE;
    }
    str taken = str_sub(r->rest, 0, len);
    r->rest = str_from(r->rest, len);
    return taken;
}

/* Zero where the bytes are not there. */
static uint64_t load(str bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.len; i++)
        value |= (uint64_t)(unsigned char)bytes.ptr[i] << (8 * i);
    return value;
}

uint8_t frame_get_u8(struct frame_reader *r)
{
    return (uint8_t)load(take(r, 1));
}

uint32_t frame_get_u32(struct frame_reader *r)
{
    return (uint32_t)load(take(r, 4));
}

uint64_t frame_get_u64(struct frame_reader *r)
{
    return load(take(r, 8));
}

str frame_get_str(struct frame_reader *r)
{
    return take(r, frame_get_u32(r));
}

uint32_t frame_get_count(struct frame_reader *r, size_t least_bytes)
{
    uint32_t count = frame_get_u32(r);
    if (count > r->rest.len / (least_bytes ? least_bytes : 1)) {
        (void)take(r, SIZE_MAX);
        return 0;
    }
    return count;
}

void frame_get_list(struct frame_reader *r, struct arena *mem, struct str_list *out)
{
    *out = (struct str_list){0};
    uint32_t count = frame_get_count(r, 4);
    if (count == 0)
        return;
    /* At once, in its size: to grow it step by step would take twice the memory. */
    out->at = ARENA_ARRAY(mem, str, count);
    out->cap = count;
    for (uint32_t i = 0; i < count && !r->failed; i++)
        out->at[out->len++] = frame_get_str(r);
    if (r->failed)
        *out = (struct str_list){0};
}

bool frame_read_whole(const struct frame_reader *r)
{
    return !r->failed && r->rest.len == 0;
}

bool frame_read_header(const unsigned char header[FRAME_HEADER_BYTES], enum frame_kind *kind_out,
                       uint32_t *len_out)
{
    uint32_t len = (uint32_t)load((str){(const char *)header + 4, 4});
    if (header[0] != FRAME_VERSION || !kinds[header[1]].name || header[2] || header[3]
        || len > kinds[header[1]].bytes_max)
        return false;
    *kind_out = (enum frame_kind)header[1];
    *len_out = len;
    return true;
}

static bool wait_for(struct task *t, int fd, short events)
{
    struct pollfd wait = {.fd = fd, .events = events};
    if (!task_go_on(t))
        return false;
    /* A deadline within this millisecond must not make poll spin. */
    int slice_ms = task_left_ms(t, SLICE_MS);
    if (poll(&wait, 1, slice_ms ? slice_ms : 1) < 0 && errno != EINTR)
        return task_fail_errno(t, ERR_WORKER, "waiting for the worker failed");
    return true;
}

/* After a call that gave an error: true when it may be tried again. */
static bool try_later(struct task *t, int fd, short events, const char *what)
{
    if (errno == EINTR)
        return true;
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return wait_for(t, fd, events);
    /* An end by the other side is one thing to the caller, however the kernel tells it. */
    if (errno == EPIPE || errno == ECONNRESET)
        return task_fail(t, ERR_WORKER, "the worker ended");
    return task_fail_errno(t, ERR_WORKER, "%s failed", what);
}

bool frame_send(struct task *t, int fd, const struct buf *frames)
{
    size_t done = 0;
    if (frames->full)
        return task_fail(t, ERR_LIMIT, "a frame passes its ceiling");
    /* Only a wait asks whether the task goes on, so a cancelled task can still send its CANCEL. */
    while (done < frames->len) {
        ssize_t n = send(fd, frames->ptr + done, frames->len - done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0)
            done += (size_t)n;
        else if (!try_later(t, fd, POLLOUT, "sending to the worker"))
            return false;
    }
    return true;
}

static bool receive(struct task *t, int fd, char *to, size_t len, bool is_middle)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = recv(fd, to + done, len - done, MSG_DONTWAIT);
        if (n == 0) {
            task_fail(t, ERR_WORKER, "the worker ended");
            return is_middle || done ? task_detail(t, "in the middle of a frame") : false;
        }
        if (n > 0)
            done += (size_t)n;
        else if (!try_later(t, fd, POLLIN, "receiving from the worker"))
            return false;
    }
    return true;
}

bool frame_receive(struct task *t, int fd, struct buf *into, struct frame *out)
{
    unsigned char header[FRAME_HEADER_BYTES];
    enum frame_kind kind;
    uint32_t len;
    buf_clear(into);
    /* Here and not in a wait only: a worker that never stops sending must not outlive the
     * deadline. */
    if (!task_go_on(t) || !receive(t, fd, (char *)header, sizeof header, false))
        return false;
    if (!frame_read_header(header, &kind, &len))
        return task_fail(t, ERR_PROTOCOL, "the header of a frame breaks the rules");
    char *to = buf_room(into, len);
    if (!to)
        return task_fail(t, ERR_LIMIT, "a frame of %u bytes passes the %zu that are held for it",
                         len, into->most);
    if (!receive(t, fd, to, len, true))
        return false;
    into->len = len;
    *out = (struct frame){kind, buf_str(into)};
    return true;
}
