/* The catalog of an environment: a copy of the mesh's of one instant, with what the environment has otherwise. It is made beside the
 * one of before, and takes its name when it is whole and on disk. */
#include "buf/buf.h"
#include "chain/chain.h"
#include "clock/clock.h"
#include "document/document.h"
#include "envs_inside.h"
#include "fault/fault.h"
#include "json_out/json_out.h"
#include "limits/limits.h"
#include "log/log.h"
#include "mesh_state/mesh_state.h"
#include "release/release.h"
#include "services_inside.h"
#include "store/store_copy.h"
#include "store/store_env.h"

/* What a new catalog begins with. */
struct env_start {
    struct environment row;
    struct services *before; /* NULL: it is the first */
    struct services *last; /* whose files fitted, where those of `before` do not; NULL: `before` */
    bool did_fit;          /* the files of `before` */
    struct environment_files files;
    struct chain_head mesh; /* the end of its audit */
};

static str env_start_detail(struct task *t, const struct env_start *start, str seal)
{
    struct json_out o = {.b = buf_new(t->mem, DOCUMENT_BYTES_MAX)};

    json_out_begin(&o, "", '{');
    json_out_uint(&o, "mesh_version", start->row.mesh_version);
    json_out_uint(&o, "mesh_audit_rows", start->mesh.sequence);
    json_out_str(&o, "mesh_audit_head", start->mesh.hash);
    json_out_maybe(&o, "seal", seal);
    json_out_maybe(&o, "problem", start->row.problem);
    json_out_end(&o, '}');
    return buf_str(o.b);
}

static bool env_write_start(struct task *t, struct metadb *db, void *state)
{
    const struct env_start *start = state;

    if (!environment_begin(t, db, &start->row)) {
        return false;
    }
    if (start->before != NULL) {
        return environment_take_audit(t, db, start->before->db)
            && environment_set_files(t, db, &start->files);
    }
    return audit_append(t, db, STR("create"), start->row.name, STR("done"),
                        env_start_detail(t, start, STR_NONE), NULL);
}

/* Of one instant of the mesh, to a file that nobody has open. */
static bool env_copy(struct task *t, struct services *mesh, str path, struct env_start *start)
{
    struct metadb *instant, *db;
    struct mesh_state state;

    if (!store_env_clear(t, path) || !metadb_snapshot(t, mesh->db, &instant)) {
        return false;
    }
    bool ok = mesh_state_get(t, instant, &state) && chain_last(t, instant, &start->mesh)
           && metadb_copy(t, instant, path);
    metadb_snapshot_end(t, instant);
    if (!ok) {
        return false;
    }
    if (state.mesh_version == 0) {
        task_fail(t, ERR_CONFLICT, "the mesh is empty: an environment would be a copy of nothing");
        return task_hint(t, "weft apply brings it from its files");
    }
    start->row.mesh_version = state.mesh_version;
    ok = fault_pass(t, FAULT_ENV_COPY) && metadb_open(t, path, METADB_CATALOG, &db);
    if (ok) {
        ok = metadb_write(t, db, env_write_start, start);
        metadb_close(db);
    }
    return ok;
}

bool env_make(struct task *t, struct envs *envs, str name)
{
    struct services *mesh = envs->mesh;
    struct env_start start = {
        .row = {.name = name, .created_by = t->actor->name, .created_us = clock_now_us()}};
    str folder, path;

    if (!turns_take(t, mesh->removal, INT32_MAX, "backups or removals")) {
        return false;
    }
    bool ok = store_copy_begin(t, store_env_folder(t, mesh->home, name), &folder);
    if (ok) {
        path = arena_format(t->mem, "%.*s/catalog.db", STR_ARG(folder));
        ok = env_copy(t, mesh, path, &start) && store_env_sync(t, path)
          && audit_append(t, mesh->db, STR("env.create"), name, STR("done"),
                          env_start_detail(t, &start, STR_NONE), NULL)
          && fault_pass(t, FAULT_ENV_BEFORE_MOVE)
          && store_copy_finish(t, folder, store_env_folder(t, mesh->home, name));
    }
    turns_give(t, mesh->removal);
    return ok;
}

/* ---- anew */

struct env_finish {
    struct env_start *start;
    str seal;
};

static bool env_write_finish(struct task *t, struct metadb *db, void *state)
{
    const struct env_finish *finish = state;
    const struct environment *row = &finish->start->row;

    return environment_set(t, db, row->mesh_version, row->problem)
        && audit_append(t, db, STR("refresh"), row->name, STR("done"),
                        env_start_detail(t, finish->start, finish->seal), NULL);
}

