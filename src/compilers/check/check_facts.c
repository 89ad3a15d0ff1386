#include "check/check.h"

#include <string.h>

#include "check/check_inside.h"
#include "limits/limits.h"

enum {
    LOOK_ROWS = 20480, /* of these the first look counts different values */
    BOUND_BYTES_MAX = 256,
    VALUES_BYTES_MAX = 4096,
    COLUMNS_AT_ONCE = 32, /* an answer of so many columns stays a small document */
};

enum step { STEP_LOOK, STEP_RANGES, STEP_VALUES, STEP_DONE };

struct check_facts {
    struct arena *mem;
    str view;
    const struct job_columns *columns;
    struct check_fact *facts;
    bool *may_list; /* the first look saw few values */
    uint64_t rows;
    enum step step;
    struct {
        VEC_OF(size_t)
    } asked;     /* columns of the SELECT that is under way */
    size_t next; /* column */
    bool is_asked, has_rows;
};

struct check_facts *check_facts_new(struct arena *mem, str view, const struct job_columns *columns)
{
    struct check_facts *f = ARENA_NEW(mem, struct check_facts);
    f->mem = mem;
    f->view = view;
    f->columns = columns;
    f->facts = ARENA_ARRAY(mem, struct check_fact, columns->len + 1);
    f->may_list = ARENA_ARRAY(mem, bool, columns->len + 1);
    for (size_t i = 0; i < columns->len; i++)
        f->facts[i].column_id = columns->at[i].id;
    return f;
}

static enum check_class class_of(const struct check_facts *f, size_t column)
{
    return check_class(f->columns->at[column].type);
}

static bool is_wanted(const struct check_facts *f, size_t column)
{
    switch (f->step) {
    case STEP_LOOK:
        return class_of(f, column) != CHECK_OPAQUE;
    case STEP_RANGES:
        return true;
    default:
        return f->may_list[column] && !f->facts[column].has_values;
    }
}

/* The columns of the next SELECT. Of the ranges there is one at least, for the number of rows. */
static bool choose_columns(struct check_facts *f)
{
    f->asked.len = 0;
    while (f->step != STEP_DONE) {
        for (; f->next < f->columns->len && f->asked.len < COLUMNS_AT_ONCE; f->next++)
            if (is_wanted(f, f->next))
                vec_push(f->mem, &f->asked, f->next);
        if (f->asked.len || (f->step == STEP_RANGES && !f->has_rows))
            return true;
        f->step++;
        f->next = 0;
    }
    return false;
}

static str name_of(const struct check_facts *f, size_t column)
{
    struct buf *b = buf_new(f->mem, 2 * f->columns->at[column].name.len + 3);
    buf_add_identifier(b, f->columns->at[column].name);
    return buf_str(b);
}

static void add_look(const struct check_facts *f, struct buf *b)
{
    buf_add(b, STR("SELECT "));
    for (size_t i = 0; i < f->asked.len; i++)
        buf_format(b, "%scount(DISTINCT " STR_FMT ")", i ? ", " : "",
                   STR_ARG(name_of(f, f->asked.at[i])));
    buf_add(b, STR(" FROM (SELECT "));
    for (size_t i = 0; i < f->asked.len; i++)
        buf_format(b, "%s" STR_FMT, i ? ", " : "", STR_ARG(name_of(f, f->asked.at[i])));
    buf_format(b, " FROM " STR_FMT " LIMIT %d)", STR_ARG(f->view), LOOK_ROWS);
}

static void add_bound(const struct check_facts *f, struct buf *b, const char *function,
                      size_t column)
{
    str name = name_of(f, column);
    if (class_of(f, column) == CHECK_TEXT)
        buf_format(b, ", CASE WHEN strlen(%s(" STR_FMT ")) <= %d THEN %s(" STR_FMT ") END",
                   function, STR_ARG(name), BOUND_BYTES_MAX, function, STR_ARG(name));
    else
        buf_format(b, ", CAST(%s(" STR_FMT ") AS VARCHAR)", function, STR_ARG(name));
}

static void add_ranges(const struct check_facts *f, struct buf *b)
{
    buf_add(b, STR("SELECT count(*)"));
    for (size_t i = 0; i < f->asked.len; i++) {
        size_t column = f->asked.at[i];
        buf_format(b, ", count(" STR_FMT ")", STR_ARG(name_of(f, column)));
        if (class_of(f, column) == CHECK_OPAQUE)
            continue;
        add_bound(f, b, "min", column);
        add_bound(f, b, "max", column);
    }
    buf_format(b, " FROM " STR_FMT, STR_ARG(f->view));
}

