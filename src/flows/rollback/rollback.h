/* An earlier release of a product becomes its current one again, as a release of its own: no file is written. */
#ifndef WEFT_ROLLBACK_H
#define WEFT_ROLLBACK_H

#include "image/images.h"
#include "release/release.h"
#include "services/services.h"

struct rollback {
    /* What was asked. */
    struct services *services;
    str product; /* domain.product */
    uint64_t number;
    str reason; /* kept in the audit; may be empty */

    /* What the steps make. */
    const struct image *image;
    const struct image_product *target;
    const struct image_product *past; /* as that release had it, by today's names */
    struct release_row row;           /* of that release */
    struct release_edges edges;
    struct release_manifest manifest;
    struct {
        VEC_OF(struct policy_entitlement)
    } entitled;
    uint64_t replaced; /* the release that was current */
    uint64_t release;  /* the new number */
    uint64_t rows;
};

/* ERR_CONFLICT where today's contract or labels ask for what that release does not hold, or where the product moved on meanwhile. */
MUST_CHECK bool rollback_release(struct task *t, struct rollback *r);

#endif
