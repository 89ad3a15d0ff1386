#include "services/envs.h"

#include <stdlib.h>
#include <string.h>

#include "clock/clock.h"
#include "envs_inside.h"
#include "image/images.h"
#include "limits/limits.h"
#include "log/log.h"
#include "store/store_env.h"

enum { ENVS_WAIT_MS = 50, ENVS_ROUNDS_MAX = 8, ENVS_GRACE_ROUNDS = 20, ENVS_IDLE_MS = 60000 };

struct envs *envs_new(struct services *mesh)
{
    struct envs *envs = calloc(1, sizeof(*envs));
    pthread_condattr_t attributes;

    CHECK(envs != NULL);
    envs->mesh = mesh;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&envs->lock, NULL);
    pthread_cond_init(&envs->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return envs;
}

void envs_set_steps(struct envs *envs, const struct env_steps *steps)
{
    envs->steps = *steps;
}

/* What was done in it is in the audit of the mesh before anybody closes it. */
static void env_close(struct env *env)
{
    struct task *t = task_new();

    t->actor = services_operator(t);
    if (env->services != NULL
        && !environment_keep_audit(t, env->envs->mesh->db, env->services->db, str_of(env->name))) {
        log_failure("services", t);
    }
    task_free(t);
    services_close(env->services);
    env->services = NULL;
}

void envs_free(struct envs *envs)
{
    if (envs == NULL) {
        return;
    }
    while (envs->first != NULL) {
        struct env *env = envs->first;

        CHECK(env->users == NULL && !env->is_changing);
        envs->first = env->next;
        env_close(env);
        free(env);
    }
    pthread_cond_destroy(&envs->changed);
    pthread_mutex_destroy(&envs->lock);
    free(envs);
}

bool envs_recover(struct task *t, struct services *mesh)
{
    return store_env_tidy(t, mesh->home);
}

bool envs_list(struct task *t, struct services *mesh, struct str_list *out)
{
    return store_env_names(t, mesh->home, out);
}

static struct env *envs_find(struct envs *envs, str name)
{
    for (struct env *env = envs->first; env != NULL; env = env->next) {
        if (str_eq(str_of(env->name), name) && !env->is_dropped) {
            return env;
        }
    }
    return NULL;
}

static bool envs_refuse(struct task *t, str name)
{
    task_fail(t, ERR_NOT_FOUND, "there is no environment %.*s", STR_ARG(name));
    return task_hint(t, "weft apply --env %.*s makes it; weft env list tells which there are",
                     STR_ARG(name));
}

static void envs_wait(struct envs *envs)
{
    int64_t end_ms = clock_monotonic_ms() + ENVS_WAIT_MS;
    struct timespec until = {.tv_sec = end_ms / 1000, .tv_nsec = end_ms % 1000 * 1000000};

    pthread_cond_timedwait(&envs->changed, &envs->lock, &until);
}

/* Under the lock, which is given away meanwhile, until nobody changes it. */
static bool env_await(struct task *t, struct env *env)
{
    bool ok = true;

    /* It may be dropped meanwhile, and is freed after us. */
    env->waiting++;
    while (ok && env->is_changing) {
        envs_wait(env->envs);
        ok = task_go_on(t);
    }
    env->waiting--;
    return ok;
}

static bool envs_read(struct task *t, struct metadb *db, struct environment *out,
                      uint64_t *files_out, bool *found_out)
{
    struct environment_files files;

    if (!environment_find(t, db, out, found_out) || !environment_files(t, db, &files)) {
        return false;
    }
    *files_out = files.len;
    return true;
}

