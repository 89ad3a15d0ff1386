#include "shape/shape_formats.h"

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool fits_id(str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_letter(text.ptr[i]) && !is_digit(text.ptr[i]) && text.ptr[i] != '_'
            && text.ptr[i] != '-')
            return false;
    return text.len > 0;
}

/* Takes `count` digits off the front, as a number. */
static bool take_digits(str *text, size_t count, int *out)
{
    if (text->len < count)
        return false;
    *out = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_digit(text->ptr[i]))
            return false;
        *out = *out * 10 + (text->ptr[i] - '0');
    }
    *text = str_from(*text, count);
    return true;
}

static bool take(str *text, char c)
{
    if (!text->len || text->ptr[0] != c)
        return false;
    *text = str_from(*text, 1);
    return true;
}

static bool take_date(str *text)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day;
    if (!take_digits(text, 4, &year) || !take(text, '-') || !take_digits(text, 2, &month)
        || !take(text, '-') || !take_digits(text, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days[month - 1])
        return false;
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month != 2 || day < 29 || is_leap;
}

static bool fits_date(str text)
{
    return take_date(&text) && text.len == 0;
}

static bool fits_date_time(str text)
{
    int hour, minute, second, digit;
    if (!take_date(&text) || !(take(&text, 'T') || take(&text, 't') || take(&text, ' ')))
        return false;
    if (!take_digits(&text, 2, &hour) || !take(&text, ':') || !take_digits(&text, 2, &minute)
        || !take(&text, ':') || !take_digits(&text, 2, &second))
        return false;
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    if (take(&text, '.')) {
        if (!take_digits(&text, 1, &digit))
            return false;
        while (take_digits(&text, 1, &digit))
            ;
    }
    if (take(&text, 'Z') || take(&text, 'z'))
        return text.len == 0;
    if (!take(&text, '+') && !take(&text, '-'))
        return false;
    return take_digits(&text, 2, &hour) && take(&text, ':') && take_digits(&text, 2, &minute)
        && hour <= 23 && minute <= 59 && text.len == 0;
}

static bool is_word(str text)
{
    if (!text.len || !(is_letter(text.ptr[0]) || text.ptr[0] == '_'))
        return false;
    for (size_t i = 1; i < text.len; i++)
        if (!is_letter(text.ptr[i]) && !is_digit(text.ptr[i]) && text.ptr[i] != '_')
            return false;
    return true;
}

static bool is_document(str text)
{
    if (str_starts(text, STR("https://")))
        text = str_from(text, 8);
    else if (str_starts(text, STR("http://")))
        text = str_from(text, 7);
    if (text.len < 6 || !str_ends(text, STR(".yaml")))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!is_letter(c) && !is_digit(c) && c != '.' && c != '_' && c != '-' && c != '/')
            return false;
    }
    return true;
}

/* Two or more words with dots between; the text of the standard lets it go on into objects. */
static bool is_dotted(str text)
{
    str head, tail = text;
    size_t words = 0;
    bool has_more = true;
    while (has_more) {
        has_more = str_cut(tail, '.', &head, &tail);
        if (!is_word(head))
            return false;
        words++;
    }
    return words > 1;
}

/* `table.column`, or `[file.yaml#][/]schema/ID/properties/ID…`. */
static bool fits_reference(str text)
{
    str head, tail;
    if (is_dotted(text))
        return true;
    if (str_cut(text, '#', &head, &tail)) {
        if (!is_document(head))
            return false;
        text = tail;
    }
    take(&text, '/');
    size_t pairs = 0;
    while (text.len) {
        str kind, id;
        if (!str_cut(text, '/', &kind, &tail))
            return false;
        bool has_more = str_cut(tail, '/', &id, &text);
        if (!is_word(kind) || !fits_id(id) || (has_more && !text.len))
            return false;
        pairs++;
    }
    return pairs > 0;
}

static bool fits_sftp(str text)
{
    return str_starts(text, STR("sftp://"));
}

static bool fits_duration(str text)
{
    size_t digits = 0;
    while (digits < text.len && is_digit(text.ptr[digits]))
        digits++;
    str unit = str_from(text, digits);
    return digits > 0 && digits < 10 && shape_has_word("s min h d w", unit);
}

int64_t shape_duration_s(str text)
{
    static const struct {
        const char *name;
        int64_t seconds;
    } units[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}};
    size_t digits = 0;
    int64_t number;
    if (!fits_duration(text))
        return 0;
    while (is_digit(text.ptr[digits]))
        digits++;
    (void)str_to_i64(str_sub(text, 0, digits), &number);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (str_eq(str_from(text, digits), str_of(units[i].name)))
            return number * units[i].seconds;
    return 0;
}

static bool fits_host(str text)
{
    str host = text, port;
    int64_t number;
    if (str_cut_last(text, ':', &host, &port)
        && !(str_has(host, ':') && !str_ends(host, STR("]")))) {
        if (!str_to_i64(port, &number) || number < 1 || number > 65535)
            return false;
    } else {
        host = text;
    }
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        if (!is_letter(c) && !is_digit(c) && c != '.' && c != '-' && c != '_' && c != ':'
            && c != '[' && c != ']' && c != '/')
            return false;
    }
    return host.len > 0;
}

static bool fits_root(str text)
{
    str rest = text, part;
    while (rest.len) {
        str_cut(rest, '/', &part, &rest);
        if (str_eq(part, STR("..")))
            return false;
    }
    for (size_t i = 0; i < text.len; i++)
        if (str_has(STR("*?[$\n"), text.ptr[i]))
            return false;
    return text.len > 0;
}

#define PORT                                                                                       \
    "0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
#define HOST "[A-Za-z0-9._\\[\\]/-]"    /* what a host is written with, */
#define HOST_6 "[A-Za-z0-9._:\\[\\]/-]" /* and one of colons */

const struct shape_format shape_format_id = {"letters, digits, _ and -", fits_id,
                                             "^[A-Za-z0-9_-]+$"};
const struct shape_format shape_format_date = {"a date as 2026-01-31", fits_date, NULL};
const struct shape_format shape_format_date_time = {
    "a date and time with zone as 2026-01-31T12:00:00Z", fits_date_time, NULL};
const struct shape_format shape_format_reference = {
    "table.column, or [file.yaml#]/schema/ID/properties/ID", fits_reference, NULL};
const struct shape_format shape_format_sftp = {"a location that starts with sftp://", fits_sftp,
                                               "^sftp://"};
const struct shape_format shape_format_principal = {"user:NAME or group:NAME", shape_is_principal,
                                                    "^(user|group):[^\\x00-\\x20:]+$"};
const struct shape_format shape_format_duration = {"a duration as 30min, 2h or 1d", fits_duration,
                                                   "^[0-9]{1,9}(s|min|h|d|w)$"};
const struct shape_format shape_format_host = {
    "HOST or HOST:PORT", fits_host,
    "^(" HOST "+(:" PORT ")?|" HOST_6 "*:" HOST_6 "*\\]:" PORT "|" HOST_6
    "*:([A-Za-z0-9._:\\[\\]/-]*[A-Za-z0-9._:\\[/-])?:" HOST "*)$"};
const struct shape_format shape_format_root = {"a folder without .. and wildcards, as data/",
                                               fits_root, "^(?!(.*/)?\\.\\.(/|$))[^*?\\[\\$\\n]+$"};