static bool env_seal(struct task *t, struct metadb *db, str *out)
{
    struct bundle bundle;

    if (!document_load(t, t->mem, db, &bundle)) {
        return false;
    }
    *out = document_digest(t->mem, &bundle);
    return true;
}

/* Files that do not fit are set aside: the catalog is then that of the mesh, and says why. */
static bool env_fill(struct task *t, struct env *env, struct services *next,
                     struct env_start *start)
{
    const struct env_steps *steps = &env->envs->steps;
    struct env_finish finish = {.start = start};

    if (!steps->apply(t, start->last, next, &start->files, &start->row.problem)
        || !env_seal(t, next->db, &finish.seal)
        || !metadb_write(t, next->db, env_write_finish, &finish)) {
        return false;
    }
    return start->row.problem.len > 0 || steps->carry(t, start->last, next);
}

/* What was built before its files did not fit: one that cannot be read is built again. */
static void env_open_last(struct task *t, struct env *env, struct env_start *start)
{
    struct services *mesh = env->envs->mesh;
    str name = str_of(env->name);

    start->last = start->before;
    if (start->did_fit || !store_env_has_last(t, mesh->home, name)) {
        return;
    }
    if (!services_open_beside(t, mesh, name, store_env_last(t, mesh->home, name), &start->last)) {
        start->last = start->before;
        log_failure("services", t);
        task_clear_error(t);
    }
}

static bool env_begin_anew(struct task *t, struct env *env, struct env_start *start)
{
    struct services *before = env->services;
    bool found;

    start->before = before;
    if (!environment_keep_audit(t, env->envs->mesh->db, before->db, str_of(env->name))
        || !environment_find(t, before->db, &start->row, &found)
        || (!found && !task_fail(t, ERR_CORRUPT, "the catalog is none of an environment"))
        || !environment_files(t, before->db, &start->files)) {
        return false;
    }
    start->did_fit = start->row.problem.len == 0 && start->row.mesh_version != 0;
    start->row.problem = STR_NONE;
    env_open_last(t, env, start);
    return true;
}

/* `next` is closed, and becomes the catalog. */
static bool env_replace(struct task *t, struct env *env, const struct env_start *start)
{
    str home = env->envs->mesh->home, name = str_of(env->name);
    bool fits = start->row.problem.len == 0;

    if (!fault_pass(t, FAULT_ENV_BEFORE_MOVE)
        || !store_env_replace(t, home, name, start->did_fit && !fits)
        || !fault_pass(t, FAULT_ENV_AFTER_MOVE)) {
        return false;
    }
    /* All of it that is still what it was came along. */
    if (fits && !store_env_clear(t, store_env_last(t, home, name))) {
        log_failure("services", t);
        task_clear_error(t);
    }
    return true;
}

bool env_follow(struct task *t, struct env *env, bool *followed_out)
{
    struct services *s = env->services;
    const struct actor *asker = t->actor;
    uint64_t version = 0;

    t->actor = services_operator(t);
    bool ok = env->envs->steps.follow(t, s, &version);
    t->actor = asker;
    *followed_out = ok && version > 0;
    if (*followed_out) {
        atomic_store(&s->mesh_version, version);
        gate_has_followed(s->gate);
    }
    return ok;
}

bool env_make_anew(struct task *t, struct env *env)
{
    struct services *mesh = env->envs->mesh, *next = NULL;
    struct env_start start = {0};
    str name = str_of(env->name), path = store_env_next(t, mesh->home, name);
    const struct actor *asker = t->actor;

    if (!turns_take(t, mesh->removal, INT32_MAX, "backups or removals")) {
        return false;
    }
    /* Whoever comes first brings it up: it is nobody's doing. */
    t->actor = services_operator(t);
    bool ok = env_begin_anew(t, env, &start) && env_copy(t, mesh, path, &start)
           && services_open_beside(t, mesh, name, path, &next) && env_fill(t, env, next, &start);
    services_close(next);
    if (start.last != start.before) {
        services_close(start.last);
    }
    if (ok) {
        services_close(env->services);
        env->services = NULL;
        ok = env_replace(t, env, &start);
        /* It is done, though whoever comes next may have to open it. */
        if (ok
            && !services_open_beside(t, mesh, name, store_env_catalog(t, mesh->home, name),
                                     &env->services)) {
            log_failure("services", t);
            task_clear_error(t);
        }
    } else {
        /* The last state stays, and is not used: it is of another mesh. */
        struct task *last = task_new();

        if (!store_env_clear(last, path)) {
            task_clear_error(last);
        }
        task_free(last);
    }
    t->actor = asker;
    turns_give(t, mesh->removal);
    return ok;
}

