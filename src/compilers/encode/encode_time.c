#include "encode/encode_inside.h"

enum { SECONDS_OF_DAY = 86400, DAYS_OF_ERA = 146097 };

struct civil {
    int64_t year; /* 0 is 1 BC */
    unsigned month, day;
};

/* Eras of 400 years from a first of March make every leap day the last one of its year. */
static struct civil civil_of(int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - (DAYS_OF_ERA - 1)) / DAYS_OF_ERA;
    unsigned of_era = (unsigned)(days - era * DAYS_OF_ERA);
    unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * of_year + 2) / 153;
    struct civil civil = {
        .year = era * 400 + year,
        .month = month < 10 ? month + 3 : month - 9,
        .day = of_year - (153 * month + 2) / 5 + 1,
    };
    civil.year += civil.month <= 2;
    return civil;
}

/* At least `width` digits. */
static void add_padded(struct buf *out, uint64_t value, unsigned width)
{
    uint64_t least = 1;
    for (unsigned i = 1; i < width; i++)
        least *= 10;
    for (; value < least && least > 1; least /= 10)
        buf_add_byte(out, '0');
    encode_u64(out, value);
}

static void add_civil(struct buf *out, struct civil civil)
{
    add_padded(out, (uint64_t)(civil.year > 0 ? civil.year : 1 - civil.year), 4);
    buf_add_byte(out, '-');
    add_padded(out, civil.month, 2);
    buf_add_byte(out, '-');
    add_padded(out, civil.day, 2);
    if (civil.year <= 0)
        buf_add(out, STR(" (BC)"));
}

static void add_infinity(struct buf *out, bool positive)
{
    buf_add(out, positive ? STR("infinity") : STR("-infinity"));
}

void encode_date(struct buf *out, int32_t days)
{
    if (days == INT32_MAX || days == -INT32_MAX) {
        add_infinity(out, days > 0);
        return;
    }
    add_civil(out, civil_of(days));
}

/* Without zeros at its end. */
static void add_fraction(struct buf *out, uint64_t value, uint64_t per_second)
{
    if (!value)
        return;
    buf_add_byte(out, '.');
    for (per_second /= 10; value; per_second /= 10) {
        buf_add_byte(out, (char)('0' + value / per_second));
        value %= per_second;
    }
}

static void add_clock(struct buf *out, uint64_t seconds, uint64_t fraction, uint64_t per_second)
{
    add_padded(out, seconds / 3600, 2);
    buf_add_byte(out, ':');
    add_padded(out, seconds / 60 % 60, 2);
    buf_add_byte(out, ':');
    add_padded(out, seconds % 60, 2);
    add_fraction(out, fraction, per_second);
}

void encode_time(struct buf *out, int64_t value, int64_t per_second)
{
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    if (value < 0)
        buf_add_byte(out, '-');
    add_clock(out, size / (uint64_t)per_second, size % (uint64_t)per_second, (uint64_t)per_second);
}

void encode_time_tz(struct buf *out, uint64_t bits)
{
    const int64_t east_most = 16 * 3600 - 1;
    int64_t east = east_most - (int64_t)(bits & 0xffffff);
    encode_time(out, (int64_t)(bits >> 24), 1000000);
    uint64_t offset = (uint64_t)(east < 0 ? -east : east);
    buf_add_byte(out, east < 0 ? '-' : '+');
    add_padded(out, offset / 3600, 2);
    if (offset % 3600) {
        buf_add_byte(out, ':');
        add_padded(out, offset / 60 % 60, 2);
    }
    if (offset % 60) {
        buf_add_byte(out, ':');
        add_padded(out, offset % 60, 2);
    }
}

void encode_timestamp(struct buf *out, int64_t value, int64_t per_second, bool with_zone)
{
    if (value == INT64_MAX || value == -INT64_MAX) {
        add_infinity(out, value > 0);
        return;
    }
    int64_t seconds = value / per_second;
    int64_t fraction = value % per_second;
    if (fraction < 0) {
        fraction += per_second;
        seconds--;
    }
    int64_t days = seconds / SECONDS_OF_DAY;
    int64_t of_day = seconds % SECONDS_OF_DAY;
    if (of_day < 0) {
        of_day += SECONDS_OF_DAY;
        days--;
    }
    add_civil(out, civil_of(days));
    buf_add_byte(out, ' ');
    add_clock(out, (uint64_t)of_day, (uint64_t)fraction, (uint64_t)per_second);
    if (with_zone)
        buf_add(out, STR("+00"));
}

static void add_part(struct buf *out, int64_t value, str unit, bool *first)
{
    if (!value)
        return;
    if (!*first)
        buf_add_byte(out, ' ');
    *first = false;
    encode_i64(out, value);
    buf_add_byte(out, ' ');
    buf_add(out, unit);
    if (value != 1 && value != -1)
        buf_add_byte(out, 's');
}

void encode_interval(struct buf *out, const struct batch_interval *interval)
{
    bool first = true;
    add_part(out, interval->months / 12, STR("year"), &first);
    add_part(out, interval->months % 12, STR("month"), &first);
    add_part(out, interval->days, STR("day"), &first);
    if (!interval->microseconds && !first)
        return;
    if (!first)
        buf_add_byte(out, ' ');
    encode_time(out, interval->microseconds, 1000000);
}
