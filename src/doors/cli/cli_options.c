#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli_inside.h"

static const struct command commands[] = {
#define COMMAND(name, run, arguments, options, meaning)                                            \
    {name, command_##run, arguments, options, meaning},
#include "commands.def"
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static const struct option_row {
    const char *name, *letter, *value, *meaning;
} options[OPTION_COUNT] = {
#define OPTION(name, id, letter, value, meaning) [OPTION_##id] = {name, letter, value, meaning},
#include "commands.def"
};

/* What an option means in one command alone. */
static const struct option_of_row {
    const char *command, *option, *value, *meaning;
} options_of[] = {
#define OPTION_OF(command, option, value, meaning) {command, option, value, meaning},
#include "commands.def"
};

static const struct example_row {
    command_fn *run;
    const char *line, *meaning;
} examples[] = {
#define EXAMPLE(command, line, meaning) {command_##command, line, meaning},
#include "commands.def"
};

static const struct {
    const char *name;
    enum cli_format format;
} formats[] = {
    {"table", FORMAT_TABLE}, {"json", FORMAT_JSON},         {"ndjson", FORMAT_NDJSON},
    {"csv", FORMAT_CSV},     {"markdown", FORMAT_MARKDOWN}, {"yaml", FORMAT_YAML},
};

/* The values of an option in a command, or in all others (""), with spaces between. */
static const struct choice_row {
    const char *command, *option, *values;
} choices[] = {
#define CHOICE(command, option, values) {command, option, values},
#include "command_choices.def"
#undef CHOICE
};

/* ---- which options a command has */

static bool option_is_common(enum cli_option option)
{
    return option <= OPTION_help;
}

static bool option_is_of(const struct command *command, enum cli_option option)
{
    str rest = str_of(command->options), name;

    if (option_is_common(option)) {
        return true;
    }
    while (rest.len > 0) {
        (void)str_cut(rest, ' ', &name, &rest);
        if (str_eq(name, str_of(options[option].name))) {
            return true;
        }
    }
    return false;
}

static bool option_find(str name, bool is_letter, enum cli_option *out)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        const char *known = is_letter ? options[i].letter : options[i].name;

        if (known[0] != '\0' && str_eq(name, str_of(known))) {
            *out = (enum cli_option)i;
            return true;
        }
    }
    return false;
}

static bool option_unknown(struct task *t, str word, str name)
{
    struct str_list known = {0};

    for (int i = 0; i < OPTION_COUNT; i++) {
        vec_push(t->mem, &known, str_of(options[i].name));
    }
    str near = str_list_nearest(&known, name);
    task_fail(t, ERR_USAGE, "there is no option %.*s", STR_ARG(word));
    if (near.len > 0) {
        return task_hint(t, "did you mean --%.*s?", STR_ARG(near));
    }
    return task_hint(t, "an argument that begins with a dash comes after a lone --");
}

/* ---- words to options and arguments */

/* Takes one option, and the next word when that is its value. */
static bool option_take(struct task *t, const struct str_list *words, size_t *at, struct cli *cli)
{
    str word = words->at[*at], name, value = STR_NONE;
    bool is_letter = !str_starts(word, STR("--"));
    bool has_value = !is_letter && str_has(word, '=');
    enum cli_option option;

    (void)str_cut(str_from(word, is_letter ? 1 : 2), is_letter ? '\0' : '=', &name, &value);
    if (!option_find(name, is_letter, &option)) {
        return option_unknown(t, is_letter ? word : arena_format(t->mem, "--%.*s", STR_ARG(name)),
                              name);
    }
    if (options[option].value[0] == '\0' && has_value) {
        return task_fail(t, ERR_USAGE, "--%s takes no value", options[option].name);
    }
    if (options[option].value[0] != '\0' && !has_value) {
        if (*at + 1 >= words->len) {
            return task_fail(t, ERR_USAGE, "--%s needs a value: --%s %s", options[option].name,
                             options[option].name, options[option].value);
        }
        value = words->at[++*at];
    }
    if (option == OPTION_domain && cli->has[option]) {
        value = arena_format(t->mem, "%.*s,%.*s", STR_ARG(cli->value[option]), STR_ARG(value));
    }
    cli->has[option] = true;
    cli->value[option] = value;
    if (option == OPTION_set) {
        vec_push(t->mem, &cli->settings, value);
    }
    return true;
}

static bool cli_split(struct task *t, const struct str_list *words, struct cli *cli)
{
    bool is_open = true;

    for (size_t i = 0; i < words->len; i++) {
        str word = words->at[i];

        if (is_open && str_eq(word, STR("--"))) {
            is_open = false;
        } else if (is_open && word.len > 1 && word.ptr[0] == '-') {
            if (!option_take(t, words, &i, cli)) {
                return false;
            }
        } else {
            vec_push(t->mem, &cli->arguments, word);
        }
    }
    return true;
}

