/* For the files of compilers/shape only. */
#ifndef WEFT_SHAPE_INSIDE_H
#define WEFT_SHAPE_INSIDE_H

#include "shape/shape.h"
#include "shape/shape_formats.h"

/* By one version of a standard alone. */
void shape_check_version(struct arena *mem, str file, const struct shape_standard *standard,
                         unsigned version, const struct tree *node, struct report *report);

/* Keys in short. What follows the name goes into the entry: USED, SINCE(…), ABOUT("…"). */
#define END                                                                                        \
    {                                                                                              \
        0                                                                                          \
    }
#define KEY(key, of, ...)                                                                          \
    {                                                                                              \
        .name = key, .type = of, __VA_ARGS__                                                       \
    }
#define TEXT(key, ...) KEY(key, SHAPE_TEXT, __VA_ARGS__)
#define TEXT_MUST(key, ...) KEY(key, SHAPE_TEXT, .flags = SHAPE_REQUIRED, __VA_ARGS__)
#define TEXTS(key, ...) KEY(key, SHAPE_TEXT, .flags = SHAPE_LIST, __VA_ARGS__)
#define BOOL(key, ...) KEY(key, SHAPE_BOOL, __VA_ARGS__)
#define INT(key, ...) KEY(key, SHAPE_INT, __VA_ARGS__)
#define PORT(key, ...) KEY(key, SHAPE_PORT, __VA_ARGS__)
#define PORT_MUST(key, ...) KEY(key, SHAPE_PORT, .flags = SHAPE_REQUIRED, __VA_ARGS__)
#define MAP(key, of, ...) KEY(key, SHAPE_MAP, .shape = &(of), __VA_ARGS__)
#define MAPS(key, of, ...) KEY(key, SHAPE_MAP, .flags = SHAPE_LIST, .shape = &(of), __VA_ARGS__)
#define LATER(key) KEY(key, SHAPE_ANY, .flags = SHAPE_LATER)
#define USED .use = SHAPE_USED
#define IN(bits) .versions = (bits)
#define ABOUT(text) .about = text

/* Parts of ODCS. */
extern const struct shape shape_odcs_definition, shape_odcs_custom, shape_odcs_role;
extern const struct shape shape_odcs_quality, shape_odcs_table_relation, shape_odcs_column_relation;
extern const struct shape shape_odcs_table, shape_odcs_server, shape_odcs_context;

#define ODCS_ID TEXT("id", .format = &shape_format_id, IN(ODCS_FROM_3_1))
#define ODCS_CUSTOM(...) MAPS("customProperties", shape_odcs_custom, __VA_ARGS__)
#define ODCS_DEFINITIONS(...) MAPS("authoritativeDefinitions", shape_odcs_definition, __VA_ARGS__)
#define ODCS_TAGS(...) TEXTS("tags", __VA_ARGS__)

#endif
