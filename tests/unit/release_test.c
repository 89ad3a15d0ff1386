#include "release/release_candidate.h"

#include "catalog_help.h"
#include "product/product.h"

static struct catalog *with_mesh(struct images **images)
{
    struct catalog *c = catalog_help_open();
    if (c == NULL
        || !test_expect_ok(c->t, catalog_help_apply(c, CATALOG_HELP_COLUMNS), "apply", __FILE__,
                           __LINE__)
        || !test_expect_ok(c->t, images_open(c->t, c->db, images), "images_open", __FILE__,
                           __LINE__))
        return NULL;
    return c;
}

static const struct image_product *orders(const struct image *image)
{
    return image_find_product(image, STR("sales"), STR("orders"));
}

TEST(release_comes_back_as_it_was_published)
{
    struct images *images;
    struct catalog *c = with_mesh(&images);
    REQUIRE(c != NULL);
    uint64_t number;
    REQUIRE_OK(c->t, catalog_help_publish(c, image_pin(c->t, images), 0, "a1", &number));
    EXPECT_INT(number, 1);
    REQUIRE_OK(c->t, images_refresh(c->t, images));
    const struct image_product *product = orders(image_pin(c->t, images));
    REQUIRE(product != NULL && product->tables.len == 1);
    EXPECT_INT(product->release.number, 1);
    const struct image_table *table = &product->tables.at[0];
    EXPECT_INT(table->rows, 3);
    REQUIRE(table->files.len == 1);
    const struct image_file *file = &table->files.at[0];
    EXPECT(str_ends(file->sha256, STR("00a1")) && file->sha256.len == 64);
    EXPECT_INT(file->bytes, 100);
    EXPECT_INT(file->columns.len, 2);
    REQUIRE(file->facts.len == 1 && file->facts.at[0].has_range && file->facts.at[0].has_values);
    EXPECT_STR(file->facts.at[0].low, "");
    EXPECT_STR(file->facts.at[0].high, "9");
    REQUIRE(file->facts.at[0].values.len == 3);
    EXPECT_STR(file->facts.at[0].values.at[0], "");
    EXPECT_STR(file->facts.at[0].values.at[1], "a\"b:1");
    EXPECT_STR(file->facts.at[0].values.at[2], STR("x\0y"));
    struct release_inputs inputs;
    REQUIRE_OK(c->t, release_inputs(c->t, c->db, product->id, 1, &inputs));
    REQUIRE(inputs.len == 1);
    EXPECT_STR(inputs.at[0].description, "data/orders.csv");
    images_close(images);
}

TEST(release_follows_the_one_its_run_began_with_or_none)
{
    struct images *images;
    struct catalog *c = with_mesh(&images);
    REQUIRE(c != NULL);
    const struct image *image = image_pin(c->t, images);
    uint64_t number;
    REQUIRE_OK(c->t, catalog_help_publish(c, image, 0, "a1", &number));
    EXPECT_FAIL(c->t, ERR_CONFLICT, catalog_help_publish(c, image, 0, "a2", &number));
    REQUIRE_OK(c->t, catalog_help_publish(c, image, 1, "a3", &number));
    EXPECT_INT(number, 2);
    struct str_list files;
    REQUIRE_OK(c->t, release_files(c->t, c->db, &files));
    EXPECT_INT(files.len, 2);
    images_close(images);
}

TEST(release_does_not_hold_a_column_that_was_removed_meanwhile)
{
    struct images *images;
    struct catalog *c = with_mesh(&images);
    REQUIRE(c != NULL);
    const struct image *image = image_pin(c->t, images);
    uint64_t number;
    REQUIRE_OK(c->t, catalog_help_apply(
                         c, "      - {name: id, logicalType: integer, physicalType: BIGINT}\n"));
    EXPECT_FAIL(c->t, ERR_CONFLICT, catalog_help_publish(c, image, 0, "a1", &number));
    images_close(images);
}

static bool has_label(const struct policy_column *column, bool is_tag, const char *text)
{
    for (size_t i = 0; i < column->labels.len; i++)
        if (column->labels.at[i].is_tag == is_tag
            && str_eq(column->labels.at[i].text, str_of(text)))
            return true;
    return false;
}

