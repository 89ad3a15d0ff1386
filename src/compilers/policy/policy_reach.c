/* How far a policy reaches: for lists of policies. */
#include "policy/policy_inside.h"

static size_t count_columns(const struct policy *policy, const struct policy_table *table)
{
    size_t count = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        const struct policy_column *column = &table->columns[i];
        bool matches = policy_matches_column(policy, column);
        for (size_t k = 0; k < column->field_count && !matches; k++)
            matches = policy_matches_field(policy, column, &column->fields[k]);
        count += matches;
    }
    return count;
}

bool policy_reaches(struct arena *mem, const struct policy *policy,
                    const struct policy_table *table, size_t *columns_out)
{
    struct policy_subject subject = policy_subject(mem, table);
    *columns_out = 0;
    if (policy->effect == POLICY_REQUIRE || !policy_matches_table(policy, &subject))
        return false;
    if (!policy_is_of_columns(policy))
        return true;
    *columns_out = count_columns(policy, table);
    return *columns_out > 0;
}
