/* Which rows of the table a rule fails on. */
#include "check/check_inside.h"

#include "limits/limits.h"

struct row_test {
    struct arena *mem;
    const struct contract_rule *rule;
    const struct job_columns *columns;
    struct check_predicate *out;
    struct str_list names; /* columns of a rule over several */
};

static bool fail(struct row_test *q, str problem)
{
    q->out->problem = problem;
    return false;
}

/* Of equal rows all but one: which one, nobody can say, since rows of a table have no order. */
static void over_keys(struct row_test *q, const struct str_list *values)
{
    str list = str_list_join(q->mem, values, STR(", "));
    struct buf *there = buf_new(q->mem, SQL_BYTES_MAX * 2),
               *gone = buf_new(q->mem, SQL_BYTES_MAX * 2);
    for (size_t i = 0; i < values->len; i++) {
        buf_format(there, STR_FMT " IS NOT NULL AND ", STR_ARG(values->at[i]));
        buf_format(gone, STR_FMT " IS NULL OR ", STR_ARG(values->at[i]));
    }
    str excess =
        arena_format(q->mem, "row_number() OVER (PARTITION BY " STR_FMT ") > 1", STR_ARG(list));
    q->out->is_window = true;
    q->out->test =
        q->rule->kind == RULE_PRIMARY_KEY
            ? arena_format(q->mem, STR_FMT STR_FMT, STR_ARG(buf_str(gone)), STR_ARG(excess))
            : arena_format(q->mem, STR_FMT STR_FMT, STR_ARG(buf_str(there)), STR_ARG(excess));
}

static bool has_columns(struct row_test *q)
{
    for (size_t i = 0; i < q->rule->columns.len; i++) {
        bool is_there = false;
        for (size_t j = 0; j < q->columns->len; j++)
            is_there = is_there || str_eq(q->columns->at[j].name, q->rule->columns.at[i]);
        if (!is_there)
            return fail(q, arena_format(q->mem, "there is no column " STR_FMT,
                                        STR_ARG(q->rule->columns.at[i])));
        vec_push(q->mem, &q->names, check_identifier(q->mem, q->rule->columns.at[i]));
    }
    return true;
}

static bool find_keys(struct row_test *q, struct str_list *values)
{
    struct check_spot spot;
    if (q->rule->columns.len > 1) {
        if (!has_columns(q))
            return false;
        *values = q->names;
        return true;
    }
    if (!check_spot(q->mem, q->rule, q->columns, STR("rows"), &spot, &q->out->problem))
        return false;
    if (spot.element.len)
        return fail(q, STR("its values are elements, which are compared across rows"));
    vec_push(q->mem, values, spot.raw);
    return true;
}

static bool of_key(struct row_test *q)
{
    struct str_list values = {0};
    if (!find_keys(q, &values))
        return false;
    over_keys(q, &values);
    return true;
}

static bool of_relation(struct row_test *q, const struct check_target *target)
{
    struct check_spot spot = {.element = STR_NONE};
    struct str_list values = {0};
    if (!target || target->problem.len)
        return fail(q, target ? target->problem : STR("its target is not known"));
    if (q->rule->columns.len > 1) {
        if (!has_columns(q))
            return false;
        values = q->names;
    } else {
        if (!check_spot(q->mem, q->rule, q->columns, STR("rows"), &spot, &q->out->problem))
            return false;
        vec_push(q->mem, &values, spot.value);
    }
    q->out->test = check_relation(q->mem, q->rule, target, &values, spot.raw, spot.element, false);
    return true;
}

static bool of_value(struct row_test *q)
{
    struct check_spot spot;
    str test;
    bool is_large;
    if (!check_spot(q->mem, q->rule, q->columns, STR("rows"), &spot, &q->out->problem)
        || !check_failing(q->mem, q->rule, &spot, &test, &is_large, &q->out->problem))
        return false;
    q->out->test = spot.element.len ? arena_format(
                       q->mem, "EXISTS (SELECT 1 FROM " STR_FMT " AS elements WHERE " STR_FMT ")",
                       STR_ARG(spot.element), STR_ARG(test))
                                    : test;
    return true;
}

static bool find_test(struct row_test *q, const struct check_target *target)
{
    switch (q->rule->kind) {
    case RULE_NULL_VALUES:
    case RULE_MISSING_VALUES:
    case RULE_INVALID_VALUES:
    case RULE_REQUIRED:
    case RULE_OPTION:
        return of_value(q);
    case RULE_DUPLICATE_VALUES:
    case RULE_UNIQUE:
    case RULE_PRIMARY_KEY:
        return of_key(q);
    case RULE_RELATIONSHIP:
        return of_relation(q, target);
    default:
        return fail(q, STR("it does not say which rows fail"));
    }
}

bool check_predicate(struct arena *mem, const struct contract_rule *rule,
                     const struct job_columns *columns, const struct check_target *target,
                     struct check_predicate *out)
{
    struct row_test q = {.mem = mem, .rule = rule, .columns = columns, .out = out};
    *out = (struct check_predicate){.is_window = false};
    if (!find_test(&q, target))
        return false;
    return out->test.len <= SQL_BYTES_MAX || fail(&q, STR("its text is longer than weft takes"));
}

bool check_keys(struct arena *mem, const struct contract_rule *rule,
                const struct job_columns *columns, struct str_list *out)
{
    struct check_predicate predicate = {0};
    struct row_test q = {.mem = mem, .rule = rule, .columns = columns, .out = &predicate};
    return find_keys(&q, out);
}
