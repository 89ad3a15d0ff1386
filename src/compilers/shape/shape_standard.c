#include "shape/shape_inside.h"

/* A document judged by a version of its standard: by its own, and by the one that weft's meaning is made of. */

static const struct shape_version *find_version(const struct shape_standard *standard, str name)
{
    for (const struct shape_version *v = standard->versions; v->name; v++)
        if (str_eq(name, str_of(v->name)))
            return v;
    return NULL;
}

static const struct shape_version *main_version(const struct shape_standard *standard)
{
    const struct shape_version *v = standard->versions;
    while (v->bit != standard->main_version)
        v++;
    return v;
}

static const char *version_words(struct arena *mem, const struct shape_standard *standard)
{
    struct str_list names = {0};
    for (const struct shape_version *v = standard->versions; v->name; v++)
        if (!(v->bit & standard->draft_bits))
            vec_push(mem, &names, str_of(v->name));
    return arena_c_string(mem, str_list_join(mem, &names, STR(" ")));
}

str shape_versions_text(struct arena *mem, const struct shape_standard *standard, unsigned bits)
{
    struct str_list names = {0};
    unsigned all = 0;
    for (const struct shape_version *v = standard->versions; v->name; v++)
        all |= v->bit;
    if (!bits || (bits & all) == all)
        return STR_NONE;
    for (const struct shape_version *v = standard->versions; v->name; v++)
        if (bits & v->bit)
            vec_push(mem, &names, str_of(v->name));
    return str_list_join(mem, &names, STR(", "));
}

/* Errors of the version that does not decide are taken at a lower level, and say whose they are. */
static void take_findings(struct report *to, const struct report *from, const char *judge,
                          enum finding_level level)
{
    for (size_t i = 0; i < from->len; i++) {
        const struct finding *one = &from->at[i];
        bool is_told = judge && one->level == FINDING_ERROR;
        struct finding *f =
            is_told
                ? report_add(to, level, one->code, one->place, "%s does not allow this: " STR_FMT,
                             judge, STR_ARG(one->message))
                : report_add(to, one->level, one->code, one->place, STR_FMT, STR_ARG(one->message));
        f->found = one->found;
        f->allowed = one->allowed;
        f->hint = one->hint;
    }
}

static void judge(struct arena *mem, str file, const struct shape_standard *standard,
                  const struct shape_version *version, const struct tree *document,
                  struct report *out)
{
    report_init(out, mem);
    shape_check_version(mem, file, standard, version->bit, document, out);
}

static void judge_by_both(struct arena *mem, str file, const struct shape_standard *standard,
                          const struct shape_version *own, const struct tree *document,
                          struct report *report)
{
    const struct shape_version *other = main_version(standard);
    struct report by_own, by_main;
    judge(mem, file, standard, own, document, &by_own);
    if (own == other || (own->bit & standard->draft_bits)) {
        take_findings(report, &by_own, NULL, 0);
        return;
    }
    judge(mem, file, standard, other, document, &by_main);
    if (!by_own.errors) {
        take_findings(report, &by_own, NULL, 0);
        struct report differences = by_main;
        differences.len = 0;
        for (size_t i = 0; i < by_main.len; i++)
            if (by_main.at[i].level == FINDING_ERROR)
                differences.at[differences.len++] = by_main.at[i];
        take_findings(report, &differences, other->name, FINDING_NOTE);
    } else if (!by_main.errors) {
        take_findings(report, &by_main, NULL, 0);
        take_findings(report, &by_own, own->name, FINDING_WARNING);
    } else {
        take_findings(report, by_main.errors < by_own.errors ? &by_main : &by_own, NULL, 0);
    }
}

