#include "read_lineage/read_lineage.h"

#include "map/map.h"
#include "release/release.h"

struct reading {
    struct task *t;
    const struct image *image;
    bool (*may_discover)(void *ctx, const struct image_product *product);
    void *ctx;
    struct map known; /* id of a table to its address; the map holds those that may be discovered */
};

static str table_key(struct arena *mem, uint64_t id)
{
    return arena_format(mem, "%llu", (unsigned long long)id);
}

static void know_tables(struct reading *r, const struct image_product *product)
{
    struct arena *mem = r->t->mem;
    for (size_t i = 0; i < product->tables.len; i++) {
        str *address = ARENA_NEW(mem, str);
        *address = image_table_address(mem, &product->tables.at[i]);
        map_put(&r->known, table_key(mem, product->tables.at[i].id), address);
    }
}

/* The contract that a port reads a source by. */
static str source_contract(const struct image_product *product, str port)
{
    const struct model_product *definition = product->definition;
    for (size_t i = 0; i < definition->inputs.len; i++)
        if (str_eq_nocase(definition->inputs.at[i].name, port))
            return definition->inputs.at[i].contract_id;
    return port;
}

static bool read_product(struct reading *r, struct metadb *db, const struct image_product *product,
                         struct read_edges *out)
{
    struct arena *mem = r->t->mem;
    struct release_edges edges;
    if (product->release.number == 0)
        return true;
    if (!release_read_edges(r->t, db, product->id, product->release.number, &edges))
        return false;
    for (size_t i = 0; i < edges.len; i++) {
        const struct release_edge *edge = &edges.at[i];
        const str *table = map_find(&r->known, table_key(mem, edge->table_id));
        const str *input = edge->producer_table_id
                             ? map_find(&r->known, table_key(mem, edge->producer_table_id))
                             : NULL;
        /* A table that is gone, or that may not be discovered, is not there. */
        if (table == NULL || (edge->producer_table_id != 0 && input == NULL))
            continue;
        struct read_edge *row = vec_add(mem, out);
        row->product = product;
        row->table = *table;
        row->column = edge->column;
        row->input =
            input ? *input
                  : arena_format(mem, STR_FMT ":" STR_FMT "." STR_FMT, STR_ARG(product->address),
                                 STR_ARG(source_contract(product, edge->input_port)),
                                 STR_ARG(edge->input_table));
        row->input_column = edge->input_column;
        row->kind = edge->kind;
        row->carries = edge->carries;
    }
    return true;
}

bool read_lineage(struct task *t, struct metadb *db, const struct image *image,
                  bool (*may_discover)(void *ctx, const struct image_product *product), void *ctx,
                  struct read_edges *out)
{
    struct reading r = {.t = t, .image = image, .may_discover = may_discover, .ctx = ctx};
    bool *is_shown = ARENA_ARRAY(t->mem, bool, image->products.len + 1);
    *out = (struct read_edges){0};
    map_init(&r.known, t->mem);
    for (size_t i = 0; i < image->products.len; i++) {
        is_shown[i] = may_discover(ctx, &image->products.at[i]);
        if (is_shown[i])
            know_tables(&r, &image->products.at[i]);
    }
    for (size_t i = 0; i < image->products.len; i++)
        if (is_shown[i] && !read_product(&r, db, &image->products.at[i], out))
            return false;
    return true;
}
