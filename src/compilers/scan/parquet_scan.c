#include "scan/parquet_scan.h"

#include "limits/limits.h"

/* ---- Thrift's compact protocol */

enum {
    THRIFT_TRUE = 1,
    THRIFT_FALSE,
    THRIFT_BYTE,
    THRIFT_I16,
    THRIFT_I32,
    THRIFT_I64,
    THRIFT_DOUBLE,
    THRIFT_BINARY,
    THRIFT_LIST,
    THRIFT_SET,
    THRIFT_MAP,
    THRIFT_STRUCT,
    THRIFT_DEPTH_MAX = 32,
    SCHEMA_DEPTH_MAX = 256, /* a list takes two */
};

struct thrift {
    str rest;
    bool failed;
};

struct thrift_field {
    int id, kind;
};

static uint64_t thrift_varint(struct thrift *t)
{
    uint64_t value = 0;

    for (int shift = 0; shift < 64; shift += 7) {
        if (t->rest.len == 0) {
            break;
        }
        unsigned char c = (unsigned char)t->rest.ptr[0];
        t->rest = str_from(t->rest, 1);
        value |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80) {
            return value;
        }
    }
    t->failed = true;
    return 0;
}

static int64_t thrift_number(struct thrift *t)
{
    uint64_t raw = thrift_varint(t);

    return (int64_t)(raw >> 1) ^ -(int64_t)(raw & 1);
}

/* A number that counts or places something. */
static uint64_t thrift_size(struct thrift *t)
{
    int64_t value = thrift_number(t);

    t->failed = t->failed || value < 0;
    return value < 0 ? 0 : (uint64_t)value;
}

static void thrift_drop(struct thrift *t, uint64_t len)
{
    t->failed = t->failed || len > t->rest.len;
    t->rest = str_from(t->rest, t->failed ? t->rest.len : (size_t)len);
}

/* False at the end of the struct. */
static bool thrift_next(struct thrift *t, struct thrift_field *field)
{
    if (t->failed || t->rest.len == 0) {
        t->failed = true;
        return false;
    }
    unsigned char c = (unsigned char)t->rest.ptr[0];
    t->rest = str_from(t->rest, 1);
    if (c == 0) {
        return false;
    }
    field->kind = c & 0x0f;
    field->id = c >> 4 ? field->id + (c >> 4) : (int)thrift_number(t);
    return !t->failed;
}

static uint64_t thrift_list(struct thrift *t, int *kind_out)
{
    if (t->rest.len == 0) {
        t->failed = true;
        return 0;
    }
    unsigned char c = (unsigned char)t->rest.ptr[0];
    t->rest = str_from(t->rest, 1);
    *kind_out = c & 0x0f;
    uint64_t len = c >> 4 == 15 ? thrift_varint(t) : c >> 4;
    /* Each element takes a byte at least. */
    t->failed = t->failed || len > t->rest.len;
    return t->failed ? 0 : len;
}

static void thrift_skip(struct thrift *t, int kind, int depth);

static void thrift_skip_list(struct thrift *t, int depth)
{
    int kind = 0;
    uint64_t len = thrift_list(t, &kind);

    for (uint64_t i = 0; i < len && !t->failed; i++) {
        /* A bool is a byte in a list, and nothing in a struct. */
        if (kind == THRIFT_TRUE || kind == THRIFT_FALSE) {
            thrift_drop(t, 1);
        } else {
            thrift_skip(t, kind, depth + 1);
        }
    }
}

static void thrift_skip_map(struct thrift *t, int depth)
{
    uint64_t len = thrift_varint(t);

    if (len == 0 || t->failed || t->rest.len == 0) {
        return;
    }
    int kinds = (unsigned char)t->rest.ptr[0];
    t->rest = str_from(t->rest, 1);
    t->failed = len > t->rest.len;
    for (uint64_t i = 0; i < len && !t->failed; i++) {
        thrift_skip(t, kinds >> 4, depth + 1);
        thrift_skip(t, kinds & 0x0f, depth + 1);
    }
}

