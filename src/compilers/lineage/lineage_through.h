/* Lineage through tables that stand between: of an output that reads self.*, to what those were made of. Pure. */
#ifndef WEFT_LINEAGE_THROUGH_H
#define WEFT_LINEAGE_THROUGH_H

#include "lineage/lineage.h"

/* An internal table that stands among the inputs of a text. */
struct lineage_between {
    uint32_t input;                /* its index there */
    const struct lineage *lineage; /* whose edges are of inputs that are no internal tables */
    bool is_read; /* the text names it: what decides its rows decides those of the result */
};

/* The same outputs with edges to inputs that are not between. Outputs of an internal table are found by name; what is not found there
 * takes all that the table was made of. */
const struct lineage *lineage_through(struct arena *mem, const struct lineage_inputs *inputs,
                                      const struct lineage *lineage,
                                      const struct lineage_between *between, size_t len);
/* A table that is passed through: copies of the columns of one input, by name. */
const struct lineage *lineage_copy(struct arena *mem, const struct lineage_inputs *inputs,
                                   uint32_t input, const struct str_list *columns);

#endif
