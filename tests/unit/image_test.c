#include "image/image.h"

#include <pthread.h>

#include "catalog_help.h"
#include "image/image_decision.h"
#include "image/image_inside.h"
#include "mesh_state/mesh_state.h"

TEST(image_before_the_first_apply_is_empty)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct images *images;
    REQUIRE_OK(c->t, images_open(c->t, c->db, &images));
    const struct image *image = image_pin(c->t, images);
    EXPECT(image->model == NULL && image->products.len == 0 && image->mesh_version == 0);
    EXPECT(image_find_product(image, STR("sales"), STR("orders")) == NULL);
    images_close(images);
}

TEST(image_has_what_was_applied)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct images *images;
    REQUIRE_OK(c->t, images_open(c->t, c->db, &images));
    const struct image *before = image_pin(c->t, images);
    REQUIRE_OK(c->t, catalog_help_apply(c, CATALOG_HELP_COLUMNS));
    REQUIRE_OK(c->t, images_refresh(c->t, images));
    const struct image *image = image_pin(c->t, images);
    EXPECT(image->version > before->version);
    EXPECT_INT(image->mesh_version, 1);
    EXPECT_INT(image->model->policies.version, 1);
    const struct image_product *product = image_find_product(image, STR("sales"), STR("orders"));
    REQUIRE(product != NULL);
    EXPECT_INT(product->release.number, 0);
    const struct image_table *table = image_find_table(product, STR("orders"));
    REQUIRE(table != NULL && table->columns.len == 2);
    EXPECT(table->product == product);
    EXPECT_INT(table->columns.at[0].id, 1);
    EXPECT_STR(table->columns.at[0].type, "BIGINT");
    EXPECT(image_find_table(product, STR("other")) == NULL);
    EXPECT(image_find_product(image, STR("sales"), STR("other")) == NULL);
    EXPECT(image_find_product(image, STR("sale"), STR("orders")) == NULL);
    images_close(images);
}

TEST(image_that_is_pinned_stays_as_it_was)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct images *images;
    uint64_t number;
    REQUIRE_OK(c->t, catalog_help_apply(c, CATALOG_HELP_COLUMNS));
    REQUIRE_OK(c->t, images_open(c->t, c->db, &images));
    const struct image *old = image_pin(c->t, images);
    REQUIRE_OK(c->t, catalog_help_publish(c, old, 0, "a1", &number));
    REQUIRE_OK(c->t, images_refresh(c->t, images));
    const struct image *new = image_pin(c->t, images);
    EXPECT(new != old &&new->model == old->model);
    EXPECT_INT(image_find_product(old, STR("sales"), STR("orders"))->release.number, 0);
    EXPECT_INT(image_find_product(new, STR("sales"), STR("orders"))->release.number, 1);
    REQUIRE_OK(c->t, images_refresh(c->t, images));
    EXPECT(image_pin(c->t, images) == new);
    images_close(images);
    EXPECT_INT(image_find_product(new, STR("sales"), STR("orders"))->tables.at[0].files.len, 1);
}

struct reader {
    struct images *images;
    bool ok;
};

static void *pin_many(void *state)
{
    struct reader *reader = state;
    reader->ok = true;
    for (int i = 0; i < 500; i++) {
        struct task *t = task_new();
        const struct image *image = image_pin(t, reader->images);
        const struct image_product *product =
            image_find_product(image, STR("sales"), STR("orders"));
        reader->ok = reader->ok && product != NULL
                  && product->tables.at[0].files.len == (product->release.number > 0 ? 1 : 0);
        task_free(t);
    }
    return NULL;
}

TEST(image_is_whole_for_readers_while_it_is_swapped)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct reader reader = {0};
    REQUIRE_OK(c->t, catalog_help_apply(c, CATALOG_HELP_COLUMNS));
    REQUIRE_OK(c->t, images_open(c->t, c->db, &reader.images));
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, pin_many, &reader) == 0);
    for (uint64_t i = 0, number; i < 10; i++) {
        const struct image *image = image_pin(c->t, reader.images);
        EXPECT_OK(c->t, catalog_help_publish(c, image, i, "a1", &number));
        if (i % 3 == 0)
            EXPECT_OK(c->t, catalog_help_apply(c, CATALOG_HELP_COLUMNS));
        EXPECT_OK(c->t, images_refresh(c->t, reader.images));
    }
    pthread_join(thread, NULL);
    EXPECT(reader.ok);
    images_close(reader.images);
}

TEST(mesh_state_refuses_a_stale_base)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct mesh_state state;
    REQUIRE_OK(c->t, catalog_help_apply(c, CATALOG_HELP_COLUMNS));
    REQUIRE_OK(c->t, mesh_state_get(c->t, c->db, &state));
    EXPECT_INT(state.mesh_version, 1);
    EXPECT_INT(state.image_version, 2);
}

