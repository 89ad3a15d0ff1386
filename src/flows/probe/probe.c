#include "probe/probe.h"

#include "probe_inside.h"

enum { PROBE_COLUMNS_AT_ONCE = 100 };

bool probe_explain(struct task *t, const struct source_server *server, str what)
{
    str message, hint;

    if (t->err.code == ERR_CANCELLED || t->err.code == ERR_TIMEOUT || t->err.code == ERR_FULL
        || t->err.code == ERR_LIMIT) {
        return false;
    }
    source_explain(t->mem, server, &t->err, STR_NONE, &message, &hint);
    task_fail(t, t->err.code == ERR_DATA ? ERR_DATA : ERR_SOURCE, "%.*s: %.*s", STR_ARG(what),
              STR_ARG(message));
    return task_hint(t, "%.*s", STR_ARG(hint));
}

bool probe_ask(struct task *t, struct worker *worker, struct engine_job *job,
               const struct source_server *server, str what, struct engine_rows *out)
{
    return engine_ask(t, worker, job, false, out) || probe_explain(t, server, what);
}

static bool probe_count_values(struct task *t, const struct probe_asked *asked,
                               struct infer_column *columns, size_t len, str from,
                               uint64_t *rows_out)
{
    struct engine_job job = *asked->job;
    struct engine_rows rows;

    job.text = infer_profile_sql(t->mem, columns, len, from);
    if (!probe_ask(t, asked->worker, &job, asked->server, asked->what, &rows)) {
        return false;
    }
    if (rows.len != 1 || !infer_profile_read(rows.at[0], columns, len, rows_out)) {
        return task_fail(t, ERR_WORKER,
                         "a worker counted the values of a source in an unknown way");
    }
    return true;
}

static bool probe_take_samples(struct task *t, const struct probe_asked *asked,
                               struct infer_column *column, str from)
{
    struct engine_job job = *asked->job;
    struct engine_rows rows = {0};

    job.text = infer_samples_sql(t->mem, column, from);
    if (job.text.len > 0 && !probe_ask(t, asked->worker, &job, asked->server, asked->what, &rows)) {
        return false;
    }
    for (size_t i = 0; i < rows.len; i++) {
        vec_push(t->mem, &column->samples, rows.at[i]->at[0]->text);
    }
    return true;
}

bool probe_values(struct task *t, const struct probe_asked *asked, struct infer_column *columns,
                  size_t len, str from, uint64_t *rows_out)
{
    for (size_t i = 0; i < len; i += PROBE_COLUMNS_AT_ONCE) {
        size_t some = len - i < PROBE_COLUMNS_AT_ONCE ? len - i : PROBE_COLUMNS_AT_ONCE;

        if (!probe_count_values(t, asked, columns + i, some, from, rows_out)) {
            return false;
        }
    }
    for (size_t i = 0; i < len; i++) {
        if (!probe_take_samples(t, asked, &columns[i], from)) {
            return false;
        }
    }
    return true;
}

void probe_put(struct task *t, struct tree *map, const char *key, str text)
{
    (void)tree_put(t->mem, map, str_of(key), tree_text(t->mem, text));
}

void probe_custom(struct task *t, struct tree *server, const char *property, str value)
{
    const struct tree *found = tree_get(server, STR("customProperties"));
    struct tree *list =
        found != NULL ? (struct tree *)(uintptr_t)found : tree_new(t->mem, TREE_LIST);
    struct tree *entry = tree_new(t->mem, TREE_MAP);

    if (found == NULL) {
        (void)tree_put(t->mem, server, STR("customProperties"), list);
    }
    probe_put(t, entry, "property", str_of(property));
    probe_put(t, entry, "value", value);
    tree_push(t->mem, list, entry);
}

bool probe_source(struct task *t, struct engine *engine, struct probe *p)
{
    p->server = tree_new(t->mem, TREE_MAP);
    return str_starts(p->source, STR("postgres://")) || str_starts(p->source, STR("postgresql://"))
             ? probe_postgres(t, engine, p)
             : probe_files(t, engine, p);
}
