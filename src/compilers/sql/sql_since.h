/* May a source be asked for no more than the rows behind `$since`? Pure. */
#ifndef WEFT_SQL_SINCE_H
#define WEFT_SQL_SINCE_H

#include "sql/sql.h"

/* The text drops every row of this table whose column is not greater than the value, before it does anything else with it. */
struct sql_since {
    str schema, table; /* as written */
    str column;        /* as written; of the table where it has such a one */
    str qualifier; /* what stands before the column: the table's name or alias, never the name of a column; empty: nothing */
    bool is_in;    /* nor equal to it */
};

/* Of a text in which `$since` is CAST('value' AS type). False, and why, unless that is provable: the table is named once in it, in FROM
 * of the outermost SELECT, where no outer join makes rows of its rows; and WHERE says `column > value` of it, on its own or with AND. */
bool sql_find_since(struct arena *mem, const struct sql_tree *tree, str value, str type,
                    struct sql_since *out, str *why_out);

#endif
