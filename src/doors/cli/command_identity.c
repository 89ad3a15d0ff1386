#include <inttypes.h>

#include "buf/buf.h"
#include "cli_inside.h"
#include "http_client/http_client.h"
#include "json_out/json_out.h"
#include "limits/limits.h"

static bool identity_list(struct task *t, struct cli *cli, str path, str key,
                          const struct cli_column *columns, size_t len)
{
    const struct tree *answer;

    cli_listen(t);
    return cli_demand_arguments(t, cli, 0, 0) && cli_call(t, cli, "GET", path, STR_NONE, &answer)
        && table_list(t, cli, tree_find(answer, key), columns, len);
}

/* A change that answers nothing but that it was done. */
static bool identity_change(struct task *t, struct cli *cli, const char *method, str path, str body,
                            str done)
{
    const struct tree *answer;

    if (!cli_call(t, cli, method, path, body, &answer)) {
        return false;
    }
    if (cli->format == FORMAT_JSON) {
        table_json(t, answer, stdout);
    } else if (!cli->has[OPTION_quiet]) {
        printf("%.*s\n", STR_ARG(done));
    }
    return true;
}

bool command_user_list(struct task *t, struct cli *cli)
{
    static const struct cli_column columns[] = {
        {.key = "name", .title = "user"}, {.key = "origin"}, {.key = "groups"}};

    return identity_list(t, cli, STR("/api/v1/users"), STR("users"), columns, 3);
}

bool command_user_add(struct task *t, struct cli *cli)
{
    struct json_out o = {.b = buf_new(t->mem, HTTP_BODY_BYTES_MAX)};

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 1, 1)) {
        return false;
    }
    json_out_begin(&o, "", '{');
    json_out_str(&o, "name", cli->arguments.at[0]);
    json_out_end(&o, '}');
    return identity_change(t, cli, "POST", STR("/api/v1/users"), buf_str(o.b),
                           arena_format(t->mem, "added user %.*s", STR_ARG(cli->arguments.at[0])));
}

bool command_user_remove(struct task *t, struct cli *cli)
{
    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 1, 1)) {
        return false;
    }
    str name = http_percent_encode(t->mem, cli->arguments.at[0]);
    return identity_change(
        t, cli, "DELETE", arena_format(t->mem, "/api/v1/users/%.*s", STR_ARG(name)), STR_NONE,
        arena_format(t->mem, "removed user %.*s", STR_ARG(cli->arguments.at[0])));
}

bool command_group_list(struct task *t, struct cli *cli)
{
    static const struct cli_column columns[] = {{.key = "name", .title = "group"},
                                                {.key = "users"}};

    return identity_list(t, cli, STR("/api/v1/groups"), STR("groups"), columns, 2);
}

static bool identity_membership(struct task *t, struct cli *cli, const char *method,
                                const char *done)
{
    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 2, SIZE_MAX)) {
        return false;
    }
    str group = cli->arguments.at[0];
    for (size_t i = 1; i < cli->arguments.len; i++) {
        str user = cli->arguments.at[i];
        str path = arena_format(t->mem, "/api/v1/groups/%.*s/members/%.*s",
                                STR_ARG(http_percent_encode(t->mem, group)),
                                STR_ARG(http_percent_encode(t->mem, user)));

        if (!identity_change(
                t, cli, method, path, STR_NONE,
                arena_format(t->mem, "%.*s %s %.*s", STR_ARG(user), done, STR_ARG(group)))) {
            return false;
        }
    }
    return true;
}

bool command_group_add(struct task *t, struct cli *cli)
{
    return identity_membership(t, cli, "PUT", "is a member of");
}

bool command_group_remove(struct task *t, struct cli *cli)
{
    return identity_membership(t, cli, "DELETE", "is no longer a member of");
}

bool command_token_list(struct task *t, struct cli *cli)
{
    static const struct cli_column columns[] = {{.key = "id", .is_right = true},
                                                {.key = "user"},
                                                {.key = "label"},
                                                {.key = "created_at", .title = "created"},
                                                {.key = "expires_at", .title = "expires"},
                                                {.key = "revoked_at", .title = "revoked"}};

    return identity_list(t, cli, STR("/api/v1/tokens"), STR("tokens"), columns, 6);
}

static bool identity_token_body(struct task *t, const struct cli *cli, str *out)
{
    struct json_out o = {.b = buf_new(t->mem, HTTP_BODY_BYTES_MAX)};
    int64_t days;

    if (!cli_number(t, cli, OPTION_days, 1, 0, &days)) {
        return false;
    }
    json_out_begin(&o, "", '{');
    json_out_str(&o, "user", cli->arguments.at[0]);
    if (cli->has[OPTION_label]) {
        json_out_str(&o, "label", cli->value[OPTION_label]);
    }
    if (days > 0) {
        json_out_int(&o, "days", days);
    }
    json_out_end(&o, '}');
    *out = buf_str(o.b);
    return true;
}

bool command_token_create(struct task *t, struct cli *cli)
{
    const struct tree *token;
    str body;

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 1, 1) || !identity_token_body(t, cli, &body)
        || !cli_call(t, cli, "POST", STR("/api/v1/tokens"), body, &token)) {
        return false;
    }
    if (cli->format != FORMAT_TABLE) {
        return table_object(t, cli, token);
    }
    /* Alone on stdout, so that a script can take it. */
    printf("%.*s\n", STR_ARG(tree_find_text(token, STR("token"))));
    cli_note(cli, "token %.*s of %.*s, good until %.*s; it is shown this once",
             STR_ARG(tree_find_text(token, STR("id"))), STR_ARG(cli->arguments.at[0]),
             STR_ARG(tree_find_text(token, STR("expires_at"))));
    return true;
}

bool command_token_revoke(struct task *t, struct cli *cli)
{
    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 1, SIZE_MAX)) {
        return false;
    }
    for (size_t i = 0; i < cli->arguments.len; i++) {
        str id = cli->arguments.at[i];
        str path =
            arena_format(t->mem, "/api/v1/tokens/%.*s", STR_ARG(http_percent_encode(t->mem, id)));

        if (!identity_change(t, cli, "DELETE", path, STR_NONE,
                             arena_format(t->mem, "revoked token %.*s", STR_ARG(id)))) {
            return false;
        }
    }
    return true;
}
