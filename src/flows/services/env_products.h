/* What an environment has otherwise than its mesh, by products. */
#ifndef WEFT_ENV_PRODUCTS_H
#define WEFT_ENV_PRODUCTS_H

#include "environment/environment.h"
#include "services/services.h"

struct env_product {
    const struct image_product *product;    /* of the environment */
    bool is_changed;                        /* by files of its own */
    bool reads_changed;                     /* one that it reads, or what that reads, is */
    const struct environment_release *made; /* in it, of the product as it is; NULL: not built */
};

struct env_products {
    VEC_OF(
        struct env_product) /* in order of dependency; those that are as in the mesh are left out */
};

/* What of an environment is promoted: these products, or those of a domain; all where neither is named. */
struct env_part {
    struct str_list products;
    str domain;
};
bool env_part_has(const struct env_part *part, const struct image_product *product);
/* Is a path that of a file of this product? */
bool env_product_has_file(const struct model_product *product, str path);
/* Is one of these a file of it? */
bool env_product_has_any(const struct environment_files *files,
                         const struct model_product *product);
/* `image` is pinned, and of the environment. */
MUST_CHECK bool env_products(struct task *t, struct services *s, const struct image *image,
                             struct env_products *out);
const struct env_product *env_products_find(const struct env_products *products,
                                            const struct image_product *product);

#endif
