#include "shape/shape.h"
#include "shape/shape_formats.h"

/* ODCS v3.1.0, key by key. Where the text of the standard and its JSON Schema differ, the text wins. */

#define END                                                                                        \
    {                                                                                              \
        0                                                                                          \
    }
#define ID                                                                                         \
    {                                                                                              \
        .name = "id", .type = SHAPE_TEXT, .format = &shape_format_id                               \
    }
#define TEXT(key)                                                                                  \
    {                                                                                              \
        .name = key, .type = SHAPE_TEXT                                                            \
    }
#define TEXT_MUST(key)                                                                             \
    {                                                                                              \
        .name = key, .type = SHAPE_TEXT, .flags = SHAPE_REQUIRED                                   \
    }
#define TEXTS(key)                                                                                 \
    {                                                                                              \
        .name = key, .type = SHAPE_TEXT, .flags = SHAPE_LIST                                       \
    }
#define BOOL(key)                                                                                  \
    {                                                                                              \
        .name = key, .type = SHAPE_BOOL                                                            \
    }
#define INT(key)                                                                                   \
    {                                                                                              \
        .name = key, .type = SHAPE_INT                                                             \
    }
#define PORT(key)                                                                                  \
    {                                                                                              \
        .name = key, .type = SHAPE_PORT                                                            \
    }
#define PORT_MUST(key)                                                                             \
    {                                                                                              \
        .name = key, .type = SHAPE_PORT, .flags = SHAPE_REQUIRED                                   \
    }
#define MAPS(key, of)                                                                              \
    {                                                                                              \
        .name = key, .type = SHAPE_MAP, .flags = SHAPE_LIST, .shape = &(of)                        \
    }
#define CUSTOM MAPS("customProperties", custom_property)
#define DEFINITIONS MAPS("authoritativeDefinitions", definition)
#define TAGS TEXTS("tags")

static const double zero = 0;

static const struct shape definition = {
    .title = "an authoritative definition",
    .keys = {(const struct shape_key[]){ID, TEXT_MUST("url"), TEXT_MUST("type"),
                                        TEXT("description"), END}},
};

static const struct shape custom_property = {
    .title = "a custom property",
    .keys = {(const struct shape_key[]){
        ID,
        TEXT_MUST("property"),
        {.name = "value", .type = SHAPE_ANY, .flags = SHAPE_REQUIRED | SHAPE_NULL},
        TEXT("description"),
        END}},
    .slips =
        (const struct shape_slip[]){{"name", "a custom property is {property: NAME, value: VALUE}"},
                                    {"key", "a custom property is {property: NAME, value: VALUE}"},
                                    {0}},
};

static const struct shape description = {
    .title = "the description",
    .keys = {(const struct shape_key[]){TEXT("usage"), TEXT("purpose"), TEXT("limitations"),
                                        DEFINITIONS, CUSTOM, END}},
    .is_open = true,
};

static const struct shape role = {
    .title = "a role",
    .keys = {(const struct shape_key[]){ID, TEXT_MUST("role"), TEXT("description"), TEXT("access"),
                                        TEXT("firstLevelApprovers"), TEXT("secondLevelApprovers"),
                                        CUSTOM, END}},
};

static const struct shape support = {
    .title = "a support channel",
    .keys = {(const struct shape_key[]){ID, TEXT_MUST("channel"), TEXT("url"), TEXT("description"),
                                        TEXT("tool"), TEXT("scope"), TEXT("invitationUrl"), CUSTOM,
                                        END}},
};

static const struct shape price = {
    .title = "the price",
    .keys = {(const struct shape_key[]){ID,
                                        {.name = "priceAmount", .type = SHAPE_NUMBER},
                                        TEXT("priceCurrency"),
                                        TEXT("priceUnit"),
                                        END}},
};

static const struct shape_key member_keys[] = {
    ID,
    TEXT_MUST("username"),
    TEXT("name"),
    TEXT("description"),
    TEXT("role"),
    {.name = "dateIn", .type = SHAPE_TEXT, .format = &shape_format_date},
    {.name = "dateOut", .type = SHAPE_TEXT, .format = &shape_format_date},
    TEXT("replacedByUsername"),
    TAGS,
    CUSTOM,
    DEFINITIONS,
    END,
};

static const struct shape member = {.title = "a team member", .keys = {member_keys}};

static const struct shape_key team_keys[] = {
    ID, TEXT("name"), TEXT("description"), MAPS("members", member), TAGS, CUSTOM, DEFINITIONS, END,
};

