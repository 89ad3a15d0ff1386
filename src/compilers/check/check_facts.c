#include "check/check.h"

#include <stdlib.h>

#include "check/check_inside.h"
#include "limits/limits.h"

enum {
    LOOK_ROWS = 20480,                     /* of these the first look counts different values */
    LOOK_VALUES_MAX = 2 * FACT_VALUES_MAX, /* it counts about right */
    BOUND_BYTES_MAX = 256,
    VALUES_BYTES_MAX = 4096,
    ANSWER_BYTES_MAX = 4 * 1024 * 1024, /* of the values of one SELECT */
    COLUMNS_AT_ONCE = 1024,             /* each SELECT reads the footer anew */
    TABLES_AT_ONCE = 32,                /* of columns whose values take a hash table each */
    FEW_ROWS = 512,                     /* of these the values of many columns are one column */
    TURNED_VALUES_MAX = 256 * 1024,     /* of one SELECT */
    ALIKE_COLUMNS_MIN = 128,            /* fewer are quick enough among the others */
};

enum step { STEP_TURNED, STEP_LOOK, STEP_RANGES, STEP_LOOK_AT_ALL, STEP_VALUES, STEP_DONE };

struct check_facts {
    struct arena *mem;
    str view;
    const struct job_columns *columns;
    struct check_fact *facts;
    bool *may_list; /* the last look saw few values */
    size_t *bytes;  /* of which they take so many at most, by that look */
    bool *was_turned, *is_known;
    uint64_t rows;
    enum step step;
    struct {
        VEC_OF(size_t)
    } asked; /* columns of the SELECT that is under way */
    struct job_columns asked_columns;
    size_t next; /* column */
    size_t alike_most;
    bool is_asked, has_rows, is_empty;
};

struct check_facts *check_facts_new(struct arena *mem, str view, const struct job_columns *columns,
                                    uint64_t rows)
{
    struct check_facts *f = ARENA_NEW(mem, struct check_facts);
    f->mem = mem;
    f->view = view;
    f->columns = columns;
    f->facts = ARENA_ARRAY(mem, struct check_fact, columns->len + 1);
    f->may_list = ARENA_ARRAY(mem, bool, columns->len + 1);
    f->bytes = ARENA_ARRAY(mem, size_t, columns->len + 1);
    f->was_turned = ARENA_ARRAY(mem, bool, columns->len + 1);
    f->is_known = ARENA_ARRAY(mem, bool, columns->len + 1);
    f->is_empty = rows == 0;
    f->alike_most =
        rows * COLUMNS_AT_ONCE > TURNED_VALUES_MAX ? TURNED_VALUES_MAX / rows : COLUMNS_AT_ONCE;
    f->step = rows <= FEW_ROWS ? STEP_TURNED : STEP_LOOK;
    for (size_t i = 0; i < columns->len; i++)
        f->facts[i].column_id = columns->at[i].id;
    return f;
}

static enum check_class class_of(const struct check_facts *f, size_t column)
{
    return check_class(f->columns->at[column].type);
}

/* The first look saw all rows. */
static bool has_seen_all(const struct check_facts *f)
{
    return f->has_rows && f->rows <= LOOK_ROWS;
}

static bool is_wanted(const struct check_facts *f, size_t column)
{
    if (f->is_known[column])
        return false;
    switch (f->step) {
    case STEP_LOOK:
        return class_of(f, column) != CHECK_OPAQUE;
    case STEP_RANGES:
        return true;
    case STEP_LOOK_AT_ALL:
        return !has_seen_all(f) && f->may_list[column] && !f->facts[column].has_values;
    default:
        return f->may_list[column] && !f->facts[column].has_values;
    }
}

/* Its values can stand in one column with those of others of its type, and are short unless they are texts. */
static bool can_turn(const struct check_facts *f, size_t column)
{
    return class_of(f, column) != CHECK_OPAQUE && !str_eq(f->columns->at[column].type, STR("BIT"));
}

/* The next columns of one type, if there are many. */
static void ask_alike(struct check_facts *f)
{
    for (; f->next < f->columns->len && f->asked.len < ALIKE_COLUMNS_MIN; f->next++) {
        str type = f->columns->at[f->next].type;
        f->asked.len = 0;
        if (f->was_turned[f->next] || !can_turn(f, f->next))
            continue;
        for (size_t i = f->next; i < f->columns->len && f->asked.len < f->alike_most; i++) {
            if (f->was_turned[i] || !str_eq(f->columns->at[i].type, type))
                continue;
            f->was_turned[i] = true;
            vec_push(f->mem, &f->asked, i);
        }
    }
    if (f->asked.len < ALIKE_COLUMNS_MIN)
        f->asked.len = 0;
}

