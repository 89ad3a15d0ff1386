#include "chain/chain.h"

#include <sys/stat.h>
#include <unistd.h>

#include "catalog_help.h"
#include "clock/clock.h"
#include "crypto/crypto.h"
#include "query_row/query_row.h"

static bool append(struct catalog *c, const char *object)
{
    return audit_append(c->t, c->db, STR("apply"), str_of(object), STR("done"), STR("{}"), NULL);
}

static void ask(struct catalog *c, const char *text)
{
    struct query_row *row = ARENA_NEW(c->t->mem, struct query_row);
    struct query_row_table *table = vec_add(c->t->mem, &row->tables);
    char id[37];
    clock_uuid(id);
    row->id = arena_str(c->t->mem, str_of(id));
    row->text = str_of(text);
    *table = (struct query_row_table){
        .table_id = 7, .address = STR("sales.orders.orders"), .release = 2};
    vec_push(c->t->mem, &table->files, STR("00ff"));
    vec_push(c->t->mem, &table->columns, ((struct query_row_column){2, STR("name")}));
    vec_push(c->t->mem, &table->columns, ((struct query_row_column){1, STR("id")}));
    vec_push(c->t->mem, &table->policies,
             ((struct query_row_policy){STR("grant"), STR("analysts-read")}));
    REQUIRE_OK(c->t, query_row_announced(c->t, query_row_announce(c->t, c->db, row)));
    query_row_end(c->db, row, STR("done"), ERR_NONE, 3, 40, 1500);
}

/* Rows 1 and 2 are changes, 3 to 6 two queries with their ends, 7 is a refused one, 8 a change. */
static struct catalog *eight_rows(void)
{
    struct catalog *c = catalog_help_open();
    struct query_row refused = {.text = STR("SELECT 3"), .id = STR("refused")};
    if (c == NULL || !append(c, "one") || !append(c, "two"))
        return NULL;
    ask(c, "SELECT 1");
    ask(c, "SELECT 2");
    EXPECT(!task_fail(c->t, ERR_DENIED, "no grant"));
    EXPECT(query_row_refuse(c->t, c->db, &refused));
    task_clear_error(c->t);
    EXPECT_OK(c->t, append(c, "eight"));
    return c;
}

static struct chain_verdict verdict_of(struct catalog *c, const struct chain_head *head)
{
    struct chain_verdict verdict = {0};
    EXPECT_OK(c->t, chain_verify(c->t, c->db, head, NULL, &verdict));
    return verdict;
}

TEST(chain_of_changes_and_queries_is_whole)
{
    struct catalog *c = eight_rows();
    REQUIRE(c != NULL);
    struct chain_verdict verdict = verdict_of(c, NULL);
    EXPECT_STR(verdict.reason, "");
    EXPECT_INT(verdict.fault, CHAIN_WHOLE);
    EXPECT_INT(verdict.rows, 8);
    EXPECT_INT(verdict.queries, 3);
    EXPECT_INT(verdict.unfinished, 0);
    struct chain_head head;
    REQUIRE_OK(c->t, chain_last(c->t, c->db, &head));
    EXPECT_INT(head.sequence, 8);
    EXPECT_STR(verdict.head, arena_c_string(c->t->mem, head.hash));
}

