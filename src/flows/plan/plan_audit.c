/* What the audit keeps of an apply. */
#include "crypto/crypto.h"
#include "document/document.h"
#include "json_out/json_out.h"
#include "limits/limits.h"
#include "map/map.h"
#include "plan_inside.h"
#include "plan_row/plan_row.h"

static void plan_put_hash(struct arena *mem, struct json_out *o, const char *key,
                          const struct bundle_file *file)
{
    if (file == NULL) {
        json_out_null(o, key);
        return;
    }
    struct crypto_digest digest = crypto_sha256(file->text);

    json_out_str(o, key, crypto_digest_hex(mem, &digest));
}

/* Files that differ, by what they hold before and after: both are sorted by path. */
static void plan_put_files(struct arena *mem, struct json_out *o, const struct bundle *before,
                           const struct bundle *after)
{
    struct bundle_pair pair;
    size_t at[2] = {0};

    json_out_begin(o, "files", '[');
    while (bundle_next_pair(before, after, at, &pair)) {
        json_out_begin(o, "", '{');
        json_out_str(o, "path", pair.path);
        plan_put_hash(mem, o, "before", pair.before);
        plan_put_hash(mem, o, "after", pair.after);
        json_out_end(o, '}');
    }
    json_out_end(o, ']');
}

static const struct model_user *plan_user_of(const struct model *model, str name)
{
    for (size_t i = 0; model != NULL && i < model->mesh.users.len; i++) {
        if (str_eq(model->mesh.users.at[i].name, name)) {
            return &model->mesh.users.at[i];
        }
    }
    return NULL;
}

static str plan_user_text(struct arena *mem, const struct model_user *user)
{
    struct buf *b = buf_new(mem, BUNDLE_BYTES_MAX);
    struct str_list groups = {0};

    for (size_t i = 0; i < user->groups.len; i++) {
        str_list_add(mem, &groups, user->groups.at[i]);
    }
    str_list_sort(&groups);
    for (size_t i = 0; i < groups.len; i++) {
        buf_add_json(b, groups.at[i]);
    }
    if (user->attributes != NULL) {
        tree_json(user->attributes, b);
    }
    return buf_str(b);
}

static void plan_put_user(struct arena *mem, struct json_out *o, const char *action,
                          const struct model_user *user)
{
    struct buf *attributes = buf_new(mem, BUNDLE_BYTES_MAX);

    json_out_begin(o, "", '{');
    json_out_str(o, "action", str_of(action));
    json_out_str(o, "name", user->name);
    json_out_list(o, "groups", &user->groups);
    if (user->attributes != NULL) {
        tree_json(user->attributes, attributes);
        json_out_raw(o, "attributes", buf_str(attributes));
    }
    json_out_end(o, '}');
}

/* Users of mesh.yaml who came, went, or got other groups or attributes. */
static void plan_put_users(struct arena *mem, struct json_out *o, const struct model *before,
                           const struct model *after)
{
    json_out_begin(o, "users", '[');
    for (size_t i = 0; i < after->mesh.users.len; i++) {
        const struct model_user *user = &after->mesh.users.at[i];
        const struct model_user *was = plan_user_of(before, user->name);

        if (was == NULL) {
            plan_put_user(mem, o, "added", user);
        } else if (!str_eq(plan_user_text(mem, was), plan_user_text(mem, user))) {
            plan_put_user(mem, o, "changed", user);
        }
    }
    for (size_t i = 0; before != NULL && i < before->mesh.users.len; i++) {
        if (plan_user_of(after, before->mesh.users.at[i].name) == NULL) {
            plan_put_user(mem, o, "removed", &before->mesh.users.at[i]);
        }
    }
    json_out_end(o, ']');
}

/* By their ids. */
static void plan_map_policies(struct arena *mem, const struct model *model, struct map *out)
{
    size_t len = model != NULL ? model->policies.len : 0;

    map_init_for(out, mem, len);
    for (size_t i = 0; i < len; i++) {
        map_put(out, model->policies.at[i].id, &model->policies.at[i]);
    }
}

static bool plan_is_same_file(const struct plan_change_of_mesh *change, const struct policy *before,
                              const struct policy *after)
{
    const struct bundle_file *was = bundle_find(change->before, before->file),
                             *is = bundle_find(change->after, after->file);

    return str_eq(was != NULL ? was->text : STR_NONE, is != NULL ? is->text : STR_NONE);
}

static void plan_put_policy(struct json_out *o, const char *action, const struct policy *policy)
{
    json_out_begin(o, "", '{');
    json_out_str(o, "action", str_of(action));
    json_out_str(o, "id", policy->id);
    json_out_str(o, "effect", str_of(policy_effect_name(policy->effect)));
    json_out_str(o, "file", policy->file);
    json_out_end(o, '}');
}

/* Grants are policies: each that came, went, or stands in a file that changed. */
static void plan_put_policies(struct arena *mem, struct json_out *o,
                              const struct plan_change_of_mesh *change)
{
    struct map before, after;

    plan_map_policies(mem, change->model_before, &before);
    plan_map_policies(mem, change->model_after, &after);
    json_out_begin(o, "policies", '[');
    for (size_t i = 0; i < change->model_after->policies.len; i++) {
        const struct policy *policy = &change->model_after->policies.at[i];
        const struct policy *was = map_find(&before, policy->id);

        if (was == NULL) {
            plan_put_policy(o, "added", policy);
        } else if (!plan_is_same_file(change, was, policy)) {
            plan_put_policy(o, "changed", policy);
        }
    }
    for (size_t i = 0; change->model_before != NULL && i < change->model_before->policies.len;
         i++) {
        const struct policy *policy = &change->model_before->policies.at[i];

        if (map_find(&after, policy->id) == NULL) {
            plan_put_policy(o, "removed", policy);
        }
    }
    json_out_end(o, ']');
}

str plan_audit_detail(struct task *t, const struct plan_change_of_mesh *change)
{
    struct json_out o = {.b = buf_new(t->mem, FRAME_BYTES_MAX)};

    json_out_begin(&o, "", '{');
    json_out_str(&o, "plan", change->plan);
    json_out_uint(&o, "mesh_version", change->mesh_version);
    json_out_str(&o, "domain", change->domain);
    json_out_bool(&o, "override", change->is_override);
    json_out_str(&o, "seal", document_digest(t->mem, change->after));
    plan_put_files(t->mem, &o, change->before, change->after);
    plan_put_policies(t->mem, &o, change);
    plan_put_users(t->mem, &o, change->model_before, change->model_after);
    json_out_end(&o, '}');
    CHECK(!o.b->full);
    return buf_str(o.b);
}
