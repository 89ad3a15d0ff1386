#include "release/release_inside.h"

bool release_insert_edges(struct task *t, struct metadb *db, uint64_t release_id,
                          const struct release_edges *edges)
{
    for (size_t i = 0; i < edges->len; i++) {
        const struct release_edge *edge = &edges->at[i];
        if (!metadb_run(t, db, "INSERT INTO release_edge VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        "iiuisssIIsd", release_id, edge->table_id, edge->column_id, (uint64_t)i,
                        edge->input_port, edge->input_table, edge->input_column,
                        edge->producer_table_id, (uint64_t)edge->producer_column_id, edge->kind,
                        (int)edge->carries))
            return false;
    }
    return true;
}

bool release_read_edges(struct task *t, struct metadb *db, uint64_t product_id, uint64_t number,
                        struct release_edges *out)
{
    struct metadb_statement *st;
    *out = (struct release_edges){0};
    if (!metadb_query(t, db, &st,
                      "SELECT e.table_id, e.column_id, e.input_port, e.input_table, "
                      "e.input_column, e.producer_table_id, e.producer_column_id, e.kind, "
                      "e.carries, c.name FROM release r JOIN release_edge e ON e.release_id = r.id "
                      "LEFT JOIN release_column c ON c.release_id = e.release_id AND c.table_id = "
                      "e.table_id AND c.column_id = e.column_id WHERE r.product_id = ? AND "
                      "r.number = ? ORDER BY e.position",
                      "ii", product_id, number))
        return false;
    while (metadb_next(t, st)) {
        vec_push(t->mem, out,
                 ((struct release_edge){.table_id = metadb_uint(st, 0),
                                        .column_id = (uint32_t)metadb_uint(st, 1),
                                        .input_port = metadb_str(t->mem, st, 2),
                                        .input_table = metadb_str(t->mem, st, 3),
                                        .input_column = metadb_str(t->mem, st, 4),
                                        .producer_table_id = metadb_uint(st, 5),
                                        .producer_column_id = (uint32_t)metadb_uint(st, 6),
                                        .kind = metadb_str(t->mem, st, 7),
                                        .carries = metadb_int(st, 8) != 0,
                                        .column = metadb_str(t->mem, st, 9)}));
    }
    return metadb_end(t, st);
}
