#include "contract/contract_custom.h"
#include "contract/contract_inside.h"

#include "shape/shape.h"

/* One rule of a quality list, while it is read. */
struct rule_reader {
    struct contract_reader *r;
    struct contract_table *table;
    const struct contract_spot *spot; /* NULL: a rule of the table */
    const struct tree *node;
    size_t index;
    struct contract_rule rule;
};

static const struct {
    const char *metric;
    enum rule_kind kind;
    bool on_table, on_column;
    const char *arguments;
} metrics[] = {
    {"rowCount", RULE_ROW_COUNT, true, false, ""},
    {"nullValues", RULE_NULL_VALUES, false, true, ""},
    {"missingValues", RULE_MISSING_VALUES, false, true, "missingValues"},
    {"invalidValues", RULE_INVALID_VALUES, false, true, "validValues pattern"},
    {"duplicateValues", RULE_DUPLICATE_VALUES, true, true, "properties"},
};

static const struct {
    const char *key;
    enum rule_operator operator;
    bool is_pair;
} operators[] = {
    {"mustBe", RULE_IS, false},
    {"mustNotBe", RULE_IS_NOT, false},
    {"mustBeGreaterThan", RULE_GREATER, false},
    {"mustBeGreaterOrEqualTo", RULE_GREATER_OR_EQUAL, false},
    {"mustBeLessThan", RULE_LESS, false},
    {"mustBeLessOrEqualTo", RULE_LESS_OR_EQUAL, false},
    {"mustBeBetween", RULE_BETWEEN, true},
    {"mustNotBeBetween", RULE_NOT_BETWEEN, true},
};

/* What `severity` does, however it is spelled in upper and lower case. */
static const struct {
    const char *severity;
    enum rule_effect effect;
} severities[] = {
    {"error", RULE_REJECTS},   {"critical", RULE_REJECTS}, {"high", RULE_REJECTS},
    {"blocker", RULE_REJECTS}, {"warning", RULE_WARNS},    {"warn", RULE_WARNS},
    {"medium", RULE_WARNS},    {"low", RULE_WARNS},        {"info", RULE_WARNS},
    {"minor", RULE_WARNS},
};

static bool read_kind(struct rule_reader *q);
static bool read_metric(struct rule_reader *q, const struct tree *metric);
static bool read_arguments(struct rule_reader *q);
static bool read_operator(struct rule_reader *q);
static void read_effect(struct rule_reader *q);
static void keep_rule(struct rule_reader *q);

