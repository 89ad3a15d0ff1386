/* Rules whose time has come between two runs: they are asked of the current release as it lies there, and of sources, which are read for
 * that. The release stays whatever they find: what is told is the verdict, and that it has changed. */
#include "run/run_due.h"

#include "buf/buf.h"
#include "clock/clock.h"
#include "fault/fault.h"
#include "job_row/job_row.h"
#include "json_out/json_out.h"
#include "limits/limits.h"
#include "outbox/outbox.h"
#include "product/product.h"
#include "run_due_inside.h"

struct run_due_work {
    struct run_due_tables tables;
    struct {
        VEC_OF(struct contract_table *)
    } asked; /* of each: with the rules that are due */
    struct str_list sources;
    size_t count;
    str problem; /* why the sources cannot be read; empty: they were */
};

/* What reads a source waits while a run does: that one asks what is due. */
static bool run_find_due(struct task *t, struct run *r, struct run_due_work *w)
{
    struct str_list active = {0};

    if (!run_find_schedules(t, r) || !job_row_active(t, r->services->db, &active)) {
        return false;
    }
    bool runs = job_row_is_active(&active, r->product);

    run_due_list(t->mem, r->target, &w->tables);
    for (size_t i = 0; i < w->tables.len; i++) {
        const struct run_due_table *table = &w->tables.at[i];
        struct contract_table *asked = ARENA_NEW(t->mem, struct contract_table);

        *asked = *table->definition;
        asked->rules.at = NULL;
        asked->rules.len = asked->rules.cap = 0;
        for (size_t k = 0; k < table->definition->rules.len; k++) {
            const struct contract_rule *rule = &table->definition->rules.at[k];

            if ((table->input == NULL || !runs)
                && run_due_at(t, r->target, table, rule, &r->schedules) <= r->started_us) {
                vec_push(t->mem, &asked->rules, *rule);
            }
        }
        if (table->input != NULL && asked->rules.len > 0) {
            str_list_add(t->mem, &w->sources, table->input->name);
        }
        w->count += asked->rules.len;
        vec_push(t->mem, &w->asked, asked);
    }
    return true;
}

/* Producers at their releases, and the sources that are read. */
static void run_pin_due(struct task *t, struct run *r, const struct run_due_work *w)
{
    const struct model_product *definition = r->target->definition;

    for (size_t i = 0; i < definition->inputs.len; i++) {
        const struct model_input *input = &definition->inputs.at[i];
        const struct image_product *producer =
            input->producer != NULL
                ? image_find_product(r->image, input->producer->domain->name, input->producer->name)
                : NULL;

        if (producer != NULL ? producer->release.number > 0
                             : str_list_has(&w->sources, input->name)) {
            vec_push(t->mem, &r->inputs,
                     ((struct run_input){.input = input, .producer = producer}));
        }
    }
}

/* Nobody mends a source by asking it again in a minute. */
static bool run_is_of_source(enum error_code code)
{
    return code == ERR_SOURCE || code == ERR_DRIFT || code == ERR_DATA || code == ERR_CHECK_FAILED
        || code == ERR_REFUSED || code == ERR_TIMEOUT || code == ERR_LIMIT || code == ERR_INVALID;
}

/* As a run reads it, into a staging folder of its own: without the rows that a run would put aside. A slow one leaves time for what else is
 * asked. */
static bool run_read_due(struct task *t, struct run *r, struct run_due_work *w)
{
    int64_t now_ms = clock_monotonic_ms(), deadline_ms = t->deadline_ms;

    if (w->sources.len == 0) {
        return true;
    }
    if (!store_room(t, r->services->store, 0)
        || !store_stage(t, r->services->store, r->id, &r->staging)) {
        return false;
    }
    t->deadline_ms = now_ms + (deadline_ms - now_ms) / 4 * 3;
    bool ok = run_extract(t, r) && run_divert_inputs(t, r);

    t->deadline_ms = deadline_ms;
    if (!ok && run_is_of_source(t->err.code)) {
        w->problem = arena_str(t->mem, t->err.message);
        r->staged.len = 0;
        task_clear_error(t);
        return true;
    }
    return ok;
}

static struct run_table *run_find_read(struct run *r, const struct run_due_table *of)
{
    for (size_t i = 0; i < r->staged.len; i++) {
        if (str_eq(r->staged.at[i].schema, of->input->name)
            && str_eq(r->staged.at[i].name, of->definition->name)) {
            return &r->staged.at[i];
        }
    }
    return NULL;
}