TEST(release_of_the_past_has_todays_names_and_the_labels_of_both)
{
    struct images *images;
    struct catalog *c = with_mesh(&images);
    REQUIRE(c != NULL);
    uint64_t number;
    REQUIRE_OK(c->t, catalog_help_publish(c, image_pin(c->t, images), 0, "a1", &number));
    /* The label of email is dropped, another added; a column comes. */
    REQUIRE_OK(c->t, catalog_help_apply(
                         c, "      - {name: id, logicalType: integer, physicalType: BIGINT}\n"
                            "      - {name: email, logicalType: string, tags: [other]}\n"
                            "      - {name: city, logicalType: string}\n"));
    REQUIRE_OK(c->t, images_refresh(c->t, images));
    const struct image_product *today = orders(image_pin(c->t, images)), *past;
    REQUIRE(today != NULL);
    REQUIRE_OK(c->t, release_load(c->t, c->db, today, 1, &past));
    REQUIRE(past != NULL && past->tables.len == 1);
    const struct image_table *table = &past->tables.at[0];
    REQUIRE(table->columns.len == 2);
    struct policy_table seen;
    image_policy_table(c->t->mem, table, &seen);
    REQUIRE(seen.column_count == 2);
    EXPECT(has_label(&seen.columns[1], false, "pii"));
    EXPECT(has_label(&seen.columns[1], true, "contact"));
    EXPECT(has_label(&seen.columns[1], true, "other"));
    EXPECT_STR(today->tables.at[0].columns.at[1].contract->classification, "");
    REQUIRE_OK(c->t, release_load(c->t, c->db, today, 9, &past));
    EXPECT(past == NULL);
    images_close(images);
}

TEST(release_column_whose_contract_is_gone_is_in_no_decision)
{
    struct images *images;
    struct catalog *c = with_mesh(&images);
    REQUIRE(c != NULL);
    uint64_t number;
    REQUIRE_OK(c->t, catalog_help_publish(c, image_pin(c->t, images), 0, "a1", &number));
    REQUIRE_OK(c->t, catalog_help_apply(
                         c, "      - {name: id, logicalType: integer, physicalType: BIGINT}\n"));
    REQUIRE_OK(c->t, images_refresh(c->t, images));
    const struct image_product *past;
    REQUIRE_OK(c->t, release_load(c->t, c->db, orders(image_pin(c->t, images)), 1, &past));
    REQUIRE(past != NULL);
    const struct image_table *table = &past->tables.at[0];
    EXPECT_INT(table->columns.len, 2);
    struct policy_table seen;
    image_policy_table(c->t->mem, table, &seen);
    REQUIRE(seen.column_count == 1);
    EXPECT_STR(seen.columns[0].name, "id");
    EXPECT_STR(seen.domain, "sales");
    EXPECT(str_list_has(&seen.owners, STR("user:ana")));
    EXPECT(str_list_has(&seen.tags, STR("money")));
    images_close(images);
}

TEST(release_prune_keeps_the_newest_and_the_young)
{
    struct images *images;
    struct catalog *c = with_mesh(&images);
    REQUIRE(c != NULL);
    const struct image *image = image_pin(c->t, images);
    uint64_t number, count;
    static const char *const files[] = {"a1", "a2", "a2", "a4"};
    for (uint64_t i = 0; i < 4; i++)
        REQUIRE_OK(c->t, catalog_help_publish(c, image, i, files[i], &number));
    REQUIRE_OK(c->t, release_prune(c->t, c->db, 1, 0, &count));
    EXPECT_INT(count, 0);
    REQUIRE_OK(c->t, release_prune(c->t, c->db, 2, INT64_MAX, &count));
    EXPECT_INT(count, 2);
    struct str_list kept;
    REQUIRE_OK(c->t, release_files(c->t, c->db, &kept));
    REQUIRE(kept.len == 2);
    EXPECT(str_ends(kept.at[0], STR("a2")) && str_ends(kept.at[1], STR("a4")));
    struct release_list list;
    REQUIRE_OK(c->t, release_list(c->t, c->db, orders(image)->id, 0, &list));
    REQUIRE(list.len == 4);
    EXPECT(list.at[0].is_current && list.at[0].is_kept && list.at[1].is_kept
           && !list.at[2].is_kept);
    images_close(images);
}

