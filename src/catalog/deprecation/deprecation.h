/* Since when a major of an output contract has been deprecated. */
#ifndef WEFT_DEPRECATION_H
#define WEFT_DEPRECATION_H

#include "metadb/metadb.h"

struct deprecation {
    str product; /* domain.product */
    str contract;
    uint64_t major;
    int64_t since_us;
};

/* Part of the transaction that deprecates it; one of before is forgotten. */
MUST_CHECK bool deprecation_put(struct task *t, struct metadb *db, const struct deprecation *row);
/* 0 where it is not known. */
MUST_CHECK bool deprecation_since(struct task *t, struct metadb *db, str product, str contract,
                                  uint64_t major, int64_t *since_us_out);

#endif
