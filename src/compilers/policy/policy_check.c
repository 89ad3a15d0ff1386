/* Policies against the tables that they speak of, and against each other. */
#include "clock/clock.h"
#include "map/map.h"
#include "policy/policy_inside.h"

struct places {
    VEC_OF(size_t)
};

struct checking {
    struct arena *mem;
    const struct policies *policies;
    const struct policy_table *tables;
    const struct policy_subject *subjects; /* of the tables, in their order */
    size_t len;
    struct map by_contract, by_domain; /* to struct places of their tables */
    struct map names;                  /* of all products and tables, by their addresses */
    int64_t now_us;
    struct report *report;
};

static void add_place(struct map *map, str key, size_t place)
{
    struct places *places = map_find(map, key);
    if (!places) {
        places = ARENA_NEW(map->mem, struct places);
        map_put(map, key, places);
    }
    vec_push(map->mem, places, place);
}

/* Most policies speak of few tables: of one contract, or one domain. */
static void index_tables(struct checking *c)
{
    map_init(&c->by_contract, c->mem);
    map_init(&c->by_domain, c->mem);
    map_init_for(&c->names, c->mem, c->len * 2);
    for (size_t i = 0; c->policies->len && i < c->len; i++) {
        add_place(&c->by_contract, c->tables[i].contract, i);
        add_place(&c->by_domain, c->tables[i].domain, i);
        map_put(&c->names, c->subjects[i].product, c);
        map_put(&c->names, c->subjects[i].address, c);
    }
}

/* Of all tables those that the policy may speak of. */
static struct places places_of(const struct checking *c, const struct policy *policy)
{
    const struct places *found = policy->contract.len ? map_find(&c->by_contract, policy->contract)
                               : policy->domain.len   ? map_find(&c->by_domain, policy->domain)
                                                      : NULL;
    if (policy->contract.len || policy->domain.len)
        return found ? *found : (struct places){0};
    return (struct places){.len = c->len};
}

static size_t place_at(const struct places *places, size_t i)
{
    return places->at ? places->at[i] : i;
}

static struct finding *problem(const struct checking *c, enum finding_level level,
                               const struct policy *policy, str message)
{
    return report_add(c->report, level, ERR_INVALID, policy->place, STR_FMT, STR_ARG(message));
}

/* ---- filters */

static void report_value(const struct checking *c, const struct policy *policy,
                         const struct policy_subject *subject, str column, str type)
{
    struct finding *f = problem(
        c, FINDING_ERROR, policy,
        arena_format(c->mem, "filter " STR_FMT " cannot be compared with " STR_FMT "." STR_FMT,
                     STR_ARG(policy->id), STR_ARG(subject->address), STR_ARG(column)));
    f->found = policy->where;
    f->allowed = arena_format(c->mem, "a value of type " STR_FMT, STR_ARG(type));
}

static void check_values(const struct checking *c, const struct policy *policy,
                         const struct policy_subject *subject, const struct decision_filter *filter)
{
    for (size_t i = 0; i < filter->values.len; i++)
        if (!policy_value_fits(filter->column.type, filter->values.at[i])) {
            report_value(c, policy, subject, filter->column.name, filter->column.type);
            return;
        }
}

struct literals {
    const struct checking *c;
    const struct policy *policy;
    const struct policy_subject *subject;
    bool has_slip;
};

/* `name = 5` is a slip, and `'5'` is what it would be compared with; so is a text that the column cannot hold. */
static bool is_slip(const struct policy_expression *literal, str type)
{
    bool is_bare = literal->kind == EXPRESSION_NUMBER || literal->kind == EXPRESSION_BOOL;
    if (policy_is_text(type))
        return is_bare;
    return literal->kind == EXPRESSION_TEXT && policy_has_values(type)
        && !policy_value_fits(type, literal->text);
}

