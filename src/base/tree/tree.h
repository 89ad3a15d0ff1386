/* One value tree, which YAML and JSON are read into. Scalars stay text until a schema types
 * them. */
#ifndef WEFT_TREE_H
#define WEFT_TREE_H

#include "error/error.h"
#include "vec/vec.h"

struct buf;
struct map;

enum tree_kind { TREE_NULL, TREE_SCALAR, TREE_LIST, TREE_MAP };

struct tree {
    enum tree_kind kind;
    bool quoted; /* a scalar that was written in quotes, or as a block: always text */
    str text;    /* of a scalar */
    uint32_t line, column;
    struct tree *parent; /* NULL at the root */
    str key;             /* of this node in its parent map */
    uint32_t key_line, key_column;
    uint32_t index;   /* of this node in its parent */
    struct tree **at; /* children of a list or map, in order */
    size_t len, cap;
    struct map *by_key; /* of a map with many keys; else NULL */
};

struct tree *tree_new(struct arena *mem, enum tree_kind kind);
/* A scalar that is always text; one whose spelling decides is made by tree_new, and its text
 * set. */
struct tree *tree_text(struct arena *mem, str text);
/* Appends to a list; the child must have no parent. */
void tree_push(struct arena *mem, struct tree *list, struct tree *child);
/* Appends to a map; false when the key is there already. */
bool tree_put(struct arena *mem, struct tree *map, str key, struct tree *child);
/* Child of a map by key: NULL when absent, or when `tree` is NULL or no map. */
const struct tree *tree_get(const struct tree *tree, str key);
/* As tree_get, and NULL for an explicit null too: null means absent. */
const struct tree *tree_find(const struct tree *tree, str key);
/* Text of a scalar child, or an empty str. */
str tree_find_text(const struct tree *tree, str key);
/* Core schema of YAML 1.2 (and JSON): an unquoted `true`, `false`, integer, number, null. An
 * integer that passes 64 bits is a number; what has no finite value (`.inf`, `.nan`, 1e999) is
 * neither number nor text. */
bool tree_is_null(const struct tree *tree);
bool tree_is_bool(const struct tree *tree, bool *out);
bool tree_is_int(const struct tree *tree, int64_t *out);
bool tree_is_number(const struct tree *tree, double *out);
/* A scalar that the core schema reads as text: quoted, or neither null, bool nor number. */
bool tree_is_string(const struct tree *tree);
/* "map", "list", "null", "true/false", "integer", "number", "text": for messages. */
const char *tree_type_name(const struct tree *tree);
/* Path from the root, as `schema[0].properties[2].name`; the root is `$`. */
str tree_path(struct arena *mem, const struct tree *tree);
struct place tree_place(struct arena *mem, str file, const struct tree *tree);
/* As JSON, on one line; numbers keep their spelling where JSON has it. */
void tree_json(const struct tree *tree, struct buf *out);
/* True when both say the same, order of map keys aside. */
bool tree_equal(const struct tree *a, const struct tree *b);
struct tree *tree_copy(struct arena *mem, const struct tree *tree);

#endif
