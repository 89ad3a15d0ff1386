/* Patterns of dates and the texts that they read, times of the command line, versions' kin. Input: a pattern, a line feed, a text.
 * What a pattern reads is a moment that can be told. */
#include <stdint.h>

#include "clock/clock.h"
#include "contract/contract_time.h"
#include "task/task.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena *mem = arena_new();
    str all = {(const char *)data, len}, text, value, problem = STR_NONE;
    struct contract_time_pattern pattern;
    struct contract_moment moment;
    int64_t us;

    (void)str_cut(all, '\n', &text, &value);
    if (contract_time_pattern(mem, text, &pattern, &problem)) {
        CHECK(pattern.tokens.len == 0 || pattern.regex.len > 0);
        if (contract_time_read(&pattern, value, &moment))
            CHECK(contract_time_text(mem, &moment).len > 0);
    } else {
        CHECK(problem.len > 0);
    }
    if (contract_time_iso(value, &moment))
        CHECK(contract_time_text(mem, &moment).len > 0);
    if (clock_parse(value, &us))
        CHECK(clock_text(mem, us).len > 0);
    arena_free(mem);
    return 0;
}
