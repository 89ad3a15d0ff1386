#include "token/token.h"

#include "catalog_help.h"
#include "clock/clock.h"
#include "user/user.h"

static const int64_t HOUR_US = 3600000000;

TEST(token_is_found_until_it_expires_or_is_revoked)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct task *t = c->t;
    int64_t now = clock_now_us();
    str text;
    uint64_t id;
    struct token *token;
    EXPECT_FAIL(t, ERR_NOT_FOUND,
                token_create(t, c->db, STR("bo"), STR("x"), now + HOUR_US, &text, &id));
    REQUIRE_OK(t, user_add(t, c->db, STR("bo")));
    REQUIRE_OK(t, token_create(t, c->db, STR("bo"), STR("laptop"), now + HOUR_US, &text, &id));
    EXPECT(str_starts(text, STR("weft_")) && text.len == 48);
    REQUIRE_OK(t, token_find(t, c->db, text, now, &token));
    REQUIRE(token != NULL);
    EXPECT_STR(token->user, "bo");
    EXPECT_STR(token->label, "laptop");
    EXPECT_STR(token->created_by, "ana");
    REQUIRE_OK(t, token_find(t, c->db, text, now + HOUR_US, &token));
    EXPECT(token == NULL);
    REQUIRE_OK(t, token_find(t, c->db, STR("weft_guess"), now, &token));
    EXPECT(token == NULL);
    EXPECT_FAIL(t, ERR_NOT_FOUND, token_revoke(t, c->db, id, STR("noor")));
    REQUIRE_OK(t, token_revoke(t, c->db, id, STR("bo")));
    REQUIRE_OK(t, token_find(t, c->db, text, now, &token));
    EXPECT(token == NULL);
    struct token_list list;
    REQUIRE_OK(t, token_list(t, c->db, STR("bo"), &list));
    REQUIRE(list.len == 1);
    EXPECT(list.at[0].revoked_us > 0);
}

TEST(token_text_stands_nowhere_in_the_catalog)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct task *t = c->t;
    str text;
    uint64_t id;
    REQUIRE_OK(t, user_add(t, c->db, STR("bo")));
    REQUIRE_OK(t, token_create(t, c->db, STR("bo"), STR(""), clock_now_us() + HOUR_US, &text, &id));
    struct metadb_statement *st;
    bool has_row;
    REQUIRE_OK(t, metadb_query(t, c->db, &st,
                               "SELECT 1 FROM token WHERE sha256 = ?1 OR label = ?1 OR finder = ?1",
                               "s", text));
    REQUIRE_OK(t, metadb_step(t, st, &has_row));
    EXPECT(!has_row);
    metadb_done(t, st);
}

TEST(token_of_a_removed_user_is_dead_even_when_he_comes_back)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct task *t = c->t;
    int64_t now = clock_now_us();
    str text;
    uint64_t id;
    struct token *token;
    REQUIRE_OK(t, user_add(t, c->db, STR("bo")));
    EXPECT_FAIL(t, ERR_CONFLICT, user_add(t, c->db, STR("bo")));
    REQUIRE_OK(t, token_create(t, c->db, STR("bo"), STR(""), now + HOUR_US, &text, &id));
    REQUIRE_OK(t, user_remove(t, c->db, STR("bo")));
    EXPECT_FAIL(t, ERR_NOT_FOUND, user_remove(t, c->db, STR("bo")));
    REQUIRE_OK(t, user_add(t, c->db, STR("bo")));
    REQUIRE_OK(t, token_find(t, c->db, text, now, &token));
    EXPECT(token == NULL);
}

TEST(user_groups_come_from_the_mesh_and_from_commands)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct task *t = c->t;
    struct user *noor, *again;
    REQUIRE_OK(t, catalog_help_apply(c, CATALOG_HELP_COLUMNS));
    REQUIRE_OK(t, user_find(t, c->db, STR("noor"), &noor));
    REQUIRE(noor != NULL && noor->groups.len == 1);
    EXPECT_STR(noor->groups.at[0], "analysts");
    EXPECT_STR(noor->attributes, "{\"regions\":[\"CH\"]}");
    REQUIRE_OK(t, user_join(t, c->db, STR("noor"), STR("reviewers")));
    REQUIRE_OK(t, user_find(t, c->db, STR("noor"), &again));
    REQUIRE(again != NULL);
    EXPECT_INT(again->groups.len, 2);
    EXPECT(again->version > noor->version);
    REQUIRE_OK(t, catalog_help_apply(c, CATALOG_HELP_COLUMNS));
    REQUIRE_OK(t, user_find(t, c->db, STR("noor"), &noor));
    EXPECT_INT(noor->groups.len, 2);
    EXPECT_INT(noor->version, again->version);
    EXPECT_FAIL(t, ERR_NOT_FOUND, user_leave(t, c->db, STR("noor"), STR("analysts")));
    REQUIRE_OK(t, user_leave(t, c->db, STR("noor"), STR("reviewers")));
    EXPECT_FAIL(t, ERR_CONFLICT, user_remove(t, c->db, STR("noor")));
    struct user_groups groups;
    REQUIRE_OK(t, user_groups(t, c->db, &groups));
    REQUIRE(groups.len == 2);
    EXPECT_STR(groups.at[0].name, "analysts");
    EXPECT_STR(groups.at[1].name, "sales-team");
}
