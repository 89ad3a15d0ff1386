/* The image as a file of the home, for the next start: products that did not change since then are not read again. For the files of image. */
#ifndef WEFT_IMAGE_KEPT_H
#define WEFT_IMAGE_KEPT_H

#include "freeze/freeze.h"
#include "image/image_inside.h"

extern const struct freeze_type
    image_node_frozen; /* its room alone: pins are counted while it is kept */
extern const struct freeze_type image_product_frozen;

/* Below this share of all products that are not in the file it stays as it is. */
enum { IMAGE_KEEP_SHARE = 10 };

/* An image that holds what was kept, to build another over it: it has neither policies nor what is of the mesh alone. NULL: nothing was
 * kept, or it is of another course of the catalog. */
MUST_CHECK bool image_kept_load(struct task *t, struct metadb *now, str path,
                                struct image_spine **out);
/* Would the next start read much again? */
bool image_kept_is_due(const struct image_spine *spine, uint64_t least);
/* The image of this moment of the catalog. */
MUST_CHECK bool image_kept_save(struct task *t, struct metadb *now, str path,
                                const struct image_spine *spine);

#endif
