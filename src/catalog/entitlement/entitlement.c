#include "entitlement/entitlement.h"

static bool find(struct task *t, struct metadb *db, const struct policy_entitlement *set,
                 uint64_t *id_out, uint64_t *version_out)
{
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st,
                      "SELECT id, release FROM entitlement_set WHERE table_address = ? AND "
                      "user_column = ? AND value_column = ?",
                      "sss", set->table, set->user, set->value))
        return false;
    bool has_row = metadb_next(t, st);
    *id_out = has_row ? metadb_uint(st, 0) : 0;
    *version_out = has_row ? metadb_uint(st, 1) : 0;
    return metadb_end(t, st);
}

bool entitlement_version(struct task *t, struct metadb *db, const struct policy_entitlement *set,
                         uint64_t *out)
{
    uint64_t id;
    return find(t, db, set, &id, out);
}

bool entitlement_replace(struct task *t, struct metadb *db, const struct policy_entitlement *set)
{
    uint64_t id, before;
    struct metadb_statement *st;
    CHECK(metadb_is_writer(db));
    if (!metadb_run(t, db,
                    "INSERT INTO entitlement_set (table_address, user_column, value_column, "
                    "release) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET release = ?4",
                    "sssi", set->table, set->user, set->value, set->version)
        || !find(t, db, set, &id, &before)
        || !metadb_run(t, db, "DELETE FROM entitlement WHERE set_id = ?", "i", id)
        || !metadb_prepare(t, db, "INSERT INTO entitlement VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                           &st))
        return false;
    for (size_t i = 0; i < set->len; i++) {
        metadb_bind_int(st, 1, (int64_t)id);
        metadb_bind_str(st, 2, set->at[i].user);
        metadb_bind_str(st, 3, set->at[i].value);
        if (!metadb_run_prepared(t, st))
            return false;
    }
    return metadb_end(t, st);
}

static bool is_named(const struct policies *policies, str table, str user, str value)
{
    for (size_t i = 0; i < policies->entitlements.len; i++) {
        const struct policy_entitlement *set = &policies->entitlements.at[i];
        if (str_eq(set->table, table) && str_eq(set->user, user) && str_eq(set->value, value))
            return true;
    }
    return false;
}

bool entitlement_keep_only(struct task *t, struct metadb *db, const struct policies *policies)
{
    struct metadb_statement *st;
    struct {
        VEC_OF(uint64_t)
    } gone = {0};
    CHECK(metadb_is_writer(db));
    if (!metadb_query(t, db, &st,
                      "SELECT id, table_address, user_column, value_column FROM entitlement_set",
                      ""))
        return false;
    while (metadb_next(t, st))
        if (!is_named(policies, metadb_str(t->mem, st, 1), metadb_str(t->mem, st, 2),
                      metadb_str(t->mem, st, 3)))
            vec_push(t->mem, &gone, metadb_uint(st, 0));
    if (!metadb_end(t, st))
        return false;
    for (size_t i = 0; i < gone.len; i++)
        if (!metadb_run(t, db, "DELETE FROM entitlement WHERE set_id = ?", "i", gone.at[i])
            || !metadb_run(t, db, "DELETE FROM entitlement_set WHERE id = ?", "i", gone.at[i]))
            return false;
    return true;
}

static bool fill_one(struct task *t, struct arena *mem, struct metadb *db,
                     struct policy_entitlement *set)
{
    struct metadb_statement *st;
    struct {
        VEC_OF(struct policy_entitled)
    } rows = {0};
    uint64_t id;
    if (!find(t, db, set, &id, &set->version)
        || !metadb_query(
            t, db, &st, "SELECT user, value FROM entitlement WHERE set_id = ? ORDER BY user, value",
            "i", id))
        return false;
    while (metadb_next(t, st))
        vec_push(mem, &rows,
                 ((struct policy_entitled){.user = metadb_str(mem, st, 0),
                                           .value = metadb_str(mem, st, 1)}));
    if (!metadb_end(t, st))
        return false;
    set->at = rows.at;
    set->len = rows.len;
    return true;
}

bool entitlement_fill(struct task *t, struct arena *mem, struct metadb *db,
                      struct policies *policies)
{
    for (size_t i = 0; i < policies->entitlements.len; i++)
        if (!fill_one(t, mem, db, &policies->entitlements.at[i]))
            return false;
    return true;
}
