#include "job_row/job_row.h"

#include "buf/buf.h"
#include "catalog_help.h"
#include "check_row/check_row.h"
#include "outbox/outbox.h"
#include "plan_row/plan_row.h"
#include "quarantine/quarantine.h"
#include "read_mesh/read_mesh.h"
#include "run_row/run_row.h"

TEST(job_for_a_running_subject_joins_the_queue_once)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct task *t = c->t;
    str first, second, third;
    bool joined;
    struct job_row *job;
    REQUIRE_OK(
        t, job_row_queue(t, c->db, STR("run"), STR("a.b"), STR_NONE, STR("ana"), &first, &joined));
    EXPECT(!joined);
    REQUIRE_OK(t, job_row_take(t, c->db, &job));
    REQUIRE(job != NULL);
    EXPECT_STR(job->id, first);
    REQUIRE_OK(t, job_row_queue(t, c->db, STR("run"), STR("a.b"), STR("{\"full\":true}"),
                                STR("ana"), &second, &joined));
    EXPECT(!joined);
    REQUIRE_OK(
        t, job_row_queue(t, c->db, STR("run"), STR("a.b"), STR_NONE, STR("noor"), &third, &joined));
    EXPECT(joined);
    EXPECT_STR(third, second);
    REQUIRE_OK(t, job_row_take(t, c->db, &job));
    EXPECT(job == NULL);
    REQUIRE_OK(t, job_row_progress(t, c->db, first, STR("{\"done\":1}")));
    REQUIRE_OK(t, job_row_end(t, c->db, first, JOB_DONE, STR("{}")));
    EXPECT_FAIL(t, ERR_CONFLICT, job_row_end(t, c->db, first, JOB_FAILED, STR("{}")));
    REQUIRE_OK(t, job_row_take(t, c->db, &job));
    REQUIRE(job != NULL);
    EXPECT_STR(job->id, second);
    EXPECT_STR(job->input, "{\"full\":true}");
}

TEST(job_is_cancelled_in_the_queue_and_asked_while_it_runs)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct task *t = c->t;
    str id;
    bool joined;
    enum job_state state;
    struct job_row *job;
    uint64_t count;
    REQUIRE_OK(t,
               job_row_queue(t, c->db, STR("run"), STR("a.b"), STR_NONE, STR("ana"), &id, &joined));
    REQUIRE_OK(t, job_row_cancel(t, c->db, id, &state));
    EXPECT_INT(state, JOB_CANCELLED);
    REQUIRE_OK(t, job_row_take(t, c->db, &job));
    EXPECT(job == NULL);
    REQUIRE_OK(t,
               job_row_queue(t, c->db, STR("run"), STR("a.b"), STR_NONE, STR("ana"), &id, &joined));
    REQUIRE_OK(t, job_row_take(t, c->db, &job));
    REQUIRE_OK(t, job_row_cancel(t, c->db, id, &state));
    EXPECT_INT(state, JOB_RUNNING);
    REQUIRE_OK(t, job_row_find(t, c->db, id, &job));
    REQUIRE(job != NULL);
    EXPECT(job->is_cancel_requested);
    EXPECT_FAIL(t, ERR_NOT_FOUND, job_row_cancel(t, c->db, STR("none"), &state));
    REQUIRE_OK(t, job_row_recover(t, c->db, &count));
    EXPECT_INT(count, 1);
}

TEST(job_row_of_runs_does_not_wait_for_another_server)
{
    static const char *const kinds[] = {"run", "runs", "clear"};
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct task *t = c->t;
    str id;
    bool joined;
    struct job_row *job;
    uint64_t count;
    for (size_t i = 0; i < 3; i++)
        REQUIRE_OK(t, job_row_queue(t, c->db, str_of(kinds[i]), STR("a.b"), STR_NONE, STR("ana"),
                                    &id, &joined));
    REQUIRE_OK(t, job_row_recover(t, c->db, &count));
    /* What an approval asked for is done all the same. */
    REQUIRE_OK(t, job_row_take(t, c->db, &job));
    REQUIRE(job != NULL);
    EXPECT_STR(job->kind, "clear");
    REQUIRE_OK(t, job_row_take(t, c->db, &job));
    EXPECT(job == NULL);
}

TEST(run_row_that_a_server_left_has_failed)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct task *t = c->t;
    uint64_t count;
    struct run_row *found;
    REQUIRE_OK(t, catalog_help_apply(c, CATALOG_HELP_COLUMNS));
    struct run_row row = {
        .id = STR("r1"), .product_id = 1, .state = RUN_STARTED, .requested_by = STR("ana")};
    REQUIRE_OK(t, run_row_insert(t, c->db, &row));
    REQUIRE_OK(t, run_row_step(t, c->db, row.id, RUN_CHECKING, STR("check orders")));
    REQUIRE_OK(t, run_row_recover(t, c->db, &count));
    EXPECT_INT(count, 1);
    REQUIRE_OK(t, run_row_find(t, c->db, row.id, &found));
    REQUIRE(found != NULL);
    EXPECT_INT(found->state, RUN_FAILED);
    EXPECT(found->ended_us > 0 && found->started_us > 0);
    EXPECT_FAIL(t, ERR_CONFLICT, run_row_step(t, c->db, row.id, RUN_PUBLISHING, STR("")));
    EXPECT_FAIL(t, ERR_CONFLICT, run_row_end(t, c->db, row.id, RUN_CANCELLED, STR_NONE, 0, 0));
}

