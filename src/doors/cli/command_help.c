#include "cli_inside.h"

bool command_help(struct task *t, struct cli *cli)
{
    const struct command *command;
    size_t used;

    if (cli->arguments.len == 0) {
        command_help_all(stdout);
        return true;
    }
    if (!command_find(t, &cli->arguments, &command, &used)) {
        return false;
    }
    command_help_one(command, stdout);
    return true;
}

bool command_version(struct task *t, struct cli *cli)
{
    if (!cli_demand_arguments(t, cli, 0, 0)) {
        return false;
    }
    if (cli->format == FORMAT_JSON) {
        puts("{\"version\":\"" WEFT_VERSION "\"}");
    } else {
        puts("weft " WEFT_VERSION);
    }
    return true;
}
