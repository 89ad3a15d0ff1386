#include "probe/probe.h"

#include "probe_inside.h"

bool probe_explain(struct task *t, const struct source_server *server, str what)
{
    str message, hint = STR_NONE;

    if (t->err.code == ERR_CANCELLED || t->err.code == ERR_TIMEOUT || t->err.code == ERR_FULL
        || t->err.code == ERR_LIMIT) {
        return false;
    }
    source_explain(t->mem, server, t->err.message, &message, &hint);
    task_fail(t, t->err.code == ERR_DATA ? ERR_DATA : ERR_SOURCE, "%.*s: %.*s", STR_ARG(what),
              STR_ARG(message));
    if (hint.len > 0) {
        task_hint(t, "%.*s", STR_ARG(hint));
    }
    return false;
}

bool probe_ask(struct task *t, struct worker *worker, struct engine_job *job,
               const struct source_server *server, str what, struct engine_rows *out)
{
    return engine_ask(t, worker, job, false, out) || probe_explain(t, server, what);
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
