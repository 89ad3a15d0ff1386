/* For the files of compilers/policy only. */
#ifndef WEFT_POLICY_INSIDE_H
#define WEFT_POLICY_INSIDE_H

#include "policy/policy.h"
#include "shape/shape.h"

extern const struct shape shape_policy; /* weft/v1, kind Policy */

/* A `domain.product` or `domain.product.table`, of these parts. */
str policy_address(struct arena *mem, str domain, str product, str table);
/* Does the policy speak of this table? A local one never speaks of another domain's. Columns aside. */
bool policy_matches_table(struct arena *mem, const struct policy *policy,
                          const struct policy_table *table);
bool policy_matches_column(const struct policy *policy, const struct policy_column *column);
/* NULL when there is none; names are compared without case. */
const struct policy_column *policy_find_column(const struct policy_table *table, str name);
/* `country = 'CH'` as it was meant. */
str policy_filter_text(struct arena *mem, const struct policy *policy);
/* For people: "until 2027-01-01", from the instant after it. */
str policy_until_text(struct arena *mem, int64_t until_us);

#endif
