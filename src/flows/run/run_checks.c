#include "buf/buf.h"
#include "check_row/check_row.h"
#include "clock/clock.h"
#include "limits/limits.h"
#include "run_inside.h"
#include "run_row/run_row.h"

enum { RUN_FAILURES_TOLD = 20 };

/* A table with its questions and what came back: an answer, or why there is none. */
struct run_check {
    struct run_table *table;
    struct check_plan plan;
    const struct tree **answers;
    str *errors;
};

/* Tables of one product as its rules name them: `self.NAME` for outputs, `port.NAME` for sources. */
struct run_checker {
    struct run_check *checks;
    size_t len;
    struct gate_scope scope; /* these tables */
    struct gate_scope wide;  /* and those of all input ports, for relationships that lead there */
};

static str run_schema(const struct run_table *table)
{
    return table->schema.len ? table->schema : STR("self");
}

str run_view_name(struct arena *mem, str schema, str table)
{
    struct buf *b = buf_new(mem, PATH_BYTES_MAX);

    buf_add_identifier(b, schema);
    buf_add_byte(b, '.');
    buf_add_identifier(b, table);
    return buf_str(b);
}

static str run_view(struct arena *mem, const struct run_table *table)
{
    return run_view_name(mem, run_schema(table), table->name);
}

/* A rule's own SQL was written by a stranger: it takes the way of the product's SELECTs. */
static bool run_ask_foreign(struct task *t, struct run *r, struct run_checker *c,
                            struct worker *worker, const struct check_select *select,
                            const struct tree **row_out)
{
    const struct gate_scope *scope = select->reads_inputs ? &c->wide : &c->scope;
    struct engine_job job;

    if (!run_clear(t, r, worker, select->text, scope, NULL, &job)) {
        return run_hide_values(t, r);
    }
    /* All of a run are asked of one moment. */
    job.now = clock_text(t->mem, r->started_us);
    return run_ask_row(t, worker, &job, true, row_out) || run_hide_values(t, r);
}

static bool run_has_view(const struct engine_job *job, str schema, str name)
{
    for (size_t i = 0; i < job->views.len; i++) {
        if (str_eq(job->views.at[i].schema, schema) && str_eq(job->views.at[i].name, name)) {
            return true;
        }
    }
    return false;
}

static bool run_ask_own(struct task *t, struct run *r, const struct run_checker *c,
                        struct worker *worker, const struct run_table *table,
                        const struct check_select *select, const struct tree **row_out)
{
    struct engine_job job = {.text = select->text};

    if (!run_add_staged(t, r, &job, run_schema(table), table)) {
        return false;
    }
    for (size_t i = 0; select->reads_others && i < c->len; i++) {
        const struct run_table *other = c->checks[i].table;

        /* What came to a table stands behind all of it: a name means the latter. */
        if (other != table && str_eq(other->schema, table->schema)
            && !run_has_view(&job, run_schema(other), other->name)
            && !run_add_staged(t, r, &job, run_schema(other), other)) {
            return false;
        }
    }
    return run_ask_row(t, worker, &job, false, row_out);
}

static void run_find_targets(struct task *t, const struct run *r, const struct run_table *table,
                             struct check_targets *out)
{
    for (size_t i = 0; i < table->definition->rules.len; i++) {
        const struct contract_rule *rule = &table->definition->rules.at[i];
        struct model_relation relation;
        struct check_target *target;

        if (rule->kind != RULE_RELATIONSHIP) {
            continue;
        }
        target = vec_add(t->mem, out);
        target->rule = rule;
        if (!model_find_relation(t->mem, r->target->definition, table->contract, rule, &relation)) {
            target->problem = relation.problem;
            continue;
        }
        target->view = run_view_name(t->mem, relation.schema, relation.table->name);
        target->is_input = relation.is_input;
        for (size_t j = 0; j < relation.columns.len; j++) {
            vec_push(t->mem, &target->columns, relation.columns.at[j]->name);
        }
    }
}

static bool run_compile_checks(struct task *t, const struct run *r, struct run_check *check,
                               struct run_table *table)
{
    struct check_targets targets = {0};

