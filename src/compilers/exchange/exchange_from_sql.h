/* For the files that read SQL only. */
#ifndef WEFT_EXCHANGE_FROM_SQL_H
#define WEFT_EXCHANGE_FROM_SQL_H

#include "exchange/exchange_build.h"
#include "exchange/exchange_lexer.h"

/* A type of CREATE TYPE … AS ENUM. */
struct sql_enum {
    str name;
    struct str_list values;
};

/* A foreign key, linked when all tables are known. */
struct sql_link {
    struct tree *table;
    struct str_list from, to; /* `to` is empty where the primary key is meant */
    str to_table;
    size_t offset;
};

struct sql_reader {
    struct builder b;
    str text;
    struct {
        VEC_OF(struct lexeme)
    } words;
    size_t at;
    struct {
        VEC_OF(struct sql_enum)
    } enums;
    struct {
        VEC_OF(struct sql_link)
    } links;
    bool failed; /* the statement is given up */
};

/* ---- the cursor */

const struct lexeme *exchange_ddl_peek(const struct sql_reader *r, size_t ahead);
bool exchange_ddl_is(const struct sql_reader *r, const char *word); /* without case; also a sign */
bool exchange_ddl_take(struct sql_reader *r, const char *word);
/* Up to the sign that closes what is open; false when it does not come. */
bool exchange_ddl_pass_group(struct sql_reader *r);
/* A name, of which qualifiers are left out; empty and an error where there is none. */
str exchange_ddl_name(struct sql_reader *r, const char *what);
/* `( name, … )` */
bool exchange_ddl_names(struct sql_reader *r, struct str_list *out);
/* What stands in the text from here, where `from` was a word. */
str exchange_ddl_slice(const struct sql_reader *r, size_t from, size_t to);
void exchange_ddl_error(struct sql_reader *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void exchange_ddl_left(struct sql_reader *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- exchange_from_sql_table.c */

/* A column or a constraint, as it stands in CREATE TABLE, or behind ADD in ALTER TABLE. */
void exchange_ddl_table_item(struct sql_reader *r, struct tree *table);
struct tree *exchange_ddl_column(struct tree *table, str name);
void exchange_ddl_required(struct sql_reader *r, struct tree *column);

/* ---- exchange_from_sql_check.c */

/* The text between the parentheses of a CHECK. `column` is where it stands, or NULL. */
void exchange_ddl_check(struct sql_reader *r, struct tree *table, str name, str expression,
                        size_t offset);

#endif
