#include "buf/buf.h"
#include "clock/clock.h"
#include "limits/limits.h"
#include "timer_inside.h"

/* With these and RUN_ERROR_BYTES_MAX an event stays below DOCUMENT_BYTES_MAX: one that is cut short is no JSON. */
enum { TIMER_WARNINGS_BYTES_MAX = 256 << 10, TIMER_WARNING_BYTES_MAX = 16 << 10 };

static struct buf *timer_event(struct task *t, str product)
{
    struct buf *b = buf_new(t->mem, DOCUMENT_BYTES_MAX);

    buf_add(b, STR("{\"product\":"));
    buf_add_json(b, product);
    return b;
}

void timer_say_step(struct task *t, void *state, const char *step, str subject, int thousandths)
{
    const struct run *r = state;
    struct arena_mark mark = arena_mark(t->mem);
    struct buf *b = timer_event(t, r->product);

    buf_format(b, ",\"step\":\"%s\",\"subject\":", step);
    buf_add_json(b, subject);
    if (thousandths >= 0) {
        buf_format(b, ",\"share\":%.3f", (double)thousandths / 1000);
    }
    buf_add(b, STR("}"));
    jobs_say(r->services->jobs, r->job_id, buf_str(b));
    arena_rewind(t->mem, mark);
}

static void timer_add_warnings(struct buf *b, const struct report *findings)
{
    bool is_first = true;

    buf_add(b, STR(",\"warnings\":["));
    for (size_t i = 0; i < findings->len && b->len < TIMER_WARNINGS_BYTES_MAX; i++) {
        const struct finding *finding = &findings->at[i];

        if (finding->level == FINDING_ERROR) {
            continue;
        }
        buf_add(b, is_first ? STR("{\"message\":") : STR(",{\"message\":"));
        buf_add_json(b, str_sub(finding->message, 0, TIMER_WARNING_BYTES_MAX));
        buf_add(b, STR("}"));
        is_first = false;
    }
    buf_add(b, STR("]"));
}

static const char *timer_outcome(enum error_code code)
{
    switch (code) {
    case ERR_CHECK_FAILED:
    case ERR_DRIFT:
        return "rejected";
    case ERR_CANCELLED:
        return "cancelled";
    default:
        return "failed";
    }
}

/* Which rows of its source were asked for, or why all. */
static void timer_add_pushed(struct task *t, struct buf *b, const struct run *r, str table)
{
    for (size_t i = 0; i < r->pushed.len; i++) {
        const struct run_pushed *pushed = &r->pushed.at[i];

        if (!str_eq(pushed->of, table)) {
            continue;
        }
        if (pushed->range.column == NULL) {
            buf_add(b, STR(",\"read_all\":"));
            buf_add_json(b, pushed->why);
            continue;
        }
        buf_add(b, STR(",\"read\":"));
        buf_add_json(b, arena_format(t->mem, "%.*s.%.*s: %.*s", STR_ARG(pushed->schema),
                                     STR_ARG(pushed->table),
                                     STR_ARG(run_range_text(t->mem, &pushed->range))));
    }
}

/* What became of the rows of incremental tables. */
static void timer_add_increments(struct task *t, struct buf *b, const struct run *r)
{
    for (size_t i = 0; i < r->increments.len; i++) {
        const struct run_increment *inc = &r->increments.at[i];
        const struct run_table *table = NULL;

        for (size_t k = 0; k < r->outputs.len; k++) {
            if (str_eq(r->outputs.at[k].name, inc->table->name)) {
                table = &r->outputs.at[k];
            }
        }
        buf_add(b, i ? STR(",{\"table\":") : STR(",\"increments\":[{\"table\":"));
        buf_add_json(b, inc->table->name);
        if (inc->why_full.len > 0) {
            buf_add(b, STR(",\"all_rows\":"));
            buf_add_json(b, inc->why_full);
        } else {
            buf_format(b,
                       ",\"added\":%llu,\"replaced\":%llu,\"deleted\":%llu,\"files_kept\":%zu,"
                       "\"files_new\":%zu,\"files_joined\":%llu",
                       (unsigned long long)inc->added, (unsigned long long)inc->replaced,
                       (unsigned long long)inc->deleted, inc->kept.len,
                       table != NULL ? table->parts.len : 0, (unsigned long long)inc->joined);
            timer_add_pushed(t, b, r, inc->table->name);
        }
        buf_add(b, i + 1 == r->increments.len ? STR("}]") : STR("}"));
    }
}

