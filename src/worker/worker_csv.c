#include "worker_csv.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scan/csv_scan.h"

enum {
    BLOCK_BYTES = 1024 * 1024, /* a longer line is odd */
    THREADS_MAX = 16,
};

#define ODD "weft: a file is not of the plain kind"

/* What a statement reads. */
struct csv {
    char **files;
    size_t files_len;
    struct csv_type *types, *texts;
    size_t len;
    struct csv_lines lines; /* of all files but how their lines end */
};

/* Where its threads are: blocks are taken in turns. */
struct csv_source {
    pthread_mutex_t lock;
    size_t file; /* the next one to be opened */
    int fd;
    bool is_crlf;
    bool is_odd;
    char *rest; /* of the last block: the beginning of a line */
    size_t rest_len;
    size_t *columns; /* asked for */
    size_t columns_len;
};

/* A thread's block. */
struct csv_block {
    char *bytes, *at, *end;
    struct csv_value *values;
    bool is_crlf, has_header;
};

/* ---- bind */

static void csv_free(void *state)
{
    struct csv *csv = state;
    for (size_t i = 0; csv->files && i < csv->files_len; i++)
        duckdb_free(csv->files[i]);
    free(csv->files);
    free(csv->types);
    free(csv->texts);
    free(csv);
}

static duckdb_logical_type type_of(const char *text, const struct csv_type *type)
{
    static const struct {
        const char *name;
        duckdb_type type;
    } known[] = {
        {"TINYINT", DUCKDB_TYPE_TINYINT},   {"SMALLINT", DUCKDB_TYPE_SMALLINT},
        {"INTEGER", DUCKDB_TYPE_INTEGER},   {"BIGINT", DUCKDB_TYPE_BIGINT},
        {"UTINYINT", DUCKDB_TYPE_UTINYINT}, {"USMALLINT", DUCKDB_TYPE_USMALLINT},
        {"UINTEGER", DUCKDB_TYPE_UINTEGER}, {"UBIGINT", DUCKDB_TYPE_UBIGINT},
        {"VARCHAR", DUCKDB_TYPE_VARCHAR},   {"DOUBLE", DUCKDB_TYPE_DOUBLE},
        {"DATE", DUCKDB_TYPE_DATE},         {"TIMESTAMP", DUCKDB_TYPE_TIMESTAMP},
        {"BOOLEAN", DUCKDB_TYPE_BOOLEAN},
    };
    uint8_t digits = 0;
    if (type->kind == CSV_DECIMAL) {
        for (uint64_t most = type->high; most; most /= 10)
            digits++;
        return duckdb_create_decimal_type(digits, (uint8_t)type->scale);
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(text, known[i].name) == 0)
            return duckdb_create_logical_type(known[i].type);
    return NULL;
}

static char *text_at(duckdb_value list, idx_t i)
{
    duckdb_value value = duckdb_get_list_child(list, i);
    char *text = duckdb_get_varchar(value);
    duckdb_destroy_value(&value);
    return text;
}

static bool add_column(duckdb_bind_info info, struct csv *csv, size_t i, const char *name,
                       const char *type)
{
    duckdb_logical_type logical = NULL;
    bool ok = name && type && csv_type_read(str_of(type), &csv->types[i])
           && (logical = type_of(type, &csv->types[i]));
    if (ok)
        duckdb_bind_add_result_column(info, name, logical);
    duckdb_destroy_logical_type(&logical);
    return ok;
}

static bool bind_columns(duckdb_bind_info info, struct csv *csv)
{
    duckdb_value names = duckdb_bind_get_parameter(info, 2);
    duckdb_value types = duckdb_bind_get_parameter(info, 3);
    bool ok = duckdb_get_list_size(names) == duckdb_get_list_size(types);
    csv->len = ok ? duckdb_get_list_size(names) : 0;
    csv->types = calloc(csv->len + 1, sizeof *csv->types);
    csv->texts = calloc(csv->len + 1, sizeof *csv->texts); /* of kind CSV_TEXT */
    CHECK(csv->types && csv->texts);
    for (size_t i = 0; ok && i < csv->len; i++) {
        char *name = text_at(names, i), *type = text_at(types, i);
        ok = add_column(info, csv, i, name, type);
        duckdb_free(name);
        duckdb_free(type);
    }
    csv->lines.types = csv->types;
    csv->lines.len = csv->len;
    duckdb_destroy_value(&names);
    duckdb_destroy_value(&types);
    return ok && csv->len > 0;
}

static bool bind_files(duckdb_bind_info info, struct csv *csv)
{
    duckdb_value files = duckdb_bind_get_parameter(info, 0);
    duckdb_value delimiter = duckdb_bind_get_parameter(info, 1);
    char *text = duckdb_get_varchar(delimiter);
    bool ok = text && csv_lines_begin(&csv->lines, str_of(text));
    csv->files_len = duckdb_get_list_size(files);
    csv->files = calloc(csv->files_len + 1, sizeof *csv->files);
    CHECK(csv->files);
    for (size_t i = 0; i < csv->files_len; i++) {
        csv->files[i] = text_at(files, i);
        ok = ok && csv->files[i];
    }
    duckdb_free(text);
    duckdb_destroy_value(&files);
    duckdb_destroy_value(&delimiter);
    return ok;
}

