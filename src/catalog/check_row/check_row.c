#include "check_row/check_row.h"

static bool check_row_verdict(str name, enum verdict *out)
{
    for (int i = 0; i < VERDICT_COUNT; i++) {
        if (str_eq(name, str_of(verdict_name((enum verdict)i)))) {
            *out = (enum verdict)i;
            return true;
        }
    }
    return false;
}

static bool add(struct task *t, struct metadb *db, void *state)
{
    const struct check_row *row = *(const struct check_row **)state;
    if (!metadb_run(t, db,
                    "INSERT INTO check_result (run_id, table_id, table_name, rule_id, kind, name, "
                    "column_name, dimension, verdict, is_input, rejects, expected, found, message, "
                    "schedule, business_impact, tags, checked_us) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    "sIssssSSsddSSSSSSI", row->run_id, row->table_id, row->table, row->rule_id,
                    row->kind, row->name, row->column, row->dimension,
                    str_of(verdict_name(row->verdict)), (int)row->is_input, (int)row->rejects,
                    row->expected, row->found, row->message, row->schedule, row->business_impact,
                    row->tags, row->checked_us))
        return false;
    uint64_t sequence = metadb_last_id(db);
    return (!row->has_rows
            || metadb_run(
                t, db, "UPDATE check_result SET rows_total = ?, rows_failed = ? WHERE sequence = ?",
                "iii", row->rows_total, row->rows_failed, sequence))
        && (!row->diverts
            || metadb_run(t, db, "UPDATE check_result SET rows_quarantined = ? WHERE sequence = ?",
                          "ii", row->rows_quarantined, sequence));
}

bool check_row_add(struct task *t, struct metadb *db, const struct check_row *row)
{
    return metadb_write(t, db, add, &row);
}

static bool read_row(struct task *t, struct metadb_statement *st, struct check_row **out)
{
    struct arena *mem = t->mem;
    struct check_row *row = ARENA_NEW(mem, struct check_row);
    *row = (struct check_row){.sequence = metadb_uint(st, 0),
                              .run_id = metadb_str(mem, st, 1),
                              .table_id = metadb_uint(st, 2),
                              .table = metadb_str(mem, st, 3),
                              .rule_id = metadb_str(mem, st, 4),
                              .kind = metadb_str(mem, st, 5),
                              .name = metadb_str(mem, st, 6),
                              .column = metadb_str(mem, st, 7),
                              .dimension = metadb_str(mem, st, 8),
                              .is_input = metadb_int(st, 10) != 0,
                              .rejects = metadb_int(st, 11) != 0,
                              .expected = metadb_str(mem, st, 12),
                              .found = metadb_str(mem, st, 13),
                              .message = metadb_str(mem, st, 14),
                              .rows_total = metadb_uint(st, 15),
                              .rows_failed = metadb_uint(st, 16),
                              .has_rows = !metadb_is_null(st, 15),
                              .schedule = metadb_str(mem, st, 17),
                              .business_impact = metadb_str(mem, st, 18),
                              .tags = metadb_str(mem, st, 19),
                              .diverts = !metadb_is_null(st, 20),
                              .rows_quarantined = metadb_uint(st, 20),
                              .checked_us = metadb_int(st, 21)};
    *out = row;
    return check_row_verdict(metadb_str(mem, st, 9), &row->verdict)
        || task_fail(t, ERR_CORRUPT, "a check of run " STR_FMT " has no known verdict",
                     STR_ARG(row->run_id));
}

bool check_row_list(struct task *t, struct metadb *db, str run_id, struct check_row_list *out)
{
    *out = (struct check_row_list){0};
    struct metadb_statement *st;
    if (!metadb_query(
            t, db, &st,
            "SELECT sequence, run_id, table_id, table_name, rule_id, kind, name, "
            "column_name, dimension, verdict, is_input, rejects, expected, found, message, "
            "rows_total, rows_failed, schedule, business_impact, tags, rows_quarantined, "
            "checked_us FROM "
            "check_result WHERE "
            "run_id = ? ORDER BY sequence",
            "s", run_id))
        return false;
    while (metadb_next(t, st)) {
        struct check_row *row = NULL;
        if (!read_row(t, st, &row))
            return false;
        vec_push(t->mem, out, row);
    }
    return metadb_end(t, st);
}