/* The standard's text allows two letters for each. */
static str dimension_name(str dimension)
{
    static const char *const names[][2] = {
        {"ac", "accuracy"}, {"cp", "completeness"}, {"cf", "conformity"}, {"cs", "consistency"},
        {"cv", "coverage"}, {"tm", "timeliness"},   {"uq", "uniqueness"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq(dimension, str_of(names[i][0])))
            return str_of(names[i][1]);
    return dimension;
}

static void set_subject(struct arena *mem, struct contract_rule *rule,
                        const struct contract_spot *spot)
{
    vec_push(mem, &rule->columns, spot->text);
    rule->path = spot->path;
    rule->type = spot->type;
    rule->logical_type = tree_find_text(spot->node, STR("logicalType"));
}

/* What weft does not know as a schedule makes a rule run more often, not less. */
static void read_schedule(struct rule_reader *q)
{
    const struct tree *schedule = tree_find(q->node, STR("schedule"));
    const struct tree *scheduler = tree_find(q->node, STR("scheduler"));
    if (!q->rule.schedule.len)
        return;
    if (q->rule.scheduler.len && !str_eq_nocase(q->rule.scheduler, STR("cron"))) {
        contract_warning(q->r, scheduler, "weft has no scheduler of this name")->hint =
            STR("the rule is asked at every run; scheduler: cron has five fields");
        return;
    }
    q->rule.has_cron =
        cron_parse(q->rule.schedule, &q->rule.cron) && cron_after(&q->rule.cron, 0) < INT64_MAX;
    if (!q->rule.has_cron)
        contract_warning(q->r, schedule, "this is no schedule that ever comes")->hint =
            STR("the rule is asked at every run; write minute, hour, day of the month, month, day "
                "of the week, as 0 20 * * *");
}

static void read_rule(struct rule_reader *q)
{
    struct arena *mem = q->r->mem;
    q->rule = (struct contract_rule){
        .name = tree_find_text(q->node, STR("name")),
        .dimension = dimension_name(tree_find_text(q->node, STR("dimension"))),
        .description = tree_find_text(q->node, STR("description")),
        .severity = tree_find_text(q->node, STR("severity")),
        .business_impact = tree_find_text(q->node, STR("businessImpact")),
        .scheduler = tree_find_text(q->node, STR("scheduler")),
        .schedule = tree_find_text(q->node, STR("schedule")),
        .source = q->node,
        .place = tree_place(mem, q->r->file, q->node),
    };
    const struct tree *tags = tree_find(q->node, STR("tags"));
    for (size_t i = 0; tags && tags->kind == TREE_LIST && i < tags->len; i++)
        if (tags->at[i]->kind == TREE_SCALAR)
            vec_push(mem, &q->rule.tags, tags->at[i]->text);
    if (q->spot)
        set_subject(mem, &q->rule, q->spot);
    read_effect(q);
    read_schedule(q);
    if (!read_kind(q))
        return;
    bool is_executable = q->rule.kind != RULE_TEXT && q->rule.kind != RULE_CUSTOM;
    if (is_executable && !read_operator(q))
        return;
    keep_rule(q);
}

void contract_quality_rules(struct contract_reader *r, struct contract_table *table,
                            const struct contract_spot *spot, const struct tree *quality)
{
    for (size_t i = 0; quality && quality->kind == TREE_LIST && i < quality->len; i++)
        if (quality->at[i]->kind == TREE_MAP)
            read_rule(&(struct rule_reader){
                .r = r, .table = table, .spot = spot, .node = quality->at[i], .index = i});
}

static bool read_kind(struct rule_reader *q)
{
    str type = tree_find_text(q->node, STR("type"));
    const struct tree *metric = tree_find(q->node, STR("metric"));
    bool is_library = !type.len || str_eq(type, STR("library"));
    if (!is_library && metric) {
        struct finding *f =
            contract_error(q->r, metric, "a rule of type " STR_FMT " has no metric", STR_ARG(type));
        f->hint = STR("make it two rules");
        return false;
    }
    if (is_library && metric)
        return read_metric(q, metric);
    if (is_library) {
        if (!type.len) {
            struct finding *f = contract_error(
                q->r, q->node, "the rule has neither type nor metric: nothing to check");
            f->hint = STR("a remark is type: text");
            return false;
        }
        /* v3.0: the rules of its library have free names, and no metric. */
        if (tree_find(q->node, STR("rule"))) {
            contract_warning(q->r, q->node, "the rule " STR_FMT " of v3.0 is kept, not executed",
                             STR_ARG(tree_find_text(q->node, STR("rule"))))
                ->hint = STR("since v3.1.0 a rule has a metric and an operator");
            q->rule.kind = RULE_CUSTOM;
            return true;
        }
        return false;
    }
    q->rule.kind = str_eq(type, STR("sql"))    ? RULE_SQL
                 : str_eq(type, STR("custom")) ? RULE_CUSTOM
                                               : RULE_TEXT;
    if (q->rule.kind == RULE_SQL) {
        q->rule.query = str_trim(tree_find_text(q->node, STR("query")));
        if (!q->rule.query.len && tree_find(q->node, STR("query")))
            contract_error(q->r, q->node, "the query of the rule is empty");
        return q->rule.query.len > 0;
    }
    return str_eq(type, STR("text")) || str_eq(type, STR("custom"));
}

static bool read_unit(struct rule_reader *q)
{
    const struct tree *unit = tree_find(q->node, STR("unit"));
    if (!unit || str_eq(unit->text, STR("rows")))
        return true;
    q->rule.is_percent = str_eq(unit->text, STR("percent"));
    if (q->rule.is_percent && q->rule.kind != RULE_ROW_COUNT)
        return true;
    struct finding *f = contract_error(q->r, unit, "weft does not know this unit of a rule");
    f->found = shape_found(q->r->mem, unit);
    const char *units = q->rule.kind == RULE_ROW_COUNT ? "rows" : "rows percent";
    f->allowed = shape_words_text(q->r->mem, units);
    f->hint = shape_nearest(q->r->mem, units, unit->text);
    return false;
}

static bool read_metric(struct rule_reader *q, const struct tree *metric)
{
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        if (!str_eq(metric->text, str_of(metrics[i].metric)))
            continue;
        if (q->spot ? !metrics[i].on_column : !metrics[i].on_table) {
            struct finding *f = contract_error(q->r, metric, "%s is no metric of a %s",
                                               metrics[i].metric, q->spot ? "property" : "table");
            f->allowed = q->spot ? STR("nullValues, missingValues, invalidValues, duplicateValues")
                                 : STR("rowCount, duplicateValues");
            f->hint = q->spot ? STR("put the rule into quality of the table")
                              : STR("put the rule into quality of the property");
            return false;
        }
        q->rule.kind = metrics[i].kind;
        const struct tree *arguments = tree_find(q->node, STR("arguments"));
        for (size_t j = 0; arguments && j < arguments->len && arguments->kind == TREE_MAP; j++) {
            const struct tree *argument = arguments->at[j];
            if (shape_has_word(metrics[i].arguments, argument->key) || tree_is_null(argument))
                continue;
            struct finding *f = contract_error(q->r, argument, "%s takes no argument " STR_FMT,
                                               metrics[i].metric, STR_ARG(argument->key));
            f->allowed = *metrics[i].arguments ? shape_words_text(q->r->mem, metrics[i].arguments)
                                               : STR("no arguments");
            f->hint = shape_nearest(q->r->mem, metrics[i].arguments, argument->key);
            return false;
        }
        bool has_unit = read_unit(q);
        return read_arguments(q) && has_unit;
    }
    return false; /* a finding of the shape */
}

