/* A worker that does as it is told: this very program, when the engine starts it as one. It speaks
 * frames well or badly, because what a worker says is hostile input. */
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "job/job.h"

enum { FD = 3, TEXT_MAX = 65536 };

static struct task *t;
static struct buf received;

static void send_raw(const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = send(FD, at, len, MSG_NOSIGNAL);
        if (n <= 0)
            _exit(0);
        at += n;
        len -= (size_t)n;
    }
}

static void send_buf(struct buf *b, size_t begin)
{
    if (!frame_end(b, begin))
        _exit(99);
    send_raw(b->ptr, b->len);
    buf_clear(b);
}

#define SEND(kind, ...)                                                                            \
    do {                                                                                           \
        struct buf b;                                                                              \
        buf_init(&b, 1 << 25);                                                                     \
        size_t begin = frame_begin(&b, FRAME_##kind);                                              \
        __VA_ARGS__;                                                                               \
        send_buf(&b, begin);                                                                       \
        buf_free(&b);                                                                              \
    } while (0)

static void send_hello(unsigned version)
{
    SEND(HELLO, frame_put_u8(&b, (uint8_t)version); frame_put_str(&b, STR("v0.0 of a fake")));
}

static void send_columns(void)
{
    SEND(COLUMNS, frame_put_u32(&b, 2); frame_put_str(&b, STR("name"));
         frame_put_str(&b, STR("VARCHAR")); frame_put_str(&b, STR("size"));
         frame_put_str(&b, STR("INTEGER")));
}

static void send_bytes(str bytes)
{
    SEND(BYTES, buf_add(&b, bytes));
}

static void send_done(uint64_t rows)
{
    SEND(DONE, frame_put_u64(&b, rows); frame_put_u64(&b, 0));
}

static void send_progress(uint32_t thousandths)
{
    SEND(PROGRESS, frame_put_u32(&b, thousandths); frame_put_u64(&b, 1); frame_put_u64(&b, 2));
}

static void send_failed(uint32_t code, str message, uint32_t position)
{
    SEND(FAILED, frame_put_u32(&b, code); frame_put_str(&b, message);
         frame_put_str(&b, STR("a detail")); frame_put_str(&b, STR("a hint"));
         frame_put_u32(&b, position));
}

static void send_text(const char *text)
{
    send_columns();
    send_bytes(str_of(text));
    send_done(1);
}

static _Noreturn void hang(void)
{
    for (;;)
        pause();
}

/* What a process of the server's has inherited, as text. */
static void tell_state(void)
{
    static char text[TEXT_MAX];
    char cwd[4096] = "";
    size_t len = 0;
    struct sigaction pipe_action;
    sigset_t blocked;
    int blocked_count = 0, variables = 0;

    sigaction(SIGPIPE, NULL, &pipe_action);
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    for (int i = 1; i < NSIG; i++)
        blocked_count += sigismember(&blocked, i) == 1;
    for (char **variable = environ; *variable != NULL; variable++)
        variables += strncmp(*variable, "WEFT_", 5) == 0 || strncmp(*variable, "HOME=", 5) == 0;
    len += (size_t)snprintf(
        text, sizeof(text),
        "session=%d sigpipe=%d blocked=%d variables=%d uid=%d in=%d fds=", getsid(0) == getpid(),
        pipe_action.sa_handler == SIG_DFL, blocked_count, variables, (int)getuid(),
        access("in", R_OK | X_OK) == 0 && access("in", W_OK) != 0);
    DIR *folder = opendir("/proc/self/fd");
    for (struct dirent *e; folder && (e = readdir(folder)) != NULL;) {
        if (e->d_name[0] != '.' && strtol(e->d_name, NULL, 10) != dirfd(folder))
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s,", e->d_name);
    }
    if (folder)
        closedir(folder);
    if (getcwd(cwd, sizeof(cwd)) == NULL)
        cwd[0] = '\0';
    snprintf(text + len, sizeof(text) - len, " cwd=%s", cwd);
    send_text(text);
}

static void tell_file(const char *name)
{
    static char text[TEXT_MAX], path[512];

    snprintf(path, sizeof(path), "in/%s", name);
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (n < 0) {
        send_failed(ERR_IO, STR("cannot read it"), 0);
        return;
    }
    close(fd);
    text[n] = '\0';
    send_text(text);
}

static void write_file(const char *file)
{
    char path[512];
    snprintf(path, sizeof(path), "out/%s", file);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, "written", 7) != 7)
        _exit(98);
    close(fd);
}

