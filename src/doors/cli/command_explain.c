#include "cli_inside.h"
#include "json_out/json_out.h"
#include "limits/limits.h"

/* `id: text (file:line)` */
static void explain_reasons(struct task *t, const struct tree *reasons, const char *title)
{
    for (size_t i = 0; reasons != NULL && i < reasons->len; i++) {
        const struct tree *reason = reasons->at[i];
        str file = tree_find_text(reason, STR("file"));
        str line =
            arena_format(t->mem, "%.*s: %.*s", STR_ARG(tree_find_text(reason, STR("policy"))),
                         STR_ARG(tree_find_text(reason, STR("text"))));

        if (file.len > 0) {
            line = arena_format(t->mem, "%.*s (%.*s:%.*s)", STR_ARG(line), STR_ARG(file),
                                STR_ARG(tree_find_text(reason, STR("line"))));
        }
        printf("  %-12s ", title);
        cli_layout_print_text(stdout, table_shown(t->mem, line), 15,
                              (size_t)cli_terminal_width(stdout, 0));
    }
}

static str explain_names(struct task *t, const struct tree *column)
{
    static const char *const keys[] = {"masked_by", "denied_by"};
    struct str_list names = {0};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const struct tree *reasons = tree_find(column, str_of(keys[i]));

        for (size_t k = 0; reasons != NULL && k < reasons->len; k++) {
            str file = tree_find_text(reasons->at[k], STR("file"));

            str_list_add(t->mem, &names,
                         file.len ? arena_format(
                             t->mem, "%.*s (%.*s:%.*s)",
                             STR_ARG(tree_find_text(reasons->at[k], STR("policy"))), STR_ARG(file),
                             STR_ARG(tree_find_text(reasons->at[k], STR("line"))))
                                  : tree_find_text(reasons->at[k], STR("policy")));
        }
    }
    return str_list_join(t->mem, &names, STR(", "));
}

/* Columns that the text reads; all of them where it reads none by name. */
static void explain_columns(struct task *t, const struct tree *columns)
{
    static const struct cli_column shown[] = {
        {.key = "column"}, {.key = "type"}, {.key = "access"}, {.key = "shows"}, {.key = "by"}};
    struct table table = {0};
    bool reads_any = false, is_read;

    for (size_t i = 0; i < columns->len; i++) {
        reads_any = reads_any
                 || (tree_is_bool(tree_find(columns->at[i], STR("is_read")), &is_read) && is_read);
    }
    table_begin(&table, t->mem, stdout, shown, sizeof(shown) / sizeof(shown[0]));
    for (size_t i = 0; i < columns->len; i++) {
        const struct tree *column = columns->at[i];

        if (reads_any && !(tree_is_bool(tree_find(column, STR("is_read")), &is_read) && is_read)) {
            continue;
        }
        str by = explain_names(t, column), shows = tree_find_text(column, STR("shows"));
        const str cells[] = {tree_find_text(column, STR("name")),
                             tree_find_text(column, STR("type")),
                             tree_find_text(column, STR("access")), shows.len ? shows : STR(""),
                             by.len ? by : STR("")};
        table_row(&table, cells);
    }
    table_end(&table);
}

static void explain_files(struct task *t, const struct tree *files)
{
    str all = STR_NONE;

    printf("  %-12s ", "files");
    /* Not told to one from whom rows are filtered. */
    if (tree_find_text(files, STR("files")).len > 0) {
        all = arena_format(t->mem, "%.*s in all: %.*s as they are, %.*s with no visible row, ",
                           STR_ARG(tree_find_text(files, STR("files"))),
                           STR_ARG(tree_find_text(files, STR("as_they_are"))),
                           STR_ARG(tree_find_text(files, STR("all_hidden"))));
    }
    all = arena_format(t->mem, "%.*s%.*s copies there, %.*s to be made", STR_ARG(all),
                       STR_ARG(tree_find_text(files, STR("copies"))),
                       STR_ARG(tree_find_text(files, STR("to_be_made"))));
    cli_layout_print_text(stdout, all, 15, (size_t)cli_terminal_width(stdout, 0));
}

static void explain_table(struct task *t, const struct tree *table, bool is_first)
{
    str release = tree_find_text(table, STR("release"));

    printf("%s%.*s", is_first ? "" : "\n", STR_ARG(tree_find_text(table, STR("table"))));
    if (release.len > 0) {
        printf(" (release %.*s)", STR_ARG(release));
    }
    printf(": %.*s\n", STR_ARG(tree_find_text(table, STR("access"))));
    explain_reasons(t, tree_find(table, STR("granted_by")), "granted by");
    explain_reasons(t, tree_find(table, STR("denied_by")), "denied by");
    explain_reasons(t, tree_find(table, STR("filtered_by")), "filtered by");
    explain_reasons(t, tree_find(table, STR("waived_by")), "waived by");
    /* Of a table that is denied whole there is no more to say. */
    if (str_eq(tree_find_text(table, STR("access")), STR("granted"))) {
        explain_columns(t, tree_find(table, STR("columns")));
        explain_files(t, tree_find(table, STR("cleared_files")));
    }
}

bool command_explain(struct task *t, struct cli *cli)
{
    struct json_out o = {.b = buf_new(t->mem, HTTP_BODY_BYTES_MAX)};
    const struct tree *answer, *tables;

    if (!cli_demand_arguments(t, cli, 0, 1) || !cli_read_sql(t, cli, &cli->sql)) {
        return false;
    }
    json_out_begin(&o, "", '{');
    json_out_str(&o, "sql", cli->sql);
    if (cli->has[OPTION_purpose]) {
        json_out_str(&o, "purpose", cli->value[OPTION_purpose]);
    }
    json_out_end(&o, '}');
    if (o.b->full) {
        return task_fail(t, ERR_LIMIT, "the SQL text is too large");
    }
    if (!cli_call(t, cli, "POST", STR("/api/v1/explain"), buf_str(o.b), &answer)) {
        return false;
    }
    if (cli->format != FORMAT_TABLE) {
        table_json(t, answer, stdout);
        return true;
    }
    tables = tree_find(answer, STR("tables"));
    for (size_t i = 0; tables != NULL && i < tables->len; i++) {
        explain_table(t, tables->at[i], i == 0);
    }
    if (tables == NULL || tables->len == 0) {
        cli_note(cli, "the text reads no table");
    }
    return true;
}
