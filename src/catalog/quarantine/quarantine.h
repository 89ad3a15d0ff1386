/* Rows that runs diverted, as files beside the releases: which there are, and how they are read. */
#ifndef WEFT_QUARANTINE_H
#define WEFT_QUARANTINE_H

#include "image/image.h"
#include "job/job.h"
#include "metadb/metadb.h"

/* What a rule diverted. */
struct quarantine_rule {
    str id, demand;
    uint64_t rows;
};

struct quarantine_label {
    uint32_t column_id;
    bool is_tag;
    str text;
};

struct quarantine_row {
    uint64_t id, product_id, table_id;
    str run_id;
    uint64_t release;
    int64_t diverted_us;
    uint64_t rows, bytes;
    str sha256, sql_digest;
    struct {
        VEC_OF(struct quarantine_rule)
    } rules;
    struct {
        VEC_OF(uint32_t)
    } columns, rule_columns; /* ids: of the file; of those that the rules read */
    struct {
        VEC_OF(struct quarantine_label)
    } labels; /* declared and inherited, of then */
};

struct quarantine_list {
    VEC_OF(struct quarantine_row) /* oldest first */
};

/* Which ones: 0 and empty are all. */
struct quarantine_which {
    uint64_t product_id, table_id;
    str run_id;
    uint64_t up_to; /* id of the last one; 0: all */
    uint64_t id;    /* this one alone */
};

/* The columns that a file has beside those of its table: weft_rule, weft_reason, weft_run, weft_at. */
void quarantine_columns(struct arena *mem, struct job_columns *out);
/* The labels that a table's columns have now go with the row. */
void quarantine_take_labels(struct arena *mem, const struct image_table *table,
                            struct quarantine_row *row);

/* Writes of the caller's transaction. */
MUST_CHECK bool quarantine_add(struct task *t, struct metadb *db, const struct quarantine_row *row);
MUST_CHECK bool quarantine_drop(struct task *t, struct metadb *db,
                                const struct quarantine_which *which);
/* Of products and tables that are no more. A write of its own. */
MUST_CHECK bool quarantine_prune(struct task *t, struct metadb *db);

MUST_CHECK bool quarantine_find(struct task *t, struct metadb *db,
                                const struct quarantine_which *which, struct quarantine_list *out);
/* The product with its diverted rows in place of those of its release: today's columns, with their labels of today and of then. In
 * the task; `product` is today's and stays pinned by the caller. */
MUST_CHECK bool quarantine_load(struct task *t, struct metadb *db,
                                const struct image_product *product,
                                const struct image_product **out);

#endif
