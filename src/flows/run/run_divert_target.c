/* Where relationships lead whose rows may go into quarantine. */
#include "buf/buf.h"
#include "limits/limits.h"
#include "run_divert_inside.h"

static const struct run_table *run_find_staged(const struct run *r, str schema, str name)
{
    bool is_self = str_eq(schema, STR("self"));

    for (size_t i = 0; i < r->outputs.len; i++) {
        if (is_self && str_eq(r->outputs.at[i].name, name)) {
            return &r->outputs.at[i];
        }
    }
    for (size_t i = 0; i < r->staged.len; i++) {
        if (str_eq(r->staged.at[i].schema, schema) && str_eq(r->staged.at[i].name, name)) {
            return &r->staged.at[i];
        }
    }
    return NULL;
}

static const struct image_table *run_find_produced(const struct run *r, str schema, str name)
{
    for (size_t i = 0; i < r->inputs.len; i++) {
        const struct run_input *input = &r->inputs.at[i];

        if (input->producer != NULL && str_eq(input->input->name, schema)) {
            return image_find_output(input->producer, input->input->contract, name);
        }
    }
    return NULL;
}

static str run_keys_sql(struct task *t, const struct model_relation *relation)
{
    struct buf *b = buf_new(t->mem, SQL_BYTES_MAX);

    buf_add(b, STR("SELECT DISTINCT "));
    for (size_t i = 0; i < relation->columns.len; i++) {
        buf_add(b, i ? STR(", ") : STR(""));
        buf_add_identifier(b, relation->columns.at[i]->name);
    }
    buf_add(b, STR(" FROM "));
    buf_add_identifier(b, relation->schema);
    buf_add_byte(b, '.');
    buf_add_identifier(b, relation->table->name);
    return buf_str(b);
}

/* As far as the product may see them: what it may not is nobody's partner. */
static bool run_stage_keys(struct task *t, struct run *r, struct worker *worker,
                           const struct model_relation *relation, struct run_table *out)
{
    const struct image_table *made = run_find_produced(r, relation->schema, relation->table->name);
    struct gate_scope scope = {.product = r->target};
    struct row_sink sink = run_progress_sink(t, r, relation->table->name);
    struct engine_job job;

    for (size_t i = 0; i < relation->columns.len; i++) {
        str type = relation->columns.at[i]->type;

        for (size_t k = 0; made != NULL && k < made->columns.len; k++) {
            if (str_eq(made->columns.at[k].name, relation->columns.at[i]->name)) {
                type = made->columns.at[k].type;
            }
        }
        vec_push(t->mem, &out->columns,
                 ((struct job_column){
                     .name = relation->columns.at[i]->name, .type = type, .id = (uint32_t)i + 1}));
    }
    run_scope_inputs(t, r, &scope);
    return (run_clear(t, r, worker, run_keys_sql(t, relation), &scope, &sink, &job)
            && run_stage(t, r, worker, &job, true, out))
        || run_hide_values(t, r);
}

/* A rule that cannot be asked fails where all rules are asked. */
static bool run_take_problem(struct task *t, struct check_target *target)
{
    if (!error_is_of_sql(t->err.code)) {
        return false;
    }
    target->problem = arena_str(t->mem, t->err.message);
    task_clear_error(t);
    return true;
}

static bool run_find_target_of(struct task *t, struct run *r, struct run_diverting *d,
                               const struct contract_rule *rule, struct worker **worker)
{
    struct check_target *target = vec_add(t->mem, &d->targets);
    struct run_diverting_target *source = vec_add(t->mem, &d->sources);
    struct model_relation relation;

    *target = (struct check_target){.rule = rule};
    *source = (struct run_diverting_target){.is_staged = true};
    if (!model_find_relation(t->mem, r->target->definition, d->table->contract, rule, &relation)) {
        target->problem = relation.problem;
        return true;
    }
    for (size_t i = 0; i < relation.columns.len; i++) {
        vec_push(t->mem, &target->columns, relation.columns.at[i]->name);
    }
    source->table = run_find_staged(r, relation.schema, relation.table->name);
    if (source->table != NULL) {
        target->view = run_view_name(t->mem, relation.schema, relation.table->name);
        return true;
    }
    str owner = arena_format(t->mem, "product:%.*s", STR_ARG(r->product));
    struct run_table *keys = ARENA_NEW(t->mem, struct run_table);

    /* One file for each rule: no port and no table has such a name. */
    *keys = (struct run_table){.schema = arena_format(t->mem, "keys %zu", d->targets.len),
                               .name = run_told_name(t->mem, d->table)};
    source->table = keys;
    source->is_staged = false;
    target->view = run_view_name(t->mem, keys->schema, keys->name);
    if (*worker == NULL
        && !engine_lend(t, r->services->engine, WORKER_BUILD, owner, (struct engine_reach){0},
                        worker)) {
        return false;
    }
    return run_stage_keys(t, r, *worker, &relation, keys) || run_take_problem(t, target);
}

bool run_find_targets(struct task *t, struct run *r, struct run_diverting *all, size_t len)
{
    struct worker *worker = NULL;

    for (size_t i = 0; i < len; i++) {
        for (size_t k = 0; k < all[i].asked->rules.len; k++) {
            const struct contract_rule *rule = &all[i].asked->rules.at[k];

            if (rule->kind == RULE_RELATIONSHIP
                && !run_find_target_of(t, r, &all[i], rule, &worker)) {
                return false;
            }
        }
    }
    if (worker != NULL) {
        engine_return(t, worker);
    }
    return true;
}

bool run_add_targets(struct task *t, const struct run_diverting *d, struct engine_job *job)
{
    for (size_t i = 0; i < d->targets.len; i++) {
        const struct run_table *table = d->sources.at[i].table;
        bool is_there = d->targets.at[i].problem.len > 0;

        for (size_t k = 0; k < i && !is_there; k++) {
            is_there = d->sources.at[k].table == table && d->targets.at[k].problem.len == 0;
        }
        if (is_there) {
            continue;
        }
        str schema = table->schema.len > 0 ? table->schema : STR("self");

        if (!run_add_staged(t, d->r, job, schema, table)) {
            return false;
        }
    }
    return true;
}

/* By its id: a verdict has the rule of the copy that was asked. */
const struct check_target *run_find_diverting_target(const struct run_diverting *d,
                                                     const struct contract_rule *rule)
{
    for (size_t i = 0; i < d->targets.len; i++) {
        if (str_eq(d->targets.at[i].rule->id, rule->id)) {
            return &d->targets.at[i];
        }
    }
    return NULL;
}
