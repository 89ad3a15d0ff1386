#include "upkeep/upkeep.h"

#include "clock/clock.h"
#include "image/images.h"
#include "log/log.h"
#include "plan_row/plan_row.h"
#include "quarantine/quarantine.h"
#include "release/release.h"
#include "scheduled_check/scheduled_check.h"
#include "services/envs.h"
#include "upkeep/upkeep_inside.h"

enum { UPKEEP_FILE_AGE_S = 3600 };

static const int64_t upkeep_day_us = 86400LL * 1000000;

/* What was pruned while it was looked for is not damaged. */
static bool upkeep_drop_forgotten(struct task *t, struct services *s, struct str_list *damaged)
{
    struct str_list files = {0}, still = {0};

    if (!services_files(t, s, &files)) {
        return false;
    }
    for (size_t i = 0; i < damaged->len; i++) {
        if (str_list_has(&files, damaged->at[i])) {
            vec_push(t->mem, &still, damaged->at[i]);
        }
    }
    *damaged = still;
    return true;
}

/* At one instant: releases and the audit that tells of them go together. */
static bool upkeep_check_now(struct task *t, struct services *s, str *finding_out)
{
    struct metadb *snapshot;

    if (!metadb_snapshot(t, s->db, &snapshot)) {
        return false;
    }
    bool ok = upkeep_check_catalog(t, snapshot, finding_out);
    metadb_snapshot_end(t, snapshot);
    return ok;
}

/* Of an environment; while nobody makes it anew. */
static bool upkeep_verify_env(struct task *t, struct metadb *db, str *finding_out)
{
    struct chain_verdict audit;

    if (!metadb_verify(t, db)) {
        if (t->err.code != ERR_CORRUPT) {
            return false;
        }
        *finding_out = arena_str(t->mem, t->err.message);
        task_clear_error(t);
        return true;
    }
    if (!chain_verify(t, db, NULL, NULL, &audit)) {
        return false;
    }
    if (audit.fault != CHAIN_WHOLE) {
        *finding_out = audit.reason;
        return true;
    }
    return upkeep_check_catalog(t, db, finding_out);
}

/* NULL: it could not be opened, or there is none. */
static bool upkeep_verify_opened(struct task *t, struct metadb *db, str *finding_out)
{
    if (db == NULL) {
        *finding_out = t->err.code != ERR_NONE ? arena_str(t->mem, t->err.message) : STR_NONE;
        task_clear_error(t);
        return true;
    }
    bool ok = upkeep_verify_env(t, db, finding_out);

    metadb_close(db);
    return ok;
}

static bool upkeep_verify_envs(struct task *t, struct services *s, str *finding_out)
{
    struct str_list names;

    if (!envs_list(t, s, &names)) {
        return false;
    }
    for (size_t i = 0; i < names.len && finding_out->len == 0; i++) {
        struct metadb *db;
        str finding = STR_NONE;

        if (!upkeep_verify_opened(t, services_open_catalog_of(t, s, names.at[i], &db) ? db : NULL,
                                  &finding)
            || (finding.len == 0
                && !upkeep_verify_opened(
                    t, services_open_last_of(t, s, names.at[i], &db) ? db : NULL, &finding))) {
            return false;
        }
        if (finding.len > 0) {
            *finding_out = arena_format(t->mem, "environment %.*s: %.*s", STR_ARG(names.at[i]),
                                        STR_ARG(finding));
        }
    }
    return true;
}

/* What cannot be read of an environment is told already. */
static bool upkeep_files(struct task *t, struct services *s, const struct upkeep_verdict *verdict,
                         struct str_list *out)
{
    if (services_files(t, s, out)) {
        return true;
    }
    if (verdict->catalog.len == 0) {
        return false;
    }
    task_clear_error(t);
    return release_files(t, s->db, out);
}

/* While no environment is made anew, or dropped. */
static bool upkeep_find_files(struct task *t, struct services *s, struct upkeep_verdict *out,
                              struct str_list *files)
{
    if (!turns_take(t, s->removal, INT32_MAX, "backups or removals")) {
        return false;
    }
    bool ok = (out->catalog.len > 0 || upkeep_verify_envs(t, s, &out->catalog))
           && upkeep_files(t, s, out, files);
    turns_give(t, s->removal);
    return ok;
}

