/* Makes the completions of shells from the table of commands.
 *
 * usage: completions FOLDER
 *
 * Writes those of bash, zsh and fish below share/, where an installation has them. */
#define _GNU_SOURCE
#include "command_table.h"

static const char *folder;

static const struct choice {
    const char *command, *option, *values;
} choices[] = {
#define CHOICE(command, option, values) {command, option, values},
#include "command_choices.def"
#undef CHOICE
};

static const char *choices_of(const struct command *command, const char *option)
{
    const char *values = NULL;

    for (size_t i = 0; i < LEN(choices); i++)
        if (strcmp(choices[i].option, option) == 0
            && (choices[i].command[0] == '\0'
                || (command != NULL && strcmp(choices[i].command, command->name) == 0)))
            values = choices[i].values;
    return values;
}

enum kind { KIND_NONE, KIND_FILE, KIND_FOLDER, KIND_PRODUCT };

static enum kind kind_of_value(const struct option *option)
{
    bool is_file = strstr(option->value, "FILE") != NULL || strcmp(option->value, "SOURCE") == 0;

    return is_file                                                              ? KIND_FILE
         : strcmp(option->value, "DIR") == 0 || strstr(option->value, "FOLDER") ? KIND_FOLDER
         : strstr(option->value, "PRODUCT") != NULL                             ? KIND_PRODUCT
                                                                                : KIND_NONE;
}

static enum kind kind_of_arguments(const struct command *command)
{
    bool names_products = strcmp(command->id, "show") == 0 || strcmp(command->id, "lineage") == 0;

    return strstr(command->arguments, "PRODUCT") != NULL || names_products ? KIND_PRODUCT
         : strstr(command->arguments, "FILE") != NULL                      ? KIND_FILE
         : strstr(command->arguments, "DIR") != NULL                       ? KIND_FOLDER
                                                                           : KIND_NONE;
}

/* ---- bash */

static void bash_list_options(FILE *out, const struct command *command)
{
    for (size_t i = 0; i < LEN(options); i++)
        if (command == NULL ? is_common(i) : is_of(command, i))
            fprintf(out, " --%s", options[i].name);
}

/* How a value or an argument is completed. */
static const char *bash_of_kind(enum kind kind)
{
    switch (kind) {
    case KIND_FILE:
        return "compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))";
    case KIND_FOLDER:
        return "compopt -o filenames; COMPREPLY=($(compgen -d -- \"$cur\"))";
    case KIND_PRODUCT:
        return "COMPREPLY=($(compgen -W \"$(_weft_products)\" -- \"$cur\"))";
    default:
        return ":";
    }
}

/* A case of: words of the command, a colon, the option. */
static void bash_pattern(FILE *out, const struct command *command, const char *dashes,
                         const char *name)
{
    if (command == NULL)
        fprintf(out, "*:%s%s", dashes, name);
    else if (is_pair(command))
        fprintf(out, "'%s:%s%s'", command->name, dashes, name);
    else
        fprintf(out, "'%s '*':%s%s'", command->name, dashes, name);
}

static void bash_value(FILE *out, const struct command *command, size_t option)
{
    struct option row = command != NULL ? option_in(command, option) : options[option];
    const char *values = choices_of(command, row.name);

    fputs("    ", out);
    bash_pattern(out, command, "--", row.name);
    if (row.letter[0] != '\0') {
        fputs(" | ", out);
        bash_pattern(out, command, "-", row.letter);
    }
    if (values != NULL)
        fprintf(out, ") COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n", values);
    else
        fprintf(out, ") %s; return ;;\n", bash_of_kind(kind_of_value(&row)));
}

static bool is_own(const struct command *command, size_t option)
{
    struct option row = option_in(command, option);

    return is_of(command, option)
        && (row.meaning != options[option].meaning
            || choices_of(command, row.name) != choices_of(NULL, row.name));
}

