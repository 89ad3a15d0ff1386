#include "access_request/access_request.h"

#include "actor/actor.h"
#include "clock/clock.h"

#define ACCESS_SELECT                                                                              \
    "SELECT id, product, table_name, contract, role, taker_kind, taker, until_us, reason, state, " \
    "requested_by, requested_us, changed_us, previous FROM access_request "
#define ACCESS_OPEN "state IN ('requested', 'approved_first')"
#define ACCESS_LIVE "state IN ('requested', 'approved_first', 'approved')"

static const char *const TAKERS[] = {
    [ACCESS_USER] = "user", [ACCESS_GROUP] = "group", [ACCESS_PRODUCT] = "product"};

const char *access_request_taker_name(enum access_taker_kind kind)
{
    return TAKERS[kind];
}

str access_request_target(struct arena *mem, const struct access_request *row)
{
    return row->table.len > 0
             ? arena_format(mem, STR_FMT "." STR_FMT, STR_ARG(row->product), STR_ARG(row->table))
             : row->product;
}

str access_request_policy(struct arena *mem, uint64_t id)
{
    return arena_format(mem, "access:%llu", (unsigned long long)id);
}

/* ---- reading */

static bool read_row(struct task *t, struct arena *mem, struct metadb_statement *st,
                     struct access_request **out)
{
    struct access_request *row = ARENA_NEW(mem, struct access_request);
    *row = (struct access_request){.id = metadb_uint(st, 0),
                                   .product = metadb_str(mem, st, 1),
                                   .table = metadb_str(mem, st, 2),
                                   .contract = metadb_str(mem, st, 3),
                                   .role = metadb_str(mem, st, 4),
                                   .taker = metadb_str(mem, st, 6),
                                   .until_us = metadb_int(st, 7),
                                   .reason = metadb_str(mem, st, 8),
                                   .requested_by = metadb_str(mem, st, 10),
                                   .requested_us = metadb_int(st, 11),
                                   .changed_us = metadb_int(st, 12),
                                   .previous = metadb_uint(st, 13)};
    str kind = metadb_str(mem, st, 5);
    row->taker_kind = str_eq(kind, STR("user"))  ? ACCESS_USER
                    : str_eq(kind, STR("group")) ? ACCESS_GROUP
                                                 : ACCESS_PRODUCT;
    *out = row;
    return access_state_by_name(metadb_str(mem, st, 9), &row->state)
        || task_fail(t, ERR_CORRUPT, "access request %llu has no known state",
                     (unsigned long long)row->id);
}

static bool read_purposes(struct task *t, struct arena *mem, struct metadb *db,
                          struct access_request *row)
{
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st,
                      "SELECT purpose FROM access_purpose WHERE request = ? ORDER BY purpose", "i",
                      row->id))
        return false;
    while (metadb_next(t, st))
        vec_push(mem, &row->purposes, metadb_str(mem, st, 0));
    return metadb_end(t, st);
}

/* The rows of a statement, of one instant with their purposes. */
static bool read_rows(struct task *t, struct arena *mem, struct metadb *db,
                      struct metadb_statement *st, struct access_request_list *out)
{
    *out = (struct access_request_list){0};
    while (metadb_next(t, st)) {
        struct access_request *row;
        if (!read_row(t, mem, st, &row))
            return false;
        vec_push(mem, out, row);
    }
    if (!metadb_end(t, st))
        return false;
    for (size_t i = 0; i < out->len; i++)
        if (!read_purposes(t, mem, db, out->at[i]))
            return false;
    return true;
}

bool access_request_find(struct task *t, struct metadb *db, uint64_t id,
                         struct access_request **out)
{
    struct metadb *now;
    struct metadb_statement *st;
    struct access_request_list rows;
    *out = NULL;
    if (!metadb_snapshot(t, db, &now)
        || !metadb_query(t, now, &st, ACCESS_SELECT "WHERE id = ?", "i", id)
        || !read_rows(t, t->mem, now, st, &rows))
        return false;
    if (now != db)
        metadb_snapshot_end(t, now);
    *out = rows.len > 0 ? rows.at[0] : NULL;
    return true;
}

