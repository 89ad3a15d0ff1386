/* What a product, table or column is made of, and what is made of it. */
#include "browse_inside.h"
#include "lineage/lineage.h"
#include "lineage/lineage_graph.h"
#include "map/map.h"
#include "read_lineage/read_lineage.h"

struct browse_asked {
    struct task *t;
    const struct image *image;
};

static bool browse_may_discover(void *ctx, const struct image_product *product)
{
    const struct browse_asked *asked = ctx;

    return gate_may_discover(asked->t, asked->image, product);
}

/* Columns, and tables for what decides their rows, as numbers. */
struct browse_graph {
    struct arena *mem;
    struct map numbers;
    struct str_list names;
    struct lineage_links links;
    const struct read_edges *edges;
    uint32_t *from, *to; /* of each edge */
};

static uint32_t browse_number(struct browse_graph *g, str name)
{
    uint32_t *number = map_find(&g->numbers, name);

    if (number == NULL) {
        number = ARENA_NEW(g->mem, uint32_t);
        *number = (uint32_t)g->names.len;
        vec_push(g->mem, &g->names, name);
        map_put(&g->numbers, name, number);
    }
    return *number;
}

static str browse_column_name(struct arena *mem, str table, str column)
{
    return column.len > 0 ? arena_format(mem, "%.*s.%.*s", STR_ARG(table), STR_ARG(column)) : table;
}

static void browse_link(struct browse_graph *g, uint32_t from, uint32_t to)
{
    vec_push(g->mem, &g->links, ((struct lineage_link){from, to}));
}

/* What decides the rows of a table decides each of its columns: they hang on its own node. */
static void browse_fill(struct browse_graph *g)
{
    size_t before = 0;

    g->from = ARENA_ARRAY(g->mem, uint32_t, g->edges->len + 1);
    g->to = ARENA_ARRAY(g->mem, uint32_t, g->edges->len + 1);
    for (size_t i = 0; i < g->edges->len; i++) {
        const struct read_edge *edge = &g->edges->at[i];
        uint32_t table = browse_number(g, edge->table);

        g->from[i] = browse_number(g, browse_column_name(g->mem, edge->input, edge->input_column));
        before = g->names.len;
        g->to[i] = browse_number(g, browse_column_name(g->mem, edge->table, edge->column));
        browse_link(g, g->from[i], g->to[i]);
        if (g->names.len > before && g->to[i] != table) {
            browse_link(g, table, g->to[i]);
        }
    }
}

/* A product has the tables of all its majors, which are told by what follows its name. */
static bool browse_is_within(str name, str asked)
{
    str domain, product;
    bool is_product =
        str_cut(asked, '.', &domain, &product) && !str_has(product, '.') && !str_has(product, '@');

    return str_starts(name, asked)
        && (name.len == asked.len || name.ptr[asked.len] == '.'
            || (is_product && name.ptr[asked.len] == '@'));
}

/* All that is asked for, as the neighbours of one node more. */
static bool browse_close(struct browse_graph *g, str asked, enum lineage_direction direction,
                         bool *is_reached)
{
    uint32_t start = (uint32_t)g->names.len;
    struct lineage_closure found = {0};
    bool any = false;

    for (uint32_t i = 0; i < start; i++) {
        if (!browse_is_within(g->names.at[i], asked)) {
            continue;
        }
        any = true;
        if (direction == LINEAGE_UPSTREAM) {
            browse_link(g, i, start);
        } else {
            browse_link(g, start, i);
        }
    }
    lineage_close(g->mem, lineage_graph_new(g->mem, start + 1, &g->links), start, direction,
                  UINT32_MAX, &found);
    for (size_t i = 0; i < found.len; i++) {
        if (found.at[i].node < start) {
            is_reached[found.at[i].node] = true;
        }
    }
    return any;
}

static void browse_edge(const struct browse_graph *g, size_t i, bool is_of_columns,
                        struct json_out *o)
{
    const struct read_edge *edge = &g->edges->at[i];
    enum lineage_kind kind = LINEAGE_TRANSFORMATION;

    json_out_begin(o, "", '{');
    json_out_str(o, "from", edge->input);
    if (is_of_columns) {
        json_out_str(o, "from_column", edge->input_column);
    }
    json_out_str(o, "to", edge->table);
    if (is_of_columns) {
        (void)lineage_kind_find(edge->kind, &kind);
        json_out_maybe(o, "to_column", edge->column);
        json_out_str(o, "type", lineage_type_name(kind));
        json_out_str(o, "subtype", edge->kind);
        json_out_bool(o, "carries_labels", edge->carries);
    }
    json_out_uint(o, "release", edge->product->release.number);
    json_out_end(o, '}');
}

/* Edges with both ends among what was reached; of tables, each pair once. */
static void browse_edges(struct browse_graph *g, const bool *is_reached, bool is_of_columns,
                         struct json_out *o)
{
    struct map seen;

    map_init(&seen, g->mem);
    json_out_begin(o, "edges", '[');
    for (size_t i = 0; i < g->edges->len; i++) {
        if (!is_reached[g->from[i]] || !is_reached[g->to[i]]) {
            continue;
        }
        if (!is_of_columns) {
            str pair = arena_format(g->mem, "%.*s %.*s", STR_ARG(g->edges->at[i].input),
                                    STR_ARG(g->edges->at[i].table));

            if (map_put(&seen, pair, &seen) != NULL) {
                continue;
            }
        }
        browse_edge(g, i, is_of_columns, o);
    }
    json_out_end(o, ']');
}

/* The product that the address begins with, which the actor must be able to discover. */
static bool browse_find_node(struct task *t, const struct image *image, str address)
{
    const struct image_product *product;
    str domain, rest, name, ignored;

    (void)str_cut(address, ':', &address, &ignored);
    (void)str_cut(address, '.', &domain, &rest);
    (void)str_cut(rest, '.', &name, &rest);
    (void)str_cut(name, '@', &name, &ignored);
    return services_find_product(
        t, image, arena_format(t->mem, "%.*s.%.*s", STR_ARG(domain), STR_ARG(name)), &product);
}

bool browse_lineage(struct task *t, struct services *s, str address, bool is_up, bool is_down,
                    bool is_of_columns, struct json_out *o)
{
    const struct image *image = image_pin(t, s->images);
    struct browse_asked asked = {t, image};
    struct read_edges edges;
    struct browse_graph g = {.mem = t->mem, .edges = &edges};

    if (!browse_find_node(t, image, address)
        || !read_lineage(t, s->db, image, browse_may_discover, &asked, &edges)) {
        return false;
    }
    map_init(&g.numbers, t->mem);
    browse_fill(&g);
    bool *is_reached = ARENA_ARRAY(t->mem, bool, g.names.len + 1);
    size_t links = g.links.len;
    bool any = true;

    if (is_up) {
        any = browse_close(&g, address, LINEAGE_UPSTREAM, is_reached);
        g.links.len = links;
    }
    if (is_down) {
        any = browse_close(&g, address, LINEAGE_DOWNSTREAM, is_reached) && any;
    }
    json_out_begin(o, "", '{');
    json_out_str(o, "node", address);
    json_out_bool(o, "known", any);
    browse_edges(&g, is_reached, is_of_columns, o);
    json_out_end(o, '}');
    return true;
}
