/* Source contracts to what a worker reads, and drift. */
#include "buf/buf.h"
#include "cases.h"
#include "limits/limits.h"
#include "source/source.h"
#include "test.h"
#include "yaml/yaml.h"
#include "json/json.h"

static bool find_secret(void *state, str name, str *value_out)
{
    (void)state;
    *value_out = STR("it's \\ \": secret");
    return !str_eq(name, STR("ABSENT"));
}

/* `column: key key …` */
static void put_cuts(struct task *t, const struct golden_case *c, struct source_table *table)
{
    str column, rest, key;

    if (!str_cut(golden_section(c, "cuts"), ':', &column, &rest))
        return;
    table->cuts.column = contract_find_column(table->table, column);
    table->cuts.type = table->cuts.column->type;
    for (rest = str_trim(rest); rest.len;) {
        (void)str_cut(rest, ' ', &key, &rest);
        vec_push(t->mem, &table->cuts.at, key);
    }
}

static void print_ranges(struct task *t, const struct source_server *server,
                         const struct source_table *table, struct buf *out)
{
    buf_format(out, "order: " STR_FMT "\n", STR_ARG(source_order_text(t->mem, server, table)));
    buf_format(out, "cuts: " STR_FMT "\n", STR_ARG(source_cuts_text(t->mem, server, table)));
    struct job_columns key = {0};

    vec_push(t->mem, &key, ((struct job_column){.name = table->cuts.column->name}));
    buf_format(out, "blocks: " STR_FMT "\n", STR_ARG(source_blocks_text(t->mem, server, table)));
    buf_format(out, "piece: " STR_FMT "\n",
               STR_ARG(source_piece_text(t->mem, server, table, &key, 7, 14)));
    for (size_t i = 0; i <= table->cuts.at.len; i++)
        buf_format(out, "range: " STR_FMT "\n",
                   STR_ARG(source_range_text(t->mem, server, table, i)));
}

static void print_table(struct task *t, const struct golden_case *c,
                        const struct source_server *server, struct source_table *table,
                        struct report *report, struct buf *out)
{
    struct source_column columns[64] = {0};
    str rest = golden_section(c, "found"), line;
    size_t len = 0;

    buf_format(out, "describe: " STR_FMT "\n", STR_ARG(table->describe));
    put_cuts(t, c, table);
    while (rest.len && len < 64) {
        (void)str_cut(rest, '\n', &line, &rest);
        (void)str_cut_last(line, ':', &columns[len].name, &columns[len].type);
        columns[len].type = str_trim(columns[len].type);
        columns[len].nullable = str_ends(columns[len].type, STR(" or null"));
        if (columns[len].nullable)
            columns[len].type =
                str_sub(columns[len].type, 0, columns[len].type.len - STR(" or null").len);
        len++;
    }
    if (len == 0 || !source_compile(t->mem, server, table, columns, len, report))
        return;
    buf_format(out, "text: " STR_FMT "\n", STR_ARG(table->text));
    if (table->locate.len)
        buf_format(out, "locate: " STR_FMT "\n", STR_ARG(table->locate));
    if (table->cuts.column)
        print_ranges(t, server, table, out);
}

static void print_plan(struct task *t, const struct golden_case *c, const struct contract *contract,
                       struct report *report, struct buf *out)
{
    struct source_secrets secrets = {NULL, find_secret};
    struct source_server server;
    struct source_plan plan;
    struct str_list files[8] = {0};
    str rest = golden_section(c, "files"), line;

    if (!source_choose(t->mem, contract, golden_section(c, "environment"), &server, report)
        || !source_resolve(t->mem, &secrets, &server, report))
        return;
    while (rest.len) {
        (void)str_cut(rest, '\n', &line, &rest);
        vec_push(t->mem, &files[0], line);
    }
    if (!source_open(t->mem, contract, &server, STR("192.0.2.1"), files, &plan, report))
        return;
    for (size_t i = 0; i < plan.open.len; i++)
        buf_format(out, "open: " STR_FMT "\n", STR_ARG(plan.open.at[i]));
    for (size_t i = 0; i < plan.tables.len; i++)
        print_table(t, c, &server, &plan.tables.at[i], report, out);
    for (size_t i = 0; i < plan.close.len; i++)
        buf_format(out, "close: " STR_FMT "\n", STR_ARG(plan.close.at[i]));
}

static str compile(struct task *t, const struct golden_case *c)
{
    struct buf *out = buf_new(t->mem, 1 << 20);
    struct tree *document;
    struct report report;
    str file = STR("case.odcs.yaml");
    str text = arena_format(
        t->mem,
        "apiVersion: v3.1.0\nkind: DataContract\nid: case\nversion: 1.0.0\nstatus: active\n" STR_FMT
        "\n",
        STR_ARG(golden_section(c, "contract")));
    report_init(&report, t->mem);
    if (!yaml_read(t, t->mem, text, file, YAML_MODE_YAML, &document))
        return t->err.message;
    struct contract *contract = contract_read(t->mem, file, document, &report);
    if (contract)
        print_plan(t, c, contract, &report, out);
    report_text(&report, out);
    return buf_str(out);
}

TEST(golden_source)
{
    EXPECT(golden_run("source", compile) > 0);
}
