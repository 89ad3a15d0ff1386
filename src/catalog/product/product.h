/* Ids of domains, products, tables and columns: given at apply, never reused. */
#ifndef WEFT_PRODUCT_H
#define WEFT_PRODUCT_H

#include "metadb/metadb.h"
#include "model/model.h"
#include "pointer_map/pointer_map.h"

struct product_column {
    uint32_t id; /* unique in its table */
    str odcs_id, name;
};

struct product_table {
    uint64_t id;
    str odcs_id, name;
    struct {
        VEC_OF(struct product_column)
    } columns;
};

struct product {
    uint64_t id;
    str address;              /* domain.product */
    uint64_t release;         /* number of the current one; 0: none */
    uint64_t changed_version; /* image version of its last publish or apply */
    struct {
        VEC_OF(struct product_table)
    } tables;
};

struct product_list {
    VEC_OF(struct product *) /* by address */
};

/* SHA-256 of the texts of all SELECTs of a product, internal ones too: what an exception of a policy is given to. */
str product_digest(struct arena *mem, const struct model_product *product);
/* In an applying transaction: what the model has and the catalog lacks gets ids; what it lacks is
 * marked as removed. A table or column keeps its id under a new name when its ODCS id is the same;
 * one that was removed comes back with a new id. A product that comes back keeps id and release
 * numbers and has no current release. `kept`, or NULL: products of the model that stand as they stood. */
MUST_CHECK bool product_assign_ids(struct task *t, struct metadb *db, const struct model *model,
                                   const struct pointer_map *kept, uint64_t image_version);
/* All products that are not removed and changed after an image version (0: all), with their tables
 * and columns, into `mem`. */
MUST_CHECK bool product_read(struct task *t, struct arena *mem, struct metadb *db,
                             uint64_t changed_after, struct product_list *out);
/* 0 when there is none; a removed one is found too. */
MUST_CHECK bool product_find_id(struct task *t, struct metadb *db, str address, uint64_t *id_out);
/* Number of the current release; 0 when there is none. */
MUST_CHECK bool product_release(struct task *t, struct metadb *db, str address, uint64_t *out);

#endif
