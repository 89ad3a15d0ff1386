/* Diverted rows as the release has them beside it: their files, their rows in the catalog, and what is told of them. */
#include "run_inside.h"

str run_told_name(struct arena *mem, const struct run_table *table)
{
    return table->schema.len == 0
             ? table->name
             : arena_format(mem, "%.*s.%.*s", STR_ARG(table->schema), STR_ARG(table->name));
}

struct job_columns run_diverted_columns(struct arena *mem, const struct run_diverted *diverted)
{
    struct job_columns columns = {0};

    for (size_t i = 0; i < diverted->columns.len; i++) {
        vec_push(mem, &columns, diverted->columns.at[i]);
    }
    quarantine_columns(mem, &columns);
    return columns;
}

/* ---- what is told of it */

void run_tell_diverted(const struct run_table *table)
{
    for (size_t i = 0; table->diverted != NULL && i < table->verdict_count; i++) {
        for (size_t k = 0; k < table->diverted->verdicts.len; k++) {
            if (str_eq(table->verdicts[i].rule->id, table->diverted->verdicts.at[k].rule->id)
                && table->verdicts[i].verdict == VERDICT_PASS) {
                table->verdicts[i] = table->diverted->verdicts.at[k];
            }
        }
    }
}

uint64_t run_diverted_rows(const struct run *r)
{
    uint64_t rows = 0;

    for (size_t i = 0; i < r->staged.len; i++) {
        rows += r->staged.at[i].diverted != NULL ? r->staged.at[i].diverted->rows : 0;
    }
    for (size_t i = 0; i < r->outputs.len; i++) {
        rows += r->outputs.at[i].diverted != NULL ? r->outputs.at[i].diverted->rows : 0;
    }
    return rows;
}

/* ---- files */

static bool run_store_table(struct task *t, struct run *r, struct run_diverted *diverted)
{
    struct stored_file stored;

    if (diverted == NULL) {
        return true;
    }
    if (!store_publish(t, r->services->store, diverted->path, &stored)) {
        return false;
    }
    diverted->sha256 = stored.sha256;
    diverted->bytes = stored.bytes;
    return true;
}

bool run_store_diverted(struct task *t, struct run *r)
{
    for (size_t i = 0; i < r->staged.len; i++) {
        if (!run_store_table(t, r, r->staged.at[i].diverted)) {
            return false;
        }
    }
    for (size_t i = 0; i < r->outputs.len; i++) {
        if (!run_store_table(t, r, r->outputs.at[i].diverted)) {
            return false;
        }
    }
    return run_store_reread(t, r);
}

/* ---- rows of the catalog */

str run_candidate_id(const struct run *r)
{
    return r->is_candidate ? r->id : STR_NONE;
}

bool run_drop_quarantine(struct task *t, struct metadb *db, const struct run *r,
                         const struct quarantine_which *which)
{
    return r->is_candidate ? quarantine_drop_later(t, db, which, r->id)
                           : quarantine_drop(t, db, which);
}

static void run_add_rules(struct task *t, const struct run_diverted *diverted,
                          struct quarantine_row *row)
{
    for (size_t i = 0; i < diverted->columns.len; i++) {
        vec_push(t->mem, &row->columns, diverted->columns.at[i].id);
    }
    for (size_t i = 0; i < diverted->verdicts.len; i++) {
        const struct check_result *result = &diverted->verdicts.at[i];

        vec_push(t->mem, &row->rules,
                 ((struct quarantine_rule){.id = result->rule->id,
                                           .demand = contract_rule_text(t->mem, result->rule),
                                           .rows = result->rows_quarantined}));
        for (size_t k = 0; k < diverted->columns.len; k++) {
            str name = diverted->columns.at[k].name;

            if (str_list_has(&result->rule->columns, name)
                || (result->rule->path.len > 0 && str_eq(result->rule->path.at[0], name))) {
                vec_push(t->mem, &row->rule_columns, diverted->columns.at[k].id);
            }
        }
    }
}

/* A column of a source has the labels that its own contract gives it, and those of what came from it. */
static void run_take_source_labels(struct task *t, const struct run_table *table,
                                   struct quarantine_row *row)
{
    struct image_table source = {.name = table->name};

    for (size_t i = 0; i < table->columns.len; i++) {
        vec_push(t->mem, &source.columns,
                 ((struct image_column){.id = table->diverted->columns.at[i].id,
                                        .contract = contract_find_column(
                                            table->definition, table->columns.at[i].name)}));
    }
    quarantine_take_labels(t->mem, &source, row);
}