bool envs_peek(struct task *t, struct services *mesh, str name, struct environment *out,
               uint64_t *files_out, bool *found_out)
{
    struct envs *envs = mesh->envs;
    struct metadb *db;
    bool ok = true;

    *found_out = false;
    if (!environment_is_name(name)) {
        return true;
    }
    pthread_mutex_lock(&envs->lock);
    struct env *env = envs_find(envs, name);

    while (ok && env != NULL && env->is_changing) {
        ok = env_await(t, env);
        env = envs_find(envs, name);
    }
    if (ok && env != NULL && env->services != NULL) {
        ok = envs_read(t, env->services->db, out, files_out, found_out);
    } else if (ok && (ok = store_env_exists(t, mesh->home, name, found_out)) && *found_out
               && (ok = services_open_catalog_of(t, mesh, name, &db))) {
        ok = envs_read(t, db, out, files_out, found_out);
        metadb_close(db);
    }
    pthread_mutex_unlock(&envs->lock);
    return ok;
}

/* ---- who is in one */

/* Under the lock. */
static struct env *envs_add(struct envs *envs, str name)
{
    struct env *env = calloc(1, sizeof(*env));

    CHECK(env != NULL && name.len < sizeof(env->name));
    env->envs = envs;
    memcpy(env->name, name.ptr, name.len);
    env->used_ms = clock_monotonic_ms();
    env->next = envs->first;
    envs->first = env;
    return env;
}

/* Under the lock. */
static bool envs_look(struct task *t, struct envs *envs, str name, struct env **out)
{
    bool exists;

    *out = envs_find(envs, name);
    if (*out != NULL) {
        return true;
    }
    if (!environment_is_name(name)) {
        return envs_refuse(t, name);
    }
    if (!store_env_exists(t, envs->mesh->home, name, &exists)) {
        return false;
    }
    if (!exists) {
        return envs_refuse(t, name);
    }
    *out = envs_add(envs, name);
    return true;
}

static void env_user_end(void *handle)
{
    struct env_user *user = handle;
    struct envs *envs = user->env->envs;

    pthread_mutex_lock(&envs->lock);
    for (struct env_user **at = &user->env->users; *at != NULL; at = &(*at)->next) {
        if (*at == user) {
            *at = user->next;
            break;
        }
    }
    user->env->used_ms = clock_monotonic_ms();
    pthread_cond_broadcast(&envs->changed);
    pthread_mutex_unlock(&envs->lock);
}

/* Under the lock. */
static void env_cancel_users(const struct env *env, enum env_use spared)
{
    for (struct env_user *user = env->users; user != NULL; user = user->next) {
        if (user->use < spared) {
            task_cancel(user->task);
        }
    }
}

static bool env_has_user(const struct env *env, enum env_use least, enum env_use end)
{
    for (const struct env_user *user = env->users; user != NULL; user = user->next) {
        if (user->use >= least && user->use < end) {
            return true;
        }
    }
    return false;
}

/* Under the lock, which is given away meanwhile: from here on nobody enters until env_let. */
static bool env_hold(struct task *t, struct env *env)
{
    if (!env_await(t, env)) {
        return false;
    }
    env->is_changing = true;
    return true;
}

/* Under the lock, by who holds it: those who may not stay end, and those who stay by themselves are waited for too if they are not to
 * be there. */
static bool env_wait_for(struct task *t, struct env *env, enum env_use spared, enum env_use stays)
{
    while (env_has_user(env, 0, stays)) {
        env_cancel_users(env, spared);
        envs_wait(env->envs);
        if (!task_go_on(t)) {
            return false;
        }
    }
    return true;
}

static void env_let(struct env *env)
{
    env->is_changing = false;
    env->used_ms = clock_monotonic_ms();
    pthread_cond_broadcast(&env->envs->changed);
}

/* ---- as the mesh is now */

/* Under the lock: somebody opens, closes or changes it, and its services are his alone. He waits until nobody is in it. */
static bool env_is_held(const struct env *env)
{
    return env->is_changing && env->users == NULL;
}

/* Is what is open the mesh of this moment? */
static bool env_is_current(struct task *t, struct env *env, bool *out)
{
    struct services *s = env->services;
    struct environment row;

    *out = s != NULL && gate_holds(s->gate) == GATE_ALL_HOLDS;
    if (*out && !environment_find(t, s->db, &row, out)) {
        return false;
    }
    *out = *out && row.mesh_version == image_pin(t, s->mesh->images)->mesh_version;
    return true;
}

