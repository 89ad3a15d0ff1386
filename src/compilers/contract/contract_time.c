#include "contract/contract_time.h"

#include "buf/buf.h"
#include "limits/limits.h"

enum { PATTERN_BYTES_MAX = 256, FRACTION_DIGITS_MAX = 6 };

#define DAY_US (86400 * INT64_C(1000000))

static const struct {
    char letter;
    uint32_t count;
    enum contract_time_part part;
    uint32_t least, most;
    const char *strptime;
} letters[] = {
    {'y', 4, TIME_YEAR, 4, 4, "%Y"},         {'u', 4, TIME_YEAR, 4, 4, "%Y"},
    {'y', 2, TIME_SHORT_YEAR, 2, 2, "%y"},   {'u', 2, TIME_SHORT_YEAR, 2, 2, "%y"},
    {'M', 1, TIME_MONTH, 1, 2, "%m"},        {'M', 2, TIME_MONTH, 2, 2, "%m"},
    {'M', 3, TIME_MONTH_NAME, 3, 3, "%b"},   {'M', 4, TIME_MONTH_NAME, 3, 9, "%B"},
    {'d', 1, TIME_DAY, 1, 2, "%d"},          {'d', 2, TIME_DAY, 2, 2, "%d"},
    {'D', 3, TIME_YEAR_DAY, 3, 3, "%j"},     {'E', 3, TIME_WEEKDAY_NAME, 3, 3, "%a"},
    {'E', 4, TIME_WEEKDAY_NAME, 6, 9, "%A"}, {'H', 1, TIME_HOUR, 1, 2, "%H"},
    {'H', 2, TIME_HOUR, 2, 2, "%H"},         {'h', 1, TIME_HALF_HOUR, 1, 2, "%I"},
    {'h', 2, TIME_HALF_HOUR, 2, 2, "%I"},    {'a', 1, TIME_HALF, 2, 2, "%p"},
    {'m', 1, TIME_MINUTE, 1, 2, "%M"},       {'m', 2, TIME_MINUTE, 2, 2, "%M"},
    {'s', 1, TIME_SECOND, 1, 2, "%S"},       {'s', 2, TIME_SECOND, 2, 2, "%S"},
    {'X', 1, TIME_OFFSET, 0, 0, "%z"},       {'X', 2, TIME_OFFSET, 0, 0, "%z"},
    {'X', 3, TIME_OFFSET, 0, 0, "%z"},       {'x', 1, TIME_OFFSET, 0, 0, "%z"},
    {'x', 2, TIME_OFFSET, 0, 0, "%z"},       {'x', 3, TIME_OFFSET, 0, 0, "%z"},
    {'Z', 1, TIME_OFFSET, 0, 0, "%z"},
};

struct pattern_reader {
    struct arena *mem;
    struct contract_time_pattern *out;
    struct buf *regex, *strptime;
    str problem;
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void add_literal(struct pattern_reader *r, str text)
{
    vec_push(r->mem, &r->out->tokens,
             ((struct contract_time_token){.part = TIME_LITERAL, .text = text}));
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if ((unsigned char)c >= 0x80 || is_letter(c) || is_digit(c))
            buf_add_byte(r->regex, c);
        else
            buf_format(r->regex, "\\x%02x", (unsigned char)c);
        buf_add(r->strptime, c == '%' ? STR("%%") : str_sub(text, i, 1));
    }
}

static void add_regex(struct pattern_reader *r, enum contract_time_part part, uint32_t least,
                      uint32_t most)
{
    switch (part) {
    case TIME_MONTH_NAME:
    case TIME_WEEKDAY_NAME:
        buf_format(r->regex, "[A-Za-z]{%u,%u}", least, most);
        break;
    case TIME_HALF:
        buf_add(r->regex, STR("[AaPp][Mm]"));
        break;
    case TIME_OFFSET:
        buf_add(r->regex, STR("(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"));
        break;
    default:
        buf_format(r->regex, "[0-9]{%u,%u}", least, most);
    }
}

static bool add_part(struct pattern_reader *r, enum contract_time_part part, uint32_t least,
                     uint32_t most, const char *strptime)
{
    struct contract_time_pattern *out = r->out;
    vec_push(r->mem, &out->tokens,
             ((struct contract_time_token){.part = part, .least = least, .most = most}));
    out->has_offset = out->has_offset || part == TIME_OFFSET;
    out->has_date = out->has_date || (part >= TIME_YEAR && part <= TIME_WEEKDAY_NAME);
    out->has_time = out->has_time || (part >= TIME_HOUR && part <= TIME_FRACTION);
    add_regex(r, part, least, most);
    buf_add(r->strptime, str_of(strptime));
    return true;
}

