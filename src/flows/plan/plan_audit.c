/* What the audit keeps of an apply. */
#include "crypto/crypto.h"
#include "document/document.h"
#include "json_out/json_out.h"
#include "limits/limits.h"
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

static const struct policy *plan_policy_of(const struct model *model, str id)
{
    for (size_t i = 0; model != NULL && i < model->policies.len; i++) {
        if (str_eq(model->policies.at[i].id, id)) {
            return &model->policies.at[i];
        }
    }
    return NULL;
}

static str plan_text_of(const struct bundle *bundle, str path)
{
    for (size_t i = 0; i < bundle->len; i++) {
        if (str_eq(bundle->at[i].path, path)) {
            return bundle->at[i].text;
        }
    }
    return STR_NONE;
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
static void plan_put_policies(struct json_out *o, const struct plan_change_of_mesh *change)
{
    json_out_begin(o, "policies", '[');
    for (size_t i = 0; i < change->model_after->policies.len; i++) {
        const struct policy *policy = &change->model_after->policies.at[i];
        const struct policy *was = plan_policy_of(change->model_before, policy->id);

        if (was == NULL) {
            plan_put_policy(o, "added", policy);
        } else if (!str_eq(plan_text_of(change->before, was->file),
                           plan_text_of(change->after, policy->file))) {
            plan_put_policy(o, "changed", policy);
        }
    }
    for (size_t i = 0; change->model_before != NULL && i < change->model_before->policies.len;
         i++) {
        const struct policy *policy = &change->model_before->policies.at[i];

        if (plan_policy_of(change->model_after, policy->id) == NULL) {
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
    plan_put_policies(&o, change);
    plan_put_users(t->mem, &o, change->model_before, change->model_after);
    json_out_end(&o, '}');
    CHECK(!o.b->full);
    return buf_str(o.b);
}
