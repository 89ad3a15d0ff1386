/* Properties inside of properties, and the way to each. */
#include "contract/contract_inside.h"

/* The column's own type is judged by its reader; here it is only asked for. */
static str type_of(struct contract_reader *r, const struct tree *node)
{
    struct report ignored;
    report_init(&ignored, r->mem);
    return contract_type(r->mem, r->file, node, &ignored);
}

static struct contract_spot inside(struct contract_reader *r, const struct contract_spot *spot,
                                   const struct tree *node, str name)
{
    struct contract_spot below = {.column = spot->column,
                                  .node = node,
                                  .text = arena_format(r->mem, STR_FMT "%s" STR_FMT,
                                                       STR_ARG(spot->text), name.len ? "." : "[]",
                                                       STR_ARG(name)),
                                  .type = type_of(r, node)};
    if (!spot->path.len)
        vec_push(r->mem, &below.path, spot->column->name);
    for (size_t i = 0; i < spot->path.len; i++)
        vec_push(r->mem, &below.path, spot->path.at[i]);
    vec_push(r->mem, &below.path, name);
    return below;
}

static void add_spot(struct contract_reader *r, struct contract_spot spot,
                     struct contract_spots *out)
{
    const struct tree *parts = tree_find(spot.node, STR("properties"));
    const struct tree *items = tree_find(spot.node, STR("items"));
    vec_push(r->report->mem, out, spot);
    for (size_t i = 0; parts && parts->kind == TREE_LIST && i < parts->len; i++) {
        str name = tree_find_text(parts->at[i], STR("name"));
        if (parts->at[i]->kind == TREE_MAP && name.len)
            add_spot(r, inside(r, &spot, parts->at[i], name), out);
    }
    if (items && items->kind == TREE_MAP)
        add_spot(r, inside(r, &spot, items, STR_NONE), out);
}

void contract_spots(struct contract_reader *r, const struct contract_column *column,
                    struct contract_spots *out)
{
    add_spot(
        r,
        (struct contract_spot){
            .column = column, .node = column->source, .text = column->name, .type = column->type},
        out);
}
