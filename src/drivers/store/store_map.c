#include "store/store_map.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock/clock.h"
#include "crypto/crypto.h"
#include "fault/fault.h"
#include "log/log.h"
#include "store/store_file.h"
#include "store/store_inside.h"

enum { HEAD_BYTES = 4096, MAP_VERSION = 1, STEP_BYTES = 4 << 20, CHECKED_BYTES = 1 << 20 };

/* More than any content has; addresses cost nothing. */
static const size_t reserved_bytes = (size_t)1 << 37;

/* Where the system puts nothing by itself, so that the addresses are free in other processes too: two places, for a server lies over one
 * while it makes the next. The thread sanitizer allows no address but those that it hands out. */
enum { WANTED_PLACES = 2 };
#if defined(__SANITIZE_THREAD__)
static const uintptr_t wanted_address = 0;
#else
static const uintptr_t wanted_address = (uintptr_t)0x2000 << 32;
#endif

/* The first page of the file. Its checksum is over all that follows it, here and in the file. */
struct head {
    char magic[8];
    unsigned char check[CRYPTO_CHECK_BYTES];
    char key[CRYPTO_CHECK_KEY_BYTES];
    uint32_t version;
    unsigned char program[CRYPTO_SHA256_BYTES]; /* which wrote it */
    uint64_t address, bytes, writable;
};

static const char magic[8] = "weftmap";

struct store_map {
    struct task *t;
    str path;
    char *draft; /* its name until it is finished */
    int fd;
    char *base;
    size_t room;
};

static size_t whole(size_t bytes, size_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

static bool program_digest(struct task *t, struct crypto_digest *out)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return task_fail_errno(t, ERR_IO, "cannot read the program itself");
    bool ok = crypto_sha256_fd(t, fd, out, NULL);
    close(fd);
    return ok;
}

