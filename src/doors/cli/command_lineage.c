#include "cli_inside.h"
#include "http_client/http_client.h"

static const struct cli_column lineage_tables[] = {
    {.key = "from"}, {.key = "to"}, {.key = "release", .is_right = true}};

static const struct cli_column lineage_columns[] = {{.key = "from"},
                                                    {.key = "from_column", .title = "column"},
                                                    {.key = "to"},
                                                    {.key = "to_column", .title = "column"},
                                                    {.key = "subtype", .title = "kind"},
                                                    {.key = "carries_labels", .title = "labels"}};

bool command_lineage(struct task *t, struct cli *cli)
{
    const struct tree *answer, *edges;
    bool is_of_columns = cli->has[OPTION_columns];
    bool is_up = cli->has[OPTION_up], is_down = cli->has[OPTION_down];
    str path;

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 1, 1)) {
        return false;
    }
    path = arena_format(
        t->mem, "/api/v1/lineage/%.*s?direction=%s&columns=%d",
        STR_ARG(http_percent_encode(t->mem, cli_address(t->mem, cli->arguments.at[0]))),
        is_up == is_down ? "both"
        : is_up          ? "up"
                         : "down",
        is_of_columns ? 1 : 0);
    if (!cli_call(t, cli, "GET", path, STR_NONE, &answer)) {
        return false;
    }
    edges = tree_find(answer, STR("edges"));
    if (cli->format != FORMAT_JSON && (edges == NULL || edges->len == 0)) {
        cli_note(cli, "no release has an edge of it: weft run traces what it publishes");
    }
    return is_of_columns ? table_list(t, cli, edges, lineage_columns,
                                      sizeof lineage_columns / sizeof lineage_columns[0])
                         : table_list(t, cli, edges, lineage_tables,
                                      sizeof lineage_tables / sizeof lineage_tables[0]);
}
