/* The parts of a Parquet file that say how much of it there is, held against each other: the engine believes each of them, and rows that a
 * footer does not count are lost without a word. Pure: the caller reads the bytes. */
#ifndef WEFT_PARQUET_SCAN_H
#define WEFT_PARQUET_SCAN_H

#include "vec/vec.h"

/* All pages of one column in one row group. */
struct parquet_chunk {
    uint64_t offset; /* of its first page */
    uint64_t values;
};

struct parquet_footer {
    uint64_t rows;
    struct {
        VEC_OF(struct parquet_chunk)
    } chunks;
};

struct parquet_page {
    uint64_t header_bytes, data_bytes;
    uint64_t values; /* 0 of a page that is none of data */
    bool has_checksum;
    uint32_t checksum; /* CRC-32 of the data as it lies there */
};

/* `text` is the footer alone, `file_bytes` the size of the file. False when it cannot be read, or does not fit itself. */
bool parquet_scan_footer(struct arena *mem, str text, uint64_t file_bytes,
                         struct parquet_footer *out);
/* `text` begins with the header of a page and may end anywhere. */
bool parquet_scan_page(str text, struct parquet_page *out);

#endif
