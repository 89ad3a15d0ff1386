#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "buf/buf.h"
#include "clock/clock.h"
#include "limits/limits.h"
#include "shell_inside.h"
#include "sql/sql.h"

/* ---- the server stays as long as the shell */

/* A server that a command began ends soon after its last client: one that waits for the next statement is a client too. */
static void shell_hold(void *state)
{
    struct shell *shell = state;
    str path = shell->cli->target.socket_path;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char byte;

    if (path.len == 0 || path.len >= sizeof(address.sun_path)) {
        return;
    }
    if (shell->hold_fd >= 0 && recv(shell->hold_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0) {
        return;
    }
    if (shell->hold_fd >= 0) {
        close(shell->hold_fd);
    }
    memcpy(address.sun_path, path.ptr, path.len);
    shell->hold_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (shell->hold_fd >= 0
        && connect(shell->hold_fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(shell->hold_fd);
        shell->hold_fd = -1;
    }
}

/* ---- signals */

/* What a signal stopped is over. False when it is one that ends the shell. */
static bool shell_heard(struct shell *shell)
{
    int number = cli_heard();

    atomic_store(&shell->t->cancelled, false);
    shell->is_over = shell->is_over || number == SIGTERM || number == SIGHUP;
    return !shell->is_over;
}

static bool shell_is_stopped(void *state)
{
    return atomic_load(&((struct shell *)state)->t->cancelled);
}

/* ---- one statement */

static void shell_tell(struct shell *shell)
{
    struct cli *cli = shell->cli;
    enum cli_format format = cli->format;

    cli->format = FORMAT_TABLE;
    cli_tell_error(shell->t, cli);
    cli->format = format;
    task_clear_error(shell->t);
}

bool shell_with_output(struct shell *shell, bool (*work)(struct shell *shell, void *state),
                       void *state)
{
    struct task *t = shell->t;
    struct cli *cli = shell->cli;
    struct arena *mem = arena_new();
    struct shell_pager *pager = NULL;
    bool has_left = false;

    cli->out = shell->file != NULL ? shell->file : shell_pager_open(t, mem, &pager);
    cli->out_width = shell->file != NULL ? 0 : cli_terminal_width(stdout, 0);
    bool ok = work(shell, state);
    if (pager != NULL) {
        shell_pager_close(pager, cli->out, &has_left);
    } else if (ok && fflush(shell->file) != 0) {
        ok = task_fail_errno(t, ERR_IO, "cannot write the file of \\o");
    }
    cli->out = stdout;
    if (!ok && has_left) {
        task_clear_error(t);
        ok = true;
    }
    if (!ok) {
        shell_tell(shell);
    }
    cli->problem = STR_NONE;
    cli->findings = NULL;
    cli->sql = cli->sql_file = STR_NONE;
    arena_free(mem);
    return shell_heard(shell) && ok;
}

struct shell_question {
    str text, file; /* all of the text that positions count in */
    size_t from, to;
    bool is_typed;
};

static bool shell_query(struct shell *shell, void *state)
{
    const struct shell_question *question = state;
    struct cli *cli = shell->cli;

    if (cli_query(shell->t, cli,
                  str_sub(question->text, question->from, question->to - question->from))) {
        return true;
    }
    cli->sql = question->text;
    cli->sql_file = question->file;
    if (shell->t->err.position > 0) {
        (void)task_position(shell->t, shell->t->err.position + (uint32_t)question->from);
    }
    return false;
}

static bool shell_ask(struct shell *shell, struct shell_question *question)
{
    struct arena_mark mark = arena_mark(shell->t->mem);
    int64_t began_us = clock_now_us();
    bool ok = shell_with_output(shell, shell_query, question);

    if (question->is_typed) {
        shell->last = arena_str(
            shell->mem, str_sub(question->text, question->from, question->to + 1 - question->from));
    }
    arena_rewind(shell->t->mem, mark);
    if (shell->shows_time) {
        printf("Time: %.3f ms\n", (double)(clock_now_us() - began_us) / 1000);
    }
    return ok;
}

/* Spaces and comments of a line: neither begins a statement. */
static size_t shell_skip_blanks(str text, size_t at)
{
    for (;;) {
        while (at < text.len && memchr(" \t\r\n", text.ptr[at], 4) != NULL) {
            at++;
        }
        if (!str_starts(str_from(text, at), STR("--"))) {
            return at;
        }
        at += str_find(str_from(text, at), STR("\n"));
    }
}

/* The text with spaces in place of some of its bytes: all others stay where they were. */
static str shell_blank(struct shell *shell, str text, size_t from, size_t to)
{
    char *copy = arena_c_string(shell->t->mem, text);

    memset(copy + from, ' ', to - from);
    return (str){copy, text.len};
}

static str shell_trim_end(str text)
{
    while (text.len > 0 && memchr(" \t", text.ptr[text.len - 1], 2) != NULL) {
        text.len--;
    }
    return text;
}

/* Runs the command at `begin`. What stands before it from `*at` on is the statement so far: a command may print, change or drop it. The
 * text goes on at `*at` without the command. False when it failed, and was told: the statement so far is then as the command left it. */
static bool shell_step(struct shell *shell, str file, size_t begin, str *text, size_t *at)
{
    size_t end = begin + str_find(str_from(*text, begin), STR("\n"));
    str before = shell_trim_end(str_sub(*text, *at, begin - *at)), now, after;

    if (!buf_add(shell->text, before)) {
        buf_clear(shell->text);
        task_fail(shell->t, ERR_LIMIT, "the statement is larger than %d bytes", SQL_BYTES_MAX);
        shell_tell(shell);
        return false;
    }
    if (!shell_command(shell, str_trim(str_sub(*text, begin, end - begin)))) {
        return false;
    }
    now = arena_str(shell->t->mem, buf_str(shell->text));
    buf_clear(shell->text);
    if (now.len == 0 || (file.len > 0 && !str_eq(now, before))) {
        *at = end;
    } else if (file.len > 0) {
        *text = shell_blank(shell, *text, begin, end);
    } else {
        after = str_from(*text, end < text->len && str_ends(now, STR("\n")) ? end + 1 : end);
        *text = arena_format(shell->t->mem, "%.*s%.*s", STR_ARG(now), STR_ARG(after));
        *at = 0;
    }
    return true;
}

bool shell_statements(struct shell *shell, str text, str file, str *rest_out)
{
    size_t at = shell_skip_blanks(text, 0), end;
    bool ok = true;

    while (ok && at < text.len && !shell->is_over) {
        struct shell_question question = {
            .text = text, .file = file, .from = at, .is_typed = rest_out != NULL};
        bool has_end = sql_find_end(str_from(text, at), &end);

        if (has_end && text.ptr[at + end] == '\\') {
            ok = shell_step(shell, file, at + end, &text, &at);
            end = 0;
        } else if (has_end || rest_out == NULL) {
            question.to = at + end;
            ok = end == 0 || shell_ask(shell, &question);
            end++;
        } else {
            break;
        }
        at = shell_skip_blanks(text, at + end < text.len ? at + end : text.len);
    }
    if (rest_out != NULL) {
        *rest_out = ok ? str_from(text, at) : STR_NONE;
    }
    return ok;
}

static bool shell_has_command(str text)
{
    size_t end;

    while (sql_find_end(text, &end)) {
        if (text.ptr[end] == '\\') {
            return true;
        }
        text = str_from(text, end + 1);
    }
    return false;
}

bool shell_typed(struct shell *shell, str text, str *rest_out)
{
    bool ok = shell_statements(shell, text, STR_NONE, rest_out);

    if (!shell_has_command(text)) {
        shell->last = arena_str(shell->mem, str_trim(text));
    }
    return ok;
}

/* ---- lines */

static str shell_prompt(const struct shell *shell)
{
    bool goes_on = shell->text->len > 0;

    return shell->purpose.len > 0
             ? arena_format(shell->t->mem, "%.*s(%.*s)%s ", STR_ARG(shell->mesh),
                            STR_ARG(shell->purpose), goes_on ? "->" : "=>")
             : arena_format(shell->t->mem, "%.*s%s ", STR_ARG(shell->mesh), goes_on ? "->" : "=>");
}

static bool shell_is_word_of_leaving(str line)
{
    line = str_trim(line);
    return str_eq(line, STR("quit")) || str_eq(line, STR("exit"));
}

static void shell_line(struct shell *shell, str line)
{
    str rest = STR_NONE, text;
    size_t end = 0;

    if (shell->text->len == 0 && shell_is_word_of_leaving(line)) {
        shell->is_over = true;
        return;
    }
    if (!buf_add(shell->text, line) || !buf_add_byte(shell->text, '\n')) {
        fprintf(stderr, "weft: error: the statement is larger than %d bytes\n", SQL_BYTES_MAX);
        buf_clear(shell->text);
        return;
    }
    text = arena_str(shell->t->mem, buf_str(shell->text));
    text = str_from(text, shell_skip_blanks(text, 0));
    if (text.len > 0 && !sql_find_end(text, &end)) {
        return;
    }
    buf_clear(shell->text);
    if (text.len == 0) {
        return;
    }
    shell_history_add(shell, text.ptr[end] == '\\' ? line : text);
    if (shell_typed(shell, text, &rest) && rest.len > 0) {
        (void)buf_add(shell->text, rest);
    }
}

static void shell_loop(struct shell *shell)
{
    struct buf *line = buf_new(shell->mem, SQL_BYTES_MAX);

    while (!shell->is_over) {
        struct arena_mark mark = arena_mark(shell->t->mem);
        enum line_edit_end end;

        fflush(stdout);
        end = line_edit_read(shell->edit, shell_prompt(shell), line);
        if (end == LINE_EDIT_CLOSED) {
            putchar('\n');
            shell->is_over = true;
        } else if (end == LINE_EDIT_STOPPED) {
            buf_clear(shell->text);
            (void)shell_heard(shell);
        } else {
            shell_line(shell, buf_str(line));
        }
        arena_rewind(shell->t->mem, mark);
    }
}

static bool shell_greet(struct shell *shell)
{
    const struct tree *status;

    if (!cli_call(shell->t, shell->cli, "GET", STR("/api/v1/status"), STR_NONE, &status)) {
        return false;
    }
    shell->mesh = arena_str(shell->mem, tree_find_text(status, STR("mesh")));
    if (shell->mesh.len == 0) {
        shell->mesh = STR("weft");
    }
    if (!shell->cli->has[OPTION_quiet]) {
        printf("weft " WEFT_VERSION ", mesh %.*s. \\? lists commands, \\q ends.\n",
               STR_ARG(shell->mesh));
    }
    return true;
}

bool shell_run(struct task *t, struct cli *cli)
{
    struct shell shell = {.t = t, .cli = cli, .mem = arena_new(), .hold_fd = -1};
    struct line_edit_owner owner = {.state = &shell,
                                    .complete = shell_complete,
                                    .is_stopped = shell_is_stopped,
                                    .idle = shell_hold};

    signal(SIGPIPE, SIG_IGN);
    shell.text = buf_new(shell.mem, SQL_BYTES_MAX);
    shell.purpose = cli->has[OPTION_purpose] ? cli->value[OPTION_purpose] : STR_NONE;
    bool ok = shell_greet(&shell) && line_edit_open(t, &owner, &shell.edit);
    if (ok) {
        cli_listen_on();
        shell_history_open(&shell);
        shell_hold(&shell);
        shell_loop(&shell);
        line_edit_close(shell.edit);
    }
    if (shell.file != NULL) {
        ok = fclose(shell.file) == 0 && ok;
    }
    if (shell.hold_fd >= 0) {
        close(shell.hold_fd);
    }
    if (shell.catalog.mem != NULL) {
        arena_free(shell.catalog.mem);
    }
    arena_free(shell.mem);
    return ok;
}