/* Keys as they lie there: the next server begins with these. */
static bool upkeep_verify_keys(struct task *t, struct services *s, str *finding_out)
{
    return chain_verify_key(t, s->home, (str){s->audit_seed, sizeof(s->audit_seed)}, finding_out)
        && (finding_out->len > 0 || gate_verify_key(t, s->gate, finding_out));
}

bool upkeep_verify(struct task *t, struct services *s, struct upkeep_verdict *out)
{
    struct str_list files = {0};
    bool is_removed;

    *out = (struct upkeep_verdict){0};
    if (!metadb_verify(t, s->db)) {
        if (t->err.code != ERR_CORRUPT) {
            return false;
        }
        out->catalog = arena_str(t->mem, t->err.message);
        task_clear_error(t);
    }
    if (!chain_verify(t, s->db, NULL, NULL, &out->audit)
        || (out->catalog.len == 0 && !upkeep_check_now(t, s, &out->catalog))
        || (out->catalog.len == 0 && !upkeep_verify_keys(t, s, &out->catalog))
        || !upkeep_find_files(t, s, out, &files) || !gate_verify(t, s->gate, &out->copies)
        || !images_verify(t, s->images, &is_removed)) {
        return false;
    }
    out->copies.damaged += is_removed;
    out->files = files.len;
    for (size_t i = 0; i < files.len; i++) {
        if (!task_go_on(t)) {
            return false;
        }
        if (!store_verify(t, s->store, files.at[i])) {
            if (t->err.code == ERR_CANCELLED || t->err.code == ERR_TIMEOUT) {
                return false;
            }
            vec_push(t->mem, &out->damaged, files.at[i]);
            task_clear_error(t);
        }
    }
    return out->damaged.len == 0 || upkeep_drop_forgotten(t, s, &out->damaged);
}

/* A backup under way may still read files that no release names any more: they go at the next time. */
static bool upkeep_remove(struct task *t, struct services *s, struct gate_upkeep *copies_out,
                          uint64_t *files_out)
{
    struct str_list keep;

    *copies_out = (struct gate_upkeep){0};
    if (!turns_take(t, s->removal, 0, "backups")) {
        if (t->err.code != ERR_TOO_MANY) {
            return false;
        }
        task_clear_error(t);
        return true;
    }
    /* Known while no environment comes that could name what nothing else does any more. */
    bool ok = services_files(t, s, &keep) && gate_upkeep(t, s->gate, &keep, copies_out)
           && store_sweep(t, s->store, &keep, UPKEEP_FILE_AGE_S, files_out);
    turns_give(t, s->removal);
    return ok;
}

static bool upkeep_prune(struct task *t, struct services *s, uint64_t *releases_out)
{
    int64_t now_us = clock_now_us();
    int64_t kept_us = now_us - CONFIG_INT(s->config, keep_days) * upkeep_day_us;

    return release_prune(t, s->db, (uint64_t)CONFIG_INT(s->config, keep_releases), kept_us,
                         releases_out)
        && quarantine_prune(t, s->db) && scheduled_check_prune(t, s->db, kept_us)
        && plan_row_sweep(t, s->db, now_us - upkeep_day_us);
}

static void upkeep_prune_env(struct task *t, struct services *s, void *state)
{
    uint64_t releases;

    (void)state;
    if (!upkeep_prune(t, s, &releases)) {
        log_failure("upkeep", t);
    }
}

bool upkeep_sweep(struct task *t, struct services *s)
{
    uint64_t releases = 0, files = 0;
    struct gate_upkeep copies;

    envs_each_open(s, upkeep_prune_env, NULL);
    if (!upkeep_prune(t, s, &releases) || !upkeep_remove(t, s, &copies, &files)) {
        return false;
    }
    if (copies.removed + copies.damaged > 0) {
        log_event(LOG_INFO, "upkeep", t, "removed %llu cleared copies, %llu of them damaged",
                  (unsigned long long)(copies.removed + copies.damaged),
                  (unsigned long long)copies.damaged);
    }
    if (releases + files > 0) {
        log_event(LOG_INFO, "upkeep", t, "forgot %llu releases and removed %llu files",
                  (unsigned long long)releases, (unsigned long long)files);
    }
    return true;
}
