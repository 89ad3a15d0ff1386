/* How well the mesh keeps its own rules. */
#include "cli_inside.h"

static const struct cli_column compliance_columns[] = {
    {.key = "policy"},
    {.key = "domain"},
    {.key = "severity"},
    {.key = "violations", .is_right = true},
    {.key = "objects", .title = "of", .is_right = true},
    {.key = "since"},
    {.key = "checked_at", .title = "checked"},
    {.key = "current"}};

enum { COMPLIANCE_LEN = sizeof(compliance_columns) / sizeof(compliance_columns[0]) };

static bool report_section(struct task *t, const struct cli *cli, const struct tree *list,
                           const char *title, const struct cli_column *columns, size_t len)
{
    if (list == NULL || list->len == 0) {
        return true;
    }
    printf("%s\n", title);
    if (!table_list(t, cli, list, columns, len)) {
        return false;
    }
    putchar('\n');
    return true;
}

static bool report_tell(struct task *t, const struct cli *cli, const struct tree *report)
{
    static const struct cli_column waivers[] = {
        {.key = "waiver"}, {.key = "waives"}, {.key = "to"},    {.key = "approver"},
        {.key = "reason"}, {.key = "until"},  {.key = "ended"}, {.key = "file"}};
    const struct tree *now = tree_find(report, STR("compliance"));

    if (now == NULL || now->len == 0) {
        puts("The mesh has no requirements, or none that you may know of.\n");
    }
    if (!report_section(t, cli, now, "requirements", compliance_columns, COMPLIANCE_LEN - 1)
        || !report_section(t, cli, tree_find(report, STR("before")), "before that",
                           compliance_columns, COMPLIANCE_LEN - 1)
        || !report_section(t, cli, tree_find(report, STR("waivers")), "waivers", waivers,
                           sizeof(waivers) / sizeof(waivers[0]))) {
        return false;
    }
    printf("open: %.*s of severity error, %.*s of severity warning\n",
           STR_ARG(tree_find_text(report, STR("errors"))),
           STR_ARG(tree_find_text(report, STR("warnings"))));
    return true;
}

/* All that was found, so that it can be drawn over time. */
static const struct tree *report_rows(struct task *t, const struct tree *report)
{
    static const char *const lists[] = {"before", "compliance"};
    struct tree *all = tree_new(t->mem, TREE_LIST);

    for (size_t i = 0; i < 2; i++) {
        const struct tree *list = tree_find(report, str_of(lists[i]));

        for (size_t j = 0; list != NULL && j < list->len; j++) {
            tree_push(t->mem, all, tree_copy(t->mem, list->at[j]));
        }
    }
    return all;
}

bool command_report(struct task *t, struct cli *cli)
{
    const struct tree *report;

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 0, 0)
        || !cli_call(t, cli, "GET", STR("/api/v1/report"), STR_NONE, &report)) {
        return false;
    }
    if (cli->format == FORMAT_JSON) {
        table_json(t, report, stdout);
        return true;
    }
    if (cli->format == FORMAT_CSV) {
        return table_list(t, cli, report_rows(t, report), compliance_columns, COMPLIANCE_LEN);
    }
    return report_tell(t, cli, report);
}
