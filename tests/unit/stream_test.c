#include "stream/stream.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock/clock.h"
#include "stream/stream_idle.h"
#include "test.h"

static void remove_folder(void *path)
{
    rmdir(path);
}

/* Removed with the task, after the sockets in it. */
static str test_folder(struct task *t)
{
    char *path = arena_c_string(t->mem, STR("/tmp/weft-stream-XXXXXX"));
    CHECK(mkdtemp(path) != NULL);
    arena_defer(t->mem, remove_folder, path);
    return str_of(path);
}

struct pair {
    struct stream *ours, *theirs;
};

static struct pair connected(void)
{
    int fds[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
    return (struct pair){stream_of_fd(fds[0]), stream_of_fd(fds[1])};
}

static void pair_close(struct pair *p)
{
    stream_close(p->ours);
    stream_close(p->theirs);
}

TEST(stream_tcp_chooses_a_free_address_and_carries_bytes)
{
    struct task *t = test_task();
    struct stream_listener *listener = NULL;
    struct stream *client = NULL;
    struct stream *server = NULL;
    char text[8] = "";
    REQUIRE_OK(t, stream_listen_tcp(t, STR("127.0.0.1:0"), &listener));
    str address = stream_listener_address(listener);
    EXPECT(str_starts(address, STR("127.0.0.1:")) && !str_ends(address, STR(":0")));
    REQUIRE_OK(t, stream_connect_tcp(t, address, &client));
    REQUIRE_OK(t, stream_accept(t, listener, &server));
    EXPECT(!stream_peer(server)->is_unix);
    EXPECT(str_starts(str_of(stream_peer(server)->address), STR("127.0.0.1:")));
    const str parts[3] = {STR("a"), STR_NONE, STR("bc")};
    EXPECT_OK(t, stream_write_parts(t, client, parts, 3));
    EXPECT_OK(t, stream_read_exact(t, server, text, 3));
    EXPECT_STR(text, "abc");
    EXPECT(!stream_is_gone(server));
    stream_close(client);
    for (int i = 0; i < 1000 && !stream_is_gone(server); i++)
        poll(NULL, 0, 1);
    EXPECT(stream_is_gone(server));
    size_t n = 1;
    EXPECT_OK(t, stream_read(t, server, text, sizeof(text), &n));
    EXPECT_INT(n, 0);
    EXPECT_FAIL(t, ERR_CANCELLED, stream_read_exact(t, server, text, 1));
    stream_close(server);
    stream_listener_close(listener);
    EXPECT_FAIL(t, ERR_UNREACHABLE,
                stream_connect_tcp(t, arena_str(t->mem, STR("127.0.0.1:1")), &client));
    EXPECT(t->err.hint.len > 0);
}

TEST(stream_refuses_malformed_and_taken_addresses)
{
    struct task *t = test_task();
    struct stream_listener *listener = NULL;
    struct stream_listener *second = NULL;
    const char *const bad[] = {
        "", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        EXPECT_FAIL(t, ERR_CONFIG, stream_listen_tcp(t, str_of(bad[i]), &listener));
    REQUIRE_OK(t, stream_listen_tcp(t, STR(":0"), &listener));
    EXPECT_FAIL(t, ERR_CONFIG, stream_listen_tcp(t, stream_listener_address(listener), &second));
    stream_listener_close(listener);
}

TEST(stream_unix_socket_is_private_and_knows_its_peer)
{
    struct task *t = test_task();
    str path = arena_format(t->mem, STR_FMT "/s", STR_ARG(test_folder(t)));
    struct stream_listener *listener = NULL;
    struct stream *client = NULL;
    struct stream *server = NULL;
    struct stat found;
    REQUIRE_OK(t, stream_listen_unix(t, path, &listener));
    REQUIRE(stat(path.ptr, &found) == 0);
    EXPECT_INT(found.st_mode & 07777, 0600);
    REQUIRE_OK(t, stream_connect_unix(t, path, &client));
    REQUIRE_OK(t, stream_accept(t, listener, &server));
    EXPECT(stream_peer(server)->is_unix);
    EXPECT_INT(stream_peer(server)->uid, getuid());
    EXPECT_INT(stream_peer(server)->pid, getpid());
    stream_close(client);
    stream_close(server);
    stream_listener_close(listener);
    EXPECT(stat(path.ptr, &found) != 0);
    EXPECT_FAIL(t, ERR_UNREACHABLE, stream_connect_unix(t, path, &client));
}

TEST(stream_unix_socket_replaces_a_dead_one_only)
{
    struct task *t = test_task();
    str path = arena_format(t->mem, STR_FMT "/s", STR_ARG(test_folder(t)));
    struct stream_listener *first = NULL;
    struct stream_listener *second = NULL;
    struct stat found;
    REQUIRE_OK(t, stream_listen_unix(t, path, &first));
    EXPECT_FAIL(t, ERR_BUSY, stream_listen_unix(t, path, &second));
    /* A server that was killed leaves its file behind. */
    int dead = dup(stream_listener_fd(first));
    REQUIRE(dead >= 0);
    close(dead);
    REQUIRE(shutdown(stream_listener_fd(first), SHUT_RDWR) == 0);
    REQUIRE_OK(t, stream_listen_unix(t, path, &second));
    stream_listener_close(first); /* which must leave the socket of the second */
    EXPECT(stat(path.ptr, &found) == 0);
    stream_listener_close(second);
    FILE *file = fopen(path.ptr, "w");
    REQUIRE(file != NULL);
    fclose(file);
    EXPECT_FAIL(t, ERR_BUSY, stream_listen_unix(t, path, &first));
    EXPECT(stat(path.ptr, &found) == 0);
    unlink(path.ptr);
}

TEST(stream_unix_paths_may_be_long)
{
    struct task *t = test_task();
    str folder = test_folder(t);
    str deep = arena_format(t->mem, STR_FMT "/%0120d", STR_ARG(folder), 1);
    REQUIRE(mkdir(deep.ptr, 0700) == 0);
    str path = arena_format(t->mem, STR_FMT "/weft.sock", STR_ARG(deep));
    struct stream_listener *listener = NULL;
    struct stream *client = NULL;
    struct stream *server = NULL;
    REQUIRE_OK(t, stream_listen_unix(t, path, &listener));
    EXPECT_OK(t, stream_connect_unix(t, path, &client));
    EXPECT_OK(t, stream_accept(t, listener, &server));
    stream_close(client);
    stream_close(server);
    stream_listener_close(listener);
    EXPECT_INT(rmdir(deep.ptr), 0);
}

TEST(stream_reads_and_writes_end_at_deadlines_and_cancel)
{
    struct task *t = test_task();
    struct pair p = connected();
    char byte = 0;
    size_t n = 0;
    stream_set_deadline(p.ours, clock_monotonic_ms() + 20);
    EXPECT_FAIL(t, ERR_TIMEOUT, stream_read(t, p.ours, &byte, 1, &n));
    stream_set_deadline(p.ours, 0);
    t->deadline_ms = clock_monotonic_ms() + 20;
    EXPECT_FAIL(t, ERR_TIMEOUT, stream_read(t, p.ours, &byte, 1, &n));
    t->deadline_ms = 0;
    char *much = arena_alloc(t->mem, 8 << 20);
    stream_set_deadline(p.ours, clock_monotonic_ms() + 20);
    EXPECT_FAIL(t, ERR_TIMEOUT, stream_write(t, p.ours, (str){much, 8 << 20}));
    task_cancel(t);
    EXPECT_FAIL(t, ERR_CANCELLED, stream_read(t, p.ours, &byte, 1, &n));
    pair_close(&p);
}

TEST(stream_write_to_a_closed_peer_fails_without_a_signal)
{
    struct task *t = test_task();
    struct pair p = connected();
    stream_close(p.theirs);
    EXPECT_FAIL(t, ERR_CANCELLED, stream_write(t, p.ours, STR("x")));
    stream_close(p.ours);
}

TEST(stream_is_gone_leaves_the_bytes)
{
    struct task *t = test_task();
    struct pair p = connected();
    char text[8] = "";
    EXPECT_OK(t, stream_write(t, p.theirs, STR("abc")));
    stream_close(p.theirs);
    EXPECT(stream_is_gone(p.ours));
    EXPECT_OK(t, stream_read_exact(t, p.ours, text, 3));
    EXPECT_STR(text, "abc");
    stream_close(p.ours);
}

/* ---- the waiting thread */

struct seen {
    pthread_mutex_t lock;
    pthread_cond_t change;
    int readable, timeout, closing, gone, accepted;
    struct stream *stream;
};

static void seen_init(struct seen *seen)
{
    memset(seen, 0, sizeof(*seen));
    pthread_mutex_init(&seen->lock, NULL);
    pthread_cond_init(&seen->change, NULL);
}

static void count(struct seen *seen, int *counter)
{
    pthread_mutex_lock(&seen->lock);
    (*counter)++;
    pthread_cond_broadcast(&seen->change);
    pthread_mutex_unlock(&seen->lock);
}

static void on_ready(void *item, enum stream_wake why)
{
    struct seen *seen = item;
    count(seen, why == STREAM_WAKE_READABLE  ? &seen->readable
                : why == STREAM_WAKE_TIMEOUT ? &seen->timeout
                                             : &seen->closing);
}

static void on_gone(void *item)
{
    struct seen *seen = item;
    count(seen, &seen->gone);
}

static void on_accepted(void *state, struct stream *s)
{
    struct seen *seen = state;
    seen->stream = s;
    count(seen, &seen->accepted);
}

static bool wait_until(struct seen *seen, const int *counter, int least)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    pthread_mutex_lock(&seen->lock);
    int status = 0;
    while (*counter < least && status == 0)
        status = pthread_cond_timedwait(&seen->change, &seen->lock, &until);
    bool held = *counter == least;
    pthread_mutex_unlock(&seen->lock);
    return held;
}

TEST(stream_idle_wakes_a_parked_stream_once)
{
    struct task *t = test_task();
    struct stream_idle *idle = NULL;
    struct pair p = connected();
    struct seen seen;
    seen_init(&seen);
    REQUIRE_OK(t, stream_idle_open(t, &idle));
    stream_idle_park(idle, p.ours, 0, on_ready, &seen);
    EXPECT_OK(t, stream_write(t, p.theirs, STR("x")));
    EXPECT(wait_until(&seen, &seen.readable, 1));
    char byte = 0;
    EXPECT_OK(t, stream_read_exact(t, p.ours, &byte, 1));
    stream_idle_park(idle, p.ours, clock_monotonic_ms() + 20, on_ready, &seen);
    EXPECT(wait_until(&seen, &seen.timeout, 1));
    stream_idle_park(idle, p.ours, 0, on_ready, &seen);
    stream_idle_release(idle);
    EXPECT(wait_until(&seen, &seen.closing, 1));
    stream_idle_park(idle, p.ours, 0, on_ready, &seen);
    EXPECT_INT(seen.closing, 2);
    stream_idle_close(idle);
    EXPECT_INT(seen.readable, 1);
    pair_close(&p);
}

TEST(stream_idle_tells_of_a_hang_up_until_it_is_unwatched)
{
    struct task *t = test_task();
    struct stream_idle *idle = NULL;
    struct pair p = connected();
    struct pair q = connected();
    struct seen seen;
    seen_init(&seen);
    REQUIRE_OK(t, stream_idle_open(t, &idle));
    uint64_t first = stream_idle_watch(idle, p.ours, on_gone, &seen);
    uint64_t second = stream_idle_watch(idle, q.ours, on_gone, &seen);
    EXPECT_OK(t, stream_write(t, p.theirs, STR("bytes that nobody reads")));
    stream_idle_unwatch(idle, second);
    stream_close(q.theirs);
    stream_close(p.theirs);
    EXPECT(wait_until(&seen, &seen.gone, 1));
    stream_idle_unwatch(idle, first);
    stream_idle_unwatch(idle, 0);
    stream_idle_close(idle);
    EXPECT_INT(seen.gone, 1);
    stream_close(p.ours);
    stream_close(q.ours);
}

TEST(stream_idle_accepts_until_it_is_told_not_to)
{
    struct task *t = test_task();
    struct stream_idle *idle = NULL;
    struct stream_listener *listener = NULL;
    struct stream *client = NULL;
    struct seen seen;
    seen_init(&seen);
    REQUIRE_OK(t, stream_idle_open(t, &idle));
    REQUIRE_OK(t, stream_listen_tcp(t, STR("127.0.0.1:0"), &listener));
    stream_idle_listen(idle, listener, on_accepted, &seen);
    REQUIRE_OK(t, stream_connect_tcp(t, stream_listener_address(listener), &client));
    EXPECT(wait_until(&seen, &seen.accepted, 1));
    stream_close(client);
    stream_close(seen.stream);
    stream_idle_unlisten(idle, listener);
    stream_listener_close(listener);
    stream_idle_close(idle);
    EXPECT_INT(seen.accepted, 1);
}