/* The list form holds the members themselves, so that one key has two shapes: told apart by the parent. */
static void team_more(const struct tree *node, struct shape_more *out)
{
    bool is_member = node->parent && node->parent->kind == TREE_LIST;
    out->keys[0] = is_member ? member_keys : team_keys;
}

static const struct shape team = {.title = "the team", .more = team_more};

static const struct shape sla = {
    .title = "an SLA property",
    .keys = {(const struct shape_key[]){
        ID,
        TEXT_MUST("property"),
        {.name = "value", .type = SHAPE_SCALAR, .flags = SHAPE_REQUIRED | SHAPE_NULL},
        {.name = "valueExt", .type = SHAPE_SCALAR},
        TEXT("unit"),
        TEXT("element"),
        TEXT("driver"),
        TEXT("description"),
        TEXT("scheduler"),
        TEXT("schedule"),
        END}},
};

/* Quality rules. */

#define OPERATORS                                                                                  \
    "mustBe mustNotBe mustBeGreaterThan mustBeGreaterOrEqualTo mustBeLessThan "                    \
    "mustBeLessOrEqualTo "                                                                         \
    "mustBeBetween mustNotBeBetween"

static const struct shape_key operator_keys[] = {
    {.name = "mustBe", .type = SHAPE_ANY},
    {.name = "mustNotBe", .type = SHAPE_ANY},
    {.name = "mustBeGreaterThan", .type = SHAPE_NUMBER},
    {.name = "mustBeGreaterOrEqualTo", .type = SHAPE_NUMBER},
    {.name = "mustBeLessThan", .type = SHAPE_NUMBER},
    {.name = "mustBeLessOrEqualTo", .type = SHAPE_NUMBER},
    {.name = "mustBeBetween", .type = SHAPE_NUMBER, .flags = SHAPE_LIST | SHAPE_DISTINCT},
    {.name = "mustNotBeBetween", .type = SHAPE_NUMBER, .flags = SHAPE_LIST | SHAPE_DISTINCT},
    END,
};

static const struct shape_key library_keys[] = {
    {.name = "metric",
     .type = SHAPE_TEXT,
     .flags = SHAPE_REQUIRED,
     .words = "nullValues missingValues invalidValues duplicateValues rowCount"},
    {.name = "rule", .type = SHAPE_TEXT, .flags = SHAPE_DEPRECATED},
    {.name = "arguments", .type = SHAPE_MAP},
    END,
};

static const struct shape_key sql_keys[] = {TEXT_MUST("query"), END};

static const struct shape_key custom_keys[] = {
    TEXT_MUST("engine"),
    {.name = "implementation", .type = SHAPE_TEXT_OR_MAP, .flags = SHAPE_REQUIRED},
    END,
};

static bool quality_is(const struct tree *node, const char *type)
{
    return str_eq(tree_find_text(node, STR("type")), str_of(type));
}

static bool quality_is_library(const struct tree *node)
{
    return quality_is(node, "library") || tree_is_string(tree_find(node, STR("metric")));
}

static void quality_more(const struct tree *node, struct shape_more *out)
{
    size_t n = 0;
    bool has_type = tree_find(node, STR("type")) != NULL;
    if (quality_is_library(node) || (!has_type && tree_find(node, STR("metric"))))
        out->keys[n++] = library_keys;
    if (quality_is(node, "sql"))
        out->keys[n++] = sql_keys;
    if (quality_is(node, "custom"))
        out->keys[n++] = custom_keys;
    else if (n)
        out->keys[n++] = operator_keys;
    out->is_open = has_type && n == 0 && !quality_is(node, "text");
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
        if (str_ends(child->key, STR("Between")) && child->kind == TREE_LIST && child->len != 2) {
            struct finding *f = shape_error(walk->mem, walk->file, walk->report, child,
                                            STR_FMT " must be two numbers", STR_ARG(child->key));
            f->found = arena_format(walk->mem, "%zu", child->len);
            f->allowed = STR("[low, high], both exclusive");
        }
    }
    if (!quality_is_library(node) && !quality_is(node, "sql"))
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

