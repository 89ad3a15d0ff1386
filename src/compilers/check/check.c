#include "check/check.h"

#include "check/check_inside.h"
#include "limits/limits.h"

/* A fused SELECT is cut here, so that many rules with long lists stay below the bound of one text. */
enum { FUSED_BYTES = SQL_BYTES_MAX / 2 };

struct compiler {
    struct arena *mem;
    const struct contract_table *table;
    const struct job_columns *columns;
    str view;
    struct check_plan *plan;
    struct check_inside *inside;
};

static void compile_rule(struct compiler *c, struct check_way *way);
static size_t add_cell(struct compiler *c, const struct contract_rule *rule, str expression,
                       str text);
static void pack_cells(struct compiler *c);

bool check_compile(struct arena *mem, const struct contract_table *table, str view,
                   const struct job_columns *columns, struct check_plan *out)
{
    struct compiler c = {mem, table, columns, view, out, ARENA_NEW(mem, struct check_inside)};

    *out = (struct check_plan){.table = table, .inside = c.inside};
    if (!view.len)
        return false;
    c.inside->ways = ARENA_ARRAY(mem, struct check_way, table->rules.len + 1);
    add_cell(&c, NULL, STR("count(*)"), STR_NONE);
    for (size_t i = 0; i < table->rules.len; i++) {
        struct check_way *way = &c.inside->ways[i];
        *way = (struct check_way){&table->rules.at[i], STR_NONE, CHECK_NO_CELL, CHECK_NO_CELL,
                                  SIZE_MAX};
        compile_rule(&c, way);
    }
    pack_cells(&c);
    return true;
}

static const struct job_column *find_column(const struct compiler *c, str name)
{
    for (size_t i = 0; i < c->columns->len; i++)
        if (str_eq(c->columns->at[i].name, name))
            return &c->columns->at[i];
    return NULL;
}

static str identifier(struct arena *mem, str name)
{
    struct buf *b = buf_new(mem, 2 * name.len + 3);
    buf_add_identifier(b, name);
    return buf_str(b);
}

static bool has_columns(const struct compiler *c, struct check_way *way)
{
    const struct str_list *columns = &way->rule->columns;
    for (size_t i = 0; i < columns->len; i++)
        if (!find_column(c, columns->at[i])) {
            way->problem = arena_format(c->mem, "there is no column " STR_FMT " in " STR_FMT,
                                        STR_ARG(columns->at[i]), STR_ARG(c->table->name));
            return false;
        }
    return true;
}

/* The same count is asked once, whatever the rules that want it. */
static size_t add_cell(struct compiler *c, const struct contract_rule *rule, str expression,
                       str text)
{
    size_t at = 0;
    while (at < c->inside->cells.len
           && (!str_eq(c->inside->cells.at[at].expression, expression)
               || !str_eq(c->inside->cells.at[at].text, text)))
        at++;
    if (at == c->inside->cells.len)
        vec_push(c->mem, &c->inside->cells,
                 ((struct check_cell){.expression = expression, .text = text}));
    if (rule)
        vec_push(c->mem, &c->inside->cells.at[at].rules, rule);
    return at;
}

/* Counting a column is cheaper than a filter for its nulls. */
static void compile_nulls(struct compiler *c, struct check_way *way)
{
    str name = identifier(c->mem, way->rule->columns.at[0]);
    str expression = arena_format(c->mem, "count(" STR_FMT ")", STR_ARG(name));
    way->counted = add_cell(c, way->rule, expression, STR_NONE);
}

/* A number that the type cannot hold would be rounded by the cast and then equal another value. */
static bool fits_type(struct arena *mem, const struct tree *value, str text, str type)
{
    struct check_number number;
    switch (check_class(type)) {
    case CHECK_INTEGER:
    case CHECK_NUMBER:
        return check_number_read(mem, text, &number)
            && check_number_places(&number) <= (size_t)check_scale(type);
    case CHECK_DATE: /* A time of the day would be cut off. */
        return !str_has(text, ':');
    case CHECK_FLOAT:
        return value->quoted || check_number_read(mem, text, &number);
    default:
        return true;
    }
}

static void add_value(struct compiler *c, struct buf *b, const struct tree *value, str type)
{
    bool is_text = check_class(type) == CHECK_TEXT || check_class(type) == CHECK_OPAQUE;
    int64_t whole;
    str text = value->text;
    /* 0x1F is 31 in YAML. */
    if (!is_text && tree_is_int(value, &whole))
        text = arena_format(c->mem, "%lld", (long long)whole);
    if (!is_text && !fits_type(c->mem, value, text, type))
        return;
    buf_add(b, b->len ? STR(", ") : STR(""));
    buf_add(b, is_text ? STR("") : STR("TRY_CAST("));
    buf_add_literal(b, text);
    if (!is_text)
        buf_format(b, " AS " STR_FMT ")", STR_ARG(type));
}

