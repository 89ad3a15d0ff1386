/* The key of hash masks. It lives as long as the mesh: another key makes other hashes, which join with none of before. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "clock/clock.h"
#include "crypto/crypto.h"
#include "gate_inside.h"
#include "store/store_file.h"

static const char file_name[] = "mask.key";

static bool write_key(struct task *t, const struct gate *gate)
{
    /* Under another name first: what has the name is whole. */
    static const char staged[] = "mask.key.new";
    str key = {gate->hash_key, sizeof gate->hash_key};
    str text = crypto_key_text(t->mem, key);
    (void)unlinkat(gate->home_fd, staged, 0);
    int fd = TEMP_FAILURE_RETRY(
        openat(gate->home_fd, staged, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    bool ok = fd >= 0 && store_file_write(fd, text) && fsync(fd) == 0
           && renameat(gate->home_fd, staged, gate->home_fd, file_name) == 0
           && fsync(gate->home_fd) == 0;
    int failed = errno;
    if (fd >= 0)
        close(fd);
    errno = failed;
    return ok || task_fail_errno(t, ERR_IO, "cannot keep the key of hash masks");
}

/* False, without an error, for what is none. */
static bool find_key(struct arena *mem, int fd, str *out)
{
    char text[4 * GATE_KEY_BYTES];
    ssize_t len = read(fd, text, sizeof text);
    return len > 0 && crypto_key_read(mem, (str){text, (size_t)len}, GATE_KEY_BYTES, out);
}

static bool read_key(struct task *t, struct gate *gate, int fd)
{
    str key;
    if (!find_key(t->mem, fd, &key)) {
        task_fail(t, ERR_CORRUPT, "the file mask.key of the home holds no key");
        return task_hint(t,
                         "put it back from a backup: with another key hashes differ from before");
    }
    memcpy(gate->hash_key, key.ptr, GATE_KEY_BYTES);
    return true;
}

static int open_key(const struct gate *gate)
{
    return openat(gate->home_fd, file_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

bool gate_verify_key(struct task *t, struct gate *gate, str *finding_out)
{
    CHECK(gate->magic == GATE_MAGIC);
    gate = gate->root;
    str kept = {gate->hash_key, sizeof gate->hash_key}, key;
    int fd = open_key(gate);
    if (fd < 0 && errno != ENOENT)
        return task_fail_errno(t, ERR_IO, "cannot open mask.key of the home");
    bool ok = fd >= 0 && find_key(t->mem, fd, &key) && crypto_equal(key, kept);
    if (fd >= 0)
        close(fd);
    *finding_out = ok ? STR_NONE : STR("mask.key is not the key that its server began with");
    return true;
}

bool gate_key_open(struct task *t, struct gate *gate)
{
    int fd = open_key(gate);
    if (fd < 0 && errno != ENOENT)
        return task_fail_errno(t, ERR_IO, "cannot open mask.key of the home");
    bool ok = true;
    if (fd < 0) {
        clock_random(gate->hash_key, sizeof gate->hash_key);
        ok = write_key(t, gate);
    } else {
        ok = read_key(t, gate, fd);
        close(fd);
    }
    if (!ok)
        return false;
    struct crypto_digest id =
        crypto_hmac_sha256((str){gate->hash_key, sizeof gate->hash_key}, STR("weft class"));
    str hex = crypto_digest_hex(t->mem, &id);
    gate->hash_key_id.ptr = strndup(hex.ptr, hex.len);
    CHECK(gate->hash_key_id.ptr != NULL);
    gate->hash_key_id.len = hex.len;
    return true;
}