static void timer_add_diverted(struct arena *mem, struct buf *b, const struct run_table *table,
                               bool *is_first)
{
    bool is_input = table->table == NULL;

    if (table->diverted == NULL) {
        return;
    }
    buf_add(b, *is_first ? STR("{\"table\":") : STR(",{\"table\":"));
    buf_add_json(
        b, is_input ? arena_format(mem, "%.*s.%.*s", STR_ARG(table->schema), STR_ARG(table->name))
                    : table->name);
    buf_format(b, ",\"rows\":%llu,\"of\":%llu}", (unsigned long long)table->diverted->rows,
               (unsigned long long)table->diverted->checked);
    *is_first = false;
}

/* How many rows of which tables were diverted. */
static void timer_add_quarantined(struct arena *mem, struct buf *b, const struct run *r)
{
    bool is_first = true;

    buf_format(b, ",\"rows_quarantined\":%llu,\"quarantined\":[",
               (unsigned long long)run_diverted_rows(r));
    for (size_t i = 0; i < r->staged.len; i++) {
        timer_add_diverted(mem, b, &r->staged.at[i], &is_first);
    }
    for (size_t i = 0; i < r->outputs.len; i++) {
        timer_add_diverted(mem, b, &r->outputs.at[i], &is_first);
    }
    buf_add(b, STR("]"));
}

void timer_say_run(struct task *t, const struct run *r, bool ok)
{
    struct buf *b = timer_event(t, r->product);
    uint64_t rows = 0;

    for (size_t i = 0; i < r->outputs.len; i++) {
        rows += run_table_rows(&r->outputs.at[i]);
    }
    buf_format(b, ",\"run\":\"%.*s\",\"state\":\"%s\",\"seconds\":%.3f", STR_ARG(r->id),
               !ok               ? timer_outcome(t->err.code)
               : r->is_candidate ? "candidate"
                                 : "published",
               (double)(clock_now_us() - r->started_us) / 1e6);
    if (ok) {
        if (!r->is_candidate) {
            buf_format(b, ",\"release\":%llu", (unsigned long long)r->release);
        }
        buf_format(b, ",\"rows\":%llu", (unsigned long long)rows);
        timer_add_quarantined(t->mem, b, r);
        timer_add_increments(t, b, r);
    }
    timer_add_warnings(b, &r->findings);
    if (!ok) {
        buf_add(b, STR(",\"error\":"));
        buf_add(b, run_error_json(t));
    }
    buf_add(b, STR("}"));
    jobs_say(r->services->jobs, r->job_id, buf_str(b));
}

void timer_say_end(struct task *t, const struct run_all *all, enum job_state state, str *result_out)
{
    struct buf *b = buf_new(t->mem, DOCUMENT_BYTES_MAX);

    buf_format(b, "{\"state\":\"%s\",\"published\":%llu,\"failed\":%llu", job_state_name(state),
               (unsigned long long)all->published, (unsigned long long)all->failed);
    if (all->services->mesh != NULL) {
        buf_format(b, ",\"unchanged\":%llu", (unsigned long long)all->unchanged);
    }
    if (state != JOB_DONE && t->err.code != ERR_NONE) {
        buf_add(b, STR(",\"error\":"));
        buf_add(b, run_error_json(t));
    } else if (all->first_error != ERR_NONE) {
        buf_format(b, ",\"error\":{\"code\":\"%s\"}", error_name(all->first_error));
    }
    buf_add(b, STR("}"));
    *result_out = buf_str(b);
    jobs_say(all->services->jobs, all->job_id,
             arena_format(t->mem, "{\"end\":%.*s}", STR_ARG(*result_out)));
}

void timer_say_one(struct task *t, const struct run *r, enum job_state state)
{
    struct buf *b = buf_new(t->mem, DOCUMENT_BYTES_MAX);

    buf_format(b, "{\"end\":{\"state\":\"%s\"", job_state_name(state));
    if (state != JOB_DONE) {
        buf_format(b, ",\"error\":{\"code\":\"%s\"}", error_name(t->err.code));
    }
    buf_add(b, STR("}}"));
    jobs_say(r->services->jobs, r->job_id, buf_str(b));
}
