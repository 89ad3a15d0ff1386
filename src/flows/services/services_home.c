#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "actor/actor.h"
#include "chain/chain.h"
#include "home_state/home_state.h"
#include "log/log.h"
#include "services/services.h"

const struct actor *services_operator(struct task *t)
{
    struct actor *actor = ARENA_NEW(t->mem, struct actor);
    const struct passwd *entry = getpwuid(geteuid());

    actor->kind = ACTOR_OPERATOR;
    actor->name = entry != NULL ? arena_str(t->mem, str_of(entry->pw_name))
                                : arena_format(t->mem, "uid%u", (unsigned)geteuid());
    return actor;
}

static void services_opening(struct arena *mem, const struct services *s,
                             struct home_opening *opening)
{
    str seed = {s->audit_seed, sizeof(s->audit_seed)};

    *opening = (struct home_opening){.version = STR(WEFT_VERSION),
                                     .key = crypto_hex(mem, crypto_public_key(mem, seed))};
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum setting setting = (enum setting)i;

        vec_push(mem, &opening->settings,
                 ((struct home_setting){.name = str_of(config_name(setting)),
                                        .value = config_text(s->config, setting),
                                        .fallback = config_default(setting)}));
    }
}

bool services_open_home(struct task *t, struct services *s)
{
    const struct actor *asker = t->actor;
    struct home_opening opening;
    str seed, id;
    bool was_open;

    if (!chain_open_key(t, s->home, &seed)) {
        return false;
    }
    memcpy(s->audit_seed, seed.ptr, sizeof(s->audit_seed));
    services_opening(t->mem, s, &opening);
    t->actor = services_operator(t);
    bool ok = home_state_open(t, s->db, &opening, &id, &was_open);
    t->actor = asker;
    if (!ok) {
        return false;
    }
    CHECK(id.len < sizeof(s->home_id));
    memcpy(s->home_id, id.ptr, id.len);
    if (was_open) {
        log_event(LOG_WARN, "services", t, "an earlier server did not close this home");
    }
    return true;
}

void services_close_home(struct services *s)
{
    struct task *t;

    if (s->home_id[0] == '\0') {
        return;
    }
    t = task_new();
    t->actor = services_operator(t);
    if (!home_state_close(t, s->db)) {
        log_failure("services", t);
    }
    task_free(t);
}

bool services_remove_files(struct task *t, struct services *s, const struct str_list *files)
{
    struct str_list keep, gone = {0};

    s = services_mesh(s);
    if (!turns_take_all(t, s->runs)) {
        return true;
    }
    bool ok = services_files(t, s, &keep);
    for (size_t i = 0, k = 0; ok && i < files->len; i++) {
        while (k < keep.len && str_compare(keep.at[k], files->at[i]) < 0) {
            k++;
        }
        if (k == keep.len || !str_eq(keep.at[k], files->at[i])) {
            vec_push(t->mem, &gone, files->at[i]);
        }
    }
    ok = ok && store_remove_files(t, s->store, &gone) && gate_forget(t, s->gate, &gone);
    turns_give(t, s->runs);
    return ok;
}