static void check_literals(void *state, const struct policy_expression *at)
{
    struct literals *l = state;
    const struct policy_column *column = NULL;
    if (l->has_slip)
        return;
    if (at->kind != EXPRESSION_IN
        && !(at->kind == EXPRESSION_BINARY && shape_has_word("= <> < <= > >=", at->text)))
        return;
    for (size_t i = 0; i < at->children.len && !column; i++)
        if (at->children.at[i]->kind == EXPRESSION_COLUMN && at->children.at[i]->parts.len == 1)
            column = policy_find_column(l->subject->table, at->children.at[i]->parts.at[0]);
    for (size_t i = 0; column && i < at->children.len; i++)
        if (is_slip(at->children.at[i], column->type)) {
            report_value(l->c, l->policy, l->subject, column->name, column->type);
            l->has_slip = true;
            return;
        }
}

static void check_filter(const struct checking *c, const struct policy *policy,
                         const struct policy_subject *subject)
{
    struct expression_scope scope = {.table = subject->table};
    struct decision decision = {0};
    struct str_list names = {0};
    str why;
    policy_expression_columns(c->mem, policy->condition, &names);
    for (size_t i = 0; i < names.len; i++) {
        if (policy_find_column(subject->table, names.at[i]))
            continue;
        struct finding *f = problem(
            c, FINDING_ERROR, policy,
            arena_format(c->mem,
                         "filter " STR_FMT " matches " STR_FMT ", which has no column " STR_FMT,
                         STR_ARG(policy->id), STR_ARG(subject->address), STR_ARG(names.at[i])));
        f->hint = STR("choose the tables by a tag, or by name");
        return;
    }
    struct literals literals = {.c = c, .policy = policy, .subject = subject};
    policy_expression_walk(policy->condition, &literals, check_literals);
    if (literals.has_slip)
        return;
    if (!policy_filters(c->mem, policy, &scope, &decision, &why)) {
        problem(c, FINDING_ERROR, policy,
                arena_format(c->mem, "filter " STR_FMT " cannot be kept: " STR_FMT,
                             STR_ARG(policy->id), STR_ARG(why)))
            ->hint = STR("give the column another name");
        return;
    }
    for (size_t i = 0; i < decision.filters.len; i++)
        if (decision.filters.at[i].form == FILTER_VALUES)
            check_values(c, policy, subject, &decision.filters.at[i]);
}

struct entitled {
    const struct checking *c;
    const struct policy *policy;
};

static void check_entitled(void *state, const struct policy_expression *at)
{
    const struct entitled *e = state;
    const struct checking *c = e->c;
    if (at->kind != EXPRESSION_ENTITLED)
        return;
    for (size_t i = 0; i < c->len; i++) {
        if (!str_eq(c->subjects[i].address, at->table))
            continue;
        str missing = !policy_find_column(&c->tables[i], at->user)  ? at->user
                    : !policy_find_column(&c->tables[i], at->value) ? at->value
                                                                    : STR_NONE;
        if (missing.len)
            problem(c, FINDING_ERROR, e->policy,
                    arena_format(c->mem, "the entitlements " STR_FMT " have no column " STR_FMT,
                                 STR_ARG(at->table), STR_ARG(missing)));
        return;
    }
    struct finding *f =
        problem(c, FINDING_ERROR, e->policy,
                arena_format(c->mem, "filter " STR_FMT " asks for entitlements that no product has",
                             STR_ARG(e->policy->id)));
    f->found = at->table;
    f->hint = STR("name a table as domain.product.table");
}

/* ---- masks */

static bool names_columns(const struct policy *policy)
{
    return policy->selector.columns.len > 0;
}

static str column_name(const struct checking *c, const struct policy_subject *subject,
                       const struct policy_column *column, const struct policy_field *field)
{
    return arena_format(c->mem, STR_FMT "." STR_FMT "%s" STR_FMT, STR_ARG(subject->address),
                        STR_ARG(column->name), field ? "." : "",
                        STR_ARG(field ? field->path : STR_NONE));
}

