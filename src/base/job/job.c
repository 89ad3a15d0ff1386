#include "job/job.h"

#include "limits/limits.h"

static const char *const KIND_NAMES[WORKER_KIND_COUNT] = {
    [WORKER_CONSUMER] = "consumer", [WORKER_CLEARING] = "clearing", [WORKER_BUILD] = "build",
    [WORKER_CHECK] = "check",       [WORKER_EXTRACT] = "extract",
};

const char *worker_kind_name(enum worker_kind kind)
{
    return kind < WORKER_KIND_COUNT ? KIND_NAMES[kind] : "unknown";
}

bool worker_kind_by_name(str name, enum worker_kind *out)
{
    for (int i = 0; i < WORKER_KIND_COUNT; i++) {
        if (str_eq(name, str_of(KIND_NAMES[i]))) {
            *out = (enum worker_kind)i;
            return true;
        }
    }
    return false;
}

void job_deletion_columns(struct arena *mem, struct job_columns *out)
{
    vec_push(mem, out, ((struct job_column){.name = STR("row"), .type = STR("BIGINT"), .id = 1}));
}

/* ---- packing: the order of the fields here is the format */

static void put_columns(struct buf *b, const struct job_columns *columns)
{
    frame_put_u32(b, (uint32_t)columns->len);
    for (size_t i = 0; i < columns->len; i++) {
        frame_put_str(b, columns->at[i].name);
        frame_put_str(b, columns->at[i].type);
        frame_put_u32(b, columns->at[i].id);
    }
}

static void put_view(struct buf *b, const struct job_view *view)
{
    frame_put_str(b, view->catalog);
    frame_put_str(b, view->schema);
    frame_put_str(b, view->name);
    put_columns(b, &view->columns);
    frame_put_list(b, &view->files);
    frame_put_list(b, &view->deletions);
    frame_put_u8(b, view->is_inline);
    frame_put_u32(b, (uint32_t)view->cells.len);
    for (size_t i = 0; i < view->cells.len; i++) {
        const struct job_cell *cell = &view->cells.at[i];
        frame_put_u8(b, cell->is_null);
        if (!cell->is_null)
            frame_put_str(b, cell->text);
    }
}

static void put_copies(struct buf *b, const struct engine_job *job)
{
    frame_put_u32(b, (uint32_t)job->layouts.len);
    for (size_t i = 0; i < job->layouts.len; i++)
        put_columns(b, &job->layouts.at[i]);
    frame_put_u32(b, (uint32_t)job->copies.len);
    for (size_t i = 0; i < job->copies.len; i++) {
        frame_put_str(b, job->copies.at[i].text);
        frame_put_str(b, job->copies.at[i].file);
        frame_put_u32(b, job->copies.at[i].layout);
    }
}

static void put_looks(struct buf *b, const struct job_looks *looks)
{
    frame_put_u32(b, (uint32_t)looks->len);
    for (size_t i = 0; i < looks->len; i++) {
        frame_put_str(b, looks->at[i].file);
        frame_put_u8(b, (uint8_t)looks->at[i].kind);
        frame_put_str(b, looks->at[i].records);
    }
}

bool job_pack(struct buf *b, const struct engine_job *job)
{
    frame_put_list(b, &job->prepare);
    frame_put_u32(b, (uint32_t)job->views.len);
    for (size_t i = 0; i < job->views.len; i++)
        put_view(b, &job->views.at[i]);
    frame_put_str(b, job->text);
    frame_put_u8(b, (uint8_t)job->output);
    frame_put_u8(b, (uint8_t)job->format);
    frame_put_str(b, job->file);
    put_columns(b, &job->columns);
    frame_put_u8(b, (uint8_t)job->packing);
    put_copies(b, job);
    frame_put_u8(b, job->keep_order);
    frame_put_u64(b, job->rows_max);
    frame_put_u64(b, job->bytes_max);
    frame_put_str(b, job->hash_key);
    frame_put_str(b, job->now);
    put_looks(b, &job->looks);
    frame_put_list(b, &job->beside);
    frame_put_u8(b, job->rows_max_is_asked);
    return !b->full && b->len <= frame_bytes_max(FRAME_JOB);
}

/* ---- unpacking */

/* Least bytes of each element: lengths of its texts and its fixed fields. */
enum {
    COLUMN_BYTES_LEAST = 12,
    CELL_BYTES_LEAST = 1,
    VIEW_BYTES_LEAST = 29,
    COPY_BYTES_LEAST = 12,
    LOOK_BYTES_LEAST = 9,
};

static bool get_flag(struct frame_reader *r)
{
    uint8_t value = frame_get_u8(r);
    if (value > 1)
        r->failed = true;
    return value == 1;
}

/* Names become C strings and SQL text in the worker, where a NUL would cut them. */
static str get_text(struct frame_reader *r)
{
    str text = frame_get_str(r);
    if (str_has(text, '\0'))
        r->failed = true;
    return text;
}

