#include "pointer_map/pointer_map.h"

enum { SLOTS_LEAST = 16 };

/* At most three of four slots are taken, so that a search ends soon. */
static size_t slots_for(size_t count)
{
    size_t slots = SLOTS_LEAST;
    while (slots * 3 / 4 < count)
        slots *= 2;
    return slots;
}

/* Where the key is, or the free slot where it belongs. Nobody outside chooses addresses, so that a multiplication spreads them
 * well enough. */
static struct pointer_map_slot *find_slot(const struct pointer_map *map, const void *key)
{
    uint64_t hash = (uint64_t)(uintptr_t)key * UINT64_C(0x9e3779b97f4a7c15);
    size_t at = (size_t)(hash >> 32) & (map->slot_count - 1);
    while (map->slots[at].key != NULL && map->slots[at].key != key)
        at = (at + 1) & (map->slot_count - 1);
    return &map->slots[at];
}

void pointer_map_init(struct pointer_map *map, struct arena *mem, size_t count)
{
    *map = (struct pointer_map){.mem = mem};
    if (count == 0)
        return;
    map->slot_count = slots_for(count);
    map->slots = ARENA_ARRAY(mem, struct pointer_map_slot, map->slot_count);
}

void *pointer_map_find(const struct pointer_map *map, const void *key)
{
    return map->slot_count ? find_slot(map, key)->value : NULL;
}

static void grow(struct pointer_map *map)
{
    struct pointer_map wider;
    pointer_map_init(&wider, map->mem, map->len + 1);
    for (size_t i = 0; i < map->slot_count; i++)
        if (map->slots[i].key != NULL)
            *find_slot(&wider, map->slots[i].key) = map->slots[i];
    map->slots = wider.slots;
    map->slot_count = wider.slot_count;
}

void pointer_map_put(struct pointer_map *map, const void *key, void *value)
{
    if (map->len + 1 > map->slot_count * 3 / 4)
        grow(map);
    struct pointer_map_slot *slot = find_slot(map, key);
    map->len += slot->key == NULL;
    *slot = (struct pointer_map_slot){key, value};
}
