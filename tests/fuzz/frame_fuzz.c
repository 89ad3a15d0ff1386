/* Frames from a worker that lies. Input: four bytes that say which values a body is read as, then
 * frames. What is read whole must give the same bytes when it is written again. */
#include "frame/frame.h"

#include <stdlib.h>
#include <string.h>

enum { SCRIPT_BYTES = 4, OPERATIONS = 6 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void read_value(struct frame_reader *r, unsigned operation, struct arena *mem,
                       struct buf *again)
{
    struct str_list list;
    switch (operation % OPERATIONS) {
    case 0:
        frame_put_u8(again, frame_get_u8(r));
        break;
    case 1:
        frame_put_u32(again, frame_get_u32(r));
        break;
    case 2:
        frame_put_u64(again, frame_get_u64(r));
        break;
    case 3:
        frame_put_str(again, frame_get_str(r));
        break;
    case 4:
        frame_get_list(r, mem, &list);
        frame_put_list(again, &list);
        break;
    default:
        frame_put_u32(again, frame_get_count(r, 3));
    }
}

static void read_body(enum frame_kind kind, str body, const uint8_t *script)
{
    struct arena *mem = arena_new();
    struct buf *again = buf_new(mem, 2 * body.len + 1000);
    struct frame_reader r = {.rest = body};
    size_t begin = frame_begin(again, kind);
    for (size_t i = 0; !r.failed && r.rest.len; i++)
        read_value(&r, script[i % SCRIPT_BYTES], mem, again);
    if (frame_read_whole(&r)) {
        if (!frame_end(again, begin) || !str_eq(str_from(buf_str(again), FRAME_HEADER_BYTES), body))
            abort();
    } else if (r.rest.len || frame_get_u64(&r) || frame_get_str(&r).len) {
        abort();
    }
    arena_free(mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    enum frame_kind kind;
    uint32_t body_len;
    if (len < SCRIPT_BYTES)
        return 0;
    str rest = {(const char *)data + SCRIPT_BYTES, len - SCRIPT_BYTES};
    while (rest.len >= FRAME_HEADER_BYTES
           && frame_read_header((const unsigned char *)rest.ptr, &kind, &body_len)) {
        if (!frame_kind_name((uint8_t)kind) || body_len > frame_bytes_max((uint8_t)kind))
            abort();
        rest = str_from(rest, FRAME_HEADER_BYTES);
        str body = str_sub(rest, 0, body_len);
        read_body(kind, body, data);
        rest = str_from(rest, body.len);
    }
    return 0;
}
