#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock/clock.h"
#include "engine/engine_inside.h"
#include "limits/limits.h"

enum { RECEIVE_LEAST_BYTES = 64 << 10, RECEIVE_MOST_BYTES = 1 << 20, VERSION_BYTES_MAX = 64 };

/* Length of the frame that begins to stand in the buffer: false when its header breaks the rules.
 * */
static bool frame_length(const struct engine_wire *wire, enum frame_kind *kind_out, size_t *len_out)
{
    uint32_t body;

    *len_out = FRAME_HEADER_BYTES;
    if (wire->in.len - wire->at < FRAME_HEADER_BYTES)
        return true;
    if (!frame_read_header((const unsigned char *)wire->in.ptr + wire->at, kind_out, &body))
        return false;
    *len_out += body;
    return true;
}

enum wire_state engine_wire_next(struct worker *w, struct frame *out)
{
    struct engine_wire *wire = &w->wire;
    size_t has = wire->in.len - wire->at, len;

    if (!frame_length(wire, &out->kind, &len))
        return WIRE_BROKEN;
    if (has < FRAME_HEADER_BYTES || has < len)
        return WIRE_NONE;
    out->body = (str){wire->in.ptr + wire->at + FRAME_HEADER_BYTES, len - FRAME_HEADER_BYTES};
    wire->at += len;
    return WIRE_FRAME;
}

/* Room for more of the frame that is under way. It grows as bytes come, never by what a header
 * declares. */
static char *wire_room(struct engine_wire *wire, size_t *room_out)
{
    enum frame_kind kind;
    size_t len, has = wire->in.len - wire->at, room = RECEIVE_LEAST_BYTES;

    buf_drop(&wire->in, wire->at);
    wire->at = 0;
    if (frame_length(wire, &kind, &len) && len > has + room)
        room = len - has < RECEIVE_MOST_BYTES ? len - has : RECEIVE_MOST_BYTES;
    *room_out = room;
    return buf_room(&wire->in, room);
}

enum wire_state engine_wire_wait(struct worker *w, int most_ms)
{
    struct pollfd wait = {.fd = w->fd, .events = POLLIN};
    size_t room;

    if (poll(&wait, 1, most_ms) <= 0)
        return WIRE_NONE;
    char *to = wire_room(&w->wire, &room);
    CHECK(to != NULL); /* a frame and what is read behind it fit, or its header was refused */
    ssize_t n = recv(w->fd, to, room, MSG_DONTWAIT);
    if (n > 0) {
        w->wire.in.len += (size_t)n;
        return WIRE_FRAME;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return WIRE_NONE;
    return WIRE_ENDED;
}

void engine_wire_rest(struct worker *w)
{
    if (w->wire.in.cap > ENGINE_KEEP_BYTES && w->wire.at == w->wire.in.len)
        engine_wire_close(w);
}

void engine_wire_close(struct worker *w)
{
    if (w->wire.in.most != 0)
        buf_free(&w->wire.in);
    buf_init(&w->wire.in, FRAME_BYTES_MAX + FRAME_HEADER_BYTES + 2 * (size_t)RECEIVE_MOST_BYTES);
    w->wire.at = 0;
}

bool engine_wire_post(struct worker *w, enum frame_kind kind)
{
    struct buf b;

    buf_init(&b, 64);
    size_t begin = frame_begin(&b, kind);
    bool ok = frame_end(&b, begin)
           && send(w->fd, b.ptr, b.len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)b.len;
    buf_free(&b);
    return ok;
}

bool engine_wire_send(struct task *t, struct worker *w, const struct buf *frames)
{
    size_t done = 0;
    int64_t stalls_ms = clock_monotonic_ms() + ENGINE_STALL_MS;

    while (done < frames->len) {
        ssize_t n =
            send(w->fd, frames->ptr + done, frames->len - done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            done += (size_t)n;
            stalls_ms = clock_monotonic_ms() + ENGINE_STALL_MS;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            return engine_worker_gone(t, w);
        bool is_stalled = clock_monotonic_ms() >= stalls_ms;
        if (is_stalled)
            task_fail(t, ERR_WORKER, "the worker reads nothing of what it is sent");
        if (is_stalled || !task_go_on(t)) {
            /* Half a job is in the wire: nothing sensible can follow it. */
            engine_worker_kill(w);
            return false;
        }
        struct pollfd wait = {.fd = w->fd, .events = POLLOUT};
        poll(&wait, 1, ENGINE_SLICE_MS);
    }
    return true;
}

static bool hello_read(struct task *t, const struct frame *hello)
{
    struct frame_reader reader = {.rest = hello->body};
    uint8_t version = frame_get_u8(&reader);
    str engine_version = frame_get_str(&reader);

    if (hello->kind != FRAME_HELLO || !frame_read_whole(&reader)
        || engine_version.len > VERSION_BYTES_MAX)
        return task_fail(t, ERR_WORKER, "the worker did not say a proper hello");
    if (version != FRAME_VERSION) {
        task_fail(t, ERR_WORKER, "the worker speaks version %u of the frames, the server %d",
                  version, (int)FRAME_VERSION);
        return task_hint(t, "install weft and weft-worker of one release");
    }
    return true;
}

bool engine_hello_wait(struct task *t, struct worker *w)
{
    int64_t until_ms = clock_monotonic_ms() + ENGINE_HELLO_MS;
    struct frame hello;

    while (task_go_on(t)) {
        switch (engine_wire_next(w, &hello)) {
        case WIRE_FRAME:
            return hello_read(t, &hello);
        case WIRE_BROKEN:
            return task_fail(t, ERR_WORKER, "the worker did not say a proper hello");
        default:
            break;
        }
        if (clock_monotonic_ms() >= until_ms) {
            task_fail(t, ERR_WORKER, "the worker was not ready within %d s",
                      ENGINE_HELLO_MS / 1000);
            return task_hint(
                t,
                "see what it wrote to the server's stderr, and whether the machine is overloaded");
        }
        if (engine_wire_wait(w, ENGINE_SLICE_MS) == WIRE_ENDED)
            return engine_worker_gone(t, w);
    }
    return false;
}
