/* Policies: which there are, and what one does. */
#include "cli_inside.h"

bool command_policy_list(struct task *t, struct cli *cli)
{
    static const struct cli_column columns[] = {
        {.key = "id", .title = "policy"},
        {.key = "scope"},
        {.key = "effect"},
        {.key = "tables_count", .title = "tables", .is_right = true},
        {.key = "columns_count", .title = "columns", .is_right = true},
        {.key = "owner"},
        {.key = "file"}};
    const struct tree *answer;

    cli_listen(t);
    return cli_demand_arguments(t, cli, 0, 0)
        && cli_call(t, cli, "GET", STR("/api/v1/policies"), STR_NONE, &answer)
        && table_list(t, cli, tree_find(answer, STR("policies")), columns,
                      sizeof(columns) / sizeof(columns[0]));
}

bool command_policy_show(struct task *t, struct cli *cli)
{
    const struct tree *policy;

    cli_listen(t);
    return cli_demand_arguments(t, cli, 1, 1)
        && cli_call(t, cli, "GET",
                    arena_format(t->mem, "/api/v1/policies/%.*s",
                                 STR_ARG(http_percent_encode(t->mem, cli->arguments.at[0]))),
                    STR_NONE, &policy)
        && table_object(t, cli, policy);
}
