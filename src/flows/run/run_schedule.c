/* Rules with a schedule. One that may stop a release or divert its rows is asked at every run, so that nothing is published that was not
 * checked; one that warns is asked when it is due, and has its last verdict until then. */
#include "clock/clock.h"
#include "run_inside.h"

bool run_find_schedules(struct task *t, struct run *r)
{
    return r->has_schedules
        || (r->has_schedules =
                scheduled_check_last(t, r->services->db, r->target->id, &r->schedules));
}

static const struct scheduled_check *run_last(struct task *t, const struct run *r,
                                              const struct run_table *table,
                                              const struct contract_rule *rule)
{
    return scheduled_check_find(&r->schedules, r->target->id, run_told_name(t->mem, table), rule,
                                scheduled_check_digest(t->mem, rule));
}

bool run_rule_is_due(const struct contract_rule *rule, const struct scheduled_check *last,
                     int64_t now_us)
{
    return last == NULL || cron_after(&rule->cron, last->checked_us) <= now_us;
}

static struct check_result run_standing(struct task *t, const struct contract_rule *rule,
                                        const struct scheduled_check *last)
{
    int64_t next_us = cron_after(&rule->cron, last->checked_us);
    str at = str_sub(clock_text(t->mem, last->checked_us), 0, 16);

    return (struct check_result){
        .rule = rule,
        .verdict = last->verdict,
        .expected = last->expected,
        .found = last->found,
        .rows = last->rows_total,
        .rows_failed = last->rows_failed,
        .has_rows_failed = last->has_rows,
        .checked_us = last->checked_us,
        .message =
            arena_format(t->mem, "%.*s (as of %.*sZ; due again at %.*sZ)", STR_ARG(last->message),
                         STR_ARG(at), STR_ARG(str_sub(clock_text(t->mem, next_us), 0, 16))),
    };
}

bool run_leave_standing(struct task *t, struct run *r, const struct run_table *of,
                        struct run_table *asked, struct run_table *standing)
{
    struct contract_table *left = ARENA_NEW(t->mem, struct contract_table);

    *standing = *of;
    standing->verdict_count = 0;
    standing->verdicts = NULL;
    if (of->definition == NULL || !run_find_schedules(t, r)) {
        return of->definition == NULL;
    }
    *left = *asked->definition;
    left->rules.at = NULL;
    left->rules.len = left->rules.cap = 0;
    standing->verdicts = ARENA_ARRAY(t->mem, struct check_result, of->definition->rules.len + 1);
    for (size_t i = 0; i < asked->definition->rules.len; i++) {
        const struct contract_rule *rule = &asked->definition->rules.at[i];
        bool may_stand = rule->has_cron && rule->effect == RULE_WARNS;
        const struct scheduled_check *last = may_stand ? run_last(t, r, of, rule) : NULL;

        /* What could not be asked then can be now: all that a rule reads is there at a run. */
        if (!may_stand || run_rule_is_due(rule, last, r->started_us)
            || last->verdict == VERDICT_ERROR) {
            vec_push(t->mem, &left->rules, *rule);
            continue;
        }
        standing->verdicts[standing->verdict_count++] = run_standing(t, rule, last);
    }
    asked->definition = left;
    return true;
}

void run_tell_standing(struct run *r, const struct run_table *standing)
{
    for (size_t i = 0; i < standing->verdict_count; i++) {
        if (run_fails(&standing->verdicts[i])) {
            run_warn(r, &standing->verdicts[i]);
        }
    }
}

void run_take_schedule(struct task *t, const struct run *r, const struct run_table *table,
                       const struct check_result *result, struct scheduled_check *out)
{
    *out = (struct scheduled_check){
        .product_id = r->target->id,
        .table_id = table->table != NULL ? table->table->id : 0,
        .table = run_told_name(t->mem, table),
        .rule_id = result->rule->id,
        .rule_digest = scheduled_check_digest(t->mem, result->rule),
        .release = r->release,
        .checked_us = r->started_us,
        .verdict = result->verdict,
        .expected = result->expected,
        .found = result->found,
        .message = result->message,
        .rows_total = result->rows,
        .rows_failed = result->rows_failed,
        .has_rows = result->has_rows_failed,
    };
}

static bool run_write_schedule(struct task *t, struct metadb *db, const struct run *r,
                               const struct run_table *table, const struct check_result *result)
{
    struct scheduled_check row;

    if (!result->rule->has_cron || result->checked_us != 0) {
        return true;
    }
    run_take_schedule(t, r, table, result, &row);
    row.run_id = r->id;
    return scheduled_check_add(t, db, &row);
}

bool run_write_schedules(struct task *t, struct metadb *db, const struct run *r)
{
    return run_write_each(t, db, r, run_write_schedule);
}
