/* What a decision may depend on, at one instant: names, policies, current releases. Read-only and counted. */
#ifndef WEFT_IMAGE_H
#define WEFT_IMAGE_H

#include "model/model.h"
#include "task/task.h"

/* A release file of a table. */
struct image_fact {
    uint32_t column_id;
    bool has_range; /* low and high hold */
    str low, high;  /* as the engine prints them, exact */
    uint64_t nulls;
    bool has_values; /* all distinct values are listed, at most FACT_VALUES_MAX */
    struct str_list values;
};

struct image_file {
    uint64_t id;
    str sha256;
    uint64_t rows, bytes;
    str deletions;    /* SHA-256 of the file that names the deleted rows; empty is none */
    uint64_t deleted; /* how many: facts and `rows` are of the whole file */
    struct {
        VEC_OF(uint32_t)
    } columns; /* ids of the columns that the file holds */
    struct {
        VEC_OF(struct image_fact)
    } facts;
};

struct image_column {
    uint32_t id;    /* unique in its table, never reused */
    str name, type; /* the type that readers get; what the next run makes is the contract's */
    const struct contract_column *contract; /* NULL: a column of a past release only */
    struct policy_labels more;              /* beside those that the contract declares */
};

struct image_product;

/* A column of a source, and one of a table of the product that came from it. */
struct image_flow {
    uint32_t column_id;
    uint64_t output_table_id;
    uint32_t output_column_id;
};

/* Of a table of diverted rows (catalog/quarantine): its owners read it, and nobody else. */
struct image_quarantine {
    struct {
        VEC_OF(uint32_t)
    } rule_columns;  /* ids of those that the rules read which diverted its rows */
    uint32_t why[2]; /* ids of the columns that say which rule and why: shown with all of these */
    bool is_input;   /* rows of a source, which no policy was written for */
    struct {
        VEC_OF(struct image_flow)
    } flows; /* of these: shown as far as what came of it */
};

/* A table as a release has it, or (release 0) as the contract promises it. */
struct image_table {
    uint64_t id;
    const struct image_product *product;
    str name;
    const struct contract *contract;
    const struct contract_table *definition;
    struct {
        VEC_OF(struct image_column)
    } columns; /* today's, by the contract */
    struct {
        VEC_OF(struct image_file)
    } files;
    uint64_t rows;
    bool is_released; /* the release holds it: not where its contract came after that */
    const struct image_quarantine *quarantine; /* NULL: rows of a release */
};

struct image_release {
    uint64_t number; /* 0: none yet */
    int64_t published_us;
};

struct image_product {
    uint64_t id;
    str address; /* domain.product */
    const struct model_product *definition;
    str digest;                   /* of its SQL: product_digest */
    struct image_release release; /* the current one */
    struct {
        VEC_OF(struct image_table)
    } tables;
};

struct image {
    uint64_t version;          /* grows with every apply, publish and agreement */
    uint64_t mesh_version;     /* grows with every apply: the base of plans */
    const struct model *model; /* NULL before the first apply */
    const struct bundle
        *files; /* of which it is made, with their documents; as NULL as the model */
    /* Those of the model's files, then the access agreements in force as grants, whose ids are `access:NUMBER`; the version counts
     * both. What decides. */
    struct policies policies;
    struct {
        VEC_OF(struct image_product)
    } products; /* by address */
};

struct images; /* the one pointer to the current image */

/* Counted: the image lives until the last unpin. The pin is released with the task. */
const struct image *image_pin(struct task *t, struct images *images);
/* For holders that outlive a task. */
void image_unpin(const struct image *image);

const struct image_product *image_find_product(const struct image *image, str domain, str product);
/* By the name that it has in its product: `orders`, `orders@2`. */
const struct image_table *image_find_table(const struct image_product *product, str table);
/* By the name that its contract spells. */
const struct image_table *image_find_output(const struct image_product *product,
                                            const struct contract *contract, str table);
/* Of a major, by the name that its contract spells. */
const struct image_table *image_find_major(const struct image_product *product, uint64_t major,
                                           str table);
/* `sales.orders@2.orders`: for people, and in mesh.*. */
str image_table_address(struct arena *mem, const struct image_table *table);
/* By such an address (or a column's: `rest_out` is what follows); the product as well, also where it has no such table. */
const struct image_table *image_find_address(const struct image *image, str address,
                                             const struct image_product **product_out,
                                             str *rest_out);

/* The mesh as it would be with this model: ids and releases of products are those of `today` (or NULL: nothing is there yet), and 0
 * where they are new; `release`, or NULL, stands for one more that is about to come. Lives in the task, is never pinned, and no query
 * reads by it. */
struct image_candidate_release {
    str product; /* domain.product */
    struct image_release release;
};
const struct image *image_candidate(struct task *t, const struct model *model,
                                    const struct image *today,
                                    const struct image_candidate_release *release);

/* What stands in SQL: a table as decisions see it. Lives in `mem`. */
void image_policy_table(struct arena *mem, const struct image_table *table,
                        struct policy_table *out);

#endif