static bool add_event(struct task *t, struct metadb *db, void *state)
{
    return outbox_add(t, db, STR("released"), STR("a.b"), STR("{}"), state);
}

TEST(outbox_events_wait_until_they_are_sent)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    uint64_t first, second;
    struct outbox_list list;
    REQUIRE_OK(c->t, metadb_write(c->t, c->db, add_event, &first));
    REQUIRE_OK(c->t, metadb_write(c->t, c->db, add_event, &second));
    REQUIRE_OK(c->t, outbox_sent(c->t, c->db, first));
    REQUIRE_OK(c->t, outbox_waiting(c->t, c->db, 10, &list));
    REQUIRE(list.len == 1);
    EXPECT_INT(list.at[0].sequence, second);
    EXPECT_INT(list.at[0].id.len, 36);
    REQUIRE_OK(c->t, outbox_after(c->t, c->db, 0, 10, &list));
    EXPECT_INT(list.len, 2);
}

static bool mark_applied(struct task *t, struct metadb *db, void *state)
{
    return plan_row_applied(t, db, *(const str *)state, 1);
}

TEST(plan_row_keeps_its_bundle_and_is_applied_once)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct task *t = c->t;
    struct bundle bundle = {0}, found;
    vec_push(t->mem, &bundle,
             ((struct bundle_file){.path = STR("a.sql"), .text = STR("SELECT 1")}));
    vec_push(t->mem, &bundle, ((struct bundle_file){.path = STR("mesh.yaml"), .text = STR("")}));
    struct plan_row row = {.id = STR("p1"),
                           .domain = STR("sales"),
                           .digest = STR("d"),
                           .summary = STR("{}"),
                           .actor = STR("ana")};
    struct plan_row *plan;
    REQUIRE_OK(t, plan_row_insert(t, c->db, &row, &bundle));
    REQUIRE_OK(t, plan_row_find(t, c->db, STR("p1"), &plan));
    REQUIRE(plan != NULL);
    EXPECT_STR(plan->domain, "sales");
    EXPECT_INT(plan->applied_version, 0);
    REQUIRE_OK(t, plan_row_bundle(t, t->mem, c->db, STR("p1"), &found));
    REQUIRE(found.len == 2);
    EXPECT_STR(found.at[0].text, "SELECT 1");
    REQUIRE_OK(t, metadb_write(t, c->db, mark_applied, &row.id));
    EXPECT_FAIL(t, ERR_CONFLICT, metadb_write(t, c->db, mark_applied, &row.id));
    REQUIRE_OK(t, plan_row_sweep(t, c->db, INT64_MAX));
    REQUIRE_OK(t, plan_row_find(t, c->db, STR("p1"), &plan));
    EXPECT(plan == NULL);
}

struct reader {
    bool discovers, is_clear;
};

static bool may_discover(void *ctx, const struct image_product *product)
{
    (void)product;
    return ((struct reader *)ctx)->discovers;
}

static bool is_clear(void *ctx, const struct image_table *table)
{
    (void)table;
    return ((struct reader *)ctx)->is_clear;
}

/* All cells, rows on lines, NULL as `-`. */
static str view_text(struct task *t, const struct job_view *view)
{
    struct buf *b = buf_new(t->mem, 65536);
    for (size_t i = 0; i < view->cells.len; i++) {
        buf_add(b, view->cells.at[i].is_null ? STR("-") : view->cells.at[i].text);
        buf_add_byte(b, (i + 1) % view->columns.len == 0 ? '\n' : '|');
    }
    return buf_str(b);
}

static str read_as(struct catalog *c, const struct image *image, struct reader as,
                   const char *table)
{
    struct mesh_reader reader = {.ctx = &as, .may_discover = may_discover, .is_clear = is_clear};
    struct job_view view;
    bool ok = read_mesh_view(c->t, c->db, image, &reader, str_of(table), &view);
    return test_expect_ok(c->t, ok, table, __FILE__, __LINE__) ? view_text(c->t, &view) : STR_NONE;
}

static bool divert(struct task *t, struct metadb *db, void *state)
{
    return quarantine_add(t, db, state, STR_NONE);
}

