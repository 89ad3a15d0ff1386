/* The list of a backup that somebody gives: whatever it says, it names files that a backup holds, below its folder. Input: the list; where
 * it has no last line, one that fits is put behind it. */
#include <stdint.h>
#include <string.h>

#include "backup/backup_inside.h"
#include "buf/buf.h"
#include "crypto/crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_name(str name, str sha256)
{
    CHECK(name.ptr[0] != '/' && name.ptr[0] != '.' && !str_has(name, '\0') && !str_has(name, '\n'));
    CHECK(str_find(name, STR("/.")) == name.len && str_find(name, STR("//")) == name.len);
    CHECK(sha256.len == CRYPTO_SHA256_HEX);
    if (str_starts(name, STR("files/")))
        CHECK(backup_is_release(name, sha256));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct task *t = task_new();
    struct buf *b = buf_new(t->mem, len + 128);
    str text = {(const char *)data, len}, name = STR_NONE, sha256;
    struct backup_list list;
    bool ok;

    buf_add(b, text);
    if (str_find(text, STR("# end ")) == text.len && str_ends(text, STR("\n"))) {
        struct crypto_digest digest = crypto_sha256(text);
        buf_format(b, "# end " STR_FMT "\n", STR_ARG(crypto_digest_hex(t->mem, &digest)));
    }
    ok = backup_list_open(t, buf_str(b), &list);
    while (ok) {
        ok = backup_list_next(t, &list, &name, &sha256);
        if (ok && name.len == 0)
            break;
        if (ok)
            check_name(name, sha256);
    }
    CHECK(ok || t->err.message.len > 0);
    task_free(t);
    return 0;
}
