/* When data was last used, by whom: from recorded queries and from releases that were built of others. */
#ifndef WEFT_READ_USE_H
#define WEFT_READ_USE_H

#include "metadb/metadb.h"
#include "vec/vec.h"

struct use {
    uint64_t table_id;
    str actor, purpose;
    int64_t time_us; /* the last one */
};

struct use_list {
    VEC_OF(struct use)
};

/* A product that was built of another one. */
struct use_build {
    uint64_t product_id, producer_id;
    int64_t time_us;
};

struct use_builds {
    VEC_OF(struct use_build)
};

/* The last query of each actor on each table for each purpose, those that were let through. */
MUST_CHECK bool read_use_queries(struct task *t, struct metadb *db, struct use_list *out);
MUST_CHECK bool read_use_builds(struct task *t, struct metadb *db, struct use_builds *out);

#endif
