/* A worker that was taken over: after the sandbox of weft-worker has closed, it tries what an attacker would. One line for each try:
 * its name, and `ok` or the error. With one more argument it makes a single call that should end it. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker_options.h"
#include "worker_sandbox.h"

static void tell(const char *name, long result)
{
    printf("%s %s\n", name, result >= 0 ? "ok" : strerrorname_np(errno));
    fflush(stdout);
}

static void try_open(const char *name, const char *path, int flags)
{
    int fd = open(path, flags, 0600);
    tell(name, fd);
    if (fd >= 0)
        close(fd);
}

static void try_connect(const char *name, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    tell(name, fd < 0 ? -1 : connect(fd, (struct sockaddr *)&address, sizeof address));
}

static void try_port(const char *name, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtol(port, NULL, 10))};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    tell(name, fd < 0 ? -1 : connect(fd, (struct sockaddr *)&address, sizeof address));
}

static void try_files(const char *secret)
{
    try_open("read-link", "in/data", O_RDONLY);
    try_open("empty-link", "in/data", O_RDONLY | O_TRUNC);
    try_open("empty-link-by-mode-3", "in/data", O_ACCMODE | O_TRUNC);
    try_open("write-link", "in/data", O_WRONLY);
    try_open("write-and-empty-link", "in/data", O_RDWR | O_TRUNC);
    tell("truncate-link", truncate("in/data", 0));
    tell("chmod-link", chmod("in/data", 0666));
    tell("remove-link", unlink("in/data"));
    tell("rename-link", rename("in/data", "tmp/data"));
    tell("link-link", link("in/data", "tmp/data"));
    tell("symlink", symlink(secret, "tmp/symlink"));
    tell("touch-link", utimensat(AT_FDCWD, "in/data", NULL, 0));
    try_open("make-in-links", "in/new", O_WRONLY | O_CREAT);
    try_open("read-secret", secret, O_RDONLY);
    try_open("read-symlink", "in/symlink", O_RDONLY);
    try_open("read-dots", "in/../../other/in/data", O_RDONLY);
    try_open("list-others", "..", O_RDONLY | O_DIRECTORY);
    try_open("read-passwd", "/etc/passwd", O_RDONLY);
    try_open("read-environment", "/proc/self/environ", O_RDONLY);
    try_open("read-parent", "/proc/1/environ", O_RDONLY);
    try_open("write-memory", "/proc/self/mem", O_RDWR);
    try_open("shared-memory", "/dev/shm/weft-probe", O_RDWR | O_CREAT);
    try_open("write-root", "new", O_WRONLY | O_CREAT);
    try_open("write-tmp", "tmp/new", O_WRONLY | O_CREAT);
    try_open("write-out", "out/new", O_WRONLY | O_CREAT);
    tell("make-folder", mkdir("../folder", 0700));
    tell("mknod", mknod("tmp/fifo", S_IFIFO | 0600, 0));
    tell("openat2", syscall(SYS_openat2, AT_FDCWD, secret, &(uint64_t[3]){0}, sizeof(uint64_t[3])));
    tell("memfd", syscall(SYS_memfd_create, "x", 0));
    tell("chdir", chdir("/"));
}

static void try_others(const char *socket_path, const char *port)
{
    struct rlimit more = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    int pair[2];

    try_connect("connect-server", socket_path);
    try_port("connect-port", port);
    tell("udp", socket(AF_INET, SOCK_DGRAM, 0));
    tell("netlink", socket(AF_NETLINK, SOCK_RAW, 0));
    tell("socket-pair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    tell("fork", syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL));
    tell("clone3", syscall(SYS_clone3, &(uint64_t[11]){0}, sizeof(uint64_t[11])));
    tell("signal-parent", kill(getppid(), 0));
    tell("signal-all", kill(-1, 0));
    tell("more-memory", setrlimit(RLIMIT_AS, &more));
    tell("become-root", setuid(0));
    tell("run-memory",
         mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                 == MAP_FAILED
             ? -1
             : 0);
    tell("terminal", syscall(SYS_ioctl, 0, 0x5412, "x"));
    tell("priority", syscall(SYS_setpriority, 0, 0, -20));
    tell("other-descriptors", fcntl(900, F_GETFD));
}

static void end_by(const char *what)
{
    char *const none[] = {NULL};

    if (!strcmp(what, "execve"))
        execve("/bin/true", none, none);
    else if (!strcmp(what, "ptrace"))
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    else if (!strcmp(what, "vfork"))
        syscall(SYS_vfork);
    else if (!strcmp(what, "io_uring"))
        syscall(SYS_io_uring_setup, 1, NULL);
    else if (!strcmp(what, "bpf"))
        syscall(SYS_bpf, 0, NULL, 0);
    else if (!strcmp(what, "unshare"))
        syscall(SYS_unshare, 0x10000000);
    else if (!strcmp(what, "mount"))
        syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL);
    else if (!strcmp(what, "read-process"))
        syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
    else if (!strcmp(what, "by-handle"))
        syscall(SYS_open_by_handle_at, 0, NULL, 0);
    printf("still here\n");
}

int main(int argc, char **argv)
{
    struct task *t = task_new();
    struct worker_options options;
    const char *extensions;
    int first = 1;

    while (first < argc && strncmp(argv[first], "--", 2) == 0)
        first++;
    if (argc - first < 3 || !worker_options_read(t, first, argv, &options)
        || !worker_sandbox_enter(t, &options, &extensions)) {
        fprintf(stderr, "no sandbox: %.*s\n", (int)t->err.message.len, t->err.message.ptr);
        return 1;
    }
    if (argc - first > 3) {
        end_by(argv[first + 3]);
        return 0;
    }
    try_files(argv[first]);
    try_others(argv[first + 1], argv[first + 2]);
    return 0;
}
