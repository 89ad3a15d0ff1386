/* cache.db: which copies there are, what they weigh and when they were used. It may be lost at any time: copies can be made again. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock/clock.h"
#include "crypto/crypto.h"
#include "gate_inside.h"
#include "log/log.h"
#include "store/store_file.h"

/* A use is written down once in this time: the order of eviction need not be exact. */
static const int64_t used_every_us = 60LL * 1000000;

/* What a row says that a reader hangs on: a bit that flips in it would show nothing, or another's. */
static str row_digest(struct arena *mem, const struct gate_row *row)
{
    str text = arena_format(mem, "%llu " STR_FMT " " STR_FMT " %llu %llu " STR_FMT,
                            (unsigned long long)row->table_id, STR_ARG(row->class_id),
                            STR_ARG(row->name), (unsigned long long)row->rows,
                            (unsigned long long)row->bytes, STR_ARG(row->sha256));
    struct crypto_digest digest = crypto_sha256(text);
    return crypto_digest_hex(mem, &digest);
}

/* An index of before, whose rows have no digest, is as good as none. */
static bool drop_old_table(struct task *t, struct metadb *db)
{
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st,
                      "SELECT count(*), coalesce(sum(name = 'digest'), 0) FROM "
                      "pragma_table_info('cleared')",
                      ""))
        return false;
    bool is_old = metadb_next(t, st) && metadb_int(st, 0) > 0 && metadb_int(st, 1) == 0;
    if (!metadb_end(t, st))
        return false;
    return !is_old || metadb_script(t, db, "DROP TABLE cleared");
}

static bool make_tables(struct task *t, struct metadb *db, void *state)
{
    (void)state;
    if (!drop_old_table(t, db))
        return false;
    /* `run`, `inode` and `written_ns`: the server that last read it whole, and the file that it read. */
    return metadb_script(
        t, db,
        "DROP TABLE IF EXISTS copy;"
        "CREATE TABLE IF NOT EXISTS cleared("
        " table_id INTEGER NOT NULL, class_id TEXT NOT NULL, name TEXT NOT NULL,"
        " rows INTEGER NOT NULL, bytes INTEGER NOT NULL, used_us INTEGER NOT NULL,"
        " sha256 TEXT NOT NULL, run INTEGER NOT NULL, inode INTEGER NOT NULL,"
        " written_ns INTEGER NOT NULL, checked_us INTEGER NOT NULL, digest TEXT NOT NULL,"
        " PRIMARY KEY(table_id, class_id, name)) WITHOUT ROWID;"
        "CREATE INDEX IF NOT EXISTS cleared_used ON cleared(used_us);"
        "CREATE INDEX IF NOT EXISTS cleared_checked ON cleared(checked_us);"
        "CREATE TABLE IF NOT EXISTS reader("
        " table_id INTEGER NOT NULL, key TEXT NOT NULL, is_product INTEGER NOT NULL,"
        " name TEXT NOT NULL, purpose TEXT NOT NULL, used_us INTEGER NOT NULL,"
        " PRIMARY KEY(table_id, key)) WITHOUT ROWID;");
}

static bool count_copies(struct task *t, struct gate *gate)
{
    struct metadb_statement *st;
    if (!metadb_query(t, gate->cache, &st, "SELECT count(*), coalesce(sum(bytes), 0) FROM cleared",
                      ""))
        return false;
    if (metadb_next(t, st)) {
        gate->copies = metadb_uint(st, 0);
        gate->copy_bytes = metadb_uint(st, 1);
    }
    return metadb_end(t, st);
}