/* ---- the command among the arguments */

static const struct command *command_named(const struct str_list *words, size_t *used_out)
{
    for (int i = 0; i < COMMAND_COUNT; i++) {
        str first, second;
        bool has_two = str_cut(str_of(commands[i].name), ' ', &first, &second);

        if (words->len > (has_two ? 1 : 0) && str_eq(words->at[0], first)
            && (!has_two || str_eq(words->at[1], second))) {
            *used_out = has_two ? 2 : 1;
            return &commands[i];
        }
    }
    return NULL;
}

static bool command_unknown(struct task *t, const struct str_list *words)
{
    struct str_list known = {0}, kin = {0};
    str first, second, word = words->at[0];

    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (str_cut(str_of(commands[i].name), ' ', &first, &second) && str_eq(first, word)) {
            vec_push(t->mem, &kin, str_of(commands[i].name));
        }
        str_list_add(t->mem, &known, first);
    }
    if (kin.len > 0) {
        task_fail(t, ERR_USAGE, "weft %.*s: what of it?", STR_ARG(word));
        return task_hint(t, "say one of: %.*s", STR_ARG(str_list_join(t->mem, &kin, STR(", "))));
    }
    str near = str_list_nearest(&known, word);
    task_fail(t, ERR_USAGE, "there is no command %.*s", STR_ARG(word));
    return near.len > 0 ? task_hint(t, "did you mean weft %.*s?", STR_ARG(near))
                        : task_hint(t, "weft help lists the commands");
}

bool command_find(struct task *t, const struct str_list *words, const struct command **out,
                  size_t *used_out)
{
    *out = command_named(words, used_out);
    return *out != NULL || command_unknown(t, words);
}

static bool cli_demand_options(struct task *t, const struct cli *cli)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (cli->has[i] && !option_is_of(cli->command, (enum cli_option)i)) {
            task_fail(t, ERR_USAGE, "weft %s has no option --%s", cli->command->name,
                      options[i].name);
            return task_hint(t, "weft help %s lists them", cli->command->name);
        }
    }
    return true;
}

/* Rows of single commands come after those of all. */
static str formats_of(const struct command *command)
{
    const char *found = "";

    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
        const struct choice_row *row = &choices[i];

        if (strcmp(row->option, options[OPTION_format].name) == 0
            && (row->command[0] == '\0'
                || (command != NULL && strcmp(row->command, command->name) == 0))) {
            found = row->values;
        }
    }
    return str_of(found);
}

static bool cli_read_format(struct task *t, struct cli *cli)
{
    str wanted = cli->value[OPTION_format], rest = formats_of(cli->command), name;
    struct str_list names = {0};

    if (!cli->has[OPTION_format]) {
        return true;
    }
    while (rest.len > 0) {
        (void)str_cut(rest, ' ', &name, &rest);
        vec_push(t->mem, &names, name);
    }
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (str_eq(wanted, str_of(formats[i].name)) && str_list_has(&names, wanted)) {
            cli->format = formats[i].format;
            return true;
        }
    }
    return task_fail(t, ERR_USAGE, "--format %.*s is none of %.*s", STR_ARG(wanted),
                     STR_ARG(str_list_join(t->mem, &names, STR(", "))));
}

/* A command of the mesh alone has no such option, and passes by what the environment of the process says. */
static bool cli_read_env(struct task *t, struct cli *cli)
{
    const char *env = getenv("WEFT_ENV");

    if (cli->has[OPTION_env]) {
        cli->env = cli->value[OPTION_env];
    } else if (env != NULL && option_is_of(cli->command, OPTION_env)) {
        cli->env = str_of(env);
    }
    return (cli->env.len == 0 && !cli->has[OPTION_env]) || cli_is_env(t, cli->env);
}

bool cli_parse(struct task *t, const struct str_list *words, struct cli *cli)
{
    size_t used = 0;

    if (!cli_split(t, words, cli)) {
        return false;
    }
    if (cli->arguments.len > 0 && !command_find(t, &cli->arguments, &cli->command, &used)) {
        return false;
    }
    cli->arguments.at += used;
    cli->arguments.len -= used;
    cli->arguments.cap = cli->arguments.len;
    return cli_read_format(t, cli)
        && (cli->command == NULL || (cli_demand_options(t, cli) && cli_read_env(t, cli)));
}

bool cli_number(struct task *t, const struct cli *cli, enum cli_option option, int64_t least,
                int64_t fallback, int64_t *out)
{
    *out = fallback;
    if (!cli->has[option] || (str_to_i64(cli->value[option], out) && *out >= least)) {
        return true;
    }
    return task_fail(t, ERR_USAGE, "--%s %.*s is no whole number from %" PRId64 " on",
                     options[option].name, STR_ARG(cli->value[option]), least);
}

