/* The kinds of server, each in a file of its own. */
#ifndef WEFT_SOURCE_INSIDE_H
#define WEFT_SOURCE_INSIDE_H

#include "source/source.h"

bool source_files_open(struct arena *mem, const struct contract *contract,
                       const struct source_server *server, const struct str_list *files,
                       struct source_plan *out, struct report *report);
void source_files_text(struct arena *mem, const struct source_server *server,
                       struct source_table *table, const struct source_column *columns, size_t len);
bool source_postgres_open(struct arena *mem, const struct contract *contract,
                          const struct source_server *server, str hostaddr, struct source_plan *out,
                          struct report *report);
void source_postgres_text(struct arena *mem, const struct source_server *server,
                          struct source_table *table, const struct source_column *columns,
                          size_t len);

/* The condition of a range on an expression; `far`: in the words of PostgreSQL. Empty where all rows are wanted. */
str source_range_condition(struct arena *mem, const struct source_range *range, str value,
                           bool is_far);
/* The physical name, else the name. */
str source_column_name(const struct contract_column *column);
str source_table_name(const struct contract_table *table);
const struct source_column *source_find(const struct source_column *columns, size_t len, str name);

#endif
