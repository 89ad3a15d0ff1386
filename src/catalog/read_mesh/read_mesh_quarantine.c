#include "quarantine/quarantine.h"
#include "read_mesh/read_mesh_inside.h"

static struct mesh_table *find_table(struct mesh_product *product, uint64_t id)
{
    for (size_t i = 0; i < product->product->tables.len; i++)
        if (product->tables[i].table->id == id)
            return &product->tables[i];
    return NULL;
}

bool read_mesh_quarantine(struct mesh_view *view)
{
    struct quarantine_list list;
    if (!quarantine_find(view->t, view->db, &(struct quarantine_which){0}, &list))
        return false;
    for (size_t i = 0; i < list.len; i++) {
        const struct quarantine_row *row = &list.at[i];
        struct mesh_product *product = read_mesh_find(view, row->product_id);
        bool is_input = row->input_port.len > 0;
        struct mesh_table *table = product != NULL ? find_table(product, row->table_id) : NULL;
        if (product == NULL || (table == NULL && !is_input))
            continue;
        /* No policy speaks of a source. */
        bool is_clear =
            is_input ? read_mesh_is_all_clear(view, product) : read_mesh_is_clear(view, table);
        for (size_t k = 0; k < row->rules.len; k++) {
            read_mesh_text(view, product->product->address);
            read_mesh_text(view, is_input ? quarantine_input_name(view->t->mem, row)
                                          : table->table->name);
            read_mesh_text(view, row->run_id);
            read_mesh_int(view, row->release);
            read_mesh_time(view, row->diverted_us);
            read_mesh_text(view, row->rules.at[k].id);
            read_mesh_text(view, row->rules.at[k].demand);
            read_mesh_guarded_int(view, is_clear, row->rules.at[k].rows);
            read_mesh_guarded_int(view, is_clear, row->rows);
        }
    }
    return true;
}