/* What somebody with the file in his hands may do, and where it must be found. */
static const struct {
    const char *sql;
    enum chain_fault fault;
    uint64_t broken_at;
} TAMPERINGS[] = {
    {"UPDATE audit SET time_us = time_us + 1 WHERE sequence = 2", CHAIN_EDITED, 2},
    {"UPDATE audit SET actor = 'noor' WHERE sequence = 3", CHAIN_EDITED, 3},
    {"UPDATE audit SET actor_kind = 'operator' WHERE sequence = 3", CHAIN_EDITED, 3},
    {"UPDATE audit SET on_behalf = 'x' WHERE sequence = 3", CHAIN_EDITED, 3},
    {"UPDATE audit SET door = 'http' WHERE sequence = 3", CHAIN_EDITED, 3},
    {"UPDATE audit SET action = 'run' WHERE sequence = 2", CHAIN_EDITED, 2},
    {"UPDATE audit SET object = 'x' WHERE sequence = 4", CHAIN_EDITED, 4},
    {"UPDATE audit SET outcome = 'failed' WHERE sequence = 4", CHAIN_EDITED, 4},
    {"UPDATE audit SET detail = '{}' WHERE sequence = 3", CHAIN_EDITED, 3},
    {"UPDATE audit SET query = 2 WHERE sequence = 3", CHAIN_EDITED, 3},
    {"UPDATE audit SET record = '' WHERE sequence = 3", CHAIN_EDITED, 3},
    {"UPDATE audit SET version = 1 WHERE sequence = 3", CHAIN_EDITED, 3},
    {"UPDATE audit SET hash = lower(hex(zeroblob(32))) WHERE sequence = 3", CHAIN_EDITED, 3},
    {"UPDATE audit SET previous_hash = lower(hex(zeroblob(32))) WHERE sequence = 3", CHAIN_EDITED,
     3},
    {"UPDATE audit SET actor = 'noor' WHERE sequence = 8", CHAIN_EDITED, 8},
    {"DELETE FROM audit WHERE sequence = 1", CHAIN_MISSING, 1},
    {"DELETE FROM audit WHERE sequence IN (4, 5)", CHAIN_MISSING, 4},
    {"DELETE FROM audit WHERE sequence = 4; UPDATE audit SET sequence = -sequence WHERE sequence > "
     "4; UPDATE audit SET sequence = -sequence - 1 WHERE sequence < 0",
     CHAIN_MISSING, 4},
    {"UPDATE audit SET sequence = 100 WHERE sequence = 3; UPDATE audit SET sequence = 3 WHERE "
     "sequence = 4; UPDATE audit SET sequence = 4 WHERE sequence = 100",
     CHAIN_OUT_OF_ORDER, 3},
    {"UPDATE audit SET sequence = 100 WHERE sequence = 2; UPDATE audit SET sequence = 2 WHERE "
     "sequence = 7; UPDATE audit SET sequence = 7 WHERE sequence = 100",
     CHAIN_OUT_OF_ORDER, 2},
    {"UPDATE audit SET sequence = -sequence WHERE sequence > 3; UPDATE audit SET sequence = 1 - "
     "sequence WHERE sequence < 0; INSERT INTO audit SELECT 4, time_us, actor, on_behalf, action, "
     "object, outcome, detail, previous_hash, hash, version, actor_kind, door, 0, '' FROM audit "
     "WHERE sequence = 1",
     CHAIN_INSERTED, 4},
    {"INSERT INTO audit SELECT -1, time_us, actor, on_behalf, action, object, outcome, detail, "
     "previous_hash, hash, version, actor_kind, door, query, record FROM audit WHERE sequence = 1",
     CHAIN_INSERTED, 0},
    {"INSERT INTO audit SELECT 9, time_us, actor, on_behalf, action, object, outcome, detail, "
     "previous_hash, hash, version, actor_kind, door, query, record FROM audit WHERE sequence = 8",
     CHAIN_INSERTED, 9},
    {"UPDATE query SET text = 'SELECT 0' WHERE sequence = 1", CHAIN_EDITED, 3},
    {"UPDATE query SET purpose = 'fraud' WHERE sequence = 2", CHAIN_EDITED, 5},
    {"UPDATE query SET rows = 1 WHERE sequence = 1", CHAIN_EDITED, 4},
    {"UPDATE query SET bytes = 1 WHERE sequence = 1", CHAIN_EDITED, 4},
    {"UPDATE query SET outcome = 'running' WHERE sequence = 1", CHAIN_EDITED, 4},
    {"UPDATE query SET outcome = 'done' WHERE sequence = 3", CHAIN_EDITED, 7},
    {"UPDATE query_table SET release = 1 WHERE query = 1", CHAIN_EDITED, 3},
    {"UPDATE query_table SET class_id = 'x' WHERE query = 1", CHAIN_EDITED, 3},
    {"UPDATE query_table SET policies = '[]' WHERE query = 1", CHAIN_EDITED, 3},
    {"UPDATE query_table SET files = '[]' WHERE query = 2", CHAIN_EDITED, 5},
    {"UPDATE query_column SET name = 'x' WHERE query = 1 AND name = 'id'", CHAIN_EDITED, 3},
    {"UPDATE query_column SET release = 9 WHERE query = 1 AND name = 'id'", CHAIN_EDITED, 3},
    {"DELETE FROM query_column WHERE query = 1 AND name = 'id'", CHAIN_EDITED, 3},
    {"DELETE FROM query_table WHERE query = 2", CHAIN_EDITED, 5},
    {"DELETE FROM query WHERE sequence = 2", CHAIN_MISSING, 5},
    {"INSERT INTO query SELECT 9, id, time_us, actor, on_behalf, purpose, text, digest, "
     "policy_version, outcome, error, rows, bytes, duration_us, actor_kind, door FROM query WHERE "
     "sequence = 1",
     CHAIN_INSERTED, 8},
};

