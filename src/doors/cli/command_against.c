/* --against: the server or the folder that a plan or a check is held against. */
#include <sys/stat.h>
#include <unistd.h>

#include "cli_inside.h"
#include "json_out/json_out.h"
#include "limits/limits.h"
#include "plan/plan.h"

bool cli_is_against_url(const struct cli *cli)
{
    str against = cli->value[OPTION_against];

    return str_starts(against, STR("http://")) || str_starts(against, STR("https://"));
}

bool cli_against_server(struct task *t, struct cli *cli)
{
    if (cli->has[OPTION_server]) {
        return task_fail(t, ERR_USAGE, "say --against or --server, not both");
    }
    cli->has[OPTION_server] = true;
    cli->value[OPTION_server] = cli->value[OPTION_against];
    return true;
}

/* As the API tells a plan that is refused. */
static void against_fail(struct task *t, struct cli *cli, const struct plan *p)
{
    struct json_out o = {.b = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX)};
    struct buf *findings = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX);
    struct tree *problem;
    struct task *reader = task_new(); /* the error of ours stays */

    report_json(&p->findings, findings);
    json_out_begin(&o, "", '{');
    json_out_str(&o, "code", str_of(error_name(t->err.code)));
    json_out_str(&o, "detail", t->err.message);
    json_out_maybe(&o, "hint", t->err.hint);
    json_out_raw(&o, "findings", buf_str(findings));
    plan_put_contract_changes(t, p, &o);
    json_out_end(&o, '}');
    cli->problem = buf_str(o.b);
    if (cli_read_json(reader, t->mem, cli->problem, &problem)) {
        cli->findings = tree_find(problem, STR("findings"));
    }
    task_free(reader);
}

bool cli_against_folder(struct task *t, struct cli *cli, const struct bundle *bundle, str scope,
                        struct plan *p)
{
    struct bundle before;
    struct engine *engine;
    str folder = cli->value[OPTION_against];

    if (access(arena_format(t->mem, "%.*s/mesh.yaml", STR_ARG(folder)).ptr, F_OK) != 0) {
        task_fail(t, ERR_NOT_FOUND, "there is no mesh.yaml in %.*s", STR_ARG(folder));
        return task_hint(t, "--against takes the URL of a server, or the folder of a mesh");
    }
    p->of_policies = str_eq(scope, STR("policies/"));
    p->domain = p->of_policies ? STR_NONE : scope;
    p->bundle = *bundle;
    return cli_read_bundle(t, folder, STR_NONE, &before) && cli_open_engine(t, &engine)
        && plan_against(t, engine, &before, p);
}

bool cli_plan_against_folder(struct task *t, struct cli *cli, str scope, const struct tree **out)
{
    struct plan *p = ARENA_NEW(t->mem, struct plan);
    struct json_out o = {.b = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX)};
    struct bundle bundle;
    struct tree *answer;
    str folder;

    if (!cli_plan_folder(t, cli, &folder) || !cli_read_bundle(t, folder, scope, &bundle)) {
        return false;
    }
    if (!cli_against_folder(t, cli, &bundle, scope, p)) {
        if (p->findings.errors > 0) {
            against_fail(t, cli, p);
        }
        return false;
    }
    plan_put(t, p, &o);
    if (o.b->full) {
        return task_fail(t, ERR_LIMIT, "the plan is too large");
    }
    if (!cli_read_json(t, t->mem, buf_str(o.b), &answer)) {
        return false;
    }
    *out = answer;
    return true;
}
