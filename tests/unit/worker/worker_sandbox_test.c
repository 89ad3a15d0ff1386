#include "worker_sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

/* Each attempt runs in a child of its own, inside the sandbox of one kind; it gives 0 when it got what it wanted, or errno. */
typedef int attempt(void);

static char folder[64];
static char outside[128], linked[128], path_socket[108];
static uint16_t listening_port;
static int listener_tcp = -1, listener_unix = -1;

static void make_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    REQUIRE(fd >= 0);
    EXPECT(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    EXPECT(fchmod(fd, mode) == 0);
    close(fd);
}

static void listen_to_all(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    listener_tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT(bind(listener_tcp, (struct sockaddr *)&address, sizeof address) == 0
           && listen(listener_tcp, 4) == 0);
    EXPECT(getsockname(listener_tcp, (struct sockaddr *)&address, &len) == 0);
    listening_port = ntohs(address.sin_port);

    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%s", path_socket);
    listener_unix = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT(bind(listener_unix, (struct sockaddr *)&name, sizeof name) == 0
           && listen(listener_unix, 4) == 0);
    EXPECT(chmod(path_socket, 0777) == 0);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

static void tear_down(void)
{
    if (chdir("/") == 0)
        nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void set_up(void)
{
    if (folder[0])
        return;
    snprintf(folder, sizeof folder, "/tmp/weft-sandbox-XXXXXX");
    REQUIRE(mkdtemp(folder) != NULL);
    atexit(tear_down);
    EXPECT(chmod(folder, 0755) == 0 && chdir(folder) == 0);
    const char *const folders[] = {"room", "room/in", "room/tmp", "room/out"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        EXPECT(mkdir(folders[i], 0777) == 0 && chmod(folders[i], 0777) == 0);
    snprintf(outside, sizeof outside, "%s/outside", folder);
    snprintf(linked, sizeof linked, "%s/linked", folder);
    snprintf(path_socket, sizeof path_socket, "%s/weft.sock", folder);
    make_file(outside, "hidden", 0666);
    make_file(linked, "visible", 0444);
    EXPECT(link(linked, "room/in/file") == 0);
    EXPECT(symlink(outside, "room/in/sideways") == 0);
    listen_to_all();
}

enum { SANDBOX_FAILED = 250, KILLED = 251 };

static int run_inside(enum worker_kind kind, attempt *try)
{
    set_up();
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct task *t = task_new();
        struct worker_options options = {.kind = kind,
                                         .fd = 3,
                                         .uid = 61184,
                                         .gid = 61184,
                                         .memory_mb = 512,
                                         .temp_mb = 64,
                                         .threads = 1,
                                         .needs_sandbox = true,
                                         .connect_port =
                                             kind == WORKER_EXTRACT ? listening_port : 0};
        const char *extensions;
        if (chdir("room") || !worker_sandbox_enter(t, &options, &extensions)) {
            dprintf(STDERR_FILENO, "sandbox: " STR_FMT "\n", STR_ARG(t->err.message));
            _exit(SANDBOX_FAILED);
        }
        _exit(try() & 0xff);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? KILLED : WEXITSTATUS(status);
}

static int open_errno(const char *path, int flags)
{
    int fd = open(path, flags, 0600);
    return fd >= 0 ? 0 : errno;
}

#define EXPECT_REFUSED(result)                                                                     \
    do {                                                                                           \
        int got = (result);                                                                        \
        EXPECT(got == EACCES || got == EPERM);                                                     \
    } while (0)

static int read_link_in(void)
{
    char text[8] = "";
    int fd = open("in/file", O_RDONLY);
    return fd >= 0 && read(fd, text, 7) == 7 && text[0] == 'v' ? 0 : errno;
}

static int write_temp(void)
{
    int fd = open("tmp/new", O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, "x", 1) != 1 || ftruncate(fd, 0) || rename("tmp/new", "tmp/newer")
        || unlink("tmp/newer"))
        return errno;
    return mkdir("tmp/sub", 0700) || rmdir("tmp/sub") ? errno : 0;
}

TEST(sandbox_gives_each_kind_its_own_folder)
{
    for (int kind = 0; kind < WORKER_KIND_COUNT; kind++) {
        EXPECT_INT(run_inside((enum worker_kind)kind, read_link_in), 0);
        EXPECT_INT(run_inside((enum worker_kind)kind, write_temp), 0);
    }
}

static int write_out(void)
{
    return open_errno("out/file", O_WRONLY | O_CREAT | O_TRUNC);
}

TEST(sandbox_lets_only_writing_kinds_write_out)
{
    EXPECT_REFUSED(run_inside(WORKER_CONSUMER, write_out));
    EXPECT_REFUSED(run_inside(WORKER_CHECK, write_out));
    EXPECT_INT(run_inside(WORKER_BUILD, write_out), 0);
    EXPECT_INT(run_inside(WORKER_CLEARING, write_out), 0);
    EXPECT_INT(run_inside(WORKER_EXTRACT, write_out), 0);
}

static int read_outside(void)
{
    return open_errno(outside, O_RDONLY);
}

static int read_upwards(void)
{
    return open_errno("in/../../outside", O_RDONLY);
}

static int read_sideways(void)
{
    return open_errno("in/sideways", O_RDONLY);
}

static int read_passwd(void)
{
    return open_errno("/etc/passwd", O_RDONLY);
}

static int list_root(void)
{
    return open_errno("/", O_RDONLY | O_DIRECTORY);
}

static int read_own_memory(void)
{
    return open_errno("/proc/self/mem", O_RDWR);
}

static int read_parent_environment(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/environ", getppid());
    return open_errno(path, O_RDONLY);
}

TEST(sandbox_reads_nothing_outside)
{
    attempt *const tries[] = {read_outside, read_upwards,    read_sideways,          read_passwd,
                              list_root,    read_own_memory, read_parent_environment};
    for (int kind = 0; kind < WORKER_KIND_COUNT; kind++)
        for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
            EXPECT_REFUSED(run_inside((enum worker_kind)kind, tries[i]));
}

static int truncate_while_reading(void)
{
    return open_errno("in/file", O_RDONLY | O_TRUNC);
}

static int write_link_in(void)
{
    return open_errno("in/file", O_WRONLY);
}

static int truncate_by_path(void)
{
    return truncate("in/file", 0) ? errno : 0;
}

static int change_mode(void)
{
    return chmod("in/file", 0777) ? errno : 0;
}

static int change_mode_open(void)
{
    int fd = open("in/file", O_RDONLY);
    return fchmod(fd, 0777) ? errno : 0;
}

static int remove_link(void)
{
    return unlink("in/file") ? errno : 0;
}

static int make_in(void)
{
    return open_errno("in/new", O_WRONLY | O_CREAT);
}

static int link_out(void)
{
    return link("in/file", "tmp/file") ? errno : 0;
}

static int move_out(void)
{
    return rename("in/file", "tmp/file") ? errno : 0;
}

TEST(sandbox_leaves_linked_files_as_they_are)
{
    attempt *const tries[] = {truncate_while_reading, write_link_in, truncate_by_path, change_mode,
                              change_mode_open,       remove_link,   make_in,          link_out};
    for (int kind = 0; kind < WORKER_KIND_COUNT; kind++)
        for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
            EXPECT_REFUSED(run_inside((enum worker_kind)kind, tries[i]));
    int moved = run_inside(WORKER_BUILD, move_out);
    EXPECT(moved == EACCES || moved == EPERM || moved == EXDEV);
    EXPECT_INT(run_inside(WORKER_CONSUMER, read_link_in), 0);
}

static int connect_unix(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%s", path_socket);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        return errno;
    return connect(fd, (struct sockaddr *)&name, sizeof name) ? errno : 0;
}

static int connect_to(uint16_t number)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(number),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0)
        return errno;
    return connect(fd, (struct sockaddr *)&address, sizeof address) ? errno : 0;
}

