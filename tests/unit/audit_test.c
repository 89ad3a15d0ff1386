#include "audit/audit.h"

#include <stdlib.h>

#include "catalog_help.h"
#include "chain/chain.h"
#include "query_row/query_row.h"

static bool append(struct catalog *c, const char *object)
{
    return audit_append(c->t, c->db, STR("apply"), str_of(object), STR("done"), STR("{}"), NULL);
}

TEST(audit_rows_form_a_chain)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct chain_verdict state;
    REQUIRE_OK(c->t, chain_verify(c->t, c->db, NULL, NULL, &state));
    EXPECT(state.fault == CHAIN_WHOLE && state.rows == 0);
    for (int i = 0; i < 3; i++)
        REQUIRE_OK(c->t, append(c, "mesh"));
    struct audit_list list;
    REQUIRE_OK(c->t, audit_after(c->t, c->db, 0, 10, &list));
    REQUIRE(list.len == 3);
    EXPECT_STR(list.at[1].previous_hash, list.at[0].hash);
    EXPECT_STR(list.at[2].previous_hash, list.at[1].hash);
    EXPECT_STR(list.at[0].actor, "ana");
    REQUIRE_OK(c->t, chain_verify(c->t, c->db, NULL, NULL, &state));
    EXPECT(state.fault == CHAIN_WHOLE && state.rows == 3);
    EXPECT_STR(state.head, list.at[2].hash);
}

TEST(audit_rows_cannot_be_changed_or_removed_through_us)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    REQUIRE_OK(c->t, append(c, "mesh"));
    EXPECT_FAIL(c->t, ERR_CONFLICT, metadb_script(c->t, c->db, "UPDATE audit SET actor = 'noor'"));
    EXPECT_FAIL(c->t, ERR_CONFLICT, metadb_script(c->t, c->db, "DELETE FROM audit"));
}

/* As who has the file in his hands could. */
static void tamper(struct catalog *c, const char *sql, uint64_t broken_at)
{
    struct chain_verdict state;
    REQUIRE_OK(c->t, metadb_script(
                         c->t, c->db,
                         "DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_removed"));
    REQUIRE_OK(c->t, metadb_script(c->t, c->db, sql));
    REQUIRE_OK(c->t, chain_verify(c->t, c->db, NULL, NULL, &state));
    EXPECT(state.fault != CHAIN_WHOLE);
    EXPECT_INT(state.broken_at, broken_at);
}

TEST(audit_verify_finds_a_changed_row)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    for (int i = 0; i < 3; i++)
        REQUIRE_OK(c->t, append(c, "mesh"));
    tamper(c, "UPDATE audit SET actor = 'noor' WHERE sequence = 2", 2);
}

TEST(audit_verify_finds_a_missing_row)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    for (int i = 0; i < 3; i++)
        REQUIRE_OK(c->t, append(c, "mesh"));
    tamper(c, "DELETE FROM audit WHERE sequence = 1", 1);
}

TEST(audit_verify_finds_a_chain_that_was_cut_together)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    for (int i = 0; i < 3; i++)
        REQUIRE_OK(c->t, append(c, "mesh"));
    tamper(c,
           "DELETE FROM audit WHERE sequence = 2; UPDATE audit SET sequence = 2 WHERE sequence = 3",
           2);
}

static bool append_then_fail(struct task *t, struct metadb *db, void *state)
{
    (void)state;
    return audit_append(t, db, STR("apply"), STR("mesh"), STR("done"), STR("{}"), NULL)
        && task_fail(t, ERR_DATA, "no");
}

TEST(audit_row_goes_with_its_change)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    REQUIRE_OK(c->t, append(c, "mesh"));
    EXPECT_FAIL(c->t, ERR_DATA, metadb_write(c->t, c->db, append_then_fail, NULL));
    REQUIRE_OK(c->t, append(c, "mesh"));
    struct chain_verdict state;
    REQUIRE_OK(c->t, chain_verify(c->t, c->db, NULL, NULL, &state));
    EXPECT(state.fault == CHAIN_WHOLE && state.rows == 2);
}

