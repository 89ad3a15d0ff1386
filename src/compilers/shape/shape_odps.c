#include "shape/shape.h"
#include "shape/shape_formats.h"

/* ODPS v1.0.0, key by key. v0.9.0 differs in what it lacks, and in its team, which is the plain list of members. */

#define END                                                                                        \
    {                                                                                              \
        0                                                                                          \
    }
#define TEXT(key)                                                                                  \
    {                                                                                              \
        .name = key, .type = SHAPE_TEXT                                                            \
    }
#define TEXT_MUST(key)                                                                             \
    {                                                                                              \
        .name = key, .type = SHAPE_TEXT, .flags = SHAPE_REQUIRED                                   \
    }
#define MAPS(key, of)                                                                              \
    {                                                                                              \
        .name = key, .type = SHAPE_MAP, .flags = SHAPE_LIST, .shape = &(of)                        \
    }
#define EXTRAS                                                                                     \
    {.name = "tags", .type = SHAPE_TEXT, .flags = SHAPE_LIST},                                     \
        MAPS("customProperties", odps_custom), MAPS("authoritativeDefinitions", odps_definition)

static const struct shape odps_definition = {
    .title = "an authoritative definition",
    .keys = {(const struct shape_key[]){TEXT_MUST("type"), TEXT_MUST("url"), TEXT("description"),
                                        END}},
};

static const struct shape odps_custom = {
    .title = "a custom property",
    .keys = {(const struct shape_key[]){
        TEXT_MUST("property"),
        {.name = "value", .type = SHAPE_ANY, .flags = SHAPE_REQUIRED | SHAPE_NULL},
        TEXT("description"),
        END}},
    .slips =
        (const struct shape_slip[]){{"name", "a custom property is {property: NAME, value: VALUE}"},
                                    {0}},
};

static const struct shape odps_description = {
    .title = "the description of a product",
    .keys = {(const struct shape_key[]){TEXT("purpose"), TEXT("limitations"), TEXT("usage"),
                                        MAPS("authoritativeDefinitions", odps_definition),
                                        MAPS("customProperties", odps_custom), END}},
};

static const struct shape input_port = {
    .title = "an input port",
    .keys = {(const struct shape_key[]){TEXT_MUST("name"), TEXT_MUST("version"),
                                        TEXT_MUST("contractId"), EXTRAS, END}},
};

static const struct shape sbom = {
    .title = "an entry of sbom",
    .keys = {(const struct shape_key[]){TEXT("type"), TEXT_MUST("url"), END}},
};

static const struct shape input_contract = {
    .title = "an input contract",
    .keys = {(const struct shape_key[]){TEXT_MUST("id"), TEXT_MUST("version"), END}},
};

static const struct shape output_port = {
    .title = "an output port",
    .keys = {(const struct shape_key[]){TEXT_MUST("name"), TEXT("description"), TEXT("type"),
                                        TEXT_MUST("version"), TEXT("contractId"),
                                        MAPS("sbom", sbom), MAPS("inputContracts", input_contract),
                                        EXTRAS, END}},
};

static const struct shape management_port = {
    .title = "a management port",
    .keys = {(const struct shape_key[]){TEXT_MUST("name"), TEXT_MUST("content"), TEXT("type"),
                                        TEXT("url"), TEXT("channel"), TEXT("description"), EXTRAS,
                                        END}},
};

static const struct shape odps_support = {
    .title = "a support channel",
    .keys = {(const struct shape_key[]){TEXT_MUST("channel"), TEXT_MUST("url"), TEXT("description"),
                                        TEXT("tool"), TEXT("scope"), TEXT("invitationUrl"), EXTRAS,
                                        END}},
};

static const struct shape_key odps_member_keys[] = {
    TEXT_MUST("username"),
    TEXT("name"),
    TEXT("description"),
    TEXT("role"),
    {.name = "dateIn", .type = SHAPE_TEXT, .format = &shape_format_date},
    {.name = "dateOut", .type = SHAPE_TEXT, .format = &shape_format_date},
    TEXT("replacedByUsername"),
    EXTRAS,
    END,
};

static const struct shape odps_member = {.title = "a team member", .keys = {odps_member_keys}};

static const struct shape_key odps_team_keys[] = {TEXT("name"), TEXT("description"),
                                                  MAPS("members", odps_member), EXTRAS, END};

static void odps_team_more(const struct tree *node, struct shape_more *out)
{
    bool is_member = node->parent && node->parent->kind == TREE_LIST;
    out->keys[0] = is_member ? odps_member_keys : odps_team_keys;
}

static const struct shape odps_team = {.title = "the team", .more = odps_team_more};

static const struct shape_key new_team_keys[] = {
    {.name = "team", .type = SHAPE_MAP, .shape = &odps_team}, END};
static const struct shape_key old_team_keys[] = {
    {.name = "team", .type = SHAPE_MAP, .flags = SHAPE_LIST, .shape = &odps_team}, END};

static void odps_more(const struct tree *node, struct shape_more *out)
{
    bool is_old = str_eq(tree_find_text(node, STR("apiVersion")), STR("v0.9.0"));
    const struct tree *team = tree_find(node, STR("team"));
    /* The schema of v1.0.0 takes v0.9.0 files with the new team too. */
    out->keys[0] = is_old && team && team->kind == TREE_LIST ? old_team_keys : new_team_keys;
}

const struct shape shape_odps = {
    .title = "a data product",
    .keys = {(const struct shape_key[]){
        {.name = "apiVersion",
         .type = SHAPE_TEXT,
         .flags = SHAPE_REQUIRED,
         .words = "v1.0.0 v0.9.0"},
        {.name = "kind", .type = SHAPE_TEXT, .flags = SHAPE_REQUIRED, .words = "DataProduct"},
        TEXT_MUST("id"),
        TEXT_MUST("status"),
        TEXT("name"),
        TEXT("version"),
        TEXT("domain"),
        TEXT("tenant"),
        {.name = "description", .type = SHAPE_MAP, .shape = &odps_description},
        EXTRAS,
        MAPS("inputPorts", input_port),
        MAPS("outputPorts", output_port),
        MAPS("managementPorts", management_port),
        MAPS("support", odps_support),
        {.name = "productCreatedTs", .type = SHAPE_TEXT, .format = &shape_format_date_time},
        END}},
    .more = odps_more,
    .slips =
        (const struct shape_slip[]){
            {"servers", "servers stand in the contract that a port names"},
            {"slaProperties", "promises stand in the contract that a port names"},
            {"schema", "the schema stands in the contract that an output port names"},
            {0}},
};