static void thrift_skip(struct thrift *t, int kind, int depth)
{
    struct thrift_field field = {0};

    if (depth > THRIFT_DEPTH_MAX) {
        t->failed = true;
        return;
    }
    switch (kind) {
    case THRIFT_TRUE:
    case THRIFT_FALSE:
        break;
    case THRIFT_BYTE:
        thrift_drop(t, 1);
        break;
    case THRIFT_I16:
    case THRIFT_I32:
    case THRIFT_I64:
        (void)thrift_varint(t);
        break;
    case THRIFT_DOUBLE:
        thrift_drop(t, 8);
        break;
    case THRIFT_BINARY:
        thrift_drop(t, thrift_varint(t));
        break;
    case THRIFT_LIST:
    case THRIFT_SET:
        thrift_skip_list(t, depth);
        break;
    case THRIFT_MAP:
        thrift_skip_map(t, depth);
        break;
    case THRIFT_STRUCT:
        while (thrift_next(t, &field)) {
            thrift_skip(t, field.kind, depth + 1);
        }
        break;
    default:
        t->failed = true;
    }
}

/* ---- the footer */

struct footer_leaf {
    bool is_flat; /* one value a row */
};

struct footer_reader {
    struct arena *mem;
    struct thrift t;
    uint64_t file_bytes;
    struct {
        VEC_OF(struct footer_leaf)
    } leaves;
    struct parquet_footer *out;
    uint64_t rows; /* of all row groups */
};

struct footer_element {
    uint64_t children;
    bool is_repeated;
};

static struct footer_element footer_read_element(struct thrift *t)
{
    struct footer_element element = {0};
    struct thrift_field field = {0};

    while (thrift_next(t, &field)) {
        if (field.id == 3 && field.kind == THRIFT_I32) {
            element.is_repeated = thrift_number(t) == 2;
        } else if (field.id == 5 && field.kind == THRIFT_I32) {
            element.children = thrift_size(t);
        } else {
            thrift_skip(t, field.kind, 0);
        }
    }
    return element;
}

/* Elements stand in preorder; what is below something repeated has any number of values a row. */
static void footer_read_schema(struct footer_reader *r)
{
    struct {
        uint64_t left;
        bool is_repeated;
    } open[SCHEMA_DEPTH_MAX];
    size_t depth = 0;
    int kind = 0;
    uint64_t len = thrift_list(&r->t, &kind);

    r->t.failed = r->t.failed || kind != THRIFT_STRUCT || len == 0;
    for (uint64_t i = 0; i < len && !r->t.failed; i++) {
        struct footer_element element = footer_read_element(&r->t);
        bool is_repeated = element.is_repeated || (depth > 0 && open[depth - 1].is_repeated);

        if (depth > 0) {
            open[depth - 1].left--;
        }
        if (element.children == 0 && i > 0) {
            vec_push(r->mem, &r->leaves, ((struct footer_leaf){!is_repeated}));
        } else if (depth == sizeof(open) / sizeof(open[0]) || element.children > len) {
            r->t.failed = true;
        } else {
            open[depth].left = element.children;
            open[depth++].is_repeated = i > 0 && is_repeated;
        }
        while (depth > 0 && open[depth - 1].left == 0) {
            depth--;
        }
    }
    r->t.failed = r->t.failed || depth != 0;
}

static void footer_read_meta(struct footer_reader *r, struct parquet_chunk *chunk)
{
    struct thrift_field field = {0};
    uint64_t data = 0, dictionary = 0;

    while (thrift_next(&r->t, &field)) {
        if (field.id == 5 && field.kind == THRIFT_I64) {
            chunk->values = thrift_size(&r->t);
        } else if (field.id == 9 && field.kind == THRIFT_I64) {
            data = thrift_size(&r->t);
        } else if (field.id == 11 && field.kind == THRIFT_I64) {
            dictionary = thrift_size(&r->t);
        } else {
            thrift_skip(&r->t, field.kind, 0);
        }
    }
    chunk->offset = dictionary > 0 && dictionary < data ? dictionary : data;
    r->t.failed = r->t.failed || (chunk->values > 0 && data >= r->file_bytes);
}

