/* Dates and times as text: patterns of Java's DateTimeFormatter, and moments that contracts name. Pure.
 *
 * Letters that are read: yyyy uuuu yy uu (year), MM M MMM MMMM (month, names in English), dd d (day), DDD (day of the year), EEE EEEE
 * (day of the week), HH H (hour, 0 to 23), hh h with a (hour, 1 to 12), mm m, ss s, S to SSSSSS (parts of a second), and at the end one
 * of one to three X, one to three x, Z (offset). Text stands between single quotes; signs and spaces stand for themselves. */
#ifndef WEFT_CONTRACT_TIME_H
#define WEFT_CONTRACT_TIME_H

#include "arena/arena.h"
#include "vec/vec.h"

enum contract_time_part {
    TIME_LITERAL,
    TIME_YEAR,
    TIME_SHORT_YEAR,
    TIME_MONTH,
    TIME_MONTH_NAME,
    TIME_DAY,
    TIME_YEAR_DAY,
    TIME_WEEKDAY_NAME,
    TIME_HOUR,
    TIME_HALF_HOUR,
    TIME_HALF,
    TIME_MINUTE,
    TIME_SECOND,
    TIME_FRACTION,
    TIME_OFFSET,
};

struct contract_time_token {
    enum contract_time_part part;
    uint32_t least, most; /* digits or letters */
    str text;             /* TIME_LITERAL */
};

struct contract_time_pattern {
    struct {
        VEC_OF(struct contract_time_token)
    } tokens;
    bool has_date, has_time, has_offset;
    str regex;    /* the engine's: matches the whole of a text that is spelled so */
    str strptime; /* the engine's: reads it; what Z stands for has to be +00:00 */
};

/* False with a problem for people. */
bool contract_time_pattern(struct arena *mem, str text, struct contract_time_pattern *out,
                           str *problem_out);

/* A moment, with what its text does not say as the first of its kind. */
struct contract_moment {
    int64_t
        us; /* since 1970, in its own offset where it has one taken off; of a time: since midnight */
    bool has_date, has_time, has_offset;
};

/* `2024-01-31`, `2024-01-31T10:15:00.5Z`, `10:15+02:00`: ISO 8601. */
bool contract_time_iso(str text, struct contract_moment *out);
/* By a pattern. */
bool contract_time_read(const struct contract_time_pattern *pattern, str text,
                        struct contract_moment *out);
/* Negative, zero or positive as `a` is earlier than `b`. False where one of them alone has a date, or an offset. */
bool contract_time_order(const struct contract_moment *a, const struct contract_moment *b,
                         int *order_out);
/* `2024-01-31 10:15:00`, with parts of the second where there are any, or the date or the time alone: in UTC where it has an offset. */
str contract_time_text(struct arena *mem, const struct contract_moment *moment);

#endif
