#include "freeze/freeze.h"

#include "test.h"

/* A person knows others, has names, and one of a list of houses. */
struct house {
    str street;
    struct person *owner;
};
struct person {
    str name;
    struct person *friend;
    struct {
        VEC_OF(struct person *)
    } known;
    struct {
        VEC_OF(struct house)
    } houses;
    struct house *home;
    struct str_list names;
    struct map numbers, people;
    struct map *more;
    void *elsewhere;
    int age;
};

static const struct freeze_type person_frozen;
static FREEZE_TYPE(house_frozen, struct house, 24, FREEZE_NEAR, FROZEN_TEXT(house, street),
                   FROZEN_REF(house, owner, person_frozen));
static FREEZE_TYPE(person_frozen, struct person, 240, FREEZE_FAR, FROZEN_TEXT(person, name),
                   FROZEN_REF(person, friend, person_frozen),
                   FROZEN_REFS(person, known, person_frozen),
                   FROZEN_LIST(person, houses, house_frozen),
                   FROZEN_REF(person, home, house_frozen), FROZEN_TEXTS(person, names),
                   FROZEN_MAP(person, numbers),
                   {FREEZE_MAP, offsetof(struct person, people), &person_frozen},
                   FROZEN_MAP_REF(person, more, person_frozen), FROZEN_NOTHING(person, elsewhere));

struct room {
    size_t most;
};

static bool has_room(void *ctx, size_t bytes)
{
    return bytes <= ((struct room *)ctx)->most;
}

enum { BLOCK_BYTES = 1 << 20 };

static struct freeze *begin(struct task *t, struct room *room, char **block_out)
{
    *block_out = arena_alloc(t->mem, BLOCK_BYTES);
    return freeze_begin(t->mem, *block_out, has_room, room);
}

static struct person *make(struct task *t, const char *name)
{
    struct person *p = ARENA_NEW(t->mem, struct person);
    p->name = str_of(name);
    map_init(&p->numbers, t->mem);
    map_init_nocase(&p->people, t->mem);
    return p;
}

TEST(frozen_structs_point_to_each_other_as_they_did)
{
    struct task *t = test_task();
    struct person *ana = make(t, "ana"), *noor = make(t, "noor");
    ana->friend = noor;
    noor->friend = ana;
    ana->age = 41;
    ana->elsewhere = t;
    vec_push(t->mem, &ana->known, ana);
    vec_push(t->mem, &ana->known, noor);
    vec_push(t->mem, &ana->known, NULL);
    vec_push(t->mem, &ana->houses, ((struct house){STR("here"), noor}));
    vec_push(t->mem, &ana->houses, ((struct house){STR("there"), ana}));
    ana->home = &ana->houses.at[1];
    vec_push(t->mem, &ana->names, STR("Ana"));
    for (uintptr_t i = 0; i < 30; i++)
        map_put(&ana->numbers, arena_format(t->mem, "number %d", (int)i),
                (void *)(i + 1)); // NOLINT
    map_put(&ana->people, STR("Noor"), noor);
    noor->more = &ana->people;

    struct room room = {BLOCK_BYTES};
    char *block;
    struct freeze *f = begin(t, &room, &block);
    struct person *copy = freeze_ref(f, &person_frozen, ana);
    REQUIRE(copy != NULL && freeze_is_whole(f));
    EXPECT((char *)copy >= block && (char *)copy < block + freeze_bytes(f));
    EXPECT(freeze_ref(f, &person_frozen, noor) == copy->friend && copy->friend->friend == copy);
    EXPECT_STR(copy->name, "ana");
    EXPECT(copy->name.ptr != ana->name.ptr);
    EXPECT_INT(copy->age, 41);
    EXPECT(copy->elsewhere == NULL);
    EXPECT(copy->known.len == 3 && copy->known.at[0] == copy && copy->known.at[1] == copy->friend
           && copy->known.at[2] == NULL);
    EXPECT(copy->home == &copy->houses.at[1] && copy->houses.at[0].owner == copy->friend);
    EXPECT_STR(copy->names.at[0], "Ana");
    for (uintptr_t i = 0; i < 30; i++)
        EXPECT(map_find(&copy->numbers, arena_format(t->mem, "number %d", (int)i))
               == (void *)(i + 1)); // NOLINT
    EXPECT(map_find(&copy->people, STR("NOOR")) == copy->friend);
    EXPECT(map_find(copy->friend->more, STR("noor")) == copy->friend);
}

TEST(frozen_chains_may_be_of_any_length)
{
    struct task *t = test_task();
    struct person *first = make(t, "first"), *last = first;
    for (int i = 0; i < 2000; i++)
        last = last->friend = make(t, "another");
    struct room room = {BLOCK_BYTES};
    char *block;
    struct freeze *f = begin(t, &room, &block);
    const struct person *copy = freeze_ref(f, &person_frozen, first);
    int len = 0;
    for (; copy->friend != NULL; copy = copy->friend)
        len++;
    EXPECT_INT(len, 2000);
}

TEST(what_is_near_is_forgotten_and_what_is_far_is_not)
{
    struct task *t = test_task();
    struct person *ana = make(t, "ana");
    struct house house = {STR("here"), ana};
    struct room room = {BLOCK_BYTES};
    char *block;
    struct freeze *f = begin(t, &room, &block);
    struct house *one = freeze_ref(f, &house_frozen, &house);
    EXPECT(freeze_ref(f, &house_frozen, &house) == one);
    freeze_forget(f);
    struct house *two = freeze_ref(f, &house_frozen, &house);
    EXPECT(two != one && two->owner == one->owner);
}

TEST(a_block_without_room_is_not_whole)
{
    struct task *t = test_task();
    struct person *ana = make(t, "ana");
    vec_push(t->mem, &ana->houses, ((struct house){STR("a street of some length"), ana}));
    for (size_t most = 0; most < 400; most += 8) {
        struct room room = {most};
        char *block;
        struct freeze *f = begin(t, &room, &block);
        (void)freeze_ref(f, &person_frozen, ana);
        EXPECT(freeze_bytes(f) <= most);
        if (most < sizeof *ana)
            EXPECT(!freeze_is_whole(f));
    }
}
