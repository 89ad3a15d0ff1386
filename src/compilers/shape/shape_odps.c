#include "shape/shape_inside.h"

/* ODPS, key by key, with the versions that have it. v0.9.0 differs in what it lacks, and in its team, which is the plain list
 * of members. */

#define CUSTOM(...) MAPS("customProperties", odps_custom, __VA_ARGS__)
#define DEFINITIONS(...) MAPS("authoritativeDefinitions", odps_definition, __VA_ARGS__)
#define EXTRAS(...) TEXTS("tags", __VA_ARGS__), CUSTOM(__VA_ARGS__), DEFINITIONS(__VA_ARGS__)
#define NEW IN(ODPS_1_0_0)
#define OLD IN(ODPS_0_9_0)

static const struct shape odps_definition = {
    .title = "an authoritative definition",
    .keys = {(const struct shape_key[]){
        TEXT_MUST("type",
                  .words = "businessDefinition transformationImplementation videoTutorial "
                           "tutorial implementation",
                  OLD),
        TEXT_MUST("type", NEW), TEXT_MUST("url"), TEXT("description"), END}},
};

static const struct shape odps_custom = {
    .title = "a custom property",
    .keys = {(const struct shape_key[]){
        TEXT_MUST("property", USED),
        KEY("value", SHAPE_ANY, .flags = SHAPE_REQUIRED | SHAPE_NULL, USED), TEXT("description"),
        END}},
    .slips =
        (const struct shape_slip[]){{"name", "a custom property is {property: NAME, value: VALUE}"},
                                    {0}},
};

static const struct shape odps_description = {
    .title = "the description of a product",
    .keys = {(const struct shape_key[]){TEXT("purpose", USED), TEXT("limitations"), TEXT("usage"),
                                        DEFINITIONS(), CUSTOM(), END}},
};

static const struct shape input_port = {
    .title = "an input port",
    .keys = {(const struct shape_key[]){TEXT_MUST("name", USED), TEXT_MUST("version", USED),
                                        TEXT_MUST("contractId", USED), EXTRAS(NEW), END}},
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
    .keys = {(const struct shape_key[]){
        TEXT_MUST("name", USED), TEXT("description"), TEXT("type"), TEXT_MUST("version", USED),
        TEXT("contractId", USED, ABOUT("in a mesh it is needed")), MAPS("sbom", sbom),
        MAPS("inputContracts", input_contract), EXTRAS(NEW), END}},
};

static const struct shape management_port = {
    .title = "a management port",
    .keys = {(const struct shape_key[]){TEXT_MUST("name"), TEXT_MUST("content"), TEXT("type"),
                                        TEXT("url"), TEXT("channel"), TEXT("description"), EXTRAS(),
                                        END}},
};

static const struct shape odps_support = {
    .title = "a support channel",
    .keys = {(const struct shape_key[]){TEXT_MUST("channel"), TEXT_MUST("url"), TEXT("description"),
                                        TEXT("tool"), TEXT("scope"), TEXT("invitationUrl"),
                                        EXTRAS(), END}},
};

static const struct shape_key odps_member_keys[] = {
    TEXT("username", OLD),
    TEXT_MUST("username", NEW),
    TEXT("name"),
    TEXT("description"),
    TEXT("role"),
    TEXT("dateIn", .format = &shape_format_date),
    TEXT("dateOut", .format = &shape_format_date),
    TEXT("replacedByUsername"),
    EXTRAS(),
    END,
};

static const struct shape odps_member = {.title = "a team member", .keys = {odps_member_keys}};

static const struct shape odps_team = {
    .title = "the team",
    .keys = {(const struct shape_key[]){TEXT("name"), TEXT("description"),
                                        MAPS("members", odps_member), EXTRAS(), END}},
};

const struct shape shape_odps = {
    .title = "a data product",
    .keys = {(const struct shape_key[]){
        TEXT_MUST("apiVersion", USED),
        TEXT_MUST("kind", .words = "DataProduct", USED),
        TEXT_MUST("id", USED),
        TEXT_MUST("status", USED),
        TEXT("name", USED),
        TEXT("version", USED),
        TEXT("domain"),
        TEXT("tenant"),
        MAP("description", odps_description),
        TEXTS("tags", USED, ABOUT("labels for policies")),
        CUSTOM(USED, ABOUT("visibility, schedule, materialization")),
        DEFINITIONS(),
        MAPS("inputPorts", input_port, USED),
        MAPS("outputPorts", output_port, USED),
        MAPS("managementPorts", management_port),
        MAPS("support", odps_support),
        MAPS("team", odps_member, OLD),
        MAP("team", odps_team, NEW),
        TEXT("productCreatedTs", .format = &shape_format_date_time),
        END}},
    .slips =
        (const struct shape_slip[]){
            {"servers", "servers stand in the contract that a port names"},
            {"slaProperties", "promises stand in the contract that a port names"},
            {"schema", "the schema stands in the contract that an output port names"},
            {0}},
};

const struct shape_standard shape_standard_odps = {
    .name = "ODPS",
    .shape = &shape_odps,
    .versions = (const struct shape_version[]){{"v0.9.0", ODPS_0_9_0}, {"v1.0.0", ODPS_1_0_0}, {0}},
    .main_version = ODPS_1_0_0,
};
