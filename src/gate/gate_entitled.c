/* The rows of an entitlements table, read for decisions: by the gate itself, in the clear, since what an actor is entitled to must not
 * depend on what he may read of that table. */
#include "buf/buf.h"
#include "gate_inside.h"
#include "limits/limits.h"
#include "json/json.h"

/* A value of a row; the texts live as long as the task. */
static bool take_rows(struct task *t, str bytes, struct policy_entitlement *set)
{
    static const struct json_limits limits = {DOCUMENT_BYTES_MAX, DOCUMENT_DEPTH_MAX, 16};
    struct {
        VEC_OF(struct policy_entitled)
    } rows = {0};
    struct arena *mem = arena_new();
    bool ok = true, is_head = true;
    str line, rest = bytes;
    while (ok && rest.len > 0) {
        struct arena_mark mark = arena_mark(mem);
        struct tree *row;
        (void)str_cut(rest, '\n', &line, &rest);
        if (line.len && !is_head) {
            ok = json_read(t, mem, line, &limits, &row);
            if (ok)
                vec_push(t->mem, &rows,
                         ((struct policy_entitled){.user = arena_str(t->mem, row->at[0]->text),
                                                   .value = arena_str(t->mem, row->at[1]->text)}));
        }
        is_head = false;
        arena_rewind(mem, mark);
    }
    arena_free(mem);
    set->at = rows.at;
    set->len = rows.len;
    return ok;
}

static str rows_sql(struct task *t, const struct policy_entitlement *set)
{
    struct buf *b = buf_new(t->mem, DOCUMENT_BYTES_MAX);
    struct buf *user = buf_new(t->mem, NAME_BYTES_MAX * 4),
               *value = buf_new(t->mem, NAME_BYTES_MAX * 4);
    buf_add_identifier(user, set->user);
    buf_add_identifier(value, set->value);
    /* By bytes, as the image searches them. */
    buf_format(b,
               "SELECT DISTINCT CAST(" STR_FMT " AS VARCHAR), CAST(" STR_FMT
               " AS VARCHAR) FROM source WHERE " STR_FMT " IS NOT NULL AND " STR_FMT
               " IS NOT NULL ORDER BY 1, 2",
               STR_ARG(buf_str(user)), STR_ARG(buf_str(value)), STR_ARG(buf_str(user)),
               STR_ARG(buf_str(value)));
    return buf_str(b);
}

bool gate_read_entitled(struct task *t, struct gate *gate, const struct job_columns *columns,
                        const struct str_list *paths, const struct str_list *deletions,
                        struct policy_entitlement *set)
{
    struct engine_job job = {.output = JOB_ROWS,
                             .format = ROW_FORMAT_ROWS,
                             .keep_order = true,
                             .rows_max = ENTITLEMENT_ROWS_MAX};
    struct job_view *view = vec_add(t->mem, &job.views);
    struct buf *bytes = buf_new(t->mem, ENTITLEMENT_BYTES_MAX);
    struct row_sink sink = row_sink_to_buf(bytes);
    struct job_result result;
    struct worker *worker;
    view->name = STR("source");
    for (size_t i = 0; i < columns->len; i++)
        if (str_eq_nocase(columns->at[i].name, set->user)
            || str_eq_nocase(columns->at[i].name, set->value))
            vec_push(t->mem, &view->columns, columns->at[i]);
    for (size_t i = 0; i < paths->len; i++) {
        str name = arena_format(t->mem, "v%zu.parquet", i);
        vec_push(t->mem, &view->files, name);
        vec_push(t->mem, &job.links, ((struct job_link){.path = paths->at[i], .name = name}));
    }
    for (size_t i = 0; i < deletions->len; i++) {
        str path = deletions->at[i];
        str name = path.len ? arena_format(t->mem, "d%zu.parquet", i) : STR_NONE;
        vec_push(t->mem, &view->deletions, name);
        if (path.len)
            vec_push(t->mem, &job.links, ((struct job_link){.path = path, .name = name}));
    }
    job.text = rows_sql(t, set);
    if (!engine_lend(t, gate->engine, WORKER_CHECK, STR("gate"), (struct engine_reach){0}, &worker))
        return false;
    if (!engine_run_uncleared(t, worker, &job, &sink, &result)) {
        if (t->err.code != ERR_LIMIT)
            return false;
        task_fail(t, ERR_LIMIT, "the entitlements " STR_FMT " have too many rows",
                  STR_ARG(set->table));
        return task_hint(t, "at most %d: entitle groups, or to fewer values", ENTITLEMENT_ROWS_MAX);
    }
    engine_return(t, worker);
    return take_rows(t, buf_str(bytes), set);
}
