/* Entries of slaProperties: which of two promises more. */
#include "contract/contract_change_inside.h"
#include "contract/contract_number.h"
#include "contract/contract_time.h"
#include "shape/shape.h"

static const char *const lower_is_more = "latency ly freshness frequency fy timeToDetect td "
                                         "timeToNotify tn timeToRepair tr errorRate er";
static const char *const higher_is_more =
    "availability av throughput th retention re completeness accuracy endOfSupport es endOfLife el";
static const char *const durations = "latency ly freshness frequency fy timeToDetect td "
                                     "timeToNotify tn timeToRepair tr retention re";
static const char *const ends = "endOfSupport es endOfLife el";

enum { WHOLE_DIGITS_MAX = 12, PART_DIGITS_MAX = 6 };

__extension__ typedef __int128 wide;

/* Months and years are not all of one length. */
static const struct duration_unit {
    const char *names;
    int64_t least_seconds, most_seconds, months;
} units[] = {
    {"s second seconds", 1, 1, 0},
    {"m min minute minutes", 60, 60, 0},
    {"h hour hours", 3600, 3600, 0},
    {"d day days", 86400, 86400, 0},
    {"w week weeks", 604800, 604800, 0},
    {"mo month months", 28 * 86400, 31 * 86400, 1},
    {"y yr year years", 365 * 86400, 366 * 86400, 12},
};

static const struct duration_unit *find_unit(str name)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (shape_has_word(units[i].names, name))
            return &units[i];
    return NULL;
}

/* In millionths; false where it is none, or has more digits than fit. */
static bool read_millionths(str text, wide *out)
{
    str whole, part;
    int64_t number;
    (void)str_cut(text, '.', &whole, &part);
    if (!whole.len || str_digits_at(whole, 0) != whole.len || whole.len > WHOLE_DIGITS_MAX
        || str_digits_at(part, 0) != part.len || part.len > PART_DIGITS_MAX
        || !str_to_i64(whole, &number))
        return false;
    *out = number;
    for (size_t i = 0; i < PART_DIGITS_MAX; i++)
        *out = *out * 10 + (i < part.len ? part.ptr[i] - '0' : 0);
    return true;
}

/* Spans of time in different units. */
static bool compare_durations(str before, const struct duration_unit *unit_was, str now,
                              const struct duration_unit *unit_is, int *order_out)
{
    wide was, is;
    if (!unit_was || !unit_is || !read_millionths(before, &was) || !read_millionths(now, &is))
        return false;
    bool by_months = unit_was->months && unit_is->months;
    wide was_least = was * (by_months ? unit_was->months : unit_was->least_seconds);
    wide was_most = was * (by_months ? unit_was->months : unit_was->most_seconds);
    wide is_least = is * (by_months ? unit_is->months : unit_is->least_seconds);
    wide is_most = is * (by_months ? unit_is->months : unit_is->most_seconds);
    *order_out = (is_least > was_most) - (is_most < was_least);
    return *order_out != 0 || (was_least == was_most && is_least == is_most);
}

/* Both with an offset, or both without: then it is the same one that is meant. */
static bool compare_ends(str before, str now, int *order_out)
{
    struct contract_moment was, is;
    return contract_time_iso(before, &was) && contract_time_iso(now, &is) && was.has_date
        && was.has_time == is.has_time && contract_time_order(&is, &was, order_out);
}

/* `99.9%` */
static str take_percent(str text)
{
    return str_ends(text, STR("%")) ? str_trim(str_sub(text, 0, text.len - 1)) : text;
}

static bool compare_promise_values(str property, const struct tree *was, const struct tree *is,
                                   int *order_out)
{
    str unit_was = tree_find_text(was, STR("unit")), unit_is = tree_find_text(is, STR("unit"));
    str before = tree_find_text(was, STR("value")), now = tree_find_text(is, STR("value"));
    if (!str_eq(unit_was, unit_is))
        return shape_has_word(durations, property)
            && compare_durations(before, find_unit(unit_was), now, find_unit(unit_is), order_out);
    if (shape_has_word(ends, property))
        return compare_ends(before, now, order_out);
    return str_ends(before, STR("%")) == str_ends(now, STR("%"))
        && contract_number_order(take_percent(before), take_percent(now), order_out);
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
        || !compare_promise_values(property, was, is, &order))
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