static void check_type(const struct checking *c, const struct policy *policy,
                       const struct policy_subject *subject, const struct policy_column *column,
                       const struct policy_field *field)
{
    str type = field ? field->type : column->type;
    str for_types = policy_mask_problem(c->mem, &policy->mask, type);
    if (!policy_constant_fits(policy, type))
        for_types = STR("types that its value is of");
    if (!for_types.len)
        return;
    struct finding *f =
        problem(c, names_columns(policy) ? FINDING_ERROR : FINDING_WARNING, policy,
                arena_format(c->mem, "mask " STR_FMT " cannot keep the type of " STR_FMT "%s",
                             STR_ARG(policy->id), STR_ARG(column_name(c, subject, column, field)),
                             names_columns(policy) ? "" : ": it is NULL there"));
    f->found = type;
    f->allowed = arena_format(c->mem, "%s is for " STR_FMT, mask_method_name(policy->mask.method),
                              STR_ARG(for_types));
}

static bool check_masked(const struct checking *c, const struct policy *policy,
                         const struct policy_subject *subject)
{
    bool has_matched = false;
    for (size_t i = 0; i < subject->table->column_count; i++) {
        const struct policy_column *column = &subject->table->columns[i];
        if (policy_matches_column(policy, column)) {
            has_matched = true;
            check_type(c, policy, subject, column, NULL);
        }
        for (size_t k = 0; k < column->field_count; k++)
            if (policy_matches_field(policy, column, &column->fields[k])) {
                has_matched = true;
                check_type(c, policy, subject, column, &column->fields[k]);
            }
    }
    return has_matched;
}

/* ---- a local policy may only tighten */

static void check_mask_tightens(const struct checking *c, const struct policy *local,
                                const struct policy *global, const struct policy_subject *subject)
{
    for (size_t i = 0; i < subject->table->column_count; i++) {
        const struct policy_column *column = &subject->table->columns[i];
        if (!policy_matches_column(local, column) || !policy_matches_column(global, column))
            continue;
        struct policy_mask merged =
            policy_stricter(c->mem, &global->mask, &local->mask, column->type);
        if (policy_is_same_mask(c->mem, &merged, &local->mask))
            continue;
        struct finding *f =
            problem(c, FINDING_ERROR, local,
                    arena_format(c->mem,
                                 "mask " STR_FMT " would loosen the global policy " STR_FMT
                                 " on " STR_FMT "." STR_FMT,
                                 STR_ARG(local->id), STR_ARG(global->id), STR_ARG(subject->address),
                                 STR_ARG(column->name)));
        f->found = policy_mask_text(c->mem, &local->mask);
        f->allowed =
            arena_format(c->mem, "what shows no more than " STR_FMT " (" STR_FMT ")",
                         STR_ARG(policy_mask_text(c->mem, &global->mask)), STR_ARG(global->file));
        f->hint = STR("a domain's policy may only tighten; an exception is a waiver, by the guild");
        return;
    }
}

static bool shares_taker(const struct str_list *a, const struct str_list *b)
{
    for (size_t i = 0; i < a->len; i++)
        if (str_list_has(b, a->at[i]))
            return true;
    return false;
}

/* Does the denial close what the grant opens, for all of its takers that it names? */
static bool is_closed_by(const struct policy *grant, const struct policy *deny)
{
    bool is_to_all = deny->to_users.len + deny->to_groups.len + deny->to_products.len == 0;
    if (deny->is_of_columns || deny->purposes.len
        || shares_taker(&grant->to_users, &deny->except.users)
        || shares_taker(&grant->to_groups, &deny->except.groups)
        || shares_taker(&grant->to_products, &deny->except.products)
        || shares_taker(&grant->purposes, &deny->except.purposes))
        return false;
    return is_to_all || shares_taker(&grant->to_users, &deny->to_users)
        || shares_taker(&grant->to_groups, &deny->to_groups)
        || shares_taker(&grant->to_products, &deny->to_products);
}

static void check_grant_holds(const struct checking *c, const struct policy *grant,
                              const struct policy *deny, const struct policy_subject *subject)
{
    if (!is_closed_by(grant, deny))
        return;
    bool is_loosening = grant->domain.len && !deny->domain.len;
    struct finding *f = problem(
        c, is_loosening ? FINDING_ERROR : FINDING_WARNING, grant,
        arena_format(c->mem, "grant " STR_FMT " opens " STR_FMT ", which %s " STR_FMT " denies",
                     STR_ARG(grant->id), STR_ARG(subject->address),
                     deny->domain.len ? "policy" : "the global policy", STR_ARG(deny->id)));
    f->found = deny->file;
    f->hint = STR("a denial wins over every grant; an exception is a waiver");
}

