/* Policies: text to rules; rules, actor and table to one decision with its reasons. Pure. */
#ifndef WEFT_POLICY_H
#define WEFT_POLICY_H

#include "error/report.h"
#include "tree/tree.h"

enum policy_effect {
    POLICY_GRANT,
    POLICY_DENY,
    POLICY_FILTER,
    POLICY_MASK,
    POLICY_REQUIRE, /* a SELECT over mesh.*: its rows are violations */
    POLICY_WAIVE,   /* an exception to another policy, with an approver and an end */
};

/* In order of strictness: of two masks on one column the greater wins (policy_mask.c, docs/policies.md). */
enum mask_method {
    MASK_NONE,
    MASK_SQL,
    MASK_PARTIAL,
    MASK_TRUNCATE,
    MASK_BUCKET,
    MASK_HASH,
    MASK_CONSTANT,
    MASK_NULL,
};

struct policy_expression; /* policy_expression.h */

/* What stands in a masked column instead of its values. */
struct policy_mask {
    enum mask_method method;
    uint32_t keep_first, keep_last; /* partial: characters */
    str unit;  /* truncate: year, quarter, month, …, or a number (text: characters) */
    str width; /* bucket: a number; of dates: days */
    struct str_list bounds; /* bucket: lower bounds, ascending; width is empty then */
    str value;              /* constant: its text */
    const struct policy_expression *expression; /* sql, over $value */
};

/* Which columns or tables: each list that is not empty must match (any of its entries). */
struct policy_selector {
    struct str_list classifications, tags, domains;
    struct str_list products; /* `domain.product` */
    struct str_list tables;   /* `domain.product.table` */
    struct str_list columns;  /* names */
};

struct policy_takers {
    struct str_list users, groups, products;
};

struct policy_except {
    struct str_list users, groups, products, purposes;
    /* As products: the digest of the SQL that the exception was given to. Empty: none was told, which plan refuses. */
    struct {
        VEC_OF(str)
    } digests;
    struct place place; /* of the products */
    bool owners;        /* of the domain where the label was declared that makes the policy match */
};

struct policy {
    str id, file, description, owner;
    str domain; /* scope: empty is global */
    enum policy_effect effect;
    struct policy_selector selector; /* grant and deny without columns: whole tables */
    bool is_of_columns;              /* grant, deny: the selector chooses columns */
    struct policy_except except;
    struct policy_mask mask;
    str where; /* filter: as it is written */
    const struct policy_expression *condition;
    str contract, role; /* grant */
    struct str_list to_users, to_groups, to_products,
        purposes;         /* grant, deny, waive; of a deny: all when empty */
    int64_t until_us;     /* grant, waive: until the end of that day, UTC; 0 is none */
    str waives;           /* waive: id of the other policy */
    str approver, reason; /* waive */
    str query, message;   /* require */
    bool is_warning;      /* require: severity */
    struct place query_place;
    struct place place;
};

/* Who is entitled to which values: rows of a published table that filters name. */
struct policy_entitlement {
    str table;                        /* domain.product.table */
    str user, value;                  /* names of its columns */
    uint64_t version;                 /* release; 0: none yet, and nobody is entitled */
    const struct policy_entitled *at; /* by user, then by value */
    size_t len;
};

struct policy_entitled {
    str user, value;
};

struct policies {
    uint64_t version; /* changes with every apply that touches a policy */
    VEC_OF(struct policy)
    struct {
        VEC_OF(struct policy_entitlement)
    } entitlements; /* all that filters name; rows are the image's to fill in */
};

/* Reads one document of kind Policy; NULL and findings when it is not valid. Every key that is not enforced yet is a finding. */
struct policy *policy_read(struct arena *mem, str file, str domain, const struct tree *document,
                           struct report *report);
/* Adds what the condition of a filter names to the entitlements, once. */
void policy_add_entitlements(struct arena *mem, const struct policy *policy,
                             struct policies *policies);

/* Who asks, as decisions see it. */
struct policy_actor {
    str name; /* user name, or `domain.product` for a product */
    bool is_product;
    str digest; /* of the SQL of a product that is built (product_digest): its exceptions are for that text alone */
    struct str_list groups;
    str purpose;
    const struct tree *attributes; /* a map of scalars and lists of them, or NULL */
};

struct policy_label {
    bool is_tag; /* else a classification */
    str text;
    str origin;                    /* the column that declares it, where it is inherited */
    const struct str_list *owners; /* of the domain that declared it; NULL: the table's own */
};

struct policy_labels {
    VEC_OF(struct policy_label)
};

/* A field inside of a column, as `address.street` or `phones[].number` below it. */
struct policy_field {
    str path, type;
    struct policy_labels labels;
};

struct policy_column {
    uint32_t id;
    str name, type;
    struct policy_labels labels;
    const struct policy_field *fields;
    size_t field_count;
};

/* A table as decisions see it. */
struct policy_table {
    uint64_t id;
    str domain, product, name;
    str contract; /* ODCS id */
    struct str_list tags;
    struct str_list owners; /* `user:NAME`, `group:NAME` of the domain */
    const struct policy_column *columns;
    size_t column_count;
};

