#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf/buf.h"
#include "limits/limits.h"
#include "shell_inside.h"

enum { SHELL_FILES_MAX = 8 };

static bool shell_do_describe(struct shell *shell, str argument);
static bool shell_do_tables(struct shell *shell, str argument);
static bool shell_do_timing(struct shell *shell, str argument);
static bool shell_do_expand(struct shell *shell, str argument);
static bool shell_do_out(struct shell *shell, str argument);
static bool shell_do_format(struct shell *shell, str argument);
static bool shell_do_purpose(struct shell *shell, str argument);
static bool shell_do_include(struct shell *shell, str argument);
static bool shell_do_edit(struct shell *shell, str argument);
static bool shell_do_print(struct shell *shell, str argument);
static bool shell_do_reset(struct shell *shell, str argument);
static bool shell_do_help(struct shell *shell, str argument);
static bool shell_do_quit(struct shell *shell, str argument);

static const struct shell_row {
    const char *name, *argument, *meaning;
    bool (*run)(struct shell *shell, str argument);
} rows[] = {
    {"\\d", "[NAME]", "products; a domain, product or table; mesh, mesh.TABLE", shell_do_describe},
    {"\\dt", "[NAME]", "tables; or those of a domain or product", shell_do_tables},
    {"\\x", "[on|off]", "a line for each value, and back", shell_do_expand},
    {"\\format", "FORMAT", "answers as table, json, ndjson or csv", shell_do_format},
    {"\\timing", "[on|off]", "say how long each statement takes, and stop that", shell_do_timing},
    {"\\o", "[FILE]", "answers go to a file; without one, to the terminal again", shell_do_out},
    {"\\purpose", "[PURPOSE]", "ask for this purpose; without one, for none", shell_do_purpose},
    {"\\i", "FILE", "run the statements of a file", shell_do_include},
    {"\\e", "", "write the statement in $VISUAL or $EDITOR", shell_do_edit},
    {"\\p", "", "print the statement so far", shell_do_print},
    {"\\r", "", "forget the statement so far", shell_do_reset},
    {"\\?", "", "these commands", shell_do_help},
    {"\\q", "", "leave; Ctrl-D too", shell_do_quit},
};

void shell_command_names(struct arena *mem, struct str_list *out)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        vec_push(mem, out, str_of(rows[i].name));
    }
}

/* Says what failed, as every command does. */
static bool shell_failed(struct shell *shell)
{
    cli_tell_error(shell->t, shell->cli);
    task_clear_error(shell->t);
    return false;
}

bool shell_command(struct shell *shell, str line)
{
    struct str_list names = {0};
    size_t len = 0;
    str name, near;

    while (len < line.len && line.ptr[len] != ' ' && line.ptr[len] != '\t') {
        len++;
    }
    name = str_sub(line, 0, len);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (str_eq(name, str_of(rows[i].name))) {
            str argument = str_trim(str_from(line, len));

            while (str_ends(argument, STR(";"))) {
                argument = str_trim(str_sub(argument, 0, argument.len - 1));
            }
            return rows[i].run(shell, argument);
        }
    }
    shell_command_names(shell->t->mem, &names);
    near = str_list_nearest(&names, name);
    task_fail(shell->t, ERR_USAGE, "there is no command %.*s", STR_ARG(name));
    task_hint(shell->t, near.len > 0 ? "did you mean %.*s?" : "\\? lists the commands%.*s",
              STR_ARG(near));
    return shell_failed(shell);
}

/* ---- what there is */

static bool shell_show(struct shell *shell, void *state)
{
    enum cli_format format = shell->cli->format;

    shell->cli->format = format == FORMAT_NDJSON ? FORMAT_JSON : format;
    bool ok = cli_show(shell->t, shell->cli, *(const str *)state);
    shell->cli->format = format;
    return ok;
}

static bool shell_do_describe(struct shell *shell, str argument)
{
    return shell_with_output(shell, shell_show, &argument);
}

static bool shell_do_tables(struct shell *shell, str argument)
{
    struct buf *sql = buf_new(shell->t->mem, SQL_BYTES_MAX);

    buf_add(sql, STR("SELECT address AS \"table\", release, rows, description FROM "
                     "mesh.tables"));
    if (argument.len > 0) {
        buf_add(sql, STR(" WHERE starts_with(address || '.', "));
        buf_add_literal(sql, arena_format(shell->t->mem, "%.*s.", STR_ARG(argument)));
        buf_add(sql, STR(")"));
    }
    buf_add(sql, STR(" ORDER BY address;"));
    return shell_statements(shell, buf_str(sql), STR_NONE, NULL);
}

/* ---- how answers look */

/* Without a word it becomes what it is not. */
static bool shell_switch(struct shell *shell, str argument, bool *on)
{
    if (argument.len > 0 && !str_eq(argument, STR("on")) && !str_eq(argument, STR("off"))) {
        task_fail(shell->t, ERR_USAGE, "%.*s is not on or off", STR_ARG(argument));
        return shell_failed(shell);
    }
    *on = argument.len > 0 ? str_eq(argument, STR("on")) : !*on;
    return true;
}

static bool shell_do_timing(struct shell *shell, str argument)
{
    if (!shell_switch(shell, argument, &shell->shows_time)) {
        return false;
    }
    printf("Timing is %s.\n", shell->shows_time ? "on" : "off");
    return true;
}

static bool shell_do_expand(struct shell *shell, str argument)
{
    if (!shell_switch(shell, argument, &shell->cli->is_expanded)) {
        return false;
    }
    printf("A line for each value is %s.\n", shell->cli->is_expanded ? "on" : "off");
    return true;
}

