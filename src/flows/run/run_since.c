/* Incremental tables: are their rows added to, from which key on, and if not, why. */
#include "buf/buf.h"
#include "limits/limits.h"
#include "run_inside.h"
#include "source/source.h"

enum { SINCE_SQL_BYTES_MAX = 1 << 20 };

/* ---- what rows hang on beside those of the inputs */

static str run_basis(struct task *t, const struct run *r, const struct image *image)
{
    struct gate_scope scope = {.product = r->target};

    run_scope_inputs(t, r, &scope);
    return arena_format(t->mem, "%.*s %.*s", STR_ARG(release_digest(t->mem, r->target->definition)),
                        STR_ARG(gate_seen(t, r->services->gate, image, &scope)));
}

bool run_basis_holds(struct task *t, const struct run *r)
{
    const struct image *now = image_pin(t, r->services->images);

    if (r->increments.len == 0 || str_eq(run_basis(t, r, now), r->basis)) {
        return true;
    }
    task_fail(t, ERR_CONFLICT, "what %.*s may see of its inputs changed while it ran",
              STR_ARG(r->product));
    return task_hint(t, "run it again");
}

static str run_changed(str before, str now)
{
    str texts_before, texts_now, seen;

    if (before.len == 0) {
        return STR("the release before does not say what it was made by");
    }
    (void)str_cut(before, ' ', &texts_before, &seen);
    (void)str_cut(now, ' ', &texts_now, &seen);
    return str_eq(texts_before, texts_now)
             ? STR("what the product may see of its inputs has changed since its last release")
             : STR("its SQL or its contracts have changed since its last release");
}

/* ---- the last key */

static str run_literal(struct task *t, const struct run_increment *inc, str value)
{
    return model_key_literal(t->mem, inc->definition, value);
}

static uint32_t run_key_id(const struct run_increment *inc)
{
    for (size_t i = 0; i < inc->table->columns.len; i++) {
        if (str_eq(inc->table->columns.at[i].name, inc->definition->incremental.key)) {
            return inc->table->columns.at[i].id;
        }
    }
    return 0;
}

/* The greatest key of a file, by its facts: of whole files it is that of their rows. */
static str run_high(const struct run_increment *inc, const struct image_file *file)
{
    const struct image_fact *fact = run_find_fact(file, run_key_id(inc));

    return fact != NULL && fact->has_range ? fact->high : STR_NONE;
}

/* The greatest key of all files without deletions; and for each file with some, whether it may have a greater one. */
static str run_ask_high_sql(struct task *t, const struct run_increment *inc)
{
    struct buf *b = buf_new(t->mem, SINCE_SQL_BYTES_MAX);

    buf_add(b, STR("SELECT CAST(k AS VARCHAR)"));
    for (size_t i = 0; i < inc->table->files.len; i++) {
        const struct image_file *file = &inc->table->files.at[i];
        str high = run_high(inc, file);

        if (file->deleted == 0 || high.len == 0) {
            continue;
        }
        buf_format(b, ", coalesce(%.*s > k, true)", STR_ARG(run_literal(t, inc, high)));
    }
    buf_format(b, " FROM (SELECT max(k) AS k FROM (SELECT CAST(NULL AS %.*s) AS k",
               STR_ARG(model_key_type(inc->definition)));
    for (size_t i = 0; i < inc->table->files.len; i++) {
        const struct image_file *file = &inc->table->files.at[i];
        str high = run_high(inc, file);

        if (file->deleted == 0 && high.len > 0) {
            buf_format(b, " UNION ALL SELECT %.*s", STR_ARG(run_literal(t, inc, high)));
        }
    }
    buf_add(b, STR("))"));
    return buf_str(b);
}

static str run_behind(struct task *t, const struct contract_incremental *how)
{
    switch (how->kind) {
    case INCREMENTAL_INTEGER:
        return arena_format(t->mem, "%lld", (long long)how->lookback);
    case INCREMENTAL_DATE:
        return arena_format(t->mem, "%lld", (long long)(how->lookback / 86400000000LL));
    case INCREMENTAL_INSTANT:
        break;
    }
    return arena_format(t->mem, "to_microseconds(%lld)", (long long)how->lookback);
}

