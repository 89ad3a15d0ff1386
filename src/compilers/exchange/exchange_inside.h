/* For the files of compilers/exchange only. */
#ifndef WEFT_EXCHANGE_INSIDE_H
#define WEFT_EXCHANGE_INSIDE_H

#include "buf/buf.h"
#include "exchange/exchange.h"
#include "limits/limits.h"

enum exchange_kind {
    KIND_BOOLEAN,
    KIND_INTEGER,
    KIND_FLOAT,
    KIND_DECIMAL,
    KIND_TEXT,
    KIND_UUID,
    KIND_BINARY,
    KIND_BITS,
    KIND_DATE,
    KIND_TIME,
    KIND_TIMESTAMP,
    KIND_INTERVAL,
    KIND_JSON,
    KIND_LIST,
    KIND_STRUCT,
    KIND_MAP,
    KIND_UNKNOWN, /* its type was a finding */
};

/* A column, or something inside of one. */
struct exchange_part {
    str name, description, type; /* `type`: the engine's */
    enum exchange_kind kind;
    int bits; /* of integers and floats; digits of a second of times */
    bool is_unsigned, has_zone, required;
    int precision, scale;
    const struct tree *source, *options; /* the property; NULL where only the type speaks of it */
    struct {
        VEC_OF(struct exchange_part *)
    } parts; /* of a list its element, of a map key and value, of a struct its fields */
};

struct exchanger {
    struct arena *mem;
    str file;
    struct report *report;
    const struct contract *contract;
    const struct contract_table *only; /* or NULL */
    enum exchange_dialect dialect;
    struct buf *out;
};

/* ---- exchange_part.c */

struct exchange_part *exchange_column_part(struct arena *mem, const struct contract_column *column);
const struct tree *exchange_option(const struct exchange_part *part, str name);
/* The rule of a column that names its valid values, or a pattern, and lets no other through; or NULL. */
const struct contract_rule *exchange_values_rule(const struct contract_table *table, str column);
const struct contract_rule *exchange_pattern_rule(const struct contract_table *table, str column);
/* Made of the schema itself: what it asks stands there already. */
bool exchange_is_schema_rule(const struct contract_rule *rule);
/* Columns of the primary key, in its order. */
struct str_list exchange_key(struct arena *mem, const struct contract_table *table);

/* A foreign key of a table, where both sides are columns of this contract. */
struct exchange_link {
    struct str_list from, to; /* columns */
    str table;                /* that is meant */
    const struct tree *source;
};

struct exchange_links {
    VEC_OF(struct exchange_link)
};

/* `left_out`: how many point elsewhere. */
void exchange_links(struct exchanger *x, const struct contract_table *table,
                    struct exchange_links *out, size_t *left_out);

/* ---- exchange_tree.c: documents as trees, and their text as JSON */

struct tree *exchange_map(struct arena *mem);
struct tree *exchange_list(struct arena *mem);
/* Text that is always text, and a word whose spelling decides: a number, true, null. */
struct tree *exchange_text(struct arena *mem, str text);
struct tree *exchange_word(struct arena *mem, str text);
struct tree *exchange_int(struct arena *mem, int64_t value);
/* Nothing happens where the value is NULL, or the key is there. */
void exchange_put(struct arena *mem, struct tree *map, const char *key, struct tree *value);
/* Nothing happens for an empty text. */
void exchange_put_text(struct arena *mem, struct tree *map, const char *key, str text);
void exchange_put_flag(struct arena *mem, struct tree *map, const char *key, bool is_set);
void exchange_put_texts(struct arena *mem, struct tree *map, const char *key,
                        const struct str_list *list);
void exchange_put_copy(struct arena *mem, struct tree *map, const char *key,
                       const struct tree *value);
/* A name as a part of a JSON pointer. */
str exchange_pointer(struct arena *mem, str name);
/* With lines and two spaces a level; a line feed at its end. */
void exchange_json(struct buf *b, const struct tree *tree);

/* ---- notes */

void exchange_note(struct exchanger *x, const struct tree *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- the formats */

/* A row as JSON Schema. */
struct tree *exchange_row_schema(struct exchanger *x, const struct contract_table *table);
void exchange_json_schema(struct exchanger *x);
void exchange_avro(struct exchanger *x);
void exchange_sql(struct exchanger *x);
void exchange_dbt(struct exchanger *x);
void exchange_openapi(struct exchanger *x);
void exchange_markdown(struct exchanger *x);
void exchange_html(struct exchanger *x);

#endif