static bool read_values(struct rule_reader *q, const char *key, bool is_needed)
{
    const struct tree *arguments = tree_find(q->node, STR("arguments"));
    const struct tree *values = tree_find(arguments, str_of(key));
    if (!values && !is_needed)
        return true;
    if (!values && q->rule.kind == RULE_INVALID_VALUES) {
        struct finding *f = contract_error(
            q->r, q->node, "invalidValues needs arguments.validValues, arguments.pattern, or both");
        f->hint = STR("write arguments: {validValues: [a, b]}, or arguments: {pattern: '^a'}");
        return false;
    }
    if (!values || values->kind != TREE_LIST || !values->len) {
        struct finding *f = contract_error(q->r, values ? values : q->node,
                                           "arguments.%s must be a list of values", key);
        f->found = values ? shape_found(q->r->mem, values) : STR_NONE;
        f->allowed = STR("a list that is not empty");
        return false;
    }
    for (size_t i = 0; i < values->len; i++) {
        if (values->at[i]->kind == TREE_LIST || values->at[i]->kind == TREE_MAP) {
            struct finding *f = contract_error(q->r, values->at[i], "a value must be a scalar");
            f->found = shape_found(q->r->mem, values->at[i]);
            return false;
        }
        vec_push(q->r->mem, &q->rule.values, values->at[i]);
    }
    q->rule.has_values = true;
    return true;
}