static const struct shape quality = {
    .title = "a quality rule",
    .keys = {(const struct shape_key[]){
        ID,
        DEFINITIONS,
        TEXT("businessImpact"),
        CUSTOM,
        TEXT("description"),
        {.name = "dimension",
         .type = SHAPE_TEXT,
         .words = "accuracy completeness conformity consistency coverage timeliness uniqueness"},
        TEXT("method"),
        TEXT("name"),
        TEXT("schedule"),
        TEXT("scheduler"),
        TEXT("severity"),
        TAGS,
        {.name = "type", .type = SHAPE_TEXT, .words = "text library sql custom"},
        TEXT("unit"),
        END}},
    .more = quality_more,
    .also = quality_also,
    .slips =
        (const struct shape_slip[]){
            {"mustBeGreaterThanOrEqualTo", "did you mean mustBeGreaterOrEqualTo?"},
            {"mustBeLessThanOrEqualTo", "did you mean mustBeLessOrEqualTo?"},
            {"rule", "since v3.1.0 a library rule says metric: NAME"},
            {"mustBeEqualTo", "did you mean mustBe?"},
            {0}},
};

/* Relationships. */

#define REFERENCE(key, extra)                                                                      \
    {                                                                                              \
        .name = key, .type = SHAPE_TEXT, .flags = (extra), .format = &shape_format_reference       \
    }
#define RELATION_TYPE                                                                              \
    {                                                                                              \
        .name = "type", .type = SHAPE_TEXT, .words = "foreignKey"                                  \
    }
#define MANY (SHAPE_OR_LIST | SHAPE_REQUIRED | SHAPE_NOT_EMPTY)

static void relation_also(struct shape_walk *walk, const struct tree *node)
{
    const struct tree *from = tree_find(node, STR("from")), *to = tree_find(node, STR("to"));
    if (!from || !to)
        return;
    bool is_list = from->kind == TREE_LIST, to_list = to->kind == TREE_LIST;
    if (is_list == to_list && (!is_list || from->len == to->len))
        return;
    struct finding *f = shape_error(walk->mem, walk->file, walk->report, to,
                                    "from and to of a relationship must have the same length");
    f->found =
        arena_format(walk->mem, "%zu and %zu", is_list ? from->len : 1, to_list ? to->len : 1);
    f->allowed = STR("two texts, or two lists of the same length");
}

static const struct shape table_relation = {
    .title = "a relationship of a table",
    .keys = {(const struct shape_key[]){RELATION_TYPE, REFERENCE("from", MANY),
                                        REFERENCE("to", MANY), CUSTOM, END}},
    .also = relation_also,
};

static const struct shape column_relation = {
    .title = "a relationship of a property",
    .keys = {(const struct shape_key[]){RELATION_TYPE, REFERENCE("to", MANY), CUSTOM, END}},
    .slips =
        (const struct shape_slip[]){
            {"from", "a relationship of a property starts at that property; put it on the table"},
            {0}},
};

/* logicalTypeOptions, by the logicalType beside them. */

#define LENGTH(key)                                                                                \
    {                                                                                              \
        .name = key, .type = SHAPE_INT, .least = &zero                                             \
    }
#define NUMBER(key)                                                                                \
    {                                                                                              \
        .name = key, .type = SHAPE_NUMBER                                                          \
    }
#define NUMBER_BOUNDS                                                                              \
    {.name = "multipleOf", .type = SHAPE_NUMBER, .above = &zero}, NUMBER("minimum"),               \
        NUMBER("maximum"), NUMBER("exclusiveMinimum"), NUMBER("exclusiveMaximum")
#define TEXT_BOUNDS                                                                                \
    TEXT("format"), TEXT("minimum"), TEXT("maximum"), TEXT("exclusiveMinimum"),                    \
        TEXT("exclusiveMaximum")

static const struct {
    const char *types;
    const struct shape_key *keys;
} options_by_type[] = {
    {"string", (const struct shape_key[]){LENGTH("minLength"), LENGTH("maxLength"), TEXT("pattern"),
                                          TEXT("format"), END}},
    {"integer",
     (const struct shape_key[]){
         NUMBER_BOUNDS,
         {.name = "format", .type = SHAPE_TEXT, .words = "i8 i16 i32 i64 i128 u8 u16 u32 u64 u128"},
         END}},
    {"number",
     (const struct shape_key[]){
         NUMBER_BOUNDS, {.name = "format", .type = SHAPE_TEXT, .words = "f32 f64"}, END}},
    {"date", (const struct shape_key[]){TEXT_BOUNDS, END}},
    {"timestamp time",
     (const struct shape_key[]){TEXT_BOUNDS, BOOL("timezone"), TEXT("defaultTimezone"), END}},
    {"object", (const struct shape_key[]){LENGTH("minProperties"),
                                          LENGTH("maxProperties"),
                                          {.name = "required",
                                           .type = SHAPE_TEXT,
                                           .flags = SHAPE_LIST | SHAPE_NOT_EMPTY | SHAPE_DISTINCT},
                                          END}},
    {"array",
     (const struct shape_key[]){LENGTH("minItems"), LENGTH("maxItems"), BOOL("uniqueItems"), END}},
};

