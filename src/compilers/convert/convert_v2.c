#include "convert/convert_inside.h"

#include "shape/shape.h"
#include "shape/shape_formats.h"

/* v2.2.x to v3.1.0. Names changed, rules became those of another engine, and what said where the data are became a server. */

static bool fits(const struct shape_format *format, const struct tree *node)
{
    return node->kind == TREE_SCALAR && format->fits(node->text);
}

/* ---- columns */

static const struct {
    const char *words, *type;
} logical_types[] = {
    {"string text varchar char character", "string"},
    {"integer int bigint smallint long", "integer"},
    {"number numeric decimal double float real", "number"},
    {"date", "date"},
    {"timestamp datetime timestamptz", "timestamp"},
    {"time", "time"},
    {"boolean bool", "boolean"},
    {"array list", "array"},
};

static str lower(struct converter *c, str text)
{
    char *copy = arena_c_string(c->mem, text);
    for (size_t i = 0; i < text.len; i++)
        if (copy[i] >= 'A' && copy[i] <= 'Z')
            copy[i] = (char)(copy[i] + 32);
    return (str){copy, text.len};
}

/* v2 had no nested columns, and its types were free text. */
static const char *logical_type(struct converter *c, const struct tree *node)
{
    str text = node->kind == TREE_SCALAR ? lower(c, node->text) : STR_NONE;
    for (size_t i = 0; text.len && i < sizeof logical_types / sizeof *logical_types; i++)
        if (shape_has_word(logical_types[i].words, text))
            return logical_types[i].type;
    return NULL;
}

static struct tree *quality_v2(struct converter *c, const struct tree *list);

static const struct convert_rename column_renames[] = {
    {"column", "name", NULL},
    {"isNullable", "required", convert_opposite},
    {"nullable", "required", convert_opposite},
    {"isPrimary", "primaryKey", NULL},
    {"isPrimaryKey", "primaryKey", NULL},
    {"primary", "primaryKey", NULL},
    {"isUnique", "unique", NULL},
    {"partitionStatus", "partitioned", NULL},
    {"criticalDataElementStatus", "criticalDataElement", NULL},
    {"encryptedColumnName", "encryptedName", NULL},
    {"transformSourceTables", "transformSourceObjects", NULL},
    {"sampleValues", "examples", NULL},
    {"quality", NULL, quality_v2},
    {"customProperties", NULL, convert_custom},
    {0},
};

static struct tree *column_v2(struct converter *c, const struct tree *column)
{
    struct tree *renamed = convert_map(c, column, column_renames);
    struct tree *out = tree_new(c->mem, TREE_MAP);
    for (size_t i = 0; i < renamed->len; i++) {
        const struct tree *child = renamed->at[i];
        str key = child->key;
        struct tree *value = tree_copy(c->mem, child);
        if (str_eq(key, STR("logicalType"))) {
            const char *type = logical_type(c, child);
            if (type)
                value = convert_scalar(c, child, type);
            else
                key = STR("v2LogicalType"); /* no key of v3.1.0: it goes to the custom properties */
        }
        (void)tree_put(c->mem, out, key, value);
    }
    return out;
}

static struct tree *columns_v2(struct converter *c, const struct tree *list)
{
    return convert_list(c, list, column_v2);
}

/* ---- rules */

static const char *dimension_of(str text)
{
    static const struct {
        const char *words, *dimension;
    } dimensions[] = {
        {"accuracy", "accuracy"},
        {"completeness", "completeness"},
        {"conformity validity", "conformity"},
        {"consistency", "consistency"},
        {"coverage", "coverage"},
        {"timeliness", "timeliness"},
        {"uniqueness", "uniqueness"},
    };
    for (size_t i = 0; i < sizeof dimensions / sizeof *dimensions; i++)
        if (shape_has_word(dimensions[i].words, text))
            return dimensions[i].dimension;
    return NULL;
}

static const struct convert_rename rule_renames[] = {
    {"code", "name", NULL},
    {"toolName", "engine", NULL},
    {"type", "v2Type", NULL},
    {"dimension", "v2Dimension", NULL},
    {"scheduleCronExpression", "schedule", NULL},
    {"customProperties", NULL, convert_custom},
    {0},
};

/* v2 named a tool and its template: a rule of another engine. */
static struct tree *rule_v2(struct converter *c, const struct tree *rule)
{
    struct tree *renamed = convert_map(c, rule, rule_renames);
    struct tree *out = tree_new(c->mem, TREE_MAP), *what = tree_new(c->mem, TREE_MAP);
    bool has_engine = tree_find_text(renamed, STR("engine")).len > 0;
    const char *dimension = dimension_of(tree_find_text(renamed, STR("v2Dimension")));
    for (size_t i = 0; i < renamed->len; i++) {
        const struct tree *child = renamed->at[i];
        bool is_template = shape_has_word("templateName toolRuleName column columns", child->key);
        if (str_eq(child->key, STR("v2Dimension")) && dimension) {
            convert_put(c, out, "dimension", convert_scalar(c, child, dimension));
            if (!str_eq(child->text, str_of(dimension)))
                convert_note(c, child, "the dimension " STR_FMT " is called %s since v3",
                             STR_ARG(child->text), dimension);
        } else
            (void)tree_put(c->mem, is_template && has_engine ? what : out, child->key,
                           tree_copy(c->mem, child));
    }
    const struct tree *named = tree_find(renamed, STR("templateName"));
    if (!tree_find(out, STR("name")) && named)
        convert_put(c, out, "name", tree_copy(c->mem, named));
    convert_put(c, out, "type", convert_scalar(c, rule, has_engine ? "custom" : "text"));
    if (has_engine)
        convert_put(c, out, "implementation", what);
    if (tree_find(out, STR("schedule")))
        convert_put(c, out, "scheduler", convert_scalar(c, rule, "cron"));
    return out;
}