/* What a command takes of its own comes before what all take. */
static void bash_values(FILE *out)
{
    fputs("    case \"$first $second:$prev\" in\n", out);
    for (size_t i = 0; i < LEN(commands); i++)
        for (size_t k = 0; k < LEN(options); k++)
            if (options[k].value[0] != '\0' && is_own(&commands[i], k))
                bash_value(out, &commands[i], k);
    for (size_t i = 0; i < LEN(options); i++)
        if (options[i].value[0] != '\0')
            bash_value(out, NULL, i);
    fputs("    esac\n", out);
}

static void bash_takes_value(FILE *out)
{
    const char *gap = "";

    for (size_t i = 0; i < LEN(options); i++) {
        if (options[i].value[0] == '\0')
            continue;
        fprintf(out, "%s--%s", gap, options[i].name);
        gap = " | ";
        if (options[i].letter[0] != '\0')
            fprintf(out, " | -%s", options[i].letter);
    }
}

static void bash_case(FILE *out, const struct command *command)
{
    bool has_any = false;

    fprintf(out, is_pair(command) ? "    '%s')" : "    '%s '*)", command->name);
    fputs("\n        if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '", out);
    bash_list_options(out, command);
    fputs("' -- \"$cur\")); return; fi\n", out);
    for (size_t i = 0; i < LEN(commands) && !is_pair(command); i++) {
        if (is_pair(&commands[i])
            && is_in_group(&commands[i], command->name, strlen(command->name))) {
            fputs(has_any ? "" : "        [ -n \"$second\" ] || COMPREPLY=($(compgen -W '", out);
            fprintf(out, " %s", second_word(&commands[i]));
            has_any = true;
        }
    }
    fputs(has_any ? "' -- \"$cur\"))\n        [ ${#COMPREPLY[@]} = 0 ] || return\n" : "", out);
    if (strcmp(command->id, "help") == 0)
        fputs("        COMPREPLY=($(compgen -W \"$(_weft_words)\" -- \"$cur\")) ;;\n", out);
    else
        fprintf(out, "        %s ;;\n", bash_of_kind(kind_of_arguments(command)));
}

/* Words that are no command by themselves. */
static void bash_groups(FILE *out)
{
    for (size_t i = 0; i < LEN(commands); i++) {
        if (!is_pair(&commands[i]) || !is_first(i))
            continue;
        bool is_alone = false;
        for (size_t k = 0; k < LEN(commands); k++)
            is_alone = is_alone
                    || (!is_pair(&commands[k])
                        && is_in_group(&commands[k], commands[i].name, first_word(&commands[i])));
        if (is_alone)
            continue;
        fprintf(out, "    '%.*s ') COMPREPLY=($(compgen -W '", (int)first_word(&commands[i]),
                commands[i].name);
        for (size_t k = 0; k < LEN(commands); k++)
            if (is_pair(&commands[k])
                && is_in_group(&commands[k], commands[i].name, first_word(&commands[i])))
                fprintf(out, " %s", second_word(&commands[k]));
        fputs("' -- \"$cur\")) ;;\n", out);
    }
}

static const char *const shell_products =
    "# Products of the mesh folder here or above: no server is asked.\n"
    "_weft_products() {\n"
    "    local folder=$PWD path\n"
    "    while [ -n \"$folder\" ] && [ ! -f \"$folder/mesh.yaml\" ]; do folder=${folder%/*}; done\n"
    "    for path in \"$folder\"/domains/*/*/product.odps.yaml; do\n"
    "        [ -f \"$path\" ] || continue\n"
    "        path=${path#\"$folder/domains/\"}; path=${path%/product.odps.yaml}\n"
    "        echo \"${path%%/*}.${path#*/}\"\n"
    "    done\n"
    "}\n\n";