/* Columns from f->next on, as many as one SELECT takes. */
static void ask_columns(struct check_facts *f)
{
    bool is_listing = f->step == STEP_VALUES;
    size_t most = is_listing && !has_seen_all(f) ? TABLES_AT_ONCE : COLUMNS_AT_ONCE, bytes = 0;
    for (; f->next < f->columns->len && f->asked.len < most; f->next++) {
        if (!is_wanted(f, f->next))
            continue;
        bytes += is_listing ? f->bytes[f->next] : 0;
        if (f->asked.len && bytes > ANSWER_BYTES_MAX)
            return;
        vec_push(f->mem, &f->asked, f->next);
    }
}

/* The columns of the next SELECT. Of the ranges there is one at least, for the number of rows. */
static bool choose_columns(struct check_facts *f)
{
    f->asked.len = 0;
    while (f->step != STEP_DONE) {
        if (f->step == STEP_TURNED)
            ask_alike(f);
        else
            ask_columns(f);
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

static void add_names(const struct check_facts *f, struct buf *b, const char *before,
                      const char *behind)
{
    for (size_t i = 0; i < f->asked.len; i++)
        buf_format(b, "%s%s" STR_FMT "%s", i ? ", " : "", before,
                   STR_ARG(name_of(f, f->asked.at[i])), behind);
}

/* So many letters of a text take more bytes than a bound may, unless they are all of it. Named once: what columns have in common is
 * looked for in the square of their number. */
static void add_short(struct buf *b, bool is_text, const char *bound)
{
    if (is_text)
        buf_format(b, "left(%s, %d)", bound, BOUND_BYTES_MAX + 1);
    else
        buf_format(b, "CAST(%s AS VARCHAR)", bound);
}

/* Texts are not copied into one column before their length is known. */
static bool is_guarded(const struct check_facts *f)
{
    return class_of(f, f->asked.at[0]) == CHECK_TEXT && !f->is_empty;
}

/* All of many columns, by expressions of one: the engine takes long for expressions, and not for a few rows. The lists have an element
 * for each column; without a row all is null. */
static void add_turned(const struct check_facts *f, struct buf *b)
{
    bool is_text = class_of(f, f->asked.at[0]) == CHECK_TEXT;
    buf_add(b, STR("SELECT max(total), list(filled ORDER BY place), list(low ORDER BY place), "
                   "list(high ORDER BY place), list(found ORDER BY place) FROM (SELECT place, "
                   "CAST(sum(times) AS BIGINT) AS total, CAST(coalesce(sum(times) FILTER (v IS NOT "
                   "NULL), 0) AS BIGINT) AS filled, "));
    add_short(b, is_text, "min(v)");
    buf_add(b, STR(" AS low, "));
    add_short(b, is_text, "max(v)");
    buf_format(b,
               " AS high, CASE WHEN count(v) <= %d THEN CAST(list(v) FILTER (v IS NOT NULL) AS "
               "VARCHAR[]) END AS found FROM (SELECT place, v, count(*) AS times FROM (SELECT "
               "unnest(range(%zu)) AS place, unnest([",
               FACT_VALUES_MAX, f->asked.len);
    add_names(f, b, "", "");
    buf_format(b, "]) AS v FROM " STR_FMT, STR_ARG(f->view));
    if (is_guarded(f)) {
        buf_add(b, STR(" WHERE (SELECT coalesce(sum(list_sum(["));
        add_names(f, b, "strlen(", ")");
        buf_format(b, "])), 0) FROM " STR_FMT ") <= %d", STR_ARG(f->view), ANSWER_BYTES_MAX);
    }
    buf_add(b, STR(") GROUP BY place, v) GROUP BY place)"));
}

/* Of each column about how many values there are, and of texts how long they are. */
static void add_look(const struct check_facts *f, struct buf *b)
{
    buf_add(b, STR("SELECT "));
    for (size_t i = 0; i < f->asked.len; i++) {
        str name = name_of(f, f->asked.at[i]);
        buf_format(b, "%sapprox_count_distinct(" STR_FMT ")", i ? ", " : "", STR_ARG(name));
        if (class_of(f, f->asked.at[i]) == CHECK_TEXT)
            buf_format(b, ", coalesce(max(strlen(" STR_FMT ")), 0)", STR_ARG(name));
    }
    if (f->step == STEP_LOOK_AT_ALL) {
        buf_format(b, " FROM " STR_FMT, STR_ARG(f->view));
        return;
    }
    buf_add(b, STR(" FROM (SELECT "));
    add_names(f, b, "", "");
    buf_format(b, " FROM " STR_FMT " LIMIT %d)", STR_ARG(f->view), LOOK_ROWS);
}

static void add_bound(const struct check_facts *f, struct buf *b, const char *function,
                      size_t column)
{
    str name = name_of(f, column);
    buf_add(b, STR(", "));
    add_short(b, class_of(f, column) == CHECK_TEXT,
              arena_format(f->mem, "%s(" STR_FMT ")", function, STR_ARG(name)).ptr);
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

/* All columns by one scan. A hash table is quick and takes some MB a column, a histogram takes as much as its values. */
static void add_values(const struct check_facts *f, struct buf *b)
{
    buf_add(b, STR("SELECT "));
    for (size_t i = 0; i < f->asked.len; i++) {
        str name = name_of(f, f->asked.at[i]);
        buf_add(b, i ? STR(", CAST(") : STR("CAST("));
        if (has_seen_all(f))
            buf_format(b, "map_keys(histogram(" STR_FMT "))", STR_ARG(name));
        else
            buf_format(b, "list(DISTINCT " STR_FMT ") FILTER (WHERE " STR_FMT " IS NOT NULL)",
                       STR_ARG(name), STR_ARG(name));
        buf_add(b, STR(" AS VARCHAR[])"));
    }
    buf_format(b, " FROM " STR_FMT, STR_ARG(f->view));
}

bool check_facts_next(struct check_facts *f, str *text_out)
{
    if (f->is_asked || !choose_columns(f))
        return false;
    struct buf *b = buf_new(f->mem, SQL_BYTES_MAX * 4);
    if (f->step == STEP_TURNED)
        add_turned(f, b);
    else if (f->step == STEP_RANGES)
        add_ranges(f, b);
    else if (f->step == STEP_VALUES)
        add_values(f, b);
    else
        add_look(f, b);
    *text_out = buf_str(b);
    f->is_asked = true;
    return true;
}

const struct job_columns *check_facts_columns(struct check_facts *f)
{
    f->asked_columns.len = 0;
    for (size_t i = 0; i < f->asked.len; i++)
        vec_push(f->mem, &f->asked_columns, f->columns->at[f->asked.at[i]]);
    return f->asked.len ? &f->asked_columns : f->columns;
}

static bool read_count(const struct tree *cell, uint64_t *out)
{
    int64_t count;
    if (!tree_is_int(cell, &count) || count < 0)
        return false;
    *out = (uint64_t)count;
    return true;
}

/* How long a value is that is no text; BIT has no end. */
static uint64_t value_bytes(const struct check_facts *f, size_t column)
{
    bool is_bit = str_eq(f->columns->at[column].type, STR("BIT"));
    return is_bit ? BOUND_BYTES_MAX : class_of(f, column) == CHECK_INTEGER ? 20 : 45;
}

static bool take_look(struct check_facts *f, const struct tree *row)
{
    size_t at = 0;
    for (size_t i = 0; i < f->asked.len; i++) {
        size_t column = f->asked.at[i];
        uint64_t count, bytes = value_bytes(f, column);
        if (at == row->len || !read_count(row->at[at++], &count))
            return false;
        if (class_of(f, column) == CHECK_TEXT
            && (at == row->len || !read_count(row->at[at++], &bytes)))
            return false;
        f->may_list[column] = count <= LOOK_VALUES_MAX && bytes <= VALUES_BYTES_MAX;
        f->bytes[column] = f->may_list[column] ? (size_t)(count * bytes) : 0;
    }
    return at == row->len;
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

static bool take_rows(struct check_facts *f, const struct tree *row)
{
    uint64_t rows;
    if (!row->len || !read_count(row->at[0], &rows) || (f->has_rows && rows != f->rows))
        return false;
    f->rows = rows;
    f->has_rows = true;
    return true;
}

static bool take_filled(struct check_facts *f, size_t column, const struct tree *cell)
{
    uint64_t filled;
    if (!read_count(cell, &filled) || filled > f->rows)
        return false;
    f->facts[column].nulls = f->rows - filled;
    return true;
}

static bool take_ranges(struct check_facts *f, const struct tree *row)
{
    size_t at = 1;
    if (!take_rows(f, row))
        return false;
    for (size_t i = 0; i < f->asked.len; i++) {
        size_t column = f->asked.at[i], cells = class_of(f, column) == CHECK_OPAQUE ? 1 : 3;
        if (at + cells > row->len || !take_filled(f, column, row->at[at]))
            return false;
        if (cells == 3 && !take_range(f, column, row->at[at + 1], row->at[at + 2]))
            return false;
        at += cells;
    }
    return at == row->len;
}

static int compare_texts(const void *a, const void *b)
{
    return str_compare(*(const str *)a, *(const str *)b);
}

/* All values of a column, or none of them where they are too many. */
static bool take_list(struct check_facts *f, struct check_fact *fact, const struct tree *list)
{
    size_t bytes = 0;
    for (size_t i = 0; i < list->len; i++) {
        if (list->at[i]->kind != TREE_SCALAR)
            return false;
        bytes += list->at[i]->text.len;
    }
    if (list->len > FACT_VALUES_MAX || bytes > VALUES_BYTES_MAX)
        return true;
    for (size_t i = 0; i < list->len; i++)
        vec_push(f->mem, &fact->values, arena_str(f->mem, list->at[i]->text));
    if (list->len)
        qsort(fact->values.at, fact->values.len, sizeof *fact->values.at, compare_texts);
    fact->has_values = true;
    return true;
}

static bool take_values(struct check_facts *f, const struct tree *row)
{
    if (row->len != f->asked.len)
        return false;
    for (size_t i = 0; i < row->len; i++) {
        size_t column = f->asked.at[i];
        f->may_list[column] = false;
        if (tree_is_null(row->at[i]))
            continue;
        if (row->at[i]->kind != TREE_LIST || !take_list(f, &f->facts[column], row->at[i]))
            return false;
    }
    return true;
}

/* NaN leaves neither bounds nor values: take_range says. */
static bool take_turned_column(struct check_facts *f, size_t column, const struct tree *filled,
                               const struct tree *low, const struct tree *high,
                               const struct tree *found)
{
    struct check_fact *fact = &f->facts[column];
    f->may_list[column] = true;
    if (!take_filled(f, column, filled) || !take_range(f, column, low, high))
        return false;
    bool is_listed = f->may_list[column] && !fact->has_values && found->kind == TREE_LIST;
    f->may_list[column] = false;
    f->is_known[column] = true;
    return !is_listed || take_list(f, fact, found);
}

/* No row of texts: they are too long, and asked like those of many rows. */
static bool take_turned_nothing(struct check_facts *f)
{
    if (is_guarded(f))
        return true;
    if (f->has_rows && f->rows > 0)
        return false;
    f->has_rows = true;
    for (size_t i = 0; i < f->asked.len; i++)
        f->facts[f->asked.at[i]].has_values = f->is_known[f->asked.at[i]] = true;
    return true;
}

static bool take_turned(struct check_facts *f, const struct tree *row)
{
    enum { TOTAL, FILLED, LOW, HIGH, FOUND, CELLS };
    if (row->len != CELLS)
        return false;
    if (tree_is_null(row->at[TOTAL]))
        return take_turned_nothing(f);
    if (!take_rows(f, row))
        return false;
    for (size_t cell = FILLED; cell < CELLS; cell++)
        if (row->at[cell]->kind != TREE_LIST || row->at[cell]->len != f->asked.len)
            return false;
    for (size_t i = 0; i < f->asked.len; i++)
        if (!take_turned_column(f, f->asked.at[i], row->at[FILLED]->at[i], row->at[LOW]->at[i],
                                row->at[HIGH]->at[i], row->at[FOUND]->at[i]))
            return false;
    return true;
}

bool check_facts_take(struct check_facts *f, const struct tree *row)
{
    if (!f->is_asked || row->kind != TREE_LIST)
        return false;
    f->is_asked = false;
    return f->step == STEP_TURNED ? take_turned(f, row)
         : f->step == STEP_RANGES ? take_ranges(f, row)
         : f->step == STEP_VALUES ? take_values(f, row)
                                  : take_look(f, row);
}

struct check_fact *check_facts_list(const struct check_facts *f, uint64_t *rows_out)
{
    *rows_out = f->rows;
    return f->facts;
}
