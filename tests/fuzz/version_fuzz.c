/* Ranges of versions: what is read holds its least version and not its end, and whatever is refused says why. */
#include "version/version.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena *mem = arena_new();
    str text = {(const char *)data, len}, problem;
    struct version_range range;
    struct version version;
    if (version_range_read(mem, text, &range, &problem)) {
        if (problem.len || !version_range_holds(&range, &range.least)
            || version_range_holds(&range, &range.below))
            abort();
    } else if (!problem.len) {
        abort();
    }
    if (version_read(text, &version) && version_compare(&version, &version) != 0)
        abort();
    arena_free(mem);
    return 0;
}
