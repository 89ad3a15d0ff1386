/* Between the files of encode only. */
#ifndef WEFT_ENCODE_INSIDE_H
#define WEFT_ENCODE_INSIDE_H

#include "encode/encode.h"

/* A JSON string with its quotes; what is no UTF-8 becomes U+FFFD. */
void encode_string(struct buf *out, str text);
/* A JSON document on one line, without space between its parts; false and nothing written when it is none. */
bool encode_document(struct buf *out, str text);

void encode_i64(struct buf *out, int64_t value);
void encode_u64(struct buf *out, uint64_t value);
void encode_i128(struct buf *out, struct batch_wide value);
void encode_u128(struct buf *out, struct batch_wide value);
void encode_decimal(struct buf *out, struct batch_wide value, unsigned scale);
/* False and nothing written unless the value is finite. */
bool encode_f64(struct buf *out, double value);
bool encode_f32(struct buf *out, float value);
void encode_bignum(struct buf *out, str bytes);

void encode_date(struct buf *out, int32_t days);
/* `per_second` is 1, 1,000, 1,000,000 or 1,000,000,000. */
void encode_timestamp(struct buf *out, int64_t value, int64_t per_second, bool with_zone);
void encode_time(struct buf *out, int64_t value, int64_t per_second);
void encode_time_tz(struct buf *out, uint64_t bits);
void encode_interval(struct buf *out, const struct batch_interval *interval);

#endif