bool cli_demand_arguments(struct task *t, const struct cli *cli, size_t least, size_t most)
{
    if (cli->arguments.len >= least && cli->arguments.len <= most) {
        return true;
    }
    if (most == 0) {
        return task_fail(t, ERR_USAGE, "weft %s takes no arguments", cli->command->name);
    }
    task_fail(t, ERR_USAGE, "weft %s has too %s arguments", cli->command->name,
              cli->arguments.len < least ? "few" : "many");
    return task_hint(t, "usage: weft %s %s", cli->command->name, cli->command->arguments);
}

str cli_address(struct arena *mem, str spelled)
{
    str domain, rest, product, table;

    if (!str_cut(spelled, '.', &domain, &rest) || !str_starts(rest, STR("\""))
        || !str_cut(str_from(rest, 1), '"', &product, &table)) {
        return spelled;
    }
    return arena_format(mem, "%.*s.%.*s%.*s", STR_ARG(domain), STR_ARG(product), STR_ARG(table));
}

/* ---- help */

static struct option_row option_in(const struct command *command, enum cli_option option)
{
    struct option_row row = options[option];

    for (size_t i = 0; command != NULL && i < sizeof(options_of) / sizeof(options_of[0]); i++) {
        if (strcmp(options_of[i].command, command->name) == 0
            && strcmp(options_of[i].option, row.name) == 0) {
            row.value = options_of[i].value;
            row.meaning = options_of[i].meaning;
        }
    }
    return row;
}

static void help_option(FILE *out, const struct command *command, enum cli_option which)
{
    const struct option_row row = option_in(command, which), *option = &row;
    char left[64];

    snprintf(left, sizeof(left), "%s%s%s--%s%s%s", option->letter[0] ? "-" : "", option->letter,
             option->letter[0] ? ", " : "", option->name, option->value[0] ? " " : "",
             option->value);
    fprintf(out, "  %-24s ", left);
    cli_layout_print_text(out, str_of(option->meaning), 27, (size_t)cli_terminal_width(out, 0));
}

void command_help_all(FILE *out)
{
    fputs("weft: a governed data mesh from a folder of files\n\nusage: weft COMMAND [ARGUMENT ...] "
          "[OPTION ...]\n\n",
          out);
    for (int i = 0; i < COMMAND_COUNT; i++) {
        fprintf(out, "  %-17s ", commands[i].name);
        cli_layout_print_text(out, str_of(commands[i].meaning), 20,
                              (size_t)cli_terminal_width(out, 0));
    }
    fputs("\nfor every command:\n", out);
    for (int i = 0; i <= OPTION_help; i++) {
        help_option(out, NULL, (enum cli_option)i);
    }
    fputs("\nweft help COMMAND says more about one.\n", out);
}

static void help_examples(const struct command *command, FILE *out)
{
    bool has_any = false;

    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        if (examples[i].run == command->run) {
            fprintf(out, "%s  %s\n      %s\n", has_any ? "" : "\nexamples:\n", examples[i].line,
                    examples[i].meaning);
            has_any = true;
        }
    }
}

/* Every code that some error ends with, once, with the meanings that share it. */
static void help_exit_codes(FILE *out)
{
    fputs("\nexit codes:\n  0    done\n", out);
    for (int code = 1; code < 256; code++) {
        bool has_any = false;

        for (int i = 1; i < ERR_COUNT; i++) {
            if (error_exit_code((enum error_code)i) == code) {
                char number[16] = "";

                if (!has_any) {
                    snprintf(number, sizeof(number), "%d", code);
                }
                fprintf(out, "  %-4s ", number);
                cli_layout_print_text(out, str_of(error_meaning((enum error_code)i)), 7,
                                      (size_t)cli_terminal_width(out, 0));
                has_any = true;
            }
        }
    }
}

void command_help_one(const struct command *command, FILE *out)
{
    bool has_any = false;

    fprintf(out, "weft %s: ", command->name);
    cli_layout_print_text(out, str_of(command->meaning), strlen(command->name) + 7,
                          (size_t)cli_terminal_width(out, 0));
    fprintf(out, "\nusage: weft %s%s%s [OPTION ...]\n", command->name,
            command->arguments[0] ? " " : "", command->arguments);
    for (int i = OPTION_help + 1; i < OPTION_COUNT; i++) {
        if (option_is_of(command, (enum cli_option)i)) {
            fputs(has_any ? "" : "\noptions:\n", out);
            help_option(out, command, (enum cli_option)i);
            has_any = true;
        }
    }
    fputs("\nfor every command:\n", out);
    for (int i = 0; i <= OPTION_help; i++) {
        help_option(out, command, (enum cli_option)i);
    }
    help_examples(command, out);
    help_exit_codes(out);
}
