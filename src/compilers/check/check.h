/* Rules of a contract's table to few SELECTs over its rows, and their answers to verdicts. Pure.
 *
 * All rules that one scan can count are fused into one SELECT; those that need groups (duplicates: one SELECT for each set of
 * columns, whatever the rules that ask for it) and sql rules follow as further SELECTs.
 *
 * What is counted, where the standard leaves it open:
 * - A value is duplicate when an earlier row holds it too: rows in excess, so that a value that occurs three times counts two.
 *   Rows with a null in one of the columns are no duplicates. Values are equal when the engine says so; JSON compares as text.
 * - missingValues counts the values that are listed; null only when null is listed.
 * - invalidValues never counts a null: a null is missing, not invalid. With both arguments, a value has to be listed
 *   and to match the pattern.
 * - A listed value is turned into the column's type; one that does not fit (1.5 in a column of integers) equals nothing.
 *   In columns of JSON, BLOB, INTERVAL and nested types the texts are compared.
 * - A pattern is found anywhere in the value's text, as in JSON Schema: anchor it with ^ and $ to match the whole. It is
 *   ECMA-262 with the flag u. What the engine cannot do (lookahead, lookbehind, backreferences) is an error, never a pass.
 * - A property inside of an object is counted over the objects that are there; one inside of an array over its elements.
 * - A relationship is violated by values that stand nowhere in the target. Nulls violate nothing (MATCH SIMPLE).
 * - Percent is of all rows, and 0 in an empty table. It is compared exactly and rounded for display only. */
#ifndef WEFT_CHECK_H
#define WEFT_CHECK_H

#include "contract/contract.h"
#include "job/job.h"

enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_ERROR, VERDICT_NOT_EXECUTABLE, VERDICT_COUNT };
const char *verdict_name(enum verdict verdict); /* "pass", "fail", "error", "not executable" */

/* One SELECT that gives one row. Its columns are counts or scalars that check_judge knows how to read. */
struct check_select {
    str text;
    bool is_foreign; /* the contract's own text: it goes through the gate before it runs */
    bool
        reads_others; /* it is over other tables of the same kind too: outputs, or tables of the port */
    bool reads_inputs; /* it is over an input port: through the gate */
    struct {
        VEC_OF(const struct contract_rule *)
    } rules; /* those that it answers, for messages when it fails as a whole */
};

struct check_plan {
    const struct contract_table *table;
    struct {
        VEC_OF(struct check_select)
    } selects;
    void *inside; /* which column answers which rule: check's own */
};

/* Where a relationship leads. */
struct check_target {
    const struct contract_rule *rule;
    str view;                /* quoted as it stands in SQL */
    struct str_list columns; /* as many as the rule has */
    bool is_input;           /* of an input port */
    str problem;             /* why it cannot be read: the rule is not executable */
};

struct check_targets {
    VEC_OF(struct check_target)
};

/* Rows stand in `view` (a quoted name is made of schema and name). The columns are what the staged file holds: a rule over
 * a column that is not there, or whose query does not fit, is judged an error, never passed. `targets`: those of its
 * relationships; NULL where it has none. */
bool check_compile(struct arena *mem, const struct contract_table *table, str view,
                   const struct job_columns *columns, const struct check_targets *targets,
                   struct check_plan *out);

/* For rows that are too dear to be read twice. While they are read, what each row is to the plan's fused counts is kept as the bits of one
 * number: `expression_out`, a UBIGINT over a row of the table. The plan's SELECTs are changed to count these numbers, which stand in
 * `column` of the view, and `columns_out` are the columns that its own other SELECTs read there beside. False, with nothing changed, where
 * the counts cannot be told so. */
bool check_flag(struct arena *mem, struct check_plan *plan, str view, str column,
                str *expression_out, struct str_list *columns_out);

/* Rules that could never be asked, by the contract alone: errors where they would reject every run, warnings else. */
void check_contract(struct arena *mem, const struct contract *contract, struct report *report);

/* Which rows of its table a rule fails on, as a condition over a row whose columns have their own names. */
struct check_predicate {
    str test; /* true for a row that fails; false or null for others */
    bool
        is_window; /* it holds a window function, so that it stands in QUALIFY or in the list of a SELECT, not in WHERE */
    str problem;   /* why there is none */
};

/* False for a rule that speaks of no row (rowCount, sql, text), or that cannot be asked. Where a rule is about elements of an array,
 * a row fails when one of them does. Of rows that are equal all but one fail. `target`: of a relationship. */
bool check_predicate(struct arena *mem, const struct contract_rule *rule,
                     const struct job_columns *columns, const struct check_target *target,
                     struct check_predicate *out);

/* The values by which such a rule compares rows, as expressions over a row. False where it cannot be asked. */
bool check_keys(struct arena *mem, const struct contract_rule *rule,
                const struct job_columns *columns, struct str_list *out);

struct check_result {
    const struct contract_rule *rule;
    enum verdict verdict;
    str expected; /* "nullValues of email must be less than 1 percent" */
    str found;    /* "3.2 percent" */
    uint64_t rows, rows_failed;
    bool has_rows_failed;      /* rules that count rows */
    uint64_t rows_quarantined; /* of those that fail: put beside the release by who judged */
    str message;               /* one line for people: rule, expected, found, share of rows */
    int64_t checked_us;        /* 0: now; else it is the verdict of an earlier time */
};

/* `answers`: for each select its row as a list of scalars (rows format), or NULL with `errors[i]` when it failed. */
void check_judge(struct arena *mem, const struct check_plan *plan,
                 const struct tree *const *answers, const str *errors,
                 struct check_result **verdicts_out, size_t *len_out);

/* The verdict `error` of a rule that could not be asked. */
void check_unanswered(struct arena *mem, const struct contract_rule *rule, str problem,
                      struct check_result *out);

/* Facts of one file, exact, by a few SELECTs of one row each, asked one after the other:
 *
 *     struct check_facts *facts = check_facts_new(mem, view, columns, rows);
 *     while (check_facts_next(facts, &text)) { row = ask(text); check_facts_take(facts, row) … }
 *
 * A look at some rows, and where these are not all at all rows, tells which columns may have few values: only these are listed. Of few
 * rows, many columns of one type are read by one SELECT that tells all. */
struct check_fact {
    uint32_t column_id;
    bool
        has_range; /* not for nested types, JSON, BLOB, INTERVAL; not with NaN; not for bounds over 256 bytes */
    str low, high; /* CAST(text AS type) gives the value again */
    uint64_t nulls;
    bool has_values; /* all distinct values but null: at most FACT_VALUES_MAX, and at most 4 kB */
    struct str_list values; /* in the order of their texts */
};
struct check_facts;
/* `rows`: how many the file should have. What is told does not depend on it, only what it takes. */
struct check_facts *check_facts_new(struct arena *mem, str view, const struct job_columns *columns,
                                    uint64_t rows);
/* The next SELECT; false when all is known. */
bool check_facts_next(struct check_facts *facts, str *text_out);
/* The columns that it reads, until the next: a view of these takes less to bind than one of all. */
const struct job_columns *check_facts_columns(struct check_facts *facts);
/* Its row; false when it does not have the shape. */
bool check_facts_take(struct check_facts *facts, const struct tree *row);
/* A fact for each column, in their order, and the number of rows. */
struct check_fact *check_facts_list(const struct check_facts *facts, uint64_t *rows_out);

#endif
