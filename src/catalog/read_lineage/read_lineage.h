/* Edges between columns of the current releases, as far as somebody may discover both ends. */
#ifndef WEFT_READ_LINEAGE_H
#define WEFT_READ_LINEAGE_H

#include "image/image.h"
#include "metadb/metadb.h"

struct read_edge {
    const struct image_product *product;
    str table, column;       /* `domain.product.table`, and a name: empty where it is of the rows */
    str input, input_column; /* the same, or `domain.product:contract.table` of a source */
    str kind;
    bool carries;
};

struct read_edges {
    VEC_OF(struct read_edge)
};

MUST_CHECK bool read_lineage(struct task *t, struct metadb *db, const struct image *image,
                             bool (*may_discover)(void *ctx, const struct image_product *product),
                             void *ctx, struct read_edges *out);

#endif