static bool is_cancelled(void)
{
    struct frame frame;
    char byte;

    if (recv(FD, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0)
        return false;
    return frame_receive(t, FD, &received, &frame) && frame.kind == FRAME_CANCEL;
}

static void work_until_cancelled(void)
{
    while (!is_cancelled()) {
        send_progress(500);
        usleep(5000);
    }
    send_failed(ERR_CANCELLED, STR("interrupted"), 0);
}

static bool job_hostile(const char *what)
{
    if (strcmp(what, "kind") == 0) {
        send_raw("\x01\x63\0\0\0\0\0\0", 8);
    } else if (strcmp(what, "version") == 0) {
        send_raw("\x07\x05\0\0\0\0\0\0", 8);
    } else if (strcmp(what, "length") == 0) {
        send_raw("\x01\x06\0\0\xff\xff\xff\xff", 8);
    } else if (strcmp(what, "count") == 0) {
        SEND(COLUMNS, frame_put_u32(&b, 0xfffffff0u));
    } else if (strcmp(what, "nocolumns") == 0) {
        SEND(COLUMNS, frame_put_u32(&b, 0));
    } else if (strcmp(what, "name") == 0) {
        SEND(COLUMNS, frame_put_u32(&b, 1); frame_put_str(&b, STR("\xff\xfe"));
             frame_put_str(&b, STR("x")));
    } else if (strcmp(what, "rowsfirst") == 0) {
        send_bytes(STR("x"));
    } else if (strcmp(what, "twice") == 0) {
        send_columns();
        send_columns();
    } else if (strcmp(what, "end") == 0) {
        send_columns();
        SEND(DONE, frame_put_u32(&b, 1));
    } else if (strcmp(what, "endfirst") == 0) {
        send_done(0);
    } else if (strcmp(what, "manyrows") == 0) {
        send_columns();
        send_done(1u << 30);
    } else if (strcmp(what, "tree") == 0) {
        SEND(TREE, frame_put_str(&b, STR("{}")));
    } else if (strcmp(what, "hello") == 0) {
        send_hello(1);
    } else if (strcmp(what, "job") == 0) {
        SEND(QUIT, (void)0);
    } else if (strcmp(what, "code") == 0) {
        send_failed(100000, STR("x"), 0);
    } else if (strcmp(what, "fine") == 0) {
        send_failed(ERR_NONE, STR("x"), 0);
    } else if (strcmp(what, "progress") == 0) {
        send_progress(1001);
    } else if (strcmp(what, "flood") == 0) {
        for (;;)
            send_progress(1);
    } else {
        return false;
    }
    hang(); /* it must be killed, not waited for */
}

/* Jobs that end in another way than they should. */
static bool job_badly(const char *text)
{
    if (strcmp(text, "deaf") == 0) {
        send_columns();
        hang();
    } else if (strcmp(text, "close") == 0) {
        close(FD);
        hang();
    } else if (strcmp(text, "midway") == 0) {
        send_columns();
        send_bytes(STR("some"));
        raise(SIGABRT);
    } else if (strcmp(text, "half") == 0) {
        send_raw("\x01\x06\0\0\x10\0\0\0half", 12);
        _exit(7);
    } else if (strcmp(text, "engine") == 0) {
        send_failed(ERR_ENGINE, STR("INTERNAL Error"), 0);
        _exit(0);
    } else if (strcmp(text, "position") == 0) {
        send_failed(ERR_UNKNOWN_COLUMN, STR("no column \xff here"), 4);
    } else if (strcmp(text, "far") == 0) {
        send_failed(ERR_UNKNOWN_COLUMN, STR("beyond"), 4000);
    } else if (strcmp(text, "unasked") == 0) {
        send_text("fine");
        send_progress(3);
    } else {
        return false;
    }
    return true;
}

static void do_job(const struct engine_job *job)
{
    char *text = arena_c_string(t->mem, job->text);

    if (strncmp(text, "hostile ", 8) == 0) {
        if (!job_hostile(text + 8))
            _exit(97);
    } else if (strncmp(text, "read ", 5) == 0) {
        tell_file(text + 5);
    } else if (strcmp(text, "state") == 0) {
        tell_state();
    } else if (strcmp(text, "pid") == 0) {
        char pid[32];
        snprintf(pid, sizeof(pid), "%d", (int)getpid());
        send_text(pid);
    } else if (strcmp(text, "columns") == 0) {
        send_columns();
        send_done(0);
    } else if (strcmp(text, "write") == 0) {
        write_file(arena_c_string(t->mem, job->file));
        send_done(7);
    } else if (strcmp(text, "nofile") == 0) {
        send_done(7);
    } else if (strcmp(text, "linkfile") == 0) {
        if (symlink("/etc/passwd", "out/file") != 0)
            _exit(96);
        send_done(7);
    } else if (strcmp(text, "litter") == 0) {
        (void)!mkdir("tmp/a", 0700);
        (void)!mkdir("tmp/a/b", 0700);
        write_file("left");
        int fd = open("tmp/a/b/c", O_WRONLY | O_CREAT, 0);
        close(fd);
        (void)!chmod("tmp/a/b", 0);
        (void)!chmod("tmp/a", 0);
        send_text("littered");
    } else if (strcmp(text, "big") == 0) {
        static char block[1 << 20];
        memset(block, 'x', sizeof(block));
        send_columns();
        for (int i = 0; i < 20; i++)
            send_bytes((str){block, sizeof(block)});
        send_done(20);
    } else if (strcmp(text, "slow") == 0) {
        work_until_cancelled();
    } else if (!job_badly(text)) {
        send_text("ok");
    }
}

static void do_parse(str sql)
{
    if (str_eq(sql, STR("syntax"))) {
        send_failed(ERR_SYNTAX, STR("syntax error"), 3);
    } else if (str_eq(sql, STR("die"))) {
        _exit(5);
    } else if (str_eq(sql, STR("deaf"))) {
        hang();
    } else if (str_eq(sql, STR("rows"))) {
        send_columns();
        hang();
    } else if (str_eq(sql, STR("stop reading"))) {
        SEND(TREE, frame_put_str(&b, STR("{}")));
        hang();
    } else {
        SEND(TREE, frame_put_str(&b, sql));
    }
}

/* How to begin, from a file that the test has put into the home. */
static void begin(void)
{
    char how[64] = "";
    int fd = open("../../start", O_RDONLY);

    if (fd >= 0) {
        ssize_t n = read(fd, how, sizeof(how) - 1);
        how[n > 0 ? n : 0] = '\0';
        close(fd);
    }
    if (strcmp(how, "exit78") == 0)
        _exit(78);
    if (strcmp(how, "exit1") == 0)
        _exit(1);
    if (strcmp(how, "crash") == 0)
        raise(SIGKILL);
    if (strcmp(how, "silent") == 0)
        hang();
    if (strcmp(how, "garbage") == 0) {
        send_raw("SSH-2.0-garbage\r\n", 17);
        hang();
    }
    if (strcmp(how, "slow") == 0)
        usleep(300000);
    send_hello(strcmp(how, "version") == 0 ? 9 : FRAME_VERSION);
}

static void serve(void)
{
    struct frame frame;

    for (;;) {
        struct arena_mark mark = arena_mark(t->mem);
        struct engine_job job;
        if (!frame_receive(t, FD, &received, &frame) || frame.kind == FRAME_QUIT)
            _exit(0);
        struct frame_reader reader = {.rest = frame.body};
        if (frame.kind == FRAME_PARSE)
            do_parse(frame_get_str(&reader));
        else if (frame.kind == FRAME_JOB && job_unpack(&reader, t->mem, &job))
            do_job(&job);
        else if (frame.kind != FRAME_CANCEL)
            _exit(95);
        arena_rewind(t->mem, mark);
    }
}

/* Before main: the tests do not run in a worker. */
__attribute__((constructor)) static void become_worker(int argc, char **argv)
{
    bool is_worker = false;
    unsigned long uid = 0, gid = 0;

    for (int i = 1; i < argc; i++) {
        is_worker |= strcmp(argv[i], "--fd=3") == 0;
        if (strncmp(argv[i], "--uid=", 6) == 0)
            uid = strtoul(argv[i] + 6, NULL, 10);
        if (strncmp(argv[i], "--gid=", 6) == 0)
            gid = strtoul(argv[i] + 6, NULL, 10);
    }
    if (!is_worker)
        return;
    t = task_new();
    buf_init(&received, 1 << 27);
    begin();
    if (geteuid() == 0 && uid != 0
        && (setgroups(0, NULL) != 0 || setgid((gid_t)gid) != 0 || setuid((uid_t)uid) != 0))
        _exit(94);
    serve();
}