TEST(audit_that_cannot_be_written_announces_nothing)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct query_row row = {.text = STR("SELECT 1")};
    struct query_row_list list;
    struct chain_verdict state;
    setenv("WEFT_FAULT", "AUDIT_WRITE:full", 1);
    REQUIRE_OK(c->t, fault_setup(c->t));
    EXPECT_FAIL(c->t, ERR_FULL, query_row_announced(c->t, query_row_announce(c->t, c->db, &row)));
    unsetenv("WEFT_FAULT");
    REQUIRE_OK(c->t, fault_setup(c->t));
    REQUIRE_OK(c->t, query_row_list(c->t, c->db, STR_NONE, 0, &list));
    EXPECT_INT(list.len, 0);
    REQUIRE_OK(c->t, chain_verify(c->t, c->db, NULL, NULL, &state));
    EXPECT(state.fault == CHAIN_WHOLE && state.rows == 0);
}

TEST(query_row_is_announced_and_ended)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct query_row row = {.text = STR("SELECT id FROM sales.orders.orders"), .policy_version = 3};
    struct query_row_table *table = vec_add(c->t->mem, &row.tables);
    table->address = STR("sales.orders.orders");
    table->table_id = 7;
    table->release = 2;
    vec_push(c->t->mem, &table->files, STR("00ff"));
    vec_push(c->t->mem, &table->columns, ((struct query_row_column){1, STR("id")}));
    REQUIRE_OK(c->t, query_row_announced(c->t, query_row_announce(c->t, c->db, &row)));
    query_row_end(c->db, &row, STR("done"), ERR_NONE, 3, 40, 1500);
    REQUIRE_OK(c->t, append(c, "after the posted end"));
    struct query_row_list list;
    REQUIRE_OK(c->t, query_row_list(c->t, c->db, STR("ana"), 0, &list));
    REQUIRE(list.len == 1);
    EXPECT_STR(list.at[0]->outcome, "done");
    EXPECT_STR(list.at[0]->purpose, "reporting");
    EXPECT_INT(list.at[0]->rows, 3);
    struct audit_list audit;
    REQUIRE_OK(c->t, audit_after(c->t, c->db, 0, 10, &audit));
    REQUIRE(audit.len == 3);
    EXPECT_STR(audit.at[1].action, "query.end");
    EXPECT_STR(audit.at[1].outcome, "done");
    EXPECT_STR(audit.at[1].actor, "ana");
    EXPECT_STR(audit.at[1].detail, "{\"rows\":3,\"bytes\":40,\"error\":\"\"}");
    EXPECT_STR(audit.at[0].outcome, "allowed");
    EXPECT(str_find(audit.at[0].detail, STR("\"linked\":[\"00ff\"],\"read\":[\"id\"]"))
           < audit.at[0].detail.len);
}

static str classes_of(struct catalog *c, const struct query_row_table *table)
{
    struct str_list classes;
    query_row_classes(c->t->mem, table, &classes);
    return str_list_join(c->t->mem, &classes, STR(" "));
}

TEST(query_row_names_each_class_of_linked_copies_once)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct query_row_table table = {.class_id = STR("whole")};
    EXPECT_STR(classes_of(c, &table), "");
    vec_push(c->t->mem, &table.files, STR("b/1.parquet"));
    vec_push(c->t->mem, &table.files, STR("a/1.parquet"));
    vec_push(c->t->mem, &table.files, STR("2.parquet"));
    vec_push(c->t->mem, &table.files, STR("b/3.parquet"));
    EXPECT_STR(classes_of(c, &table), "a b");
}

TEST(query_row_of_the_first_version_keeps_its_class)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct query_row_table table = {.class_id = STR("whole")};
    vec_push(c->t->mem, &table.files, STR("1.parquet"));
    EXPECT_STR(classes_of(c, &table), "whole");
    table.class_id = STR_NONE;
    EXPECT_STR(classes_of(c, &table), "");
}

TEST(query_row_of_a_refused_query_keeps_the_error)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct query_row row = {.text = STR("SELECT 1")};
    EXPECT(!task_fail(c->t, ERR_DENIED, "no grant"));
    EXPECT(query_row_refuse(c->t, c->db, &row));
    EXPECT_INT(c->t->err.code, ERR_DENIED);
    EXPECT_STR(c->t->err.message, "no grant");
    task_clear_error(c->t);
    struct query_row_list list;
    REQUIRE_OK(c->t, query_row_list(c->t, c->db, STR_NONE, 0, &list));
    REQUIRE(list.len == 1);
    EXPECT_STR(list.at[0]->outcome, "denied");
    EXPECT_STR(list.at[0]->error, "DENIED");
}
