#include "cli_inside.h"

bool command_help(struct task *t, struct cli *cli)
{
    const struct command *command;
    size_t used;

    if (cli->arguments.len == 0) {
        command_help_all(stdout);
        return true;
    }
    command = command_find(&cli->arguments, &used);
    if (command == NULL) {
        task_fail(t, ERR_USAGE, "there is no command %.*s", STR_ARG(str_list_join(t->mem, &cli->arguments, STR(" "))));
        return task_hint(t, "weft help lists the commands");
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
