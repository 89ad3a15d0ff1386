/* What comes, put beside what is there: files of the release before stay as they are, and a file beside each names its rows that are no
 * more. Files that are small, or mostly deleted, are written anew together with what comes. */
#include "buf/buf.h"
#include "fault/fault.h"
#include "limits/limits.h"
#include "run_inside.h"

enum {
    MERGE_SQL_BYTES_MAX = 4 << 20,
    MERGE_DELETED_SHARE = 3,   /* a third of its rows: a file is written anew */
    MERGE_SMALL_SHARE = 4,     /* of the rows that a file may have: less is small */
    MERGE_SMALL_FILES_MAX = 8, /* so many may lie about */
    MERGE_FILES_MAX = TABLE_FILES_MAX * 3 / 4,
};

struct run_merging {
    struct run *r;
    struct run_table *table;
    struct run_increment *inc;
    struct worker *worker;
    bool *is_touched; /* of the files of before: rows of it may be deleted */
};

str run_link(struct task *t, struct engine_job *job, str path, str run_id)
{
    str folder, base, name;

    if (path.len == 0) {
        return STR_NONE;
    }
    (void)str_cut_last(path, '/', &folder, &base);
    name = str_ends(base, STR(".parquet"))
             ? arena_format(t->mem, "%.*s-%.*s", STR_ARG(run_id), STR_ARG(base))
             : arena_format(t->mem, "%.*s.parquet", STR_ARG(base));
    for (size_t i = 0; i < job->links.len; i++) {
        if (str_eq(job->links.at[i].name, name)) {
            return name;
        }
    }
    vec_push(t->mem, &job->links, ((struct job_link){.path = path, .name = name}));
    return name;
}

bool run_add_kept(struct task *t, const struct run *r, const struct run_increment *inc,
                  struct str_list *paths, struct str_list *deletions)
{
    for (size_t i = 0; i < inc->kept.len; i++) {
        const struct run_kept *kept = &inc->kept.at[i];

        if (!store_check(t, r->services->store, kept->file->sha256)) {
            return false;
        }
        vec_push(t->mem, paths, store_file_path(t, r->services->store, kept->file->sha256));
        vec_push(t->mem, deletions, kept->deletions);
    }
    return true;
}

uint64_t run_table_rows(const struct run_table *table)
{
    return table->rows + (table->increment != NULL ? table->increment->kept_rows : 0);
}

/* ---- views */

static struct job_view *run_add_rows(struct task *t, const struct run_merging *m,
                                     struct engine_job *job, str name, str path)
{
    struct job_view *view = vec_add(t->mem, &job->views);

    *view = (struct job_view){.name = name, .columns = m->table->columns};
    vec_push(t->mem, &view->files, run_link(t, job, path, m->r->id));
    return view;
}

static void run_add_numbers(struct task *t, const struct run_merging *m, struct engine_job *job,
                            str name, str path)
{
    struct job_view *view = vec_add(t->mem, &job->views);

    *view = (struct job_view){.name = name};
    job_deletion_columns(t->mem, &view->columns);
    vec_push(t->mem, &view->files, run_link(t, job, path, m->r->id));
}

/* The file of the release before, whole: with the rows that were deleted earlier. */
static bool run_add_old(struct task *t, const struct run_merging *m, const struct image_file *file,
                        struct engine_job *job)
{
    const struct store *store = m->r->services->store;

    if (!store_check(t, m->r->services->store, file->sha256)
        || (file->deletions.len > 0 && !store_check(t, m->r->services->store, file->deletions))) {
        return false;
    }
    (void)run_add_rows(t, m, job, STR("old"), store_file_path(t, store, file->sha256));
    if (file->deletions.len > 0) {
        run_add_numbers(t, m, job, STR("before"), store_file_path(t, store, file->deletions));
    }
    return true;
}

static bool run_write_file(struct task *t, const struct run_merging *m, struct engine_job *job,
                           str name, struct job_result *result, str *path_out)
{
    struct row_sink sink = run_progress_sink(t, m->r, m->table->name);

    job->output = JOB_FILE;
    job->file = name;
    job->keep_order = true;
    *path_out = arena_format(t->mem, "%.*s/%.*s", STR_ARG(m->r->staging), STR_ARG(name));
    return store_room(t, m->r->services->store, 0)
        && engine_run_uncleared(t, m->worker, job, &sink, result)
        && store_take(t, m->r->services->store, engine_output_path(t, m->worker, name), *path_out);
}

/* ---- what comes */

