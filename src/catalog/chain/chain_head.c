#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf/buf.h"
#include "chain/chain.h"
#include "clock/clock.h"
#include "crypto/crypto.h"
#include "limits/limits.h"
#include "store/store_file.h"

bool chain_last(struct task *t, struct metadb *db, struct chain_head *out)
{
    struct metadb_statement *st;
    *out = (struct chain_head){.hash = STR(AUDIT_NOTHING)};
    if (!metadb_query(t, db, &st, "SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1",
                      ""))
        return false;
    if (metadb_next(t, st)) {
        out->sequence = metadb_uint(st, 0);
        out->hash = metadb_str(t->mem, st, 1);
    }
    return metadb_end(t, st);
}

/* ---- signatures */

static void add_number(struct buf *b, uint64_t number)
{
    for (int i = 0; i < 8; i++)
        buf_add_byte(b, (char)(number >> (8 * i)));
}

static void add_text(struct buf *b, str text)
{
    add_number(b, text.len);
    buf_add(b, text);
}

/* What is signed: the same canonical bytes as those that rows are hashed by. */
static str head_bytes(struct arena *mem, const struct chain_head *head)
{
    struct buf *b = buf_new(mem, DOCUMENT_BYTES_MAX);
    add_text(b, STR("weft-audit-head-1"));
    add_text(b, head->mesh);
    add_text(b, head->home);
    add_number(b, head->sequence);
    add_text(b, head->hash);
    add_number(b, (uint64_t)head->time_us);
    add_text(b, head->key);
    return b->full ? STR_NONE : buf_str(b);
}

void chain_sign(struct arena *mem, str seed, struct chain_head *head)
{
    head->key = crypto_hex(mem, crypto_public_key(mem, seed));
    head->signature = crypto_hex(mem, crypto_sign(mem, seed, head_bytes(mem, head)));
}

bool chain_is_signed(struct arena *mem, const struct chain_head *head)
{
    str key, signature, bytes = head_bytes(mem, head);
    return bytes.len > 0 && crypto_from_hex(mem, head->key, &key)
        && crypto_from_hex(mem, head->signature, &signature)
        && crypto_is_signed(key, bytes, signature);
}

/* ---- the key of the home */

static bool read_key(struct task *t, const char *path, int fd, str *seed_out)
{
    char text[4 * CRYPTO_SEED_BYTES];
    struct stat facts;
    if (fstat(fd, &facts) != 0)
        return task_fail_errno(t, ERR_IO, "cannot look at %s", path);
    if ((facts.st_mode & 077) != 0) {
        task_fail(t, ERR_CONFIG, "%s can be read by others: its mode is %o", path,
                  (unsigned)facts.st_mode & 07777);
        return task_hint(t,
                         "chmod 600 %s; if somebody may have read it, move it away: the next "
                         "start makes another",
                         path);
    }
    ssize_t len = read(fd, text, sizeof text);
    if (len < 0)
        return task_fail_errno(t, ERR_IO, "cannot read %s", path);
    if (!crypto_key_read(t->mem, (str){text, (size_t)len}, CRYPTO_SEED_BYTES, seed_out)) {
        task_fail(t, ERR_CONFIG, "%s is no key", path);
        return task_hint(t, "restore it from a backup, or move it away: the next start makes "
                            "another, which signs from then on");
    }
    return true;
}

/* Whole or not there, also after a loss of power: a key that signed a head must not be gone. */
static bool make_key(struct task *t, str home, const char *path)
{
    char seed[CRYPTO_SEED_BYTES];
    str staged = arena_format(t->mem, "%s.new", path);
    clock_random(seed, sizeof seed);
    str text = crypto_key_text(t->mem, (str){seed, sizeof seed});
    int fd = TEMP_FAILURE_RETRY(
        open(staged.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    bool ok = fd >= 0 && store_file_write(fd, text) && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    if (!ok || rename(staged.ptr, path) != 0)
        return task_fail_errno(t, ERR_IO, "cannot write %s", path);
    return store_sync(t, home);
}

bool chain_open_key(struct task *t, str home, str *seed_out)
{
    str path = arena_format(t->mem, STR_FMT "/audit.key", STR_ARG(home));
    int fd = open(path.ptr, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT) {
        if (!make_key(t, home, path.ptr))
            return false;
        fd = open(path.ptr, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    }
    if (fd < 0)
        return task_fail_errno(t, ERR_IO, "cannot open %s", path.ptr);
    bool ok = read_key(t, path.ptr, fd, seed_out);
    close(fd);
    return ok;
}

bool chain_verify_key(struct task *t, str home, str seed, str *finding_out)
{
    str path = arena_format(t->mem, STR_FMT "/audit.key", STR_ARG(home)), found;
    int fd = open(path.ptr, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno != ENOENT)
        return task_fail_errno(t, ERR_IO, "cannot open %s", path.ptr);
    bool is_key = fd >= 0 && read_key(t, path.ptr, fd, &found);
    if (fd >= 0)
        close(fd);
    if (t->err.code == ERR_IO)
        return false;
    if (fd >= 0 && !is_key) {
        *finding_out = arena_str(t->mem, t->err.message);
        task_clear_error(t);
        return true;
    }
    *finding_out = is_key && str_eq(found, seed)
                     ? STR_NONE
                     : STR("audit.key is not the key that its server began with");
    return true;
}
