/* A home copied while it is served, and a home made of such a copy. */
#include "backup/backup.h"
#include "buf/buf.h"
#include "cli_inside.h"
#include "json_out/json_out.h"
#include "limits/limits.h"

bool command_backup(struct task *t, struct cli *cli)
{
    struct json_out o = {.b = buf_new(t->mem, HTTP_BODY_BYTES_MAX)};
    const struct tree *answer;
    str folder, reuse = STR_NONE;

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 1, 1) || !cli_absolute(t, cli->arguments.at[0], &folder)
        || (cli->has[OPTION_reuse] && !cli_absolute(t, cli->value[OPTION_reuse], &reuse))) {
        return false;
    }
    json_out_begin(&o, "", '{');
    json_out_str(&o, "folder", folder);
    if (reuse.len > 0) {
        json_out_str(&o, "reuse", reuse);
    }
    json_out_end(&o, '}');
    return cli_call(t, cli, "POST", STR("/api/v1/backup"), buf_str(o.b), &answer)
        && table_object(t, cli, answer);
}

static bool restore_print(struct task *t, struct cli *cli, const struct restore *r)
{
    struct json_out o = {.b = buf_new(t->mem, HTTP_BODY_BYTES_MAX)};
    struct tree *answer;

    json_out_begin(&o, "", '{');
    json_out_str(&o, "home", r->home);
    json_out_str(&o, "id", r->id);
    json_out_str(&o, "taken", r->taken);
    json_out_uint(&o, "files", r->files);
    json_out_uint(&o, "bytes", r->bytes);
    json_out_uint(&o, "audit_rows", r->audit_rows);
    json_out_end(&o, '}');
    return cli_read_json(t, t->mem, buf_str(o.b), &answer) && table_object(t, cli, answer);
}

bool command_restore(struct task *t, struct cli *cli)
{
    struct restore r = {0};

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 1, 1) || !cli_absolute(t, cli->arguments.at[0], &r.folder)
        || !cli_name_home(t, cli, &r.home)) {
        return false;
    }
    return backup_restore(t, &r) && restore_print(t, cli, &r);
}
