/* cache.db: which copies there are, what they weigh and when they were used. It may be lost at any time: copies can be made again. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "clock/clock.h"
#include "gate_inside.h"
#include "log/log.h"
#include "store/store_file.h"

/* A use is written down once in this time: the order of eviction need not be exact. */
static const int64_t used_every_us = 60LL * 1000000;

static bool make_tables(struct task *t, struct metadb *db, void *state)
{
    (void)state;
    return metadb_script(t, db,
                         "CREATE TABLE IF NOT EXISTS copy("
                         " table_id INTEGER NOT NULL, class_id TEXT NOT NULL, file TEXT NOT NULL,"
                         " rows INTEGER NOT NULL, bytes INTEGER NOT NULL, used_us INTEGER NOT NULL,"
                         " PRIMARY KEY(table_id, class_id, file)) WITHOUT ROWID;"
                         "CREATE INDEX IF NOT EXISTS copy_used ON copy(used_us);");
}

static bool count_copies(struct task *t, struct gate *gate, uint64_t *count_out,
                         uint64_t *bytes_out)
{
    struct metadb_statement *st;
    bool has_row;
    if (!metadb_query(t, gate->cache, &st, "SELECT count(*), coalesce(sum(bytes), 0) FROM copy", "")
        || !metadb_step(t, st, &has_row))
        return false;
    *count_out = metadb_uint(st, 0);
    *bytes_out = metadb_uint(st, 1);
    metadb_done(t, st);
    return true;
}

/* After an unclean stop nobody knows which copies are whole: they were never synced. */
static bool drop_unknown_copies(struct task *t, struct gate *gate)
{
    uint64_t count, bytes;
    if (!count_copies(t, gate, &count, &bytes))
        return false;
    if (count > 0)
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

bool gate_index_open(struct task *t, struct gate *gate, str home)
{
    str path = arena_format(t->mem, STR_FMT "/cache.db", STR_ARG(home));
    return metadb_open(t, path, METADB_CACHE, &gate->cache)
        && metadb_write(t, gate->cache, make_tables, NULL) && drop_unknown_copies(t, gate);
}

struct change {
    uint64_t table_id;
    str class_id, file;
    uint64_t rows, bytes;
    int64_t used_us;
};

static bool write_use(struct task *t, struct metadb *db, void *state)
{
    const struct change *c = state;
    return metadb_run(
        t, db, "UPDATE copy SET used_us = ? WHERE table_id = ? AND class_id = ? AND file = ?",
        "iiss", c->used_us, c->table_id, c->class_id, c->file);
}

static bool write_copy(struct task *t, struct metadb *db, void *state)
{
    const struct change *c = state;
    return metadb_run(t, db,
                      "INSERT OR REPLACE INTO copy(table_id, class_id, file, rows, bytes, used_us)"
                      " VALUES(?, ?, ?, ?, ?, ?)",
                      "issiii", c->table_id, c->class_id, c->file, c->rows, c->bytes, c->used_us);
}

static bool write_removal(struct task *t, struct metadb *db, void *state)
{
    const struct change *c = state;
    return metadb_run(t, db, "DELETE FROM copy WHERE table_id = ? AND class_id = ? AND file = ?",
                      "iss", c->table_id, c->class_id, c->file);
}

bool gate_index_find(struct task *t, struct gate *gate, uint64_t table_id, str class_id, str file,
                     str path, struct gate_copy *copy_out, bool *found_out)
{
    struct metadb_statement *st;
    if (!metadb_query(t, gate->cache, &st,
                      "SELECT rows, bytes, used_us FROM copy WHERE table_id = ? AND class_id = ? "
                      "AND file = ?",
                      "iss", table_id, class_id, file)
        || !metadb_step(t, st, found_out))
        return false;
    if (!*found_out) {
        metadb_done(t, st);
        return true;
    }
    *copy_out = (struct gate_copy){.rows = metadb_uint(st, 0), .bytes = metadb_uint(st, 1)};
    struct change change = {
        .table_id = table_id, .class_id = class_id, .file = file, .used_us = clock_now_us()};
    bool is_long_ago = change.used_us - metadb_int(st, 2) > used_every_us;
    metadb_done(t, st);
    /* A sweep of the store takes copies with their origin; a copy without rows has no file. */
    *found_out = copy_out->rows == 0 || access(arena_c_string(t->mem, path), F_OK) == 0;
    return !*found_out || !is_long_ago || metadb_write(t, gate->cache, write_use, &change);
}

bool gate_index_add(struct task *t, struct gate *gate, uint64_t table_id, str class_id, str file,
                    uint64_t rows, uint64_t bytes)
{
    struct change change = {.table_id = table_id,
                            .class_id = class_id,
                            .file = file,
                            .rows = rows,
                            .bytes = bytes,
                            .used_us = clock_now_us()};
    return metadb_write(t, gate->cache, write_copy, &change);
}

struct candidates {
    VEC_OF(struct change)
};

static bool read_candidates(struct task *t, struct gate *gate, struct candidates *out)
{
    struct metadb_statement *st;
    bool has_row;
    if (!metadb_query(t, gate->cache, &st,
                      "SELECT table_id, class_id, file, rows, bytes FROM copy WHERE bytes > 0 "
                      "ORDER BY used_us",
                      ""))
        return false;
    while (metadb_step(t, st, &has_row)) {
        if (!has_row) {
            metadb_done(t, st);
            return true;
        }
        vec_push(t->mem, out,
                 ((struct change){.table_id = metadb_uint(st, 0),
                                  .class_id = metadb_str(t->mem, st, 1),
                                  .file = metadb_str(t->mem, st, 2),
                                  .rows = metadb_uint(st, 3),
                                  .bytes = metadb_uint(st, 4)}));
    }
    return false;
}

bool gate_evict(struct task *t, struct gate *gate, uint64_t bytes_most)
{
    struct arena_mark mark = arena_mark(t->mem);
    struct candidates candidates = {0};
    uint64_t count, bytes, removed = 0;
    bool ok = count_copies(t, gate, &count, &bytes)
           && (bytes <= bytes_most || read_candidates(t, gate, &candidates));
    for (size_t i = 0; ok && i < candidates.len && bytes > bytes_most; i++) {
        struct change *c = &candidates.at[i];
        str path = store_cleared_path(t, gate->store, c->table_id, c->class_id, c->file);
        if (gate_is_held(gate, path))
            continue;
        ok = metadb_write(t, gate->cache, write_removal, c);
        if (ok)
            store_remove_cleared(t, gate->store, path);
        bytes -= c->bytes < bytes ? c->bytes : bytes;
        removed++;
    }
    arena_rewind(t->mem, mark);
    if (removed)
        log_event(LOG_INFO, "gate", t, "evicted %llu cleared copies", (unsigned long long)removed);
    return ok;
}
