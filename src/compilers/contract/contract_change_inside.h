/* Parts of the comparison of contracts. */
#ifndef WEFT_CONTRACT_CHANGE_INSIDE_H
#define WEFT_CONTRACT_CHANGE_INSIDE_H

#include "contract/contract_change.h"

struct contract_comparison {
    struct arena *mem;
    struct contract_changes *out;
    str file; /* where the changes stand */
    str table, column;
    struct place place;
};

void contract_add_change(struct contract_comparison *c, enum contract_change_kind kind, str before,
                         str now);
/* Rules of a table and its columns, without what a property demands by itself. `renamed` maps names of columns before to those of now. */
struct contract_renamed {
    struct str_list before, now;
};
void contract_compare_rules(struct contract_comparison *c, const struct contract_table *before,
                            const struct contract_table *now,
                            const struct contract_renamed *renamed);
/* logicalTypeOptions of a property, which was stored as `type`; empty: not known. */
void contract_compare_options(struct contract_comparison *c, const struct tree *before,
                              const struct tree *now, str type);
/* slaProperties. */
void contract_compare_promises(struct contract_comparison *c, const struct tree *before,
                               const struct tree *now);
/* Text and JSON, or what holds some of it: how it is to be read the contract alone says. */
bool contract_is_kept_as_text(str type);
/* As JSON, for people; empty for NULL. */
str contract_shown(struct arena *mem, const struct tree *node);
/* Maps without the keys of a list with blanks between. */
bool contract_equal_without(const struct tree *before, const struct tree *now, const char *keys);

#endif
