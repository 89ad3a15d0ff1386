#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metadb/metadb_inside.h"

/* "weft" and "wefc" as big-endian numbers: `file` and other tools tell our databases by them. */
static const int APPLICATION_IDS[] = {
    [METADB_CATALOG] = 0x77656674,
    [METADB_CACHE] = 0x77656663,
};

static bool set_up_file(struct task *t, const struct metadb_core *core);
static bool check_application(struct task *t, struct metadb *db, sqlite3 *handle);
static bool read_number(struct task *t, struct metadb *db, sqlite3 *handle, const char *sql,
                        int64_t *out);

bool metadb_open(struct task *t, str path, enum metadb_kind kind, struct metadb **out)
{
    struct metadb *db = calloc(1, sizeof *db);
    struct metadb_core *core = calloc(1, sizeof *core);
    char *own_path = malloc(path.len + 1);
    CHECK(db != NULL && core != NULL && own_path != NULL);
    memcpy(own_path, path.ptr, path.len);
    own_path[path.len] = '\0';
    core->path = (str){own_path, path.len};
    core->kind = kind;
    core->last = &core->first;
    CHECK(pthread_mutex_init(&core->lock, NULL) == 0);
    pthread_condattr_t monotonic;
    CHECK(pthread_condattr_init(&monotonic) == 0);
    CHECK(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&core->work, &monotonic) == 0);
    pthread_condattr_destroy(&monotonic);
    db->magic = METADB_MAGIC;
    db->core = core;
    struct metadb_connection *connection = NULL;
    bool ok = set_up_file(t, core) && metadb_connect(t, core, true, &connection)
           && check_application(t, db, connection->handle)
           && metadb_start_writer(t, core, connection);
    if (!ok) {
        metadb_disconnect(connection);
        metadb_close(db);
        return false;
    }
    *out = db;
    return true;
}

void metadb_close(struct metadb *db)
{
    if (db == NULL)
        return;
    CHECK(db->magic == METADB_MAGIC && db->connection == NULL);
    struct metadb_core *core = db->core;
    CHECK(core->lent == 0);
    /* Readers first: the last connection to leave moves the log into the database, and only the
     * writer may do that. */
    for (struct metadb_connection *next, *idle = core->idle; idle != NULL; idle = next) {
        next = idle->next;
        metadb_disconnect(idle);
    }
    metadb_stop_writer(core);
    pthread_cond_destroy(&core->work);
    pthread_mutex_destroy(&core->lock);
    free((void *)(uintptr_t)core->path.ptr);
    free(core);
    db->magic = 0;
    free(db);
}

/* A cache that was not closed left its write-ahead log behind: what it says of files cannot be
 * trusted then. */
static bool set_up_file(struct task *t, const struct metadb_core *core)
{
    const char *path = core->path.ptr;
    if (core->kind == METADB_CACHE) {
        str log = arena_format(t->mem, "%s-wal", path),
            index = arena_format(t->mem, "%s-shm", path);
        if (access(log.ptr, F_OK) == 0) {
            log_event(LOG_INFO, "metadb", t, "dropping %s: it was not closed", path);
            if (unlink(path) != 0 && errno != ENOENT)
                return task_fail_errno(t, ERR_IO, "cannot remove %s", path);
            (void)unlink(index.ptr);
            if (unlink(log.ptr) != 0)
                return task_fail_errno(t, ERR_IO, "cannot remove %s", log.ptr);
        }
    }
    /* One that is there is left to SQLite: to close it here would give up the locks that this process has. */
    int fd =
        TEMP_FAILURE_RETRY(open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (fd < 0)
        return errno == EEXIST || task_fail_errno(t, ERR_IO, "cannot open %s", path);
    close(fd);
    return true;
}

bool metadb_open_file(struct task *t, struct metadb_core *core, sqlite3 **out)
{
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE;
    int code = sqlite3_open_v2(core->path.ptr, out, flags, metadb_pages());
    if (code == SQLITE_OK)
        return true;
    (void)metadb_failed(t, core, *out, code, "open");
    sqlite3_close(*out);
    *out = NULL;
    return false;
}

bool metadb_connect(struct task *t, struct metadb_core *core, bool is_writer,
                    struct metadb_connection **out)
{
    sqlite3 *handle = NULL;
    if (is_writer ? !metadb_open_sealed(t, core, &handle) : !metadb_open_file(t, core, &handle))
        return false;
    sqlite3_busy_timeout(handle, METADB_BUSY_MS);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !is_writer, NULL);
    const char *set_up = "PRAGMA query_only = ON; PRAGMA cache_size = -256";
    if (is_writer)
        set_up =
            core->kind == METADB_CATALOG
                ? "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -1024"
                : "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -1024";
    if ((is_writer && !metadb_set_room_aside(t, core, handle))
        || !metadb_exec(t, core, handle, "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF")
        || !metadb_exec(t, core, handle, set_up)) {
        sqlite3_close(handle);
        return false;
    }
    struct metadb_connection *connection = calloc(1, sizeof *connection);
    CHECK(connection != NULL);
    connection->handle = handle;
    metadb_keep_statements(connection);
    *out = connection;
    return true;
}

