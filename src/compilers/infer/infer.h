/* What a source shows of itself, to a contract that reads it: types, keys, comments, and what may be personal data. Pure. */
#ifndef WEFT_INFER_H
#define WEFT_INFER_H

#include "tree/tree.h"
#include "yaml_out/yaml_out.h"

struct report;

/* A column as the source tells it, and what its values say. */
struct infer_column {
    str name; /* as the source spells it */
    str path; /* of what is inside of a column: `contact.phones[]`; empty: a column */
    str sql;  /* how it is asked for; empty: by its name */
    str type; /* the engine's, or PostgreSQL's spelling; of text files VARCHAR until infer_settle */
    str description;
    bool required;
    int primary_key;           /* declared by the source: its place in the key */
    bool unique;               /* declared by the source */
    bool is_profiled;          /* the numbers below were asked for */
    uint64_t values, distinct; /* not null; 0 distinct: not counted */
    uint64_t counts[16];       /* values that have a form: enum infer_form */
    int64_t whole_digits, scale;
    double least, most; /* of whole numbers */
    struct str_list samples;
};

struct infer_relation {
    str name, to_table; /* the other table, as the source spells it */
    struct str_list from, to;
};

struct infer_table {
    str name, description;
    struct {
        VEC_OF(struct infer_column)
    } columns;
    struct {
        VEC_OF(struct infer_column)
    } inside; /* texts inside of objects and lists: infer_look_inside */
    struct {
        VEC_OF(struct infer_relation)
    } relations;
    uint64_t rows;
    bool is_sample; /* there are more rows than these */
};

struct infer_tables {
    VEC_OF(struct infer_table)
};

/* Of a text's values. */
enum infer_form {
    FORM_BOOLEAN,
    FORM_WHOLE,
    FORM_DECIMAL,
    FORM_FLOAT,
    FORM_DATE,
    FORM_TIMESTAMP,
    FORM_TIMESTAMP_ZONE,
    FORM_TIME,
    FORM_UUID,
    FORM_EMAIL,
    FORM_IBAN,
    FORM_CARD,
    FORM_PHONE,
    FORM_ADDRESS, /* of the internet */
    FORM_AHV,
    FORM_COUNT
};

enum {
    INFER_DEPTH_MAX = 8, /* of objects and lists that become properties; deeper ones stay a type */
    INFER_INSIDE_MAX = 500, /* texts inside that are looked at */
};
enum { INFER_FACTS = 4 + FORM_COUNT + 4 }; /* cells that a column has in a profile */

/* Finds the texts inside of objects and lists, by the types of the columns. Of a list its first element speaks for all. */
void infer_look_inside(struct arena *mem, struct infer_table *table);

/* SELECT of one row: count(*), then INFER_FACTS cells for each of `columns` (a slice); `from` is what stands behind FROM. */
str infer_profile_sql(struct arena *mem, const struct infer_column *columns, size_t len, str from);
/* Reads the row into the slice; false where it is none. */
bool infer_profile_read(const struct tree *row, struct infer_column *columns, size_t len,
                        uint64_t *rows_out);
/* Some distinct values of a column, as text, for check digits. Empty where none are needed. */
str infer_samples_sql(struct arena *mem, const struct infer_column *column, str from);
/* The narrowest type that all values have: of text files alone. */
void infer_settle(struct arena *mem, struct infer_column *column);

/* A label that a column may deserve, by its name and its values; `why_out` is for people. Empty: none. */
str infer_label(struct arena *mem, const struct infer_column *column, str *why_out);
bool infer_is_iban(str text);
bool infer_is_card(str text);
bool infer_is_ahv(str text);

/* A name as weft takes it: `Kunden-Nr.` -> kunden_nr; unlike those in `taken`, to which it is added. */
str infer_name(struct arena *mem, str name, struct str_list *taken);

/* The contract. `server` is its one entry of servers; NULL for an output. Suggestions are notes, and mean nothing to any program. */
struct tree *infer_contract(struct arena *mem, str id, str title, const struct infer_tables *tables,
                            struct tree *server, struct yaml_out_notes *notes);

#endif
