#include "frame/frame.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock/clock.h"
#include "test.h"

static struct buf *frames(struct task *t)
{
    return buf_new(t->mem, 100 << 20);
}

static void put_frame(struct buf *b, enum frame_kind kind, str body)
{
    size_t begin = frame_begin(b, kind);
    buf_add(b, body);
    EXPECT(frame_end(b, begin));
}

TEST(frame_kinds_are_known)
{
    EXPECT_STR(frame_kind_name(FRAME_JOB), "JOB");
    EXPECT_INT(frame_bytes_max(FRAME_HELLO), 4096);
    EXPECT(frame_kind_name(0) == NULL && frame_kind_name(255) == NULL);
    EXPECT_INT(frame_bytes_max(255), 0);
}

TEST(frame_values_come_back)
{
    struct task *t = test_task();
    struct buf *b = frames(t);
    struct str_list list = {0}, found;
    vec_push(t->mem, &list, STR("one"));
    vec_push(t->mem, &list, STR(""));
    size_t begin = frame_begin(b, FRAME_JOB);
    frame_put_u8(b, 200);
    frame_put_u32(b, 0xfedcba98);
    frame_put_u64(b, 0xfedcba9876543210);
    frame_put_str(b, STR("a\0b"));
    frame_put_list(b, &list);
    EXPECT(frame_end(b, begin));

    enum frame_kind kind;
    uint32_t len;
    REQUIRE(frame_read_header((const unsigned char *)b->ptr, &kind, &len));
    EXPECT_INT(kind, FRAME_JOB);
    EXPECT_INT(len, b->len - FRAME_HEADER_BYTES);
    struct frame_reader r = {.rest = str_from(buf_str(b), FRAME_HEADER_BYTES)};
    EXPECT_INT(frame_get_u8(&r), 200);
    EXPECT_INT(frame_get_u32(&r), 0xfedcba98);
    EXPECT(frame_get_u64(&r) == 0xfedcba9876543210);
    EXPECT_STR(frame_get_str(&r), STR("a\0b"));
    EXPECT(!frame_read_whole(&r));
    frame_get_list(&r, t->mem, &found);
    EXPECT_INT(found.len, 2);
    EXPECT_STR(found.at[0], "one");
    EXPECT_STR(found.at[1], "");
    EXPECT(frame_read_whole(&r));
}

TEST(frame_over_its_cap_is_not_kept)
{
    struct task *t = test_task();
    struct buf *b = frames(t);
    put_frame(b, FRAME_CANCEL, STR(""));
    size_t begin = frame_begin(b, FRAME_HELLO);
    for (int i = 0; i < 1025; i++)
        frame_put_u32(b, 1);
    EXPECT(!frame_end(b, begin));
    EXPECT_INT(b->len, FRAME_HEADER_BYTES);

    struct buf *small = buf_new(t->mem, 12);
    begin = frame_begin(small, FRAME_HELLO);
    frame_put_u64(small, 1);
    EXPECT(!frame_end(small, begin));
    EXPECT_INT(small->len, 0);
    EXPECT(small->full);
}

TEST(frame_reader_believes_no_length)
{
    struct task *t = test_task();
    struct str_list list;
    struct frame_reader r = {.rest = STR("\x05\0\0\0abcd")};
    EXPECT_STR(frame_get_str(&r), "");
    EXPECT(r.failed && !frame_read_whole(&r));
    EXPECT_INT(frame_get_u8(&r), 0);
    EXPECT_INT(frame_get_u64(&r), 0);

    r = (struct frame_reader){.rest = STR("\xff\xff\xff\xff\0\0\0\0")};
    frame_get_list(&r, t->mem, &list);
    EXPECT(r.failed && list.len == 0);
    r = (struct frame_reader){.rest = STR("\x02\0\0\0\0\0\0\0\x09\0\0\0")};
    frame_get_list(&r, t->mem, &list);
    EXPECT(r.failed && list.len == 0);
    r = (struct frame_reader){.rest = STR("\x03\0\0\0abcdef")};
    EXPECT_INT(frame_get_count(&r, 2), 3);
    r = (struct frame_reader){.rest = STR("\x04\0\0\0abcdef")};
    EXPECT_INT(frame_get_count(&r, 2), 0);
    EXPECT(r.failed);
    r = (struct frame_reader){.rest = STR("abc")};
    EXPECT_INT(frame_get_u32(&r), 0);
    EXPECT(r.failed);
}

TEST(frame_header_is_strict)
{
    enum frame_kind kind;
    uint32_t len;
    const char *bad[] = {
        "\0\x01\0\0\0\0\0\0",       "\x02\x01\0\0\0\0\0\0",         "\x01\0\0\0\0\0\0\0",
        "\x01\xee\0\0\0\0\0\0",     "\x01\x01\x01\0\0\0\0\0",       "\x01\x01\0\x01\0\0\0\0",
        "\x01\x01\0\0\x01\x10\0\0", "\x01\x01\0\0\xff\xff\xff\xff",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        EXPECT(!frame_read_header((const unsigned char *)bad[i], &kind, &len));
    EXPECT(frame_read_header((const unsigned char *)"\x01\x01\0\0\0\x10\0\0", &kind, &len));
    EXPECT_INT(kind, FRAME_HELLO);
    EXPECT_INT(len, 4096);
}

struct pair {
    int ends[2];
};

static struct pair *open_pair(void)
{
    static struct pair pair;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair.ends) != 0)
        return NULL;
    return &pair;
}

static void close_pair(struct pair *pair)
{
    (void)close(pair->ends[0]);
    (void)close(pair->ends[1]);
}