/* A view of those rows of some files that are not deleted. */
static bool run_view_living(struct task *t, const struct run *r, const struct run_increment *inc,
                            const bool *wanted, struct engine_job *job)
{
    struct job_view *view = vec_add(t->mem, &job->views);

    *view = (struct job_view){.name = STR("living")};
    vec_push(t->mem, &view->columns,
             ((struct job_column){.name = inc->definition->incremental.key,
                                  .type = model_key_type(inc->definition),
                                  .id = run_key_id(inc)}));
    for (size_t i = 0; i < inc->table->files.len; i++) {
        const struct image_file *file = &inc->table->files.at[i];

        if (!wanted[i]) {
            continue;
        }
        if (!store_check(t, r->services->store, file->sha256)
            || !store_check(t, r->services->store, file->deletions)) {
            return false;
        }
        vec_push(t->mem, &view->files,
                 run_link(t, job, store_file_path(t, r->services->store, file->sha256), r->id));
        vec_push(t->mem, &view->deletions,
                 run_link(t, job, store_file_path(t, r->services->store, file->deletions), r->id));
    }
    return true;
}

/* Facts of a file with deletions are bounds: where they pass all others, its rows are asked. */
static bool run_find_last(struct task *t, const struct run *r, struct run_increment *inc,
                          struct worker *worker)
{
    bool *wanted = ARENA_ARRAY(t->mem, bool, inc->table->files.len + 1);
    struct engine_job high = {.text = run_ask_high_sql(t, inc)}, last = {0};
    struct buf *b = buf_new(t->mem, SINCE_SQL_BYTES_MAX);
    struct buf *key = buf_new(t->mem, NAME_BYTES_MAX * 4);
    const struct tree *row;

    if (!run_ask_row(t, worker, &high, false, &row)) {
        return false;
    }
    str most = row->len > 0 && !tree_is_null(row->at[0]) ? row->at[0]->text : STR_NONE;
    for (size_t i = 0, at = 1; i < inc->table->files.len; i++) {
        const struct image_file *file = &inc->table->files.at[i];

        if (file->deleted > 0 && run_high(inc, file).len > 0 && at < row->len) {
            (void)tree_is_bool(row->at[at++], &wanted[i]);
        }
    }
    buf_add_identifier(key, inc->definition->incremental.key);
    /* Further behind than the type reaches is behind every value. */
    buf_format(b, "SELECT CAST(CASE WHEN k IS NOT NULL THEN coalesce(TRY(CAST(k - %.*s AS %.*s)), ",
               STR_ARG(run_behind(t, &inc->definition->incremental)),
               STR_ARG(model_key_type(inc->definition)));
    buf_format(b, "%.*s) END AS VARCHAR) FROM (SELECT max(k) AS k FROM (SELECT ",
               STR_ARG(run_literal(t, inc, model_key_least(inc->definition))));
    buf_add(b, most.len > 0 ? run_literal(t, inc, most)
                            : arena_format(t->mem, "CAST(NULL AS %.*s)",
                                           STR_ARG(model_key_type(inc->definition))));
    buf_format(b, " AS k UNION ALL SELECT %.*s FROM living))", STR_ARG(buf_str(key)));
    last.text = buf_str(b);
    if (!run_view_living(t, r, inc, wanted, &last) || !run_ask_row(t, worker, &last, false, &row)) {
        return false;
    }
    inc->since = row->len == 1 && !tree_is_null(row->at[0]) ? row->at[0]->text : STR_NONE;
    inc->low = inc->since;
    inc->is_low_in = inc->definition->incremental.mode == INCREMENTAL_MERGE;
    if (inc->since.len == 0) {
        inc->why_full = STR("the release before has no rows of it to go on from");
    }
    return true;
}

/* ---- a window */

static str run_step_back(const struct contract_incremental *how)
{
    return how->kind == INCREMENTAL_INSTANT ? STR("to_microseconds(1)") : STR("1");
}

static bool run_read_bound(struct task *t, const struct run_increment *inc, const char *option,
                           struct worker *worker, str value, str *text_out, str *before_out)
{
    struct contract_column column = {.name = inc->definition->incremental.key,
                                     .type = model_key_type(inc->definition)};
    struct buf *text = buf_new(t->mem, PATH_BYTES_MAX);
    struct buf *b = buf_new(t->mem, SINCE_SQL_BYTES_MAX);
    struct engine_job job = {0};
    const struct tree *row;

