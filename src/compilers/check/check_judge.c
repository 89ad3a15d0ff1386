#include "check/check.h"

#include "check/check_inside.h"

enum { FOUND_BYTES_MAX = 200 };

struct judge {
    struct arena *mem;
    const struct check_plan *plan;
    const struct check_inside *inside;
    const struct tree *const *answers;
    const str *errors;
    uint64_t rows;
    str rows_problem; /* why the number of rows is not known */
};

static void judge_rule(const struct judge *j, const struct check_way *way,
                       struct check_result *out);

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[] = {
        [VERDICT_PASS] = "pass",
        [VERDICT_FAIL] = "fail",
        [VERDICT_ERROR] = "error",
        [VERDICT_NOT_EXECUTABLE] = "not executable",
    };
    return names[verdict];
}

/* The row of a select, or NULL with why there is none. */
static const struct tree *find_answer(const struct judge *j, size_t select, str *problem_out)
{
    const struct tree *row = j->answers[select];
    *problem_out = row ? STR_NONE : j->errors[select];
    if (!row && !problem_out->len)
        *problem_out = STR("it was not answered");
    return row;
}

static bool read_cell(const struct judge *j, size_t at, uint64_t *out, str *problem_out)
{
    const struct check_cell *cell = &j->inside->cells.at[at];
    const struct tree *row = find_answer(j, cell->select, problem_out);
    int64_t count;
    if (!row)
        return false;
    if (row->kind != TREE_LIST || cell->column >= row->len
        || !tree_is_int(row->at[cell->column], &count) || count < 0) {
        *problem_out = STR("the engine gave no count");
        return false;
    }
    *out = (uint64_t)count;
    return true;
}

void check_judge(struct arena *mem, const struct check_plan *plan,
                 const struct tree *const *answers, const str *errors,
                 struct check_result **verdicts_out, size_t *len_out)
{
    struct judge j = {mem, plan, plan->inside, answers, errors, 0, STR_NONE};
    *len_out = plan->table->rules.len;
    *verdicts_out = ARENA_ARRAY(mem, struct check_result, *len_out + 1);
    if (!*len_out)
        return;
    if (!read_cell(&j, 0, &j.rows, &j.rows_problem))
        j.rows = 0;
    for (size_t i = 0; i < *len_out; i++)
        judge_rule(&j, &j.inside->ways[i], &(*verdicts_out)[i]);
}

/* On one line, and not without end: what a rule's own query gives may be anything. */
static str short_text(struct arena *mem, str text)
{
    struct buf *b = buf_new(mem, FOUND_BYTES_MAX * 2);
    size_t at = 0, len;
    while (at < text.len && at < FOUND_BYTES_MAX) {
        len = str_utf8_at(text, at);
        if (!len || (unsigned char)text.ptr[at] < 0x20)
            buf_add_byte(b, ' ');
        else
            buf_add(b, str_sub(text, at, len));
        at += len ? len : 1;
    }
    buf_add(b, at < text.len ? STR(" …") : STR(""));
    return buf_str(b);
}

/* Its name, or what it is about, before what it demands. */
static str subject_text(struct arena *mem, const struct contract_rule *rule, str expected)
{
    str title = str_eq(rule->name, expected) ? STR_NONE : rule->name;
    if (!title.len && rule->kind == RULE_SQL)
        title = rule->description;
    title = short_text(mem, str_trim(title));
    return title.len ? arena_format(mem, STR_FMT ": " STR_FMT, STR_ARG(title), STR_ARG(expected))
                     : expected;
}

void check_unanswered(struct arena *mem, const struct contract_rule *rule, str problem,
                      struct check_result *out)
{
    out->rule = rule;
    out->expected = contract_rule_text(mem, rule);
    out->verdict = VERDICT_ERROR;
    out->found = short_text(mem, problem);
    out->message =
        arena_format(mem, STR_FMT ": cannot be checked: " STR_FMT,
                     STR_ARG(subject_text(mem, rule, out->expected)), STR_ARG(out->found));
}

static void set_error(const struct judge *j, struct check_result *out, str problem)
{
    check_unanswered(j->mem, out->rule, problem, out);
}

