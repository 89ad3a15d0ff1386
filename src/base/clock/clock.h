/* Time and randomness, so that tests can set them. */
#ifndef WEFT_CLOCK_H
#define WEFT_CLOCK_H

#include "arena/arena.h"

/* Microseconds since 1970-01-01 UTC. WEFT_TEST_NOW (ISO 8601) shifts it. */
int64_t clock_now_us(void);
/* Milliseconds on a clock that never goes back. */
int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_us(void);
/* From the kernel; a failure stops the program. */
void clock_random(void *out, size_t len);
/* A UUID version 7 with its NUL. */
void clock_uuid(char out[37]);
/* `2026-11-22T10:47:24.123456Z`. */
str clock_text(struct arena *mem, int64_t now_us);
/* A date (`2027-01-01`, midnight UTC) or an ISO 8601 timestamp; false when it is neither. */
bool clock_parse(str text, int64_t *out_us);
/* The date of the Gregorian calendar that is so many days after 1970-01-01. */
void clock_date(int64_t days, int64_t *year_out, int *month_out, int *day_out);

#endif
