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
    struct backup_list list;
    struct map files; /* names of release files that are there */
};

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
    return b->full ? backup_damaged(t, STR(BACKUP_LIST), "is too long")
                   : backup_list_open(t, buf_str(b), &w->list);
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
    bool is_release = backup_is_release(name, sha256);
    struct stored_file file;

    if (!restore_folders(t, w, name)) {
        return false;
    }
    if (!store_copy_file(t, restore_path(t, w->r->folder, name), restore_path(t, w->folder, name),
                         is_release ? 0444 : 0600, &file)) {
        return t->err.code == ERR_NOT_FOUND ? backup_damaged(t, name, "is missing") : false;
    }
    if (!str_eq(file.sha256, sha256)) {
        return backup_damaged(t, name, "is not as it was written");
    }
    w->r->bytes += file.bytes;
    w->r->files += is_release ? 1 : 0;
    return true;
}

static bool restore_files(struct task *t, struct restore_work *w)
{
    for (;;) {
        str name, sha256;
        struct arena_mark mark;

        if (!backup_list_next(t, &w->list, &name, &sha256)) {
            return false;
        }
        if (name.len == 0) {
            w->r->id = w->list.home;
            w->r->taken = w->list.taken;
            return true;
        }
        if (backup_is_release(name, sha256)) {
            map_put(&w->files, sha256, w);
        }
        mark = arena_mark(t->mem);
        if (!task_go_on(t) || !restore_file(t, w, name, sha256)) {
            return false;
        }
        arena_rewind(t->mem, mark);
    }
}

static bool restore_has_files(struct task *t, struct restore_work *w, struct metadb *db)
{
    struct str_list files;

    if (!release_files(t, db, &files)) {
        return false;
    }
    for (size_t i = 0; i < files.len; i++) {
        if (map_find(&w->files, files.at[i]) == NULL) {
            return backup_damaged(t, backup_release_path(t->mem, files.at[i]),
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
        return backup_damaged(t, STR("catalog.db"), "is missing");
    }
    if (!backup_open_catalog(t, restore_path(t, w->folder, STR("catalog.db")), &db)
        || !metadb_migrate(t, db, embedded_migrations, embedded_migrations_len)
        || !metadb_verify(t, db)
        || !chain_verify(t, db, w->list.head.sequence > 0 ? &w->list.head : NULL, NULL, &verdict)) {
        return false;
    }
    if (verdict.fault != CHAIN_WHOLE) {
        return backup_damaged(
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
    return restore_load_list(t, &w) && store_copy_begin(t, r->home, &w.folder)
        && restore_files(t, &w) && restore_check_catalog(t, &w)
        && store_copy_finish(t, w.folder, r->home);
}
