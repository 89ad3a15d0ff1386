/* Tests of policies: documents of kind PolicyTest to cases of given rows, who asks, and what he gets. Pure. */
#ifndef WEFT_POLICY_CASE_H
#define WEFT_POLICY_CASE_H

#include "policy/policy.h"

struct policy_case {
    str name, file;
    struct place place;
    str domain; /* of the folder; empty: policies/tests */
    str table;  /* domain.product.table */
    struct place table_place;

    /* Who asks: one of mesh.yaml by name, a product, or made up here. */
    str user, product;
    bool is_made_up;
    struct str_list groups;
    const struct tree *attributes; /* a map, or NULL */
    struct place actor_place;
    str purpose;
    int64_t at_us; /* when he asks; 0: now */

    const struct tree *rows; /* given: a list of maps; NULL: those of a release */
    bool has_release;
    uint64_t release; /* 0: the latest */
    struct place release_place;
    const struct tree *entitlements; /* a map of tables to lists of maps, or NULL */
    const struct tree *
        expect; /* a list of maps: all that he gets, or the first ones where they are counted; or NULL */
    bool has_count;
    uint64_t count;         /* of the rows that he gets */
    struct str_list hidden; /* columns that he must not get at all */
    bool is_denied;
    str reason; /* that the denial must tell of */
};

struct policy_cases {
    VEC_OF(struct policy_case)
};

/* Reads one document into `out`; findings where it is not valid. */
void policy_cases_read(struct arena *mem, str file, str domain, const struct tree *document,
                       struct report *report, struct policy_cases *out);

#endif
