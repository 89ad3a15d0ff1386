#include "gate_mesh.h"

#include "buf/buf.h"
#include "gate.h"
#include "limits/limits.h"
#include "read_mesh/read_mesh.h"

static bool lend(struct task *t, struct gate_mesh *mesh)
{
    return mesh->worker != NULL
        || engine_lend(t, mesh->engine, WORKER_BUILD, mesh->owner, (struct engine_reach){0},
                       &mesh->worker);
}

void gate_mesh_rest(struct task *t, struct gate_mesh *mesh)
{
    if (mesh->worker)
        engine_return(t, mesh->worker);
    mesh->worker = NULL;
}

/* What these show hangs on the mesh alone; others show each reader his own. */
static bool is_askable(str table)
{
    static const char *const names[] = {"domains", "products", "contracts", "promises", "tables",
                                        "columns", "policies", "releases",  "runs",     "checks"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq(table, str_of(names[i])))
            return true;
    return false;
}

static bool refuse_table(struct task *t, const struct sql_table *table)
{
    bool is_mesh = table->catalog.len == 0 && str_eq_nocase(table->schema, STR("mesh"));
    struct str_list all = {0}, names = {0};
    read_mesh_names(t->mem, &all);
    for (size_t i = 0; i < all.len; i++)
        if (is_askable(all.at[i]))
            vec_push(t->mem, &names, all.at[i]);
    if (is_mesh && str_list_has(&all, arena_lower(t->mem, table->name))) {
        task_fail(t, ERR_REFUSED,
                  "mesh." STR_FMT " cannot be asked here: it shows each reader his own",
                  STR_ARG(table->name));
        task_hint(t, "there are: " STR_FMT, STR_ARG(str_list_join(t->mem, &names, STR(", "))));
        return task_position(t, table->position);
    }
    task_fail(t, ERR_UNKNOWN_NAME, STR_FMT "%s" STR_FMT "%s" STR_FMT " %s", STR_ARG(table->catalog),
              table->catalog.len ? "." : "", STR_ARG(table->schema), table->schema.len ? "." : "",
              STR_ARG(table->name),
              is_mesh ? "is no table of schema mesh"
                      : "cannot be read here: only the tables of schema mesh can");
    str nearest = str_list_nearest(&names, arena_lower(t->mem, table->name));
    if (nearest.len)
        task_hint(t, "did you mean mesh." STR_FMT "?", STR_ARG(nearest));
    else
        task_hint(t, "there are: " STR_FMT, STR_ARG(str_list_join(t->mem, &names, STR(", "))));
    return task_position(t, table->position);
}

bool gate_mesh_parse(struct task *t, struct gate_mesh *mesh, str text, struct sql_tree **out)
{
    if (!lend(t, mesh) || !gate_parse(t, mesh->worker, text, out))
        return false;
    for (size_t i = 0; i < (*out)->tables.len; i++) {
        const struct sql_table *table = &(*out)->tables.at[i];
        struct job_columns columns;
        if (table->catalog.len || !str_eq_nocase(table->schema, STR("mesh"))
            || !is_askable(arena_lower(t->mem, table->name))
            || !read_mesh_columns(t->mem, arena_lower(t->mem, table->name), &columns))
            return refuse_table(t, table);
    }
    return true;
}

static bool is_never_clear(void *ctx, const struct image_table *table)
{
    (void)ctx, (void)table;
    return false;
}

static bool is_of_catalog(str table)
{
    return str_eq(table, STR("releases")) || str_eq(table, STR("runs"))
        || str_eq(table, STR("checks"));
}

bool gate_mesh_rows_of(struct task *t, struct gate_mesh *mesh, str table,
                       const struct job_view **out)
{
    for (size_t i = 0; i < mesh->views.len; i++)
        if (str_eq(mesh->views.at[i]->name, table)) {
            *out = mesh->views.at[i];
            return true;
        }
    struct mesh_reader reader = {
        .ctx = mesh->ctx, .may_discover = mesh->may_discover, .is_clear = is_never_clear};
    struct job_view *view = ARENA_NEW(t->mem, struct job_view);
    if (mesh->db == NULL && is_of_catalog(table)) {
        view->schema = STR("mesh");
        view->name = table;
        view->is_inline = true;
        (void)read_mesh_columns(t->mem, table, &view->columns);
    } else if (!read_mesh_view(t, mesh->db, mesh->image, &reader, table, view)) {
        return false;
    }
    vec_push(t->mem, &mesh->views, view);
    *out = view;
    return true;
}

