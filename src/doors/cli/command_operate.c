/* Commands of those who keep a mesh running: status, config, verify. */
#include "cli_inside.h"

static bool operate_get(struct task *t, struct cli *cli, const char *method, str path,
                        const struct tree **out)
{
    cli_listen(t);
    return cli_demand_arguments(t, cli, 0, 0) && cli_call(t, cli, method, path, STR_NONE, out);
}

/* Cleared copies by table, each with its address. */
static bool status_copies(struct task *t, struct cli *cli, const struct tree *list)
{
    static const struct cli_column columns[] = {{.key = "address", .title = "copies of"},
                                                {.key = "classes", .is_right = true},
                                                {.key = "files", .is_right = true},
                                                {.key = "bytes", .is_right = true}};
    struct tree *rows = tree_new(t->mem, TREE_LIST);

    for (size_t i = 0; i < list->len; i++) {
        struct tree *row = tree_copy(t->mem, list->at[i]);
        str address =
            arena_format(t->mem, "%.*s.%.*s", STR_ARG(tree_find_text(row, STR("product"))),
                         STR_ARG(tree_find_text(row, STR("table"))));

        (void)tree_put(t->mem, row, STR("address"), tree_text(t->mem, address));
        tree_push(t->mem, rows, row);
    }
    fputc('\n', cli->out);
    return table_list(t, cli, rows, columns, sizeof(columns) / sizeof(columns[0]));
}

bool command_status(struct task *t, struct cli *cli)
{
    const struct tree *status, *copies;
    struct tree *plain = tree_new(t->mem, TREE_MAP);

    if (!operate_get(t, cli, "GET", STR("/api/v1/status"), &status)) {
        return false;
    }
    copies = tree_find(status, STR("cleared_tables"));
    if (cli->format != FORMAT_TABLE || copies == NULL) {
        return table_object(t, cli, status);
    }
    for (size_t i = 0; i < status->len; i++) {
        if (status->at[i] != copies) {
            (void)tree_put(t->mem, plain, status->at[i]->key, tree_copy(t->mem, status->at[i]));
        }
    }
    return table_object(t, cli, plain) && (copies->len == 0 || status_copies(t, cli, copies));
}

bool command_config_show(struct task *t, struct cli *cli)
{
    static const struct cli_column columns[] = {
        {.key = "name", .title = "setting"}, {.key = "value"}, {.key = "origin"}};
    const struct tree *config;

    return operate_get(t, cli, "GET", STR("/api/v1/config"), &config)
        && table_list(t, cli, tree_find(config, STR("settings")), columns, 3);
}

static bool operate_is_whole(const struct tree *audit)
{
    bool is_whole = false;

    return tree_find(audit, STR("whole")) != NULL
        && tree_is_bool(tree_find(audit, STR("whole")), &is_whole) && is_whole;
}

bool command_verify(struct task *t, struct cli *cli)
{
    const struct tree *verdict, *damaged;

    if (!operate_get(t, cli, "POST", STR("/api/v1/verify"), &verdict)) {
        return false;
    }
    damaged = tree_find(verdict, STR("damaged"));
    if (!table_object(t, cli, verdict)) {
        return false;
    }
    if ((damaged != NULL && damaged->len > 0)
        || !str_eq(tree_find_text(verdict, STR("catalog")), STR("ok"))
        || !operate_is_whole(tree_find(verdict, STR("audit")))) {
        cli->exit_code = error_exit_code(ERR_CORRUPT);
        cli_note(cli, "weft: stored data are damaged");
    }
    return true;
}