    buf_add_literal(text, value);
    buf_format(
        b, "SELECT CAST(k AS VARCHAR), CAST(TRY(CAST(k - %.*s AS %.*s)) AS VARCHAR) FROM (SELECT ",
        STR_ARG(run_step_back(&inc->definition->incremental)), STR_ARG(column.type));
    source_add_exact(t->mem, b, &column, buf_str(text));
    buf_add(b, STR(" AS k)"));
    job.text = buf_str(b);
    if (!run_ask_row(t, worker, &job, false, &row)) {
        if (t->err.code != ERR_DATA && t->err.code != ERR_TYPE) {
            return false;
        }
        task_fail(t, ERR_USAGE, "--%s %.*s is no %.*s, which the key %.*s of %.*s is", option,
                  STR_ARG(value), STR_ARG(model_key_type(inc->definition)),
                  STR_ARG(inc->definition->incremental.key), STR_ARG(inc->table->name));
        return task_hint(t, "as %s",
                         inc->definition->incremental.kind == INCREMENTAL_INTEGER ? "1000"
                         : inc->definition->incremental.kind == INCREMENTAL_DATE
                             ? "2026-01-31"
                             : "2026-01-31 or \"2026-01-31 12:00:00\"");
    }
    *text_out = row->at[0]->text;
    *before_out = tree_is_null(row->at[1]) ? STR_NONE : row->at[1]->text;
    return true;
}

/* It would hold no row, whatever the source has. */
static bool run_check_order(struct task *t, const struct run *r, const struct run_increment *inc,
                            struct worker *worker)
{
    struct engine_job job = {.text = arena_format(t->mem, "SELECT %.*s <= %.*s",
                                                  STR_ARG(run_literal(t, inc, inc->low)),
                                                  STR_ARG(run_literal(t, inc, inc->high)))};
    const struct tree *row;
    bool is_right = false;

    if (!run_ask_row(t, worker, &job, false, &row)) {
        return false;
    }
    if (row->len == 1 && tree_is_bool(row->at[0], &is_right) && is_right) {
        return true;
    }
    task_fail(t, ERR_USAGE, "the window from %.*s to %.*s ends before it begins", STR_ARG(r->from),
              STR_ARG(r->to));
    return task_hint(t, "--from is its first key, --to its last");
}

static bool run_read_window(struct task *t, const struct run *r, struct run_increment *inc,
                            struct worker *worker)
{
    str before;

    inc->is_window = inc->is_low_in = true;
    inc->since = model_key_least(inc->definition);
    if (r->from.len > 0) {
        if (!run_read_bound(t, inc, "from", worker, r->from, &inc->low, &before)) {
            return false;
        }
        inc->since = before.len > 0 ? before : inc->since;
    }
    return r->to.len == 0
        || (run_read_bound(t, inc, "to", worker, r->to, &inc->high, &before)
            && (r->from.len == 0 || run_check_order(t, r, inc, worker)));
}

/* ---- deciding */

static bool run_refuse_window(struct task *t, const struct run *r, const struct run_increment *inc)
{
    task_fail(t, ERR_REFUSED, "no window of %.*s.%.*s can be made anew: %.*s", STR_ARG(r->product),
              STR_ARG(inc->table->name), STR_ARG(inc->why_full));
    return task_hint(t, "run it without --from and --to first: that makes all its rows");
}

static void run_list_increments(struct task *t, struct run *r)
{
    for (size_t i = 0; i < r->target->tables.len; i++) {
        const struct image_table *table = &r->target->tables.at[i];

        if (table->definition->incremental.mode != INCREMENTAL_NONE) {
            vec_push(t->mem, &r->increments,
                     ((struct run_increment){.table = table, .definition = table->definition}));
        }
    }
}

/* Rows of a release that was taken back are in what was made of it, and nothing says which. */
static bool run_find_taken_back(struct task *t, const struct run *r, str *why_out)
{
    struct release_inputs before;

    *why_out = STR_NONE;
    if (!release_inputs(t, r->services->db, r->target->id, r->target->release.number, &before)) {
        return false;
    }
    for (size_t i = 0; i < before.len; i++) {
        const struct image_product *now = NULL;
        bool is_taken_back = false;

        for (size_t k = 0; k < r->inputs.len; k++) {
            const struct image_product *producer = r->inputs.at[k].producer;

            now = producer != NULL && producer->id == before.at[i].product_id ? producer : now;
        }
        if (now != NULL
            && !release_was_taken_back(t, r->services->db, now->id, before.at[i].number,
                                       now->release.number, &is_taken_back)) {
            return false;
        }
        if (is_taken_back) {
            *why_out =
                arena_format(t->mem, "release %llu of its input %.*s was taken back",
                             (unsigned long long)before.at[i].number, STR_ARG(before.at[i].name));
        }
    }
    return true;
}

