/* The services of an environment: a catalog, an image, a gate and jobs of its own; all else is the mesh's. */
#include <stdlib.h>

#include "environment/environment.h"
#include "image/images.h"
#include "job_row/job_row.h"
#include "log/log.h"
#include "mesh_state/mesh_state.h"
#include "release/release.h"
#include "run_row/run_row.h"
#include "services/env_drift.h"
#include "services/jobs.h"
#include "services_inside.h"
#include "store/store_env.h"

struct services *services_mesh(struct services *s)
{
    return s->mesh != NULL ? s->mesh : s;
}

static bool write_follow(struct task *t, struct metadb *db, void *state)
{
    const uint64_t *version = state;

    return mesh_state_follow_policy(t, db, *version);
}

/* The image takes policies, agreements and entitlements from that of the mesh: what is written down is that it is another one. */
static bool services_take_policies(struct task *t, struct services *s, const struct image *mesh,
                                   bool may_write)
{
    uint64_t version = mesh->policies.version;

    return image_pin(t, s->images)->policies.version == version
        || (may_write && metadb_write(t, s->db, write_follow, &version)
            && images_refresh(t, s->images));
}

static enum gate_holds services_follow(void *state, bool may_write)
{
    struct services *s = state;
    struct task *t = task_new();
    const struct image *mesh = image_pin(t, s->mesh->images);
    enum gate_holds holds =
        mesh->mesh_version == atomic_load(&s->mesh_version) ? GATE_ALL_HOLDS : GATE_PART_HOLDS;
    bool holds_any = true;

    if ((holds == GATE_PART_HOLDS
         && !env_drift_look(t, s->drift, s->db, image_pin(t, s->images), mesh, &holds_any))
        || !holds_any || !services_take_policies(t, s, mesh, may_write)) {
        holds = GATE_NONE_HOLDS;
    }
    if (t->err.code != ERR_NONE) {
        log_failure("services", t);
    }
    task_free(t);
    return holds;
}

static bool services_holds(void *state, str product, bool is_built)
{
    struct services *s = state;

    return env_drift_holds(s->drift, product, is_built);
}

static bool services_is_catalog_of(struct task *t, struct metadb *db, str name,
                                   struct environment *out)
{
    bool found;

    if (!environment_find(t, db, out, &found)) {
        return false;
    }
    return (found && str_eq(out->name, name))
        || task_fail(t, ERR_CORRUPT, "the catalog of environment %.*s is that of another",
                     STR_ARG(name));
}

static bool services_open_state(struct task *t, struct services *s)
{
    struct environment env;
    uint64_t runs, jobs;

    if (!services_is_catalog_of(t, s->db, s->environment, &env)) {
        return false;
    }
    atomic_store(&s->mesh_version, env.mesh_version);
    return run_row_recover(t, s->db, &runs) && job_row_recover(t, s->db, &jobs);
}

bool services_open_beside(struct task *t, struct services *mesh, str name, str path,
                          struct services **out)
{
    struct services *s = calloc(1, sizeof(*s));
    struct gate_leader leader = {.gate = mesh->gate,
                                 .users = mesh->db,
                                 .follow = services_follow,
                                 .holds = services_holds,
                                 .state = s};
    const struct actor *asker = t->actor;

    CHECK(s != NULL);
    *s = *mesh;
    s->db = NULL;
    s->images = NULL;
    s->gate = NULL;
    s->envs = NULL;
    s->mesh = mesh;
    s->environment = name;
    s->drift = env_drift_new();
    s->jobs = jobs_new(mesh->jobs);
    t->actor = services_operator(t);
    bool ok = metadb_open(t, path, METADB_CATALOG, &s->db)
           && metadb_migrate(t, s->db, embedded_migrations, embedded_migrations_len)
           && services_open_state(t, s) && images_open_beside(t, s->db, mesh->images, &s->images)
           && gate_open_beside(t, &leader, s->db, s->images, &s->gate);
    t->actor = asker;
    if (!ok) {
        services_close(s);
        return false;
    }
    *out = s;
    return true;
}

void services_close_beside(struct services *s)
{
    gate_close(s->gate);
    images_close(s->images);
    metadb_close(s->db);
    jobs_free(s->jobs);
    env_drift_free(s->drift);
    free(s);
}

/* ---- files that any catalog names */

static bool services_open_catalog(struct task *t, str name, str path, struct metadb **out)
{
    struct environment env;

    if (!metadb_open(t, path, METADB_CATALOG, out)) {
        return false;
    }
    if (metadb_migrate(t, *out, embedded_migrations, embedded_migrations_len)
        && services_is_catalog_of(t, *out, name, &env)) {
        return true;
    }
    metadb_close(*out);
    return false;
}

bool services_open_catalog_of(struct task *t, struct services *mesh, str name, struct metadb **out)
{
    bool exists;

    if (!store_env_exists(t, mesh->home, name, &exists)) {
        return false;
    }
    if (!exists) {
        return task_fail(t, ERR_NOT_FOUND, "there is no environment %.*s", STR_ARG(name));
    }
    return store_env_has_catalog(t, mesh->home, name)
        && services_open_catalog(t, name, store_env_catalog(t, mesh->home, name), out);
}

bool services_open_last_of(struct task *t, struct services *mesh, str name, struct metadb **out)
{
    *out = NULL;
    return !store_env_has_last(t, mesh->home, name)
        || services_open_catalog(t, name, store_env_last(t, mesh->home, name), out);
}

/* `db` is closed; NULL names nothing. */
static bool services_add_files(struct task *t, struct metadb *db, struct str_list *out)
{
    struct str_list files = {0};
    bool ok = db == NULL || release_files(t, db, &files);

    if (db != NULL) {
        metadb_close(db);
    }
    for (size_t i = 0; ok && i < files.len; i++) {
        vec_push(t->mem, out, files.at[i]);
    }
    return ok;
}

static bool services_add_files_of(struct task *t, struct services *mesh, str name,
                                  struct str_list *out)
{
    struct metadb *db;

    return services_open_catalog_of(t, mesh, name, &db) && services_add_files(t, db, out)
        && services_open_last_of(t, mesh, name, &db) && services_add_files(t, db, out);
}

void services_sort_files(struct str_list *files)
{
    size_t kept = 0;

    str_list_sort(files);
    for (size_t i = 0; i < files->len; i++) {
        if (i == 0 || !str_eq(files->at[i], files->at[i - 1])) {
            files->at[kept++] = files->at[i];
        }
    }
    files->len = kept;
}

bool services_files(struct task *t, struct services *s, struct str_list *out)
{
    struct services *mesh = services_mesh(s);
    struct str_list all, names;
    bool exists;

    if (!release_files(t, mesh->db, &all) || !store_env_names(t, mesh->home, &names)) {
        return false;
    }
    for (size_t i = 0; i < names.len; i++) {
        /* One that was dropped this moment names nothing; one that cannot be read may name anything. */
        if (!services_add_files_of(t, mesh, names.at[i], &all)) {
            if (!store_env_exists(t, mesh->home, names.at[i], &exists) || exists) {
                return false;
            }
            task_clear_error(t);
        }
    }
    services_sort_files(&all);
    *out = all;
    return true;
}
