/* Copies that are made before anybody asks: for those who read a table lately, of a release that is about to be current, or under
 * a policy that is about to hold. All of it is a favour: where it fails, the query waits. */
#include "actor/actor.h"
#include "buf/buf.h"
#include "clock/clock.h"
#include "gate_inside.h"
#include "image/image_decision.h"
#include "log/log.h"

enum { READERS_MAX = 500 };

static const int64_t read_every_us = 60LL * 1000000, lately_us = 7 * 86400LL * 1000000;

/* ---- who read what */

struct reading {
    uint64_t table_id;
    str key;
    struct policy_actor reader;
    int64_t used_us;
};

static bool write_reading(struct task *t, struct metadb *db, void *state)
{
    const struct reading *r = state;
    return metadb_run(t, db,
                      "INSERT OR REPLACE INTO reader(table_id, key, is_product, name, purpose, "
                      "used_us) VALUES(?, ?, ?, ?, ?, ?)",
                      "isdssi", r->table_id, r->key, (int)r->reader.is_product, r->reader.name,
                      r->reader.purpose, r->used_us);
}

static bool is_known(struct task *t, struct gate *gate, const struct reading *r, bool *out)
{
    struct metadb_statement *st;
    if (!metadb_query(t, gate->cache, &st,
                      "SELECT used_us FROM reader WHERE table_id = ? AND key = ?", "is",
                      r->table_id, r->key))
        return false;
    *out = metadb_next(t, st) && r->used_us - metadb_int(st, 0) < read_every_us;
    return metadb_end(t, st);
}

bool gate_hot_remember(struct task *t, struct gate *gate, const struct clearance *clearance,
                       const struct policy_actor *reader, str key)
{
    for (size_t i = 0; i < clearance->tables.len; i++) {
        const struct clearance_table *table = &clearance->tables.at[i];
        struct reading r = {.key = key, .reader = *reader, .used_us = clock_now_us()};
        bool known;
        /* Originals are there anyhow, and past releases become no more. */
        if (!table->table || !table->class_id.len || table->is_past)
            continue;
        r.table_id = table->table->id;
        if (!is_known(t, gate, &r, &known)
            || (!known && !metadb_write(t, gate->cache, write_reading, &r)))
            return false;
    }
    return true;
}

struct readings {
    VEC_OF(struct reading)
};

/* Those who read the table lately (0: any table), the last one first. */
static bool find_readings(struct task *t, struct gate *gate, uint64_t table_id,
                          struct readings *out)
{
    struct metadb_statement *st;
    if (!metadb_query(t, gate->cache, &st,
                      "SELECT table_id, key, is_product, name, purpose FROM reader WHERE "
                      "(?1 = 0 OR table_id = ?1) AND used_us > ?2 ORDER BY used_us DESC LIMIT ?3",
                      "iii", table_id, clock_now_us() - lately_us, (int64_t)READERS_MAX))
        return false;
    while (metadb_next(t, st))
        vec_push(t->mem, out,
                 ((struct reading){.table_id = metadb_uint(st, 0),
                                   .key = metadb_str(t->mem, st, 1),
                                   .reader = {.is_product = metadb_int(st, 2) != 0,
                                              .name = metadb_str(t->mem, st, 3),
                                              .purpose = metadb_str(t->mem, st, 4)}}));
    return metadb_end(t, st);
}

/* ---- within a budget */

struct budget {
    int64_t until_ms;
    uint64_t bytes;
};

static struct budget budget_of(const struct gate *gate)
{
    return (struct budget){clock_monotonic_ms() + gate->hot_ms, gate->hot_bytes_max};
}

static bool has_time(const struct budget *budget)
{
    return budget->bytes > 0 && clock_monotonic_ms() < budget->until_ms;
}

/* Bytes of originals that are read for what is missing. */
static bool weigh_missing(struct task *t, struct gate *gate, struct gate_wants *wants,
                          uint64_t *out)
{
    const struct image_file *last = NULL;
    *out = 0;
    for (size_t i = 0; i < wants->len; i++) {
        struct gate_want *want = &wants->at[i];
        if (!want->is_original && !gate_peek(t, gate, want))
            return false;
        bool is_there = want->is_found || want->is_original;
        want->is_found = false;
        if (is_there || want->file == last)
            continue;
        *out += want->file->bytes;
        last = want->file;
    }
    return true;
}

