/* Which tables, columns and actors a policy speaks of. */
#include "policy/policy_inside.h"

str policy_address(struct arena *mem, str domain, str product, str table)
{
    return table.len ? arena_format(mem, STR_FMT "." STR_FMT "." STR_FMT, STR_ARG(domain),
                                    STR_ARG(product), STR_ARG(table))
                     : arena_format(mem, STR_FMT "." STR_FMT, STR_ARG(domain), STR_ARG(product));
}

struct policy_subject policy_subject(struct arena *mem, const struct policy_table *table)
{
    str address = policy_address(mem, table->domain, table->product, table->name);
    return (struct policy_subject){
        .table = table,
        .address = address,
        .product = str_sub(address, 0, table->domain.len + 1 + table->product.len)};
}

/* Labels only ever tighten: a difference in case must not open anything. */
static bool has_label(const struct str_list *list, str label)
{
    for (size_t i = 0; i < list->len; i++)
        if (list->at[i].len == label.len && str_eq_nocase(list->at[i], label))
            return true;
    return false;
}

static bool shares_label(const struct str_list *list, const struct str_list *labels)
{
    for (size_t i = 0; i < labels->len; i++)
        if (has_label(list, labels->at[i]))
            return true;
    return false;
}

static bool shares_one(const struct str_list *a, const struct str_list *b)
{
    for (size_t i = 0; i < a->len; i++)
        if (str_list_has(b, a->at[i]))
            return true;
    return false;
}

static bool is_labelled(const struct str_list *wanted, bool is_tag,
                        const struct policy_labels *labels)
{
    for (size_t i = 0; wanted->len && i < labels->len; i++)
        if (labels->at[i].is_tag == is_tag && has_label(wanted, labels->at[i].text))
            return true;
    return wanted->len == 0;
}

/* Filters and denials of whole tables choose tables: their tags are the tables', and other labels those of any column. */
static bool is_of_tables(const struct policy *policy)
{
    return policy->effect == POLICY_FILTER || policy->effect == POLICY_WAIVE
        || ((policy->effect == POLICY_DENY || policy->effect == POLICY_GRANT)
            && !policy->is_of_columns);
}

/* `address.street`, `phones[]`: as a selector names a field. */
static bool is_field_named(const struct str_list *names, str column, str path)
{
    size_t dot = path.len && path.ptr[0] == '[' ? 0 : 1;
    for (size_t i = 0; i < names->len; i++) {
        str name = names->at[i];
        if (name.len == column.len + dot + path.len
            && str_eq_nocase(str_sub(name, 0, column.len), column)
            && (dot == 0 || name.ptr[column.len] == '.')
            && str_eq_nocase(str_from(name, column.len + dot), path))
            return true;
    }
    return false;
}

bool policy_chooses_table_by(const struct policy *policy, const struct policy_column *column,
                             const struct policy_field *field)
{
    const struct policy_selector *s = &policy->selector;
    if (!is_labelled(&s->classifications, false, field ? &field->labels : &column->labels))
        return false;
    return s->columns.len == 0
        || (field ? is_field_named(&s->columns, column->name, field->path)
                  : has_label(&s->columns, column->name));
}

static bool has_column(const struct policy *policy, const struct policy_table *table)
{
    const struct policy_selector *s = &policy->selector;
    if (s->classifications.len == 0 && s->columns.len == 0)
        return true;
    for (size_t i = 0; i < table->column_count; i++) {
        const struct policy_column *column = &table->columns[i];
        if (policy_chooses_table_by(policy, column, NULL))
            return true;
        for (size_t k = 0; k < column->field_count; k++)
            if (policy_chooses_table_by(policy, column, &column->fields[k]))
                return true;
    }
    return false;
}

bool policy_matches_table(const struct policy *policy, const struct policy_subject *subject)
{
    const struct policy_selector *s = &policy->selector;
    const struct policy_table *table = subject->table;
    if (policy->domain.len && !str_eq(policy->domain, table->domain))
        return false;
    if (policy->contract.len && !str_eq(policy->contract, table->contract))
        return false;
    if (s->domains.len && !str_list_has(&s->domains, table->domain))
        return false;
    if (s->products.len && !str_list_has(&s->products, subject->product))
        return false;
    if (s->tables.len && !str_list_has(&s->tables, subject->address))
        return false;
    return !is_of_tables(policy)
        || ((s->tags.len == 0 || shares_label(&s->tags, &table->tags))
            && has_column(policy, table));
}