/* By who holds it. */
static bool env_bring_up(struct task *t, struct env *env, bool is_forced)
{
    bool is_current;

    if (env->services == NULL
        && (!store_env_has_catalog(t, env->envs->mesh->home, str_of(env->name))
            || !services_open_beside(t, env->envs->mesh, str_of(env->name),
                                     store_env_catalog(t, env->envs->mesh->home, str_of(env->name)),
                                     &env->services))) {
        return false;
    }
    return env_is_current(t, env, &is_current)
        && ((is_current && !is_forced) || env_make_anew(t, env));
}

/* Under the lock, by who holds it: who works on what has not changed goes on, and the others see it as it is by now. */
static bool env_try_to_follow(struct task *t, struct env *env, bool *followed_out)
{
    *followed_out = false;
    if (env->services == NULL || gate_is_left(env->services->gate)
        || !env_wait_for(t, env, ENV_WORKS, ENV_WORKS)
        || !env_has_user(env, ENV_WORKS, ENV_FOLLOWS)) {
        return t->err.code == ERR_NONE;
    }
    pthread_mutex_unlock(&env->envs->lock);
    bool ok = env_follow(t, env, followed_out);
    pthread_mutex_lock(&env->envs->lock);
    return ok;
}

/* Under the lock, by who holds it: with nobody in it. */
static bool env_bring_up_alone(struct task *t, struct env *env, bool is_forced)
{
    if (env->services != NULL && env_has_user(env, 0, ENV_FOLLOWS)) {
        gate_leave(env->services->gate, GATE_MESH_MOVED);
    }
    if (!env_wait_for(t, env, ENV_FOLLOWS, ENV_USE_COUNT)) {
        return false;
    }
    pthread_mutex_unlock(&env->envs->lock);
    bool ok = env_bring_up(t, env, is_forced);
    pthread_mutex_lock(&env->envs->lock);
    return ok;
}

static bool env_change(struct task *t, struct env *env, bool is_forced)
{
    bool has_followed = false;

    if (!env_hold(t, env)) {
        return false;
    }
    bool ok = !env->is_dropped || envs_refuse(t, str_of(env->name));

    ok = ok && (is_forced || env_try_to_follow(t, env, &has_followed))
      && (has_followed || env_bring_up_alone(t, env, is_forced));
    env_let(env);
    return ok;
}

bool envs_may_know(struct task *t, struct services *s, str problem)
{
    return services_may_know_file(t->actor, image_pin(t, s->mesh->images), problem);
}

bool envs_demand_fit(struct task *t, struct services *s)
{
    struct environment row;
    bool found;

    if (!environment_find(t, s->db, &row, &found) || !found || row.problem.len == 0) {
        return t->err.code == ERR_NONE;
    }
    task_fail(t, ERR_CONFLICT, "environment %.*s does not fit the mesh any more: %.*s",
              STR_ARG(s->environment),
              STR_ARG(envs_may_know(t, s, row.problem) ? row.problem : STR("ask who works in it")));
    return task_hint(t,
                     "bring its files in line and say weft apply --env %.*s, or drop it: weft env "
                     "drop %.*s",
                     STR_ARG(s->environment), STR_ARG(s->environment));
}

/* Under the lock. */
static void env_add_user(struct task *t, struct env *env, enum env_use use)
{
    struct env_user *user = ARENA_NEW(t->mem, struct env_user);

    *user = (struct env_user){.env = env, .task = t, .use = use, .next = env->users};
    env->users = user;
    arena_defer(t->mem, env_user_end, user);
}

/* True in `in_out` when the task is in it. */
static bool env_try(struct task *t, struct env *env, enum env_use use, bool *in_out)
{
    bool is_current;

    *in_out = false;
    if (!env_await(t, env)) {
        return false;
    }
    if (env->is_dropped) {
        return envs_refuse(t, str_of(env->name));
    }
    if (!env_is_current(t, env, &is_current)) {
        return false;
    }
    if (!is_current) {
        return env_change(t, env, false);
    }
    env_add_user(t, env, use);
    *in_out = true;
    return true;
}

