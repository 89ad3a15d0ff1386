/* Rules of two contracts: which are the same, and which of the two asks more. */
#include "contract/contract_change_inside.h"
#include "contract/contract_number.h"

/* What a rule lets through: the numbers of an interval, or all but those. */
struct allowed {
    struct contract_number low, high;
    bool has_low, has_high; /* the ends belong to it */
    bool is_complement;
};

static bool read_allowed(const struct contract_rule *rule, struct allowed *out)
{
    struct contract_number low, high;
    if (rule->operand_is_text || !contract_number_read(rule->low, &low))
        return false;
    *out = (struct allowed){.low = {.infinite = -1}, .high = {.infinite = 1}};
    switch (rule->operator) {
    case RULE_IS:
    case RULE_IS_NOT:
        *out = (struct allowed){low, low, true, true, rule->operator== RULE_IS_NOT };
        return true;
    case RULE_GREATER:
    case RULE_GREATER_OR_EQUAL:
        out->low = low;
        out->has_low = rule->operator== RULE_GREATER_OR_EQUAL;
        return true;
    case RULE_LESS:
    case RULE_LESS_OR_EQUAL:
        out->high = low;
        out->has_high = rule->operator== RULE_LESS_OR_EQUAL;
        return true;
    case RULE_BETWEEN:
    case RULE_NOT_BETWEEN:
        if (!contract_number_read(rule->high, &high))
            return false;
        *out = (struct allowed){low, high, false, false, rule->operator== RULE_NOT_BETWEEN };
        return true;
    }
    return false;
}

static bool lies_in(const struct allowed *a, const struct allowed *b)
{
    int low = contract_number_compare(&a->low, &b->low);
    int high = contract_number_compare(&a->high, &b->high);
    return (low > 0 || (low == 0 && (b->has_low || !a->has_low)))
        && (high < 0 || (high == 0 && (b->has_high || !a->has_high)));
}

static bool ends_before(const struct allowed *a, const struct allowed *b)
{
    int order = contract_number_compare(&a->high, &b->low);
    return order < 0 || (order == 0 && !(a->has_high && b->has_low));
}

static bool lies_apart(const struct allowed *a, const struct allowed *b)
{
    return ends_before(a, b) || ends_before(b, a);
}

/* Is all that `a` lets through let through by `b`? */
static bool is_within(const struct allowed *a, const struct allowed *b)
{
    if (a->is_complement)
        return b->is_complement && lies_in(b, a);
    return b->is_complement ? lies_apart(a, b) : lies_in(a, b);
}

enum stricter { STRICTER_SAME, STRICTER_NOW, STRICTER_BEFORE, STRICTER_UNKNOWN };

static enum stricter both(enum stricter a, enum stricter b)
{
    return a == STRICTER_SAME || a == b ? b : b == STRICTER_SAME ? a : STRICTER_UNKNOWN;
}

static enum stricter compare_operands(const struct contract_rule *before,
                                      const struct contract_rule *now)
{
    struct allowed was, is;
    if (before->operator== now->operator&& str_eq(before->low, now->low)
        && str_eq(before->high, now->high))
        return STRICTER_SAME;
    if (!read_allowed(before, &was) || !read_allowed(now, &is))
        return STRICTER_UNKNOWN;
    bool is_tighter = is_within(&is, &was), is_looser = is_within(&was, &is);
    return is_tighter && is_looser ? STRICTER_SAME
         : is_tighter              ? STRICTER_NOW
         : is_looser               ? STRICTER_BEFORE
                                   : STRICTER_UNKNOWN;
}

static bool has_value(const struct contract_rule *rule, const struct tree *value)
{
    for (size_t i = 0; i < rule->values.len; i++)
        if (tree_equal(rule->values.at[i], value))
            return true;
    return false;
}

static bool has_all(const struct contract_rule *rule, const struct contract_rule *of)
{
    for (size_t i = 0; i < of->values.len; i++)
        if (!has_value(rule, of->values.at[i]))
            return false;
    return true;
}

/* Fewer valid values, or more that count as missing, ask more: where the rule is one that keeps their number low. */
static enum stricter compare_values(const struct contract_rule *before,
                                    const struct contract_rule *now)
{
    bool now_has_all = has_all(now, before), before_has_all = has_all(before, now);
    const struct contract_number zero = {0};
    struct allowed allowed;
    if (before->has_values != now->has_values)
        return STRICTER_UNKNOWN;
    if (now_has_all && before_has_all)
        return STRICTER_SAME;
    bool keeps_low = read_allowed(now, &allowed) && !allowed.is_complement
                  && (allowed.low.infinite
                      || (contract_number_compare(&allowed.low, &zero) <= 0 && allowed.has_low));
    if (!keeps_low || now_has_all == before_has_all)
        return STRICTER_UNKNOWN;
    return now_has_all == (now->kind == RULE_MISSING_VALUES) ? STRICTER_NOW : STRICTER_BEFORE;
}

static bool rejects(const struct contract_rule *rule)
{
    return rule->effect != RULE_WARNS && rule->kind != RULE_TEXT && rule->kind != RULE_CUSTOM;
}

static bool same_arguments(const struct contract_rule *before, const struct contract_rule *now)
{
    const struct tree *was = tree_find(before->source, STR("arguments"));
    const struct tree *is = tree_find(now->source, STR("arguments"));
    return (!was && !is) || contract_equal_without(was, is, "validValues missingValues");
}

