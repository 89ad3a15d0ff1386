/* Verdicts of checks, one row for each rule of a run. */
#ifndef WEFT_CHECK_ROW_H
#define WEFT_CHECK_ROW_H

#include "check/check.h"
#include "metadb/metadb.h"
#include "vec/vec.h"

struct check_row {
    uint64_t sequence;
    str run_id;
    uint64_t table_id; /* 0: of an input of a source */
    str table;         /* its name, or `port.table` of a source */
    str rule_id, kind, name, column, dimension;
    enum verdict verdict;
    bool is_input;
    bool rejects; /* a failure rejects the run; else it warns */
    str expected, found, message;
    uint64_t rows_total, rows_failed;
    bool has_rows; /* rows_total and rows_failed hold */
    bool diverts;  /* the rule diverts rows that fail: rows_quarantined holds */
    uint64_t rows_quarantined;
    int64_t checked_us; /* 0: by the run; else it was not due, and this is a verdict of then */
    str schedule, business_impact, tags; /* as the contract says them; tags with commas between */
};

struct check_row_list {
    VEC_OF(struct check_row *) /* in the order of their writing */
};

/* A write of its own, or part of the caller's. */
MUST_CHECK bool check_row_add(struct task *t, struct metadb *db, const struct check_row *row);
MUST_CHECK bool check_row_list(struct task *t, struct metadb *db, str run_id,
                               struct check_row_list *out);

#endif
