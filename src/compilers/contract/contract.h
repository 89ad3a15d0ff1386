/* A data contract (ODCS v3): text tree to columns, rules, servers. Pure. */
#ifndef WEFT_CONTRACT_H
#define WEFT_CONTRACT_H

#include "cron/cron.h"
#include "error/report.h"
#include "map/map.h"
#include "tree/tree.h"

enum rule_kind {
    RULE_ROW_COUNT,
    RULE_NULL_VALUES,
    RULE_MISSING_VALUES,
    RULE_INVALID_VALUES,
    RULE_DUPLICATE_VALUES,
    RULE_SQL,
    RULE_TEXT,     /* documentation: not executable */
    RULE_CUSTOM,   /* another engine's: not executable */
    RULE_REQUIRED, /* of the schema, as are the next: made from properties, always errors */
    RULE_UNIQUE,
    RULE_PRIMARY_KEY,
    RULE_OPTION,       /* an entry of logicalTypeOptions */
    RULE_RELATIONSHIP, /* values stand in another table too */
};

/* Entries of logicalTypeOptions that ask something of values. */
enum rule_option {
#define OPTION(NAME, key) RULE_##NAME,
#include "contract/rule_options.def"
#undef OPTION
};

enum rule_operator {
    RULE_IS,
    RULE_IS_NOT,
    RULE_GREATER,
    RULE_GREATER_OR_EQUAL,
    RULE_LESS,
    RULE_LESS_OR_EQUAL,
    RULE_BETWEEN, /* exclusive on both ends */
    RULE_NOT_BETWEEN,
};

/* What a failing rule does: from `severity` and customProperties.onFailure. */
enum rule_effect {
    RULE_REJECTS,
    RULE_WARNS,
    RULE_QUARANTINES, /* the rows that fail are kept beside the release */
};

/* Where a relationship leads. What stands in another contract is named by its file, and found by those who know all files. */
struct contract_relation {
    str file; /* `customers.odcs.yaml`, relative to the contract's own; empty: the same contract */
    bool has_ids; /* table and columns are ids of the target, not names */
    str table;
    struct str_list columns; /* as many as the rule has */
    str text;                /* as people read it: `customers.id`, `customers (country, number)` */
};

struct contract_rule {
    str id; /* its ODCS id, or made from table, column, kind and index: stable while the text stands */
    str name; /* for people */
    enum rule_kind kind;
    enum rule_operator operator;
    str low, high;        /* operands as their text; `high` of the betweens only */
    bool operand_is_text; /* mustBe "x": compared as text (sql rules only) */
    bool is_percent;      /* unit: percent of the rows */
    enum rule_effect effect;
    str dimension, description, severity;
    str business_impact, scheduler, schedule; /* as they are written */
    bool has_cron;                            /* that is one which weft knows */
    struct cron cron;
    struct str_list tags;
    str query; /* sql: with {object} and {property} as written */
    /* The property, or arguments.properties, or the primary key in its order. A property inside of others is one text:
     * `address.street`, `phones[].number`. */
    struct str_list columns;
    struct str_list
        path; /* to a property inside: column, then names of properties, empty for the elements of an array */
    str type, logical_type; /* of the property, by its contract; not for rules of the table */
    enum rule_option option;
    str format, zone; /* logicalTypeOptions.format and defaultTimezone */
    struct contract_relation relation;
    struct {
        VEC_OF(const struct tree *)
    } values; /* validValues or missingValues; a null entry is TREE_NULL */
    bool has_values;
    str pattern;               /* invalidValues: ECMA-262 */
    const struct tree *source; /* where it stands; NULL for what a property demands by itself */
    struct place place;
};

/* A property inside of a column, as `address.street` or `phones[].number` below it. */
struct contract_field {
    str path, type, classification;
    struct str_list tags;
};

enum declassify_method {
    DECLASSIFY_NONE,
    DECLASSIFY_AGGREGATE,
    DECLASSIFY_KEYED_HASH,
    DECLASSIFY_CONSTANT,
};

/* customProperties.declassify: the column sheds what it inherits, by a proof on the rows of every release. */
struct contract_declassify {
    enum declassify_method method;
    str subject; /* aggregate: the column of the SELECT's table that tells subjects apart */
    uint64_t k;  /* aggregate: subjects that a group has at least */
    str who, why;
    struct place place;
};

struct contract_column {
    str name;          /* ODCS name */
    str physical_name; /* in a source; name where absent */
    str id;            /* ODCS id, or empty */
    str type;          /* the engine's spelling, by docs/types.md */
    str logical_type, physical_type, description, classification;
    struct str_list tags;
    struct {
        VEC_OF(struct contract_field)
    } fields; /* those that carry a label */
    struct contract_declassify declassify;
    bool required, unique;
    int primary_key; /* position from 1; 0 is none */
    const struct tree *source;
    struct place place;
};

enum incremental_mode {
    INCREMENTAL_NONE,   /* every run makes all rows */
    INCREMENTAL_APPEND, /* rows behind a key */
    INCREMENTAL_MERGE,  /* rows take the place of those with their primary key */
};

/* What the column is that grows with new rows. */
enum incremental_key { INCREMENTAL_INTEGER, INCREMENTAL_DATE, INCREMENTAL_INSTANT };

/* customProperties.incremental: a run adds to the rows of the release before. */
struct contract_incremental {
    enum incremental_mode mode;
    enum incremental_key kind;
    str key; /* name of a column that is never null */
    int64_t
        lookback; /* how far behind the last key rows may come late: a number, or microseconds */
    struct place place;
};

