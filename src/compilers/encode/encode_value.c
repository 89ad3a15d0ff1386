#include "encode/encode_inside.h"

static const char HEX[] = "0123456789abcdef";

enum { KEY_BYTES_MAX = 16 * 1024 * 1024 };

#define VALUE(type) (((const type *)vector->values)[row])

static struct batch_wide decimal_value(const struct batch_vector *vector, uint64_t row)
{
    int64_t value;
    switch (vector->width) {
    case 2:
        value = VALUE(int16_t);
        break;
    case 4:
        value = VALUE(int32_t);
        break;
    case 8:
        value = VALUE(int64_t);
        break;
    default:
        return VALUE(struct batch_wide);
    }
    return (struct batch_wide){(uint64_t)value, value < 0 ? UINT64_MAX : 0};
}

static str enum_value(const struct batch_vector *vector, uint64_t row)
{
    uint64_t index;
    switch (vector->width) {
    case 1:
        index = VALUE(uint8_t);
        break;
    case 2:
        index = VALUE(uint16_t);
        break;
    default:
        index = VALUE(uint32_t);
    }
    return index < vector->name_count ? vector->names[index] : STR_NONE;
}

static void add_hex(struct buf *out, str bytes)
{
    char *at = buf_room(out, bytes.len * 2);
    if (!at)
        return;
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        at[2 * i] = HEX[c >> 4];
        at[2 * i + 1] = HEX[c & 15];
    }
    out->len += bytes.len * 2;
}

static void add_bits(struct buf *out, str bytes)
{
    if (bytes.len < 2)
        return;
    unsigned unused = (unsigned char)bytes.ptr[0];
    for (size_t i = 1; i < bytes.len; i++)
        for (unsigned bit = i == 1 && unused < 8 ? unused : 0; bit < 8; bit++)
            buf_add_byte(out, (unsigned char)bytes.ptr[i] >> (7 - bit) & 1 ? '1' : '0');
}

static void add_uuid(struct buf *out, struct batch_wide value)
{
    char *at = buf_room(out, 36);
    if (!at)
        return;
    uint64_t halves[2] = {value.upper ^ (uint64_t)1 << 63, value.lower};
    for (int i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            *at++ = '-';
        *at++ = HEX[halves[i / 16] >> (60 - 4 * (i % 16)) & 15];
    }
    out->len += 36;
}

static void add_not_finite(struct buf *out, double value)
{
    buf_add(out, value > 0 ? STR("Infinity") : value < 0 ? STR("-Infinity") : STR("NaN"));
}

/* Numbers and truth values: the same in JSON and in text, save the floats that are not finite. */
static bool add_number(struct buf *out, const struct batch_vector *vector, uint64_t row)
{
    switch (vector->type) {
    case BATCH_BOOL:
        buf_add(out, VALUE(uint8_t) ? STR("true") : STR("false"));
        return true;
    case BATCH_I8:
        encode_i64(out, VALUE(int8_t));
        return true;
    case BATCH_I16:
        encode_i64(out, VALUE(int16_t));
        return true;
    case BATCH_I32:
        encode_i64(out, VALUE(int32_t));
        return true;
    case BATCH_I64:
        encode_i64(out, VALUE(int64_t));
        return true;
    case BATCH_U8:
        encode_u64(out, VALUE(uint8_t));
        return true;
    case BATCH_U16:
        encode_u64(out, VALUE(uint16_t));
        return true;
    case BATCH_U32:
        encode_u64(out, VALUE(uint32_t));
        return true;
    case BATCH_U64:
        encode_u64(out, VALUE(uint64_t));
        return true;
    case BATCH_I128:
        encode_i128(out, VALUE(struct batch_wide));
        return true;
    case BATCH_U128:
        encode_u128(out, VALUE(struct batch_wide));
        return true;
    case BATCH_DECIMAL:
        encode_decimal(out, decimal_value(vector, row), vector->scale);
        return true;
    case BATCH_BIGNUM:
        encode_bignum(out, batch_text(vector, row));
        return true;
    case BATCH_F32:
        return encode_f32(out, VALUE(float));
    case BATCH_F64:
        return encode_f64(out, VALUE(double));
    default:
        return false;
    }
}

/* Scalars that are neither numbers nor free text: letters, digits and signs that no format must escape. */
static bool add_word(struct buf *out, const struct batch_vector *vector, uint64_t row)
{
    switch (vector->type) {
    case BATCH_F32:
        add_not_finite(out, (double)VALUE(float));
        return true;
    case BATCH_F64:
        add_not_finite(out, VALUE(double));
        return true;
    case BATCH_DATE:
        encode_date(out, VALUE(int32_t));
        return true;
    case BATCH_TIME:
        encode_time(out, VALUE(int64_t), 1000000);
        return true;
    case BATCH_TIME_NS:
        encode_time(out, VALUE(int64_t), 1000000000);
        return true;
    case BATCH_TIME_TZ:
        encode_time_tz(out, VALUE(uint64_t));
        return true;
    case BATCH_TIMESTAMP_S:
        encode_timestamp(out, VALUE(int64_t), 1, false);
        return true;
    case BATCH_TIMESTAMP_MS:
        encode_timestamp(out, VALUE(int64_t), 1000, false);
        return true;
    case BATCH_TIMESTAMP:
        encode_timestamp(out, VALUE(int64_t), 1000000, false);
        return true;
    case BATCH_TIMESTAMP_NS:
        encode_timestamp(out, VALUE(int64_t), 1000000000, false);
        return true;
    case BATCH_TIMESTAMP_TZ:
        encode_timestamp(out, VALUE(int64_t), 1000000, true);
        return true;
    case BATCH_INTERVAL:
        encode_interval(out, &VALUE(struct batch_interval));
        return true;
    case BATCH_UUID:
        add_uuid(out, VALUE(struct batch_wide));
        return true;
    case BATCH_BIT:
        add_bits(out, batch_text(vector, row));
        return true;
    default:
        return false;
    }
}

