/* Verdicts of rules with a schedule, of each time that they were asked of a release. */
#ifndef WEFT_SCHEDULED_CHECK_H
#define WEFT_SCHEDULED_CHECK_H

#include "check/check.h"
#include "metadb/metadb.h"

struct scheduled_check {
    uint64_t product_id, table_id; /* 0: of a source */
    str table;                     /* its name, or `port.table` of a source */
    str rule_id, rule_digest;
    str run_id; /* empty: between runs */
    uint64_t release;
    int64_t checked_us;
    enum verdict verdict;
    str expected, found, message;
    uint64_t rows_total, rows_failed;
    bool has_rows;
};

struct scheduled_check_list {
    VEC_OF(struct scheduled_check)
};

/* Hex; equal digests, equal rules. */
str scheduled_check_digest(struct arena *mem, const struct contract_rule *rule);
/* Part of the caller's transaction. */
MUST_CHECK bool scheduled_check_add(struct task *t, struct metadb *db,
                                    const struct scheduled_check *row);
/* The last one of each rule of a product; 0: of all. */
MUST_CHECK bool scheduled_check_last(struct task *t, struct metadb *db, uint64_t product_id,
                                     struct scheduled_check_list *out);
/* Those that were asked between runs, newest first. */
MUST_CHECK bool scheduled_check_between(struct task *t, struct metadb *db, uint64_t most,
                                        struct scheduled_check_list *out);
/* Of a list: of this very rule, as it reads today; NULL: it was never asked. */
const struct scheduled_check *scheduled_check_find(const struct scheduled_check_list *list,
                                                   uint64_t product_id, str table,
                                                   const struct contract_rule *rule, str digest);
/* A write of its own: forgets what is older, save the last of each rule. */
MUST_CHECK bool scheduled_check_prune(struct task *t, struct metadb *db, int64_t before_us);

#endif
