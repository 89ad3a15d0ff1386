#include <inttypes.h>
#include <string.h>

#include "cli_inside.h"
#include "http_client/http_client.h"

#define SHOW_LEN(columns) (sizeof(columns) / sizeof((columns)[0]))

static const struct cli_column product_columns[] = {
    {.key = "address", .title = "product"},
    {.key = "alignment"},
    {.key = "status"},
    {.key = "release", .is_right = true},
    {.key = "rows", .is_right = true},
    {.key = "tables_count", .title = "tables", .is_right = true},
    {.key = "published_at", .title = "published"},
};

static const struct cli_column run_columns[] = {
    {.key = "id", .title = "run"},
    {.key = "product"},
    {.key = "state"},
    {.key = "release", .is_right = true},
    {.key = "rows", .is_right = true},
    {.key = "started_at", .title = "started"},
    {.key = "requested_by", .title = "by"},
    {.key = "error.message", .title = "error"},
};

static bool show_products(struct task *t, struct cli *cli, str domain)
{
    const struct tree *answer, *list;
    struct tree *wanted = tree_new(t->mem, TREE_LIST);

    if (!cli_call(t, cli, "GET", STR("/api/v1/products"), STR_NONE, &answer)) {
        return false;
    }
    list = tree_find(answer, STR("products"));
    for (size_t i = 0; list != NULL && i < list->len; i++) {
        if (domain.len == 0 || str_eq(tree_find_text(list->at[i], STR("domain")), domain)) {
            tree_push(t->mem, wanted, tree_copy(t->mem, list->at[i]));
        }
    }
    if (domain.len > 0 && wanted->len == 0) {
        task_fail(t, ERR_NOT_FOUND, "there is no domain %.*s with products that you may discover",
                  STR_ARG(domain));
        return task_hint(t, "weft show lists all products");
    }
    if (wanted->len == 0) {
        cli_note(cli,
                 "no products that you may discover: weft apply brings those of the mesh folder");
    }
    return table_list(t, cli, wanted, product_columns, SHOW_LEN(product_columns));
}

/* ---- one product */

static void show_line(struct task *t, const struct cli *cli, const struct tree *map,
                      const char *key, const char *title)
{
    str value = table_cell(t->mem, map, key);

    if (value.len > 0) {
        fprintf(cli->out, "%-13s ", title);
        cli_layout_print_text(cli->out, table_shown(t->mem, table_eased(t->mem, value)), 14,
                              (size_t)cli->out_width);
    }
}

static bool show_rows(struct task *t, const struct cli *cli, const struct tree *list,
                      const char *title, const struct cli_column *columns, size_t len)
{
    if (list == NULL || list->len == 0) {
        return true;
    }
    fprintf(cli->out, "\n%s\n", title);
    return table_list(t, cli, list, columns, len);
}

static bool show_whole_product(struct task *t, const struct cli *cli, const struct tree *product)
{
    static const struct cli_column tables[] = {{.key = "address", .title = "table"},
                                               {.key = "rows", .is_right = true},
                                               {.key = "contract"},
                                               {.key = "contract_version", .title = "version"},
                                               {.key = "stage"},
                                               {.key = "sunset"},
                                               {.key = "granted"},
                                               {.key = "filtered"},
                                               {.key = "description"}};
    static const struct cli_column inputs[] = {
        {.key = "name", .title = "input"}, {.key = "contract"}, {.key = "product"}};
    static const struct cli_column releases[] = {
        {.key = "number", .title = "release", .is_right = true},
        {.key = "published_at", .title = "published"},
        {.key = "rows", .is_right = true},
        {.key = "bytes", .is_right = true},
        {.key = "kept"},
        {.key = "current"},
        {.key = "restores", .is_right = true}};

    show_line(t, cli, product, "address", "product");
    show_line(t, cli, product, "title", "title");
    show_line(t, cli, product, "description", "description");
    show_line(t, cli, product, "domain_title", "domain");
    show_line(t, cli, product, "alignment", "alignment");
    show_line(t, cli, product, "status", "status");
    show_line(t, cli, product, "owners", "owners");
    show_line(t, cli, product, "schedule", "schedule");
    show_line(t, cli, product, "next_run_at", "next run");
    return show_rows(t, cli, tree_find(product, STR("inputs")), "inputs", inputs, SHOW_LEN(inputs))
        && show_rows(t, cli, tree_find(product, STR("tables")), "tables", tables, SHOW_LEN(tables))
        && show_rows(t, cli, tree_find(product, STR("releases")), "releases", releases,
                     SHOW_LEN(releases));
}

