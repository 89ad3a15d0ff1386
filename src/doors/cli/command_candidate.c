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

/* `3 passed, 1 not`. */
static str tally(struct task *t, const struct tree *verdicts, str reader, str kind)
{
    size_t passed = 0, others = 0;

    for (size_t i = 0; verdicts != NULL && i < verdicts->len; i++) {
        const struct tree *row = verdicts->at[i];

        if (str_eq(tree_find_text(row, STR("reader")), reader)
            && str_eq(tree_find_text(row, STR("kind")), kind)) {
            bool has_passed = str_eq(tree_find_text(row, STR("verdict")), STR("pass"));

            passed += has_passed;
            others += !has_passed;
        }
    }
    return others > 0 ? arena_format(t->mem, "%zu passed, %zu not", passed, others)
         : passed > 0 ? arena_format(t->mem, "%zu passed", passed)
                      : STR("none");
}

static bool print_readers(struct task *t, const struct cli *cli, const struct tree *answer)
{
    static const struct cli_column columns[] = {
        {.key = "reader"}, {.key = "build"}, {.key = "checks"}, {.key = "tests"}};
    const struct tree *readers = tree_find(answer, STR("readers")),
                      *verdicts = tree_find(answer, STR("verdicts"));
    struct tree *rows = tree_new(t->mem, TREE_LIST);

    for (size_t i = 0; readers != NULL && i < readers->len; i++) {
        struct tree *row = tree_new(t->mem, TREE_MAP);
        str reader = readers->at[i]->text, build = STR_NONE;

        for (size_t k = 0; k < verdicts->len; k++) {
            const struct tree *of = verdicts->at[k];

            if (str_eq(tree_find_text(of, STR("reader")), reader)
                && str_eq(tree_find_text(of, STR("kind")), STR("build"))) {
                build = tree_find_text(of, STR("verdict"));
            }
        }
        (void)tree_put(t->mem, row, STR("reader"), tree_text(t->mem, reader));
        (void)tree_put(t->mem, row, STR("build"), tree_text(t->mem, build));
        (void)tree_put(t->mem, row, STR("checks"),
                       tree_text(t->mem, tally(t, verdicts, reader, STR("check"))));
        (void)tree_put(t->mem, row, STR("tests"),
                       tree_text(t->mem, tally(t, verdicts, reader, STR("test"))));
        tree_push(t->mem, rows, row);
    }
    fputc('\n', cli->out);
    return table_list(t, cli, rows, columns, sizeof(columns) / sizeof(columns[0]));
}

/* Those that did not pass, a line each. */
static const struct tree *not_passed(struct task *t, const struct tree *verdicts)
{
    struct tree *rows = tree_new(t->mem, TREE_LIST);

    for (size_t i = 0; verdicts != NULL && i < verdicts->len; i++) {
        if (!str_eq(tree_find_text(verdicts->at[i], STR("verdict")), STR("pass"))) {
            tree_push(t->mem, rows, tree_copy(t->mem, verdicts->at[i]));
        }
    }
    return rows;
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
    if (verdicts != NULL && verdicts->len > 0 && !print_readers(t, cli, answer)) {
        return false;
    }
    verdicts = not_passed(t, verdicts);
    if (verdicts->len > 0) {
        fprintf(cli->out, "\nnot passed\n");
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
