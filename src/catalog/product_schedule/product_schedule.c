#include "product_schedule/product_schedule.h"

#include <stdlib.h>

#include "clock/clock.h"
#include "product/product.h"

/* ---- as files say it */

static bool replace_one(struct task *t, struct metadb *db, const struct model_product *product,
                        uint64_t id, const struct product_schedule *before)
{
    str words = product->schedule.text;
    if (words.len == 0)
        return before == NULL
            || metadb_run(t, db, "DELETE FROM product_schedule WHERE product_id = ?", "i", id);
    if (before != NULL && str_eq(before->words, words))
        return true;
    return metadb_run(t, db,
                      "INSERT INTO product_schedule VALUES (?, ?, ?) ON CONFLICT (product_id) DO "
                      "UPDATE SET words = excluded.words, since_us = excluded.since_us",
                      "isi", id, words, clock_now_us());
}

bool product_schedule_replace(struct task *t, struct metadb *db, const struct model *model,
                              const struct pointer_map *kept)
{
    CHECK(metadb_is_writer(db));
    struct product_schedules before;
    if (!metadb_run(
            t, db,
            "DELETE FROM product_schedule WHERE product_id IN (SELECT id FROM product WHERE "
            "removed = 1)",
            "")
        || !product_schedule_list(t, db, 0, &before))
        return false;
    for (size_t i = 0; i < model->products.len; i++) {
        const struct model_product *product = model->products.at[i];
        uint64_t id;
        if ((product->schedule.text.len == 0 && before.len == 0)
            || pointer_map_find(kept, product) != NULL)
            continue;
        struct arena_mark mark = arena_mark(t->mem);
        if (!product_find_id(t, db, product->address, &id)
            || !replace_one(t, db, product, id, product_schedule_find(&before, id)))
            return false;
        arena_rewind(t->mem, mark);
    }
    return true;
}

/* ---- and what became of it */

struct last_run {
    str id;
    int64_t started_us;
    bool was_cut;
};

/* Candidates count when they are published; what brings rows back, or makes a window of them anew, does not read what has come. */
static bool last_runs(struct task *t, struct metadb *db, uint64_t product_id,
                      struct last_run out[2], size_t *count_out)
{
    struct metadb_statement *st;
    *count_out = 0;
    if (!metadb_query(
            t, db, &st,
            "SELECT r.id, r.started_us, r.was_cut FROM run r LEFT JOIN job j ON j.id = r.job_id "
            "WHERE r.product_id = ? AND r.is_candidate = 0 AND (j.id IS NULL OR ((j.kind <> "
            "'candidate' OR r.release IS NOT NULL) AND coalesce(json_extract(j.input, '$.how'), "
            "'full') = 'full')) ORDER BY r.sequence DESC LIMIT 2",
            "i", product_id))
        return false;
    while (metadb_next(t, st)) {
        CHECK(*count_out < 2);
        out[(*count_out)++] = (struct last_run){.id = metadb_str(t->mem, st, 0),
                                                .started_us = metadb_int(st, 1),
                                                .was_cut = metadb_int(st, 2) != 0};
    }
    return metadb_end(t, st);
}

/* One that ended with its server is begun once more; not a third time, since it may be what ends the server. */
static bool add_last(struct task *t, struct metadb *db, struct product_schedule *row)
{
    struct last_run last[2];
    size_t count;
    if (!last_runs(t, db, row->product_id, last, &count))
        return false;
    size_t at = count > 0 && last[0].was_cut && !(count > 1 && last[1].was_cut) ? 1 : 0;
    if (at < count) {
        row->run_id = last[at].id;
        row->started_us = last[at].started_us;
    }
    return true;
}

bool product_schedule_list(struct task *t, struct metadb *db, uint64_t product_id,
                           struct product_schedules *out)
{
    struct metadb_statement *st;
    *out = (struct product_schedules){0};
    if (!metadb_query(t, db, &st,
                      "SELECT product_id, words, since_us FROM product_schedule WHERE ?1 = 0 OR "
                      "product_id = ?1 ORDER BY product_id",
                      "i", product_id))
        return false;
    while (metadb_next(t, st)) {
        vec_push(t->mem, out,
                 ((struct product_schedule){.product_id = metadb_uint(st, 0),
                                            .words = metadb_str(t->mem, st, 1),
                                            .since_us = metadb_int(st, 2)}));
    }
    if (!metadb_end(t, st))
        return false;
    for (size_t i = 0; i < out->len; i++)
        if (!add_last(t, db, &out->at[i]))
            return false;
    return true;
}

static int compare_ids(const void *key, const void *row)
{
    uint64_t a = *(const uint64_t *)key, b = ((const struct product_schedule *)row)->product_id;
    return a < b ? -1 : a > b;
}

const struct product_schedule *product_schedule_find(const struct product_schedules *list,
                                                     uint64_t product_id)
{
    return list->len > 0 ? bsearch(&product_id, list->at, list->len, sizeof *list->at, compare_ids)
                         : NULL;
}

int64_t product_schedule_next(const struct product_schedule *row,
                              const struct model_product *product)
{
    /* An image and a catalog of two moments do not speak of the same. */
    if (row == NULL || str_eq(product->status, STR("retired"))
        || !str_eq(row->words, product->schedule.text))
        return INT64_MAX;
    return model_schedule_after(&product->schedule,
                                row->started_us > row->since_us ? row->started_us : row->since_us);
}

bool product_schedule_read(struct task *t, struct metadb *db, str run_id, struct run_pins *out)
{
    struct metadb_statement *st;
    *out = (struct run_pins){0};
    /* Those of a run in an environment stand beside what it published alone. */
    if (!metadb_query(
            t, db, &st,
            "SELECT producer_id, release FROM run_input WHERE run_id = ?1 UNION SELECT "
            "i.producer_id, i.producer_release FROM release_input i JOIN release r ON r.id "
            "= i.release_id WHERE r.run_id = ?1 AND i.producer_id IS NOT NULL",
            "s", run_id))
        return false;
    while (metadb_next(t, st)) {
        vec_push(t->mem, out, ((struct run_pin){metadb_uint(st, 0), metadb_uint(st, 1)}));
    }
    return metadb_end(t, st);
}