static void check_pair(const struct checking *c, const struct policy *policy,
                       const struct policy *other, const struct policy_subject *subject)
{
    bool is_mask = policy->effect == POLICY_MASK && other->effect == POLICY_MASK
                && policy->domain.len && !other->domain.len;
    bool is_grant = policy->effect == POLICY_GRANT && other->effect == POLICY_DENY;
    if ((!is_mask && !is_grant) || !policy_matches_table(other, subject))
        return;
    if (is_mask)
        check_mask_tightens(c, policy, other, subject);
    if (is_grant)
        check_grant_holds(c, policy, other, subject);
}

/* ---- waivers */

static void check_waiver(const struct checking *c, const struct policy *waiver)
{
    const struct policy *waived = NULL;
    struct str_list ids = {0};
    for (size_t i = 0; i < c->policies->len; i++) {
        vec_push(c->mem, &ids, c->policies->at[i].id);
        if (str_eq(c->policies->at[i].id, waiver->waives))
            waived = &c->policies->at[i];
    }
    if (!waived) {
        struct finding *f =
            problem(c, FINDING_ERROR, waiver,
                    arena_format(c->mem, "waiver " STR_FMT " is of a policy that is not there",
                                 STR_ARG(waiver->id)));
        str nearest = str_list_nearest(&ids, waiver->waives);
        f->found = waiver->waives;
        if (nearest.len)
            f->hint = arena_format(c->mem, "did you mean " STR_FMT "?", STR_ARG(nearest));
    } else if (waived->effect != POLICY_MASK && waived->effect != POLICY_FILTER
               && waived->effect != POLICY_DENY) {
        problem(c, FINDING_ERROR, waiver,
                arena_format(c->mem,
                             "policy " STR_FMT
                             " is a %s: only masks, filters and denials are waived",
                             STR_ARG(waived->id), policy_effect_name(waived->effect)));
    } else if (waiver->domain.len && !str_eq(waived->domain, waiver->domain)) {
        struct finding *f = problem(
            c, FINDING_ERROR, waiver,
            arena_format(c->mem,
                         "waiver " STR_FMT " of a domain is of the policy " STR_FMT " of others",
                         STR_ARG(waiver->id), STR_ARG(waived->id)));
        f->found = waived->file;
        f->hint = STR("a global policy is waived by the guild, in policies/");
    }
    if (waiver->until_us && c->now_us >= waiver->until_us)
        problem(
            c, FINDING_WARNING, waiver,
            arena_format(c->mem, "waiver " STR_FMT " ended with " STR_FMT ": it lets nobody pass",
                         STR_ARG(waiver->id), STR_ARG(policy_until_text(c->mem, waiver->until_us))))
            ->hint = STR("remove the file, or have it approved again");
}

/* ---- policies that speak of nothing */

/* A grant that opens nothing is a mistake; the others may wait for what comes. */
static void report_unmatched(const struct checking *c, const struct policy *policy)
{
    if (policy->effect != POLICY_GRANT) {
        problem(
            c, FINDING_WARNING, policy,
            arena_format(c->mem, "policy " STR_FMT " matches nothing yet", STR_ARG(policy->id)));
        return;
    }
    if (policy->contract.len == 0 && policy->selector.tables.len == 0)
        return; /* its products were named already */
    for (size_t i = 0; policy->domain.len && i < c->len; i++) {
        if (!policy->contract.len || !str_eq(c->tables[i].contract, policy->contract))
            continue;
        struct finding *f =
            problem(c, FINDING_ERROR, policy,
                    arena_format(c->mem, "grant " STR_FMT " opens a contract of domain " STR_FMT,
                                 STR_ARG(policy->id), STR_ARG(c->tables[i].domain)));
        f->found = policy->contract;
        f->hint = STR("a domain grants its own products; others are granted by their domain or by "
                      "a global policy");
        return;
    }
    struct finding *f = problem(
        c, FINDING_ERROR, policy,
        arena_format(c->mem, "grant " STR_FMT " opens nothing that is there", STR_ARG(policy->id)));
    f->found = policy->contract.len ? policy->contract
                                    : str_list_join(c->mem, &policy->selector.tables, STR(", "));
    f->hint = STR("name the id of an output port's contract, or products as domain.product");
}

