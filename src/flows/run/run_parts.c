/* The files of a release: a large table is split by the ranges of its key, and the rows of each file are measured. */
#include "fault/fault.h"
#include "limits/limits.h"
#include "run_inside.h"
#include "run_row/run_row.h"

/* So many files can be filtered out of a table in any order; for more it is sorted once before. */
enum { RUN_UNSORTED_PARTS_MAX = 8 };

struct run_split {
    struct run *r;
    struct run_table *table;
    struct worker *worker;
    struct job_columns key;
    struct str_list paths; /* of the rows: what is staged, or a sorted copy of it */
    struct parts *parts;
};

static uint64_t run_part_rows_max(const struct run *r)
{
    return (uint64_t)CONFIG_INT(r->services->config, part_rows_max);
}

struct part_limits run_part_limits(const struct run *r, uint64_t rows, uint64_t bytes, size_t kept)
{
    uint64_t bytes_most = (uint64_t)CONFIG_INT(r->services->config, part_mb_max) << 20;

    return part_limits(rows, bytes, run_part_rows_max(r), bytes_most, TABLE_FILES_MAX - kept);
}

/* A worker's view gives rows their number under this name; a table that has it too stays one file. */
static bool run_can_split(const struct run_table *table)
{
    for (size_t i = 0; i < table->columns.len; i++) {
        if (str_eq_nocase(table->columns.at[i].name, STR("file_row_number"))) {
            return false;
        }
    }
    return true;
}

bool run_is_large(const struct run *r, const struct run_table *table)
{
    const struct image_table *before =
        table->table != NULL ? table->table : image_find_table(r->target, table->name);
    uint64_t most = run_part_rows_max(r);
    bool is_large = before != NULL && before->rows > most;

    /* How much comes to one that is added to, nobody knows: mostly little. */
    if (run_find_increment(r, table->name) != NULL) {
        return false;
    }

    for (size_t i = 0; table->table != NULL && r->target->release.number == 0 && i < r->staged.len;
         i++) {
        is_large = is_large || r->staged.at[i].rows > most;
    }
    return is_large && run_can_split(table);
}

static void run_add_key(struct task *t, const struct run_table *table, str name,
                        struct job_columns *key)
{
    for (size_t i = 0; i < key->len; i++) {
        if (str_eq(key->at[i].name, name)) {
            return;
        }
    }
    for (size_t i = 0; i < table->columns.len; i++) {
        if (str_eq(table->columns.at[i].name, name)) {
            vec_push(t->mem, key, table->columns.at[i]);
        }
    }
}

/* What the contract clusters by, then the primary key, as far as its values have an order. */
void run_find_key(struct task *t, const struct run_table *table, struct job_columns *key)
{
    const struct contract_table *definition = table->definition;

    for (size_t i = 0; i < definition->cluster_by.len; i++) {
        run_add_key(t, table, definition->cluster_by.at[i], key);
    }
    for (int rank = 1;; rank++) {
        const struct contract_column *column = NULL;

        for (size_t i = 0; i < definition->columns.len; i++) {
            if (definition->columns.at[i].primary_key == rank) {
                column = &definition->columns.at[i];
            }
        }
        if (column == NULL || !contract_type_is_ordered(column->type)) {
            return;
        }
        run_add_key(t, table, column->name, key);
    }
}

const struct image_fact *run_find_fact(const struct image_file *file, uint32_t column_id)
{
    for (size_t i = 0; i < file->facts.len; i++) {
        if (file->facts.at[i].column_id == column_id) {
            return &file->facts.at[i];
        }
    }
    return NULL;
}

/* What is known of the key in the files of the release before. */
static const struct part_fact *run_previous_facts(struct task *t, const struct run_split *s,
                                                  size_t *len_out)
{
    const struct image_table *before = s->table->table;
    struct part_fact *facts =
        ARENA_ARRAY(t->mem, struct part_fact, before->files.len * s->key.len + 1);

    *len_out = before->files.len;
    for (size_t i = 0; i < before->files.len; i++) {
        const struct image_file *file = &before->files.at[i];

        for (size_t j = 0; j < s->key.len; j++) {
            const struct image_fact *known = run_find_fact(file, s->key.at[j].id);

            if (known != NULL) {
                facts[i * s->key.len + j] =
                    (struct part_fact){.has_range = known->has_range,
                                       .low = known->low,
                                       .high = known->high,
                                       .has_nulls = known->nulls > 0,
                                       .is_null = known->nulls == file->rows};
            }
        }
    }
    return facts;
}

/* Linked under its own name: what a worker remembers of a file is then of that file. */
static void run_add_view(struct task *t, struct engine_job *job, str view_name,
                         const struct run_table *table, const struct str_list *paths)
{
    struct job_view *view = vec_add(t->mem, &job->views);
    str folder, name;

    view->name = view_name;
    view->columns = table->columns;
    for (size_t i = 0; i < paths->len; i++) {
        (void)str_cut_last(paths->at[i], '/', &folder, &name);
        vec_push(t->mem, &view->files, name);
        vec_push(t->mem, &job->links, ((struct job_link){.path = paths->at[i], .name = name}));
    }
}