/* How many rows that came do not lie where they should, of which some have no key. */
static bool run_count_stray(struct task *t, const struct run_merging *m, str condition,
                            uint64_t *stray_out)
{
    struct engine_job job = {0};
    const struct tree *row;

    job.text = arena_format(t->mem, "SELECT count(*) FROM delta WHERE NOT coalesce(%.*s, false)",
                            STR_ARG(condition));
    (void)run_add_rows(t, m, &job, STR("delta"), m->table->path);
    if (!run_ask_row(t, m->worker, &job, false, &row)) {
        return false;
    }
    return (row->len == 1 && str_to_u64(row->at[0]->text, stray_out))
        || task_fail(t, ERR_WORKER, "a worker counted rows in an unknown way");
}

/* Rows of a window's text that lie beside it are not of it. One without a key is told by the checks. */
static bool run_cut_window(struct task *t, struct run_merging *m)
{
    struct engine_job job = {.columns = m->table->columns};
    struct job_result result;
    str condition = run_since_condition(t, m->inc, true);
    uint64_t stray;

    if (!run_count_stray(t, m, condition, &stray)) {
        return false;
    }
    if (stray == 0) {
        return true;
    }
    job.text = arena_format(t->mem, "SELECT * FROM delta WHERE %.*s ORDER BY file_row_number",
                            STR_ARG(condition));
    (void)run_add_rows(t, m, &job, STR("delta"), m->table->path);
    if (!run_write_file(t, m, &job,
                        arena_format(t->mem, "window.%.*s.parquet", STR_ARG(m->table->name)),
                        &result, &m->table->path)) {
        return false;
    }
    m->table->rows = result.rows;
    m->table->bytes = result.bytes;
    m->table->is_light = false;
    return true;
}

static bool run_look_at_delta(struct task *t, const struct run_merging *m)
{
    uint64_t stray = 0;

    m->inc->delta = m->table->path;
    m->inc->delta_rows = m->table->rows;
    if (m->table->rows == 0 || m->inc->is_window
        || m->inc->definition->incremental.mode == INCREMENTAL_MERGE) {
        return true;
    }
    if (!run_count_stray(t, m, run_since_condition(t, m->inc, false), &stray)) {
        return false;
    }
    if (stray == 0) {
        return true;
    }
    task_fail(t, ERR_CHECK_FAILED,
              "%llu of %llu new rows of %.*s.%.*s are not behind $since: they may be there already",
              (unsigned long long)stray, (unsigned long long)m->table->rows, STR_ARG(m->r->product),
              STR_ARG(m->table->name));
    return task_hint(t, "let its SELECT keep rows WHERE %.*s > $since, or say mode: merge",
                     STR_ARG(m->inc->definition->incremental.key));
}

/* ---- which files are touched */

static bool run_is_key(const struct run_merging *m, const struct job_column *column)
{
    const struct contract_column *of = contract_find_column(m->inc->definition, column->name);

    return of != NULL && of->primary_key > 0;
}

/* Rows of the delta that may have the key of one of the file. Facts that are not there prove nothing. */
static void run_add_overlap(const struct run_merging *m, const struct image_file *file,
                            struct buf *b)
{
    bool is_first = true;

    for (size_t i = 0; i < m->table->columns.len; i++) {
        const struct job_column *column = &m->table->columns.at[i];
        const struct image_fact *fact = run_find_fact(file, column->id);

        if (!run_is_key(m, column) || fact == NULL || !fact->has_range) {
            continue;
        }
        buf_add(b, is_first ? STR("count(*) FILTER (WHERE ") : STR(" AND "));
        buf_add_identifier(b, column->name);
        buf_add(b, STR(" BETWEEN CAST("));
        buf_add_literal(b, fact->low);
        buf_format(b, " AS %.*s) AND CAST(", STR_ARG(column->type));
        buf_add_literal(b, fact->high);
        buf_format(b, " AS %.*s)", STR_ARG(column->type));
        is_first = false;
    }
    buf_add(b, is_first ? STR("count(*)") : STR(")"));
}

