#include "map/map.h"

#include "test.h"

TEST(map_keeps_order_and_replaces)
{
    struct task *t = test_task();
    struct map map;
    map_init(&map, t->mem);
    int one = 1, two = 2, three = 3;
    EXPECT(map_find(&map, STR("a")) == NULL);
    EXPECT(map_put(&map, STR("b"), &two) == NULL);
    EXPECT(map_put(&map, STR("a"), &one) == NULL);
    EXPECT(map_put(&map, STR("b"), &three) == &two);
    EXPECT(map_find(&map, STR("b")) == &three);
    EXPECT_INT(map.len, 2);
    EXPECT_STR(map.entries[0].key, "b");
    EXPECT_STR(map.entries[1].key, "a");
}

TEST(map_finds_among_many)
{
    struct task *t = test_task();
    struct map map;
    int values[5000];
    map_init(&map, t->mem);
    for (int i = 0; i < 5000; i++) {
        EXPECT(map_put(&map, arena_format(t->mem, "key %d", i), &values[i]) == NULL);
        /* Every size is searched once: the step from walk to slots, and each growth. */
        EXPECT(map_find(&map, STR("key 0")) == &values[0]);
        EXPECT(map_find(&map, STR("no key")) == NULL);
    }
    for (int i = 0; i < 5000; i++)
        EXPECT(map_find(&map, arena_format(t->mem, "key %d", i)) == &values[i]);
    EXPECT(map_put(&map, STR("key 77"), &values[1]) == &values[77]);
    EXPECT_INT(map.len, 5000);
    EXPECT_STR(map.entries[4999].key, "key 4999");
}

TEST(map_with_room_takes_more_too)
{
    struct task *t = test_task();
    struct map map;
    int values[300];
    for (size_t room = 0; room < 40; room += 13) {
        map_init_for(&map, t->mem, room);
        for (int i = 0; i < 300; i++) {
            EXPECT(map_put(&map, arena_format(t->mem, "key %d", i), &values[i]) == NULL);
            EXPECT(map_find(&map, STR("key 0")) == &values[0]);
            EXPECT(map_find(&map, STR("no key")) == NULL);
        }
        EXPECT(map_find(&map, STR("key 299")) == &values[299]);
        EXPECT_INT(map.len, 300);
    }
}

TEST(map_without_case_takes_letters_of_both_cases_for_one)
{
    struct task *t = test_task();
    struct map map;
    int values[100];
    map_init_nocase(&map, t->mem);
    for (int i = 0; i < 100; i++)
        EXPECT(map_put(&map, arena_format(t->mem, "Column of Many %d", i), &values[i]) == NULL);
    for (int i = 0; i < 100; i++)
        EXPECT(map_find(&map, arena_format(t->mem, "cOLUMN oF mANY %d", i)) == &values[i]);
    EXPECT(map_put(&map, STR("COLUMN OF MANY 7"), &values[0]) == &values[7]);
    EXPECT(map_find(&map, STR("Column of Many")) == NULL);
    EXPECT_INT(map.len, 100);
}

TEST(map_knows_empty_keys)
{
    struct task *t = test_task();
    struct map map;
    int value;
    map_init(&map, t->mem);
    EXPECT(map_put(&map, STR_NONE, &value) == NULL);
    EXPECT(map_find(&map, STR("")) == &value);
}

TEST(map_that_is_ordered_finds_all_without_slots)
{
    struct task *t = test_task();
    static const int lens[] = {0, 1, 8, 9, 500};
    for (size_t k = 0; k < sizeof lens / sizeof *lens; k++) {
        struct map maps[2];
        int values[500];
        map_init(&maps[0], t->mem);
        map_init_nocase(&maps[1], t->mem);
        for (int i = 0; i < lens[k]; i++)
            for (int m = 0; m < 2; m++)
                map_put(&maps[m], arena_format(t->mem, "Key %d", i * 7919 % 1000), &values[i]);
        map_order(&maps[0]);
        map_order(&maps[1]);
        for (int i = 0; i < lens[k]; i++) {
            EXPECT(map_find(&maps[0], arena_format(t->mem, "Key %d", i * 7919 % 1000))
                   == &values[i]);
            EXPECT(map_find(&maps[1], arena_format(t->mem, "kEY %d", i * 7919 % 1000))
                   == &values[i]);
        }
        EXPECT(map_find(&maps[0], STR("key 0")) == NULL);
        EXPECT(map_find(&maps[1], STR("Key")) == NULL);
        EXPECT(map_find(&maps[1], STR("Key 1000")) == NULL);
    }
}
