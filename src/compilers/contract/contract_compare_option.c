/* Entries of logicalTypeOptions and slaProperties: which of two promises more. */
#include "contract/contract_change_inside.h"
#include "shape/shape.h"

static const char *const least_options =
    "minLength minimum exclusiveMinimum minItems minProperties";
static const char *const most_options = "maxLength maximum exclusiveMaximum maxItems maxProperties";

/* Dates and times have one order as texts, where both are written in the same way. */
static bool compare_values(str before, str now, int *order_out)
{
    double was, is;
    if (str_to_f64(before, &was) && str_to_f64(now, &is)) {
        *order_out = (is > was) - (is < was);
        return true;
    }
    if (before.len != now.len || !before.len || before.ptr[0] < '0' || before.ptr[0] > '9')
        return false;
    *order_out = str_compare(now, before);
    return true;
}

static bool is_multiple(str now, str before)
{
    int64_t is, was;
    return str_to_i64(now, &is) && str_to_i64(before, &was) && was != 0 && is % was == 0;
}

static bool is_true(const struct tree *node)
{
    bool flag = false;
    return tree_is_bool(node, &flag) && flag;
}

static enum contract_change_kind option_kind(str name, const struct tree *was,
                                             const struct tree *is)
{
    int order;
    bool is_least = shape_has_word(least_options, name);
    if (str_eq(name, STR("uniqueItems")))
        return is_true(is) ? CHANGE_OPTION_TIGHTENED : CHANGE_OPTION_LOOSENED;
    if (!was || !is)
        return was ? CHANGE_OPTION_LOOSENED : CHANGE_OPTION_TIGHTENED;
    if ((is_least || shape_has_word(most_options, name)) && was->kind == TREE_SCALAR
        && is->kind == TREE_SCALAR && compare_values(was->text, is->text, &order))
        return (order > 0) == is_least ? CHANGE_OPTION_TIGHTENED : CHANGE_OPTION_LOOSENED;
    if (str_eq(name, STR("multipleOf")))
        return is_multiple(is->text, was->text) ? CHANGE_OPTION_TIGHTENED
             : is_multiple(was->text, is->text) ? CHANGE_OPTION_LOOSENED
                                                : CHANGE_OPTION_CHANGED;
    return CHANGE_OPTION_CHANGED;
}

static void compare_option(struct contract_comparison *c, str name, const struct tree *was,
                           const struct tree *is)
{
    if ((was && is && tree_equal(was, is)) || (!was && !is))
        return;
    /* What the type is made of was compared as the type. */
    if (shape_has_word("timezone defaultTimezone", name))
        return;
    if (str_eq(name, STR("uniqueItems")) && is_true(was) == is_true(is))
        return; /* false says what nothing says */
    str before = contract_shown(c->mem, was), now = contract_shown(c->mem, is);
    contract_add_change(
        c, option_kind(name, was, is),
        was ? arena_format(c->mem, STR_FMT " " STR_FMT, STR_ARG(name), STR_ARG(before)) : STR_NONE,
        is ? arena_format(c->mem, STR_FMT " " STR_FMT, STR_ARG(name), STR_ARG(now)) : STR_NONE);
}

void contract_compare_options(struct contract_comparison *c, const struct tree *before,
                              const struct tree *now)
{
    for (size_t i = 0; before && before->kind == TREE_MAP && i < before->len; i++)
        if (!tree_is_null(before->at[i]))
            compare_option(c, before->at[i]->key, before->at[i],
                           tree_find(now, before->at[i]->key));
    for (size_t i = 0; now && now->kind == TREE_MAP && i < now->len; i++)
        if (!tree_is_null(now->at[i]) && !tree_find(before, now->at[i]->key))
            compare_option(c, now->at[i]->key, NULL, now->at[i]);
}

/* ---- promises */

static const char *const lower_is_more = "latency ly freshness frequency fy timeToDetect td "
                                         "timeToNotify tn timeToRepair tr errorRate er";
static const char *const higher_is_more =
    "availability av throughput th retention re completeness accuracy endOfSupport es endOfLife el";

