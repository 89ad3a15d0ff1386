/* Policies against the tables that they speak of. */
#include "clock/clock.h"
#include "policy/policy_inside.h"

/* What a literal must look like to be compared with a column. */
enum literal {
    LITERAL_NONE,
    LITERAL_TEXT,
    LITERAL_INTEGER,
    LITERAL_NUMBER,
    LITERAL_BOOL,
    LITERAL_DATE,
    LITERAL_TIME
};

static enum literal literal_of(str type)
{
    static const struct {
        str type;
        enum literal literal;
    } types[] = {
        {STR("VARCHAR"), LITERAL_TEXT},     {STR("UUID"), LITERAL_TEXT},
        {STR("BOOLEAN"), LITERAL_BOOL},     {STR("TINYINT"), LITERAL_INTEGER},
        {STR("SMALLINT"), LITERAL_INTEGER}, {STR("INTEGER"), LITERAL_INTEGER},
        {STR("BIGINT"), LITERAL_INTEGER},   {STR("HUGEINT"), LITERAL_INTEGER},
        {STR("UTINYINT"), LITERAL_INTEGER}, {STR("USMALLINT"), LITERAL_INTEGER},
        {STR("UINTEGER"), LITERAL_INTEGER}, {STR("UBIGINT"), LITERAL_INTEGER},
        {STR("UHUGEINT"), LITERAL_INTEGER}, {STR("FLOAT"), LITERAL_NUMBER},
        {STR("DOUBLE"), LITERAL_NUMBER},    {STR("DATE"), LITERAL_DATE},
        {STR("TIMESTAMP"), LITERAL_TIME},   {STR("TIMESTAMP WITH TIME ZONE"), LITERAL_TIME},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (str_eq_nocase(types[i].type, type))
            return types[i].literal;
    if (str_has(type, '[') || str_ends(type, STR("]")))
        return LITERAL_NONE;
    if (str_starts(type, STR("DECIMAL(")))
        return LITERAL_NUMBER;
    return str_starts(type, STR("ENUM(")) ? LITERAL_TEXT : LITERAL_NONE;
}

static bool fits(const struct policy *policy, str type)
{
    str text = policy->filter_literal;
    int64_t instant;
    double number;
    str whole = text.len && (text.ptr[0] == '-' || text.ptr[0] == '+') ? str_from(text, 1) : text;
    bool is_integer = whole.len > 0;
    for (size_t i = 0; i < whole.len; i++)
        is_integer = is_integer && whole.ptr[i] >= '0' && whole.ptr[i] <= '9';
    switch (literal_of(type)) {
    case LITERAL_TEXT:
        return policy->filter_literal_is_text;
    case LITERAL_INTEGER:
        return is_integer;
    case LITERAL_NUMBER:
        return str_to_f64(text, &number);
    case LITERAL_BOOL:
        return str_eq(text, STR("true")) || str_eq(text, STR("false"));
    case LITERAL_DATE:
        return policy->filter_literal_is_text && text.len == 10 && clock_parse(text, &instant);
    case LITERAL_TIME:
        return policy->filter_literal_is_text && clock_parse(text, &instant);
    case LITERAL_NONE:
        break;
    }
    return false;
}

static void check_filter(const struct policy *policy, const struct policy_table *table,
                         struct report *report)
{
    str name = policy_address(report->mem, table->domain, table->product, table->name);
    const struct policy_column *column = policy_find_column(table, policy->filter_column);
    if (!column) {
        struct finding *f =
            report_add(report, FINDING_ERROR, ERR_INVALID, policy->place,
                       "filter " STR_FMT " matches " STR_FMT ", which has no column " STR_FMT,
                       STR_ARG(policy->id), STR_ARG(name), STR_ARG(policy->filter_column));
        f->hint = STR("choose the tables by a tag, or by name");
    } else if (!fits(policy, column->type)) {
        struct finding *f =
            report_add(report, FINDING_ERROR, ERR_INVALID, policy->place,
                       "filter " STR_FMT " cannot be compared with " STR_FMT "." STR_FMT,
                       STR_ARG(policy->id), STR_ARG(name), STR_ARG(column->name));
        f->found = policy_filter_text(report->mem, policy);
        f->allowed = arena_format(report->mem, "a value of type " STR_FMT, STR_ARG(column->type));
    }
}

static bool masks_something(const struct policy *policy, const struct policy_table *table)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (policy_matches_column(policy, &table->columns[i]))
            return true;
    return false;
}

/* A grant that opens nothing is a mistake; masks and filters may wait for what comes. */
static void report_unmatched(const struct policy *policy, const struct policy_table *tables,
                             size_t len, struct report *report)
{
    if (policy->effect == POLICY_GRANT && policy->contract.len == 0)
        return; /* its products were named already */
    if (policy->effect != POLICY_GRANT) {
        report_add(report, FINDING_WARNING, ERR_INVALID, policy->place,
                   "policy " STR_FMT " matches nothing yet", STR_ARG(policy->id));
        return;
    }
    for (size_t i = 0; policy->domain.len && i < len; i++) {
        if (!policy->contract.len || !str_eq(tables[i].contract, policy->contract))
            continue;
        struct finding *f = report_add(report, FINDING_ERROR, ERR_INVALID, policy->place,
                                       "grant " STR_FMT " opens a contract of domain " STR_FMT,
                                       STR_ARG(policy->id), STR_ARG(tables[i].domain));
        f->found = policy->contract;
        f->hint = STR("a domain grants its own products; others are granted by their domain or by "
                      "a global policy");
        return;
    }
    struct finding *f =
        report_add(report, FINDING_ERROR, ERR_INVALID, policy->place,
                   "grant " STR_FMT " opens nothing that is there", STR_ARG(policy->id));
    f->found = policy->contract;
    f->hint = STR("name the id of an output port's contract, or products as domain.product");
}

/* One of several products may be misspelt. */
static void check_products(const struct policy *policy, const struct policy_table *tables,
                           size_t len, struct report *report)
{
    for (size_t i = 0; i < policy->selector.products.len; i++) {
        str product = policy->selector.products.at[i];
        bool found = false;
        for (size_t k = 0; k < len && !found; k++)
            found = str_eq(product, policy_address(report->mem, tables[k].domain, tables[k].product,
                                                   STR_NONE));
        if (found)
            continue;
        struct finding *f =
            report_add(report, FINDING_ERROR, ERR_INVALID, policy->place,
                       "policy " STR_FMT " names a product that is not there", STR_ARG(policy->id));
        f->found = product;
    }
}

void policy_check(const struct policies *policies, const struct policy_table *tables, size_t len,
                  struct report *report)
{
    for (size_t i = 0; i < policies->len; i++) {
        const struct policy *policy = &policies->at[i];
        bool has_matched = false;
        for (size_t k = 0; k < len; k++) {
            if (!policy_matches_table(report->mem, policy, &tables[k]))
                continue;
            if (policy->effect == POLICY_FILTER)
                check_filter(policy, &tables[k], report);
            has_matched =
                has_matched || policy->effect != POLICY_MASK || masks_something(policy, &tables[k]);
        }
        check_products(policy, tables, len, report);
        if (!has_matched)
            report_unmatched(policy, tables, len, report);
    }
}