static void set_verdict(const struct judge *j, struct check_result *out, bool holds, str told)
{
    str subject = subject_text(j->mem, out->rule, out->expected);
    out->verdict = holds ? VERDICT_PASS : VERDICT_FAIL;
    out->message =
        arena_format(j->mem, STR_FMT ": found " STR_FMT, STR_ARG(subject), STR_ARG(told));
}

/* `order`: of what was found against the low operand, and against the high one. */
static bool holds(enum rule_operator operator, int order_low, int order_high)
{
    switch (operator) {
    case RULE_IS:
        return order_low == 0;
    case RULE_IS_NOT:
        return order_low != 0;
    case RULE_GREATER:
        return order_low > 0;
    case RULE_GREATER_OR_EQUAL:
        return order_low >= 0;
    case RULE_LESS:
        return order_low < 0;
    case RULE_LESS_OR_EQUAL:
        return order_low <= 0;
    case RULE_BETWEEN:
        return order_low > 0 && order_high < 0;
    case RULE_NOT_BETWEEN:
        return !(order_low > 0 && order_high < 0);
    }
    return false;
}

/* The operands as numbers; one that is none makes the rule an error, not a pass. */
static bool read_bounds(const struct contract_rule *rule, struct contract_number bounds[2])
{
    bool is_pair = rule->operator== RULE_BETWEEN || rule->operator== RULE_NOT_BETWEEN;
    bounds[1] = (struct contract_number){0};
    return contract_number_read(rule->low, &bounds[0])
        && (!is_pair || contract_number_read(rule->high, &bounds[1]));
}

static bool number_holds(const struct contract_rule *rule, const struct contract_number *found,
                         const struct contract_number bounds[2])
{
    return holds(rule->operator, contract_number_compare(found, &bounds[0]),
                 contract_number_compare(found, &bounds[1]));
}

/* What a rule counts: a property of an object is asked for where its object is there. */
static const char *noun_of(const struct contract_rule *rule)
{
    return check_is_of_elements(rule) ? "element" : rule->path.len ? "object" : "row";
}

static str rows_text(struct arena *mem, const struct contract_rule *rule, uint64_t rows)
{
    return arena_format(mem, STR_FMT " %s%s", STR_ARG(check_count_text(mem, rows)), noun_of(rule),
                        rows == 1 ? "" : "s");
}

/* Why nothing can be found. */
static str empty_text(struct arena *mem, const struct contract_rule *rule)
{
    return rule->path.len ? arena_format(mem, "there are no %ss", noun_of(rule))
                          : STR("the table is empty");
}

/* `160 of 5,000 rows`, `none of 5,000 rows`, `the table is empty`. */
static str share_text(struct arena *mem, const struct contract_rule *rule, uint64_t count,
                      uint64_t rows)
{
    if (!rows)
        return empty_text(mem, rule);
    str some = count ? check_count_text(mem, count) : STR("none");
    return arena_format(mem, STR_FMT " of " STR_FMT, STR_ARG(some),
                        STR_ARG(rows_text(mem, rule, rows)));
}

/* Nothing was found, where nothing may be. */
static str none_text(struct arena *mem, const struct contract_rule *rule, uint64_t rows)
{
    return rows ? share_text(mem, rule, 0, rows)
                : arena_format(mem, "none: " STR_FMT, STR_ARG(empty_text(mem, rule)));
}

static void judge_rows(const struct judge *j, struct check_result *out)
{
    struct contract_number bounds[2], found;
    str count = arena_format(j->mem, "%llu", (unsigned long long)j->rows);
    out->found = rows_text(j->mem, out->rule, j->rows);
    if (!read_bounds(out->rule, bounds) || !contract_number_read(count, &found)) {
        set_error(j, out, STR("what it compares with is no number"));
        return;
    }
    set_verdict(j, out, number_holds(out->rule, &found, bounds), out->found);
}

