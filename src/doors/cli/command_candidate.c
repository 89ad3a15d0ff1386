/* Releases that wait to be published. */
#include "buf/buf.h"
#include "cli_inside.h"
#include "http_client/http_client.h"
#include "json_out/json_out.h"
#include "limits/limits.h"

str cli_candidate_path(struct task *t, str product, const char *step)
{
    return arena_format(t->mem, "/api/v1/products/%.*s/candidate%s",
                        STR_ARG(http_percent_encode(t->mem, product)), step);
}

bool cli_candidate_print(struct task *t, const struct cli *cli, const struct tree *answer)
{
    static const struct cli_column columns[] = {{.key = "reader"},
                                                {.key = "kind"},
                                                {.key = "name"},
                                                {.key = "verdict"},
                                                {.key = "message"}};
    const struct tree *verdicts = tree_find(answer, STR("verdicts"));
    str hidden = tree_find_text(answer, STR("hidden_readers")),
        follows = table_cell(t->mem, answer, "follows");

    if (cli->format == FORMAT_JSON) {
        table_json(t, answer, cli->out);
        return true;
    }
    if (cli->format == FORMAT_CSV) {
        return table_list(t, cli, verdicts, columns, sizeof(columns) / sizeof(columns[0]));
    }
    fprintf(cli->out, "%.*s: candidate of run %.*s, %s%.*s%s\n",
            STR_ARG(tree_find_text(answer, STR("product"))),
            STR_ARG(tree_find_text(answer, STR("run"))),
            follows.len ? "after release " : "the first", STR_ARG(follows),
            str_eq(tree_find_text(answer, STR("tried")), STR("true"))
                ? ""
                : "; not all who read it were tried");
    if (verdicts != NULL && verdicts->len > 0) {
        fputc('\n', cli->out);
        if (!table_list(t, cli, verdicts, columns, sizeof(columns) / sizeof(columns[0]))) {
            return false;
        }
    }
    if (!str_eq(hidden, STR("0"))) {
        fprintf(cli->out, "\n%.*s that you may not discover read it, %.*s of them fail\n",
                STR_ARG(hidden), STR_ARG(tree_find_text(answer, STR("hidden_failing"))));
    }
    return true;
}

bool cli_candidate_verdict(struct task *t, const struct tree *answer)
{
    const struct tree *failing = tree_find(answer, STR("failing"));
    str hidden = tree_find_text(answer, STR("hidden_failing")),
        product = tree_find_text(answer, STR("product"));
    struct str_list names = {0};

    for (size_t i = 0; failing != NULL && i < failing->len; i++) {
        vec_push(t->mem, &names, failing->at[i]->text);
    }
    if (names.len == 0 && str_eq(hidden, STR("0"))) {
        return true;
    }
    task_fail(t, ERR_CHECK_FAILED, "the candidate of %.*s breaks %.*s%s", STR_ARG(product),
              STR_ARG(str_list_join(t->mem, &names, STR(", "))),
              str_eq(hidden, STR("0")) ? ""
              : names.len > 0          ? " and others that you may not discover"
                                       : "products that you may not discover");
    return task_hint(
        t, "weft candidate drop %.*s, or weft candidate publish %.*s --force all the same",
        STR_ARG(product), STR_ARG(product));
}

bool command_candidate_list(struct task *t, struct cli *cli)
{
    static const struct cli_column columns[] = {
        {.key = "product"}, {.key = "follows"}, {.key = "made_at"}, {.key = "requested_by"},
        {.key = "rows"},    {.key = "tried"},   {.key = "run"}};
    const struct tree *answer;

    cli_listen(t);
    return cli_demand_arguments(t, cli, 0, 0)
        && cli_call(t, cli, "GET", STR("/api/v1/candidates"), STR_NONE, &answer)
        && table_list(t, cli, tree_find(answer, STR("candidates")), columns,
                      sizeof(columns) / sizeof(columns[0]));
}

bool command_candidate_show(struct task *t, struct cli *cli)
{
    const struct tree *answer;

    cli_listen(t);
    return cli_demand_arguments(t, cli, 1, 1)
        && cli_call(t, cli, "GET", cli_candidate_path(t, cli->arguments.at[0], ""), STR_NONE,
                    &answer)
        && cli_candidate_print(t, cli, answer);
}

bool command_candidate_publish(struct task *t, struct cli *cli)
{
    struct json_out o = {.b = buf_new(t->mem, HTTP_BODY_BYTES_MAX)};
    const struct tree *answer;

    cli_listen(t);
    json_out_begin(&o, "", '{');
    if (cli->has[OPTION_force]) {
        json_out_bool(&o, "force", true);
    }
    if (cli->has[OPTION_reason]) {
        json_out_str(&o, "reason", cli->value[OPTION_reason]);
    }
    json_out_end(&o, '}');
    if (!cli_demand_arguments(t, cli, 1, 1)
        || !cli_call(t, cli, "POST", cli_candidate_path(t, cli->arguments.at[0], "/publish"),
                     buf_str(o.b), &answer)) {
        return false;
    }
    if (cli->format != FORMAT_TABLE) {
        return table_object(t, cli, answer);
    }
    fprintf(cli->out, "%.*s: release %.*s\n", STR_ARG(cli->arguments.at[0]),
            STR_ARG(tree_find_text(answer, STR("release"))));
    return true;
}

bool command_candidate_drop(struct task *t, struct cli *cli)
{
    const struct tree *answer;

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 1, 1)
        || !cli_call(t, cli, "DELETE", cli_candidate_path(t, cli->arguments.at[0], ""), STR_NONE,
                     &answer)) {
        return false;
    }
    if (cli->format != FORMAT_TABLE) {
        return table_object(t, cli, answer);
    }
    fprintf(cli->out, "%.*s: its candidate is dropped\n", STR_ARG(cli->arguments.at[0]));
    return true;
}
