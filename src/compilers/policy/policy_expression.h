/* An expression of a policy: a condition over a table's own columns and the actor, or what a mask makes of $value alone. It is read by a
 * grammar of our own and written as SQL of our own: what is not in the grammar cannot reach the engine. For the files of policy. */
#ifndef WEFT_POLICY_EXPRESSION_H
#define WEFT_POLICY_EXPRESSION_H

#include "buf/buf.h"
#include "policy/policy.h"

enum expression_kind {
    EXPRESSION_COLUMN,    /* parts: column, then fields of structs */
    EXPRESSION_VALUE,     /* $value: of the masked column */
    EXPRESSION_ATTRIBUTE, /* text: $actor.<text> */
    EXPRESSION_NULL,
    EXPRESSION_BOOL, /* text: true or false */
    EXPRESSION_NUMBER,
    EXPRESSION_TEXT,
    EXPRESSION_LIST,     /* [a, b] */
    EXPRESSION_UNARY,    /* text: -, NOT, IS NULL, IS TRUE … */
    EXPRESSION_BINARY,   /* text: =, <, AND, LIKE, +, … */
    EXPRESSION_IN,       /* first child IN the others */
    EXPRESSION_ANY,      /* first child = ANY(second) */
    EXPRESSION_ENTITLED, /* first child IN (SELECT … of an entitlements table) */
    EXPRESSION_CALL,     /* text: a function of policy_functions.def */
    EXPRESSION_CASE,     /* operand or NULL kind, then pairs, then the ELSE */
    EXPRESSION_CAST,     /* text: the engine's type; TRY_CAST when is_negated */
};

struct policy_expression {
    enum expression_kind kind;
    bool is_negated;  /* IN, ENTITLED: NOT */
    bool has_operand; /* CASE */
    bool has_else;    /* CASE */
    bool is_suffix;   /* UNARY: stands behind its operand */
    str text;
    struct str_list parts;  /* COLUMN */
    str table, user, value; /* ENTITLED */
    uint32_t position;      /* byte from 1 in the source */
    struct {
        VEC_OF(const struct policy_expression *)
    } children;
};

struct expression_error {
    uint32_t position; /* byte from 1 */
    str message, hint;
};

/* NULL and an error when the text is none. A mask knows `$value` and nothing else, a condition columns and `$actor`. */
const struct policy_expression *policy_expression_parse(struct arena *mem, str text, bool is_mask,
                                                        struct expression_error *error_out);

/* How names in an expression are meant. */
struct expression_scope {
    const struct policy_table *table; /* NULL: columns are not known */
    const struct policy_actor *actor; /* NULL: attributes are NULL */
    const struct policies *policies;  /* for entitlements; or NULL */
    str value;                        /* SQL of $value */
};

/* As SQL: fully parenthesised, names quoted, attributes and entitlements as literals. */
void policy_expression_sql(struct arena *mem, const struct policy_expression *expression,
                           const struct expression_scope *scope, struct buf *out);
/* Names of columns in it, each once. */
void policy_expression_columns(struct arena *mem, const struct policy_expression *expression,
                               struct str_list *out);
/* The values that an actor's attribute, a literal, a list of them or an entitlement stands for; false when it is none of these.
 * A null stands for no value. */
bool policy_expression_values(struct arena *mem, const struct policy_expression *expression,
                              const struct expression_scope *scope, struct str_list *out);
/* An attribute that is a list: where a scalar is meant it equals nothing. */
bool policy_is_list(struct arena *mem, const struct policy_expression *expression,
                    const struct expression_scope *scope);
/* Calls `visit` for the expression and each below it. */
void policy_expression_walk(const struct policy_expression *expression, void *state,
                            void (*visit)(void *state, const struct policy_expression *at));

#endif