static bool run_ask_source(struct task *t, const struct run_split *s, str text,
                           const struct tree **row_out)
{
    struct engine_job job = {.text = text};

    run_add_view(t, &job, STR("source"), s->table, &s->paths);
    return run_ask_row(t, s->worker, &job, false, row_out);
}

/* Runs the text with its rows going to a staged file. */
static bool run_write_part(struct task *t, const struct run_split *s, str text, str name,
                           bool is_light, struct run_part *out)
{
    struct row_sink sink = run_progress_sink(t, s->r, s->table->name);
    struct engine_job job = {.text = text,
                             .output = JOB_FILE,
                             .file = name,
                             .columns = s->table->columns,
                             .packing = is_light ? PACKED_QUICKLY : PACKED_WELL,
                             .keep_order = true};
    struct job_result result;

    run_add_view(t, &job, STR("source"), s->table, &s->paths);
    out->path = arena_format(t->mem, "%.*s/%.*s", STR_ARG(s->r->staging), STR_ARG(name));
    if (!store_room(t, s->r->services->store, 0)
        || !engine_run_uncleared(t, s->worker, &job, &sink, &result)) {
        return false;
    }
    out->rows = result.rows;
    return store_take(t, s->r->services->store, engine_output_path(t, s->worker, name), out->path);
}

/* Filtering file after file out of rows in any order reads all of them each time. */
static bool run_sort(struct task *t, struct run_split *s, const struct part_limits *limits)
{
    const struct tree *row;
    int64_t disorder;
    struct run_part sorted = {0};

    /* Of several files each was sorted when it was read. */
    if (s->key.len == 0 || s->table->rows / limits->rows_most < RUN_UNSORTED_PARTS_MAX
        || s->paths.len > 1) {
        return true;
    }
    if (!run_ask_source(t, s, parts_disorder_sql(s->parts), &row)) {
        return false;
    }
    if (row->len == 1 && tree_is_int(row->at[0], &disorder) && disorder == 0) {
        return true;
    }
    str name = arena_format(t->mem, "sorted.%.*s.parquet", STR_ARG(s->table->name));
    if (!run_write_part(t, s, parts_order_sql(s->parts), name, true, &sorted)) {
        return false;
    }
    s->paths = (struct str_list){0};
    vec_push(t->mem, &s->paths, sorted.path);
    return true;
}

static bool run_find_parts(struct task *t, const struct run_split *s)
{
    const struct tree *row;
    str text;

    while (parts_next(s->parts, &text)) {
        if (!run_ask_source(t, s, text, &row)) {
            return false;
        }
        if (!parts_take(s->parts, row)) {
            return task_fail(t, ERR_WORKER, "a worker told ranges of %.*s in an unknown way",
                             STR_ARG(s->table->name));
        }
    }
    return true;
}

/* Each file has the rows that were counted for it, so all of them together are the table. */
static bool run_write_parts(struct task *t, const struct run_split *s)
{
    size_t len;
    const struct part *parts = parts_list(s->parts, &len);

    for (size_t i = 0; i < len; i++) {
        str name =
            arena_format(t->mem, "output.%.*s.%04zu.parquet", STR_ARG(s->table->name), i + 1);
        struct run_part *part = vec_add(t->mem, &s->table->parts);

        run_progress(t, s->r, "split", s->table->name, (int)(i * 1000 / len));
        if (!run_write_part(t, s, parts_file_sql(s->parts, &parts[i]), name, false, part)) {
            return false;
        }
        if (part->rows != parts[i].rows) {
            return task_fail(t, ERR_INTERNAL, "file %zu of %.*s has %llu rows where it should %llu",
                             i + 1, STR_ARG(s->table->name), (unsigned long long)part->rows,
                             (unsigned long long)parts[i].rows);
        }
    }
    return true;
}

static bool run_split_table(struct task *t, struct run_split *s, const struct part_limits *limits)
{
    size_t previous_len = 0;
    const struct part_fact *previous;

    run_progress(t, s->r, "split", s->table->name, -1);
    run_find_key(t, s->table, &s->key);
    s->paths = (struct str_list){0};
    run_add_paths(t, s->table, &s->paths);
    s->table->parts.at = NULL;
    s->table->parts.len = s->table->parts.cap = 0;
    previous = run_previous_facts(t, s, &previous_len);
    s->parts = parts_new(t->mem, &s->table->columns, &s->key, s->table->rows, limits, previous,
                         s->key.len && s->table->increment == NULL ? previous_len : 0);
    return store_room(t, s->r->services->store, s->table->bytes) && run_sort(t, s, limits)
        && run_find_parts(t, s) && run_write_parts(t, s);
}

