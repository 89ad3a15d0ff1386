#include "audit/audit.h"
#include "browse/browse.h"
#include "http_inside.h"
#include "limits/limits.h"
#include "run/run_all.h"

enum { API_EVENT_WAIT_MS = 1000, API_RUNS_DEFAULT = 50, API_RUNS_MAX = 1000 };

static bool api_wanted_products(struct task *t, const struct api *api, str *out)
{
    const struct tree *list = tree_find(api->body, STR("products"));
    struct str_list products = {0};
    bool all = false;

    if (tree_find(api->body, STR("all")) != NULL
        && !tree_is_bool(tree_find(api->body, STR("all")), &all)) {
        return task_fail(t, ERR_USAGE, "all is true or false");
    }
    for (size_t i = 0; list != NULL && i < list->len; i++) {
        if (!tree_is_string(list->at[i]) || str_has(list->at[i]->text, ',')) {
            return task_fail(t, ERR_USAGE, "products is a list of addresses, as domain.product");
        }
        str_list_add(t->mem, &products, list->at[i]->text);
    }
    if (all == (products.len > 0)) {
        return task_fail(t, ERR_USAGE, "name the products to run, or say all");
    }
    *out = all ? STR("*") : str_list_join(t->mem, &products, STR(","));
    return true;
}

/* A bound without a value would be none, and the run another one. */
static bool is_no_key(const struct api *api, const char *name)
{
    const struct tree *value = tree_find(api->body, str_of(name));

    return value != NULL && !tree_is_null(value)
        && (value->text.len == 0 || value->text.len > NAME_BYTES_MAX);
}

/* What is new, all of it, or a window of keys. */
bool api_wanted_how(struct task *t, const struct api *api, str products, struct run_how *out)
{
    const struct tree *full = tree_find(api->body, STR("full"));

    *out = (struct run_how){.from = tree_find_text(api->body, STR("from")),
                            .to = tree_find_text(api->body, STR("to"))};
    if (full != NULL && !tree_is_bool(full, &out->is_full)) {
        return task_fail(t, ERR_USAGE, "full is true or false");
    }
    if (is_no_key(api, "from") || is_no_key(api, "to")) {
        return task_fail(t, ERR_USAGE, "from and to are values of a key");
    }
    if (out->from.len + out->to.len == 0) {
        return true;
    }
    if (out->is_full) {
        return task_fail(t, ERR_USAGE, "a run makes all rows, or a window of them, not both");
    }
    return !str_eq(products, STR("*"))
        || task_fail(t, ERR_USAGE, "name the products whose rows of a window are made anew");
}

bool api_run_start(struct task *t, struct api *api)
{
    struct run_how how;
    struct json_out o = api_json(t);
    struct str_list ordered = {0};
    str products, id;
    bool joined;

    if (!api_keys(t, api, "products all full from to") || !api_wanted_products(t, api, &products)
        || !api_wanted_how(t, api, products, &how)
        || !run_all_products(t, image_pin(t, api->services->images), products, &ordered)) {
        return false;
    }
    if (ordered.len == 0) {
        return task_fail(t, ERR_NOT_FOUND, "the mesh has no products");
    }
    if (!run_all_queue(t, api->services, "runs", products, &how, &id, &joined)) {
        return false;
    }
    json_out_begin(&o, "", '{');
    json_out_str(&o, "job", id);
    json_out_end(&o, '}');
    return api_answer(t, api, 202, o.b);
}

bool api_run_list(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);
    int64_t most;

    return api_query_number(t, api, "limit", API_RUNS_DEFAULT, 1, API_RUNS_MAX, &most)
        && browse_runs(t, api->services, http_fields_value(&api->request->query, STR("product")),
                       (uint64_t)most, &o)
        && api_answer(t, api, 200, o.b);
}

bool api_run_show(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);

    return browse_run(t, api->services, api->parameters[0], &o) && api_answer(t, api, 200, o.b);
}

static bool api_find_job(struct task *t, struct api *api, struct job_row **out)
{
    return run_all_find_job(t, api->services, api->parameters[0], out);
}

bool api_job_show(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);
    struct job_row *row;

    if (!api_find_job(t, api, &row)) {
        return false;
    }
    browse_job(row, &o);
    return api_answer(t, api, 200, o.b);
}

/* Nobody works on it: it has ended, or its row was taken this moment and its work begins in the next. */
static bool api_has_ended(struct task *t, struct api *api, bool *out)
{
    struct job_row *row;

    if (!api_find_job(t, api, &row)) {
        return false;
    }
    if (row->state == JOB_RUNNING || row->state == JOB_QUEUED) {
        (void)jobs_is_over(t, api->services->jobs, row->id, &row->state, &row->result);
    }
    *out = row->state != JOB_QUEUED && row->state != JOB_RUNNING;
    if (!*out) {
        jobs_pause(api->services->jobs, 100);
    }
    return task_go_on(t);
}

static bool api_send_events(struct task *t, struct api *api, str id)
{
    uint64_t next = 0;
    bool ended = false;

    while (!ended) {
        struct arena_mark mark = arena_mark(t->mem);
        str lines;

        if (!jobs_follow(t, api->services->jobs, id, &next, API_EVENT_WAIT_MS, &lines, &ended)
            || (lines.len > 0 && !http_stream_bytes(t, api->x, lines))
            || (ended && !api_has_ended(t, api, &ended))) {
            return false;
        }
        arena_rewind(t->mem, mark);
    }
    return true;
}

/* A job that waits for its turn has no events yet. */
static bool api_wait_for_job(struct task *t, struct api *api, struct job_row **row)
{
    while ((*row)->state == JOB_QUEUED) {
        if (!task_go_on(t)) {
            return false;
        }
        jobs_pause(api->services->jobs, 100);
        if (jobs_is_known(api->services->jobs, (*row)->id)) {
            return true; /* begun, or refused: its row cannot tell perhaps */
        }
        if (!api_find_job(t, api, row)) {
            return false;
        }
    }
    return true;
}

bool api_job_events(struct task *t, struct api *api)
{
    struct job_row *row;

    if (!api_find_job(t, api, &row)
        || !http_begin_stream(t, api->x, 200, STR("application/x-ndjson"), NULL)
        || !http_flush_stream(t, api->x) || !api_wait_for_job(t, api, &row)
        || !api_send_events(t, api, row->id)) {
        return false;
    }
    return http_end_stream(t, api->x);
}

struct api_cancel {
    const struct job_row *row;
    enum job_state state;
};

static bool api_write_cancel(struct task *t, struct metadb *db, void *state)
{
    struct api_cancel *cancel = state;
    struct json_out o = api_json(t);

    json_out_begin(&o, "", '{');
    json_out_str(&o, "job", cancel->row->id);
    json_out_str(&o, "subject", cancel->row->subject);
    json_out_end(&o, '}');
    return job_row_cancel(t, db, cancel->row->id, &cancel->state)
        && audit_append(t, db, STR("job.cancel"), cancel->row->id, STR("done"), buf_str(o.b), NULL);
}

bool api_job_cancel(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);
    struct api_cancel cancel = {0};
    struct job_row *row;

    if (!api_find_job(t, api, &row)) {
        return false;
    }
    cancel.row = row;
    if (!metadb_write(t, api->services->db, api_write_cancel, &cancel)) {
        return false;
    }
    (void)jobs_cancel(api->services->jobs, row->id);
    json_out_begin(&o, "", '{');
    json_out_str(&o, "id", row->id);
    json_out_str(&o, "state", str_of(job_state_name(cancel.state)));
    json_out_end(&o, '}');
    return api_answer(t, api, 200, o.b);
}