TEST(chain_finds_what_was_done_to_it_and_where)
{
    for (size_t i = 0; i < sizeof TAMPERINGS / sizeof TAMPERINGS[0]; i++) {
        struct catalog *c = eight_rows();
        REQUIRE(c != NULL);
        REQUIRE_OK(c->t, metadb_script(c->t, c->db,
                                       "DROP TRIGGER audit_is_not_changed; "
                                       "DROP TRIGGER audit_is_not_removed"));
        REQUIRE_OK(c->t, metadb_script(c->t, c->db, TAMPERINGS[i].sql));
        struct chain_verdict verdict = verdict_of(c, NULL);
        if (verdict.fault != TAMPERINGS[i].fault || verdict.broken_at != TAMPERINGS[i].broken_at)
            printf("%s\n  %s at %llu: " STR_FMT "\n", TAMPERINGS[i].sql,
                   chain_fault_name(verdict.fault), (unsigned long long)verdict.broken_at,
                   STR_ARG(verdict.reason));
        EXPECT_INT(verdict.fault, TAMPERINGS[i].fault);
        EXPECT_INT(verdict.broken_at, TAMPERINGS[i].broken_at);
    }
}

static struct audit_row row_of(struct catalog *c, uint64_t sequence)
{
    struct audit_list list = {0};
    EXPECT_OK(c->t, audit_after(c->t, c->db, sequence - 1, 1, &list));
    return list.len == 1 ? list.at[0] : (struct audit_row){0};
}

/* As somebody would who knows how rows are hashed: all from this one on, computed anew. */
static void forge_from(struct catalog *c, uint64_t first, uint64_t last)
{
    str hash = first > 1 ? row_of(c, first - 1).hash : STR(AUDIT_NOTHING);
    for (uint64_t i = first; i <= last; i++) {
        struct audit_row row = row_of(c, i);
        row.previous_hash = hash;
        hash = audit_hash(c->t->mem, &row);
        str sql = arena_format(c->t->mem,
                               "UPDATE audit SET previous_hash = '" STR_FMT "', hash = '" STR_FMT
                               "' WHERE sequence = %llu",
                               STR_ARG(row.previous_hash), STR_ARG(hash), (unsigned long long)i);
        REQUIRE_OK(c->t, metadb_script(c->t, c->db, sql.ptr));
    }
}

