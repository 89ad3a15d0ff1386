#include "shape/shape_inside.h"

/* Our own kinds: what mesh.yaml and domain.yaml may hold. Policies are read by compilers/policy. */

#define PRINCIPALS(key, extra, ...)                                                                \
    TEXT(key, .flags = SHAPE_LIST | (extra), .format = &shape_format_principal, USED, __VA_ARGS__)
#define NEEDED (SHAPE_REQUIRED | SHAPE_NOT_EMPTY)
#define VERSION TEXT_MUST("apiVersion", .words = "weft/v1", USED)
#define KIND(word) TEXT_MUST("kind", .words = word, USED)
#define NAME(...) TEXT("name", .flags = NEEDED, USED, __VA_ARGS__)

static const struct shape user = {
    .title = "a user",
    .keys = {(const struct shape_key[]){
        TEXTS("groups", USED, ABOUT("names of groups that the user is a member of")),
        KEY("attributes", SHAPE_SCALAR, .flags = SHAPE_NAMED | SHAPE_OR_LIST, USED,
            ABOUT("facts that policies may ask for, as regions: [CH, LI]")),
        TEXT("description"), END}},
    .slips =
        (const struct shape_slip[]){
            {"password", "passwords and tokens stand in no file: weft token create USER"},
            {"token", "passwords and tokens stand in no file: weft token create USER"},
            {0}},
};

static const struct shape sources = {
    .title = "the sources of a mesh",
    .keys = {(const struct shape_key[]){
        TEXTS("roots", .format = &shape_format_root, USED,
              ABOUT("folders that source files may lie in")),
        TEXTS("hosts", .format = &shape_format_host, USED,
              ABOUT("servers that may be read; without a port 5432 is meant")),
        END}},
};

static const struct shape access = {
    .title = "what access requests may ask for",
    .keys = {(const struct shape_key[]){
        TEXT("longest", .format = &shape_format_duration, USED,
             ABOUT("the most that an access request may ask for, as 90d")),
        END}},
};

static const struct shape audit = {
    .title = "the audit of a mesh",
    .keys = {(const struct shape_key[]){
        TEXT_MUST("literals", .words = "keep redact", USED,
                  ABOUT("whether the literals of recorded queries are kept")),
        TEXTS("tables", USED), TEXTS("tags", USED), END}},
};

const struct shape shape_mesh = {
    .title = "a mesh",
    .keys = {(const struct shape_key[]){
        VERSION, KIND("Mesh"), NAME(), TEXT("description", USED),
        PRINCIPALS("admins", NEEDED, ABOUT("who may change this file")),
        PRINCIPALS("guild", 0, ABOUT("who may change policies/")),
        BOOL("fourEyes", USED,
             ABOUT("a change of policies/ is applied by another person than who proposed it")),
        MAP("users", user, .flags = SHAPE_NAMED, USED),
        TEXT("purposes", .flags = SHAPE_NAMED, USED, ABOUT("what data may be asked for")),
        MAP("sources", sources, USED), MAP("access", access, USED), MAP("audit", audit, USED),
        LATER("storage"), LATER("engine"), LATER("channels"), END}},
    .slips =
        (const struct shape_slip[]){{"domains", "a domain is a folder: domains/NAME/domain.yaml"},
                                    {"owners", "did you mean admins?"},
                                    {0}},
};

static const struct shape escalation = {
    .title = "a step of the escalation",
    .keys = {(const struct shape_key[]){TEXT_MUST("after", .format = &shape_format_duration),
                                        PRINCIPALS("to", NEEDED), END}},
};

const struct shape shape_domain = {
    .title = "a domain",
    .keys = {(const struct shape_key[]){
        VERSION, KIND("Domain"), NAME(ABOUT("that of the folder")),
        TEXT("title", USED, ABOUT("for people")), TEXT("description", USED),
        TEXT("alignment", .words = "source aggregate consumer", USED),
        PRINCIPALS("owners", NEEDED, ABOUT("who answers for the domain, and may change its files")),
        PRINCIPALS("members", 0, ABOUT("who may change its files")),
        KEY("escalation", SHAPE_MAP, .flags = SHAPE_LIST, .shape = &escalation,
            ABOUT("kept, and not acted on")),
        LATER("engine"), LATER("storage"), LATER("secrets"), END}},
    .slips =
        (const struct shape_slip[]){
            {"kinds", "did you mean kind?"},
            {"users", "users stand in mesh.yaml, never in the files of a domain"},
            {"groups", "groups stand in mesh.yaml, never in the files of a domain"},
            {0}},
};