static bool prepare(struct task *t, struct gate *gate, const struct image_table *table,
                    const struct decision *decision, struct budget *budget)
{
    struct gate_wants wants = {0};
    uint64_t bytes;
    str class_id;
    if (!decision->allowed || decision->columns.len == 0)
        return true;
    gate_want(t, gate, table, decision, &wants, &class_id);
    if (!weigh_missing(t, gate, &wants, &bytes))
        return false;
    /* One that is too large for what is left makes room for others that are not. */
    if (bytes == 0 || bytes > budget->bytes)
        return true;
    budget->bytes -= bytes;
    int64_t left_ms = budget->until_ms - clock_monotonic_ms();
    return gate_fetch_early(t, gate, &wants, left_ms > 0 ? left_ms : 0)
        || t->err.code == ERR_TIMEOUT;
}

/* The decision for one who read lately, as he is now; NULL when he is gone. */
static bool decide(struct task *t, struct gate *gate, const struct image *image,
                   const struct reading *r, const struct image_table *table,
                   struct policy_actor *reader_out, const struct decision **out)
{
    uint64_t version;
    bool is_there;
    *out = NULL;
    if (!gate_reader_now(t, gate, image, &r->reader, &version, &is_there, reader_out))
        return false;
    if (is_there)
        *out = image_decide(t, image, reader_out, version, table);
    return true;
}

static void say_failure(struct task *t)
{
    if (t->err.code != ERR_NONE && t->err.code != ERR_TIMEOUT && t->err.code != ERR_CANCELLED)
        log_event(LOG_WARN, "gate", t, "copies could not be made early: error=%s",
                  error_name(t->err.code));
}

/* ---- the two occasions */

static const struct image_table *find_table(const struct image *image, uint64_t id)
{
    for (size_t i = 0; i < image->products.len; i++)
        for (size_t k = 0; k < image->products.at[i].tables.len; k++)
            if (image->products.at[i].tables.at[k].id == id)
                return &image->products.at[i].tables.at[k];
    return NULL;
}

void gate_prepare_release(struct gate *gate, const struct image_table *tables, size_t len)
{
    struct budget budget = budget_of(gate);
    struct task *t = task_new();
    const struct image *image = image_pin(t, gate->images);
    bool ok = true;
    CHECK(gate->magic == GATE_MAGIC);
    for (size_t i = 0; ok && i < len && has_time(&budget); i++) {
        struct readings readings = {0};
        /* Decided for the table of the image: decisions are kept by it. */
        const struct image_table *today = find_table(image, tables[i].id);
        if (!today)
            continue;
        ok = find_readings(t, gate, tables[i].id, &readings);
        for (size_t k = 0; ok && k < readings.len && has_time(&budget); k++) {
            struct policy_actor reader;
            const struct decision *decision;
            ok = decide(t, gate, image, &readings.at[k], today, &reader, &decision)
              && (!decision || prepare(t, gate, &tables[i], decision, &budget));
        }
    }
    say_failure(t);
    task_free(t);
}

struct coming {
    const struct image_table *table;
    struct decision decision;
};

struct comings {
    VEC_OF(struct coming)
};

/* Under the new policies. False `loosens`: somebody loses by them, so they must hold at once. */
static bool decide_coming(struct task *t, struct gate *gate, const struct image *image,
                          const struct policies *policies, const struct readings *readings,
                          struct comings *out, bool *loosens_out)
{
    *loosens_out = true;
    for (size_t i = 0; i < readings->len && *loosens_out; i++) {
        const struct image_table *table = find_table(image, readings->at[i].table_id);
        const struct decision *before;
        struct policy_actor reader;
        struct policy_table as_seen;
        struct coming coming = {.table = table};
        str why;
        if (!table)
            continue;
        if (!decide(t, gate, image, &readings->at[i], table, &reader, &before))
            return false;
        if (!before)
            continue;
        image_policy_table(t->mem, table, &as_seen);
        policy_decide(t->mem, policies, &reader, &as_seen, clock_now_us(), &coming.decision);
        *loosens_out =
            !before->allowed || gate_takes_nothing(t->mem, before, &coming.decision, &why);
        vec_push(t->mem, out, coming);
    }
    return true;
}

void gate_prepare_policies(struct gate *gate, const struct policies *policies)
{
    struct budget budget = budget_of(gate);
    struct task *t = task_new();
    const struct image *image = image_pin(t, gate->images);
    struct readings readings = {0};
    struct comings comings = {0};
    bool loosens = false;
    CHECK(gate->magic == GATE_MAGIC);
    bool ok = has_time(&budget) && find_readings(t, gate, 0, &readings)
           && decide_coming(t, gate, image, policies, &readings, &comings, &loosens);
    for (size_t i = 0; ok && loosens && i < comings.len && has_time(&budget); i++)
        ok = prepare(t, gate, comings.at[i].table, &comings.at[i].decision, &budget);
    say_failure(t);
    task_free(t);
}
