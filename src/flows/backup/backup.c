#include "backup/backup.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "audit/audit.h"
#include "backup/backup_inside.h"
#include "buf/buf.h"
#include "clock/clock.h"
#include "fault/fault.h"
#include "json_out/json_out.h"
#include "limits/limits.h"
#include "release/release.h"
#include "store/store_copy.h"

/* One backup in the making. */
struct backup_work {
    struct backup *b;
    str home, folder; /* the unfinished one */
    struct buf *list; /* SHA256SUMS */
    struct str_list files;
};

str backup_release_path(struct arena *mem, str sha256)
{
    return arena_format(mem, "files/%.2s/%.*s", sha256.ptr, STR_ARG(sha256));
}

static str backup_path(struct task *t, str folder, str name)
{
    return arena_format(t->mem, "%.*s/%.*s", STR_ARG(folder), STR_ARG(name));
}

static bool backup_demand_owner(struct task *t, const struct backup *b)
{
    str home = arena_format(t->mem, "%.*s/", STR_ARG(b->services->home));

    if (!actor_is_operator(t->actor)) {
        task_fail(t, ERR_DENIED, "%.*s may not take a backup", STR_ARG(t->actor->name));
        return task_hint(t, "the owner of the home may, on the machine where its server runs");
    }
    if (str_starts(b->folder, home)) {
        task_fail(t, ERR_USAGE, "%.*s lies in the home", STR_ARG(b->folder));
        return task_hint(t, "name a folder elsewhere, best on another disk");
    }
    return true;
}

static void backup_note(struct backup_work *w, str name, const struct stored_file *file)
{
    buf_format(w->list, "%.*s  %.*s\n", STR_ARG(file->sha256), STR_ARG(name));
    w->b->bytes += file->bytes;
}

static void backup_close_catalog(void *handle)
{
    metadb_close(handle);
}

bool backup_open_catalog(struct task *t, str path, struct metadb **out)
{
    if (!metadb_open(t, path, METADB_CATALOG, out)) {
        return false;
    }
    arena_defer(t->mem, backup_close_catalog, *out);
    return true;
}

/* What the copy itself says, not the server: of it, one can restore exactly this. */
static bool backup_read_catalog(struct task *t, struct backup_work *w, str path)
{
    struct chain_head head = {0};
    struct metadb *copy;

    if (!backup_open_catalog(t, path, &copy) || !metadb_verify(t, copy)
        || !release_files(t, copy, &w->files) || !chain_last(t, copy, &head)) {
        return false;
    }
    arena_close(t->mem, copy);
    buf_format(w->list, "# audit %" PRIu64 " %.*s\n", head.sequence,
               head.sequence > 0 ? (int)head.hash.len : (int)strlen(AUDIT_NOTHING),
               head.sequence > 0 ? head.hash.ptr : AUDIT_NOTHING);
    return true;
}

static bool backup_copy_catalog(struct task *t, struct backup_work *w)
{
    str path = backup_path(t, w->folder, STR("catalog.db"));
    str raw = backup_path(t, w->folder, STR("catalog.raw"));
    struct stored_file file;
    struct metadb *snapshot;

    if (!metadb_snapshot(t, w->b->services->db, &snapshot)) {
        return false;
    }
    w->b->taken_us = clock_now_us();
    buf_format(w->list, "%s\n# home %s\n# taken %.*s\n", BACKUP_FIRST_LINE, w->b->services->home_id,
               STR_ARG(clock_text(t->mem, w->b->taken_us)));
    bool ok = metadb_copy(t, snapshot, raw);
    metadb_snapshot_end(t, snapshot);
    if (!ok || !backup_read_catalog(t, w, raw) || !store_copy_file(t, raw, path, 0600, &file)) {
        return false;
    }
    if (unlink(raw.ptr) != 0) {
        return task_fail_errno(t, ERR_IO, "cannot remove %.*s", STR_ARG(raw));
    }
    backup_note(w, STR("catalog.db"), &file);
    return fault_pass(t, FAULT_BACKUP_FILE);
}

/* A second name of the file that an earlier backup has, when its bytes are what they should be. */
static bool backup_reuse(struct task *t, struct backup_work *w, str name, str sha256, str to,
                         struct stored_file *file, bool *done_out)
{
    *done_out = false;
    if (w->b->reuse.len == 0) {
        return true;
    }
    if (!store_copy_link(t, backup_path(t, w->b->reuse, name), to, done_out)) {
        return false;
    }
    if (!*done_out) {
        return true;
    }
    if (!store_digest(t, to, file)) {
        return false;
    }
    *done_out = str_eq(file->sha256, sha256);
    if (!*done_out && unlink(arena_c_string(t->mem, to)) != 0) {
        return task_fail_errno(t, ERR_IO, "cannot remove %.*s", STR_ARG(to));
    }
    w->b->reused += *done_out ? 1 : 0;
    return true;
}

static bool backup_copy_release(struct task *t, struct backup_work *w, str sha256)
{
    str name = backup_release_path(t->mem, sha256);
    str to = backup_path(t, w->folder, name);
    str folder = backup_path(t, w->folder, str_sub(name, 0, strlen("files/ab")));
    struct stored_file file = {0};
    bool is_done;

    if (!task_go_on(t) || !store_copy_folder(t, folder)
        || !backup_reuse(t, w, name, sha256, to, &file, &is_done)) {
        return false;
    }
    if (!is_done
        && !store_copy_file(t, store_file_path(t, w->b->services->store, sha256), to, 0444,
                            &file)) {
        return false;
    }
    if (!str_eq(file.sha256, sha256)) {
        task_fail(t, ERR_CORRUPT, "the release file %.*s holds other bytes than its name says",
                  STR_ARG(sha256));
        return task_hint(t, "nothing was backed up; weft verify lists all that is damaged");
    }
    w->b->files++;
    backup_note(w, name, &file);
    return fault_pass(t, FAULT_BACKUP_FILE);
}

