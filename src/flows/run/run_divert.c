/* Rows that fail a rule of `onFailure: quarantine` go into a file of their own, with the rule and its demand, and what is left goes on. A
 * row may fail only since others are gone: one whose partner was diverted, or one of a share that grew. So tables are asked in rounds,
 * until none loses a row more. Which rows are equal is asked of what all other rules leave: else a good row would go since it equals one
 * that goes itself. */
#include "buf/buf.h"
#include "fault/fault.h"
#include "limits/limits.h"
#include "run_divert_inside.h"

enum { MILLION = 1000000, RUN_DIVERT_ROUNDS_MAX = 32 };

/* ---- what is asked */

static bool run_diverts(const struct contract_rule *rule)
{
    return rule->effect == RULE_QUARANTINES;
}

/* Of an input that was read from a key on, only what such rows can tell. */
static bool run_asks(const struct run_table *table, const struct contract_rule *rule)
{
    return run_diverts(rule) && (!table->is_partial || run_is_told_by_part(rule));
}

bool run_compares_rows(const struct contract_rule *rule)
{
    return rule->kind == RULE_UNIQUE || rule->kind == RULE_DUPLICATE_VALUES;
}

static void run_prepare_diverting(struct task *t, struct run *r, struct run_table *table,
                                  struct run_diverting *out)
{
    struct contract_table *asked = run_without_rules(t, table);

    *out = (struct run_diverting){.r = r, .table = table, .asked = asked};
    for (size_t i = 0; i < table->definition->rules.len; i++) {
        const struct contract_rule *rule = &table->definition->rules.at[i];

        if (!run_asks(table, rule)) {
            continue;
        }
        out->may_fail_later = out->may_fail_later || rule->kind == RULE_RELATIONSHIP
                           || rule->is_percent || run_may_bring_back(table, rule);
        if (run_compares_rows(rule)) {
            struct contract_table *key = run_without_rules(t, table);

            vec_push(t->mem, &key->rules, *rule);
            vec_push(t->mem, &out->keys, key);
        } else {
            vec_push(t->mem, &asked->rules, *rule);
        }
    }
}

/* ---- which rules fail */

static bool run_judge_diverting(struct task *t, struct run_diverting *d,
                                const struct contract_table *asked)
{
    struct check_plan plan;
    struct check_result *verdicts;
    size_t len;

    if (!check_compile(t->mem, asked, STR("came"), &d->table->columns, &d->targets, &plan)) {
        return task_fail(t, ERR_INTERNAL, "the rules of %.*s do not compile",
                         STR_ARG(d->table->name));
    }
    const struct tree **answers = ARENA_ARRAY(t->mem, const struct tree *, plan.selects.len + 1);
    str *errors = ARENA_ARRAY(t->mem, str, plan.selects.len + 1);

    for (size_t i = 0; i < plan.selects.len; i++) {
        struct engine_job job = {.text = plan.selects.at[i].text};

        (void)run_add_file(t, d, &job, STR("came"), d->table->path, &d->table->columns);
        if (!run_add_targets(t, d, &job)) {
            return false;
        }
        if (run_ask_row(t, d->worker, &job, false, &answers[i])) {
            continue;
        }
        /* The checks of what goes on ask it again, and tell. */
        if (!error_is_of_sql(t->err.code)) {
            return false;
        }
        errors[i] = arena_str(t->mem, t->err.message);
        task_clear_error(t);
    }
    check_judge(t->mem, &plan, answers, errors, &verdicts, &len);
    d->verdicts.len = 0;
    for (size_t i = 0; i < len; i++) {
        if (verdicts[i].verdict == VERDICT_FAIL) {
            vec_push(t->mem, &d->verdicts, verdicts[i]);
        }
    }
    return true;
}

/* ---- how many may be */

static str run_most_text(struct task *t, const struct contract_most *most)
{
    return most->is_share ? arena_format(t->mem, "%g percent", (double)most->most * 100 / MILLION)
                          : arena_format(t->mem, "%llu rows", (unsigned long long)most->most);
}

