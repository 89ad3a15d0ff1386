/* The kinds of server, each in a file of its own. */
#ifndef WEFT_SOURCE_INSIDE_H
#define WEFT_SOURCE_INSIDE_H

#include "map/map.h"
#include "source/source.h"

struct buf;

bool source_files_open(struct arena *mem, const struct contract *contract,
                       const struct source_server *server, const struct str_list *files,
                       struct source_plan *out, struct report *report);
/* False when the text is too long. */
bool source_files_text(struct arena *mem, const struct source_server *server,
                       struct source_table *table, const struct source_column *columns, size_t len);
/* How a column is read, so that no value changes on the way: the engine's own readers round 1.7 to 2 and cut the time off a date. */
enum source_reading {
    READ_TYPED,   /* the reader takes what it is, or refuses */
    READ_CAST,    /* as text, then a cast that refuses what does not fit */
    READ_WHOLE,   /* as text that has to be a whole number */
    READ_DECIMAL, /* as text that has no more decimals than the type */
    READ_DATE,    /* as text without a time of the day */
    READ_TIME,    /* as text without an offset, and with no more digits than the type */
    READ_REAL,    /* as text that is within the range of the type */
    READ_NESTED, /* with texts for whole numbers, decimals, dates and times inside, compared with what wider types make of these */
    READ_PATTERN, /* as text, by logicalTypeOptions.format */
    READ_ZONED,   /* as text that is of logicalTypeOptions.defaultTimezone where it has no offset */
};
enum source_reading source_reading(const struct contract_column *column, bool is_csv);
/* The type that the engine's reader of CSV or JSON is asked for. */
str source_read_type(struct arena *mem, const struct contract_column *column, bool is_csv);
/* Does the reader of plain CSV give values of its type? The others it gives as text. */
bool source_is_quick(const struct contract_column *column);
/* The value of the column from what was read. */
void source_add_value(struct arena *mem, struct buf *b, const struct contract_column *column,
                      bool is_csv);
/* CASE … END around a text, cast to the type of its column; what does not fit stops the extraction and names the column, not the value. */
void source_add_guarded(struct arena *mem, struct buf *b, const struct contract_column *column,
                        str value);

bool source_is_zoned_type(str type);
/* SQL that nearly all texts pass which lose nothing as this type; and a pattern that all of them match. */
str source_quick_time_guard(struct arena *mem, str type, str value);
str source_time_guard(struct arena *mem, str type);

str source_parquet_describe(struct arena *mem, const struct source_table *table);
/* Findings of files that differ, and the text; false when it cannot be read. */
bool source_parquet_compile(struct arena *mem, const struct source_server *server,
                            struct source_table *table, const struct source_column *columns,
                            size_t len, struct report *report);

/* Reads `logFormat`; a finding and false where it is none. */
bool source_log_check(struct arena *mem, const struct source_server *server, struct report *report);
str source_log_describe(struct arena *mem, const struct source_server *server);
void source_log_text(struct arena *mem, const struct source_server *server,
                     struct source_table *table);

/* 'in/NAME', and ['in/NAME', …]. */
void source_add_file(struct arena *mem, struct buf *b, str file);
void source_add_files(struct arena *mem, struct buf *b, const struct str_list *files);
/* A line is one field, whatever it holds: no file has this delimiter, and no line is the null. */
void source_add_line_options(struct buf *b);
/* The name that the user gave a file: inside of `in/` ours stands before it. */
str source_file_shown(str file);
bool source_postgres_open(struct arena *mem, const struct contract *contract,
                          const struct source_server *server, str hostaddr, struct source_plan *out,
                          struct report *report);
void source_postgres_text(struct arena *mem, const struct source_server *server,
                          struct source_table *table);

/* Has the column an order that both sides agree on, and a value in each row? */
bool source_postgres_can_cut(const struct source_cuts *cuts, const struct source_column *found);

/* `value >= CAST(bound AS type)`; `far`: in the words of PostgreSQL. */
void source_add_bound(struct buf *b, str value, const char *sign, str bound, str type, bool is_far);
/* The condition of a range on an expression; `far`: in the words of PostgreSQL. Empty where all rows are wanted. */
str source_range_condition(struct arena *mem, const struct source_range *range, str value,
                           bool is_far);
/* The physical name, else the name. */
str source_column_name(const struct contract_column *column);
str source_table_name(const struct contract_table *table);
const struct source_column *source_find(const struct source_column *columns, size_t len, str name);
/* For many to be found: columns by the names that the source has for them, of several with one name the first. */
void source_map_found(struct arena *mem, const struct source_column *columns, size_t len,
                      struct map *out);
void source_map_contract(struct arena *mem, const struct contract_table *table, struct map *out);

#endif
