/* What verdicts say of exact numbers: rounded to one side only, and never to read like another. */
#include <string.h>

#include "check/check_inside.h"

/* DIGITS_MAX: more than a contract or an engine writes. */
enum { DIGITS_MAX = 200000, PLACES_LEAST = 2, PLACES_MOST = 12 };

__extension__ typedef unsigned __int128 wide;

size_t check_number_places(const struct contract_number *number)
{
    int64_t places = (int64_t)contract_number_len(number) - number->point;
    return places > 0 ? (size_t)places : 0;
}

/* Adds one to a text of digits. */
static str next_digits(struct arena *mem, str digits)
{
    char *next = arena_alloc(mem, digits.len + 1);
    size_t at = digits.len;
    memcpy(next + 1, digits.ptr, digits.len);
    next[0] = '0';
    while (next[at] == '9')
        next[at--] = '0';
    next[at]++;
    return next[0] == '0' ? (str){next + 1, digits.len} : (str){next, digits.len + 1};
}

str check_number_round(struct arena *mem, const struct contract_number *number, int64_t places,
                       bool up)
{
    /* The digits of number * 10^places, cut off behind the point. */
    int64_t len = contract_number_len(number) ? number->point + places : 0;
    struct buf *b = buf_new(mem, DIGITS_MAX);
    bool is_cut = (int64_t)contract_number_len(number) > len;
    buf_add_byte(b, '0');
    for (int64_t i = 0; i < len; i++)
        buf_add_byte(b, contract_number_digit(number, (size_t)i));
    str digits = buf_str(b);
    if (is_cut && up != number->is_negative)
        digits = next_digits(mem, digits);
    while ((int64_t)digits.len <= places)
        digits = arena_format(mem, "0" STR_FMT, STR_ARG(digits));
    while ((int64_t)digits.len > places + 1 && digits.ptr[0] == '0')
        digits = str_from(digits, 1);
    size_t whole = digits.len - (size_t)places;
    return arena_format(mem, "%s" STR_FMT "%s" STR_FMT, number->is_negative ? "-" : "",
                        STR_ARG(str_sub(digits, 0, whole)), places ? "." : "",
                        STR_ARG(str_from(digits, whole)));
}

struct contract_number check_percent(struct arena *mem, uint64_t count, uint64_t rows,
                                     size_t places)
{
    struct contract_number number = {0};
    if (!rows)
        return number;
    wide hundred = (wide)count * 100;
    struct buf *b = buf_new(mem, places + 64);
    buf_format(b, "%llu", (unsigned long long)(hundred / rows));
    buf_add_byte(b, '.');
    wide rest = hundred % rows;
    for (size_t i = 0; i < places; i++) {
        rest *= 10;
        buf_add_byte(b, (char)('0' + (int)(rest / rows)));
        rest %= rows;
    }
    /* Whatever comes after, it is more than nothing. */
    if (rest)
        buf_add_byte(b, '1');
    (void)contract_number_read(buf_str(b), &number);
    return number;
}

/* Rounded half up; zeros at the end are left out. */
static str rounded_text(struct arena *mem, uint64_t count, uint64_t rows, int places)
{
    wide unit = 1;
    for (int i = 0; i < places; i++)
        unit *= 10;
    wide value = ((wide)count * 100 * unit * 2 + rows) / ((wide)rows * 2);
    str text = arena_format(mem, "%llu.%0*llu", (unsigned long long)(value / unit), places,
                            (unsigned long long)(value % unit));
    while (text.len && text.ptr[text.len - 1] == '0')
        text.len--;
    if (text.len && text.ptr[text.len - 1] == '.')
        text.len--;
    return text;
}

static bool misleads(str text, const struct contract_number *exact,
                     const struct contract_number *other)
{
    struct contract_number shown;
    return contract_number_read(text, &shown) && contract_number_compare(&shown, other) == 0
        && contract_number_compare(exact, other) != 0;
}

str check_percent_text(struct arena *mem, uint64_t count, uint64_t rows,
                       const struct contract_number *bounds, size_t len)
{
    const struct contract_number none = {0}, all = {.whole = STR("1"), .point = 3};
    str text = STR("0");
    bool is_misleading = rows > 0;
    for (int places = PLACES_LEAST; is_misleading && places <= PLACES_MOST; places++) {
        struct contract_number exact;
        text = rounded_text(mem, count, rows, places);
        exact = check_percent(mem, count, rows, PLACES_MOST);
        is_misleading = misleads(text, &exact, &none) || misleads(text, &exact, &all);
        for (size_t i = 0; i < len; i++) {
            size_t needed = check_number_places(&bounds[i]);
            exact = check_percent(mem, count, rows, needed > PLACES_MOST ? needed : PLACES_MOST);
            is_misleading = is_misleading || misleads(text, &exact, &bounds[i]);
        }
    }
    return text;
}

str check_count_text(struct arena *mem, uint64_t count)
{
    str digits = arena_format(mem, "%llu", (unsigned long long)count);
    struct buf *b = buf_new(mem, 32);
    for (size_t i = 0; i < digits.len; i++) {
        if (i && (digits.len - i) % 3 == 0)
            buf_add_byte(b, ',');
        buf_add_byte(b, digits.ptr[i]);
    }
    return buf_str(b);
}