/* Small tables are their staged files, and so are those that were read in the ranges of their files. */
static bool run_split_tables(struct task *t, struct run *r)
{
    struct run_split s = {.r = r};

    for (size_t i = 0; i < r->outputs.len; i++) {
        struct run_table *table = &r->outputs.at[i];
        size_t kept = table->increment != NULL ? table->increment->kept.len : 0;
        struct part_limits limits = run_part_limits(r, table->rows, table->bytes, kept);

        if (kept > 0 && table->rows == 0) {
            continue;
        }
        if (run_ranges_hold(t, table, &limits)) {
            continue;
        }
        if (table->path.len > 0
            && (!run_can_split(table) || (table->rows <= limits.rows_most && !table->is_light))) {
            vec_push(t->mem, &table->parts,
                     ((struct run_part){.path = table->path, .rows = table->rows}));
            continue;
        }
        if (s.worker == NULL
            && !engine_lend(t, r->services->engine, WORKER_CLEARING, STR("parts"),
                            (struct engine_reach){0}, &s.worker)) {
            return false;
        }
        s.table = table;
        s.key = (struct job_columns){0};
        if (!run_split_table(t, &s, &limits)) {
            return false;
        }
    }
    if (s.worker != NULL) {
        engine_return(t, s.worker);
    }
    return true;
}

/* ---- facts */

static bool run_has_columns(const struct image_file *file, const struct run_table *table)
{
    bool is_same = file->columns.len == table->columns.len && file->facts.len == table->columns.len;

    for (size_t i = 0; is_same && i < table->columns.len; i++) {
        is_same = file->columns.at[i] == table->columns.at[i].id
               && run_find_fact(file, table->columns.at[i].id) != NULL;
    }
    return is_same;
}

/* The content is that of a file of the release before: so are its facts. */
static bool run_take_facts(struct task *t, const struct run_table *table, struct run_part *part,
                           str sha256)
{
    const struct image_table *before = table->table;

    for (size_t i = 0; i < before->files.len; i++) {
        const struct image_file *file = &before->files.at[i];

        if (!str_eq(file->sha256, sha256) || !run_has_columns(file, table)) {
            continue;
        }
        part->facts = ARENA_ARRAY(t->mem, struct check_fact, table->columns.len + 1);
        for (size_t j = 0; j < table->columns.len; j++) {
            const struct image_fact *known = run_find_fact(file, table->columns.at[j].id);

            part->facts[j] = (struct check_fact){.column_id = known->column_id,
                                                 .has_range = known->has_range,
                                                 .low = known->low,
                                                 .high = known->high,
                                                 .nulls = known->nulls,
                                                 .has_values = known->has_values,
                                                 .values = known->values};
        }
        return true;
    }
    return false;
}

/* Facts are exact, by our own queries: what a footer says may be cut short. */
static bool run_measure_part(struct task *t, struct worker *worker, const struct run_table *table,
                             struct run_part *part)
{
    struct check_facts *facts = check_facts_new(t->mem, STR("part"), &table->columns, part->rows);
    struct str_list paths = {0};
    uint64_t rows;
    str text;

    vec_push(t->mem, &paths, part->path);
    while (check_facts_next(facts, &text)) {
        struct engine_job job = {.text = text};
        const struct tree *row;

        run_add_view(t, &job, STR("part"), table, &paths);
        job.views.at[0].columns = *check_facts_columns(facts);
        if (!run_ask_row(t, worker, &job, false, &row)) {
            return false;
        }
        if (!check_facts_take(facts, row)) {
            return task_fail(t, ERR_WORKER, "a worker told facts of %.*s in an unknown way",
                             STR_ARG(table->name));
        }
    }
    part->facts = check_facts_list(facts, &rows);
    return true;
}

static bool run_measure(struct task *t, struct run *r)
{
    struct worker *worker;
    struct stored_file content;

    if (!engine_lend(t, r->services->engine, WORKER_CHECK, STR("check"), (struct engine_reach){0},
                     &worker)) {
        return false;
    }
    for (size_t i = 0; i < r->outputs.len; i++) {
        struct run_table *table = &r->outputs.at[i];

        for (size_t j = 0; j < table->parts.len; j++) {
            struct run_part *part = &table->parts.at[j];

            run_progress(t, r, "measure", table->name, (int)(j * 1000 / table->parts.len));
            if (!store_digest(t, part->path, &content)) {
                return false;
            }
            if (!run_take_facts(t, table, part, content.sha256)
                && !run_measure_part(t, worker, table, part)) {
                return false;
            }
        }
    }
    engine_return(t, worker);
    return true;
}

bool run_parts(struct task *t, struct run *r)
{
    return run_split_tables(t, r) && run_measure(t, r) && fault_pass(t, FAULT_RUN_PARTS);
}
