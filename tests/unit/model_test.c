#include "model/model.h"

#include "test.h"

TEST(an_actor_is_meant_by_name_or_group)
{
    struct task *t = test_task();
    struct str_list list = {0}, groups = {0}, none = {0};
    vec_push(t->mem, &list, STR("user:ana"));
    vec_push(t->mem, &list, STR("group:team"));
    vec_push(t->mem, &groups, STR("team"));
    EXPECT(model_names_actor(&list, STR("ana"), &none));
    EXPECT(model_names_actor(&list, STR("noor"), &groups));
    EXPECT(!model_names_actor(&list, STR("team"), &none));
    EXPECT(!model_names_actor(&list, STR("noor"), NULL));
    EXPECT(!model_names_actor(&list, STR(""), &none));
    EXPECT(!model_names_actor(&none, STR("ana"), &groups));
}

TEST(a_bundle_without_files_is_no_mesh)
{
    struct task *t = test_task();
    struct bundle bundle = {0};
    struct report report;
    report_init(&report, t->mem);
    const struct model *model = model_compile(t->mem, &bundle, &report);
    REQUIRE(model);
    EXPECT_INT(report.errors, 1);
    EXPECT(!model_find_product(model, STR("a.b")));
    EXPECT(!model_find_product(model, STR("a")));
    EXPECT(!model_find_domain(model, STR("a")));
}

TEST(a_file_that_could_not_be_read_is_an_error_even_when_nobody_said_so)
{
    struct task *t = test_task();
    struct bundle bundle = {0};
    struct report report;
    report_init(&report, t->mem);
    vec_push(t->mem, &bundle,
             ((struct bundle_file){.path = STR("mesh.yaml"), .text = STR("name: [")}));
    (void)model_compile(t->mem, &bundle, &report);
    EXPECT_INT(report.errors, 1);
}

TEST(paths_of_any_depth_are_no_harm)
{
    struct task *t = test_task();
    static const char *const paths[] = {
        "",
        "/",
        "domains",
        "domains/",
        "domains//x/product.odps.yaml",
        "a/b/c/d/e/f/g/h",
        "policies",
        "domains/a/b/internal/tests/x.sql",
        "domains/a/policies/",
        "//////",
    };
    struct bundle bundle = {0};
    struct report report;
    report_init(&report, t->mem);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        vec_push(t->mem, &bundle, ((struct bundle_file){.path = str_of(paths[i])}));
    EXPECT(model_compile(t->mem, &bundle, &report));
    EXPECT(report.errors > 0);
}