static char *reserve(uintptr_t at)
{
    return mmap((void *)at, reserved_bytes, PROT_NONE, // NOLINT(performance-no-int-to-ptr)
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/* Anywhere, where all that is wanted is taken. MAP_FAILED: there are no addresses. */
static char *reserve_wanted(void)
{
    char *base = MAP_FAILED;
    for (uintptr_t i = 0; i <= WANTED_PLACES; i++) {
        uintptr_t at = i < WANTED_PLACES ? wanted_address + i * reserved_bytes : 0;
        if (base != MAP_FAILED)
            munmap(base, reserved_bytes);
        base = reserve(at);
        if ((uintptr_t)base == at)
            break;
    }
    return base;
}

static void map_end(void *handle)
{
    struct store_map *map = handle;
    munmap(map->base, reserved_bytes);
    close(map->fd);
    if (map->draft)
        unlink(map->draft);
}

static char *draft_of(struct task *t, str path)
{
    return arena_c_string(t->mem, arena_format(t->mem, STR_FMT ".new", STR_ARG(path)));
}

bool store_map_begin(struct task *t, str path, struct store_map **out, void **base_out)
{
    char *draft = draft_of(t, path);
    if (unlink(draft) != 0 && errno != ENOENT)
        return task_fail_errno(t, ERR_IO, "cannot remove %s", draft);
    int fd = open(draft, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return task_fail_errno(t, ERR_IO, "cannot make %s", draft);
    char *base = reserve_wanted();
    if (base == MAP_FAILED) {
        task_fail_errno(t, ERR_IO, "cannot reserve addresses for %s", draft);
        close(fd);
        unlink(draft);
        return false;
    }
    struct store_map *map = ARENA_NEW(t->mem, struct store_map);
    *map = (struct store_map){
        .t = t, .path = arena_str(t->mem, path), .draft = draft, .fd = fd, .base = base};
    arena_defer(t->mem, map_end, map);
    *out = map;
    *base_out = base;
    return true;
}

bool store_map_room(void *handle, size_t bytes)
{
    struct store_map *map = handle;
    size_t room = whole(bytes, STEP_BYTES);
    if (!task_go_on(map->t))
        return false;
    if (room <= map->room)
        return true;
    if (room > reserved_bytes)
        return task_fail(map->t, ERR_LIMIT, "%s would be too large", map->draft);
    int problem;
    do {
        problem =
            posix_fallocate(map->fd, HEAD_BYTES + (off_t)map->room, (off_t)(room - map->room));
    } while (problem == EINTR);
    if (problem != 0) {
        errno = problem;
        return task_fail_errno(map->t, ERR_IO, "cannot make room in %s", map->draft);
    }
    void *at = mmap(map->base + map->room, room - map->room, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_FIXED, map->fd, HEAD_BYTES + (off_t)map->room);
    if (at == MAP_FAILED)
        return task_fail_errno(map->t, ERR_IO, "cannot map %s", map->draft);
    map->room = room;
    return true;
}

/* Of the fields of the head that follow the key. */
static void check_head(struct crypto_check *check, const struct head *head)
{
    size_t from = offsetof(struct head, version);
    crypto_check_add(check, (str){(const char *)head + from, sizeof *head - from});
}

static bool fill_head(struct task *t, struct store_map *map, size_t bytes, size_t writable,
                      struct head *head)
{
    struct crypto_digest program;
    *head = (struct head){.version = MAP_VERSION,
                          .address = (uintptr_t)map->base,
                          .bytes = bytes,
                          .writable = whole(writable, HEAD_BYTES)};
    if (!program_digest(t, &program))
        return false;
    memcpy(head->magic, magic, sizeof magic);
    memcpy(head->program, program.bytes, sizeof head->program);
    clock_random(head->key, sizeof head->key);
    struct crypto_check *check = crypto_check_new(t->mem, (str){head->key, sizeof head->key});
    check_head(check, head);
    for (size_t at = 0; at < bytes; at += CHECKED_BYTES) {
        size_t len = bytes - at < CHECKED_BYTES ? bytes - at : CHECKED_BYTES;
        if (!task_go_on(t))
            return false;
        crypto_check_add(check, (str){map->base + at, len});
    }
    crypto_check_end(check, head->check);
    return true;
}

/* Bytes in the order of the file: the head first, which is written last. */
static bool write_head(struct task *t, struct store_map *map, const struct head *head)
{
    char page[HEAD_BYTES] = {0};
    memcpy(page, head, sizeof *head);
    if (lseek(map->fd, 0, SEEK_SET) != 0 || !store_file_write(map->fd, (str){page, sizeof page})
        || TEMP_FAILURE_RETRY(
               ftruncate(map->fd, (off_t)(HEAD_BYTES + whole(head->bytes, HEAD_BYTES))))
               != 0
        || fsync(map->fd) != 0)
        return task_fail_errno(t, ERR_IO, "cannot write %s", map->draft);
    return true;
}

bool store_map_finish(struct task *t, struct store_map *map, size_t bytes, size_t writable)
{
    struct head head;
    str folder, name;
    CHECK(bytes <= map->room && str_cut_last(map->path, '/', &folder, &name));
    if (!fill_head(t, map, bytes, writable, &head) || !write_head(t, map, &head)
        || !fault_pass(t, FAULT_KEPT_BEFORE_MOVE))
        return false;
    if (rename(map->draft, arena_c_string(t->mem, map->path)) != 0)
        return task_fail_errno(t, ERR_IO, "cannot rename %s", map->draft);
    map->draft = NULL;
    return fault_pass(t, FAULT_KEPT_AFTER_MOVE) && store_sync(t, folder);
}

static bool read_at(struct task *t, int fd, void *to, size_t len, uint64_t at)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = pread(fd, (char *)to + done, len - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return task_fail_errno(t, ERR_IO, "cannot read a file of the home");
        if (n == 0)
            return task_fail(t, ERR_CORRUPT, "a file of the home is too short");
        done += (size_t)n;
    }
    return true;
}

/* Through a buffer, so that what nobody uses does not count as memory of this process. */
static bool is_undamaged(struct task *t, int fd, const struct head *head)
{
    struct crypto_check *check = crypto_check_new(t->mem, (str){head->key, sizeof head->key});
    char *room = arena_alloc(t->mem, CHECKED_BYTES);
    unsigned char found[CRYPTO_CHECK_BYTES];
    check_head(check, head);
    for (uint64_t at = 0; at < head->bytes; at += CHECKED_BYTES) {
        size_t len = head->bytes - at < CHECKED_BYTES ? head->bytes - at : CHECKED_BYTES;
        if (!task_go_on(t) || !read_at(t, fd, room, len, HEAD_BYTES + at))
            return false;
        crypto_check_add(check, (str){room, len});
    }
    crypto_check_end(check, found);
    return memcmp(found, head->check, sizeof found) == 0
        || task_fail(t, ERR_CORRUPT, "a file of the home is damaged");
}

struct mapping {
    void *at;
    size_t bytes;
};

static void unmap(void *handle)
{
    struct mapping *mapping = handle;
    munmap(mapping->at, mapping->bytes);
}

static bool map_part(int fd, const struct head *head, size_t from, size_t to, int protection)
{
    char *base = (char *)(uintptr_t)head->address; // NOLINT(performance-no-int-to-ptr)
    return from == to
        || mmap(base + from, to - from, protection, MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd,
                HEAD_BYTES + (off_t)from)
               == (void *)(base + from);
}

static bool map_file(struct arena *mem, int fd, const struct head *head, void **base_out)
{
    size_t bytes = whole(head->bytes, HEAD_BYTES), writable = head->writable;
    if (!map_part(fd, head, 0, writable, PROT_READ | PROT_WRITE))
        return false;
    struct mapping *mapping = ARENA_NEW(mem, struct mapping);
    *mapping = (struct mapping){(void *)(uintptr_t)head->address,
                                writable}; // NOLINT(performance-no-int-to-ptr)
    arena_defer(mem, unmap, mapping);
    if (!map_part(fd, head, writable, bytes, PROT_READ))
        return false;
    mapping->bytes = bytes;
    *base_out = mapping->at;
    return true;
}

/* Another version of this program may have written it, which has other structs; and whoever may put a file here that is followed
 * blindly could do all that this process may. */
static bool is_ours(const struct head *head, const struct stat *state,
                    const struct crypto_digest *program)
{
    return memcmp(head->magic, magic, sizeof magic) == 0 && head->version == MAP_VERSION
        && memcmp(head->program, program->bytes, sizeof head->program) == 0
        && state->st_uid == geteuid() && head->writable > 0 && head->writable % HEAD_BYTES == 0
        && head->bytes < reserved_bytes && head->writable <= whole(head->bytes, HEAD_BYTES)
        && (uint64_t)state->st_size == HEAD_BYTES + whole(head->bytes, HEAD_BYTES);
}

/* NULL in `base_out`: it is only read. */
static bool open_file(struct task *t, struct arena *mem, int fd, void **base_out)
{
    struct head head;
    struct stat state;
    struct crypto_digest program;
    if (fstat(fd, &state) != 0)
        return task_fail_errno(t, ERR_IO, "cannot look at a file of the home");
    if (!S_ISREG(state.st_mode) || state.st_size < HEAD_BYTES)
        return true;
    if (!read_at(t, fd, &head, sizeof head, 0) || !program_digest(t, &program))
        return false;
    if (!is_ours(&head, &state, &program))
        return true;
    if (!is_undamaged(t, fd, &head))
        return false;
    if (base_out != NULL && !map_file(mem, fd, &head, base_out))
        log_event(LOG_INFO, "store", t, "the addresses of the kept image are taken");
    return true;
}

static bool read_file(struct task *t, struct arena *mem, str path, void **base_out,
                      bool *removed_out)
{
    char *name = arena_c_string(t->mem, path);
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK); /* a pipe has no end */
    *removed_out = false;
    if (fd < 0) {
        if (errno != ENOENT)
            log_event(LOG_WARN, "store", t, "cannot open %s: errno %d", name, errno);
        return true;
    }
    struct arena_mark mark = arena_mark(t->mem);
    bool ok = open_file(t, mem, fd, base_out);
    arena_rewind(t->mem, mark);
    close(fd);
    if (ok || (t->err.code != ERR_CORRUPT && t->err.code != ERR_IO))
        return ok;
    log_event(LOG_WARN, "store", t, "%s is removed, and made again: %.*s", name,
              STR_ARG(t->err.message));
    task_clear_error(t);
    *removed_out = true;
    return unlink(name) == 0 || errno == ENOENT
        || task_fail_errno(t, ERR_IO, "cannot remove %s", name);
}

bool store_map_open(struct task *t, struct arena *mem, str path, void **base_out)
{
    bool removed;
    *base_out = NULL;
    (void)unlink(draft_of(t, path));
    return read_file(t, mem, path, base_out, &removed);
}

bool store_map_verify(struct task *t, str path, bool *removed_out)
{
    return read_file(t, NULL, path, NULL, removed_out);
}