/* ---- answers, line by line */

struct answer {
    const struct gate_mesh_taker *taker;
    struct buf *rest; /* of a line that is not whole yet */
    bool is_head;     /* the first line names the columns, which are known */
};

static bool answer_begin(struct task *t, void *state, const struct row_column *columns, size_t len)
{
    const struct answer *answer = state;
    return answer->taker->columns(t, answer->taker->state, columns, len);
}

static bool answer_line(struct task *t, struct answer *answer, str line)
{
    bool is_head = answer->is_head;
    answer->is_head = false;
    return is_head || line.len == 0 || answer->taker->row(t, answer->taker->state, line);
}

static bool answer_bytes(struct task *t, void *state, str bytes)
{
    struct answer *answer = state;
    str line, rest = bytes;
    while (str_has(rest, '\n')) {
        (void)str_cut(rest, '\n', &line, &rest);
        if (answer->rest->len > 0) {
            buf_add(answer->rest, line);
            line = buf_str(answer->rest);
        }
        if (!answer_line(t, answer, line))
            return false;
        buf_clear(answer->rest);
    }
    return buf_add(answer->rest, rest)
        || task_fail(t, ERR_LIMIT, "a row of the answer is longer than %d bytes",
                     (int)DOCUMENT_BYTES_MAX);
}

static bool answer_end(struct task *t, void *state, uint64_t rows)
{
    struct answer *answer = state;
    (void)rows;
    return answer->rest->len == 0 || answer_line(t, answer, buf_str(answer->rest));
}

static void answer_abort(struct task *t, void *state)
{
    (void)t, (void)state;
}

static bool run(struct task *t, struct gate_mesh *mesh, struct engine_job *job,
                const struct gate_mesh_taker *taker)
{
    struct answer answer = {
        .taker = taker, .rest = buf_new(t->mem, DOCUMENT_BYTES_MAX), .is_head = true};
    struct row_sink sink = {.state = &answer,
                            .begin = answer_begin,
                            .bytes = answer_bytes,
                            .end = answer_end,
                            .abort = answer_abort};
    struct job_result result;
    return lend(t, mesh) && engine_run(t, mesh->worker, job, &sink, &result);
}

static bool is_there(const struct engine_job *job, str name)
{
    for (size_t i = 0; i < job->views.len; i++)
        if (str_eq(job->views.at[i].name, name))
            return true;
    return false;
}

bool gate_mesh_describe(struct task *t, struct gate_mesh *mesh, const struct sql_tree *tree,
                        const struct gate_mesh_taker *taker)
{
    struct engine_job job = {.text = tree->text, .output = JOB_COLUMNS};
    for (size_t i = 0; i < tree->tables.len; i++) {
        str name = arena_lower(t->mem, tree->tables.at[i].name);
        if (is_there(&job, name))
            continue;
        struct job_view *view = vec_add(t->mem, &job.views);
        view->schema = STR("mesh");
        view->name = name;
        (void)read_mesh_columns(t->mem, name, &view->columns);
    }
    return run(t, mesh, &job, taker);
}

bool gate_mesh_ask(struct task *t, struct gate_mesh *mesh, const struct sql_tree *tree,
                   uint64_t rows_max, const struct gate_mesh_taker *taker)
{
    struct engine_job job = {
        .text = tree->text, .output = JOB_ROWS, .format = ROW_FORMAT_ROWS, .rows_max = rows_max};
    for (size_t i = 0; i < tree->tables.len; i++) {
        const struct job_view *view;
        str name = arena_lower(t->mem, tree->tables.at[i].name);
        if (is_there(&job, name))
            continue;
        if (!gate_mesh_rows_of(t, mesh, name, &view))
            return false;
        vec_push(t->mem, &job.views, *view);
    }
    return run(t, mesh, &job, taker);
}
