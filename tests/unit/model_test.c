#include "model/model.h"

#include <stdlib.h>
#include <string.h>

#include "buf/buf.h"
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

/* A product of domain d, with ids of its own; it reads a source, or the output of another. */
struct odd_product {
    const char *name, *id, *out, *input, *column;
};
struct odd_mesh {
    struct odd_product products[5];
};

static void add_odd(struct task *t, struct bundle *bundle, const struct odd_product *product)
{
    const char *folder =
        arena_c_string(t->mem, arena_format(t->mem, "domains/d/%s", product->name));
    size_t from = bundle->len;
    add_product(t, bundle, product->name, product->input, product->column);
    for (size_t i = from; i < bundle->len; i++) {
        str whole = STR_NONE, rest = bundle->at[i].text, line;
        while (rest.len) {
            (void)str_cut(rest, '\n', &line, &rest);
            if (str_eq(line, arena_format(t->mem, "id: %s", product->name)))
                line = arena_format(t->mem, "id: %s", product->id);
            else if (str_eq(line, arena_format(t->mem, "id: %s-out", product->name)))
                line = arena_format(t->mem, "id: %s", product->out);
            else if (str_starts(line, STR("outputPorts:")))
                line = arena_format(t->mem,
                                    "outputPorts: [{name: out, version: 1.0.0, contractId: %s}]",
                                    product->out);
            whole = arena_format(t->mem, STR_FMT STR_FMT "\n", STR_ARG(whole), STR_ARG(line));
        }
        bundle->at[i].text = whole;
        EXPECT(str_starts(bundle->at[i].path, str_of(folder)));
    }
}

static void make_odd(struct task *t, const struct odd_mesh *of, struct bundle *files)
{
    struct report report;
    report_init(&report, t->mem);
    *files = (struct bundle){0};
    add_text(t, files, "domains/d/domain.yaml", STR(DOMAIN_OF("D")));
    add_text(t, files, "mesh.yaml", STR(MESH_OF("")));
    for (size_t i = 0; i < 5 && of->products[i].name; i++)
        add_odd(t, files, &of->products[i]);
    qsort(files->at, files->len, sizeof *files->at, bundle_compare);
    EXPECT(document_parse(t, t->mem, files, &report));
}

/* What a model says of itself: its products in their orders, and what is found. */
static str told(struct task *t, struct model *model, struct report *report)
{
    struct buf *b = buf_new(t->mem, 1 << 20);
    for (size_t i = 0; i < model->products.len; i++)
        buf_format(b, STR_FMT " " STR_FMT "\n", STR_ARG(model->products.at[i]->address),
                   STR_ARG(model->by_name.at[i]->address));
    report_sort(report);
    report_text(report, b);
    return buf_str(b);
}

TEST(a_model_over_another_says_what_it_says_by_itself)
{
    struct task *t = test_task();
    static const struct odd_mesh meshes[] = {
        {{{"a", "a", "ao", NULL, "x"}, {"b", "b", "bo", "ao", "x"}, {"c", "c", "co", NULL, "x"}}},
        {{{"a", "a", "ao", NULL, "y"}, {"b", "b", "bo", "ao", "x"}, {"c", "c", "co", NULL, "x"}}},
        {{{"a", "c", "ao", NULL, "x"}, {"b", "b", "bo", "ao", "x"}, {"c", "c", "co", NULL, "x"}}},
        {{{"a", "a", "ao", NULL, "x"}, {"b", "b", "bo", "ao", "x"}, {"c", "a", "co", NULL, "x"}}},
        {{{"a", "a", "co", NULL, "x"}, {"b", "b", "bo", "co", "x"}, {"c", "c", "co", NULL, "x"}}},
        {{{"a", "a", "ao", NULL, "x"}, {"b", "b", "bo", "ao", "x"}, {"c", "c", "bo", NULL, "x"}}},
        {{{"a", "a", "ao", NULL, "x"}, {"b", "b", "bo", "ao", "x"}, {"c", "c", "co", "bo", "x"}}},
        {{{"a", "a", "ao", "bo", "x"}, {"b", "b", "bo", "ao", "x"}, {"c", "c", "co", NULL, "x"}}},
        {{{"b", "b", "bo", "ao", "x"}, {"c", "c", "co", NULL, "x"}}},
        {{{"a", "a", "ao", NULL, "x"}, {"c", "c", "co", NULL, "x"}}},
        {{{"a", "a", "ao", NULL, "x"},
          {"b", "b", "bo", "ao", "x"},
          {"b_c", "e", "eo", "co", "x"},
          {"c", "c", "co", NULL, "x"},
          {"d", "d", "do", "ao", "x"}}},
        {{{"b", "b", "bo", NULL, "x"}}},
    };
    enum { MESHES = sizeof meshes / sizeof *meshes };
    for (size_t i = 0; i < MESHES; i++) {
        struct bundle first;
        struct report of_first;
        make_odd(t, &meshes[i], &first);
        report_init(&of_first, t->mem);
        struct model *before = model_compile(t->mem, &first, &of_first);
        for (size_t k = 0; !of_first.errors && k < 2 * MESHES; k++) {
            struct bundle files;
            struct report alone, over;
            struct model products_alone = *before;
            make_odd(t, &meshes[k / 2], &files);
            report_init(&alone, t->mem);
            report_init(&over, t->mem);
            /* Also over one that was not put in order by name. */
            memset(&products_alone.by_name, 0, sizeof products_alone.by_name);
            struct model *fresh = model_compile(t->mem, &files, &alone);
            struct model *now = model_compile_over(
                t->mem, t->mem, NULL,
                &(struct model_before){&first, k % 2 ? &products_alone : before}, &files, &over);
            /* Of two that have one id, that which is new may be told of in place of the other. */
            EXPECT_INT(over.errors, alone.errors);
            if (!over.errors)
                EXPECT_STR(told(t, now, &over), arena_c_string(t->mem, told(t, fresh, &alone)));
        }
    }
}

TEST(two_models_differ_in_what_they_do_not_share)
{
    struct task *t = test_task();
    static const struct odd_mesh one = {
        {{"a", "a", "ao", NULL, "x"}, {"b", "b", "bo", "ao", "x"}, {"c", "c", "co", NULL, "x"}}};
    static const struct odd_mesh other = {
        {{"a", "a", "ao", NULL, "x"}, {"b_c", "e", "eo", "ao", "x"}, {"c", "c", "co", NULL, "y"}}};
    struct bundle first, second;
    struct report report;
    make_odd(t, &one, &first);
    make_odd(t, &other, &second);
    report_init(&report, t->mem);
    const struct model *before = model_compile(t->mem, &first, &report);
    const struct model *after = model_compile_over(
        t->mem, t->mem, NULL, &(struct model_before){&first, before}, &second, &report);
    EXPECT_INT(report.errors, 0);
    struct model_pair pair;
    size_t at[2] = {0};
    REQUIRE(model_next_pair(before, after, at, &pair));
    EXPECT_STR(pair.before->name, "b");
    EXPECT(!pair.after);
    REQUIRE(model_next_pair(before, after, at, &pair));
    EXPECT(!pair.before);
    EXPECT_STR(pair.after->name, "b_c");
    REQUIRE(model_next_pair(before, after, at, &pair));
    EXPECT_STR(pair.before->name, "c");
    EXPECT_STR(pair.after->name, "c");
    EXPECT(!model_next_pair(before, after, at, &pair));
}
