#include "shape/shape.h"
#include "shape/shape_formats.h"

/* Our own kinds: what mesh.yaml and domain.yaml may hold. Policies are read by compilers/policy. */

#define END                                                                                        \
    {                                                                                              \
        0                                                                                          \
    }
#define TEXT(key)                                                                                  \
    {                                                                                              \
        .name = key, .type = SHAPE_TEXT                                                            \
    }
#define LATER(key)                                                                                 \
    {                                                                                              \
        .name = key, .type = SHAPE_ANY, .flags = SHAPE_LATER                                       \
    }
#define PRINCIPALS(key, extra)                                                                     \
    {                                                                                              \
        .name = key, .type = SHAPE_TEXT, .flags = SHAPE_LIST | (extra),                            \
        .format = &shape_format_principal                                                          \
    }
#define VERSION                                                                                    \
    {                                                                                              \
        .name = "apiVersion", .type = SHAPE_TEXT, .flags = SHAPE_REQUIRED, .words = "weft/v1"      \
    }
#define KIND(word)                                                                                 \
    {                                                                                              \
        .name = "kind", .type = SHAPE_TEXT, .flags = SHAPE_REQUIRED, .words = word                 \
    }
#define NAME                                                                                       \
    {                                                                                              \
        .name = "name", .type = SHAPE_TEXT, .flags = SHAPE_REQUIRED | SHAPE_NOT_EMPTY              \
    }

static const struct shape user = {
    .title = "a user",
    .keys = {(const struct shape_key[]){
        {.name = "groups", .type = SHAPE_TEXT, .flags = SHAPE_LIST},
        {.name = "attributes", .type = SHAPE_SCALAR, .flags = SHAPE_NAMED | SHAPE_OR_LIST},
        TEXT("description"),
        END}},
    .slips =
        (const struct shape_slip[]){
            {"password", "passwords and tokens stand in no file: weft token create USER"},
            {"token", "passwords and tokens stand in no file: weft token create USER"},
            {0}},
};

static const struct shape sources = {
    .title = "the sources of a mesh",
    .keys = {(const struct shape_key[]){
        {.name = "roots", .type = SHAPE_TEXT, .flags = SHAPE_LIST, .format = &shape_format_root},
        {.name = "hosts", .type = SHAPE_TEXT, .flags = SHAPE_LIST, .format = &shape_format_host},
        END}},
};

static const struct shape access = {
    .title = "what access requests may ask for",
    .keys = {(const struct shape_key[]){
        {.name = "longest", .type = SHAPE_TEXT, .format = &shape_format_duration}, END}},
};

static const struct shape audit = {
    .title = "the audit of a mesh",
    .keys = {(const struct shape_key[]){
        {.name = "literals", .type = SHAPE_TEXT, .flags = SHAPE_REQUIRED, .words = "keep redact"},
        {.name = "tables", .type = SHAPE_TEXT, .flags = SHAPE_LIST},
        {.name = "tags", .type = SHAPE_TEXT, .flags = SHAPE_LIST},
        END}},
};

const struct shape shape_mesh = {
    .title = "a mesh",
    .keys = {(const struct shape_key[]){
        VERSION,
        KIND("Mesh"),
        NAME,
        TEXT("description"),
        PRINCIPALS("admins", SHAPE_REQUIRED | SHAPE_NOT_EMPTY),
        PRINCIPALS("guild", 0),
        {.name = "users", .type = SHAPE_MAP, .flags = SHAPE_NAMED, .shape = &user},
        {.name = "purposes", .type = SHAPE_TEXT, .flags = SHAPE_NAMED},
        {.name = "sources", .type = SHAPE_MAP, .shape = &sources},
        {.name = "access", .type = SHAPE_MAP, .shape = &access},
        {.name = "audit", .type = SHAPE_MAP, .shape = &audit},
        LATER("storage"),
        LATER("engine"),
        LATER("channels"),
        END}},
    .slips =
        (const struct shape_slip[]){{"domains", "a domain is a folder: domains/NAME/domain.yaml"},
                                    {"owners", "did you mean admins?"},
                                    {0}},
};

static const struct shape escalation = {
    .title = "a step of the escalation",
    .keys = {(const struct shape_key[]){{.name = "after",
                                         .type = SHAPE_TEXT,
                                         .flags = SHAPE_REQUIRED,
                                         .format = &shape_format_duration},
                                        PRINCIPALS("to", SHAPE_REQUIRED | SHAPE_NOT_EMPTY),
                                        END}},
};

const struct shape shape_domain = {
    .title = "a domain",
    .keys = {(const struct shape_key[]){
        VERSION,
        KIND("Domain"),
        NAME,
        TEXT("title"),
        TEXT("description"),
        {.name = "alignment", .type = SHAPE_TEXT, .words = "source aggregate consumer"},
        PRINCIPALS("owners", SHAPE_REQUIRED | SHAPE_NOT_EMPTY),
        PRINCIPALS("members", 0),
        {.name = "escalation", .type = SHAPE_MAP, .flags = SHAPE_LIST, .shape = &escalation},
        LATER("engine"),
        LATER("storage"),
        LATER("secrets"),
        END}},
    .slips =
        (const struct shape_slip[]){
            {"kinds", "did you mean kind?"},
            {"users", "users stand in mesh.yaml, never in the files of a domain"},
            {"groups", "groups stand in mesh.yaml, never in the files of a domain"},
            {0}},
};