static bool read_key_columns(struct rule_reader *q)
{
    const struct tree *arguments = tree_find(q->node, STR("arguments"));
    const struct tree *list = tree_find(arguments, STR("properties"));
    if (q->spot) {
        if (list)
            contract_error(q->r, list, "arguments.properties belongs to a rule of the table");
        return !list;
    }
    if (!list || list->kind != TREE_LIST || !list->len) {
        struct finding *f = contract_error(q->r, list ? list : q->node,
                                           "duplicateValues of a table needs arguments.properties");
        f->allowed = STR("a list of columns");
        return false;
    }
    for (size_t i = 0; i < list->len; i++) {
        const struct contract_column *column = list->at[i]->kind == TREE_SCALAR
                                                 ? contract_find_column(q->table, list->at[i]->text)
                                                 : NULL;
        if (!column) {
            struct str_list names = {0};
            for (size_t j = 0; j < q->table->columns.len; j++)
                vec_push(q->r->mem, &names, q->table->columns.at[j].name);
            struct finding *f = contract_error(
                q->r, list->at[i], "there is no such column in " STR_FMT, STR_ARG(q->table->name));
            f->found = shape_found(q->r->mem, list->at[i]);
            f->allowed = str_list_join(q->r->mem, &names, STR(", "));
            return false;
        }
        str_list_add(q->r->mem, &q->rule.columns, column->name);
    }
    return true;
}

static bool read_arguments(struct rule_reader *q)
{
    const struct tree *arguments = tree_find(q->node, STR("arguments"));
    switch (q->rule.kind) {
    case RULE_MISSING_VALUES:
        return read_values(q, "missingValues", true);
    case RULE_DUPLICATE_VALUES:
        return read_key_columns(q);
    case RULE_INVALID_VALUES:
        q->rule.pattern = tree_find_text(arguments, STR("pattern"));
        return read_values(q, "validValues", !q->rule.pattern.len);
    default:
        return true;
    }
}

bool contract_is_decimal(str text)
{
    size_t at = 0, digits = 0;
    if (at < text.len && (text.ptr[at] == '-' || text.ptr[at] == '+'))
        at++;
    for (int part = 0; part < 2; part++) {
        for (; at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9'; at++)
            digits++;
        if (part == 0 && at < text.len && text.ptr[at] == '.')
            at++;
        else
            break;
    }
    if (digits && at < text.len && (text.ptr[at] == 'e' || text.ptr[at] == 'E')) {
        at++;
        if (at < text.len && (text.ptr[at] == '-' || text.ptr[at] == '+'))
            at++;
        size_t start = at;
        while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9')
            at++;
        if (at == start || at - start > 3)
            return false;
    }
    return digits > 0 && at == text.len;
}

static bool read_operand(struct rule_reader *q, const struct tree *operand, str *out)
{
    bool flag;
    *out = operand->text;
    if (operand->kind == TREE_SCALAR && !operand->quoted && contract_is_decimal(operand->text))
        return true;
    bool is_text = tree_is_string(operand) || tree_is_bool(operand, &flag);
    if (is_text && q->rule.kind == RULE_SQL) {
        q->rule.operand_is_text = true;
        return true;
    }
    double number;
    if (q->rule.operator> RULE_IS_NOT && !tree_is_number(operand, &number))
        return false; /* a finding of the shape */
    struct finding *f = contract_error(q->r, operand, "a rule cannot compare with this");
    f->found = shape_found(q->r->mem, operand);
    f->allowed = q->rule.kind == RULE_SQL ? STR("a decimal number, text, true or false")
                                          : STR("a decimal number");
    return false;
}

static bool read_operator(struct rule_reader *q)
{
    size_t count = 0;
    bool is_good = false;
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        const struct tree *operand = tree_find(q->node, str_of(operators[i].key));
        if (!operand)
            continue;
        count++;
        q->rule.operator= operators[i].operator;
        if (!operators[i].is_pair) {
            is_good = read_operand(q, operand, &q->rule.low);
            continue;
        }
        if (operand->kind != TREE_LIST || operand->len != 2)
            continue; /* a finding of the shape */
        is_good = read_operand(q, operand->at[0], &q->rule.low)
               && read_operand(q, operand->at[1], &q->rule.high);
        double low, high;
        if (is_good && str_to_f64(q->rule.low, &low) && str_to_f64(q->rule.high, &high)
            && low > high) {
            struct finding *f = contract_error(q->r, operand, "the lower bound comes first");
            f->hint = arena_format(q->r->mem, "write [" STR_FMT ", " STR_FMT "]",
                                   STR_ARG(q->rule.high), STR_ARG(q->rule.low));
            is_good = false;
        }
    }
    return count == 1 && is_good;
}

