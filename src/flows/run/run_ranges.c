/* A large table that is passed through from a database: where that keeps its rows in the order of the key, they are read range by range, cut
 * where the files of the release before were, or, before there is one, where the database guesses that as many rows lie between. Each range is
 * a file of the next release then, and no row is written twice. */
#include "run_inside.h"
#include "run_row/run_row.h"

enum {
    RUN_RANGES_BYTES = 4 << 20, /* of the texts of one job, about */
    RUN_PACKED_SHARE = 3,       /* so much smaller a table is in a release, about */
};

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

/* Texts that have the order of what they say, on both sides: of integers, and of dates and times of the years 0000 to 9999 after Christ. The
 * others end in (BC) here, and in BC there. */
static bool run_can_cut_at(str text)
{
    int64_t number;

    return str_to_i64(text, &number)
        || (text.len >= STR("2026-01-01").len && text.ptr[4] == '-' && !str_ends(text, STR(")"))
            && !str_ends(text, STR("BC")));
}

static bool run_is_before(str low, str high)
{
    int64_t first, second;

    return str_to_i64(low, &first) && str_to_i64(high, &second) ? first < second
                                                                : str_compare(low, high) < 0;
}

/* A table of one file may need more by now. */
static bool run_may_grow(const struct run *r, const struct image_table *target)
{
    return target->rows > run_part_limits(r, 0, 0, 0).rows_most / 2;
}

/* Where the files of the release before begin; false where it has none, or these say nothing of it. */
static bool run_cut_as_before(struct task *t, const struct image_table *target, uint32_t key,
                              struct str_list *out)
{
    for (size_t i = 1; i < target->files.len; i++) {
        const struct image_fact *fact = run_find_fact(&target->files.at[i], key);

        if (fact == NULL || !fact->has_range || !run_can_cut_at(fact->low)
            || (i > 1 && !run_is_before(out->at[i - 2], fact->low))) {
            return false;
        }
        vec_push(t->mem, out, fact->low);
    }
    return out->len > 0;
}

void run_cut_source(struct task *t, const struct run *r, struct source_table *table)
{
    const struct image_table *target = image_find_table(r->target, table->table->name);
    struct source_cuts cuts = {0};
    struct job_column key;

    /* Rows that go aside are told by their number in one file. */
    if (target == NULL || table->range.column != NULL
        || !model_is_passed_through(r->target->definition, target->name)
        || run_find_increment(r, target->name) != NULL || run_quarantines(table->table)
        || run_quarantines(target->definition) || !run_find_cut_column(t, target, &key)) {
        return;
    }
    bool is_new = target->files.len == 0 || (target->files.len == 1 && run_may_grow(r, target));
    if (!is_new && !run_cut_as_before(t, target, key.id, &cuts.at)) {
        return;
    }
    cuts.column = contract_find_column(table->table, key.name);
    cuts.type = key.type;
    table->cuts = cuts;
}

/* ---- where there is no release to tell it */

/* The value that stands at a place between others, where its type lets it be found: else one of these. */
static str run_value_at(struct arena *mem, const struct str_list *values, double place)
{
    size_t before = (size_t)place;
    str low = values->at[before], high = values->at[before + 1];
    double share = place - (double)before;
    int64_t from, to;

    if (!str_to_i64(low, &from) || !str_to_i64(high, &to) || to <= from) {
        return share < 0.5 ? low : high;
    }
    /* Between the two there may be more numbers than an int64_t counts. */
    uint64_t step = (uint64_t)((double)((uint64_t)to - (uint64_t)from) * share);
    return arena_format(mem, "%lld", (long long)(int64_t)((uint64_t)from + step));
}

/* As full as new files are made, by what the source guesses. Values that cannot be compared here leave no cut. */
static void run_cut_evenly(struct task *t, const struct part_limits *limits, uint64_t rows,
                           const struct str_list *values, struct str_list *out)
{
    uint64_t each = limits->rows_most - limits->rows_least;
    uint64_t files = rows > limits->rows_most ? (rows + each - 1) / each : 1;

    for (size_t i = 0; i < values->len; i++) {
        if (!run_can_cut_at(values->at[i])) {
            return;
        }
    }
    for (uint64_t i = 1; values->len > 1 && i < files; i++) {
        str value =
            run_value_at(t->mem, values, (double)i * (double)(values->len - 1) / (double)files);

        if (out->len == 0 || run_is_before(out->at[out->len - 1], value)) {
            vec_push(t->mem, out, value);
        }
    }
}

