#include "read_mesh/read_mesh.h"

#include "test.h"

static const struct image *with_ends(struct task *t, const int64_t *ends_us, size_t len)
{
    struct image *image = ARENA_NEW(t->mem, struct image);
    struct model *model = ARENA_NEW(t->mem, struct model);
    for (size_t i = 0; i < len; i++)
        vec_push(t->mem, &model->policies, ((struct policy){.until_us = ends_us[i]}));
    image->model = model;
    return image;
}

TEST(rows_of_the_image_hold_for_ever_but_for_policies_that_end)
{
    struct task *t = task_new();
    const struct image *image = with_ends(t, (int64_t[]){0, 300, 100, 200, 400}, 5);
    int64_t from_us, until_us;
    EXPECT(read_mesh_is_of_image(image, STR("columns"), 250, &from_us, &until_us));
    EXPECT(from_us == 0 && until_us == 0);
    EXPECT(read_mesh_is_of_image(image, STR("policies"), 250, &from_us, &until_us));
    EXPECT(from_us == 200 && until_us == 300);
    /* A date that has come is past. */
    EXPECT(read_mesh_is_of_image(image, STR("policies"), 300, &from_us, &until_us));
    EXPECT(from_us == 300 && until_us == 400);
    EXPECT(read_mesh_is_of_image(image, STR("policies"), 99, &from_us, &until_us));
    EXPECT(from_us == 0 && until_us == 100);
    EXPECT(read_mesh_is_of_image(image, STR("policies"), 400, &from_us, &until_us));
    EXPECT(from_us == 400 && until_us == 0);
    task_free(t);
}

TEST(rows_that_speak_of_readers_or_of_what_happens_are_not_of_the_image)
{
    static const char *const others[] = {"tables", "releases",        "runs",       "checks",
                                         "grants", "access_requests", "compliance", "nothing"};
    struct task *t = task_new();
    const struct image *image = with_ends(t, NULL, 0);
    int64_t from_us, until_us;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        EXPECT(!read_mesh_is_of_image(image, str_of(others[i]), 1, &from_us, &until_us));
    task_free(t);
}
