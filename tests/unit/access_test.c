#include "access_request/access_request.h"

#include "buf/buf.h"
#include "catalog_help.h"
#include "contract/contract.h"
#include "mesh_state/mesh_state.h"

/* Every state under every step, as a table: what is not there is refused. */
TEST(access_state_goes_by_its_table)
{
    static const char expected[] = "requested approve approved\n"
                                   "requested deny denied\n"
                                   "requested withdraw withdrawn\n"
                                   "requested expire expired\n"
                                   "approved_first approve approved\n"
                                   "approved_first deny denied\n"
                                   "approved_first withdraw withdrawn\n"
                                   "approved_first expire expired\n"
                                   "approved revoke revoked\n"
                                   "approved expire expired\n"
                                   "approved renew renewed\n";
    struct task *t = test_task();
    struct buf *b = buf_new(t->mem, 65536);
    for (int from = 0; from < ACCESS_STATE_COUNT; from++)
        for (int step = 0; step < ACCESS_STEP_COUNT; step++) {
            enum access_state next;
            if (access_state_next((enum access_state)from, (enum access_step)step, false, &next))
                buf_format(b, "%s %s %s\n", access_state_name((enum access_state)from),
                           access_state_step_name((enum access_step)step), access_state_name(next));
        }
    EXPECT_STR(buf_str(b), expected);
}

TEST(access_state_waits_for_the_second_level_where_there_is_one)
{
    enum access_state next;
    REQUIRE(access_state_next(ACCESS_REQUESTED, ACCESS_APPROVE, true, &next));
    EXPECT_INT(next, ACCESS_APPROVED_FIRST);
    REQUIRE(access_state_next(ACCESS_APPROVED_FIRST, ACCESS_APPROVE, true, &next));
    EXPECT_INT(next, ACCESS_APPROVED);
    EXPECT(!access_state_next(ACCESS_APPROVED, ACCESS_APPROVE, true, &next));
}

TEST(access_state_has_names)
{
    for (int i = 0; i < ACCESS_STATE_COUNT; i++) {
        enum access_state state;
        REQUIRE(access_state_by_name(str_of(access_state_name((enum access_state)i)), &state));
        EXPECT_INT(state, i);
    }
    enum access_state state;
    EXPECT(!access_state_by_name(STR("granted"), &state));
}

static str approvers(struct task *t, const char *text)
{
    struct str_list names, strange;
    contract_role_approvers(t->mem, str_of(text), &names, &strange);
    return arena_format(t->mem, "%.*s | %.*s", STR_ARG(str_list_join(t->mem, &names, STR(" "))),
                        STR_ARG(str_list_join(t->mem, &strange, STR(" "))));
}

TEST(contract_approvers_are_read_as_the_standard_writes_them)
{
    struct task *t = test_task();
    EXPECT_STR(approvers(t, "ana"), "user:ana | ");
    EXPECT_STR(approvers(t, " user:ana, group:privacy ,ben@example.com,ana"),
               "user:ana group:privacy user:ben@example.com | ");
    EXPECT_STR(approvers(t, "Reporting Manager"), " | Reporting Manager");
    EXPECT_STR(approvers(t, "na"), " | ");
    EXPECT_STR(approvers(t, "N/A, none, -,"), " | ");
    EXPECT_STR(approvers(t, ""), " | ");
    EXPECT_STR(approvers(t, "role:boss, group:"), " | role:boss group:");
}

/* ---- rows */

static bool insert(struct task *t, struct metadb *db, void *state)
{
    return access_request_insert(t, db, state);
}

struct move {
    struct access_request *row;
    enum access_step step;
    bool has_second;
};

static bool move(struct task *t, struct metadb *db, void *state)
{
    const struct move *m = state;
    return access_request_move(t, db, m->row, m->step, m->has_second, STR("because"))
        && mesh_state_touch_policy(t, db);
}

static bool take_step(struct catalog *c, struct access_request *row, enum access_step step,
                      bool has_second)
{
    struct move m = {row, step, has_second};
    return metadb_write(c->t, c->db, move, &m);
}

static struct access_request request_of(struct catalog *c, const char *taker)
{
    struct access_request row = {.product = STR("sales.orders"),
                                 .contract = STR("orders-contract"),
                                 .taker_kind = ACCESS_USER,
                                 .taker = str_of(taker),
                                 .until_us = INT64_C(4000000000000000),
                                 .reason = STR("figures")};
    vec_push(c->t->mem, &row.purposes, STR("reporting"));
    return row;
}

