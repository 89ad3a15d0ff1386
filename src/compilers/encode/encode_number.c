#include "encode/encode_inside.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned __int128 u128;

enum { DIGITS_64_MAX = 20, DIGITS_128_MAX = 40 };

static const char PAIRS[] = "0001020304050607080910111213141516171819202122232425262728293031323334"
                            "3536373839404142434445464748"
                            "4950515253545556575859606162636465666768697071727374757677787980818283"
                            "84858687888990919293949596"
                            "979899";

/* Digits in front of `end`; gives where they start. */
static char *digits_before(char *end, uint64_t value)
{
    while (value >= 100) {
        end -= 2;
        memcpy(end, PAIRS + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        end -= 2;
        memcpy(end, PAIRS + value * 2, 2);
    } else {
        *--end = (char)('0' + value);
    }
    return end;
}

static char *wide_digits_before(char *end, u128 value)
{
    /* 19 digits at a time: a division of 128 bits is slow. */
    const uint64_t chunk = 10000000000000000000u;
    while (value > UINT64_MAX) {
        char *start = end - 19;
        char *at = digits_before(end, (uint64_t)(value % chunk));
        while (at > start)
            *--at = '0';
        end = start;
        value /= chunk;
    }
    return digits_before(end, (uint64_t)value);
}

static void add_digits(struct buf *out, const char *start, const char *end)
{
    buf_add(out, (str){start, (size_t)(end - start)});
}

void encode_u64(struct buf *out, uint64_t value)
{
    char text[DIGITS_64_MAX + 1];
    char *end = text + sizeof text;
    add_digits(out, digits_before(end, value), end);
}

void encode_i64(struct buf *out, int64_t value)
{
    char text[DIGITS_64_MAX + 1];
    char *end = text + sizeof text;
    char *at = digits_before(end, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    if (value < 0)
        *--at = '-';
    add_digits(out, at, end);
}

static u128 magnitude(struct batch_wide value, bool *negative)
{
    u128 bits = (u128)value.upper << 64 | value.lower;
    *negative = value.upper >> 63;
    return *negative ? 0 - bits : bits;
}

static void add_wide(struct buf *out, u128 value, bool negative)
{
    char text[DIGITS_128_MAX + 1];
    char *end = text + sizeof text;
    char *at = wide_digits_before(end, value);
    if (negative)
        *--at = '-';
    add_digits(out, at, end);
}

void encode_i128(struct buf *out, struct batch_wide value)
{
    bool negative;
    u128 bits = magnitude(value, &negative);
    add_wide(out, bits, negative);
}

void encode_u128(struct buf *out, struct batch_wide value)
{
    add_wide(out, (u128)value.upper << 64 | value.lower, false);
}

void encode_decimal(struct buf *out, struct batch_wide value, unsigned scale)
{
    bool negative;
    u128 bits = magnitude(value, &negative);
    if (!scale || scale > 38) {
        add_wide(out, bits, negative);
        return;
    }
    char text[DIGITS_128_MAX + 4];
    char *end = text + sizeof text;
    char *at = wide_digits_before(end, bits);
    /* At least one digit stands before the point. */
    while (end - at <= (ptrdiff_t)scale)
        *--at = '0';
    size_t whole = (size_t)(end - at) - scale;
    memmove(at - 1, at, whole);
    at--;
    at[whole] = '.';
    if (negative)
        *--at = '-';
    add_digits(out, at, end);
}

/* ---- floating point: the shortest text that reads back as the same value */

static const double POWERS[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
enum { POWER_COUNT = sizeof POWERS / sizeof *POWERS };

/* Few decimals are the common case. With at most `digits` digits in all, n / 10^k is the nearest double to its decimal text,
 * and no two such texts share a double: the first k that gives the value back is its shortest text. */
static bool add_short(struct buf *out, double value, double most, bool single)
{
    double size = fabs(value);
    if (!(size < most) || (size != 0 && size < 1e-4))
        return false;
    for (int k = 0; k < POWER_COUNT; k++) {
        double scaled = size * POWERS[k];
        if (scaled >= most)
            return false;
        double n = nearbyint(scaled);
        double back = n / POWERS[k];
        if (single ? (float)back != (float)size : back != size)
            continue;
        struct batch_wide wide = {(uint64_t)n, 0};
        if (signbit(value))
            buf_add_byte(out, '-');
        encode_decimal(out, wide, (unsigned)k);
        if (k == 0)
            buf_add(out, STR(".0"));
        return true;
    }
    return false;
}

/* Digits d.ddd with an exponent of ten, laid out as people write numbers, or with the exponent where that would be long. */
static void add_layout(struct buf *out, const char *digits, int len, int exponent)
{
    const int fixed_least = -4, fixed_most = 16;
    if (exponent < fixed_least || exponent >= fixed_most) {
        buf_add_byte(out, digits[0]);
        if (len > 1)
            buf_add_byte(out, '.');
        buf_add(out, (str){digits + 1, (size_t)(len - 1)});
        buf_format(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
        return;
    }
    if (exponent < 0)
        buf_add(out, STR("0."));
    for (int i = -1; i > exponent; i--)
        buf_add_byte(out, '0');
    for (int i = 0; i < len || i <= exponent; i++) {
        buf_add_byte(out, i < len ? digits[i] : '0');
        if (i == exponent)
            buf_add_byte(out, '.');
    }
    /* A reader should see that it is no integer. */
    if (len - 1 <= exponent)
        buf_add_byte(out, '0');
}

static void add_general(struct buf *out, double value, int digits, int digits_max, bool single)
{
    char text[40];
    for (; digits <= digits_max; digits++) {
        snprintf(text, sizeof text, "%.*e", digits - 1, fabs(value));
        if (single ? strtof(text, NULL) == fabsf((float)value) : strtod(text, NULL) == fabs(value))
            break;
    }
    char *mark = strchr(text, 'e');
    int exponent = (int)strtol(mark + 1, NULL, 10);
    /* The first digit, then those behind the point, without zeros at the end. */
    int len = 1;
    for (const char *at = text + 1; at < mark; at++)
        if (*at >= '0' && *at <= '9')
            text[len++] = *at;
    while (len > 1 && text[len - 1] == '0')
        len--;
    if (signbit(value))
        buf_add_byte(out, '-');
    add_layout(out, text, len, exponent);
}

bool encode_f64(struct buf *out, double value)
{
    if (!isfinite(value))
        return false;
    if (!add_short(out, value, 1e15, false))
        add_general(out, value, fabs(value) < DBL_MIN ? 1 : 15, 17, false);
    return true;
}

bool encode_f32(struct buf *out, float value)
{
    if (!isfinite(value))
        return false;
    if (!add_short(out, (double)value, 1e6, true))
        add_general(out, (double)value, fabsf(value) < FLT_MIN ? 1 : 6, 9, true);
    return true;
}

/* ---- integers of any length */

void encode_bignum(struct buf *out, str bytes)
{
    enum { HEADER_BYTES = 3 };
    if (bytes.len <= HEADER_BYTES) {
        buf_add_byte(out, '0');
        return;
    }
    bool negative = !((unsigned char)bytes.ptr[0] & 0x80);
    size_t len = bytes.len - HEADER_BYTES;
    /* Divided by 10^9 again and again, from the most significant byte down; digits appear in reverse. */
    struct buf work;
    struct buf digits;
    buf_init(&work, len);
    buf_init(&digits, len * 3 + 16);
    unsigned char *at = (unsigned char *)buf_room(&work, len);
    for (size_t i = 0; i < len; i++)
        at[i] =
            (unsigned char)(negative ? ~bytes.ptr[HEADER_BYTES + i] : bytes.ptr[HEADER_BYTES + i]);
    size_t first = 0;
    while (first < len && !at[first])
        first++;
    while (first < len) {
        uint64_t rest = 0;
        for (size_t i = first; i < len; i++) {
            rest = rest << 8 | at[i];
            at[i] = (unsigned char)(rest / 1000000000);
            rest %= 1000000000;
        }
        while (first < len && !at[first])
            first++;
        for (int i = 0; i < 9 && (first < len || rest); i++) {
            buf_add_byte(&digits, (char)('0' + rest % 10));
            rest /= 10;
        }
    }
    if (digits.len && negative)
        buf_add_byte(out, '-');
    if (!digits.len)
        buf_add_byte(out, '0');
    for (size_t i = digits.len; i-- > 0;)
        buf_add_byte(out, digits.ptr[i]);
    buf_free(&work);
    buf_free(&digits);
}
