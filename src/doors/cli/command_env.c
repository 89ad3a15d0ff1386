/* Environments: which there are, what is in one, and what becomes of it. */
#include "buf/buf.h"
#include "cli_inside.h"
#include "environment/environment.h"
#include "http_client/http_client.h"
#include "json_out/json_out.h"
#include "limits/limits.h"

static str env_path(struct task *t, str name, const char *step)
{
    return arena_format(t->mem, "/api/v1/environments/%.*s%s",
                        STR_ARG(http_percent_encode(t->mem, name)), step);
}

bool cli_is_env(struct task *t, str name)
{
    if (environment_is_name(name)) {
        return true;
    }
    task_fail(t, ERR_USAGE, "%.*s is no name of an environment", STR_ARG(name));
    return task_hint(t, "names are of a-z, 0-9 and -, and begin with a letter");
}

static bool env_demand(struct task *t, struct cli *cli, size_t most)
{
    return cli_demand_arguments(t, cli, 1, most) && cli_is_env(t, cli->arguments.at[0]);
}

/* As the list has it; NULL: there is none. */
static bool env_find(struct task *t, struct cli *cli, const struct tree **out)
{
    const struct tree *answer, *list;

    *out = NULL;
    if (!cli_call(t, cli, "GET", STR("/api/v1/environments"), STR_NONE, &answer)) {
        return false;
    }
    list = tree_find(answer, STR("environments"));
    for (size_t i = 0; list != NULL && i < list->len; i++) {
        if (str_eq(tree_find_text(list->at[i], STR("name")), cli->env)) {
            *out = list->at[i];
        }
    }
    return true;
}

bool cli_env_demand(struct task *t, struct cli *cli)
{
    const struct tree *row;

    if (!env_find(t, cli, &row)) {
        return false;
    }
    if (row != NULL) {
        return true;
    }
    task_fail(t, ERR_NOT_FOUND, "there is no environment %.*s", STR_ARG(cli->env));
    return task_hint(t, "weft apply --env %.*s makes it; weft env list tells which there are",
                     STR_ARG(cli->env));
}

bool cli_env_make(struct task *t, struct cli *cli, bool *made_out)
{
    struct json_out o = {.b = buf_new(t->mem, HTTP_BODY_BYTES_MAX)};
    const struct tree *answer, *row;

    *made_out = false;
    if (!env_find(t, cli, &row)) {
        return false;
    }
    if (row != NULL) {
        return true;
    }
    json_out_begin(&o, "", '{');
    json_out_str(&o, "name", cli->env);
    json_out_end(&o, '}');
    *made_out = cli_call(t, cli, "POST", STR("/api/v1/environments"), buf_str(o.b), &answer);
    if (*made_out) {
        cli_note(cli, "environment %.*s is new: a copy of the mesh", STR_ARG(cli->env));
    }
    return *made_out;
}

void cli_env_unmake(struct cli *cli)
{
    struct task *t = task_new(); /* what failed stays to be told */
    str problem = cli->problem;
    const struct tree *findings = cli->findings, *row, *answer;

    /* Somebody may have applied to it since. */
    bool ok = env_find(t, cli, &row) && row != NULL
           && str_eq(tree_find_text(row, STR("files")), STR("0"))
           && cli_call(t, cli, "DELETE", env_path(t, cli->env, ""), STR_NONE, &answer);

    cli_note(cli,
             ok ? "environment %.*s is dropped again: nothing was applied to it"
                : "environment %.*s stays",
             STR_ARG(cli->env));
    cli->problem = problem;
    cli->findings = findings;
    task_free(t);
}

bool command_env_list(struct task *t, struct cli *cli)
{
    static const struct cli_column columns[] = {{.key = "name"},
                                                {.key = "created_by", .title = "made by"},
                                                {.key = "created_at", .title = "made"},
                                                {.key = "files", .is_right = true},
                                                {.key = "state"}};
    const struct tree *answer;

    cli_listen(t);
    return cli_demand_arguments(t, cli, 0, 0)
        && cli_call(t, cli, "GET", STR("/api/v1/environments"), STR_NONE, &answer)
        && table_list(t, cli, tree_find(answer, STR("environments")), columns,
                      sizeof(columns) / sizeof(columns[0]));
}

static bool env_show(struct task *t, struct cli *cli, const struct tree *answer)
{
    static const struct cli_column files[] = {{.key = "change"},
                                              {.key = "path"},
                                              {.key = "changed_by", .title = "by"},
                                              {.key = "changed_at", .title = "at"}};
    static const struct cli_column products[] = {
        {.key = "product"}, {.key = "why"}, {.key = "built"}, {.key = "release"}};
    const struct tree *file_list = tree_find(answer, STR("files")),
                      *product_list = tree_find(answer, STR("products"));
    str problem = tree_find_text(answer, STR("problem")),
        hidden = tree_find_text(answer, STR("hidden_files"));

    if (cli->format == FORMAT_JSON) {
        table_json(t, answer, cli->out);
        return true;
    }
    if (cli->format == FORMAT_CSV && product_list != NULL) {
        return table_list(t, cli, product_list, products, sizeof(products) / sizeof(products[0]));
    }
    if (file_list == NULL || product_list == NULL) {
        fprintf(cli->out, "%.*s is refreshed\n", STR_ARG(tree_find_text(answer, STR("name"))));
        return true;
    }
    fprintf(cli->out, "%.*s: made by %.*s, of mesh version %.*s\n",
            STR_ARG(tree_find_text(answer, STR("name"))),
            STR_ARG(tree_find_text(answer, STR("created_by"))),
            STR_ARG(tree_find_text(answer, STR("mesh_version"))));
    if (!str_eq(tree_find_text(answer, STR("fits")), STR("true"))) {
        fprintf(cli->out, "it does not fit the mesh any more%s%.*s\n", problem.len ? ": " : "",
                STR_ARG(table_shown(t->mem, problem)));
    }
    if (file_list->len == 0 && str_eq(hidden, STR("0"))) {
        fprintf(cli->out, "\nall files are as in the mesh\n");
        return true;
    }
    fputc('\n', cli->out);
    if (file_list->len > 0
        && !table_list(t, cli, file_list, files, sizeof(files) / sizeof(files[0]))) {
        return false;
    }
    if (!str_eq(hidden, STR("0"))) {
        fprintf(cli->out, "%.*s files of other domains\n", STR_ARG(hidden));
    }
    if (product_list->len == 0) {
        return true;
    }
    fputc('\n', cli->out);
    return table_list(t, cli, product_list, products, sizeof(products) / sizeof(products[0]));
}

