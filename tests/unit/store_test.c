#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault/fault.h"
#include "store/store.h"
#include "store/store_file.h"
#include "test.h"

/* SHA-256 of "hello". */
#define HELLO "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

struct home {
    struct task *t;
    struct config *config;
    struct store *store;
    char folder[64];
};

static void home_end(void *handle)
{
    struct home *home = handle;

    store_close(home->store);
    EXPECT(store_folder_remove(AT_FDCWD, home->folder));
}

static struct home *home_make(void)
{
    struct task *t = test_task();
    struct home *home = ARENA_NEW(t->mem, struct home);

    home->t = t;
    snprintf(home->folder, sizeof(home->folder), "/tmp/weft-store-XXXXXX");
    if (mkdtemp(home->folder) == NULL)
        return NULL;
    arena_defer(t->mem, home_end, home);
    bool ok =
        test_expect_ok(t, config_load(t, t->mem, &home->config), "config_load", __FILE__, __LINE__)
        && test_expect_ok(t, config_set(t, home->config, STR("free_space_reserve_mb"), STR("0")),
                          "config_set", __FILE__, __LINE__)
        && test_expect_ok(t, store_open(t, home->config, str_of(home->folder), &home->store),
                          "store_open", __FILE__, __LINE__);
    return ok ? home : NULL;
}

#define HOME(home)                                                                                 \
    struct home *home = home_make();                                                               \
    REQUIRE(home != NULL);                                                                         \
    struct task *t = home->t

static char *path_of(const struct home *home, const char *name)
{
    return arena_c_string(home->t->mem, arena_format(home->t->mem, "%s/%s", home->folder, name));
}

static str write_file(const struct home *home, const char *name, const char *text)
{
    char *path = path_of(home, name);
    unlink(path);
    FILE *file = fopen(path, "w");

    if (test_expect(file != NULL, path, __FILE__, __LINE__)) {
        fputs(text, file);
        fclose(file);
    }
    return str_of(path);
}

static bool is_there(const struct home *home, const char *name)
{
    struct stat state;
    return lstat(path_of(home, name), &state) == 0;
}

static bool publish(struct home *home, const char *text, struct stored_file *out)
{
    return store_publish(home->t, home->store, write_file(home, "staging/new", text), out);
}

/* Arms a fault point as the environment would. */
static void arm(struct task *t, const char *fault)
{
    setenv("WEFT_FAULT", fault, 1);
    EXPECT_OK(t, fault_setup(t));
    unsetenv("WEFT_FAULT");
}

static void disarm(struct task *t)
{
    unsetenv("WEFT_FAULT");
    EXPECT_OK(t, fault_setup(t));
}

TEST(a_published_file_is_named_by_its_content)
{
    HOME(home);
    struct stored_file file;
    struct stat state;

    REQUIRE_OK(t, publish(home, "hello", &file));
    EXPECT_STR(file.sha256, HELLO);
    EXPECT_INT(file.bytes, 5);
    EXPECT(!is_there(home, "staging/new"));
    char *path = arena_c_string(t->mem, store_file_path(t, home->store, file.sha256));
    EXPECT_STR(path, path_of(home, "files/2c/" HELLO));
    REQUIRE(stat(path, &state) == 0);
    EXPECT_INT(state.st_mode & 07777, 0444);
    EXPECT_OK(t, store_check(t, home->store, file.sha256));
    EXPECT_OK(t, store_verify(t, home->store, file.sha256));
}

TEST(content_that_is_there_is_kept)
{
    HOME(home);
    struct stored_file file;
    struct stat before, after;

    REQUIRE_OK(t, publish(home, "hello", &file));
    REQUIRE(stat(path_of(home, "files/2c/" HELLO), &before) == 0);
    REQUIRE_OK(t, publish(home, "hello", &file));
    REQUIRE(stat(path_of(home, "files/2c/" HELLO), &after) == 0);
    EXPECT_INT(after.st_ino, before.st_ino);
    EXPECT(!is_there(home, "staging/new"));
    EXPECT_OK(t, store_check(t, home->store, file.sha256));
}

TEST(a_damaged_file_is_found_and_its_content_published_anew_repairs_it)
{
    HOME(home);
    struct stored_file file;
    const char *path = path_of(home, "files/2c/" HELLO);

    REQUIRE_OK(t, publish(home, "hello", &file));
    REQUIRE(chmod(path, 0600) == 0);
    int fd = open(path, O_WRONLY);
    REQUIRE(fd >= 0 && pwrite(fd, "j", 1, 0) == 1);
    close(fd);
    EXPECT_FAIL(t, ERR_CORRUPT, store_check(t, home->store, file.sha256));
    EXPECT_FAIL(t, ERR_CORRUPT, store_verify(t, home->store, file.sha256));
    REQUIRE_OK(t, publish(home, "hello", &file));
    EXPECT_OK(t, store_verify(t, home->store, file.sha256));
    unlink(path);
    EXPECT_FAIL(t, ERR_CORRUPT, store_check(t, home->store, file.sha256));
    EXPECT_FAIL(t, ERR_CORRUPT, store_check(t, home->store, STR("../../etc/passwd")));
}

