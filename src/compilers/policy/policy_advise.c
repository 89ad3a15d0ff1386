/* What would make policies cheap to keep. */
#include "policy/policy_inside.h"

/* The one column by whose values the filter chooses rows; NULL when it is another kind of filter. */
static const struct policy_column *filtered_by(struct arena *mem, const struct policy *policy,
                                               const struct policy_table *table)
{
    struct expression_scope scope = {.table = table};
    struct decision decision = {0};
    const struct policy_column *found = NULL;
    str why;
    if (!policy_filters(mem, policy, &scope, &decision, &why))
        return NULL;
    for (size_t i = 0; i < decision.filters.len; i++) {
        const struct decision_filter *filter = &decision.filters.at[i];
        const struct policy_column *column = policy_find_column(table, filter->column.name);
        if (filter->form != FILTER_VALUES || (found && found != column))
            return NULL;
        found = column;
    }
    return found;
}

void policy_advise(struct arena *mem, const struct policies *policies,
                   const struct policy_table *table, str clustered_by, struct report *report)
{
    struct policy_subject subject = policy_subject(mem, table);
    for (size_t i = 0; i < policies->len; i++) {
        const struct policy *policy = &policies->at[i];
        if (policy->effect != POLICY_FILTER || !policy_matches_table(policy, &subject))
            continue;
        const struct policy_column *column = filtered_by(mem, policy, table);
        if (!column || str_eq_nocase(column->name, clustered_by))
            continue;
        struct finding *f =
            report_add(report, FINDING_NOTE, ERR_INVALID, policy->place,
                       "clusterBy: [" STR_FMT "] on " STR_FMT
                       " would make clearing of policy " STR_FMT " cheap",
                       STR_ARG(column->name), STR_ARG(subject.address), STR_ARG(policy->id));
        f->found = clustered_by.len
                     ? arena_format(mem, "files in the order of " STR_FMT, STR_ARG(clustered_by))
                     : STR("files in the order of their rows");
        f->hint = STR("in the contract of the table, under customProperties: {property: clusterBy, "
                      "value: [...]}");
    }
}
