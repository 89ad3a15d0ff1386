#include "scan/csv_scan.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum {
    WINDOW_BYTES = 64,
    WORD_BYTES = 8,
    WHOLE_DIGITS_MAX = 19,
    DECIMAL_DIGITS_MAX = 18,
    EXACT_DIGITS =
        15, /* of a double: such a number, and a power of ten up to 22, are doubles themselves */
    EXACT_PLACES = 22,
    REAL_BYTES_MAX = 60,
    DAY_SECONDS = 86400,
};

static const struct {
    const char *name;
    uint64_t low, high;
} wholes[] = {
    {"TINYINT", 128, 127},
    {"SMALLINT", 32768, 32767},
    {"INTEGER", 2147483648, 2147483647},
    {"BIGINT", 9223372036854775808u, 9223372036854775807u},
    {"UTINYINT", 0, 255},
    {"USMALLINT", 0, 65535},
    {"UINTEGER", 0, 4294967295},
    {"UBIGINT", 0, 18446744073709551615u},
};

static const struct {
    const char *name;
    enum csv_kind kind;
} plain[] = {
    {"VARCHAR", CSV_TEXT},        {"DOUBLE", CSV_DOUBLE},   {"DATE", CSV_DATE},
    {"TIMESTAMP", CSV_TIMESTAMP}, {"BOOLEAN", CSV_BOOLEAN},
};

static bool read_decimal_type(str type, struct csv_type *out)
{
    str inside, precision, scale;
    uint64_t digits, places;
    if (!str_starts(type, STR("DECIMAL(")) || !str_ends(type, STR(")")))
        return false;
    inside = str_sub(type, 8, type.len - 9);
    if (!str_cut(inside, ',', &precision, &scale) || !str_to_u64(str_trim(precision), &digits)
        || !str_to_u64(str_trim(scale), &places) || digits > DECIMAL_DIGITS_MAX || places > digits)
        return false;
    *out = (struct csv_type){.kind = CSV_DECIMAL, .high = 1, .scale = (unsigned)places};
    for (uint64_t i = 0; i < digits; i++)
        out->high *= 10;
    out->high--;
    return true;
}

bool csv_type_read(str type, struct csv_type *out)
{
    for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++)
        if (str_eq(type, str_of(wholes[i].name))) {
            *out = (struct csv_type){CSV_WHOLE, wholes[i].low, wholes[i].high, 0};
            return true;
        }
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (str_eq(type, str_of(plain[i].name))) {
            *out = (struct csv_type){.kind = plain[i].kind};
            return true;
        }
    return read_decimal_type(type, out);
}

bool csv_lines_begin(struct csv_lines *lines, str delimiter)
{
    static const char other[] = "\n\r\"";
    memset(lines->stops, 0, sizeof lines->stops);
    for (size_t i = 0; i < sizeof other; i++) /* the NUL at its end, too */
        lines->stops[(unsigned char)other[i]] = true;
    if (delimiter.len != 1 || lines->stops[(unsigned char)*delimiter.ptr]
        || (unsigned char)*delimiter.ptr >= 0x80)
        return false;
    lines->delimiter = *delimiter.ptr;
    lines->stops[(unsigned char)lines->delimiter] = true;
    return true;
}

size_t csv_lines_whole(str bytes, bool *is_crlf_out)
{
    size_t whole = 0;
    bool is_quoted = false;
    const char *first = memchr(bytes.ptr, '\n', bytes.len);
    *is_crlf_out = first && first > bytes.ptr && first[-1] == '\r';
    if (!memchr(bytes.ptr, '"', bytes.len)) {
        const char *last = memrchr(bytes.ptr, '\n', bytes.len);
        return last ? (size_t)(last - bytes.ptr) + 1 : 0;
    }
    for (size_t i = 0; i < bytes.len; i++) {
        is_quoted = is_quoted != (bytes.ptr[i] == '"');
        if (bytes.ptr[i] == '\n' && !is_quoted)
            whole = i + 1;
    }
    return whole;
}