static bool read_letters(struct pattern_reader *r, char letter, uint32_t count)
{
    if (letter == 'S' && count <= FRACTION_DIGITS_MAX)
        return add_part(r, TIME_FRACTION, count, count, "%f");
    bool is_known = letter == 'S';
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
        if (letters[i].letter == letter && letters[i].count == count)
            return add_part(r, letters[i].part, letters[i].least, letters[i].most,
                            letters[i].strptime);
        is_known = is_known || letters[i].letter == letter;
    }
    r->problem = arena_format(r->mem,
                              is_known ? "weft reads the letter %c, but not %u of it in a row"
                                       : "weft does not read the letter %c of it",
                              letter, count);
    return false;
}

/* `'T'`, and `''` for one quote. Gives what was taken, or 0. */
static size_t read_quoted(struct pattern_reader *r, str text)
{
    size_t at = 1;
    struct buf *b = buf_new(r->mem, PATTERN_BYTES_MAX);
    if (text.len > 1 && text.ptr[1] == '\'') {
        add_literal(r, STR("'"));
        return 2;
    }
    for (; at < text.len; at++) {
        bool is_quote = text.ptr[at] == '\'';
        if (is_quote && (at + 1 == text.len || text.ptr[at + 1] != '\'')) {
            add_literal(r, buf_str(b));
            return at + 1;
        }
        buf_add_byte(b, text.ptr[at]);
        at += is_quote;
    }
    r->problem = STR("a quoted text does not end");
    return 0;
}

static size_t read_one(struct pattern_reader *r, str text)
{
    char c = text.ptr[0];
    size_t count = 1;
    if (c == '\'')
        return read_quoted(r, text);
    if (c == '[' || c == ']' || c == '{' || c == '}' || c == '#') {
        r->problem = arena_format(r->mem, "weft does not read %c of it", c);
        return 0;
    }
    if (!is_letter(c)) {
        add_literal(r, str_sub(text, 0, 1));
        return 1;
    }
    while (count < text.len && text.ptr[count] == c)
        count++;
    return read_letters(r, c, (uint32_t)count) ? count : 0;
}

static bool has_part(const struct contract_time_pattern *pattern, enum contract_time_part part)
{
    for (size_t i = 0; i < pattern->tokens.len; i++)
        if (pattern->tokens.at[i].part == part)
            return true;
    return false;
}

/* What each letter says is right by itself; here is what they say together. */
static const char *whole_problem(const struct contract_time_pattern *p)
{
    size_t seen[TIME_OFFSET + 1] = {0};
    for (size_t i = 0; i < p->tokens.len; i++)
        if (p->tokens.at[i].part != TIME_LITERAL && seen[p->tokens.at[i].part]++)
            return "it says one thing twice";
    if (!p->has_date && !p->has_time)
        return "it says neither a date nor a time";
    if (p->has_date && !has_part(p, TIME_YEAR) && !has_part(p, TIME_SHORT_YEAR))
        return "it has no year";
    if (p->has_time && !has_part(p, TIME_HOUR) && !has_part(p, TIME_HALF_HOUR))
        return "it has no hour";
    if (has_part(p, TIME_HALF_HOUR) != has_part(p, TIME_HALF))
        return "hours from 1 to 12 (h) and their half of the day (a) go together";
    if (p->has_offset && p->tokens.at[p->tokens.len - 1].part != TIME_OFFSET)
        return "an offset stands at its end";
    return NULL;
}

bool contract_time_pattern(struct arena *mem, str text, struct contract_time_pattern *out,
                           str *problem_out)
{
    struct pattern_reader r = {mem, out, buf_new(mem, PATTERN_BYTES_MAX * 16),
                               buf_new(mem, PATTERN_BYTES_MAX * 4), STR_NONE};
    *out = (struct contract_time_pattern){.has_date = false};
    if (!text.len || text.len > PATTERN_BYTES_MAX)
        r.problem = STR("it is empty, or longer than 256 bytes");
    buf_add(r.regex, STR("\\A"));
    for (size_t at = 0; !r.problem.len && at < text.len;)
        at += read_one(&r, str_from(text, at));
    buf_add(r.regex, STR("\\z"));
    if (!r.problem.len)
        r.problem = str_of(whole_problem(out));
    out->regex = buf_str(r.regex);
    out->strptime = buf_str(r.strptime);
    *problem_out = r.problem;
    return !r.problem.len;
}

/* A moment while its text is read. */
struct moment_reader {
    str rest;
    int64_t year, month, day, year_day, hour, half_hour, minute, second, fraction, offset_s;
    bool is_afternoon, has_offset;
};

