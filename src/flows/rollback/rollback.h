/* A release of files that are there: an earlier one becomes the current one again, or a candidate is published. */
#ifndef WEFT_ROLLBACK_H
#define WEFT_ROLLBACK_H

#include "environment/environment.h"
#include "image/images.h"
#include "release/release_candidate.h"
#include "require/require.h"
#include "services/env_products.h"
#include "services/services.h"

struct rollback {
    /* What was asked. */
    struct services *services;
    str product; /* domain.product */
    uint64_t number;
    str reason;            /* kept in the audit; may be empty */
    bool is_forced;        /* of a candidate: whatever became of those who read it */
    struct services *from; /* whose release it is; NULL: the same. Its files are shared */
    const struct environment_release *made; /* of `from` */

    /* What the steps make. */
    const struct image *image;
    const struct image_product *target;
    const struct image_product *past; /* as that release had it, by today's names */
    struct release_row row;           /* of that release */
    struct release_edges edges;
    struct release_manifest manifest;
    struct require_release required;
    struct {
        VEC_OF(struct policy_entitlement)
    } entitled;
    struct release_candidate candidate;
    uint64_t replaced; /* the release that was current */
    uint64_t release;  /* the new number */
    uint64_t rows;
};

/* Publishes the candidate of the product; `number` is 0. ERR_CONFLICT where another release was published since, the product is another,
 * or what it may see of its inputs; ERR_CHECK_FAILED where it was not tried by all who read it, or one of them fails, unless
 * `is_forced`. */
MUST_CHECK bool rollback_publish_candidate(struct task *t, struct rollback *r);
/* Drops it; ERR_NOT_FOUND where there is none. */
MUST_CHECK bool rollback_drop_candidate(struct task *t, struct services *s, str product);
/* ERR_CONFLICT where today's contract or labels ask for what that release does not hold, or where the product moved on meanwhile. */
MUST_CHECK bool rollback_release(struct task *t, struct rollback *r);

/* What became of a product whose release was made in an environment. */
struct rollback_promoted {
    str product, run;
    uint64_t release; /* that the mesh has of it; 0: none */
    str reason;       /* why not */
};

struct rollback_promotion {
    struct services *env;
    const struct env_part *part;
    struct {
        VEC_OF(struct rollback_promoted)
    } results;
};

/* Releases of the environment become releases of its mesh, by the files that they have, as far as they would be made of the same there:
 * product, what it sees, the files that it reads, and the release that it follows. */
MUST_CHECK bool rollback_promote(struct task *t, struct rollback_promotion *p);
/* For env_steps: those of `before` become releases of `next`. */
MUST_CHECK bool rollback_carry(struct task *t, struct services *before, struct services *next);

#endif
