#include "worker_sandbox.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Headers of the distribution may be older than the kernel: all that we use is said here, and the kernel is asked for its version. */
enum {
    RIGHT_WRITE_FILE = 1 << 1,
    RIGHT_READ_FILE = 1 << 2,
    RIGHT_READ_DIR = 1 << 3,
    RIGHT_REMOVE_DIR = 1 << 4,
    RIGHT_REMOVE_FILE = 1 << 5,
    RIGHT_MAKE_DIR = 1 << 7,
    RIGHT_MAKE_REG = 1 << 8,
    RIGHT_TRUNCATE = 1 << 14, /* from version 3 on */
    RIGHTS_OF_VERSION_1 = (1 << 13) - 1,
    RIGHTS_OF_VERSION_2 = (1 << 14) - 1, /* and refer */
    RIGHTS_OF_VERSION_3 = (1 << 15) - 1, /* and truncate */
    RIGHTS_OF_VERSION_5 = (1 << 16) - 1, /* and ioctl on devices */
    RIGHTS_OF_FILE = 1 << 0 | RIGHT_WRITE_FILE | RIGHT_READ_FILE | RIGHT_TRUNCATE | 1 << 15,

    NET_BIND_TCP = 1 << 0,
    NET_CONNECT_TCP = 1 << 1,
    SCOPE_ABSTRACT_SOCKETS = 1 << 0,
    SCOPE_SIGNALS = 1 << 1,

    RULE_PATH_BENEATH = 1,
    RULE_NET_PORT = 2,
};

struct ruleset {
    uint64_t handled_fs;
    uint64_t handled_net; /* from version 4 on */
    uint64_t scoped;      /* from version 6 on */
};

struct path_rule {
    uint64_t allowed;
    int32_t parent_fd;
} __attribute__((packed));

struct port_rule {
    uint64_t allowed;
    uint64_t port;
};

struct landlock {
    long version;
    int fd;
    uint64_t handled_fs;
};

static uint64_t rights_of(long version)
{
    if (version >= 5)
        return RIGHTS_OF_VERSION_5;
    if (version >= 3)
        return RIGHTS_OF_VERSION_3;
    return version == 2 ? RIGHTS_OF_VERSION_2 : RIGHTS_OF_VERSION_1;
}

static bool make_ruleset(struct task *t, struct landlock *l)
{
    l->version = syscall(SYS_landlock_create_ruleset, NULL, 0, 1u /* only say the version */);
    if (l->version < 1)
        return task_fail(t, ERR_CONFIG, "this kernel has no Landlock, or it is switched off");
    l->handled_fs = rights_of(l->version);
    struct ruleset ruleset = {.handled_fs = l->handled_fs};
    size_t size = sizeof ruleset.handled_fs;
    if (l->version >= 4) {
        ruleset.handled_net = NET_BIND_TCP | NET_CONNECT_TCP;
        size += sizeof ruleset.handled_net;
    }
    if (l->version >= 6) {
        ruleset.scoped = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS;
        size += sizeof ruleset.scoped;
    }
    l->fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
    if (l->fd < 0)
        return task_fail_errno(t, ERR_CONFIG, "a Landlock ruleset cannot be made");
    return true;
}

static bool allow_fd(struct task *t, const struct landlock *l, int fd, uint64_t rights,
                     const char *what)
{
    struct stat info;
    if (fstat(fd, &info))
        return task_fail_errno(t, ERR_CONFIG, "%s cannot be looked at", what);
    if (!S_ISDIR(info.st_mode))
        rights &= RIGHTS_OF_FILE;
    struct path_rule rule = {.allowed = rights & l->handled_fs, .parent_fd = fd};
    if (syscall(SYS_landlock_add_rule, l->fd, RULE_PATH_BENEATH, &rule, 0))
        return task_fail_errno(t, ERR_CONFIG, "Landlock takes no rule for %s", what);
    return true;
}

/* What is not there need not be allowed, save our own folders. */
static bool allow_path(struct task *t, const struct landlock *l, const char *path, uint64_t rights,
                       bool is_needed)
{
    int fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        if (is_needed)
            return task_fail_errno(t, ERR_CONFIG, "%s of the worker's folder cannot be opened",
                                   path);
        return true;
    }
    bool ok = allow_fd(t, l, fd, rights, path);
    close(fd);
    return ok;
}

static bool allow_files(struct task *t, const struct landlock *l,
                        const struct worker_options *options)
{
    const uint64_t reading = RIGHT_READ_FILE | RIGHT_READ_DIR;
    const uint64_t writing = reading | RIGHT_WRITE_FILE | RIGHT_REMOVE_DIR | RIGHT_REMOVE_FILE
                           | RIGHT_MAKE_DIR | RIGHT_MAKE_REG | RIGHT_TRUNCATE;
    if (!allow_path(t, l, "in", reading, true) || !allow_path(t, l, "tmp", writing, true))
        return false;
    if (worker_kind_writes(options->kind) && !allow_path(t, l, "out", writing, true))
        return false;
    /* The engine asks at open how much memory its group may use, and aborts when it may not. */
    return allow_path(t, l, "/proc/self/cgroup", RIGHT_READ_FILE, false)
        && allow_path(t, l, "/sys/fs/cgroup", reading, false);
}

static bool allow_extensions(struct task *t, const struct landlock *l, int extensions_fd)
{
    if (extensions_fd < 0)
        return true;
    return allow_fd(t, l, extensions_fd, RIGHT_READ_FILE | RIGHT_READ_DIR, "the extension folder");
}

/* Before version 4 seccomp alone stands between an extract worker and other ports. */
static bool allow_port(struct task *t, const struct landlock *l, uint16_t port)
{
    if (l->version < 4 || !port)
        return true;
    struct port_rule rule = {.allowed = NET_CONNECT_TCP, .port = port};
    if (syscall(SYS_landlock_add_rule, l->fd, RULE_NET_PORT, &rule, 0))
        return task_fail_errno(t, ERR_CONFIG, "Landlock takes no rule for port %u", port);
    return true;
}

bool worker_landlock_enter(struct task *t, const struct worker_options *options, int extensions_fd)
{
    struct landlock l = {.fd = -1};
    if (!make_ruleset(t, &l))
        return false;
    bool ok = allow_files(t, &l, options) && allow_extensions(t, &l, extensions_fd)
           && allow_port(t, &l, options->connect_port);
    if (ok && syscall(SYS_landlock_restrict_self, l.fd, 0))
        ok = task_fail_errno(t, ERR_CONFIG, "Landlock cannot be switched on");
    close(l.fd);
    return ok;
}
