#include "shape/shape_inside.h"

/* Quality rules and relationships of ODCS. */

#define OPERATORS                                                                                  \
    "mustBe mustNotBe mustBeGreaterThan mustBeGreaterOrEqualTo mustBeLessThan "                    \
    "mustBeLessOrEqualTo "                                                                         \
    "mustBeBetween mustNotBeBetween"

static const struct shape_key operator_keys[] = {
    KEY("mustBe", SHAPE_ANY, USED),
    KEY("mustNotBe", SHAPE_ANY, USED),
    KEY("mustBeGreaterThan", SHAPE_NUMBER, USED),
    KEY("mustBeGreaterOrEqualTo", SHAPE_NUMBER, USED),
    KEY("mustBeLessThan", SHAPE_NUMBER, USED),
    KEY("mustBeLessOrEqualTo", SHAPE_NUMBER, USED),
    KEY("mustBeBetween", SHAPE_NUMBER, .flags = SHAPE_LIST | SHAPE_DISTINCT, USED,
        ABOUT("exclusive on both ends")),
    KEY("mustNotBeBetween", SHAPE_NUMBER, .flags = SHAPE_LIST | SHAPE_DISTINCT, USED,
        ABOUT("exclusive on both ends")),
    END,
};

static const struct shape_slip metric_slips[] = {
    {"nullCheck", "did you mean nullValues?"},
    {"duplicateCount", "did you mean duplicateValues?"},
    {"validValues", "did you mean invalidValues, with arguments: {validValues: […]}?"},
    {"unique", "did you mean duplicateValues?"},
    {"count", "did you mean rowCount?"},
    {0},
};

static const struct shape_key library_keys[] = {
    TEXT_MUST("metric", .words = "nullValues missingValues invalidValues duplicateValues rowCount",
              .slips = metric_slips, IN(ODCS_FROM_3_1), USED),
    TEXT_MUST("rule", IN(ODCS_3_0), ABOUT("free text: kept, not executed")),
    TEXT("rule", .flags = SHAPE_DEPRECATED, IN(ODCS_FROM_3_1)),
    KEY("arguments", SHAPE_MAP, IN(ODCS_FROM_3_1), USED),
    END,
};

static const struct shape_key sql_keys[] = {TEXT_MUST("query", USED), END};

static const struct shape_key custom_keys[] = {
    TEXT_MUST("engine"),
    KEY("implementation", SHAPE_TEXT_OR_MAP, .flags = SHAPE_REQUIRED,
        ABOUT("for another engine: kept, not executed")),
    END,
};

static const struct shape_variant by_type[] = {
    {"type, or with a metric", "library", library_keys},
    {"type", "sql", sql_keys},
    {"type", "custom", custom_keys},
    {"type", "library sql", operator_keys},
    {0},
};

static bool quality_is(const struct tree *node, const char *type)
{
    return str_eq(tree_find_text(node, STR("type")), str_of(type));
}

static bool has_type(const struct tree *node)
{
    return tree_find(node, STR("type")) != NULL;
}

/* In v3.0 a rule without a type is one of the library, and a metric says nothing. */
static bool is_library(const struct tree *node, unsigned version)
{
    if (version & ODCS_3_0)
        return quality_is(node, "library") || !has_type(node);
    return quality_is(node, "library") || tree_find(node, STR("metric"));
}

static void quality_more(const struct tree *node, struct shape_more *out)
{
    size_t n = 0;
    if (is_library(node, out->version))
        out->keys[n++] = library_keys;
    if (quality_is(node, "sql"))
        out->keys[n++] = sql_keys;
    if (quality_is(node, "custom"))
        out->keys[n++] = custom_keys;
    else if (n)
        out->keys[n++] = operator_keys;
    out->is_open = has_type(node) && n == 0 && !quality_is(node, "text");
}

static void check_pair(struct shape_walk *walk, const struct tree *operator)
{
    if (!str_ends(operator->key, STR("Between"))
        || operator->kind != TREE_LIST || operator->len == 2)
        return;
    struct finding *f = shape_error(walk->mem, walk->file, walk->report, operator,
                                    STR_FMT " must be two numbers", STR_ARG(operator->key));
    f->found = arena_format(walk->mem, "%zu", operator->len);
    f->allowed = STR("[low, high], both exclusive");
}

