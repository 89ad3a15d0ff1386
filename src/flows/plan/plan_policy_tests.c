/* Tests of policies: given rows through the very text that clears files, compared with what the case expects. */
#include <stdlib.h>

#include "buf/buf.h"
#include "clock/clock.h"
#include "limits/limits.h"
#include "plan/plan_rows.h"
#include "plan_inside.h"

/* Hashes of tests are no hashes of the mesh: they are compared as `hashed` only. */
static const char plan_test_key[] = "a key for tests, and for nothing else";

struct plan_testing {
    struct engine *engine;
    const struct model *model;
    const struct labels *labels;
    const struct plan_releases *releases; /* NULL: offline */
    struct worker *worker;
    struct report *report;
};

/* One case at work. */
struct plan_case {
    struct plan_testing *testing;
    const struct policy_case *of;
    struct policy_table table;
    const struct image_table *release; /* that it is over; NULL: its own rows */
    bool is_left_out;
    struct decision decision;
    struct plan_differences differences;
};

static struct finding *plan_case_wrong(struct plan_case *c, struct place place, const char *what,
                                       str found)
{
    struct finding *finding = report_add(c->testing->report, FINDING_ERROR, ERR_INVALID, place,
                                         "case \"%.*s\": %s", STR_ARG(c->of->name), what);

    finding->found = found;
    return finding;
}

/* ---- who asks what */

static bool plan_case_find_table(struct arena *mem, struct plan_case *c)
{
    const struct model *model = c->testing->model;
    str product, table;

    (void)str_cut_last(c->of->table, '.', &product, &table);
    const struct model_product *definition = model_find_product(model, product);
    const struct contract *contract = NULL;
    const struct contract_table *found =
        definition != NULL ? model_find_table(definition, table, &contract) : NULL;

    if (found == NULL) {
        (void)plan_case_wrong(c, c->of->table_place, "there is no such table", c->of->table);
        return false;
    }
    plan_policy_table(mem, definition, contract, found, c->testing->labels, &c->table);
    return true;
}

static bool plan_case_find_actor(struct plan_case *c, struct policy_actor *out)
{
    const struct policy_case *of = c->of;
    const struct model_mesh *mesh = &c->testing->model->mesh;

    *out = (struct policy_actor){.name = of->user,
                                 .groups = of->groups,
                                 .attributes = of->attributes,
                                 .purpose = of->purpose};
    if (of->product.len > 0) {
        out->name = of->product;
        out->is_product = true;
        if (model_find_product(c->testing->model, of->product) != NULL) {
            return true;
        }
        (void)plan_case_wrong(c, of->actor_place, "there is no such product", of->product);
        return false;
    }
    for (size_t i = 0; !of->is_made_up && i < mesh->users.len; i++) {
        if (str_eq(mesh->users.at[i].name, of->user)) {
            out->groups = mesh->users.at[i].groups;
            out->attributes = mesh->users.at[i].attributes;
            return true;
        }
    }
    if (!of->is_made_up) {
        plan_case_wrong(c, of->actor_place, "mesh.yaml has no such user", of->user)->hint =
            STR("make one up: actor: {groups: […], attributes: {…}}");
    }
    return of->is_made_up;
}

static int plan_compare_entitled(const void *a, const void *b)
{
    const struct policy_entitled *x = a, *y = b;
    int order = str_compare(x->user, y->user);

    return order ? order : str_compare(x->value, y->value);
}

/* Who is entitled to what is said by the case, as a release would say it. */
static void plan_case_entitle(struct arena *mem, const struct plan_case *c, struct policies *out)
{
    struct policy_entitlement *all =
        ARENA_ARRAY(mem, struct policy_entitlement, out->entitlements.len + 1);

    for (size_t i = 0; i < out->entitlements.len; i++) {
        const struct tree *rows = tree_find(c->of->entitlements, out->entitlements.at[i].table);
        size_t len = rows != NULL && rows->kind == TREE_LIST ? rows->len : 0;
        struct policy_entitled *at = ARENA_ARRAY(mem, struct policy_entitled, len + 1);

        all[i] = out->entitlements.at[i];
        for (size_t j = 0; j < len; j++) {
            at[j] = (struct policy_entitled){.user = tree_find_text(rows->at[j], all[i].user),
                                             .value = tree_find_text(rows->at[j], all[i].value)};
        }
        qsort(at, len, sizeof(*at), plan_compare_entitled);
        all[i].version = 1;
        all[i].at = at;
        all[i].len = len;
    }
    out->entitlements.at = all;
}

