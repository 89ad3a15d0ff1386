#include <stdlib.h>

#include "http_inside.h"
#include "limits/limits.h"
#include "plan/plan.h"

static bool api_read_file(struct task *t, struct plan *p, const struct tree *file)
{
    const struct tree *path = tree_find(file, STR("path")), *text = tree_find(file, STR("text"));

    if (path == NULL || text == NULL || file->len != 2 || !tree_is_string(path)
        || !tree_is_string(text)) {
        return task_fail(t, ERR_USAGE, "each of files is {path, text}");
    }
    if (path->text.len == 0 || path->text.ptr[0] == '/' || str_starts(path->text, STR("../"))
        || str_find(path->text, STR("/../")) < path->text.len) {
        return task_fail(t, ERR_USAGE, "%.*s is no path inside the mesh", STR_ARG(path->text));
    }
    vec_push(t->mem, &p->bundle, ((struct bundle_file){.path = path->text, .text = text->text}));
    return true;
}

static void api_put_classes(const struct plan *p, struct json_out *o)
{
    json_out_begin(o, "classes", '[');
    for (size_t i = 0; i < p->classes.len; i++) {
        const struct plan_classes *row = &p->classes.at[i];

        json_out_begin(o, "", '{');
        json_out_str(o, "table", row->table);
        json_out_uint(o, "readers", row->readers);
        json_out_uint(o, "readers_now", row->readers_now);
        json_out_uint(o, "classes", row->classes);
        json_out_uint(o, "classes_now", row->classes_now);
        if (row->has_bytes) {
            json_out_uint(o, "bytes", row->bytes);
            json_out_uint(o, "bytes_now", row->bytes_now);
        } else {
            json_out_null(o, "bytes");
            json_out_null(o, "bytes_now");
        }
        json_out_end(o, '}');
    }
    json_out_end(o, ']');
    json_out_uint(o, "tables_not_counted", p->classes_left_out);
}

static void api_put_evidence(struct task *t, const struct plan_evidence *evidence,
                             struct json_out *o)
{
    json_out_begin(o, "evidence", '{');
    json_out_int(o, "days", evidence->days);
    json_out_begin(o, "products", '[');
    for (size_t i = 0; i < evidence->consumers.len; i++) {
        const struct plan_consumer *consumer = &evidence->consumers.at[i];

        json_out_begin(o, "", '{');
        json_out_str(o, "product", consumer->product);
        json_out_str(o, "input", consumer->input);
        json_out_bool(o, "reads", consumer->reads);
        json_out_bool(o, "has_release", consumer->has_release);
        json_out_list(o, "names", &consumer->names);
        json_out_maybe(o, "leaves", consumer->leaves);
        json_out_end(o, '}');
    }
    json_out_end(o, ']');
    json_out_uint(o, "products_hidden", evidence->consumers_hidden);
    json_out_uint(o, "actors", evidence->actors);
    json_out_uint(o, "queries", evidence->queries);
    if (evidence->last_us > 0) {
        json_out_time(o, "last_at", evidence->last_us);
    } else {
        json_out_null(o, "last_at");
    }
    json_out_begin(o, "readers", '[');
    for (size_t i = 0; i < evidence->readers.len; i++) {
        const struct plan_asker *reader = &evidence->readers.at[i];

        json_out_begin(o, "", '{');
        json_out_str(o, "actor", reader->actor);
        json_out_uint(o, "queries", reader->queries);
        json_out_time(o, "last_at", reader->last_us);
        json_out_list(o, "fingerprints", &reader->fingerprints);
        json_out_end(o, '}');
    }
    json_out_end(o, ']');
    json_out_str(o, "text", plan_evidence_text(t->mem, evidence));
    json_out_end(o, '}');
}

void api_put_contract_changes(struct task *t, const struct plan *p, struct json_out *o)
{
    json_out_begin(o, "contract_changes", '[');
    for (size_t i = 0; i < p->contract_changes.len; i++) {
        const struct plan_contract_change *row = &p->contract_changes.at[i];

        json_out_begin(o, "", '{');
        json_out_str(o, "product", row->product);
        json_out_str(o, "contract", row->contract);
        json_out_uint(o, "major", row->major);
        json_out_str(o, "change", str_of(contract_change_name(row->change.kind)));
        json_out_str(o, "class", str_of(contract_change_class_name(row->class)));
        json_out_maybe(o, "table", row->change.table);
        json_out_maybe(o, "column", row->change.column);
        json_out_maybe(o, "before", row->change.before);
        json_out_maybe(o, "now", row->change.now);
        json_out_str(o, "text", contract_change_text(t->mem, &row->change));
        json_out_str(o, "why", str_of(contract_change_why(row->change.kind)));
        json_out_bool(o, "refused", row->is_refused);
        if (row->class == CHANGE_BREAKING || row->evidence.consumers.len > 0
            || row->evidence.consumers_hidden > 0) {
            api_put_evidence(t, &row->evidence, o);
        } else {
            json_out_null(o, "evidence");
        }
        json_out_end(o, '}');
    }
    json_out_end(o, ']');
}