/* ---- where values end */

/* Found for many values at once, so that reading one does not wait for the one before. */
struct window {
    const char *begun, *end;
    uint64_t stops; /* a bit for each byte, the lowest for the first: where a value may end */
    bool is_ascii;  /* all of the line, as far as it has been seen */
};

#ifdef __SSE2__
typedef unsigned char sixteen __attribute__((vector_size(16)));

static uint64_t top_bits(sixteen bytes)
{
    typedef char of_builtin __attribute__((vector_size(16)));
    return (unsigned)__builtin_ia32_pmovmskb128((of_builtin)bytes);
}

static uint64_t stops_of(const struct csv_lines *lines, const char *bytes, bool *is_ascii_out)
{
    sixteen part, all = {0};
    uint64_t stops = 0;
#pragma GCC unroll 4
    for (unsigned i = 0; i < WINDOW_BYTES; i += sizeof part) {
        memcpy(&part, bytes + i, sizeof part);
        /* Some of those below 14 are no stops. */
        stops |= top_bits((sixteen)((part == (unsigned char)lines->delimiter) | (part == '"')
                                    | (part < '\r' + 1)))
              << i;
        all |= part;
    }
    *is_ascii_out = !top_bits(all);
    return stops;
}
#else
static uint64_t stops_of(const struct csv_lines *lines, const char *bytes, bool *is_ascii_out)
{
    unsigned char all = 0;
    uint64_t stops = 0;
    for (unsigned i = 0; i < WINDOW_BYTES; i++) {
        stops |= (uint64_t)lines->stops[(unsigned char)bytes[i]] << i;
        all |= (unsigned char)bytes[i];
    }
    *is_ascii_out = all < 0x80;
    return stops;
}
#endif

static void look_from(struct window *w, const struct csv_lines *lines, const char *from)
{
    size_t left = (size_t)(w->end - from);
    bool is_ascii;
    w->begun = from;
    if (left < WINDOW_BYTES) {
        char rest[WINDOW_BYTES] = {0};
        memcpy(rest, from, left);
        w->stops = stops_of(lines, rest, &is_ascii);
    } else {
        w->stops = stops_of(lines, from, &is_ascii);
    }
    w->is_ascii = w->is_ascii && is_ascii;
}

static char *find_stop(struct window *w, const struct csv_lines *lines, char *from)
{
    for (;;) {
        size_t passed = (size_t)(from - w->begun);
        if (passed >= WINDOW_BYTES) {
            look_from(w, lines, from);
            passed = 0;
        }
        uint64_t stops = w->stops >> passed;
        from += stops ? (size_t)__builtin_ctzll(stops) : WINDOW_BYTES - passed;
        if (stops && lines->stops[(unsigned char)*from])
            return from;
        from += stops != 0;
    }
}

/* ---- values */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits from `*at` on, at most `most`. */
static uint64_t read_digits(str text, size_t *at, size_t most)
{
    uint64_t number = 0;
    for (size_t end = *at + most; *at < text.len && *at < end && is_digit(text.ptr[*at]); ++*at)
        number = number * 10 + (uint64_t)(text.ptr[*at] - '0');
    return number;
}

static bool read_whole(const struct csv_type *type, str text, int64_t *out)
{
    bool is_negative = text.len && text.ptr[0] == '-';
    size_t at = is_negative, begun = at;
    uint64_t number = read_digits(text, &at, WHOLE_DIGITS_MAX);
    if (at == begun || at < text.len || number > (is_negative ? type->low : type->high))
        return false;
    *out = (int64_t)(is_negative ? 0 - number : number);
    return true;
}