/* One of several names may be misspelt. */
static void check_names(const struct checking *c, const struct policy *policy)
{
    for (size_t i = 0; i < policy->selector.products.len; i++) {
        str product = policy->selector.products.at[i];
        if (!map_find(&c->names, product))
            problem(c, FINDING_ERROR, policy,
                    arena_format(c->mem, "policy " STR_FMT " names a product that is not there",
                                 STR_ARG(policy->id)))
                ->found = product;
    }
    for (size_t i = 0; policy->selector.tables.len > 1 && i < policy->selector.tables.len; i++) {
        str table = policy->selector.tables.at[i];
        if (!map_find(&c->names, table))
            problem(c, FINDING_WARNING, policy,
                    arena_format(c->mem, "policy " STR_FMT " names a table that is not there",
                                 STR_ARG(policy->id)))
                ->found = table;
    }
}

static bool speaks_of(const struct policy *policy, const struct policy_column *column)
{
    bool does = policy_matches_column(policy, column);
    for (size_t i = 0; policy->effect == POLICY_DENY && i < column->field_count && !does; i++)
        does = policy_matches_field(policy, column, &column->fields[i]);
    return does;
}

static bool check_table(const struct checking *c, const struct policy *policy,
                        const struct policy_subject *subject)
{
    if (!policy_matches_table(policy, subject))
        return false;
    /* A mask of a domain, or a grant: whatever is against it. */
    bool has_pairs =
        policy->effect == POLICY_GRANT || (policy->effect == POLICY_MASK && policy->domain.len > 0);
    for (size_t i = 0; has_pairs && i < c->policies->len; i++)
        check_pair(c, policy, &c->policies->at[i], subject);
    switch (policy->effect) {
    case POLICY_FILTER:
        check_filter(c, policy, subject);
        return true;
    case POLICY_MASK:
        return check_masked(c, policy, subject);
    case POLICY_GRANT:
    case POLICY_DENY:
        for (size_t i = 0; i < subject->table->column_count; i++)
            if (!policy->is_of_columns || speaks_of(policy, &subject->table->columns[i]))
                return true;
        return subject->table->column_count == 0;
    case POLICY_REQUIRE:
    case POLICY_WAIVE:
        break;
    }
    return true;
}

void policy_check(const struct policies *policies, const struct policy_table *tables, size_t len,
                  int64_t now_us, struct report *report)
{
    struct policy_subject *subjects = ARENA_ARRAY(report->mem, struct policy_subject, len + 1);
    struct checking c = {.mem = report->mem,
                         .policies = policies,
                         .tables = tables,
                         .subjects = subjects,
                         .len = len,
                         .now_us = now_us,
                         .report = report};
    for (size_t i = 0; i < len; i++)
        subjects[i] = policy_subject(report->mem, &tables[i]);
    index_tables(&c);
    for (size_t i = 0; i < policies->len; i++) {
        const struct policy *policy = &policies->at[i];
        struct places places = places_of(&c, policy);
        struct entitled entitled = {.c = &c, .policy = policy};
        bool has_matched = policy->effect == POLICY_REQUIRE || policy->effect == POLICY_WAIVE;
        if (policy->condition)
            policy_expression_walk(policy->condition, &entitled, check_entitled);
        for (size_t k = 0; k < places.len; k++)
            has_matched = check_table(&c, policy, &subjects[place_at(&places, k)]) || has_matched;
        if (policy->effect == POLICY_WAIVE)
            check_waiver(&c, policy);
        check_names(&c, policy);
        if (!has_matched)
            report_unmatched(&c, policy);
    }
}

/* ---- what the engine judges */

/* A row of NULLs in the types of the columns that are read: functions of columns give NULL there, so that what fails is a constant.
 * Columns that are not read stay out, so that tables of one shape are asked once. */
