/* Rules whose time has come between two runs: they are asked of the current release as it lies there. It stays whatever they find: what
 * is told is the verdict, and that it has changed. */
#include "run/run_due.h"

#include "buf/buf.h"
#include "clock/clock.h"
#include "fault/fault.h"
#include "json_out/json_out.h"
#include "limits/limits.h"
#include "outbox/outbox.h"
#include "product/product.h"
#include "run_inside.h"

/* Those that a release can answer: a relationship into a source cannot be followed where nothing is extracted. */
static bool run_can_ask(struct task *t, const struct run *r, const struct image_table *table,
                        const struct contract_rule *rule)
{
    struct model_relation relation;

    if (!rule->has_cron || rule->kind == RULE_TEXT || rule->kind == RULE_CUSTOM) {
        return false;
    }
    if (rule->kind != RULE_RELATIONSHIP) {
        return true;
    }
    if (!model_find_relation(t->mem, r->target->definition, table->contract, rule, &relation)) {
        return false;
    }
    for (size_t i = 0; relation.is_input && i < r->target->definition->inputs.len; i++) {
        if (str_eq(r->target->definition->inputs.at[i].name, relation.schema)) {
            return r->target->definition->inputs.at[i].producer != NULL;
        }
    }
    return !relation.is_input;
}

static bool run_is_due_of(struct task *t, const struct run *r, const struct image_table *table,
                          const struct contract_rule *rule)
{
    return run_can_ask(t, r, table, rule)
        && run_rule_is_due(rule,
                           scheduled_check_find(&r->schedules, r->target->id, table->name, rule,
                                                scheduled_check_digest(t->mem, rule)),
                           r->started_us);
}

/* All tables of the release, with the rules that are due; how many these are. */
static size_t run_take_release(struct task *t, struct run *r)
{
    size_t due = 0;

    for (size_t i = 0; i < r->target->tables.len; i++) {
        const struct image_table *of = &r->target->tables.at[i];
        struct contract_table *asked = ARENA_NEW(t->mem, struct contract_table);
        struct run_table *table = vec_add(t->mem, &r->outputs);

        *asked = *of->definition;
        asked->rules.at = NULL;
        asked->rules.len = asked->rules.cap = 0;
        for (size_t k = 0; k < of->definition->rules.len; k++) {
            if (run_is_due_of(t, r, of, &of->definition->rules.at[k])) {
                vec_push(t->mem, &asked->rules, of->definition->rules.at[k]);
            }
        }
        due += asked->rules.len;
        run_keep_release(t, r, of, table);
        table->definition = asked;
    }
    return due;
}

static void run_pin_producers(struct task *t, struct run *r)
{
    const struct model_product *definition = r->target->definition;

    for (size_t i = 0; i < definition->inputs.len; i++) {
        const struct model_input *input = &definition->inputs.at[i];
        const struct image_product *producer =
            input->producer != NULL
                ? image_find_product(r->image, input->producer->domain->name, input->producer->name)
                : NULL;

        if (producer != NULL && producer->release.number > 0) {
            vec_push(t->mem, &r->inputs,
                     ((struct run_input){.input = input, .producer = producer}));
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
    for (size_t i = 0; i < r->outputs.len; i++) {
        const struct run_table *table = &r->outputs.at[i];

        for (size_t k = 0; k < table->verdict_count; k++) {
            struct scheduled_check row;
            const struct scheduled_check *before;

            run_take_schedule(t, r, table, &table->verdicts[k], &row);
            before = scheduled_check_find(&r->schedules, row.product_id, row.table,
                                          table->verdicts[k].rule, row.rule_digest);
            if (!scheduled_check_add(t, db, &row)
                || (before != NULL && before->verdict != row.verdict
                    && !run_tell_change(t, db, r, before, &row))) {
                return false;
            }
        }
    }
    metadb_pass_before_commit(db, FAULT_CHECKS_BEFORE_COMMIT);
    return true;
}

bool run_due(struct task *t, struct services *services, str product)
{
    struct run r = {.services = services, .product = product, .is_between = true};
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
    run_pin_producers(t, &r);
    if (!run_find_schedules(t, &r)) {
        return false;
    }
    return run_take_release(t, &r) == 0
        || (run_find_verdicts(t, &r, r.outputs.at, r.outputs.len, "release")
            && metadb_write(t, services->db, run_write_due, &r));
}

/* ---- which products */

static int64_t run_next_of(struct task *t, const struct run *r)
{
    int64_t next_us = INT64_MAX;

    for (size_t i = 0; i < r->target->tables.len; i++) {
        const struct image_table *table = &r->target->tables.at[i];

        for (size_t k = 0; k < table->definition->rules.len; k++) {
            const struct contract_rule *rule = &table->definition->rules.at[k];

            if (!run_can_ask(t, r, table, rule)) {
                continue;
            }
            const struct scheduled_check *last =
                scheduled_check_find(&r->schedules, r->target->id, table->name, rule,
                                     scheduled_check_digest(t->mem, rule));
            int64_t due_us = last == NULL ? 0 : cron_after(&rule->cron, last->checked_us);

            next_us = due_us < next_us ? due_us : next_us;
        }
    }
    return next_us;
}

static bool run_has_schedule(const struct image_product *product)
{
    for (size_t i = 0; i < product->tables.len; i++) {
        for (size_t k = 0; k < product->tables.at[i].definition->rules.len; k++) {
            if (product->tables.at[i].definition->rules.at[k].has_cron) {
                return true;
            }
        }
    }
    return false;
}

void run_scheduled_products(struct arena *mem, const struct image *image, struct str_list *out)
{
    *out = (struct str_list){0};
    for (size_t i = 0; i < image->products.len; i++) {
        if (run_has_schedule(&image->products.at[i])) {
            vec_push(mem, out, arena_str(mem, image->products.at[i].address));
        }
    }
}

bool run_due_products(struct task *t, struct services *services, const struct str_list *products,
                      int64_t now_us, struct str_list *due_out, int64_t *next_us_out)
{
    const struct image *image = image_pin(t, services->images);
    struct scheduled_check_list last = {0};
    str domain, name;

    *next_us_out = INT64_MAX;
    if (products->len > 0 && !scheduled_check_last(t, services->db, 0, &last)) {
        return false;
    }
    for (size_t i = 0; i < products->len; i++) {
        (void)str_cut(products->at[i], '.', &domain, &name);
        const struct image_product *product = image_find_product(image, domain, name);
        struct run r = {.services = services, .target = product, .schedules = last};

        if (product == NULL || product->release.number == 0) {
            continue;
        }
        struct arena_mark mark = arena_mark(t->mem);
        int64_t next_us = run_next_of(t, &r);

        arena_rewind(t->mem, mark);
        if (next_us <= now_us) {
            vec_push(t->mem, due_out, products->at[i]);
        } else if (next_us < *next_us_out) {
            *next_us_out = next_us;
        }
    }
    return true;
}