static void run_take_output_labels(struct task *t, const struct run *r, uint32_t column_id,
                                   const struct release_edge *edge, struct quarantine_row *row)
{
    for (size_t i = 0; i < r->target->tables.len; i++) {
        const struct image_table *made = &r->target->tables.at[i];

        for (size_t k = 0; made->id == edge->table_id && k < made->columns.len; k++) {
            struct image_table one = {.name = made->name};
            struct image_column column = made->columns.at[k];

            if (column.id != edge->column_id) {
                continue;
            }
            column.id = column_id;
            vec_push(t->mem, &one.columns, column);
            quarantine_take_labels(t->mem, &one, row);
        }
    }
}

static void run_add_flows(struct task *t, const struct run *r, const struct run_table *table,
                          struct quarantine_row *row)
{
    struct release_edges edges = {0};

    run_edges(t, r, &edges);
    for (size_t i = 0; i < edges.len; i++) {
        const struct release_edge *edge = &edges.at[i];

        if (edge->column_id == 0 || !str_eq_nocase(edge->input_port, table->schema)
            || !str_eq_nocase(edge->input_table, table->name)) {
            continue;
        }
        for (size_t k = 0; k < table->columns.len; k++) {
            uint32_t id = table->diverted->columns.at[k].id;

            if (!str_eq_nocase(table->columns.at[k].name, edge->input_column)) {
                continue;
            }
            vec_push(t->mem, &row->flows,
                     ((struct quarantine_flow){id, edge->table_id, edge->column_id}));
            if (edge->carries) {
                run_take_output_labels(t, r, id, edge, row);
            }
        }
    }
}

static bool run_write_diverted_row(struct task *t, struct metadb *db, const struct run *r,
                                   const struct run_table *table)
{
    struct quarantine_row row = {.product_id = r->target->id,
                                 .table_id = table->diverted->table_id,
                                 .run_id = r->id,
                                 .release = r->release,
                                 .diverted_us = r->started_us,
                                 .rows = table->diverted->rows,
                                 .bytes = table->diverted->bytes,
                                 .sha256 = table->diverted->sha256,
                                 .sql_digest = r->target->digest};

    run_add_rules(t, table->diverted, &row);
    if (table->table != NULL) {
        quarantine_take_labels(t->mem, table->table, &row);
    } else {
        run_take_source_labels(t, table, &row);
        run_add_flows(t, r, table, &row);
    }
    return quarantine_add(t, db, &row, run_candidate_id(r));
}

static const struct run_table *run_find_input(const struct run *r, const struct quarantine_row *row)
{
    for (size_t i = 0; i < r->staged.len; i++) {
        if (str_eq(r->staged.at[i].schema, row->input_port)
            && str_eq(r->staged.at[i].name, row->input_table)) {
            return &r->staged.at[i];
        }
    }
    return NULL;
}

/* A source that was read whole has no bad rows but these. */
static bool run_write_inputs(struct task *t, struct metadb *db, const struct run *r)
{
    struct quarantine_which all = {.product_id = r->target->id};
    struct quarantine_list rows;

    if (!quarantine_find(t, db, &all, &rows)) {
        return false;
    }
    for (size_t i = 0; i < rows.len; i++) {
        struct quarantine_which one = {.product_id = r->target->id, .id = rows.at[i].id};
        const struct run_table *table = run_find_input(r, &rows.at[i]);

        if (rows.at[i].input_port.len > 0 && (table == NULL || !table->is_partial)
            && !run_drop_quarantine(t, db, r, &one)) {
            return false;
        }
    }
    for (size_t i = 0; i < r->staged.len; i++) {
        if (r->staged.at[i].diverted != NULL
            && !run_write_diverted_row(t, db, r, &r->staged.at[i])) {
            return false;
        }
    }
    return true;
}

/* A table whose rows were all made has no rows elsewhere: those of before are made anew, or passed. */
bool run_write_quarantine(struct task *t, struct metadb *db, const struct run *r)
{
    if ((r->is_replay && !run_end_replay(t, db, r)) || !run_write_reread(t, db, r)
        || (!r->is_replay && !run_write_inputs(t, db, r))) {
        return false;
    }
    for (size_t i = 0; i < r->outputs.len; i++) {
        const struct run_table *table = &r->outputs.at[i];
        struct quarantine_which which = {.product_id = r->target->id, .table_id = table->table->id};

        if ((table->increment == NULL && !run_drop_quarantine(t, db, r, &which))
            || (table->diverted != NULL && !run_write_diverted_row(t, db, r, table))) {
            return false;
        }
    }
    return true;
}