static bool backup_copy_releases(struct task *t, struct backup_work *w)
{
    if (!store_copy_folder(t, backup_path(t, w->folder, STR("files")))) {
        return false;
    }
    for (size_t i = 0; i < w->files.len; i++) {
        struct arena_mark mark = arena_mark(t->mem);

        /* Two tables of one content name one file. */
        if ((i == 0 || !str_eq(w->files.at[i], w->files.at[i - 1]))
            && !backup_copy_release(t, w, w->files.at[i])) {
            return false;
        }
        arena_rewind(t->mem, mark);
    }
    return true;
}

/* Files beside the catalog that a home is not complete without; any of them may be missing. */
static bool backup_copy_others(struct task *t, struct backup_work *w)
{
    struct str_list names, found;
    str secrets = backup_path(t, w->home, STR("secrets"));

    if (!store_copy_names(t, secrets, &found)) {
        return false;
    }
    if (found.len > BACKUP_SECRETS_MAX) {
        return task_fail(t, ERR_LIMIT, "%.*s has more than %d files", STR_ARG(secrets),
                         BACKUP_SECRETS_MAX);
    }
    names = (struct str_list){0};
    vec_push(t->mem, &names, STR("audit.key"));
    vec_push(t->mem, &names, STR("mask.key"));
    vec_push(t->mem, &names, STR("weft.conf"));
    for (size_t i = 0; i < found.len; i++) {
        vec_push(t->mem, &names, arena_format(t->mem, "secrets/%.*s", STR_ARG(found.at[i])));
    }
    if (found.len > 0 && !store_copy_folder(t, backup_path(t, w->folder, STR("secrets")))) {
        return false;
    }
    for (size_t i = 0; i < names.len; i++) {
        struct stored_file file;
        str from = backup_path(t, w->home, names.at[i]);

        if (access(from.ptr, F_OK) != 0) {
            continue;
        }
        if (!store_copy_file(t, from, backup_path(t, w->folder, names.at[i]), 0600, &file)
            || !fault_pass(t, FAULT_BACKUP_FILE)) {
            return false;
        }
        backup_note(w, names.at[i], &file);
    }
    return true;
}

static bool backup_write_list(struct task *t, struct backup_work *w)
{
    struct crypto_digest digest = crypto_sha256(buf_str(w->list));

    buf_format(w->list, "# end %.*s\n", STR_ARG(crypto_digest_hex(t->mem, &digest)));
    if (w->list->full) {
        return task_fail(t, ERR_LIMIT, "the list of the backup is larger than %d bytes",
                         BACKUP_LIST_BYTES_MAX);
    }
    return store_copy_text(t, buf_str(w->list), backup_path(t, w->folder, STR(BACKUP_LIST)), 0600)
        && fault_pass(t, FAULT_BACKUP_BEFORE_MOVE);
}

static bool backup_tell(struct task *t, const struct backup *b)
{
    struct json_out o = {.b = buf_new(t->mem, DOCUMENT_BYTES_MAX)};

    json_out_begin(&o, "", '{');
    json_out_str(&o, "folder", b->folder);
    json_out_uint(&o, "files", b->files);
    json_out_uint(&o, "bytes", b->bytes);
    json_out_end(&o, '}');
    return audit_append(t, b->services->db, STR("home.backup"), STR("home"), STR("done"),
                        buf_str(o.b), NULL);
}

/* No copy of all data is there that the audit does not tell of. */
static bool backup_finish(struct task *t, struct backup_work *w)
{
    if (!store_copy_finish(t, w->folder, w->b->folder)) {
        return false;
    }
    if (!backup_tell(t, w->b)) {
        store_copy_take_back(t, w->folder, w->b->folder);
        return false;
    }
    return true;
}

/* Only what a backup has is linked: files of a home would lie in its backup as they lie in the home. */
static bool backup_demand_reuse(struct task *t, const struct backup *b)
{
    str path = backup_path(t, b->reuse, STR(BACKUP_LIST));

    if (b->reuse.len == 0 || access(path.ptr, R_OK) == 0) {
        return true;
    }
    task_fail_errno(t, ERR_NOT_FOUND, "%.*s is no backup: cannot read %.*s", STR_ARG(b->reuse),
                    STR_ARG(path));
    return task_hint(t, "name the folder of an earlier backup, or leave --reuse out");
}

bool backup_make(struct task *t, struct backup *b)
{
    struct backup_work w = {
        .b = b, .home = b->services->home, .list = buf_new(t->mem, BACKUP_LIST_BYTES_MAX)};
    struct arena_mark mark = arena_mark(t->mem);
    bool ok;

    if (!backup_demand_owner(t, b) || !backup_demand_reuse(t, b)
        || !turns_take(t, b->services->removal, INT32_MAX, "backups or removals")) {
        return false;
    }
    ok = store_copy_begin(t, b->folder, &w.folder) && backup_copy_catalog(t, &w)
      && backup_copy_releases(t, &w) && backup_copy_others(t, &w) && backup_write_list(t, &w)
      && backup_finish(t, &w);
    turns_give(t, b->services->removal);
    if (!ok) {
        arena_rewind(t->mem, mark); /* what was written is gone before anybody is told */
    }
    return ok;
}
