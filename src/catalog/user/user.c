#include "user/user.h"

#include "buf/buf.h"
#include "clock/clock.h"
#include "limits/limits.h"
#include "json/json.h"

#define USER_COLUMNS "u.id, u.name, u.attributes, u.is_of_mesh, u.is_local, u.version"
#define USER_EXISTS "(u.is_of_mesh OR u.is_local)"

static str attributes_json(struct arena *mem, const struct tree *attributes)
{
    if (attributes == NULL)
        return STR("{}");
    struct buf *b = buf_new(mem, DOCUMENT_BYTES_MAX * 8);
    tree_json(attributes, b);
    return buf_str(b);
}

/* What a decision sees of him, so that his version grows only when that changes. */
static bool read_face(struct task *t, struct metadb *db, uint64_t id, str *out)
{
    return metadb_find_str(
        t, db, out,
        "SELECT is_of_mesh || '/' || is_local || '/' || attributes || '/' || (SELECT "
        "coalesce(json_group_array(g), '') FROM (SELECT DISTINCT group_name AS g FROM "
        "membership WHERE user_id = user.id ORDER BY 1)) FROM user WHERE id = ?",
        "i", id);
}

static bool find_id(struct task *t, struct metadb *db, str name, uint64_t *id_out)
{
    return metadb_find_uint(t, db, id_out, "SELECT id FROM user WHERE name = ?", "s", name);
}

static bool sync_one(struct task *t, struct metadb *db, const struct model_user *user)
{
    uint64_t id;
    if (!metadb_run(t, db, "INSERT INTO user (name) VALUES (?) ON CONFLICT DO NOTHING", "s",
                    user->name)
        || !find_id(t, db, user->name, &id)
        || !metadb_run(t, db, "UPDATE user SET is_of_mesh = 1, attributes = ? WHERE id = ?", "si",
                       attributes_json(t->mem, user->attributes), id))
        return false;
    for (size_t i = 0; i < user->groups.len; i++)
        if (!metadb_run(t, db, "INSERT INTO membership VALUES (?, ?, 0) ON CONFLICT DO NOTHING",
                        "is", id, user->groups.at[i]))
            return false;
    return true;
}

struct face {
    uint64_t id;
    str text;
};

struct faces {
    VEC_OF(struct face)
};

static bool read_faces(struct task *t, struct metadb *db, struct faces *out)
{
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st, "SELECT id FROM user", ""))
        return false;
    while (metadb_next(t, st))
        vec_push(t->mem, out, ((struct face){.id = metadb_uint(st, 0)}));
    if (!metadb_end(t, st))
        return false;
    for (size_t i = 0; i < out->len; i++)
        if (!read_face(t, db, out->at[i].id, &out->at[i].text))
            return false;
    return true;
}

static bool raise_version(struct task *t, struct metadb *db, uint64_t id, str before)
{
    str after;
    if (!read_face(t, db, id, &after))
        return false;
    return str_eq(before, after)
        || metadb_run(t, db, "UPDATE user SET version = version + 1 WHERE id = ?", "i", id);
}

/* Who comes later under the name of one who is gone finds neither his groups nor his tokens. */
static bool end_gone(struct task *t, struct metadb *db)
{
    return metadb_run(t, db,
                      "DELETE FROM membership WHERE user_id IN (SELECT u.id FROM user u WHERE "
                      "NOT " USER_EXISTS ")",
                      "")
        && metadb_run(t, db,
                      "UPDATE token SET revoked_us = ? WHERE revoked_us IS NULL AND user_id IN "
                      "(SELECT u.id FROM user u WHERE NOT " USER_EXISTS ")",
                      "i", clock_now_us());
}

