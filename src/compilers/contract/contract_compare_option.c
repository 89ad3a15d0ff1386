/* Entries of logicalTypeOptions: which of two allows more. */
#include "contract/contract_change_inside.h"
#include "contract/contract_number.h"
#include "contract/contract_time.h"
#include "shape/shape.h"

static const char *const counts =
    "minLength maxLength minItems maxItems minProperties maxProperties";
static const char *const bounds = "minimum exclusiveMinimum maximum exclusiveMaximum";
static const char *const least_options =
    "minLength minimum exclusiveMinimum minItems minProperties";

/* The options of one property, before and now. */
struct option_pair {
    struct arena *mem;
    const struct tree *before, *now;
    str logical;  /* its logicalType; empty where that becomes another one */
    bool is_text; /* its values are or may be kept as text, which its options say how to read */
};

static const struct tree *find_entry(const struct tree *options, str name)
{
    const struct tree *entry = tree_find(options, name);
    return entry && !tree_is_null(entry) ? entry : NULL;
}

static bool is_of_time(const struct option_pair *pair)
{
    return shape_has_word("date timestamp time", pair->logical);
}

static bool has_bounds(const struct tree *options)
{
    for (size_t i = 0; options && options->kind == TREE_MAP && i < options->len; i++)
        if (shape_has_word(bounds, options->at[i]->key))
            return true;
    return false;
}

static bool has_same_format(const struct option_pair *pair)
{
    return str_eq(tree_find_text(pair->before, STR("format")),
                  tree_find_text(pair->now, STR("format")));
}

/* Where nothing says another one it is UTC. */
static str zone_of(const struct tree *options)
{
    str zone = tree_find_text(options, STR("defaultTimezone"));
    return str_eq(zone, STR("Etc/UTC")) || str_eq(zone, STR("UTC")) ? STR_NONE : zone;
}

/* As the check of the rows reads it. */
static bool read_moment(struct arena *mem, const struct tree *options, str text,
                        struct contract_moment *out)
{
    struct contract_time_pattern pattern;
    str problem, format = tree_find_text(options, STR("format"));
    return (format.len && contract_time_pattern(mem, format, &pattern, &problem)
            && contract_time_read(&pattern, text, out))
        || contract_time_iso(text, out);
}

static bool compare_moments(const struct option_pair *pair, str before, str now, int *order_out)
{
    /* Where clocks are put forward a later text can be an earlier moment; offsets of one zone lie closer together than this. */
    const int64_t sure_us = 2 * 86400 * INT64_C(1000000);
    struct contract_moment was, is;
    if (!read_moment(pair->mem, pair->before, before, &was)
        || !read_moment(pair->mem, pair->now, now, &is)
        || !contract_time_order(&is, &was, order_out))
        return false;
    str zone_was = zone_of(pair->before), zone_is = zone_of(pair->now);
    int64_t later_us = is.us - was.us;
    bool is_local = !was.has_offset && zone_was.len && later_us != 0;
    return (!was.has_offset || str_eq(pair->logical, STR("timestamp")))
        && (was.has_offset || str_eq(zone_was, zone_is))
        && (!is_local || later_us >= sure_us || later_us <= -sure_us);
}

/* Is `now` more or less than `before`? False where that is not sure. */
static bool compare_bounds(const struct option_pair *pair, str name, const struct tree *was,
                           const struct tree *is, int *order_out)
{
    if (was->kind != TREE_SCALAR || is->kind != TREE_SCALAR)
        return false;
    if (shape_has_word(counts, name))
        return contract_number_order(was->text, is->text, order_out);
    if (!shape_has_word(bounds, name))
        return false;
    return shape_has_word("integer number", pair->logical)
             ? contract_number_order(was->text, is->text, order_out)
             : is_of_time(pair) && compare_moments(pair, was->text, is->text, order_out);
}

static bool is_multiple(str now, str before)
{
    int64_t is, was;
    return str_to_i64(now, &is) && str_to_i64(before, &was) && is > 0 && was > 0 && is % was == 0;
}

static bool is_true(const struct tree *node)
{
    bool flag = false;
    return tree_is_bool(node, &flag) && flag;
}

