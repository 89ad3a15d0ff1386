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
        struct mesh_table *table = product != NULL ? find_table(product, row->table_id) : NULL;
        for (size_t k = 0; table != NULL && k < row->rules.len; k++) {
            bool is_clear = read_mesh_is_clear(view, table);
            read_mesh_text(view, product->product->address);
            read_mesh_text(view, table->table->name);
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
