/* customProperties.declassify of a column: which labels it sheds, by what proof. */
#include "contract/contract_custom.h"
#include "contract/contract_inside.h"
#include "shape/shape.h"

enum { SUBJECTS_LEAST = 2 };

static bool read_method(str word, enum declassify_method *out)
{
    static const struct {
        const char *word;
        enum declassify_method method;
    } methods[] = {{"aggregate", DECLASSIFY_AGGREGATE},
                   {"keyed-hash", DECLASSIFY_KEYED_HASH},
                   {"constant", DECLASSIFY_CONSTANT}};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (str_eq(word, str_of(methods[i].word))) {
            *out = methods[i].method;
            return true;
        }
    return false;
}

const char *contract_declassify_name(enum declassify_method method)
{
    static const char *const names[] = {"", "aggregate", "keyed-hash", "constant"};
    return names[method];
}

static bool is_known_key(str key)
{
    static const char *const keys[] = {"method", "subject", "k", "who", "why", NULL};
    for (const char *const *at = keys; *at; at++)
        if (str_eq(key, str_of(*at)))
            return true;
    return false;
}

static void demand_text(struct arena *mem, str file, const struct tree *value, const char *key,
                        str *out, struct report *report)
{
    *out = tree_find_text(value, str_of(key));
    if (out->len)
        return;
    struct finding *f = shape_error(mem, file, report, value, "a declassification says %s", key);
    f->hint =
        STR("declassify: {method: aggregate, subject: COLUMN, k: 10, who: NAME, why: REASON}");
}

void contract_read_declassify(struct arena *mem, str file, const struct tree *custom,
                              struct contract_column *column, struct report *report)
{
    const struct tree *value = contract_custom(custom, STR("declassify"));
    struct contract_declassify *d = &column->declassify;
    int64_t k = 0;

    if (!value)
        return;
    d->place = tree_place(mem, file, value);
    for (size_t i = 0; value->kind == TREE_MAP && i < value->len; i++)
        if (!is_known_key(value->at[i]->key)) {
            struct finding *f = shape_error(mem, file, report, value->at[i], "unknown key " STR_FMT,
                                            STR_ARG(value->at[i]->key));
            f->allowed = STR("method, subject, k, who, why");
        }
    if (!read_method(tree_find_text(value, STR("method")), &d->method)) {
        struct finding *f =
            shape_error(mem, file, report, value, "a declassification has a method");
        f->found = tree_find_text(value, STR("method"));
        f->allowed = STR("aggregate, keyed-hash, constant");
        return;
    }
    demand_text(mem, file, value, "who", &d->who, report);
    demand_text(mem, file, value, "why", &d->why, report);
    if (d->method != DECLASSIFY_AGGREGATE)
        return;
    demand_text(mem, file, value, "subject", &d->subject, report);
    if (!tree_find(value, STR("k")) || !tree_is_int(tree_find(value, STR("k")), &k)
        || k < SUBJECTS_LEAST) {
        struct finding *f =
            shape_error(mem, file, report, value, "k is how many subjects a group has at least");
        f->allowed = STR("an integer from 2");
        return;
    }
    d->k = (uint64_t)k;
}
