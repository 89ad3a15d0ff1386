#include "lineage/lineage.h"
#include "read_lineage/read_lineage.h"
#include "read_mesh/read_mesh_inside.h"

bool read_mesh_lineage(struct mesh_view *view)
{
    struct read_edges edges;
    if (!read_lineage(view->t, view->db, view->image, view->reader->may_discover, view->reader->ctx,
                      &edges))
        return false;
    for (size_t i = 0; i < edges.len; i++) {
        const struct read_edge *edge = &edges.at[i];
        enum lineage_kind kind;
        if (!lineage_kind_find(edge->kind, &kind))
            continue;
        read_mesh_text(view, edge->product->address);
        read_mesh_int(view, edge->product->release.number);
        read_mesh_text(view, edge->table);
        read_mesh_text(view, edge->column);
        read_mesh_text(view, edge->input);
        read_mesh_text(view, edge->input_column);
        read_mesh_text(view, lineage_type_name(kind));
        read_mesh_text(view, edge->kind);
        read_mesh_bool(view, edge->carries);
    }
    return true;
}

/* An origin that the reader may not discover is not named. */
static str label_text(struct mesh_view *view, const struct policy_label *label)
{
    str head, rest, origin = label->origin;
    (void)str_cut(origin, ':', &head, &rest);
    for (size_t i = 0; i < view->products.len; i++) {
        str address = view->products.at[i].product->address;
        if (str_eq(head, address)
            || (str_starts(head, address) && head.len > address.len
                && head.ptr[address.len] == '.'))
            return arena_format(view->t->mem, "%s" STR_FMT " from " STR_FMT,
                                label->is_tag ? "tag " : "", STR_ARG(label->text), STR_ARG(origin));
    }
    return arena_format(view->t->mem, "%s" STR_FMT, label->is_tag ? "tag " : "",
                        STR_ARG(label->text));
}

void read_mesh_inherited(struct mesh_view *view, const struct policy_labels *labels)
{
    struct str_list texts = {0};
    for (size_t i = 0; i < labels->len; i++)
        str_list_add(view->t->mem, &texts, label_text(view, &labels->at[i]));
    read_mesh_list(view, &texts);
}