static int64_t unit_seconds(str unit)
{
    static const struct {
        const char *names;
        int64_t seconds;
    } units[] = {
        {"s second seconds", 1},       {"m min minute minutes", 60}, {"h hour hours", 3600},
        {"d day days", 86400},         {"w week weeks", 604800},     {"mo month months", 2592000},
        {"y yr year years", 31536000},
    };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (shape_has_word(units[i].names, unit))
            return units[i].seconds;
    return 0;
}

static bool compare_promise_values(const struct tree *was, const struct tree *is, int *order_out)
{
    str unit_was = tree_find_text(was, STR("unit")), unit_is = tree_find_text(is, STR("unit"));
    str before = tree_find_text(was, STR("value")), now = tree_find_text(is, STR("value"));
    double number_was, number_is;
    if (str_eq(unit_was, unit_is))
        return compare_values(before, now, order_out);
    int64_t seconds_was = unit_seconds(unit_was), seconds_is = unit_seconds(unit_is);
    if (!seconds_was || !seconds_is || !str_to_f64(before, &number_was)
        || !str_to_f64(now, &number_is))
        return false;
    number_was *= (double)seconds_was;
    number_is *= (double)seconds_is;
    *order_out = (number_is > number_was) - (number_is < number_was);
    return true;
}

static str promise_text(struct arena *mem, const struct tree *promise)
{
    str unit = tree_find_text(promise, STR("unit"));
    return arena_format(mem, STR_FMT " " STR_FMT "%s" STR_FMT,
                        STR_ARG(tree_find_text(promise, STR("property"))),
                        STR_ARG(contract_shown(mem, tree_find(promise, STR("value")))),
                        unit.len ? " " : "", STR_ARG(unit));
}

/* The same property of the same elements. */
static const struct tree *find_promise(const struct tree *list, const struct tree *like)
{
    for (size_t i = 0; list && list->kind == TREE_LIST && i < list->len; i++)
        if (str_eq(tree_find_text(list->at[i], STR("property")),
                   tree_find_text(like, STR("property")))
            && str_eq(tree_find_text(list->at[i], STR("element")),
                      tree_find_text(like, STR("element"))))
            return list->at[i];
    return NULL;
}

static enum contract_change_kind promise_kind(const struct tree *was, const struct tree *is)
{
    str property = tree_find_text(is, STR("property"));
    bool is_lower_more = shape_has_word(lower_is_more, property);
    int order;
    if (contract_equal_without(was, is, "description id driver scheduler schedule"))
        return CHANGE_DESCRIPTION_CHANGED;
    if ((!is_lower_more && !shape_has_word(higher_is_more, property))
        || !contract_equal_without(was, is, "value unit description id driver scheduler schedule")
        || !compare_promise_values(was, is, &order))
        return CHANGE_PROMISE_CHANGED;
    if (order == 0)
        return CHANGE_DESCRIPTION_CHANGED; /* 24 h and 1 d */
    return (order < 0) == is_lower_more ? CHANGE_PROMISE_RAISED : CHANGE_PROMISE_LOWERED;
}

void contract_compare_promises(struct contract_comparison *c, const struct tree *before,
                               const struct tree *now)
{
    struct place whole = c->place;
    for (size_t i = 0; before && before->kind == TREE_LIST && i < before->len; i++) {
        const struct tree *was = before->at[i], *is = find_promise(now, was);
        if (!is) {
            c->place = now ? tree_place(c->mem, c->file, now) : whole;
            contract_add_change(c, CHANGE_PROMISE_LOWERED, promise_text(c->mem, was), STR_NONE);
        } else if (!tree_equal(was, is)) {
            c->place = tree_place(c->mem, c->file, is);
            contract_add_change(c, promise_kind(was, is), promise_text(c->mem, was),
                                promise_text(c->mem, is));
        }
        c->place = whole;
    }
    for (size_t i = 0; now && now->kind == TREE_LIST && i < now->len; i++) {
        if (find_promise(before, now->at[i]))
            continue;
        c->place = tree_place(c->mem, c->file, now->at[i]);
        contract_add_change(c, CHANGE_PROMISE_RAISED, STR_NONE, promise_text(c->mem, now->at[i]));
    }
    c->place = whole;
}
