#include "model/model_case.h"
#include "model/model_inside.h"

#include "shape/shape.h"

static const struct {
    const char *kind;
    const struct shape_standard *standard;
    const struct shape *shape; /* neither: it has a reader of its own */
    const char *ending;        /* of files without a kind */
} kinds[] = {
    {"DataContract", &shape_standard_odcs, NULL, ".odcs.yaml"},
    {"DataProduct", &shape_standard_odps, NULL, ".odps.yaml"},
    {"Mesh", NULL, &shape_mesh, "mesh.yaml"},
    {"Domain", NULL, &shape_domain, "domain.yaml"},
    {"Policy", NULL, NULL, ".policy.yaml"},
    {"PolicyTest", NULL, NULL, ".policytest.yaml"},
    {"ProductTest", NULL, NULL, NULL},
};

enum { KIND_COUNT = sizeof kinds / sizeof *kinds };

static void check_kind(struct arena *mem, str file, const struct tree *document, size_t kind,
                       struct report *report)
{
    if (kinds[kind].standard)
        (void)shape_check_standard(mem, file, kinds[kind].standard, document, report);
    else if (kinds[kind].shape)
        shape_check(mem, file, kinds[kind].shape, document, report);
    else if (str_eq(str_of(kinds[kind].kind), STR("PolicyTest")))
        policy_cases_read(mem, file, STR_NONE, document, report, &(struct policy_cases){0});
    else if (str_eq(str_of(kinds[kind].kind), STR("ProductTest")))
        model_cases_read(mem, file, NULL, document, report, &(struct model_cases){0});
    else
        (void)policy_read(mem, file, STR_NONE, document, report);
}

void model_check_document(struct arena *mem, str file, const struct tree *document,
                          struct report *report)
{
    if (!document || document->kind != TREE_MAP) {
        struct place place = {.file = file};
        struct finding *f =
            document && document->kind != TREE_NULL
                ? shape_error(mem, file, report, document, "this is no document of a mesh")
                : report_add(report, FINDING_ERROR, ERR_INVALID, place, "the document is empty");
        f->found = document && document->kind != TREE_NULL ? shape_found(mem, document) : STR_NONE;
        f->allowed = STR("a map with apiVersion and kind");
        return;
    }
    const struct tree *kind = tree_find(document, STR("kind"));
    for (size_t i = 0; kind && i < KIND_COUNT; i++)
        if (str_eq(kind->text, str_of(kinds[i].kind))) {
            check_kind(mem, file, document, i, report);
            return;
        }
    bool is_old = !kind && tree_get(document, STR("dataset"));
    for (size_t i = 0; i < KIND_COUNT; i++)
        if ((kinds[i].ending && str_ends(file, str_of(kinds[i].ending)))
            || (is_old && kinds[i].standard == &shape_standard_odcs)) {
            check_kind(mem, file, document, i, report);
            return;
        }
    static const char *const words =
        "DataContract DataProduct Mesh Domain Policy PolicyTest ProductTest";
    struct finding *f = kind ? shape_error(mem, file, report, kind, "weft does not know this kind")
                             : shape_error(mem, file, report, document, "kind is missing");
    f->found = kind ? shape_found(mem, kind) : STR_NONE;
    f->allowed = shape_words_text(mem, words);
    f->hint = kind && kind->kind == TREE_SCALAR ? shape_nearest(mem, words, kind->text) : STR_NONE;
}
