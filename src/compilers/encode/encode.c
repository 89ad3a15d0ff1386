#include "encode/encode_inside.h"

#include "limits/limits.h"
#include "map/map.h"

/* A column's name may be a whole expression of a text, and escapes make it six times as long. */
enum { NAME_BYTES_MAX_JSON = 8 * SQL_BYTES_MAX };

struct encode {
    struct arena *mem;
    enum row_format format;
    const struct row_column *columns;
    size_t len;
    str *keys; /* NDJSON: `"name":` of each column */
    bool has_rows;
};

/* ---- NDJSON: keys of an object must differ */

/* The name itself where it is free, else name_1, name_2 …; `counts` keeps where a name's numbers got to, and all names that are
 * given away or stand as a column later on. */
static str free_name(const struct encode *e, struct map *counts, str name, bool *is_used)
{
    if (!*is_used) {
        *is_used = true;
        return name;
    }
    unsigned *count = map_find(counts, name);
    for (;;) {
        str other = arena_format(e->mem, STR_FMT "_%u", STR_ARG(name), ++*count);
        if (!map_find(counts, other)) {
            map_put(counts, other, ARENA_NEW(e->mem, unsigned));
            return other;
        }
    }
}

static void make_keys(struct encode *e)
{
    struct map counts;
    struct map used;
    map_init(&counts, e->mem);
    map_init(&used, e->mem);
    for (size_t i = 0; i < e->len; i++) {
        if (map_find(&counts, e->columns[i].name))
            continue;
        map_put(&counts, e->columns[i].name, ARENA_NEW(e->mem, unsigned));
        map_put(&used, e->columns[i].name, ARENA_NEW(e->mem, bool));
    }
    struct buf *text = buf_new(e->mem, NAME_BYTES_MAX_JSON);
    e->keys = ARENA_ARRAY(e->mem, str, e->len + 1);
    for (size_t i = 0; i < e->len; i++) {
        buf_clear(text);
        encode_string(
            text, free_name(e, &counts, e->columns[i].name, map_find(&used, e->columns[i].name)));
        buf_add_byte(text, ':');
        e->keys[i] = buf_copy(text, e->mem);
    }
}

struct encode *encode_new(struct arena *mem, enum row_format format,
                          const struct row_column *columns, size_t len)
{
    struct encode *e = ARENA_NEW(mem, struct encode);
    *e = (struct encode){.mem = mem, .format = format, .columns = columns, .len = len};
    if (format == ROW_FORMAT_NDJSON)
        make_keys(e);
    return e;
}

/* ---- JSON */

static void add_columns(const struct encode *e, struct buf *out)
{
    buf_add(out, STR("\"columns\":["));
    for (size_t i = 0; i < e->len; i++) {
        buf_add(out, i ? STR(",{\"name\":") : STR("{\"name\":"));
        encode_string(out, e->columns[i].name);
        buf_add(out, STR(",\"type\":"));
        encode_string(out, e->columns[i].type);
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ']');
}

static void add_array(const struct batch *batch, uint64_t row, struct buf *out)
{
    buf_add_byte(out, '[');
    for (size_t i = 0; i < batch->column_count; i++) {
        if (i)
            buf_add_byte(out, ',');
        encode_json(out, &batch->columns[i], row);
    }
    buf_add_byte(out, ']');
}

static void add_object(const struct encode *e, const struct batch *batch, uint64_t row,
                       struct buf *out)
{
    buf_add_byte(out, '{');
    for (size_t i = 0; i < batch->column_count; i++) {
        if (i)
            buf_add_byte(out, ',');
        buf_add(out, e->keys[i]);
        encode_json(out, &batch->columns[i], row);
    }
    buf_add_byte(out, '}');
}

/* ---- CSV */

/* Puts quotes around what was written from `start` on, where it needs them. */
static void quote_field(struct buf *out, size_t start)
{
    size_t len = out->len - start;
    if (out->full)
        return;
    size_t quotes = 0;
    bool plain = len > 0;
    for (size_t i = start; i < out->len; i++) {
        char c = out->ptr[i];
        quotes += c == '"';
        if (c == '"' || c == ',' || c == '\r' || c == '\n')
            plain = false;
    }
    if (plain)
        return;
    if (!buf_room(out, quotes + 2))
        return;
    char *from = out->ptr + out->len;
    char *to = from + quotes + 2;
    *--to = '"';
    while (from > out->ptr + start) {
        *--to = *--from;
        if (*from == '"')
            *--to = '"';
    }
    *--to = '"';
    out->len += quotes + 2;
}

static bool may_need_quotes(enum batch_type type)
{
    switch (type) {
    case BATCH_TEXT:
    case BATCH_JSON:
    case BATCH_ENUM:
    case BATCH_BLOB:
    case BATCH_BIT:
    case BATCH_LIST:
    case BATCH_ARRAY:
    case BATCH_STRUCT:
    case BATCH_MAP:
    case BATCH_UNION:
        return true;
    default:
        return false;
    }
}

static void add_line(const struct batch *batch, uint64_t row, struct buf *out)
{
    for (size_t i = 0; i < batch->column_count; i++) {
        const struct batch_vector *column = &batch->columns[i];
        if (i)
            buf_add_byte(out, ',');
        size_t start = out->len;
        if (batch_is_null(column, row))
            continue;
        encode_text(out, column, row);
        if (may_need_quotes(column->type))
            quote_field(out, start);
    }
    buf_add(out, STR("\r\n"));
}

static void add_header(const struct encode *e, struct buf *out)
{
    for (size_t i = 0; i < e->len; i++) {
        if (i)
            buf_add_byte(out, ',');
        size_t start = out->len;
        buf_add(out, e->columns[i].name);
        quote_field(out, start);
    }
    buf_add(out, STR("\r\n"));
}

/* ---- the four formats */

void encode_begin(struct encode *e, struct buf *out)
{
    switch (e->format) {
    case ROW_FORMAT_ROWS:
        buf_add_byte(out, '{');
        add_columns(e, out);
        buf_add(out, STR("}\n"));
        break;
    case ROW_FORMAT_JSON:
        buf_add_byte(out, '{');
        add_columns(e, out);
        buf_add(out, STR(",\"rows\":["));
        break;
    case ROW_FORMAT_CSV:
        add_header(e, out);
        break;
    case ROW_FORMAT_NDJSON:
    case ROW_FORMAT_COUNT:
        break;
    }
}

static void add_row(struct encode *e, const struct batch *batch, uint64_t row, struct buf *out)
{
    switch (e->format) {
    case ROW_FORMAT_ROWS:
        add_array(batch, row, out);
        buf_add_byte(out, '\n');
        break;
    case ROW_FORMAT_JSON:
        buf_add(out, e->has_rows ? STR(",\n") : STR("\n"));
        add_array(batch, row, out);
        break;
    case ROW_FORMAT_NDJSON:
        add_object(e, batch, row, out);
        buf_add_byte(out, '\n');
        break;
    case ROW_FORMAT_CSV:
        add_line(batch, row, out);
        break;
    case ROW_FORMAT_COUNT:
        break;
    }
    e->has_rows = true;
}

void encode_rows(struct encode *e, const struct batch *batch, uint64_t *row, size_t enough_bytes,
                 struct buf *out)
{
    while (*row < batch->rows && out->len < enough_bytes && !out->full) {
        add_row(e, batch, *row, out);
        ++*row;
    }
}

void encode_end(struct encode *e, struct buf *out)
{
    if (e->format == ROW_FORMAT_JSON)
        buf_add(out, e->has_rows ? STR("\n]}\n") : STR("]}\n"));
}
