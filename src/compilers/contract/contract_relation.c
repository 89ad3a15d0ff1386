#include "contract/contract_inside.h"
void contract_relation_rules(struct contract_reader *r, struct contract_table *table)
{
    (void)r;
    (void)table;
}
