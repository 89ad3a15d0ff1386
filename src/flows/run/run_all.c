#include "run/run_all.h"

#include "json_out/json_out.h"
#include "limits/limits.h"
#include "log/log.h"
#include "services/env_products.h"
#include "user/user.h"
#include "json/json.h"

/* Events of a job are kept up to a number: those of what is built must not go for those of what is not. */
enum { RUN_ALL_POLL_MS = 50, RUN_ALL_TOLD_MAX = 500 };

enum run_all_state { RUN_ALL_WAITS, RUN_ALL_WORKS, RUN_ALL_ENDED };

struct run_all_item {
    const struct image_product *product;
    enum run_all_state state;
    str job_id;
    bool is_joined; /* somebody else's job */
    uint64_t next_event;
};

struct run_all_items {
    VEC_OF(struct run_all_item)
};

/* The products of the model stand in order of dependency. */
static const struct image_product *run_all_find(const struct image *image,
                                                const struct model_product *product)
{
    return image_find_product(image, product->domain->name, product->name);
}

static bool run_all_list(struct task *t, const struct image *image, bool all,
                         const struct str_list *wanted, struct str_list *out)
{
    for (size_t i = 0; i < image->model->products.len; i++) {
        const struct image_product *product = run_all_find(image, image->model->products.at[i]);

        if (all && str_eq(product->definition->status, STR("retired"))) {
            continue;
        }
        if (all && !services_may_run(t->actor, image, product)) {
            /* Which one is not said: it may be one that he must not know of. */
            task_fail(t, ERR_DENIED, "%.*s may not run all products of the mesh",
                      STR_ARG(t->actor->name));
            return task_hint(t, "name those of your domains");
        }
        if (all || str_list_has(wanted, product->address)) {
            vec_push(t->mem, out, product->address);
        }
    }
    return true;
}

bool run_all_products(struct task *t, const struct image *image, str products, struct str_list *out)
{
    struct str_list wanted = {0};
    bool all = str_eq(products, STR("*"));
    const struct image_product *product;
    str rest = products, one;

    if (image->model == NULL) {
        task_fail(t, ERR_NOT_FOUND, "the mesh is empty");
        return task_hint(t, "weft apply brings it from its files");
    }
    while (!all && rest.len > 0) {
        (void)str_cut(rest, ',', &one, &rest);
        if (!services_demand_run(t, image, one, &product)) {
            return false;
        }
        str_list_add(t->mem, &wanted, one);
    }
    return run_all_list(t, image, all, &wanted, out);
}

/* Who asks, as `{"user":"ana","on_behalf":"root"}`: the job works in this name later. */
static str run_all_input(struct task *t, const struct run_how *how)
{
    struct json_out o = {.b = buf_new(t->mem, DOCUMENT_BYTES_MAX)};

    json_out_begin(&o, "", '{');
    json_out_str(&o, actor_is_operator(t->actor) ? "operator" : "user", t->actor->name);
    json_out_maybe(&o, "on_behalf", t->actor->on_behalf);
    /* One text, by which jobs are told apart. */
    json_out_maybe(&o, "how",
                   how->is_replay ? arena_format(t->mem, "replay %.*s", STR_ARG(how->replayed))
                   : how->is_full ? STR("full")
                   : how->from.len + how->to.len > 0 ? arena_format(
                         t->mem, "window %.*s/%.*s", STR_ARG(how->from), STR_ARG(how->to))
                                                     : STR_NONE);
    json_out_maybe(&o, "from", how->from);
    json_out_maybe(&o, "to", how->to);
    json_out_maybe(&o, "replay",
                   how->is_replay && how->replayed.len == 0 ? STR("all") : how->replayed);
    json_out_end(&o, '}');
    return buf_str(o.b);
}

