#include "model/model.h"

#include <stdlib.h>

#include "document/document.h"
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

#define MESH_OF(more)                                                                              \
    "apiVersion: weft/v1\nkind: Mesh\nname: shop\nadmins: [user:root]\nsources: {roots: "          \
    "[data/]}\n" more
#define DOMAIN_OF(title)                                                                           \
    "apiVersion: weft/v1\nkind: Domain\nname: d\nalignment: source\nowners: "                      \
    "[user:ana]\ntitle: " title "\n"

/* Products a, b that reads a, and c that reads none, in domain d. */
struct shared_mesh {
    const char *mesh, *domain, *a, *b, *c; /* columns of their outputs */
};

static void add_text(struct task *t, struct bundle *bundle, const char *path, str text)
{
    vec_push(t->mem, bundle, ((struct bundle_file){.path = str_of(path), .text = text}));
}

static void add_contract(struct task *t, struct bundle *bundle, const char *path, const char *id,
                         const char *servers, const char *column)
{
    add_text(t, bundle, path,
             arena_format(t->mem,
                          "apiVersion: v3.1.0\nkind: DataContract\nid: %s\nversion: 1.0.0\n"
                          "status: active\n%sschema: [{name: t, properties: [{name: %s, "
                          "physicalType: VARCHAR}]}]\n",
                          id, servers, column));
}

static void add_product(struct task *t, struct bundle *bundle, const char *name, const char *input,
                        const char *column)
{
    static const char *const source =
        "servers: [{server: files, type: local, path: \"data/t.csv\", format: csv}]\n";
    const char *own = arena_c_string(t->mem, arena_format(t->mem, "%s-in", name));
    const char *out = arena_c_string(t->mem, arena_format(t->mem, "%s-out", name));
    const char *folder = arena_c_string(t->mem, arena_format(t->mem, "domains/d/%s/", name));
    if (!input)
        add_contract(t, bundle,
                     arena_c_string(t->mem, arena_format(t->mem, "%sin.odcs.yaml", folder)), own,
                     source, column);
    add_contract(t, bundle, arena_c_string(t->mem, arena_format(t->mem, "%sout.odcs.yaml", folder)),
                 out, "", column);
    add_text(
        t, bundle, arena_c_string(t->mem, arena_format(t->mem, "%sproduct.odps.yaml", folder)),
        arena_format(t->mem,
                     "apiVersion: v1.0.0\nkind: DataProduct\nid: %s\nname: %s\nversion: 1.0.0\n"
                     "status: odd\ndescription: {purpose: A test}\n"
                     "inputPorts: [{name: source, version: 1.0.0, contractId: %s}]\n"
                     "outputPorts: [{name: out, version: 1.0.0, contractId: %s}]\n",
                     name, name, input ? input : own, out));
}

/* The model of such a mesh over one before, or NULL; `warnings` is how many there were. */
static struct model *compile_shared(struct task *t, const struct shared_mesh *of,
                                    const struct model_before *before, struct bundle *files,
                                    size_t *warnings)
{
    struct report report;
    report_init(&report, t->mem);
    *files = (struct bundle){0};
    add_text(t, files, "domains/d/domain.yaml", str_of(of->domain));
    add_product(t, files, "a", NULL, of->a);
    add_product(t, files, "b", "a-out", of->b);
    add_product(t, files, "c", NULL, of->c);
    add_text(t, files, "mesh.yaml", str_of(of->mesh));
    qsort(files->at, files->len, sizeof *files->at, bundle_compare);
    if (!document_parse(t, t->mem, files, &report))
        return NULL;
    struct model *model = model_compile_over(t->mem, t->mem, NULL, before, files, &report);
    *warnings = report.len;
    return report.errors ? NULL : model;
}

TEST(a_model_shares_what_did_not_change)
{
    struct task *t = test_task();
    static const struct shared_mesh first = {MESH_OF(""), DOMAIN_OF("D"), "x", "x", "x"};
    static const struct {
        struct shared_mesh mesh;
        bool domain, a, b, c; /* what is the same */
    } cases[] = {
        {{MESH_OF(""), DOMAIN_OF("D"), "x", "x", "x"}, true, true, true, true},
        {{MESH_OF(""), DOMAIN_OF("D"), "x", "x", "y"}, true, true, true, false},
        {{MESH_OF(""), DOMAIN_OF("D"), "x", "y", "x"}, true, true, false, true},
        {{MESH_OF(""), DOMAIN_OF("D"), "y", "x", "x"}, true, false, false, true},
        {{MESH_OF(""), DOMAIN_OF("E"), "x", "x", "x"}, false, false, false, false},
        {{MESH_OF("description: one\n"), DOMAIN_OF("D"), "x", "x", "x"},
         false,
         false,
         false,
         false},
    };
    struct bundle files, again;
    size_t warnings, said;
    const struct model *before = compile_shared(t, &first, NULL, &files, &warnings);
    REQUIRE(before);
    EXPECT_INT(warnings, 3); /* each product has an odd status */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct model *now = compile_shared(
            t, &cases[i].mesh, &(struct model_before){&files, before}, &again, &said);
        REQUIRE(now);
        EXPECT_INT(said, warnings);
        EXPECT_INT(now->products.len, 3);
        EXPECT_INT(now->contracts.len, before->contracts.len);
        EXPECT((model_find_domain(now, STR("d")) == model_find_domain(before, STR("d")))
               == cases[i].domain);
        EXPECT((model_find_product(now, STR("d.a")) == model_find_product(before, STR("d.a")))
               == cases[i].a);
        EXPECT((model_find_product(now, STR("d.b")) == model_find_product(before, STR("d.b")))
               == cases[i].b);
        EXPECT((model_find_product(now, STR("d.c")) == model_find_product(before, STR("d.c")))
               == cases[i].c);
        EXPECT(model_find_product(now, STR("d.b"))->inputs.at[0].producer
               == model_find_product(now, STR("d.a")));
    }
}
