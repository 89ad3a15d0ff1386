#include "policy/policy_inside.h"

/* What a policy file may hold. What this version does not enforce is refused, never ignored. */

#define END                                                                                        \
    {                                                                                              \
        0                                                                                          \
    }
#define TEXT(key)                                                                                  \
    {                                                                                              \
        .name = key, .type = SHAPE_TEXT                                                            \
    }
#define TEXTS(key)                                                                                 \
    {                                                                                              \
        .name = key, .type = SHAPE_TEXT, .flags = SHAPE_OR_LIST | SHAPE_NOT_EMPTY                  \
    }
#define LIST(key)                                                                                  \
    {                                                                                              \
        .name = key, .type = SHAPE_TEXT, .flags = SHAPE_LIST                                       \
    }
#define LATER(key)                                                                                 \
    {                                                                                              \
        .name = key, .type = SHAPE_ANY, .flags = SHAPE_LATER                                       \
    }

static const struct shape excepted = {
    .title = "an excepted product",
    .keys = {(const struct shape_key[]){
        {.name = "product", .type = SHAPE_TEXT, .flags = SHAPE_REQUIRED},
        {.name = "digest", .type = SHAPE_TEXT, .flags = SHAPE_REQUIRED | SHAPE_NOT_EMPTY},
        END}},
};

static const struct shape except = {
    .title = "an exception",
    .keys = {(const struct shape_key[]){
        LIST("users"),
        LIST("groups"),
        {.name = "products", .type = SHAPE_TEXT_OR_MAP, .flags = SHAPE_LIST, .shape = &excepted},
        {.name = "owners", .type = SHAPE_BOOL},
        LIST("purposes"),
        END}},
};

static const struct shape columns = {
    .title = "a choice of columns",
    .keys = {(const struct shape_key[]){TEXTS("classification"), TEXTS("tags"), TEXTS("domain"),
                                        TEXTS("product"), TEXTS("table"), TEXTS("column"), END}},
    .slips = (const struct shape_slip[]){{"tag", "did you mean tags?"},
                                         {"classifications", "did you mean classification?"},
                                         {"columns", "did you mean column?"},
                                         {0}},
};

static const struct shape tables = {
    .title = "a choice of tables",
    .keys = {(const struct shape_key[]){TEXTS("domain"), TEXTS("product"), TEXTS("table"),
                                        TEXTS("tag"), TEXTS("classification"), TEXTS("column"),
                                        END}},
    .slips = (const struct shape_slip[]){{"tags", "did you mean tag?"},
                                         {"classifications", "did you mean classification?"},
                                         {"columns", "did you mean column?"},
                                         {0}},
};

static const struct shape method = {
    .title = "a mask's method",
    .keys = {(const struct shape_key[]){
        {.name = "method",
         .type = SHAPE_TEXT,
         .flags = SHAPE_REQUIRED | SHAPE_NULL,
         .words = "null constant hash partial truncate bucket sql"},
        {.name = "value", .type = SHAPE_SCALAR},
        {.name = "keepFirst", .type = SHAPE_INT},
        {.name = "keepLast", .type = SHAPE_INT},
        {.name = "unit", .type = SHAPE_SCALAR},
        {.name = "width", .type = SHAPE_NUMBER},
        {.name = "bounds", .type = SHAPE_NUMBER, .flags = SHAPE_LIST | SHAPE_NOT_EMPTY},
        {.name = "expression", .type = SHAPE_TEXT, .flags = SHAPE_NOT_EMPTY},
        END}},
};

static const struct shape mask = {
    .title = "a mask",
    .keys = {(const struct shape_key[]){
        {.name = "columns", .type = SHAPE_MAP, .flags = SHAPE_REQUIRED, .shape = &columns},
        {.name = "with", .type = SHAPE_MAP, .flags = SHAPE_REQUIRED, .shape = &method},
        {.name = "except", .type = SHAPE_MAP, .shape = &except},
        END}},
    .slips = (const struct shape_slip[]){{"tables", "did you mean columns?"},
                                         {"method", "write with: {method: null}"},
                                         {0}},
};

static const struct shape filter = {
    .title = "a filter",
    .keys = {(const struct shape_key[]){
        {.name = "tables", .type = SHAPE_MAP, .flags = SHAPE_REQUIRED, .shape = &tables},
        {.name = "where", .type = SHAPE_TEXT, .flags = SHAPE_REQUIRED | SHAPE_NOT_EMPTY},
        {.name = "except", .type = SHAPE_MAP, .shape = &except},
        END}},
    .slips = (const struct shape_slip[]){{"columns", "did you mean tables?"}, {0}},
};

static const struct shape takers = {
    .title = "those who are granted something",
    .keys = {(const struct shape_key[]){LIST("users"), LIST("groups"), LIST("products"), END}},
};

static const struct shape grant = {
    .title = "a grant",
    .keys = {(const struct shape_key[]){
        TEXT("contract"),
        TEXTS("product"),
        TEXTS("products"),
        TEXT("role"),
        {.name = "to", .type = SHAPE_MAP, .flags = SHAPE_REQUIRED, .shape = &takers},
        LIST("purposes"),
        TEXT("until"),
        TEXTS("tables"),
        {.name = "columns", .type = SHAPE_MAP, .shape = &columns},
        LATER("except"),
        END}},
    .slips = (const struct shape_slip[]){{"table", "did you mean tables?"}, {0}},
};

static const struct shape deny = {
    .title = "a denial",
    .keys = {(const struct shape_key[]){{.name = "tables", .type = SHAPE_MAP, .shape = &tables},
                                        {.name = "columns", .type = SHAPE_MAP, .shape = &columns},
                                        {.name = "to", .type = SHAPE_MAP, .shape = &takers},
                                        LIST("purposes"),
                                        {.name = "except", .type = SHAPE_MAP, .shape = &except},
                                        END}},
};

