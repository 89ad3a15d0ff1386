/* Users and their groups: those of mesh.yaml, and local ones of `weft user` and `weft group`. */
#ifndef WEFT_USER_H
#define WEFT_USER_H

#include "actor/actor.h"
#include "metadb/metadb.h"
#include "model/model.h"

struct user {
    uint64_t id;
    str name;
    struct str_list groups;
    str attributes; /* JSON object */
    bool is_of_mesh, is_local;
    uint64_t version; /* grows when groups or attributes change */
};

struct user_list {
    VEC_OF(struct user *) /* by name */
};

struct user_group {
    str name;
    struct str_list users;
};

struct user_groups {
    VEC_OF(struct user_group) /* by name */
};

/* In an applying transaction: users and groups are those of the model, beside the local ones. */
MUST_CHECK bool user_sync(struct task *t, struct metadb *db, const struct model *model);
/* NULL when there is none, or he is removed. */
MUST_CHECK bool user_find(struct task *t, struct metadb *db, str name, struct user **out);
/* As a tree; NULL when he has none. */
MUST_CHECK bool user_attributes(struct task *t, const struct user *user, const struct tree **out);
/* Him as one who asks for a purpose. */
MUST_CHECK bool user_to_actor(struct task *t, const struct user *user, str purpose,
                              struct actor *out);
MUST_CHECK bool user_list(struct task *t, struct metadb *db, struct user_list *out);
MUST_CHECK bool user_groups(struct task *t, struct metadb *db, struct user_groups *out);

/* Each of these is a write of its own, or part of the caller's. */
/* A local user; ERR_CONFLICT when the name is taken. */
MUST_CHECK bool user_add(struct task *t, struct metadb *db, str name);
/* Removes a local user with his local groups and revokes his tokens. ERR_NOT_FOUND; ERR_CONFLICT
 * for one of mesh.yaml. */
MUST_CHECK bool user_remove(struct task *t, struct metadb *db, str name);
/* Local membership. Twice is no error. ERR_NOT_FOUND when there is no such user. */
MUST_CHECK bool user_join(struct task *t, struct metadb *db, str name, str group);
/* ERR_NOT_FOUND when he is no local member. */
MUST_CHECK bool user_leave(struct task *t, struct metadb *db, str name, str group);

#endif
