#include "actor/actor.h"
#include "http_inside.h"
#include "query/query.h"
#include "query/query_explain.h"

struct api_rows {
    struct api *api;
    const struct query *q;
    enum row_format format;
    bool has_begun; /* the head of the answer was given to the stream */
    struct row_progress told;
};

static const char *const api_row_types[ROW_FORMAT_COUNT] = {
    [ROW_FORMAT_ROWS] = "application/vnd.weft.rows+ndjson",
    [ROW_FORMAT_JSON] = "application/json",
    [ROW_FORMAT_NDJSON] = "application/x-ndjson",
    [ROW_FORMAT_CSV] = "text/csv; charset=utf-8",
};

/* RFC 9745 for the day since when, as a date of structured fields; RFC 8594 for the last day; the words for people beside it. Names and dates hold no line feed. */
static void rows_add_notices(struct task *t, const struct query *q, struct http_fields *headers)
{
    for (size_t i = 0; i < q->notices.len; i++) {
        http_fields_add(t->mem, headers, STR("Weft-Notice"), q->notices.at[i]);
    }
    if (q->deprecated_us > 0) {
        http_fields_add(t->mem, headers, STR("Deprecation"),
                        arena_format(t->mem, "@%lld", (long long)(q->deprecated_us / 1000000)));
    }
    if (q->sunset_us > 0) {
        char date[32];

        http_date(date, q->sunset_us);
        http_fields_add(t->mem, headers, STR("Sunset"), arena_str(t->mem, str_of(date)));
    }
}

static bool rows_open(struct task *t, struct api_rows *rows)
{
    struct http_fields headers = {0};

    if (rows->has_begun) {
        return true;
    }
    http_fields_add(t->mem, &headers, STR("Weft-Query-Id"), str_of(t->id));
    http_fields_add(t->mem, &headers, STR("Cache-Control"), STR("no-store"));
    rows_add_notices(t, rows->q, &headers);
    rows->has_begun =
        http_begin_stream(t, rows->api->x, 200, str_of(api_row_types[rows->format]), &headers);
    return rows->has_begun;
}

/* A line of its own in our own format: its head may have gone with the first progress. */
static bool rows_tell_notices(struct task *t, struct api_rows *rows)
{
    for (size_t i = 0; rows->format == ROW_FORMAT_ROWS && i < rows->q->notices.len; i++) {
        struct json_out o = api_json(t);

        json_out_begin(&o, "", '{');
        json_out_str(&o, "notice", rows->q->notices.at[i]);
        json_out_end(&o, '}');
        buf_add_byte(o.b, '\n');
        if (!http_stream_bytes(t, rows->api->x, buf_str(o.b))) {
            return false;
        }
    }
    return true;
}

static bool rows_begin(struct task *t, void *state, const struct row_column *columns, size_t len)
{
    struct api_rows *rows = state;

    (void)columns, (void)len;
    return rows_open(t, rows) && rows_tell_notices(t, rows);
}

static bool rows_bytes(struct task *t, void *state, str bytes)
{
    struct api_rows *rows = state;

    return http_stream_bytes(t, rows->api->x, bytes);
}

static bool rows_end(struct task *t, void *state, uint64_t count)
{
    struct api_rows *rows = state;

    if (rows->format == ROW_FORMAT_ROWS
        && !http_stream_bytes(
            t, rows->api->x,
            arena_format(t->mem, "{\"end\":{\"rows\":%llu}}\n", (unsigned long long)count))) {
        return false;
    }
    return http_end_stream(t, rows->api->x);
}

static void rows_abort(struct task *t, void *state)
{
    (void)t, (void)state; /* The door decides: a problem, an error line, or a broken stream. */
}

/* Only our own clients read progress; it comes before the columns. */
static bool rows_progress(struct task *t, void *state, const struct row_progress *progress)
{
    struct api_rows *rows = state;

    if (rows->format != ROW_FORMAT_ROWS || progress->thousandths < 0
        || (progress->thousandths == rows->told.thousandths
            && progress->files == rows->told.files)) {
        return true;
    }
    rows->told = *progress;
    str files = progress->of == 0 ? STR_NONE
                                  : arena_format(t->mem, ",\"files\":%llu,\"of\":%llu",
                                                 (unsigned long long)progress->files,
                                                 (unsigned long long)progress->of);
    str line = arena_format(t->mem, "{\"progress\":{\"step\":\"%s\",\"share\":%.3f%.*s}}\n",
                            progress->step, (double)progress->thousandths / 1000, STR_ARG(files));
    if (!rows_open(t, rows) || !http_stream_bytes(t, rows->api->x, line)) {
        task_cancel(t);
    }
    return true;
}

static bool api_row_format(struct task *t, const struct api *api, enum row_format *out)
{
    str name, accept = http_fields_value(&api->request->headers, STR("accept"));

    *out = ROW_FORMAT_JSON;
    if (!api_text(t, api, "format", false, &name)) {
        return false;
    }
    if (name.len > 0) {
        return row_format_by_name(name, out)
            || task_fail(t, ERR_USAGE, "format %.*s is none of rows, json, ndjson, csv",
                         STR_ARG(name));
    }
    for (int i = 0; i < ROW_FORMAT_COUNT; i++) {
        str type = str_of(api_row_types[i]), head, tail;

        (void)str_cut(type, ';', &head, &tail);
        if (str_find(accept, head) < accept.len) {
            *out = (enum row_format)i;
            return true;
        }
    }
    return true;
}

/* Of our own format the last line tells the error; of others the stream breaks off. */
static bool api_query_failed(struct task *t, struct api *api, enum row_format format)
{
    return format == ROW_FORMAT_ROWS && api_end_failed(t, api);
}

void api_bind_purpose(struct task *t, str purpose)
{
    if (purpose.len > 0) {
        struct actor *actor = ARENA_NEW(t->mem, struct actor);

        *actor = *t->actor;
        actor->purpose = purpose;
        t->actor = actor;
    }
}

bool api_explain(struct task *t, struct api *api)
{
    struct json_out o = api_json(t);
    str text, purpose;

    if (!api_keys(t, api, "sql purpose") || !api_text(t, api, "sql", true, &text)
        || !api_text(t, api, "purpose", false, &purpose)) {
        return false;
    }
    api_bind_purpose(t, purpose);
    return query_explain(t, api->services, text, &o) && api_answer(t, api, 200, o.b);
}

bool api_query(struct task *t, struct api *api)
{
    struct query q = {.services = api->services};
    struct api_rows rows = {.api = api, .q = &q, .told = {.thousandths = -1}};
    struct row_sink sink = {
        .state = &rows,
        .begin = rows_begin,
        .bytes = rows_bytes,
        .end = rows_end,
        .abort = rows_abort,
        .progress = rows_progress,
    };
    int64_t rows_max, timeout_ms;
    str purpose;

    if (!api_keys(t, api, "sql format purpose rows_max timeout_ms")
        || !api_text(t, api, "sql", true, &q.text) || !api_text(t, api, "purpose", false, &purpose)
        || !api_row_format(t, api, &q.format)
        || !api_number(t, api, "rows_max", 1, INT64_MAX, &rows_max)
        || !api_number(t, api, "timeout_ms", 1, 86400000, &timeout_ms)) {
        return false;
    }
    api_bind_purpose(t, purpose);
    rows.format = q.format;
    q.rows_max = (uint64_t)rows_max;
    q.timeout_ms = timeout_ms;
    return query_run(t, &q, &sink) || api_query_failed(t, api, q.format);
}
