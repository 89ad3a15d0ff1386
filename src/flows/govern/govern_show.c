/* Requests as JSON, as far as the actor may know of them. */
#include "govern_inside.h"

bool govern_unknown(struct task *t, uint64_t id)
{
    task_fail(t, ERR_NOT_FOUND, "there is no access request %llu, or you may not know of it",
              (unsigned long long)id);
    return task_hint(t, "weft access list shows yours");
}

bool govern_read_id(struct task *t, str id, uint64_t *out)
{
    str digits = str_starts(id, STR("access:")) ? str_from(id, 7) : id;

    if (str_to_u64(digits, out) && *out > 0 && *out <= INT64_MAX) {
        return true;
    }
    task_fail(t, ERR_NOT_FOUND, "there is no access request %.*s, or you may not know of it",
              STR_ARG(id));
    return task_hint(t, "weft access list shows yours; each has a number");
}

bool govern_find(struct task *t, struct services *s, const struct image *image, str id,
                 struct access_request **out)
{
    uint64_t number;

    if (!govern_read_id(t, id, &number) || !access_request_find(t, s->db, number, out)) {
        return false;
    }
    return (*out != NULL && read_access_may_know(t->mem, image, t->actor, *out))
        || govern_unknown(t, number);
}

/* ---- one request */

static void govern_put_step(const struct access_request_step *step, struct json_out *o)
{
    json_out_begin(o, "", '{');
    json_out_str(o, "step", str_of(access_state_step_name(step->step)));
    if (step->level > 0) {
        json_out_int(o, "level", step->level);
    } else {
        json_out_null(o, "level");
    }
    json_out_str(o, "by", step->actor);
    json_out_maybe(o, "on_behalf", step->on_behalf);
    json_out_time(o, "at", step->time_us);
    json_out_maybe(o, "reason", step->reason);
    json_out_str(o, "state", str_of(access_state_name(step->state)));
    json_out_end(o, '}');
}

/* Whose turn it is, while it is open. */
static void govern_put_waiting(struct task *t, const struct image *image,
                               const struct access_request *row, struct json_out *o)
{
    struct access_approvers approvers;

    if (access_state_is_open(row->state) && read_access_approvers(t->mem, image, row, &approvers)) {
        json_out_list(o, "waits_for",
                      row->state == ACCESS_REQUESTED ? &approvers.first : &approvers.second);
    } else {
        json_out_null(o, "waits_for");
    }
}

void govern_put(struct task *t, const struct image *image, const struct access_request *row,
                const struct access_request_steps *steps, struct json_out *o)
{
    const struct access_request_step *last = &steps->at[steps->len - 1];

    json_out_uint(o, "id", row->id);
    json_out_str(o, "state", str_of(access_state_name(row->state)));
    json_out_str(o, "target", access_request_target(t->mem, row));
    json_out_str(o, "contract", row->contract);
    json_out_maybe(o, "role", row->role);
    json_out_str(o, "taker_kind", str_of(access_request_taker_name(row->taker_kind)));
    json_out_str(o, "taker", row->taker);
    json_out_list(o, "purposes", &row->purposes);
    json_out_time(o, "until", row->until_us);
    json_out_str(o, "reason", row->reason);
    json_out_str(o, "requested_by", row->requested_by);
    json_out_time(o, "requested_at", row->requested_us);
    json_out_time(o, "changed_at", row->changed_us);
    json_out_str(o, "changed_by", last->actor);
    json_out_maybe(o, "note", steps->len > 1 ? last->reason : STR_NONE);
    govern_put_waiting(t, image, row, o);
    if (row->previous > 0) {
        json_out_uint(o, "previous", row->previous);
    } else {
        json_out_null(o, "previous");
    }
}

static bool govern_put_whole(struct task *t, struct services *s, const struct image *image,
                             const struct access_request *row, struct json_out *o)
{
    struct access_request_steps steps;
    struct access_approvers approvers;

    if (!access_request_steps(t, s->db, row->id, &steps)) {
        return false;
    }
    json_out_begin(o, "", '{');
    govern_put(t, image, row, &steps, o);
    if (read_access_approvers(t->mem, image, row, &approvers)) {
        json_out_list(o, "first_approvers", &approvers.first);
        json_out_list(o, "second_approvers", &approvers.second);
    } else {
        json_out_null(o, "first_approvers");
        json_out_null(o, "second_approvers");
    }
    json_out_begin(o, "steps", '[');
    for (size_t i = 0; i < steps.len; i++) {
        govern_put_step(&steps.at[i], o);
    }
    json_out_end(o, ']');
    if (access_state_is_open(row->state) || row->state == ACCESS_APPROVED) {
        if (!govern_put_effect(t, s, image, row, o)) {
            return false;
        }
    } else {
        json_out_null(o, "effect");
    }
    json_out_end(o, '}');
    return true;
}

bool govern_show(struct task *t, struct services *s, str id, struct json_out *o)
{
    const struct image *image = image_pin(t, s->images);
    struct access_request *row;

    return govern_find(t, s, image, id, &row) && govern_put_whole(t, s, image, row, o);
}

/* ---- all of them */

static bool govern_is_asked(struct task *t, const struct access_request *row, str state, str target)
{
    str whole = access_request_target(t->mem, row);

    if (target.len > 0 && !str_eq(whole, target) && !str_eq(row->product, target)) {
        return false;
    }
    return state.len == 0 || str_eq(state, str_of(access_state_name(row->state)))
        || (str_eq(state, STR("open")) && access_state_is_open(row->state));
}

static bool govern_check_state(struct task *t, str state)
{
    enum access_state known;
    struct str_list names = {0};

    if (state.len == 0 || str_eq(state, STR("open")) || access_state_by_name(state, &known)) {
        return true;
    }
    for (int i = 0; i < ACCESS_STATE_COUNT; i++) {
        vec_push(t->mem, &names, str_of(access_state_name((enum access_state)i)));
    }
    task_fail(t, ERR_USAGE, "%.*s is no state of an access request", STR_ARG(state));
    return task_hint(t, "open, %.*s", STR_ARG(str_list_join(t->mem, &names, STR(", "))));
}

bool govern_list(struct task *t, struct services *s, str state, str target, struct json_out *o)
{
    const struct image *image = image_pin(t, s->images);
    struct access_request_list rows;
    size_t shown = 0;

    if (!govern_check_state(t, state) || !access_request_list(t, s->db, 0, &rows)) {
        return false;
    }
    json_out_begin(o, "", '{');
    json_out_begin(o, "requests", '[');
    for (size_t i = 0; i < rows.len && shown < GOVERN_LIST_MAX; i++) {
        struct access_request_steps steps;

        if (!govern_is_asked(t, rows.at[i], state, target)
            || !read_access_may_know(t->mem, image, t->actor, rows.at[i])) {
            continue;
        }
        if (!access_request_steps(t, s->db, rows.at[i]->id, &steps)) {
            return false;
        }
        json_out_begin(o, "", '{');
        govern_put(t, image, rows.at[i], &steps, o);
        json_out_end(o, '}');
        shown++;
    }
    json_out_end(o, ']');
    json_out_end(o, '}');
    return true;
}