/* `column IN (…)`, or `false` where no listed value fits the column. */
static str values_text(struct compiler *c, const struct contract_rule *rule, str name, str type)
{
    struct buf *list = buf_new(c->mem, SQL_BYTES_MAX);
    for (size_t i = 0; i < rule->values.len; i++)
        if (!tree_is_null(rule->values.at[i]))
            add_value(c, list, rule->values.at[i], type);
    if (list->full)
        return STR_NONE;
    if (!list->len)
        return STR("false");
    return check_class(type) == CHECK_OPAQUE
             ? arena_format(c->mem, "CAST(" STR_FMT " AS VARCHAR) IN (" STR_FMT ")", STR_ARG(name),
                            STR_ARG(buf_str(list)))
             : arena_format(c->mem, STR_FMT " IN (" STR_FMT ")", STR_ARG(name),
                            STR_ARG(buf_str(list)));
}

static bool compile_values(struct compiler *c, struct check_way *way, str name, str type, str *out)
{
    *out = values_text(c, way->rule, name, type);
    if (!out->len)
        way->problem =
            arena_format(c->mem, "its list of values is longer than %d bytes", SQL_BYTES_MAX);
    return out->len > 0;
}

static void compile_missing(struct compiler *c, struct check_way *way)
{
    const struct job_column *column = find_column(c, way->rule->columns.at[0]);
    str name = identifier(c->mem, column->name), values;
    bool has_null = false;
    for (size_t i = 0; i < way->rule->values.len; i++)
        has_null = has_null || tree_is_null(way->rule->values.at[i]);
    if (!compile_values(c, way, name, column->type, &values))
        return;
    str nulls = has_null ? arena_format(c->mem, STR_FMT " IS NULL OR ", STR_ARG(name)) : STR_NONE;
    str expression = arena_format(c->mem, "count(*) FILTER (WHERE " STR_FMT STR_FMT ")",
                                  STR_ARG(nulls), STR_ARG(values));
    way->counted = add_cell(c, way->rule, expression, STR_NONE);
}

static bool compile_pattern(struct compiler *c, struct check_way *way, str name, str type, str *out,
                            bool *is_large_out)
{
    str pattern;
    *is_large_out = false;
    if (!way->rule->pattern.len)
        return true;
    if (!check_pattern(c->mem, way->rule->pattern, &pattern, is_large_out, &way->problem))
        return false;
    struct buf *literal = buf_new(c->mem, SQL_BYTES_MAX);
    if (!buf_add_literal(literal, pattern)) {
        way->problem = STR("its pattern is too long");
        return false;
    }
    bool is_text = check_class(type) == CHECK_TEXT;
    *out = arena_format(c->mem, "%sNOT regexp_matches(%s" STR_FMT "%s, " STR_FMT ")",
                        way->rule->has_values ? " OR " : "", is_text ? "" : "CAST(", STR_ARG(name),
                        is_text ? "" : " AS VARCHAR)", STR_ARG(buf_str(literal)));
    return true;
}

static void compile_invalid(struct compiler *c, struct check_way *way)
{
    const struct job_column *column = find_column(c, way->rule->columns.at[0]);
    str name = identifier(c->mem, column->name), values = STR_NONE, pattern = STR_NONE;
    bool is_large;
    if (!way->rule->has_values && !way->rule->pattern.len)
        way->problem = STR("it has neither validValues nor a pattern");
    if (way->problem.len || !compile_pattern(c, way, name, column->type, &pattern, &is_large))
        return;
    if (way->rule->has_values) {
        if (!compile_values(c, way, name, column->type, &values))
            return;
        /* A value that no type could hold makes a null among the listed: then IN is null where it should be false. */
        values = arena_format(c->mem, "(" STR_FMT ") IS NOT TRUE", STR_ARG(values));
    }
    str expression = arena_format(
        c->mem, "count(*) FILTER (WHERE " STR_FMT " IS NOT NULL AND (" STR_FMT STR_FMT "))",
        STR_ARG(name), STR_ARG(values), STR_ARG(pattern));
    str text = is_large ? arena_format(c->mem, "SELECT " STR_FMT " FROM " STR_FMT,
                                       STR_ARG(expression), STR_ARG(c->view))
                        : STR_NONE;
    way->counted = add_cell(c, way->rule, is_large ? STR_NONE : expression, text);
}

/* Keys of whole numbers are mostly dense: 64 neighbours share one group, which is several times faster, and no slower by
 * much where they are not. */
static str distinct_text(const struct compiler *c, str name, str type)
{
    if (check_class(type) != CHECK_INTEGER)
        return arena_format(c->mem, "SELECT count(DISTINCT " STR_FMT ") FROM " STR_FMT,
                            STR_ARG(name), STR_ARG(c->view));
    return arena_format(
        c->mem,
        "SELECT coalesce(sum(bit_count(word)), 0) FROM (SELECT bit_or(1::UBIGINT << "
        "(" STR_FMT " & 63)::UBIGINT) AS word FROM " STR_FMT " WHERE " STR_FMT
        " IS NOT NULL GROUP BY " STR_FMT " >> 6)",
        STR_ARG(name), STR_ARG(c->view), STR_ARG(name), STR_ARG(name));
}

