/* Copies that go by themselves, copies that are read again to see whether they are whole, and what all of them weigh. */
#include "clock/clock.h"
#include "gate_inside.h"
#include "log/log.h"
#include "map/map.h"

enum {
    ORIGIN_HEX = 64,
    WEIGHED_TABLES = 10,
    PAGE_ROWS = 500,
};

static const int64_t day_us = 86400LL * 1000000, young_us = 3600LL * 1000000;
static const uint64_t scrub_bytes_max = 256 << 20; /* in one go */

struct page_row {
    struct gate_removal copy;
    str sha256;
    int64_t used_us, checked_us;
};

struct page {
    VEC_OF(struct page_row)
};

static bool read_page(struct task *t, struct gate *gate, const char *sql, int64_t bound_us,
                      const struct page_row *after, struct page *out)
{
    struct metadb_statement *st;
    if (!metadb_query(t, gate->cache, &st, sql, "iissi", bound_us, after->copy.table_id,
                      after->copy.class_id, after->copy.name, (int64_t)PAGE_ROWS))
        return false;
    while (metadb_next(t, st))
        vec_push(t->mem, out,
                 ((struct page_row){.copy = {.table_id = metadb_uint(st, 0),
                                             .class_id = metadb_str(t->mem, st, 1),
                                             .name = metadb_str(t->mem, st, 2),
                                             .bytes = metadb_uint(st, 3)},
                                    .sha256 = metadb_str(t->mem, st, 4),
                                    .used_us = metadb_int(st, 5)}));
    return metadb_end(t, st);
}

/* Too old, or of an original that nothing names any more: a new one may be about to be named. */
static bool is_over(const struct page_row *row, const struct map *keep, int64_t now_us,
                    int64_t old_us)
{
    str deletions = str_sub(row->copy.name, ORIGIN_HEX + 1, ORIGIN_HEX);
    bool has_deletions = row->copy.name.len > ORIGIN_HEX && row->copy.name.ptr[ORIGIN_HEX] == '-';
    bool is_orphan = (!map_find(keep, str_sub(row->copy.name, 0, ORIGIN_HEX))
                      || (has_deletions && !map_find(keep, deletions)))
                  && now_us - row->used_us > young_us;
    return row->used_us < old_us || is_orphan;
}

/* Which copies of a walk over the index go. */
struct sweep {
    int64_t now_us, old_us;
    const struct map *keep; /* originals that are named; NULL: only those of `gone` go */
    const struct map *gone; /* originals */
};

static bool is_to_go(const struct sweep *sweep, const struct page_row *row)
{
    return sweep->keep != NULL
             ? is_over(row, sweep->keep, sweep->now_us, sweep->old_us)
             : map_find(sweep->gone, str_sub(row->copy.name, 0, ORIGIN_HEX)) != NULL;
}

/* Of the copies that were used before a time. */
static bool remove_copies(struct task *t, struct gate *gate, const struct sweep *sweep,
                          int64_t before_us, uint64_t *removed_out)
{
    struct page_row after = {.copy = {.class_id = STR(""), .name = STR("")}};
    bool ok = true, has_more = true;
    while (ok && has_more && task_go_on(t)) {
        struct page page = {0};
        struct gate_removals removals = {0};
        pthread_mutex_lock(&gate->lock);
        ok = read_page(t, gate,
                       "SELECT table_id, class_id, name, bytes, sha256, used_us FROM cleared "
                       "WHERE used_us < ? AND (table_id, class_id, name) > (?, ?, ?) ORDER BY "
                       "table_id, class_id, name LIMIT ?",
                       before_us, &after, &page);
        for (size_t i = 0; ok && i < page.len; i++) {
            const struct gate_removal *copy = &page.at[i].copy;
            if (is_to_go(sweep, &page.at[i])
                && !gate_is_held(gate, store_cleared_path(t, gate->store, copy->table_id,
                                                          copy->class_id, copy->name)))
                vec_push(t->mem, &removals, *copy);
        }
        ok = ok && gate_index_remove(t, gate, &removals);
        pthread_mutex_unlock(&gate->lock);
        *removed_out += removals.len;
        has_more = page.len == PAGE_ROWS;
        if (has_more)
            after = page.at[page.len - 1];
    }
    return ok && t->err.code == ERR_NONE;
}

bool gate_forget(struct task *t, struct gate *gate, const struct str_list *origins)
{
    struct map gone;
    uint64_t removed = 0;
    CHECK(gate->magic == GATE_MAGIC);
    map_init(&gone, t->mem);
    for (size_t i = 0; i < origins->len; i++)
        map_put(&gone, origins->at[i], &origins->at[i]);
    return origins->len == 0
        || remove_copies(t, gate->root, &(struct sweep){.gone = &gone}, INT64_MAX, &removed);
}

static bool write_checked(struct task *t, struct metadb *db, void *state)
{
    const struct page *page = state;
    for (size_t i = 0; i < page->len; i++)
        if (!metadb_run(t, db,
                        "UPDATE cleared SET checked_us = ? WHERE table_id = ? AND class_id = ? "
                        "AND name = ?",
                        "iiss", page->at[i].checked_us, page->at[i].copy.table_id,
                        page->at[i].copy.class_id, page->at[i].copy.name))
            return false;
    return true;
}