bool user_sync(struct task *t, struct metadb *db, const struct model *model)
{
    CHECK(metadb_is_writer(db));
    struct faces faces = {0};
    if (!read_faces(t, db, &faces)
        || !metadb_run(t, db, "DELETE FROM membership WHERE is_local = 0", "")
        || !metadb_run(t, db, "UPDATE user SET is_of_mesh = 0, attributes = '{}'", ""))
        return false;
    for (size_t i = 0; i < model->mesh.users.len; i++)
        if (!sync_one(t, db, &model->mesh.users.at[i]))
            return false;
    if (!end_gone(t, db))
        return false;
    for (size_t i = 0; i < faces.len; i++)
        if (!raise_version(t, db, faces.at[i].id, faces.at[i].text))
            return false;
    return true;
}

static void read_user(struct task *t, struct metadb_statement *st, struct user *out)
{
    *out = (struct user){.id = metadb_uint(st, 0),
                         .name = metadb_str(t->mem, st, 1),
                         .attributes = metadb_str(t->mem, st, 2),
                         .is_of_mesh = metadb_int(st, 3) != 0,
                         .is_local = metadb_int(st, 4) != 0,
                         .version = metadb_uint(st, 5)};
}

static bool read_groups(struct task *t, struct metadb *db, struct user *user)
{
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st,
                      "SELECT DISTINCT group_name FROM membership WHERE user_id = ? ORDER BY 1",
                      "i", user->id))
        return false;
    while (metadb_next(t, st))
        vec_push(t->mem, &user->groups, metadb_str(t->mem, st, 0));
    return metadb_end(t, st);
}

bool user_find(struct task *t, struct metadb *db, str name, struct user **out)
{
    *out = NULL;
    struct metadb *now;
    struct metadb_statement *st;
    if (!metadb_snapshot(t, db, &now)
        || !metadb_query(t, now, &st,
                         "SELECT " USER_COLUMNS " FROM user u WHERE u.name = ? AND " USER_EXISTS,
                         "s", name))
        return false;
    struct user *user = NULL;
    if (metadb_next(t, st)) {
        user = ARENA_NEW(t->mem, struct user);
        read_user(t, st, user);
    }
    if (!metadb_end(t, st) || (user != NULL && !read_groups(t, now, user)))
        return false;
    if (now != db)
        metadb_snapshot_end(t, now);
    *out = user;
    return true;
}

bool user_list(struct task *t, struct metadb *db, struct user_list *out)
{
    *out = (struct user_list){0};
    struct metadb *now;
    struct metadb_statement *st;
    if (!metadb_snapshot(t, db, &now)
        || !metadb_query(
            t, now, &st,
            "SELECT " USER_COLUMNS " FROM user u WHERE " USER_EXISTS " ORDER BY u.name", ""))
        return false;
    while (metadb_next(t, st)) {
        struct user *user = ARENA_NEW(t->mem, struct user);
        read_user(t, st, user);
        vec_push(t->mem, out, user);
    }
    if (!metadb_end(t, st))
        return false;
    for (size_t i = 0; i < out->len; i++)
        if (!read_groups(t, now, out->at[i]))
            return false;
    if (now != db)
        metadb_snapshot_end(t, now);
    return true;
}

bool user_groups(struct task *t, struct metadb *db, struct user_groups *out)
{
    *out = (struct user_groups){0};
    struct metadb_statement *st;
    if (!metadb_query(
            t, db, &st,
            "SELECT DISTINCT m.group_name, u.name FROM membership m JOIN user u ON u.id = "
            "m.user_id WHERE " USER_EXISTS " ORDER BY 1, 2",
            ""))
        return false;
    while (metadb_next(t, st)) {
        str name = metadb_str(t->mem, st, 0);
        if (out->len == 0 || !str_eq(out->at[out->len - 1].name, name))
            vec_add(t->mem, out)->name = name;
        vec_push(t->mem, &out->at[out->len - 1].users, metadb_str(t->mem, st, 1));
    }
    return metadb_end(t, st);
}

struct user_change {
    str name, group;
};

static bool get_user(struct task *t, struct metadb *db, str name, struct user **out)
{
    return user_find(t, db, name, out)
        && (*out != NULL
            || task_fail(t, ERR_NOT_FOUND, "there is no user " STR_FMT, STR_ARG(name)));
}