/* A file of `in/` or `out/`: never a way out of there. */
static bool is_file_name(str name)
{
    return name.len > 0 && name.len <= 255 && !str_has(name, '/') && !str_has(name, '\0')
        && !str_eq(name, STR(".")) && !str_eq(name, STR(".."));
}

static void get_columns(struct frame_reader *r, struct arena *mem, struct job_columns *out)
{
    uint32_t count = frame_get_count(r, COLUMN_BYTES_LEAST);
    if (count > COLUMNS_MAX)
        r->failed = true;
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        struct job_column *column = vec_add(mem, out);
        column->name = get_text(r);
        column->type = get_text(r);
        column->id = frame_get_u32(r);
        if (!column->name.len)
            r->failed = true;
    }
}

static void get_cells(struct frame_reader *r, struct arena *mem, struct job_view *view)
{
    uint32_t count = frame_get_count(r, CELL_BYTES_LEAST);
    /* Whole rows only, and none in a view over files. */
    if (count && (!view->is_inline || !view->columns.len || count % view->columns.len))
        r->failed = true;
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        struct job_cell *cell = vec_add(mem, &view->cells);
        cell->is_null = get_flag(r);
        if (!cell->is_null)
            cell->text = frame_get_str(r);
    }
}

static void get_view(struct frame_reader *r, struct arena *mem, struct job_view *view)
{
    view->catalog = get_text(r);
    view->schema = get_text(r);
    view->name = get_text(r);
    get_columns(r, mem, &view->columns);
    frame_get_list(r, mem, &view->files);
    frame_get_list(r, mem, &view->deletions);
    view->is_inline = get_flag(r);
    get_cells(r, mem, view);
    for (size_t i = 0; i < view->files.len && !r->failed; i++)
        if (!is_file_name(view->files.at[i]))
            r->failed = true;
    for (size_t i = 0; i < view->deletions.len && !r->failed; i++)
        if (view->deletions.at[i].len && !is_file_name(view->deletions.at[i]))
            r->failed = true;
    if (view->deletions.len && view->deletions.len != view->files.len)
        r->failed = true;
    if (!view->name.len || !view->columns.len || (view->is_inline && view->files.len))
        r->failed = true;
}

static void get_copies(struct frame_reader *r, struct arena *mem, struct engine_job *out)
{
    uint32_t layouts = frame_get_count(r, sizeof(uint32_t));
    for (uint32_t i = 0; i < layouts && !r->failed; i++)
        get_columns(r, mem, vec_add(mem, &out->layouts));
    uint32_t copies = frame_get_count(r, COPY_BYTES_LEAST);
    for (uint32_t i = 0; i < copies && !r->failed; i++) {
        struct job_copy *copy = vec_add(mem, &out->copies);
        copy->text = get_text(r);
        copy->file = frame_get_str(r);
        copy->layout = frame_get_u32(r);
        if (!copy->text.len
            || (copy->file.len && (!is_file_name(copy->file) || copy->layout >= out->layouts.len)))
            r->failed = true;
    }
}

static void get_looks(struct frame_reader *r, struct arena *mem, struct job_looks *out)
{
    uint32_t count = frame_get_count(r, LOOK_BYTES_LEAST);
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        struct job_look *look = vec_add(mem, out);
        look->file = frame_get_str(r);
        uint8_t kind = frame_get_u8(r);
        look->records = get_text(r);
        if (!is_file_name(look->file) || kind >= JOB_LOOK_COUNT)
            r->failed = true;
        look->kind = (enum job_look_kind)kind;
    }
}

bool job_unpack(struct frame_reader *r, struct arena *mem, struct engine_job *out)
{
    *out = (struct engine_job){0};
    frame_get_list(r, mem, &out->prepare);
    uint32_t views = frame_get_count(r, VIEW_BYTES_LEAST);
    for (uint32_t i = 0; i < views && !r->failed; i++)
        get_view(r, mem, vec_add(mem, &out->views));
    out->text = get_text(r);
    uint8_t output = frame_get_u8(r);
    uint8_t format = frame_get_u8(r);
    out->file = frame_get_str(r);
    get_columns(r, mem, &out->columns);
    uint8_t packing = frame_get_u8(r);
    get_copies(r, mem, out);
    out->keep_order = get_flag(r);
    out->rows_max = frame_get_u64(r);
    out->bytes_max = frame_get_u64(r);
    out->hash_key = frame_get_str(r);
    out->now = get_text(r);
    get_looks(r, mem, &out->looks);
    frame_get_list(r, mem, &out->beside);
    out->rows_max_is_asked = get_flag(r);
    if (!frame_read_whole(r) || output >= JOB_OUTPUT_COUNT || format >= ROW_FORMAT_COUNT
        || packing >= JOB_PACKING_COUNT)
        return false;
    out->packing = (enum job_packing)packing;
    out->output = (enum job_output)output;
    out->format = (enum row_format)format;
    return out->output != JOB_FILE || is_file_name(out->file);
}