static bool take_number(str *rest, uint32_t least, uint32_t most, int64_t *out)
{
    size_t len = 0;
    *out = 0;
    for (; len < rest->len && len < most && is_digit(rest->ptr[len]); len++)
        *out = *out * 10 + (rest->ptr[len] - '0');
    *rest = str_from(*rest, len);
    return len >= least && len > 0;
}

static bool take_text(str *rest, str text)
{
    if (!str_starts(*rest, text))
        return false;
    *rest = str_from(*rest, text.len);
    return true;
}

static bool take_fraction(str *rest, uint32_t most, int64_t *out)
{
    size_t digits = 0;
    int64_t value = 0;
    for (; digits < rest->len && digits < most && is_digit(rest->ptr[digits]); digits++)
        value = value * 10 + (rest->ptr[digits] - '0');
    for (size_t i = digits; i < FRACTION_DIGITS_MAX; i++)
        value *= 10;
    *rest = str_from(*rest, digits);
    *out = value;
    return digits > 0;
}

/* The name's number from 1; names may be cut after three letters where `is_short`. */
static bool take_name(str *rest, const char *const *names, size_t len, bool is_short, int64_t *out)
{
    for (size_t i = 0; i < len; i++) {
        str name = str_of(names[i]);
        name.len = is_short ? 3 : name.len;
        if (str_eq_nocase(str_sub(*rest, 0, name.len), name)) {
            *rest = str_from(*rest, name.len);
            *out = (int64_t)i + 1;
            return true;
        }
    }
    return false;
}

static bool take_offset(struct moment_reader *m)
{
    int64_t hours = 0, minutes = 0;
    m->has_offset = true;
    if (take_text(&m->rest, STR("Z")))
        return true;
    bool is_west = str_starts(m->rest, STR("-"));
    if (!is_west && !str_starts(m->rest, STR("+")))
        return false;
    m->rest = str_from(m->rest, 1);
    if (!take_number(&m->rest, 2, 2, &hours))
        return false;
    (void)take_text(&m->rest, STR(":"));
    if (m->rest.len && !take_number(&m->rest, 2, 2, &minutes))
        return false;
    m->offset_s = (hours * 3600 + minutes * 60) * (is_west ? -1 : 1);
    return hours <= 15 && minutes < 60;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t month_days(int64_t year, int64_t month)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days since 1970 of a date of years 0 to 9999. */
static int64_t day_number(int64_t year, int64_t month, int64_t day)
{
    int64_t days = day - 1;
    for (int64_t i = 1; i < month; i++)
        days += month_days(year, i);
    int64_t before = year - 1;
    int64_t leaps = year > 0 ? before / 4 - before / 100 + before / 400 + 1 : 0;
    return days + year * 365 + leaps - 719528;
}

static bool moment_ends(const struct moment_reader *m, bool has_date, bool has_time,
                        struct contract_moment *out)
{
    bool is_date = m->year >= 1 && m->month >= 1 && m->month <= 12 && m->day >= 1
                && m->day <= month_days(m->year, m->month) && m->year_day <= 365 + is_leap(m->year);
    int64_t hour = m->half_hour ? m->half_hour % 12 + (m->is_afternoon ? 12 : 0) : m->hour;
    if (m->rest.len || (has_date && !is_date) || hour > 23 || m->half_hour > 12 || m->minute > 59
        || m->second > 59)
        return false;
    int64_t day = has_date ? day_number(m->year, m->month, m->day) : 0;
    if (has_date && m->year_day)
        day = day_number(m->year, 1, 1) + m->year_day - 1;
    *out = (struct contract_moment){
        .us = day * DAY_US
            + ((hour * 3600 + m->minute * 60 + m->second) - m->offset_s) * INT64_C(1000000)
            + m->fraction,
        .has_date = has_date,
        .has_time = has_time,
        .has_offset = m->has_offset,
    };
    return true;
}

bool contract_time_iso(str text, struct contract_moment *out)
{
    struct moment_reader m = {.rest = text, .month = 1, .day = 1};
    bool has_date = text.len > 4 && text.ptr[4] == '-', has_time = !has_date;
    if (has_date) {
        if (!take_number(&m.rest, 4, 4, &m.year) || !take_text(&m.rest, STR("-"))
            || !take_number(&m.rest, 2, 2, &m.month) || !take_text(&m.rest, STR("-"))
            || !take_number(&m.rest, 2, 2, &m.day))
            return false;
        has_time = take_text(&m.rest, STR("T")) || take_text(&m.rest, STR(" "));
    }
    if (has_time) {
        if (!take_number(&m.rest, 2, 2, &m.hour) || !take_text(&m.rest, STR(":"))
            || !take_number(&m.rest, 2, 2, &m.minute))
            return false;
        if (take_text(&m.rest, STR(":")) && !take_number(&m.rest, 2, 2, &m.second))
            return false;
        if (take_text(&m.rest, STR("."))
            && !take_fraction(&m.rest, FRACTION_DIGITS_MAX, &m.fraction))
            return false;
        if (m.rest.len && !take_offset(&m))
            return false;
    }
    return moment_ends(&m, has_date, has_time, out);
}

static bool take_token(struct moment_reader *m, const struct contract_time_token *token)
{
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    static const char *const days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};
    int64_t ignored;
    bool is_short = token->most == 3;
    switch (token->part) {
    case TIME_LITERAL:
        return take_text(&m->rest, token->text);
    case TIME_YEAR:
        return take_number(&m->rest, token->least, token->most, &m->year);
    case TIME_SHORT_YEAR:
        if (!take_number(&m->rest, 2, 2, &m->year))
            return false;
        m->year += m->year < 69 ? 2000 : 1900; /* as the engine's %y */
        return true;
    case TIME_MONTH:
        return take_number(&m->rest, token->least, token->most, &m->month);
    case TIME_MONTH_NAME:
        return take_name(&m->rest, months, 12, is_short, &m->month);
    case TIME_DAY:
        return take_number(&m->rest, token->least, token->most, &m->day);
    case TIME_YEAR_DAY:
        return take_number(&m->rest, 3, 3, &m->year_day) && m->year_day > 0;
    case TIME_WEEKDAY_NAME:
        return take_name(&m->rest, days, 7, is_short, &ignored);
    case TIME_HOUR:
        return take_number(&m->rest, token->least, token->most, &m->hour);
    case TIME_HALF_HOUR:
        return take_number(&m->rest, token->least, token->most, &m->half_hour) && m->half_hour > 0;
    case TIME_HALF:
        m->is_afternoon = str_eq_nocase(str_sub(m->rest, 0, 2), STR("pm"));
        if (!m->is_afternoon && !str_eq_nocase(str_sub(m->rest, 0, 2), STR("am")))
            return false;
        m->rest = str_from(m->rest, 2);
        return true;
    case TIME_MINUTE:
        return take_number(&m->rest, token->least, token->most, &m->minute);
    case TIME_SECOND:
        return take_number(&m->rest, token->least, token->most, &m->second);
    case TIME_FRACTION:
        return take_fraction(&m->rest, token->most, &m->fraction);
    case TIME_OFFSET:
        return take_offset(m);
    }
    return false;
}

