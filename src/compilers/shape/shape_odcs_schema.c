#include "shape/shape_inside.h"

/* Tables and properties of ODCS. */

static const double zero = 0;

/* logicalTypeOptions, by the logicalType beside them. */

#define LENGTH(key) INT(key, .least = &zero, USED)
#define NUMBER(key, ...) KEY(key, SHAPE_NUMBER, __VA_ARGS__)
/* In v3.0 these say whether the bound beside them is exclusive; since v3.1 they are bounds. */
#define EXCLUSIVE(of)                                                                              \
    BOOL("exclusiveMinimum", IN(ODCS_3_0), USED), BOOL("exclusiveMaximum", IN(ODCS_3_0), USED),    \
        KEY("exclusiveMinimum", of, IN(ODCS_FROM_3_1), USED),                                      \
        KEY("exclusiveMaximum", of, IN(ODCS_FROM_3_1), USED)
#define NUMBER_BOUNDS                                                                              \
    NUMBER("multipleOf", .above = &zero, USED), NUMBER("minimum", USED), NUMBER("maximum", USED),  \
        EXCLUSIVE(SHAPE_NUMBER)
#define TEXT_BOUNDS                                                                                \
    TEXT("format", USED), TEXT("minimum", USED), TEXT("maximum", USED), EXCLUSIVE(SHAPE_TEXT)

static const struct shape_variant options_by_type[] = {
    {"logicalType", "string",
     (const struct shape_key[]){LENGTH("minLength"), LENGTH("maxLength"), TEXT("pattern", USED),
                                TEXT("format", USED), END}},
    {"logicalType", "integer",
     (const struct shape_key[]){
         NUMBER_BOUNDS, TEXT("format", .words = "i8 i16 i32 i64 i128 u8 u16 u32 u64 u128", USED),
         END}},
    {"logicalType", "number",
     (const struct shape_key[]){NUMBER_BOUNDS, TEXT("format", .words = "f32 f64", USED), END}},
    {"logicalType", "date", (const struct shape_key[]){TEXT_BOUNDS, END}},
    {"logicalType", "timestamp time",
     (const struct shape_key[]){TEXT_BOUNDS, BOOL("timezone", USED), TEXT("defaultTimezone", USED),
                                END}},
    {"logicalType", "object",
     (const struct shape_key[]){
         LENGTH("minProperties"), LENGTH("maxProperties"),
         TEXT("required", .flags = SHAPE_LIST | SHAPE_NOT_EMPTY | SHAPE_DISTINCT, USED), END}},
    {"logicalType", "array",
     (const struct shape_key[]){LENGTH("minItems"), LENGTH("maxItems"), BOOL("uniqueItems", USED),
                                END}},
    {0},
};

static const struct shape options;

static void options_more(const struct tree *node, struct shape_more *out)
{
    const struct shape_variant *variant =
        shape_find_variant(&options, tree_find_text(node->parent, STR("logicalType")));
    out->keys[0] = variant ? variant->keys : NULL;
    out->is_open = !variant;
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
    .variants = options_by_type,
    .more = options_more,
    .also = options_also,
};

/* The draft of v3.2.0. */

static const struct shape synonym = {
    .title = "a synonym",
    .keys = {(const struct shape_key[]){ODCS_ID, TEXT_MUST("synonym"), TEXT("description"),
                                        TEXT("locale"), TEXT("source"), TEXT("status"),
                                        ODCS_CUSTOM(), END}},
};

static const struct shape enum_value = {
    .title = "a value of enum",
    .keys = {(const struct shape_key[]){
        ODCS_ID, KEY("value", SHAPE_SCALAR, .flags = SHAPE_REQUIRED | SHAPE_NULL), TEXT("label"),
        TEXT("description"), ODCS_TAGS(), ODCS_CUSTOM(), ODCS_DEFINITIONS(), END}},
};

static const struct shape property, item;

static const struct shape map_of = {
    .title = "the map of a property",
    .keys = {(const struct shape_key[]){MAP("key", item, .flags = SHAPE_REQUIRED),
                                        MAP("value", item, .flags = SHAPE_REQUIRED), END}},
};

#define ENUM_FLAGS (SHAPE_LIST | SHAPE_NOT_EMPTY | SHAPE_DISTINCT)

/* Properties and tables. */

#define ELEMENT                                                                                    \
    ODCS_ID, TEXT("physicalType", USED), TEXT("description", USED), TEXT("businessName"),          \
        ODCS_DEFINITIONS(), ODCS_TAGS(USED, ABOUT("labels for policies")), ODCS_CUSTOM(USED),      \
        MAPS("quality", shape_odcs_quality, USED), MAPS("synonyms", synonym, IN(ODCS_3_2_0))
#define TYPES_3_0 "string date number integer object array boolean"
#define TYPES_3_1 "string date timestamp time number integer object array boolean"

static const struct shape_slip type_slips[] = {
    {"int", "did you mean integer?"},
    {"bigint", "did you mean integer? The stored type is physicalType"},
    {"long", "did you mean integer?"},
    {"float", "did you mean number?"},
    {"double", "did you mean number?"},
    {"decimal", "did you mean number? The stored type is physicalType"},
    {"numeric", "did you mean number?"},
    {"text", "did you mean string?"},
    {"varchar", "did you mean string? The stored type is physicalType"},
    {"datetime", "did you mean timestamp?"},
    {"bool", "did you mean boolean?"},
    {"list", "did you mean array?"},
    {"struct", "did you mean object?"},
    {"record", "did you mean object?"},
    {"binary", "did you mean string, with logicalTypeOptions: {format: binary}?"},
    {0},
};