/* ---- nested values, always as JSON */

static void add_values(struct buf *out, const struct batch_vector *values, uint64_t start,
                       uint64_t len)
{
    buf_add_byte(out, '[');
    for (uint64_t i = 0; i < len && !out->full; i++) {
        if (i)
            buf_add_byte(out, ',');
        encode_json(out, values, start + i);
    }
    buf_add_byte(out, ']');
}

/* Without names, as row(1, 2) makes it, a struct is an array. */
static void add_struct(struct buf *out, const struct batch_vector *vector, uint64_t row)
{
    bool named = vector->name_count && vector->names[0].len;
    buf_add_byte(out, named ? '{' : '[');
    for (size_t i = 0; i < vector->child_count; i++) {
        if (i)
            buf_add_byte(out, ',');
        if (named) {
            encode_string(out, i < vector->name_count ? vector->names[i] : STR_NONE);
            buf_add_byte(out, ':');
        }
        encode_json(out, &vector->children[i], row);
    }
    buf_add_byte(out, named ? '}' : ']');
}

static void add_map(struct buf *out, const struct batch_vector *vector, uint64_t row)
{
    struct batch_span span = VALUE(struct batch_span);
    struct buf key;
    buf_init(&key, KEY_BYTES_MAX);
    buf_add_byte(out, '{');
    for (uint64_t i = 0; i < span.len && !out->full; i++) {
        if (i)
            buf_add_byte(out, ',');
        buf_clear(&key);
        encode_text(&key, &vector->children[0], span.start + i);
        encode_string(out, buf_str(&key));
        buf_add_byte(out, ':');
        encode_json(out, &vector->children[1], span.start + i);
        out->full = out->full || key.full;
    }
    buf_add_byte(out, '}');
    buf_free(&key);
}

static void add_union(struct buf *out, const struct batch_vector *vector, uint64_t row)
{
    const struct batch_vector *tags = &vector->children[0];
    uint64_t tag = ((const uint8_t *)tags->values)[row];
    if (batch_is_null(tags, row) || tag >= vector->name_count || tag + 1 >= vector->child_count) {
        buf_add(out, STR("null"));
        return;
    }
    buf_add_byte(out, '{');
    encode_string(out, vector->names[tag]);
    buf_add_byte(out, ':');
    encode_json(out, &vector->children[tag + 1], row);
    buf_add_byte(out, '}');
}

static bool add_nested(struct buf *out, const struct batch_vector *vector, uint64_t row)
{
    switch (vector->type) {
    case BATCH_LIST: {
        struct batch_span span = VALUE(struct batch_span);
        add_values(out, &vector->children[0], span.start, span.len);
        return true;
    }
    case BATCH_ARRAY:
        add_values(out, &vector->children[0], row * vector->size, vector->size);
        return true;
    case BATCH_STRUCT:
        add_struct(out, vector, row);
        return true;
    case BATCH_MAP:
        add_map(out, vector, row);
        return true;
    case BATCH_UNION:
        add_union(out, vector, row);
        return true;
    default:
        return false;
    }
}

/* ---- one value */

void encode_json(struct buf *out, const struct batch_vector *vector, uint64_t row)
{
    if (batch_is_null(vector, row)) {
        buf_add(out, STR("null"));
        return;
    }
    if (vector->type == BATCH_TEXT) {
        encode_string(out, batch_text(vector, row));
        return;
    }
    if (add_number(out, vector, row) || add_nested(out, vector, row))
        return;
    if (vector->type == BATCH_JSON) {
        if (!encode_document(out, batch_text(vector, row)))
            encode_string(out, batch_text(vector, row));
        return;
    }
    if (vector->type == BATCH_ENUM) {
        encode_string(out, enum_value(vector, row));
        return;
    }
    buf_add_byte(out, '"');
    if (vector->type == BATCH_BLOB) {
        buf_add(out, STR("\\\\x"));
        add_hex(out, batch_text(vector, row));
    } else {
        add_word(out, vector, row);
    }
    buf_add_byte(out, '"');
}

void encode_text(struct buf *out, const struct batch_vector *vector, uint64_t row)
{
    if (batch_is_null(vector, row))
        return;
    if (vector->type == BATCH_TEXT || vector->type == BATCH_JSON) {
        buf_add(out, batch_text(vector, row));
        return;
    }
    if (add_number(out, vector, row) || add_word(out, vector, row) || add_nested(out, vector, row))
        return;
    if (vector->type == BATCH_ENUM)
        buf_add(out, enum_value(vector, row));
    if (vector->type == BATCH_BLOB) {
        buf_add(out, STR("\\x"));
        add_hex(out, batch_text(vector, row));
    }
}