/* One number a file: zero where no row of it is concerned. */
static str run_touch_sql(struct task *t, const struct run_merging *m)
{
    const struct contract_incremental *how = &m->inc->definition->incremental;
    struct buf *b = buf_new(t->mem, MERGE_SQL_BYTES_MAX);
    str after = m->inc->is_window ? m->inc->low : m->inc->since;

    buf_add(b, STR("SELECT "));
    for (size_t i = 0; i < m->inc->table->files.len; i++) {
        const struct image_file *file = &m->inc->table->files.at[i];
        const struct image_fact *fact = NULL;

        buf_add(b, i ? STR(", ") : STR(""));
        if (how->mode == INCREMENTAL_MERGE) {
            run_add_overlap(m, file, b);
            continue;
        }
        for (size_t k = 0; k < m->table->columns.len; k++) {
            if (str_eq(m->table->columns.at[k].name, how->key)) {
                fact = run_find_fact(file, m->table->columns.at[k].id);
            }
        }
        if (fact == NULL || !fact->has_range) {
            buf_add(b, STR("1"));
            continue;
        }
        buf_add(b, STR("CAST("));
        if (after.len > 0) {
            buf_format(b, "%.*s %s %.*s AND ",
                       STR_ARG(model_key_literal(t->mem, m->inc->definition, fact->high)),
                       m->inc->is_window ? ">=" : ">",
                       STR_ARG(model_key_literal(t->mem, m->inc->definition, after)));
        }
        if (m->inc->high.len > 0) {
            buf_format(b, "%.*s <= %.*s AND ",
                       STR_ARG(model_key_literal(t->mem, m->inc->definition, fact->low)),
                       STR_ARG(model_key_literal(t->mem, m->inc->definition, m->inc->high)));
        }
        buf_add(b, STR("true AS BIGINT)"));
    }
    buf_add(b, how->mode == INCREMENTAL_MERGE ? STR(" FROM delta") : STR(""));
    return b->full ? STR_NONE : buf_str(b);
}

static bool run_find_touched(struct task *t, const struct run_merging *m)
{
    const struct contract_incremental *how = &m->inc->definition->incremental;
    size_t len = m->inc->table->files.len;
    struct engine_job job = {0};
    const struct tree *row;

    /* Nothing lies behind the last key, and no row takes the place of another. */
    if (len == 0 || (how->mode == INCREMENTAL_MERGE && m->inc->delta_rows == 0)
        || (how->mode == INCREMENTAL_APPEND && !m->inc->is_window && how->lookback == 0)) {
        return true;
    }
    job.text = run_touch_sql(t, m);
    if (job.text.len == 0) {
        return task_fail(t, ERR_LIMIT, "the ranges of the keys of %.*s are too long to compare",
                         STR_ARG(m->table->name));
    }
    if (how->mode == INCREMENTAL_MERGE) {
        (void)run_add_rows(t, m, &job, STR("delta"), m->inc->delta);
    }
    if (!run_ask_row(t, m->worker, &job, false, &row)) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        uint64_t count = 1;

        if (row->len != len || !str_to_u64(row->at[i]->text, &count)) {
            return task_fail(t, ERR_WORKER, "a worker counted rows in an unknown way");
        }
        m->is_touched[i] = count > 0;
    }
    return true;
}

/* ---- rows that are no more */

static str run_deleted_sql(struct task *t, const struct run_merging *m, bool has_before)
{
    struct buf *b = buf_new(t->mem, MERGE_SQL_BYTES_MAX);

    if (m->inc->definition->incremental.mode == INCREMENTAL_MERGE) {
        bool is_first = true;

        buf_add(b,
                STR("SELECT \"#o\".file_row_number AS \"row\" FROM old AS \"#o\" SEMI JOIN delta "
                    "AS \"#d\" ON "));
        for (size_t i = 0; i < m->table->columns.len; i++) {
            struct buf *name = buf_new(t->mem, NAME_BYTES_MAX * 4);

            if (!run_is_key(m, &m->table->columns.at[i])) {
                continue;
            }
            buf_add_identifier(name, m->table->columns.at[i].name);
            buf_format(b, "%s\"#o\".%.*s = \"#d\".%.*s", is_first ? "" : " AND ",
                       STR_ARG(buf_str(name)), STR_ARG(buf_str(name)));
            is_first = false;
        }
    } else {
        struct run_increment behind = *m->inc;

        behind.low = m->inc->is_window ? m->inc->low : m->inc->since;
        behind.is_low_in = m->inc->is_window;
        buf_format(b, "SELECT file_row_number AS \"row\" FROM old WHERE %.*s",
                   STR_ARG(run_since_condition(t, &behind, false)));
    }
    buf_add(b,
            has_before ? STR(" UNION SELECT \"row\" FROM before ORDER BY 1") : STR(" ORDER BY 1"));
    return buf_str(b);
}