static bool add(struct task *t, struct metadb *db, void *state)
{
    const struct user_change *change = state;
    struct user *user;
    if (!user_find(t, db, change->name, &user))
        return false;
    if (user != NULL)
        return task_fail(t, ERR_CONFLICT, "user " STR_FMT " is there already",
                         STR_ARG(change->name));
    return metadb_run(
        t, db,
        "INSERT INTO user (name, is_local) VALUES (?, 1) ON CONFLICT (name) DO UPDATE "
        "SET is_local = 1, version = version + 1",
        "s", change->name);
}

static bool remove_user(struct task *t, struct metadb *db, void *state)
{
    const struct user_change *change = state;
    struct user *user;
    if (!get_user(t, db, change->name, &user))
        return false;
    if (user->is_of_mesh) {
        task_fail(t, ERR_CONFLICT, "user " STR_FMT " stands in mesh.yaml", STR_ARG(change->name));
        return task_hint(t, "remove the user there and apply");
    }
    return metadb_run(t, db, "UPDATE user SET is_local = 0, version = version + 1 WHERE id = ?",
                      "i", user->id)
        && end_gone(t, db);
}

static bool join(struct task *t, struct metadb *db, void *state)
{
    const struct user_change *change = state;
    struct user *user;
    str before;
    return get_user(t, db, change->name, &user) && read_face(t, db, user->id, &before)
        && metadb_run(t, db, "INSERT INTO membership VALUES (?, ?, 1) ON CONFLICT DO NOTHING", "is",
                      user->id, change->group)
        && raise_version(t, db, user->id, before);
}

static bool leave(struct task *t, struct metadb *db, void *state)
{
    const struct user_change *change = state;
    struct user *user;
    str before;
    if (!get_user(t, db, change->name, &user) || !read_face(t, db, user->id, &before)
        || !metadb_run(
            t, db, "DELETE FROM membership WHERE user_id = ? AND group_name = ? AND is_local = 1",
            "is", user->id, change->group))
        return false;
    if (metadb_changes(db) == 0) {
        task_fail(t, ERR_NOT_FOUND,
                  "user " STR_FMT " was not put into group " STR_FMT " by a command",
                  STR_ARG(change->name), STR_ARG(change->group));
        return task_hint(t, "what stands in mesh.yaml is changed there");
    }
    return raise_version(t, db, user->id, before);
}

bool user_add(struct task *t, struct metadb *db, str name)
{
    return metadb_write(t, db, add, &(struct user_change){.name = name});
}

bool user_remove(struct task *t, struct metadb *db, str name)
{
    return metadb_write(t, db, remove_user, &(struct user_change){.name = name});
}

bool user_join(struct task *t, struct metadb *db, str name, str group)
{
    return metadb_write(t, db, join, &(struct user_change){name, group});
}

bool user_leave(struct task *t, struct metadb *db, str name, str group)
{
    return metadb_write(t, db, leave, &(struct user_change){name, group});
}

bool user_attributes(struct task *t, const struct user *user, const struct tree **out)
{
    static const struct json_limits limits = {DOCUMENT_BYTES_MAX * 8, DOCUMENT_DEPTH_MAX,
                                              DOCUMENT_NODES_MAX};
    struct tree *tree;
    *out = NULL;
    if (user->attributes.len == 0 || str_eq(user->attributes, STR("{}")))
        return true;
    if (!json_read(t, t->mem, user->attributes, &limits, &tree))
        return false;
    *out = tree;
    return true;
}

bool user_to_actor(struct task *t, const struct user *user, str purpose, struct actor *out)
{
    *out = (struct actor){.kind = ACTOR_USER,
                          .name = user->name,
                          .groups = user->groups,
                          .version = user->version,
                          .purpose = purpose};
    return user_attributes(t, user, &out->attributes);
}
