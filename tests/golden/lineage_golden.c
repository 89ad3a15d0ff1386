/* Edges of statements, written by hand. Column edges carry labels, those of `rows` do not. What stands under `over` is more than the
 * statement does: the share of the rest is the precision, and may not fall. */
#include "buf/buf.h"
#include "cases.h"
#include "limits/limits.h"
#include "lineage/lineage.h"
#include "test.h"
#include "json/json.h"

enum { OUT_BYTES_MAX = 1 << 20, PERCENT_LEAST = 89 };

static const struct json_limits limits = {
    .bytes = SQL_TREE_BYTES_MAX, .depth = JSON_DEPTH_MAX, .nodes = 2000000};

static size_t edges_found, edges_over;

static str find_tree(struct task *t, const struct golden_case *c)
{
    str all = golden_file(t->mem, arena_format(t->mem, "lineage/%s.trees", c->file).ptr);
    str title = arena_format(t->mem, "== " STR_FMT "\n", STR_ARG(c->title));
    size_t at = str_find(all, title);
    str line, rest;

    if (at == all.len)
        return STR_NONE;
    str_cut(str_from(all, at + title.len), '\n', &line, &rest);
    return line;
}

/* `schema.table column TYPE, column TYPE`; a comma inside of a type stands in parentheses. */
static void read_columns(struct arena *mem, str text, struct lineage_input *out)
{
    while (text.len) {
        str name, type;
        size_t end = 0;

        for (int depth = 0; end < text.len && (depth || text.ptr[end] != ','); end++)
            depth += text.ptr[end] == '(' ? 1 : text.ptr[end] == ')' ? -1 : 0;
        str_cut(str_trim(str_sub(text, 0, end)), ' ', &name, &type);
        vec_push(mem, &out->columns, ((struct lineage_column){name, type}));
        text = str_from(text, end + 1 < text.len ? end + 1 : text.len);
    }
}

static void read_inputs(struct arena *mem, struct lineage_inputs *out)
{
    str line, rest = golden_file(mem, "lineage/tables.schema");

    while (rest.len) {
        str address, columns;

        str_cut(rest, '\n', &line, &rest);
        str_cut(line, ' ', &address, &columns);
        struct lineage_input *input = vec_add(mem, out);

        str_cut(address, '.', &input->schema, &input->name);
        read_columns(mem, columns, input);
    }
}

static void write_edges(struct buf *out, str name, const struct lineage_inputs *inputs,
                        const struct lineage_edges *edges, struct arena *mem)
{
    buf_format(out, STR_FMT ":%s", STR_ARG(name), edges->len ? "" : " nothing");
    CHECK(edges->len == 0 || inputs->at != NULL);
    for (size_t i = 0; i < edges->len; i++) {
        const struct lineage_input *input = &inputs->at[edges->at[i].input];

        buf_format(out, "%s " STR_FMT "." STR_FMT " " STR_FMT, i ? "," : "", STR_ARG(input->name),
                   STR_ARG(input->columns.at[edges->at[i].column].name),
                   STR_ARG(arena_lower(mem, lineage_kind_name(edges->at[i].kind))));
    }
    buf_format(out, "\n");
    edges_found += edges->len;
}

static void read_names(struct arena *mem, str text, struct str_list *out)
{
    while (text.len) {
        str name;

        str_cut(text, ',', &name, &text);
        vec_push(mem, out, str_trim(name));
    }
}

/* Edges that the case says are too many: each must be there. */
static void count_over(str expected, str over)
{
    while (over.len) {
        str line, name, edges, edge, at;

        str_cut(over, '\n', &line, &over);
        str_cut(line, ':', &name, &edges);
        for (str rest = expected; rest.len;) {
            str_cut(rest, '\n', &at, &rest);
            if (!str_starts(at, str_sub(line, 0, name.len + 1)))
                continue;
            while (edges.len) {
                str_cut(edges, ',', &edge, &edges);
                EXPECT(str_find(at, str_trim(edge)) < at.len);
                edges_over++;
            }
        }
        EXPECT(edges.len == 0);
    }
}

static str read_one(struct task *t, const struct golden_case *c)
{
    struct buf *out = buf_new(t->mem, OUT_BYTES_MAX);
    str text = golden_section(c, "sql"), result = golden_section(c, "result"), statement;
    struct lineage_inputs inputs = {0};
    struct str_list names = {0};
    struct tree *document;
    struct sql_tree *tree;

    read_inputs(t->mem, &inputs);
    read_names(t->mem, result, &names);
    if (!sql_statement(t, text, &statement)
        || !json_read(t, t->mem, find_tree(t, c), &limits, &document)
        || !sql_read(t, statement, document, &tree)) {
        buf_format(out, STR_FMT "\n", STR_ARG(t->err.message));
        return buf_str(out);
    }
    const struct lineage *lineage = lineage_read(t->mem, tree, &inputs, result.len ? &names : NULL);

    for (size_t i = 0; i < lineage->outputs.len; i++) {
        const struct lineage_output *output = &lineage->outputs.at[i];

        write_edges(out, output->name, &inputs, &output->edges, t->mem);
        for (size_t k = 0; k < output->edges.len; k++)
            EXPECT(output->edges.at[k].carries);
    }
    write_edges(out, STR("rows"), &inputs, &lineage->rows, t->mem);
    if (lineage->is_everything)
        buf_format(out, "everything\n");
    if (lineage->is_open)
        buf_format(out, "open\n");
    count_over(golden_section(c, "expected"), golden_section(c, "over"));
    return buf_str(out);
}

TEST(columns_are_traced_as_written)
{
    edges_found = edges_over = 0;
    EXPECT(golden_run("lineage", read_one) >= 80);
    printf("lineage: %zu edges, %zu of them over\n", edges_found, edges_over);
    EXPECT((edges_found - edges_over) * 100 >= edges_found * PERCENT_LEAST);
}