static bool scrub_one(struct task *t, struct gate *gate, struct page_row *row,
                      struct gate_upkeep *out)
{
    struct image_table table = {.id = row->copy.table_id};
    struct gate_want want = {.table = &table,
                             .class_id = row->copy.class_id,
                             .name = row->copy.name,
                             .sha256 = row->sha256};
    want.path = store_cleared_path(t, gate->store, table.id, want.class_id, want.name);
    if (!gate_index_check(t, &want))
        return false;
    out->read_bytes += row->copy.bytes;
    row->checked_us = clock_now_us();
    if (want.is_found)
        return true;
    pthread_mutex_lock(&gate->lock);
    bool ok = gate_index_drop(t, gate, &want);
    pthread_mutex_unlock(&gate->lock);
    out->damaged++;
    return ok;
}

/* Those that nobody has read for a day, the longest unread first: so much at a time that a disk has time for others. */
static bool scrub(struct task *t, struct gate *gate, int64_t before_us, uint64_t most_bytes,
                  struct gate_upkeep *out, bool *has_more_out)
{
    struct page page = {0}, done = {0};
    struct page_row first = {.copy = {.class_id = STR(""), .name = STR("")}};
    pthread_mutex_lock(&gate->lock);
    bool ok = read_page(t, gate,
                        "SELECT table_id, class_id, name, bytes, sha256, used_us FROM cleared "
                        "WHERE bytes > 0 AND checked_us < ? AND (table_id, class_id, name) > (?, "
                        "?, ?) ORDER BY checked_us LIMIT ?",
                        before_us, &first, &page);
    pthread_mutex_unlock(&gate->lock);
    for (size_t i = 0; ok && i < page.len && out->read_bytes < most_bytes; i++) {
        ok = task_go_on(t) && scrub_one(t, gate, &page.at[i], out);
        if (ok)
            vec_push(t->mem, &done, page.at[i]);
    }
    *has_more_out = done.len > 0;
    return ok && (done.len == 0 || metadb_write(t, gate->cache, write_checked, &done));
}

bool gate_upkeep(struct task *t, struct gate *gate, const struct str_list *keep,
                 struct gate_upkeep *out)
{
    struct map kept;
    bool has_more;
    CHECK(gate->magic == GATE_MAGIC);
    gate = gate->root;
    *out = (struct gate_upkeep){0};
    map_init(&kept, t->mem);
    for (size_t i = 0; i < keep->len; i++)
        map_put(&kept, keep->at[i], &keep->at[i]);
    int64_t now_us = clock_now_us();
    struct sweep sweep = {
        .now_us = now_us, .old_us = now_us - gate->cleared_days_max * day_us, .keep = &kept};
    return remove_copies(t, gate, &sweep, now_us - young_us, &out->removed)
        && scrub(t, gate, clock_now_us() - day_us, scrub_bytes_max, out, &has_more);
}

/* What a row says that is not as it was written, nobody knows: the copy goes with it. */
static bool drop_damaged_rows(struct task *t, struct gate *gate, struct gate_upkeep *out)
{
    struct gate_removals removals = {0};
    if (!gate_index_damaged(t, gate, &removals))
        return false;
    pthread_mutex_lock(&gate->lock);
    bool ok = gate_index_remove(t, gate, &removals);
    pthread_mutex_unlock(&gate->lock);
    out->damaged += removals.len;
    return ok;
}

bool gate_verify(struct task *t, struct gate *gate, struct gate_upkeep *out)
{
    int64_t begun_us = clock_now_us();
    bool ok, has_more = true;

    CHECK(gate->magic == GATE_MAGIC);
    gate = gate->root;
    *out = (struct gate_upkeep){0};
    ok = drop_damaged_rows(t, gate, out);
    while (ok && has_more) {
        struct arena_mark mark = arena_mark(t->mem);
        ok = scrub(t, gate, begun_us, UINT64_MAX, out, &has_more);
        arena_rewind(t->mem, mark);
    }
    return ok;
}

bool gate_total(struct task *t, struct gate *gate, struct gate_total *out)
{
    struct metadb_statement *st;
    uint64_t mesh_files, mesh_bytes;
    CHECK(gate->magic == GATE_MAGIC);
    gate = gate->root;
    pthread_mutex_lock(&gate->lock);
    gate_mesh_weigh(gate, &mesh_files, &mesh_bytes);
    *out = (struct gate_total){.copies = gate->copies + mesh_files,
                               .bytes = gate->copy_bytes + mesh_bytes};
    pthread_mutex_unlock(&gate->lock);
    if (!metadb_query(t, gate->cache, &st,
                      "SELECT table_id, count(DISTINCT class_id), count(*), sum(bytes) AS b FROM "
                      "cleared GROUP BY table_id ORDER BY b DESC, table_id LIMIT ?",
                      "i", (int64_t)WEIGHED_TABLES))
        return false;
    while (metadb_next(t, st))
        vec_push(t->mem, &out->tables,
                 ((struct gate_total_table){metadb_uint(st, 0), metadb_uint(st, 1),
                                            metadb_uint(st, 2), metadb_uint(st, 3)}));
    return metadb_end(t, st);
}
