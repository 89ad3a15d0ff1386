/* What the parts of browse share. */
#ifndef WEFT_BROWSE_INSIDE_H
#define WEFT_BROWSE_INSIDE_H

#include "browse/browse.h"

/* Nothing of any of its tables is hidden from the actor. */
bool browse_is_clear_on_all(struct task *t, const struct image *image,
                            const struct image_product *product);

#endif
