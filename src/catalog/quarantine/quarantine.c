#include "quarantine/quarantine.h"

static bool read_all(struct task *t, struct metadb *db, const struct quarantine_which *which,
                     struct quarantine_list *out)
{
    struct metadb_statement *st;
    if (!metadb_query(
            t, db, &st,
            "SELECT q.id, q.product_id, q.table_id, q.run_id, q.release, q.diverted_us, q.rows, "
            "q.bytes, q.sha256, q.sql_digest, coalesce(t.input_port, ''), t.name, "
            "coalesce(q.replaces, 0) FROM quarantine q JOIN table_ t ON t.id = q.table_id WHERE "
            "(?1 = 0 OR q.product_id = ?1) AND (?2 = 0 OR q.table_id = ?2) AND (?3 = '' OR "
            "q.run_id = ?3) AND (?4 = 0 OR q.id <= ?4) AND (?5 = 0 OR q.id = ?5) AND "
            "(q.candidate_id IS NOT NULL) = ?6 AND (?7 = 0 OR t.input_port IS NULL) ORDER BY q.id",
            "iisiidd", which->product_id, which->table_id, which->run_id, which->up_to, which->id,
            (int)which->is_candidate, (int)which->is_of_releases))
        return false;
    while (metadb_next(t, st)) {
        if (!task_go_on(t))
            return false;
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
                                          .sql_digest = metadb_str(t->mem, st, 9),
                                          .input_port = metadb_str(t->mem, st, 10),
                                          .input_table = metadb_str(t->mem, st, 11),
                                          .replaces = metadb_uint(st, 12)}));
    }
    for (size_t i = 0; i < out->len; i++)
        if (!out->at[i].input_port.len)
            out->at[i].input_table = STR_NONE;
    return metadb_end(t, st);
}

static bool read_rules(struct task *t, struct metadb *db, struct quarantine_row *row)
{
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st,
                      "SELECT rule_id, demand, rows FROM quarantine_rule WHERE quarantine_id = ? "
                      "ORDER BY rowid",
                      "i", row->id))
        return false;
    while (metadb_next(t, st))
        vec_push(t->mem, &row->rules,
                 ((struct quarantine_rule){.id = metadb_str(t->mem, st, 0),
                                           .demand = metadb_str(t->mem, st, 1),
                                           .rows = metadb_uint(st, 2)}));
    return metadb_end(t, st);
}

static bool read_columns(struct task *t, struct metadb *db, struct quarantine_row *row)
{
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st,
                      "SELECT column_id, is_of_rule FROM quarantine_column WHERE quarantine_id = "
                      "? ORDER BY rowid",
                      "i", row->id))
        return false;
    while (metadb_next(t, st)) {
        vec_push(t->mem, &row->columns, (uint32_t)metadb_uint(st, 0));
        if (metadb_int(st, 1))
            vec_push(t->mem, &row->rule_columns, (uint32_t)metadb_uint(st, 0));
    }
    return metadb_end(t, st);
}

static bool read_labels(struct task *t, struct metadb *db, struct quarantine_row *row)
{
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st,
                      "SELECT column_id, is_tag, label FROM quarantine_label WHERE quarantine_id "
                      "= ? ORDER BY rowid",
                      "i", row->id))
        return false;
    while (metadb_next(t, st))
        vec_push(t->mem, &row->labels,
                 ((struct quarantine_label){.column_id = (uint32_t)metadb_uint(st, 0),
                                            .is_tag = metadb_int(st, 1) != 0,
                                            .text = metadb_str(t->mem, st, 2)}));
    return metadb_end(t, st);
}

static bool read_flows(struct task *t, struct metadb *db, struct quarantine_row *row)
{
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st,
                      "SELECT column_id, output_table_id, output_column_id FROM quarantine_flow "
                      "WHERE quarantine_id = ? ORDER BY rowid",
                      "i", row->id))
        return false;
    while (metadb_next(t, st))
        vec_push(t->mem, &row->flows,
                 ((struct quarantine_flow){.column_id = (uint32_t)metadb_uint(st, 0),
                                           .output_table_id = metadb_uint(st, 1),
                                           .output_column_id = (uint32_t)metadb_uint(st, 2)}));
    return metadb_end(t, st);
}

bool quarantine_find(struct task *t, struct metadb *db, const struct quarantine_which *which,
                     struct quarantine_list *out)
{
    *out = (struct quarantine_list){0};
    if (!read_all(t, db, which, out))
        return false;
    for (size_t i = 0; i < out->len; i++)
        if (!read_rules(t, db, &out->at[i]) || !read_columns(t, db, &out->at[i])
            || !read_labels(t, db, &out->at[i]) || !read_flows(t, db, &out->at[i]))
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
    for (size_t i = 0; i < row->flows.len; i++)
        if (!metadb_run(t, db, "INSERT INTO quarantine_flow VALUES (?, ?, ?, ?)", "iiii", id,
                        (uint64_t)row->flows.at[i].column_id, row->flows.at[i].output_table_id,
                        (uint64_t)row->flows.at[i].output_column_id))
            return false;
    return true;
}