bool run_all_how(struct task *t, const struct job_row *row, struct run_how *out)
{
    static const struct json_limits limits = {DOCUMENT_BYTES_MAX, DOCUMENT_DEPTH_MAX,
                                              DOCUMENT_NODES_MAX};
    struct tree *input;

    if (!json_read(t, t->mem, row->input, &limits, &input)) {
        return false;
    }
    *out = (struct run_how){.is_full = str_eq(tree_find_text(input, STR("how")), STR("full")),
                            .from = tree_find_text(input, STR("from")),
                            .to = tree_find_text(input, STR("to")),
                            .replayed = tree_find_text(input, STR("replay"))};
    out->is_replay = out->replayed.len > 0;
    if (str_eq(out->replayed, STR("all"))) {
        out->replayed = STR_NONE;
    }
    return true;
}

/* One that was refused on a full disk still waits by its row: its end comes first, and it joins nobody. */
static bool run_all_settle(struct task *t, struct services *s, str id, bool *was_refused_out)
{
    enum job_state state;
    str result;

    *was_refused_out = jobs_is_over(t, s->jobs, id, &state, &result);
    if (!*was_refused_out || job_row_end(t, s->db, id, state, result)) {
        return true;
    }
    if (t->err.code != ERR_CONFLICT) {
        return false;
    }
    task_clear_error(t);
    return true;
}

bool run_all_queue(struct task *t, struct services *s, const char *kind, str products,
                   const struct run_how *how, str *id_out, bool *joined_out)
{
    str input = run_all_input(t, how), who = t->actor->name;
    bool was_refused;

    if (!job_row_queue(t, s->db, str_of(kind), products, input, who, id_out, joined_out)
        || !run_all_settle(t, s, *id_out, &was_refused)) {
        return false;
    }
    if (was_refused
        && !job_row_queue(t, s->db, str_of(kind), products, input, who, id_out, joined_out)) {
        return false;
    }
    jobs_wake(s->jobs);
    return true;
}

bool run_all_actor(struct task *t, struct services *s, const struct job_row *row,
                   struct actor **out)
{
    static const struct json_limits limits = {DOCUMENT_BYTES_MAX, DOCUMENT_DEPTH_MAX,
                                              DOCUMENT_NODES_MAX};
    struct actor *actor = ARENA_NEW(t->mem, struct actor);
    struct tree *input;
    struct user *user;

    if (!json_read(t, t->mem, row->input, &limits, &input)) {
        return false;
    }
    if (job_row_is_scheduled(row)) {
        *actor =
            (struct actor){.kind = ACTOR_PRODUCT, .name = row->subject, .door = STR("schedule")};
        *out = actor;
        return true;
    }
    actor->on_behalf = tree_find_text(input, STR("on_behalf"));
    actor->name = tree_find_text(input, STR("operator"));
    actor->door = STR("job");
    *out = actor;
    if (actor->name.len > 0) {
        actor->kind = ACTOR_OPERATOR;
        return true;
    }
    if (!user_find(t, services_mesh(s)->db, tree_find_text(input, STR("user")), &user)) {
        return false;
    }
    if (user == NULL) {
        return task_fail(t, ERR_DENIED, "%.*s, who asked for this, is no user any more",
                         STR_ARG(row->requested_by));
    }
    actor->kind = ACTOR_USER;
    actor->name = user->name;
    actor->groups = user->groups;
    actor->version = user->version;
    return true;
}

bool run_all_find_job(struct task *t, struct services *s, str id, struct job_row **out)
{
    struct str_list products = {0};

    if (!job_row_find(t, s->db, id, out)) {
        return false;
    }
    if (*out != NULL
        && (actor_is_operator(t->actor)
            || (str_eq((*out)->requested_by, t->actor->name) && !job_row_is_scheduled(*out))
            || run_all_products(t, image_pin(t, s->images), (*out)->subject, &products))) {
        return true;
    }
    return task_fail(t, ERR_NOT_FOUND, "there is no job %.*s of yours", STR_ARG(id));
}

