#include "run/run_all.h"

#include "actor/actor.h"
#include "buf/buf.h"
#include "job_row/job_row.h"
#include "limits/limits.h"

enum { RUN_ALL_POLL_MS = 50 };

enum run_all_state { RUN_ALL_WAITS, RUN_ALL_WORKS, RUN_ALL_ENDED };

struct run_all_item {
    const struct image_product *product;
    enum run_all_state state;
    str job_id;
    uint64_t next_event;
};

struct run_all_items {
    VEC_OF(struct run_all_item)
};

/* The products of the model stand in order of dependency. */
static const struct image_product *run_all_find(const struct image *image, const struct model_product *product)
{
    return image_find_product(image, product->domain->name, product->name);
}

static bool run_all_may(struct task *t, const struct image *image, const struct image_product *product)
{
    const struct model_domain *domain = product->definition->domain;
    const struct actor *actor = t->actor;

    if (actor_is_operator(actor) || model_names_actor(&domain->owners, actor->name, &actor->groups) ||
        model_names_actor(&domain->members, actor->name, &actor->groups) ||
        model_names_actor(&image->model->mesh.admins, actor->name, &actor->groups)) {
        return true;
    }
    task_fail(t, ERR_DENIED, "%.*s may not run %.*s", STR_ARG(actor->name), STR_ARG(product->address));
    return task_hint(t, "owners and members of domain %.*s may", STR_ARG(domain->name));
}

static bool run_all_demand(struct task *t, const struct image *image, str address)
{
    str domain, name;

    (void)str_cut(address, '.', &domain, &name);
    const struct image_product *product = image_find_product(image, domain, name);
    if (product == NULL || !gate_may_discover(t, image, product)) {
        task_fail(t, ERR_NOT_FOUND, "there is no product %.*s, or you may not discover it", STR_ARG(address));
        return task_hint(t, "products are named domain.product; weft show lists them");
    }
    return run_all_may(t, image, product);
}

bool run_all_products(struct task *t, const struct image *image, str products, struct str_list *out)
{
    struct str_list wanted = {0};
    bool all = str_eq(products, STR("*"));
    str rest = products, one;

    if (image->model == NULL) {
        task_fail(t, ERR_NOT_FOUND, "the mesh is empty");
        return task_hint(t, "weft apply brings it from its files");
    }
    while (!all && rest.len > 0) {
        (void)str_cut(rest, ',', &one, &rest);
        if (!run_all_demand(t, image, one)) {
            return false;
        }
        str_list_add(t->mem, &wanted, one);
    }
    for (size_t i = 0; i < image->model->products.len; i++) {
        const struct image_product *product = run_all_find(image, image->model->products.at[i]);

        if (all && !run_all_may(t, image, product)) {
            return false;
        }
        if (all || str_list_has(&wanted, product->address)) {
            vec_push(t->mem, out, product->address);
        }
    }
    return true;
}

/* Waits while something that it reads is still to come. */
static bool run_all_is_ready(const struct run_all_items *items, const struct run_all_item *item)
{
    const struct model_product *definition = item->product->definition;

    for (size_t i = 0; i < definition->inputs.len; i++) {
        for (size_t j = 0; j < items->len; j++) {
            if (items->at[j].state != RUN_ALL_ENDED &&
                items->at[j].product->definition == definition->inputs.at[i].producer) {
                return false;
            }
        }
    }
    return true;
}

static bool run_all_start(struct task *t, struct run_all *all, struct run_all_items *items)
{
    str input = actor_is_operator(t->actor) ? STR("{\"as\":\"operator\"}") : STR("{\"as\":\"user\"}");

    for (size_t i = 0; i < items->len; i++) {
        struct run_all_item *item = &items->at[i];
        bool joined;

        if (item->state != RUN_ALL_WAITS || !run_all_is_ready(items, item)) {
            continue;
        }
        if (!job_row_queue(t, all->services->db, STR("run"), item->product->address, input, t->actor->name,
                           &item->job_id, &joined)) {
            return false;
        }
        item->state = RUN_ALL_WORKS;
        jobs_wake(all->services->jobs);
    }
    return true;
}

/* Events of the product's job become events of this one. */
static bool run_all_relay(struct task *t, struct run_all *all, struct run_all_item *item)
{
    str lines, line;
    bool ended;

    if (!jobs_follow(t, all->services->jobs, item->job_id, &item->next_event, 0, &lines, &ended)) {
        return false;
    }
    while (lines.len > 0) {
        (void)str_cut(lines, '\n', &line, &lines);
        if (line.len > 0) {
            jobs_say(all->services->jobs, all->job_id, line);
        }
    }
    return true;
}

static bool run_all_look(struct task *t, struct run_all *all, struct run_all_item *item)
{
    struct arena_mark mark = arena_mark(t->mem);
    struct job_row *row;
    bool ok = job_row_find(t, all->services->db, item->job_id, &row) && run_all_relay(t, all, item);

    if (ok && row != NULL && row->state != JOB_QUEUED && row->state != JOB_RUNNING) {
        item->state = RUN_ALL_ENDED;
        if (row->state == JOB_DONE) {
            all->published++;
        } else {
            enum error_code code = row->state == JOB_CANCELLED ? ERR_CANCELLED : ERR_INTERNAL;

            (void)error_by_name(row->result, &code);
            all->failed++;
            all->first_error = all->first_error == ERR_NONE ? code : all->first_error;
        }
    }
    arena_rewind(t->mem, mark);
    return ok;
}

static bool run_all_follow(struct task *t, struct run_all *all, struct run_all_items *items)
{
    for (;;) {
        size_t open = 0;

        if (!run_all_start(t, all, items)) {
            return false;
        }
        for (size_t i = 0; i < items->len; i++) {
            if (items->at[i].state == RUN_ALL_WORKS && !run_all_look(t, all, &items->at[i])) {
                return false;
            }
            open += items->at[i].state != RUN_ALL_ENDED;
        }
        if (open == 0) {
            return true;
        }
        if (!task_go_on(t)) {
            return false;
        }
        jobs_pause(all->services->jobs, RUN_ALL_POLL_MS);
    }
}

static void run_all_cancel(struct task *t, struct run_all *all, const struct run_all_items *items)
{
    struct task *last = task_new();

    last->actor = t->actor;
    for (size_t i = 0; i < items->len; i++) {
        enum job_state state;

        if (items->at[i].state != RUN_ALL_WORKS) {
            continue;
        }
        if (job_row_cancel(last, all->services->db, items->at[i].job_id, &state)) {
            (void)jobs_cancel(all->services->jobs, items->at[i].job_id);
        }
    }
    task_free(last);
}

bool run_all(struct task *t, struct run_all *all)
{
    const struct image *image = image_pin(t, all->services->images);
    struct str_list products = {0};
    struct run_all_items items = {0};

    if (!run_all_products(t, image, all->products, &products)) {
        return false;
    }
    for (size_t i = 0; i < products.len; i++) {
        str domain, name;

        (void)str_cut(products.at[i], '.', &domain, &name);
        vec_push(t->mem, &items, ((struct run_all_item){.product = image_find_product(image, domain, name)}));
    }
    if (!run_all_follow(t, all, &items)) {
        run_all_cancel(t, all, &items);
        return false;
    }
    return true;
}