    check->table = table;
    run_find_targets(t, r, table, &targets);
    if (!check_compile(t->mem, table->definition, run_view(t->mem, table), &table->columns,
                       &targets, &check->plan)) {
        return task_fail(t, ERR_INTERNAL, "the rules of %.*s do not compile", STR_ARG(table->name));
    }
    check->answers = ARENA_ARRAY(t->mem, const struct tree *, check->plan.selects.len + 1);
    check->errors = ARENA_ARRAY(t->mem, str, check->plan.selects.len + 1);
    return true;
}

static bool run_is_foreign(const struct check_select *select)
{
    return select->is_foreign || select->reads_inputs;
}

/* Questions of our own text over staged tables, or those that take the way through the gate. */
static bool run_ask_table(struct task *t, struct run *r, struct run_checker *c,
                          struct worker *worker, struct run_check *check, bool is_foreign)
{
    run_progress(t, r, "check", check->table->name, -1);
    for (size_t i = 0; i < check->plan.selects.len; i++) {
        const struct check_select *select = &check->plan.selects.at[i];

        if (run_is_foreign(select) != is_foreign
            || (is_foreign
                    ? run_ask_foreign(t, r, c, worker, select, &check->answers[i])
                    : run_ask_own(t, r, c, worker, check->table, select, &check->answers[i]))) {
            continue;
        }
        if (!error_is_of_sql(t->err.code)) {
            return false;
        }
        check->errors[i] = arena_str(t->mem, t->err.message);
        task_clear_error(t);
    }
    return true;
}

static bool run_has_foreign(const struct run_checker *c)
{
    for (size_t i = 0; i < c->len; i++) {
        for (size_t j = 0; j < c->checks[i].plan.selects.len; j++) {
            if (run_is_foreign(&c->checks[i].plan.selects.at[j])) {
                return true;
            }
        }
    }
    return false;
}

/* One worker at a time: runs that hold one and wait for another could wait for each other. */
static bool run_ask_tables(struct task *t, struct run *r, struct run_checker *c, bool is_foreign)
{
    str owner =
        is_foreign ? arena_format(t->mem, "product:%.*s", STR_ARG(r->product)) : STR("check");
    struct worker *worker;

    if (!engine_lend(t, r->services->engine, is_foreign ? WORKER_BUILD : WORKER_CHECK, owner,
                     (struct engine_reach){0}, &worker)) {
        return false;
    }
    for (size_t i = 0; i < c->len; i++) {
        if (!run_ask_table(t, r, c, worker, &c->checks[i], is_foreign)) {
            return false;
        }
    }
    engine_return(t, worker);
    return true;
}

const char *run_what_stays(const struct run *r)
{
    return r->target->release.number > 0 ? "the last good release stays" : "nothing was published";
}

bool run_fails(const struct check_result *result)
{
    return result->verdict == VERDICT_FAIL || result->verdict == VERDICT_ERROR;
}

void run_warn(struct run *r, const struct check_result *result)
{
    report_add(&r->findings, FINDING_WARNING, ERR_CHECK_FAILED, result->rule->place, "%.*s",
               STR_ARG(result->message));
}

/* The detail names every check that failed, a line each; `weft show` tells the rest. */
static bool run_judge(struct task *t, struct run *r, struct run_table *tables, size_t len,
                      const char *what)
{
    struct buf *lines = buf_new(t->mem, RUN_DETAIL_BYTES_MAX);
    size_t failed = 0;

    for (size_t i = 0; i < len; i++) {
        for (size_t j = 0; j < tables[i].verdict_count; j++) {
            const struct check_result *result = &tables[i].verdicts[j];

            if (!run_fails(result)) {
                continue;
            }
            if (result->rule->effect == RULE_WARNS) {
                run_warn(r, result);
            } else if (failed++ < RUN_FAILURES_TOLD) {
                buf_format(lines, "%s%.*s: %.*s", lines->len ? "\n" : "", STR_ARG(tables[i].name),
                           STR_ARG(result->message));
            }
        }
    }
    if (failed == 0) {
        return true;
    }
    task_fail(t, ERR_CHECK_FAILED, "%zu check%s of the %s of %.*s failed: the run is rejected",
              failed, failed > 1 ? "s" : "", what, STR_ARG(r->product));
    task_detail(t, "%.*s", STR_ARG(buf_str(lines)));
    return task_hint(t, "%s; mend the data or change the contract, then run again",
                     run_what_stays(r));
}

