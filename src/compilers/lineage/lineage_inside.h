/* For the files of compilers/lineage only.
 *
 * The walk gives each column of each occurrence of a table an atom. What an expression may depend on is a set of atoms, each with the
 * kinds of its edges; a tie joins atoms, and is applied at the very end, so that it does not matter where in the statement it stands.
 * Columns that no table has, as those of range(10), are atoms too: only so can they be tied to one that has labels. */
#ifndef WEFT_LINEAGE_INSIDE_H
#define WEFT_LINEAGE_INSIDE_H

#include "lineage/lineage.h"
#include "map/map.h"
#include "sql/sql_shape.h"

/* Bits of a part above those of its kinds. */
enum {
    LINEAGE_TIES = 1 << 12,  /* a predicate that mentions the value mentions this atom */
    LINEAGE_LOOSE = 1 << 13, /* of rows: how many rows there are tells the atom's value */
    LINEAGE_DIRECT = 1 << LINEAGE_IDENTITY | 1 << LINEAGE_TRANSFORMATION | 1 << LINEAGE_AGGREGATION,
    LINEAGE_ALL_KINDS = (1 << LINEAGE_KINDS) - 1,
};

enum {
    LINEAGE_STEPS_MAX = 4000000, /* past it every output takes everything */
    LINEAGE_ROUNDS_MAX = 200,    /* of one recursive CTE */
};

/* What becomes of the kinds of a value where it is used. */
enum lineage_role {
    LINEAGE_AS_IS,
    LINEAGE_AS_OPERAND,
    LINEAGE_AS_ARGUMENT, /* of an aggregate */
    LINEAGE_AS_CONDITION,
    LINEAGE_AS_WINDOW,
    LINEAGE_AS_FILTER,
    LINEAGE_AS_JOIN,
    LINEAGE_AS_GROUP,
    LINEAGE_AS_SORT,
};

struct lineage_part {
    uint32_t atom, bits;
};

struct lineage_set {
    VEC_OF(struct lineage_part) /* by atom */
};

struct lineage_atom {
    int64_t input, column; /* -1: of no table */
    uint32_t occurrence;   /* atoms of one row have the same */
    uint32_t tied;         /* towards the root of those it is tied to */
    uint32_t bits;         /* kinds of the ties */
};

struct lineage_field {
    str name;  /* empty: the engine alone knows it */
    str type;  /* empty when unknown */
    str owner; /* alias of the table that it came by */
    const struct lineage_set *set;
    bool is_open; /* stands for any number of columns */
    const struct lineage_fields
        *among; /* of an open one: those that it is some of; NULL when unknown */
};

struct lineage_fields {
    VEC_OF(struct lineage_field)
};

struct lineage_relation {
    str catalog, schema, alias;
    struct lineage_fields fields;
};

struct lineage_from {
    struct {
        VEC_OF(struct lineage_relation)
    } relations;
    struct lineage_fields visible; /* what `*` stands for */
    struct lineage_set rows;
};

/* Where names of one SELECT are looked up. */
struct lineage_scope {
    const struct lineage_scope *outer;
    const struct lineage_from *from;
    struct lineage_items *items; /* of the SELECT list; NULL while FROM is bound */
    const struct lineage_set *rows;
    const void *node;
    bool is_alias_first; /* ORDER BY */
};

struct lineage_item {
    const struct tree *node;
    str alias;
    const struct lineage_set *set; /* when it has been asked for */
    bool is_busy;
};

struct lineage_items {
    VEC_OF(struct lineage_item)
};

struct lineage_result {
    struct lineage_fields fields;
    struct lineage_set rows;
};

struct lineage_cte {
    str name;
    struct lineage_result result;
    bool is_recursive; /* while its own body is walked */
    const struct lineage_cte *next;
};

struct lineage_name {
    str name;
    const struct lineage_name *next;
};

struct lineage_walk {
    struct arena *mem;
    const struct lineage_inputs *inputs;
    struct {
        VEC_OF(struct lineage_atom)
    } atoms;
    struct map
        known; /* node and number to first atom, so that a body that is walked twice has the same */
    const struct lineage_cte *ctes;
    const struct lineage_name *parameters; /* of lambdas */
    const struct lineage_set *star;        /* what COLUMNS(…) stands for just now */
    const struct lineage_set *all;         /* every column of every input */
    uint32_t occurrences;
    size_t steps;
    bool is_spent; /* too much, or a shape that is not known */
};

