#include "model/model_case.h"

#include "clock/clock.h"
#include "model/model_inside.h"
#include "shape/shape.h"

struct case_reader {
    struct arena *mem;
    str file;
    struct report *report;
};

static struct finding *complain(const struct case_reader *r, const struct tree *node,
                                const char *what)
{
    return shape_error(r->mem, r->file, r->report, node, "%s", what);
}

static bool are_rows(const struct tree *node)
{
    for (size_t i = 0; node->kind == TREE_LIST && i < node->len; i++)
        if (node->at[i]->kind != TREE_MAP)
            return false;
    return node->kind == TREE_LIST;
}

static void read_tables(const struct case_reader *r, const struct tree *map, bool has_outputs,
                        struct model_case_tables *out)
{
    for (size_t i = 0; map && i < map->len; i++) {
        const struct tree *node = map->at[i];
        struct model_case_table table = {.rows = node, .place = tree_place(r->mem, r->file, node)};
        table.place.line = node->key_line;
        table.place.column = node->key_column;
        bool is_of_schema = str_cut(node->key, '.', &table.schema, &table.table);
        if (!is_of_schema) {
            table.table = node->key;
            table.schema = STR_NONE;
        }
        if (!are_rows(node)) {
            struct finding *f = complain(r, node, "these are no rows");
            f->found = shape_found(r->mem, node);
            f->allowed = STR("a list of rows, each a map from column to value");
        } else if (is_of_schema || has_outputs) {
            vec_push(r->mem, out, table);
        } else {
            struct finding *f = shape_key_error(r->mem, r->file, r->report, node,
                                                "rows are given to a table that the product reads");
            f->found = node->key;
            f->allowed = STR("PORT.TABLE, or self.NAME of an internal table");
        }
    }
}

static str read_now(const struct case_reader *r, const struct tree *node)
{
    int64_t now_us;
    if (!node)
        return STR_NONE;
    if (clock_parse(node->text, &now_us))
        return clock_text(r->mem, now_us);
    struct finding *f = complain(r, node, "this is no time");
    f->found = node->text;
    f->allowed = STR("a date as 2027-01-31, or a time as 2027-01-31T12:00:00Z");
    return STR_NONE;
}

void model_cases_read(struct arena *mem, str file, const struct model_product *product,
                      const struct tree *document, struct report *report, struct model_cases *out)
{
    struct case_reader r = {mem, file, report};
    if (!shape_check(mem, file, &shape_product_test, document, report))
        return;
    const struct tree *cases = tree_find(document, STR("cases"));
    for (size_t i = 0; i < cases->len; i++) {
        const struct tree *node = cases->at[i];
        struct model_case c = {.name = tree_find_text(node, STR("name")),
                               .file = file,
                               .place = tree_place(mem, file, node),
                               .product = product};
        if (tree_find(node, STR("ordered")))
            (void)tree_is_bool(tree_find(node, STR("ordered")), &c.is_ordered);
        c.now = read_now(&r, tree_find(node, STR("now")));
        read_tables(&r, tree_find(node, STR("given")), false, &c.given);
        read_tables(&r, tree_find(node, STR("expect")), true, &c.expect);
        if (!c.expect.len && !tree_find(node, STR("expect"))->len)
            complain(&r, tree_find(node, STR("expect")), "the case expects nothing")->allowed =
                STR("TABLE: [rows], of an output table or of self.NAME");
        vec_push(mem, out, c);
    }
}
