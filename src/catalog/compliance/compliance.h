/* What requirements found over time: a row for each policy and domain, for as long as the finding stayed the same. */
#ifndef WEFT_COMPLIANCE_H
#define WEFT_COMPLIANCE_H

#include "metadb/metadb.h"
#include "vec/vec.h"

struct compliance_row {
    str policy;
    str domain; /* empty: of none */
    bool is_warning;
    uint64_t violations;
    uint64_t objects; /* that were asked about */
    int64_t since_us, checked_us;
    bool is_current;
};

struct compliance_list {
    VEC_OF(struct compliance_row)
};

/* Part of the caller's transaction: found at this time. */
MUST_CHECK bool compliance_found(struct task *t, struct metadb *db,
                                 const struct compliance_list *found, int64_t now_us);
/* The same, of everything that is asked: what is not among it holds no longer, as a policy or domain that is gone. */
MUST_CHECK bool compliance_found_all(struct task *t, struct metadb *db,
                                     const struct compliance_list *found, int64_t now_us);
/* By policy, domain and time; only those that hold, or the newest COMPLIANCE_ROWS_MAX in all. */
enum { COMPLIANCE_ROWS_MAX = 10000 };
MUST_CHECK bool compliance_list(struct task *t, struct metadb *db, bool is_current,
                                struct compliance_list *out);

#endif