static struct tree *quality_v2(struct converter *c, const struct tree *list)
{
    return convert_list(c, list, rule_v2);
}

/* ---- tables */

static const struct convert_rename table_renames[] = {
    {"table", "name", NULL},
    {"dataGranularity", "dataGranularityDescription", NULL},
    {"columns", "properties", columns_v2},
    {"quality", NULL, quality_v2},
    {"customProperties", NULL, convert_custom},
    {0},
};

static struct tree *table_v2(struct converter *c, const struct tree *table)
{
    return convert_map(c, table, table_renames);
}

/* Some tools wrote `dataset: {tables: […]}`. */
static struct tree *dataset_v2(struct converter *c, const struct tree *dataset)
{
    const struct tree *tables = tree_find(dataset, STR("tables"));
    if (dataset->kind == TREE_MAP && tables && dataset->len == 1)
        dataset = tables;
    return convert_list(c, dataset, table_v2);
}

/* ---- people and promises */

static struct tree *date_or_custom(struct converter *c, const struct tree *member)
{
    static const struct convert_rename renames[] = {{"comment", "description", NULL}, {0}};
    struct tree *renamed = convert_map(c, member, renames);
    struct tree *out = tree_new(c->mem, TREE_MAP);
    for (size_t i = 0; i < renamed->len; i++) {
        const struct tree *child = renamed->at[i];
        bool is_date = shape_has_word("dateIn dateOut", child->key);
        str key = !is_date || fits(&shape_format_date, child) ? child->key
                : str_eq(child->key, STR("dateIn"))           ? STR("v2DateIn")
                                                              : STR("v2DateOut");
        (void)tree_put(c->mem, out, key, tree_copy(c->mem, child));
    }
    if (!tree_find(out, STR("username"))) {
        const struct tree *name = tree_find(out, STR("name"));
        convert_put(c, out, "username",
                    name ? tree_copy(c->mem, name) : convert_scalar(c, member, "unknown"));
        convert_note(c, member, "a stakeholder has no username: %s",
                     name ? "it is the name" : "it is unknown");
    }
    return out;
}

static struct tree *stakeholders_v2(struct converter *c, const struct tree *list)
{
    return convert_team(c, convert_list(c, list, date_or_custom));
}

static struct tree *sla_v2(struct converter *c, const struct tree *sla)
{
    static const struct convert_rename renames[] = {{"column", "element", NULL}, {0}};
    struct tree *out = convert_map(c, sla, renames);
    convert_put(c, out, "value", tree_new(c->mem, TREE_NULL));
    return out;
}

static struct tree *slas_v2(struct converter *c, const struct tree *list)
{
    return convert_list(c, list, sla_v2);
}

/* ---- where the data are, and whom to ask */

/* `localhost:5432`, or a host alone. */
static void put_host(struct converter *c, struct tree *server, const struct tree *node)
{
    str host = node->text, rest;
    int64_t number;
    bool has_port = str_cut_last(node->text, ':', &host, &rest) && str_to_i64(rest, &number);
    convert_put(c, server, "host",
                tree_text(c->mem, arena_str(c->mem, has_port ? host : node->text)));
    if (has_port) {
        struct tree *port = tree_new(c->mem, TREE_SCALAR);
        port->text = arena_str(c->mem, rest);
        convert_put(c, server, "port", port);
    }
}

static const char *const server_keys =
    "server database driver driverVersion username password project datasetProject "
    "schedulerAppName";

static struct tree *server_v2(struct converter *c, const struct tree *document)
{
    static const struct {
        const char *from, *to;
    } names[] = {{"database", "database"}, {"project", "project"}, {"datasetProject", "project"}};
    struct tree *server = tree_new(c->mem, TREE_MAP);
    convert_put(c, server, "server", convert_scalar(c, document, "default"));
    convert_put(c, server, "type", convert_scalar(c, document, "custom"));
    size_t found = 0;
    for (size_t i = 0; i < document->len; i++) {
        const struct tree *child = document->at[i];
        if (!shape_has_word(server_keys, child->key) || tree_is_null(child))
            continue;
        found++;
        bool is_named = false;
        for (size_t j = 0; j < sizeof names / sizeof *names; j++)
            if (str_eq(child->key, str_of(names[j].from))
                && !tree_get(server, str_of(names[j].to))) {
                convert_put(c, server, names[j].to, tree_copy(c->mem, child));
                is_named = true;
            }
        if (str_eq(child->key, STR("server")) && child->kind == TREE_SCALAR)
            put_host(c, server, child);
        else if (!is_named)
            (void)tree_put(c->mem, server,
                           str_eq(child->key, STR("username")) ? STR("user")
                                                               : arena_str(c->mem, child->key),
                           tree_copy(c->mem, child));
    }
    if (!found)
        return NULL;
    convert_note(c, document,
                 "server, database, driver and their kin became servers[0], of type: "
                 "custom; v2 did not say which system it is");
    return server;
}

