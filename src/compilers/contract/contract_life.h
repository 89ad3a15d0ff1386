/* Where a contract stands in its life, at a moment. Pure. */
#ifndef WEFT_CONTRACT_LIFE_H
#define WEFT_CONTRACT_LIFE_H

#include "contract/contract.h"

enum contract_stage { CONTRACT_DRAFT, CONTRACT_ACTIVE, CONTRACT_DEPRECATED, CONTRACT_RETIRED };

struct contract_life {
    enum contract_stage stage;
    str sunset;        /* the last day, as 2027-03-01; empty: none is said */
    int64_t sunset_us; /* the first moment after it; 0 */
    str successor;     /* as the contract says it, or empty */
};

/* `status`, and customProperties `sunset` and `successor`. A deprecated one is retired once its last day (UTC) is over. */
void contract_life(const struct contract *contract, int64_t now_us, struct contract_life *out);
const char *contract_stage_name(enum contract_stage stage); /* "deprecated" */
/* A day as 2027-03-01; the first moment after it. */
bool contract_day_end(str day, int64_t *us_out);

#endif
