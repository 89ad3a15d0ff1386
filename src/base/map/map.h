/* Texts to pointers, in order of insertion, in an arena. Keys and values are borrowed. */
#ifndef WEFT_MAP_H
#define WEFT_MAP_H

#include "arena/arena.h"

struct map_entry {
    str key;
    void *value;
};

struct map {
    struct arena *mem;
    struct map_entry *entries;
    size_t len, cap;
    uint32_t *slots;
    size_t slot_count;
    bool is_nocase;  /* keys that differ by the case of ASCII letters are one */
    bool is_ordered; /* entries are in the order of their keys: map_order */
};

void map_init(struct map *map, struct arena *mem);
/* With room for so many, where that is known. */
void map_init_for(struct map *map, struct arena *mem, size_t count);
void map_init_nocase(struct map *map, struct arena *mem);
/* NULL when there is none. */
void *map_find(const struct map *map, str key);
/* Replaces; gives the value that stood there before, or NULL. */
void *map_put(struct map *map, str key, void *value);
/* Puts the entries in the order of their keys, and searches them by that from here on: without memory of its own, and alike in every
 * process. Nothing may be put any more. */
void map_order(struct map *map);

#endif