static void plan_case_decide(struct arena *mem, struct plan_case *c, struct policy_actor *actor)
{
    struct policies policies = c->testing->model->policies;
    int64_t now_us = c->of->at_us != 0 ? c->of->at_us : clock_now_us();

    plan_case_entitle(mem, c, &policies);
    policy_decide(mem, &policies, actor, &c->table, now_us, &c->decision);
}

/* ---- differences */

/* ---- rows, by the engine */

static bool plan_case_ask(struct task *t, struct plan_case *c, struct engine_job *job,
                          struct engine_rows *out)
{
    job->keep_order = true;
    job->hash_key = (str){plan_test_key, sizeof(plan_test_key) - 1};
    return engine_ask(t, c->testing->worker, job, false, out);
}

static const struct policy_column *plan_column(const struct policy_table *table, str name)
{
    for (size_t i = 0; i < table->column_count; i++) {
        if (str_eq(table->columns[i].name, name)) {
            return &table->columns[i];
        }
    }
    return NULL;
}

static const struct decision_column *plan_shown(const struct decision *decision, str name)
{
    for (size_t i = 0; i < decision->columns.len; i++) {
        if (str_eq(decision->columns.at[i].name, name)) {
            return &decision->columns.at[i];
        }
    }
    return NULL;
}

/* Names that the table does not have are slips of the pen, not differences. */
static bool plan_case_knows(struct arena *mem, struct plan_case *c, const struct tree *rows)
{
    bool ok = true;

    for (size_t i = 0; rows != NULL && i < rows->len; i++) {
        for (size_t j = 0; j < rows->at[i]->len; j++) {
            const struct tree *cell = rows->at[i]->at[j];

            if (plan_column(&c->table, cell->key) == NULL) {
                plan_case_wrong(c, tree_place(mem, c->of->file, cell),
                                "the table has no such column", cell->key);
                ok = false;
            }
        }
    }
    return ok;
}

/* The job's `source`, as a clearing worker has a file: a WITH before the text that clears. */
struct plan_source {
    struct engine_job job;
    str with;
};

/* Of the given rows. `typed_out` gives them as they are: it fails where one does not fit, which a filter would hide. */
static void plan_case_given(struct arena *mem, const struct plan_case *c,
                            struct plan_source *source, struct engine_job *typed_out)
{
    str number = STR("file_row_number");
    bool has_number = plan_column(&c->table, number) == NULL;
    struct job_view *view = vec_add(mem, &source->job.views);
    struct buf *sql = buf_new(mem, PLAN_ROWS_SQL_BYTES_MAX);

    *view = (struct job_view){.name = STR("given"), .is_inline = true};
    buf_add(sql, STR("SELECT "));
    for (size_t i = 0; i < c->table.column_count; i++) {
        plan_add_text_column(mem, view, sql, c->table.columns[i].name, c->table.columns[i].type,
                             c->of->rows);
    }
    if (has_number) {
        plan_add_text_column(mem, view, sql, number, STR("BIGINT"), NULL);
    }
    buf_add(sql, STR(" FROM given"));
    for (size_t i = 0; i < c->of->rows->len; i++) {
        for (size_t j = 0; j < c->table.column_count; j++) {
            plan_put_value(mem, view, tree_find(c->of->rows->at[i], c->table.columns[j].name),
                           false);
        }
        if (has_number) {
            plan_put_number(mem, view, i);
        }
    }
    *typed_out = source->job;
    typed_out->text = buf_str(sql);
    source->with =
        arena_format(mem, "WITH source AS MATERIALIZED (%.*s) ", STR_ARG(typed_out->text));
}

/* Of a release; columns that it does not have are NULL. */
static bool plan_case_released(struct task *t, const struct plan_case *c,
                               struct plan_source *source)
{
    struct buf *sql = buf_new(t->mem, DOCUMENT_BYTES_MAX);
    bool has_number = plan_column(&c->table, STR("file_row_number")) == NULL;

