/* Makes the manual pages from the table of commands.
 *
 * usage: manual FOLDER VERSION DATE
 *
 * Writes share/man/man1/weft.1 and weft-COMMAND.1 for each first word of a command. */
#define _GNU_SOURCE
#include "command_table.h"

static const struct example {
    const char *command, *line, *meaning;
} examples[] = {
#define EXAMPLE(command, line, meaning) {#command, line, meaning},
#include "commands.def"
};

static const struct failure {
    int exit_code;
    const char *meaning;
} failures[] = {
#define ERROR(name, sqlstate, http, exit_code, meaning) {exit_code, meaning},
#include "error/errors.def"
#undef ERROR
};

static const char *folder, *version, *date;

/* ---- manual pages */

/* As text of a page: no sign of it begins a request or is taken for an escape, and a dash is one that can be copied. */
static void roff_within(FILE *out, const char *text, int line_most)
{
    bool begins = true;
    int column = 0;

    for (; *text != '\0'; text++) {
        column++;
        if (*text == ' ' && column + (int)strcspn(text + 1, " ") > line_most) {
            fputc('\n', out);
            begins = true;
            column = 0;
            continue;
        }
        if (begins && (*text == '.' || *text == '\''))
            fputs("\\&", out);
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else if (*text == '\'')
            fputs("\\(aq", out);
        else if (*text == '`')
            fputs("\\(ga", out);
        else if (*text == '^')
            fputs("\\(ha", out);
        else if (*text == '~')
            fputs("\\(ti", out);
        else
            fputc(*text, out);
        begins = false;
    }
}

/* On one line, as the argument of a request must be. */
static void roff(FILE *out, const char *text)
{
    roff_within(out, text, INT_MAX);
}

/* Lines that also an editor shows whole. */
static void roff_text(FILE *out, const char *text)
{
    roff_within(out, text, 70);
    fputc('\n', out);
}

static void roff_head(FILE *out, const char *name, const char *meaning)
{
    fputs(".\\\" Made from the table of commands.\n.TH \"", out);
    for (const char *c = name; *c != '\0'; c++)
        fputc(*c >= 'a' && *c <= 'z' ? *c - 32 : *c, out);
    fprintf(out, "\" \"1\" \"%s\" \"weft %s\" \"Weft\"\n.SH NAME\n", date, version);
    roff(out, name);
    fputs(" \\- ", out);
    roff_within(out, meaning, 55);
    fputc('\n', out);
}

static void roff_option(FILE *out, const struct option *option)
{
    fputs(".TP\n", out);
    if (option->letter[0] != '\0')
        fprintf(out, "\\fB\\-%s\\fR, ", option->letter);
    fputs("\\fB\\-\\-", out);
    roff(out, option->name);
    fputs("\\fR", out);
    if (option->value[0] != '\0') {
        fputs(" \\fI", out);
        roff(out, option->value);
        fputs("\\fR", out);
    }
    fputc('\n', out);
    roff_text(out, option->meaning);
}

static void roff_synopsis(FILE *out, const struct command *command)
{
    fputs(".B weft ", out);
    roff(out, command->name);
    fputs("\n", out);
    if (command->arguments[0] != '\0') {
        fputs(".RI ", out);
        fputc('"', out);
        roff(out, command->arguments);
        fputs("\"\n", out);
    }
    fputs("[\\fIOPTION\\fR ...]\n", out);
}

static void roff_exit_codes(FILE *out)
{
    fputs(".SH EXIT STATUS\n.TP\n0\ndone\n", out);
    for (int code = 1; code < 256; code++) {
        bool has_any = false;

        for (size_t i = 0; i < LEN(failures); i++) {
            if (failures[i].exit_code != code)
                continue;
            if (!has_any)
                fprintf(out, ".TP\n%d\n", code);
            else
                fputs(";\n", out);
            roff_within(out, failures[i].meaning, 70);
            has_any = true;
        }
        if (has_any)
            fputc('\n', out);
    }
}