/* The limit keeps a column whose first rows deceived from being collected whole. */
static void add_values(const struct check_facts *f, struct buf *b)
{
    buf_add(b, STR("SELECT "));
    for (size_t i = 0; i < f->asked.len; i++) {
        str name = name_of(f, f->asked.at[i]);
        buf_format(b,
                   "%s(SELECT CASE WHEN count(*) <= %d AND sum(strlen(value)) <= %d THEN "
                   "list(value ORDER BY value) END "
                   "FROM (SELECT CAST(one AS VARCHAR) AS value FROM (SELECT DISTINCT " STR_FMT
                   " AS one FROM " STR_FMT " WHERE " STR_FMT " IS NOT NULL LIMIT %d)))",
                   i ? ", " : "", FACT_VALUES_MAX, VALUES_BYTES_MAX, STR_ARG(name),
                   STR_ARG(f->view), STR_ARG(name), FACT_VALUES_MAX + 1);
    }
}

bool check_facts_next(struct check_facts *f, str *text_out)
{
    if (f->is_asked || !choose_columns(f))
        return false;
    struct buf *b = buf_new(f->mem, SQL_BYTES_MAX * 4);
    if (f->step == STEP_LOOK)
        add_look(f, b);
    else if (f->step == STEP_RANGES)
        add_ranges(f, b);
    else
        add_values(f, b);
    *text_out = buf_str(b);
    f->is_asked = true;
    return true;
}

static bool read_count(const struct tree *cell, uint64_t *out)
{
    int64_t count;
    if (!tree_is_int(cell, &count) || count < 0)
        return false;
    *out = (uint64_t)count;
    return true;
}

static bool take_look(struct check_facts *f, const struct tree *row)
{
    if (row->len != f->asked.len)
        return false;
    for (size_t i = 0; i < row->len; i++) {
        uint64_t count;
        if (!read_count(row->at[i], &count))
            return false;
        f->may_list[f->asked.at[i]] = count <= FACT_VALUES_MAX;
    }
    return true;
}

static bool is_nan(const struct tree *cell)
{
    return cell->kind == TREE_SCALAR
        && (str_eq_nocase(cell->text, STR("nan")) || str_eq_nocase(cell->text, STR("-nan")));
}

static bool is_bound(const struct tree *cell)
{
    return cell->kind == TREE_SCALAR && !tree_is_null(cell) && cell->text.len <= BOUND_BYTES_MAX;
}

/* What the engine orders last, NaN, others order nowhere: such a column has neither bounds nor values. */
static bool take_range(struct check_facts *f, size_t column, const struct tree *low,
                       const struct tree *high)
{
    struct check_fact *fact = &f->facts[column];
    if (low->kind == TREE_LIST || low->kind == TREE_MAP || high->kind == TREE_LIST
        || high->kind == TREE_MAP)
        return false;
    if (class_of(f, column) == CHECK_FLOAT && is_nan(high)) {
        f->may_list[column] = false;
        return true;
    }
    fact->has_values = fact->nulls == f->rows; /* none but null */
    if (!is_bound(low) || !is_bound(high))
        return true;
    fact->has_range = true;
    fact->low = arena_str(f->mem, low->text);
    fact->high = arena_str(f->mem, high->text);
    if (str_eq(fact->low, fact->high)) {
        fact->has_values = true;
        vec_push(f->mem, &fact->values, fact->low);
    }
    return true;
}

static bool take_ranges(struct check_facts *f, const struct tree *row)
{
    uint64_t rows, filled;
    size_t at = 1;
    if (!row->len || !read_count(row->at[0], &rows) || (f->has_rows && rows != f->rows))
        return false;
    f->rows = rows;
    f->has_rows = true;
    for (size_t i = 0; i < f->asked.len; i++) {
        size_t column = f->asked.at[i], cells = class_of(f, column) == CHECK_OPAQUE ? 1 : 3;
        if (at + cells > row->len || !read_count(row->at[at], &filled) || filled > rows)
            return false;
        f->facts[column].nulls = rows - filled;
        if (cells == 3 && !take_range(f, column, row->at[at + 1], row->at[at + 2]))
            return false;
        at += cells;
    }
    return at == row->len;
}

static bool take_values(struct check_facts *f, const struct tree *row)
{
    if (row->len != f->asked.len)
        return false;
    for (size_t i = 0; i < row->len; i++) {
        struct check_fact *fact = &f->facts[f->asked.at[i]];
        const struct tree *list = row->at[i];
        f->may_list[f->asked.at[i]] = false;
        if (tree_is_null(list))
            continue;
        if (list->kind != TREE_LIST || list->len > FACT_VALUES_MAX)
            return false;
        for (size_t k = 0; k < list->len; k++) {
            if (list->at[k]->kind != TREE_SCALAR)
                return false;
            vec_push(f->mem, &fact->values, arena_str(f->mem, list->at[k]->text));
        }
        fact->has_values = true;
    }
    return true;
}

bool check_facts_take(struct check_facts *f, const struct tree *row)
{
    if (!f->is_asked || row->kind != TREE_LIST)
        return false;
    f->is_asked = false;
    return f->step == STEP_LOOK   ? take_look(f, row)
         : f->step == STEP_RANGES ? take_ranges(f, row)
                                  : take_values(f, row);
}

struct check_fact *check_facts_list(const struct check_facts *f, uint64_t *rows_out)
{
    *rows_out = f->rows;
    return f->facts;
}