static const struct {
    const char *key, *tool;
} channels[] = {
    {"productDl", "email"}, {"productSlackChannel", "slack"}, {"productFeedbackUrl", NULL}};

static struct tree *support_v2(struct converter *c, const struct tree *document)
{
    struct tree *list = tree_new(c->mem, TREE_LIST);
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
        const struct tree *node = tree_find(document, str_of(channels[i].key));
        if (!node || node->kind != TREE_SCALAR)
            continue;
        struct tree *item = tree_new(c->mem, TREE_MAP);
        if (channels[i].tool) {
            convert_put(c, item, "channel", tree_copy(c->mem, node));
            convert_put(c, item, "tool", convert_scalar(c, node, channels[i].tool));
        } else {
            convert_put(c, item, "channel", convert_scalar(c, node, "feedback"));
            convert_put(c, item, "url", tree_copy(c->mem, node));
        }
        tree_push(c->mem, list, item);
    }
    return list->len ? list : NULL;
}

/* `2022-11-15 02:59:43` and `… UTC`: v2 meant UTC. */
static void put_created(struct converter *c, struct tree *out, const struct tree *node)
{
    if (!node)
        return;
    str text = node->text;
    if (str_ends(text, STR(" UTC")))
        text = str_sub(text, 0, text.len - 4);
    if (!fits(&shape_format_date_time, node))
        text = arena_format(c->mem, STR_FMT "Z", STR_ARG(text));
    struct tree *time = tree_text(c->mem, text);
    char *spelled = arena_c_string(c->mem, text);
    if (text.len > 10 && spelled[10] == ' ')
        spelled[10] = 'T';
    time->text = (str){spelled, text.len};
    bool is_time = fits(&shape_format_date_time, time);
    convert_put(c, out, is_time ? "contractCreatedTs" : "v2ContractCreatedTs",
                is_time ? time : tree_copy(c->mem, node));
}

static const struct convert_rename root_renames[] = {
    {"uuid", "id", NULL},
    {"datasetDomain", "domain", NULL},
    {"quantumName", "dataProduct", NULL},
    {"datasetName", "name", NULL},
    {"dataset", "schema", dataset_v2},
    {"stakeholders", "team", stakeholders_v2},
    {"slaDefaultColumn", "slaDefaultElement", NULL},
    {"slaProperties", NULL, slas_v2},
    {"customProperties", NULL, convert_custom},
    {0},
};

/* Keys that become something else than one key, in one place. */
static bool is_special(str key)
{
    return shape_has_word(server_keys, key)
        || shape_has_word("apiVersion kind contractCreatedTs", key)
        || shape_has_word("productDl productSlackChannel productFeedbackUrl", key);
}

struct tree *convert_from_v2(struct converter *c, const struct tree *document)
{
    struct tree *rest = tree_new(c->mem, TREE_MAP), *out = tree_new(c->mem, TREE_MAP);
    const struct tree *kind = tree_find(document, STR("kind"));
    for (size_t i = 0; i < document->len; i++)
        if (!is_special(document->at[i]->key))
            (void)tree_put(c->mem, rest, document->at[i]->key, tree_copy(c->mem, document->at[i]));
    struct tree *renamed = convert_map(c, rest, root_renames);
    convert_put(c, out, "apiVersion", convert_scalar(c, document, "v3.1.0"));
    convert_put(c, out, "kind", convert_scalar(c, document, "DataContract"));
    static const char *const first[] = {"id", "name", "version", "status"};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        if (tree_find(renamed, str_of(first[i])))
            convert_put(c, out, first[i], tree_copy(c->mem, tree_find(renamed, str_of(first[i]))));
    if (!tree_find(out, STR("status")))
        convert_put(c, out, "status", convert_scalar(c, document, "draft"));
    for (size_t i = 0; i < renamed->len; i++)
        if (!tree_get(out, renamed->at[i]->key))
            (void)tree_put(c->mem, out, renamed->at[i]->key, tree_copy(c->mem, renamed->at[i]));
    if (kind && !str_eq(kind->text, STR("DataContract")))
        convert_put(c, out, "v2Kind", tree_copy(c->mem, kind));
    struct tree *server = server_v2(c, document);
    if (server) {
        struct tree *servers = tree_new(c->mem, TREE_LIST);
        tree_push(c->mem, servers, server);
        convert_put(c, out, "servers", servers);
    }
    convert_put(c, out, "support", support_v2(c, document));
    put_created(c, out, tree_find(document, STR("contractCreatedTs")));
    return out;
}
