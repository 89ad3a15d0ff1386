/* Column lineage of one SELECT: its checked tree, resolved against the schemas of its inputs, to edges. Pure.
 *
 * An edge says that an output column depends on an input column, and how, in the words of OpenLineage:
 *
 * - DIRECT: the value is made of the input's. IDENTITY is a copy, AGGREGATION passed an aggregate function, TRANSFORMATION is all else.
 * - INDIRECT, of one column: CONDITIONAL (a condition of CASE, a FILTER of an aggregate, anything inside of a subquery that stands as a
 *   value) and WINDOW (PARTITION BY and ORDER BY of a window function).
 * - INDIRECT, of the rows: FILTER (WHERE, HAVING, QUALIFY, EXCEPT, INTERSECT), JOIN (ON, USING, NATURAL, what is unnested), GROUP_BY
 *   (keys, DISTINCT, UNION) and SORT. They say which rows there are, for every output column alike, and stand once, in `rows`.
 *
 * An edge carries labels when what stands in a row of the output tells the input's value:
 *
 * 1. All edges of a column do: direct ones, CONDITIONAL, WINDOW, and SORT inside of an aggregate.
 * 2. Edges of the rows do not: `WHERE country = 'CH'` labels nothing, nor does a count of such rows.
 * 3. Predicates tie. Each conjunct of WHERE, HAVING, QUALIFY, ON, USING, NATURAL, and each key of GROUP BY, DISTINCT ON, PARTITION BY and
 *   ORDER BY is a predicate. All columns that one predicate mentions are tied to each other, through whatever they are made of, and ties
 *   are transitive. An output column that comes from one of them carries the labels of all. A predicate over one column ties nothing.
 *   INTERSECT and EXCEPT tie columns of one position.
 * 4. Who counts rows that a tie let through, other than by an equality of two columns, or that an argument of a table function made, has
 *   a carrying edge to what was tied: `count(*)` over `JOIN range(10) r(d) ON d < digit` is digit.
 *
 * Never fewer: a name that cannot be resolved takes all columns of all tables in sight, a shape that is not known takes all columns of
 * all inputs, and where the engine's names of the result do not fit, every output takes all. */
#ifndef WEFT_LINEAGE_H
#define WEFT_LINEAGE_H

#include "sql/sql.h"

enum lineage_kind {
    LINEAGE_IDENTITY,
    LINEAGE_TRANSFORMATION,
    LINEAGE_AGGREGATION,
    LINEAGE_JOIN,
    LINEAGE_GROUP_BY,
    LINEAGE_FILTER,
    LINEAGE_SORT,
    LINEAGE_WINDOW,
    LINEAGE_CONDITIONAL,
    LINEAGE_KINDS,
};

struct lineage_column {
    str name, type; /* of the engine, as `STRUCT(a INTEGER)[]`; empty when unknown */
};

/* A table as the text names it: `schema.name`, or `catalog.schema.name`. */
struct lineage_input {
    str catalog, schema, name;
    struct {
        VEC_OF(struct lineage_column)
    } columns;
};

struct lineage_inputs {
    VEC_OF(struct lineage_input)
};

struct lineage_edge {
    uint32_t input, column; /* indices into the inputs and their columns */
    enum lineage_kind kind;
    bool carries; /* labels of the input column are labels of the output column */
};

struct lineage_edges {
    VEC_OF(struct lineage_edge) /* by input, column, kind; each once */
};

struct lineage_output {
    str name;                   /* empty where the engine alone names it, as `lower("name")` */
    struct lineage_edges edges; /* of this column; `rows` below are its edges too */
};

struct lineage {
    struct {
        VEC_OF(struct lineage_output)
    } outputs; /* in the order of the result */
    struct lineage_edges rows;
    /* The number of columns is known to the engine alone, and no result was given: `outputs` has one for each part of the SELECT list. */
    bool is_open;
    bool is_everything; /* nothing could be told apart: all outputs have all input columns */
};

/* `result` are the names that the engine gives the result's columns; NULL when they are not known. Never fails. */
const struct lineage *lineage_read(struct arena *mem, const struct sql_tree *tree,
                                   const struct lineage_inputs *inputs,
                                   const struct str_list *result);
/* DIRECT or INDIRECT, and the subtype. */
str lineage_type_name(enum lineage_kind kind);
str lineage_kind_name(enum lineage_kind kind);
bool lineage_kind_find(str name, enum lineage_kind *out);

#endif
