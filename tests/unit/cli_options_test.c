#include "test.h"

#include "cli/cli_inside.h"

static struct cli *parse(struct task *t, bool *ok_out, const char *const *words)
{
    struct cli *cli = ARENA_NEW(t->mem, struct cli);
    struct str_list list = {0};

    for (; *words != NULL; words++) {
        vec_push(t->mem, &list, str_of(*words));
    }
    *ok_out = cli_parse(t, &list, cli);
    return cli;
}

#define PARSE(t, ok, ...) parse((t), (ok), (const char *const[]){__VA_ARGS__, NULL})

TEST(cli_takes_options_before_and_after_the_command)
{
    struct task *t = test_task();
    bool ok;
    struct cli *cli =
        PARSE(t, &ok, "--home", "/h", "query", "SELECT 1", "--format=csv", "--as", "noor", "-q");

    REQUIRE_OK(t, ok);
    EXPECT_STR(cli->command->name, "query");
    EXPECT_STR(cli->value[OPTION_home], "/h");
    EXPECT_STR(cli->value[OPTION_as], "noor");
    EXPECT_INT(cli->format, FORMAT_CSV);
    EXPECT(cli->has[OPTION_quiet]);
    EXPECT_INT(cli->arguments.len, 1);
    EXPECT_STR(cli->arguments.at[0], "SELECT 1");
}

TEST(cli_finds_commands_of_two_words)
{
    struct task *t = test_task();
    bool ok;
    struct cli *cli = PARSE(t, &ok, "token", "create", "noor", "--days", "7");
    int64_t days;

    REQUIRE_OK(t, ok);
    EXPECT_STR(cli->command->name, "token create");
    EXPECT_INT(cli->arguments.len, 1);
    EXPECT_OK(t, cli_number(t, cli, OPTION_days, 1, 30, &days));
    EXPECT_INT(days, 7);
}

TEST(cli_takes_all_that_follows_a_lone_double_dash)
{
    struct task *t = test_task();
    bool ok;
    struct cli *cli = PARSE(t, &ok, "query", "--", "-- a comment");

    REQUIRE_OK(t, ok);
    EXPECT_STR(cli->arguments.at[0], "-- a comment");
    cli = PARSE(t, &ok, "query", "-");
    REQUIRE_OK(t, ok);
    EXPECT_STR(cli->arguments.at[0], "-");
}

TEST(cli_keeps_every_setting)
{
    struct task *t = test_task();
    bool ok;
    struct cli *cli = PARSE(t, &ok, "serve", "--set", "workers_max=4", "--set=log_level=debug");

    REQUIRE_OK(t, ok);
    EXPECT_INT(cli->settings.len, 2);
    EXPECT_STR(cli->settings.at[0], "workers_max=4");
    EXPECT_STR(cli->settings.at[1], "log_level=debug");
}

TEST(cli_names_what_is_nearest_to_a_wrong_word)
{
    struct task *t = test_task();
    bool ok;

    PARSE(t, &ok, "qery", "SELECT 1");
    EXPECT_FAIL(t, ERR_USAGE, ok);
    EXPECT_STR(t->err.hint, "did you mean weft query?");
    PARSE(t, &ok, "query", "--formt=json");
    EXPECT_FAIL(t, ERR_USAGE, ok);
    EXPECT_STR(t->err.message, "there is no option --formt");
    EXPECT_STR(t->err.hint, "did you mean --format?");
    PARSE(t, &ok, "user");
    EXPECT_FAIL(t, ERR_USAGE, ok);
    EXPECT_STR(t->err.hint, "say one of: user list, user add, user remove");
}

TEST(cli_refuses_what_an_option_cannot_have)
{
    struct task *t = test_task();
    bool ok;
    struct cli *cli;
    int64_t number;

    PARSE(t, &ok, "apply", "--yes=no");
    EXPECT_FAIL(t, ERR_USAGE, ok);
    PARSE(t, &ok, "query", "--as");
    EXPECT_FAIL(t, ERR_USAGE, ok);
    EXPECT_STR(t->err.message, "--as needs a value: --as USER");
    PARSE(t, &ok, "status", "--yes");
    EXPECT_FAIL(t, ERR_USAGE, ok);
    EXPECT_STR(t->err.message, "weft status has no option --yes");
    PARSE(t, &ok, "status", "--format", "ndjson");
    EXPECT_FAIL(t, ERR_USAGE, ok);
    cli = PARSE(t, &ok, "query", "--timeout", "soon");
    REQUIRE_OK(t, ok);
    EXPECT_FAIL(t, ERR_USAGE, cli_number(t, cli, OPTION_timeout, 1, 0, &number));
    cli = PARSE(t, &ok, "query", "--timeout", "0");
    REQUIRE_OK(t, ok);
    EXPECT_FAIL(t, ERR_USAGE, cli_number(t, cli, OPTION_timeout, 1, 0, &number));
}

TEST(cli_has_no_command_without_words)
{
    struct task *t = test_task();
    bool ok;
    struct cli *cli = PARSE(t, &ok, "--help");

    REQUIRE_OK(t, ok);
    EXPECT(cli->command == NULL);
    EXPECT(cli->has[OPTION_help]);
}

/* Each option that a command names is one that there is. */
TEST(cli_table_of_commands_names_known_options)
{
    static const char *const options[] = {
#define OPTION(name, id, letter, value, meaning) name,
#include "cli/commands.def"
    };
    static const struct {
        const char *name, *options;
    } commands[] = {
#define COMMAND(name, run, arguments, options, meaning) {name, options},
#include "cli/commands.def"
    };
    struct task *t = test_task();
    struct str_list known = {0};

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        EXPECT(!str_list_has(&known, str_of(options[i])));
        str_list_add(t->mem, &known, str_of(options[i]));
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        str rest = str_of(commands[i].options), name;

        while (rest.len > 0) {
            (void)str_cut(rest, ' ', &name, &rest);
            EXPECT(str_list_has(&known, name));
        }
    }
}