static void judge_count(const struct judge *j, struct check_result *out)
{
    const struct contract_rule *rule = out->rule;
    struct arena *mem = j->mem;
    struct contract_number bounds[2], found;
    uint64_t count = out->rows_failed;
    if (!read_bounds(rule, bounds)) {
        set_error(j, out, STR("what it compares with is no number"));
        return;
    }
    bool is_pair = rule->operator== RULE_BETWEEN || rule->operator== RULE_NOT_BETWEEN;
    size_t places = check_number_places(&bounds[0]), more = check_number_places(&bounds[1]);
    str share = share_text(mem, rule, count, out->rows);
    str percent = check_percent_text(mem, count, out->rows, bounds,
                                     !rule->is_percent ? 0
                                     : is_pair         ? 2
                                                       : 1);
    if (rule->is_percent) {
        found = check_percent(mem, count, out->rows, places > more ? places : more);
        out->found = arena_format(mem, STR_FMT " percent", STR_ARG(percent));
        set_verdict(
            j, out, number_holds(rule, &found, bounds),
            arena_format(mem, STR_FMT " (" STR_FMT ")", STR_ARG(out->found), STR_ARG(share)));
        return;
    }
    (void)contract_number_read(arena_format(mem, "%llu", (unsigned long long)count), &found);
    out->found = rows_text(mem, rule, count);
    str told = count ? arena_format(mem, STR_FMT " (" STR_FMT " percent)", STR_ARG(share),
                                    STR_ARG(percent))
                     : none_text(mem, rule, out->rows);
    set_verdict(j, out, number_holds(rule, &found, bounds), told);
}

/* Required, unique, primary key: nothing may be found. */
static void judge_schema(const struct judge *j, struct check_result *out, uint64_t nulls,
                         uint64_t duplicates)
{
    struct arena *mem = j->mem;
    uint64_t count = nulls + duplicates;
    struct buf *what = buf_new(mem, FOUND_BYTES_MAX);
    if (nulls)
        buf_format(what, STR_FMT " null%s", STR_ARG(check_count_text(mem, nulls)),
                   nulls == 1 ? "" : "s");
    if (duplicates)
        buf_format(what, "%s" STR_FMT " duplicate%s", nulls ? " and " : "",
                   STR_ARG(check_count_text(mem, duplicates)), duplicates == 1 ? "" : "s");
    out->found = count ? buf_str(what) : STR("none");
    if (!count) {
        set_verdict(j, out, true, none_text(mem, out->rule, out->rows));
        return;
    }
    str percent = check_percent_text(mem, count, out->rows, NULL, 0);
    set_verdict(j, out, false,
                arena_format(mem, STR_FMT " in " STR_FMT " (" STR_FMT " percent)",
                             STR_ARG(out->found), STR_ARG(rows_text(mem, out->rule, out->rows)),
                             STR_ARG(percent)));
}

/* Options: no value may fail. */
static void judge_values(const struct judge *j, struct check_result *out)
{
    struct arena *mem = j->mem;
    uint64_t count = out->rows_failed;
    if (!count) {
        out->found = STR("none");
        set_verdict(j, out, true, none_text(mem, out->rule, out->rows));
        return;
    }
    str percent = check_percent_text(mem, count, out->rows, NULL, 0);
    out->found = rows_text(mem, out->rule, count);
    set_verdict(j, out, false,
                arena_format(mem, STR_FMT " that %s not (" STR_FMT " percent)",
                             STR_ARG(share_text(mem, out->rule, count, out->rows)),
                             count == 1 ? "does" : "do", STR_ARG(percent)));
}

