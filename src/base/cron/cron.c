#include "cron/cron.h"

#include "clock/clock.h"

enum { FIELDS = 5, DAYS_AHEAD_MAX = 366 * 8 };
static const int64_t minute_us = 60 * 1000000LL;

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                          "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

/* A field: what its numbers are between, and their names. */
struct field {
    unsigned least, most;
    const char *const *names;
    unsigned name_count; /* of the numbers from `least` on */
};

static const struct field fields[FIELDS] = {
    {0, 59, NULL, 0},         {0, 23, NULL, 0},         {1, 31, NULL, 0},
    {1, 12, month_names, 12}, {0, 7, weekday_names, 7},
};

static bool read_number(const struct field *field, str text, unsigned *out)
{
    uint64_t number;
    for (unsigned i = 0; i < field->name_count; i++)
        if (str_eq_nocase(text, str_of(field->names[i]))) {
            *out = field->least + i;
            return true;
        }
    if (!text.len || text.len > 2 || text.ptr[0] < '0' || text.ptr[0] > '9'
        || !str_to_u64(text, &number) || number < field->least || number > field->most)
        return false;
    *out = (unsigned)number;
    return true;
}

/* All, one number or a range, and with a step behind it every so many of these; `5/10` is every tenth from 5 on. */
static bool read_part(const struct field *field, str text, uint64_t *bits)
{
    static const struct field any_step = {1, 59, NULL, 0};
    str range, step_text, low_text, high_text;
    unsigned low = field->least, high = field->most, step = 1;
    bool has_step = str_cut(text, '/', &range, &step_text);
    if (has_step && !read_number(&any_step, step_text, &step))
        return false;
    if (!str_eq(range, STR("*"))) {
        bool is_range = str_cut(range, '-', &low_text, &high_text);
        if (!read_number(field, low_text, &low))
            return false;
        high = has_step ? field->most : low;
        if (is_range && (!read_number(field, high_text, &high) || high < low))
            return false;
    }
    for (unsigned i = low; i <= high; i += step)
        *bits |= 1ULL << i;
    return true;
}

static bool read_field(const struct field *field, str text, uint64_t *bits)
{
    str part, rest = text;
    *bits = 0;
    for (bool has_more = true; has_more;) {
        has_more = str_cut(rest, ',', &part, &rest);
        if (!read_part(field, part, bits))
            return false;
    }
    return true;
}

static str word_of(str text)
{
    static const char *const words[][2] = {
        {"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
        {"@weekly", "0 0 * * 0"},   {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
        {"@annually", "0 0 1 1 *"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_eq_nocase(text, str_of(words[i][0])))
            return str_of(words[i][1]);
    return text;
}

static bool next_word(str *rest, str *out)
{
    size_t start = 0, end;
    while (start < rest->len && (rest->ptr[start] == ' ' || rest->ptr[start] == '\t'))
        start++;
    for (end = start; end < rest->len && rest->ptr[end] != ' ' && rest->ptr[end] != '\t'; end++)
        continue;
    *out = str_sub(*rest, start, end - start);
    *rest = str_from(*rest, end);
    return out->len > 0;
}

bool cron_parse(str text, struct cron *out)
{
    str rest = word_of(str_trim(text)), word;
    uint64_t bits[FIELDS];
    *out = (struct cron){.any_day = false};
    for (size_t i = 0; i < FIELDS; i++) {
        if (!next_word(&rest, &word) || !read_field(&fields[i], word, &bits[i]))
            return false;
        if (i == 2)
            out->any_day = str_starts(word, STR("*"));
        if (i == 4)
            out->any_weekday = str_starts(word, STR("*"));
    }
    if (next_word(&rest, &word))
        return false;
    out->minutes = bits[0];
    out->hours = (uint32_t)bits[1];
    out->days = (uint32_t)bits[2];
    out->months = (uint16_t)bits[3];
    /* Sunday is 0, and 7 as well. */
    out->weekdays = (uint8_t)((bits[4] & 0x7f) | (bits[4] >> 7 & 1));
    return true;
}

/* ---- when */

static bool is_day(const struct cron *cron, int64_t days)
{
    int64_t year;
    int month, day;
    unsigned weekday = (unsigned)(((days + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
    clock_date(days, &year, &month, &day);
    bool by_day = cron->days >> day & 1, by_weekday = cron->weekdays >> weekday & 1;
    if (!(cron->months >> month & 1))
        return false;
    return cron->any_day || cron->any_weekday ? by_day && by_weekday : by_day || by_weekday;
}

int64_t cron_after(const struct cron *cron, int64_t time_us)
{
    int64_t minute = time_us / minute_us - (time_us % minute_us < 0) + 1;
    int64_t day = minute / 1440 - (minute % 1440 < 0);
    for (int64_t i = 0; i < DAYS_AHEAD_MAX; i++, day++) {
        if (!is_day(cron, day))
            continue;
        for (int64_t at = minute > day * 1440 ? minute - day * 1440 : 0; at < 1440; at++)
            if (cron->hours >> at / 60 & 1 && cron->minutes >> at % 60 & 1)
                return (day * 1440 + at) * minute_us;
    }
    return INT64_MAX;
}
