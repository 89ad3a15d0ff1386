#include "clock/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { BAD_SETTING_EXIT = 78 };

static const int64_t second_us = 1000000;
static const int64_t day_us = 86400 * 1000000LL;

static pthread_once_t shift_once = PTHREAD_ONCE_INIT;
static int64_t shift_us;

/* The clock lies below `task`, so it cannot use CHECK. */
static _Noreturn void stop(const char *why)
{
    dprintf(STDERR_FILENO, "level=error module=clock msg=\"%s\"\n", why);
    abort();
}

static int64_t read_us(clockid_t id)
{
    struct timespec now;
    if (clock_gettime(id, &now) != 0)
        stop("the clock cannot be read");
    return (int64_t)now.tv_sec * second_us + now.tv_nsec / 1000;
}

static void read_shift(void)
{
    const char *text = getenv("WEFT_TEST_NOW");
    int64_t start_us;
    if (!text || !*text)
        return;
    if (!clock_parse(str_of(text), &start_us)) {
        dprintf(STDERR_FILENO, "weft: WEFT_TEST_NOW is no ISO 8601 time: %s\n", text);
        _exit(BAD_SETTING_EXIT);
    }
    shift_us = start_us - read_us(CLOCK_REALTIME);
}

/* At start, so that the shifted clock begins there and not at its first reader. */
__attribute__((constructor)) static void set_shift(void)
{
    pthread_once(&shift_once, read_shift);
}

int64_t clock_now_us(void)
{
    return read_us(CLOCK_REALTIME) + shift_us;
}

int64_t clock_monotonic_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t clock_monotonic_ms(void)
{
    return clock_monotonic_us() / 1000;
}

void clock_random(void *out, size_t len)
{
    char *at = out;
    while (len) {
        ssize_t n = getrandom(at, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            stop("the kernel gives no random bytes");
        at += n;
        len -= (size_t)n;
    }
}

void clock_uuid(char out[37])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[16];
    int64_t now_us = clock_now_us();
    uint64_t now_ms = (uint64_t)(now_us / 1000);
    /* The part of the millisecond follows in 12 bits, so that ids sort by the time they were
     * made. */
    unsigned part = (unsigned)((now_us % 1000 + 1000) % 1000) * 4096 / 1000;
    clock_random(bytes + 8, 8);
    for (int i = 0; i < 6; i++)
        bytes[i] = (unsigned char)(now_ms >> (40 - 8 * i));
    bytes[6] = (unsigned char)(0x70 | part >> 8);
    bytes[7] = (unsigned char)part;
    bytes[8] = (unsigned char)(0x80 | (bytes[8] & 0x3f));
    char *at = out;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = digits[bytes[i] >> 4];
        *at++ = digits[bytes[i] & 15];
    }
    *at = '\0';
}

/* Days from 1970-01-01 to a date of the Gregorian calendar; years begin in March, so that the leap
 * day is their last. */
static int64_t days_of_date(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

void clock_date(int64_t days, int64_t *year_out, int *month_out, int *day_out)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    *day_out = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
    *month_out = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year_out = year_of_era + era * 400 + (*month_out <= 2);
}

str clock_text(struct arena *mem, int64_t now_us)
{
    int64_t days = now_us / day_us;
    int64_t rest = now_us % day_us;
    if (rest < 0) {
        rest += day_us;
        days--;
    }
    int64_t year;
    int month, day;
    clock_date(days, &year, &month, &day);
    int seconds = (int)(rest / second_us);
    return arena_format(mem, "%04lld-%02d-%02dT%02d:%02d:%02d.%06dZ", (long long)year, month, day,
                        seconds / 3600, seconds / 60 % 60, seconds % 60, (int)(rest % second_us));
}

/* Takes exactly `digits` digits from the front. */
static bool take_number(str *s, int digits, int *out)
{
    int value = 0;
    if (s->len < (size_t)digits)
        return false;
    for (int i = 0; i < digits; i++) {
        if (s->ptr[i] < '0' || s->ptr[i] > '9')
            return false;
        value = value * 10 + (s->ptr[i] - '0');
    }
    *s = str_from(*s, (size_t)digits);
    *out = value;
    return true;
}

static bool take_byte(str *s, char c)
{
    if (!s->len || s->ptr[0] != c)
        return false;
    *s = str_from(*s, 1);
    return true;
}

static bool take_date(str *s, int64_t *out_us)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day;
    if (!take_number(s, 4, &year) || !take_byte(s, '-') || !take_number(s, 2, &month)
        || !take_byte(s, '-') || !take_number(s, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > lengths[month - 1] + (month == 2 && leap))
        return false;
    *out_us = days_of_date(year, month, day) * day_us;
    return true;
}

/* Digits past the sixth are read and dropped. */
static bool take_fraction(str *s, int64_t *out_us)
{
    int64_t unit = second_us / 10;
    size_t digits = 0;
    for (; s->len && s->ptr[0] >= '0' && s->ptr[0] <= '9'; digits++) {
        *out_us += (s->ptr[0] - '0') * unit;
        unit /= 10;
        *s = str_from(*s, 1);
    }
    return digits > 0;
}

static bool take_time(str *s, int64_t *out_us)
{
    int hour, minute, second = 0;
    if (!take_number(s, 2, &hour) || !take_byte(s, ':') || !take_number(s, 2, &minute))
        return false;
    bool has_second = take_byte(s, ':');
    if (has_second && !take_number(s, 2, &second))
        return false;
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    *out_us += (hour * 3600LL + minute * 60LL + second) * second_us;
    if (has_second && take_byte(s, '.'))
        return take_fraction(s, out_us);
    return true;
}

/* Without a zone the time is UTC. */
static bool take_zone(str *s, int64_t *out_us)
{
    int hour, minute = 0;
    if (s->len == 0 || take_byte(s, 'Z'))
        return true;
    bool behind = take_byte(s, '-');
    if (!behind && !take_byte(s, '+'))
        return false;
    if (!take_number(s, 2, &hour))
        return false;
    bool colon = take_byte(s, ':');
    if ((colon || s->len) && !take_number(s, 2, &minute))
        return false;
    if (hour > 23 || minute > 59)
        return false;
    int64_t offset_us = (hour * 60LL + minute) * 60 * second_us;
    *out_us += behind ? offset_us : -offset_us;
    return true;
}

bool clock_parse(str text, int64_t *out_us)
{
    int64_t value = 0;
    if (!take_date(&text, &value))
        return false;
    if (text.len) {
        if (!take_byte(&text, 'T') && !take_byte(&text, ' '))
            return false;
        if (!take_time(&text, &value) || !take_zone(&text, &value) || text.len)
            return false;
    }
    *out_us = value;
    return true;
}
