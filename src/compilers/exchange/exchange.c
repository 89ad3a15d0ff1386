#include "exchange/exchange_inside.h"
#include "shape/shape.h"

static const struct {
    const char *name, *kept;
    void (*write)(struct exchanger *x);
} formats[EXCHANGE_FORMATS] = {
    [EXCHANGE_JSON_SCHEMA] = {.write = exchange_json_schema},
    [EXCHANGE_AVRO] = {.write = exchange_avro},
    [EXCHANGE_SQL] = {.write = exchange_sql},
    [EXCHANGE_DBT] = {.write = exchange_dbt},
    [EXCHANGE_OPENAPI] = {.write = exchange_openapi},
    [EXCHANGE_MARKDOWN] = {.write = exchange_markdown},
    [EXCHANGE_HTML] = {.write = exchange_html},
};

static const struct {
    const char *name, *kept;
} names[EXCHANGE_FORMATS] = {
#define FORMAT(name, id, kept, meaning) {name, kept},
#include "exchange/exchange_formats.def"
#undef FORMAT
};

static const char *const dialects[EXCHANGE_DIALECTS] = {"postgres", "duckdb"};

static void tell_left_out(struct exchanger *x, enum exchange_format format);

void exchange_export(struct arena *mem, const struct contract *contract,
                     const struct contract_table *table, enum exchange_format format,
                     enum exchange_dialect dialect, struct report *report, struct buf *out)
{
    struct exchanger x = {
        .mem = mem,
        .file = contract->file,
        .report = report,
        .contract = contract,
        .only = table,
        .dialect = dialect,
        .out = out,
    };
    formats[format].write(&x);
    tell_left_out(&x, format);
}

const char *exchange_format_name(enum exchange_format format)
{
    return names[format].name;
}

bool exchange_format_find(str name, enum exchange_format *out)
{
    for (size_t i = 0; i < EXCHANGE_FORMATS; i++)
        if (str_eq(name, str_of(names[i].name))) {
            *out = (enum exchange_format)i;
            return true;
        }
    return false;
}

bool exchange_dialect_find(str name, enum exchange_dialect *out)
{
    for (size_t i = 0; i < EXCHANGE_DIALECTS; i++)
        if (str_eq(name, str_of(dialects[i]))) {
            *out = (enum exchange_dialect)i;
            return true;
        }
    return false;
}

void exchange_note(struct exchanger *x, const struct tree *node, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    str message = arena_format_args(x->mem, format, args);
    va_end(args);
    report_add(x->report, FINDING_NOTE, ERR_INVALID,
               node ? tree_place(x->mem, x->file, node) : (struct place){.file = x->file}, STR_FMT,
               STR_ARG(message));
}

/* ---- what a format has no place for */

struct left {
    size_t keys, values, bounds, labels, links, rules;
};

static void count_property(struct arena *mem, const struct tree *node, struct left *left)
{
    static const char *const of_type = "format timezone defaultTimezone";
    const struct tree *options = contract_options(mem, node);
    const struct tree *tags = tree_find(node, STR("tags"));
    const struct tree *properties = tree_find(node, STR("properties"));
    for (size_t i = 0; options && options->kind == TREE_MAP && i < options->len; i++)
        left->bounds +=
            !tree_is_null(options->at[i]) && !shape_has_word(of_type, options->at[i]->key);
    left->labels += tree_find_text(node, STR("classification")).len > 0;
    left->labels += tags && tags->len;
    for (size_t i = 0; properties && properties->kind == TREE_LIST && i < properties->len; i++)
        count_property(mem, properties->at[i], left);
    if (tree_find(node, STR("items")))
        count_property(mem, tree_find(node, STR("items")), left);
}

static bool is_values_rule(const struct contract_table *table, const struct contract_rule *rule)
{
    return rule->columns.len == 1
        && (exchange_values_rule(table, rule->columns.at[0]) == rule
            || exchange_pattern_rule(table, rule->columns.at[0]) == rule);
}

static void count_table(struct exchanger *x, const struct contract_table *table, struct left *left)
{
    struct exchange_links links;
    size_t others;
    exchange_links(x, table, &links, &others);
    left->links += links.len + others;
    left->labels += table->tags.len > 0;
    for (size_t i = 0; i < table->rules.len; i++) {
        const struct contract_rule *rule = &table->rules.at[i];
        bool is_key = rule->kind == RULE_UNIQUE || rule->kind == RULE_PRIMARY_KEY;
        bool is_inside = rule->path.len > 1;
        if (is_key && !is_inside)
            left->keys++;
        else if (is_values_rule(table, rule))
            left->values++;
        else if (is_key || !exchange_is_schema_rule(rule))
            left->rules++;
    }
    for (size_t i = 0; i < table->columns.len; i++)
        count_property(x->mem, table->columns.at[i].source, left);
}

static void add_left(struct exchanger *x, struct str_list *list, const char *kept, const char *word,
                     size_t count, const char *one, const char *many)
{
    if (count && !shape_has_word(kept, str_of(word)))
        vec_push(x->mem, list, arena_format(x->mem, "%zu %s", count, count == 1 ? one : many));
}

static void tell_left_out(struct exchanger *x, enum exchange_format format)
{
    struct left left = {0};
    struct str_list list = {0};
    const char *kept = names[format].kept;
    const struct tree *source = x->contract->source;
    for (size_t i = 0; i < x->contract->tables.len; i++)
        if (!x->only || x->only == &x->contract->tables.at[i])
            count_table(x, &x->contract->tables.at[i], &left);
    add_left(x, &list, kept, "keys", left.keys, "key", "keys");
    add_left(x, &list, kept, "values", left.values, "rule of valid values",
             "rules of valid values");
    add_left(x, &list, kept, "bounds", left.bounds, "entry of logicalTypeOptions",
             "entries of logicalTypeOptions");
    add_left(x, &list, kept, "labels", left.labels, "label", "labels");
    add_left(x, &list, kept, "links", left.links, "relationship", "relationships");
    add_left(x, &list, kept, "rules", left.rules, "quality rule", "quality rules");
    add_left(x, &list, kept, "servers", x->contract->servers.len, "server", "servers");
    add_left(x, &list, kept, "roles", x->contract->roles.len, "role", "roles");
    const struct tree *promises = tree_find(source, STR("slaProperties"));
    add_left(x, &list, kept, "promises", promises ? promises->len : 0, "promise of slaProperties",
             "promises of slaProperties");
    if (list.len)
        exchange_note(x, source, "%s has no place for all of it: left out are " STR_FMT,
                      names[format].name, STR_ARG(str_list_join(x->mem, &list, STR(", "))));
}
