/* Releases: numbered, immutable manifests of files. */
#ifndef WEFT_RELEASE_H
#define WEFT_RELEASE_H

#include "image/image.h"
#include "metadb/metadb.h"

struct release_input {
    str name;            /* input port */
    uint64_t product_id; /* 0: a source */
    uint64_t number;     /* of the producer's release */
    str description;     /* of a source: what was read */
};

struct release_inputs {
    VEC_OF(struct release_input)
};

/* A column of the release, or all of its rows, depends on an input column (lineage.h). */
struct release_edge {
    uint64_t table_id;
    uint32_t column_id; /* 0: of the rows */
    str column;         /* its name in the release, when it is read */
    str input_port, input_table, input_column;
    uint64_t producer_table_id; /* 0: a source */
    uint32_t producer_column_id;
    str kind;
    bool carries; /* labels go along */
};

struct release_edges {
    VEC_OF(struct release_edge)
};

/* What a run publishes. */
struct release_manifest {
    uint64_t product_id;
    uint64_t previous; /* the current release when the run began */
    str run_id;
    str contracts;       /* release_contracts */
    str compiled_digest; /* release_digest */
    uint64_t restores;   /* a rollback: the release whose files these are; 0: none */
    str sql_digest;      /* of the texts that made its rows; empty: nobody can say */
    bool is_added_to;    /* rows of the release before are in it as they were */
    str basis; /* what its rows hang on beside those of its inputs; empty: none can be added to */
    /* id, name, columns (with their contract, for labels), files, rows, contract. */
    struct {
        VEC_OF(struct image_table)
    } tables;
    struct release_inputs inputs;
    struct release_edges edges;
};

struct release_row {
    uint64_t product_id, number;
    str run_id;
    int64_t published_us;
    str contracts, compiled_digest;
    uint64_t restores; /* it is this earlier one again; 0: it was made by its run */
    uint64_t tables, files, rows, bytes;
    bool is_current, is_kept; /* not kept: its files are gone or going */
};

struct release_list {
    VEC_OF(struct release_row) /* newest first */
};

/* Versions of a product's output contracts by their ids, as JSON. */
str release_contracts(struct arena *mem, const struct model_product *definition);
/* What a product is made of: equal digests, equal meaning. Hex. */
str release_digest(struct arena *mem, const struct model_product *definition);
/* In a publishing transaction: compare-and-swap on the previous release (ERR_CONFLICT), then
 * release, tables, files, facts and inputs; the product's current release and the image version
 * move on. */
MUST_CHECK bool release_publish(struct task *t, struct metadb *db,
                                const struct release_manifest *manifest, int64_t published_us,
                                uint64_t *number_out);
/* The product as a release had it: `release` is that one, tables are those of then, with the
 * columns of then (a column's `contract` is NULL where today's lacks it or its labels cannot be
 * told for certain). In the task; NULL when there is no such release or it is not kept. `product`
 * is today's and stays pinned by the caller. */
MUST_CHECK bool release_load(struct task *t, struct metadb *db, const struct image_product *product,
                             uint64_t number, const struct image_product **out);
/* The same of the candidate, as if it were the next release: for those who judge it, and no reader. */
MUST_CHECK bool release_load_candidate(struct task *t, struct metadb *db,
                                       const struct image_product *product,
                                       const struct image_product **out);
MUST_CHECK bool release_list(struct task *t, struct metadb *db, uint64_t product_id, uint64_t most,
                             struct release_list *out);
/* One of them; number 0 is the candidate. False `found_out`: there was never such a release. */
MUST_CHECK bool release_get(struct task *t, struct metadb *db, uint64_t product_id, uint64_t number,
                            struct release_row *out, bool *found_out);
MUST_CHECK bool release_inputs(struct task *t, struct metadb *db, uint64_t product_id,
                               uint64_t number, struct release_inputs *out);
/* Did an earlier release than this one come back by a rollback, after it and up to the other? */
MUST_CHECK bool release_was_taken_back(struct task *t, struct metadb *db, uint64_t product_id,
                                       uint64_t number, uint64_t up_to, bool *out);
/* Of a release, in the order in which they were traced. */
MUST_CHECK bool release_read_edges(struct task *t, struct metadb *db, uint64_t product_id,
                                   uint64_t number, struct release_edges *out);
/* A write: releases are kept when they are current, among the newest `keep` of their product, or
 * younger than `young_after_us`; the manifests of others are forgotten. Gives how many. The files
 * are then no longer in release_files. */
MUST_CHECK bool release_prune(struct task *t, struct metadb *db, uint64_t keep,
                              int64_t young_after_us, uint64_t *count_out);
/* A hash (hex) of all that a release's rows say, of one that is kept. It goes into the row of the audit that tells of it. */
MUST_CHECK bool release_seal(struct task *t, struct metadb *db, uint64_t product_id,
                             uint64_t number, str *out);
/* Of a release; empty: it was not kept, or is of an earlier version of weft. */
MUST_CHECK bool release_basis(struct task *t, struct metadb *db, uint64_t product_id,
                              uint64_t number, str *out);
/* Of the texts that made its rows; empty: nobody can say. */
MUST_CHECK bool release_sql_digest(struct task *t, struct metadb *db, uint64_t product_id,
                                   uint64_t number, str *out);
/* SHA-256 of every file that a kept release names, those of deleted rows among them, and of every file of diverted rows; sorted. */
MUST_CHECK bool release_files(struct task *t, struct metadb *db, struct str_list *out);

#endif
