/* Checks where not all rows are new: a rule that no row may break, and that held before, is asked of the rows that came; every other one
 * of all rows. Of an input that was read from a key on, only what such rows can tell is asked. */
#include "buf/buf.h"
#include "limits/limits.h"
#include "run_inside.h"

/* Breaks at one row, whatever the others are. */
static bool run_is_of_rows(const struct contract_rule *rule)
{
    switch (rule->kind) {
    case RULE_REQUIRED:
    case RULE_OPTION:
        return true;
    case RULE_NULL_VALUES:
    case RULE_MISSING_VALUES:
    case RULE_INVALID_VALUES:
        return (rule->operator== RULE_IS || rule->operator== RULE_LESS_OR_EQUAL)
            && str_eq(rule->low, STR("0"));
    default:
        return false;
    }
}

static bool run_is_of_keys(const struct contract_rule *rule)
{
    return rule->kind == RULE_UNIQUE || rule->kind == RULE_PRIMARY_KEY;
}

static bool run_names_column(const struct contract_rule *rule, str name)
{
    return str_list_has(&rule->columns, name);
}

/* How many kept rows have a value of these columns that one which came has too. */
static str run_shared_sql(struct task *t, const struct run_table *table,
                          const struct contract_rule *rule)
{
    struct buf *b = buf_new(t->mem, SQL_BYTES_MAX);
    bool is_first = true;

    buf_add(b, STR("SELECT count(*) FROM kept AS \"#o\" SEMI JOIN delta AS \"#d\" ON "));
    for (size_t i = 0; i < table->columns.len; i++) {
        struct buf *name = buf_new(t->mem, NAME_BYTES_MAX * 4);

        if (!run_names_column(rule, table->columns.at[i].name)) {
            continue;
        }
        buf_add_identifier(name, table->columns.at[i].name);
        buf_format(b, "%s\"#o\".%.*s = \"#d\".%.*s", is_first ? "" : " AND ",
                   STR_ARG(buf_str(name)), STR_ARG(buf_str(name)));
        is_first = false;
    }
    return is_first ? STR_NONE : buf_str(b);
}

static void run_view_columns(struct task *t, const struct run_table *table,
                             const struct contract_rule *rule, struct job_columns *out)
{
    for (size_t i = 0; i < table->columns.len; i++) {
        if (run_names_column(rule, table->columns.at[i].name)) {
            vec_push(t->mem, out, table->columns.at[i]);
        }
    }
}

static bool run_ask_shared(struct task *t, struct run *r, const struct run_table *table,
                           const struct contract_rule *rule, uint64_t *out)
{
    struct engine_job job = {.text = run_shared_sql(t, table, rule)};
    struct job_view *kept, *delta;
    struct str_list paths = {0}, deletions = {0};
    const struct tree *row;
    struct worker *worker;

    *out = 1;
    if (job.text.len == 0) {
        return true;
    }
    if (!run_add_kept(t, r, table->increment, &paths, &deletions)) {
        return false;
    }
    kept = vec_add(t->mem, &job.views);
    *kept = (struct job_view){.name = STR("kept")};
    run_view_columns(t, table, rule, &kept->columns);
    for (size_t i = 0; i < paths.len; i++) {
        vec_push(t->mem, &kept->files, run_link(t, &job, paths.at[i], r->id));
        vec_push(t->mem, &kept->deletions, run_link(t, &job, deletions.at[i], r->id));
    }
    delta = vec_add(t->mem, &job.views);
    *delta = (struct job_view){.name = STR("delta")};
    run_view_columns(t, table, rule, &delta->columns);
    vec_push(t->mem, &delta->files, run_link(t, &job, table->path, r->id));
    if (!engine_lend(t, r->services->engine, WORKER_CHECK, STR("check"), (struct engine_reach){0},
                     &worker)
        || !run_ask_row(t, worker, &job, false, &row)) {
        return false;
    }
    engine_return(t, worker);
    return (row->len == 1 && str_to_u64(row->at[0]->text, out))
        || task_fail(t, ERR_WORKER, "a worker counted rows in an unknown way");
}

/* Is the rule whole when it holds for what came? Rows of a release have kept all rules that reject: it was published, by the same
 * contract. What a merge brings takes the place of the rows with its primary key. */
static bool run_tell_new(struct task *t, struct run *r, const struct run_table *table,
                         const struct contract_rule *rule, bool *is_new_out)
{
    uint64_t shared = 0;
    bool is_key = run_is_of_keys(rule);

    *is_new_out = false;
    if (rule->effect == RULE_WARNS || (!is_key && !run_is_of_rows(rule))) {
        return true;
    }
    if (is_key
        && !(rule->kind == RULE_PRIMARY_KEY
             && table->increment->definition->incremental.mode == INCREMENTAL_MERGE)
        && table->rows > 0 && !run_ask_shared(t, r, table, rule, &shared)) {
        return false;
    }
    *is_new_out = shared == 0;
    return true;
}

struct contract_table *run_without_rules(struct task *t, const struct run_table *table)
{
    struct contract_table *copy = ARENA_NEW(t->mem, struct contract_table);

    *copy = *table->definition;
    copy->rules.at = NULL;
    copy->rules.len = copy->rules.cap = 0;
    return copy;
}

