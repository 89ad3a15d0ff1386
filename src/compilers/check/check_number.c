/* Decimal numbers of any length, so that no verdict hangs on a rounding. */
#include <string.h>

#include "check/check_inside.h"

/* Powers of ten past this are none that a contract or an engine writes. */
enum { EXPONENT_MAX = 100000, PLACES_LEAST = 2, PLACES_MOST = 12 };

__extension__ typedef unsigned __int128 wide;

static size_t digits_at(str text, size_t at)
{
    size_t len = 0;
    while (at + len < text.len && text.ptr[at + len] >= '0' && text.ptr[at + len] <= '9')
        len++;
    return len;
}

static bool read_exponent(str text, size_t at, int64_t *out)
{
    *out = 0;
    if (at == text.len)
        return true;
    if (text.ptr[at] != 'e' && text.ptr[at] != 'E')
        return false;
    at++;
    if (at < text.len && text.ptr[at] == '+')
        at++;
    if (!digits_at(text, at + (at < text.len && text.ptr[at] == '-')))
        return false;
    return str_to_i64(str_from(text, at), out) && *out >= -EXPONENT_MAX && *out <= EXPONENT_MAX;
}

/* Zeros at either end say nothing: 0.50 is 0.5, and 007 is 7. */
static void trim_zeros(struct check_number *number)
{
    while (number->digits.len && number->digits.ptr[0] == '0') {
        number->digits = str_from(number->digits, 1);
        number->point--;
    }
    while (number->digits.len && number->digits.ptr[number->digits.len - 1] == '0')
        number->digits.len--;
    if (!number->digits.len)
        *number = (struct check_number){0};
}

bool check_number_read(struct arena *mem, str text, struct check_number *out)
{
    size_t at = text.len && (text.ptr[0] == '-' || text.ptr[0] == '+');
    size_t whole = digits_at(text, at), part = 0, start = at;
    int64_t exponent;
    at += whole;
    if (at < text.len && text.ptr[at] == '.') {
        part = digits_at(text, at + 1);
        at += 1 + part;
    }
    if (!(whole + part) || !read_exponent(text, at, &exponent))
        return false;
    *out = (struct check_number){
        .is_negative = text.ptr[0] == '-',
        .digits = arena_format(mem, STR_FMT STR_FMT, STR_ARG(str_sub(text, start, whole)),
                               STR_ARG(part ? str_sub(text, start + whole + 1, part) : STR_NONE)),
        .point = (int64_t)whole + exponent,
    };
    trim_zeros(out);
    return true;
}

static int compare_sizes(const struct check_number *a, const struct check_number *b)
{
    if (!a->digits.len || !b->digits.len)
        return (a->digits.len > 0) - (b->digits.len > 0);
    if (a->point != b->point)
        return a->point < b->point ? -1 : 1;
    return str_compare(a->digits, b->digits);
}

int check_number_compare(const struct check_number *a, const struct check_number *b)
{
    if (a->is_negative != b->is_negative)
        return a->is_negative ? -1 : 1;
    int order = compare_sizes(a, b);
    return a->is_negative ? -order : order;
}

size_t check_number_places(const struct check_number *number)
{
    int64_t places = (int64_t)number->digits.len - number->point;
    return number->digits.len && places > 0 ? (size_t)places : 0;
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

str check_number_round(struct arena *mem, const struct check_number *number, int64_t places,
                       bool up)
{
    /* The digits of number * 10^places, cut off behind the point. */
    int64_t len = number->digits.len ? number->point + places : 0;
    struct buf *b = buf_new(mem, EXPONENT_MAX * 2);
    bool is_cut = (int64_t)number->digits.len > len;
    buf_add_byte(b, '0');
    for (int64_t i = 0; i < len; i++)
        buf_add_byte(b, i < (int64_t)number->digits.len ? number->digits.ptr[i] : '0');
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

struct check_number check_percent(struct arena *mem, uint64_t count, uint64_t rows, size_t places)
{
    struct check_number number = {0};
    if (!rows)
        return number;
    wide hundred = (wide)count * 100;
    struct buf *b = buf_new(mem, places + 64);
    buf_format(b, "%llu", (unsigned long long)(hundred / rows));
    number.point = (int64_t)b->len;
    wide rest = hundred % rows;
    for (size_t i = 0; i < places; i++) {
        rest *= 10;
        buf_add_byte(b, (char)('0' + (int)(rest / rows)));
        rest %= rows;
    }
    /* Whatever comes after, it is more than nothing. */
    if (rest)
        buf_add_byte(b, '1');
    number.digits = buf_str(b);
    trim_zeros(&number);
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

static bool misleads(struct arena *mem, str text, const struct check_number *exact,
                     const struct check_number *other)
{
    struct check_number shown;
    return check_number_read(mem, text, &shown) && check_number_compare(&shown, other) == 0
        && check_number_compare(exact, other) != 0;
}

str check_percent_text(struct arena *mem, uint64_t count, uint64_t rows,
                       const struct check_number *bounds, size_t len)
{
    const struct check_number none = {0}, all = {.digits = STR("1"), .point = 3};
    str text = STR("0");
    bool is_misleading = rows > 0;
    for (int places = PLACES_LEAST; is_misleading && places <= PLACES_MOST; places++) {
        struct check_number exact;
        text = rounded_text(mem, count, rows, places);
        exact = check_percent(mem, count, rows, PLACES_MOST);
        is_misleading = misleads(mem, text, &exact, &none) || misleads(mem, text, &exact, &all);
        for (size_t i = 0; i < len; i++) {
            size_t needed = check_number_places(&bounds[i]);
            exact = check_percent(mem, count, rows, needed > PLACES_MOST ? needed : PLACES_MOST);
            is_misleading = is_misleading || misleads(mem, text, &exact, &bounds[i]);
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
