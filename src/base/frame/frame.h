/* The language of server and worker: version, kind, length under a cap, body.
 *
 * Header, 8 bytes: version (1), kind (1), zero (2), length of the body (4, little endian).
 * What a worker sends is hostile input: readers check every length and never trust a count. */
#ifndef WEFT_FRAME_H
#define WEFT_FRAME_H

#include "buf/buf.h"
#include "task/task.h"
#include "vec/vec.h"

enum { FRAME_VERSION = 1, FRAME_HEADER_BYTES = 8 };

enum frame_kind {
#define FRAME(name, number, most, meaning) FRAME_##name = number,
#include "frame/frames.def"
#undef FRAME
};

const char *frame_kind_name(uint8_t kind); /* NULL when there is no such kind */
size_t frame_bytes_max(uint8_t kind);

/* Writing: frame_begin, puts, frame_end; false when the frame passes its cap. */
size_t frame_begin(struct buf *b, enum frame_kind kind);
bool frame_end(struct buf *b, size_t begin);
void frame_put_u8(struct buf *b, uint8_t value);
void frame_put_u32(struct buf *b, uint32_t value);
void frame_put_u64(struct buf *b, uint64_t value);
void frame_put_str(struct buf *b, str value);
void frame_put_list(struct buf *b, const struct str_list *list);

/* Reading: after the first value that does not fit, `failed` is set and all values are zero. */
struct frame_reader {
    str rest;
    bool failed;
};
uint8_t frame_get_u8(struct frame_reader *r);
uint32_t frame_get_u32(struct frame_reader *r);
uint64_t frame_get_u64(struct frame_reader *r);
/* Borrowed from the frame. */
str frame_get_str(struct frame_reader *r);
void frame_get_list(struct frame_reader *r, struct arena *mem, struct str_list *out);
/* A count of elements that take at least `least_bytes` each: fails when the rest cannot hold
 * them. */
uint32_t frame_get_count(struct frame_reader *r, size_t least_bytes);
/* True when all was read and nothing failed. */
bool frame_read_whole(const struct frame_reader *r);

struct frame {
    enum frame_kind kind;
    str body;
};

/* Reads a header. False when it breaks the rules: version, kind, or length over the kind's cap. */
bool frame_read_header(const unsigned char header[FRAME_HEADER_BYTES], enum frame_kind *kind_out,
                       uint32_t *len_out);

/* Blocking I/O that waits with poll, and ends at the task's deadline or cancel. The body is kept in
 * `into`, which is cleared first. End of file is ERR_WORKER. */
MUST_CHECK bool frame_send(struct task *t, int fd, const struct buf *frames);
MUST_CHECK bool frame_receive(struct task *t, int fd, struct buf *into, struct frame *out);

#endif
