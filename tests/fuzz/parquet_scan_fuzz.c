/* Footers and page headers of Parquet: nothing is read past the end, and what is taken fits the file. */
#include "scan/parquet_scan.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena *mem = arena_new();
    struct parquet_footer footer;
    struct parquet_page page;
    str text = {(const char *)data, len};
    if (parquet_scan_footer(mem, text, 1000, &footer))
        for (size_t i = 0; i < footer.chunks.len; i++)
            if (footer.chunks.at[i].values > 0 && footer.chunks.at[i].offset >= 1000)
                abort();
    if (parquet_scan_page(text, &page) && page.header_bytes > len)
        abort();
    arena_free(mem);
    return 0;
}