TEST(decision_is_made_once_for_actor_purpose_and_table)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct images *images;
    REQUIRE_OK(c->t, catalog_help_apply(c, CATALOG_HELP_COLUMNS));
    REQUIRE_OK(c->t, images_open(c->t, c->db, &images));
    const struct image *image = image_pin(c->t, images);
    const struct image_table *table =
        &image_find_product(image, STR("sales"), STR("orders"))->tables.at[0];
    struct policy_actor ana = {.name = STR("ana")}, again = {.name = STR("ana")};
    const struct decision *first = image_decide(c->t, image, &ana, 1, table);
    EXPECT(first->allowed);
    EXPECT(image_decide(c->t, image, &again, 1, table) == first);
    EXPECT(image_decide(c->t, image, &ana, 2, table) != first);
    again.purpose = STR("reporting");
    EXPECT(image_decide(c->t, image, &again, 1, table) != first);
    struct policy_actor product = {.name = STR("ana"), .is_product = true};
    EXPECT(!image_decide(c->t, image, &product, 1, table)->allowed);
    struct policy_actor eve = {.name = STR("eve")};
    EXPECT(!image_decide(c->t, image, &eve, 1, table)->allowed);
    EXPECT(image_decide(c->t, image, &ana, 1, table) == first);
    images_close(images);
}

TEST(decision_of_a_past_release_is_not_kept)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct images *images;
    uint64_t number;
    REQUIRE_OK(c->t, catalog_help_apply(c, CATALOG_HELP_COLUMNS));
    REQUIRE_OK(c->t, images_open(c->t, c->db, &images));
    REQUIRE_OK(c->t, catalog_help_publish(c, image_pin(c->t, images), 0, "a1", &number));
    REQUIRE_OK(c->t, images_refresh(c->t, images));
    const struct image *image = image_pin(c->t, images);
    const struct image_product *today = image_find_product(image, STR("sales"), STR("orders"));
    const struct image_product *past;
    REQUIRE_OK(c->t, release_load(c->t, c->db, today, number, &past));
    struct policy_actor ana = {.name = STR("ana")};
    const struct decision *first = image_decide(c->t, image, &ana, 1, &past->tables.at[0]);
    EXPECT(first->allowed && first != image_decide(c->t, image, &ana, 1, &past->tables.at[0]));
    images_close(images);
}

static const struct image_model *model_of(const struct image *image)
{
    return ((const struct image_spine *)image)->model;
}

TEST(images_of_one_mesh_share_its_products)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct images *images;
    REQUIRE_OK(c->t, catalog_help_apply(c, CATALOG_HELP_COLUMNS));
    REQUIRE_OK(c->t, images_open(c->t, c->db, &images));
    const struct image *old = image_pin(c->t, images);
    REQUIRE_OK(c->t, catalog_help_apply(c, CATALOG_HELP_COLUMNS));
    REQUIRE_OK(c->t, images_refresh(c->t, images));
    const struct image *new = image_pin(c->t, images);
    EXPECT(new->model != old->model);
    EXPECT(new->products.at[0].definition == old->products.at[0].definition);
    EXPECT_INT(model_of(new)->parts.len, 1);
    EXPECT(model_of(new)->parts.at[0] == model_of(old)->parts.at[0]);
    images_close(images);
}

TEST(image_of_an_environment_shares_what_its_mesh_has_read)
{
    struct catalog *c = catalog_help_open(), *beside = catalog_help_open();
    REQUIRE(c != NULL && beside != NULL);
    struct images *images, *others;
    REQUIRE_OK(c->t, catalog_help_apply(c, CATALOG_HELP_COLUMNS));
    REQUIRE_OK(c->t, images_open(c->t, c->db, &images));
    REQUIRE_OK(c->t, catalog_help_apply(beside, CATALOG_HELP_COLUMNS));
    REQUIRE_OK(c->t, images_open_beside(c->t, beside->db, images, &others));
    const struct image *mesh = image_pin(c->t, images), *environment = image_pin(c->t, others);
    EXPECT(environment->model != mesh->model);
    EXPECT(environment->products.at[0].definition == mesh->products.at[0].definition);
    images_close(images);
    EXPECT_STR(environment->products.at[0].tables.at[0].columns.at[0].name,
               mesh->products.at[0].tables.at[0].columns.at[0].name);
    images_close(others);
}

TEST(what_no_model_has_any_more_is_not_held)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct images *images;
    REQUIRE_OK(c->t, catalog_help_apply(c, CATALOG_HELP_COLUMNS));
    REQUIRE_OK(c->t, images_open(c->t, c->db, &images));
    for (int i = 0; i < 6; i++) {
        str columns = arena_format(c->t->mem, "%s      - {name: more_%d, logicalType: string}\n",
                                   CATALOG_HELP_COLUMNS, i);
        REQUIRE_OK(c->t, catalog_help_apply(c, arena_c_string(c->t->mem, columns)));
        REQUIRE_OK(c->t, images_refresh(c->t, images));
        /* What the first read, the mesh and its domain, and what the last did. */
        EXPECT_INT(model_of(&images->current->image)->parts.len, 2);
    }
    const struct image *image = image_pin(c->t, images);
    EXPECT_INT(image->products.at[0].tables.at[0].columns.len, 3);
    EXPECT_STR(image->products.at[0].tables.at[0].columns.at[2].name, "more_5");
    images_close(images);
}
