/* The list of a backup, read. Whoever gives the folder wrote it: it names nothing but what a backup holds, below the folder. */
#include <string.h>

#include "backup/backup_inside.h"
#include "crypto/crypto.h"

bool backup_damaged(struct task *t, str name, const char *why)
{
    task_fail(t, ERR_CORRUPT, "the backup is damaged: %.*s %s", STR_ARG(name), why);
    return task_hint(t, "nothing was restored; take another backup");
}

/* Its last line is what all before it hashes to. */
bool backup_list_open(struct task *t, str text, struct backup_list *out)
{
    str body = text, last, first;
    struct crypto_digest digest;

    *out = (struct backup_list){0};
    if (!str_ends(body, STR("\n"))
        || !str_cut_last(str_sub(body, 0, body.len - 1), '\n', &body, &last)
        || !str_starts(last, STR("# end "))) {
        return backup_damaged(t, STR(BACKUP_LIST), "has no end");
    }
    body.len++; /* the line feed belongs to what was hashed */
    digest = crypto_sha256(body);
    if (!str_eq(str_from(last, strlen("# end ")), crypto_digest_hex(t->mem, &digest))) {
        return backup_damaged(t, STR(BACKUP_LIST), "is not as it was written");
    }
    (void)str_cut(body, '\n', &first, &out->rest);
    if (!str_eq(first, STR(BACKUP_FIRST_LINE))) {
        task_fail(t, ERR_CONFIG, "the backup is of a kind that this weft does not know: %.*s",
                  STR_ARG(first));
        return task_hint(t, "restore it with the weft that wrote it");
    }
    return true;
}

bool backup_is_release(str name, str sha256)
{
    return name.len == strlen("files/ab/") + sha256.len && str_starts(name, STR("files/"))
        && str_eq(str_sub(name, 6, 2), str_sub(sha256, 0, 2)) && name.ptr[8] == '/'
        && str_eq(str_from(name, 9), sha256);
}

/* A list that was made to write elsewhere is no list of ours. */
static bool backup_is_ours(str name, str sha256)
{
    str folder, file;

    if (str_eq(name, STR("catalog.db")) || str_eq(name, STR("audit.key"))
        || str_eq(name, STR("mask.key")) || str_eq(name, STR("weft.conf"))
        || backup_is_release(name, sha256)) {
        return true;
    }
    return str_cut(name, '/', &folder, &file) && str_eq(folder, STR("secrets")) && file.len > 0
        && !str_has(file, '/') && !str_has(file, '\0') && !str_starts(file, STR("."));
}

/* What stands for a hash becomes a path. */
static bool backup_is_hash(str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!(text.ptr[i] >= '0' && text.ptr[i] <= '9')
            && !(text.ptr[i] >= 'a' && text.ptr[i] <= 'f')) {
            return false;
        }
    }
    return text.len == CRYPTO_SHA256_HEX;
}

/* `# audit 41 <hash>` and its kin. */
static bool backup_list_note(struct task *t, struct backup_list *list, str line)
{
    str word, rest;

    if (!str_cut(str_from(line, 2), ' ', &word, &rest)) {
        return backup_damaged(t, STR(BACKUP_LIST), "has a line that says nothing");
    }
    if (str_eq(word, STR("home"))) {
        list->home = rest;
    } else if (str_eq(word, STR("taken"))) {
        list->taken = rest;
    } else if (str_eq(word, STR("audit"))) {
        return (str_cut(rest, ' ', &word, &list->head.hash)
                && str_to_u64(word, &list->head.sequence))
            || backup_damaged(t, STR(BACKUP_LIST), "does not say where the audit ended");
    }
    return true;
}

bool backup_list_next(struct task *t, struct backup_list *list, str *name_out, str *sha256_out)
{
    *name_out = *sha256_out = STR_NONE;
    while (list->rest.len > 0) {
        str line;

        (void)str_cut(list->rest, '\n', &line, &list->rest);
        if (str_starts(line, STR("#"))) {
            if (!backup_list_note(t, list, line)) {
                return false;
            }
            continue;
        }
        if (line.len < CRYPTO_SHA256_HEX + 3
            || !str_eq(str_sub(line, CRYPTO_SHA256_HEX, 2), STR("  "))
            || !backup_is_hash(str_sub(line, 0, CRYPTO_SHA256_HEX))) {
            return backup_damaged(t, STR(BACKUP_LIST), "has a line that names no file");
        }
        *sha256_out = str_sub(line, 0, CRYPTO_SHA256_HEX);
        *name_out = str_from(line, CRYPTO_SHA256_HEX + 2);
        return backup_is_ours(*name_out, *sha256_out)
            || backup_damaged(t, *name_out, "is nothing that a backup holds");
    }
    return true;
}