enum { MANY = 2000, LARGE = 1 << 20 };

static void *send_many(void *fd)
{
    struct task *t = task_new();
    struct buf *b = frames(t);
    bool ok = true;
    for (uint32_t i = 0; ok && i < MANY; i++) {
        buf_clear(b);
        size_t begin = frame_begin(b, FRAME_BYTES);
        frame_put_u32(b, i);
        if (i % 100 == 0)
            memset(buf_room(b, LARGE), (int)(i / 100), LARGE), b->len += LARGE;
        ok = frame_end(b, begin) && frame_send(t, *(int *)fd, b);
    }
    task_free(t);
    return ok ? fd : NULL;
}

TEST(frames_cross_a_socket)
{
    struct task *t = test_task();
    struct pair *pair = open_pair();
    struct buf *into = frames(t);
    pthread_t thread;
    void *result = NULL;
    REQUIRE(pair != NULL && pthread_create(&thread, NULL, send_many, &pair->ends[0]) == 0);
    for (uint32_t i = 0; i < MANY; i++) {
        struct frame frame;
        if (!frame_receive(t, pair->ends[1], into, &frame)) {
            EXPECT_OK(t, false);
            break;
        }
        struct frame_reader r = {.rest = frame.body};
        if (frame.kind != FRAME_BYTES || frame_get_u32(&r) != i)
            EXPECT(!"frames come in order");
        if (i % 100 == 0 && (r.rest.len != LARGE || r.rest.ptr[LARGE - 1] != (char)(i / 100)))
            EXPECT(!"large frames come whole");
    }
    (void)pthread_join(thread, &result);
    EXPECT(result == &pair->ends[0]);
    close_pair(pair);
}

TEST(frame_end_of_file_is_told)
{
    struct task *t = test_task();
    struct pair *pair = open_pair();
    struct buf *into = frames(t);
    struct frame frame;
    REQUIRE(pair != NULL);
    EXPECT_INT(write(pair->ends[0], "\x01\x06\0\0\x05\0\0\0ab", 10), 10);
    (void)shutdown(pair->ends[0], SHUT_WR);
    EXPECT_FAIL(t, ERR_WORKER, frame_receive(t, pair->ends[1], into, &frame));
    EXPECT_STR(t->err.message, "the worker ended");
    EXPECT_STR(t->err.detail, "in the middle of a frame");
    EXPECT_FAIL(t, ERR_WORKER, frame_receive(t, pair->ends[1], into, &frame));
    EXPECT_STR(t->err.detail, "");
    close_pair(pair);
}

TEST(frame_to_a_worker_that_ended)
{
    struct task *t = test_task();
    struct pair *pair = open_pair();
    struct buf *b = frames(t);
    REQUIRE(pair != NULL);
    (void)close(pair->ends[1]);
    put_frame(b, FRAME_CANCEL, STR(""));
    EXPECT_FAIL(t, ERR_WORKER, frame_send(t, pair->ends[0], b));
    EXPECT_STR(t->err.message, "the worker ended");
    (void)close(pair->ends[0]);
}

TEST(frame_that_breaks_the_rules)
{
    struct task *t = test_task();
    struct pair *pair = open_pair();
    struct buf *small = buf_new(t->mem, 4);
    struct frame frame;
    REQUIRE(pair != NULL);
    EXPECT_INT(write(pair->ends[0], "\x01\x06\0\0\x05\0\0\0", 8), 8);
    EXPECT_FAIL(t, ERR_LIMIT, frame_receive(t, pair->ends[1], small, &frame));
    EXPECT_INT(write(pair->ends[0], "GET / HT", 8), 8);
    EXPECT_FAIL(t, ERR_PROTOCOL, frame_receive(t, pair->ends[1], small, &frame));
    small->full = true;
    EXPECT_FAIL(t, ERR_LIMIT, frame_send(t, pair->ends[0], small));
    close_pair(pair);
}

TEST(frame_waits_end_by_deadline)
{
    struct task *t = test_task();
    struct pair *pair = open_pair();
    struct buf *b = frames(t);
    struct frame frame;
    REQUIRE(pair != NULL);
    int64_t before_ms = clock_monotonic_ms();
    t->deadline_ms = before_ms + 120;
    EXPECT_FAIL(t, ERR_TIMEOUT, frame_receive(t, pair->ends[1], b, &frame));
    EXPECT(clock_monotonic_ms() - before_ms >= 120);
    t->deadline_ms = clock_monotonic_ms() + 60;
    size_t begin = frame_begin(b, FRAME_JOB);
    memset(buf_room(b, 32 << 20), 0, 32 << 20);
    b->len += 32 << 20;
    EXPECT(frame_end(b, begin));
    EXPECT_FAIL(t, ERR_TIMEOUT, frame_send(t, pair->ends[0], b));
    close_pair(pair);
}

static void *cancel(void *task)
{
    (void)usleep(30000);
    task_cancel(task);
    return NULL;
}

TEST(frame_waits_end_by_cancel)
{
    struct task *t = test_task();
    struct pair *pair = open_pair();
    struct buf *b = frames(t);
    struct frame frame;
    pthread_t thread;
    REQUIRE(pair != NULL && pthread_create(&thread, NULL, cancel, t) == 0);
    EXPECT_FAIL(t, ERR_CANCELLED, frame_receive(t, pair->ends[1], b, &frame));
    (void)pthread_join(thread, NULL);
    /* The task that was cancelled can still tell the worker so. */
    put_frame(b, FRAME_CANCEL, STR(""));
    EXPECT_OK(t, frame_send(t, pair->ends[0], b));
    close_pair(pair);
}
