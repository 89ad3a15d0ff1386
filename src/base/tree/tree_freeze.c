#include "tree/tree_freeze.h"

#include "tree/tree.h"

FREEZE_TYPE(tree_frozen, struct tree, 104, FREEZE_NEAR, FROZEN_TEXT(tree, text),
            FROZEN_REF(tree, parent, tree_frozen), FROZEN_TEXT(tree, key),
            FROZEN_REFS(tree, at, tree_frozen), FROZEN_MAP_REF(tree, by_key, tree_frozen));

FREEZE_TYPE(place_frozen, struct place, 40, FREEZE_UNMET, FROZEN_TEXT(place, file),
            FROZEN_TEXT(place, path));