static void completion_of_bash(void)
{
    FILE *out = file_open(folder, "share/bash-completion/completions/weft");

    fprintf(out, "# Completion of weft for bash. Made from the table of commands.\n\n%s",
            shell_products);
    fputs("_weft() {\n    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} "
          "first= second= i\n"
          "    COMPREPLY=()\n",
          out);
    fputs("    for ((i = 1; i < COMP_CWORD; i++)); do\n        case ${COMP_WORDS[i]} in\n        ",
          out);
    bash_takes_value(out);
    fputs(") ((i++)) ;;\n        -*) ;;\n"
          "        *) if [ -z \"$first\" ]; then first=${COMP_WORDS[i]}; elif [ -z \"$second\" ]; "
          "then second=${COMP_WORDS[i]}; fi ;;\n"
          "        esac\n    done\n",
          out);
    bash_values(out);
    fputs("    case \"$first $second\" in\n", out);
    /* Pairs first: `plan list` before `plan`. */
    for (int pairs = 1; pairs >= 0; pairs--)
        for (size_t i = 0; i < LEN(commands); i++)
            if (is_pair(&commands[i]) == (pairs == 1))
                bash_case(out, &commands[i]);
    bash_groups(out);
    fputs("    ' ')\n        if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '", out);
    bash_list_options(out, NULL);
    fputs("' -- \"$cur\")); else COMPREPLY=($(compgen -W \"$(_weft_words)\" -- \"$cur\")); fi ;;\n "
          "   esac\n}\n\n"
          "_weft_words() {\n    echo",
          out);
    for (size_t i = 0; i < LEN(commands); i++)
        if (is_first(i))
            fprintf(out, " %.*s", (int)first_word(&commands[i]), commands[i].name);
    fputs("\n}\n\ncomplete -F _weft weft\n", out);
    file_close(out);
}

/* ---- zsh */

/* Inside of single quotes and of the brackets and colons of _arguments. */
static void zsh_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs("'\\''", out);
        else if (strchr("[]:\\", *text) != NULL)
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
    }
}

static void zsh_action(FILE *out, const char *values, enum kind kind)
{
    if (values != NULL)
        fprintf(out, "(%s)", values);
    else if (kind == KIND_FILE)
        fputs("_files", out);
    else if (kind == KIND_FOLDER)
        fputs("_files -/", out);
    else if (kind == KIND_PRODUCT)
        fputs("{compadd -- ${(f)\"$(_weft_products)\"}}", out);
    else
        fputs(" ", out);
}

static void zsh_options(FILE *out, const struct command *command)
{
    for (size_t i = 0; i < LEN(options); i++) {
        struct option row = option_in(command, i);

        if (!is_of(command, i))
            continue;
        for (int is_letter = 0; is_letter <= (row.letter[0] != '\0'); is_letter++) {
            fprintf(out, " \\\n            '%s%s[", is_letter ? "-" : "--",
                    is_letter ? row.letter : row.name);
            zsh_text(out, row.meaning);
            fputs("]", out);
            if (row.value[0] != '\0') {
                fputs(":", out);
                zsh_text(out, row.value);
                fputs(":", out);
                zsh_action(out, choices_of(command, row.name), kind_of_value(&row));
            }
            fputc('\'', out);
        }
    }
}

/* The first words of all commands. */
static void words_of_all(FILE *out, const char *before, const char *after)
{
    fputs(before, out);
    for (size_t i = 0; i < LEN(commands); i++)
        if (is_first(i))
            fprintf(out, "%s%.*s", i > 0 ? " " : "", (int)first_word(&commands[i]),
                    commands[i].name);
    fputs(after, out);
}

/* Options may stand before the command. */
static void zsh_before(FILE *out)
{
    fputs("    local -a valued\n    valued=(", out);
    for (size_t i = 0; i < LEN(options); i++)
        if (options[i].value[0] != '\0')
            fprintf(out, " --%s%s%s", options[i].name, options[i].letter[0] != '\0' ? " -" : "",
                    options[i].letter);
    fputs(")\n    # Options may stand before the command.\n"
          "    while (( CURRENT > 2 )) && [[ ${words[2]} == -* ]]; do\n"
          "        local -i taken=$(( ${valued[(Ie)${words[2]}]} ? 2 : 1 ))\n"
          "        (( CURRENT - taken >= 2 )) || return\n"
          "        words=(\"${words[1]}\" \"${(@)words[2 + taken,-1]}\")\n"
          "        (( CURRENT -= taken ))\n    done\n",
          out);
}