static void options_more(const struct tree *node, struct shape_more *out)
{
    const struct tree *type = tree_find(node->parent, STR("logicalType"));
    for (size_t i = 0; type && i < sizeof options_by_type / sizeof *options_by_type; i++)
        if (shape_has_word(options_by_type[i].types, type->text))
            out->keys[0] = options_by_type[i].keys;
    out->is_open = !out->keys[0];
}

/* Without a type every kind of options would hold at once, so that none fits. */
static void options_also(struct shape_walk *walk, const struct tree *node)
{
    if (node->len && !tree_find(node->parent, STR("logicalType"))) {
        struct finding *f = shape_error(walk->mem, walk->file, walk->report, node,
                                        "logicalTypeOptions need a logicalType beside them");
        f->hint = STR("add logicalType");
    }
}

static const struct shape options = {
    .title = "the options of this logicalType",
    .more = options_more,
    .also = options_also,
};

/* Properties and tables. */

#define ELEMENT                                                                                    \
    ID, TEXT("physicalName"), TEXT("physicalType"), TEXT("description"), TEXT("businessName"),     \
        DEFINITIONS, TAGS, CUSTOM, MAPS("quality", quality)

static const struct shape property, item;

static const struct shape_key property_keys[] = {
    ELEMENT,
    BOOL("primaryKey"),
    INT("primaryKeyPosition"),
    {.name = "logicalType",
     .type = SHAPE_TEXT,
     .words = "string date timestamp time number integer object array boolean"},
    {.name = "logicalTypeOptions", .type = SHAPE_MAP, .shape = &options},
    BOOL("required"),
    BOOL("unique"),
    BOOL("partitioned"),
    INT("partitionKeyPosition"),
    TEXT("classification"),
    TEXT("encryptedName"),
    BOOL("criticalDataElement"),
    TEXTS("transformSourceObjects"),
    TEXT("transformLogic"),
    TEXT("transformDescription"),
    {.name = "examples", .type = SHAPE_ANY, .flags = SHAPE_LIST},
    MAPS("relationships", column_relation),
    END,
};
static const struct shape_key name_keys[] = {TEXT_MUST("name"), END};
static const struct shape_key item_name_keys[] = {TEXT("name"), END};
static const struct shape_key nested_keys[] = {MAPS("properties", property), END};
static const struct shape_key items_keys[] = {{.name = "items", .type = SHAPE_MAP, .shape = &item},
                                              END};

static void property_more(const struct tree *node, struct shape_more *out)
{
    const struct tree *type = tree_find(node, STR("logicalType"));
    size_t n = 0;
    if (!type || str_eq(type->text, STR("object")))
        out->keys[n++] = nested_keys;
    if (!type || str_eq(type->text, STR("array")))
        out->keys[n++] = items_keys;
}

static const struct shape_slip property_slips[] = {
    {"isNullable", "since v3.0.0 final this is required: true or false"},
    {"isUnique", "since v3.0.0 final this is unique: true or false"},
    {"isPrimaryKey", "since v3.0.0 final this is primaryKey: true or false"},
    {"column", "since v3.0.0 this is name"},
    {"type", "did you mean logicalType or physicalType?"},
    {"columns", "since v3.0.0 this is properties"},
    {"items", "items belong to logicalType: array"},
    {"properties", "properties belong to logicalType: object"},
    {0},
};

static const struct shape property = {
    .title = "a property",
    .keys = {name_keys, property_keys},
    .more = property_more,
    .slips = property_slips,
};

static const struct shape item = {
    .title = "the items of an array",
    .keys = {item_name_keys, property_keys},
    .more = property_more,
    .slips = property_slips,
};

static const struct shape table = {
    .title = "a table of the schema",
    .keys = {name_keys,
             (const struct shape_key[]){
                 ELEMENT,
                 {.name = "logicalType", .type = SHAPE_TEXT, .words = "object"},
                 TEXT("dataGranularityDescription"),
                 MAPS("properties", property),
                 MAPS("relationships", table_relation),
                 END}},
    .slips = property_slips,
};