static void csv_bind(duckdb_bind_info info)
{
    struct csv *csv = calloc(1, sizeof *csv);
    CHECK(csv);
    duckdb_bind_set_bind_data(info, csv, csv_free);
    if (!bind_files(info, csv) || !bind_columns(info, csv))
        duckdb_bind_set_error(info, ODD);
}

/* ---- init */

static void source_free(void *state)
{
    struct csv_source *source = state;
    if (source->fd >= 0)
        close(source->fd);
    pthread_mutex_destroy(&source->lock);
    free(source->rest);
    free(source->columns);
    free(source);
}

static void csv_init(duckdb_init_info info)
{
    struct csv_source *source = calloc(1, sizeof *source);
    CHECK(source && pthread_mutex_init(&source->lock, NULL) == 0);
    source->fd = -1;
    source->rest = malloc(BLOCK_BYTES);
    source->columns_len = duckdb_init_get_column_count(info);
    source->columns = calloc(source->columns_len + 1, sizeof *source->columns);
    CHECK(source->rest && source->columns);
    for (size_t i = 0; i < source->columns_len; i++)
        source->columns[i] = duckdb_init_get_column_index(info, i);
    duckdb_init_set_init_data(info, source, source_free);
    duckdb_init_set_max_threads(info, THREADS_MAX);
}

static void block_free(void *state)
{
    struct csv_block *block = state;
    free(block->bytes);
    free(block->values);
    free(block);
}

static void csv_init_local(duckdb_init_info info)
{
    const struct csv *csv = duckdb_init_get_bind_data(info);
    struct csv_block *block = calloc(1, sizeof *block);
    CHECK(block);
    block->bytes = block->at = block->end = malloc(BLOCK_BYTES + 2);
    block->values = calloc(csv->len + 1, sizeof *block->values);
    CHECK(block->bytes && block->values);
    duckdb_init_set_init_data(info, block, block_free);
}

/* ---- blocks */

static size_t read_bytes(int fd, char *to, size_t len)
{
    size_t done = 0;
    ssize_t got = 1;
    while (done < len && got > 0) {
        got = read(fd, to + done, len - done);
        done += got > 0 ? (size_t)got : 0;
    }
    return got < 0 ? SIZE_MAX : done;
}

static bool open_next(const struct csv *csv, struct csv_source *source)
{
    source->fd = open(csv->files[source->file++], O_RDONLY | O_CLOEXEC);
    source->rest_len = 0;
    return source->fd >= 0;
}

/* Whole lines of one file; with `*has_lines` false there are no more. Under the lock. */
static bool fill_block(const struct csv *csv, struct csv_source *source, struct csv_block *block,
                       bool *has_lines)
{
    block->has_header = source->fd < 0;
    *has_lines = source->fd >= 0 || source->file < csv->files_len;
    if (!*has_lines)
        return true;
    if (source->fd < 0 && !open_next(csv, source))
        return false;
    memcpy(block->bytes, source->rest, source->rest_len);
    size_t room = BLOCK_BYTES - source->rest_len;
    size_t got = read_bytes(source->fd, block->bytes + source->rest_len, room);
    if (got == SIZE_MAX)
        return false;
    size_t len = source->rest_len + got, whole;
    bool is_crlf;
    bool is_last = got < room;
    whole = csv_lines_whole((str){block->bytes, len}, &is_crlf);
    if (block->has_header)
        source->is_crlf = is_crlf;
    block->is_crlf = source->is_crlf;
    if (is_last && len > whole) { /* the last line of a file needs no end */
        if (block->is_crlf)
            block->bytes[len++] = '\r';
        block->bytes[len++] = '\n';
        whole = len;
    }
    if (is_last) {
        close(source->fd);
        source->fd = -1;
    } else if (!whole || len - whole >= BLOCK_BYTES) {
        return false;
    }
    source->rest_len = is_last ? 0 : len - whole;
    memcpy(source->rest, block->bytes + whole, source->rest_len);
    block->at = block->bytes;
    block->end = block->bytes + whole;
    return true;
}

static bool pass_header(const struct csv *csv, struct csv_block *block)
{
    struct csv_lines lines = csv->lines;
    lines.types = csv->texts;
    lines.is_crlf = block->is_crlf;
    block->has_header = false;
    return block->at < block->end && csv_lines_read(&lines, &block->at, block->end, block->values);
}

static bool next_block(const struct csv *csv, struct csv_source *source, struct csv_block *block,
                       bool *has_lines)
{
    pthread_mutex_lock(&source->lock);
    bool ok = !source->is_odd && fill_block(csv, source, block, has_lines);
    source->is_odd = !ok;
    pthread_mutex_unlock(&source->lock);
    return ok && (!*has_lines || !block->has_header || pass_header(csv, block));
}

/* ---- rows */

