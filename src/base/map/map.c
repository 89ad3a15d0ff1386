#include "map/map.h"

#include <stdlib.h>
#include <string.h>

/* Below this many entries a walk over them is faster than a table of slots. */
enum { WALK_MOST = 8, SLOTS_LEAST = 32 };

void map_init(struct map *map, struct arena *mem)
{
    *map = (struct map){.mem = mem};
}

void map_init_for(struct map *map, struct arena *mem, size_t count)
{
    *map = (struct map){.mem = mem};
    if (count <= WALK_MOST)
        return;
    map->cap = count;
    map->entries = ARENA_ARRAY(mem, struct map_entry, count);
    map->slot_count = SLOTS_LEAST;
    while (map->slot_count / 2 < count)
        map->slot_count *= 2;
    map->slots = ARENA_ARRAY(mem, uint32_t, map->slot_count);
}

void map_init_nocase(struct map *map, struct arena *mem)
{
    *map = (struct map){.mem = mem, .is_nocase = true};
}

static bool is_key(const struct map *map, str a, str b)
{
    return map->is_nocase ? str_eq_nocase(a, b) : str_eq(a, b);
}

/* The slot that holds `key`, or the empty one where it belongs; a slot is an entry's index plus
 * 1. */
static uint32_t *find_slot(const struct map *map, str key)
{
    uint64_t hash = map->is_nocase ? str_hash_nocase(key) : str_hash(key);
    size_t at = (size_t)hash & (map->slot_count - 1);
    while (map->slots[at] && !is_key(map, map->entries[map->slots[at] - 1].key, key))
        at = (at + 1) & (map->slot_count - 1);
    return &map->slots[at];
}

static int compare(const void *a, const void *b)
{
    return str_compare(((const struct map_entry *)a)->key, ((const struct map_entry *)b)->key);
}

static int compare_nocase(const void *a, const void *b)
{
    return str_compare_nocase(((const struct map_entry *)a)->key,
                              ((const struct map_entry *)b)->key);
}

void map_order(struct map *map)
{
    map->slots = NULL;
    map->slot_count = 0;
    map->is_ordered = true;
    if (map->len)
        qsort(map->entries, map->len, sizeof *map->entries,
              map->is_nocase ? compare_nocase : compare);
}

static struct map_entry *find_entry(const struct map *map, str key)
{
    if (map->is_ordered && map->len > WALK_MOST)
        return bsearch(&(struct map_entry){.key = key}, map->entries, map->len,
                       sizeof *map->entries, map->is_nocase ? compare_nocase : compare);
    if (map->slot_count) {
        uint32_t slot = *find_slot(map, key);
        return slot ? &map->entries[slot - 1] : NULL;
    }
    for (size_t i = 0; i < map->len; i++)
        if (is_key(map, map->entries[i].key, key))
            return &map->entries[i];
    return NULL;
}

void *map_find(const struct map *map, str key)
{
    const struct map_entry *entry = find_entry(map, key);
    return entry ? entry->value : NULL;
}

static void index_again(struct map *map)
{
    map->slot_count = map->slot_count ? map->slot_count * 2 : SLOTS_LEAST;
    map->slots = ARENA_ARRAY(map->mem, uint32_t, map->slot_count);
    for (size_t i = 0; i < map->len; i++)
        *find_slot(map, map->entries[i].key) = (uint32_t)(i + 1);
}

static void grow(struct map *map)
{
    size_t wider = map->cap ? map->cap * 2 : WALK_MOST;
    struct map_entry *entries = ARENA_ARRAY(map->mem, struct map_entry, wider);
    if (map->entries != NULL)
        memcpy(entries, map->entries, map->len * sizeof *entries);
    map->entries = entries;
    map->cap = wider;
}

void *map_put(struct map *map, str key, void *value)
{
    struct map_entry *entry = find_entry(map, key);
    if (entry) {
        void *before = entry->value;
        entry->value = value;
        return before;
    }
    if (map->entries == NULL || map->len == map->cap)
        grow(map);
    map->entries[map->len++] = (struct map_entry){key, value};
    if (map->slot_count && map->len <= map->slot_count / 2)
        *find_slot(map, key) = (uint32_t)map->len;
    else if (map->len > WALK_MOST)
        index_again(map);
    return NULL;
}