static bool read_decimal(const struct csv_type *type, str text, int64_t *out)
{
    bool is_negative = text.len && text.ptr[0] == '-';
    size_t at = is_negative, begun = at;
    uint64_t number = read_digits(text, &at, DECIMAL_DIGITS_MAX);
    unsigned places = 0;
    if (at == begun)
        return false;
    if (at < text.len && text.ptr[at] == '.') {
        at++;
        for (; at < text.len && is_digit(text.ptr[at]) && places < type->scale; at++, places++) {
            if (number > type->high)
                return false;
            number = number * 10 + (uint64_t)(text.ptr[at] - '0');
        }
        if (!places)
            return false;
    }
    if (at < text.len)
        return false;
    for (; places < type->scale; places++) {
        if (number > type->high)
            return false;
        number *= 10;
    }
    if (number > type->high)
        return false;
    *out = (int64_t)(is_negative ? 0 - number : number);
    return true;
}

/* `[-]digits[.digits][e[+-]digits]`: how many digits there are, and how many of them behind the point. */
static bool is_real(str text, size_t *digits_out, size_t *places_out, bool *has_power_out)
{
    size_t at = text.len && text.ptr[0] == '-', begun = at;
    while (at < text.len && is_digit(text.ptr[at]))
        at++;
    *digits_out = at - begun;
    *places_out = 0;
    if (!*digits_out)
        return false;
    if (at < text.len && text.ptr[at] == '.') {
        begun = ++at;
        while (at < text.len && is_digit(text.ptr[at]))
            at++;
        *places_out = at - begun;
        *digits_out += *places_out;
        if (!*places_out)
            return false;
    }
    *has_power_out = at < text.len && (text.ptr[at] == 'e' || text.ptr[at] == 'E');
    if (*has_power_out) {
        at++;
        at += at < text.len && (text.ptr[at] == '-' || text.ptr[at] == '+');
        begun = at;
        while (at < text.len && is_digit(text.ptr[at]))
            at++;
        if (at == begun)
            return false;
    }
    return at == text.len;
}

static bool read_double(str text, double *out)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    char copy[REAL_BYTES_MAX + 1];
    size_t digits, places, at;
    bool has_power;
    if (text.len > REAL_BYTES_MAX || !is_real(text, &digits, &places, &has_power))
        return false;
    if (!has_power && digits <= EXACT_DIGITS && places <= EXACT_PLACES) {
        bool is_negative = text.ptr[0] == '-';
        at = is_negative;
        uint64_t number = read_digits(text, &at, EXACT_DIGITS);
        at += places > 0;
        for (size_t i = 0; i < places; i++)
            number = number * 10 + (uint64_t)(text.ptr[at + i] - '0');
        *out = (double)number / powers[places];
        *out = is_negative ? -*out : *out;
        return true;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *out = strtod(copy, NULL);
    return *out <= 1.7976931348623157e308 && *out >= -1.7976931348623157e308;
}

static bool read_day(int64_t year, int64_t month, int64_t day, int64_t *out)
{
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || month < 1 || month > 12 || day < 1)
        return false;
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (day > 28 && day > lengths[month - 1] + (is_leap && month == 2))
        return false;
    /* Years that begin in March have their odd day last. */
    int64_t from_march = month > 2 ? month - 3 : month + 9, years = year - (month <= 2);
    int64_t days = (153 * from_march + 2) / 5 + day - 1;
    *out = 365 * years + years / 4 - years / 100 + years / 400 + days - 719468;
    return true;
}

static bool read_date(str text, int64_t *out)
{
    size_t at = 0;
    if (text.len != 10 || text.ptr[4] != '-' || text.ptr[7] != '-')
        return false;
    int64_t year = (int64_t)read_digits(text, &at, 4);
    if (at++ != 4)
        return false;
    int64_t month = (int64_t)read_digits(text, &at, 2);
    if (at++ != 7)
        return false;
    int64_t day = (int64_t)read_digits(text, &at, 2);
    return at == 10 && read_day(year, month, day, out);
}

