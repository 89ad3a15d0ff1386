#include "buf/buf.h"
#include "check_row/check_row.h"
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
    struct gate_scope scope;
};

static str run_schema(const struct run_table *table)
{
    return table->schema.len ? table->schema : STR("self");
}

static str run_view(struct arena *mem, const struct run_table *table)
{
    struct buf *b = buf_new(mem, PATH_BYTES_MAX);

    buf_add_identifier(b, run_schema(table));
    buf_add_byte(b, '.');
    buf_add_identifier(b, table->name);
    return buf_str(b);
}

/* A rule's own SQL was written by a stranger: it takes the way of the product's SELECTs. */
static bool run_ask_foreign(struct task *t, struct run *r, struct run_checker *c,
                            struct worker *worker, str text, const struct tree **row_out)
{
    struct engine_job job;

    return (run_clear(t, r, worker, text, &c->scope, NULL, &job)
            && run_ask_row(t, worker, &job, true, row_out))
        || run_hide_values(t, r);
}

static bool run_ask_own(struct task *t, struct run *r, struct worker *worker,
                        const struct run_table *table, str text, const struct tree **row_out)
{
    struct engine_job job = {.text = text};

    return run_add_staged(t, r, &job, run_schema(table), table)
        && run_ask_row(t, worker, &job, false, row_out);
}

/* Errors that are the machine's or the caller's end the run; those of a rule are its verdict. */
static bool run_is_of_rule(enum error_code code)
{
    switch (code) {
    case ERR_SYNTAX:
    case ERR_UNKNOWN_NAME:
    case ERR_UNKNOWN_COLUMN:
    case ERR_TYPE:
    case ERR_REFUSED:
    case ERR_DENIED:
    case ERR_DATA:
    case ERR_LIMIT:
        return true;
    default:
        return false;
    }
}

static bool run_compile_checks(struct task *t, struct run_check *check, struct run_table *table)
{
    check->table = table;
    if (!check_compile(t->mem, table->definition, run_view(t->mem, table), &table->columns,
                       &check->plan)) {
        return task_fail(t, ERR_INTERNAL, "the rules of %.*s do not compile", STR_ARG(table->name));
    }
    check->answers = ARENA_ARRAY(t->mem, const struct tree *, check->plan.selects.len + 1);
    check->errors = ARENA_ARRAY(t->mem, str, check->plan.selects.len + 1);
    return true;
}

/* Questions of our own text, or those that the contract brings. */
static bool run_ask_table(struct task *t, struct run *r, struct run_checker *c,
                          struct worker *worker, struct run_check *check, bool is_foreign)
{
    run_progress(t, r, "check", check->table->name, -1);
    for (size_t i = 0; i < check->plan.selects.len; i++) {
        const struct check_select *select = &check->plan.selects.at[i];

        if (select->is_foreign != is_foreign
            || (is_foreign
                    ? run_ask_foreign(t, r, c, worker, select->text, &check->answers[i])
                    : run_ask_own(t, r, worker, check->table, select->text, &check->answers[i]))) {
            continue;
        }
        if (!run_is_of_rule(t->err.code)) {
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
            if (c->checks[i].plan.selects.at[j].is_foreign) {
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

static bool run_fails(const struct check_result *result)
{
    return result->verdict == VERDICT_FAIL || result->verdict == VERDICT_ERROR;
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
                report_add(&r->findings, FINDING_WARNING, ERR_CHECK_FAILED, result->rule->place,
                           "%.*s", STR_ARG(result->message));
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
                     r->target->release.number > 0 ? "the last good release stays"
                                                   : "nothing was published");
}

bool run_check_tables(struct task *t, struct run *r, struct run_table *tables, size_t len,
                      const char *what)
{
    struct run_checker c = {.checks = ARENA_ARRAY(t->mem, struct run_check, len + 1),
                            .len = len,
                            .scope = {.product = r->target}};

    if (len == 0) {
        return true;
    }
    if (!run_row_step(t, r->services->db, r->id, RUN_CHECKING, str_of(what))) {
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
        vec_push(t->mem, &input->paths, tables[i].path);
        if (input->deletions.len > 0) {
            vec_push(t->mem, &input->deletions, STR_NONE);
        }
        if (!run_compile_checks(t, &c.checks[i], &tables[i])) {
            return false;
        }
    }
    if (!run_ask_tables(t, r, &c, false)
        || (run_has_foreign(&c) && !run_ask_tables(t, r, &c, true))) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        check_judge(t->mem, &c.checks[i].plan, c.checks[i].answers, c.checks[i].errors,
                    &tables[i].verdicts, &tables[i].verdict_count);
    }
    return run_judge(t, r, tables, len, what);
}

static const char *run_rule_kind(enum rule_kind kind)
{
    switch (kind) {
    case RULE_ROW_COUNT:
        return "rowCount";
    case RULE_NULL_VALUES:
        return "nullValues";
    case RULE_MISSING_VALUES:
        return "missingValues";
    case RULE_INVALID_VALUES:
        return "invalidValues";
    case RULE_DUPLICATE_VALUES:
        return "duplicateValues";
    case RULE_SQL:
        return "sql";
    case RULE_TEXT:
        return "text";
    case RULE_CUSTOM:
        return "custom";
    case RULE_REQUIRED:
        return "required";
    case RULE_UNIQUE:
        return "unique";
    case RULE_PRIMARY_KEY:
        return "primaryKey";
    }
    return "";
}

static bool run_write_table_checks(struct task *t, struct metadb *db, const struct run *r,
                                   const struct run_table *table)
{
    bool is_input = table->table == NULL;

    for (size_t i = 0; i < table->verdict_count; i++) {
        const struct check_result *result = &table->verdicts[i];
        const struct contract_rule *rule = result->rule;
        struct check_row row = {
            .run_id = r->id,
            .table_id = is_input ? 0 : table->table->id,
            .table = is_input ? arena_format(t->mem, "%.*s.%.*s", STR_ARG(table->schema),
                                             STR_ARG(table->name))
                              : table->name,
            .rule_id = rule->id,
            .kind = str_of(run_rule_kind(rule->kind)),
            .name = rule->name,
            .column = str_list_join(t->mem, &rule->columns, STR(", ")),
            .dimension = rule->dimension,
            .verdict = result->verdict,
            .is_input = is_input,
            .rejects = rule->effect == RULE_REJECTS,
            .expected = result->expected,
            .found = result->found,
            .message = result->message,
            .rows_total = result->rows,
            .rows_failed = result->rows_failed,
            .has_rows = result->has_rows_failed,
        };

        if (!check_row_add(t, db, &row)) {
            return false;
        }
    }
    return true;
}

bool run_write_checks(struct task *t, struct metadb *db, const struct run *r)
{
    for (size_t i = 0; i < r->staged.len; i++) {
        if (!run_write_table_checks(t, db, r, &r->staged.at[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < r->outputs.len; i++) {
        if (!run_write_table_checks(t, db, r, &r->outputs.at[i])) {
            return false;
        }
    }
    return run_write_requirements(t, db, r);
}