static void completion_of_zsh(void)
{
    FILE *out = file_open(folder, "share/zsh/site-functions/_weft");

    fprintf(out,
            "#compdef weft\n# Completion of weft for zsh. Made from the table of commands.\n\n%s",
            shell_products);
    fputs("_weft() {\n    local -a names\n    local name=\n    names=(\n", out);
    for (size_t i = 0; i < LEN(commands); i++) {
        if (is_first(i)) {
            fprintf(out, "        '%.*s:", (int)first_word(&commands[i]), commands[i].name);
            zsh_text(out, is_pair(&commands[i]) ? "more commands" : commands[i].meaning);
            fputs("'\n", out);
        }
    }
    fputs("    )\n", out);
    zsh_before(out);
    fputs("    if (( CURRENT == 2 )); then\n        _describe command names\n        "
          "return\n    fi\n"
          "    name=${words[2]}\n    case $name in\n",
          out);
    for (size_t i = 0; i < LEN(commands); i++) {
        bool has_pairs = false, is_alone = false;

        if (!is_first(i))
            continue;
        for (size_t k = 0; k < LEN(commands); k++) {
            bool is_kin = is_in_group(&commands[k], commands[i].name, first_word(&commands[i]));

            has_pairs = has_pairs || (is_kin && is_pair(&commands[k]));
            is_alone = is_alone || (is_kin && !is_pair(&commands[k]));
        }
        if (!has_pairs)
            continue;
        fprintf(out, "    %.*s)\n        names=(\n", (int)first_word(&commands[i]),
                commands[i].name);
        for (size_t k = 0; k < LEN(commands); k++) {
            if (is_pair(&commands[k])
                && is_in_group(&commands[k], commands[i].name, first_word(&commands[i]))) {
                fprintf(out, "            '%s:", second_word(&commands[k]));
                zsh_text(out, commands[k].meaning);
                fputs("'\n", out);
            }
        }
        fprintf(out,
                "        )\n        if (( CURRENT == 3 )) && [[ ${words[3]} != -* ]]; then\n"
                "            _describe command names\n            %s\n        fi\n"
                "        (( ${names[(I)${words[3]}:*]} )) && { name=\"$name ${words[3]}\"; shift "
                "words; (( CURRENT-- )) }\n"
                "        ;;\n",
                is_alone ? ":" : "return");
    }
    fputs("    esac\n    shift words\n    (( CURRENT-- ))\n    case $name in\n", out);
    for (size_t i = 0; i < LEN(commands); i++) {
        fprintf(out, "    '%s')\n        _arguments", commands[i].name);
        zsh_options(out, &commands[i]);
        if (commands[i].arguments[0] != '\0') {
            fputs(" \\\n            '*:", out);
            zsh_text(out, commands[i].arguments);
            fputs(":", out);
            if (strcmp(commands[i].id, "help") == 0)
                words_of_all(out, "(", ")");
            else
                zsh_action(out, NULL, kind_of_arguments(&commands[i]));
            fputc('\'', out);
        }
        fputs(" ;;\n", out);
    }
    fputs("    esac\n}\n\n_weft \"$@\"\n", out);
    file_close(out);
}

/* ---- fish */

static void fish_text(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputc('\'', out);
}

static void fish_kind(FILE *out, enum kind kind)
{
    if (kind == KIND_FILE)
        fputs(" -F", out);
    else if (kind == KIND_FOLDER)
        fputs(" -a '(__fish_complete_directories)'", out);
    else if (kind == KIND_PRODUCT)
        fputs(" -a '(__weft_products)'", out);
}

