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
    const struct check_targets *targets;
    struct check_plan *plan;
    struct check_inside *inside;
};

static void compile_rule(struct compiler *c, struct check_way *way);
static size_t add_cell(struct compiler *c, const struct contract_rule *rule, str from,
                       str expression, str text);
static size_t add_count(struct compiler *c, const struct contract_rule *rule, str from,
                        str expression, str test);
static void pack_cells(struct compiler *c);

bool check_compile(struct arena *mem, const struct contract_table *table, str view,
                   const struct job_columns *columns, const struct check_targets *targets,
                   struct check_plan *out)
{
    struct compiler c = {
        mem, table, columns, view, targets, out, ARENA_NEW(mem, struct check_inside)};

    *out = (struct check_plan){.table = table, .inside = c.inside};
    if (!view.len)
        return false;
    c.inside->ways = ARENA_ARRAY(mem, struct check_way, table->rules.len + 1);
    add_cell(&c, NULL, view, STR("count(*)"), STR_NONE);
    for (size_t i = 0; i < table->rules.len; i++) {
        struct check_way *way = &c.inside->ways[i];
        *way = (struct check_way){
            .rule = &table->rules.at[i],
            .counted = CHECK_NO_CELL,
            .distinct = CHECK_NO_CELL,
            .select = SIZE_MAX,
        };
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

/* Fewer rows that fail are better, and none is enough: what is left passes then. */
static bool passes_without(const struct contract_rule *rule)
{
    return rule->operator== RULE_LESS || rule->operator== RULE_LESS_OR_EQUAL ||(
        rule->operator== RULE_IS && str_eq(rule->low, STR("0")));
}

static str why_not_diverted(struct arena *mem, const struct contract_rule *rule,
                            const struct job_columns *columns)
{
    struct check_predicate predicate;
    /* Where it leads is not known here, and its rows are those without a partner. */
    if (rule->kind == RULE_RELATIONSHIP)
        return STR_NONE;
    if (!check_predicate(mem, rule, columns, NULL, &predicate))
        return predicate.problem;
    if (rule->kind == RULE_REQUIRED || rule->kind == RULE_UNIQUE || rule->kind == RULE_OPTION)
        return STR_NONE;
    return passes_without(rule) ? STR_NONE : STR("it may fail when all rows that count are gone");
}

/* Columns that stand beside those of diverted rows, and the number of a row in its file. */
static bool is_taken(str name)
{
    return str_eq_nocase(name, STR("file_row_number"))
        || (name.len > 5 && str_eq_nocase(str_sub(name, 0, 5), STR("weft_")));
}

static void check_diverted(struct arena *mem, const struct contract_table *table,
                           const struct job_columns *columns, struct report *report)
{
    bool diverts = false;
    for (size_t i = 0; i < table->rules.len; i++) {
        const struct contract_rule *rule = &table->rules.at[i];
        if (rule->effect != RULE_QUARANTINES)
            continue;
        str why = why_not_diverted(mem, rule, columns);
        diverts = true;
        if (!why.len)
            continue;
        struct finding *f =
            report_add(report, FINDING_ERROR, ERR_INVALID, rule->place,
                       "no rows can be quarantined by the rule " STR_FMT ": " STR_FMT,
                       STR_ARG(contract_rule_text(mem, rule)), STR_ARG(why));
        f->hint = STR("onFailure: reject or warn; rows are quarantined by relationships, and by "
                      "nullValues, missingValues, invalidValues and duplicateValues that must be "
                      "0, or less than a number or percent");
    }
    for (size_t i = 0; diverts && i < table->columns.len; i++) {
        if (!is_taken(table->columns.at[i].name))
            continue;
        struct finding *f =
            report_add(report, FINDING_ERROR, ERR_INVALID, table->columns.at[i].place,
                       "a table whose rows may be quarantined cannot have a column of this name");
        f->found = table->columns.at[i].name;
        f->hint = STR("give it a name that does not begin with weft_ and is not file_row_number");
    }
}

void check_contract(struct arena *mem, const struct contract *contract, struct report *report)
{
    for (size_t i = 0; i < contract->tables.len; i++) {
        const struct contract_table *table = &contract->tables.at[i];
        struct job_columns columns = {0};
        struct check_plan plan;
        for (size_t j = 0; j < table->columns.len; j++)
            vec_push(mem, &columns,
                     ((struct job_column){.name = table->columns.at[j].name,
                                          .type = table->columns.at[j].type}));
        check_diverted(mem, table, &columns, report);
        if (!check_compile(mem, table, STR("self.checked"), &columns, NULL, &plan))
            continue;
        const struct check_inside *inside = plan.inside;
        for (size_t j = 0; j < table->rules.len; j++) {
            const struct check_way *way = &inside->ways[j];
            if (!way->problem.len)
                continue;
            struct finding *f = report_add(
                report, way->rule->effect == RULE_WARNS ? FINDING_WARNING : FINDING_ERROR,
                ERR_INVALID, way->rule->place, STR_FMT " cannot be checked: " STR_FMT,
                STR_ARG(contract_rule_text(mem, way->rule)), STR_ARG(way->problem));
            f->hint = STR("a rule that cannot be checked is never passed");
        }
    }
}

/* The same count is asked once, whatever the rules that want it. */
static size_t add_cell(struct compiler *c, const struct contract_rule *rule, str from,
                       str expression, str text)
{
    size_t at = 0;
    while (at < c->inside->cells.len
           && (!str_eq(c->inside->cells.at[at].from, from)
               || !str_eq(c->inside->cells.at[at].expression, expression)
               || !str_eq(c->inside->cells.at[at].text, text)))
        at++;
    if (at == c->inside->cells.len)
        vec_push(c->mem, &c->inside->cells,
                 ((struct check_cell){.from = from, .expression = expression, .text = text}));
    if (rule)
        vec_push(c->mem, &c->inside->cells.at[at].rules, rule);
    return at;
}

/* A count that one look at each row gives. */
static size_t add_count(struct compiler *c, const struct contract_rule *rule, str from,
                        str expression, str test)
{
    size_t at = add_cell(c, rule, from, expression, STR_NONE);
    c->inside->cells.at[at].test = test;
    return at;
}

/* What a rule's share is of: rows of the table, elements of an array, objects that have the property. */
static size_t add_all(struct compiler *c, const struct check_spot *spot)
{
    if (!spot->owner.len)
        return add_cell(c, NULL, spot->from, STR("count(*)"), STR_NONE);
    str test = arena_format(c->mem, STR_FMT " IS NOT NULL", STR_ARG(spot->owner));
    str text = arena_format(c->mem, "count(*) FILTER (WHERE " STR_FMT ")", STR_ARG(test));
    return add_count(c, NULL, spot->from, text, test);
}

/* Counting a column is cheaper than a filter for its nulls. */
static void compile_nulls(struct compiler *c, struct check_way *way, const struct check_spot *spot)
{
    str expression = arena_format(c->mem, "count(" STR_FMT ")", STR_ARG(spot->raw));
    str test = arena_format(c->mem, STR_FMT " IS NOT NULL", STR_ARG(spot->raw));
    way->counted = add_count(c, way->rule, spot->from, expression, test);
}

static void compile_failing(struct compiler *c, struct check_way *way,
                            const struct check_spot *spot)
{
    str test;
    bool is_large;
    if (!check_failing(c->mem, way->rule, spot, &test, &is_large, &way->problem))
        return;
    if (test.len > SQL_BYTES_MAX) {
        way->problem = STR("its text is longer than weft takes");
        return;
    }
    str expression = arena_format(c->mem, "count(*) FILTER (WHERE " STR_FMT ")", STR_ARG(test));
    way->counted = is_large ? add_cell(c, way->rule, spot->from, STR_NONE,
                                       arena_format(c->mem, "SELECT " STR_FMT " FROM " STR_FMT,
                                                    STR_ARG(expression), STR_ARG(spot->from)))
                            : add_count(c, way->rule, spot->from, expression, test);
}

/* Keys of whole numbers are mostly dense: 64 neighbours share one group, which is several times faster, and no slower by
 * much where they are not. */
static str distinct_text(const struct compiler *c, const struct check_spot *spot)
{
    str name = spot->raw;
    if (check_class(spot->type) != CHECK_INTEGER || !str_eq(spot->raw, spot->value))
        return arena_format(c->mem, "SELECT count(DISTINCT " STR_FMT ") FROM " STR_FMT,
                            STR_ARG(name), STR_ARG(spot->from));
    return arena_format(
        c->mem,
        "SELECT coalesce(sum(bit_count(word)), 0) FROM (SELECT bit_or(1::UBIGINT << "
        "(" STR_FMT " & 63)::UBIGINT) AS word FROM " STR_FMT " WHERE " STR_FMT
        " IS NOT NULL GROUP BY " STR_FMT " >> 6)",
        STR_ARG(name), STR_ARG(spot->from), STR_ARG(name), STR_ARG(name));
}

/* A column of whole numbers that the contract says to be unique by itself. */
static const struct job_column *unique_column(const struct compiler *c,
                                              const struct str_list *columns)
{
    for (size_t i = 0; i < c->table->rules.len; i++) {
        const struct contract_rule *rule = &c->table->rules.at[i];
        bool is_unique = rule->kind == RULE_UNIQUE || rule->kind == RULE_PRIMARY_KEY;
        if (!is_unique || rule->columns.len != 1 || rule->path.len
            || !str_list_has(columns, rule->columns.at[0]))
            continue;
        const struct job_column *column = find_column(c, rule->columns.at[0]);
        if (column && check_class(column->type) == CHECK_INTEGER)
            return column;
    }
    return NULL;
}

/* Rows are alike only where that column is, too: those whose neighbourhood of 64 numbers holds none twice are different, and but
 * the others are grouped. It is slower where the contract is wrong, and never less exact. */
static str distinct_by_unique(const struct compiler *c, const struct job_column *column, str list,
                              str filter)
{
    str name = check_identifier(c->mem, column->name);
    return arena_format(c->mem,
                        "WITH shared AS MATERIALIZED (SELECT " STR_FMT " >> 6 AS word FROM " STR_FMT
                        " WHERE " STR_FMT " GROUP BY " STR_FMT
                        " >> 6 HAVING count(*) <> bit_count(bit_or(1::UBIGINT << (" STR_FMT
                        " & 63)::UBIGINT))) SELECT (SELECT count(*) FROM " STR_FMT " WHERE " STR_FMT
                        ") - coalesce(sum(many - 1), 0) FROM (SELECT count(*) AS many FROM " STR_FMT
                        " WHERE " STR_FMT " AND " STR_FMT
                        " >> 6 IN (SELECT word FROM shared) GROUP BY " STR_FMT ")",
                        STR_ARG(name), STR_ARG(c->view), STR_ARG(filter), STR_ARG(name),
                        STR_ARG(name), STR_ARG(c->view), STR_ARG(filter), STR_ARG(c->view),
                        STR_ARG(filter), STR_ARG(name), STR_ARG(list));
}

static str distinct_rows(const struct compiler *c, const struct str_list *columns, str list,
                         str filter)
{
    const struct job_column *unique = unique_column(c, columns);
    return unique ? distinct_by_unique(c, unique, list, filter)
                  : arena_format(c->mem,
                                 "SELECT count(*) FROM (SELECT DISTINCT " STR_FMT " FROM " STR_FMT
                                 " WHERE " STR_FMT ")",
                                 STR_ARG(list), STR_ARG(c->view), STR_ARG(filter));
}

static void compile_distinct(struct compiler *c, struct check_way *way,
                             const struct check_spot *spot)
{
    const struct str_list *columns = &way->rule->columns;
    struct str_list names = {0}, tests = {0};
    if (spot) {
        compile_nulls(c, way, spot);
        way->distinct = add_cell(c, way->rule, spot->from, STR_NONE, distinct_text(c, spot));
        return;
    }
    for (size_t i = 0; i < columns->len; i++) {
        str name = check_identifier(c->mem, columns->at[i]);
        str_list_add(c->mem, &names, name);
        str_list_add(c->mem, &tests, arena_format(c->mem, STR_FMT " IS NOT NULL", STR_ARG(name)));
    }
    /* Whichever rule names the columns in whichever order: the duplicates are the same. */
    str_list_sort(&names);
    str_list_sort(&tests);
    str list = str_list_join(c->mem, &names, STR(", "));
    str filter = str_list_join(c->mem, &tests, STR(" AND "));
    str counted = arena_format(c->mem, "count(*) FILTER (WHERE " STR_FMT ")", STR_ARG(filter));
    way->counted = add_count(c, way->rule, c->view, counted, filter);
    way->distinct =
        add_cell(c, way->rule, c->view, STR_NONE, distinct_rows(c, columns, list, filter));
}

static void compile_query(struct compiler *c, struct check_way *way)
{
    struct check_spot spot = {.value = STR_NONE};
    bool is_many = check_is_of_elements(way->rule);
    str column = way->rule->columns.len && !is_many ? way->rule->columns.at[0] : STR_NONE, text;
    if (column.len && !check_spot(c->mem, way->rule, c->columns, c->view, &spot, &way->problem))
        return;
    if (!check_query(c->mem, way->rule->query, c->view, c->table->name, column, spot.value, &text,
                     &way->problem)) {
        if (is_many)
            way->problem = STR("its query speaks of a property, but it stands for many elements: "
                               "write unnest of the column instead");
        return;
    }
    struct check_select *select = vec_add(c->mem, &c->plan->selects);
    select->text = text;
    select->is_foreign = true;
    vec_push(c->mem, &select->rules, way->rule);
    way->select = c->plan->selects.len - 1;
}

static const struct check_target *find_target(const struct compiler *c,
                                              const struct contract_rule *rule)
{
    for (size_t i = 0; c->targets && i < c->targets->len; i++)
        if (c->targets->at[i].rule == rule)
            return &c->targets->at[i];
    return NULL;
}

static void compile_relation(struct compiler *c, struct check_way *way)
{
    const struct check_target *target = find_target(c, way->rule);
    struct check_spot spot = {.from = c->view};
    struct str_list values = {0};
    if (!target || target->problem.len) {
        way->outside = target ? target->problem : STR("its target is not known");
        return;
    }
    for (size_t i = 0; way->rule->columns.len > 1 && i < way->rule->columns.len; i++)
        vec_push(c->mem, &values, check_identifier(c->mem, way->rule->columns.at[i]));
    if (!values.len) {
        if (!check_spot(c->mem, way->rule, c->columns, c->view, &spot, &way->problem))
            return;
        vec_push(c->mem, &values, spot.value);
        way->all = add_all(c, &spot);
    }
    str text = check_relation(c->mem, way->rule, target, &values, spot.raw, spot.from, true);
    way->counted = add_cell(c, way->rule, c->view, STR_NONE, text);
    c->inside->cells.at[way->counted].reads_inputs = target->is_input;
    c->inside->cells.at[way->counted].reads_others = !target->is_input;
}

/* A rule about one property. */
static void compile_spot(struct compiler *c, struct check_way *way)
{
    struct check_spot spot;
    if (!check_spot(c->mem, way->rule, c->columns, c->view, &spot, &way->problem))
        return;
    if (spot.from.len + spot.value.len > SQL_BYTES_MAX) {
        way->problem = STR("the way to its values is longer than weft takes");
        return;
    }
    way->all = add_all(c, &spot);
    switch (way->rule->kind) {
    case RULE_NULL_VALUES:
    case RULE_REQUIRED:
        compile_nulls(c, way, &spot);
        break;
    case RULE_DUPLICATE_VALUES:
    case RULE_UNIQUE:
    case RULE_PRIMARY_KEY:
        compile_distinct(c, way, &spot);
        break;
    default:
        compile_failing(c, way, &spot);
    }
}

static void compile_rule(struct compiler *c, struct check_way *way)
{
    enum rule_kind kind = way->rule->kind;
    size_t columns = way->rule->columns.len;
    if (kind == RULE_TEXT || kind == RULE_CUSTOM || (!way->rule->path.len && !has_columns(c, way)))
        return;
    if (kind == RULE_SQL)
        compile_query(c, way);
    else if (kind == RULE_ROW_COUNT) /* the number of rows is there anyway */
        vec_push(c->mem, &c->inside->cells.at[0].rules, way->rule);
    else if (!columns)
        way->problem = STR("it names no column");
    else if (kind == RULE_RELATIONSHIP)
        compile_relation(c, way);
    else if (columns == 1)
        compile_spot(c, way);
    else
        compile_distinct(c, way, NULL);
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

static void end_fused(const struct compiler *c, struct buf *b, str from, size_t select)
{
    buf_format(b, " FROM " STR_FMT, STR_ARG(from));
    c->plan->selects.at[select].text = buf_str(b);
}

/* All counts over the same rows go into one SELECT, or few where their texts are long. */
static void fuse_cells(struct compiler *c, str from)
{
    struct buf *b = NULL;
    size_t fused = 0, columns = 0;
    for (size_t i = 0; i < c->inside->cells.len; i++) {
        struct check_cell *cell = &c->inside->cells.at[i];
        if (cell->text.len || !str_eq(cell->from, from))
            continue;
        if (b && b->len + cell->expression.len > FUSED_BYTES) {
            end_fused(c, b, from, fused);
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
        end_fused(c, b, from, fused);
}

static void pack_cells(struct compiler *c)
{
    struct str_list froms = {0};
    if (!c->table->rules.len)
        return;
    for (size_t i = 0; i < c->inside->cells.len; i++)
        if (!c->inside->cells.at[i].text.len
            && !str_list_has(&froms, c->inside->cells.at[i].from)) {
            vec_push(c->mem, &froms, c->inside->cells.at[i].from);
            fuse_cells(c, c->inside->cells.at[i].from);
        }
    for (size_t i = 0; i < c->inside->cells.len; i++) {
        struct check_cell *cell = &c->inside->cells.at[i];
        if (!cell->text.len)
            continue;
        cell->select = c->plan->selects.len;
        struct check_select *select = vec_add(c->mem, &c->plan->selects);
        select->text = cell->text;
        select->reads_others = cell->reads_others;
        select->reads_inputs = cell->reads_inputs;
        add_rules(c, &c->plan->selects.at[cell->select], cell);
    }
}
