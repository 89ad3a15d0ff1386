#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "audit/audit.h"
#include "backup/backup.h"
#include "backup/backup_inside.h"
#include "buf/buf.h"
#include "embed/embed.h"
#include "home_state/home_state.h"
#include "json_out/json_out.h"
#include "limits/limits.h"
#include "map/map.h"
#include "release/release.h"
#include "store/store_copy.h"

struct restore_work {
    struct restore *r;
    str folder; /* the unfinished home */
    str list;
    struct chain_head head;
    struct map files; /* names of release files that are there */
};

static bool restore_damaged(struct task *t, str name, const char *why)
{
    task_fail(t, ERR_CORRUPT, "the backup is damaged: %.*s %s", STR_ARG(name), why);
    return task_hint(t, "nothing was restored; take another backup");
}

static str restore_path(struct task *t, str folder, str name)
{
    return arena_format(t->mem, "%.*s/%.*s", STR_ARG(folder), STR_ARG(name));
}

static bool restore_load_list(struct task *t, struct restore_work *w)
{
    str path = restore_path(t, w->r->folder, STR(BACKUP_LIST));
    struct buf *b = buf_new(t->mem, BACKUP_LIST_BYTES_MAX);
    int fd = open(path.ptr, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t n = 1;

    if (fd < 0) {
        task_fail_errno(t, ERR_NOT_FOUND, "%.*s is no backup: cannot read %.*s",
                        STR_ARG(w->r->folder), STR_ARG(path));
        return task_hint(t, "name the folder that weft backup wrote");
    }
    while (n > 0 && !b->full) {
        char part[65536];

        n = read(fd, part, sizeof(part));
        if (n > 0) {
            (void)buf_add(b, (str){part, (size_t)n});
        }
    }
    close(fd);
    if (n < 0) {
        return task_fail_errno(t, ERR_IO, "cannot read %.*s", STR_ARG(path));
    }
    w->list = buf_str(b);
    return !b->full || restore_damaged(t, STR(BACKUP_LIST), "is too long");
}

/* Its last line is what all before it hashes to. */
static bool restore_check_list(struct task *t, struct restore_work *w)
{
    str body = w->list, last, first, rest;
    struct crypto_digest digest;

    if (!str_ends(body, STR("\n"))
        || !str_cut_last(str_sub(body, 0, body.len - 1), '\n', &body, &last)
        || !str_starts(last, STR("# end "))) {
        return restore_damaged(t, STR(BACKUP_LIST), "has no end");
    }
    body.len++; /* the line feed belongs to what was hashed */
    digest = crypto_sha256(body);
    if (!str_eq(str_from(last, strlen("# end ")), crypto_digest_hex(t->mem, &digest))) {
        return restore_damaged(t, STR(BACKUP_LIST), "is not as it was written");
    }
    (void)str_cut(body, '\n', &first, &rest);
    if (!str_eq(first, STR(BACKUP_FIRST_LINE))) {
        task_fail(t, ERR_CONFIG, "the backup is of a kind that this weft does not know: %.*s",
                  STR_ARG(first));
        return task_hint(t, "restore it with the weft that wrote it");
    }
    w->list = rest;
    return true;
}

static bool restore_is_release(str name, str sha256)
{
    return name.len == strlen("files/ab/") + sha256.len && str_starts(name, STR("files/"))
        && str_eq(str_sub(name, 6, 2), str_sub(sha256, 0, 2)) && name.ptr[8] == '/'
        && str_eq(str_from(name, 9), sha256);
}

/* A list that was made to write elsewhere is no list of ours. */
static bool restore_may_write(str name, str sha256)
{
    str folder, file;

    if (str_eq(name, STR("catalog.db")) || str_eq(name, STR("audit.key"))
        || str_eq(name, STR("weft.conf")) || restore_is_release(name, sha256)) {
        return true;
    }
    return str_cut(name, '/', &folder, &file) && str_eq(folder, STR("secrets")) && file.len > 0
        && !str_has(file, '/') && !str_starts(file, STR("."));
}

static bool restore_folders(struct task *t, struct restore_work *w, str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '/'
            && !store_copy_folder(t, restore_path(t, w->folder, str_sub(name, 0, i)))) {
            return false;
        }
    }
    return true;
}

static bool restore_file(struct task *t, struct restore_work *w, str name, str sha256)
{
    bool is_release = restore_is_release(name, sha256);
    struct stored_file file;

    if (!restore_may_write(name, sha256)) {
        return restore_damaged(t, name, "is nothing that a backup holds");
    }
    if (!restore_folders(t, w, name)) {
        return false;
    }
    if (!store_copy_file(t, restore_path(t, w->r->folder, name), restore_path(t, w->folder, name),
                         is_release ? 0444 : 0600, &file)) {
        return t->err.code == ERR_NOT_FOUND ? restore_damaged(t, name, "is missing") : false;
    }
    if (!str_eq(file.sha256, sha256)) {
        return restore_damaged(t, name, "is not as it was written");
    }
    w->r->bytes += file.bytes;
    w->r->files += is_release ? 1 : 0;
    return true;
}

