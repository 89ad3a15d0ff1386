/* Steps of a request: approve, deny, withdraw, revoke; its renewal, and its end by time. */
#include "audit/audit.h"
#include "clock/clock.h"
#include "govern_inside.h"
#include "job_row/job_row.h"
#include "limits/limits.h"
#include "log/log.h"
#include "mesh_state/mesh_state.h"

const struct actor govern_itself = {.kind = ACTOR_OPERATOR, .name = STR("weft")};

struct govern_moving {
    const struct image *image;
    struct access_request row;
    enum govern_move move;
    str reason;
    bool touches_policy;
};

static enum access_step govern_step_of(enum govern_move move)
{
    static const enum access_step steps[] = {
        [GOVERN_APPROVE] = ACCESS_APPROVE,
        [GOVERN_DENY] = ACCESS_DENY,
        [GOVERN_REVOKE] = ACCESS_REVOKE,
        [GOVERN_WITHDRAW] = ACCESS_WITHDRAW,
    };

    return steps[move];
}

static bool govern_first_by(struct task *t, struct metadb *db, uint64_t id, str *out)
{
    struct access_request_steps steps;

    *out = STR_NONE;
    if (!access_request_steps(t, db, id, &steps)) {
        return false;
    }
    for (size_t i = 0; i < steps.len; i++) {
        if (steps.at[i].step == ACCESS_APPROVE && steps.at[i].level == 1) {
            *out = steps.at[i].actor;
        }
    }
    return true;
}

/* What is renewed is over in the same moment: at no time are there none or two. */
static bool govern_end_previous(struct task *t, struct metadb *db, const struct access_request *row)
{
    struct access_request *previous;

    if (row->previous == 0 || row->state != ACCESS_APPROVED) {
        return true;
    }
    if (!access_request_find(t, db, row->previous, &previous)) {
        return false;
    }
    if (previous == NULL || previous->state != ACCESS_APPROVED) {
        return true;
    }
    str reason =
        arena_format(t->mem, "renewed by access request %llu", (unsigned long long)row->id);
    return access_request_move(t, db, previous, ACCESS_RENEW, false, reason)
        && govern_tell(t, db, previous, ACCESS_RENEW, reason);
}

static bool govern_is_in_time(struct task *t, const struct govern_moving *m)
{
    if (m->move != GOVERN_APPROVE || clock_now_us() < m->row.until_us) {
        return true;
    }
    task_fail(t, ERR_CONFLICT, "the time that access request %llu asks for has passed",
              (unsigned long long)m->row.id);
    return task_hint(t, "a new request asks for a later end");
}

/* The first query need not wait for what can be made before it. */
static bool govern_queue_clearing(struct task *t, struct metadb *db,
                                  const struct access_request *row)
{
    str id;
    bool joined;

    return job_row_queue(t, db, STR("clear"), access_request_policy(t->mem, row->id), STR_NONE,
                         t->actor->name, &id, &joined);
}

/* Rights and state are held against what stands in the catalog now: of two who decide at once the second is told. */
static bool govern_commit(struct task *t, struct metadb *db, void *state)
{
    struct govern_moving *m = state;
    enum access_step step = govern_step_of(m->move);
    struct access_request *now;
    struct access_approvers approvers;
    str first_by;
    bool was_in_force;

    if (!govern_is_current(t, db, m->image) || !access_request_find(t, db, m->row.id, &now)) {
        return false;
    }
    if (now == NULL) {
        return govern_unknown(t, m->row.id);
    }
    m->row = *now;
    was_in_force = now->state == ACCESS_APPROVED;
    bool has_second =
        read_access_approvers(t->mem, m->image, now, &approvers) && approvers.second.len > 0;
    if (!govern_first_by(t, db, now->id, &first_by)
        || !govern_may_move(t, m->image, now, m->move, first_by)
        || !access_request_move(t, db, &m->row, step, has_second, m->reason)
        || !govern_is_in_time(t, m)) {
        return false;
    }
    m->touches_policy = was_in_force || m->row.state == ACCESS_APPROVED;
    if (m->row.state == ACCESS_APPROVED && !govern_queue_clearing(t, db, &m->row)) {
        return false;
    }
    metadb_pass_before_commit(db, FAULT_ACCESS_BEFORE_COMMIT);
    return govern_tell(t, db, &m->row, step, m->reason) && govern_end_previous(t, db, &m->row)
        && (!m->touches_policy || mesh_state_touch_policy(t, db));
}

/* That somebody tried what he may not is worth knowing. The refusal stands, whether or not it could be recorded. */
static void govern_audit_refusal(struct task *t, struct services *s, const struct govern_moving *m)
{
    struct error kept = t->err;
    str action = arena_format(t->mem, "access.%s", access_state_step_name(govern_step_of(m->move)));

    if (kept.code != ERR_DENIED) {
        return;
    }
    struct json_out o = {.b = buf_new(t->mem, DOCUMENT_BYTES_MAX)};
    json_out_begin(&o, "", '{');
    json_out_uint(&o, "request", m->row.id);
    json_out_str(&o, "error", kept.message);
    json_out_end(&o, '}');
    task_clear_error(t);
    if (!audit_append(t, s->db, action, access_request_policy(t->mem, m->row.id), STR("denied"),
                      buf_str(o.b), NULL)) {
        log_failure("govern", t);
    }
    t->err = kept;
}