/* More than are fit to be put aside: then it is not the rows that are wrong. */
static bool run_may_divert(struct task *t, const struct run_diverting *d)
{
    struct run_diverted *out = d->table->diverted;
    struct contract_most most = d->table->definition->quarantine_most;
    uint64_t rows = out->rows, checked = out->checked;
    struct buf *lines = buf_new(t->mem, RUN_DETAIL_BYTES_MAX);

    if (!most.is_set) {
        most = (struct contract_most){
            .is_share = true,
            .most = (uint64_t)CONFIG_INT(d->r->services->config, quarantine_percent_max) * MILLION
                  / 100};
    }
    if (d->r->is_replay
        || (most.is_share
                ? (unsigned __int128)rows * MILLION <= (unsigned __int128)most.most * checked
                : rows <= most.most)) {
        return true;
    }
    for (size_t i = 0; i < out->verdicts.len; i++) {
        struct check_result *result = &out->verdicts.at[i];

        result->message = arena_format(t->mem, "%.*s: expected %.*s, found %.*s; none quarantined",
                                       STR_ARG(result->rule->id), STR_ARG(result->expected),
                                       STR_ARG(result->found));
        result->rows_quarantined = 0;
        buf_format(lines, "%s%.*s: %.*s", i ? "\n" : "", STR_ARG(d->table->name),
                   STR_ARG(result->message));
    }
    d->table->verdicts = out->verdicts.at;
    d->table->verdict_count = out->verdicts.len;
    task_fail(t, ERR_CHECK_FAILED,
              "%llu of %llu rows of %.*s.%.*s would be quarantined, more than %.*s: the run is "
              "rejected",
              (unsigned long long)rows, (unsigned long long)checked, STR_ARG(d->r->product),
              STR_ARG(run_told_name(t->mem, d->table)), STR_ARG(run_most_text(t, &most)));
    task_detail(t, "%.*s", STR_ARG(buf_str(lines)));
    return task_hint(t, d->table->definition->quarantine_most.is_set
                            ? "mend the rows, or raise the quarantineMost of the table"
                            : "mend the rows, or let the table say quarantineMost");
}

/* ---- rounds */

/* What a rule diverted in earlier rounds, and now. */
static void run_add_verdicts(struct task *t, const struct run_diverting *d)
{
    struct run_diverted *out = d->table->diverted;

    for (size_t i = 0; i < d->verdicts.len; i++) {
        const struct check_result *now = &d->verdicts.at[i];
        struct check_result *told = NULL;

        for (size_t k = 0; k < out->verdicts.len; k++) {
            if (str_eq(out->verdicts.at[k].rule->id, now->rule->id)) {
                told = &out->verdicts.at[k];
            }
        }
        if (told == NULL) {
            told = vec_add(t->mem, &out->verdicts);
            *told = *now;
            told->rows_quarantined = 0;
        } else {
            told->rows_failed += now->rows_failed;
        }
        told->rows = out->checked;
        told->rows_quarantined += now->rows_quarantined;
        told->message = arena_format(t->mem, "%.*s; %llu rows quarantined", STR_ARG(now->message),
                                     (unsigned long long)told->rows_quarantined);
    }
}

static bool run_begin_diverted(struct task *t, struct run_diverting *d)
{
    struct run_table *table = d->table;
    struct run_diverted *out = ARENA_NEW(t->mem, struct run_diverted);
    struct quarantine_input input = {0};

    out->checked = table->rows;
    out->table_id = table->table != NULL ? table->table->id : 0;
    for (size_t i = 0; i < table->columns.len; i++) {
        vec_push(t->mem, &out->columns, table->columns.at[i]);
    }
    if (table->table == NULL) {
        if (!quarantine_make_input(t, d->r->services->db, d->r->target->id, table->schema,
                                   table->name, &table->columns, &input)) {
            return false;
        }
        out->table_id = input.table_id;
        for (size_t i = 0; i < table->columns.len; i++) {
            out->columns.at[i].id = input.columns.at[i];
        }
    }
    table->diverted = out;
    return true;
}

static bool run_divert_marked(struct task *t, struct run_diverting *d, bool *has_more_out)
{
    /* What a rule counts may be in no row: then it stays as it is, for the checks that follow. */
    if (d->rows == 0) {
        return true;
    }
    if (d->table->diverted == NULL && !run_begin_diverted(t, d)) {
        return false;
    }
    d->table->diverted->rows += d->rows;
    run_add_verdicts(t, d);
    *has_more_out = true;
    return run_may_divert(t, d) && run_write_round(t, d);
}

static bool run_divert_by(struct task *t, struct run_diverting *d,
                          const struct contract_table *asked, bool *has_more_out)
{
    d->round++;
    if (d->table->rows == 0 || asked->rules.len == 0) {
        return true;
    }
    run_progress(t, d->r, "quarantine", d->table->name, -1);
    if (!run_judge_diverting(t, d, asked)) {
        return false;
    }
    if (d->verdicts.len == 0) {
        return true;
    }
    return run_mark_rows(t, d) && run_divert_marked(t, d, has_more_out);
}