bool policy_is_of_columns(const struct policy *policy)
{
    return policy->effect == POLICY_MASK || policy->is_of_columns;
}

bool policy_matches_column(const struct policy *policy, const struct policy_column *column)
{
    const struct policy_selector *s = &policy->selector;
    return is_labelled(&s->classifications, false, &column->labels)
        && is_labelled(&s->tags, true, &column->labels)
        && (s->columns.len == 0 || has_label(&s->columns, column->name));
}

bool policy_matches_field(const struct policy *policy, const struct policy_column *column,
                          const struct policy_field *field)
{
    const struct policy_selector *s = &policy->selector;
    return (s->columns.len || s->classifications.len || s->tags.len)
        && is_labelled(&s->classifications, false, &field->labels)
        && is_labelled(&s->tags, true, &field->labels)
        && (s->columns.len == 0 || is_field_named(&s->columns, column->name, field->path));
}

const struct policy_column *policy_find_column(const struct policy_table *table, str name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (str_eq_nocase(table->columns[i].name, name))
            return &table->columns[i];
    return NULL;
}

str policy_owner_entry(const struct policy_actor *actor, const struct str_list *owners)
{
    for (size_t i = 0; !actor->is_product && i < owners->len; i++) {
        str kind, name;
        if (!str_cut(owners->at[i], ':', &kind, &name) || name.len == 0)
            continue;
        if (str_eq(kind, STR("user"))
                ? str_eq(name, actor->name)
                : str_eq(kind, STR("group")) && str_list_has(&actor->groups, name))
            return owners->at[i];
    }
    return STR_NONE;
}

str policy_taker(struct arena *mem, const struct policy_actor *actor, const struct policy *policy)
{
    if (actor->is_product)
        return str_list_has(&policy->to_products, actor->name)
                 ? arena_format(mem, "product " STR_FMT, STR_ARG(actor->name))
                 : STR_NONE;
    if (actor->name.len && str_list_has(&policy->to_users, actor->name))
        return arena_format(mem, "user " STR_FMT, STR_ARG(actor->name));
    for (size_t i = 0; i < policy->to_groups.len; i++)
        if (str_list_has(&actor->groups, policy->to_groups.at[i]))
            return arena_format(mem, "group " STR_FMT, STR_ARG(policy->to_groups.at[i]));
    return STR_NONE;
}

/* The exception is for the SQL that its giver has read. One without a digest can no longer be applied; what was before holds on. */
static bool excepts_product(const struct policy_except *except, const struct policy_actor *actor)
{
    for (size_t i = 0; i < except->products.len; i++)
        if (str_eq(except->products.at[i], actor->name))
            return !except->digests.at[i].len || str_eq(except->digests.at[i], actor->digest);
    return false;
}

bool policy_is_excepted(const struct policy *policy, const struct policy_actor *actor,
                        bool has_purpose)
{
    const struct policy_except *e = &policy->except;
    if (has_purpose && actor->purpose.len && str_list_has(&e->purposes, actor->purpose))
        return true;
    if (actor->is_product)
        return excepts_product(e, actor);
    return (actor->name.len && str_list_has(&e->users, actor->name))
        || shares_one(&e->groups, &actor->groups);
}

bool policy_excepts_owner(const struct policy *policy, const struct policy_actor *actor,
                          const struct policy_table *table, const struct policy_labels *labels)
{
    const struct policy_selector *s = &policy->selector;
    bool has_origin = false;
    if (!policy->except.owners)
        return false;
    for (size_t i = 0; labels && i < labels->len; i++) {
        const struct policy_label *label = &labels->at[i];
        if (!has_label(label->is_tag ? &s->tags : &s->classifications, label->text))
            continue;
        has_origin = true;
        if (!policy_owner_entry(actor, label->owners ? label->owners : &table->owners).len)
            return false;
    }
    return has_origin || policy_owner_entry(actor, &table->owners).len > 0;
}