bool access_request_list(struct task *t, struct metadb *db, uint64_t most,
                         struct access_request_list *out)
{
    struct metadb *now;
    struct metadb_statement *st;
    if (!metadb_snapshot(t, db, &now)
        || !metadb_query(t, now, &st, ACCESS_SELECT "ORDER BY id DESC LIMIT ?", "i",
                         most != 0 ? (int64_t)most : (int64_t)-1)
        || !read_rows(t, t->mem, now, st, out))
        return false;
    if (now != db)
        metadb_snapshot_end(t, now);
    return true;
}

bool access_request_due(struct task *t, struct metadb *db, int64_t now_us,
                        struct access_request_list *out)
{
    struct metadb_statement *st;
    return metadb_query(t, db, &st,
                        ACCESS_SELECT "WHERE until_us <= ? AND " ACCESS_LIVE " ORDER BY id", "i",
                        now_us)
        && read_rows(t, t->mem, db, st, out);
}

bool access_request_in_force(struct task *t, struct arena *mem, struct metadb *db,
                             struct access_request_list *out)
{
    struct metadb_statement *st;
    return metadb_query(t, db, &st, ACCESS_SELECT "WHERE state = 'approved' ORDER BY id", "")
        && read_rows(t, mem, db, st, out);
}

bool access_request_live(struct task *t, struct metadb *db, enum access_taker_kind kind, str taker,
                         str product, struct access_request_list *out)
{
    struct metadb *now;
    struct metadb_statement *st;
    if (!metadb_snapshot(t, db, &now)
        || !metadb_query(t, now, &st,
                         ACCESS_SELECT
                         "WHERE taker_kind = ? AND taker = ? AND product = ? AND " ACCESS_LIVE
                         " ORDER BY id",
                         "sss", str_of(TAKERS[kind]), taker, product)
        || !read_rows(t, t->mem, now, st, out))
        return false;
    if (now != db)
        metadb_snapshot_end(t, now);
    return true;
}

static bool read_step(struct task *t, struct metadb_statement *st, struct access_request_step *out)
{
    str name = metadb_str(t->mem, st, 0);
    *out = (struct access_request_step){.step = ACCESS_STEP_COUNT,
                                        .level = (int)metadb_int(st, 1),
                                        .actor = metadb_str(t->mem, st, 2),
                                        .on_behalf = metadb_str(t->mem, st, 3),
                                        .reason = metadb_str(t->mem, st, 4),
                                        .time_us = metadb_int(st, 5)};
    for (int i = 0; i < ACCESS_STEP_COUNT; i++)
        if (str_eq(name, str_of(access_state_step_name((enum access_step)i))))
            out->step = (enum access_step)i;
    return (out->step != ACCESS_STEP_COUNT
            && access_state_by_name(metadb_str(t->mem, st, 6), &out->state))
        || task_fail(t, ERR_CORRUPT, "a step of an access request is none that weft knows");
}

bool access_request_steps(struct task *t, struct metadb *db, uint64_t id,
                          struct access_request_steps *out)
{
    struct metadb_statement *st;
    *out = (struct access_request_steps){0};
    if (!metadb_query(t, db, &st,
                      "SELECT step, level, actor, on_behalf, reason, time_us, state FROM "
                      "access_step WHERE request = ? ORDER BY number",
                      "i", id))
        return false;
    while (metadb_next(t, st)) {
        if (!read_step(t, st, vec_add(t->mem, out)))
            return false;
    }
    return metadb_end(t, st);
}

/* ---- in a caller's write */

static bool add_step(struct task *t, struct metadb *db, const struct access_request *row,
                     enum access_step step, int level, str reason)
{
    return metadb_run(
        t, db,
        "INSERT INTO access_step SELECT ?1, 1 + coalesce(max(number), 0), ?2, ?3, ?4, ?5, ?6, ?7, "
        "?8 FROM access_step WHERE request = ?1",
        "isdsssis", row->id, str_of(access_state_step_name(step)), level, t->actor->name,
        t->actor->on_behalf, reason, row->changed_us, str_of(access_state_name(row->state)));
}

