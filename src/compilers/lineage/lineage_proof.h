/* What must hold of a SELECT so that counting subjects proves that its aggregates tell of no single one. Pure. */
#ifndef WEFT_LINEAGE_PROOF_H
#define WEFT_LINEAGE_PROOF_H

#include "lineage/lineage.h"

/* Internal tables of the same product, by name. */
struct lineage_texts {
    VEC_OF(struct lineage_text)
};
struct lineage_text {
    str name;
    const struct sql_tree *tree;
};

/* The column `counted_by` of the result counts the distinct subjects of each row's group, and `column` is an aggregate of the same rows
 * that no single one of them decides. False with the reason when that cannot be told: the SELECT groups one table, without joins and
 * subqueries in FROM; the column is count, sum or avg of one column, without FILTER and ORDER BY; another column is
 * count(DISTINCT subject); an internal table that it reads gives row for row what one table has. */
bool lineage_counts_subjects(struct arena *mem, const struct sql_tree *tree,
                             const struct lineage_texts *internal, str column, str subject,
                             str *counted_by, str *why);

#endif
