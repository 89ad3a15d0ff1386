/* For the files of compilers/policy only. */
#ifndef WEFT_POLICY_INSIDE_H
#define WEFT_POLICY_INSIDE_H

#include "policy/policy.h"
#include "policy/policy_expression.h"
#include "shape/shape.h"

extern const struct shape shape_policy, shape_policy_test; /* weft/v1 */

/* ---- reading */

struct policy_reader {
    struct arena *mem;
    str file, domain;
    struct report *report;
    struct policy *policy;
};

void policy_read_grant(struct policy_reader *r, const struct tree *node);
void policy_read_deny(struct policy_reader *r, const struct tree *node);
void policy_read_filter(struct policy_reader *r, const struct tree *node);
void policy_read_mask(struct policy_reader *r, const struct tree *node);
void policy_read_require(struct policy_reader *r, const struct tree *node);
void policy_read_waive(struct policy_reader *r, const struct tree *node);
/* The parts that several effects share. */
void policy_read_selector(struct policy_reader *r, const struct tree *node);
void policy_read_except(struct policy_reader *r, const struct tree *node);
/* Findings where a domain's policy names another domain's. */
void policy_read_scope(struct policy_reader *r, const struct tree *node,
                       const struct str_list *names, bool is_domain);
/* False when nobody is named. */
bool policy_read_takers(struct policy_reader *r, const struct tree *node);
void policy_read_until(struct policy_reader *r, const struct tree *node);
void policy_read_purposes(struct policy_reader *r, const struct tree *node);
void policy_read_texts(struct policy_reader *r, struct str_list *out, const struct tree *node);
/* `domain.product` or with a table; in a domain's own policy the domain may be left out. */
void policy_read_addresses(struct policy_reader *r, struct str_list *out, const struct tree *node,
                           int parts);

/* ---- matching */

/* A `domain.product` or `domain.product.table`, of these parts. */
str policy_address(struct arena *mem, str domain, str product, str table);

/* A table, with what is asked of it again and again. */
struct policy_subject {
    const struct policy_table *table;
    str product, address; /* domain.product, domain.product.table */
};
struct policy_subject policy_subject(struct arena *mem, const struct policy_table *table);
/* Does the policy speak of this table? A local one never speaks of another domain's. Columns aside, save for effects on rows or
 * tables whose selector names columns: then one must match. */
bool policy_matches_table(const struct policy *policy, const struct policy_subject *subject);
/* A mask, or a grant or denial whose selector chooses columns. */
bool policy_is_of_columns(const struct policy *policy);
bool policy_matches_column(const struct policy *policy, const struct policy_column *column);
/* A field has labels of its own; by name it is `column.path`. */
bool policy_matches_field(const struct policy *policy, const struct policy_column *column,
                          const struct policy_field *field);
/* Is it by this column, or this field in it, that a filter or a denial of tables speaks of the table? */
bool policy_chooses_table_by(const struct policy *policy, const struct policy_column *column,
                             const struct policy_field *field);
/* NULL when there is none; names are compared without case. */
const struct policy_column *policy_find_column(const struct policy_table *table, str name);
/* The entry of the owners that means this actor, or an empty str. */
str policy_owner_entry(const struct policy_actor *actor, const struct str_list *owners);
/* Whom of the takers this actor is, for people; empty when it is none of them. */
str policy_taker(struct arena *mem, const struct policy_actor *actor, const struct policy *policy);
/* By name, group or purpose; owners aside. A purpose is the asker's own word: it excepts only where a grant names it for him. */
bool policy_is_excepted(const struct policy *policy, const struct policy_actor *actor,
                        bool has_purpose);
/* `owners: true`: does he own all that makes the policy speak of the column (NULL: of the table)? */
bool policy_excepts_owner(const struct policy *policy, const struct policy_actor *actor,
                          const struct policy_table *table, const struct policy_labels *labels);

/* ---- rules of a table */

struct rule_mask {
    struct policy_mask mask; /* as it fits the type */
    str text;
};

struct rule_field {
    const struct policy_field *field;
    bool is_unknown; /* no field of the type: the whole column is meant */
    struct rule_mask shown;
};

struct rule_column {
    size_t at;       /* of the table's columns */
    bool is_matched; /* else only fields of it are */
    struct rule_mask shown;
    struct {
        VEC_OF(struct rule_field)
    } fields;
};

struct rule {
    const struct policy *policy;
    struct {
        VEC_OF(struct rule_column)
    } columns; /* of policies about columns: those that it speaks of */
};

struct policy_rule_list {
    VEC_OF(struct rule)
};

struct policy_rules {
    const struct policies *policies;
    const struct policy_table *table;
    struct policy_subject subject;
    struct policy_rule_list of[POLICY_WAIVE + 1]; /* by effect, in the order of the policies */
};

/* ---- masks */

/* The one that shows less; NULL where neither does. */
struct policy_mask policy_stricter(struct arena *mem, const struct policy_mask *a,
                                   const struct policy_mask *b, str type);
bool policy_is_same_mask(struct arena *mem, const struct policy_mask *a,
                         const struct policy_mask *b);
/* Canonical. */
void policy_mask_bytes(struct arena *mem, const struct policy_mask *mask, struct buf *out);
/* Empty when the mask can keep this type; else the types it is for. */
str policy_mask_problem(struct arena *mem, const struct policy_mask *mask, str type);
/* The column's values as the decision shows them. */
void policy_masked_sql(struct arena *mem, const struct decision_column *column, struct buf *out);
/* Do its conditions and masks take more than CLEARING_SQL_BYTES_MAX? Such a decision has no copies. */
bool policy_is_too_long(struct arena *mem, const struct decision *decision);
/* Is there a field of this path in the type? */
bool policy_has_path(struct arena *mem, str type, str path);
bool policy_is_time_unit(str unit);
bool policy_is_text(str type);

/* ---- filters */

/* The condition for this table and actor as filters that are ANDed. False and why when it cannot be told. */
bool policy_filters(struct arena *mem, const struct policy *policy,
                    const struct expression_scope *scope, struct decision *out, str *why_out);
/* Is the text a value of the type as it is, for a literal that is compared with a column? */
bool policy_value_fits(str type, str text);
/* False for a constant that cannot stand in a column that the policy takes by its labels: it is NULL there. By name it is tried. */
bool policy_constant_fits(const struct policy *policy, str type);
/* Types that literals are compared in. */
bool policy_has_values(str type);

/* ---- the rest */

void policy_add_number(struct buf *out, uint64_t value);
void policy_add_text(struct buf *out, str text);
/* For people: "until 2027-01-01", from the instant after it. */
str policy_until_text(struct arena *mem, int64_t until_us);

#endif
