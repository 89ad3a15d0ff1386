#include "metadb/metadb.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog_help.h"

static struct catalog *with_table(void)
{
    struct catalog *c = catalog_help_open();
    if (c == NULL
        || !metadb_script(c->t, c->db,
                          "CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT UNIQUE) STRICT"))
        return NULL;
    return c;
}

static int64_t count(struct task *t, struct metadb *db)
{
    struct metadb_statement *st;
    bool has_row = false;
    if (!metadb_query(t, db, &st, "SELECT count(*) FROM thing", "")
        || !metadb_step(t, st, &has_row))
        return -1;
    int64_t found = has_row ? metadb_int(st, 0) : -1;
    metadb_done(t, st);
    return found;
}

static bool insert_name(struct task *t, struct metadb *db, void *state)
{
    return metadb_run(t, db, "INSERT INTO thing (name) VALUES (?)", "s", *(const str *)state);
}

static bool insert_then_fail(struct task *t, struct metadb *db, void *state)
{
    return insert_name(t, db, state) && task_fail(t, ERR_DATA, "on second thoughts");
}

TEST(metadb_texts_of_any_bytes_come_back)
{
    struct catalog *c = with_table();
    REQUIRE(c != NULL);
    str name = STR("a\0b");
    REQUIRE_OK(c->t, metadb_write(c->t, c->db, insert_name, &name));
    struct metadb_statement *st;
    bool has_row;
    REQUIRE_OK(c->t, metadb_query(c->t, c->db, &st, "SELECT name, NULL, '' FROM thing WHERE id = ?",
                                  "i", (int64_t)1));
    REQUIRE_OK(c->t, metadb_step(c->t, st, &has_row));
    REQUIRE(has_row);
    EXPECT_STR(metadb_str(c->t->mem, st, 0), name);
    EXPECT(metadb_is_null(st, 1));
    EXPECT(!metadb_is_null(st, 2));
    EXPECT_STR(metadb_str(c->t->mem, st, 2), "");
    metadb_done(c->t, st);
}

TEST(metadb_a_write_that_fails_is_undone)
{
    struct catalog *c = with_table();
    REQUIRE(c != NULL);
    str name = STR("gone");
    EXPECT_FAIL(c->t, ERR_DATA, metadb_write(c->t, c->db, insert_then_fail, &name));
    EXPECT_INT(count(c->t, c->db), 0);
}

TEST(metadb_a_broken_constraint_is_a_conflict)
{
    struct catalog *c = with_table();
    REQUIRE(c != NULL);
    str name = STR("once");
    REQUIRE_OK(c->t, metadb_write(c->t, c->db, insert_name, &name));
    EXPECT_FAIL(c->t, ERR_CONFLICT, metadb_write(c->t, c->db, insert_name, &name));
    EXPECT_INT(count(c->t, c->db), 1);
}

TEST(metadb_readers_cannot_write)
{
    struct catalog *c = with_table();
    REQUIRE(c != NULL);
    EXPECT(!metadb_run(c->t, c->db, "DELETE FROM thing", ""));
    EXPECT(!metadb_is_writer(c->db));
}

TEST(metadb_a_snapshot_sees_one_instant)
{
    struct catalog *c = with_table();
    REQUIRE(c != NULL);
    struct metadb *snapshot;
    str name = STR("later");
    REQUIRE_OK(c->t, metadb_snapshot(c->t, c->db, &snapshot));
    REQUIRE_OK(c->t, metadb_write(c->t, c->db, insert_name, &name));
    EXPECT_INT(count(c->t, snapshot), 0);
    EXPECT_INT(count(c->t, c->db), 1);
    metadb_snapshot_end(c->t, snapshot);
}

static bool read_all(struct task *t, struct metadb *db, const char *sql, int64_t *sum_out)
{
    struct metadb_statement *st;
    *sum_out = 0;
    if (!metadb_query(t, db, &st, sql, ""))
        return false;
    while (metadb_next(t, st))
        *sum_out += metadb_int(st, 0);
    return metadb_end(t, st);
}

TEST(metadb_rows_come_one_after_the_other)
{
    struct catalog *c = with_table();
    REQUIRE(c != NULL);
    int64_t sum;
    REQUIRE_OK(c->t, read_all(c->t, c->db, "SELECT id FROM thing", &sum));
    EXPECT_INT(sum, 0);
    REQUIRE_OK(c->t, read_all(c->t, c->db, "VALUES (1), (2), (4)", &sum));
    EXPECT_INT(sum, 7);
}