/* ---- sets */

/* True when the set changed. */
bool lineage_add(struct lineage_walk *w, struct lineage_set *set, uint32_t atom, uint32_t bits);
/* Adds what `from` is in that role, with `bits` more, without the bits of `less`. */
bool lineage_merge(struct lineage_walk *w, struct lineage_set *set, const struct lineage_set *from,
                   enum lineage_role role, uint32_t more, uint32_t less);
struct lineage_set *lineage_set_new(struct lineage_walk *w);
/* The first of `len` atoms that belong to this node; made at the first call. */
uint32_t lineage_atoms(struct lineage_walk *w, const void *node, uint32_t number, uint32_t len);
/* An atom of no table, for a column that some node makes. */
void lineage_make(struct lineage_walk *w, struct lineage_set *set, const void *node,
                  uint32_t number);
/* All columns of all inputs. */
const struct lineage_set *lineage_everything(struct lineage_walk *w);
/* Ties what a predicate mentions. Gives LINEAGE_LOOSE when it spans more than one row. */
uint32_t lineage_tie(struct lineage_walk *w, const struct lineage_set *mentioned,
                     enum lineage_kind kind);
uint32_t lineage_root(const struct lineage_walk *w, uint32_t atom);
/* Counts against LINEAGE_STEPS_MAX; false when it is passed. */
bool lineage_step(struct lineage_walk *w, size_t steps);

/* ---- names */

void lineage_resolve(struct lineage_walk *w, const struct lineage_scope *scope, const str *parts,
                     size_t len, struct lineage_set *out);
/* The type of a column by name, or an empty str. */
str lineage_type_of(const struct lineage_scope *scope, const struct tree *node);
const struct lineage_set *lineage_item_set(struct lineage_walk *w,
                                           const struct lineage_scope *scope, size_t index);
void lineage_fields_set(struct lineage_walk *w, const struct lineage_fields *fields,
                        enum lineage_role role, struct lineage_set *out);
/* The second `id` of a list is `id_1`, as the engine names it. */
void lineage_name_apart(struct lineage_walk *w, struct lineage_fields *fields);
/* As in FROM t (a, b). */
void lineage_rename(struct lineage_walk *w, struct lineage_fields *fields,
                    const struct tree *names);
size_t lineage_texts(const struct tree *list, str *out, size_t most);

/* ---- expressions */

void lineage_value(struct lineage_walk *w, const struct lineage_scope *scope,
                   const struct tree *node, struct lineage_set *out);
/* Conjunct by conjunct: ties, and adds what is mentioned to the rows. */
void lineage_predicate(struct lineage_walk *w, const struct lineage_scope *scope,
                       const struct tree *node, enum lineage_role role, struct lineage_set *rows);
bool lineage_is_aggregate(str name);
bool lineage_is_listing(str name);
bool lineage_takes_lambda(str name);
bool lineage_makes_rows(str name);
bool lineage_is_keyword(str name);

/* ---- FROM, SELECT lists, queries */

const struct lineage_from *lineage_bind(struct lineage_walk *w, const struct tree *node,
                                        const struct lineage_scope *outer);
const struct lineage_from *lineage_bind_pivot(struct lineage_walk *w, const struct tree *node,
                                              const struct lineage_scope *outer);
/* A FROM of one table whose columns these are. */
struct lineage_from *lineage_from_one(struct lineage_walk *w, str alias,
                                      const struct lineage_fields *fields,
                                      const struct lineage_set *rows);
/* What a star stands for; false when it is only some of them. */
bool lineage_star_fields(struct lineage_walk *w, const struct lineage_scope *scope,
                         const struct tree *star, struct lineage_fields *out);
/* The star inside of an expression, or NULL. */
const struct tree *lineage_find_star(const struct tree *node);
void lineage_expand(struct lineage_walk *w, const struct lineage_scope *scope, size_t index,
                    struct lineage_fields *out);
/* `node` is a statement, or a query node itself. */
void lineage_query(struct lineage_walk *w, const struct tree *node,
                   const struct lineage_scope *outer, struct lineage_result *out);

#endif
