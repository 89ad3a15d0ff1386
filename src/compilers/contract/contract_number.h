/* Decimal numbers as contracts write them, compared without a rounding. Pure. */
#ifndef WEFT_CONTRACT_NUMBER_H
#define WEFT_CONTRACT_NUMBER_H

#include "str/str.h"

struct contract_number {
    int infinite; /* -1 below and 1 above all numbers */
    bool is_negative;
    str whole,
        part; /* digits before and behind the point as written, from the first to the last that is not 0; zero has none */
    int64_t
        point; /* how many digits stand before the point, counted from that one, with the exponent */
};

/* The whole text must be the number. It is borrowed. */
bool contract_number_read(str text, struct contract_number *out);
/* How many digits it has from the first to the last that is not 0, and one of them, counted from 0: zeros go on for ever behind
 * the last. */
size_t contract_number_len(const struct contract_number *number);
char contract_number_digit(const struct contract_number *number, size_t at);
/* Negative, zero or positive. */
int contract_number_compare(const struct contract_number *a, const struct contract_number *b);
/* Positive where `now` is more than `before`; false where one is no number. */
bool contract_number_order(str before, str now, int *order_out);

#endif
