#include "contract/contract_number.h"

#include "contract/contract_inside.h"

static bool is_zero(const struct contract_number *number)
{
    return !number->whole.len && !number->part.len;
}

static str without_zeros(str digits)
{
    while (digits.len && digits.ptr[0] == '0')
        digits = str_from(digits, 1);
    return digits;
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
        .is_negative = text.ptr[0] == '-', .whole = without_zeros(whole), .part = part};
    if (!out->whole.len)
        out->part = without_zeros(part);
    out->point = (int64_t)out->whole.len - (int64_t)(part.len - out->part.len) + exponent;
    out->is_negative = out->is_negative && !is_zero(out);
    return true;
}

/* As if zeros went on for ever behind the last digit. */
static char digit_at(const struct contract_number *number, size_t at)
{
    if (at < number->whole.len)
        return number->whole.ptr[at];
    at -= number->whole.len;
    return at < number->part.len ? number->part.ptr[at] : '0';
}

static int compare_sizes(const struct contract_number *a, const struct contract_number *b)
{
    size_t a_len = a->whole.len + a->part.len, b_len = b->whole.len + b->part.len;
    if (is_zero(a) || is_zero(b))
        return is_zero(b) - is_zero(a);
    if (a->point != b->point)
        return a->point < b->point ? -1 : 1;
    for (size_t i = 0; i < a_len || i < b_len; i++)
        if (digit_at(a, i) != digit_at(b, i))
            return digit_at(a, i) < digit_at(b, i) ? -1 : 1;
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