TEST(read_mesh_shows_what_may_be_discovered_and_numbers_to_the_clear)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct task *t = c->t;
    struct images *images;
    uint64_t number;
    REQUIRE_OK(t, catalog_help_apply(c, CATALOG_HELP_COLUMNS));
    REQUIRE_OK(t, images_open(t, c->db, &images));
    REQUIRE_OK(t, catalog_help_publish(c, image_pin(t, images), 0, "a1", &number));
    REQUIRE_OK(t, images_refresh(t, images));
    const struct image *image = image_pin(t, images);
    struct check_row check = {.run_id = STR("run-a1-0"),
                              .table_id = image->products.at[0].tables.at[0].id,
                              .table = STR("orders"),
                              .rule_id = STR("rule"),
                              .kind = STR("nullValues"),
                              .name = STR("email is there"),
                              .column = STR("email"),
                              .verdict = VERDICT_FAIL,
                              .expected = STR("0"),
                              .found = STR("1"),
                              .message = STR("secret"),
                              .rows_total = 4,
                              .rows_failed = 1,
                              .has_rows = true,
                              .checked_us = 1};
    REQUIRE_OK(t, check_row_add(t, c->db, &check));
    struct reader all = {true, true}, some = {true, false}, none = {false, false};
    EXPECT_STR(read_as(c, image, all, "checks"),
               "run-a1-0|sales.orders|orders|email|false|rule|nullValues|email is "
               "there|-|warning|fail|0|1|4|1|-|0.25|"
               "secret|-|-|-|1970-01-01T00:00:00.000001Z\n");
    EXPECT_STR(read_as(c, image, some, "checks"),
               "run-a1-0|sales.orders|orders|email|false|rule|nullValues|email is "
               "there|-|warning|fail|0|-|-|-|-|-|-|-|-|-|1970-01-01T00:00:00.000001Z\n");
    struct quarantine_row diverted = {.product_id = image->products.at[0].id,
                                      .table_id = check.table_id,
                                      .run_id = check.run_id,
                                      .release = 1,
                                      .diverted_us = 1,
                                      .rows = 3,
                                      .sha256 = STR("00"),
                                      .sql_digest = STR("d")};
    vec_push(t->mem, &diverted.rules,
             ((struct quarantine_rule){.id = STR("rule"), .demand = STR("0"), .rows = 2}));
    vec_push(t->mem, &diverted.columns, 1);
    vec_push(t->mem, &diverted.rule_columns, 1);
    vec_push(t->mem, &diverted.labels,
             ((struct quarantine_label){.column_id = 1, .text = STR("of-then")}));
    REQUIRE_OK(t, metadb_write(t, c->db, divert, &diverted));
    EXPECT_STR(read_as(c, image, all, "quarantine"),
               "sales.orders|orders|run-a1-0|1|1970-01-01T00:00:00.000001Z|rule|0|2|3\n");
    EXPECT_STR(read_as(c, image, some, "quarantine"),
               "sales.orders|orders|run-a1-0|1|1970-01-01T00:00:00.000001Z|rule|0|-|-\n");
    /* As a table its columns have the labels of today and of then. */
    const struct image_product *product;
    REQUIRE_OK(t, quarantine_load(t, c->db, &image->products.at[0], false, &product));
    REQUIRE(product->tables.at[0].files.len == 1 && product->tables.at[0].quarantine != NULL);
    EXPECT_INT(product->tables.at[0].rows, 3);
    bool has_label = false;
    for (size_t i = 0; i < product->tables.at[0].columns.len; i++) {
        const struct image_column *column = &product->tables.at[0].columns.at[i];
        for (size_t k = 0; column->id == 1 && k < column->more.len; k++)
            has_label = has_label || str_eq(column->more.at[k].text, STR("of-then"));
    }
    EXPECT(has_label);
    EXPECT_STR(read_as(c, image, some, "releases"),
               "sales.orders|1|2023-11-14T22:13:20.000000Z|run-a1-0|true|true|-|1|-|-|-\n");
    EXPECT_STR(read_as(c, image, all, "tables"),
               "sales.orders.orders|sales.orders|orders|orders-contract|-|money|1|3|1|100\n");
    EXPECT_STR(read_as(c, image, some, "tables"),
               "sales.orders.orders|sales.orders|orders|orders-contract|-|money|1|-|-|-\n");
    EXPECT_STR(read_as(c, image, some, "lineage"),
               "sales.orders|1|sales.orders.orders|id|sales.orders:shop-source.orders|id|DIRECT|"
               "IDENTITY|true\n");
    struct str_list names;
    read_mesh_names(t->mem, &names);
    EXPECT(names.len >= 12);
    for (size_t i = 0; i < names.len; i++) {
        const char *name = arena_c_string(t->mem, names.at[i]);
        /* This mesh has no policies and no grants, and nobody asked for one. */
        if (!str_eq(names.at[i], STR("policies")) && !str_eq(names.at[i], STR("compliance"))
            && !str_eq(names.at[i], STR("grants")) && !str_eq(names.at[i], STR("access_requests")))
            EXPECT(read_as(c, image, all, name).len > 0);
        if (i > 0)
            EXPECT_STR(read_as(c, image, none, name), "");
    }
    struct job_view view;
    struct mesh_reader reader = {.ctx = &all, .may_discover = may_discover, .is_clear = is_clear};
    EXPECT_FAIL(t, ERR_UNKNOWN_NAME,
                read_mesh_view(t, c->db, image, &reader, STR("secrets"), &view));
    images_close(images);
}