/* Servers. */

static const struct {
    const char *types;
    const struct shape_key *keys;
} servers_by_type[] = {
#define KEYS(...) ((const struct shape_key[]){__VA_ARGS__, END})
#define HOST_PORT_DATABASE TEXT_MUST("host"), PORT_MUST("port"), TEXT_MUST("database")
    {"api", KEYS(TEXT_MUST("location"))},
    {"athena", KEYS(TEXT("stagingDir"), TEXT_MUST("schema"), TEXT("catalog"), TEXT("regionName"))},
    {"azure", KEYS(TEXT_MUST("location"), TEXT_MUST("format"), TEXT("delimiter"))},
    {"bigquery", KEYS(TEXT_MUST("project"), TEXT_MUST("dataset"))},
    {"clickhouse mysql synapse", KEYS(HOST_PORT_DATABASE)},
    {"cloudsql vertica", KEYS(HOST_PORT_DATABASE, TEXT_MUST("schema"))},
    {"databricks", KEYS(TEXT_MUST("catalog"), TEXT_MUST("schema"), TEXT("host"))},
    {"db2", KEYS(HOST_PORT_DATABASE, TEXT("schema"))},
    {"denodo", KEYS(TEXT_MUST("host"), PORT_MUST("port"), TEXT("database"))},
    {"dremio", KEYS(TEXT_MUST("host"), PORT_MUST("port"), TEXT("schema"))},
    {"duckdb", KEYS(TEXT_MUST("database"), TEXT("schema"))},
    {"glue", KEYS(TEXT_MUST("account"), TEXT_MUST("database"), TEXT("location"), TEXT("format"))},
    {"hive impala informix zen", KEYS(TEXT_MUST("host"), TEXT_MUST("database"), PORT("port"))},
    {"kafka", KEYS(TEXT_MUST("host"), TEXT("format"))},
    {"kinesis", KEYS(TEXT("region"), TEXT("format"), TEXT("stream"))},
    {"local", KEYS(TEXT_MUST("path"), TEXT_MUST("format"))},
    {"oracle", KEYS(TEXT_MUST("host"), PORT_MUST("port"), TEXT_MUST("serviceName"))},
    {"postgres postgresql",
     KEYS(TEXT_MUST("host"), PORT("port"), TEXT_MUST("database"), TEXT_MUST("schema"))},
    {"presto", KEYS(TEXT_MUST("host"), TEXT("catalog"), TEXT("schema"))},
    {"pubsub", KEYS(TEXT_MUST("project"))},
    {"redshift", KEYS(TEXT_MUST("database"), TEXT_MUST("schema"), TEXT("host"), TEXT("region"),
                      TEXT("account"))},
    {"s3", KEYS(TEXT_MUST("location"), TEXT("endpointUrl"), TEXT("format"), TEXT("delimiter"))},
    {"sftp", KEYS({.name = "location",
                   .type = SHAPE_TEXT,
                   .flags = SHAPE_REQUIRED,
                   .format = &shape_format_sftp},
                  TEXT("format"), TEXT("delimiter"))},
    {"snowflake", KEYS(TEXT_MUST("account"), TEXT_MUST("database"), TEXT_MUST("schema"),
                       TEXT("host"), PORT("port"), TEXT("warehouse"))},
    {"sqlserver",
     KEYS(TEXT_MUST("host"), TEXT_MUST("database"), TEXT_MUST("schema"), PORT("port"))},
    {"trino",
     KEYS(TEXT_MUST("host"), PORT_MUST("port"), TEXT_MUST("catalog"), TEXT_MUST("schema"))},
    {"custom",
     KEYS(TEXT("account"), TEXT("catalog"), TEXT("database"), TEXT("dataset"), TEXT("delimiter"),
          TEXT("endpointUrl"), TEXT("format"), TEXT("host"), TEXT("location"), TEXT("path"),
          PORT("port"), TEXT("project"), TEXT("region"), TEXT("regionName"), TEXT("schema"),
          TEXT("serviceName"), TEXT("stream"), TEXT("stagingDir"), TEXT("warehouse"))},
};

static void server_more(const struct tree *node, struct shape_more *out)
{
    str type = tree_find_text(node, STR("type"));
    for (size_t i = 0; i < sizeof servers_by_type / sizeof *servers_by_type; i++)
        if (shape_has_word(servers_by_type[i].types, type))
            out->keys[0] = servers_by_type[i].keys;
    out->is_open = !out->keys[0];
}