static void roff_examples(FILE *out, const char *word, size_t len)
{
    bool has_any = false;

    for (size_t i = 0; i < LEN(examples); i++) {
        for (size_t k = 0; k < LEN(commands); k++) {
            if (strcmp(commands[k].id, examples[i].command) != 0
                || !is_in_group(&commands[k], word, len))
                continue;
            fputs(has_any ? ".TP\n\\fB" : ".SH EXAMPLES\n.TP\n\\fB", out);
            roff(out, examples[i].line);
            fputs("\\fR\n", out);
            roff_text(out, examples[i].meaning);
            has_any = true;
        }
    }
}

static bool is_shared(const struct command *command, size_t option)
{
    struct option row = option_in(command, option);

    return row.meaning == options[option].meaning;
}

static bool means(const struct command *command, size_t option, const char *meaning)
{
    return is_of(command, option) && strcmp(option_in(command, option).meaning, meaning) == 0;
}

/* The commands of the group that it means this in; nothing where all of them agree. */
static void roff_where(FILE *out, const char *word, size_t len, size_t option, const char *meaning)
{
    bool is_partial = false;

    for (size_t k = 0; k < LEN(commands); k++)
        is_partial =
            is_partial
            || (is_in_group(&commands[k], word, len) && !means(&commands[k], option, meaning));
    const char *gap = "(of ";
    for (size_t k = 0; k < LEN(commands) && is_partial; k++) {
        if (is_in_group(&commands[k], word, len) && means(&commands[k], option, meaning)) {
            fputs(gap, out);
            roff(out, commands[k].name);
            gap = ",\n";
        }
    }
    fputs(is_partial ? ")\n" : "", out);
}

/* Options that some command of the group has of its own, once for each thing that they mean, with the commands where it is not all. */
static void roff_option_of(FILE *out, const char *word, size_t len, size_t option)
{
    for (size_t i = 0; i < LEN(commands); i++) {
        if (!is_in_group(&commands[i], word, len) || !is_of(&commands[i], option)
            || (is_common(option) && is_shared(&commands[i], option)))
            continue;
        struct option row = option_in(&commands[i], option);
        bool is_told = false;
        for (size_t k = 0; k < i && !is_told; k++)
            is_told =
                is_in_group(&commands[k], word, len) && means(&commands[k], option, row.meaning);
        if (is_told)
            continue;
        roff_option(out, &row);
        roff_where(out, word, len, option, row.meaning);
    }
}

static bool has_own(const char *word, size_t len, size_t option)
{
    for (size_t i = 0; i < LEN(commands); i++)
        if (is_in_group(&commands[i], word, len) && is_of(&commands[i], option)
            && (!is_common(option) || !is_shared(&commands[i], option)))
            return true;
    return false;
}

static void roff_options(FILE *out, const char *word, size_t len)
{
    bool has_any = false;

    for (size_t i = 0; i < LEN(options); i++) {
        if (!has_own(word, len, i))
            continue;
        fputs(has_any ? "" : ".SH OPTIONS\n", out);
        has_any = true;
        roff_option_of(out, word, len, i);
    }
    fputs(".SS Of every command\n", out);
    for (size_t i = 0; i < LEN(options); i++)
        if (is_common(i))
            roff_option(out, &options[i]);
}

