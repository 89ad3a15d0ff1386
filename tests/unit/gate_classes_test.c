/* How many classes policies make of a table. */
#include "catalog_help.h"
#include "clock/clock.h"
#include "gate_inside.h"
#include "yaml/yaml.h"

static void add_policy(struct task *t, struct policies *policies, const char *body)
{
    struct report report;
    struct tree *document;
    str text = arena_format(t->mem,
                            "apiVersion: weft/v1\nkind: Policy\nid: p%zu\nowner: guild\n"
                            "description: test\n%s\n",
                            policies->len, body);
    report_init(&report, t->mem);
    REQUIRE_OK(t, yaml_read(t, t->mem, text, STR("p.policy.yaml"), YAML_MODE_YAML, &document));
    struct policy *policy = policy_read(t->mem, STR("p.policy.yaml"), STR_NONE, document, &report);
    REQUIRE(policy != NULL);
    vec_push(t->mem, policies, *policy);
}

static struct policy_actor *actors_of(struct task *t, size_t len)
{
    struct policy_actor *actors = ARENA_ARRAY(t->mem, struct policy_actor, len);
    for (size_t i = 0; i < len; i++) {
        struct tree *attributes;
        str text = arena_format(t->mem, "{mails: [a%zu, a%zu]}", i, i + 1);
        CHECK(yaml_read(t, t->mem, text, STR("x"), YAML_MODE_YAML, &attributes));
        actors[i].name = arena_format(t->mem, "u%zu", i);
        actors[i].attributes = attributes;
        vec_push(t->mem, &actors[i].groups, STR("analysts"));
    }
    return actors;
}

static void count(struct task *t, const struct policies *policies, const struct image_table *table,
                  const struct policy_actor *actors, struct gate_classes *out)
{
    struct policy_table as_seen;
    image_policy_table(t->mem, table, &as_seen);
    gate_count_classes(t->mem, policy_rules(t->mem, policies, &as_seen), table, actors, 3,
                       clock_now_us(), out);
}

TEST(classes_of_a_table_are_counted_by_value_and_once)
{
    struct catalog *c = catalog_help_open();
    struct images *images;
    struct policies policies = {0};
    struct gate_classes classes;
    REQUIRE(c != NULL);
    struct task *t = c->t;
    REQUIRE_OK(t, catalog_help_apply(c, CATALOG_HELP_COLUMNS));
    REQUIRE_OK(t, images_open(t, c->db, &images));
    const struct image *image = image_pin(t, images);
    const struct image_product *product = image_find_product(image, STR("sales"), STR("orders"));
    REQUIRE(product != NULL);
    struct image_table table = product->tables.at[0];
    struct image_file *file = vec_add(t->mem, &table.files);
    file->bytes = 6400;
    file->rows = 100;
    for (size_t i = 0; i < table.columns.len; i++)
        vec_push(t->mem, &file->columns, table.columns.at[i].id);
    struct policy_actor *actors = actors_of(t, 3);

    count(t, &policies, &table, actors, &classes);
    EXPECT_INT(classes.readers, 0);
    add_policy(t, &policies,
               "grant: {contract: orders-contract, role: reader, to: {groups: [analysts]}}");
    count(t, &policies, &table, actors, &classes);
    EXPECT_INT(classes.readers, 3);
    EXPECT_INT(classes.classes, 0);
    /* Values a0 to a3, each once. */
    add_policy(t, &policies,
               "filter: {tables: {domain: sales}, where: \"email = ANY($actor.mails)\"}");
    count(t, &policies, &table, actors, &classes);
    EXPECT_INT(classes.classes, 4);
    EXPECT_INT(classes.bytes, 400);
    EXPECT_STR(classes.column, "email");
    /* With a second filter each has a copy of his own. */
    add_policy(t, &policies, "filter: {tables: {domain: sales}, where: \"id > 5\"}");
    count(t, &policies, &table, actors, &classes);
    EXPECT_INT(classes.classes, 3);
    EXPECT_INT(classes.bytes, 3 * 6400);
    images_close(images);
}