static void read_effect(struct rule_reader *q)
{
    const struct tree *severity = tree_find(q->node, STR("severity"));
    const struct tree *custom = tree_find(q->node, STR("customProperties"));
    q->rule.effect = RULE_REJECTS;
    bool is_known = !severity;
    for (size_t i = 0; severity && i < sizeof severities / sizeof *severities; i++)
        if (str_eq_nocase(severity->text, str_of(severities[i].severity))) {
            q->rule.effect = severities[i].effect;
            is_known = true;
        }
    if (!is_known) {
        struct finding *f = contract_error(q->r, severity, "weft does not know this severity");
        f->found = shape_found(q->r->mem, severity);
        f->allowed = STR("error, critical, high, blocker (they reject); "
                         "warning, warn, medium, low, info, minor (they warn)");
        f->hint = STR("customProperties.onFailure: reject, warn or quarantine says it plainly");
    }
    q->rule.effect = contract_on_failure(q->r, custom, q->rule.effect);
}

enum rule_effect contract_on_failure(struct contract_reader *r, const struct tree *custom,
                                     enum rule_effect otherwise)
{
    const struct tree *on_failure = contract_custom(custom, STR("onFailure"));
    contract_check_custom(r->mem, r->file, custom, CUSTOM_RULE, r->report);
    if (on_failure && str_eq(on_failure->text, STR("reject")))
        return RULE_REJECTS;
    if (on_failure && str_eq(on_failure->text, STR("quarantine")))
        return RULE_QUARANTINES;
    return on_failure && str_eq(on_failure->text, STR("warn")) ? RULE_WARNS : otherwise;
}

str contract_rule_kind(const struct contract_rule *rule)
{
    static const char *const names[] = {
        [RULE_ROW_COUNT] = "rowCount",
        [RULE_NULL_VALUES] = "nullValues",
        [RULE_MISSING_VALUES] = "missingValues",
        [RULE_INVALID_VALUES] = "invalidValues",
        [RULE_DUPLICATE_VALUES] = "duplicateValues",
        [RULE_SQL] = "sql",
        [RULE_TEXT] = "text",
        [RULE_CUSTOM] = "custom",
        [RULE_REQUIRED] = "required",
        [RULE_UNIQUE] = "unique",
        [RULE_PRIMARY_KEY] = "primaryKey",
        [RULE_OPTION] = "",
        [RULE_RELATIONSHIP] = "relationship",
    };
    static const char *const options[] = {
#define OPTION(NAME, key) [RULE_##NAME] = key,
#include "contract/rule_options.def"
#undef OPTION
    };
    return str_of(rule->kind == RULE_OPTION ? options[rule->option] : names[rule->kind]);
}

static void keep_rule(struct rule_reader *q)
{
    struct arena *mem = q->r->mem;
    str id = tree_find_text(q->node, STR("id"));
    str kind = contract_rule_kind(&q->rule);
    if (!id.len)
        id = arena_format(mem, STR_FMT "%s" STR_FMT "." STR_FMT ".%zu", STR_ARG(q->table->name),
                          q->spot ? "." : "", STR_ARG(q->spot ? q->spot->text : STR_NONE),
                          STR_ARG(kind), q->index);
    if (str_list_has(&q->r->rule_ids, id)) {
        contract_error(q->r, q->node, "two rules of this contract have the id " STR_FMT,
                       STR_ARG(id));
        return;
    }
    vec_push(mem, &q->r->rule_ids, id);
    q->rule.id = id;
    if (!q->rule.name.len)
        q->rule.name = contract_rule_text(mem, &q->rule);
    vec_push(mem, &q->table->rules, q->rule);
}

