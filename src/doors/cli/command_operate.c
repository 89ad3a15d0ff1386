/* Commands of those who keep a mesh running: status, config, verify. */
#include "cli_inside.h"

static bool operate_get(struct task *t, struct cli *cli, const char *method, str path,
                        const struct tree **out)
{
    cli_listen(t);
    return cli_demand_arguments(t, cli, 0, 0) && cli_call(t, cli, method, path, STR_NONE, out);
}

bool command_status(struct task *t, struct cli *cli)
{
    const struct tree *status;

    return operate_get(t, cli, "GET", STR("/api/v1/status"), &status)
        && table_object(t, cli, status);
}

bool command_config_show(struct task *t, struct cli *cli)
{
    static const struct cli_column columns[] = {
        {.key = "name", .title = "setting"}, {.key = "value"}, {.key = "origin"}};
    const struct tree *config;

    return operate_get(t, cli, "GET", STR("/api/v1/config"), &config)
        && table_list(t, cli, tree_find(config, STR("settings")), columns, 3);
}

static bool operate_is_whole(const struct tree *audit)
{
    bool is_whole = false;

    return tree_find(audit, STR("whole")) != NULL
        && tree_is_bool(tree_find(audit, STR("whole")), &is_whole) && is_whole;
}

bool command_verify(struct task *t, struct cli *cli)
{
    const struct tree *verdict, *damaged;

    if (!operate_get(t, cli, "POST", STR("/api/v1/verify"), &verdict)) {
        return false;
    }
    damaged = tree_find(verdict, STR("damaged"));
    if (!table_object(t, cli, verdict)) {
        return false;
    }
    if ((damaged != NULL && damaged->len > 0)
        || !str_eq(tree_find_text(verdict, STR("catalog")), STR("ok"))
        || !operate_is_whole(tree_find(verdict, STR("audit")))) {
        cli->exit_code = error_exit_code(ERR_CORRUPT);
        cli_note(cli, "weft: stored data are damaged");
    }
    return true;
}