static void page_of_group(size_t row)
{
    const char *word = commands[row].name;
    size_t len = first_word(&commands[row]), rows = 0;
    char name[128], path[256], meaning[512];

    for (size_t i = 0; i < LEN(commands); i++)
        rows += is_in_group(&commands[i], word, len);
    snprintf(name, sizeof name, "weft-%.*s", (int)len, word);
    snprintf(path, sizeof path, "share/man/man1/%s.1", name);
    snprintf(meaning, sizeof meaning, "%s",
             rows == 1 ? commands[row].meaning : "the commands that begin with this word");
    FILE *out = file_open(folder, path);
    roff_head(out, name, meaning);
    fputs(".SH SYNOPSIS\n.nh\n", out);
    for (size_t i = 0, shown = 0; i < LEN(commands); i++) {
        if (is_in_group(&commands[i], word, len)) {
            fputs(shown++ > 0 ? ".br\n" : "", out);
            roff_synopsis(out, &commands[i]);
        }
    }
    fputs(".hy\n.SH DESCRIPTION\n", out);
    for (size_t i = 0; i < LEN(commands); i++) {
        if (!is_in_group(&commands[i], word, len))
            continue;
        fputs(".TP\n.B weft ", out);
        roff(out, commands[i].name);
        fputc('\n', out);
        roff_text(out, commands[i].meaning);
    }
    roff_options(out, word, len);
    roff_examples(out, word, len);
    roff_exit_codes(out);
    fputs(".SH SEE ALSO\n.BR weft (1)\n", out);
    file_close(out);
}

static void page_of_all(void)
{
    static const struct {
        const char *name, *meaning;
    } surroundings[] = {
        {"WEFT_HOME", "the home, as --home"},
        {"WEFT_SERVER", "a server to ask, as --server"},
        {"WEFT_TOKEN", "who asks there, as --token; other users of the machine do not see it"},
        {"WEFT_SECRET_DOMAIN_NAME", "a secret that the contracts of a domain name as ${NAME}"},
        {"PAGER, VISUAL, EDITOR", "what the shell of weft query shows long answers and edits with"},
        {"NO_COLOR", "no colours, on a terminal either"}};
    FILE *out = file_open(folder, "share/man/man1/weft.1");

    roff_head(out, "weft", "a governed data mesh from a folder of files");
    fputs(".SH SYNOPSIS\n.B weft\n\\fICOMMAND\\fR [\\fIARGUMENT\\fR ...] [\\fIOPTION\\fR ...]\n"
          ".SH DESCRIPTION\nDomains declare data products, contracts and policies in files.\nWeft "
          "checks them, builds the products and answers\nqueries under the policies for who asks.\n"
          ".SH COMMANDS\n",
          out);
    for (size_t i = 0; i < LEN(commands); i++) {
        fputs(".TP\n.B ", out);
        roff(out, commands[i].name);
        fputs("\n", out);
        roff_text(out, commands[i].meaning);
    }
    fputs(".SH OPTIONS\nOf every command:\n", out);
    for (size_t i = 0; i < LEN(options); i++)
        if (is_common(i))
            roff_option(out, &options[i]);
    fputs(".SH ENVIRONMENT\n", out);
    for (size_t i = 0; i < LEN(surroundings); i++) {
        fputs(".TP\n.B ", out);
        roff(out, surroundings[i].name);
        fputc('\n', out);
        roff_text(out, surroundings[i].meaning);
    }
    fputs(".SH FILES\n.TP\n.I mesh.yaml\nthe top of a mesh folder\n.TP\n.I .weft/\nthe home of a "
          "mesh: catalog, releases, audit, socket\n.TP\n.I ~/.local/state/weft/history\nstatements "
          "of the shell of weft query (below XDG_STATE_HOME where that is set)\n",
          out);
    roff_exit_codes(out);
    fputs(".SH SEE ALSO\n", out);
    for (size_t i = 0, shown = 0; i < LEN(commands); i++) {
        if (is_first(i)) {
            fputs(shown++ > 0 ? ",\n.BR weft\\-" : ".BR weft\\-", out);
            fprintf(out, "%.*s (1)", (int)first_word(&commands[i]), commands[i].name);
        }
    }
    fputc('\n', out);
    file_close(out);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("usage: manual FOLDER VERSION DATE\n", stderr);
        return 2;
    }
    folder = argv[1];
    version = argv[2];
    date = argv[3];
    page_of_all();
    for (size_t i = 0; i < LEN(commands); i++)
        if (is_first(i))
            page_of_group(i);
    return 0;
}
