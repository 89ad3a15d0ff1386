/* Contracts in a frozen block. */
#ifndef WEFT_CONTRACT_FREEZE_H
#define WEFT_CONTRACT_FREEZE_H

#include "freeze/freeze.h"

extern const struct freeze_type contract_frozen;       /* far: others have them as inputs */
extern const struct freeze_type contract_table_frozen; /* near, as the next */
extern const struct freeze_type contract_column_frozen;

#endif