static str run_why_full(const struct run *r, const struct run_increment *inc, str before,
                        str taken_back)
{
    if (r->target->release.number == 0) {
        return STR("there is no release before");
    }
    if (r->is_full) {
        return STR("it was asked for");
    }
    if (!str_eq(before, r->basis)) {
        return run_changed(before, r->basis);
    }
    if (taken_back.len > 0) {
        return taken_back;
    }
    return inc->table->rows == 0 ? STR("the release before has no rows of it to go on from")
                                 : STR_NONE;
}

static bool run_decide(struct task *t, struct run *r, struct worker *worker, str before)
{
    bool has_window = r->from.len > 0 || r->to.len > 0;
    str taken_back;

    if (!run_find_taken_back(t, r, &taken_back)) {
        return false;
    }
    for (size_t i = 0; i < r->increments.len; i++) {
        struct run_increment *inc = &r->increments.at[i];

        inc->why_full = run_why_full(r, inc, before, taken_back);
        if (inc->why_full.len == 0
            && !(has_window ? run_read_window(t, r, inc, worker)
                            : run_find_last(t, r, inc, worker))) {
            return false;
        }
        if (inc->why_full.len > 0) {
            inc->since = model_key_least(inc->definition);
        }
        if (inc->why_full.len > 0 && has_window) {
            return run_refuse_window(t, r, inc);
        }
    }
    return true;
}

bool run_since(struct task *t, struct run *r)
{
    struct worker *worker;
    str before;

    run_list_increments(t, r);
    if (r->increments.len == 0) {
        if (r->from.len > 0 || r->to.len > 0) {
            task_fail(t, ERR_USAGE, "%.*s has no incremental table, so it has no windows",
                      STR_ARG(r->product));
            return task_hint(t, "run it without --from and --to");
        }
        return true;
    }
    r->basis = run_basis(t, r, r->image);
    if (!release_basis(t, r->services->db, r->target->id, r->target->release.number, &before)
        || !engine_lend(t, r->services->engine, WORKER_CHECK, STR("check"),
                        (struct engine_reach){0}, &worker)
        || !run_decide(t, r, worker, before)) {
        return false;
    }
    engine_return(t, worker);
    return run_find_pushed(t, r);
}

/* ---- for the other steps */

struct run_increment *run_find_increment(const struct run *r, str table)
{
    for (size_t i = 0; i < r->increments.len; i++) {
        if (str_eq(r->increments.at[i].table->name, table)) {
            return r->increments.at[i].why_full.len == 0 ? &r->increments.at[i] : NULL;
        }
    }
    return NULL;
}

str run_since_text(struct task *t, const struct run *r, const struct model_sql *sql)
{
    const struct contract_table *table = model_since_table(r->target->definition, sql);

    for (size_t i = 0; table != NULL && i < r->increments.len; i++) {
        if (r->increments.at[i].definition == table) {
            return run_literal(t, &r->increments.at[i], r->increments.at[i].since);
        }
    }
    return STR_NONE;
}

str run_since_condition(struct task *t, const struct run_increment *inc, bool may_be_null)
{
    struct buf *b = buf_new(t->mem, SINCE_SQL_BYTES_MAX);
    struct buf *key = buf_new(t->mem, NAME_BYTES_MAX * 4);

    buf_add_identifier(key, inc->definition->incremental.key);
    buf_add(b, may_be_null ? STR("(") : STR(""));
    if (inc->low.len > 0) {
        buf_format(b, "%.*s %s %.*s", STR_ARG(buf_str(key)), inc->is_low_in ? ">=" : ">",
                   STR_ARG(run_literal(t, inc, inc->low)));
    }
    if (inc->high.len > 0) {
        buf_format(b, "%s%.*s <= %.*s", inc->low.len > 0 ? " AND " : "", STR_ARG(buf_str(key)),
                   STR_ARG(run_literal(t, inc, inc->high)));
    }
    /* One without a key is drift, and must be seen to be told. */
    if (may_be_null) {
        buf_format(b, ") OR %.*s IS NULL", STR_ARG(buf_str(key)));
    }
    return buf_str(b);
}
