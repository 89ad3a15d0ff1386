/* The table of nodes, asked by family and key. */
#include "sql/sql_inside.h"

struct shape {
    enum sql_shape shape;
    enum sql_family family;
    str word;
};

static const struct shape shapes[] = {
#define SHAPE(name, family, word) {SQL_SHAPE_##name, SQL_FAMILY_##family, STR(word)},
#define KEY(shape, name, holds, family)
#include "sql/sql_nodes.def"
#undef SHAPE
#undef KEY
};

/* In the order of the file: the keys of a shape stand together. */
static const struct sql_key keys[] = {
#define SHAPE(name, family, word)
#define KEY(shape, name, holds, family)                                                            \
    {SQL_SHAPE_##shape, STR(#name), SQL_HOLDS_##holds, SQL_FAMILY_##family},
#include "sql/sql_nodes.def"
#undef SHAPE
#undef KEY
};

enum { SHAPES = sizeof shapes / sizeof shapes[0], KEYS = sizeof keys / sizeof keys[0] };

enum sql_shape sql_shape_of(enum sql_family family, const struct tree *node)
{
    if (node->kind != TREE_MAP)
        return SQL_SHAPE_UNKNOWN;
    str word = tree_find_text(node, family == SQL_FAMILY_EXPRESSION ? STR("class") : STR("type"));
    for (size_t i = 0; i < SHAPES; i++) {
        if (shapes[i].family != family)
            continue;
        if (shapes[i].word.len == 0 || str_eq(shapes[i].word, word))
            return shapes[i].shape;
    }
    return SQL_SHAPE_UNKNOWN;
}

const struct sql_key *sql_key_of(enum sql_shape shape, str name)
{
    for (size_t i = 0; i < KEYS; i++)
        if (keys[i].shape == shape && str_eq(keys[i].name, name))
            return &keys[i];
    return NULL;
}

uint32_t sql_position_of(const struct tree *node, uint32_t fallback)
{
    uint64_t location;
    if (!str_to_u64(tree_find_text(node, STR("query_location")), &location))
        return fallback;
    /* The engine writes 2^64 - 1 for "nowhere". */
    return location < SQL_POSITION_MAX ? (uint32_t)location + 1 : fallback;
}