    buf_add(sql, STR("WITH source AS (SELECT "));
    for (size_t i = 0; i < c->table.column_count; i++) {
        const struct policy_column *column = &c->table.columns[i];

        buf_add(sql, i ? STR(", CAST(") : STR("CAST("));
        if (plan_release_has(c->release, column->name)) {
            buf_add_identifier(sql, column->name);
        } else {
            buf_add(sql, STR("NULL"));
        }
        buf_format(sql, " AS %.*s) AS ", STR_ARG(column->type));
        buf_add_identifier(sql, column->name);
    }
    /* In the order of the files, and of the rows in each. */
    buf_format(sql, "%s FROM given) ",
               has_number ? ", row_number() OVER () AS file_row_number" : "");
    source->with = buf_str(sql);
    return plan_give_release(t, c->testing->releases, c->release, &c->table, &source->job);
}

static bool plan_is_hashed(const struct decision_column *column, const struct tree *cell)
{
    return column->mask.method == MASK_HASH && cell != NULL && cell->kind == TREE_SCALAR
        && str_eq(cell->text, STR("hashed"));
}

/* What is expected takes the way through the engine too: 1.5 and 1.50 are one number. */
static void plan_case_expected(struct arena *mem, const struct plan_case *c, struct engine_job *job)
{
    const struct decision *decision = &c->decision;
    struct job_view *view = vec_add(mem, &job->views);
    struct buf *sql = buf_new(mem, PLAN_ROWS_SQL_BYTES_MAX);

    *view = (struct job_view){.name = STR("expected"), .is_inline = true};
    buf_add(sql, STR("SELECT "));
    for (size_t i = 0; i < decision->columns.len; i++) {
        const struct decision_column *column = &decision->columns.at[i];

        plan_add_text_column(mem, view, sql, column->name, column->type, c->of->expect);
    }
    vec_push(mem, &view->columns,
             ((struct job_column){.name = STR("weft row"), .type = STR("BIGINT")}));
    for (size_t i = 0; c->of->expect != NULL && i < c->of->expect->len; i++) {
        for (size_t j = 0; j < decision->columns.len; j++) {
            const struct decision_column *column = &decision->columns.at[j];
            const struct tree *cell = tree_find(c->of->expect->at[i], column->name);

            plan_put_value(mem, view, cell, plan_is_hashed(column, cell));
        }
        plan_put_number(mem, view, i);
    }
    buf_add(sql, STR(" FROM expected ORDER BY \"weft row\""));
    job->text = buf_str(sql);
}

/* What stands in a row of a release is for no finding, which ends in a log of some other program. */
static str plan_got_text(struct arena *mem, const struct plan_case *c, const struct tree *row,
                         size_t at)
{
    return c->release != NULL ? STR("(another value)") : plan_cell_text(mem, row, at);
}

static bool plan_same_cell(const struct tree *a, const struct tree *b, size_t at)
{
    return at < a->len && at < b->len && tree_equal(a->at[at], b->at[at]);
}

static void plan_compare_row(struct arena *mem, struct plan_case *c, size_t row,
                             const struct tree *expected, const struct tree *got)
{
    const struct tree *wanted = c->of->expect->at[row];

    for (size_t i = 0; i < c->decision.columns.len; i++) {
        const struct decision_column *column = &c->decision.columns.at[i];
        const struct tree *cell = tree_get(wanted, column->name);

        if (cell == NULL) {
            continue;
        }
        if (plan_is_hashed(column, cell)) {
            if (i >= got->len || got->at[i]->kind == TREE_NULL) {
                plan_differ(mem, &c->differences, row + 1, column->name, STR("hashed"),
                            plan_got_text(mem, c, got, i));
            }
        } else if (!plan_same_cell(expected, got, i)) {
            plan_differ(mem, &c->differences, row + 1, column->name,
                        plan_cell_text(mem, expected, i), plan_got_text(mem, c, got, i));
        }
    }
    for (size_t i = 0; i < wanted->len; i++) {
        if (plan_shown(&c->decision, wanted->at[i]->key) == NULL) {
            plan_differ(mem, &c->differences, row + 1, wanted->at[i]->key,
                        plan_value_text(mem, wanted->at[i]), STR("(the column is denied)"));
        }
    }
}

static str plan_row_text(struct arena *mem, const struct plan_case *c, const struct tree *row)
{
    struct buf *b = buf_new(mem, PATH_BYTES_MAX);

    for (size_t i = 0; i < c->decision.columns.len; i++) {
        str cell = plan_cell_text(mem, row, i);

        buf_format(b, "%s%.*s %.*s", i ? ", " : "", STR_ARG(c->decision.columns.at[i].name),
                   STR_ARG(cell));
    }
    return buf_str(b);
}