static enum contract_change_kind option_kind(const struct option_pair *pair, str name,
                                             const struct tree *was, const struct tree *is)
{
    int order;
    bool is_least = shape_has_word(least_options, name);
    if (str_eq(name, STR("uniqueItems")))
        return is_true(is) ? CHANGE_OPTION_TIGHTENED : CHANGE_OPTION_LOOSENED;
    if (shape_has_word("timezone defaultTimezone", name))
        return CHANGE_OPTION_CHANGED;
    /* Texts that were read in another way may lie within the bounds now. */
    if (str_eq(name, STR("format")) && pair->is_text && is_of_time(pair)
        && has_bounds(pair->before))
        return CHANGE_OPTION_CHANGED;
    if (!was || !is)
        return was ? CHANGE_OPTION_LOOSENED : CHANGE_OPTION_TIGHTENED;
    if (compare_bounds(pair, name, was, is, &order))
        return order == 0              ? CHANGE_DESCRIPTION_CHANGED /* 5 and 5.0 */
             : (order > 0) == is_least ? CHANGE_OPTION_TIGHTENED
                                       : CHANGE_OPTION_LOOSENED;
    if (str_eq(name, STR("multipleOf")))
        return is_multiple(is->text, was->text) ? CHANGE_OPTION_TIGHTENED
             : is_multiple(was->text, is->text) ? CHANGE_OPTION_LOOSENED
                                                : CHANGE_OPTION_CHANGED;
    return CHANGE_OPTION_CHANGED;
}

/* The same text, which means the same. */
static bool is_same_entry(const struct option_pair *pair, str name, const struct tree *was,
                          const struct tree *is)
{
    int order;
    if (!was || !is || !tree_equal(was, is))
        return !was && !is;
    return !is_of_time(pair) || !shape_has_word(bounds, name) || has_same_format(pair)
        || (compare_bounds(pair, name, was, is, &order) && order == 0);
}

static void compare_option(struct contract_comparison *c, const struct option_pair *pair, str name)
{
    const struct tree *was = find_entry(pair->before, name), *is = find_entry(pair->now, name);
    if (is_same_entry(pair, name, was, is))
        return;
    if (str_eq(name, STR("timezone")) && (!pair->is_text || is_true(was) == is_true(is)))
        return; /* what the type is made of was compared as the type */
    if (str_eq(name, STR("uniqueItems")) && is_true(was) == is_true(is))
        return; /* false says what nothing says */
    if (str_eq(name, STR("defaultTimezone")) && str_eq(zone_of(pair->before), zone_of(pair->now)))
        return;
    str before = contract_shown(c->mem, was), now = contract_shown(c->mem, is);
    contract_add_change(
        c, option_kind(pair, name, was, is),
        was ? arena_format(c->mem, STR_FMT " " STR_FMT, STR_ARG(name), STR_ARG(before)) : STR_NONE,
        is ? arena_format(c->mem, STR_FMT " " STR_FMT, STR_ARG(name), STR_ARG(now)) : STR_NONE);
}

void contract_compare_options(struct contract_comparison *c, const struct tree *before,
                              const struct tree *now, str type)
{
    str logical_was = tree_find_text(before, STR("logicalType"));
    str logical_is = tree_find_text(now, STR("logicalType"));
    bool are_numbers = shape_has_word("integer number", logical_was)
                    && shape_has_word("integer number", logical_is);
    struct option_pair pair = {
        .mem = c->mem,
        .before = contract_options(c->mem, before),
        .now = contract_options(c->mem, now),
        .logical = str_eq(logical_was, logical_is) || are_numbers ? logical_is : STR_NONE,
        .is_text = !type.len || contract_is_kept_as_text(type),
    };
    const struct tree *was = pair.before, *is = pair.now;
    for (size_t i = 0; was && was->kind == TREE_MAP && i < was->len; i++)
        compare_option(c, &pair, was->at[i]->key);
    for (size_t i = 0; is && is->kind == TREE_MAP && i < is->len; i++)
        if (!tree_find(was, is->at[i]->key))
            compare_option(c, &pair, is->at[i]->key);
}