TEST(release_candidate_waits_unseen_and_is_forgotten_when_it_is_old)
{
    struct images *images;
    struct catalog *c = with_mesh(&images);
    REQUIRE(c != NULL);
    const struct image *image = image_pin(c->t, images);
    uint64_t product = orders(image)->id, number, count;
    struct release_candidate_list found;
    struct release_list list;
    struct str_list files;
    const struct image_product *past;
    REQUIRE_OK(c->t, catalog_help_publish(c, image, 0, "a1", &number));
    REQUIRE_OK(c->t, catalog_help_hold(c, image, 1, "b1"));
    REQUIRE_OK(c->t, release_list(c->t, c->db, product, 0, &list));
    EXPECT_INT(list.len, 1);
    REQUIRE_OK(c->t, release_load(c->t, c->db, orders(image), 0, &past));
    EXPECT(past == NULL);
    REQUIRE_OK(c->t, release_load_candidate(c->t, c->db, orders(image), &past));
    REQUIRE(past != NULL && past->tables.len == 1);
    EXPECT(str_ends(past->tables.at[0].files.at[0].sha256, STR("b1")));
    REQUIRE_OK(c->t, release_candidate_find(c->t, c->db, product, &found));
    REQUIRE(found.len == 1);
    EXPECT_INT(found.at[0].base, 1);
    EXPECT(!found.at[0].is_tested);

    /* Young ones stay, whatever their number. */
    REQUIRE_OK(c->t, release_prune(c->t, c->db, 10, 0, &count));
    EXPECT_INT(count, 0);
    REQUIRE_OK(c->t, release_prune(c->t, c->db, 10, INT64_MAX, &count));
    EXPECT_INT(count, 1);
    REQUIRE_OK(c->t, release_candidate_find(c->t, c->db, product, &found));
    EXPECT_INT(found.len, 0);
    REQUIRE_OK(c->t, release_files(c->t, c->db, &files));
    EXPECT(files.len == 1 && str_ends(files.at[0], STR("a1")));
    images_close(images);
}

static const struct product_table *read_orders(struct catalog *c)
{
    struct product_list list;
    if (!product_read(c->t, c->t->mem, c->db, 0, &list) || list.len != 1
        || list.at[0]->tables.len != 1)
        return NULL;
    return &list.at[0]->tables.at[0];
}

TEST(product_column_ids_follow_renames_and_are_never_reused)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    REQUIRE_OK(c->t, catalog_help_apply(c, "      - {id: one, name: a, logicalType: string}\n"
                                           "      - {id: two, name: b, logicalType: string}\n"
                                           "      - {name: plain, logicalType: string}\n"));
    const struct product_table *table = read_orders(c);
    REQUIRE(table != NULL && table->columns.len == 3);
    uint64_t table_id = table->id;
    /* Names swapped under their ids. */
    REQUIRE_OK(c->t, catalog_help_apply(c, "      - {id: one, name: b, logicalType: string}\n"
                                           "      - {id: two, name: a, logicalType: string}\n"));
    table = read_orders(c);
    REQUIRE(table != NULL && table->columns.len == 2);
    EXPECT_INT(table->id, table_id);
    EXPECT_INT(table->columns.at[0].id, 1);
    EXPECT_STR(table->columns.at[0].name, "b");
    EXPECT_INT(table->columns.at[1].id, 2);
    EXPECT_STR(table->columns.at[1].name, "a");
    /* What was gone comes back as another column. */
    REQUIRE_OK(c->t, catalog_help_apply(c, "      - {id: one, name: b, logicalType: string}\n"
                                           "      - {name: plain, logicalType: string}\n"));
    table = read_orders(c);
    REQUIRE(table != NULL && table->columns.len == 2);
    EXPECT_INT(table->columns.at[1].id, 4);
    EXPECT_STR(table->columns.at[1].name, "plain");
}
