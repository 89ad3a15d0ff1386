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

/* Who asked for a column, or for any of a table: the work of products apart. */
struct use_reader {
    str actor;
    uint64_t queries;
    int64_t last_us;
};

struct use_readers {
    VEC_OF(struct use_reader) /* who asked last comes first */
};

/* One of the last of these queries, as it was kept. */
struct use_text {
    str actor, text;
    struct {
        VEC_OF(uint64_t)
    } tables; /* all that it read; 0: one of mesh.* */
};

struct use_texts {
    VEC_OF(struct use_text) /* the last first */
};

/* Those that were let through since then; `column_id` 0: of any column, or none of them. */
MUST_CHECK bool read_use_column(struct task *t, struct metadb *db, uint64_t table_id,
                                uint32_t column_id, int64_t since_us, struct use_readers *out);
/* At most `most` texts of the same queries. */
MUST_CHECK bool read_use_texts(struct task *t, struct metadb *db, uint64_t table_id,
                               uint32_t column_id, int64_t since_us, uint64_t most,
                               struct use_texts *out);
/* Does the current release of a product come of this column (0: of the table)? */
MUST_CHECK bool read_use_is_source(struct task *t, struct metadb *db, uint64_t product_id,
                                   uint64_t table_id, uint32_t column_id, bool *out);

#endif
