/* A large table that is passed through from a database: where that keeps its rows in the order of the key, they are read range by range, cut
 * where the files of the release before were, or, before there is one, where the database guesses that as many rows lie between. Each range is
 * a file of the next release then, and no row is written twice. Rows that lie in another order are read in pieces as they lie, each sorted, and of
 * these files are made. */
#include "run_inside.h"
#include "run_row/run_row.h"

enum {
    RUN_TEXTS_BYTES = 4 << 20,  /* of one job, about */
    RUN_PACKED_SHARE = 3,       /* so much smaller a table is in a release, about */
    RUN_PIECE_BYTES = 16 << 20, /* as it lies there */
    RUN_PIECES_MAX = 2000,      /* for each of its files, all are looked into */
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

/* By which files are split, as the release before has the columns. False where rows of one value are possible: whose order would be that in
 * which they come. */
static bool run_find_whole_key(struct task *t, const struct image_table *target,
                               struct job_columns *out)
{
    const struct contract_table *definition = target->definition;
    struct run_table table = {.definition = definition};
    size_t primary = 0, found = 0;

    for (size_t i = 0; i < target->columns.len; i++) {
        vec_push(t->mem, &table.columns,
                 ((struct job_column){.name = target->columns.at[i].name,
                                      .type = target->columns.at[i].type,
                                      .id = target->columns.at[i].id}));
    }
    run_find_key(t, &table, out);
    for (size_t i = 0; i < definition->columns.len; i++) {
        primary += definition->columns.at[i].primary_key > 0;
    }
    for (size_t i = 0; i < out->len; i++) {
        const struct contract_column *column = contract_find_column(definition, out->at[i].name);

        found += column != NULL && column->primary_key > 0;
    }
    return primary > 0 && found == primary;
}

/* Only a table of one such column is read by ranges. */
static bool run_find_cut_column(struct task *t, const struct image_table *target,
                                struct job_column *out)
{
    struct job_columns key = {0};

