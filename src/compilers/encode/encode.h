/* Batches to bytes: the four formats of sink/sink.h. No document is built in between. Pure.
 *
 * Values in JSON: integers, DECIMAL and BIGNUM are numbers with all their digits (readers with doubles lose those past 2^53); DOUBLE
 * and FLOAT are the shortest number that reads back as the same value, and "NaN", "Infinity", "-Infinity" as texts; dates and
 * times are texts as PostgreSQL prints them (`2026-11-22 10:00:00.5+00`); BLOB is `\x` and hex; LIST and ARRAY are arrays,
 * STRUCT and MAP objects, UNION an object of its one member; JSON columns are put in as they are.
 * In CSV the same texts stand without quotes unless they need them; nested values are JSON in one field. Lines end with CR LF. */
#ifndef WEFT_ENCODE_H
#define WEFT_ENCODE_H

#include "batch/batch.h"
#include "buf/buf.h"
#include "sink/sink.h"

struct encode;

/* Columns are borrowed. In NDJSON a name that stands there already becomes name_1, name_2 … */
struct encode *encode_new(struct arena *mem, enum row_format format,
                          const struct row_column *columns, size_t len);
void encode_begin(struct encode *e, struct buf *out);
/* Writes rows from *row on and moves it: until the batch ends, or `out` holds `enough_bytes`, or it is full (which leaves the
 * part of a row behind: the caller gives up then). */
void encode_rows(struct encode *e, const struct batch *batch, uint64_t *row, size_t enough_bytes,
                 struct buf *out);
void encode_end(struct encode *e, struct buf *out);

/* One value: as JSON, or as the text that CSV quotes. NULL is `null`, or nothing. */
void encode_json(struct buf *out, const struct batch_vector *vector, uint64_t row);
void encode_text(struct buf *out, const struct batch_vector *vector, uint64_t row);

#endif
