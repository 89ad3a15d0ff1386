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

/* A column of a source, and one of the release that came from it. */
struct quarantine_flow {
    uint32_t column_id;
    uint64_t output_table_id;
    uint32_t output_column_id;
};

struct quarantine_row {
    uint64_t id, product_id, table_id;
    str input_port, input_table; /* of a source; empty: of a table of the release */
    str run_id;
    uint64_t release;  /* 0: of a candidate */
    uint64_t replaces; /* of a candidate: id of the row of which this is left */
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
    struct {
        VEC_OF(struct quarantine_flow)
    } flows; /* of a source */
};

struct quarantine_list {
    VEC_OF(struct quarantine_row) /* oldest first */
};

/* Which ones: 0 and empty are all. */
struct quarantine_which {
    uint64_t product_id, table_id;
    str run_id;
    uint64_t up_to;      /* id of the last one; 0: all */
    uint64_t id;         /* this one alone */
    bool is_of_releases; /* those of sources left out */
    bool is_candidate;   /* those that wait with the candidate, instead of the others */
};

/* The id of a source's table as one with quarantined rows, and those of its columns, in their order. */
struct quarantine_input {
    uint64_t table_id; /* 0: none of its rows was ever diverted */
    struct {
        VEC_OF(uint32_t)
    } columns; /* 0: none yet */
};

/* The columns that a file has beside those of its table: weft_rule, weft_reason, weft_run, weft_at. */
void quarantine_columns(struct arena *mem, struct job_columns *out);
/* The labels that a table's columns have now go with the row. */
void quarantine_take_labels(struct arena *mem, const struct image_table *table,
                            struct quarantine_row *row);

/* `port.table`, as a table of rows of a source is called. */
str quarantine_input_name(struct arena *mem, const struct quarantine_row *row);

MUST_CHECK bool quarantine_find_input(struct task *t, struct metadb *db, uint64_t product_id,
                                      str input_port, str table, const struct job_columns *columns,
                                      struct quarantine_input *out);
/* The same, after it gave ids to what has none. A write of its own. */
MUST_CHECK bool quarantine_make_input(struct task *t, struct metadb *db, uint64_t product_id,
                                      str input_port, str table, const struct job_columns *columns,
                                      struct quarantine_input *out);

/* Writes of the caller's transaction. `candidate_run`: they wait with the candidate that this run made; empty: at once. */
MUST_CHECK bool quarantine_add(struct task *t, struct metadb *db, const struct quarantine_row *row,
                               str candidate_run);
/* With the candidate's publication they are dropped, and what waits with it is of this release. */
MUST_CHECK bool quarantine_drop_later(struct task *t, struct metadb *db,
                                      const struct quarantine_which *which, str candidate_run);
MUST_CHECK bool quarantine_settle(struct task *t, struct metadb *db, str candidate_run,
                                  uint64_t release);
MUST_CHECK bool quarantine_drop(struct task *t, struct metadb *db,
                                const struct quarantine_which *which);
/* Of products and tables that are no more, and of candidates that are too old. A write of its own. */
MUST_CHECK bool quarantine_prune(struct task *t, struct metadb *db);

MUST_CHECK bool quarantine_find(struct task *t, struct metadb *db,
                                const struct quarantine_which *which, struct quarantine_list *out);
/* The product with its diverted rows in place of those of its release: today's columns, with their labels of today and of then; and a
 * table more for each of a source that has some, `port.table`. In the task; `product` is today's and stays pinned by the caller. */
MUST_CHECK bool quarantine_load(struct task *t, struct metadb *db,
                                const struct image_product *product, bool is_candidate,
                                const struct image_product **out);

#endif
