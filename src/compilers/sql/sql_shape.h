/* The table of nodes that the engine's tree may have: what a node is, and what each of its keys holds. */
#ifndef WEFT_SQL_SHAPE_H
#define WEFT_SQL_SHAPE_H

#include "tree/tree.h"

enum sql_family {
    SQL_FAMILY_NONE,
    SQL_FAMILY_STATEMENT,
    SQL_FAMILY_PARAMETER_NAME,
    SQL_FAMILY_QUERY,
    SQL_FAMILY_CTE_MAP,
    SQL_FAMILY_CTE_ENTRY,
    SQL_FAMILY_CTE,
    SQL_FAMILY_TABLE,
    SQL_FAMILY_TABLE_CALL,
    SQL_FAMILY_PIVOT_COLUMN,
    SQL_FAMILY_PIVOT_ENTRY,
    SQL_FAMILY_MODIFIER,
    SQL_FAMILY_ORDER,
    SQL_FAMILY_EXPRESSION,
    SQL_FAMILY_CASE_CHECK,
    SQL_FAMILY_STAR_REPLACE,
    SQL_FAMILY_STAR_RENAME,
    SQL_FAMILY_QUALIFIED_NAME,
    SQL_FAMILY_VALUE,
    SQL_FAMILY_SCALAR,
    SQL_FAMILY_TYPE,
    SQL_FAMILY_TYPE_INFO,
    SQL_FAMILY_STRUCT_FIELD,
};

enum sql_shape {
    SQL_SHAPE_UNKNOWN,
#define SHAPE(name, family, word) SQL_SHAPE_##name,
#define KEY(shape, name, holds, family)
#include "sql/sql_nodes.def"
#undef SHAPE
#undef KEY
};

enum sql_holds {
    SQL_HOLDS_LEAF,
    SQL_HOLDS_TEXTS,
    SQL_HOLDS_ONE,
    SQL_HOLDS_MANY,
    SQL_HOLDS_GRID,
    SQL_HOLDS_VALUE,
    SQL_HOLDS_NOTHING,
};

struct sql_key {
    enum sql_shape shape;
    str name;
    enum sql_holds holds;
    enum sql_family family;
};

enum { SQL_POSITION_MAX = 0x7ffffff0 };

/* The shape of a node where one of this family stands; UNKNOWN when the list has none. */
enum sql_shape sql_shape_of(enum sql_family family, const struct tree *node);
/* NULL when nodes of this shape have no such key. */
const struct sql_key *sql_key_of(enum sql_shape shape, str name);
/* Position from 1 in the text that the node carries, or `fallback`. */
uint32_t sql_position_of(const struct tree *node, uint32_t fallback);

#endif
