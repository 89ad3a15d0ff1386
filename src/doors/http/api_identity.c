#include "actor/actor.h"
#include "audit/audit.h"
#include "clock/clock.h"
#include "http_inside.h"
#include "login/login.h"
#include "services/envs.h"
#include "token/token.h"
#include "user/user.h"

enum { API_TOKEN_DAYS = 30, API_TOKEN_DAYS_MAX = 3650 };

static const int64_t api_day_us = 86400LL * 1000000;

static bool api_done(struct task *t, struct api *api, int status)
{
    struct json_out o = api_json(t);

    json_out_begin(&o, "", '{');
    json_out_str(&o, "status", STR("ok"));
    json_out_end(&o, '}');
    return api_answer(t, api, status, o.b);
}

bool api_user_list(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);
    struct user_list users = {0};

    if (!user_list(t, api->services->db, &users)) {
        return false;
    }
    json_out_begin(&o, "", '{');
    json_out_begin(&o, "users", '[');
    for (size_t i = 0; i < users.len; i++) {
        json_out_begin(&o, "", '{');
        json_out_str(&o, "name", users.at[i]->name);
        json_out_list(&o, "groups", &users.at[i]->groups);
        json_out_str(&o, "origin", users.at[i]->is_of_mesh ? STR("mesh.yaml") : STR("local"));
        json_out_end(&o, '}');
    }
    json_out_end(&o, ']');
    json_out_end(&o, '}');
    return api_answer(t, api, 200, o.b);
}

bool api_group_list(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);
    struct user_groups groups = {0};

    if (!user_groups(t, api->services->db, &groups)) {
        return false;
    }
    json_out_begin(&o, "", '{');
    json_out_begin(&o, "groups", '[');
    for (size_t i = 0; i < groups.len; i++) {
        json_out_begin(&o, "", '{');
        json_out_str(&o, "name", groups.at[i].name);
        json_out_list(&o, "users", &groups.at[i].users);
        json_out_end(&o, '}');
    }
    json_out_end(&o, ']');
    json_out_end(&o, '}');
    return api_answer(t, api, 200, o.b);
}

/* A change of who belongs to what, and its audit row, in one write. */
struct api_change {
    const char *action;
    bool (*change)(struct task *t, struct metadb *db, const struct api_change *change);
    str name, group;
    uint64_t id;
};

static bool api_write_change(struct task *t, struct metadb *db, void *state)
{
    const struct api_change *change = state;
    str object =
        change->id ? arena_format(t->mem, "%llu", (unsigned long long)change->id) : change->name;
    str detail = change->group.len
                   ? arena_format(t->mem, "{\"group\":\"%.*s\"}", STR_ARG(change->group))
                   : STR_NONE;

    return change->change(t, db, change)
        && audit_append(t, db, str_of(change->action), object, STR("done"), detail, NULL);
}

static bool api_change(struct task *t, struct api *api, struct api_change change, int status)
{
    if (!metadb_write(t, api->services->db, api_write_change, &change)) {
        return false;
    }
    api_end_access(api);
    gate_recheck(api->services->gate);
    envs_follow(api->services);
    return api_done(t, api, status);
}

static bool change_user_add(struct task *t, struct metadb *db, const struct api_change *change)
{
    return user_add(t, db, change->name);
}

static bool change_user_remove(struct task *t, struct metadb *db, const struct api_change *change)
{
    return user_remove(t, db, change->name);
}

static bool change_join(struct task *t, struct metadb *db, const struct api_change *change)
{
    return user_join(t, db, change->name, change->group);
}

static bool change_leave(struct task *t, struct metadb *db, const struct api_change *change)
{
    return user_leave(t, db, change->name, change->group);
}

static bool change_revoke(struct task *t, struct metadb *db, const struct api_change *change)
{
    return token_revoke(t, db, change->id, change->name);
}

/* Names of users and groups stand in URLs, logs and files: plain ones only. */
static bool api_demand_name(struct task *t, const char *what, str name)
{
    bool ok = name.len > 0 && name.len <= 63;

    for (size_t i = 0; ok && i < name.len; i++) {
        char c = name.ptr[i];
        ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.'
          || c == '@';
    }
    return ok
        || task_fail(t, ERR_USAGE, "%s is no name: use a-z, 0-9, _ - . @, at most 63 of them",
                     what);
}