static void set_number(void *data, duckdb_type type, idx_t row, int64_t number)
{
    switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_UTINYINT:
        ((int8_t *)data)[row] = (int8_t)number;
        break;
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_USMALLINT:
        ((int16_t *)data)[row] = (int16_t)number;
        break;
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_DATE:
        ((int32_t *)data)[row] = (int32_t)number;
        break;
    default:
        ((int64_t *)data)[row] = number;
    }
}

/* A column of the chunk that is being filled. */
struct target {
    const struct csv_value *value;
    duckdb_vector vector;
    void *data;
    uint64_t *validity;
    duckdb_type type; /* as it is stored */
};

/* What is long stays in the block, where it lies until the next rows are asked for: as with the engine's own reader of CSV. */
static duckdb_string_t string_of(str text)
{
    duckdb_string_t string = {0};
    string.value.inlined.length = (uint32_t)text.len;
    if (text.len <= sizeof string.value.inlined.inlined) {
        memcpy(string.value.inlined.inlined, text.ptr, text.len);
    } else {
        memcpy(string.value.pointer.prefix, text.ptr, sizeof string.value.pointer.prefix);
        memcpy(&string.value.pointer.ptr, &text.ptr, sizeof text.ptr);
    }
    return string;
}

static void set_value(struct target *target, idx_t row)
{
    const struct csv_value *value = target->value;
    if (value->is_null) {
        if (!target->validity) {
            duckdb_vector_ensure_validity_writable(target->vector);
            target->validity = duckdb_vector_get_validity(target->vector);
        }
        duckdb_validity_set_row_invalid(target->validity, row);
    } else if (target->type == DUCKDB_TYPE_VARCHAR) {
        ((duckdb_string_t *)target->data)[row] = string_of(value->text);
    } else if (target->type == DUCKDB_TYPE_DOUBLE) {
        ((double *)target->data)[row] = value->real;
    } else {
        set_number(target->data, target->type, row, value->number);
    }
}

static void aim(const struct csv *csv, const struct csv_source *source,
                const struct csv_block *block, duckdb_data_chunk chunk, struct target *targets)
{
    for (size_t i = 0; i < source->columns_len; i++) {
        struct target *target = &targets[i];
        *target = (struct target){.vector = duckdb_data_chunk_get_vector(chunk, i)};
        if (source->columns[i] >= csv->len) /* a row's number, which nobody asks for */
            continue;
        duckdb_logical_type type = duckdb_vector_get_column_type(target->vector);
        target->value = &block->values[source->columns[i]];
        target->data = duckdb_vector_get_data(target->vector);
        target->type = duckdb_get_type_id(type);
        if (target->type == DUCKDB_TYPE_DECIMAL)
            target->type = duckdb_decimal_internal_type(type);
        duckdb_destroy_logical_type(&type);
    }
}

/* Of one block, whose texts the rows point to. */
static bool fill_rows(const struct csv *csv, struct csv_source *source, struct csv_block *block,
                      struct target *targets, idx_t *rows)
{
    struct csv_lines lines = csv->lines;
    idx_t most = duckdb_vector_size();
    bool has_lines = true;
    while (block->at == block->end && has_lines)
        if (!next_block(csv, source, block, &has_lines))
            return false;
    lines.is_crlf = block->is_crlf;
    for (; *rows < most && block->at < block->end; ++*rows) {
        if (!csv_lines_read(&lines, &block->at, block->end, block->values))
            return false;
        for (size_t i = 0; i < source->columns_len; i++)
            if (targets[i].value)
                set_value(&targets[i], *rows);
    }
    return true;
}

static void csv_rows(duckdb_function_info info, duckdb_data_chunk chunk)
{
    const struct csv *csv = duckdb_function_get_bind_data(info);
    struct csv_source *source = duckdb_function_get_init_data(info);
    struct csv_block *block = duckdb_function_get_local_init_data(info);
    struct target *targets = calloc(source->columns_len + 1, sizeof *targets);
    idx_t rows = 0;
    CHECK(targets);
    aim(csv, source, block, chunk, targets);
    if (!fill_rows(csv, source, block, targets, &rows)) {
        duckdb_function_set_error(info, ODD);
        rows = 0;
    }
    free(targets);
    duckdb_data_chunk_set_size(chunk, rows);
}

bool worker_csv_open(duckdb_connection con)
{
    duckdb_table_function function = duckdb_create_table_function();
    duckdb_logical_type text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    duckdb_logical_type texts = duckdb_create_list_type(text);
    duckdb_logical_type parameters[] = {texts, text, texts, texts};
    duckdb_table_function_set_name(function, "weft_csv");
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
        duckdb_table_function_add_parameter(function, parameters[i]);
    duckdb_table_function_set_bind(function, csv_bind);
    duckdb_table_function_set_init(function, csv_init);
    duckdb_table_function_set_local_init(function, csv_init_local);
    duckdb_table_function_set_function(function, csv_rows);
    duckdb_table_function_supports_projection_pushdown(function, true);
    bool ok = duckdb_register_table_function(con, function) == DuckDBSuccess;
    duckdb_destroy_logical_type(&text);
    duckdb_destroy_logical_type(&texts);
    duckdb_destroy_table_function(&function);
    return ok;
}
