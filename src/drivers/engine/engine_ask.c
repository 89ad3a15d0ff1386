/* Jobs whose rows are few: as trees, instead of a stream. */
#include "buf/buf.h"
#include "engine/engine.h"
#include "limits/limits.h"
#include "json/json.h"

bool engine_rows_read(struct task *t, str bytes, struct engine_rows *out)
{
    static const struct json_limits limits = {ENGINE_ANSWER_BYTES_MAX, DOCUMENT_DEPTH_MAX,
                                              DOCUMENT_NODES_MAX};
    str line, rest = bytes;

    *out = (struct engine_rows){0};
    (void)str_cut(rest, '\n', &line, &rest); /* names of columns */
    while (rest.len > 0) {
        struct tree *row;

        (void)str_cut(rest, '\n', &line, &rest);
        if (!json_read(t, t->mem, line, &limits, &row)) {
            return false;
        }
        vec_push(t->mem, out, row);
    }
    return true;
}

bool engine_ask(struct task *t, struct worker *worker, struct engine_job *job, bool is_cleared,
                struct engine_rows *out)
{
    struct buf *bytes = buf_new(t->mem, ENGINE_ANSWER_BYTES_MAX);
    struct row_sink sink = row_sink_to_buf(bytes);
    struct job_result result;

    job->output = JOB_ROWS;
    job->format = ROW_FORMAT_ROWS;
    return (is_cleared ? engine_run(t, worker, job, &sink, &result)
                       : engine_run_uncleared(t, worker, job, &sink, &result))
        && engine_rows_read(t, buf_str(bytes), out);
}