TEST(metadb_a_row_that_cannot_be_read_is_no_end_of_rows)
{
    struct catalog *c = with_table();
    REQUIRE(c != NULL);
    int64_t sum;
    EXPECT_FAIL(c->t, ERR_INTERNAL,
                read_all(c->t, c->db,
                         "SELECT json(column1) FROM (VALUES ('1'), ('2'), ('{'), ('4'))", &sum));
    EXPECT_INT(sum, 3);
    uint64_t found;
    EXPECT_FAIL(c->t, ERR_INTERNAL, metadb_find_uint(c->t, c->db, &found, "SELECT json('{')", ""));
    bool has_row;
    EXPECT_FAIL(c->t, ERR_INTERNAL, metadb_has(c->t, c->db, &has_row, "SELECT json('{')", ""));
}

TEST(metadb_what_is_not_found_is_nothing)
{
    struct catalog *c = with_table();
    REQUIRE(c != NULL);
    uint64_t id;
    str name, kept = STR("here");
    bool has_row;
    REQUIRE_OK(c->t, metadb_write(c->t, c->db, insert_name, &kept));
    const char *by_name = "SELECT id FROM thing WHERE name = ?";
    REQUIRE_OK(c->t, metadb_find_uint(c->t, c->db, &id, by_name, "s", STR("gone")));
    EXPECT_INT(id, 0);
    REQUIRE_OK(c->t, metadb_has(c->t, c->db, &has_row, by_name, "s", STR("gone")));
    EXPECT(!has_row);
    REQUIRE_OK(c->t, metadb_find_uint(c->t, c->db, &id, by_name, "s", kept));
    EXPECT_INT(id, 1);
    REQUIRE_OK(c->t, metadb_has(c->t, c->db, &has_row, by_name, "s", kept));
    EXPECT(has_row);
    const char *by_id = "SELECT name FROM thing WHERE id = ?";
    REQUIRE_OK(c->t, metadb_find_str(c->t, c->db, &name, by_id, "i", id));
    EXPECT_STR(name, kept);
    REQUIRE_OK(c->t, metadb_find_str(c->t, c->db, &name, by_id, "i", id + 1));
    EXPECT_STR(name, "");
}

TEST(metadb_statements_end_with_their_mark)
{
    struct catalog *c = with_table();
    REQUIRE(c != NULL);
    for (int i = 0; i < 1000; i++) {
        struct arena_mark mark = arena_mark(c->t->mem);
        struct metadb_statement *st;
        bool has_row;
        REQUIRE_OK(c->t, metadb_query(c->t, c->db, &st, "SELECT 1", ""));
        REQUIRE_OK(c->t, metadb_step(c->t, st, &has_row));
        arena_rewind(c->t->mem, mark);
    }
}

static bool leave_open(struct task *t, struct metadb *db, void *state)
{
    bool has_row;
    return metadb_query(t, db, state, "SELECT name FROM thing", "")
        && metadb_step(t, *(struct metadb_statement **)state, &has_row);
}

TEST(metadb_a_statement_left_open_in_a_write_ends_with_it)
{
    struct catalog *c = with_table();
    REQUIRE(c != NULL);
    str name = STR("one");
    struct metadb_statement *st = NULL;
    REQUIRE_OK(c->t, metadb_write(c->t, c->db, insert_name, &name));
    REQUIRE_OK(c->t, metadb_write(c->t, c->db, leave_open, &st));
    REQUIRE_OK(c->t, metadb_script(c->t, c->db, "DROP TABLE thing"));
}

enum { WRITERS = 8, WRITES = 50 };

struct writer {
    struct metadb *db;
    int number, done, failed;
};

static void *write_many(void *state)
{
    struct writer *w = state;
    for (int i = 0; i < WRITES; i++) {
        struct task *t = task_new();
        str name = arena_format(t->mem, "%d/%d", w->number, i);
        bool fails = i % 5 == 4;
        bool ok = metadb_write(t, w->db, fails ? insert_then_fail : insert_name, &name);
        w->done += ok && !fails;
        w->failed += !ok && fails && t->err.code == ERR_DATA;
        task_free(t);
    }
    return NULL;
}

