/* Two versions of a contract, compared as those who read its tables would feel it; the table of changes is contract_changes.def.
 * Pure. */
#ifndef WEFT_CONTRACT_CHANGE_H
#define WEFT_CONTRACT_CHANGE_H

#include "contract/contract.h"

enum contract_change_class { CHANGE_ADDITIVE, CHANGE_BREAKING, CHANGE_DOCUMENTATION };

enum contract_change_kind {
#define CHANGE(name, text, class, what, why) CHANGE_##name,
#include "contract/contract_changes.def"
#undef CHANGE
    CHANGE_KINDS
};

struct contract_change {
    enum contract_change_kind kind;
    str table, column;  /* as they were called before; what is new: as it is called now; or empty */
    str before, now;    /* what it said and says, for people; or empty */
    struct place place; /* in the file of today, or of what went */
};

struct contract_changes {
    VEC_OF(struct contract_change)
};

/* One contract, before and after; either may be NULL (not both): it is new, or gone. In the order of the contract. */
void contract_compare(struct arena *mem, const struct contract *before, const struct contract *now,
                      struct contract_changes *out);
enum contract_change_class contract_change_class(enum contract_change_kind kind);
const char *contract_change_name(enum contract_change_kind kind);         /* "column removed" */
const char *contract_change_why(enum contract_change_kind kind);          /* for its readers */
const char *contract_change_class_name(enum contract_change_class class); /* "breaking" */
/* `column removed: orders.amount (INTEGER -> …)`, for people. */
str contract_change_text(struct arena *mem, const struct contract_change *change);
/* The first number of a version, without a leading `v`; 0 where it has none. */
uint64_t contract_major(str version);

#endif
