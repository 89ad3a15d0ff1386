#include "cli_inside.h"

static bool serve_set(struct task *t, const struct cli *cli, struct config *config,
                      enum cli_option option, const char *setting)
{
    return !cli->has[option] || config_set(t, config, str_of(setting), cli->value[option]);
}

static bool serve_configure(struct task *t, const struct cli *cli, struct config *config)
{
    str file = arena_format(t->mem, "%.*s/weft.conf", STR_ARG(cli->home));

    if (!config_read_file(t, config, file)
        || !serve_set(t, cli, config, OPTION_http, "http_address")
        || !serve_set(t, cli, config, OPTION_idle_exit, "idle_exit_s")) {
        return false;
    }
    for (size_t i = 0; i < cli->settings.len; i++) {
        str name, value;

        if (!str_cut(cli->settings.at[i], '=', &name, &value)) {
            return task_fail(t, ERR_USAGE, "--set %.*s is not NAME=VALUE",
                             STR_ARG(cli->settings.at[i]));
        }
        if (!config_set(t, config, name, value)) {
            return false;
        }
    }
    return true;
}

bool command_serve(struct task *t, struct cli *cli)
{
    struct serve_options options = {.ready_file = cli->value[OPTION_ready_file]};

    if (!cli_demand_arguments(t, cli, 0, 0) || !cli_find_home(t, cli, true)
        || !config_load(t, t->mem, &options.config) || !serve_configure(t, cli, options.config)) {
        return false;
    }
    options.home = cli->home;
    options.folder = cli->folder;
    return cli->serve(t, &options);
}