bool govern_move(struct task *t, struct services *s, str id, enum govern_move move, str reason)
{
    const struct image *image = image_pin(t, s->images);
    struct govern_moving m = {.image = image, .move = move, .reason = str_trim(reason)};
    bool needs_reason = move == GOVERN_DENY || move == GOVERN_REVOKE;
    struct access_request *row;

    if (!govern_find(t, s, image, id, &row) || !govern_demand_reason(t, m.reason, needs_reason)) {
        return false;
    }
    m.row = *row;
    if (!metadb_write(t, s->db, govern_commit, &m)) {
        govern_audit_refusal(t, s, &m);
        return false;
    }
    bool ok = fault_pass(t, FAULT_ACCESS_AFTER_COMMIT);
    if (m.touches_policy) {
        services_show(s);
        jobs_wake(s->jobs);
    }
    return ok;
}

/* ---- renewal */

bool govern_renew(struct task *t, struct services *s, str id, str until, str reason,
                  uint64_t *id_out)
{
    const struct image *image = image_pin(t, s->images);
    struct access_request *row;

    *id_out = 0;
    if (!govern_find(t, s, image, id, &row)) {
        return false;
    }
    if (row->state != ACCESS_APPROVED && row->state != ACCESS_EXPIRED) {
        task_fail(t, ERR_CONFLICT, "access request %llu is %s: there is nothing to renew",
                  (unsigned long long)row->id, access_state_name(row->state));
        return task_hint(t, "a new request asks anew");
    }
    struct govern_ask ask = {
        .target = access_request_target(t->mem, row),
        .role = row->role,
        .taker = arena_format(t->mem, "%s:%.*s", access_request_taker_name(row->taker_kind),
                              STR_ARG(row->taker)),
        .purposes = row->purposes,
        .until = until,
        .reason = str_trim(reason).len > 0 ? reason : row->reason,
    };
    return govern_ask_for(t, s, &ask, row, id_out);
}

/* ---- the end */

struct govern_ending {
    int64_t now_us;
    bool touches_policy;
    size_t ended;
};

static bool govern_end_one(struct task *t, struct metadb *db, struct govern_ending *e,
                           struct access_request *row, enum access_step step, str reason)
{
    e->touches_policy = e->touches_policy || row->state == ACCESS_APPROVED;
    e->ended++;
    return access_request_move(t, db, row, step, false, reason)
        && govern_tell(t, db, row, step, reason);
}

/* Whoever comes later under the name of a user or product that is gone must not find its access. */
static bool govern_end_orphans(struct task *t, struct metadb *db, struct govern_ending *e)
{
    struct access_orphans orphans;

    if (!read_access_orphans(t, db, &orphans)) {
        return false;
    }
    for (size_t i = 0; i < orphans.len; i++) {
        struct access_request *row;

        if (!access_request_find(t, db, orphans.at[i].id, &row)) {
            return false;
        }
        CHECK(row != NULL);
        if (!govern_end_one(t, db, e, row,
                            row->state == ACCESS_APPROVED ? ACCESS_REVOKE : ACCESS_WITHDRAW,
                            orphans.at[i].reason)) {
            return false;
        }
    }
    return true;
}

static bool govern_end_all(struct task *t, struct metadb *db, void *state)
{
    struct govern_ending *e = state;
    struct access_request_list due;

    if (!access_request_due(t, db, e->now_us, &due)) {
        return false;
    }
    for (size_t i = 0; i < due.len; i++) {
        if (!govern_end_one(t, db, e, due.at[i], ACCESS_EXPIRE, STR_NONE)) {
            return false;
        }
    }
    metadb_pass_before_commit(db, FAULT_ACCESS_BEFORE_COMMIT);
    return govern_end_orphans(t, db, e) && (!e->touches_policy || mesh_state_touch_policy(t, db));
}

bool govern_expire(struct task *t, struct services *s)
{
    struct govern_ending e = {.now_us = clock_now_us()};
    struct access_request_list due;
    struct access_orphans orphans;

    /* Decisions hold the end against the clock themselves; this is for the record, and for what still runs. */
    if (!access_request_due(t, s->db, e.now_us, &due) || !read_access_orphans(t, s->db, &orphans)) {
        return false;
    }
    if (due.len + orphans.len == 0) {
        return true;
    }
    t->actor = &govern_itself;
    if (!metadb_write(t, s->db, govern_end_all, &e)) {
        return false;
    }
    log_event(LOG_INFO, "govern", t, "%zu access requests came to their end", e.ended);
    if (e.touches_policy) {
        services_show(s);
    }
    return true;
}