    if (!run_find_whole_key(t, target, &key) || key.len != 1) {
        return false;
    }
    *out = key.at[0];
    return str_eq(contract_find_column(target->definition, out->name)->type, out->type);
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

/* One that is new, or of one file that may need more by now. */
static bool run_may_be_large(const struct run *r, const struct image_table *target)
{
    return target->files.len == 0 || target->rows > run_part_limits(r, 0, 0, 0).rows_most / 2;
}

/* Rows that go aside are told by their number in one file, and a table that has a column of that name stays one. */
static bool run_may_be_parts(const struct run *r, const struct image_table *target,
                             const struct source_table *source)
{
    for (size_t i = 0; i < target->columns.len; i++) {
        if (str_eq_nocase(target->columns.at[i].name, STR("file_row_number"))) {
            return false;
        }
    }
    return source->range.column == NULL && run_find_increment(r, target->name) == NULL
        && model_is_passed_through(r->target->definition, target->name)
        && !run_quarantines(source->table) && !run_quarantines(target->definition);
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

    if (target == NULL || !run_may_be_parts(r, target, table)
        || !run_find_cut_column(t, target, &key)) {
        return;
    }
    if (target->files.len < 2 ? !run_may_be_large(r, target)
                              : !run_cut_as_before(t, target, key.id, &cuts.at)) {
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

static bool run_find_ranges(struct task *t, const struct run *r, struct worker *worker,
                            const struct source_server *server, struct source_table *source,
                            size_t *len_out, int64_t *shares_out)
{
    struct engine_job job = {.text = source_order_text(t->mem, server, source)};
    const struct tree *row;
    int64_t ways = 0;

    if (!run_ask_row(t, worker, &job, false, &row)) {
        return false;
    }
    if (row->len != 2 || !tree_is_int(row->at[0], &ways) || ways == 0
        || !tree_is_int(row->at[1], shares_out)) {
        return true;
    }
    if (source->cuts.at.len == 0 && !run_ask_cuts(t, r, worker, server, source)) {
        return false;
    }
    *len_out = source->cuts.at.len > 0 ? source->cuts.at.len + 1 : 0;
    return true;
}

/* ---- rows in any order */

/* Each is sorted in memory, and what makes files of them reads of each what is in the range of one. */
static bool run_find_pieces(struct task *t, const struct run *r, struct worker *worker,
                            const struct source_server *server, const struct source_table *source,
                            struct run_reading *out, int64_t *shares_out)
{
    struct engine_job job = {.text = source_blocks_text(t->mem, server, source)};
    struct engine_rows found;
    int64_t rows, blocks, bytes;

    if (!engine_ask(t, worker, &job, false, &found)) {
        return false;
    }
    if (found.len != 1 || found.at[0]->len != 4 || !tree_is_int(found.at[0]->at[0], &rows)
        || !tree_is_int(found.at[0]->at[1], &blocks) || !tree_is_int(found.at[0]->at[2], &bytes)
        || !tree_is_int(found.at[0]->at[3], shares_out) || blocks <= 0 || bytes <= 0
        || rows <= (int64_t)run_part_limits(r, 0, 0, 0).rows_most) {
        return true;
    }
    uint64_t pieces = (uint64_t)bytes / RUN_PIECE_BYTES + 1;
    if (pieces > RUN_PIECES_MAX) {
        return true;
    }
    out->blocks = (uint64_t)blocks / pieces + 1;
    out->len = (size_t)((uint64_t)blocks / out->blocks) + 1;
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

bool run_choose_reading(struct task *t, const struct run *r, struct worker *worker,
                        const struct source_server *server, struct source_table *source,
                        struct run_reading *out)
{
    const struct image_table *target = image_find_table(r->target, source->table->name);
    int64_t shares = 0;

    *out = (struct run_reading){.server = server, .source = source};
    if (server->kind != SOURCE_POSTGRES) {
        return true;
    }
    if (source->cuts.column != NULL
        && !run_find_ranges(t, r, worker, server, source, &out->len, &shares)) {
        return false;
    }
    if (out->len == 0 && run_may_be_parts(r, target, source) && run_may_be_large(r, target)
        && run_find_whole_key(t, target, &out->key)
        && !run_find_pieces(t, r, worker, server, source, out, &shares)) {
        return false;
    }
    return out->len == 0 || shares == 0 || run_find_beside(t, r, worker, &out->beside);
}

static str run_part_text(struct arena *mem, const struct run_reading *reading, size_t i)
{
    return reading->blocks == 0
             ? source_range_text(mem, reading->server, reading->source, i)
             : source_piece_text(mem, reading->server, reading->source, &reading->key,
                                 i * reading->blocks,
                                 i + 1 < reading->len ? (i + 1) * reading->blocks : 0);
}

/* At least two, so that a second connection has something to do. */
static size_t run_add_copies(struct arena *mem, const struct run_reading *reading,
                             const struct run_table *table, size_t from, struct engine_job *job)
{
    size_t i = from, bytes = 0;

    for (; i < reading->len && (i < from + 2 || bytes < RUN_TEXTS_BYTES); i++) {
        struct job_copy *copy = vec_add(mem, &job->copies);

        copy->text = run_part_text(mem, reading, i);
        copy->file = arena_format(mem, "%s.%.*s.%.*s.%04zu.parquet",
                                  reading->blocks == 0 ? "range" : "piece", STR_ARG(table->schema),
                                  STR_ARG(table->name), i + 1);
        bytes += copy->text.len;
    }
    return i;
}

bool run_stage_parts(struct task *t, struct run *r, struct worker *worker,
                     const struct run_reading *reading, struct run_table *table, size_t *next)
{
    struct arena *mem = arena_new();
    struct engine_job job = {.output = JOB_FILES, .beside = reading->beside};
    struct row_sink sink = run_progress_sink(t, r, table->name);
    struct job_result result;

    table->is_light = reading->blocks > 0;
    job.packing = table->is_light ? PACKED_QUICKLY : PACKED_WELL;
    vec_push(mem, &job.layouts, table->columns);
    *next = run_add_copies(mem, reading, table, *next, &job);
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

bool run_take_part(struct task *t, struct run *r, struct worker *worker,
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
    return table->parts.len > 0 && !table->is_light
        && parts_choose(atoms, table->parts.len, limits, begins) == table->parts.len;
}