/* Sets what is kept of a file of before; a file none of whose rows live is named no more. */
static bool run_delete_rows(struct task *t, const struct run_merging *m,
                            const struct image_file *file, size_t number)
{
    struct engine_job job = {.text = run_deleted_sql(t, m, file->deletions.len > 0)};
    struct run_kept kept = {.file = file, .is_new = true};
    struct job_result result;

    job_deletion_columns(t->mem, &job.columns);
    if (!run_add_old(t, m, file, &job)) {
        return false;
    }
    if (m->inc->definition->incremental.mode == INCREMENTAL_MERGE) {
        (void)run_add_rows(t, m, &job, STR("delta"), m->inc->delta);
    }
    if (!run_write_file(
            t, m, &job,
            arena_format(t->mem, "deleted.%.*s.%04zu.parquet", STR_ARG(m->table->name), number),
            &result, &kept.deletions)) {
        return false;
    }
    if (result.rows < file->deleted || result.rows > file->rows) {
        return task_fail(t, ERR_INTERNAL, "%llu rows of file %zu of %.*s are deleted, of %llu",
                         (unsigned long long)result.rows, number, STR_ARG(m->table->name),
                         (unsigned long long)file->rows);
    }
    kept.deleted = result.rows;
    m->inc->deleted += result.rows - file->deleted;
    if (kept.deleted == file->deleted) {
        kept.is_new = false;
        kept.deletions = file->deletions.len
                           ? store_file_path(t, m->r->services->store, file->deletions)
                           : STR_NONE;
    }
    if (kept.deleted < file->rows) {
        vec_push(t->mem, &m->inc->kept, kept);
    }
    return true;
}

static bool run_keep_files(struct task *t, const struct run_merging *m)
{
    const struct image_table *before = m->inc->table;

    for (size_t i = 0; i < before->files.len; i++) {
        const struct image_file *file = &before->files.at[i];
        struct run_kept kept = {.file = file, .deleted = file->deleted};

        run_progress(t, m->r, "merge", m->table->name, (int)(i * 1000 / before->files.len));
        if (m->is_touched[i]) {
            if (!run_delete_rows(t, m, file, i + 1)) {
                return false;
            }
            continue;
        }
        if (file->deletions.len > 0) {
            kept.deletions = store_file_path(t, m->r->services->store, file->deletions);
        }
        if (file->deleted < file->rows) {
            vec_push(t->mem, &m->inc->kept, kept);
        }
    }
    return true;
}

/* ---- files that are written anew */

static uint64_t run_living(const struct run_kept *kept)
{
    return kept->file->rows - kept->deleted;
}

/* The smallest first, until few enough are left. */
static void run_join_smallest(const struct run_increment *inc, size_t most, bool *joins)
{
    size_t left = 0;

    for (size_t i = 0; i < inc->kept.len; i++) {
        left += !joins[i];
    }
    while (left > most) {
        size_t least = inc->kept.len;

        for (size_t i = 0; i < inc->kept.len; i++) {
            if (!joins[i]
                && (least == inc->kept.len
                    || run_living(&inc->kept.at[i]) < run_living(&inc->kept.at[least]))) {
                least = i;
            }
        }
        joins[least] = true;
        left--;
    }
}

static bool run_choose_joined(const struct run_merging *m, bool *joins)
{
    uint64_t rows_most = (uint64_t)CONFIG_INT(m->r->services->config, part_rows_max);
    size_t small = m->table->rows * MERGE_SMALL_SHARE < rows_most && m->table->rows > 0;
    bool any = false;

    for (size_t i = 0; i < m->inc->kept.len; i++) {
        const struct run_kept *kept = &m->inc->kept.at[i];

        joins[i] = kept->deleted * MERGE_DELETED_SHARE >= kept->file->rows;
        small += run_living(kept) * MERGE_SMALL_SHARE < rows_most;
    }
    for (size_t i = 0; small > MERGE_SMALL_FILES_MAX && i < m->inc->kept.len; i++) {
        joins[i] = joins[i] || run_living(&m->inc->kept.at[i]) * MERGE_SMALL_SHARE < rows_most;
    }
    run_join_smallest(m->inc, MERGE_FILES_MAX, joins);
    for (size_t i = 0; i < m->inc->kept.len; i++) {
        any = any || joins[i];
    }
    return any;
}

static void run_add_names(struct buf *b, const struct job_columns *columns)
{
    for (size_t i = 0; i < columns->len; i++) {
        buf_add(b, i ? STR(", ") : STR(""));
        buf_add_identifier(b, columns->at[i].name);
    }
}

