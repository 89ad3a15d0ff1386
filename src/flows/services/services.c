#include "services/services_inside.h"

#include <stdlib.h>

#include "clock/clock.h"
#include "embed/embed.h"
#include "image/images.h"
#include "job_row/job_row.h"
#include "log/log.h"
#include "query_row/query_row.h"
#include "release/release.h"
#include "run_row/run_row.h"
#include "services/envs.h"
#include "services_inside.h"

enum { SERVICES_SHOW_TRIES = 3 };

static bool services_open_catalog(struct task *t, struct services *s)
{
    str path = arena_format(t->mem, "%.*s/catalog.db", STR_ARG(s->home));

    return metadb_open(t, path, METADB_CATALOG, &s->db)
        && metadb_migrate(t, s->db, embedded_migrations, embedded_migrations_len);
}

/* An environment that cannot be read may name any file: then none is removed, and the mesh serves all the same. */
static bool services_sweep(struct task *t, struct services *s, uint64_t *files_out)
{
    struct str_list keep;

    if (!release_files(t, s->db, &keep)) {
        return false;
    }
    if (!services_files(t, s, &keep)) {
        log_failure("services", t);
        log_event(LOG_WARN, "services", t, "no file is removed while an environment is damaged");
        task_clear_error(t);
        return true;
    }
    return store_sweep(t, s->store, &keep, 0, files_out);
}

/* What a killed server left: runs and jobs that nobody works on, files that no manifest names. Under the lock of the
 * home nobody else can be writing. */
static bool services_recover(struct task *t, struct services *s)
{
    uint64_t runs = 0, jobs = 0, queries = 0, files = 0;
    bool ok = run_row_recover(t, s->db, &runs) && job_row_recover(t, s->db, &jobs)
           && query_row_recover(t, s->db, &queries) && services_sweep(t, s, &files);

    if (ok && queries > 0) {
        log_event(LOG_WARN, "services", t, "an earlier server left %llu queries without an end",
                  (unsigned long long)queries);
    }
    if (ok && runs + jobs + files > 0) {
        log_event(LOG_WARN, "services", t,
                  "an earlier server left %llu runs, %llu jobs and %llu files unfinished",
                  (unsigned long long)runs, (unsigned long long)jobs, (unsigned long long)files);
    }
    return ok;
}

/* Each query and each run may hold a worker and wait for a clearing one: there must be one more than they can hold. */
static bool services_fit(struct task *t, const struct config *config)
{
    int64_t holders = CONFIG_INT(config, queries_max) + CONFIG_INT(config, runs_max);

    if (CONFIG_INT(config, workers_max) > holders) {
        return true;
    }
    task_fail(t, ERR_CONFIG, "workers_max is %lld, and queries_max and runs_max together are %lld",
              (long long)CONFIG_INT(config, workers_max), (long long)holders);
    return task_hint(t, "set workers_max to %lld or more", (long long)holders + 1);
}

static bool services_open_images(struct task *t, struct services *s)
{
    struct images_place kept = {
        .path = arena_format(t->mem, "%.*s/image.map", STR_ARG(s->home)),
        .least = (uint64_t)CONFIG_INT(s->config, image_keep_products),
    };

    return images_open_over(t, s->db, &kept, &s->images);
}

bool services_open(struct task *t, const struct config *config, str home, str folder,
                   struct services **out)
{
    struct services *s = calloc(1, sizeof(*s));

    CHECK(s != NULL);
    s->config = config;
    s->home = home;
    s->folder = folder;
    s->jobs = jobs_new(NULL);
    s->queries =
        turns_new(CONFIG_INT(config, queries_max), CONFIG_INT(config, queries_waiting_max));
    s->runs = turns_new(CONFIG_INT(config, runs_max), INT64_MAX);
    s->removal = turns_new(1, INT64_MAX);
    s->envs = envs_new(s);
    bool ok = services_fit(t, config) && store_open(t, config, home, &s->store)
           && services_open_catalog(t, s) && services_open_home(t, s) && envs_recover(t, s)
           && services_recover(t, s) && services_open_images(t, s)
           && engine_open(t, config, home, &s->engine)
           && gate_open(t, config, s->store, s->engine, s->db, s->images, home, &s->gate);
    if (!ok) {
        services_close(s);
        return false;
    }
    *out = s;
    return true;
}

void services_close(struct services *s)
{
    if (s == NULL) {
        return;
    }
    if (s->mesh != NULL) {
        services_close_beside(s);
        return;
    }
    envs_free(s->envs);
    gate_close(s->gate);
    engine_close(s->engine);
    images_close(s->images);
    services_close_home(s);
    metadb_close(s->db);
    store_close(s->store);
    jobs_free(s->jobs);
    turns_free(s->queries);
    turns_free(s->runs);
    turns_free(s->removal);
    free(s);
}

void services_show(struct services *s)
{
    struct task *last = task_new();
    bool ok = false;

    for (int tries = 0; tries < SERVICES_SHOW_TRIES && !ok; tries++) {
        ok = images_refresh(last, s->images);
    }
    if (!ok) {
        log_failure("services", last);
    }
    CHECK(ok);
    task_free(last);
    gate_recheck(s->gate);
    envs_follow(s);
}
