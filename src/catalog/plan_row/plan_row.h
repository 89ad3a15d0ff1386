/* Plans: a bundle against a base version, kept until it is applied or too old. */
#ifndef WEFT_PLAN_ROW_H
#define WEFT_PLAN_ROW_H

#include "metadb/metadb.h"
#include "model/model.h"

struct plan_row {
    str id; /* UUID */
    uint64_t base_version;
    str domain;   /* or several, with commas between; or `policies/`; empty: the whole mesh */
    str policies; /* of a proposal: digest of the policies that it changes; else empty */
    str digest;   /* of the bundle */
    str summary;  /* JSON */
    str actor;
    int64_t created_us;
    uint64_t applied_version; /* mesh version that it made; 0: not applied */
};

/* With path and text of the bundle's files. A write of its own, or part of the caller's. */
MUST_CHECK bool plan_row_insert(struct task *t, struct metadb *db, const struct plan_row *row,
                                const struct bundle *bundle);
/* NULL when there is none. */
MUST_CHECK bool plan_row_find(struct task *t, struct metadb *db, str id, struct plan_row **out);
/* Path and text of its files, sorted by path, into `mem`. */
MUST_CHECK bool plan_row_bundle(struct task *t, struct arena *mem, struct metadb *db, str id,
                                struct bundle *out);
/* Proposals that nobody applied, newest first. */
struct plan_row_list {
    VEC_OF(struct plan_row *)
};
MUST_CHECK bool plan_row_proposals(struct task *t, struct metadb *db, struct plan_row_list *out);
/* In an applying transaction. ERR_CONFLICT when it was applied before. */
MUST_CHECK bool plan_row_applied(struct task *t, struct metadb *db, str id, uint64_t mesh_version);
/* A write: forgets plans made before then (open proposals after PLAN_PROPOSAL_DAYS), and contents that nothing names. */
enum { PLAN_PROPOSAL_DAYS = 30 };
MUST_CHECK bool plan_row_sweep(struct task *t, struct metadb *db, int64_t before_us);

#endif
