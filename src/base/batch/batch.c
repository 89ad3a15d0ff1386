#include "batch/batch.h"

#include <string.h>

_Static_assert(sizeof(struct batch_text) == 16, "the engine's texts take 16 bytes");
_Static_assert(sizeof(struct batch_wide) == 16, "the engine's wide integers take 16 bytes");
_Static_assert(sizeof(struct batch_interval) == 16, "the engine's intervals take 16 bytes");
_Static_assert(sizeof(struct batch_span) == 16, "the engine's list entries take 16 bytes");

bool batch_is_null(const struct batch_vector *vector, uint64_t row)
{
    if (vector->type == BATCH_NULL)
        return true;
    return vector->valid && !(vector->valid[row / 64] >> (row % 64) & 1);
}

str batch_text(const struct batch_vector *vector, uint64_t row)
{
    const struct batch_text *text = (const struct batch_text *)vector->values + row;
    if (text->as.inside.len <= BATCH_TEXT_INLINE_BYTES)
        return (str){text->as.inside.bytes, text->as.inside.len};
    return (str){text->as.outside.bytes, text->as.outside.len};
}

struct batch_text batch_text_of(str text)
{
    struct batch_text out = {.as.inside.len = (uint32_t)text.len};
    if (text.len > BATCH_TEXT_INLINE_BYTES) {
        memcpy(out.as.outside.prefix, text.ptr, sizeof out.as.outside.prefix);
        out.as.outside.bytes = text.ptr;
    } else if (text.len) {
        memcpy(out.as.inside.bytes, text.ptr, text.len);
    }
    return out;
}
