/* Requirements: policies that are questions over mesh.*, and whose answers are violations. Held against a mesh as it is or would be. */
#ifndef WEFT_REQUIRE_H
#define WEFT_REQUIRE_H

#include "check/check.h"
#include "compliance/compliance.h"
#include "gate_mesh.h"

/* One violation: a row of the answer. */
struct require_row {
    str domain;      /* that it is about; empty: the row does not say */
    str product;     /* domain.product, likewise */
    str line;        /* the row as a JSON array */
    bool is_hidden;  /* it tells of what the reader may not discover: counted, not named */
    bool was_before; /* the mesh of today has it already */
};

struct require_result {
    const struct policy *policy;
    bool
        is_asked; /* false: it cannot be, for want of a catalog or of a right text; the report says so */
    bool is_cut; /* there are more than REQUIRE_ROWS_MAX violations */
    str table;   /* the first mesh.* table that it names: its objects */
    const struct sql_tree *tree;
    struct str_list columns;
    VEC_OF(struct require_row)
};

struct require {
    /* What is asked. */
    struct engine *engine;
    struct metadb *db; /* NULL: offline */
    const struct policies *policies;
    const struct image *image; /* what it is held against */
    str domain; /* only global policies and those of this domain, or of these, with commas between; empty: all */
    struct str_list
        distrusted; /* files of policies that are told no more than their author may discover */
    /* Who reads what is found, as far as he may discover it; NULL: all. */
    void *ctx;
    bool (*may_discover)(void *ctx, const struct image_product *product);
    str reader; /* a name of his: the owner of the worker for what he wrote */

    /* What is found. */
    struct report *report; /* texts that cannot be asked */
    struct {
        VEC_OF(struct require_result)
    } results;
};

/* Asks all; false only when the machine fails. */
MUST_CHECK bool require_ask(struct task *t, struct require *r);
/* Marks violations that stand in another mesh too: `today`, before a change. */
MUST_CHECK bool require_compare(struct task *t, struct require *r, const struct image *today,
                                struct require_result *result);
/* Objects that a requirement speaks of in this domain (empty: in none): rows of its first table. */
MUST_CHECK bool require_objects(struct task *t, struct require *r,
                                const struct require_result *result, str domain,
                                uint64_t *objects_out);
/* What was found, by policy and domain; only of this domain where it is not empty. */
MUST_CHECK bool require_count(struct task *t, struct require *r, str domain,
                              struct compliance_list *out);
/* Violations for people, a line each, at most REQUIRE_ROWS_TOLD; only of those that `is_meant` says, or all when NULL. */
enum { REQUIRE_ROWS_TOLD = 20 };
str require_text(struct task *t, const struct require_result *result,
                 bool (*is_meant)(const void *ctx, const struct require_row *row), const void *ctx,
                 size_t *count_out);

/* What a requirement says of one product. */
struct require_verdict {
    const struct policy *policy;
    enum verdict verdict;
    str message, found;
    uint64_t rows; /* violations */
};

struct require_release {
    struct engine *engine;
    struct metadb *db;
    const struct image *image;
    const struct image_product
        *target; /* of the image: held against it with the next release of this product */

    struct {
        VEC_OF(struct require_verdict)
    } verdicts;
    struct compliance_list compliance; /* of the product's domain */
};

MUST_CHECK bool require_release(struct task *t, struct require_release *r);
/* What a requirement demands, in its own words. */
str require_demand(const struct policy *policy);

#endif
