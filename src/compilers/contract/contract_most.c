/* customProperties.quarantineMost of a table: `100`, `1%`, `0.5%`. */
#include "contract/contract_inside.h"

#include "shape/shape.h"

enum { MOST_DIGITS = 4, PARTS_OF_PERCENT = 10000 };

/* A share in parts of a million, exactly. */
static bool read_share(str text, uint64_t *out)
{
    str whole, fraction = STR_NONE;
    uint64_t parts = 0;
    (void)str_cut(text, '.', &whole, &fraction);
    if (!str_to_u64(whole, out) || *out > 100 || fraction.len > MOST_DIGITS
        || (text.len > whole.len && !str_to_u64(fraction, &parts)))
        return false;
    for (size_t i = fraction.len; parts > 0 && i < MOST_DIGITS; i++)
        parts *= 10;
    *out = *out * PARTS_OF_PERCENT + parts;
    return *out <= 100 * PARTS_OF_PERCENT;
}

static bool read_most(str text, struct contract_most *out)
{
    out->is_share = str_ends(text, STR("%"));
    return out->is_share ? read_share(str_trim(str_sub(text, 0, text.len - 1)), &out->most)
                         : str_to_u64(text, &out->most);
}

void contract_read_most(struct contract_reader *r, struct contract_table *table)
{
    const struct tree *value =
        contract_custom(tree_find(table->source, STR("customProperties")), STR("quarantineMost"));
    if (!value)
        return;
    table->quarantine_most.is_set =
        value->kind == TREE_SCALAR && read_most(value->text, &table->quarantine_most);
    if (table->quarantine_most.is_set)
        return;
    struct finding *f = contract_error(r, value, "quarantineMost cannot be this");
    f->found = shape_found(r->mem, value);
    f->allowed = STR("a number of rows (100), or a share of them with at most 4 digits (1%, 0.5%)");
}
