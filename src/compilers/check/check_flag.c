/* What rows are to the fused counts, as bits. */
#include "check/check_inside.h"
#include "limits/limits.h"

enum { FLAGS_MAX = 64 };

static bool is_fused(const struct check_cell *cell)
{
    return cell->text.len == 0;
}

/* All counts are of rows of the table, and there are not too many of them. */
static bool can_flag(const struct check_plan *plan, str view)
{
    const struct check_inside *inside = plan->inside;
    size_t flags = 0;
    for (size_t i = 0; i < plan->table->rules.len; i++)
        if (plan->table->rules.at[i].path.len || plan->table->rules.at[i].kind == RULE_RELATIONSHIP)
            return false;
    for (size_t i = 0; i < inside->cells.len; i++) {
        if (!is_fused(&inside->cells.at[i]))
            continue;
        if (!str_eq(inside->cells.at[i].from, view))
            return false;
        flags += inside->cells.at[i].test.len > 0;
    }
    return plan->selects.len > 0 && flags <= FLAGS_MAX;
}

/* The fused counts of one SELECT, in their order, over the numbers. */
static str count_text(struct arena *mem, const struct check_inside *inside, size_t select, str view,
                      str name)
{
    struct buf *b = buf_new(mem, SQL_BYTES_MAX * 2);
    unsigned flag = 0;
    buf_add(b, STR("SELECT "));
    for (size_t i = 0; i < inside->cells.len; i++) {
        const struct check_cell *cell = &inside->cells.at[i];
        unsigned bit = flag;
        flag += is_fused(cell) && cell->test.len;
        if (!is_fused(cell) || cell->select != select)
            continue;
        buf_add(b, cell->column ? STR(", coalesce(sum(many)") : STR("coalesce(sum(many)"));
        if (cell->test.len)
            buf_format(b, " FILTER (WHERE " STR_FMT " & %llu::UBIGINT <> 0)", STR_ARG(name),
                       1ull << bit);
        buf_add(b, STR(", 0)"));
    }
    buf_format(b,
               " FROM (SELECT " STR_FMT ", count(*) AS many FROM " STR_FMT " GROUP BY " STR_FMT ")",
               STR_ARG(name), STR_ARG(view), STR_ARG(name));
    return buf_str(b);
}

static str flags_text(struct arena *mem, const struct check_inside *inside)
{
    struct buf *b = buf_new(mem, SQL_BYTES_MAX * 2);
    unsigned flag = 0;
    buf_add(b, STR("0::UBIGINT"));
    for (size_t i = 0; i < inside->cells.len; i++) {
        const struct check_cell *cell = &inside->cells.at[i];
        if (is_fused(cell) && cell->test.len)
            buf_format(b, " | (CASE WHEN " STR_FMT " THEN %llu ELSE 0 END)::UBIGINT",
                       STR_ARG(cell->test), 1ull << flag++);
    }
    return b->full ? STR_NONE : buf_str(b);
}

static void add_columns(struct arena *mem, const struct check_cell *cell, struct str_list *out)
{
    for (size_t i = 0; i < cell->rules.len; i++)
        for (size_t j = 0; j < cell->rules.at[i]->columns.len; j++)
            if (!str_list_has(out, cell->rules.at[i]->columns.at[j]))
                str_list_add(mem, out, cell->rules.at[i]->columns.at[j]);
}

bool check_flag(struct arena *mem, struct check_plan *plan, str view, str column,
                str *expression_out, struct str_list *columns_out)
{
    const struct check_inside *inside = plan->inside;
    str name = check_identifier(mem, column);
    if (!can_flag(plan, view))
        return false;
    *expression_out = flags_text(mem, inside);
    if (!expression_out->len)
        return false;
    for (size_t i = 0; i < inside->cells.len; i++) {
        const struct check_cell *cell = &inside->cells.at[i];
        if (!is_fused(cell))
            add_columns(mem, cell, columns_out);
        else if (cell->column == 0)
            plan->selects.at[cell->select].text = count_text(mem, inside, cell->select, view, name);
    }
    return true;
}