/* The candidate that a run made; no row where there is none. */
#define CANDIDATE_OF(run)                                                                          \
    "(SELECT c.release_id FROM candidate c JOIN release r ON r.id = c.release_id WHERE r.run_id "  \
    "= " run " AND r.number = 0)"

static bool wait(struct task *t, struct metadb *db, uint64_t id, const struct quarantine_row *row,
                 str candidate_run)
{
    return !candidate_run.len
        || metadb_run(t, db,
                      "UPDATE quarantine SET candidate_id = " CANDIDATE_OF(
                          "?1") ", replaces = ?2 WHERE id = ?3",
                      "sii", candidate_run, row->replaces, id);
}

bool quarantine_add(struct task *t, struct metadb *db, const struct quarantine_row *row,
                    str candidate_run)
{
    if (!metadb_run(t, db,
                    "INSERT INTO quarantine (product_id, table_id, run_id, release, diverted_us, "
                    "rows, bytes, sha256, sql_digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    "iisiiiiss", row->product_id, row->table_id, row->run_id, row->release,
                    (uint64_t)row->diverted_us, row->rows, row->bytes, row->sha256,
                    row->sql_digest))
        return false;
    uint64_t id = metadb_last_id(db);
    return add_parts(t, db, id, row) && wait(t, db, id, row, candidate_run);
}

#define WHICH                                                                                      \
    "(?1 = 0 OR product_id = ?1) AND (?2 = 0 OR table_id = ?2) AND (?3 = '' OR run_id = ?3) AND "  \
    "(?4 = 0 OR id <= ?4) AND (?5 = 0 OR id = ?5) AND (?6 = 0 OR table_id IN (SELECT t.id FROM "   \
    "table_ t WHERE t.input_port IS NULL)) AND candidate_id IS NULL"

bool quarantine_drop(struct task *t, struct metadb *db, const struct quarantine_which *which)
{
    return metadb_run(t, db, "DELETE FROM quarantine WHERE " WHICH, "iisiid", which->product_id,
                      which->table_id, which->run_id, which->up_to, which->id,
                      (int)which->is_of_releases);
}

/* ---- of candidates */

bool quarantine_drop_later(struct task *t, struct metadb *db, const struct quarantine_which *which,
                           str candidate_run)
{
    return metadb_run(t, db,
                      "INSERT OR IGNORE INTO quarantine_ending SELECT id, " CANDIDATE_OF(
                          "?7") " FROM quarantine WHERE " WHICH,
                      "iisiids", which->product_id, which->table_id, which->run_id, which->up_to,
                      which->id, (int)which->is_of_releases, candidate_run);
}

/* What somebody dropped while the candidate waited stays so. */
bool quarantine_settle(struct task *t, struct metadb *db, str candidate_run, uint64_t release)
{
    return metadb_run(t, db,
                      "DELETE FROM quarantine WHERE candidate_id = " CANDIDATE_OF(
                          "?1") " AND replaces > 0 AND NOT EXISTS (SELECT 1 FROM quarantine o "
                                "WHERE o.id = "
                                "quarantine.replaces)",
                      "s", candidate_run)
        && metadb_run(t, db,
                      "DELETE FROM quarantine WHERE id IN (SELECT quarantine_id FROM "
                      "quarantine_ending WHERE candidate_id = " CANDIDATE_OF("?1") ")",
                      "s", candidate_run)
        && metadb_run(
               t, db,
               "UPDATE quarantine SET candidate_id = NULL, replaces = NULL, release = CASE "
               "WHEN release = 0 THEN ?2 ELSE release END WHERE candidate_id = " CANDIDATE_OF("?1"),
               "si", candidate_run, release);
}

static bool prune(struct task *t, struct metadb *db, void *state)
{
    (void)state;
    return metadb_run(
        t, db,
        "DELETE FROM quarantine WHERE NOT EXISTS (SELECT 1 FROM table_ t JOIN product "
        "p ON p.id = t.product_id WHERE t.id = quarantine.table_id AND (t.removed = 0 OR "
        "t.input_port IS NOT NULL) AND p.removed = 0) OR EXISTS (SELECT 1 FROM release r WHERE "
        "r.id = quarantine.candidate_id AND r.is_kept = 0)",
        "");
}

bool quarantine_prune(struct task *t, struct metadb *db)
{
    return metadb_write(t, db, prune, NULL);
}
