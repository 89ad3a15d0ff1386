/* What policies say of one table, whoever asks: made once, so that a decision looks at nothing else. */
#include "policy/policy_inside.h"

/* Where a mask cannot keep the type, nothing is shown. */
static struct policy_mask fitting(struct arena *mem, const struct policy *policy, str type)
{
    return policy_mask_problem(mem, &policy->mask, type).len || !policy_constant_fits(policy, type)
             ? (struct policy_mask){.method = MASK_NULL}
             : policy->mask;
}

static str mask_text(struct arena *mem, const struct policy_mask *mask, str name)
{
    return arena_format(mem, "column " STR_FMT " is " STR_FMT, STR_ARG(name),
                        STR_ARG(policy_mask_text(mem, mask)));
}

static void set_mask(struct arena *mem, struct rule_mask *out, const struct policy *policy,
                     str type, str name)
{
    out->mask = fitting(mem, policy, type);
    out->text = mask_text(mem, &out->mask, name);
}

static void add_field(struct arena *mem, const struct policy *policy,
                      const struct policy_column *column, const struct policy_field *field,
                      struct rule_column *out)
{
    struct rule_field *added = vec_add(mem, &out->fields);
    added->field = field;
    if (policy->effect != POLICY_MASK)
        return;
    /* The label may be of a field that the type names otherwise: it may be any of them. */
    added->is_unknown = !policy_has_path(mem, column->type, field->path);
    if (added->is_unknown) {
        added->shown.mask = (struct policy_mask){.method = MASK_NULL};
        added->shown.text = mask_text(mem, &added->shown.mask, column->name);
        return;
    }
    set_mask(mem, &added->shown, policy, field->type,
             arena_format(mem, STR_FMT "." STR_FMT, STR_ARG(column->name), STR_ARG(field->path)));
}

static void add_column(struct arena *mem, size_t at, const struct policy_column *column,
                       struct rule *rule)
{
    const struct policy *policy = rule->policy;
    struct rule_column found = {.at = at, .is_matched = policy_matches_column(policy, column)};
    for (size_t i = 0; i < column->field_count; i++)
        if (policy_matches_field(policy, column, &column->fields[i]))
            add_field(mem, policy, column, &column->fields[i], &found);
    if (found.is_matched && policy->effect == POLICY_MASK)
        set_mask(mem, &found.shown, policy, column->type, column->name);
    if (found.is_matched || found.fields.len)
        vec_push(mem, &rule->columns, found);
}

struct policy_rules *policy_rules(struct arena *mem, const struct policies *policies,
                                  const struct policy_table *table)
{
    struct policy_rules *rules = ARENA_NEW(mem, struct policy_rules);
    *rules = (struct policy_rules){
        .policies = policies, .table = table, .subject = policy_subject(mem, table)};
    for (size_t i = 0; i < policies->len; i++) {
        struct rule rule = {.policy = &policies->at[i]};
        if (!policy_matches_table(rule.policy, &rules->subject))
            continue;
        for (size_t k = 0; policy_is_of_columns(rule.policy) && k < table->column_count; k++)
            add_column(mem, k, &table->columns[k], &rule);
        if (!policy_is_of_columns(rule.policy) || rule.columns.len)
            vec_push(mem, &rules->of[rule.policy->effect], rule);
    }
    return rules;
}
