/* For the files of compilers/sql only: the two walks over a tree. */
#ifndef WEFT_SQL_INSIDE_H
#define WEFT_SQL_INSIDE_H

#include "sql/sql.h"
#include "sql/sql_shape.h"

/* First walk: everything is on the lists and within the limits. */
MUST_CHECK bool sql_check_tree(struct task *t, const struct tree *statement);
/* Second walk, over a checked tree: tables and columns. */
void sql_find_tables(struct arena *mem, const struct tree *statement, struct sql_tree *tree);

#endif