/* The tables of the release, and those that were read, with the rules that are asked of them. */
static void run_place_due(struct task *t, struct run *r, const struct run_due_work *w)
{
    for (size_t i = 0; i < w->tables.len; i++) {
        const struct run_due_table *of = &w->tables.at[i];
        struct run_table *table =
            of->of != NULL ? vec_add(t->mem, &r->outputs) : run_find_read(r, of);

        if (of->of != NULL) {
            run_keep_release(t, r, of->of, table);
        }
        if (table != NULL) {
            table->definition = w->asked.at[i];
        }
    }
}

/* What could not be read is told of each rule that would have read it. */
static void run_tell_unread(struct task *t, struct run *r, const struct run_due_work *w)
{
    for (size_t i = 0; i < w->tables.len; i++) {
        const struct contract_table *asked = w->asked.at[i];

        if (w->tables.at[i].input == NULL || asked->rules.len == 0) {
            continue;
        }
        struct run_table *table = vec_add(t->mem, &r->staged);

        *table = (struct run_table){.schema = w->tables.at[i].input->name, .name = asked->name};
        table->verdicts = ARENA_ARRAY(t->mem, struct check_result, asked->rules.len);
        table->verdict_count = asked->rules.len;
        for (size_t k = 0; k < asked->rules.len; k++) {
            check_unanswered(t->mem, &asked->rules.at[k], w->problem, &table->verdicts[k]);
        }
    }
}

/* ---- what is told */

static bool run_tell_change(struct task *t, struct metadb *db, const struct run *r,
                            const struct scheduled_check *before, const struct scheduled_check *now)
{
    struct json_out o = {.b = buf_new(t->mem, DOCUMENT_BYTES_MAX)};

    /* Neither numbers nor values of rows: who receives it is no reader. */
    json_out_begin(&o, "", '{');
    json_out_str(&o, "product", r->product);
    json_out_str(&o, "table", now->table);
    json_out_str(&o, "rule", now->rule_id);
    json_out_uint(&o, "release", now->release);
    json_out_str(&o, "before", str_of(verdict_name(before->verdict)));
    json_out_str(&o, "verdict", str_of(verdict_name(now->verdict)));
    json_out_end(&o, '}');
    return outbox_add(t, db, STR("verdict"), r->product, buf_str(o.b), NULL);
}

static bool run_write_due_verdict(struct task *t, struct metadb *db, const struct run *r,
                                  const struct run_table *table, const struct check_result *result)
{
    struct scheduled_check row;
    const struct scheduled_check *before;

    run_take_schedule(t, r, table, result, &row);
    before = scheduled_check_find(&r->schedules, row.product_id, row.table, result->rule,
                                  row.rule_digest);
    return scheduled_check_add(t, db, &row)
        && (before == NULL || before->verdict == row.verdict
            || run_tell_change(t, db, r, before, &row));
}

static bool run_write_due(struct task *t, struct metadb *db, void *state)
{
    struct run *r = state;
    uint64_t number = 0;

    if (!product_release(t, db, r->product, &number)) {
        return false;
    }
    /* Another release came meanwhile: its run has asked what had to be asked. */
    if (number != r->release) {
        return true;
    }
    if (!run_write_each(t, db, r, run_write_due_verdict)) {
        return false;
    }
    metadb_pass_before_commit(db, FAULT_CHECKS_BEFORE_COMMIT);
    return true;
}

bool run_due(struct task *t, struct services *services, str product)
{
    struct run r = {.services = services, .product = product, .is_between = true};
    struct run_due_work w = {0};
    char id[37];
    str domain, name;

    r.started_us = clock_now_us();
    report_init(&r.findings, t->mem);
    r.image = image_pin(t, services->images);
    (void)str_cut(product, '.', &domain, &name);
    r.target = image_find_product(r.image, domain, name);
    if (r.target == NULL || r.target->release.number == 0) {
        return true;
    }
    r.release = r.target->release.number;
    clock_uuid(id);
    r.id = arena_str(t->mem, str_of(id));
    if (!run_find_due(t, &r, &w)) {
        return false;
    }
    if (w.count == 0) {
        return true;
    }
    run_pin_due(t, &r, &w);
    if (!run_read_due(t, &r, &w)) {
        return false;
    }
    run_place_due(t, &r, &w);
    if (!run_find_verdicts(t, &r, r.outputs.at, r.outputs.len, "release")
        || !run_find_verdicts(t, &r, r.staged.at, r.staged.len, "sources")) {
        return false;
    }
    if (w.problem.len > 0) {
        run_tell_unread(t, &r, &w);
    }
    return metadb_write(t, services->db, run_write_due, &r);
}
