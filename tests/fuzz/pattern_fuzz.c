/* ECMA-262 patterns: in the engine's spelling, or a problem for people. */
#include <stdint.h>

#include "check/check_inside.h"
#include "task/task.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena *mem = arena_new();
    str pattern = {(const char *)data, len}, out = STR_NONE, problem = STR_NONE;
    bool is_large = false;

    if (check_pattern(mem, pattern, &out, &is_large, &problem))
        CHECK(out.len > 0 || pattern.len == 0);
    else
        CHECK(problem.len > 0);
    arena_free(mem);
    return 0;
}