static bool shell_do_format(struct shell *shell, str argument)
{
    static const char *const names[] = {[FORMAT_TABLE] = "table",
                                        [FORMAT_JSON] = "json",
                                        [FORMAT_NDJSON] = "ndjson",
                                        [FORMAT_CSV] = "csv"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (str_eq(argument, str_of(names[i]))) {
            shell->cli->format = (enum cli_format)i;
            return true;
        }
    }
    if (argument.len == 0) {
        printf("The format is %s.\n", names[shell->cli->format]);
        return true;
    }
    task_fail(shell->t, ERR_USAGE, "there is no format %.*s", STR_ARG(argument));
    task_hint(shell->t, "one of: table, json, ndjson, csv");
    return shell_failed(shell);
}

static bool shell_do_out(struct shell *shell, str argument)
{
    FILE *file = NULL;

    if (argument.len > 0) {
        int fd = open(arena_c_string(shell->t->mem, argument),
                      O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

        file = fd >= 0 ? fdopen(fd, "w") : NULL;
        if (file == NULL) {
            task_fail_errno(shell->t, ERR_IO, "cannot write %.*s", STR_ARG(argument));
            return shell_failed(shell);
        }
    }
    if (shell->file != NULL && fclose(shell->file) != 0) {
        task_fail_errno(shell->t, ERR_IO, "cannot write the file before it");
        (void)shell_failed(shell);
    }
    shell->file = file;
    return true;
}

static bool shell_do_purpose(struct shell *shell, str argument)
{
    struct cli *cli = shell->cli;

    shell->purpose = arena_str(shell->mem, argument);
    cli->has[OPTION_purpose] = argument.len > 0;
    cli->value[OPTION_purpose] = shell->purpose;
    return true;
}

/* ---- texts from elsewhere */

static bool shell_do_include(struct shell *shell, str argument)
{
    str open = arena_str(shell->t->mem, buf_str(shell->text)), text;

    if (argument.len == 0) {
        task_fail(shell->t, ERR_USAGE, "which file?");
        return shell_failed(shell);
    }
    if (shell->depth >= SHELL_FILES_MAX) {
        task_fail(shell->t, ERR_LIMIT, "files name files more than %d deep", (int)SHELL_FILES_MAX);
        return shell_failed(shell);
    }
    if (!cli_read_file(shell->t, argument, DOCUMENT_BYTES_MAX, &text)) {
        return shell_failed(shell);
    }
    shell->depth++;
    buf_clear(shell->text);
    bool ok = shell_statements(shell, text, argument, NULL);
    shell->depth--;
    buf_clear(shell->text);
    return buf_add(shell->text, open) && ok;
}

static bool shell_write_draft(struct shell *shell, str text, char *path)
{
    int fd = mkostemps(path, 4, O_CLOEXEC);

    if (fd < 0) {
        return task_fail_errno(shell->t, ERR_IO, "cannot make the file %s", path);
    }
    bool ok = write(fd, text.ptr, text.len) == (ssize_t)text.len;
    ok = close(fd) == 0 && ok;
    return ok || task_fail_errno(shell->t, ERR_IO, "cannot write the file %s", path);
}

static bool shell_do_edit(struct shell *shell, str argument)
{
    const char *folder = getenv("TMPDIR");
    char *path = arena_c_string(shell->t->mem,
                                arena_format(shell->t->mem, "%s/weft-XXXXXX.sql",
                                             folder != NULL && folder[0] == '/' ? folder : "/tmp"));
    str text = shell->text->len > 0 ? buf_str(shell->text) : shell->last, rest;
    int status;

    (void)argument;
    if (!shell_write_draft(shell, text, path)) {
        return shell_failed(shell);
    }
    bool ok = shell_run_program("exec ${VISUAL:-${EDITOR:-vi}} \"$1\"", path, -1, &status);
    if (!ok) {
        task_fail(shell->t, ERR_IO, "the editor failed");
        task_hint(shell->t, "VISUAL or EDITOR names another");
    }
    ok = ok && cli_read_file(shell->t, str_of(path), SQL_BYTES_MAX, &text);
    unlink(path);
    if (!ok) {
        return shell_failed(shell);
    }
    text = str_trim(text);
    buf_clear(shell->text);
    printf("%.*s\n", STR_ARG(text));
    shell_history_add(shell, text);
    ok = shell_typed(shell, text, &rest);
    if (ok && rest.len > 0 && buf_add(shell->text, rest)) {
        (void)buf_add_byte(shell->text, '\n');
    }
    return ok;
}

static bool shell_do_print(struct shell *shell, str argument)
{
    str text = shell->text->len > 0 ? buf_str(shell->text) : shell->last;

    (void)argument;
    printf("%.*s\n", STR_ARG(str_trim(text)));
    return true;
}

static bool shell_do_reset(struct shell *shell, str argument)
{
    (void)argument;
    buf_clear(shell->text);
    return true;
}

/* ---- the rest */

static bool shell_do_help(struct shell *shell, str argument)
{
    (void)shell, (void)argument;
    puts("A statement ends with ; and may have many lines. Tab completes names and words.\n"
         "Ctrl-C ends the statement, Ctrl-R searches older ones.\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        printf("  %-8s %-10s  %s\n", rows[i].name, rows[i].argument, rows[i].meaning);
    }
    return true;
}

static bool shell_do_quit(struct shell *shell, str argument)
{
    (void)argument;
    shell->is_over = true;
    return true;
}
