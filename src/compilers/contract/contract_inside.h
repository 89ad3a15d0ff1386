/* For the files of compilers/contract only. */
#ifndef WEFT_CONTRACT_INSIDE_H
#define WEFT_CONTRACT_INSIDE_H

#include "contract/contract.h"

struct contract_reader {
    struct arena *mem;
    str file;
    struct report *report;
    struct contract *contract;
    struct str_list rule_ids;
};

struct finding *contract_error(struct contract_reader *r, const struct tree *node,
                               const char *format, ...) __attribute__((format(printf, 3, 4)));
struct finding *contract_warning(struct contract_reader *r, const struct tree *node,
                                 const char *format, ...) __attribute__((format(printf, 3, 4)));
/* A property, of a table or inside of another one. */
struct contract_spot {
    const struct contract_column *column;
    const struct tree *node;
    str text;             /* `address`, `address.street`, `phones[].number` */
    struct str_list path; /* as a rule has it; empty: the column itself */
    str type;
};

struct contract_spots {
    VEC_OF(struct contract_spot)
};

/* A column's own, then those of the properties inside of it, at any depth. The list lives as long as the report. */
void contract_spots(struct contract_reader *r, const struct contract_column *column,
                    struct contract_spots *out);
/* Made from required, unique, primaryKey and logicalTypeOptions of its columns. */
void contract_schema_rules(struct contract_reader *r, struct contract_table *table);
/* The quality list of a table, or of one of its properties. */
void contract_quality_rules(struct contract_reader *r, struct contract_table *table,
                            const struct contract_spot *spot, const struct tree *quality);
/* A rule of the schema, with its id and what it is about. */
struct contract_rule *contract_add_schema_rule(struct contract_reader *r,
                                               struct contract_table *table,
                                               struct contract_rule rule,
                                               const struct contract_spot *spot);
void contract_option_rules(struct contract_reader *r, struct contract_table *table,
                           const struct contract_spot *spot);
/* Relationships of a table and of its columns, once all tables are read. */
void contract_relation_rules(struct contract_reader *r, struct contract_table *table);
/* Numbers go into SQL as they are written, so that only the decimal spelling will do. */
bool contract_is_decimal(str text);
/* What customProperties.onFailure says, else `otherwise`. */
enum rule_effect contract_on_failure(struct contract_reader *r, const struct tree *custom,
                                     enum rule_effect otherwise);

/* clusterBy of a table whose columns are read. */
void contract_read_most(struct contract_reader *r, struct contract_table *table);
void contract_read_cluster(struct contract_reader *r, struct contract_table *table);

/* incremental of a table whose columns are read. */
void contract_read_incremental(struct contract_reader *r, struct contract_table *table);

/* A type, read: for its canonical spelling and for widening. */
enum type_kind { TYPE_SCALAR, TYPE_DECIMAL, TYPE_LIST, TYPE_ARRAY, TYPE_STRUCT, TYPE_MAP };

struct type_node {
    enum type_kind kind;
    str name;                 /* TYPE_SCALAR: the engine's */
    int64_t precision, scale; /* TYPE_DECIMAL */
    int64_t length;           /* TYPE_ARRAY */
    struct {
        VEC_OF(struct type_node *)
    } parts;                /* element; key and value; fields */
    struct str_list fields; /* TYPE_STRUCT */
};

enum type_outcome { TYPE_READ, TYPE_UNKNOWN, TYPE_WRONG };

/* TYPE_UNKNOWN: a name that weft does not know; TYPE_WRONG: a known one with impossible parts, see `problem_out`. */
enum type_outcome contract_type_read(struct arena *mem, str text, struct type_node **out,
                                     str *problem_out);
str contract_type_print(struct arena *mem, const struct type_node *type);
bool contract_type_fits(const struct type_node *from, const struct type_node *to);

#endif