static const struct shape_key property_keys[] = {
    ELEMENT,
    TEXT("physicalName", IN(ODCS_3_0_2 | ODCS_FROM_3_1), USED),
    BOOL("primaryKey", USED),
    INT("primaryKeyPosition", USED),
    TEXT("logicalType", .words = TYPES_3_0, .slips = type_slips, IN(ODCS_3_0), USED),
    TEXT("logicalType", .words = TYPES_3_1, .slips = type_slips, IN(ODCS_3_1_0), USED),
    TEXT("logicalType", .words = TYPES_3_1 " map", .slips = type_slips, IN(ODCS_3_2_0)),
    MAP("logicalTypeOptions", options, USED),
    BOOL("required", USED),
    BOOL("unique", USED),
    BOOL("partitioned"),
    INT("partitionKeyPosition"),
    TEXT("classification", USED, ABOUT("a label for policies")),
    TEXT("encryptedName"),
    BOOL("criticalDataElement"),
    TEXTS("transformSourceObjects"),
    TEXT("transformLogic"),
    TEXT("transformDescription"),
    KEY("examples", SHAPE_ANY, .flags = SHAPE_LIST),
    MAPS("relationships", shape_odcs_column_relation, IN(ODCS_FROM_3_1), USED),
    KEY("enum", SHAPE_MAP, .flags = ENUM_FLAGS, .shape = &enum_value, IN(ODCS_3_2_0)),
    TEXT("semanticType", .words = "column measure dimension", IN(ODCS_3_2_0)),
    END,
};
static const struct shape_key name_keys[] = {TEXT_MUST("name", USED), END};
static const struct shape_key item_name_keys[] = {TEXT("name"), END};
static const struct shape_key nested_keys[] = {MAPS("properties", property, USED), END};
static const struct shape_key items_keys[] = {MAP("items", item, USED), END};
static const struct shape_key map_keys[] = {
    MAP("map", map_of, .flags = SHAPE_REQUIRED, IN(ODCS_3_2_0)), END};

static const struct shape_variant parts_by_type[] = {
    {"logicalType", "object", nested_keys},
    {"logicalType", "array", items_keys},
    {"logicalType", "map", map_keys},
    {0},
};

static void property_more(const struct tree *node, struct shape_more *out)
{
    const struct tree *type = tree_find(node, STR("logicalType"));
    size_t n = 0;
    if (!type || str_eq(type->text, STR("object")))
        out->keys[n++] = nested_keys;
    if (!type || str_eq(type->text, STR("array")))
        out->keys[n++] = items_keys;
    if (type && str_eq(type->text, STR("map")))
        out->keys[n++] = map_keys;
}

static const struct shape_slip property_slips[] = {
    {"isNullable", "since v3.0.0 final this is required: true or false"},
    {"isUnique", "since v3.0.0 final this is unique: true or false"},
    {"isPrimaryKey", "since v3.0.0 final this is primaryKey: true or false"},
    {"nullable", "did you mean required, which says the opposite?"},
    {"column", "since v3.0.0 this is name"},
    {"type", "did you mean logicalType or physicalType?"},
    {"columns", "since v3.0.0 this is properties"},
    {"fields", "did you mean properties?"},
    {"items", "items belong to logicalType: array"},
    {"properties", "properties belong to logicalType: object"},
    {0},
};

static const struct shape property = {
    .title = "a property",
    .keys = {name_keys, property_keys},
    .variants = parts_by_type,
    .more = property_more,
    .slips = property_slips,
};

static const struct shape item = {
    .title = "the items of an array",
    .keys = {item_name_keys, property_keys},
    .variants = parts_by_type,
    .more = property_more,
    .slips = property_slips,
};

static const struct shape statement = {
    .title = "a verified statement",
    .keys = {(const struct shape_key[]){TEXT("id"), TEXT_MUST("question"), TEXT("answer"),
                                        ODCS_TAGS(), ODCS_CUSTOM(), ODCS_DEFINITIONS(), END}},
};

static const struct shape constraint = {
    .title = "a constraint",
    .keys = {(const struct shape_key[]){TEXT("id"), TEXT_MUST("constraint"), ODCS_TAGS(),
                                        ODCS_CUSTOM(), ODCS_DEFINITIONS(), END}},
};

const struct shape shape_odcs_context = {
    .title = "the context",
    .keys = {(const struct shape_key[]){TEXT("instructions"), MAPS("verifiedStatements", statement),
                                        MAPS("constraints", constraint), END}},
};

const struct shape shape_odcs_table = {
    .title = "a table of the schema",
    .keys = {name_keys,
             (const struct shape_key[]){
                 ELEMENT, TEXT("physicalName", USED), TEXT("logicalType", .words = "object"),
                 TEXT("dataGranularityDescription"), MAPS("properties", property, USED),
                 MAPS("relationships", shape_odcs_table_relation, IN(ODCS_FROM_3_1), USED),
                 KEY("context", SHAPE_TEXT_OR_MAP, .shape = &shape_odcs_context, IN(ODCS_3_2_0)),
                 END}},
    .slips = property_slips,
};
