/* Entitlements that filters take from this product: their rows change with its release, in one transaction. */
#include "entitlement/entitlement.h"
#include "mesh_state/mesh_state.h"
#include "run_inside.h"

static const struct run_table *run_find_output(const struct run *r, str address)
{
    str product = str_sub(address, 0, r->product.len), rest = str_from(address, product.len);

    for (size_t i = 0; str_eq(product, r->product) && i < r->outputs.len; i++) {
        if (rest.len > 1 && rest.ptr[0] == '.'
            && str_eq(str_from(rest, 1), r->outputs.at[i].name)) {
            return &r->outputs.at[i];
        }
    }
    return NULL;
}

bool run_read_entitled(struct task *t, struct run *r, struct run_entitled *out)
{
    const struct model *model = r->image->model;

    for (size_t i = 0; model != NULL && i < model->policies.entitlements.len; i++) {
        const struct policy_entitlement *named = &model->policies.entitlements.at[i];
        const struct run_table *table = run_find_output(r, named->table);
        struct str_list paths = {0}, deletions = {0};

        if (table == NULL) {
            continue;
        }
        struct policy_entitlement *set = vec_add(t->mem, out);
        *set = *named;
        if (table->increment != NULL && !run_add_kept(t, r, table->increment, &paths, &deletions)) {
            return false;
        }
        run_add_paths(t, table, &paths);
        if (deletions.len > 0) {
            vec_push(t->mem, &deletions, STR_NONE);
        }
        if (!gate_read_entitled(t, r->services->gate, &table->columns, &paths, &deletions, set)) {
            return false;
        }
    }
    return true;
}

bool run_write_entitled(struct task *t, struct metadb *db, const struct run *r,
                        struct run_entitled *entitled)
{
    for (size_t i = 0; i < entitled->len; i++) {
        entitled->at[i].version = r->release;
        if (!entitlement_replace(t, db, &entitled->at[i])) {
            return false;
        }
    }
    return entitled->len == 0 || mesh_state_touch_policy(t, db);
}
