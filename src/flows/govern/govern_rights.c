/* Who may take which step. Nobody approves their own. */
#include "govern_inside.h"
#include "user/user.h"

static bool govern_is_named(const struct str_list *list, const struct actor *actor)
{
    return actor->kind == ACTOR_USER && model_names_actor(list, actor->name, &actor->groups);
}

static str govern_names(struct task *t, const struct str_list *list)
{
    return str_list_join(t->mem, list, STR(", "));
}

/* Why this person cannot approve, though the role names them; NULL when nothing stands against it. What a product may read is no gain
 * of the one who approves it, save where they asked themselves. */
static const char *govern_own_interest(const struct access_request *row, str user,
                                       const struct str_list *groups)
{
    if (str_eq(user, row->requested_by)) {
        return "nobody approves what they asked for themselves";
    }
    if (row->taker_kind == ACCESS_USER && str_eq(user, row->taker)) {
        return "nobody approves access for themselves";
    }
    if (row->taker_kind == ACCESS_GROUP && str_list_has(groups, row->taker)) {
        return "nobody approves access for a group that they are in";
    }
    return NULL;
}

static bool govern_refuse_strange(struct task *t, const struct access_request *row,
                                  const struct access_approvers *approvers)
{
    task_fail(t, ERR_CONFLICT,
              "role %.*s of contract %.*s names an approver that can be no user or group: %.*s",
              STR_ARG(row->role), STR_ARG(row->contract),
              STR_ARG(govern_names(t, &approvers->strange)));
    return task_hint(t, "the contract says firstLevelApprovers and secondLevelApprovers as "
                        "user:NAME and group:NAME, with commas between");
}

static bool govern_find_approvers(struct task *t, const struct image *image,
                                  const struct access_request *row, struct access_approvers *out)
{
    if (!read_access_approvers(t->mem, image, row, out)) {
        task_fail(t, ERR_CONFLICT, "contract %.*s of %.*s has no role %.*s any more",
                  STR_ARG(row->contract), STR_ARG(row->product), STR_ARG(row->role));
        return task_hint(t, "the request may be denied or withdrawn, and made again");
    }
    return out->strange.len == 0 || govern_refuse_strange(t, row, out);
}

static bool govern_may_approve(struct task *t, const struct image *image,
                               const struct access_request *row, str first_by)
{
    const struct actor *actor = t->actor;
    bool is_second = row->state == ACCESS_APPROVED_FIRST;
    struct access_approvers approvers;
    const char *own;

    if (actor_is_operator(actor)) {
        task_fail(t, ERR_DENIED, "an operator approves no access");
        return task_hint(t, "as an approver: --as USER, which the audit records");
    }
    if (!govern_find_approvers(t, image, row, &approvers)) {
        return false;
    }
    own = govern_own_interest(row, actor->name, &actor->groups);
    if (!govern_is_named(is_second ? &approvers.second : &approvers.first, actor)) {
        task_fail(t, ERR_DENIED, "%.*s is no approver of access request %llu%s",
                  STR_ARG(actor->name), (unsigned long long)row->id,
                  is_second                  ? " on the second level"
                  : approvers.second.len > 0 ? " on the first level"
                                             : "");
        return task_hint(
            t, "it waits for one of: %.*s",
            STR_ARG(govern_names(t, is_second ? &approvers.second : &approvers.first)));
    }
    if (own == NULL && is_second && str_eq(first_by, actor->name)) {
        own = "the second level is for another person than the first";
    }
    if (own != NULL) {
        task_fail(t, ERR_DENIED, "%s", own);
        return task_hint(
            t, "another one of the approvers decides: %.*s",
            STR_ARG(govern_names(t, is_second ? &approvers.second : &approvers.first)));
    }
    return true;
}

static bool govern_may_deny(struct task *t, const struct image *image,
                            const struct access_request *row)
{
    struct access_approvers approvers;

    /* Of a role that is gone the owners are left. To deny opens nothing, so doubts about names do not matter. */
    if (!read_access_approvers(t->mem, image, row, &approvers)
            ? read_access_is_owner(image, t->actor, row->product)
            : govern_is_named(&approvers.first, t->actor)
                  || govern_is_named(&approvers.second, t->actor)
                  || read_access_is_owner(image, t->actor, row->product)) {
        return true;
    }
    task_fail(t, ERR_DENIED, "%.*s is no approver of access request %llu", STR_ARG(t->actor->name),
              (unsigned long long)row->id);
    return task_hint(t, "who asked withdraws it: weft access withdraw %llu",
                     (unsigned long long)row->id);
}