/* customProperties.quarantineMost: how many rows of a run may be diverted, before it is rejected instead. */
struct contract_most {
    bool is_set, is_share;
    uint64_t most; /* rows, or of a share parts of a million */
};

struct contract_table {
    str name; /* as the contract spells it; `orders@2` among the outputs of a product whose bare name is of another major */
    str physical_name, id, description;
    struct str_list tags;
    struct {
        VEC_OF(struct contract_column)
    } columns;
    struct map names; /* of columns, to their place in the list and one more */
    struct {
        VEC_OF(struct contract_rule)
    } rules;                    /* of the schema first, then of the table, then of its columns */
    struct str_list cluster_by; /* names of columns, as the contract spells them */
    struct contract_incremental incremental;
    struct contract_most quarantine_most;
    const struct tree *source;
    struct place place;
};

struct contract_server {
    str name, type, environment;
    str location, format, delimiter;         /* local */
    str host, listen_port, database, schema; /* postgres; may hold ${NAME} */
    const struct tree *custom;               /* customProperties: user, password, … as ${NAME} */
    const struct tree *source;
    struct place place;
};

struct contract_role {
    str role, access, first_approvers, second_approvers;
};

struct contract {
    str file, id, name, version, status, domain, product, description;
    struct str_list tags;
    struct {
        VEC_OF(struct contract_table)
    } tables;
    struct {
        VEC_OF(struct contract_server)
    } servers;
    struct {
        VEC_OF(struct contract_role)
    } roles;
    const struct tree *custom; /* customProperties, or NULL */
    const struct tree *source;
    struct place place;
};

/* Reads one document of kind DataContract. Findings go to the report; NULL when nothing useful could be read.
 * All fields of ODCS v3.0.0 to v3.1.0 are accepted and kept in `source`; unknown ones are findings. */
struct contract *contract_read(struct arena *mem, str file, const struct tree *document,
                               struct report *report);
/* By the name that the contract spells, or the one that it has in its product. */
const struct contract_table *contract_find_table(const struct contract *contract, str name);
/* `orders` of `orders@2`, and of `orders`. */
str contract_table_plain(str name);
/* 2 of `orders@2`; 0 of `orders`. */
uint64_t contract_table_major(str name);
/* Adds the names of the columns of the primary key in its order, of one rank in that of the table. */
void contract_key(struct arena *mem, const struct contract_table *table, struct str_list *out);
const struct contract_column *contract_find_column(const struct contract_table *table, str name);
/* logicalTypeOptions of a property as v3.1 spells them: `exclusiveMinimum: 5` for what is `minimum: 5, exclusiveMinimum: true` before. NULL:
 * it has none. */
const struct tree *contract_options(struct arena *mem, const struct tree *property);
/* As a reference of a relationship means them: by id, else by name. */
const struct contract_table *contract_refer_table(const struct contract *contract, bool has_ids,
                                                  str name);
const struct contract_column *contract_refer_column(const struct contract_table *table,
                                                    bool has_ids, str name);
/* customProperties is a list of {property, value}: the value's node, or NULL. */
const struct tree *contract_custom(const struct tree *custom_properties, str property);
/* The engine's type of a property by physicalType, else logicalType, logicalTypeOptions.format; empty and a finding
 * when neither says one. */
str contract_type(struct arena *mem, str file, const struct tree *property, struct report *report);
/* The spelling that the engine itself gives a type (`numeric(12, 2)` -> `DECIMAL(12,2)`, `text` -> `VARCHAR`);
 * empty when it is none that weft knows. */
str contract_type_canonical(struct arena *mem, str type);
/* What lists and arrays hold; empty when the type is neither. */
str contract_type_element(struct arena *mem, str type);
/* Fields of a struct with their types, in order; false when the type is none. */
bool contract_type_fields(struct arena *mem, str type, struct str_list *names_out,
                          struct str_list *types_out);
/* What a map goes from and to; false when the type is none. */
bool contract_type_map(struct arena *mem, str type, str *key_out, str *value_out);
/* The type with each leaf, of whatever depth, put through `leaf`: elements of lists, values of maps, fields of structs. */
str contract_type_replace(struct arena *mem, str type, str (*leaf)(struct arena *mem, str type));
/* May a value of type `from` become `to` without loss? Equal types may. */
bool contract_type_widens(str from, str to);
/* The same for those who read: fields also keep the case of their names. */
bool contract_type_extends(str from, str to);
/* Do its values have one order, and one text each, so that files can be split between them? */
bool contract_type_is_ordered(str type);
const struct contract_role *contract_find_role(const struct contract *contract, str role);
/* The approvers of a level, as the standard writes them (names with commas between), as `user:NAME` and `group:NAME`: a plain name
 * is a user's. `na` and `none` name nobody. Parts that can be no name go to `strange_out`. */
void contract_role_approvers(struct arena *mem, str text, struct str_list *out,
                             struct str_list *strange_out);
const char *contract_declassify_name(enum declassify_method method);
/* What mesh.checks says of it: `nullValues`, `required`, `minLength`. */
str contract_rule_kind(const struct contract_rule *rule);
/* `cron: 0 6 * * *`. */
str contract_rule_schedule(struct arena *mem, const struct contract_rule *rule);
/* All that its verdict hangs on beside the rows, as one text: equal texts, equal rules. */
str contract_rule_meaning(struct arena *mem, const struct contract_rule *rule);
/* One line for people: "nullValues of email must be less than 1 percent". */
str contract_rule_text(struct arena *mem, const struct contract_rule *rule);

#endif
