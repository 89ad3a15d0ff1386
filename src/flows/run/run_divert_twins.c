/* Rows that came into an incremental table and equal one that it keeps: what was published stays, and they go. */
#include "buf/buf.h"
#include "limits/limits.h"
#include "run_divert_inside.h"

static bool run_is_merged(const struct run_table *table)
{
    return table->increment != NULL
        && table->increment->definition->incremental.mode == INCREMENTAL_MERGE;
}

static bool run_bears_none(const struct contract_rule *rule)
{
    double most;

    if (rule->kind == RULE_UNIQUE) {
        return true;
    }
    if (!str_to_f64(rule->low, &most)) {
        return false;
    }
    return rule->operator== RULE_LESS
             ? !rule->is_percent && most > 0 && most <= 1
             : (rule->operator== RULE_IS || rule->operator== RULE_LESS_OR_EQUAL) && most == 0;
}

bool run_has_twins(const struct run_diverting *d, const struct contract_rule *rule)
{
    return run_bears_none(rule) && d->table->increment != NULL && !d->r->is_replay
        && d->table->increment->table->files.len > 0;
}

bool run_may_bring_back(const struct run_table *table, const struct contract_rule *rule)
{
    return run_is_merged(table) && run_compares_rows(rule);
}

/* ---- rows that stay */

static void run_add_replaced(const struct run_diverting *d, struct buf *b)
{
    buf_add(b, STR(" WHERE NOT EXISTS (SELECT 1 FROM came AS \"#d\" WHERE true"));
    for (size_t i = 0; i < d->table->columns.len; i++) {
        str name = d->table->columns.at[i].name;
        const struct contract_column *of =
            contract_find_column(d->table->increment->definition, name);

        if (of == NULL || of->primary_key == 0) {
            continue;
        }
        buf_add(b, STR(" AND \"#d\"."));
        buf_add_identifier(b, name);
        buf_add(b, STR(" = kept."));
        buf_add_identifier(b, name);
    }
    buf_add(b, STR(")"));
}

/* As run_merge will delete them. */
static void run_add_staying(struct task *t, const struct run_diverting *d, struct buf *b)
{
    struct run_increment behind = *d->table->increment;

    if (run_is_merged(d->table)) {
        run_add_replaced(d, b);
        return;
    }
    if (!behind.is_window && behind.definition->incremental.lookback == 0) {
        return;
    }
    behind.low = behind.is_window ? behind.low : behind.since;
    behind.is_low_in = behind.is_window;
    buf_format(b, " WHERE NOT coalesce(%.*s, false)",
               STR_ARG(run_since_condition(t, &behind, false)));
}

static bool run_add_kept_files(struct task *t, const struct run_diverting *d,
                               struct engine_job *job)
{
    const struct store *store = d->r->services->store;
    const struct image_table *before = d->table->increment->table;
    struct job_view *view = vec_add(t->mem, &job->views);

    *view = (struct job_view){.name = STR("kept"), .columns = d->table->columns};
    for (size_t i = 0; i < before->files.len; i++) {
        const struct image_file *file = &before->files.at[i];
        str deletions =
            file->deletions.len > 0 ? store_file_path(t, store, file->deletions) : STR_NONE;

        if (!store_check(t, d->r->services->store, file->sha256)
            || (deletions.len > 0 && !store_check(t, d->r->services->store, file->deletions))) {
            return false;
        }
        vec_push(t->mem, &view->files,
                 run_link(t, job, store_file_path(t, store, file->sha256), d->r->id));
        vec_push(t->mem, &view->deletions, run_link(t, job, deletions, d->r->id));
    }
    return true;
}

/* ---- rows that came */

static void run_add_keys(struct buf *b, const struct str_list *keys, const char *from)
{
    buf_add(b, STR("(SELECT "));
    for (size_t i = 0; i < keys->len; i++) {
        buf_format(b, "%s%.*s AS \"#k%zu\"", i ? ", " : "", STR_ARG(keys->at[i]), i);
    }
    buf_format(b, " FROM %s", from);
}

/* The values that both have are few, so that of what is kept no table need be built. */
static str run_twins_sql(struct task *t, const struct run_diverting *d, const struct str_list *keys)
{
    const struct run_increment *inc = d->table->increment;
    struct buf *b = buf_new(t->mem, SQL_BYTES_MAX);

    buf_add(b, STR("WITH shared AS MATERIALIZED (SELECT * FROM "));
    run_add_keys(b, keys, "kept");
    run_add_staying(t, d, b);
    buf_add(b, STR(") AS \"#o\" SEMI JOIN "));
    run_add_keys(b, keys, "came");
    buf_add(b, STR(") AS \"#n\" ON "));
    for (size_t i = 0; i < keys->len; i++) {
        buf_format(b, "%s\"#o\".\"#k%zu\" = \"#n\".\"#k%zu\"", i ? " AND " : "", i, i);
    }
    buf_add(
        b,
        STR(") SELECT file_row_number AS \"row\", true AS \"f0\" FROM came WHERE EXISTS (SELECT 1 "
            "FROM shared WHERE true"));
    for (size_t i = 0; i < keys->len; i++) {
        buf_format(b, " AND shared.\"#k%zu\" = %.*s", i, STR_ARG(keys->at[i]));
    }
    buf_add(b, STR(")"));
    /* One that is not behind $since stops the run. */
    if (!run_is_merged(d->table) && !inc->is_window) {
        buf_format(b, " AND (%.*s)", STR_ARG(run_since_condition(t, inc, false)));
    }
    buf_add(b, STR(" ORDER BY \"row\""));
    return b->full ? STR_NONE : buf_str(b);
}

static void run_tell_twins(struct task *t, struct run_diverting *d)
{
    struct check_result *result = &d->verdicts.at[0];

    result->rows_failed = d->rows;
    result->found =
        arena_format(t->mem, "%llu row%s", (unsigned long long)d->rows, d->rows == 1 ? "" : "s");
    result->message = arena_format(
        t->mem, "%.*s: found %llu of %llu rows that came in the table already",
        STR_ARG(result->expected), (unsigned long long)d->rows, (unsigned long long)result->rows);
}

bool run_mark_twins(struct task *t, struct run_diverting *d, const struct contract_rule *rule)
{
    struct engine_job job = {0};
    struct str_list keys = {0};

    d->rows = 0;
    d->verdicts.len = 0;
    vec_push(t->mem, &d->verdicts,
             ((struct check_result){.rule = rule,
                                    .verdict = VERDICT_FAIL,
                                    .expected = contract_rule_text(t->mem, rule),
                                    .rows = d->table->rows,
                                    .has_rows_failed = true}));
    if (!check_keys(t->mem, rule, &d->table->columns, &keys)) {
        return true;
    }
    run_mark_columns(t, d, &job.columns);
    job.text = run_twins_sql(t, d, &keys);
    (void)run_add_file(t, d, &job, STR("came"), d->table->path, &d->table->columns);
    if (!run_add_kept_files(t, d, &job) || !run_write_marks(t, d, &job)) {
        return false;
    }
    run_tell_twins(t, d);
    return true;
}