static void plan_compare_rows(struct arena *mem, struct plan_case *c,
                              const struct engine_rows *expected, const struct engine_rows *got)
{
    size_t most = expected->len > got->len ? expected->len : got->len;

    /* Where all are counted, those behind the expected ones need not be listed. */
    most = c->of->has_count && most > expected->len ? expected->len : most;

    for (size_t i = 0; i < most; i++) {
        if (i >= got->len) {
            plan_differ(mem, &c->differences, i + 1, STR_NONE,
                        plan_row_text(mem, c, expected->at[i]), STR("(no such row)"));
        } else if (i >= expected->len) {
            plan_differ(mem, &c->differences, i + 1, STR_NONE, STR("(no such row)"),
                        c->release != NULL ? STR("(a row)") : plan_row_text(mem, c, got->at[i]));
        } else {
            plan_compare_row(mem, c, i, expected->at[i], got->at[i]);
        }
    }
}

/* Values that do not fit their columns are the case's mistake; a lost worker is nobody's. Of a release the engine's words would tell a
 * value. */
static bool plan_case_failed(struct task *t, struct plan_case *c)
{
    if (t->err.code != ERR_DATA && t->err.code != ERR_TYPE && t->err.code != ERR_INVALID
        && t->err.code != ERR_LIMIT) {
        return false;
    }
    if (c->release != NULL) {
        plan_case_wrong(
            c, c->of->release_place,
            "the rows of the release do not fit the columns of the plan, or are too large",
            STR_NONE);
    } else {
        (void)plan_case_wrong(c, c->of->place, "a value does not fit its column",
                              arena_str(t->mem, t->err.message));
    }
    task_clear_error(t);
    return true;
}

static bool plan_case_count(struct task *t, struct plan_case *c, struct plan_source *source,
                            str clearing)
{
    struct engine_rows rows;

    source->job.text = arena_format(t->mem, "%.*sSELECT count(*)::VARCHAR FROM (%.*s)",
                                    STR_ARG(source->with), STR_ARG(clearing));
    if (!plan_case_ask(t, c, &source->job, &rows)) {
        return false;
    }
    str expected = arena_format(t->mem, "%llu rows", (unsigned long long)c->of->count);
    str got = arena_format(t->mem, "%.*s rows", STR_ARG(plan_cell_text(t->mem, rows.at[0], 0)));

    if (!str_eq(expected, got)) {
        plan_differ(t->mem, &c->differences, 0, STR_NONE, expected, got);
    }
    return true;
}

/* All that he gets, or as many as the case tells of, and enough of the others. */
static bool plan_case_compare(struct task *t, struct plan_case *c, struct plan_source *source,
                              str clearing)
{
    struct engine_job wanted = {0};
    struct engine_rows got, expected;
    size_t most = c->of->expect->len + PLAN_DIFFERENCES_TOLD + 1;

    source->job.text =
        arena_format(t->mem, "%.*s%.*s LIMIT %zu", STR_ARG(source->with), STR_ARG(clearing), most);
    plan_case_expected(t->mem, c, &wanted);
    if (!plan_case_ask(t, c, &source->job, &got) || !plan_case_ask(t, c, &wanted, &expected)) {
        return false;
    }
    plan_compare_rows(t->mem, c, &expected, &got);
    return true;
}

static bool plan_case_run_rows(struct task *t, struct plan_case *c)
{
    struct plan_source source = {0};
    struct engine_job typed;
    struct engine_rows ignored;
    str clearing = policy_clearing_sql(t->mem, &c->decision);

    if (!plan_case_knows(t->mem, c, c->of->rows) || !plan_case_knows(t->mem, c, c->of->expect)) {
        return true;
    }
    if (c->release != NULL) {
        if (!plan_case_released(t, c, &source)) {
            return false;
        }
    } else {
        plan_case_given(t->mem, c, &source, &typed);
        if (!plan_case_ask(t, c, &typed, &ignored)) {
            return plan_case_failed(t, c);
        }
    }
    if ((c->of->has_count && !plan_case_count(t, c, &source, clearing))
        || (c->of->expect != NULL && !plan_case_compare(t, c, &source, clearing))) {
        return plan_case_failed(t, c);
    }
    for (size_t i = 0; i < c->of->hidden.len; i++) {
        if (plan_shown(&c->decision, c->of->hidden.at[i]) != NULL) {
            plan_differ(t->mem, &c->differences, 0, c->of->hidden.at[i], STR("(hidden)"),
                        STR("(shown)"));
        }
    }
    return true;
}

