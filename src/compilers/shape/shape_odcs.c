#include "shape/shape_inside.h"

/* ODCS, key by key, with the versions that have it. Where the text of the standard and its JSON Schema differ, the text wins.
 * v3.0 closed the document, its tables and its properties; v3.1 all but the description. */

const struct shape shape_odcs_definition = {
    .title = "an authoritative definition",
    .open_in = ODCS_3_0,
    .keys = {(const struct shape_key[]){ODCS_ID, TEXT_MUST("url"), TEXT_MUST("type"),
                                        TEXT("description", IN(ODCS_FROM_3_1)), END}},
};

static const struct shape_slip custom_slips[] = {
    {"name", "a custom property is {property: NAME, value: VALUE}"},
    {"key", "a custom property is {property: NAME, value: VALUE}"},
    {0},
};

const struct shape shape_odcs_custom = {
    .title = "a custom property",
    .open_in = ODCS_3_0,
    .keys = {(const struct shape_key[]){
        ODCS_ID, TEXT("property", IN(ODCS_3_0), USED),
        TEXT_MUST("property", IN(ODCS_FROM_3_1), USED),
        KEY("value", SHAPE_ANY, .flags = SHAPE_NULL, IN(ODCS_3_0), USED),
        KEY("value", SHAPE_ANY, .flags = SHAPE_REQUIRED | SHAPE_NULL, IN(ODCS_FROM_3_1), USED),
        TEXT("description", IN(ODCS_FROM_3_1)), END}},
    .slips = custom_slips,
};

static const struct shape description = {
    .title = "the description",
    .keys = {(const struct shape_key[]){
        TEXT("usage"), TEXT("purpose", USED), TEXT("limitations"),
        ODCS_DEFINITIONS(IN(ODCS_3_0_1 | ODCS_3_0_2 | ODCS_FROM_3_1)),
        ODCS_CUSTOM(IN(ODCS_3_0_1 | ODCS_3_0_2 | ODCS_FROM_3_1)), END}},
    .is_open = true,
};

const struct shape shape_odcs_role = {
    .title = "a role",
    .open_in = ODCS_3_0,
    .keys = {(const struct shape_key[]){
        ODCS_ID, TEXT_MUST("role", USED), TEXT("description"), TEXT("access", USED),
        TEXT("firstLevelApprovers", USED), TEXT("secondLevelApprovers", USED),
        ODCS_CUSTOM(IN(ODCS_3_0_1 | ODCS_3_0_2 | ODCS_FROM_3_1)), END}},
};

static const struct shape support = {
    .title = "a support channel",
    .open_in = ODCS_3_0,
    .keys = {(const struct shape_key[]){
        ODCS_ID, TEXT_MUST("channel"), TEXT_MUST("url", IN(ODCS_3_0)),
        TEXT("url", IN(ODCS_FROM_3_1)), TEXT("description"), TEXT("tool"), TEXT("scope"),
        TEXT("invitationUrl"), ODCS_CUSTOM(IN(ODCS_FROM_3_1)), END}},
};

static const struct shape price = {
    .title = "the price",
    .open_in = ODCS_3_0,
    .keys = {(const struct shape_key[]){ODCS_ID, KEY("priceAmount", SHAPE_NUMBER),
                                        TEXT("priceCurrency"), TEXT("priceUnit"), END}},
};

static const struct shape_key member_keys[] = {
    ODCS_ID,
    TEXT("username", IN(ODCS_3_0)),
    TEXT_MUST("username", IN(ODCS_FROM_3_1)),
    TEXT("name", IN(ODCS_3_0_2 | ODCS_FROM_3_1)),
    TEXT("description", IN(ODCS_3_0_2 | ODCS_FROM_3_1)),
    TEXT("role"),
    TEXT("dateIn", .format = &shape_format_date),
    TEXT("dateOut", .format = &shape_format_date),
    TEXT("replacedByUsername"),
    ODCS_TAGS(IN(ODCS_FROM_3_1)),
    ODCS_CUSTOM(IN(ODCS_FROM_3_1)),
    ODCS_DEFINITIONS(IN(ODCS_FROM_3_1)),
    END,
};

static const struct shape member = {.title = "a team member", .keys = {member_keys}};