/* As the column is called now. */
static str name_now(str column, const struct contract_renamed *renamed)
{
    for (size_t i = 0; i < renamed->before.len; i++)
        if (str_eq_nocase(renamed->before.at[i], column))
            return renamed->now.at[i];
    return column;
}

static bool same_columns(const struct contract_rule *before, const struct contract_rule *now,
                         const struct contract_renamed *renamed)
{
    if (before->columns.len != now->columns.len)
        return false;
    for (size_t i = 0; i < before->columns.len; i++)
        if (!str_eq_nocase(name_now(before->columns.at[i], renamed), now->columns.at[i]))
            return false;
    return true;
}

static enum stricter compare_rule(const struct contract_rule *before,
                                  const struct contract_rule *now,
                                  const struct contract_renamed *renamed)
{
    if (before->kind != now->kind || !same_columns(before, now, renamed)
        || before->is_percent != now->is_percent || before->operand_is_text != now->operand_is_text
        || !str_eq(before->query, now->query) || !str_eq(before->pattern, now->pattern)
        || !str_eq(before->relation.text, now->relation.text) || !same_arguments(before, now))
        return STRICTER_UNKNOWN;
    return both(compare_operands(before, now), compare_values(before, now));
}

struct rule_matching {
    const struct contract_table *before, *now;
    const struct contract_renamed *renamed;
    bool *taken;
};

enum rule_match { MATCH_ID, MATCH_TEXT, MATCH_METRIC, MATCH_WAYS };

static bool rules_match(const struct rule_matching *m, const struct contract_rule *was,
                        const struct contract_rule *is, enum rule_match way)
{
    str id_was = tree_find_text(was->source, STR("id"));
    str id_is = tree_find_text(is->source, STR("id"));
    if (way == MATCH_ID)
        return id_was.len && str_eq(id_was, id_is);
    if (id_was.len && id_is.len && !str_eq(id_was, id_is))
        return false;
    return was->kind == is->kind && same_columns(was, is, m->renamed)
        && (way == MATCH_METRIC ? was->kind != RULE_SQL || str_eq(was->query, is->query)
                                : tree_equal(was->source, is->source));
}

static const struct contract_rule *find_rule(struct rule_matching *m,
                                             const struct contract_rule *was, enum rule_match way)
{
    for (size_t i = 0; i < m->now->rules.len; i++) {
        const struct contract_rule *is = &m->now->rules.at[i];
        if (!is->source || m->taken[i] || !rules_match(m, was, is, way))
            continue;
        m->taken[i] = true;
        return is;
    }
    return NULL;
}

static void tell_rule(struct contract_comparison *c, const struct contract_renamed *renamed,
                      const struct contract_rule *was, const struct contract_rule *is)
{
    str before = was ? contract_rule_text(c->mem, was) : STR_NONE;
    str now = is ? contract_rule_text(c->mem, is) : STR_NONE;
    bool did = was && rejects(was), does = is && rejects(is);
    const struct contract_rule *either = is ? is : was;
    enum contract_change_kind kind = CHANGE_RULE_REMARKED;
    enum stricter stricter = was && is ? compare_rule(was, is, renamed) : STRICTER_UNKNOWN;

    c->column = either->columns.len == 1
                  ? was && was->columns.len == 1 ? was->columns.at[0] : either->columns.at[0]
                  : STR_NONE;
    c->place = is ? is->place : c->place;
    if (did && does && stricter == STRICTER_SAME && tree_equal(was->source, is->source))
        return;
    if (!did && !does && was && is && tree_equal(was->source, is->source))
        return;
    if (did && does)
        kind = stricter == STRICTER_SAME   ? CHANGE_RULE_REMARKED
             : stricter == STRICTER_NOW    ? CHANGE_RULE_TIGHTENED
             : stricter == STRICTER_BEFORE ? CHANGE_RULE_LOOSENED
                                           : CHANGE_RULE_CHANGED;
    else if (did)
        kind = is ? CHANGE_RULE_LOOSENED : CHANGE_RULE_REMOVED;
    else if (does)
        kind = was ? CHANGE_RULE_TIGHTENED : CHANGE_RULE_ADDED;
    if (str_eq(before, now) && did && !does && is)
        now = arena_format(c->mem, "only a warning: " STR_FMT, STR_ARG(now));
    /* It differs in what its text does not say: values, patterns, queries. */
    contract_add_change(c, kind, str_eq(before, now) ? STR_NONE : before, now);
}

void contract_compare_rules(struct contract_comparison *c, const struct contract_table *before,
                            const struct contract_table *now,
                            const struct contract_renamed *renamed)
{
    struct rule_matching m = {.before = before,
                              .now = now,
                              .renamed = renamed,
                              .taken = ARENA_ARRAY(c->mem, bool, now->rules.len + 1)};
    const struct contract_rule **found =
        ARENA_ARRAY(c->mem, const struct contract_rule *, before->rules.len + 1);
    for (int way = 0; way < MATCH_WAYS; way++)
        for (size_t i = 0; i < before->rules.len; i++)
            if (before->rules.at[i].source && !found[i])
                found[i] = find_rule(&m, &before->rules.at[i], (enum rule_match)way);
    for (size_t i = 0; i < before->rules.len; i++) {
        c->place = now->place;
        if (before->rules.at[i].source)
            tell_rule(c, renamed, &before->rules.at[i], found[i]);
    }
    for (size_t i = 0; i < now->rules.len; i++)
        if (now->rules.at[i].source && !m.taken[i])
            tell_rule(c, renamed, NULL, &now->rules.at[i]);
    c->column = STR_NONE;
    c->place = now->place;
}