TEST(a_fault_while_publishing_leaves_nothing_that_counts)
{
    HOME(home);
    struct stored_file file;

    arm(t, "STORE_WRITE:full");
    EXPECT_FAIL(t, ERR_FULL, publish(home, "hello", &file));
    arm(t, "STORE_SYNC:fail");
    EXPECT_FAIL(t, ERR_FAULT, publish(home, "hello", &file));
    EXPECT(!is_there(home, "files/2c/" HELLO));
    arm(t, "STORE_MOVE:fail");
    EXPECT_FAIL(t, ERR_FAULT, publish(home, "hello", &file));
    disarm(t);
    /* It has its name already: whoever publishes it again gets it. */
    EXPECT(is_there(home, "files/2c/" HELLO));
    EXPECT_OK(t, publish(home, "hello", &file));
    EXPECT_OK(t, store_verify(t, home->store, file.sha256));
}

TEST(one_home_has_one_server)
{
    HOME(home);
    struct store *second;
    char pid[32];

    EXPECT_FAIL(t, ERR_BUSY, store_open(t, home->config, str_of(home->folder), &second));
    snprintf(pid, sizeof(pid), "process %d ", (int)getpid());
    EXPECT(str_find(t->err.message, str_of(pid)) < t->err.message.len);
    store_close(home->store);
    home->store = NULL;
    EXPECT_OK(t, store_open(t, home->config, str_of(home->folder), &home->store));
}

TEST(a_home_that_everyone_may_write_to_is_refused)
{
    HOME(home);
    struct store *second;

    store_close(home->store);
    home->store = NULL;
    chmod(home->folder, 0777);
    EXPECT_FAIL(t, ERR_CONFIG, store_open(t, home->config, str_of(home->folder), &second));
    EXPECT_FAIL(t, ERR_CONFIG, store_open(t, home->config, STR("/nonexistent/deeper"), &second));
}

TEST(staging_goes_with_its_task_and_with_the_next_start)
{
    HOME(home);
    struct task *run = task_new();
    str folder, again;

    REQUIRE_OK(run, store_stage(run, home->store, STR("0190-aa"), &folder));
    EXPECT_STR(folder, path_of(home, "staging/0190-aa"));
    write_file(home, "staging/0190-aa/part", "x");
    EXPECT_FAIL(run, ERR_CONFLICT, store_stage(run, home->store, STR("0190-aa"), &again));
    task_free(run);
    EXPECT(!is_there(home, "staging/0190-aa"));

    REQUIRE(mkdir(path_of(home, "staging/left"), 0700) == 0);
    write_file(home, "staging/left/part", "x");
    store_close(home->store);
    REQUIRE_OK(t, store_open(t, home->config, str_of(home->folder), &home->store));
    EXPECT(!is_there(home, "staging/left"));
}

TEST(what_is_taken_over_cannot_change_any_more)
{
    HOME(home);
    struct stat before, after;
    str to = str_of(path_of(home, "staging/mine"));

    str from = write_file(home, "workers/theirs", "quiet");
    REQUIRE(stat(path_of(home, "workers/theirs"), &before) == 0);
    REQUIRE_OK(t, store_take(t, home->store, from, to));
    REQUIRE(stat(path_of(home, "staging/mine"), &after) == 0);
    EXPECT_INT(after.st_ino, before.st_ino);
    EXPECT_INT(after.st_mode & 07777, 0444);
    unlink(path_of(home, "staging/mine"));

    from = write_file(home, "workers/theirs", "loud");
    int fd = open(path_of(home, "workers/theirs"), O_WRONLY);
    REQUIRE(fd >= 0);
    REQUIRE_OK(t, store_take(t, home->store, from, to));
    EXPECT_INT(pwrite(fd, "LOUD", 4, 0), 4);
    close(fd);
    char text[8] = "";
    fd = open(path_of(home, "staging/mine"), O_RDONLY);
    EXPECT_INT(read(fd, text, sizeof(text)), 4);
    close(fd);
    EXPECT_STR(text, "loud");
    unlink(path_of(home, "staging/mine"));
}