static bool read_timestamp(str text, int64_t *out)
{
    int64_t days;
    size_t at = 11;
    if (text.len < 19 || !read_date(str_sub(text, 0, 10), &days)
        || (text.ptr[10] != ' ' && text.ptr[10] != 'T') || text.ptr[13] != ':'
        || text.ptr[16] != ':')
        return false;
    uint64_t hour = read_digits(text, &at, 2);
    if (at++ != 13)
        return false;
    uint64_t minute = read_digits(text, &at, 2);
    if (at++ != 16)
        return false;
    uint64_t second = read_digits(text, &at, 2), part = 0;
    if (at != 19 || hour > 23 || minute > 59 || second > 59)
        return false;
    if (text.len > 19) {
        at++;
        part = read_digits(text, &at, 6);
        if (text.ptr[19] != '.' || at == 20 || at < text.len)
            return false;
        for (size_t places = at - 20; places < 6; places++)
            part *= 10;
    }
    int64_t seconds = days * DAY_SECONDS + (int64_t)(hour * 3600 + minute * 60 + second);
    *out = seconds * 1000000 + (int64_t)part;
    return true;
}

static bool read_boolean(str text, int64_t *out)
{
    *out = str_eq(text, STR("true"));
    return *out || str_eq(text, STR("false"));
}

static bool is_ascii(str text)
{
    unsigned char all = 0;
    for (size_t i = 0; i < text.len; i++)
        all |= (unsigned char)text.ptr[i];
    return all < 0x80;
}

static bool read_value(const struct csv_type *type, str text, struct csv_value *out)
{
    switch (type->kind) {
    case CSV_TEXT:
        out->text = text;
        return is_ascii(text) || str_is_utf8(text);
    case CSV_WHOLE:
        return read_whole(type, text, &out->number);
    case CSV_DECIMAL:
        return read_decimal(type, text, &out->number);
    case CSV_DOUBLE:
        return read_double(text, &out->real);
    case CSV_DATE:
        return read_date(text, &out->number);
    case CSV_TIMESTAMP:
        return read_timestamp(text, &out->number);
    case CSV_BOOLEAN:
        return read_boolean(text, &out->number);
    }
    return false;
}

/* ---- the most usual spellings, a word at a time; of the others nothing is said */

#define ALL_BYTES(c) (0x0101010101010101u * (uint64_t)(c))

/* The first byte is the lowest. */
static uint64_t load_word(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return le64toh(word);
}

static bool are_digits(uint64_t word)
{
    uint64_t tops = ALL_BYTES(0x80);
    return !((((word & ~tops) + ALL_BYTES(0x80 - 10)) | word) & tops);
}

/* Of one to eight digits. Reads a word, whatever stands behind them. */
static bool quick_digits(const char *p, size_t len, uint64_t *out)
{
    uint64_t word = (load_word(p) ^ ALL_BYTES('0')) << 8 * (WORD_BYTES - len);
    uint64_t pairs = (word * (10 << 8 | 1)) >> 8 & 0x00ff00ff00ff00ff;
    uint64_t fours = (pairs * (100 << 16 | 1)) >> 16 & 0x0000ffff0000ffff;
    *out = (fours * (10000ull << 32 | 1)) >> 32;
    return are_digits(word);
}

static bool quick_whole(const struct csv_type *type, str text, int64_t *out)
{
    bool is_negative = *text.ptr == '-';
    size_t len = text.len - is_negative;
    uint64_t number;
    if (len - 1 >= WORD_BYTES || !quick_digits(text.ptr + is_negative, len, &number))
        return false;
    *out = (int64_t)(is_negative ? 0 - number : number);
    return number <= (is_negative ? type->low : type->high);
}