/* Waits while something that it reads is still to come. */
static bool run_all_is_ready(const struct run_all_items *items, const struct run_all_item *item)
{
    const struct model_product *definition = item->product->definition;

    for (size_t i = 0; i < definition->inputs.len; i++) {
        for (size_t j = 0; j < items->len; j++) {
            if (items->at[j].state != RUN_ALL_ENDED
                && items->at[j].product->definition == definition->inputs.at[i].producer) {
                return false;
            }
        }
    }
    return true;
}

static bool run_all_start(struct task *t, struct run_all *all, struct run_all_items *items)
{
    for (size_t i = 0; i < items->len; i++) {
        struct run_all_item *item = &items->at[i];

        if (item->state != RUN_ALL_WAITS || !run_all_is_ready(items, item)) {
            continue;
        }
        if (!run_all_queue(t, all->services, "run", item->product->address, &all->how,
                           &item->job_id, &item->is_joined)) {
            return false;
        }
        item->state = RUN_ALL_WORKS;
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

    if (ok && row != NULL && (row->state == JOB_RUNNING || row->state == JOB_QUEUED)) {
        (void)jobs_is_over(t, all->services->jobs, item->job_id, &row->state, &row->result);
    }
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

/* Runs that others asked for go on. Those of ours are over when this is: what follows finds no half of them. */
static void run_all_cancel(struct task *t, struct run_all *all, struct run_all_items *items)
{
    struct task *last = task_new();
    size_t open = 1;

    last->actor = t->actor;
    for (bool is_first = true; open > 0; is_first = false) {
        open = 0;
        for (size_t i = 0; i < items->len; i++) {
            struct run_all_item *item = &items->at[i];
            enum job_state state;

            if (item->state != RUN_ALL_WORKS || item->is_joined) {
                continue;
            }
            bool ok = !is_first || job_row_cancel(last, all->services->db, item->job_id, &state);
            /* Again and again: a job whose row was taken this moment is not there to be cancelled before the next. */
            (void)jobs_cancel(all->services->jobs, item->job_id);
            if (!ok || !run_all_look(last, all, item)) {
                log_failure("run", last);
                item->state = RUN_ALL_ENDED;
            }
            open += item->state != RUN_ALL_ENDED;
        }
        if (open > 0) {
            jobs_pause(all->services->jobs, RUN_ALL_POLL_MS);
        }
    }
    task_free(last);
}

/* In an environment: what is as in the mesh has the mesh's release, and is not built. */
static bool run_all_leave_out(struct task *t, struct run_all *all, const struct image *image,
                              struct run_all_items *items)
{
    struct env_products changed;

    if (!env_products(t, all->services, image, &changed)) {
        return false;
    }
    for (size_t i = 0; i < items->len; i++) {
        const struct image_product *product = items->at[i].product;
        struct json_out o = {.b = buf_new(t->mem, DOCUMENT_BYTES_MAX)};

        if (env_products_find(&changed, product) != NULL) {
            continue;
        }
        items->at[i].state = RUN_ALL_ENDED;
        if (++all->unchanged > RUN_ALL_TOLD_MAX) {
            continue; /* how many there are is told at the end */
        }
        json_out_begin(&o, "", '{');
        json_out_str(&o, "product", product->address);
        json_out_str(&o, "state", STR("unchanged"));
        if (product->release.number > 0) {
            json_out_uint(&o, "release", product->release.number);
        } else {
            json_out_null(&o, "release");
        }
        json_out_end(&o, '}');
        jobs_say(all->services->jobs, all->job_id, buf_str(o.b));
    }
    return true;
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
        vec_push(t->mem, &items,
                 ((struct run_all_item){.product = image_find_product(image, domain, name)}));
    }
    if (all->services->mesh != NULL && !run_all_leave_out(t, all, image, &items)) {
        return false;
    }
    if (!run_all_follow(t, all, &items)) {
        run_all_cancel(t, all, &items);
        return false;
    }
    return true;
}
