#include "contract/contract_life.h"

#include "clock/clock.h"
#include "shape/shape.h"

static const int64_t day_us = (int64_t)86400 * 1000000;

const char *contract_stage_name(enum contract_stage stage)
{
    static const char *const names[] = {"draft", "active", "deprecated", "retired"};
    return names[stage];
}

bool contract_day_end(str day, int64_t *us_out)
{
    if (day.len != 10 || !clock_parse(day, us_out))
        return false;
    *us_out += day_us;
    return true;
}

static str custom_text(const struct contract *contract, const char *name)
{
    const struct tree *value = contract_custom(contract->custom, str_of(name));
    return value && value->kind == TREE_SCALAR && !tree_is_null(value) ? value->text : STR_NONE;
}

void contract_life(const struct contract *contract, int64_t now_us, struct contract_life *out)
{
    *out = (struct contract_life){
        .stage = shape_has_word("proposed draft", contract->status) ? CONTRACT_DRAFT
               : str_eq(contract->status, STR("deprecated"))        ? CONTRACT_DEPRECATED
               : str_eq(contract->status, STR("retired"))           ? CONTRACT_RETIRED
                                                                    : CONTRACT_ACTIVE,
        .sunset = custom_text(contract, "sunset"),
        .successor = custom_text(contract, "successor"),
    };
    if (!contract_day_end(out->sunset, &out->sunset_us))
        out->sunset_us = 0;
    if (out->stage == CONTRACT_DEPRECATED && out->sunset_us && now_us >= out->sunset_us)
        out->stage = CONTRACT_RETIRED;
}
