/* When rules are due between runs, and what has to be read for them. */
#include "run/run_due.h"
#include "run_due_inside.h"

void run_due_list(struct arena *mem, const struct image_product *product,
                  struct run_due_tables *out)
{
    *out = (struct run_due_tables){0};
    for (size_t i = 0; i < product->tables.len; i++) {
        const struct image_table *of = &product->tables.at[i];

        vec_push(mem, out,
                 ((struct run_due_table){.name = of->name,
                                         .of = of,
                                         .contract = of->contract,
                                         .definition = of->definition}));
    }
    for (size_t i = 0; i < product->definition->inputs.len; i++) {
        const struct model_input *input = &product->definition->inputs.at[i];

        for (size_t k = 0; input->producer == NULL && k < input->contract->tables.len; k++) {
            const struct contract_table *definition = &input->contract->tables.at[k];

            vec_push(
                mem, out,
                ((struct run_due_table){.name = arena_format(mem, "%.*s.%.*s", STR_ARG(input->name),
                                                             STR_ARG(definition->name)),
                                        .input = input,
                                        .contract = input->contract,
                                        .definition = definition}));
        }
    }
}

/* A source is read whole for what is asked of it, which is not what runs ask where these read what came alone. */
static bool run_may_read_sources(const struct image_product *product)
{
    for (size_t i = 0; i < product->tables.len; i++) {
        if (product->tables.at[i].definition->incremental.mode != INCREMENTAL_NONE) {
            return false;
        }
    }
    return true;
}

/* ODCS gives no schedule to a relationship: none is here. Rows of a source that a run puts aside fail there, and nowhere else. */
static bool run_can_ask(const struct image_product *product, const struct run_due_table *table,
                        const struct contract_rule *rule)
{
    return rule->has_cron && rule->kind != RULE_TEXT && rule->kind != RULE_CUSTOM
        && (table->input == NULL
            || (rule->effect != RULE_QUARANTINES && run_may_read_sources(product)));
}

int64_t run_due_at(struct task *t, const struct image_product *product,
                   const struct run_due_table *table, const struct contract_rule *rule,
                   const struct scheduled_check_list *schedules)
{
    const struct scheduled_check *last;

    if (!run_can_ask(product, table, rule)) {
        return INT64_MAX;
    }
    last = scheduled_check_find(schedules, product->id, table->name, rule,
                                scheduled_check_digest(t->mem, rule));
    return last == NULL ? 0 : cron_after(&rule->cron, last->checked_us);
}

/* ---- which products */

static int64_t run_next_of(struct task *t, const struct image_product *product,
                           const struct scheduled_check_list *schedules)
{
    struct run_due_tables tables;
    int64_t next_us = INT64_MAX;

    run_due_list(t->mem, product, &tables);
    for (size_t i = 0; i < tables.len; i++) {
        const struct contract_table *definition = tables.at[i].definition;

        for (size_t k = 0; k < definition->rules.len; k++) {
            int64_t due_us =
                run_due_at(t, product, &tables.at[i], &definition->rules.at[k], schedules);

            next_us = due_us < next_us ? due_us : next_us;
        }
    }
    return next_us;
}

static bool run_has_schedule(struct arena *mem, const struct image_product *product)
{
    struct run_due_tables tables;

    run_due_list(mem, product, &tables);
    for (size_t i = 0; i < tables.len; i++) {
        for (size_t k = 0; k < tables.at[i].definition->rules.len; k++) {
            if (tables.at[i].definition->rules.at[k].has_cron) {
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
        struct arena_mark mark = arena_mark(mem);
        bool has_schedule = run_has_schedule(mem, &image->products.at[i]);

        arena_rewind(mem, mark);
        if (has_schedule) {
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

        if (product == NULL || product->release.number == 0) {
            continue;
        }
        struct arena_mark mark = arena_mark(t->mem);
        int64_t next_us = run_next_of(t, product, &last);

        arena_rewind(t->mem, mark);
        if (next_us <= now_us) {
            vec_push(t->mem, due_out, products->at[i]);
        } else if (next_us < *next_us_out) {
            *next_us_out = next_us;
        }
    }
    return true;
}