static void fish_options(FILE *out, const struct command *command)
{
    for (size_t i = 0; i < LEN(options); i++) {
        struct option row = option_in(command, i);

        if (!is_of(command, i))
            continue;
        fprintf(out, "complete -c weft -n '__weft_is %s' -l %s", command->name, row.name);
        if (row.letter[0] != '\0')
            fprintf(out, " -s %s", row.letter);
        if (row.value[0] != '\0') {
            const char *values = choices_of(command, row.name);

            fputs(kind_of_value(&row) == KIND_FILE ? " -r" : " -x", out);
            if (values != NULL)
                fprintf(out, " -a '%s'", values);
            else
                fish_kind(out, kind_of_value(&row));
        }
        fputs(" -d ", out);
        fish_text(out, row.meaning);
        fputc('\n', out);
    }
}

static void completion_of_fish(void)
{
    FILE *out = file_open(folder, "share/fish/vendor_completions.d/weft.fish");

    fputs("# Completion of weft for fish. Made from the table of commands.\n\n"
          "# Products of the mesh folder here or above: no server is asked.\n"
          "function __weft_products\n    set -l folder $PWD\n"
          "    while test -n \"$folder\"; and not test -f $folder/mesh.yaml\n"
          "        set folder (string replace -r '/[^/]*$' '' -- $folder)\n    end\n"
          "    for path in $folder/domains/*/*/product.odps.yaml\n"
          "        string replace -r '.*/domains/([^/]+)/([^/]+)/product.odps.yaml$' '$1.$2' -- "
          "$path\n"
          "    end\nend\n\n"
          "# Words before the cursor that are no options, nor values of options.\n"
          "function __weft_words\n    set -l is_value 0\n"
          "    for word in (commandline -opc)[2..-1]\n        if test $is_value = 1\n"
          "            set is_value 0\n            continue\n        end\n"
          "        switch $word\n            case",
          out);
    for (size_t i = 0; i < LEN(options); i++)
        if (options[i].value[0] != '\0')
            fprintf(out, " --%s%s%s", options[i].name, options[i].letter[0] != '\0' ? " -" : "",
                    options[i].letter);
    fputs("\n                set is_value 1\n            case '-*'\n            case '*'\n"
          "                echo -- $word\n        end\n    end\nend\n\n"
          "function __weft_is\n    set -l words (__weft_words)\n"
          "    string match -q -- \"$argv *\" \"$words \"\nend\n\n"
          "function __weft_needs\n    test \"$(__weft_words)\" = \"$argv\"\nend\n\n"
          "complete -c weft -f\n",
          out);
    for (size_t i = 0; i < LEN(commands); i++) {
        if (is_first(i)) {
            fprintf(out, "complete -c weft -n '__weft_needs' -a %.*s -d ",
                    (int)first_word(&commands[i]), commands[i].name);
            fish_text(out, is_pair(&commands[i]) ? "more commands" : commands[i].meaning);
            fputc('\n', out);
        }
        if (is_pair(&commands[i])) {
            fprintf(out, "complete -c weft -n '__weft_needs %.*s' -a %s -d ",
                    (int)first_word(&commands[i]), commands[i].name, second_word(&commands[i]));
            fish_text(out, commands[i].meaning);
            fputc('\n', out);
        }
        if (kind_of_arguments(&commands[i]) != KIND_NONE) {
            fprintf(out, "complete -c weft -n '__weft_is %s'", commands[i].name);
            fish_kind(out, kind_of_arguments(&commands[i]));
            fputc('\n', out);
        }
        fish_options(out, &commands[i]);
        if (strcmp(commands[i].id, "help") == 0)
            words_of_all(out, "complete -c weft -n '__weft_needs help' -a '", "'\n");
    }
    file_close(out);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: completions FOLDER\n", stderr);
        return 2;
    }
    folder = argv[1];
    completion_of_bash();
    completion_of_zsh();
    completion_of_fish();
    return 0;
}