/* `asked` is its address; its name is for the error. */
static bool show_table(struct task *t, const struct cli *cli, const struct tree *product, str asked,
                       str name)
{
    static const struct cli_column columns[] = {{.key = "name", .title = "column"},
                                                {.key = "type"},
                                                {.key = "required"},
                                                {.key = "primary_key", .title = "key"},
                                                {.key = "classification"},
                                                {.key = "access"},
                                                {.key = "description"}};
    const struct tree *tables = tree_find(product, STR("tables"));

    for (size_t i = 0; tables != NULL && i < tables->len; i++) {
        if (str_eq(tree_find_text(tables->at[i], STR("address")), asked)) {
            if (cli->format == FORMAT_JSON) {
                table_json(t, tables->at[i], cli->out);
                return true;
            }
            return table_list(t, cli, tree_find(tables->at[i], STR("columns")), columns,
                              SHOW_LEN(columns));
        }
    }
    task_fail(t, ERR_NOT_FOUND, "%.*s has no table %.*s",
              STR_ARG(tree_find_text(product, STR("address"))), STR_ARG(name));
    return task_hint(t, "weft show %.*s lists its tables",
                     STR_ARG(tree_find_text(product, STR("address"))));
}

static bool show_product(struct task *t, struct cli *cli, str asked, str address, str table)
{
    const struct tree *product;
    str path = arena_format(t->mem, "/api/v1/products/%.*s",
                            STR_ARG(http_percent_encode(t->mem, address)));

    if (!cli_call(t, cli, "GET", path, STR_NONE, &product)) {
        return false;
    }
    if (table.len > 0) {
        return show_table(t, cli, product, asked, table);
    }
    if (cli->format == FORMAT_JSON) {
        table_json(t, product, cli->out);
        return true;
    }
    if (cli->format == FORMAT_CSV) {
        struct tree *list = tree_new(t->mem, TREE_LIST);

        tree_push(t->mem, list, tree_copy(t->mem, product));
        return table_list(t, cli, list, product_columns, SHOW_LEN(product_columns));
    }
    return show_whole_product(t, cli, product);
}

/* ---- runs */

static bool show_runs(struct task *t, struct cli *cli, str product)
{
    const struct tree *answer;
    int64_t limit;
    str path;

    if (!cli_number(t, cli, OPTION_limit, 1, 20, &limit)) {
        return false;
    }
    path = arena_format(t->mem, "/api/v1/runs?limit=%" PRId64 "%s%.*s", limit,
                        product.len > 0 ? "&product=" : "",
                        STR_ARG(http_percent_encode(t->mem, product)));
    return cli_call(t, cli, "GET", path, STR_NONE, &answer)
        && table_list(t, cli, tree_find(answer, STR("runs")), run_columns, SHOW_LEN(run_columns));
}

static bool show_run(struct task *t, struct cli *cli, str id)
{
    static const struct cli_column checks[] = {
        {.key = "table"},
        {.key = "column"},
        {.key = "rule"},
        {.key = "verdict"},
        {.key = "effect"},
        {.key = "expected"},
        {.key = "found"},
        {.key = "rows_failed", .title = "failed", .is_right = true},
        {.key = "rows_total", .title = "of", .is_right = true},
        {.key = "message"}};
    const struct tree *run;

    if (!cli_call(
            t, cli, "GET",
            arena_format(t->mem, "/api/v1/runs/%.*s", STR_ARG(http_percent_encode(t->mem, id))),
            STR_NONE, &run)) {
        return false;
    }
    if (cli->format == FORMAT_JSON) {
        table_json(t, run, cli->out);
        return true;
    }
    if (cli->format == FORMAT_CSV) {
        return table_list(t, cli, tree_find(run, STR("checks")), checks, SHOW_LEN(checks));
    }
    show_line(t, cli, run, "id", "run");
    show_line(t, cli, run, "product", "product");
    show_line(t, cli, run, "state", "state");
    show_line(t, cli, run, "step", "step");
    show_line(t, cli, run, "release", "release");
    show_line(t, cli, run, "rows", "rows");
    show_line(t, cli, run, "requested_by", "asked by");
    show_line(t, cli, run, "started_at", "started");
    show_line(t, cli, run, "ended_at", "ended");
    show_line(t, cli, run, "error.message", "error");
    show_line(t, cli, run, "error.hint", "hint");
    return show_rows(t, cli, tree_find(run, STR("checks")), "checks", checks, SHOW_LEN(checks));
}

static bool show_is_id(str name)
{
    return name.len == 36 && name.ptr[8] == '-' && name.ptr[13] == '-' && name.ptr[18] == '-'
        && name.ptr[23] == '-';
}

