/* Entitlements that an apply names: their rows are read before its transaction, from the releases of now, and written in it. */
#include "entitlement/entitlement.h"
#include "plan_inside.h"
#include "product/product.h"

static const struct image_table *plan_find_entitled(const struct image *image, str address)
{
    str product, table, domain, name;

    if (!str_cut_last(address, '.', &product, &table) || !str_cut(product, '.', &domain, &name)) {
        return NULL;
    }
    const struct image_product *found = image_find_product(image, domain, name);
    return found != NULL ? image_find_table(found, table) : NULL;
}

bool plan_add_deletions(struct task *t, struct store *store, const struct image_file *file,
                        struct str_list *out)
{
    bool has_some = file->deletions.len > 0;

    vec_push(t->mem, out, has_some ? store_file_path(t, store, file->deletions) : STR_NONE);
    return !has_some || store_check(t, store, file->deletions);
}

static bool plan_read_set(struct task *t, struct services *s, const struct image_table *table,
                          struct policy_entitlement *set)
{
    struct job_columns columns = {0};
    struct str_list paths = {0}, deletions = {0};

    for (size_t i = 0; i < table->columns.len; i++) {
        vec_push(t->mem, &columns,
                 ((struct job_column){.name = table->columns.at[i].name,
                                      .type = table->columns.at[i].type,
                                      .id = table->columns.at[i].id}));
    }
    for (size_t i = 0; i < table->files.len; i++) {
        if (!store_check(t, s->store, table->files.at[i].sha256)) {
            return false;
        }
        vec_push(t->mem, &paths, store_file_path(t, s->store, table->files.at[i].sha256));
        if (!plan_add_deletions(t, s->store, &table->files.at[i], &deletions)) {
            return false;
        }
    }
    return gate_read_entitled(t, s->gate, &columns, &paths, &deletions, set);
}

bool plan_read_entitled(struct task *t, struct services *s, const struct image *image,
                        const struct model *model, struct plan_entitled *out)
{
    for (size_t i = 0; i < model->policies.entitlements.len; i++) {
        const struct policy_entitlement *named = &model->policies.entitlements.at[i];
        const struct image_table *table = plan_find_entitled(image, named->table);
        uint64_t version;

        /* A table that comes with this apply is in no release: nobody is entitled until it is. */
        if (table == NULL || !table->is_released) {
            continue;
        }
        if (!entitlement_version(t, s->db, named, &version)) {
            return false;
        }
        if (version == table->product->release.number) {
            continue;
        }
        struct policy_entitlement *set = vec_add(t->mem, out);
        *set = *named;
        set->version = table->product->release.number;
        if (!plan_read_set(t, s, table, set)) {
            return false;
        }
    }
    return true;
}

/* A release in between would be overwritten by rows of the one before it. */
static bool plan_is_current(struct task *t, struct metadb *db, const struct policy_entitlement *set)
{
    str product, table;
    uint64_t release;

    (void)str_cut_last(set->table, '.', &product, &table);
    if (!product_release(t, db, product, &release)) {
        return false;
    }
    return release == set->version
        || (task_fail(t, ERR_CONFLICT, "%.*s was published while this plan was applied",
                      STR_ARG(product))
            || task_hint(t, "apply again"));
}

bool plan_write_entitled(struct task *t, struct metadb *db, const struct model *model,
                         const struct plan_entitled *entitled)
{
    for (size_t i = 0; i < entitled->len; i++) {
        if (!plan_is_current(t, db, &entitled->at[i])
            || !entitlement_replace(t, db, &entitled->at[i])) {
            return false;
        }
    }
    return entitlement_keep_only(t, db, &model->policies);
}