static void compile_distinct(struct compiler *c, struct check_way *way)
{
    const struct str_list *columns = &way->rule->columns;
    struct str_list names = {0}, tests = {0};
    for (size_t i = 0; i < columns->len; i++) {
        str name = identifier(c->mem, columns->at[i]);
        str_list_add(c->mem, &names, name);
        str_list_add(c->mem, &tests, arena_format(c->mem, STR_FMT " IS NOT NULL", STR_ARG(name)));
    }
    if (names.len == 1) {
        compile_nulls(c, way);
        way->distinct =
            add_cell(c, way->rule, STR_NONE,
                     distinct_text(c, names.at[0], find_column(c, columns->at[0])->type));
        return;
    }
    /* Whichever rule names the columns in whichever order: the duplicates are the same. */
    str_list_sort(&names);
    str_list_sort(&tests);
    str list = str_list_join(c->mem, &names, STR(", "));
    str filter = str_list_join(c->mem, &tests, STR(" AND "));
    str counted = arena_format(c->mem, "count(*) FILTER (WHERE " STR_FMT ")", STR_ARG(filter));
    str text = arena_format(c->mem,
                            "SELECT count(*) FROM (SELECT DISTINCT " STR_FMT " FROM " STR_FMT
                            " WHERE " STR_FMT ")",
                            STR_ARG(list), STR_ARG(c->view), STR_ARG(filter));
    way->counted = add_cell(c, way->rule, counted, STR_NONE);
    way->distinct = add_cell(c, way->rule, STR_NONE, text);
}

static void compile_query(struct compiler *c, struct check_way *way)
{
    str column = way->rule->columns.len ? way->rule->columns.at[0] : STR_NONE, text;
    if (!check_query(c->mem, way->rule->query, c->view, c->table->name, column, &text,
                     &way->problem))
        return;
    struct check_select *select = vec_add(c->mem, &c->plan->selects);
    select->text = text;
    select->is_foreign = true;
    vec_push(c->mem, &select->rules, way->rule);
    way->select = c->plan->selects.len - 1;
}

static void compile_rule(struct compiler *c, struct check_way *way)
{
    enum rule_kind kind = way->rule->kind;
    bool needs_column = kind != RULE_ROW_COUNT && kind != RULE_SQL;
    if (kind == RULE_TEXT || kind == RULE_CUSTOM)
        return;
    if (needs_column && !way->rule->columns.len)
        way->problem = STR("it names no column");
    if (way->problem.len || !has_columns(c, way))
        return;
    switch (kind) {
    case RULE_NULL_VALUES:
    case RULE_REQUIRED:
        compile_nulls(c, way);
        break;
    case RULE_MISSING_VALUES:
        compile_missing(c, way);
        break;
    case RULE_INVALID_VALUES:
        compile_invalid(c, way);
        break;
    case RULE_DUPLICATE_VALUES:
    case RULE_UNIQUE:
    case RULE_PRIMARY_KEY:
        compile_distinct(c, way);
        break;
    case RULE_SQL:
        compile_query(c, way);
        break;
    default: /* the number of rows is there anyway */
        vec_push(c->mem, &c->inside->cells.at[0].rules, way->rule);
    }
}

static void add_rules(struct compiler *c, struct check_select *select,
                      const struct check_cell *cell)
{
    for (size_t i = 0; i < cell->rules.len; i++) {
        bool is_there = false;
        for (size_t j = 0; j < select->rules.len && !is_there; j++)
            is_there = select->rules.at[j] == cell->rules.at[i];
        if (!is_there)
            vec_push(c->mem, &select->rules, cell->rules.at[i]);
    }
}

static void end_fused(const struct compiler *c, struct buf *b, size_t select)
{
    buf_format(b, " FROM " STR_FMT, STR_ARG(c->view));
    c->plan->selects.at[select].text = buf_str(b);
}

static void pack_cells(struct compiler *c)
{
    struct buf *b = NULL;
    size_t fused = 0, columns = 0;
    if (!c->table->rules.len)
        return;
    for (size_t i = 0; i < c->inside->cells.len; i++) {
        struct check_cell *cell = &c->inside->cells.at[i];
        if (cell->text.len) {
            cell->select = c->plan->selects.len;
            vec_add(c->mem, &c->plan->selects)->text = cell->text;
            add_rules(c, &c->plan->selects.at[cell->select], cell);
            continue;
        }
        if (b && b->len + cell->expression.len > FUSED_BYTES) {
            end_fused(c, b, fused);
            b = NULL;
        }
        if (!b) {
            b = buf_new(c->mem, SQL_BYTES_MAX * 2);
            buf_add(b, STR("SELECT "));
            fused = c->plan->selects.len;
            columns = 0;
            vec_add(c->mem, &c->plan->selects);
        }
        cell->select = fused;
        cell->column = columns++;
        buf_add(b, cell->column ? STR(", ") : STR(""));
        buf_add(b, cell->expression);
        add_rules(c, &c->plan->selects.at[fused], cell);
    }
    if (b)
        end_fused(c, b, fused);
}