static const struct shape_key team_keys[] = {
    ODCS_ID,     TEXT("name"),  TEXT("description"), MAPS("members", member),
    ODCS_TAGS(), ODCS_CUSTOM(), ODCS_DEFINITIONS(),  END,
};

static const struct shape_variant team_forms[] = {
    {"written as a map", "team", team_keys},
    {"written as a list: each", "member", member_keys},
    {0},
};

/* The list form holds the members themselves, so that one key has two shapes: told apart by the parent. */
static void team_more(const struct tree *node, struct shape_more *out)
{
    bool is_member = node->parent && node->parent->kind == TREE_LIST;
    out->keys[0] = is_member ? member_keys : team_keys;
}

static const struct shape team = {
    .title = "the team", .open_in = ODCS_3_0, .variants = team_forms, .more = team_more};

static const struct shape sla = {
    .title = "an SLA property",
    .open_in = ODCS_3_0,
    .keys = {(const struct shape_key[]){
        ODCS_ID, TEXT_MUST("property", USED),
        KEY("value", SHAPE_SCALAR, .flags = SHAPE_REQUIRED | SHAPE_NULL, USED),
        KEY("valueExt", SHAPE_SCALAR), TEXT("unit", USED), TEXT("element", USED), TEXT("driver"),
        TEXT("description", IN(ODCS_FROM_3_1)), TEXT("scheduler", IN(ODCS_FROM_3_1)),
        TEXT("schedule", IN(ODCS_FROM_3_1)), END}},
    .slips = (const struct shape_slip[]){{"column", "since v3.0.0 this is element"}, {0}},
};

#define TEAM_LIST (SHAPE_OR_LIST | SHAPE_OLD_LIST)
#define BEFORE_3_2 (ODCS_3_0 | ODCS_3_1_0)

const struct shape shape_odcs = {
    .title = "a data contract",
    .keys = {(const struct shape_key[]){
        TEXT_MUST("apiVersion", USED),
        TEXT_MUST("kind", .words = "DataContract", USED),
        TEXT_MUST("id", USED),
        TEXT_MUST("version", USED),
        TEXT_MUST("status", IN(BEFORE_3_2), USED),
        TEXT("status", IN(ODCS_3_2_0)),
        TEXT("name", USED),
        TEXT("tenant"),
        ODCS_TAGS(USED, ABOUT("labels for policies")),
        TEXT("domain"),
        TEXT("dataProduct", IN(ODCS_3_0 | ODCS_3_2_0)),
        TEXT("dataProduct", .flags = SHAPE_DEPRECATED, IN(ODCS_3_1_0)),
        ODCS_DEFINITIONS(IN(ODCS_3_0_1 | ODCS_3_0_2 | ODCS_FROM_3_1)),
        MAP("description", description),
        MAPS("schema", shape_odcs_table, USED),
        MAPS("support", support),
        MAP("price", price),
        MAPS("team", team, IN(ODCS_3_0)),
        MAP("team", team, .flags = TEAM_LIST, IN(ODCS_FROM_3_1)),
        MAPS("roles", shape_odcs_role, USED),
        MAPS("servers", shape_odcs_server, USED),
        TEXT("slaDefaultElement", IN(ODCS_3_0)),
        TEXT("slaDefaultElement", .flags = SHAPE_DEPRECATED, IN(ODCS_FROM_3_1)),
        MAPS("slaProperties", sla, USED, ABOUT("shown in `mesh.promises`")),
        ODCS_CUSTOM(USED, ABOUT("materialization")),
        TEXT("contractCreatedTs", .format = &shape_format_date_time),
        KEY("context", SHAPE_TEXT_OR_MAP, .shape = &shape_odcs_context, IN(ODCS_3_2_0)),
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

const struct shape_standard shape_standard_odcs = {
    .name = "ODCS",
    .shape = &shape_odcs,
    .versions = (const struct shape_version[]){{"v3.0.0", ODCS_3_0_0},
                                               {"v3.0.1", ODCS_3_0_1},
                                               {"v3.0.2", ODCS_3_0_2},
                                               {"v3.1.0", ODCS_3_1_0},
                                               {"v3.2.0", ODCS_3_2_0},
                                               {0}},
    .main_version = ODCS_3_1_0,
    .draft_bits = ODCS_3_2_0,
};
