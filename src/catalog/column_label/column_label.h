/* Labels that columns have by lineage, as the last apply proved them; and those that a release was made with. */
#ifndef WEFT_COLUMN_LABEL_H
#define WEFT_COLUMN_LABEL_H

#include "label/label.h"
#include "metadb/metadb.h"
#include "pointer_map/pointer_map.h"

struct column_label {
    uint64_t table_id;
    uint32_t column_id;
    bool is_tag;
    str text, origin, origin_domain;
};

struct column_labels {
    VEC_OF(struct column_label) /* by table, column, label, origin */
};

/* In an applying transaction, after ids are given. `kept`, or NULL: products of the model whose labels stand. */
MUST_CHECK bool column_label_replace(struct task *t, struct metadb *db, const struct model *model,
                                     const struct labels *labels, const struct pointer_map *kept);
/* Of the tables of one product. */
MUST_CHECK bool column_label_read(struct task *t, struct arena *mem, struct metadb *db,
                                  uint64_t product_id, struct column_labels *out);
/* In a publishing transaction: a release keeps the labels that its tables have now. */
MUST_CHECK bool column_label_keep(struct task *t, struct metadb *db, uint64_t release_id,
                                  uint64_t table_id);
MUST_CHECK bool column_label_of_release(struct task *t, struct arena *mem, struct metadb *db,
                                        uint64_t product_id, uint64_t number,
                                        struct column_labels *out);
/* As decisions see it. Whom it excepts are the owners of the domain that declares it: nobody, where that is gone (NULL). */
struct policy_label column_label_as_seen(const struct column_label *label,
                                         const struct model_domain *domain);

#endif