/* Two open requests for the same would be decided twice. */
static bool refuse_duplicate(struct task *t, struct metadb *db, const struct access_request *row)
{
    for (size_t i = 0; i < row->purposes.len; i++) {
        uint64_t id;
        if (!metadb_find_uint(
                t, db, &id,
                "SELECT r.id FROM access_request r JOIN access_purpose p ON p.request = "
                "r.id WHERE r.taker_kind = ? AND r.taker = ? AND r.product = ? AND "
                "r.table_name = ? AND r.contract = ? AND r.role = ? AND p.purpose = ? "
                "AND r." ACCESS_OPEN,
                "sssssss", str_of(TAKERS[row->taker_kind]), row->taker, row->product, row->table,
                row->contract, row->role, row->purposes.at[i]))
            return false;
        if (id != 0) {
            task_fail(t, ERR_CONFLICT, "access request %llu asks for the same and is still open",
                      (unsigned long long)id);
            return task_hint(t,
                             "weft access show %llu says where it stands; its requester may "
                             "withdraw it",
                             (unsigned long long)id);
        }
    }
    return true;
}

bool access_request_insert(struct task *t, struct metadb *db, struct access_request *row)
{
    CHECK(metadb_is_writer(db) && t->actor != NULL && row->purposes.len > 0);
    row->state = ACCESS_REQUESTED;
    row->requested_by = t->actor->name;
    row->requested_us = row->changed_us = clock_now_us();
    if (!refuse_duplicate(t, db, row)
        || !metadb_run(t, db,
                       "INSERT INTO access_request (product, table_name, contract, role, "
                       "taker_kind, taker, until_us, reason, state, requested_by, requested_us, "
                       "changed_us, previous) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       "ssssssisssiiI", row->product, row->table, row->contract, row->role,
                       str_of(TAKERS[row->taker_kind]), row->taker, row->until_us, row->reason,
                       str_of(access_state_name(row->state)), row->requested_by, row->requested_us,
                       row->changed_us, row->previous))
        return false;
    row->id = metadb_last_id(db);
    for (size_t i = 0; i < row->purposes.len; i++)
        if (!metadb_run(t, db, "INSERT INTO access_purpose VALUES (?, ?)", "is", row->id,
                        row->purposes.at[i]))
            return false;
    return add_step(t, db, row, ACCESS_REQUEST, 0, row->reason);
}

bool access_request_move(struct task *t, struct metadb *db, struct access_request *row,
                         enum access_step step, bool has_second_level, str reason)
{
    CHECK(metadb_is_writer(db) && t->actor != NULL);
    struct access_request *now;
    enum access_state next;
    if (!access_request_find(t, db, row->id, &now))
        return false;
    if (now == NULL)
        return task_fail(t, ERR_NOT_FOUND, "there is no access request %llu",
                         (unsigned long long)row->id);
    if (!access_state_next(now->state, step, has_second_level, &next))
        return task_fail(t, ERR_CONFLICT, "access request %llu is %s: it cannot be %s",
                         (unsigned long long)row->id, access_state_name(now->state),
                         step == ACCESS_APPROVE    ? "approved"
                         : step == ACCESS_DENY     ? "denied"
                         : step == ACCESS_WITHDRAW ? "withdrawn"
                         : step == ACCESS_REVOKE   ? "revoked"
                         : step == ACCESS_RENEW    ? "renewed"
                                                   : "ended");
    int level = step != ACCESS_APPROVE ? 0 : now->state == ACCESS_REQUESTED ? 1 : 2;
    row->state = next;
    row->changed_us = clock_now_us();
    return metadb_run(t, db, "UPDATE access_request SET state = ?, changed_us = ? WHERE id = ?",
                      "sii", str_of(access_state_name(next)), row->changed_us, row->id)
        && add_step(t, db, row, step, level, reason);
}