TEST(chain_that_was_written_anew_is_found_by_the_exported_head_only)
{
    struct catalog *c = eight_rows();
    REQUIRE(c != NULL);
    struct chain_head head;
    REQUIRE_OK(c->t, chain_last(c->t, c->db, &head));
    REQUIRE_OK(c->t, metadb_script(c->t, c->db,
                                   "DROP TRIGGER audit_is_not_changed; UPDATE audit SET actor = "
                                   "'noor' WHERE sequence = 2"));
    forge_from(c, 2, 8);
    EXPECT_INT(verdict_of(c, NULL).fault, CHAIN_WHOLE);
    struct chain_verdict verdict = verdict_of(c, &head);
    EXPECT_INT(verdict.fault, CHAIN_REWRITTEN);
    EXPECT_INT(verdict.broken_at, 8);
}

TEST(chain_that_was_cut_is_found_by_the_exported_head_only)
{
    struct catalog *c = eight_rows();
    REQUIRE(c != NULL);
    struct chain_head head;
    REQUIRE_OK(c->t, chain_last(c->t, c->db, &head));
    REQUIRE_OK(c->t, metadb_script(c->t, c->db,
                                   "DROP TRIGGER audit_is_not_removed; DELETE FROM audit WHERE "
                                   "sequence > 6; DELETE FROM query WHERE sequence = 3"));
    EXPECT_INT(verdict_of(c, NULL).fault, CHAIN_WHOLE);
    struct chain_verdict verdict = verdict_of(c, &head);
    EXPECT_INT(verdict.fault, CHAIN_TRUNCATED);
    EXPECT_INT(verdict.broken_at, 7);
    EXPECT(str_find(verdict.reason, STR("after row 6")) < verdict.reason.len);
}

TEST(chain_goes_on_after_an_exported_head)
{
    struct catalog *c = eight_rows();
    REQUIRE(c != NULL);
    struct chain_head head;
    REQUIRE_OK(c->t, chain_last(c->t, c->db, &head));
    REQUIRE_OK(c->t, append(c, "nine"));
    EXPECT_INT(verdict_of(c, &head).fault, CHAIN_WHOLE);
}

/* A catalog as the first version of the program left it: a row and a query that no row names by number. */
static bool old_catalog(struct catalog *c, str *hash_out)
{
    struct audit_row old = {.sequence = 1,
                            .time_us = 1700000000000000,
                            .actor = STR("ana"),
                            .action = STR("apply"),
                            .object = STR("mesh"),
                            .outcome = STR("done"),
                            .detail = STR("{}"),
                            .previous_hash = STR(AUDIT_NOTHING),
                            .version = 1};
    str hash = audit_hash(c->t->mem, &old);
    str sql = arena_format(
        c->t->mem,
        "INSERT INTO audit VALUES (1, 1700000000000000, 'ana', '', 'apply', 'mesh', 'done', '{}', "
        "'" AUDIT_NOTHING "', '" STR_FMT "'); INSERT INTO query (id, time_us, actor, on_behalf, "
        "purpose, text, digest, policy_version, outcome) VALUES ('x', 1, 'ana', '', '', 'SELECT 0',"
        " '', 1, 'done')",
        STR_ARG(hash));
    *hash_out = hash;
    return metadb_migrate(c->t, c->db, embedded_migrations, 1)
        && metadb_script(c->t, c->db, sql.ptr)
        && metadb_migrate(c->t, c->db, embedded_migrations, embedded_migrations_len);
}

TEST(chain_of_version_one_is_verified_and_goes_on)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct metadb *today = c->db;
    c->db = catalog_help_database(c, "old.db", METADB_CATALOG);
    REQUIRE(c->db != NULL);
    str hash;
    REQUIRE_OK(c->t, old_catalog(c, &hash));
    EXPECT_STR(hash, "ecd16f0fa90968f310f564d849bdd8e098c28377060ccd20eca2fbeeba3253a8");
    ask(c, "SELECT 1");
    REQUIRE_OK(c->t, append(c, "new"));
    struct chain_verdict verdict = verdict_of(c, NULL);
    EXPECT_STR(verdict.reason, "");
    EXPECT_INT(verdict.fault, CHAIN_WHOLE);
    EXPECT_INT(verdict.rows, 4);
    EXPECT_INT(verdict.queries, 1);
    metadb_close(c->db);
    c->db = today;
}