static void api_put_plan(struct task *t, const struct plan *p, struct json_out *o)
{
    struct buf *findings = buf_new(t->mem, API_ANSWER_BYTES_MAX);

    json_out_begin(o, "", '{');
    json_out_maybe(o, "plan", p->id);
    json_out_uint(o, "base_version", p->base_version);
    json_out_str(o, "bundle", p->digest);
    json_out_bool(o, "proposal", p->is_proposal);
    json_out_begin(o, "changes", '[');
    for (size_t i = 0; i < p->changes.len; i++) {
        const struct plan_change *change = &p->changes.at[i];

        json_out_begin(o, "", '{');
        json_out_str(o, "action", str_of(plan_action_name(change->action)));
        json_out_str(o, "kind", change->kind);
        json_out_str(o, "name", change->name);
        json_out_str(o, "file", change->file);
        json_out_maybe(o, "detail", change->detail);
        json_out_end(o, '}');
    }
    json_out_end(o, ']');
    api_put_contract_changes(t, p, o);
    json_out_begin(o, "grants_needed", '[');
    for (size_t i = 0; i < p->needs.len; i++) {
        const struct plan_need *need = &p->needs.at[i];

        json_out_begin(o, "", '{');
        json_out_str(o, "product", need->product);
        json_out_str(o, "input", need->input);
        json_out_str(o, "target", need->target);
        json_out_str(o, "reason", need->reason);
        json_out_maybe(o, "command", need->command);
        if (need->request > 0) {
            json_out_uint(o, "request", need->request);
        } else {
            json_out_null(o, "request");
        }
        json_out_end(o, '}');
    }
    json_out_end(o, ']');
    api_put_classes(p, o);
    report_json(&p->findings, findings);
    /* One that was cut short is too large for the answer too, which is then refused. */
    json_out_raw(o, "findings", buf_str(findings));
    json_out_end(o, '}');
}

bool api_plan_make(struct task *t, struct api *api)
{
    struct plan *p = ARENA_NEW(t->mem, struct plan);
    struct json_out o = api_json(t);
    const struct tree *files;

    p->services = api->services;
    if (!api_keys(t, api, "domain policies files")
        || !api_text(t, api, "domain", false, &p->domain)) {
        return false;
    }
    if (tree_find(api->body, STR("policies")) != NULL
        && !tree_is_bool(tree_find(api->body, STR("policies")), &p->of_policies)) {
        return task_fail(t, ERR_USAGE, "policies is true or false");
    }
    if (p->of_policies && p->domain.len > 0) {
        return task_fail(t, ERR_USAGE, "a plan is of a domain or of policies, not of both");
    }
    files = tree_find(api->body, STR("files"));
    if (files == NULL || files->kind != TREE_LIST) {
        return task_fail(t, ERR_USAGE, "the body lacks files, a list of {path, text}");
    }
    if (files->len > BUNDLE_FILES_MAX) {
        return task_fail(t, ERR_LIMIT, "the bundle has more than %d files", (int)BUNDLE_FILES_MAX);
    }
    for (size_t i = 0; i < files->len; i++) {
        if (!api_read_file(t, p, files->at[i])) {
            return false;
        }
    }
    if (p->bundle.len > 0) {
        qsort(p->bundle.at, p->bundle.len, sizeof(*p->bundle.at), plan_compare_files);
    }
    if (!plan_make(t, p)) {
        api->findings = &p->findings;
        api->plan = p;
        return false;
    }
    api_put_plan(t, p, &o);
    return api_answer(t, api, 200, o.b);
}

bool api_plan_apply(struct task *t, struct api *api)
{
    struct plan_applied applied;
    struct json_out o = api_json(t);

    if (!plan_apply(t, api->services, api->parameters[0], &applied)) {
        return false;
    }
    api_end_access(api);
    json_out_begin(&o, "", '{');
    json_out_uint(&o, "mesh_version", applied.mesh_version);
    json_out_bool(&o, "applied", !applied.was_applied);
    json_out_bool(&o, "override", applied.is_override);
    json_out_end(&o, '}');
    return api_answer(t, api, 200, o.b);
}

bool api_plan_list(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);

    return plan_list(t, api->services, &o) && api_answer(t, api, 200, o.b);
}