TEST(metadb_many_writers_share_commits_and_keep_their_own_failures)
{
    struct catalog *c = with_table();
    REQUIRE(c != NULL);
    struct writer writers[WRITERS];
    pthread_t threads[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.db = c->db, .number = i};
        REQUIRE(pthread_create(&threads[i], NULL, write_many, &writers[i]) == 0);
    }
    int done = 0, failed = 0;
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        done += writers[i].done;
        failed += writers[i].failed;
    }
    EXPECT_INT(done, WRITERS * WRITES * 4 / 5);
    EXPECT_INT(failed, WRITERS * WRITES / 5);
    EXPECT_INT(count(c->t, c->db), done);
}

static bool insert_posted(struct task *t, struct metadb *db, void *state)
{
    return metadb_run(t, db, "INSERT INTO thing (name) VALUES (?)", "s", str_of(state));
}

TEST(metadb_what_is_posted_comes_before_what_is_written_later)
{
    struct catalog *c = with_table();
    REQUIRE(c != NULL);
    char first[] = "first";
    str name = STR("second");
    metadb_post(c->db, insert_posted, first, NULL);
    REQUIRE_OK(c->t, metadb_write(c->t, c->db, insert_name, &name));
    EXPECT_INT(count(c->t, c->db), 2);
}

TEST(metadb_what_was_committed_is_there_after_a_new_start)
{
    struct catalog *c = with_table();
    REQUIRE(c != NULL);
    str name = STR("kept");
    REQUIRE_OK(c->t, metadb_write(c->t, c->db, insert_name, &name));
    metadb_close(c->db);
    c->db = NULL;
    struct stat st;
    EXPECT(stat(catalog_help_path(c, "catalog.db-wal").ptr, &st) != 0);
    EXPECT(stat(catalog_help_path(c, "catalog.db").ptr, &st) == 0 && (st.st_mode & 0777) == 0600);
    c->db = catalog_help_database(c, "catalog.db", METADB_CATALOG);
    REQUIRE(c->db != NULL);
    REQUIRE_OK(c->t, metadb_migrate(c->t, c->db, embedded_migrations, embedded_migrations_len));
    EXPECT_INT(count(c->t, c->db), 1);
    REQUIRE_OK(c->t, metadb_verify(c->t, c->db));
}

/* As one of a weft that knew no checksums. */
static bool forget_seals(const char *path)
{
    FILE *file = fopen(path, "r+");
    if (file == NULL)
        return false;
    bool ok = fseek(file, 20, SEEK_SET) == 0 && fputc(0, file) == 0
           && fseek(file, 4088, SEEK_SET) == 0 && fputc(0, file) == 0 && fputc(0, file) == 0;
    return fclose(file) == 0 && ok;
}

enum { OPENERS = 4, ROUNDS = 10 };

struct opener {
    pthread_barrier_t *all;
    str path;
    int number;
    bool ok;
};

static void *open_and_write(void *state)
{
    struct opener *o = state;
    struct task *t = task_new();
    struct metadb *db = NULL;
    str name = arena_format(t->mem, "opener %d", o->number);
    pthread_barrier_wait(o->all);
    o->ok = metadb_open(t, o->path, METADB_CATALOG, &db) && metadb_write(t, db, insert_name, &name);
    metadb_close(db);
    task_free(t);
    return NULL;
}

TEST(metadb_many_may_be_the_first_to_open_a_database_without_checksums)
{
    struct catalog *c = with_table();
    pthread_barrier_t all;
    REQUIRE(c != NULL && pthread_barrier_init(&all, NULL, OPENERS) == 0);
    metadb_close(c->db);
    c->db = NULL;
    for (int round = 1; round <= ROUNDS; round++) {
        struct opener openers[OPENERS];
        pthread_t threads[OPENERS];
        str path = catalog_help_path(c, "catalog.db");
        REQUIRE(forget_seals(path.ptr));
        for (int i = 0; i < OPENERS; i++) {
            openers[i] = (struct opener){&all, path, round * OPENERS + i, false};
            REQUIRE(pthread_create(&threads[i], NULL, open_and_write, &openers[i]) == 0);
        }
        for (int i = 0; i < OPENERS; i++) {
            pthread_join(threads[i], NULL);
            EXPECT(openers[i].ok);
        }
        struct metadb *db = catalog_help_database(c, "catalog.db", METADB_CATALOG);
        REQUIRE(db != NULL);
        EXPECT_INT(count(c->t, db), round * OPENERS);
        EXPECT_OK(c->t, metadb_verify(c->t, db));
        metadb_close(db);
    }
    pthread_barrier_destroy(&all);
}

