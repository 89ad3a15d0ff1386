/* The table of commands, for the generators that make something of it. */
#ifndef WEFT_COMMAND_TABLE_H
#define WEFT_COMMAND_TABLE_H

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct command {
    const char *name, *id, *arguments, *options, *meaning;
} commands[] = {
#define COMMAND(name, run, arguments, options, meaning) {name, #run, arguments, options, meaning},
#include "commands.def"
};

static const struct option {
    const char *name, *letter, *value, *meaning;
} options[] = {
#define OPTION(name, id, letter, value, meaning) {name, letter, value, meaning},
#include "commands.def"
};

static const struct option_of {
    const char *command, *option, *value, *meaning;
} options_of[] = {
#define OPTION_OF(command, option, value, meaning) {command, option, value, meaning},
#include "commands.def"
};

#define LEN(rows) (sizeof(rows) / sizeof((rows)[0]))

/* ---- files */

static inline _Noreturn void __attribute__((format(printf, 1, 2))) die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("error: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static inline FILE *file_open(const char *folder, const char *path)
{
    char whole[4096];

    snprintf(whole, sizeof whole, "%s/%s", folder, path);
    for (char *slash = strchr(whole + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(whole, 0755) != 0 && errno != EEXIST)
            die("%s: %s", whole, strerror(errno));
        *slash = '/';
    }
    FILE *out = fopen(whole, "wb");
    if (out == NULL)
        die("%s: %s", whole, strerror(errno));
    return out;
}

static inline void file_close(FILE *out)
{
    if (ferror(out) || fclose(out) != 0)
        die("cannot write: %s", strerror(errno));
}

/* ---- the table */

static inline bool is_common(size_t option)
{
    for (size_t i = 0; i <= option; i++)
        if (strcmp(options[i].name, "help") == 0)
            return i == option;
    return true;
}

static inline bool is_of(const struct command *command, size_t option)
{
    const char *at = command->options;
    size_t len = strlen(options[option].name);

    for (; *at != '\0'; at += strspn(at, " ")) {
        size_t word = strcspn(at, " ");

        if (word == len && strncmp(at, options[option].name, len) == 0)
            return true;
        at += word;
    }
    return is_common(option);
}

/* What an option is in a command: its own row of the table, or the one of all commands. */
static inline struct option option_in(const struct command *command, size_t option)
{
    struct option row = options[option];

    for (size_t i = 0; i < LEN(options_of); i++) {
        if (strcmp(options_of[i].command, command->name) == 0
            && strcmp(options_of[i].option, row.name) == 0) {
            row.value = options_of[i].value;
            row.meaning = options_of[i].meaning;
        }
    }
    return row;
}

/* Does a command begin with this word? */
static inline bool is_in_group(const struct command *command, const char *word, size_t len)
{
    return strncmp(command->name, word, len) == 0
        && (command->name[len] == ' ' || command->name[len] == '\0');
}

static inline size_t first_word(const struct command *command)
{
    return strcspn(command->name, " ");
}

/* The first row of its group: rows of one group need not stand together. */
static inline bool is_first(size_t row)
{
    for (size_t i = 0; i < row; i++)
        if (is_in_group(&commands[i], commands[row].name, first_word(&commands[row])))
            return false;
    return true;
}

static inline const char *second_word(const struct command *command)
{
    const char *space = strchr(command->name, ' ');

    return space != NULL ? space + 1 : "";
}

static inline bool is_pair(const struct command *command)
{
    return strchr(command->name, ' ') != NULL;
}

#endif