/* With as many places as its type has. */
static bool quick_decimal(const struct csv_type *type, str text, int64_t *out)
{
    static const uint64_t powers[] = {1,      10,      100,      1000,     10000,
                                      100000, 1000000, 10000000, 100000000};
    bool is_negative = *text.ptr == '-';
    size_t len = text.len - is_negative - type->scale - 1;
    const char *p = text.ptr + is_negative;
    uint64_t number, part;
    if (len - 1 >= WORD_BYTES || type->scale - 1 >= WORD_BYTES || p[len] != '.'
        || !quick_digits(p, len, &number) || !quick_digits(p + len + 1, type->scale, &part))
        return false;
    number = number * powers[type->scale] + part;
    *out = (int64_t)(is_negative ? 0 - number : number);
    return number <= type->high;
}

static bool quick_date(str text, int64_t *out)
{
    uint64_t word = load_word(text.ptr) ^ load_word("0000-00-"), day;
    if (text.len != 10 || !are_digits(word) || word & 0xff0000ff00000000
        || !quick_digits(text.ptr + 8, 2, &day))
        return false;
    uint64_t pairs = (word * (10 << 8 | 1)) >> 8;
    int64_t year = (int64_t)((pairs & 0xff) * 100 + (pairs >> 16 & 0xff));
    int64_t month = (int64_t)((word >> 40 & 0xff) * 10 + (word >> 48 & 0xff));
    return read_day(year, month, (int64_t)day, out);
}

static bool quick_value(const struct csv_type *type, str text, struct csv_value *out)
{
    switch (type->kind) {
    case CSV_WHOLE:
        return quick_whole(type, text, &out->number);
    case CSV_DECIMAL:
        return quick_decimal(type, text, &out->number);
    case CSV_DATE:
        return quick_date(text, &out->number);
    default:
        return false;
    }
}

/* ---- lines */

/* From behind the first quote; `*at` comes to stand behind the last one. */
static bool read_quoted(char **at, const char *end, str *out)
{
    char *begun = *at, *to = *at, *from = *at;
    for (;;) {
        char *quote = memchr(from, '"', (size_t)(end - from));
        if (!quote || memchr(from, '\0', (size_t)(quote - from)))
            return false;
        if (to != from)
            memmove(to, from, (size_t)(quote - from));
        to += quote - from;
        from = quote + 1;
        if (from == end || *from != '"')
            break;
        *to++ = '"';
        from++;
    }
    *out = (str){begun, (size_t)(to - begun)};
    *at = from;
    return true;
}

/* The end of a line is how all of them end. */
static bool pass_end(const struct csv_lines *lines, char **at)
{
    if (lines->is_crlf && *(*at)++ != '\r')
        return false;
    return *(*at)++ == '\n';
}

static bool read_field(struct window *w, const struct csv_lines *lines, const struct csv_type *type,
                       char **at, struct csv_value *out)
{
    str text = {*at, 0};
    if (*text.ptr == '"') {
        ++*at;
        out->is_null = false;
        return read_quoted(at, w->end, &text) && *at < w->end && read_value(type, text, out);
    }
    *at = find_stop(w, lines, *at);
    text.len = (size_t)(*at - text.ptr);
    out->is_null = !text.len;
    if (out->is_null)
        return lines->len > 1;
    if (type->kind == CSV_TEXT && w->is_ascii) {
        out->text = text;
        return true;
    }
    return (w->end - *at >= 2 * WORD_BYTES && quick_value(type, text, out))
        || read_value(type, text, out);
}

bool csv_lines_read(const struct csv_lines *lines, char **at, const char *end,
                    struct csv_value *values)
{
    char *p = *at;
    struct window window = {.end = end, .is_ascii = true};
    look_from(&window, lines, p);
    for (size_t i = 0; i < lines->len; i++) {
        if (!read_field(&window, lines, &lines->types[i], &p, &values[i]))
            return false;
        if (i + 1 < lines->len && *p++ != lines->delimiter)
            return false;
    }
    *at = p;
    return pass_end(lines, at);
}
