/* Trees in a frozen block. */
#ifndef WEFT_TREE_FREEZE_H
#define WEFT_TREE_FREEZE_H

#include "freeze/freeze.h"

extern const struct freeze_type tree_frozen;  /* struct tree: near, as all that is of one file */
extern const struct freeze_type place_frozen; /* struct place */

#endif