static void run_widen(struct task *t, const struct run *r, struct run_checker *c)
{
    for (size_t i = 0; i < c->scope.inputs.len; i++) {
        vec_push(t->mem, &c->wide.inputs, c->scope.inputs.at[i]);
    }
    /* Where the inputs themselves are checked, they are in it already. */
    for (size_t i = 0; i < r->staged.len && c->checks[0].table->table != NULL; i++) {
        run_scope_staged(t, &r->staged.at[i], "input port", &c->wide);
    }
    run_scope_inputs(t, r, &c->wide);
}

bool run_find_verdicts(struct task *t, struct run *r, struct run_table *tables, size_t len,
                       const char *what)
{
    struct run_checker c = {.checks = ARENA_ARRAY(t->mem, struct run_check, len + 1),
                            .len = len,
                            .scope = {.product = r->target},
                            .wide = {.product = r->target}};

    if (len == 0) {
        return true;
    }
    if (!run_enter(t, r, RUN_CHECKING, str_of(what))) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        struct gate_input *input = vec_add(t->mem, &c.scope.inputs);

        input->schema = run_schema(&tables[i]);
        input->what = "table";
        input->name = tables[i].name;
        input->columns = tables[i].columns;
        if (tables[i].increment != NULL
            && !run_add_kept(t, r, tables[i].increment, &input->paths, &input->deletions)) {
            return false;
        }
        run_add_paths(t, &tables[i], &input->paths);
        if (tables[i].path.len > 0 && input->deletions.len > 0) {
            vec_push(t->mem, &input->deletions, STR_NONE);
        }
        if (!run_compile_checks(t, r, &c.checks[i], &tables[i])) {
            return false;
        }
    }
    run_widen(t, r, &c);
    if (!run_ask_tables(t, r, &c, false)
        || (run_has_foreign(&c) && !run_ask_tables(t, r, &c, true))) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        check_judge(t->mem, &c.checks[i].plan, c.checks[i].answers, c.checks[i].errors,
                    &tables[i].verdicts, &tables[i].verdict_count);
    }
    return true;
}

bool run_check_tables(struct task *t, struct run *r, struct run_table *tables, size_t len,
                      const char *what)
{
    return run_find_verdicts(t, r, tables, len, what) && run_judge(t, r, tables, len, what);
}

static bool run_write_check(struct task *t, struct metadb *db, const struct run *r,
                            const struct run_table *table, const struct check_result *result)
{
    bool is_input = table->table == NULL;
    const struct contract_rule *rule = result->rule;
    struct check_row row = {
        .run_id = r->id,
        .table_id = is_input ? 0 : table->table->id,
        .table = run_told_name(t->mem, table),
        .rule_id = rule->id,
        .kind = contract_rule_kind(rule),
        .name = rule->name,
        .column = str_list_join(t->mem, &rule->columns, STR(", ")),
        .dimension = rule->dimension,
        .schedule = contract_rule_schedule(t->mem, rule),
        .business_impact = rule->business_impact,
        .tags = str_list_join(t->mem, &rule->tags, STR(", ")),
        .verdict = result->verdict,
        .is_input = is_input,
        .rejects = rule->effect == RULE_REJECTS,
        .expected = result->expected,
        .found = result->found,
        .message = result->message,
        .rows_total = result->rows,
        .rows_failed = result->rows_failed,
        .has_rows = result->has_rows_failed,
        .diverts = rule->effect == RULE_QUARANTINES,
        .rows_quarantined = result->rows_quarantined,
        .checked_us = result->checked_us,
    };

    return check_row_add(t, db, &row);
}

bool run_write_each(struct task *t, struct metadb *db, const struct run *r,
                    bool (*write)(struct task *t, struct metadb *db, const struct run *r,
                                  const struct run_table *table, const struct check_result *result))
{
    for (size_t i = 0; i < r->staged.len + r->outputs.len; i++) {
        const struct run_table *table =
            i < r->staged.len ? &r->staged.at[i] : &r->outputs.at[i - r->staged.len];

        for (size_t j = 0; j < table->verdict_count; j++) {
            if (!write(t, db, r, table, &table->verdicts[j])) {
                return false;
            }
        }
    }
    return true;
}

bool run_write_checks(struct task *t, struct metadb *db, const struct run *r)
{
    return run_write_each(t, db, r, run_write_check) && run_write_requirements(t, db, r);
}