static bool run_ask_cuts(struct task *t, const struct run *r, struct worker *worker,
                         const struct source_server *server, struct source_table *table)
{
    struct engine_job job = {.text = source_cuts_text(t->mem, server, table)};
    struct engine_rows found;
    struct str_list values = {0};
    int64_t rows = 0, bytes = 0;

    if (!engine_ask(t, worker, &job, false, &found)) {
        return false;
    }
    for (size_t i = 0; i < found.len; i++) {
        const struct tree *row = found.at[i];

        if (row->len != 3 || !tree_is_int(row->at[0], &rows) || !tree_is_int(row->at[1], &bytes)
            || !tree_is_string(row->at[2])) {
            return true;
        }
        vec_push(t->mem, &values, row->at[2]->text);
    }
    if (rows > 0 && bytes > 0) {
        struct part_limits limits =
            run_part_limits(r, (uint64_t)rows, (uint64_t)bytes / RUN_PACKED_SHARE, 0);

        run_cut_evenly(t, &limits, (uint64_t)rows, &values, &table->cuts.at);
    }
    return true;
}

/* ---- reading */

/* With one thread a worker gains nothing by a second connection. */
static bool run_find_beside(struct task *t, const struct run *r, struct worker *worker,
                            struct str_list *out)
{
    struct engine_job job = {.text = source_snapshot_text(t->mem)};
    const struct tree *row;

    if (CONFIG_INT(r->services->config, worker_threads) < 2) {
        return true;
    }
    if (!run_ask_row(t, worker, &job, false, &row)) {
        return false;
    }
    if (row->len == 1 && tree_is_string(row->at[0])) {
        source_join_snapshot(t->mem, row->at[0]->text, out);
    }
    return true;
}

bool run_find_ranges(struct task *t, const struct run *r, struct worker *worker,
                     const struct source_server *server, struct source_table *table,
                     struct str_list *beside_out, bool *is_cut_out)
{
    struct engine_job job = {0};
    const struct tree *row;
    int64_t ways = 0, shares = 0;

    *is_cut_out = false;
    if (table->cuts.column == NULL) {
        return true;
    }
    job.text = source_order_text(t->mem, server, table);
    if (!run_ask_row(t, worker, &job, false, &row)) {
        return false;
    }
    if (row->len != 2 || !tree_is_int(row->at[0], &ways) || ways == 0
        || !tree_is_int(row->at[1], &shares)) {
        return true;
    }
    if (table->cuts.at.len == 0 && !run_ask_cuts(t, r, worker, server, table)) {
        return false;
    }
    *is_cut_out = table->cuts.at.len > 0;
    return !*is_cut_out || shares == 0 || run_find_beside(t, r, worker, beside_out);
}

/* At least two, so that a second connection has something to do. */
static size_t run_add_ranges(struct arena *mem, const struct run_table *table,
                             const struct source_server *server, const struct source_table *source,
                             size_t from, struct engine_job *job)
{
    size_t range = from, bytes = 0;

    for (; range <= source->cuts.at.len && (range < from + 2 || bytes < RUN_RANGES_BYTES);
         range++) {
        struct job_copy *copy = vec_add(mem, &job->copies);

        copy->text = source_range_text(mem, server, source, range);
        copy->file = arena_format(mem, "range.%.*s.%.*s.%04zu.parquet", STR_ARG(table->schema),
                                  STR_ARG(table->name), range + 1);
        bytes += copy->text.len;
    }
    return range;
}

bool run_stage_ranges(struct task *t, struct run *r, struct worker *worker,
                      const struct source_server *server, const struct source_table *source,
                      const struct str_list *beside, struct run_table *table, size_t *next)
{
    struct arena *mem = arena_new();
    struct engine_job job = {.output = JOB_FILES, .beside = *beside};
    struct row_sink sink = run_progress_sink(t, r, table->name);
    struct job_result result;

    vec_push(mem, &job.layouts, table->columns);
    *next = run_add_ranges(mem, table, server, source, *next, &job);
    bool ok = store_room(t, r->services->store, 0)
           && engine_run_uncleared(t, worker, &job, &sink, &result);
    for (size_t i = 0; ok && i < job.copies.len; i++) {
        vec_push(t->mem, &table->parts,
                 ((struct run_part){.path = arena_format(t->mem, "%.*s/%.*s", STR_ARG(r->staging),
                                                         STR_ARG(job.copies.at[i].file)),
                                    .rows = result.written.at[i].rows}));
        table->rows += result.written.at[i].rows;
        table->bytes += result.written.at[i].bytes;
    }
    arena_free(mem);
    return ok;
}

bool run_take_range(struct task *t, struct run *r, struct worker *worker,
                    const struct run_part *part)
{
    str folder, name;

    (void)str_cut_last(part->path, '/', &folder, &name);
    return store_take(t, r->services->store, engine_output_path(t, worker, name), part->path);
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