static void footer_read_chunk(struct footer_reader *r)
{
    struct thrift_field field = {0};
    struct parquet_chunk chunk = {0};
    bool has_meta = false;

    while (thrift_next(&r->t, &field)) {
        if (field.id == 3 && field.kind == THRIFT_STRUCT) {
            footer_read_meta(r, &chunk);
            has_meta = true;
        } else {
            thrift_skip(&r->t, field.kind, 0);
        }
    }
    /* Encrypted columns have none, and nobody to read them either. */
    r->t.failed = r->t.failed || !has_meta;
    vec_push(r->mem, &r->out->chunks, chunk);
}

static void footer_read_group(struct footer_reader *r)
{
    struct thrift_field field = {0};
    size_t first = r->out->chunks.len;
    uint64_t rows = 0;

    while (thrift_next(&r->t, &field)) {
        if (field.id == 1 && field.kind == THRIFT_LIST) {
            int kind = 0;
            uint64_t len = thrift_list(&r->t, &kind);

            r->t.failed = r->t.failed || (len > 0 && kind != THRIFT_STRUCT);
            for (uint64_t i = 0; i < len && !r->t.failed; i++) {
                footer_read_chunk(r);
            }
        } else if (field.id == 3 && field.kind == THRIFT_I64) {
            rows = thrift_size(&r->t);
        } else {
            thrift_skip(&r->t, field.kind, 0);
        }
    }
    r->t.failed = r->t.failed || r->out->chunks.len - first != r->leaves.len
               || __builtin_add_overflow(r->rows, rows, &r->rows);
    for (size_t i = 0; i < r->leaves.len && !r->t.failed; i++) {
        r->t.failed = r->leaves.at[i].is_flat && r->out->chunks.at[first + i].values != rows;
    }
}

bool parquet_scan_footer(struct arena *mem, str text, uint64_t file_bytes,
                         struct parquet_footer *out)
{
    struct footer_reader r = {
        .mem = mem, .t = {.rest = text}, .file_bytes = file_bytes, .out = out};
    struct thrift_field field = {0};
    bool has_schema = false;

    *out = (struct parquet_footer){0};
    while (thrift_next(&r.t, &field)) {
        if (field.id == 2 && field.kind == THRIFT_LIST) {
            footer_read_schema(&r);
            has_schema = true;
        } else if (field.id == 3 && field.kind == THRIFT_I64) {
            out->rows = thrift_size(&r.t);
        } else if (field.id == 4 && field.kind == THRIFT_LIST && has_schema) {
            int kind = 0;
            uint64_t len = thrift_list(&r.t, &kind);

            r.t.failed = r.t.failed || (len > 0 && kind != THRIFT_STRUCT);
            for (uint64_t i = 0; i < len && !r.t.failed; i++) {
                footer_read_group(&r);
            }
        } else {
            thrift_skip(&r.t, field.kind, 0);
        }
    }
    return !r.t.failed && has_schema && r.rows == out->rows;
}

/* ---- pages */

static uint64_t page_read_values(struct thrift *t)
{
    struct thrift_field field = {0};
    uint64_t values = 0;

    while (thrift_next(t, &field)) {
        if (field.id == 1 && field.kind == THRIFT_I32) {
            values = thrift_size(t);
        } else {
            thrift_skip(t, field.kind, 0);
        }
    }
    return values;
}

bool parquet_scan_page(str text, struct parquet_page *out)
{
    struct thrift t = {.rest = text};
    struct thrift_field field = {0};

    *out = (struct parquet_page){0};
    while (thrift_next(&t, &field)) {
        if (field.id == 3 && field.kind == THRIFT_I32) {
            out->data_bytes = thrift_size(&t);
        } else if (field.id == 4 && field.kind == THRIFT_I32) {
            out->checksum = (uint32_t)thrift_number(&t);
            out->has_checksum = true;
        } else if ((field.id == 5 || field.id == 8) && field.kind == THRIFT_STRUCT) {
            out->values = page_read_values(&t);
        } else {
            thrift_skip(&t, field.kind, 0);
        }
    }
    out->header_bytes = text.len - t.rest.len;
    return !t.failed;
}
