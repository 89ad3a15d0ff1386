#include "convert/convert_inside.h"

#include "shape/shape.h"

/* v3.0.x to v3.1.0: rules of the library, bounds, the team, and what drafts of v3.0 called otherwise. */

/* Rules that mean one metric, and what their missing operator means. */
static const struct {
    const char *rule, *metric;
    bool is_zero; /* without an operator: none of them */
} library[] = {
    {"nullCheck", "nullValues", true},
    {"nullCount", "nullValues", true},
    {"duplicateCount", "duplicateValues", true},
    {"rowCount", "rowCount", false},
};

static const char *const operators =
    "mustBe mustNotBe mustBeGreaterThan mustBeGreaterOrEqualTo mustBeLessThan mustBeLessOrEqualTo "
    "mustBeBetween mustNotBeBetween";

static size_t count_operators(const struct tree *rule)
{
    size_t count = 0;
    for (size_t i = 0; i < rule->len; i++)
        count += shape_has_word(operators, rule->at[i]->key) && !tree_is_null(rule->at[i]);
    return count;
}

/* Keys that every rule of v3.1.0 may have; the rest belongs to the other engine. */
static const char *const common =
    "id name description dimension method severity businessImpact unit scheduler schedule tags "
    "customProperties authoritativeDefinitions";

static struct tree *copy_part(struct converter *c, const struct tree *child)
{
    return str_eq(child->key, STR("customProperties")) ? convert_custom(c, child)
                                                       : tree_copy(c->mem, child);
}

static struct tree *rule_of_another_engine(struct converter *c, const struct tree *rule)
{
    struct tree *out = tree_new(c->mem, TREE_MAP), *rest = tree_new(c->mem, TREE_MAP);
    convert_put(c, out, "type", convert_scalar(c, rule, "custom"));
    convert_put(c, out, "engine", convert_scalar(c, rule, "odcs-v3.0-library"));
    for (size_t i = 0; i < rule->len; i++) {
        const struct tree *child = rule->at[i];
        if (tree_is_null(child) || str_eq(child->key, STR("type")))
            continue;
        struct tree *to = shape_has_word(common, child->key) ? out : rest;
        (void)tree_put(c->mem, to, arena_str(c->mem, child->key), copy_part(c, child));
    }
    convert_put(c, out, "implementation", rest);
    convert_note(c, rule,
                 "the rule " STR_FMT " has no metric in v3.1.0: it is one of another "
                 "engine now, and not executed",
                 STR_ARG(tree_find_text(rule, STR("rule"))));
    return out;
}

static struct tree *rule_of_library(struct converter *c, const struct tree *rule,
                                    const char *metric, bool needs_zero)
{
    struct tree *out = tree_new(c->mem, TREE_MAP);
    convert_put(c, out, "metric", convert_scalar(c, rule, metric));
    for (size_t i = 0; i < rule->len; i++)
        if (!tree_is_null(rule->at[i]) && !str_eq(rule->at[i]->key, STR("rule")))
            (void)tree_put(c->mem, out, arena_str(c->mem, rule->at[i]->key),
                           copy_part(c, rule->at[i]));
    if (needs_zero) {
        struct tree *zero = tree_new(c->mem, TREE_SCALAR);
        zero->text = STR("0");
        convert_put(c, out, "mustBe", zero);
    }
    convert_note(c, rule, "the rule " STR_FMT " is the metric %s%s",
                 STR_ARG(tree_find_text(rule, STR("rule"))), metric,
                 needs_zero ? ", with mustBe: 0" : "");
    return out;
}

static const struct convert_rename custom_renames[] = {{"customProperties", NULL, convert_custom},
                                                       {0}};

static struct tree *rule_v30(struct converter *c, const struct tree *rule)
{
    str type = tree_find_text(rule, STR("type")), name = tree_find_text(rule, STR("rule"));
    size_t count = count_operators(rule);
    bool is_library = !type.len || str_eq(type, STR("library"));
    if (!is_library || tree_find(rule, STR("metric")) || !name.len)
        return convert_map(c, rule, custom_renames);
    /* On a table duplicates are of columns that v3.0 did not name. */
    const struct tree *element = rule->parent->parent;
    bool is_table = str_eq(element->parent->key, STR("schema"));
    for (size_t i = 0; i < sizeof library / sizeof *library; i++) {
        bool is_of_table = str_eq(str_of(library[i].metric), STR("rowCount"));
        if (str_eq(name, str_of(library[i].rule)) && is_table == is_of_table && count <= 1
            && (count == 1 || library[i].is_zero))
            return rule_of_library(c, rule, library[i].metric, count == 0);
    }
    return rule_of_another_engine(c, rule);
}

