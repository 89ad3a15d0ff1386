/* Pointers to pointers, in an arena: what is known of things that are there once, without a look at any of their texts. */
#ifndef WEFT_POINTER_MAP_H
#define WEFT_POINTER_MAP_H

#include "arena/arena.h"

struct pointer_map_slot {
    const void *key; /* NULL: it is free */
    void *value;
};

struct pointer_map {
    struct arena *mem;
    struct pointer_map_slot *slots;
    size_t slot_count, len;
};

/* With room for so many; it grows where there are more. */
void pointer_map_init(struct pointer_map *map, struct arena *mem, size_t count);
/* NULL when there is none. */
void *pointer_map_find(const struct pointer_map *map, const void *key);
/* Replaces. Neither is NULL. */
void pointer_map_put(struct pointer_map *map, const void *key, void *value);

#endif
