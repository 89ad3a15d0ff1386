#include "config/config.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test.h"

/* A file in memory, and a path that opens it. */
static str file_of(struct task *t, str text, int *fd_out)
{
    *fd_out = memfd_create("weft.conf", MFD_CLOEXEC);
    EXPECT_INT(write(*fd_out, text.ptr, text.len), text.len);
    return arena_format(t->mem, "/proc/self/fd/%d", *fd_out);
}

static bool read_text(struct task *t, struct config *config, const char *text)
{
    int fd;
    str path = file_of(t, str_of(text), &fd);
    bool ok = config_read_file(t, config, path);
    (void)close(fd);
    return ok;
}

TEST(config_has_defaults)
{
    struct task *t = test_task();
    struct config *config;
    REQUIRE_OK(t, config_load(t, t->mem, &config));
    EXPECT_INT(CONFIG_INT(config, workers_max), 16);
    EXPECT_STR(CONFIG_TEXT(config, workers_max), "16");
    EXPECT_STR(CONFIG_TEXT(config, sandbox), "required");
    EXPECT_STR(config_name(SETTING_sandbox), "sandbox");
    EXPECT_STR(config_origin(config, SETTING_sandbox), "default");
}

TEST(config_knows_which_is_stronger)
{
    struct task *t = test_task();
    struct config *config;
    (void)setenv("WEFT_RUNS_MAX", "7", 1);
    (void)setenv("WEFT_HOME", "/nowhere", 1);
    (void)setenv("WEFT_SECRET_X", "y", 1);
    bool ok = config_load(t, t->mem, &config);
    (void)unsetenv("WEFT_RUNS_MAX");
    (void)unsetenv("WEFT_HOME");
    (void)unsetenv("WEFT_SECRET_X");
    REQUIRE_OK(t, ok);
    EXPECT_INT(CONFIG_INT(config, runs_max), 7);
    EXPECT_STR(config_origin(config, SETTING_runs_max), "environment");
    EXPECT_OK(t, read_text(t, config,
                           "# comment\r\n\n  runs_max = 3\nworkers_max=4\n log_level = debug \n"
                           "http_address = "));
    EXPECT_INT(CONFIG_INT(config, runs_max), 7);
    EXPECT_INT(CONFIG_INT(config, workers_max), 4);
    EXPECT_STR(config_origin(config, SETTING_workers_max), "file");
    EXPECT_STR(CONFIG_TEXT(config, log_level), "debug");
    EXPECT_STR(CONFIG_TEXT(config, http_address), "");
    EXPECT_OK(t, config_set(t, config, STR("runs_max"), STR("9")));
    EXPECT_INT(CONFIG_INT(config, runs_max), 9);
    EXPECT_STR(config_origin(config, SETTING_runs_max), "flag");
    EXPECT_OK(t, read_text(t, config, "runs_max = 5"));
    EXPECT_INT(CONFIG_INT(config, runs_max), 9);
}

TEST(config_refuses_bad_values)
{
    struct task *t = test_task();
    struct config *config;
    REQUIRE_OK(t, config_load(t, t->mem, &config));
    EXPECT_FAIL(t, ERR_CONFIG, config_set(t, config, STR("workers_maxx"), STR("4")));
    EXPECT_STR(t->err.message, "there is no setting \"workers_maxx\"");
    EXPECT_STR(t->err.hint, "did you mean workers_max");
    EXPECT_FAIL(t, ERR_CONFIG, config_set(t, config, STR("quite_unlike"), STR("4")));
    EXPECT_STR(t->err.hint, "`weft config show` lists all settings");
    EXPECT_FAIL(t, ERR_CONFIG, config_set(t, config, STR("workers_max"), STR("1")));
    EXPECT_STR(t->err.message, "workers_max is 1, which is out of its bounds");
    EXPECT_STR(t->err.hint, "write a number from 2 to 1024 workers");
    EXPECT_FAIL(t, ERR_CONFIG, config_set(t, config, STR("workers_max"), STR("many")));
    EXPECT_FAIL(t, ERR_CONFIG, config_set(t, config, STR("workers_max"), STR("")));
    EXPECT_FAIL(t, ERR_CONFIG, config_set(t, config, STR("sandbox"), STR("off")));
    EXPECT_STR(t->err.hint, "write one of required, best-effort");
    EXPECT_FAIL(t, ERR_CONFIG, config_set(t, config, STR("http_address"), STR("a\nb")));
    EXPECT_INT(CONFIG_INT(config, workers_max), 16);
    (void)setenv("WEFT_LOG_LEVEL", "loud", 1);
    EXPECT_FAIL(t, ERR_CONFIG, config_load(t, t->mem, &config));
    (void)unsetenv("WEFT_LOG_LEVEL");
    EXPECT_STR(t->err.detail, "from the environment");
}

TEST(config_files_tell_the_place)
{
    struct task *t = test_task();
    struct config *config;
    REQUIRE_OK(t, config_load(t, t->mem, &config));
    EXPECT_FAIL(t, ERR_CONFIG, read_text(t, config, "\n  worker_max = 4\n"));
    EXPECT_INT(t->err.place.line, 2);
    EXPECT_INT(t->err.place.column, 3);
    EXPECT_STR(t->err.hint, "did you mean workers_max");
    EXPECT_FAIL(t, ERR_CONFIG, read_text(t, config, "workers_max = 1"));
    EXPECT_INT(t->err.place.line, 1);
    EXPECT_INT(t->err.place.column, 15);
    EXPECT_FAIL(t, ERR_CONFIG, read_text(t, config, "workers_max"));
    EXPECT_STR(t->err.message, "a line must be `name = value`");
    EXPECT_FAIL(t, ERR_CONFIG, read_text(t, config, "runs_max = 1\nruns_max = 2"));
    EXPECT_STR(t->err.message, "runs_max is set before, on line 1");
    EXPECT_INT(t->err.place.line, 2);
}

TEST(config_files_may_be_missing_but_not_strange)
{
    struct task *t = test_task();
    struct config *config;
    REQUIRE_OK(t, config_load(t, t->mem, &config));
    EXPECT_OK(t, config_read_file(t, config, STR("/nonexistent/weft.conf")));
    EXPECT_FAIL(t, ERR_CONFIG, config_read_file(t, config, STR("/")));
    char *large = arena_alloc(t->mem, 2 << 20);
    for (int i = 0; i < 2 << 20; i++)
        large[i] = '\n';
    int fd;
    str path = file_of(t, (str){large, 2 << 20}, &fd);
    EXPECT_FAIL(t, ERR_CONFIG, config_read_file(t, config, path));
    (void)close(fd);
}
