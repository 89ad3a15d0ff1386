#include "upkeep/upkeep.h"

#include "clock/clock.h"
#include "log/log.h"
#include "plan_row/plan_row.h"
#include "quarantine/quarantine.h"
#include "release/release.h"
#include "scheduled_check/scheduled_check.h"
#include "upkeep/upkeep_inside.h"

enum { UPKEEP_FILE_AGE_S = 3600 };

static const int64_t upkeep_day_us = 86400LL * 1000000;

/* What was pruned while it was looked for is not damaged. */
static bool upkeep_drop_forgotten(struct task *t, struct services *s, struct str_list *damaged)
{
    struct str_list files = {0}, still = {0};

    if (!release_files(t, s->db, &files)) {
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

bool upkeep_verify(struct task *t, struct services *s, struct upkeep_verdict *out)
{
    struct str_list files = {0};

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
        || !release_files(t, s->db, &files) || !gate_verify(t, s->gate, &out->copies)) {
        return false;
    }
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
static bool upkeep_remove(struct task *t, struct services *s, const struct str_list *keep,
                          uint64_t *files_out)
{
    if (!turns_take(t, &s->removal, 0, "backups")) {
        if (t->err.code != ERR_TOO_MANY) {
            return false;
        }
        task_clear_error(t);
        return true;
    }
    bool ok = store_sweep(t, s->store, keep, UPKEEP_FILE_AGE_S, files_out);
    turns_give(t, &s->removal);
    return ok;
}

bool upkeep_sweep(struct task *t, struct services *s)
{
    int64_t now_us = clock_now_us();
    struct str_list keep = {0};
    uint64_t releases = 0, files = 0;
    struct gate_upkeep copies;

    if (!release_prune(t, s->db, (uint64_t)CONFIG_INT(s->config, keep_releases),
                       now_us - CONFIG_INT(s->config, keep_days) * upkeep_day_us, &releases)
        || !quarantine_prune(t, s->db)
        || !scheduled_check_prune(t, s->db,
                                  now_us - CONFIG_INT(s->config, keep_days) * upkeep_day_us)
        || !plan_row_sweep(t, s->db, now_us - upkeep_day_us) || !release_files(t, s->db, &keep)
        || !gate_upkeep(t, s->gate, &keep, &copies) || !upkeep_remove(t, s, &keep, &files)) {
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
