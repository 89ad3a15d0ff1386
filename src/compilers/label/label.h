/* Which labels every column of the mesh has by lineage: those of all that its values come from, across products and domains. Pure. */
#ifndef WEFT_LABEL_H
#define WEFT_LABEL_H

#include "lineage/lineage.h"
#include "model/model.h"
#include "pointer_map/pointer_map.h"

/* A table of a product with its lineage, whose inputs are tables of its input ports: the port's name is their schema. */
struct label_trace {
    const struct model_product *product;
    str table;
    const struct lineage_inputs *inputs;
    const struct lineage *lineage;
};

struct label_traces {
    VEC_OF(struct label_trace)
};

/* An inherited label. */
struct label {
    const struct model_product *product;
    const struct contract_table *table;
    const struct contract_column *column;
    bool is_tag; /* else a classification */
    str text;
    str origin; /* the column that declares it: `domain.product.table.column`, or `domain.product:contract.table.column` of a source */
    const struct model_domain *domain; /* of that column */
    bool is_declared;                  /* the contract of this column says it too */
};

struct labels {
    VEC_OF(
        struct
        label) /* products in order of dependency, tables and columns in that of their contract */
    struct pointer_map
        by_column; /* the column to the place of the first of its labels and one more; they stand together */
    const struct pointer_map *kept; /* products of which they were known, or NULL */
};

/* An output table that no trace tells of inherits everything that the product reads. `kept`, or NULL: products of the model to struct
 * labels, where they are known, in the order of their tables and columns. */
void labels_inherit(struct arena *mem, const struct model *model, const struct label_traces *traces,
                    const struct pointer_map *kept, struct labels *out);
/* Were the labels of the product known? */
bool labels_are_kept(const struct labels *labels, const struct model_product *product);
/* How many of the labels from here on say the same of the same column, each from another origin: those stand together. */
size_t labels_same(const struct labels *labels, size_t at);
/* "sales.orders.orders.email", "sales.orders.orders.email and 2 more". */
str labels_origin(struct arena *mem, const struct labels *labels, size_t at, size_t len);
/* A warning for each column whose contract declares less than lineage proves; only of these domains, with commas between, unless they are
 * empty. */
void labels_report(const struct labels *labels, str domains, struct report *report);
/* Does the contract say it of this column, or of a part of it? */
bool label_is_declared(const struct contract_column *column, bool is_tag, str text);
/* Labels of one column among them. */
void labels_of(struct arena *mem, const struct labels *labels, const struct contract_column *column,
               struct policy_labels *out);

#endif
