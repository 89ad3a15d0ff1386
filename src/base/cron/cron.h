/* Schedules as cron writes them: five fields, minute, hour, day of the month, month, day of the week; in UTC. Pure. */
#ifndef WEFT_CRON_H
#define WEFT_CRON_H

#include "str/str.h"

struct cron {
    uint64_t minutes;          /* bits 0 to 59 */
    uint32_t hours, days;      /* bits 0 to 23, 1 to 31 */
    uint16_t months;           /* bits 1 to 12 */
    uint8_t weekdays;          /* bits 0 (Sunday) to 6 */
    bool any_day, any_weekday; /* `*`: where both fields name some, a day of either is meant */
};

/* Stars, numbers, names of months and weekdays, lists, ranges, steps; and @hourly, @daily, @midnight, @weekly, @monthly, @yearly,
 * @annually. False: it is none. */
bool cron_parse(str text, struct cron *out);
/* The first minute of it after a time, in microseconds since 1970; INT64_MAX: there is none within the next eight years. */
int64_t cron_after(const struct cron *cron, int64_t time_us);

#endif