static void add_nulls(struct buf *b, const struct policy_table *table, const struct str_list *names)
{
    buf_add(b, STR(" FROM (SELECT 1 AS one"));
    for (size_t i = 0; i < table->column_count; i++)
        for (size_t k = 0; k < names->len; k++)
            if (str_eq_nocase(table->columns[i].name, names->at[k])) {
                buf_format(b, ", CAST(NULL AS " STR_FMT ") AS ", STR_ARG(table->columns[i].type));
                buf_add_identifier(b, table->columns[i].name);
                break;
            }
    buf_add(b, STR(")"));
}

static void add_probe(struct arena *mem, const struct policy *policy,
                      const struct policy_table *table, const struct buf *sql,
                      struct policy_probes *out)
{
    for (size_t i = 0; i < out->len; i++)
        if (out->at[i].policy == policy && str_eq(out->at[i].sql, buf_str(sql)))
            return; /* many tables have one shape */
    vec_push(mem, out,
             ((struct policy_probe){.policy = policy, .table = table, .sql = buf_str(sql)}));
}

static void probe_filter(struct arena *mem, const struct policies *policies,
                         const struct policy *policy, const struct policy_table *table,
                         struct policy_probes *out)
{
    struct buf *b = buf_new(mem, 64 << 20);
    struct policy_actor nobody = {0};
    struct expression_scope scope = {.table = table, .actor = &nobody, .policies = policies};
    struct str_list names = {0};
    policy_expression_columns(mem, policy->condition, &names);
    buf_add(b, STR("SELECT "));
    policy_expression_sql(mem, policy->condition, &scope, b);
    buf_add(b, STR(" IS TRUE"));
    add_nulls(b, table, &names);
    add_probe(mem, policy, table, b, out);
}

static void probe_mask(struct arena *mem, const struct policy *policy,
                       const struct policy_table *table, const struct policy_column *column,
                       struct policy_probes *out)
{
    struct buf *b = buf_new(mem, 64 << 20);
    struct expression_scope scope = {.value = STR("value")};
    buf_add(b, STR("SELECT CAST("));
    if (policy->mask.method == MASK_SQL)
        policy_expression_sql(mem, policy->mask.expression, &scope, b);
    else
        buf_add_literal(b, policy->mask.value);
    buf_format(b, " AS " STR_FMT ") FROM (SELECT CAST(NULL AS " STR_FMT ") AS value)",
               STR_ARG(column->type), STR_ARG(column->type));
    add_probe(mem, policy, table, b, out);
}

static bool is_probed(const struct policy *policy)
{
    return policy->effect == POLICY_FILTER
        || (policy->effect == POLICY_MASK
            && (policy->mask.method == MASK_SQL || policy->mask.method == MASK_CONSTANT));
}

static void probe_table(struct arena *mem, const struct policies *policies,
                        const struct policy *policy, const struct policy_table *table,
                        struct policy_probes *out)
{
    if (policy->effect == POLICY_FILTER) {
        probe_filter(mem, policies, policy, table, out);
        return;
    }
    for (size_t i = 0; i < table->column_count; i++)
        if (policy_matches_column(policy, &table->columns[i])
            && policy_constant_fits(policy, table->columns[i].type))
            probe_mask(mem, policy, table, &table->columns[i], out);
}

void policy_probes(struct arena *mem, const struct policies *policies,
                   const struct policy_table *tables, size_t len, struct policy_probes *out)
{
    struct policy_subject *subjects = NULL;
    for (size_t i = 0; i < policies->len; i++) {
        const struct policy *policy = &policies->at[i];
        if (!is_probed(policy))
            continue;
        if (!subjects) {
            subjects = ARENA_ARRAY(mem, struct policy_subject, len + 1);
            for (size_t k = 0; k < len; k++)
                subjects[k] = policy_subject(mem, &tables[k]);
        }
        for (size_t k = 0; k < len; k++)
            if (tables[k].column_count && policy_matches_table(policy, &subjects[k]))
                probe_table(mem, policies, policy, &tables[k], out);
    }
}
