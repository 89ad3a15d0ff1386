#include "worker_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* Calls that every kind may make, whatever their arguments: files by descriptors, memory, threads, waiting, clocks. Which files can
 * be opened, made or removed is Landlock's part. */
static const int ALLOWED[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(preadv),
    SCMP_SYS(pwritev),
    SCMP_SYS(lseek),
    SCMP_SYS(close),
    SCMP_SYS(dup),
    SCMP_SYS(fstat),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(statfs),
    SCMP_SYS(fstatfs),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getcwd),
    SCMP_SYS(getdents64),
    SCMP_SYS(ftruncate),
    SCMP_SYS(fallocate),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(fadvise64),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat),
    SCMP_SYS(rmdir),
    SCMP_SYS(rename),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(copy_file_range),
    SCMP_SYS(flock),
    SCMP_SYS(umask),
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(membarrier),
    SCMP_SYS(mincore),
    SCMP_SYS(futex),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(get_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_getparam),
    SCMP_SYS(sched_getscheduler),
    SCMP_SYS(getcpu),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(getrandom),
    SCMP_SYS(getrusage),
    SCMP_SYS(sysinfo),
    SCMP_SYS(uname),
    SCMP_SYS(times),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    /* On the one socket that is there from the start; an extract worker's other calls stand below. */
    SCMP_SYS(sendto),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendmsg),
    SCMP_SYS(recvmsg),
    SCMP_SYS(shutdown),
};

/* Nobody calls these by mistake: the process is taken over. */
static const int KILLED[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsmount),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(bpf),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(acct),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(kcmp),
};

/* Of an extract worker: one connection at a time is made, none is taken. */
static const int ALLOWED_TO_EXTRACT[] = {
    SCMP_SYS(connect),     SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(getsockname),
    SCMP_SYS(getpeername), SCMP_SYS(select),     SCMP_SYS(pselect6),   SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),   SCMP_SYS(epoll_wait),
};

#ifdef WEFT_SANITIZED
/* What the sanitizers' own code asks for. */
static const int ALLOWED_TO_SANITIZERS[] = {SCMP_SYS(prctl), SCMP_SYS(arch_prctl), SCMP_SYS(mmap),
                                            SCMP_SYS(mprotect)};
#endif

#define COUNT(list) (sizeof(list) / sizeof *(list))

static int add_all(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        int failed = seccomp_rule_add(filter, action, calls[i], 0);
        if (failed)
            return failed;
    }
    return 0;
}

/* Under Landlock before version 3, O_TRUNC on an open for reading empties a file that may only be read: it is refused here. */
static int add_open(scmp_filter_ctx filter, int call, unsigned flags_at)
{
    static const scmp_datum_t modes[] = {O_WRONLY, O_RDWR};
    int failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
                                  (struct scmp_arg_cmp){flags_at, SCMP_CMP_MASKED_EQ, O_TRUNC, 0});
    for (size_t i = 0; i < COUNT(modes) && !failed; i++)
        failed = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, call, 1,
            (struct scmp_arg_cmp){flags_at, SCMP_CMP_MASKED_EQ, O_ACCMODE, modes[i]});
    return failed;
}

#ifndef WEFT_SANITIZED
/* Code comes from the program file and, in extract workers, from extensions: nowhere else. */
static int add_memory(scmp_filter_ctx filter, bool may_load)
{
    static const int calls[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
    int failed = 0;
    for (size_t i = 0; i < COUNT(calls) && !failed; i++) {
        if (may_load)
            failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
        else
            failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 1,
                                      (struct scmp_arg_cmp){2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0});
    }
    return failed;
}
#endif

/* Threads yes, processes no. The flags of clone3 lie behind a pointer: it is said not to exist, and libc falls back to clone. */
static int add_threads(scmp_filter_ctx filter)
{
    int failed =
        seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                         (struct scmp_arg_cmp){0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD});
    if (!failed)
        failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    /* abort() signals its own thread. */
    if (!failed)
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                                  (struct scmp_arg_cmp){0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0});
    /* Limits may be read, not set. */
    if (!failed)
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2,
                                  (struct scmp_arg_cmp){0, SCMP_CMP_EQ, 0, 0},
                                  (struct scmp_arg_cmp){2, SCMP_CMP_EQ, 0, 0});
    /* Threads name themselves; nothing else about the process may change. */
    if (!failed)
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                                  (struct scmp_arg_cmp){0, SCMP_CMP_EQ, 15 /* PR_SET_NAME */, 0});
    return failed;
}

static int add_descriptors(scmp_filter_ctx filter)
{
    static const scmp_datum_t commands[] = {F_GETFD, F_SETFD,  F_GETFL, F_SETFL,
                                            F_SETLK, F_SETLKW, F_GETLK, F_DUPFD_CLOEXEC};
    int failed = 0;
    for (size_t i = 0; i < COUNT(commands) && !failed; i++)
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                                  (struct scmp_arg_cmp){1, SCMP_CMP_EQ, commands[i], 0});
    return failed;
}

/* Streams over the internet protocols: never AF_UNIX, whose path sockets Landlock does not guard. */
static int add_sockets(scmp_filter_ctx filter)
{
    static const scmp_datum_t families[] = {AF_INET, AF_INET6};
    const scmp_datum_t type_mask = 0xf;
    int failed = add_all(filter, SCMP_ACT_ALLOW, ALLOWED_TO_EXTRACT, COUNT(ALLOWED_TO_EXTRACT));
    for (size_t i = 0; i < COUNT(families) && !failed; i++)
        failed =
            seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
                             (struct scmp_arg_cmp){0, SCMP_CMP_EQ, families[i], 0},
                             (struct scmp_arg_cmp){1, SCMP_CMP_MASKED_EQ, type_mask, SOCK_STREAM});
    return failed;
}

static int fill(scmp_filter_ctx filter, const struct worker_options *options)
{
    bool extracts = options->kind == WORKER_EXTRACT;
    int failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (!failed)
        failed = add_all(filter, SCMP_ACT_ALLOW, ALLOWED, COUNT(ALLOWED));
    if (!failed)
        failed = add_all(filter, SCMP_ACT_KILL_PROCESS, KILLED, COUNT(KILLED));
    if (!failed)
        failed = add_open(filter, SCMP_SYS(open), 1);
    if (!failed)
        failed = add_open(filter, SCMP_SYS(openat), 2);
    if (!failed)
        failed = add_threads(filter);
    if (!failed)
        failed = add_descriptors(filter);
#ifdef WEFT_SANITIZED
    if (!failed)
        failed =
            add_all(filter, SCMP_ACT_ALLOW, ALLOWED_TO_SANITIZERS, COUNT(ALLOWED_TO_SANITIZERS));
#else
    if (!failed)
        failed = add_memory(filter, extracts);
#endif
    if (!failed && extracts && options->connect_port)
        failed = add_sockets(filter);
    return failed;
}

bool worker_seccomp_enter(struct task *t, const struct worker_options *options)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int failed = filter ? fill(filter, options) : -ENOMEM;
    if (!failed)
        failed = seccomp_load(filter);
    if (filter)
        seccomp_release(filter);
    if (failed)
        return task_fail(t, ERR_CONFIG, "the filter of system calls cannot be set (error %d)",
                         -failed);
    return true;
}