/* A near miss is worth judging; of another version every second finding would mislead. */
static const struct shape_version *near_version(const struct shape_standard *standard, str text)
{
    str with_v = text.len && text.ptr[0] == 'v' ? str_from(text, 1) : text;
    for (const struct shape_version *v = standard->versions; v->name; v++)
        if (str_eq(with_v, str_from(str_of(v->name), 1))
            || str_eq(str_sub(with_v, 0, 3), str_sub(str_of(v->name), 1, 3)))
            return v;
    return NULL;
}

static void unknown_version(struct arena *mem, str file, const struct shape_standard *standard,
                            const struct tree *version, const struct shape_version *near,
                            struct report *report)
{
    const char *words = version_words(mem, standard);
    struct finding *f = shape_error(mem, file, report, version,
                                    "weft does not know this version of %s", standard->name);
    f->found = shape_found(mem, version);
    f->allowed = shape_words_text(mem, words);
    if (near && version->text.len && version->text.ptr[0] != 'v')
        f->hint = arena_format(mem, "write %s, with the v", near->name);
    else
        f->hint = arena_format(mem, "write apiVersion: %s, and check again",
                               main_version(standard)->name);
}

static void v2_version(struct arena *mem, str file, const struct tree *document,
                       struct report *report)
{
    const struct tree *version = tree_find(document, STR("apiVersion"));
    struct finding *f =
        shape_error(mem, file, report, version ? version : document,
                    "this is a contract of ODCS v2, which has another shape than v3");
    f->found = version ? shape_found(mem, version) : STR("dataset, and no schema");
    f->allowed = STR("v3.0.0 to v3.1.0");
    f->hint = STR("weft convert FILE makes a contract of v3.1.0 of it");
}

bool shape_is_odcs_v2(const struct tree *document)
{
    const struct tree *version = tree_find(document, STR("apiVersion"));
    if (version)
        return version->kind == TREE_SCALAR
            && (str_starts(version->text, STR("v2.")) || str_starts(version->text, STR("2.")));
    return tree_get(document, STR("dataset")) && !tree_get(document, STR("schema"));
}

bool shape_is_draft(const struct shape_standard *standard, const struct tree *document)
{
    const struct shape_version *version =
        find_version(standard, tree_find_text(document, STR("apiVersion")));
    return version && (version->bit & standard->draft_bits);
}

bool shape_check_standard(struct arena *mem, str file, const struct shape_standard *standard,
                          const struct tree *document, struct report *report)
{
    const struct tree *version = tree_find(document, STR("apiVersion"));
    const struct shape_version *own = main_version(standard);
    if (document->kind != TREE_MAP) {
        shape_check(mem, file, standard->shape, document, report);
        return false;
    }
    if (standard == &shape_standard_odcs && shape_is_odcs_v2(document)) {
        v2_version(mem, file, document, report);
        return false;
    }
    if (version && tree_is_string(version))
        own = find_version(standard, version->text);
    if (version && !own) {
        own = near_version(standard, version->text);
        unknown_version(mem, file, standard, version, own, report);
        if (!own)
            return false;
    }
    if (own->bit & standard->draft_bits) {
        struct finding *f = report_add(
            report, FINDING_WARNING, ERR_INVALID, tree_place(mem, file, version),
            "%s %s is a draft: it is judged as far as weft knows it, and a mesh does not take it",
            standard->name, own->name);
        f->hint = arena_format(mem, "write apiVersion: %s", main_version(standard)->name);
    }
    judge_by_both(mem, file, standard, own, document, report);
    return true;
}

void shape_check_status(struct arena *mem, str file, struct report *report,
                        const struct tree *status)
{
    static const char *const statuses = "proposed draft active deprecated retired";
    if (!status || status->kind != TREE_SCALAR || tree_is_null(status)
        || shape_has_word(statuses, status->text))
        return;
    struct finding *f = report_add(report, FINDING_WARNING, ERR_INVALID,
                                   tree_place(mem, file, status), "weft does not know this status");
    f->found = shape_found(mem, status);
    f->allowed = shape_words_text(mem, statuses);
    f->hint = shape_nearest(mem, statuses, status->text);
}