/* ---- tables of the mesh itself, which are the same in each mesh */

static const struct {
    const char *table, *column, *type, *meaning;
} mesh_columns[] = {
#define MESH_COLUMN(table, column, type, meaning) {#table, #column, type, meaning},
#include "read_mesh/mesh_tables.def"
#undef MESH_COLUMN
};

static const struct cli_column mesh_table_columns[] = {{.key = "table"}, {.key = "columns"}};
static const struct cli_column mesh_column_columns[] = {
    {.key = "column"}, {.key = "type"}, {.key = "description"}};

static void show_put(struct task *t, struct tree *row, const char *key, str text)
{
    (void)tree_put(t->mem, row, str_of(key), tree_text(t->mem, text));
}

static bool show_mesh_tables(struct task *t, struct cli *cli)
{
    struct tree *list = tree_new(t->mem, TREE_LIST), *row = NULL;
    str names = STR_NONE;

    for (size_t i = 0; i < SHOW_LEN(mesh_columns); i++) {
        bool is_new = i == 0 || strcmp(mesh_columns[i].table, mesh_columns[i - 1].table) != 0;
        bool is_last = i + 1 == SHOW_LEN(mesh_columns)
                    || strcmp(mesh_columns[i].table, mesh_columns[i + 1].table) != 0;

        names = arena_format(t->mem, "%.*s%s%s", is_new ? 0 : (int)names.len, names.ptr,
                             is_new ? "" : ", ", mesh_columns[i].column);
        if (is_last) {
            row = tree_new(t->mem, TREE_MAP);
            show_put(t, row, "table", arena_format(t->mem, "mesh.%s", mesh_columns[i].table));
            show_put(t, row, "columns", names);
            tree_push(t->mem, list, row);
        }
    }
    return table_list(t, cli, list, mesh_table_columns, SHOW_LEN(mesh_table_columns));
}

static bool show_mesh_table(struct task *t, struct cli *cli, str name)
{
    struct tree *list = tree_new(t->mem, TREE_LIST);
    struct str_list known = {0};

    for (size_t i = 0; i < SHOW_LEN(mesh_columns); i++) {
        str_list_add(t->mem, &known, str_of(mesh_columns[i].table));
        if (str_eq(name, str_of(mesh_columns[i].table))) {
            struct tree *row = tree_new(t->mem, TREE_MAP);

            show_put(t, row, "column", str_of(mesh_columns[i].column));
            show_put(t, row, "type", str_of(mesh_columns[i].type));
            show_put(t, row, "description", str_of(mesh_columns[i].meaning));
            tree_push(t->mem, list, row);
        }
    }
    if (list->len == 0) {
        str near = str_list_nearest(&known, name);

        task_fail(t, ERR_NOT_FOUND, "there is no table mesh.%.*s", STR_ARG(name));
        return near.len > 0 ? task_hint(t, "did you mean mesh.%.*s?", STR_ARG(near))
                            : task_hint(t, "weft show mesh lists the tables of the mesh");
    }
    return table_list(t, cli, list, mesh_column_columns, SHOW_LEN(mesh_column_columns));
}

bool cli_show(struct task *t, struct cli *cli, str name)
{
    str domain, rest, product, table;

    if (str_eq(name, STR("mesh"))) {
        return show_mesh_tables(t, cli);
    }
    if (str_starts(name, STR("mesh."))) {
        return show_mesh_table(t, cli, str_from(name, strlen("mesh.")));
    }
    if (!str_cut(name, '.', &domain, &rest)) {
        return show_products(t, cli, name);
    }
    (void)str_cut(rest, '.', &product, &table);
    (void)str_cut(product, '@', &product, &rest); /* majors of a product are shown together */
    return show_product(
        t, cli, name, arena_format(t->mem, "%.*s.%.*s", STR_ARG(domain), STR_ARG(product)), table);
}

bool command_show(struct task *t, struct cli *cli)
{
    str name = STR_NONE;

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 0, 2)) {
        return false;
    }
    if (cli->arguments.len > 0) {
        name = cli_address(t->mem, cli->arguments.at[0]);
    }
    if (str_eq(name, STR("runs"))) {
        return show_runs(t, cli, cli->arguments.len == 2 ? cli->arguments.at[1] : STR_NONE);
    }
    if (cli->arguments.len == 2) {
        task_fail(t, ERR_USAGE, "weft show takes one name");
        return task_hint(t, "weft show runs PRODUCT lists the runs of a product");
    }
    if (show_is_id(name)) {
        return show_run(t, cli, name);
    }
    return cli_show(t, cli, name);
}