void metadb_disconnect(struct metadb_connection *connection)
{
    if (connection == NULL)
        return;
    CHECK(connection->open == NULL);
    for (size_t i = 0; i < METADB_KEPT_MAX; i++)
        sqlite3_finalize(connection->kept[i].handle);
    free(connection->kept);
    CHECK(sqlite3_close(connection->handle) == SQLITE_OK);
    free(connection);
}

/* Some file systems cannot share memory; SQLite then stays silently in another mode. */
static bool check_log_mode(struct task *t, struct metadb *db, sqlite3 *handle)
{
    sqlite3_stmt *st = NULL;
    int code = sqlite3_prepare_v2(handle, "PRAGMA journal_mode", -1, &st, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(st);
    bool ok =
        code == SQLITE_ROW && sqlite3_stricmp((const char *)sqlite3_column_text(st, 0), "wal") == 0;
    sqlite3_finalize(st);
    if (ok)
        return true;
    task_fail(t, ERR_CONFIG, "%s cannot have a write-ahead log on this file system",
              db->core->path.ptr);
    return task_hint(t, "put the home on a local file system");
}

static bool check_application(struct task *t, struct metadb *db, sqlite3 *handle)
{
    if (!check_log_mode(t, db, handle))
        return false;
    int64_t id = 0, schema = 0;
    int wanted = APPLICATION_IDS[db->core->kind];
    if (!read_number(t, db, handle, "PRAGMA application_id", &id)
        || !read_number(t, db, handle, "PRAGMA schema_version", &schema))
        return false;
    if (id == 0 && schema == 0) {
        str sql = arena_format(t->mem, "PRAGMA application_id = %d", wanted);
        return metadb_exec(t, db->core, handle, sql.ptr);
    }
    if (id != wanted)
        return task_fail(t, ERR_CORRUPT, "%s is not a database of weft", db->core->path.ptr);
    return true;
}

static bool read_number(struct task *t, struct metadb *db, sqlite3 *handle, const char *sql,
                        int64_t *out)
{
    sqlite3_stmt *st = NULL;
    int code = sqlite3_prepare_v2(handle, sql, -1, &st, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(st);
    if (code == SQLITE_ROW)
        *out = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return code == SQLITE_ROW || metadb_failed(t, db->core, handle, code, sql);
}

bool metadb_exec(struct task *t, struct metadb_core *core, sqlite3 *handle, const char *sql)
{
    int code = sqlite3_exec(handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK || metadb_failed(t, core, handle, code, sql);
}

bool metadb_borrow(struct task *t, struct metadb *db, struct metadb_connection **out)
{
    CHECK(db->magic == METADB_MAGIC);
    if (db->connection != NULL) {
        *out = db->connection;
        return true;
    }
    struct metadb_core *core = db->core;
    pthread_mutex_lock(&core->lock);
    struct metadb_connection *idle = core->idle;
    if (idle != NULL) {
        core->idle = idle->next;
        core->idle_len--;
    }
    core->lent++;
    pthread_mutex_unlock(&core->lock);
    *out = idle;
    if (idle != NULL || metadb_connect(t, core, false, out))
        return true;
    pthread_mutex_lock(&core->lock);
    core->lent--;
    pthread_mutex_unlock(&core->lock);
    return false;
}

void metadb_give_back(struct metadb_core *core, struct metadb_connection *connection)
{
    pthread_mutex_lock(&core->lock);
    core->lent--;
    bool is_kept = core->idle_len < METADB_IDLE_READERS_MAX;
    if (is_kept) {
        connection->next = core->idle;
        core->idle = connection;
        core->idle_len++;
    }
    pthread_mutex_unlock(&core->lock);
    if (!is_kept)
        metadb_disconnect(connection);
}

static void end_snapshot(void *handle)
{
    struct metadb *snapshot = handle;
    if (snapshot->connection == NULL)
        return;
    metadb_close_statements(snapshot->connection);
    (void)sqlite3_exec(snapshot->connection->handle, "ROLLBACK", NULL, NULL, NULL);
    metadb_give_back(snapshot->core, snapshot->connection);
    snapshot->magic = 0;
    snapshot->connection = NULL;
}

bool metadb_snapshot(struct task *t, struct metadb *db, struct metadb **out)
{
    CHECK(db->magic == METADB_MAGIC);
    *out = db;
    if (db->connection != NULL)
        return true;
    struct metadb *snapshot = ARENA_NEW(t->mem, struct metadb);
    snapshot->magic = METADB_MAGIC;
    snapshot->core = db->core;
    if (!metadb_borrow(t, db, &snapshot->connection))
        return false;
    arena_defer(t->mem, end_snapshot, snapshot);
    /* BEGIN alone fixes nothing: the first read does. */
    if (!metadb_exec(t, db->core, snapshot->connection->handle,
                     "BEGIN; SELECT 1 FROM sqlite_schema"))
        return false;
    *out = snapshot;
    return true;
}

void metadb_snapshot_end(struct task *t, struct metadb *snapshot)
{
    arena_close(t->mem, snapshot);
}

struct migration {
    const struct embedded_file *file;
    int64_t number;
};

static bool migrate_one(struct task *t, struct metadb *db, void *state)
{
    const struct migration *migration = state;
    str version = arena_format(t->mem, "PRAGMA user_version = %lld", (long long)migration->number);
    return metadb_exec(t, db->core, db->connection->handle, (const char *)migration->file->bytes)
        && metadb_exec(t, db->core, db->connection->handle, version.ptr);
}

static bool read_version(struct task *t, struct metadb *db, void *state)
{
    return read_number(t, db, db->connection->handle, "PRAGMA user_version", state);
}

bool metadb_migrate(struct task *t, struct metadb *db, const struct embedded_file *files,
                    size_t len)
{
    int64_t version = 0, last = 0;
    if (!metadb_write(t, db, read_version, &version))
        return false;
    for (size_t i = 0; i < len; i++) {
        struct migration migration = {&files[i], 0};
        str head, tail;
        CHECK(str_cut(str_of(files[i].path), '_', &head, &tail)
              && str_to_i64(head, &migration.number) && migration.number == last + 1);
        last = migration.number;
        if (last > version && !metadb_write(t, db, migrate_one, &migration))
            return false;
    }
    if (version > last) {
        task_fail(t, ERR_CONFIG,
                  "%s was written by a newer weft: version %lld, this one knows %lld",
                  db->core->path.ptr, (long long)version, (long long)last);
        return task_hint(t, "start the newer weft, or restore a backup");
    }
    return true;
}

static bool run_script(struct task *t, struct metadb *db, void *state)
{
    return metadb_exec(t, db->core, db->connection->handle, state);
}

bool metadb_script(struct task *t, struct metadb *db, const char *sql)
{
    return metadb_write(t, db, run_script, (void *)(uintptr_t)sql);
}

bool metadb_verify(struct task *t, struct metadb *db)
{
    struct metadb_statement *st;
    str finding;
    if (!metadb_check_pages(t, db)
        || !metadb_find_str(t, db, &finding, "PRAGMA integrity_check(1)", ""))
        return false;
    if (!str_eq(finding, STR("ok")))
        return task_fail(t, ERR_CORRUPT, "%s is damaged: " STR_FMT, db->core->path.ptr,
                         STR_ARG(finding));
    if (!metadb_query(t, db, &st, "PRAGMA foreign_key_check", ""))
        return false;
    bool has_row = metadb_next(t, st);
    str table = has_row ? metadb_str(t->mem, st, 0) : STR_NONE;
    if (!metadb_end(t, st))
        return false;
    if (has_row)
        return task_fail(t, ERR_CORRUPT, "%s is damaged: a row of " STR_FMT " refers to nothing",
                         db->core->path.ptr, STR_ARG(table));
    return true;
}

bool metadb_is_writer(const struct metadb *db)
{
    return db->is_writer;
}

/* SQLite's words say more than ours could; the code is ours. */
bool metadb_failed(struct task *t, const struct metadb_core *core, sqlite3 *handle, int code,
                   const char *doing)
{
    enum error_code error = ERR_INTERNAL;
    if (code == SQLITE_IOERR_DATA)
        return metadb_fail_page(t, core, 0);
    switch (code & 0xff) {
    case SQLITE_FULL:
        error = ERR_FULL;
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        error = ERR_CORRUPT;
        break;
    case SQLITE_CONSTRAINT:
        error = ERR_CONFLICT;
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        error = ERR_BUSY;
        break;
    case SQLITE_NOMEM:
        error = ERR_MEMORY;
        break;
    case SQLITE_TOOBIG:
        error = ERR_LIMIT;
        break;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_NOLFS: {
        int system = handle != NULL ? sqlite3_system_errno(handle) : 0;
        error = system == ENOSPC || system == EDQUOT ? ERR_FULL : ERR_IO;
        break;
    }
    default:
        break;
    }
    const char *words = handle != NULL ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
    task_fail(t, error, "%s: %s", core->path.ptr, words);
    return task_detail(t, "while: %.200s", doing);
}