static const struct shape server = {
    .title = "a server of this type",
    .keys = {(const struct shape_key[]){
        ID,
        TEXT_MUST("server"),
        {.name = "type",
         .type = SHAPE_TEXT,
         .flags = SHAPE_REQUIRED,
         .words = "api athena azure bigquery clickhouse cloudsql custom databricks db2 denodo "
                  "dremio duckdb glue hive impala informix kafka kinesis local mysql oracle "
                  "postgres postgresql presto pubsub redshift s3 sftp snowflake sqlserver synapse "
                  "trino vertica zen"},
        TEXT("description"),
        TEXT("environment"),
        MAPS("roles", role),
        CUSTOM,
        END}},
    .more = server_more,
    .slips =
        (const struct shape_slip[]){
            {"topic", "put it into customProperties: the standard has no such key for this type"},
            {"user", "put it into customProperties: {property: user, value: \"${NAME}\"}"},
            {"username", "put it into customProperties: {property: user, value: \"${NAME}\"}"},
            {"password", "put it into customProperties: {property: password, value: \"${NAME}\"}"},
            {0}},
};

/* The document. */

const struct shape shape_odcs = {
    .title = "a data contract",
    .keys = {(const struct shape_key[]){
        TEXT_MUST("apiVersion"),
        {.name = "kind", .type = SHAPE_TEXT, .flags = SHAPE_REQUIRED, .words = "DataContract"},
        TEXT_MUST("id"),
        TEXT_MUST("version"),
        TEXT_MUST("status"),
        TEXT("name"),
        TEXT("tenant"),
        TAGS,
        TEXT("domain"),
        {.name = "dataProduct", .type = SHAPE_TEXT, .flags = SHAPE_DEPRECATED},
        DEFINITIONS,
        {.name = "description", .type = SHAPE_MAP, .shape = &description},
        MAPS("schema", table),
        MAPS("support", support),
        {.name = "price", .type = SHAPE_MAP, .shape = &price},
        {.name = "team",
         .type = SHAPE_MAP,
         .flags = SHAPE_OR_LIST | SHAPE_OLD_LIST,
         .shape = &team},
        MAPS("roles", role),
        MAPS("servers", server),
        {.name = "slaDefaultElement", .type = SHAPE_TEXT, .flags = SHAPE_DEPRECATED},
        MAPS("slaProperties", sla),
        CUSTOM,
        {.name = "contractCreatedTs", .type = SHAPE_TEXT, .format = &shape_format_date_time},
        END}},
    .slips =
        (const struct shape_slip[]){
            {"dataset", "this is of ODCS v2; since v3.0.0 it is schema"},
            {"info", "this is of the Data Contract Specification; ODCS has name, version and "
                     "description at the root"},
            {"models", "this is of the Data Contract Specification; ODCS has schema"},
            {"stakeholders", "this is of ODCS v2; since v3.0.0 it is team"},
            {"uuid", "this is of ODCS v2; since v3.0.0 it is id"},
            {0}},
};

bool shape_check_odcs_version(struct arena *mem, str file, const struct tree *document,
                              struct report *report)
{
    const struct tree *version = tree_find(document, STR("apiVersion"));
    bool is_v2 = version
                   ? str_starts(version->text, STR("v2.")) || str_starts(version->text, STR("2."))
                   : tree_get(document, STR("dataset")) && !tree_get(document, STR("schema"));
    if (is_v2) {
        struct finding *f = shape_error(mem, file, report, version ? version : document,
                                        "this is a contract of ODCS v2, which has another shape");
        f->found = version ? version->text : STR("dataset, and no apiVersion");
        f->allowed = STR("v3.1.0");
        f->hint = STR("convert it to v3.1.0: dataset becomes schema, columns become properties");
        return false;
    }
    if (!version || str_eq(version->text, STR("v3.1.0")))
        return true; /* a missing one is a finding of the shape */
    struct finding *f =
        shape_error(mem, file, report, version, "this version of weft reads ODCS v3.1.0 only");
    f->found = shape_found(mem, version);
    f->allowed = STR("v3.1.0");
    f->hint = str_eq(version->text, STR("3.1.0"))
                ? STR("write v3.1.0, with the v")
                : STR("write apiVersion: v3.1.0, and check again");
    /* A near miss is worth judging; of another version every second finding would mislead. */
    return str_starts(version->text, STR("v3.1")) || str_starts(version->text, STR("3.1"));
}
