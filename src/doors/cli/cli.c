#include "cli/cli.h"

#include <errno.h>
#include <string.h>

#include "cli_inside.h"
#include "fault/fault.h"

static bool cli_run_command(struct task *t, struct cli *cli)
{
    if (cli->has[OPTION_help] && cli->command != NULL) {
        command_help_one(cli->command, stdout);
        return true;
    }
    if (cli->command == NULL) {
        bool is_asked = cli->has[OPTION_help];

        command_help_all(is_asked ? stdout : stderr);
        cli->exit_code = is_asked ? 0 : error_exit_code(ERR_USAGE);
        return true;
    }
    return cli->command->run(t, cli);
}

/* What was printed may still fail to arrive: a full disk must not look like success. */
static bool cli_flush(struct task *t)
{
    bool ok = fflush(stdout) == 0 && !ferror(stdout);

    return ok || task_fail_errno(t, ERR_IO, "cannot write the output");
}

int cli_main(int argc, char **argv, serve_fn *serve)
{
    struct task *t = task_new();
    struct cli *cli = ARENA_NEW(t->mem, struct cli);
    struct str_list words = {0};
    int code;

    cli->serve = serve;
    cli->out = stdout;
    cli->out_width = cli_terminal_width(stdout, 0);
    for (int i = 1; i < argc; i++) {
        vec_push(t->mem, &words, str_of(argv[i]));
    }
    bool ok = fault_setup(t) && cli_parse(t, &words, cli) && cli_run_command(t, cli);
    ok = (ok || t->err.code == ERR_CANCELLED ? cli_flush(t) : (fflush(stdout), true)) && ok;
    code = ok ? cli->exit_code : error_exit_code(t->err.code);
    if (!ok) {
        cli_tell_error(t, cli);
    }
    task_free(t);
    return code;
}