/* `# audit 41 <hash>` and its kin. */
static bool restore_note(struct task *t, struct restore_work *w, str line)
{
    str word, rest;

    if (!str_cut(str_from(line, 2), ' ', &word, &rest)) {
        return restore_damaged(t, STR(BACKUP_LIST), "has a line that says nothing");
    }
    if (str_eq(word, STR("home"))) {
        w->r->id = rest;
    } else if (str_eq(word, STR("taken"))) {
        w->r->taken = rest;
    } else if (str_eq(word, STR("audit"))) {
        return (str_cut(rest, ' ', &word, &w->head.hash) && str_to_u64(word, &w->head.sequence))
            || restore_damaged(t, STR(BACKUP_LIST), "does not say where the audit ended");
    }
    return true;
}

static bool restore_files(struct task *t, struct restore_work *w)
{
    str line, rest = w->list;

    while (rest.len > 0) {
        struct arena_mark mark;

        (void)str_cut(rest, '\n', &line, &rest);
        if (str_starts(line, STR("#"))) {
            if (!restore_note(t, w, line)) {
                return false;
            }
            continue;
        }
        if (line.len < CRYPTO_SHA256_HEX + 3 || line.ptr[CRYPTO_SHA256_HEX] != ' '
            || line.ptr[CRYPTO_SHA256_HEX + 1] != ' ') {
            return restore_damaged(t, STR(BACKUP_LIST), "has a line that names no file");
        }
        str sha256 = str_sub(line, 0, CRYPTO_SHA256_HEX);
        str name = str_from(line, CRYPTO_SHA256_HEX + 2);

        if (restore_is_release(name, sha256)) {
            map_put(&w->files, sha256, w);
        }
        mark = arena_mark(t->mem);
        if (!task_go_on(t) || !restore_file(t, w, name, sha256)) {
            return false;
        }
        arena_rewind(t->mem, mark);
    }
    return true;
}

static bool restore_has_files(struct task *t, struct restore_work *w, struct metadb *db)
{
    struct str_list files;

    if (!release_files(t, db, &files)) {
        return false;
    }
    for (size_t i = 0; i < files.len; i++) {
        if (map_find(&w->files, files.at[i]) == NULL) {
            return restore_damaged(t, backup_release_path(t->mem, files.at[i]),
                                   "is named by the catalog and not in the list");
        }
    }
    return true;
}

static bool restore_tell(struct task *t, const struct restore_work *w, struct metadb *db)
{
    struct json_out o = {.b = buf_new(t->mem, DOCUMENT_BYTES_MAX)};

    json_out_begin(&o, "", '{');
    json_out_str(&o, "folder", w->r->folder);
    json_out_str(&o, "taken", w->r->taken);
    json_out_end(&o, '}');
    return audit_append(t, db, STR("home.restore"), STR("home"), STR("done"), buf_str(o.b), NULL);
}

/* As a server would open it, and more closely than that. */
static bool restore_check_catalog(struct task *t, struct restore_work *w)
{
    struct chain_verdict verdict;
    struct metadb *db;

    if (access(restore_path(t, w->folder, STR("catalog.db")).ptr, F_OK) != 0) {
        return restore_damaged(t, STR("catalog.db"), "is missing");
    }
    if (!backup_open_catalog(t, restore_path(t, w->folder, STR("catalog.db")), &db)
        || !metadb_migrate(t, db, embedded_migrations, embedded_migrations_len)
        || !metadb_verify(t, db)
        || !chain_verify(t, db, w->head.sequence > 0 ? &w->head : NULL, NULL, &verdict)) {
        return false;
    }
    if (verdict.fault != CHAIN_WHOLE) {
        return restore_damaged(
            t, STR("catalog.db"),
            arena_format(t->mem, "holds another audit: %.*s", STR_ARG(verdict.reason)).ptr);
    }
    w->r->audit_rows = verdict.rows;
    if (!restore_has_files(t, w, db) || !restore_tell(t, w, db)) {
        return false;
    }
    arena_close(t->mem, db);
    return true;
}

bool backup_restore(struct task *t, struct restore *r)
{
    struct restore_work w = {.r = r};

    map_init(&w.files, t->mem);
    t->actor = services_operator(t);
    return restore_load_list(t, &w) && restore_check_list(t, &w)
        && store_copy_begin(t, r->home, &w.folder) && restore_files(t, &w)
        && restore_check_catalog(t, &w) && store_copy_finish(t, w.folder, r->home);
}
