/* For the files of the query flow only: what is recorded of a query. */
#ifndef WEFT_QUERY_INSIDE_H
#define WEFT_QUERY_INSIDE_H

#include "query/query.h"
#include "query_row/query_row.h"

/* The purpose of who asks is one that mesh.yaml declares, or none: what it allows comes with the grants. */
MUST_CHECK bool query_has_purpose(struct task *t, const struct services *s);
/* The text as the audit keeps it: as it came, or without its literals where mesh.yaml says so of a table that it reads. */
str query_recorded_text(struct task *t, const struct query *q);
/* Which policies decided. */
void query_describe_policies(struct arena *mem, const struct decision *decision,
                             struct query_row_table *out);

#endif