/* Who asked, or has it: a member of a group speaks for themselves only. */
static bool govern_is_theirs(const struct image *image, const struct actor *actor,
                             const struct access_request *row)
{
    return actor->kind == ACTOR_USER
        && (str_eq(actor->name, row->requested_by)
            || (row->taker_kind != ACCESS_GROUP
                && read_access_is_taker(image, actor, row->taker_kind, row->taker)));
}

static bool govern_may_revoke(struct task *t, const struct image *image,
                              const struct access_request *row)
{
    struct access_approvers approvers;

    /* What only takes away may be done by all who answer for it, in an emergency by those who run the mesh. */
    if (govern_is_theirs(image, t->actor, row) || read_access_governs(image, t->actor)
        || read_access_is_owner(image, t->actor, row->product)
        || (read_access_approvers(t->mem, image, row, &approvers)
            && (govern_is_named(&approvers.first, t->actor)
                || govern_is_named(&approvers.second, t->actor)))) {
        return true;
    }
    task_fail(t, ERR_DENIED, "%.*s may not revoke access request %llu", STR_ARG(t->actor->name),
              (unsigned long long)row->id);
    return task_hint(t, "its approvers, the owners of the domain, who has it, and administrators "
                        "may");
}

static bool govern_may_withdraw(struct task *t, const struct image *image,
                                const struct access_request *row)
{
    if (govern_is_theirs(image, t->actor, row)) {
        return true;
    }
    task_fail(t, ERR_DENIED, "only who asked withdraws access request %llu",
              (unsigned long long)row->id);
    return task_hint(t, "approvers deny it: weft access deny %llu --reason …",
                     (unsigned long long)row->id);
}

bool govern_may_move(struct task *t, const struct image *image, const struct access_request *row,
                     enum govern_move move, str first_by)
{
    switch (move) {
    case GOVERN_APPROVE:
        return govern_may_approve(t, image, row, first_by);
    case GOVERN_DENY:
        return govern_may_deny(t, image, row);
    case GOVERN_REVOKE:
        return govern_may_revoke(t, image, row);
    case GOVERN_WITHDRAW:
        return govern_may_withdraw(t, image, row);
    }
    return task_fail(t, ERR_INTERNAL, "a step without a rule");
}

/* ---- can it be approved at all */

struct govern_people {
    size_t first, second, both;
};

static void govern_count(const struct access_request *row, const struct access_approvers *approvers,
                         const struct user *user, struct govern_people *people)
{
    bool is_first, is_second;

    if (govern_own_interest(row, user->name, &user->groups) != NULL) {
        return;
    }
    is_first = model_names_actor(&approvers->first, user->name, &user->groups);
    is_second = model_names_actor(&approvers->second, user->name, &user->groups);
    people->first += is_first;
    people->second += is_second;
    people->both += is_first && is_second;
}

bool govern_has_approvers(struct task *t, struct services *s, const struct image *image,
                          const struct access_request *row)
{
    struct access_approvers approvers;
    struct govern_people people = {0};
    struct user_list users;
    bool has_second;

    if (!govern_find_approvers(t, image, row, &approvers) || !user_list(t, s->db, &users)) {
        return false;
    }
    for (size_t i = 0; i < users.len; i++) {
        govern_count(row, &approvers, users.at[i], &people);
    }
    has_second = approvers.second.len > 0;
    if (people.first > 0
        && (!has_second || (people.second > 0 && people.first + people.second - people.both > 1))) {
        return true;
    }
    task_fail(t, ERR_INVALID, "nobody could approve this: %s %.*s%s%.*s",
              approvers.are_owners ? "the owners are" : "the approvers are",
              STR_ARG(govern_names(t, &approvers.first)), has_second ? ", then " : "",
              STR_ARG(govern_names(t, &approvers.second)));
    return task_hint(t, "%s",
                     approvers.are_owners
                         ? "nobody approves their own: name another owner, or approvers in a role "
                           "of the contract"
                         : "nobody approves their own, and two levels are two people: name others "
                           "in the role of the contract; a group is written group:NAME");
}