static void judge_cells(const struct judge *j, const struct check_way *way,
                        struct check_result *out)
{
    enum rule_kind kind = way->rule->kind;
    uint64_t counted = 0, distinct = 0;
    str problem = j->rows_problem;
    if (problem.len || !read_cell(j, way->all, &out->rows, &problem)
        || (way->counted != CHECK_NO_CELL && !read_cell(j, way->counted, &counted, &problem))
        || (way->distinct != CHECK_NO_CELL && !read_cell(j, way->distinct, &distinct, &problem))) {
        set_error(j, out, problem);
        return;
    }
    if (counted > out->rows || distinct > (way->distinct == CHECK_NO_CELL ? distinct : counted)) {
        set_error(j, out, STR("the engine's counts do not fit together"));
        return;
    }
    uint64_t nulls = out->rows - counted, duplicates = counted - distinct;
    out->has_rows_failed = kind != RULE_ROW_COUNT;
    switch (kind) {
    case RULE_ROW_COUNT:
        judge_rows(j, out);
        return;
    case RULE_REQUIRED:
        out->rows_failed = nulls;
        judge_schema(j, out, nulls, 0);
        return;
    case RULE_UNIQUE:
        out->rows_failed = duplicates;
        judge_schema(j, out, 0, duplicates);
        return;
    case RULE_PRIMARY_KEY:
        out->rows_failed = nulls + duplicates;
        judge_schema(j, out, nulls, duplicates);
        return;
    case RULE_OPTION:
    case RULE_RELATIONSHIP:
        out->rows_failed = counted;
        judge_values(j, out);
        return;
    case RULE_NULL_VALUES:
        out->rows_failed = nulls;
        break;
    case RULE_DUPLICATE_VALUES:
        out->rows_failed = duplicates;
        break;
    default:
        out->rows_failed = counted;
    }
    judge_count(j, out);
}

/* Dates and texts that were written with an operand in quotes: in the order of their bytes. */
static void judge_text(const struct judge *j, struct check_result *out, const struct tree *value)
{
    bool truth, is_bool = tree_is_bool(value, &truth);
    str low = out->rule->low, high = out->rule->high;
    bool is_equal = is_bool ? str_eq_nocase(value->text, low) : str_eq(value->text, low);
    set_verdict(j, out,
                holds(out->rule->operator, is_equal ? 0 : str_compare(value->text, low),
                      str_compare(value->text, high)),
                out->found);
}

static void judge_query(const struct judge *j, const struct check_way *way,
                        struct check_result *out)
{
    struct contract_number bounds[2], found;
    str problem;
    bool truth;
    const struct tree *row = find_answer(j, way->select, &problem), *value;
    if (!row) {
        set_error(j, out, problem);
        return;
    }
    if (row->kind != TREE_LIST || row->len != 1) {
        set_error(j, out, arena_format(j->mem, "its query gives %zu columns, not one", row->len));
        return;
    }
    value = row->at[0];
    if (tree_is_null(value)) {
        set_error(j, out, STR("its query gives null; coalesce(…, 0) makes a number of it"));
        return;
    }
    if (value->kind != TREE_SCALAR) {
        set_error(j, out, STR("its query gives a nested value, not a number or true or false"));
        return;
    }
    out->found = short_text(j->mem, value->text);
    if (out->rule->operand_is_text) {
        judge_text(j, out, value);
        return;
    }
    if (value->quoted || tree_is_bool(value, &truth)
        || !contract_number_read(value->text, &found)) {
        set_error(j, out,
                  arena_format(j->mem, "its query gives " STR_FMT ", which is no number",
                               STR_ARG(out->found)));
        return;
    }
    if (!read_bounds(out->rule, bounds)) {
        set_error(j, out, STR("what it compares with is no number"));
        return;
    }
    set_verdict(j, out, number_holds(out->rule, &found, bounds), out->found);
}

static void set_not_executable(const struct judge *j, struct check_result *out, str why)
{
    str subject = subject_text(j->mem, out->rule, out->expected);
    out->verdict = VERDICT_NOT_EXECUTABLE;
    out->message = arena_format(j->mem, STR_FMT ": not executable: " STR_FMT,
                                STR_ARG(short_text(j->mem, subject)), STR_ARG(why));
}

static void judge_rule(const struct judge *j, const struct check_way *way, struct check_result *out)
{
    *out = (struct check_result){.rule = way->rule, .rows = j->rows};
    out->expected = contract_rule_text(j->mem, way->rule);
    if (way->rule->kind == RULE_TEXT)
        set_not_executable(j, out, STR("a rule of type text is for readers"));
    else if (way->rule->kind == RULE_CUSTOM)
        set_not_executable(j, out, STR("weft does not run this rule"));
    else if (way->outside.len)
        set_not_executable(j, out, way->outside);
    else if (way->problem.len)
        set_error(j, out, way->problem);
    else if (way->rule->kind == RULE_SQL)
        judge_query(j, way, out);
    else
        judge_cells(j, way, out);
}
