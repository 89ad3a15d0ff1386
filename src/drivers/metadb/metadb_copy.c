#include <string.h>

#include "metadb/metadb_inside.h"

enum { METADB_COPY_PAGES = 2048 };

/* Of an instant that `from` keeps open, so that no change meanwhile makes it begin again. */
static bool copy_pages(struct task *t, struct metadb *from, sqlite3 *to, str path)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from->connection->handle, "main");
    int code = SQLITE_OK;

    if (backup == NULL) {
        return metadb_failed(t, from->core, to, sqlite3_errcode(to), "begin a copy");
    }
    while (code == SQLITE_OK && task_go_on(t)) {
        code = sqlite3_backup_step(backup, METADB_COPY_PAGES);
    }
    (void)sqlite3_backup_finish(backup);
    if (code == SQLITE_DONE) {
        return true;
    }
    if (code == SQLITE_OK) {
        return false; /* the task has ended */
    }
    metadb_failed(t, from->core, to, code, "copy");
    return task_detail(t, "while: copying it to " STR_FMT, STR_ARG(path));
}

bool metadb_copy(struct task *t, struct metadb *snapshot, str path)
{
    sqlite3 *to = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
              | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE;
    char *place = arena_c_string(t->mem, path);

    CHECK(snapshot->magic == METADB_MAGIC && snapshot->connection != NULL && !snapshot->is_writer);
    int code = sqlite3_open_v2(place, &to, flags, metadb_pages());
    bool ok = code == SQLITE_OK || metadb_failed(t, snapshot->core, to, code, "make a copy");
    /* Nobody reads it before it is whole, and who asked for it syncs it. */
    ok = ok && metadb_exec(t, snapshot->core, to, "PRAGMA synchronous = OFF")
      && copy_pages(t, snapshot, to, path);
    sqlite3_close(to);
    return ok;
}
