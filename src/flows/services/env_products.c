#include "services/env_products.h"

#include "release/release.h"

bool env_product_has_file(const struct model_product *product, str path)
{
    return str_starts(path, product->folder) && path.len > product->folder.len
        && (str_ends(product->folder, STR("/")) || path.ptr[product->folder.len] == '/');
}

bool env_part_has(const struct env_part *part, const struct image_product *product)
{
    return part->products.len > 0
             ? str_list_has(&part->products, product->address)
             : part->domain.len == 0 || str_eq(product->definition->domain->name, part->domain);
}

bool env_product_has_any(const struct environment_files *files, const struct model_product *product)
{
    for (size_t i = 0; i < files->len; i++) {
        if (env_product_has_file(product, files->at[i].path)) {
            return true;
        }
    }
    return false;
}

/* A file of it may say the same in other words, or be of its tests. */
static bool env_is_changed(struct task *t, const struct image *mesh,
                           const struct environment_files *files,
                           const struct model_product *product)
{
    if (!env_product_has_any(files, product)) {
        return false;
    }
    struct arena_mark mark = arena_mark(t->mem);
    const struct image_product *before =
        image_find_product(mesh, product->domain->name, product->name);
    bool is_same =
        before != NULL
        && str_eq(release_digest(t->mem, product), release_digest(t->mem, before->definition));

    arena_rewind(t->mem, mark);
    return !is_same;
}

const struct env_product *env_products_find(const struct env_products *products,
                                            const struct image_product *product)
{
    for (size_t i = 0; i < products->len; i++) {
        if (products->at[i].product->id == product->id) {
            return &products->at[i];
        }
    }
    return NULL;
}

static bool env_reads_changed(const struct env_products *products,
                              const struct model_product *product)
{
    for (size_t i = 0; i < product->inputs.len; i++) {
        for (size_t k = 0; k < products->len; k++) {
            if (products->at[k].product->definition == product->inputs.at[i].producer) {
                return true;
            }
        }
    }
    return false;
}

static const struct environment_release *env_find_made(struct task *t,
                                                       const struct environment_releases *releases,
                                                       const struct image_product *product)
{
    for (size_t i = 0; i < releases->len; i++) {
        if (releases->at[i].product_id == product->id
            && str_eq(releases->at[i].compiled_digest,
                      release_digest(t->mem, product->definition))) {
            return &releases->at[i];
        }
    }
    return NULL;
}

bool env_products(struct task *t, struct services *s, const struct image *image,
                  struct env_products *out)
{
    const struct image *mesh = image_pin(t, s->mesh->images);
    struct environment_files files;
    struct environment_releases *releases = ARENA_NEW(t->mem, struct environment_releases);

    *out = (struct env_products){0};
    if (!environment_files(t, s->db, &files) || !environment_releases(t, s->db, releases)) {
        return false;
    }
    for (size_t i = 0; i < image->model->products.len; i++) {
        const struct model_product *definition = image->model->products.at[i];
        struct env_product row = {
            .is_changed = env_is_changed(t, mesh, &files, definition),
            .reads_changed = env_reads_changed(out, definition),
        };

        if (row.is_changed || row.reads_changed) {
            row.product = image_find_product(image, definition->domain->name, definition->name);
            row.made = env_find_made(t, releases, row.product);
            vec_push(t->mem, out, row);
        }
    }
    return true;
}
