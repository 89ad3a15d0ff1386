/* What requirements found. Counts of a domain tell how many products it has: they are for those who may discover all of them. */
#include "compliance/compliance.h"
#include "read_access/read_access.h"
#include "read_mesh/read_mesh_inside.h"

bool read_mesh_may_count(struct task *t, const struct image *image,
                         const struct mesh_reader *reader, str domain)
{
    if (read_access_governs(image, t->actor))
        return true;
    for (size_t i = 0; i < image->products.len; i++) {
        const struct image_product *product = &image->products.at[i];
        if ((domain.len == 0 || str_eq(product->definition->domain->name, domain))
            && !reader->may_discover(reader->ctx, product))
            return false;
    }
    return true;
}

bool read_mesh_compliance(struct mesh_view *view)
{
    struct compliance_list list;
    if (!compliance_list(view->t, view->db, false, &list))
        return false;
    for (size_t i = 0; i < list.len; i++) {
        const struct compliance_row *row = &list.at[i];
        if (!read_mesh_may_count(view->t, view->image, view->reader, row->domain))
            continue;
        read_mesh_text(view, row->policy);
        read_mesh_text(view, row->domain);
        read_mesh_text(view, row->is_warning ? STR("warning") : STR("error"));
        read_mesh_int(view, row->violations);
        read_mesh_int(view, row->objects);
        read_mesh_time(view, row->since_us);
        read_mesh_time(view, row->checked_us);
        read_mesh_bool(view, row->is_current);
    }
    return true;
}