/* After an unclean stop nobody knows which copies are whole: they were never synced. */
static bool drop_unknown_copies(struct task *t, struct gate *gate)
{
    if (gate->copies > 0)
        return true;
    int fd = openat(gate->home_fd, "cleared", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT
            || task_fail_errno(t, ERR_IO, "cannot open the folder of cleared copies");
    bool ok = store_folder_empty(fd)
           || task_fail_errno(t, ERR_IO, "cannot empty the folder of cleared copies");
    close(fd);
    return ok;
}

static bool open_index(struct task *t, struct gate *gate, str path)
{
    return metadb_open(t, path, METADB_CACHE, &gate->cache)
        && metadb_write(t, gate->cache, make_tables, NULL) && metadb_verify(t, gate->cache)
        && count_copies(t, gate);
}

/* Nothing in it is worth a start that fails: all can be made again. */
static bool drop_index(struct task *t, struct gate *gate, str path)
{
    log_failure("gate", t);
    log_event(LOG_WARN, "gate", t, "dropping %s: it is damaged", path.ptr);
    task_clear_error(t);
    metadb_close(gate->cache);
    gate->cache = NULL;
    (void)unlink(arena_format(t->mem, STR_FMT "-wal", STR_ARG(path)).ptr);
    (void)unlink(arena_format(t->mem, STR_FMT "-shm", STR_ARG(path)).ptr);
    return unlink(path.ptr) == 0 || errno == ENOENT
        || task_fail_errno(t, ERR_IO, "cannot remove %s", path.ptr);
}

bool gate_index_open(struct task *t, struct gate *gate, str home)
{
    str path = arena_format(t->mem, STR_FMT "/cache.db", STR_ARG(home));
    struct arena_mark mark = arena_mark(t->mem);
    /* Never that of another server; SQLite has no unsigned numbers. */
    clock_random(&gate->run, sizeof gate->run);
    if (!open_index(t, gate, path)) {
        arena_rewind(t->mem, mark); /* statements that a failure left open */
        if (t->err.code != ERR_CORRUPT)
            return false;
        if (!drop_index(t, gate, path) || !open_index(t, gate, path))
            return false;
    }
    return drop_unknown_copies(t, gate);
}

/* ---- one copy */

struct face {
    int64_t inode, written_ns, bytes;
};

static bool look_at_file(struct task *t, str path, struct face *out)
{
    struct stat state;
    struct arena_mark mark = arena_mark(t->mem);
    bool ok = lstat(arena_c_string(t->mem, path), &state) == 0 && S_ISREG(state.st_mode);
    arena_rewind(t->mem, mark);
    if (ok)
        *out = (struct face){(int64_t)state.st_ino,
                             state.st_mtim.tv_sec * 1000000000LL + state.st_mtim.tv_nsec,
                             state.st_size};
    return ok;
}

bool gate_index_find(struct task *t, struct gate *gate, struct gate_want *want)
{
    struct metadb_statement *st;
    struct face face = {0};
    want->is_found = false;
    if (!metadb_query(t, gate->cache, &st,
                      "SELECT rows, bytes, used_us, sha256, run, inode, written_ns, digest FROM "
                      "cleared WHERE table_id = ? AND class_id = ? AND name = ?",
                      "iss", want->table->id, want->class_id, want->name))
        return false;
    bool has_row = metadb_next(t, st);
    struct gate_row row = {
        .table_id = want->table->id, .class_id = want->class_id, .name = want->name};
    if (has_row) {
        row.rows = metadb_uint(st, 0);
        row.bytes = metadb_uint(st, 1);
        row.sha256 = metadb_str(t->mem, st, 3);
    }
    if (has_row && !str_eq(row_digest(t->mem, &row), metadb_str(t->mem, st, 7))) {
        /* It is made again, and its row with it. */
        log_event(LOG_ERROR, "gate", t,
                  "a row of the index of cleared copies is damaged: file=" STR_FMT,
                  STR_ARG(want->name));
        has_row = false;
    }
    if (has_row) {
        want->has_rows = metadb_uint(st, 0) > 0;
        want->bytes = metadb_uint(st, 1);
        want->must_touch = clock_now_us() - metadb_int(st, 2) > used_every_us;
        /* A sweep of the store takes copies with their origin; a copy without rows has no file. */
        want->is_found = !want->has_rows || look_at_file(t, want->path, &face);
        want->must_check =
            want->has_rows
            && (metadb_int(st, 4) != gate->run || metadb_int(st, 5) != face.inode
                || metadb_int(st, 6) != face.written_ns || want->bytes != (uint64_t)face.bytes);
        if (want->must_check)
            want->sha256 = metadb_str(t->mem, st, 3);
        want->inode = face.inode;
        want->written_ns = face.written_ns;
    }
    return metadb_end(t, st);
}

bool gate_index_check(struct task *t, struct gate_want *want)
{
    struct crypto_digest digest;
    uint64_t bytes;
    struct face face = {0};
    int fd = open(arena_c_string(t->mem, want->path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    want->must_touch = true;
    want->is_found = fd >= 0;
    if (fd < 0)
        return errno == ENOENT || errno == ELOOP
            || task_fail_errno(t, ERR_IO, "cannot open a cleared copy");
    /* The face of before: who changes the file afterwards changes that, too. */
    bool ok = look_at_file(t, want->path, &face) && crypto_sha256_fd(t, fd, &digest, &bytes);
    close(fd);
    if (!ok && t->err.code != ERR_NONE)
        return false;
    want->is_found = ok && str_eq(crypto_digest_hex(t->mem, &digest), want->sha256);
    want->inode = face.inode;
    want->written_ns = face.written_ns;
    if (!want->is_found)
        log_event(LOG_ERROR, "gate", t,
                  "a cleared copy is damaged and is made again: table=%llu file=" STR_FMT,
                  (unsigned long long)want->table->id, STR_ARG(want->name));
    return true;
}

/* ---- changes */

struct change {
    struct gate *gate;
    const struct gate_part *part;
    const struct job_written *written;
    const struct gate_wants *wants;
    str sha256;
    struct face face;
    int64_t used_us;
};

static bool write_copy(struct task *t, struct metadb *db, void *state)
{
    const struct change *c = state;
    return metadb_run(
        t, db,
        "INSERT OR REPLACE INTO cleared(table_id, class_id, name, rows, bytes, used_us, sha256,"
        " run, inode, written_ns, checked_us, digest) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "issiiisiiiis", c->part->making->table_id, c->part->class_id, c->part->name,
        c->written->rows, c->written->bytes, c->used_us, c->sha256, c->gate->run, c->face.inode,
        c->face.written_ns, c->used_us,
        row_digest(t->mem,
                   &(struct gate_row){c->part->making->table_id, c->part->class_id, c->part->name,
                                      c->written->rows, c->written->bytes, c->sha256}));
}

static bool write_uses(struct task *t, struct metadb *db, void *state)
{
    const struct change *c = state;
    for (size_t i = 0; i < c->wants->len; i++) {
        const struct gate_want *want = &c->wants->at[i];
        if (want->is_found && want->must_touch
            && !metadb_run(t, db,
                           "UPDATE cleared SET used_us = ?, checked_us = CASE run WHEN ?2 THEN "
                           "checked_us ELSE ?1 END, run = ?2, inode = ?, written_ns = ? "
                           "WHERE table_id = ? AND class_id = ? AND name = ?",
                           "iiiiiss", c->used_us, c->gate->run, want->inode, want->written_ns,
                           want->table->id, want->class_id, want->name))
            return false;
    }
    return true;
}

bool gate_index_touch(struct task *t, struct gate *gate, const struct gate_wants *wants)
{
    struct change change = {.gate = gate, .wants = wants, .used_us = clock_now_us()};
    for (size_t i = 0; i < wants->len; i++)
        if (wants->at[i].is_found && wants->at[i].must_touch)
            return metadb_write(t, gate->cache, write_uses, &change);
    return true;
}

static bool bytes_of(struct task *t, struct gate *gate, uint64_t table_id, str class_id, str name,
                     bool *is_there_out, uint64_t *bytes_out)
{
    struct metadb_statement *st;
    if (!metadb_query(t, gate->cache, &st,
                      "SELECT bytes FROM cleared WHERE table_id = ? AND class_id = ? AND name = ?",
                      "iss", table_id, class_id, name))
        return false;
    *is_there_out = metadb_next(t, st);
    *bytes_out = *is_there_out ? metadb_uint(st, 0) : 0;
    return metadb_end(t, st);
}

bool gate_index_add(struct task *t, struct gate *gate, const struct gate_part *part,
                    const struct job_written *written, str sha256)
{
    struct change change = {.gate = gate,
                            .part = part,
                            .written = written,
                            .sha256 = sha256,
                            .used_us = clock_now_us()};
    bool was_there;
    uint64_t before;
    if (written->rows && !look_at_file(t, part->path, &change.face))
        return task_fail(t, ERR_IO, "a cleared copy is gone as soon as it was made");
    if (!bytes_of(t, gate, part->making->table_id, part->class_id, part->name, &was_there, &before)
        || !metadb_write(t, gate->cache, write_copy, &change))
        return false;
    gate->copies += !was_there;
    gate->copy_bytes += written->bytes - before;
    return true;
}

/* ---- removal */

static bool write_removals(struct task *t, struct metadb *db, void *state)
{
    const struct gate_removals *removals = state;
    for (size_t i = 0; i < removals->len; i++)
        if (!metadb_run(
                t, db, "DELETE FROM cleared WHERE table_id = ? AND class_id = ? AND name = ?",
                "iss", removals->at[i].table_id, removals->at[i].class_id, removals->at[i].name))
            return false;
    return true;
}

/* First from the index: a file that nothing names is an orphan, a name without its file would be a promise. */
bool gate_index_remove(struct task *t, struct gate *gate, const struct gate_removals *removals)
{
    if (removals->len == 0)
        return true;
    if (!metadb_write(t, gate->cache, write_removals, (void *)(uintptr_t)removals))
        return false;
    for (size_t i = 0; i < removals->len; i++) {
        const struct gate_removal *r = &removals->at[i];
        store_remove_cleared(t, gate->store,
                             store_cleared_path(t, gate->store, r->table_id, r->class_id, r->name));
        gate->copy_bytes -= r->bytes < gate->copy_bytes ? r->bytes : gate->copy_bytes;
        gate->copies -= gate->copies > 0;
    }
    return true;
}

bool gate_index_drop(struct task *t, struct gate *gate, const struct gate_want *want)
{
    struct gate_want now = *want;
    struct gate_removals removals = {0};
    if (!gate_index_find(t, gate, &now))
        return false;
    /* Another file, made since. */
    if (!now.is_found || now.inode != want->inode || now.written_ns != want->written_ns)
        return true;
    vec_push(t->mem, &removals,
             ((struct gate_removal){want->table->id, now.bytes, want->class_id, want->name}));
    return gate_index_remove(t, gate, &removals);
}

bool gate_index_damaged(struct task *t, struct gate *gate, struct gate_removals *out)
{
    struct metadb_statement *st;
    if (!metadb_query(t, gate->cache, &st,
                      "SELECT table_id, class_id, name, rows, bytes, sha256, digest FROM cleared",
                      ""))
        return false;
    while (metadb_next(t, st)) {
        struct arena_mark mark = arena_mark(t->mem);
        if (!task_go_on(t))
            return false;
        struct gate_row row = {.table_id = metadb_uint(st, 0),
                               .class_id = metadb_str(t->mem, st, 1),
                               .name = metadb_str(t->mem, st, 2),
                               .rows = metadb_uint(st, 3),
                               .bytes = metadb_uint(st, 4),
                               .sha256 = metadb_str(t->mem, st, 5)};
        if (str_eq(row_digest(t->mem, &row), metadb_str(t->mem, st, 6)))
            arena_rewind(t->mem, mark);
        else
            vec_push(t->mem, out,
                     ((struct gate_removal){row.table_id, row.bytes, row.class_id, row.name}));
    }
    return metadb_end(t, st);
}

/* A page of those least lately used. */
static bool read_oldest(struct task *t, struct gate *gate, const struct gate_removal *after,
                        int64_t after_us, struct gate_removals *out, int64_t *used_us_out)
{
    struct metadb_statement *st;
    if (!metadb_query(t, gate->cache, &st,
                      "SELECT table_id, class_id, name, bytes, used_us FROM cleared WHERE bytes > "
                      "0 AND (used_us, table_id, class_id, name) > (?, ?, ?, ?) "
                      "ORDER BY used_us, table_id, class_id, name LIMIT 500",
                      "iiss", after_us, after->table_id, after->class_id, after->name))
        return false;
    while (metadb_next(t, st)) {
        vec_push(t->mem, out,
                 ((struct gate_removal){.table_id = metadb_uint(st, 0),
                                        .class_id = metadb_str(t->mem, st, 1),
                                        .name = metadb_str(t->mem, st, 2),
                                        .bytes = metadb_uint(st, 3)}));
        *used_us_out = metadb_int(st, 4);
    }
    return metadb_end(t, st);
}

bool gate_evict(struct task *t, struct gate *gate, uint64_t bytes_most)
{
    struct arena_mark mark = arena_mark(t->mem);
    struct gate_removal after = {.class_id = STR(""), .name = STR("")};
    int64_t after_us = INT64_MIN;
    uint64_t removed = 0;
    bool ok = true, has_more = true;
    while (ok && has_more && gate->copy_bytes > bytes_most) {
        struct gate_removals page = {0}, chosen = {0};
        uint64_t left = gate->copy_bytes;
        ok = read_oldest(t, gate, &after, after_us, &page, &after_us);
        has_more = page.len > 0;
        for (size_t i = 0; ok && i < page.len && left > bytes_most; i++) {
            const struct gate_removal *r = &page.at[i];
            str path = store_cleared_path(t, gate->store, r->table_id, r->class_id, r->name);
            if (gate_is_held(gate, path))
                continue;
            vec_push(t->mem, &chosen, *r);
            left -= r->bytes < left ? r->bytes : left;
        }
        if (has_more)
            after = page.at[page.len - 1];
        ok = ok && gate_index_remove(t, gate, &chosen);
        removed += chosen.len;
    }
    arena_rewind(t->mem, mark);
    if (removed)
        log_event(LOG_INFO, "gate", t, "evicted %llu cleared copies", (unsigned long long)removed);
    return ok;
}
