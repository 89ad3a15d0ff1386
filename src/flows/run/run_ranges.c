/* A large table that is passed through from a database: where that keeps its rows in the order of the key, they are read range by range, cut
 * where the files of the release before were. Each range is a file of the next release then, and no row is written twice. */
#include "parts/parts.h"
#include "run_inside.h"
#include "run_row/run_row.h"

/* ---- where to cut */

static bool run_quarantines(const struct contract_table *table)
{
    for (size_t i = 0; i < table->rules.len; i++) {
        if (table->rules.at[i].effect == RULE_QUARANTINES) {
            return true;
        }
    }
    return false;
}

/* The one column by which files are split, where no two rows have the same value of it; as the release before has it. */
static bool run_find_cut_column(struct task *t, const struct image_table *target,
                                struct job_column *out)
{
    struct run_table table = {.definition = target->definition};
    struct job_columns key = {0};

    for (size_t i = 0; i < target->columns.len; i++) {
        vec_push(t->mem, &table.columns,
                 ((struct job_column){.name = target->columns.at[i].name,
                                      .type = target->columns.at[i].type,
                                      .id = target->columns.at[i].id}));
    }
    run_find_key(t, &table, &key);
    if (key.len != 1) {
        return false;
    }
    const struct contract_column *column = contract_find_column(target->definition, key.at[0].name);
    *out = key.at[0];
    return column != NULL && column->primary_key == 1 && str_eq(column->type, key.at[0].type);
}

/* Texts that have the order of what they say, on both sides: of integers, and of dates and times of the years 0000 to 9999 after Christ. */
static bool run_can_cut_at(str text)
{
    int64_t number;

    return str_to_i64(text, &number)
        || (text.len >= STR("2026-01-01").len && text.ptr[4] == '-' && !str_ends(text, STR(")")));
}

static bool run_is_before(str low, str high)
{
    int64_t first, second;

    return str_to_i64(low, &first) && str_to_i64(high, &second) ? first < second
                                                                : str_compare(low, high) < 0;
}

void run_cut_source(struct task *t, const struct run *r, struct source_table *table)
{
    const struct image_table *target = image_find_table(r->target, table->table->name);
    struct source_cuts cuts = {0};
    struct job_column key;

    /* Rows that go aside are told by their number in one file. */
    if (target == NULL || target->files.len < 2 || table->range.column != NULL
        || !model_is_passed_through(r->target->definition, target->name)
        || run_find_increment(r, target->name) != NULL || run_quarantines(table->table)
        || run_quarantines(target->definition) || !run_find_cut_column(t, target, &key)) {
        return;
    }
    for (size_t i = 1; i < target->files.len; i++) {
        const struct image_fact *fact = run_find_fact(&target->files.at[i], key.id);

        if (fact == NULL || !fact->has_range || !run_can_cut_at(fact->low)
            || (i > 1 && !run_is_before(cuts.at.at[i - 2], fact->low))) {
            return;
        }
        vec_push(t->mem, &cuts.at, fact->low);
    }
    cuts.column = contract_find_column(table->table, key.name);
    cuts.type = key.type;
    table->cuts = cuts;
}

bool run_is_in_order(struct task *t, struct worker *worker, const struct engine_job *files,
                     const struct source_server *server, const struct source_table *table,
                     bool *out)
{
    struct engine_job job = *files;
    const struct tree *row;
    int64_t ways = 0;

    *out = false;
    if (table->cuts.column == NULL) {
        return true;
    }
    job.text = source_order_text(t->mem, server, table);
    if (!run_ask_row(t, worker, &job, false, &row)) {
        return false;
    }
    *out = row->len == 1 && tree_is_int(row->at[0], &ways) && ways > 0;
    return true;
}

/* ---- reading */

bool run_stage_range(struct task *t, struct run *r, struct worker *worker, struct engine_job *job,
                     struct run_table *table, size_t range)
{
    struct job_result result;
    struct run_part *part = vec_add(t->mem, &table->parts);

    *part = (struct run_part){0};
    if (!run_stage_as(t, r, worker, job, false, table,
                      arena_format(t->mem, "range.%.*s.%.*s.%04zu.parquet", STR_ARG(table->schema),
                                   STR_ARG(table->name), range + 1),
                      &result)) {
        return false;
    }
    part->path = arena_format(t->mem, "%.*s/%.*s", STR_ARG(r->staging), STR_ARG(job->file));
    part->rows = result.rows;
    table->rows += result.rows;
    table->bytes += result.bytes;
    return true;
}

void run_add_paths(struct task *t, const struct run_table *table, struct str_list *out)
{
    if (table->path.len > 0) {
        vec_push(t->mem, out, table->path);
        return;
    }
    for (size_t i = 0; i < table->parts.len; i++) {
        vec_push(t->mem, out, table->parts.at[i].path);
    }
}

/* ---- as files of a release */

bool run_ranges_hold(struct task *t, const struct run_table *table,
                     const struct part_limits *limits)
{
    struct part_atom *atoms = ARENA_ARRAY(t->mem, struct part_atom, table->parts.len + 1);
    bool *begins = ARENA_ARRAY(t->mem, bool, table->parts.len + 1);

    for (size_t i = 0; i < table->parts.len; i++) {
        atoms[i] = (struct part_atom){.rows = table->parts.at[i].rows, .is_cut = true};
        if (atoms[i].rows > limits->rows_most) {
            return false;
        }
    }
    return table->parts.len > 0
        && parts_choose(atoms, table->parts.len, limits, begins) == table->parts.len;
}
