/* Tables of states beside the engine's own matcher. */
#include <duckdb.h>

#include "buf/buf.h"
#include "check/check_inside.h"
#include "check/check_machine.h"
#include "test.h"
#include "worker_match.h"

struct dice {
    uint64_t state;
};

static size_t throw(struct dice * d, size_t sides)
{
    d->state = d->state * 6364136223846793005ull + 1442695040888963407ull;
    return (size_t)(d->state >> 33) % sides;
}

static void add_terms(struct buf *b, struct dice *d, size_t depth)
{
    static const char *const atoms[] = {"a",    "b",       "1",   "-",   "@", "\\.",
                                        "[ab]", "[a-c1]",  "\\d", "\\w", ".", "[^a]",
                                        "\\s",  "[^\\w-]", "ö",   "[^]"};
    static const char *const quantifiers[] = {"",    "",      "",     "*",   "+",    "?",
                                              "{2}", "{0,2}", "{1,}", "{0}", "{3,4}"};
    size_t terms = throw(d, 4);
    for (size_t i = 0; i < terms; i++) {
        if (depth < 3 && throw(d, 5) == 0) {
            buf_add(b, STR("("));
            add_terms(b, d, depth + 1);
            while (throw(d, 2)) {
                buf_add_byte(b, '|');
                add_terms(b, d, depth + 1);
            }
            buf_add(b, STR(")"));
        } else {
            buf_add(b, str_of(atoms[throw(d, sizeof atoms / sizeof *atoms)]));
        }
        buf_add(b, str_of(quantifiers[throw(d, sizeof quantifiers / sizeof *quantifiers)]));
    }
}

static void add_text(struct buf *b, struct dice *d)
{
    static const char *const pieces[] = {"a", "b", "c", "1", "-", "@", ".",
                                         " ", "_", "ö", "a", "b", "\n"};
    for (size_t len = throw(d, 8); len; len--)
        buf_add(b, str_of(pieces[throw(d, sizeof pieces / sizeof *pieces)]));
}

/* Of how many texts the two say something else; and how many the machine decides. */
static bool compare(struct task *t, duckdb_connection con, str spelled, int64_t *differ,
                    int64_t *decided)
{
    struct buf *sql = buf_new(t->mem, 4096 + 8 * spelled.len);
    duckdb_result result;
    str literal = check_literal(t->mem, spelled);
    buf_format(sql,
               "SELECT count(*) FILTER (WHERE fast <> slow), count(fast), count(*) FILTER (WHERE "
               "fast IS NULL AND "
               "regexp_full_match(v, '[\\x{0}-\\x{7f}]*')) FROM (SELECT v, weft_matches(v, %.*s) "
               "AS fast, regexp_matches(v, "
               "%.*s) AS slow FROM texts WHERE v IS NOT NULL)",
               STR_ARG(literal), STR_ARG(literal));
    bool ok = duckdb_query(con, arena_c_string(t->mem, buf_str(sql)), &result) == DuckDBSuccess;
    if (ok) {
        *differ = duckdb_value_int64(&result, 0, 0) + duckdb_value_int64(&result, 2, 0);
        *decided = duckdb_value_int64(&result, 1, 0);
    } else {
        printf("%s\n", duckdb_result_error(&result));
    }
    duckdb_destroy_result(&result);
    return ok;
}

static bool fill_texts(struct task *t, duckdb_connection con, struct dice *d)
{
    struct buf *sql = buf_new(t->mem, 1 << 20);
    buf_add(sql, STR("CREATE TABLE texts AS SELECT * FROM (VALUES (NULL), ('')"));
    for (size_t i = 0; i < 400; i++) {
        struct buf *text = buf_new(t->mem, 256);
        add_text(text, d);
        buf_add(sql, STR(", ("));
        buf_add_literal(sql, buf_str(text));
        buf_add(sql, STR(")"));
    }
    buf_add(sql, STR(") x(v)"));
    return duckdb_query(con, arena_c_string(t->mem, buf_str(sql)), NULL) == DuckDBSuccess;
}

TEST(match_says_what_the_engine_says)
{
    struct task *t = test_task();
    struct dice dice = {1};
    struct check_machine *machine = ARENA_NEW(t->mem, struct check_machine);
    duckdb_database database;
    duckdb_connection con;
    size_t made = 0;
    int64_t decided_all = 0;
    REQUIRE(duckdb_open(NULL, &database) == DuckDBSuccess
            && duckdb_connect(database, &con) == DuckDBSuccess);
    EXPECT(worker_match_open(con));
    EXPECT(fill_texts(t, con, &dice));
    for (size_t i = 0; i < 600; i++) {
        struct arena_mark mark = arena_mark(t->mem);
        struct buf *pattern = buf_new(t->mem, 4096);
        str spelled, problem;
        bool is_large;
        int64_t differ = -1, decided = 0;
        buf_add_byte(pattern, '^');
        add_terms(pattern, &dice, 0);
        buf_add_byte(pattern, '$');
        if (check_pattern(t->mem, buf_str(pattern), &spelled, &is_large, &problem)
            && check_machine_make(spelled, machine)) {
            made++;
            if (!test_expect(compare(t, con, spelled, &differ, &decided) && differ == 0, "the same",
                             __FILE__, __LINE__))
                printf("  by %.*s\n", STR_ARG(spelled));
            decided_all += decided;
        }
        arena_rewind(t->mem, mark);
    }
    EXPECT(made > 300);
    EXPECT(decided_all > 50000);
    duckdb_disconnect(&con);
    duckdb_close(&database);
}

TEST(match_has_no_machine_for_what_it_does_not_know)
{
    static const char *const patterns[] = {
        "a",         "\\Aa",           "a\\z",     "\\Aa|b\\z",  "\\A\\pL\\z", "\\A(?i:a)\\z",
        "\\A\\b\\z", "\\Aa{64,64}\\z", "\\A[a\\z", "\\A(?:a\\z", "\\A\\Da\\z"};
    struct task *t = test_task();
    struct check_machine *machine = ARENA_NEW(t->mem, struct check_machine);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        test_expect(!check_machine_make(str_of(patterns[i]), machine), patterns[i], __FILE__,
                    __LINE__);
}
