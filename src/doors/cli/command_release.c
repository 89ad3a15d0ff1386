/* Releases of a product: bringing an earlier one back, and what is different between two. */
#include "buf/buf.h"
#include "cli_inside.h"
#include "http_client/http_client.h"
#include "json_out/json_out.h"
#include "limits/limits.h"

/* `domain.product`, `domain.product#N` or `domain.product#candidate`; 0: no number. */
static bool release_of(struct task *t, str word, str *product_out, str *number_out)
{
    str number;
    uint64_t value = 0;

    *number_out = STR("0");
    if (!str_cut(word, '#', product_out, &number)) {
        return true;
    }
    *number_out = number;
    if (str_eq(number, STR("candidate")) || (str_to_u64(number, &value) && value > 0)) {
        return true;
    }
    task_fail(t, ERR_USAGE, "%.*s is no release", STR_ARG(word));
    return task_hint(t, "releases are named domain.product#number, as sales.orders#3; "
                        "sales.orders#candidate is the one that waits");
}

bool command_rollback(struct task *t, struct cli *cli)
{
    struct json_out o = {.b = buf_new(t->mem, HTTP_BODY_BYTES_MAX)};
    const struct tree *answer;
    str product, named;
    int64_t number;

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 1, 1) || !cli_number(t, cli, OPTION_to, 1, 0, &number)) {
        return false;
    }
    if (number == 0) {
        task_fail(t, ERR_USAGE, "which release should be the current one again?");
        (void)str_cut(cli->arguments.at[0], '#', &product, &named);
        return task_hint(t, "weft rollback %.*s --to RELEASE; weft show %.*s lists them",
                         STR_ARG(product), STR_ARG(product));
    }
    json_out_begin(&o, "", '{');
    json_out_int(&o, "release", number);
    if (cli->has[OPTION_reason]) {
        json_out_str(&o, "reason", cli->value[OPTION_reason]);
    }
    json_out_end(&o, '}');
    if (!cli_call(t, cli, "POST",
                  arena_format(t->mem, "/api/v1/products/%.*s/rollback",
                               STR_ARG(http_percent_encode(t->mem, cli->arguments.at[0]))),
                  buf_str(o.b), &answer)) {
        return false;
    }
    if (cli->format != FORMAT_TABLE) {
        return table_object(t, cli, answer);
    }
    fprintf(cli->out, "%.*s: release %.*s is release %lld again\n", STR_ARG(cli->arguments.at[0]),
            STR_ARG(tree_find_text(answer, STR("release"))), (long long)number);
    return true;
}

/* ---- diff */

static bool diff_path(struct task *t, struct cli *cli, str *out)
{
    str product, other = STR_NONE;
    str from = STR_NONE, to = STR("0");
    int64_t rows;
    size_t len = cli->arguments.len;

    if (!cli_demand_arguments(t, cli, 1, 2) || !cli_number(t, cli, OPTION_rows, 1, 0, &rows)
        || !release_of(t, cli->arguments.at[0], &product, &from)
        || (len > 1 && !release_of(t, cli->arguments.at[1], &other, &to))) {
        return false;
    }
    if (len > 1 && !str_eq(product, other)) {
        task_fail(t, ERR_USAGE, "%.*s and %.*s are two products", STR_ARG(product), STR_ARG(other));
        return task_hint(t, "compare two releases of one product");
    }
    /* Nothing comes after it: named alone, it is what the current release is compared with. */
    if (str_eq(from, STR("candidate")) && len == 1) {
        to = from;
        from = STR("0");
    } else if (str_eq(from, STR("candidate"))) {
        return task_fail(t, ERR_USAGE, "the candidate follows all releases: it comes last");
    }
    *out =
        arena_format(t->mem, "/api/v1/products/%.*s/diff?from=%.*s&to=%.*s&rows=%lld%s%.*s%s%.*s",
                     STR_ARG(http_percent_encode(t->mem, product)), STR_ARG(from), STR_ARG(to),
                     (long long)rows, cli->has[OPTION_table] ? "&table=" : "",
                     STR_ARG(http_percent_encode(t->mem, cli->value[OPTION_table])),
                     cli->has[OPTION_purpose] ? "&purpose=" : "",
                     STR_ARG(http_percent_encode(t->mem, cli->value[OPTION_purpose])));
    return true;
}

/* All lists of the tables under this key, as one. */
static const struct tree *diff_gather(struct task *t, const struct tree *tables, const char *key)
{
    struct tree *all = tree_new(t->mem, TREE_LIST);

    for (size_t i = 0; tables != NULL && i < tables->len; i++) {
        const struct tree *list = tree_find(tables->at[i], str_of(key));

        for (size_t k = 0; list != NULL && k < list->len; k++) {
            struct tree *row = tree_copy(t->mem, list->at[k]);

            (void)tree_put(t->mem, row, STR("table"),
                           tree_text(t->mem, tree_find_text(tables->at[i], STR("table"))));
            tree_push(t->mem, all, row);
        }
    }
    return all;
}

static bool diff_show(struct task *t, const struct cli *cli, const struct tree *answer)
{
    static const struct cli_column tables[] = {{.key = "table"},
                                               {.key = "rows_before", .title = "before"},
                                               {.key = "rows_after", .title = "after"},
                                               {.key = "added"},
                                               {.key = "removed"},
                                               {.key = "changed"},
                                               {.key = "status"}};
    static const struct cli_column columns[] = {
        {.key = "table"}, {.key = "column"}, {.key = "changed"}, {.key = "status"}};
    static const struct cli_column rows[] = {{.key = "table"},  {.key = "change"},
                                             {.key = "key"},    {.key = "column"},
                                             {.key = "before"}, {.key = "after"}};
    const struct tree *list = tree_find(answer, STR("tables"));
    const struct tree *changed = diff_gather(t, list, "columns");
    const struct tree *values = diff_gather(t, list, "rows");

    fprintf(
        cli->out, "%.*s: release %.*s -> %.*s\n\n", STR_ARG(tree_find_text(answer, STR("product"))),
        STR_ARG(tree_find_text(answer, STR("from"))), STR_ARG(tree_find_text(answer, STR("to"))));
    if (!table_list(t, cli, list, tables, sizeof(tables) / sizeof(tables[0]))) {
        return false;
    }
    if (changed->len > 0) {
        fprintf(cli->out, "\ncolumns\n");
        if (!table_list(t, cli, changed, columns, sizeof(columns) / sizeof(columns[0]))) {
            return false;
        }
    }
    if (values->len > 0) {
        fprintf(cli->out, "\nrows\n");
        return table_list(t, cli, values, rows, sizeof(rows) / sizeof(rows[0]));
    }
    return true;
}

bool command_diff(struct task *t, struct cli *cli)
{
    static const struct cli_column csv[] = {
        {.key = "table"},   {.key = "rows_before"}, {.key = "rows_after"}, {.key = "added"},
        {.key = "removed"}, {.key = "changed"},     {.key = "status"}};
    const struct tree *answer;
    str path;

    cli_listen(t);
    if (!diff_path(t, cli, &path) || !cli_call(t, cli, "GET", path, STR_NONE, &answer)) {
        return false;
    }
    if (cli->format == FORMAT_JSON) {
        table_json(t, answer, cli->out);
        return true;
    }
    if (cli->format == FORMAT_CSV) {
        return table_list(t, cli, tree_find(answer, STR("tables")), csv,
                          sizeof(csv) / sizeof(csv[0]));
    }
    return diff_show(t, cli, answer);
}
