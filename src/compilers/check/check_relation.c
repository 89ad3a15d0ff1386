/* Values that stand in another table too: nulls violate nothing, and of several columns one null is enough for that. */
#include "check/check_inside.h"

#include "limits/limits.h"

str check_relation(struct arena *mem, const struct contract_rule *rule,
                   const struct check_target *target, const struct str_list *values, str raw,
                   str from, bool is_count)
{
    struct buf *there = buf_new(mem, SQL_BYTES_MAX * 2), *equal = buf_new(mem, SQL_BYTES_MAX * 2),
               *names = buf_new(mem, SQL_BYTES_MAX * 2);
    for (size_t i = 0; i < values->len && i < rule->relation.columns.len; i++) {
        str column = check_identifier(mem, target->columns.at[i]);
        buf_format(names, "%s" STR_FMT " AS value%zu", i ? ", " : "", STR_ARG(values->at[i]), i);
        buf_format(there, "%ssource.value%zu IS NOT NULL", i ? " AND " : "", i);
        buf_format(equal, "%starget." STR_FMT " = source.value%zu", i ? " AND " : "",
                   STR_ARG(column), i);
    }
    if (raw.len && !str_eq(raw, values->at[0])) {
        buf_format(names, ", " STR_FMT " AS raw", STR_ARG(raw));
        there = buf_new(mem, SQL_BYTES_MAX);
        buf_add(there, STR("source.raw IS NOT NULL"));
    }
    if (is_count)
        return arena_format(mem,
                            "SELECT count(*) FROM (SELECT " STR_FMT " FROM " STR_FMT
                            ") AS source WHERE " STR_FMT " AND NOT EXISTS (SELECT 1 FROM " STR_FMT
                            " AS target WHERE " STR_FMT ")",
                            STR_ARG(buf_str(names)), STR_ARG(from), STR_ARG(buf_str(there)),
                            STR_ARG(target->view), STR_ARG(buf_str(equal)));
    return arena_format(mem,
                        "EXISTS (SELECT 1 FROM (SELECT " STR_FMT "%s" STR_FMT
                        ") AS source WHERE " STR_FMT " AND NOT EXISTS (SELECT 1 FROM " STR_FMT
                        " AS target WHERE " STR_FMT "))",
                        STR_ARG(buf_str(names)), from.len ? " FROM " : "", STR_ARG(from),
                        STR_ARG(buf_str(there)), STR_ARG(target->view), STR_ARG(buf_str(equal)));
}