static const struct shape require = {
    .title = "a requirement",
    .keys = {(const struct shape_key[]){
        {.name = "query", .type = SHAPE_TEXT, .flags = SHAPE_REQUIRED | SHAPE_NOT_EMPTY},
        TEXT("message"),
        END}},
    .slips = (const struct shape_slip[]){{"sql", "did you mean query?"}, {0}},
};

static const struct shape waive = {
    .title = "a waiver",
    .keys = {(const struct shape_key[]){
        {.name = "policy", .type = SHAPE_TEXT, .flags = SHAPE_REQUIRED | SHAPE_NOT_EMPTY},
        {.name = "to", .type = SHAPE_MAP, .flags = SHAPE_REQUIRED, .shape = &takers},
        {.name = "tables", .type = SHAPE_MAP, .shape = &tables},
        {.name = "approver", .type = SHAPE_TEXT, .flags = SHAPE_REQUIRED | SHAPE_NOT_EMPTY},
        {.name = "reason", .type = SHAPE_TEXT, .flags = SHAPE_REQUIRED | SHAPE_NOT_EMPTY},
        {.name = "until", .type = SHAPE_TEXT, .flags = SHAPE_REQUIRED | SHAPE_NOT_EMPTY},
        END}},
};

const struct shape shape_policy = {
    .title = "a policy",
    .keys = {(const struct shape_key[]){
        {.name = "apiVersion", .type = SHAPE_TEXT, .flags = SHAPE_REQUIRED, .words = "weft/v1"},
        {.name = "kind", .type = SHAPE_TEXT, .flags = SHAPE_REQUIRED, .words = "Policy"},
        {.name = "id",
         .type = SHAPE_TEXT,
         .flags = SHAPE_REQUIRED | SHAPE_NOT_EMPTY,
         .pattern = "^(?!(owner|self|default)$)[a-z][a-z0-9_-]*$"},
        TEXT("description"),
        TEXT("owner"),
        {.name = "grant", .type = SHAPE_MAP, .shape = &grant},
        {.name = "filter", .type = SHAPE_MAP, .shape = &filter},
        {.name = "mask", .type = SHAPE_MAP, .shape = &mask},
        {.name = "deny", .type = SHAPE_MAP, .shape = &deny},
        {.name = "require", .type = SHAPE_MAP, .shape = &require},
        {.name = "waive", .type = SHAPE_MAP, .shape = &waive},
        {.name = "severity", .type = SHAPE_TEXT, .words = "error warning"},
        LATER("retain"),
        END}},
    .one_of = "grant deny filter mask require waive",
    .slips = (const struct shape_slip[]){{"name", "did you mean id?"},
                                         {"scope", "the folder of the file says its scope"},
                                         {0}},
};

/* Tests of policies. */

static const struct shape actor = {
    .title = "who asks",
    .keys = {(const struct shape_key[]){
        {.name = "user", .type = SHAPE_TEXT},
        {.name = "product", .type = SHAPE_TEXT},
        {.name = "groups", .type = SHAPE_TEXT, .flags = SHAPE_LIST},
        {.name = "attributes", .type = SHAPE_SCALAR, .flags = SHAPE_NAMED | SHAPE_OR_LIST},
        END}},
};

static const struct shape one_case = {
    .title = "a case",
    .keys = {(const struct shape_key[]){
        {.name = "name", .type = SHAPE_TEXT, .flags = SHAPE_REQUIRED | SHAPE_NOT_EMPTY},
        {.name = "table", .type = SHAPE_TEXT, .flags = SHAPE_REQUIRED | SHAPE_NOT_EMPTY},
        {.name = "actor", .type = SHAPE_TEXT_OR_MAP, .flags = SHAPE_REQUIRED, .shape = &actor},
        {.name = "purpose", .type = SHAPE_TEXT},
        {.name = "at", .type = SHAPE_TEXT},
        {.name = "rows", .type = SHAPE_MAP, .flags = SHAPE_LIST},
        {.name = "release", .type = SHAPE_SCALAR},
        {.name = "entitlements", .type = SHAPE_MAP},
        {.name = "expect", .type = SHAPE_MAP, .flags = SHAPE_LIST},
        {.name = "count", .type = SHAPE_INT},
        {.name = "hidden", .type = SHAPE_TEXT, .flags = SHAPE_LIST},
        {.name = "denied", .type = SHAPE_BOOL},
        {.name = "reason", .type = SHAPE_TEXT},
        END}},
    .slips = (const struct shape_slip[]){{"given", "did you mean rows, or release?"},
                                         {"expected", "did you mean expect?"},
                                         {"user", "did you mean actor?"},
                                         {"as", "did you mean actor?"},
                                         {0}},
};

const struct shape shape_policy_test = {
    .title = "a test of policies",
    .keys = {(const struct shape_key[]){
        {.name = "apiVersion", .type = SHAPE_TEXT, .flags = SHAPE_REQUIRED, .words = "weft/v1"},
        {.name = "kind", .type = SHAPE_TEXT, .flags = SHAPE_REQUIRED, .words = "PolicyTest"},
        {.name = "description", .type = SHAPE_TEXT},
        {.name = "cases",
         .type = SHAPE_MAP,
         .flags = SHAPE_REQUIRED | SHAPE_LIST | SHAPE_NOT_EMPTY,
         .shape = &one_case},
        END}},
    .slips = (const struct shape_slip[]){{"tests", "did you mean cases?"}, {0}},
};