TEST(access_request_keeps_each_step)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct access_request row = request_of(c, "noor"), *found;
    struct access_request_steps steps;
    REQUIRE_OK(c->t, metadb_write(c->t, c->db, insert, &row));
    REQUIRE_OK(c->t, take_step(c, &row, ACCESS_APPROVE, true));
    EXPECT_INT(row.state, ACCESS_APPROVED_FIRST);
    REQUIRE_OK(c->t, take_step(c, &row, ACCESS_APPROVE, true));
    EXPECT_FAIL(c->t, ERR_CONFLICT, take_step(c, &row, ACCESS_DENY, true));
    EXPECT_STR(c->t->err.message, "access request 1 is approved: it cannot be denied");
    REQUIRE_OK(c->t, access_request_find(c->t, c->db, row.id, &found));
    REQUIRE(found != NULL);
    EXPECT_INT(found->state, ACCESS_APPROVED);
    EXPECT_STR(found->taker, "noor");
    REQUIRE(found->purposes.len == 1);
    EXPECT_STR(found->purposes.at[0], "reporting");
    REQUIRE_OK(c->t, access_request_steps(c->t, c->db, row.id, &steps));
    REQUIRE(steps.len == 3);
    EXPECT_INT(steps.at[1].level, 1);
    EXPECT_INT(steps.at[2].level, 2);
    EXPECT_STR(steps.at[2].actor, "ana");
    EXPECT_STR(steps.at[2].reason, "because");
}

TEST(access_request_that_is_open_is_not_made_twice)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct access_request first = request_of(c, "noor"), second = request_of(c, "noor"),
                          other = request_of(c, "eve");
    REQUIRE_OK(c->t, metadb_write(c->t, c->db, insert, &first));
    EXPECT_FAIL(c->t, ERR_CONFLICT, metadb_write(c->t, c->db, insert, &second));
    REQUIRE_OK(c->t, metadb_write(c->t, c->db, insert, &other));
    REQUIRE_OK(c->t, take_step(c, &first, ACCESS_WITHDRAW, false));
    REQUIRE_OK(c->t, metadb_write(c->t, c->db, insert, &second));
}

TEST(access_request_is_due_at_its_end_and_once)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct access_request row = request_of(c, "noor");
    struct access_request_list due;
    REQUIRE_OK(c->t, metadb_write(c->t, c->db, insert, &row));
    REQUIRE_OK(c->t, access_request_due(c->t, c->db, row.until_us - 1, &due));
    EXPECT_INT(due.len, 0);
    REQUIRE_OK(c->t, access_request_due(c->t, c->db, row.until_us, &due));
    EXPECT_INT(due.len, 1);
    REQUIRE_OK(c->t, take_step(c, &row, ACCESS_EXPIRE, false));
    REQUIRE_OK(c->t, access_request_due(c->t, c->db, row.until_us, &due));
    EXPECT_INT(due.len, 0);
}

TEST(image_grants_what_was_agreed_and_no_more)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct access_request row = request_of(c, "noor");
    struct images *images;
    REQUIRE_OK(c->t, catalog_help_apply(c, CATALOG_HELP_COLUMNS));
    REQUIRE_OK(c->t, metadb_write(c->t, c->db, insert, &row));
    REQUIRE_OK(c->t, images_open(c->t, c->db, &images));
    const struct image *before = image_pin(c->t, images);
    EXPECT_INT(before->policies.len, before->model->policies.len);
    REQUIRE_OK(c->t, take_step(c, &row, ACCESS_APPROVE, false));
    REQUIRE_OK(c->t, images_refresh(c->t, images));
    const struct image *agreed = image_pin(c->t, images);
    REQUIRE(agreed->policies.len == before->policies.len + 1);
    EXPECT(agreed->policies.version > before->policies.version);
    EXPECT(agreed->model == before->model);
    const struct policy *grant = &agreed->policies.at[agreed->policies.len - 1];
    EXPECT_STR(grant->id, "access:1");
    EXPECT_INT(grant->effect, POLICY_GRANT);
    EXPECT_STR(grant->to_users.at[0], "noor");
    EXPECT_STR(grant->purposes.at[0], "reporting");
    /* One that was pinned stays as it was. */
    EXPECT_INT(before->policies.len, before->model->policies.len);
    REQUIRE_OK(c->t, take_step(c, &row, ACCESS_REVOKE, false));
    REQUIRE_OK(c->t, images_refresh(c->t, images));
    EXPECT_INT(image_pin(c->t, images)->policies.len, before->policies.len);
    images_close(images);
}