TEST(metadb_a_newer_database_is_refused)
{
    struct catalog *c = with_table();
    REQUIRE(c != NULL);
    REQUIRE_OK(c->t, metadb_script(c->t, c->db, "PRAGMA user_version = 1000"));
    EXPECT_FAIL(c->t, ERR_CONFIG,
                metadb_migrate(c->t, c->db, embedded_migrations, embedded_migrations_len));
}

TEST(metadb_what_is_no_database_of_weft_is_refused)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct metadb *db = NULL;
    FILE *file = fopen(catalog_help_path(c, "text").ptr, "w");
    REQUIRE(file != NULL);
    for (int i = 0; i < 1000; i++)
        fputs("no database at all\n", file);
    fclose(file);
    EXPECT_FAIL(c->t, ERR_CORRUPT,
                metadb_open(c->t, catalog_help_path(c, "text"), METADB_CATALOG, &db));
    db = catalog_help_database(c, "cache.db", METADB_CACHE);
    REQUIRE(db != NULL);
    REQUIRE_OK(c->t, metadb_script(c->t, db, "CREATE TABLE x (y)"));
    metadb_close(db);
    EXPECT_FAIL(c->t, ERR_CORRUPT,
                metadb_open(c->t, catalog_help_path(c, "cache.db"), METADB_CATALOG, &db));
}

TEST(metadb_a_cache_that_was_not_closed_starts_empty)
{
    struct catalog *c = catalog_help_open();
    REQUIRE(c != NULL);
    struct metadb *db = catalog_help_database(c, "cache.db", METADB_CACHE);
    REQUIRE(db != NULL);
    REQUIRE_OK(c->t, metadb_script(c->t, db, "CREATE TABLE thing (id INTEGER)"));
    metadb_close(db);
    db = catalog_help_database(c, "cache.db", METADB_CACHE);
    REQUIRE(db != NULL);
    EXPECT_INT(count(c->t, db), 0);
    metadb_close(db);
    FILE *log = fopen(catalog_help_path(c, "cache.db-wal").ptr, "w");
    REQUIRE(log != NULL);
    fclose(log);
    db = catalog_help_database(c, "cache.db", METADB_CACHE);
    REQUIRE(db != NULL);
    EXPECT_INT(count(c->t, db), -1);
    metadb_close(db);
}

/* More texts than are kept, the same one open twice, and a table that changes under a kept statement. */
static bool use_kept_statements(struct task *t, struct metadb *db, void *state)
{
    struct metadb_statement *outer, *inner;
    bool has_row;
    (void)state;
    for (int i = 0; i < 200; i++) {
        str sql = arena_format(t->mem, "INSERT INTO thing (name) VALUES ('%d ' || ?)", i);
        str name = STR("thing");
        if (!metadb_run(t, db, sql.ptr, "s", name))
            return false;
    }
    if (!metadb_query(t, db, &outer, "SELECT id FROM thing WHERE id <= ? ORDER BY id", "i",
                      (int64_t)3))
        return false;
    for (int64_t id = 1; id <= 3; id++) {
        if (!metadb_step(t, outer, &has_row))
            return false;
        EXPECT(has_row && metadb_int(outer, 0) == id);
        if (!metadb_query(t, db, &inner, "SELECT id FROM thing WHERE id <= ? ORDER BY id", "i",
                          (int64_t)1)
            || !metadb_step(t, inner, &has_row))
            return false;
        EXPECT(has_row && metadb_int(inner, 0) == 1);
        metadb_done(t, inner);
    }
    metadb_done(t, outer);
    return true;
}

TEST(metadb_kept_statements_are_as_good_as_new_ones)
{
    struct catalog *c = with_table();
    REQUIRE(c != NULL);
    REQUIRE_OK(c->t, metadb_write(c->t, c->db, use_kept_statements, NULL));
    EXPECT_INT(count(c->t, c->db), 200);
    str name = STR("before");
    REQUIRE_OK(c->t, metadb_write(c->t, c->db, insert_name, &name));
    REQUIRE_OK(c->t, metadb_script(c->t, c->db, "ALTER TABLE thing ADD COLUMN more TEXT"));
    name = STR("after");
    REQUIRE_OK(c->t, metadb_write(c->t, c->db, insert_name, &name));
    EXPECT_FAIL(c->t, ERR_CONFLICT, metadb_write(c->t, c->db, insert_name, &name));
    name = STR("after all");
    REQUIRE_OK(c->t, metadb_write(c->t, c->db, insert_name, &name));
    EXPECT_INT(count(c->t, c->db), 203);
}