bool command_env_show(struct task *t, struct cli *cli)
{
    const struct tree *answer;

    cli_listen(t);
    return env_demand(t, cli, 1)
        && cli_call(t, cli, "GET", env_path(t, cli->arguments.at[0], ""), STR_NONE, &answer)
        && env_show(t, cli, answer);
}

bool command_env_refresh(struct task *t, struct cli *cli)
{
    const struct tree *answer;

    cli_listen(t);
    return env_demand(t, cli, 1)
        && cli_call(t, cli, "POST", env_path(t, cli->arguments.at[0], "/refresh"), STR_NONE,
                    &answer)
        && env_show(t, cli, answer);
}

bool command_env_drop(struct task *t, struct cli *cli)
{
    const struct tree *answer;

    cli_listen(t);
    if (!env_demand(t, cli, 1)
        || !cli_call(t, cli, "DELETE", env_path(t, cli->arguments.at[0], ""), STR_NONE, &answer)) {
        return false;
    }
    if (cli->format != FORMAT_TABLE) {
        return table_object(t, cli, answer);
    }
    fprintf(cli->out, "environment %.*s is dropped\n", STR_ARG(cli->arguments.at[0]));
    return true;
}

/* ---- promote */

static str promote_body(struct task *t, const struct cli *cli, str plan)
{
    struct json_out o = {.b = buf_new(t->mem, HTTP_BODY_BYTES_MAX)};

    json_out_begin(&o, "", '{');
    json_out_begin(&o, "products", '[');
    for (size_t i = 1; i < cli->arguments.len; i++) {
        json_out_str(&o, "", cli->arguments.at[i]);
    }
    json_out_end(&o, ']');
    if (cli->has[OPTION_domain]) {
        json_out_str(&o, "domain", cli->value[OPTION_domain]);
    }
    if (plan.len > 0) {
        json_out_str(&o, "plan", plan);
    }
    json_out_end(&o, '}');
    return buf_str(o.b);
}

static bool promote_show(struct task *t, struct cli *cli, const struct tree *answer)
{
    static const struct cli_column columns[] = {
        {.key = "product"}, {.key = "release"}, {.key = "run"}, {.key = "reason"}};
    const struct tree *products = tree_find(answer, STR("products"));
    size_t left = 0;

    if (cli->format == FORMAT_JSON) {
        table_json(t, answer, cli->out);
        return true;
    }
    if (cli->format == FORMAT_CSV) {
        return table_list(t, cli, products, columns, sizeof(columns) / sizeof(columns[0]));
    }
    if (products->len == 0) {
        fprintf(cli->out, "nothing was built in environment %.*s: weft run builds what changed\n",
                STR_ARG(cli->arguments.at[0]));
        return true;
    }
    for (size_t i = 0; i < products->len; i++) {
        const struct tree *row = products->at[i];
        str product = tree_find_text(row, STR("product")),
            reason = tree_find_text(row, STR("reason"));

        if (reason.len > 0) {
            left++;
            fprintf(cli->out, "%.*s  is not promoted: %.*s\n", STR_ARG(product),
                    STR_ARG(table_shown(t->mem, reason)));
        } else {
            fprintf(cli->out, "%.*s  release %.*s, as it was built\n", STR_ARG(product),
                    STR_ARG(tree_find_text(row, STR("release"))));
        }
    }
    if (left > 0) {
        cli_note(cli, "weft run builds what is not promoted");
    }
    return true;
}

bool command_env_promote(struct task *t, struct cli *cli)
{
    const struct tree *plan, *answer;
    bool is_wanted = true;
    str id;

    cli_listen(t);
    if (!env_demand(t, cli, SIZE_MAX)) {
        return false;
    }
    if (cli->has[OPTION_domain] && cli->arguments.len > 1) {
        return task_fail(t, ERR_USAGE, "name products or --domain, not both");
    }
    if (!cli->has[OPTION_yes] && !cli_is_terminal(stdin)) {
        return cli_is_wanted(t, cli, "Promote this?", &is_wanted);
    }
    if (!cli_call(t, cli, "POST", env_path(t, cli->arguments.at[0], "/plan"),
                  promote_body(t, cli, STR_NONE), &plan)) {
        return false;
    }
    id = tree_find_text(plan, STR("plan"));
    if (cli->format == FORMAT_TABLE && id.len > 0) {
        cli_plan_show(t, plan);
    }
    if (!cli_is_wanted(t, cli, "Promote this?", &is_wanted)) {
        return false;
    }
    if (!is_wanted) {
        puts("Not promoted.");
        return true;
    }
    return cli_call(t, cli, "POST", env_path(t, cli->arguments.at[0], "/promote"),
                    promote_body(t, cli, id), &answer)
        && promote_show(t, cli, answer);
}
