#include "pointer_map/pointer_map.h"

#include "test.h"

TEST(pointer_map_finds_what_was_put)
{
    struct task *t = test_task();
    struct pointer_map map;
    int keys[3], one = 1, two = 2;
    pointer_map_init(&map, t->mem, 0);
    EXPECT(pointer_map_find(&map, &keys[0]) == NULL);
    pointer_map_put(&map, &keys[0], &one);
    pointer_map_put(&map, &keys[1], &one);
    pointer_map_put(&map, &keys[0], &two);
    EXPECT(pointer_map_find(&map, &keys[0]) == &two);
    EXPECT(pointer_map_find(&map, &keys[1]) == &one);
    EXPECT(pointer_map_find(&map, &keys[2]) == NULL);
    EXPECT_INT(map.len, 2);
}

TEST(pointer_map_finds_among_many)
{
    struct task *t = test_task();
    struct pointer_map roomy, tight;
    char keys[5001];
    pointer_map_init(&roomy, t->mem, 5000);
    pointer_map_init(&tight, t->mem, 1);
    size_t slots = roomy.slot_count;
    for (int i = 0; i < 5000; i++) {
        pointer_map_put(&roomy, &keys[i], &keys[5000 - i]);
        pointer_map_put(&tight, &keys[i], &keys[5000 - i]);
        /* Every size is searched once. */
        EXPECT(pointer_map_find(&tight, &keys[0]) == &keys[5000]);
        EXPECT(pointer_map_find(&tight, &keys[5000]) == NULL);
    }
    EXPECT(roomy.slot_count == slots);
    for (int i = 0; i < 5000; i++) {
        EXPECT(pointer_map_find(&roomy, &keys[i]) == &keys[5000 - i]);
        EXPECT(pointer_map_find(&tight, &keys[i]) == &keys[5000 - i]);
    }
}
