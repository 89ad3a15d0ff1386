#include "read_use/read_use.h"

bool read_use_queries(struct task *t, struct metadb *db, struct use_list *out)
{
    struct metadb_statement *st;
    *out = (struct use_list){0};
    if (!metadb_query(t, db, &st,
                      "SELECT qt.table_id, q.actor, q.purpose, max(q.time_us) FROM query_table qt "
                      "JOIN query q ON q.sequence = qt.query WHERE qt.table_id IS NOT NULL AND "
                      "q.outcome <> 'denied' GROUP BY qt.table_id, q.actor, q.purpose",
                      ""))
        return false;
    while (metadb_next(t, st)) {
        if (!task_go_on(t))
            return false;
        vec_push(t->mem, out,
                 ((struct use){.table_id = metadb_uint(st, 0),
                               .actor = metadb_str(t->mem, st, 1),
                               .purpose = metadb_str(t->mem, st, 2),
                               .time_us = metadb_int(st, 3)}));
    }
    return metadb_end(t, st);
}

bool read_use_builds(struct task *t, struct metadb *db, struct use_builds *out)
{
    struct metadb_statement *st;
    *out = (struct use_builds){0};
    if (!metadb_query(t, db, &st,
                      "SELECT r.product_id, i.producer_id, max(r.published_us) FROM release_input "
                      "i JOIN release r ON r.id = i.release_id WHERE i.producer_id IS NOT NULL "
                      "GROUP BY r.product_id, i.producer_id",
                      ""))
        return false;
    while (metadb_next(t, st)) {
        if (!task_go_on(t))
            return false;
        vec_push(t->mem, out,
                 ((struct use_build){.product_id = metadb_uint(st, 0),
                                     .producer_id = metadb_uint(st, 1),
                                     .time_us = metadb_int(st, 2)}));
    }
    return metadb_end(t, st);
}
