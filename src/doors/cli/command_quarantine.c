/* Rows that rules diverted: which there are, reading them, bringing them back, dropping them. */
#include "buf/buf.h"
#include "cli_inside.h"
#include "http_client/http_client.h"
#include "json_out/json_out.h"
#include "limits/limits.h"

/* One line a rule. */
static const struct tree *quarantine_lines(struct task *t, const struct tree *list)
{
    static const char *const keys[] = {"product", "table", "run", "diverted_at"};
    struct tree *all = tree_new(t->mem, TREE_LIST);

    for (size_t i = 0; list != NULL && i < list->len; i++) {
        const struct tree *rules = tree_find(list->at[i], STR("rules"));

        for (size_t k = 0; rules != NULL && k < rules->len; k++) {
            struct tree *line = tree_copy(t->mem, rules->at[k]);

            for (size_t m = 0; m < sizeof keys / sizeof *keys; m++) {
                (void)tree_put(t->mem, line, str_of(keys[m]),
                               tree_text(t->mem, tree_find_text(list->at[i], str_of(keys[m]))));
            }
            tree_push(t->mem, all, line);
        }
    }
    return all;
}

bool command_quarantine_list(struct task *t, struct cli *cli)
{
    static const struct cli_column columns[] = {{.key = "product"},
                                                {.key = "table"},
                                                {.key = "rule"},
                                                {.key = "rows"},
                                                {.key = "demand"},
                                                {.key = "run"},
                                                {.key = "diverted_at", .title = "at"}};
    const struct tree *answer;
    str path = STR("/api/v1/quarantine");

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 0, 1)) {
        return false;
    }
    if (cli->arguments.len > 0) {
        path = arena_format(t->mem, "%.*s?product=%.*s", STR_ARG(path),
                            STR_ARG(http_percent_encode(t->mem, cli->arguments.at[0])));
    }
    if (!cli_call(t, cli, "GET", path, STR_NONE, &answer)) {
        return false;
    }
    const struct tree *list = tree_find(answer, STR("quarantine"));

    if (cli->format == FORMAT_JSON) {
        table_json(t, answer, cli->out);
        return true;
    }
    if (cli->format == FORMAT_TABLE && (list == NULL || list->len == 0)) {
        fprintf(cli->out, "no rows are in quarantine\n");
        return true;
    }
    return table_list(t, cli, quarantine_lines(t, list), columns,
                      sizeof(columns) / sizeof(columns[0]));
}

/* `sales.orders.orders` -> sales."orders!quarantine".orders. */
bool command_quarantine_show(struct task *t, struct cli *cli)
{
    struct buf *b = buf_new(t->mem, SQL_BYTES_MAX);
    str domain, rest, product, table, plain, major = STR_NONE;

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 1, 1)) {
        return false;
    }
    if (!str_cut(cli->arguments.at[0], '.', &domain, &rest)
        || !str_cut(rest, '.', &product, &table)) {
        task_fail(t, ERR_USAGE, "%.*s is no table", STR_ARG(cli->arguments.at[0]));
        return task_hint(t, "tables are named domain.product.table; weft quarantine list shows "
                            "which have quarantined rows");
    }
    /* A table of a major is listed as orders@2, and named as sales."orders@2".orders. */
    if (str_cut(table, '@', &plain, &major)) {
        product = arena_format(t->mem, "%.*s@%.*s", STR_ARG(product), STR_ARG(major));
        table = plain;
    }
    buf_add(b, STR("SELECT * FROM "));
    buf_add_identifier(b, domain);
    buf_add(b, STR("."));
    buf_add_identifier(b, arena_format(t->mem, "%.*s!quarantine", STR_ARG(product)));
    buf_add(b, STR("."));
    buf_add_identifier(b, table);
    if (cli->has[OPTION_run]) {
        buf_add(b, STR(" WHERE weft_run = "));
        buf_add_literal(b, cli->value[OPTION_run]);
    }
    return b->full ? task_fail(t, ERR_LIMIT, "the name is too long")
                   : cli_query(t, cli, buf_str(b));
}

static str quarantine_body(struct task *t, const struct cli *cli)
{
    struct json_out o = {.b = buf_new(t->mem, HTTP_BODY_BYTES_MAX)};

    json_out_begin(&o, "", '{');
    if (cli->has[OPTION_table]) {
        json_out_str(&o, "table", cli->value[OPTION_table]);
    }
    if (cli->has[OPTION_run]) {
        json_out_str(&o, "run", cli->value[OPTION_run]);
    }
    if (cli->has[OPTION_reason]) {
        json_out_str(&o, "reason", cli->value[OPTION_reason]);
    }
    json_out_end(&o, '}');
    return buf_str(o.b);
}

static str quarantine_path(struct task *t, const struct cli *cli, const char *what)
{
    return arena_format(t->mem, "/api/v1/products/%.*s/quarantine/%s",
                        STR_ARG(http_percent_encode(t->mem, cli->arguments.at[0])), what);
}

bool command_quarantine_replay(struct task *t, struct cli *cli)
{
    cli_listen(t);
    return cli_demand_arguments(t, cli, 1, 1)
        && cli_run_job(t, cli, quarantine_path(t, cli, "replay"), quarantine_body(t, cli));
}

bool command_quarantine_drop(struct task *t, struct cli *cli)
{
    const struct tree *answer;

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 1, 1)
        || !cli_call(t, cli, "POST", quarantine_path(t, cli, "drop"), quarantine_body(t, cli),
                     &answer)) {
        return false;
    }
    if (cli->format != FORMAT_TABLE) {
        return table_object(t, cli, answer);
    }
    str rows = tree_find_text(answer, STR("rows"));

    fprintf(cli->out, "%.*s: %.*s row%s dropped\n", STR_ARG(cli->arguments.at[0]), STR_ARG(rows),
            str_eq(rows, STR("1")) ? "" : "s");
    return true;
}
