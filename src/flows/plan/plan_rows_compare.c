/* What a case expects of a table, beside the rows that came of its texts. Pure. */
#include "buf/buf.h"
#include "contract/contract.h"
#include "limits/limits.h"
#include "plan/plan_rows.h"

static bool plan_same_cells(const struct tree *a, const struct tree *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (i >= a->len || i >= b->len || !tree_equal(a->at[i], b->at[i])) {
            return false;
        }
    }
    return true;
}

static str plan_row_text(struct arena *mem, const struct plan_sides *sides, const struct tree *row)
{
    struct buf *b = buf_new(mem, PATH_BYTES_MAX);

    for (size_t i = 0; i < sides->compared.len; i++) {
        buf_format(b, "%s%.*s %.*s", i ? ", " : "", STR_ARG(sides->compared.at[i].name),
                   STR_ARG(plan_cell_text(mem, row, i)));
    }
    return buf_str(b);
}

/* Where an expected row stands in the file, from 1. */
static size_t plan_row_number(const struct plan_sides *sides, const struct tree *row)
{
    uint64_t number = 0;

    (void)str_to_u64(row->at[sides->compared.len]->text, &number);
    return (size_t)number;
}

static void plan_differ_cells(struct arena *mem, struct plan_sides *sides,
                              const struct tree *expected, const struct tree *got)
{
    for (size_t i = 0; i < sides->compared.len; i++) {
        if (!tree_equal(expected->at[i], got->at[i])) {
            plan_differ(mem, &sides->differences, plan_row_number(sides, expected),
                        sides->compared.at[i].name, plan_cell_text(mem, expected, i),
                        plan_cell_text(mem, got, i));
        }
    }
}

/* Do both have the same primary key, all of which is compared? */
static bool plan_same_key(const struct plan_sides *sides, const struct contract_table *definition,
                          const struct tree *a, const struct tree *b)
{
    size_t keys = 0, found = 0;

    for (size_t i = 0; definition != NULL && i < definition->columns.len; i++) {
        keys += definition->columns.at[i].primary_key > 0;
    }
    for (size_t i = 0; definition != NULL && i < sides->compared.len; i++) {
        const struct contract_column *column =
            contract_find_column(definition, sides->compared.at[i].name);

        found += column != NULL && column->primary_key > 0 && tree_equal(a->at[i], b->at[i]);
    }
    return keys > 0 && keys == found;
}

/* Takes out of `rows` the first that fits; NULL when none does. */
static const struct tree *plan_take_row(struct engine_rows *rows, const struct plan_sides *sides,
                                        const struct contract_table *definition,
                                        const struct tree *wanted)
{
    for (size_t i = 0; i < rows->len; i++) {
        const struct tree *row = rows->at[i];

        if (definition != NULL ? plan_same_key(sides, definition, wanted, row)
                               : plan_same_cells(wanted, row, sides->compared.len)) {
            memmove(&rows->at[i], &rows->at[i + 1], (rows->len - i - 1) * sizeof(rows->at[0]));
            rows->len--;
            return row;
        }
    }
    return NULL;
}

/* Equal rows go first, then those of one key are compared, then what is left, in order. */
static void plan_compare_unordered(struct arena *mem, struct plan_sides *sides,
                                   const struct contract_table *definition)
{
    struct engine_rows missing = {0}, left = {0}, got = sides->got;

    for (size_t i = 0; i < sides->expected.len; i++) {
        if (plan_take_row(&got, sides, NULL, sides->expected.at[i]) == NULL) {
            vec_push(mem, &missing, sides->expected.at[i]);
        }
    }
    for (size_t i = 0; i < missing.len; i++) {
        const struct tree *other =
            definition != NULL ? plan_take_row(&got, sides, definition, missing.at[i]) : NULL;

        if (other != NULL) {
            plan_differ_cells(mem, sides, missing.at[i], other);
        } else {
            vec_push(mem, &left, missing.at[i]);
        }
    }
    for (size_t i = 0; i < left.len; i++) {
        plan_differ(mem, &sides->differences, plan_row_number(sides, left.at[i]), STR_NONE,
                    plan_row_text(mem, sides, left.at[i]), STR("(no such row)"));
    }
    for (size_t i = 0; i < got.len; i++) {
        plan_differ(mem, &sides->differences, 0, STR_NONE, STR("(no such row)"),
                    plan_row_text(mem, sides, got.at[i]));
    }
}

static void plan_compare_ordered(struct arena *mem, struct plan_sides *sides)
{
    size_t most = sides->expected.len > sides->got.len ? sides->expected.len : sides->got.len;

    for (size_t i = 0; i < most; i++) {
        if (i >= sides->got.len) {
            plan_differ(mem, &sides->differences, i + 1, STR_NONE,
                        plan_row_text(mem, sides, sides->expected.at[i]), STR("(no such row)"));
        } else if (i >= sides->expected.len) {
            plan_differ(mem, &sides->differences, i + 1, STR_NONE, STR("(no such row)"),
                        plan_row_text(mem, sides, sides->got.at[i]));
        } else {
            plan_differ_cells(mem, sides, sides->expected.at[i], sides->got.at[i]);
        }
    }
}

void plan_compare_sides(struct arena *mem, struct plan_sides *sides, bool is_ordered,
                        const struct contract_table *definition)
{
    if (is_ordered) {
        plan_compare_ordered(mem, sides);
    } else {
        plan_compare_unordered(mem, sides, definition);
    }
}
