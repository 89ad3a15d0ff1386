#include "scheduled_check/scheduled_check.h"

#include "crypto/crypto.h"

str scheduled_check_digest(struct arena *mem, const struct contract_rule *rule)
{
    struct crypto_digest digest = crypto_sha256(contract_rule_meaning(mem, rule));
    return crypto_digest_hex(mem, &digest);
}

bool scheduled_check_add(struct task *t, struct metadb *db, const struct scheduled_check *row)
{
    CHECK(metadb_is_writer(db));
    if (!metadb_run(t, db,
                    "INSERT INTO scheduled_check (product_id, table_id, table_name, rule_id, "
                    "rule_digest, run_id, release, checked_us, verdict, expected, found, message) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    "iIsssSiisSSS", row->product_id, row->table_id, row->table, row->rule_id,
                    row->rule_digest, row->run_id, row->release, row->checked_us,
                    str_of(verdict_name(row->verdict)), row->expected, row->found, row->message))
        return false;
    return !row->has_rows
        || metadb_run(t, db,
                      "UPDATE scheduled_check SET rows_total = ?, rows_failed = ? WHERE id = ?",
                      "iii", row->rows_total, row->rows_failed, metadb_last_id(db));
}

static bool read_row(struct task *t, struct metadb_statement *st, struct scheduled_check *out)
{
    str verdict = metadb_str(t->mem, st, 8);
    *out = (struct scheduled_check){.product_id = metadb_uint(st, 0),
                                    .table_id = metadb_uint(st, 1),
                                    .table = metadb_str(t->mem, st, 2),
                                    .rule_id = metadb_str(t->mem, st, 3),
                                    .rule_digest = metadb_str(t->mem, st, 4),
                                    .run_id = metadb_str(t->mem, st, 5),
                                    .release = metadb_uint(st, 6),
                                    .checked_us = metadb_int(st, 7),
                                    .expected = metadb_str(t->mem, st, 9),
                                    .found = metadb_str(t->mem, st, 10),
                                    .message = metadb_str(t->mem, st, 11),
                                    .rows_total = metadb_uint(st, 12),
                                    .rows_failed = metadb_uint(st, 13),
                                    .has_rows = !metadb_is_null(st, 12)};
    for (int i = 0; i < VERDICT_COUNT; i++)
        if (str_eq(verdict, str_of(verdict_name((enum verdict)i)))) {
            out->verdict = (enum verdict)i;
            return true;
        }
    return task_fail(t, ERR_CORRUPT, "a scheduled check has no known verdict");
}

static bool read_all(struct task *t, struct metadb_statement *st, struct scheduled_check_list *out)
{
    *out = (struct scheduled_check_list){0};
    while (metadb_next(t, st)) {
        struct scheduled_check row;
        if (!read_row(t, st, &row))
            return false;
        vec_push(t->mem, out, row);
    }
    return metadb_end(t, st);
}

#define COLUMNS                                                                                    \
    "SELECT product_id, table_id, table_name, rule_id, rule_digest, run_id, release, checked_us, " \
    "verdict, expected, found, message, rows_total, rows_failed FROM scheduled_check "

bool scheduled_check_last(struct task *t, struct metadb *db, uint64_t product_id,
                          struct scheduled_check_list *out)
{
    struct metadb_statement *st;
    return metadb_query(t, db, &st,
                        COLUMNS
                        "WHERE id IN (SELECT max(id) FROM scheduled_check WHERE ?1 = 0 OR "
                        "product_id = ?1 GROUP BY product_id, table_name, rule_id) ORDER BY "
                        "id",
                        "i", product_id)
        && read_all(t, st, out);
}

bool scheduled_check_between(struct task *t, struct metadb *db, uint64_t most,
                             struct scheduled_check_list *out)
{
    struct metadb_statement *st;
    return metadb_query(t, db, &st, COLUMNS "WHERE run_id IS NULL ORDER BY id DESC LIMIT ?", "i",
                        most)
        && read_all(t, st, out);
}

const struct scheduled_check *scheduled_check_find(const struct scheduled_check_list *list,
                                                   uint64_t product_id, str table,
                                                   const struct contract_rule *rule, str digest)
{
    for (size_t i = 0; i < list->len; i++) {
        const struct scheduled_check *row = &list->at[i];
        if (row->product_id == product_id && str_eq(row->table, table)
            && str_eq(row->rule_id, rule->id) && str_eq(row->rule_digest, digest))
            return row;
    }
    return NULL;
}

struct pruning {
    int64_t before_us;
};

static bool prune(struct task *t, struct metadb *db, void *state)
{
    const struct pruning *pruning = state;
    return metadb_run(t, db,
                      "DELETE FROM scheduled_check WHERE checked_us < ? AND id NOT IN (SELECT "
                      "max(id) FROM scheduled_check GROUP BY product_id, table_name, rule_id)",
                      "i", pruning->before_us);
}

bool scheduled_check_prune(struct task *t, struct metadb *db, int64_t before_us)
{
    struct pruning pruning = {before_us};
    return metadb_write(t, db, prune, &pruning);
}