static void quality_also(struct shape_walk *walk, const struct tree *node)
{
    size_t count = 0;
    const struct tree *second = NULL;
    bool has_slip = false; /* a misspelled operator is an unknown key already */
    for (size_t i = 0; i < node->len; i++) {
        const struct tree *child = node->at[i];
        if (!shape_has_word(OPERATORS, child->key)) {
            has_slip = has_slip || str_starts(child->key, STR("mustBe"))
                    || str_starts(child->key, STR("mustNot"));
            continue;
        }
        if (tree_is_null(child))
            continue;
        if (count++ == 1)
            second = child;
        check_pair(walk, child);
    }
    /* v3.0 asked for no operator. */
    if ((walk->version & ODCS_3_0)
        || (!is_library(node, walk->version) && !quality_is(node, "sql")))
        return;
    if (count == 0 && !has_slip) {
        struct finding *f = shape_error(walk->mem, walk->file, walk->report, node,
                                        "a quality rule needs one operator");
        f->found = STR("none");
        f->allowed = shape_words_text(walk->mem, OPERATORS);
    } else if (count > 1) {
        struct finding *f = shape_key_error(walk->mem, walk->file, walk->report, second,
                                            "a quality rule has exactly one operator");
        f->found = arena_format(walk->mem, "%zu operators", count);
        f->allowed = shape_words_text(walk->mem, OPERATORS);
        f->hint = STR("make it several rules");
    }
}

static const struct shape_slip dimension_slips[] = {
    {"validity", "did you mean conformity?"},  {"freshness", "did you mean timeliness?"},
    {"correctness", "did you mean accuracy?"}, {"integrity", "did you mean consistency?"},
    {"volume", "did you mean coverage?"},      {0},
};

const struct shape shape_odcs_quality = {
    .title = "a quality rule",
    .open_in = ODCS_3_0,
    .keys = {(const struct shape_key[]){
        ODCS_ID, ODCS_DEFINITIONS(), TEXT("businessImpact", USED, ABOUT("shown in mesh.checks")),
        ODCS_CUSTOM(USED, ABOUT("onFailure")), TEXT("description", USED),
        TEXT("dimension", .slips = dimension_slips, USED,
             .words = "accuracy completeness conformity consistency coverage timeliness "
                      "uniqueness ac cp cf cs cv tm uq"),
        TEXT("method"), TEXT("name", USED),
        TEXT("schedule", USED, ABOUT("cron: when the rule is due")), TEXT("scheduler", USED),
        TEXT("severity", USED, ABOUT("error rejects, warning warns")), ODCS_TAGS(),
        TEXT("type", .words = "text library sql custom", USED), TEXT("unit", USED), END}},
    .variants = by_type,
    .more = quality_more,
    .also = quality_also,
    .slips =
        (const struct shape_slip[]){
            {"mustBeGreaterThanOrEqualTo", "did you mean mustBeGreaterOrEqualTo?"},
            {"mustBeLessThanOrEqualTo", "did you mean mustBeLessOrEqualTo?"},
            {"rule", "since v3.1.0 a library rule says metric: NAME"},
            {"element", "a rule is of the table or property that it stands at"},
            {"mustBeEqualTo", "did you mean mustBe?"},
            {0}},
};

/* Relationships. */

#define REFERENCE(key, more, ...)                                                                  \
    TEXT(key, .flags = (more), .format = &shape_format_reference, __VA_ARGS__)
#define RELATION_TYPE TEXT("type", .words = "foreignKey", USED)
#define MANY (SHAPE_OR_LIST | SHAPE_REQUIRED | SHAPE_NOT_EMPTY)

static void relation_also(struct shape_walk *walk, const struct tree *node)
{
    const struct tree *from = tree_find(node, STR("from")), *to = tree_find(node, STR("to"));
    if (!from || !to)
        return;
    bool from_list = from->kind == TREE_LIST, to_list = to->kind == TREE_LIST;
    if (from_list == to_list && (!from_list || from->len == to->len))
        return;
    struct finding *f = shape_error(walk->mem, walk->file, walk->report, to,
                                    "from and to of a relationship must have the same length");
    f->found =
        arena_format(walk->mem, "%zu and %zu", from_list ? from->len : 1, to_list ? to->len : 1);
    f->allowed = STR("two texts, or two lists of the same length");
}

const struct shape shape_odcs_table_relation = {
    .title = "a relationship of a table",
    .keys = {(const struct shape_key[]){RELATION_TYPE, REFERENCE("from", MANY, USED),
                                        REFERENCE("to", MANY, USED), ODCS_CUSTOM(), END}},
    .also = relation_also,
};

const struct shape shape_odcs_column_relation = {
    .title = "a relationship of a property",
    .keys = {(const struct shape_key[]){RELATION_TYPE, REFERENCE("to", MANY, USED), ODCS_CUSTOM(),
                                        END}},
    .slips =
        (const struct shape_slip[]){
            {"from", "a relationship of a property starts at that property; put it on the table"},
            {0}},
};
