#include "quarantine/quarantine.h"

static bool read_all(struct task *t, struct metadb *db, const struct quarantine_which *which,
                     struct quarantine_list *out)
{
    struct metadb_statement *st;
    bool has_row = true;
    if (!metadb_query(
            t, db, &st,
            "SELECT id, product_id, table_id, run_id, release, diverted_us, rows, bytes, sha256, "
            "sql_digest FROM quarantine WHERE (?1 = 0 OR product_id = ?1) AND (?2 = 0 OR table_id "
            "= ?2) AND (?3 = '' OR run_id = ?3) AND (?4 = 0 OR id <= ?4) AND (?5 = 0 OR id = ?5) "
            "ORDER BY id",
            "iisii", which->product_id, which->table_id, which->run_id, which->up_to, which->id))
        return false;
    while (has_row) {
        if (!task_go_on(t) || !metadb_step(t, st, &has_row))
            return false;
        if (has_row)
            vec_push(t->mem, out,
                     ((struct quarantine_row){.id = metadb_uint(st, 0),
                                              .product_id = metadb_uint(st, 1),
                                              .table_id = metadb_uint(st, 2),
                                              .run_id = metadb_str(t->mem, st, 3),
                                              .release = metadb_uint(st, 4),
                                              .diverted_us = metadb_int(st, 5),
                                              .rows = metadb_uint(st, 6),
                                              .bytes = metadb_uint(st, 7),
                                              .sha256 = metadb_str(t->mem, st, 8),
                                              .sql_digest = metadb_str(t->mem, st, 9)}));
    }
    metadb_done(t, st);
    return true;
}

static bool read_rules(struct task *t, struct metadb *db, struct quarantine_row *row)
{
    struct metadb_statement *st;
    bool has_row = true;
    if (!metadb_query(t, db, &st,
                      "SELECT rule_id, demand, rows FROM quarantine_rule WHERE quarantine_id = ? "
                      "ORDER BY rowid",
                      "i", row->id))
        return false;
    while (has_row) {
        if (!metadb_step(t, st, &has_row))
            return false;
        if (has_row)
            vec_push(t->mem, &row->rules,
                     ((struct quarantine_rule){.id = metadb_str(t->mem, st, 0),
                                               .demand = metadb_str(t->mem, st, 1),
                                               .rows = metadb_uint(st, 2)}));
    }
    metadb_done(t, st);
    return true;
}

static bool read_columns(struct task *t, struct metadb *db, struct quarantine_row *row)
{
    struct metadb_statement *st;
    bool has_row = true;
    if (!metadb_query(t, db, &st,
                      "SELECT column_id, is_of_rule FROM quarantine_column WHERE quarantine_id = "
                      "? ORDER BY rowid",
                      "i", row->id))
        return false;
    while (has_row) {
        if (!metadb_step(t, st, &has_row))
            return false;
        if (has_row)
            vec_push(t->mem, &row->columns, (uint32_t)metadb_uint(st, 0));
        if (has_row && metadb_int(st, 1))
            vec_push(t->mem, &row->rule_columns, (uint32_t)metadb_uint(st, 0));
    }
    metadb_done(t, st);
    return true;
}

static bool read_labels(struct task *t, struct metadb *db, struct quarantine_row *row)
{
    struct metadb_statement *st;
    bool has_row = true;
    if (!metadb_query(t, db, &st,
                      "SELECT column_id, is_tag, label FROM quarantine_label WHERE quarantine_id "
                      "= ? ORDER BY rowid",
                      "i", row->id))
        return false;
    while (has_row) {
        if (!metadb_step(t, st, &has_row))
            return false;
        if (has_row)
            vec_push(t->mem, &row->labels,
                     ((struct quarantine_label){.column_id = (uint32_t)metadb_uint(st, 0),
                                                .is_tag = metadb_int(st, 1) != 0,
                                                .text = metadb_str(t->mem, st, 2)}));
    }
    metadb_done(t, st);
    return true;
}

bool quarantine_find(struct task *t, struct metadb *db, const struct quarantine_which *which,
                     struct quarantine_list *out)
{
    *out = (struct quarantine_list){0};
    if (!read_all(t, db, which, out))
        return false;
    for (size_t i = 0; i < out->len; i++)
        if (!read_rules(t, db, &out->at[i]) || !read_columns(t, db, &out->at[i])
            || !read_labels(t, db, &out->at[i]))
            return false;
    return true;
}

/* ---- writes */

static bool add_parts(struct task *t, struct metadb *db, uint64_t id,
                      const struct quarantine_row *row)
{
    for (size_t i = 0; i < row->rules.len; i++)
        if (!metadb_run(t, db, "INSERT INTO quarantine_rule VALUES (?, ?, ?, ?)", "issi", id,
                        row->rules.at[i].id, row->rules.at[i].demand, row->rules.at[i].rows))
            return false;
    for (size_t i = 0; i < row->columns.len; i++) {
        bool is_of_rule = false;
        for (size_t k = 0; k < row->rule_columns.len; k++)
            is_of_rule = is_of_rule || row->rule_columns.at[k] == row->columns.at[i];
        if (!metadb_run(t, db, "INSERT INTO quarantine_column VALUES (?, ?, ?)", "iid", id,
                        (uint64_t)row->columns.at[i], (int)is_of_rule))
            return false;
    }
    for (size_t i = 0; i < row->labels.len; i++)
        if (!metadb_run(t, db, "INSERT INTO quarantine_label VALUES (?, ?, ?, ?)", "iids", id,
                        (uint64_t)row->labels.at[i].column_id, (int)row->labels.at[i].is_tag,
                        row->labels.at[i].text))
            return false;
    return true;
}

bool quarantine_add(struct task *t, struct metadb *db, const struct quarantine_row *row)
{
    return metadb_run(t, db,
                      "INSERT INTO quarantine (product_id, table_id, run_id, release, diverted_us, "
                      "rows, bytes, sha256, sql_digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                      "iisiiiiss", row->product_id, row->table_id, row->run_id, row->release,
                      (uint64_t)row->diverted_us, row->rows, row->bytes, row->sha256,
                      row->sql_digest)
        && add_parts(t, db, metadb_last_id(db), row);
}

bool quarantine_drop(struct task *t, struct metadb *db, const struct quarantine_which *which)
{
    return metadb_run(t, db,
                      "DELETE FROM quarantine WHERE (?1 = 0 OR product_id = ?1) AND (?2 = 0 OR "
                      "table_id = ?2) AND (?3 = '' OR run_id = ?3) AND (?4 = 0 OR id <= ?4) AND "
                      "(?5 = 0 OR id = ?5)",
                      "iisii", which->product_id, which->table_id, which->run_id, which->up_to,
                      which->id);
}

static bool prune(struct task *t, struct metadb *db, void *state)
{
    (void)state;
    return metadb_run(
        t, db,
        "DELETE FROM quarantine WHERE NOT EXISTS (SELECT 1 FROM table_ t JOIN product "
        "p ON p.id = t.product_id WHERE t.id = quarantine.table_id AND t.removed = 0 "
        "AND p.removed = 0)",
        "");
}

bool quarantine_prune(struct task *t, struct metadb *db)
{
    return metadb_write(t, db, prune, NULL);
}
