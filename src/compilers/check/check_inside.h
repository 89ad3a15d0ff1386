/* For the files of compilers/check only. */
#ifndef WEFT_CHECK_INSIDE_H
#define WEFT_CHECK_INSIDE_H

#include "buf/buf.h"
#include "check/check.h"
#include "contract/contract_number.h"

#define CHECK_NO_CELL SIZE_MAX

/* A column of the answer of a select. */
struct check_cell {
    size_t select, column;
    str from;       /* what the fused scan is over */
    str expression; /* of it; empty where `text` is a SELECT of its own */
    str test;       /* of the rows that the expression counts; empty: all of them */
    str text;
    bool reads_others, reads_inputs;
    struct {
        VEC_OF(const struct contract_rule *)
    } rules;
};

/* How the answers give one rule's number. */
struct check_way {
    const struct contract_rule *rule;
    str problem; /* why it cannot be asked at all */
    size_t all;  /* cell: rows, or objects or elements where the rule is about a property inside */
    size_t counted;  /* cell: what the rule counts, or the rows without a null in its columns */
    size_t distinct; /* cell: different values among these */
    size_t select;   /* of a sql rule */
    str outside;     /* why it is not executable */
};

struct check_inside {
    struct {
        VEC_OF(struct check_cell)
    } cells;                /* the first one is the number of rows */
    struct check_way *ways; /* one for each rule of the table */
};

/* Values that a rule is about, as expressions over the rows of `from`. */
struct check_spot {
    str from; /* the table, or one row for each element of an array of it */
    str element; /* the same for one row of the table: what stands behind FROM; empty: no array is in the way */
    str owner; /* the object that the property is of; empty: the row or the element itself is what is counted */
    str raw; /* the value as it is stored: null where there is none */
    str value,
        type; /* the value as it is compared; null also where the stored text is none of its type, or would lose something */
};

/* The way to the values of a rule with one property. False with a problem. */
bool check_spot(struct arena *mem, const struct contract_rule *rule,
                const struct job_columns *columns, str view, struct check_spot *out,
                str *problem_out);
/* Which of these values fail, of a rule that judges each by itself: required, nullValues, missingValues, invalidValues, and those of
 * logicalTypeOptions. False with a problem. `is_large_out` as for check_pattern. */
bool check_failing(struct arena *mem, const struct contract_rule *rule,
                   const struct check_spot *spot, str *out, bool *is_large_out, str *problem_out);
/* For entries of logicalTypeOptions: true of a value that is there and fails. */
bool check_option(struct arena *mem, const struct contract_rule *rule,
                  const struct check_spot *spot, str *out, bool *is_large_out, str *problem_out);
/* `NOT regexp_matches(…)` of an ECMA-262 pattern. */
bool check_mismatch(struct arena *mem, str pattern, str value, str type, str *out,
                    bool *is_large_out, str *problem_out);
/* The SELECT that counts values without a partner; else the test of one row, from `from` (empty: the row itself). `raw`: of a lone
 * value as it is stored: one that is none of its type has no partner. */
str check_relation(struct arena *mem, const struct contract_rule *rule,
                   const struct check_target *target, const struct str_list *values, str raw,
                   str from, bool is_count);
str check_identifier(struct arena *mem, str name);
str check_literal(struct arena *mem, str text);
/* The JSON pointer to a property. */
str check_pointer(struct arena *mem, str name);
/* Is the rule about something in an array? */
bool check_is_of_elements(const struct contract_rule *rule);

/* What can be done with values of a type, by the engine's spelling. */
enum check_class {
    CHECK_INTEGER, /* of at most 64 bits */
    CHECK_NUMBER,  /* HUGEINT, UHUGEINT, DECIMAL: exact as text */
    CHECK_FLOAT,
    CHECK_DATE,
    CHECK_TEXT,
    CHECK_SCALAR, /* the others whose text reads back as the same value */
    CHECK_OPAQUE, /* no order or no text that is good for facts */
};

enum check_class check_class(str type);
/* Digits behind the point of an exact numeric type. */
int64_t check_scale(str type);

/* Digits behind the point that it takes to write the number. */
size_t check_number_places(const struct contract_number *number);
/* The nearest number of at most `places` digits behind the point that is not less (`up`) or not more, as text. */
str check_number_round(struct arena *mem, const struct contract_number *number, int64_t places,
                       bool up);
/* 100 * count / rows, exact in `places` digits behind the point and truthful in one more, so that comparing with any number
 * of that many places is right. */
struct contract_number check_percent(struct arena *mem, uint64_t count, uint64_t rows,
                                     size_t places);
/* For people: two places, or more where two would read like none, like all, or like one of the bounds though it is not. */
str check_percent_text(struct arena *mem, uint64_t count, uint64_t rows,
                       const struct contract_number *bounds, size_t len);
/* `5,000`. */
str check_count_text(struct arena *mem, uint64_t count);

/* An ECMA-262 pattern (flag u) in the engine's spelling. False with a problem for people. `is_large_out`: its program
 * may pass the engine's bound, so that it must not share a SELECT. */
bool check_pattern(struct arena *mem, str pattern, str *out, bool *is_large_out, str *problem_out);

/* The text of a sql rule with its placeholders filled in; `column` is empty for a rule of the table, `value` is how SQL
 * says it. False with a problem. */
bool check_query(struct arena *mem, str query, str view, str table, str column, str value, str *out,
                 str *problem_out);

#endif