bool contract_time_read(const struct contract_time_pattern *pattern, str text,
                        struct contract_moment *out)
{
    struct moment_reader m = {.rest = text, .month = 1, .day = 1};
    for (size_t i = 0; i < pattern->tokens.len; i++)
        if (!take_token(&m, &pattern->tokens.at[i]))
            return false;
    return moment_ends(&m, pattern->has_date, pattern->has_time, out);
}

bool contract_time_order(const struct contract_moment *a, const struct contract_moment *b,
                         int *order_out)
{
    *order_out = (a->us > b->us) - (a->us < b->us);
    return a->has_date == b->has_date && a->has_offset == b->has_offset;
}

static str date_text(struct arena *mem, int64_t day)
{
    int64_t year = 0, month = 1;
    while (day_number(year + 1, 1, 1) <= day)
        year++;
    day -= day_number(year, 1, 1);
    while (day >= month_days(year, month)) {
        day -= month_days(year, month);
        month++;
    }
    return arena_format(mem, "%04d-%02d-%02d", (int)year, (int)month, (int)day + 1);
}

str contract_time_text(struct arena *mem, const struct contract_moment *moment)
{
    int64_t day = moment->us / DAY_US, of_day = moment->us % DAY_US;
    if (of_day < 0) {
        of_day += DAY_US;
        day--;
    }
    int64_t seconds = of_day / 1000000;
    str date = date_text(mem, day);
    int part = (int)(of_day % 1000000);
    str time = arena_format(mem, "%02d:%02d:%02d", (int)(seconds / 3600), (int)(seconds / 60 % 60),
                            (int)(seconds % 60));
    if (part)
        time = arena_format(mem, STR_FMT ".%06d", STR_ARG(time), part);
    if (!moment->has_date)
        return time;
    return moment->has_time ? arena_format(mem, STR_FMT " " STR_FMT, STR_ARG(date), STR_ARG(time))
                            : date;
}
