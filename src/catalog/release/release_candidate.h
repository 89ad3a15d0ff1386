/* A release that waits: made by a run, tried by those who read it, then published or dropped. One of a product at most. */
#ifndef WEFT_RELEASE_CANDIDATE_H
#define WEFT_RELEASE_CANDIDATE_H

#include "release/release.h"

struct release_candidate {
    uint64_t product_id, base; /* the release that was current when its run began */
    str run_id, compiled_digest, reads, requested_by;
    int64_t made_us;
    uint64_t rows;
    bool is_tested;
};

struct release_candidate_list {
    VEC_OF(struct release_candidate) /* oldest first */
};

struct release_verdict {
    str consumer; /* domain.product */
    str kind;     /* build, check or test */
    str name;
    str verdict;
    bool blocks; /* with it the consumer would get no release */
    str message;
};

struct release_verdicts {
    VEC_OF(struct release_verdict) /* in the order of their adding */
};

/* In a transaction, where the product has none. `reads` is kept with it. */
MUST_CHECK bool release_candidate_keep(struct task *t, struct metadb *db,
                                       const struct release_manifest *manifest, int64_t made_us,
                                       str reads, str requested_by);
/* Of a product; of all when `product_id` is 0. */
MUST_CHECK bool release_candidate_find(struct task *t, struct metadb *db, uint64_t product_id,
                                       struct release_candidate_list *out);
/* In a transaction: it is gone, if there was one; its files go with the next sweep unless a release names them. */
MUST_CHECK bool release_candidate_forget(struct task *t, struct metadb *db, uint64_t product_id);
/* A write: adds verdicts to the candidate that this run made; `is_last`: these were all. ERR_CONFLICT when it is gone. */
MUST_CHECK bool release_candidate_judge(struct task *t, struct metadb *db, str run_id,
                                        const struct release_verdicts *verdicts, bool is_last);
MUST_CHECK bool release_candidate_verdicts(struct task *t, struct metadb *db, uint64_t product_id,
                                           struct release_verdicts *out);

#endif