/* What a property's own words demand of every row: `required`, `unique`, logicalTypeOptions. */
static enum rule_effect schema_effect(const struct contract_spot *spot)
{
    const struct tree *on_failure =
        contract_custom(tree_find(spot->node, STR("customProperties")), STR("onFailure"));
    return on_failure && str_eq(on_failure->text, STR("quarantine")) ? RULE_QUARANTINES
                                                                     : RULE_REJECTS;
}

struct contract_rule *contract_add_schema_rule(struct contract_reader *r,
                                               struct contract_table *table,
                                               struct contract_rule rule,
                                               const struct contract_spot *spot)
{
    struct contract_rule *kept = vec_add(r->mem, &table->rules);
    *kept = rule;
    kept->place = spot ? tree_place(r->mem, r->file, spot->node) : table->place;
    if (spot)
        set_subject(r->mem, kept, spot);
    if (spot && kept->kind != RULE_RELATIONSHIP)
        kept->effect = schema_effect(spot);
    bool is_list = kept->kind == RULE_OPTION && kept->option == RULE_HAS_PROPERTIES;
    kept->id = arena_format(r->mem, STR_FMT "%s" STR_FMT ".%s" STR_FMT, STR_ARG(table->name),
                            spot ? "." : "", STR_ARG(spot ? spot->text : STR_NONE),
                            is_list ? "options." : "", STR_ARG(contract_rule_kind(kept)));
    vec_push(r->mem, &r->rule_ids, kept->id);
    return kept;
}

static void add_key(struct contract_reader *r, struct contract_table *table)
{
    struct contract_rule rule = {.kind = RULE_PRIMARY_KEY, .dimension = STR("uniqueness")};
    contract_key(r->mem, table, &rule.columns);
    if (!rule.columns.len)
        return;
    rule.name = contract_rule_text(r->mem, &rule);
    contract_add_schema_rule(r, table, rule, NULL);
}

static bool has_flag(const struct contract_spot *spot, const char *key)
{
    bool flag = false;
    return tree_is_bool(tree_find(spot->node, str_of(key)), &flag) && flag;
}

static void add_flag_rules(struct contract_reader *r, struct contract_table *table,
                           const struct contract_spot *spot)
{
    static const struct {
        const char *key, *dimension;
        enum rule_kind kind;
    } flags[] = {{"required", "completeness", RULE_REQUIRED},
                 {"unique", "uniqueness", RULE_UNIQUE}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (!has_flag(spot, flags[i].key))
            continue;
        struct contract_rule *rule = contract_add_schema_rule(
            r, table,
            (struct contract_rule){.kind = flags[i].kind, .dimension = str_of(flags[i].dimension)},
            spot);
        rule->name = contract_rule_text(r->mem, rule);
    }
    if (spot->path.len && has_flag(spot, "primaryKey"))
        contract_warning(r, tree_find(spot->node, STR("primaryKey")),
                         "primaryKey inside of " STR_FMT
                         " is kept and not checked: a key is made of columns",
                         STR_ARG(spot->column->name));
}

void contract_schema_rules(struct contract_reader *r, struct contract_table *table)
{
    for (size_t i = 0; i < table->columns.len; i++) {
        struct contract_spots spots = {0};
        contract_spots(r, &table->columns.at[i], &spots);
        for (size_t j = 0; j < spots.len; j++) {
            add_flag_rules(r, table, &spots.at[j]);
            contract_option_rules(r, table, &spots.at[j]);
        }
    }
    add_key(r, table);
}
