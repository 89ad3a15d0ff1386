#include "home_state/home_state.h"

#include "audit/audit.h"
#include "clock/clock.h"
#include "json_out/json_out.h"
#include "limits/limits.h"

static bool read_state(struct task *t, struct metadb *db, str *id_out, bool *is_open_out)
{
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st, "SELECT id, is_open FROM home_state", ""))
        return false;
    bool has_row = metadb_next(t, st);
    *id_out = has_row ? metadb_str(t->mem, st, 0) : STR_NONE;
    *is_open_out = has_row && metadb_int(st, 1) != 0;
    return metadb_end(t, st);
}

bool home_state_id(struct task *t, struct metadb *db, str *out)
{
    bool is_open;
    return read_state(t, db, out, &is_open);
}

struct opening {
    const struct home_opening *with;
    str id;
    bool was_open;
};

static str opening_detail(struct task *t, const struct opening *o)
{
    struct json_out out = {.b = buf_new(t->mem, DOCUMENT_BYTES_MAX)};
    json_out_begin(&out, "", '{');
    json_out_str(&out, "home", o->id);
    json_out_str(&out, "version", o->with->version);
    json_out_str(&out, "key", o->with->key);
    json_out_bool(&out, "was_open", o->was_open);
    json_out_end(&out, '}');
    return buf_str(out.b);
}

static bool read_setting(struct task *t, struct metadb *db, const struct home_setting *setting,
                         str *out)
{
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st, "SELECT value FROM setting_seen WHERE name = ?", "s",
                      setting->name))
        return false;
    *out = metadb_next(t, st) ? metadb_str(t->mem, st, 0) : setting->fallback;
    return metadb_end(t, st);
}

static bool note_setting(struct task *t, struct metadb *db, const struct home_setting *setting)
{
    struct json_out out = {.b = buf_new(t->mem, DOCUMENT_BYTES_MAX)};
    str before;
    if (!read_setting(t, db, setting, &before))
        return false;
    if (str_eq(before, setting->value))
        return true;
    json_out_begin(&out, "", '{');
    json_out_str(&out, "before", before);
    json_out_str(&out, "after", setting->value);
    json_out_end(&out, '}');
    return metadb_run(t, db,
                      "INSERT INTO setting_seen VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET "
                      "value = excluded.value",
                      "ss", setting->name, setting->value)
        && audit_append(t, db, STR("setting.change"), setting->name, STR("done"), buf_str(out.b),
                        NULL);
}

static bool open_home(struct task *t, struct metadb *db, void *state)
{
    struct opening *o = state;
    char id[37];
    if (!read_state(t, db, &o->id, &o->was_open))
        return false;
    if (o->id.len == 0) {
        clock_uuid(id);
        o->id = arena_str(t->mem, str_of(id));
    }
    bool ok = metadb_run(t, db,
                         "INSERT INTO home_state VALUES (1, ?, 1) ON CONFLICT (one) DO UPDATE SET "
                         "is_open = 1",
                         "s", o->id)
           && audit_append(t, db, STR("home.open"), STR("home"), STR("done"), opening_detail(t, o),
                           NULL);
    for (size_t i = 0; i < o->with->settings.len && ok; i++)
        ok = note_setting(t, db, &o->with->settings.at[i]);
    return ok;
}

bool home_state_open(struct task *t, struct metadb *db, const struct home_opening *opening,
                     str *id_out, bool *was_open_out)
{
    struct opening o = {.with = opening};
    if (!metadb_write(t, db, open_home, &o))
        return false;
    *id_out = o.id;
    *was_open_out = o.was_open;
    return true;
}

static bool close_home(struct task *t, struct metadb *db, void *state)
{
    (void)state;
    return metadb_run(t, db, "UPDATE home_state SET is_open = 0", "")
        && audit_append(t, db, STR("home.close"), STR("home"), STR("done"), STR("{}"), NULL);
}

bool home_state_close(struct task *t, struct metadb *db)
{
    return metadb_write(t, db, close_home, NULL);
}