/* Those that the table keeps stay. */
static bool run_divert_twins(struct task *t, struct run_diverting *d,
                             const struct contract_rule *rule, bool *has_more_out)
{
    d->round++;
    if (d->table->rows == 0 || !run_has_twins(d, rule)) {
        return true;
    }
    run_progress(t, d->r, "quarantine", d->table->name, -1);
    return run_mark_twins(t, d, rule) && run_divert_marked(t, d, has_more_out);
}

static bool run_divert_values(struct task *t, struct run_diverting *all, size_t len, bool is_first,
                              bool *has_more_out)
{
    for (size_t i = 0; i < len; i++) {
        if ((is_first || all[i].may_fail_later)
            && !run_divert_by(t, &all[i], all[i].asked, has_more_out)) {
            return false;
        }
    }
    return true;
}

static bool run_divert_equals(struct task *t, struct run_diverting *all, size_t len, bool is_first,
                              bool *has_more_out)
{
    for (size_t i = 0; i < len; i++) {
        for (size_t k = 0; (is_first || all[i].may_fail_later) && k < all[i].keys.len; k++) {
            const struct contract_table *key = all[i].keys.at[k];

            if (!run_divert_twins(t, &all[i], &key->rules.at[0], has_more_out)
                || !run_divert_by(t, &all[i], key, has_more_out)) {
                return false;
            }
        }
    }
    return true;
}

static bool run_divert_rounds(struct task *t, struct run_diverting *all, size_t len)
{
    bool may_fail_later = false, has_more = true, are_compared = false;

    for (size_t i = 0; i < len; i++) {
        may_fail_later = may_fail_later || all[i].may_fail_later;
    }
    for (unsigned round = 0; has_more && (round == 0 || may_fail_later); round++) {
        has_more = false;
        if (round == RUN_DIVERT_ROUNDS_MAX) {
            task_fail(t, ERR_CHECK_FAILED,
                      "rows of %.*s go into quarantine since others go, over and over: the run is "
                      "rejected after %d rounds",
                      STR_ARG(all->r->product), RUN_DIVERT_ROUNDS_MAX);
            return task_hint(t, "mend the data, or let the relationship or the unique column "
                                "reject");
        }
        if (!run_divert_values(t, all, len, round == 0, &has_more)) {
            return false;
        }
        if (has_more && may_fail_later) {
            continue;
        }
        if (!run_divert_equals(t, all, len, !are_compared, &has_more)) {
            return false;
        }
        are_compared = true;
    }
    for (size_t i = 0; i < len; i++) {
        if (!run_join_rounds(t, &all[i])) {
            return false;
        }
    }
    return true;
}

/* All tables of a kind: outputs, or those of sources. */
static bool run_divert_tables(struct task *t, struct run *r, struct run_table *tables, size_t len)
{
    struct run_diverting *all = ARENA_ARRAY(t->mem, struct run_diverting, len + 1);
    struct worker *worker;
    bool diverts = false;
    size_t count = 0;

    for (size_t i = 0; i < len; i++) {
        run_prepare_diverting(t, r, &tables[i], &all[count]);
        count += all[count].asked->rules.len + all[count].keys.len > 0;
    }
    if (count == 0) {
        return true;
    }
    /* One worker at a time: runs that hold one and wait for another could wait for each other. */
    if (!run_enter(t, r, RUN_CHECKING, STR("quarantine")) || !run_find_targets(t, r, all, count)
        || !engine_lend(t, r->services->engine, WORKER_CLEARING, STR("quarantine"),
                        (struct engine_reach){0}, &worker)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        all[i].worker = worker;
    }
    if (!run_divert_rounds(t, all, count)) {
        return false;
    }
    engine_return(t, worker);
    for (size_t i = 0; i < count; i++) {
        diverts = diverts || all[i].table->diverted != NULL;
    }
    return !diverts || fault_pass(t, FAULT_RUN_DIVERT);
}

bool run_divert_inputs(struct task *t, struct run *r)
{
    return run_divert_tables(t, r, r->staged.at, r->staged.len);
}

bool run_divert(struct task *t, struct run *r)
{
    return run_find_reread(t, r) && run_divert_tables(t, r, r->outputs.at, r->outputs.len);
}
