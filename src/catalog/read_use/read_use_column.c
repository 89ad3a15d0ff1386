#include "read_use/read_use.h"

/* The queries that are meant: ?1 table, ?2 column or 0, ?3 since. */
#define USE_QUERIES                                                                                \
    "FROM query q WHERE q.time_us >= ?3 AND q.outcome <> 'denied' AND q.actor_kind <> 'product' "  \
    "AND (?2 = 0 AND q.sequence IN (SELECT query FROM query_table WHERE table_id = ?1) OR "        \
    "?2 <> 0 AND q.sequence IN (SELECT query FROM query_column WHERE table_id = ?1 AND "           \
    "column_id = ?2)) "

bool read_use_column(struct task *t, struct metadb *db, uint64_t table_id, uint32_t column_id,
                     int64_t since_us, struct use_readers *out)
{
    struct metadb_statement *st;
    *out = (struct use_readers){0};
    if (!metadb_query(t, db, &st,
                      "SELECT q.actor, count(*), max(q.time_us) " USE_QUERIES
                      "GROUP BY q.actor ORDER BY max(q.time_us) DESC, q.actor",
                      "iii", table_id, (uint64_t)column_id, since_us))
        return false;
    while (metadb_next(t, st)) {
        if (!task_go_on(t))
            return false;
        vec_push(t->mem, out,
                 ((struct use_reader){.actor = metadb_str(t->mem, st, 0),
                                      .queries = metadb_uint(st, 1),
                                      .last_us = metadb_int(st, 2)}));
    }
    return metadb_end(t, st);
}

static bool read_tables(struct task *t, str ids, struct use_text *out)
{
    str head;
    uint64_t id;
    while (ids.len > 0) {
        (void)str_cut(ids, ',', &head, &ids);
        if (!str_to_u64(head, &id))
            return task_fail(t, ERR_CORRUPT, "the tables of a recorded query cannot be read");
        vec_push(t->mem, &out->tables, id);
    }
    return true;
}

bool read_use_texts(struct task *t, struct metadb *db, uint64_t table_id, uint32_t column_id,
                    int64_t since_us, uint64_t most, struct use_texts *out)
{
    struct metadb_statement *st;
    *out = (struct use_texts){0};
    if (!metadb_query(t, db, &st,
                      "SELECT q.actor, q.text, (SELECT group_concat(coalesce(table_id, 0)) FROM "
                      "query_table WHERE query = q.sequence) " USE_QUERIES
                      "ORDER BY q.sequence DESC LIMIT ?4",
                      "iiii", table_id, (uint64_t)column_id, since_us, most))
        return false;
    while (metadb_next(t, st)) {
        if (!task_go_on(t))
            return false;
        struct use_text *text = vec_add(t->mem, out);
        text->actor = metadb_str(t->mem, st, 0);
        text->text = metadb_str(t->mem, st, 1);
        if (!read_tables(t, metadb_str(t->mem, st, 2), text))
            return false;
    }
    return metadb_end(t, st);
}

bool read_use_is_source(struct task *t, struct metadb *db, uint64_t product_id, uint64_t table_id,
                        uint32_t column_id, bool *out)
{
    return metadb_has(t, db, out,
                      "SELECT 1 FROM release_edge e JOIN release r ON r.id = e.release_id JOIN "
                      "product p ON p.id = r.product_id AND p.release = r.number WHERE "
                      "e.producer_table_id = ?1 AND (?2 = 0 OR e.producer_column_id = ?2) AND "
                      "p.id = ?3 LIMIT 1",
                      "iii", table_id, (uint64_t)column_id, product_id);
}