bool api_user_add(struct task *t, struct api *api)
{
    struct api_change change = {.action = "user.add", .change = change_user_add};

    return api_keys(t, api, "name") && api_text(t, api, "name", true, &change.name)
        && api_demand_name(t, "name", change.name) && api_change(t, api, change, 201);
}

bool api_user_remove(struct task *t, struct api *api)
{
    return api_change(t, api,
                      (struct api_change){.action = "user.remove",
                                          .change = change_user_remove,
                                          .name = api->parameters[0]},
                      200);
}

bool api_group_join(struct task *t, struct api *api)
{
    return api_demand_name(t, "the group", api->parameters[0])
        && api_change(t, api,
                      (struct api_change){.action = "group.join",
                                          .change = change_join,
                                          .group = api->parameters[0],
                                          .name = api->parameters[1]},
                      200);
}

bool api_group_leave(struct task *t, struct api *api)
{
    return api_change(t, api,
                      (struct api_change){.action = "group.leave",
                                          .change = change_leave,
                                          .group = api->parameters[0],
                                          .name = api->parameters[1]},
                      200);
}

/* One's own, or all for those who administer. */
static str api_token_scope(struct task *t, struct api *api)
{
    if (login_demand_admin(t, api->services)) {
        return STR_NONE;
    }
    task_clear_error(t);
    return t->actor->name;
}

bool api_token_list(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);
    struct token_list tokens = {0};

    if (!token_list(t, api->services->db, api_token_scope(t, api), &tokens)) {
        return false;
    }
    json_out_begin(&o, "", '{');
    json_out_begin(&o, "tokens", '[');
    for (size_t i = 0; i < tokens.len; i++) {
        const struct token *token = &tokens.at[i];

        json_out_begin(&o, "", '{');
        json_out_uint(&o, "id", token->id);
        json_out_str(&o, "user", token->user);
        json_out_maybe(&o, "label", token->label);
        json_out_time(&o, "created_at", token->created_us);
        json_out_time(&o, "expires_at", token->expires_us);
        json_out_time(&o, "revoked_at", token->revoked_us);
        json_out_end(&o, '}');
    }
    json_out_end(&o, ']');
    json_out_end(&o, '}');
    return api_answer(t, api, 200, o.b);
}

struct api_token {
    str user, label, text;
    int64_t expires_us;
    uint64_t id;
};

static bool api_write_token(struct task *t, struct metadb *db, void *state)
{
    struct api_token *token = state;
    struct json_out o = api_json(t);

    if (!token_create(t, db, token->user, token->label, token->expires_us, &token->text,
                      &token->id)) {
        return false;
    }
    json_out_begin(&o, "", '{');
    json_out_uint(&o, "id", token->id);
    json_out_str(&o, "label", token->label);
    json_out_time(&o, "expires_at", token->expires_us);
    json_out_end(&o, '}');
    return audit_append(t, db, STR("token.create"), token->user, STR("done"), buf_str(o.b), NULL);
}

bool api_token_create(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);
    struct api_token token = {0};
    int64_t days;

    if (!api_keys(t, api, "user label days") || !api_text(t, api, "user", true, &token.user)
        || !api_text(t, api, "label", false, &token.label)
        || !api_number(t, api, "days", 1, API_TOKEN_DAYS_MAX, &days)) {
        return false;
    }
    token.expires_us = clock_now_us() + (days > 0 ? days : API_TOKEN_DAYS) * api_day_us;
    if (!metadb_write(t, api->services->db, api_write_token, &token)) {
        return false;
    }
    json_out_begin(&o, "", '{');
    json_out_uint(&o, "id", token.id);
    json_out_str(&o, "token", token.text);
    json_out_time(&o, "expires_at", token.expires_us);
    json_out_end(&o, '}');
    return api_answer(t, api, 201, o.b);
}

bool api_token_revoke(struct task *t, struct api *api)
{
    struct api_change change = {
        .action = "token.revoke", .change = change_revoke, .name = api_token_scope(t, api)};

    if (!str_to_u64(api->parameters[0], &change.id)) {
        return task_fail(t, ERR_NOT_FOUND, "there is no token %.*s", STR_ARG(api->parameters[0]));
    }
    return api_change(t, api, change, 200);
}
