#include "gate.h"
#include "limits/limits.h"
#include "json/json.h"

/* The engine writes a number that no type holds as a bare word, which is no JSON. */
static bool refuse_number(struct task *t)
{
    if (t->err.code != ERR_PROTOCOL) {
        return false;
    }
    task_clear_error(t);
    task_fail(t, ERR_SYNTAX, "the text holds a number that is too large for any type");
    return task_hint(t, "write infinity as 'inf'::DOUBLE");
}

bool gate_parse(struct task *t, struct worker *worker, str text, struct sql_tree **out)
{
    /* A node of SQL is a map of up to twenty entries in the engine's JSON. */
    static const struct json_limits limits = {SQL_TREE_BYTES_MAX, JSON_DEPTH_MAX,
                                              SQL_NODES_MAX * 20};
    struct tree *document;
    str sql, json;

    if (!sql_statement(t, text, &sql) || !engine_parse(t, worker, sql, &json)) {
        return false;
    }
    if (!json_read(t, t->mem, json, &limits, &document)) {
        return refuse_number(t);
    }
    return sql_read(t, sql, document, out);
}

static bool refuse_parameter(struct task *t, str text, bool has_since)
{
    struct str_list names = {0};
    str name;
    size_t offset;

    if (!sql_find_parameter(text, &name, &offset)) {
        return true;
    }
    str_list_add(t->mem, &names, STR("$since"));
    task_fail(t, ERR_SYNTAX, "there is no parameter %.*s", STR_ARG(name));
    task_hint(t, !has_since                               ? "write the value in its place"
                 : str_list_nearest(&names, name).len > 0 ? "did you mean $since?"
                                                          : "$since is the only one");
    return task_position(t, (uint32_t)offset + 1);
}

bool gate_parse_since(struct task *t, struct worker *worker, str text, str since,
                      struct sql_shifts *shifts_out, struct sql_tree **out)
{
    str put = sql_put_since(t->mem, text, since, shifts_out);

    if (since.len == 0 && shifts_out->len > 0) {
        uint32_t position = shifts_out->at[0].at + 1;

        *shifts_out = (struct sql_shifts){0};
        task_fail(t, ERR_SYNTAX, "$since is known in an incremental table only");
        task_hint(t, "say in its contract how it is added to: customProperties materialization "
                     "and incremental");
        return task_position(t, position);
    }
    return gate_parse(t, worker, put, out) && refuse_parameter(t, put, since.len > 0);
}

static bool describe_begin(struct task *t, void *state, const struct row_column *columns,
                           size_t len)
{
    struct job_columns *out = state;

    for (size_t i = 0; i < len; i++) {
        vec_push(t->mem, out,
                 ((struct job_column){.name = arena_str(t->mem, columns[i].name),
                                      .type = arena_str(t->mem, columns[i].type),
                                      .id = (uint32_t)i + 1}));
    }
    return true;
}

static bool describe_bytes(struct task *t, void *state, str bytes)
{
    (void)t, (void)state, (void)bytes;
    return true;
}

static bool describe_end(struct task *t, void *state, uint64_t rows)
{
    (void)t, (void)state, (void)rows;
    return true;
}

static void describe_abort(struct task *t, void *state)
{
    (void)t, (void)state;
}

bool gate_describe(struct task *t, struct worker *worker, const struct engine_job *job,
                   struct job_columns *out)
{
    struct engine_job describe = *job;
    struct row_sink sink = {
        .state = out,
        .begin = describe_begin,
        .bytes = describe_bytes,
        .end = describe_end,
        .abort = describe_abort,
    };
    struct job_result result;

    *out = (struct job_columns){0};
    describe.output = JOB_COLUMNS;
    return engine_run(t, worker, &describe, &sink, &result);
}
