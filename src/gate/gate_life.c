/* Names whose time is over, or will be: told to those who may read by them. */
#include "clock/clock.h"
#include "contract/contract_life.h"
#include "gate_inside.h"

/* What the contract says, else the same table of the next major beside it; empty: none. */
static str successor_of(struct arena *mem, const struct image_table *table,
                        const struct contract_life *life)
{
    const struct image_product *product = table->product;
    const struct contract *next = model_next_major(product->definition, table->contract);
    if (life->successor.len || !next)
        return life->successor;
    for (size_t i = 0; i < product->tables.len; i++) {
        const struct image_table *other = &product->tables.at[i];
        if (other->contract && str_eq(other->contract->id, next->id)
            && str_eq(other->contract->version, next->version)
            && str_eq(contract_table_plain(other->name), contract_table_plain(table->name)))
            return gate_name_of(mem, other);
    }
    return STR_NONE;
}

bool gate_still_serves(struct task *t, const struct image_table *table, uint32_t position)
{
    struct contract_life life;
    if (!table->contract)
        return true;
    contract_life(table->contract, clock_now_us(), &life);
    if (life.stage != CONTRACT_RETIRED)
        return true;
    str successor = successor_of(t->mem, table, &life);
    task_fail(t, ERR_UNKNOWN_NAME, STR_FMT " is retired%s" STR_FMT,
              STR_ARG(gate_name_of(t->mem, table)), life.sunset.len ? ": its last day was " : "",
              STR_ARG(life.sunset));
    if (successor.len)
        task_hint(t, "its successor is " STR_FMT, STR_ARG(successor));
    else
        task_hint(t, "it has no successor; releases of before are kept for a while, as "
                     "domain.\"product#NUMBER\".table");
    return task_position(t, position);
}

str gate_notice(struct arena *mem, const struct image_table *table, int64_t now_us,
                int64_t *sunset_us_out)
{
    struct contract_life life;
    *sunset_us_out = 0;
    if (!table->contract)
        return STR_NONE;
    contract_life(table->contract, now_us, &life);
    if (life.stage != CONTRACT_DEPRECATED)
        return STR_NONE;
    str successor = successor_of(mem, table, &life);
    *sunset_us_out = life.sunset_us;
    return arena_format(mem, STR_FMT " is deprecated%s" STR_FMT "%s" STR_FMT,
                        STR_ARG(gate_name_of(mem, table)),
                        life.sunset.len ? ", its last day is " : "", STR_ARG(life.sunset),
                        successor.len ? "; its successor is " : "", STR_ARG(successor));
}