/* ---- the outcome of a case */

static str plan_denial(struct arena *mem, const struct decision *decision)
{
    struct buf *b = buf_new(mem, PATH_BYTES_MAX);

    for (size_t i = 0; i < decision->reasons.len; i++) {
        const struct decision_reason *reason = &decision->reasons.at[i];

        if (str_eq(reason->effect, STR("deny"))) {
            buf_format(b, "%s%.*s (%.*s)", b->len ? "; " : "", STR_ARG(reason->text),
                       STR_ARG(reason->policy));
        }
    }
    return b->len > 0 ? buf_str(b) : STR("denied");
}

static void plan_case_judge(struct arena *mem, struct plan_case *c, size_t errors)
{
    struct finding *finding;

    if (c->differences.len == 0 || c->testing->report->errors > errors) {
        return;
    }
    finding = report_add(c->testing->report, FINDING_ERROR, ERR_CHECK_FAILED, c->of->place,
                         "the policies do not do what case \"%.*s\" expects", STR_ARG(c->of->name));
    finding->found = plan_difference_table(mem, &c->differences);
}

static bool plan_run_case(struct task *t, struct plan_case *c)
{
    size_t errors = c->testing->report->errors;
    struct policy_actor actor;

    if (!plan_case_find_table(t->mem, c) || !plan_case_find_actor(c, &actor)) {
        return true;
    }
    if (c->of->has_release) {
        if (!plan_find_release(t, c->testing->releases, c->of, c->testing->report, &c->table,
                               &c->release)) {
            return false;
        }
        c->is_left_out = c->release == NULL;
        if (c->is_left_out) {
            return true;
        }
    }
    plan_case_decide(t->mem, c, &actor);
    bool is_denied = !c->decision.allowed || c->decision.columns.len == 0;
    str why = is_denied ? plan_denial(t->mem, &c->decision) : STR_NONE;
    if (is_denied != c->of->is_denied) {
        plan_differ(t->mem, &c->differences, 0, STR_NONE, is_denied ? STR("rows") : STR("denied"),
                    is_denied ? arena_format(t->mem, "denied: %.*s", STR_ARG(why)) : STR("rows"));
    } else if (is_denied && str_find(why, c->of->reason) == why.len && c->of->reason.len > 0) {
        plan_differ(t->mem, &c->differences, 0, STR_NONE,
                    arena_format(t->mem, "denied: … %.*s …", STR_ARG(c->of->reason)),
                    arena_format(t->mem, "denied: %.*s", STR_ARG(why)));
    } else if (!is_denied && !plan_case_run_rows(t, c)) {
        return false;
    }
    plan_case_judge(t->mem, c, errors);
    return true;
}

bool plan_run_policy_tests(struct task *t, struct engine *engine, const struct model *model,
                           const struct labels *labels, const struct plan_releases *releases,
                           str domain, str file, struct report *report,
                           struct plan_case_results *results)
{
    struct plan_testing testing = {
        .engine = engine, .model = model, .labels = labels, .releases = releases, .report = report};

    for (size_t i = 0; i < model->cases.len; i++) {
        const struct policy_case *of = &model->cases.at[i];
        struct plan_case c = {.testing = &testing, .of = of};
        size_t errors = report->errors;
        str of_domain, rest;

        (void)str_cut(of->table, '.', &of_domain, &rest);
        if ((file.len > 0 && !str_eq(of->file, file))
            || (domain.len > 0 && !str_is_listed(domain, of_domain))) {
            continue;
        }
        if ((testing.worker == NULL
             && !engine_lend(t, engine, WORKER_CHECK, STR("plan"), (struct engine_reach){0},
                             &testing.worker))
            || !plan_run_case(t, &c)) {
            return false;
        }
        if (results != NULL) {
            vec_push(t->mem, results,
                     ((struct plan_case_result){.name = of->name,
                                                .subject = of->table,
                                                .place = of->place,
                                                .has_passed = report->errors == errors,
                                                .is_left_out = c.is_left_out}));
        }
    }
    if (testing.worker != NULL) {
        engine_return(t, testing.worker);
    }
    return true;
}