/* ---- drop */

struct env_dropping {
    str name;
    bool is_known; /* it could be read */
    struct environment row;
    struct chain_head head;
    struct environment_files files;
};

static bool env_write_drop(struct task *t, struct metadb *db, void *state)
{
    const struct env_dropping *dropping = state;
    struct json_out o = {.b = buf_new(t->mem, DOCUMENT_BYTES_MAX)};

    json_out_begin(&o, "", '{');
    if (dropping->is_known) {
        json_out_str(&o, "created_by", dropping->row.created_by);
        json_out_uint(&o, "audit_rows", dropping->head.sequence);
        json_out_str(&o, "audit_head", dropping->head.hash);
        json_out_uint(&o, "files", dropping->files.len);
    } else {
        json_out_bool(&o, "damaged", true);
    }
    json_out_end(&o, '}');
    return environment_forget_audit(t, db, dropping->name)
        && audit_append(t, db, STR("env.drop"), dropping->name, STR("done"), buf_str(o.b), NULL);
}

/* One that is damaged can be dropped too: what it did since its audit was kept last is lost with it, and told as not known. */
static bool env_open_dropped(struct task *t, struct env *env)
{
    struct services *mesh = env->envs->mesh;
    str name = str_of(env->name);

    if (env->services != NULL
        || (store_env_has_catalog(t, mesh->home, name)
            && services_open_beside(t, mesh, name, store_env_catalog(t, mesh->home, name),
                                    &env->services))) {
        return true;
    }
    if (t->err.code != ERR_CORRUPT) {
        return false;
    }
    log_failure("services", t);
    task_clear_error(t);
    return true;
}

static bool env_read_dropped(struct task *t, struct env *env, struct env_dropping *dropping,
                             struct str_list *files_out)
{
    struct metadb *db = env->services->db;
    bool found;

    dropping->is_known = true;
    return environment_keep_audit(t, env->envs->mesh->db, db, dropping->name)
        && chain_last(t, db, &dropping->head) && environment_find(t, db, &dropping->row, &found)
        && environment_files(t, db, &dropping->files) && release_files(t, db, files_out);
}

/* What a damaged one names is what nobody names when it is gone: upkeep removes it. */
static bool env_read_last(struct task *t, struct services *mesh, str name,
                          struct str_list *files_out)
{
    struct str_list files = {0};
    struct metadb *db;
    bool ok = services_open_last_of(t, mesh, name, &db);

    if (ok && db != NULL) {
        ok = release_files(t, db, &files);
        metadb_close(db);
    }
    if (!ok && t->err.code != ERR_CORRUPT) {
        return false;
    }
    task_clear_error(t);
    for (size_t i = 0; i < files.len; i++) {
        vec_push(t->mem, files_out, files.at[i]);
    }
    services_sort_files(files_out);
    return true;
}

/* Whoever may drop one may not drop what somebody made since under its name. */
static bool env_is_which(struct task *t, const struct env_dropping *dropping,
                         const struct environment *which)
{
    if (!dropping->is_known
        || (dropping->row.created_us == which->created_us
            && str_eq(dropping->row.created_by, which->created_by))) {
        return true;
    }
    return task_fail(t, ERR_CONFLICT, "environment %.*s was made anew by somebody else",
                     STR_ARG(dropping->name));
}

bool env_unmake(struct task *t, struct env *env, const struct environment *which)
{
    struct services *mesh = env->envs->mesh;
    struct env_dropping dropping = {.name = str_of(env->name)};
    struct str_list files = {0};

    if (!env_open_dropped(t, env)
        || !turns_take(t, mesh->removal, INT32_MAX, "backups or removals")) {
        return false;
    }
    bool ok = (env->services == NULL || env_read_dropped(t, env, &dropping, &files))
           && env_is_which(t, &dropping, which) && env_read_last(t, mesh, dropping.name, &files)
           && metadb_write(t, mesh->db, env_write_drop, &dropping)
           && fault_pass(t, FAULT_ENV_BEFORE_DROP);
    if (ok) {
        services_close(env->services);
        env->services = NULL;
        ok = store_env_remove(t, mesh->home, dropping.name) && fault_pass(t, FAULT_ENV_AFTER_DROP);
        /* What stays is what nobody names: upkeep removes it. */
        if (ok && !services_remove_files(t, mesh, &files)) {
            log_failure("services", t);
            task_clear_error(t);
        }
    }
    turns_give(t, mesh->removal);
    return ok;
}
