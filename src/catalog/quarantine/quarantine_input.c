/* Tables of sources that have diverted rows: their ids, given when the first row is diverted and never to another. */
#include "environment/environment.h"
#include "quarantine/quarantine.h"

static bool find_table(struct task *t, struct metadb *db, uint64_t product_id, str input_port,
                       str table, uint64_t *id_out)
{
    return metadb_find_uint(
        t, db, id_out, "SELECT id FROM table_ WHERE product_id = ? AND input_port = ? AND name = ?",
        "iss", product_id, input_port, table);
}

static bool find_column(struct task *t, struct metadb *db, uint64_t table_id,
                        const struct job_column *column, uint32_t *id_out)
{
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st,
                      "SELECT id FROM column_ WHERE table_id = ? AND name = ? AND odcs_id = ?",
                      "iss", table_id, column->name, column->type))
        return false;
    *id_out = metadb_next(t, st) ? (uint32_t)metadb_uint(st, 0) : 0;
    return metadb_end(t, st);
}

bool quarantine_find_input(struct task *t, struct metadb *db, uint64_t product_id, str input_port,
                           str table, const struct job_columns *columns,
                           struct quarantine_input *out)
{
    *out = (struct quarantine_input){0};
    if (!find_table(t, db, product_id, input_port, table, &out->table_id))
        return false;
    for (size_t i = 0; i < columns->len; i++) {
        uint32_t id = 0;
        if (out->table_id && !find_column(t, db, out->table_id, &columns->at[i], &id))
            return false;
        vec_push(t->mem, &out->columns, id);
    }
    return true;
}

struct making {
    uint64_t product_id;
    str input_port, table;
    const struct job_columns *columns;
    struct quarantine_input *out;
};

static bool make(struct task *t, struct metadb *db, void *state)
{
    struct making *making = state;
    struct quarantine_input *out = making->out;
    if (!quarantine_find_input(t, db, making->product_id, making->input_port, making->table,
                               making->columns, out))
        return false;
    if (!out->table_id) {
        if (!metadb_run(t, db,
                        "INSERT INTO table_ (id, product_id, name, input_port, removed) "
                        "SELECT " ENVIRONMENT_ID(4) ", ?1, ?2, ?3, 1",
                        "issi", making->product_id, making->table, making->input_port,
                        environment_new_id()))
            return false;
        out->table_id = metadb_last_id(db);
    }
    for (size_t i = 0; i < making->columns->len; i++) {
        const struct job_column *column = &making->columns->at[i];
        if (out->columns.at[i])
            continue;
        if (!metadb_run(t, db,
                        "INSERT INTO column_ (table_id, id, odcs_id, name, removed) VALUES (?1, "
                        "(SELECT coalesce(max(id), 0) + 1 FROM column_ WHERE table_id = ?1), ?2, "
                        "?3, 1)",
                        "iss", out->table_id, column->type, column->name)
            || !find_column(t, db, out->table_id, column, &out->columns.at[i]))
            return false;
    }
    return true;
}

bool quarantine_make_input(struct task *t, struct metadb *db, uint64_t product_id, str input_port,
                           str table, const struct job_columns *columns,
                           struct quarantine_input *out)
{
    struct making making = {product_id, input_port, table, columns, out};
    return metadb_write(t, db, make, &making);
}

str quarantine_input_name(struct arena *mem, const struct quarantine_row *row)
{
    return arena_format(mem, STR_FMT "." STR_FMT, STR_ARG(row->input_port),
                        STR_ARG(row->input_table));
}