static str run_join_sql(struct task *t, const struct run_merging *m)
{
    struct buf *b = buf_new(t->mem, MERGE_SQL_BYTES_MAX);
    struct job_columns key = {0};

    run_find_key(t, m->table, &key);
    buf_add(b, STR("SELECT "));
    run_add_names(b, &m->table->columns);
    buf_add(b, STR(" FROM living UNION ALL SELECT "));
    run_add_names(b, &m->table->columns);
    buf_add(b, STR(" FROM delta"));
    if (key.len > 0) {
        buf_add(b, STR(" ORDER BY "));
        run_add_names(b, &key);
    }
    return buf_str(b);
}

static bool run_join_files(struct task *t, const struct run_merging *m)
{
    struct run_increment *inc = m->inc;
    bool *joins = ARENA_ARRAY(t->mem, bool, inc->kept.len + 1);
    struct engine_job job = {.columns = m->table->columns};
    struct job_result result;
    size_t left = 0;

    if (!run_choose_joined(m, joins)) {
        return true;
    }
    job.text = run_join_sql(t, m);
    (void)run_add_rows(t, m, &job, STR("delta"), inc->delta);
    struct job_view *living = vec_add(t->mem, &job.views);
    *living = (struct job_view){.name = STR("living"), .columns = m->table->columns};
    for (size_t i = 0; i < inc->kept.len; i++) {
        const struct run_kept *kept = &inc->kept.at[i];

        if (!joins[i]) {
            inc->kept.at[left++] = *kept;
            continue;
        }
        if (!store_check(t, m->r->services->store, kept->file->sha256)) {
            return false;
        }
        vec_push(t->mem, &living->files,
                 run_link(t, &job, store_file_path(t, m->r->services->store, kept->file->sha256),
                          m->r->id));
        vec_push(t->mem, &living->deletions, run_link(t, &job, kept->deletions, m->r->id));
        inc->joined++;
    }
    inc->kept.len = left;
    if (!run_write_file(t, m, &job,
                        arena_format(t->mem, "joined.%.*s.parquet", STR_ARG(m->table->name)),
                        &result, &m->table->path)) {
        return false;
    }
    m->table->rows = result.rows;
    m->table->bytes = result.bytes;
    return true;
}

/* ---- all of it */

static bool run_merge_table(struct task *t, struct run_merging *m)
{
    struct run_increment *inc = m->inc;
    bool is_merge = inc->definition->incremental.mode == INCREMENTAL_MERGE;

    run_progress(t, m->r, "merge", m->table->name, -1);
    m->is_touched = ARENA_ARRAY(t->mem, bool, inc->table->files.len + 1);
    if (!run_look_at_delta(t, m) || !run_find_touched(t, m) || !run_keep_files(t, m)) {
        return false;
    }
    /* A row that takes the place of another is not one more. */
    inc->replaced = is_merge ? inc->deleted : 0;
    inc->deleted = is_merge ? 0 : inc->deleted;
    inc->added = inc->delta_rows > inc->replaced ? inc->delta_rows - inc->replaced : 0;
    if (!run_join_files(t, m)) {
        return false;
    }
    for (size_t i = 0; i < inc->kept.len; i++) {
        inc->kept_rows += run_living(&inc->kept.at[i]);
    }
    return true;
}

static bool run_each_increment(struct task *t, struct run *r,
                               bool (*work)(struct task *t, struct run_merging *m))
{
    struct run_merging m = {.r = r};

    for (size_t i = 0; i < r->outputs.len; i++) {
        /* What is replayed comes beside all that is there. */
        if (r->outputs.at[i].increment == NULL || r->is_replay) {
            continue;
        }
        if (m.worker == NULL
            && !engine_lend(t, r->services->engine, WORKER_CLEARING, STR("merge"),
                            (struct engine_reach){0}, &m.worker)) {
            return false;
        }
        m.table = &r->outputs.at[i];
        m.inc = m.table->increment;
        if (!work(t, &m)) {
            return false;
        }
    }
    if (m.worker != NULL) {
        engine_return(t, m.worker);
    }
    return true;
}

bool run_cut_windows(struct task *t, struct run *r)
{
    return (r->from.len == 0 && r->to.len == 0) || run_each_increment(t, r, run_cut_window);
}

bool run_merge(struct task *t, struct run *r)
{
    return run_each_increment(t, r, run_merge_table) && fault_pass(t, FAULT_RUN_MERGE);
}
