#include "product_schedule/product_schedule.h"

#include "catalog_help.h"
#include "job_row/job_row.h"

static const int64_t hour_us = 3600 * 1000000LL;

/* sales.orders with a schedule, or none, as files say it. */
struct wish {
    struct catalog *c;
    struct model model;
    struct model_product product;
    struct model_domain domain;
};

static struct wish *wish(struct catalog *c, const char *text)
{
    struct task *t = c->t;
    struct wish *w = ARENA_NEW(t->mem, struct wish);
    struct cron cron;
    w->c = c;
    w->domain.name = STR("sales");
    w->product = (struct model_product){.domain = &w->domain,
                                        .address = STR("sales.orders"),
                                        .name = STR("orders"),
                                        .status = STR("active")};
    if (cron_parse(str_of(text), &cron)) {
        w->product.schedule.text = str_of(text);
        vec_push(t->mem, &w->product.schedule.times, cron);
    }
    vec_push(t->mem, &w->model.products, &w->product);
    return w;
}

static bool replace(struct task *t, struct metadb *db, void *state)
{
    return product_schedule_replace(t, db, &((struct wish *)state)->model,
                                    &(struct pointer_map){0});
}

static bool set_since(struct task *t, struct metadb *db, void *state)
{
    return metadb_run(t, db, "UPDATE product_schedule SET since_us = ?", "i", *(int64_t *)state);
}

/* A run at an hour of the first day of 1970, asked for by a job like this. */
static bool run_at(const struct wish *w, const char *id, int hour, const char *kind,
                   const char *input)
{
    struct catalog *c = w->c;
    struct job_row *job;
    str job_id;
    bool joined;
    struct run_row row = {.id = str_of(id),
                          .product_id = 1,
                          .state = RUN_STARTED,
                          .requested_by = STR("ana"),
                          .started_us = hour * hour_us};
    bool ok = job_row_queue(c->t, c->db, str_of(kind), str_of(id), str_of(input), STR("ana"),
                            &job_id, &joined)
           && job_row_take(c->t, c->db, &job);
    row.job_id = job_id;
    return ok && run_row_insert(c->t, c->db, &row);
}

static bool run_ended(const struct wish *w, const char *id, int hour, const char *kind,
                      const char *input, enum run_state state, uint64_t release)
{
    return run_at(w, id, hour, kind, input)
        && run_row_end(w->c->t, w->c->db, str_of(id), state, STR_NONE, 0, release);
}

/* The hour at which it is due next; -1: never. */
static int64_t due(const struct wish *w)
{
    struct catalog *c = w->c;
    struct product_schedules rows;
    if (!product_schedule_list(c->t, c->db, 1, &rows))
        return -2;
    int64_t next_us = product_schedule_next(product_schedule_find(&rows, 1), &w->product);
    return next_us == INT64_MAX ? -1 : next_us / hour_us;
}

static struct wish *open_at_ten(void)
{
    struct catalog *c = catalog_help_open();
    int64_t since_us = 10 * hour_us;
    if (c == NULL || !catalog_help_apply(c, CATALOG_HELP_COLUMNS))
        return NULL;
    struct wish *w = wish(c, "0 12 * * *");
    return metadb_write(c->t, c->db, replace, w) && metadb_write(c->t, c->db, set_since, &since_us)
             ? w
             : NULL;
}

TEST(schedule_is_done_with_by_a_run_that_began_after_its_time)
{
    struct wish *w = open_at_ten();
    REQUIRE(w != NULL);
    struct task *t = w->c->t;
    EXPECT_INT(due(w), 12);
    REQUIRE_OK(t, run_ended(w, "before", 11, "run", "{}", RUN_PUBLISHED, 1));
    EXPECT_INT(due(w), 12);
    REQUIRE_OK(t, run_at(w, "after", 13, "run", "{\"how\":\"full\"}"));
    EXPECT_INT(due(w), 36);
    REQUIRE_OK(t, run_row_end(t, w->c->db, STR("after"), RUN_FAILED, STR_NONE, 0, 0));
    EXPECT_INT(due(w), 36);
}

