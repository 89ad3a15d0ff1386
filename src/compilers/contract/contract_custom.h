/* The customProperties that weft defines: where each may stand and what it may say. */
#ifndef WEFT_CONTRACT_CUSTOM_H
#define WEFT_CONTRACT_CUSTOM_H

#include "contract/contract.h"

enum custom_place {
    CUSTOM_PRODUCT = 1,
    CUSTOM_PORT = 2,
    CUSTOM_CONTRACT = 4,
    CUSTOM_TABLE = 8,
    CUSTOM_COLUMN = 16,
    CUSTOM_RULE = 32,
    CUSTOM_SERVER = 64,
    CUSTOM_INPUT = 128,
};

/* Findings for those of ours that are wrong, twice there, or not enforced yet; others are kept as they are. */
void contract_check_custom(struct arena *mem, str file, const struct tree *custom_properties,
                           enum custom_place place, struct report *report);

/* What a column says of its declassification; findings for what is wrong or missing. */
struct contract_column;
void contract_read_declassify(struct arena *mem, str file, const struct tree *custom,
                              struct contract_column *column, struct report *report);

#endif