/* `out` gets the table as a whole, with the rules that are of all rows, and what came, with the others. */
static bool run_split_rules(struct task *t, struct run *r, const struct run_table *table,
                            struct run_table *whole, struct run_table *fresh)
{
    struct contract_table *of_all = run_without_rules(t, table);
    struct contract_table *of_new = run_without_rules(t, table);

    *whole = *fresh = *table;
    whole->definition = of_all;
    fresh->definition = of_new;
    fresh->increment = NULL;
    for (size_t i = 0; i < table->definition->rules.len; i++) {
        const struct contract_rule *rule = &table->definition->rules.at[i];
        bool is_new;

        if (!run_tell_new(t, r, table, rule, &is_new)) {
            return false;
        }
        vec_push(t->mem, is_new ? &of_new->rules : &of_all->rules, *rule);
    }
    return true;
}

static void run_join_verdicts(struct task *t, struct run_table *table,
                              const struct run_table *first, const struct run_table *second)
{
    size_t len = first->verdict_count + second->verdict_count, at = 0;
    struct check_result *all = ARENA_ARRAY(t->mem, struct check_result, len + 1);

    for (size_t i = 0; i < first->verdict_count; i++) {
        all[at++] = first->verdicts[i];
    }
    for (size_t i = 0; i < second->verdict_count; i++) {
        all[at++] = second->verdicts[i];
    }
    table->verdicts = all;
    table->verdict_count = len;
}

bool run_check_outputs(struct task *t, struct run *r)
{
    size_t len = r->outputs.len;
    struct run_table *tables = ARENA_ARRAY(t->mem, struct run_table, len * 2 + 1);
    struct run_table *standing = ARENA_ARRAY(t->mem, struct run_table, len + 1);
    size_t more = 0;

    /* Those that a rule's own text names come first, whole. */
    for (size_t i = 0; i < len; i++) {
        struct run_table asked = r->outputs.at[i];

        if (!run_leave_standing(t, r, &r->outputs.at[i], &asked, &standing[i])) {
            return false;
        }
        tables[i] = asked;
        /* The contract may have changed since the release whose files stay beside what is replayed. */
        if (tables[i].increment != NULL && !r->is_replay
            && !run_split_rules(t, r, &asked, &tables[i], &tables[len + more++])) {
            return false;
        }
    }
    bool ok = run_check_tables(t, r, tables, len + more, "outputs");

    for (size_t i = 0, at = len; i < len; i++) {
        static const struct run_table none = {0};

        run_join_verdicts(t, &r->outputs.at[i], &tables[i],
                          tables[i].increment != NULL && !r->is_replay ? &tables[at++] : &none);
        run_join_verdicts(t, &r->outputs.at[i], &r->outputs.at[i], &standing[i]);
        run_tell_standing(r, &standing[i]);
        run_tell_diverted(&r->outputs.at[i]);
    }
    return ok && run_check_requirements(t, r);
}

/* ---- inputs */

/* A row that breaks a rule, two that are one. */
bool run_is_told_by_part(const struct contract_rule *rule)
{
    return run_is_of_rows(rule) || run_is_of_keys(rule) || rule->kind == RULE_RELATIONSHIP;
}

static void run_limit_rules(struct task *t, struct run_table *table, struct run_table *asked,
                            struct run_table *left)
{
    struct contract_table *told = run_without_rules(t, table);

    *asked = *left = *table;
    left->verdict_count = 0;
    left->verdicts = ARENA_ARRAY(t->mem, struct check_result, table->definition->rules.len + 1);
    asked->definition = told;
    for (size_t i = 0; i < table->definition->rules.len; i++) {
        const struct contract_rule *rule = &table->definition->rules.at[i];

        if (run_is_told_by_part(rule)) {
            vec_push(t->mem, &told->rules, *rule);
            continue;
        }
        left->verdicts[left->verdict_count++] = (struct check_result){
            .rule = rule,
            .verdict = VERDICT_NOT_EXECUTABLE,
            .expected = contract_rule_text(t->mem, rule),
            .rows = table->rows,
            .message = arena_format(t->mem, "%.*s: not asked, since not all rows were read",
                                    STR_ARG(contract_rule_text(t->mem, rule))),
        };
    }
}

bool run_check_inputs(struct task *t, struct run *r)
{
    size_t len = r->staged.len;
    struct run_table *tables = ARENA_ARRAY(t->mem, struct run_table, len + 1);
    struct run_table *left = ARENA_ARRAY(t->mem, struct run_table, len + 1);
    struct run_table *standing = ARENA_ARRAY(t->mem, struct run_table, len + 1);

    for (size_t i = 0; i < len; i++) {
        struct run_table asked = r->staged.at[i];

        if (!run_leave_standing(t, r, &r->staged.at[i], &asked, &standing[i])) {
            return false;
        }
        tables[i] = asked;
        if (asked.is_partial) {
            run_limit_rules(t, &asked, &tables[i], &left[i]);
        }
    }
    bool ok = run_check_tables(t, r, tables, len, "inputs");

    for (size_t i = 0; i < len; i++) {
        run_join_verdicts(t, &r->staged.at[i], &tables[i], &left[i]);
        run_join_verdicts(t, &r->staged.at[i], &r->staged.at[i], &standing[i]);
        run_tell_standing(r, &standing[i]);
        run_tell_diverted(&r->staged.at[i]);
    }
    return ok;
}