TEST(schedule_does_not_count_runs_that_read_less)
{
    struct wish *w = open_at_ten();
    REQUIRE(w != NULL);
    struct task *t = w->c->t;
    REQUIRE_OK(t, run_ended(w, "window", 13, "run", "{\"how\":\"window 1/2\"}", RUN_PUBLISHED, 1));
    REQUIRE_OK(t, run_ended(w, "replay", 14, "run", "{\"how\":\"replay \"}", RUN_PUBLISHED, 2));
    REQUIRE_OK(t, run_ended(w, "failed", 15, "candidate", "{}", RUN_FAILED, 0));
    REQUIRE_OK(t, run_ended(w, "waits", 16, "candidate", "{}", RUN_CANDIDATE, 0));
    EXPECT_INT(due(w), 12);
}

TEST(schedule_begins_once_more_what_ended_with_its_server)
{
    struct wish *w = open_at_ten();
    REQUIRE(w != NULL);
    struct task *t = w->c->t;
    uint64_t count;
    REQUIRE_OK(t, run_at(w, "killed", 13, "run", "{}"));
    EXPECT_INT(due(w), 36);
    REQUIRE_OK(t, run_row_recover(t, w->c->db, &count));
    EXPECT_INT(due(w), 12);
    /* Nobody asked to cancel it: the server was stopped. */
    REQUIRE_OK(t, run_ended(w, "stopped", 14, "run", "{}", RUN_CANCELLED, 0));
    EXPECT_INT(due(w), 36);
}

TEST(schedule_is_done_with_by_a_run_that_somebody_cancelled)
{
    struct wish *w = open_at_ten();
    REQUIRE(w != NULL);
    struct task *t = w->c->t;
    struct run_row *row;
    enum job_state state;
    REQUIRE_OK(t, run_at(w, "r", 13, "run", "{}"));
    REQUIRE_OK(t, run_row_find(t, w->c->db, STR("r"), &row));
    REQUIRE_OK(t, job_row_cancel(t, w->c->db, row->job_id, &state));
    REQUIRE_OK(t, run_row_end(t, w->c->db, STR("r"), RUN_CANCELLED, STR_NONE, 0, 0));
    EXPECT_INT(due(w), 36);
}

TEST(schedule_counts_from_the_apply_that_brought_its_words)
{
    struct wish *w = open_at_ten();
    REQUIRE(w != NULL);
    struct task *t = w->c->t;
    struct product_schedules rows;
    /* The same words once more, as with any apply. */
    REQUIRE_OK(t, metadb_write(t, w->c->db, replace, w));
    EXPECT_INT(due(w), 12);
    struct wish *other = wish(w->c, "0 13 * * *");
    EXPECT_INT(due(other), -1);
    REQUIRE_OK(t, metadb_write(t, w->c->db, replace, other));
    REQUIRE_OK(t, product_schedule_list(t, w->c->db, 1, &rows));
    REQUIRE(rows.len == 1);
    EXPECT(rows.at[0].since_us > 1000 * 24 * hour_us);
    other->product.status = STR("retired");
    EXPECT_INT(due(other), -1);
    REQUIRE_OK(t, metadb_write(t, w->c->db, replace, wish(w->c, "")));
    REQUIRE_OK(t, product_schedule_list(t, w->c->db, 0, &rows));
    EXPECT_INT(rows.len, 0);
}

TEST(schedule_knows_which_releases_a_run_read)
{
    struct wish *w = open_at_ten();
    REQUIRE(w != NULL);
    struct task *t = w->c->t;
    struct run_pins pins;
    struct run_row row = {
        .id = STR("r"), .product_id = 1, .state = RUN_STARTED, .requested_by = STR("ana")};
    /* By two ports. */
    vec_push(t->mem, &row.pins, ((struct run_pin){1, 7}));
    vec_push(t->mem, &row.pins, ((struct run_pin){1, 7}));
    REQUIRE_OK(t, run_row_insert(t, w->c->db, &row));
    REQUIRE_OK(t, product_schedule_read(t, w->c->db, STR("r"), &pins));
    REQUIRE(pins.len == 1);
    EXPECT_INT(pins.at[0].release, 7);
}
