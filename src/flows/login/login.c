#include "login/login.h"

#include "clock/clock.h"
#include "token/token.h"
#include "user/user.h"

static bool login_user(struct task *t, struct services *s, str name, const struct login *login,
                       struct actor **out)
{
    struct user *user;
    struct actor *actor;

    if (!user_find(t, s->db, name, &user)) {
        return false;
    }
    if (user == NULL) {
        task_fail(t, ERR_NOT_FOUND, "there is no user %.*s", STR_ARG(name));
        return task_hint(t, "users stand in mesh.yaml, or are made by: weft user add NAME");
    }
    actor = ARENA_NEW(t->mem, struct actor);
    if (!user_to_actor(t, user, login->purpose, actor)) {
        return false;
    }
    actor->door = login->door;
    *out = actor;
    return true;
}

bool login_actor(struct task *t, struct services *s, const struct login *login, struct actor **out)
{
    struct token *token;

    if (login->token.len > 0) {
        if (!token_find(t, s->db, login->token, clock_now_us(), &token)) {
            return false;
        }
        if (token == NULL) {
            task_fail(t, ERR_UNAUTHENTICATED, "the token is unknown, revoked or has ended");
            return task_hint(t, "an administrator makes one with: weft token create USER");
        }
        if (login->as_user.len > 0) {
            return task_fail(t, ERR_DENIED, "only the owner of the home may ask as another user");
        }
        if (login_user(t, s, token->user, login, out)) {
            return true;
        }
        return t->err.code == ERR_NOT_FOUND
                 ? task_fail(t, ERR_UNAUTHENTICATED, "the user of the token is removed")
                 : false;
    }
    if (!login->is_owner_of_home) {
        task_fail(t, ERR_UNAUTHENTICATED, "who asks is not known");
        return task_hint(t, "send a token: Authorization: Bearer weft_…");
    }
    if (login->as_user.len > 0) {
        if (!login_user(t, s, login->as_user, login, out)) {
            return false;
        }
        (*out)->on_behalf = login->peer_name;
        return true;
    }
    *out = ARENA_NEW(t->mem, struct actor);
    (*out)->kind = ACTOR_OPERATOR;
    (*out)->name = login->peer_name;
    (*out)->purpose = login->purpose;
    (*out)->door = login->door;
    return true;
}

bool login_demand_admin(struct task *t, struct services *s)
{
    const struct image *image = image_pin(t, s->images);

    if (actor_is_operator(t->actor)
        || (image->model != NULL
            && model_names_actor(&image->model->mesh.admins, t->actor->name, &t->actor->groups))) {
        return true;
    }
    task_fail(t, ERR_DENIED, "%.*s is no administrator of this mesh", STR_ARG(t->actor->name));
    return task_hint(t, "administrators are named in mesh.yaml; the owner of the home is one");
}