bool envs_enter(struct task *t, struct services *mesh, str name, enum env_use use,
                struct services **out)
{
    struct envs *envs = mesh->envs;
    struct env *env = NULL;
    bool is_in = false;

    pthread_mutex_lock(&envs->lock);
    bool ok = !envs->is_over || task_fail(t, ERR_CANCELLED, "the server ends");
    ok = ok && envs_look(t, envs, name, &env);
    for (int round = 0; ok && !is_in && round < ENVS_ROUNDS_MAX; round++) {
        ok = env_try(t, env, use, &is_in);
    }
    pthread_mutex_unlock(&envs->lock);
    if (ok && !is_in) {
        task_fail(t, ERR_CONFLICT, "the mesh changed again and again");
        return task_hint(t, "try again");
    }
    if (!ok) {
        return false;
    }
    *out = env->services;
    if ((use == ENV_READS || use == ENV_WORKS) && !envs_demand_fit(t, *out)) {
        return false;
    }
    /* Policies of this moment before anything is decided by the image. */
    gate_recheck((*out)->gate);
    return true;
}

void envs_stay(struct task *t, struct services *s, enum env_use use)
{
    struct envs *envs = s->mesh->envs;
    struct env *env;

    pthread_mutex_lock(&envs->lock);
    for (env = envs->first; env != NULL && env->services != s; env = env->next) {
    }
    CHECK(env != NULL && env->users != NULL);
    env_add_user(t, env, use);
    /* What came to all who are in it came before this one. */
    if (use != ENV_FOLLOWS && gate_is_left(s->gate)) {
        task_cancel(t);
    }
    pthread_mutex_unlock(&envs->lock);
}

/* ---- what is done to them */

bool envs_create(struct task *t, struct services *mesh, str name)
{
    struct envs *envs = mesh->envs;
    struct str_list names;
    int64_t most = CONFIG_INT(mesh->config, environments_max);
    bool exists;

    if (!environment_is_name(name)) {
        task_fail(t, ERR_USAGE, "%.*s is no name of an environment", STR_ARG(name));
        return task_hint(t, "names are of a-z, 0-9 and -, and begin with a letter");
    }
    pthread_mutex_lock(&envs->lock);
    bool ok = store_env_exists(t, mesh->home, name, &exists) && envs_list(t, mesh, &names);
    if (ok && (exists || envs_find(envs, name) != NULL)) {
        ok = task_fail(t, ERR_CONFLICT, "there is an environment %.*s", STR_ARG(name));
    }
    if (ok && (int64_t)names.len >= most) {
        ok = task_fail(t, ERR_LIMIT, "there are %zu environments", names.len);
        task_hint(t, "drop one, as by weft env drop NAME, or raise the setting environments_max");
    }
    if (ok) {
        struct env *env = envs_add(envs, name);

        env->is_changing = true;
        pthread_mutex_unlock(&envs->lock);
        ok = env_make(t, envs, name);
        pthread_mutex_lock(&envs->lock);
        env->is_dropped = !ok;
        env_let(env);
    }
    pthread_mutex_unlock(&envs->lock);
    return ok;
}

bool envs_refresh(struct task *t, struct services *mesh, str name)
{
    struct envs *envs = mesh->envs;
    struct env *env;

    pthread_mutex_lock(&envs->lock);
    bool ok = envs_look(t, envs, name, &env);
    for (struct env_user *user = ok ? env->users : NULL; ok && user != NULL; user = user->next) {
        if (user->use != ENV_FOLLOWS) {
            ok = task_fail(t, ERR_BUSY, "somebody works in environment %.*s", STR_ARG(name));
            task_hint(t, "wait for it, or cancel it");
        }
    }
    ok = ok && env_change(t, env, true);
    pthread_mutex_unlock(&envs->lock);
    return ok;
}