static struct tree *quality_v30(struct converter *c, const struct tree *list)
{
    return convert_list(c, list, rule_v30);
}

/* `minimum: 0, exclusiveMinimum: true` is `exclusiveMinimum: 0` since v3.1. */
static struct tree *options_v30(struct converter *c, const struct tree *options)
{
    static const struct {
        const char *bound, *exclusive;
    } pairs[] = {{"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}};
    struct tree *out = tree_new(c->mem, TREE_MAP);
    for (size_t i = 0; options->kind == TREE_MAP && i < options->len; i++) {
        const struct tree *child = options->at[i];
        str key = arena_str(c->mem, child->key);
        bool is_exclusive = false, flag, is_dropped = tree_is_null(child);
        for (size_t j = 0; j < 2; j++) {
            const struct tree *says = tree_find(options, str_of(pairs[j].exclusive));
            if (str_eq(child->key, str_of(pairs[j].bound)) && tree_is_bool(says, &is_exclusive)
                && is_exclusive)
                key = str_of(pairs[j].exclusive);
            /* Without its bound it said nothing. */
            if (str_eq(child->key, str_of(pairs[j].exclusive)) && tree_is_bool(child, &flag))
                is_dropped = true;
        }
        if (!is_dropped)
            (void)tree_put(c->mem, out, key, tree_copy(c->mem, child));
    }
    return options->kind == TREE_MAP ? out : tree_copy(c->mem, options);
}

static struct tree *property_v30(struct converter *c, const struct tree *property);

static struct tree *properties_v30(struct converter *c, const struct tree *list)
{
    return convert_list(c, list, property_v30);
}

static struct tree *items_v30(struct converter *c, const struct tree *items)
{
    return items->kind == TREE_MAP ? property_v30(c, items) : tree_copy(c->mem, items);
}

static const struct convert_rename property_renames[] = {
    {"isNullable", "required", convert_opposite},
    {"isUnique", "unique", NULL},
    {"isPrimary", "primaryKey", NULL},
    {"isPrimaryKey", "primaryKey", NULL},
    {"quality", NULL, quality_v30},
    {"logicalTypeOptions", NULL, options_v30},
    {"properties", NULL, properties_v30},
    {"items", NULL, items_v30},
    {"customProperties", NULL, convert_custom},
    {0},
};

static struct tree *property_v30(struct converter *c, const struct tree *property)
{
    return convert_map(c, property, property_renames);
}

static struct tree *schema_v30(struct converter *c, const struct tree *list)
{
    return convert_list(c, list, property_v30);
}

static struct tree *quoted_v30(struct converter *c, const struct tree *node)
{
    struct tree *text = tree_copy(c->mem, node);
    text->quoted = text->kind == TREE_SCALAR;
    return text;
}

static const struct convert_rename server_renames[] = {
    {"staging_dir", "stagingDir", NULL},
    {"schema", NULL, quoted_v30}, /* of DuckDB an integer, by a slip of v3.0 */
    {"customProperties", NULL, convert_custom},
    {0},
};

static struct tree *server_v30(struct converter *c, const struct tree *server)
{
    return convert_map(c, server, server_renames);
}

static struct tree *servers_v30(struct converter *c, const struct tree *list)
{
    return convert_list(c, list, server_v30);
}

static const struct convert_rename sla_renames[] = {{"column", "element", NULL}, {0}};

static struct tree *sla_v30(struct converter *c, const struct tree *sla)
{
    struct tree *out = convert_map(c, sla, sla_renames);
    if (tree_get(sla, STR("value"))) /* of an SLA null is a value */
        convert_put(c, out, "value", tree_new(c->mem, TREE_NULL));
    return out;
}

static struct tree *slas_v30(struct converter *c, const struct tree *list)
{
    return convert_list(c, list, sla_v30);
}

static struct tree *team_v30(struct converter *c, const struct tree *team)
{
    return team->kind == TREE_LIST ? convert_team(c, team) : tree_copy(c->mem, team);
}

static struct tree *version_v30(struct converter *c, const struct tree *node)
{
    return convert_scalar(c, node, "v3.1.0");
}

struct tree *convert_from_v30(struct converter *c, const struct tree *document)
{
    static const struct convert_rename renames[] = {
        {"apiVersion", NULL, version_v30},
        {"schema", NULL, schema_v30},
        {"servers", NULL, servers_v30},
        {"slaProperties", NULL, slas_v30},
        {"team", NULL, team_v30},
        {"customProperties", NULL, convert_custom},
        {0},
    };
    return convert_map(c, document, renames);
}