TEST(only_plain_files_are_taken_over)
{
    HOME(home);
    str to = str_of(path_of(home, "staging/mine"));
    str from = str_of(path_of(home, "workers/theirs"));

    EXPECT_FAIL(t, ERR_WORKER, store_take(t, home->store, from, to));
    REQUIRE(symlink("/etc/passwd", from.ptr) == 0);
    EXPECT_FAIL(t, ERR_WORKER, store_take(t, home->store, from, to));
    unlink(from.ptr);
    REQUIRE(mkfifo(from.ptr, 0600) == 0);
    EXPECT_FAIL(t, ERR_WORKER, store_take(t, home->store, from, to));
    unlink(from.ptr);
    write_file(home, "workers/theirs", "x");
    REQUIRE(link(from.ptr, path_of(home, "workers/again")) == 0);
    EXPECT_FAIL(t, ERR_WORKER, store_take(t, home->store, from, to));
    EXPECT(!is_there(home, "staging/mine"));
}

TEST(cleared_copies_are_kept_counted_and_removed)
{
    HOME(home);
    uint64_t files, bytes;
    str path = store_cleared_path(t, home->store, 7, STR("aa11"), STR(HELLO "-0.parquet"));

    EXPECT_STR(path, path_of(home, "cleared/7/aa11/" HELLO "-0.parquet"));
    arm(t, "CLEAR_BEFORE_MOVE:fail");
    EXPECT_FAIL(t, ERR_FAULT,
                store_keep_cleared(t, home->store, write_file(home, "workers/out", "copy"), path));
    disarm(t);
    EXPECT(!is_there(home, "cleared/7"));
    EXPECT_OK(t, store_keep_cleared(t, home->store, write_file(home, "workers/out", "copy"), path));
    EXPECT_OK(t, store_cleared_size(t, home->store, 0, &files, &bytes));
    EXPECT_INT(files, 1);
    EXPECT_INT(bytes, 4);
    EXPECT_OK(t, store_cleared_size(t, home->store, 8, &files, &bytes));
    EXPECT_INT(files, 0);
    EXPECT_OK(t, store_cleared_size(t, home->store, 7, &files, &bytes));
    EXPECT_INT(bytes, 4);
    store_remove_cleared(t, home->store, path);
    EXPECT(!is_there(home, "cleared/7"));
    EXPECT(is_there(home, "cleared"));
}

TEST(a_sweep_removes_what_nobody_names)
{
    HOME(home);
    struct stored_file kept, stray;
    struct str_list keep = {0}, names = {0};
    uint64_t removed;

    REQUIRE_OK(t, publish(home, "hello", &kept));
    REQUIRE_OK(t, publish(home, "stray", &stray));
    str_list_add(t->mem, &keep, kept.sha256);
    str of_kept = store_cleared_path(t, home->store, 1, STR("c"), STR(HELLO "-0.parquet"));
    str of_stray =
        store_cleared_path(t, home->store, 2, STR("c"),
                           arena_format(t->mem, STR_FMT "-0.parquet", STR_ARG(stray.sha256)));
    REQUIRE_OK(
        t, store_keep_cleared(t, home->store, write_file(home, "workers/out", "copy"), of_kept));
    REQUIRE_OK(
        t, store_keep_cleared(t, home->store, write_file(home, "workers/out", "copy"), of_stray));

    EXPECT_OK(t, store_sweep(t, home->store, &keep, 3600, &removed));
    EXPECT_INT(removed, 0); /* all too young */
    EXPECT_OK(t, store_list(t, home->store, &names));
    EXPECT_INT(names.len, 2);
    arm(t, "UPKEEP_REMOVE:fail");
    EXPECT_FAIL(t, ERR_FAULT, store_sweep(t, home->store, &keep, 0, &removed));
    disarm(t);
    EXPECT_INT(removed, 1);
    EXPECT_OK(t, store_sweep(t, home->store, &keep, 0, &removed));
    EXPECT_INT(removed, 1);
    names = (struct str_list){0};
    EXPECT_OK(t, store_list(t, home->store, &names));
    EXPECT_INT(names.len, 1);
    EXPECT(str_list_has(&names, kept.sha256));
    EXPECT(is_there(home, "cleared/1/c"));
    EXPECT(!is_there(home, "cleared/2"));
    EXPECT_FAIL(t, ERR_CORRUPT, store_check(t, home->store, stray.sha256));
}

TEST(a_reserve_of_free_space_is_held)
{
    HOME(home);
    struct store *other;

    EXPECT_OK(t, store_room(t, home->store, 1 << 20));
    EXPECT_FAIL(t, ERR_FULL, store_room(t, home->store, UINT64_MAX));
    EXPECT(str_find(t->err.hint, STR("free_space_reserve_mb")) < t->err.hint.len);
    store_close(home->store);
    home->store = NULL;
    REQUIRE_OK(t, config_set(t, home->config, STR("free_space_reserve_mb"), STR("1048576")));
    REQUIRE_OK(t, store_open(t, home->config, str_of(home->folder), &other));
    EXPECT_FAIL(t, ERR_FULL, store_room(t, other, 0));
    home->store = other;
}