static int connect_allowed(void)
{
    return connect_to(listening_port);
}

/* Whether somebody listens there does not matter: it is refused before. */
static int connect_other(void)
{
    return connect_to((uint16_t)(listening_port ^ 1));
}

static int make_datagram(void)
{
    return socket(AF_INET, SOCK_DGRAM, 0) >= 0 ? 0 : errno;
}

static int make_raw(void)
{
    return socket(AF_PACKET, SOCK_RAW, 0) >= 0 ? 0 : errno;
}

TEST(sandbox_connects_to_one_port_and_only_to_extract)
{
    for (int kind = 0; kind < WORKER_KIND_COUNT; kind++) {
        EXPECT_REFUSED(run_inside((enum worker_kind)kind, connect_unix));
        EXPECT_REFUSED(run_inside((enum worker_kind)kind, make_datagram));
        EXPECT_REFUSED(run_inside((enum worker_kind)kind, make_raw));
        if (kind != WORKER_EXTRACT)
            EXPECT_REFUSED(run_inside((enum worker_kind)kind, connect_allowed));
    }
    EXPECT_INT(run_inside(WORKER_EXTRACT, connect_allowed), 0);
    /* Kernels before Landlock version 4 cannot tell ports apart. */
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1u) >= 4)
        EXPECT_REFUSED(run_inside(WORKER_EXTRACT, connect_other));
}

static int run_program(void)
{
    execl("/bin/true", "true", (char *)NULL);
    return errno;
}

static int fork_process(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return child > 0 ? 0 : errno;
}

static int signal_parent(void)
{
    return kill(getppid(), 0) ? errno : 0;
}

static int become_root(void)
{
    return setuid(0) ? errno : 0;
}

static int leave_root(void)
{
    return unshare(CLONE_NEWUSER) ? errno : 0;
}

#ifndef WEFT_SANITIZED
static int map_code(void)
{
    void *at =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at != MAP_FAILED ? 0 : errno;
}
#endif

TEST(sandbox_starts_nothing)
{
    EXPECT_INT(run_inside(WORKER_CONSUMER, run_program), KILLED);
    EXPECT_INT(run_inside(WORKER_EXTRACT, run_program), KILLED);
    EXPECT_REFUSED(run_inside(WORKER_CONSUMER, fork_process));
    EXPECT_REFUSED(run_inside(WORKER_CONSUMER, signal_parent));
    EXPECT_REFUSED(run_inside(WORKER_CONSUMER, become_root));
    EXPECT_INT(run_inside(WORKER_CONSUMER, leave_root), KILLED);
#ifndef WEFT_SANITIZED
    EXPECT_REFUSED(run_inside(WORKER_CONSUMER, map_code));
#endif
}

static int is_someone_else(void)
{
    return geteuid() == 0 || getuid() == 0 || getegid() == 0 ? EEXIST : 0;
}

static int fill_temp(void)
{
    enum { MB = 1024 * 1024 };
    static char block[MB];
    int fd = open("tmp/full", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int failed = 0;
    for (int i = 0; i < 400 && !failed; i++)
        failed = pwrite(fd, block, 1, (off_t)i * MB) != 1 ? errno : 0;
    unlink("tmp/full");
    return failed;
}

TEST(sandbox_limits_what_it_takes)
{
    EXPECT_INT(run_inside(WORKER_CONSUMER, is_someone_else), 0);
    EXPECT_INT(run_inside(WORKER_CONSUMER, fill_temp), EFBIG);
}
