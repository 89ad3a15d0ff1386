#include "contract/contract_number.h"

#include "contract/contract_inside.h"

size_t contract_number_len(const struct contract_number *number)
{
    return number->whole.len + number->part.len;
}

char contract_number_digit(const struct contract_number *number, size_t at)
{
    if (at < number->whole.len)
        return number->whole.ptr[at];
    at -= number->whole.len;
    return at < number->part.len ? number->part.ptr[at] : '0';
}

static str without_zeros(str digits)
{
    while (digits.len && digits.ptr[0] == '0')
        digits = str_from(digits, 1);
    return digits;
}

static str without_last_zeros(str digits)
{
    while (digits.len && digits.ptr[digits.len - 1] == '0')
        digits.len--;
    return digits;
}

/* Zeros at either end say nothing: 0.50 is 0.5, and 007 is 7. */
static void trim_zeros(struct contract_number *number)
{
    size_t len = number->part.len;
    number->whole = without_zeros(number->whole);
    if (!number->whole.len)
        number->part = without_zeros(number->part);
    number->point += (int64_t)number->whole.len - (int64_t)(len - number->part.len);
    number->part = without_last_zeros(number->part);
    if (!number->part.len)
        number->whole = without_last_zeros(number->whole);
    if (!contract_number_len(number))
        *number = (struct contract_number){0};
}

bool contract_number_read(str text, struct contract_number *out)
{
    if (!contract_is_decimal(text))
        return false;
    size_t at = text.ptr[0] == '-' || text.ptr[0] == '+';
    str whole = str_sub(text, at, str_digits_at(text, at)), part = STR_NONE;
    int64_t exponent = 0;
    at += whole.len;
    if (at < text.len && text.ptr[at] == '.') {
        part = str_sub(text, at + 1, str_digits_at(text, at + 1));
        at += 1 + part.len;
    }
    if (at < text.len) {
        at += 1 + (text.ptr[at + 1] == '+');
        if (!str_to_i64(str_from(text, at), &exponent))
            return false;
    }
    *out = (struct contract_number){
        .is_negative = text.ptr[0] == '-', .whole = whole, .part = part, .point = exponent};
    trim_zeros(out);
    return true;
}

static int compare_sizes(const struct contract_number *a, const struct contract_number *b)
{
    size_t a_len = contract_number_len(a), b_len = contract_number_len(b);
    if (!a_len || !b_len)
        return (a_len > 0) - (b_len > 0);
    if (a->point != b->point)
        return a->point < b->point ? -1 : 1;
    for (size_t i = 0; i < a_len || i < b_len; i++) {
        char x = contract_number_digit(a, i), y = contract_number_digit(b, i);
        if (x != y)
            return x < y ? -1 : 1;
    }
    return 0;
}

int contract_number_compare(const struct contract_number *a, const struct contract_number *b)
{
    if (a->infinite != b->infinite)
        return a->infinite < b->infinite ? -1 : 1;
    if (a->is_negative != b->is_negative)
        return a->is_negative ? -1 : 1;
    int order = compare_sizes(a, b);
    return a->is_negative ? -order : order;
}

bool contract_number_order(str before, str now, int *order_out)
{
    struct contract_number was, is;
    if (!contract_number_read(before, &was) || !contract_number_read(now, &is))
        return false;
    *order_out = contract_number_compare(&is, &was);
    return true;
}
