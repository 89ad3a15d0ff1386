/* Jobs as a worker reads them: nothing is read past the end, and what is taken comes back as the
 * same bytes when it is packed again. */
#include "job/job.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena *mem = arena_new();
    struct engine_job job;
    str body = {(const char *)data, len};
    struct frame_reader r = {.rest = body};
    if (job_unpack(&r, mem, &job)) {
        struct buf *again = buf_new(mem, len + 1);
        if (!job_pack(again, &job) || !str_eq(buf_str(again), body))
            abort();
    }
    arena_free(mem);
    return 0;
}