/* Those who follow work to its end see that end, but are not waited for longer than that takes. */
static bool env_end_all(struct task *t, struct env *env)
{
    if (env->services != NULL) {
        gate_leave(env->services->gate, GATE_DROPPED);
    }
    if (!env_wait_for(t, env, ENV_FOLLOWS, ENV_FOLLOWS)) {
        return false;
    }
    for (int round = 0; round < ENVS_GRACE_ROUNDS && env->users != NULL; round++) {
        envs_wait(env->envs);
    }
    return env_wait_for(t, env, ENV_USE_COUNT, ENV_USE_COUNT);
}

bool envs_drop(struct task *t, struct services *mesh, const struct environment *which)
{
    struct envs *envs = mesh->envs;
    struct env *env;

    pthread_mutex_lock(&envs->lock);
    bool ok = envs_look(t, envs, which->name, &env);
    if (ok && env_hold(t, env)) {
        ok = (!env->is_dropped || envs_refuse(t, which->name)) && env_end_all(t, env);
        if (ok) {
            pthread_mutex_unlock(&envs->lock);
            ok = env_unmake(t, env, which);
            pthread_mutex_lock(&envs->lock);
            env->is_dropped = ok;
        }
        env_let(env);
    }
    pthread_mutex_unlock(&envs->lock);
    return ok && t->err.code == ERR_NONE;
}

/* ---- with the mesh */

void envs_follow(struct services *mesh)
{
    struct envs *envs = mesh->envs;

    if (envs == NULL) {
        return;
    }
    pthread_mutex_lock(&envs->lock);
    for (struct env *env = envs->first; env != NULL; env = env->next) {
        if (env_is_held(env) || env->services == NULL) {
            continue; /* whoever holds it looks at the mesh before anybody enters */
        }
        gate_recheck(env->services->gate);
        if (gate_holds(env->services->gate) != GATE_ALL_HOLDS) {
            env_cancel_users(env, gate_is_left(env->services->gate) ? ENV_FOLLOWS : ENV_WORKS);
        }
    }
    pthread_mutex_unlock(&envs->lock);
}

struct env_visit {
    struct services *services;
    struct task *t;
};

void envs_each_open(struct services *mesh,
                    void (*each)(struct task *t, struct services *s, void *state), void *state)
{
    struct envs *envs = mesh->envs;
    struct arena *mem = arena_new();
    struct {
        VEC_OF(struct env_visit)
    } visits = {0};

    /* All are entered first: those that are left go on to be there. */
    pthread_mutex_lock(&envs->lock);
    for (struct env *env = envs->first; env != NULL && !envs->is_over; env = env->next) {
        if (!env->is_changing && env->services != NULL && !env->is_dropped) {
            struct env_visit *visit = vec_add(mem, &visits);

            *visit = (struct env_visit){env->services, task_new()};
            env_add_user(visit->t, env, ENV_FOLLOWS);
        }
    }
    pthread_mutex_unlock(&envs->lock);
    for (size_t i = 0; i < visits.len; i++) {
        each(visits.at[i].t, visits.at[i].services, state);
        task_free(visits.at[i].t);
    }
    arena_free(mem);
}

void envs_tidy(struct services *mesh)
{
    struct envs *envs = mesh->envs;

    pthread_mutex_lock(&envs->lock);
    for (struct env **at = &envs->first; *at != NULL;) {
        struct env *env = *at;
        bool is_idle = env->users == NULL && !env->is_changing && env->waiting == 0
                    && (env->is_dropped || clock_monotonic_ms() - env->used_ms > ENVS_IDLE_MS);

        if (!is_idle) {
            at = &env->next;
            continue;
        }
        *at = env->next;
        env_close(env);
        free(env);
    }
    pthread_mutex_unlock(&envs->lock);
}

void envs_end(struct services *mesh)
{
    struct envs *envs = mesh->envs;

    pthread_mutex_lock(&envs->lock);
    envs->is_over = true;
    for (struct env *env = envs->first; env != NULL; env = env->next) {
        env_cancel_users(env, ENV_USE_COUNT);
    }
    pthread_mutex_unlock(&envs->lock);
}
