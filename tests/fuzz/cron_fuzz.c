/* Schedules: what is read is due at a minute of its own after any time, or never. */
#include "cron/cron.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct cron cron;
    static const int64_t times_us[] = {-1, 0, 1772323200000000, 4102444799000000};
    if (!cron_parse((str){(const char *)data, len}, &cron))
        return 0;
    for (size_t i = 0; i < sizeof times_us / sizeof *times_us; i++) {
        int64_t next_us = cron_after(&cron, times_us[i]);
        if (next_us <= times_us[i])
            abort();
        if (next_us != INT64_MAX
            && (next_us % 60000000 != 0 || cron_after(&cron, next_us - 1) != next_us))
            abort();
    }
    return 0;
}