struct decision_field {
    str path;
    struct policy_mask mask;
};

struct decision_column {
    uint32_t id;
    str name, type;
    struct policy_mask mask;
    struct {
        VEC_OF(struct decision_field)
    } fields; /* masked ones inside of a column that is not masked itself; by path */
};

enum filter_form {
    FILTER_VALUES, /* the column is one of the values */
    FILTER_RANGE,  /* the column lies between two bounds */
    FILTER_SQL,    /* anything else */
};

struct filter_column {
    uint32_t id;
    str name, type;
};

/* Rows are shown where it is true; a null is not. Texts of values are compared in the column's type. */
struct decision_filter {
    enum filter_form form;
    struct filter_column column; /* VALUES, RANGE */
    struct str_list values;      /* VALUES: sorted by bytes, distinct; none: no row is shown */
    bool has_low, has_high;      /* RANGE */
    bool low_is_open, high_is_open;
    str low, high;
    str sql; /* SQL: weft's own spelling, with every name quoted and the actor's attributes as literals */
    struct {
        VEC_OF(struct filter_column)
    } columns; /* SQL: those that it reads */
};

struct decision_reason {
    str policy; /* id, or `owner`, `self`, `default` */
    str effect; /* grant, deny, filter, mask, waive */
    str text;
    str column;         /* mask, deny and grant of columns; else empty */
    struct place place; /* of the policy; none for weft's own reasons */
};

struct decision {
    bool allowed;
    uint64_t policy_version;
    int64_t from_us,
        until_us; /* it holds in between: a grant, deny or waiver ends then; 0: no end */
    struct {
        VEC_OF(struct decision_column)
    } columns; /* visible ones; denied ones are absent */
    struct {
        VEC_OF(struct decision_filter)
    } filters; /* ANDed */
    struct {
        VEC_OF(struct decision_reason)
    } reasons;
};

/* What policies say of one table, whoever asks. Its texts go into decisions: it lives as long as they do. */
struct policy_rules;
struct policy_rules *policy_rules(struct arena *mem, const struct policies *policies,
                                  const struct policy_table *table);
/* Starts at deny. `now_us` holds against `until`. */
void policy_decide_by(struct arena *mem, const struct policy_rules *rules,
                      const struct policy_actor *actor, int64_t now_us, struct decision *out);
/* The same for one actor of a table. */
void policy_decide(struct arena *mem, const struct policies *policies,
                   const struct policy_actor *actor, const struct policy_table *table,
                   int64_t now_us, struct decision *out);
/* Does the decision hold at this time? A clock that went back undoes it too. */
bool policy_still_holds(const struct decision *decision, int64_t now_us);
/* Canonical bytes of the decision restricted to these columns of a file: equal bytes, equal copy. Length-prefixed, sorted. */
void policy_class(struct buf *out, uint64_t table_id, const struct decision *decision,
                  const uint32_t *file_columns, size_t len);
/* True when the decision hides nothing of a file with these columns, filters aside. */
bool policy_shows_all_columns(const struct decision *decision, const uint32_t *file_columns,
                              size_t len);
/* Is the column masked, whole or in a field? */
bool policy_is_masked(const struct decision_column *column);
/* The SELECT of a clearing worker over the view `source`: visible and masked columns, where all filters are true. */
str policy_clearing_sql(struct arena *mem, const struct decision *decision);
/* The same over another view, with more columns (each behind a comma), and an order of its own unless it is NULL. */
str policy_clearing_sql_from(struct arena *mem, const struct decision *decision, str source,
                             str more, const char *order);
/* "its last 4 characters", "NULL": what a masked column shows, for people. */
str policy_mask_text(struct arena *mem, const struct policy_mask *mask);
/* Does the policy speak of this table? Of one about columns: of how many of them. A require speaks of none. */
bool policy_reaches(struct arena *mem, const struct policy *policy,
                    const struct policy_table *table, size_t *columns_out);
const char *policy_effect_name(enum policy_effect effect);
const char *mask_method_name(enum mask_method method);

/* Policies against the tables that they match, and against each other: unknown columns, values and masks that do not fit a type, local
 * policies that loosen, waivers of nothing. For plan. `now_us` tells which waivers and grants have ended. */
void policy_check(const struct policies *policies, const struct policy_table *tables, size_t len,
                  int64_t now_us, struct report *report);
/* A note for each filter by values of one column other than `clustered_by`, the first one that the table's files are ordered by. */
void policy_advise(struct arena *mem, const struct policies *policies,
                   const struct policy_table *table, str clustered_by, struct report *report);
/* What only the engine can judge: a SELECT for each condition and mask over a row of NULLs, that must bind and run. */
struct policy_probe {
    const struct policy *policy;
    const struct policy_table *table;
    str sql;
};
struct policy_probes {
    VEC_OF(struct policy_probe)
};
void policy_probes(struct arena *mem, const struct policies *policies,
                   const struct policy_table *tables, size_t len, struct policy_probes *out);

#endif