TEST(chain_tells_of_queries_whose_server_ended_first)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct query_row row = {.text = STR("SELECT 1")};
    uint64_t count;
    REQUIRE_OK(c->t, query_row_announced(c->t, query_row_announce(c->t, c->db, &row)));
    struct chain_verdict verdict = verdict_of(c, NULL);
    EXPECT_INT(verdict.fault, CHAIN_WHOLE);
    EXPECT_INT(verdict.unfinished, 1);
    REQUIRE_OK(c->t, query_row_recover(c->t, c->db, &count));
    EXPECT_INT(count, 1);
    verdict = verdict_of(c, NULL);
    EXPECT_INT(verdict.fault, CHAIN_WHOLE);
    EXPECT_INT(verdict.unfinished, 0);
    EXPECT_INT(verdict.lost, 1);
    struct audit_row end = row_of(c, 2);
    EXPECT_STR(end.action, "query.end");
    EXPECT_STR(end.outcome, "unknown");
    EXPECT_STR(end.actor, "ana");
}

/* An end that was written into the query's row alone. */
TEST(chain_finds_an_end_that_no_row_tells_of)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct query_row row = {.text = STR("SELECT 1")};
    REQUIRE_OK(c->t, query_row_announced(c->t, query_row_announce(c->t, c->db, &row)));
    REQUIRE_OK(c->t, metadb_script(c->t, c->db, "UPDATE query SET outcome = 'done'"));
    EXPECT_INT(verdict_of(c, NULL).fault, CHAIN_EDITED);
}

TEST(chain_heads_are_signed)
{
    struct catalog *c = eight_rows();
    REQUIRE(c != NULL);
    struct task *t = c->t;
    str seed;
    REQUIRE_OK(t, chain_open_key(t, str_of(c->folder), &seed));
    struct stat facts;
    REQUIRE(stat(catalog_help_path(c, "audit.key").ptr, &facts) == 0);
    EXPECT_INT(facts.st_mode & 07777, 0600);
    str again;
    REQUIRE_OK(t, chain_open_key(t, str_of(c->folder), &again));
    EXPECT(str_eq(seed, again));
    struct chain_head head;
    REQUIRE_OK(t, chain_last(t, c->db, &head));
    head.mesh = STR("retail");
    chain_sign(t->mem, seed, &head);
    EXPECT(chain_is_signed(t->mem, &head));
    struct chain_head changed = head;
    changed.sequence--;
    EXPECT(!chain_is_signed(t->mem, &changed));
    changed = head;
    changed.mesh = STR("banking");
    EXPECT(!chain_is_signed(t->mem, &changed));
    changed = head;
    changed.hash = STR(AUDIT_NOTHING);
    EXPECT(!chain_is_signed(t->mem, &changed));
    changed = head;
    changed.signature = STR("00");
    EXPECT(!chain_is_signed(t->mem, &changed));
}

TEST(chain_key_that_others_may_read_is_refused)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    str seed;
    REQUIRE_OK(c->t, chain_open_key(c->t, str_of(c->folder), &seed));
    REQUIRE(chmod(catalog_help_path(c, "audit.key").ptr, 0640) == 0);
    EXPECT_FAIL(c->t, ERR_CONFIG, chain_open_key(c->t, str_of(c->folder), &seed));
    REQUIRE(chmod(catalog_help_path(c, "audit.key").ptr, 0600) == 0);
    REQUIRE(truncate(catalog_help_path(c, "audit.key").ptr, 10) == 0);
    EXPECT_FAIL(c->t, ERR_CONFIG, chain_open_key(c->t, str_of(c->folder), &seed));
}
