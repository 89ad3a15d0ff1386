/* Policies: text to rules; rules, actor and table to one decision with its reasons. Pure. */
#ifndef WEFT_POLICY_H
#define WEFT_POLICY_H

#include "error/report.h"
#include "tree/tree.h"

enum policy_effect { POLICY_GRANT, POLICY_FILTER, POLICY_MASK };
enum mask_method { MASK_NONE, MASK_NULL };

/* Which columns or tables: each list that is not empty must match (any of its entries). */
struct policy_selector {
    struct str_list classifications, tags, domains;
    struct str_list products; /* `domain.product` */
    struct str_list tables;   /* `domain.product.table` */
    struct str_list columns;  /* names */
};

struct policy_except {
    struct str_list users, groups, products;
    bool owners;
};

struct policy {
    str id, file, description, owner;
    str domain; /* scope: empty is global */
    enum policy_effect effect;
    struct policy_selector
        selector; /* mask: columns; filter: tables; grant: by contract or product */
    struct policy_except except;
    enum mask_method method;           /* mask */
    str filter_column, filter_literal; /* filter: column = literal */
    bool filter_literal_is_text;
    str contract, role;                                         /* grant */
    struct str_list to_users, to_groups, to_products, purposes; /* grant */
    int64_t until_us; /* grant: until the end of that day, UTC; 0 is none */
    struct place place;
};

struct policies {
    uint64_t version; /* changes with every apply that touches a policy */
    VEC_OF(struct policy)
};

/* Reads one document of kind Policy; NULL and findings when it is not valid. Every key that is not enforced yet is a finding. */
struct policy *policy_read(struct arena *mem, str file, str domain, const struct tree *document,
                           struct report *report);

/* Who asks, as decisions see it. */
struct policy_actor {
    str name; /* user name, or `domain.product` for a product */
    bool is_product;
    struct str_list groups;
    str purpose;
};

struct policy_column {
    uint32_t id;
    str name, type, classification;
    struct str_list tags;
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

struct decision_column {
    uint32_t id;
    str name, type;
    enum mask_method mask;
};

struct decision_filter {
    uint32_t column_id;
    str column, type;
    str literal; /* text of the value; compared in the column's type */
};

struct decision_reason {
    str policy; /* id, or `owner`, `self`, `default` */
    str effect; /* grant, filter, mask, deny */
    str text;
};

struct decision {
    bool allowed;
    uint64_t policy_version;
    struct {
        VEC_OF(struct decision_column)
    } columns; /* visible ones; denied ones are absent */
    struct {
        VEC_OF(struct decision_filter)
    } filters; /* ANDed */
    struct {
        VEC_OF(struct decision_reason)
    } reasons;
    struct str_list
        duties; /* what the answer must carry along; none yet, purposes come with governance */
};

/* Starts at deny. `now_us` holds against `until`. */
void policy_decide(struct arena *mem, const struct policies *policies,
                   const struct policy_actor *actor, const struct policy_table *table,
                   int64_t now_us, struct decision *out);
/* Canonical bytes of the decision restricted to these columns of a file: equal bytes, equal copy. Length-prefixed, sorted. */
void policy_class(struct buf *out, uint64_t table_id, const struct decision *decision,
                  const uint32_t *file_columns, size_t len);
/* True when the decision hides nothing of a file with these columns, filters aside. */
bool policy_shows_all_columns(const struct decision *decision, const uint32_t *file_columns,
                              size_t len);
/* The SELECT of a clearing worker over the view `source`: visible and masked columns, WHERE TRY(filter) IS TRUE. */
str policy_clearing_sql(struct arena *mem, const struct decision *decision);
/* Column and type of the filters must fit the tables they match: findings otherwise. For plan. */
void policy_check(const struct policies *policies, const struct policy_table *tables, size_t len,
                  struct report *report);

#endif
