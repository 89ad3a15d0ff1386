#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf/buf.h"
#include "limits/limits.h"
#include "shell_inside.h"

/* One statement a line, in the file of the user's state: appended at once, so that shells side by side lose nothing of each
 * other. A backslash and a line feed come as two characters. */

enum { HISTORY_BYTES_MAX = 1 << 20, HISTORY_KEPT_BYTES = 1 << 18 };

/* `$XDG_STATE_HOME/weft/history`, by default below ~/.local/state. */
static str history_path(struct shell *shell)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    str folder;

    if (state != NULL && state[0] == '/') {
        folder = arena_format(shell->mem, "%s/weft", state);
    } else if (home != NULL && home[0] == '/') {
        folder = arena_format(shell->mem, "%s/.local/state/weft", home);
    } else {
        return STR_NONE;
    }
    for (size_t i = 1; i <= folder.len; i++) {
        if (i == folder.len || folder.ptr[i] == '/') {
            const char *part = arena_c_string(shell->mem, str_sub(folder, 0, i));

            if (mkdir(part, 0700) != 0 && errno != EEXIST) {
                return STR_NONE;
            }
        }
    }
    return arena_format(shell->mem, "%.*s/history", STR_ARG(folder));
}

static str history_unescape(struct arena *mem, str line)
{
    struct buf *b = buf_new(mem, line.len + 1);

    for (size_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];

        if (c == '\\' && i + 1 < line.len) {
            c = line.ptr[++i];
            c = c == 'n' ? '\n' : c;
        }
        buf_add_byte(b, c);
    }
    return buf_str(b);
}

static str history_escape(struct arena *mem, str text)
{
    struct buf *b = buf_new(mem, text.len * 2 + 2);

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '\\' || c == '\n') {
            buf_add_byte(b, '\\');
            c = c == '\n' ? 'n' : c;
        }
        buf_add_byte(b, c);
    }
    buf_add_byte(b, '\n');
    return buf_str(b);
}

/* A file that has grown large begins anew with its end. Beside it, then in its place: a crash leaves one or the other. */
static void history_shorten(struct shell *shell, str text)
{
    str beside = arena_format(shell->mem, "%.*s.new", STR_ARG(shell->history_path));
    str tail = str_from(text, text.len - HISTORY_KEPT_BYTES), head, rest;
    int fd = open(beside.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        return;
    }
    (void)str_cut(tail, '\n', &head, &rest);
    bool ok = write(fd, rest.ptr, rest.len) == (ssize_t)rest.len;
    ok = close(fd) == 0 && ok;
    if (!ok || rename(beside.ptr, shell->history_path.ptr) != 0) {
        unlink(beside.ptr);
    }
}

void shell_history_open(struct shell *shell)
{
    struct task *t = shell->t;
    str text, line;
    int fd;

    shell->history_path = history_path(shell);
    if (shell->history_path.len == 0) {
        return;
    }
    fd = open(shell->history_path.ptr, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    /* Statements hold values: others must not read them, whoever made the file. */
    if (fd < 0 || fchmod(fd, 0600) != 0) {
        shell->history_path = STR_NONE;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (shell->history_path.len == 0
        || !cli_read_file(t, shell->history_path, HISTORY_BYTES_MAX * 4, &text)) {
        task_clear_error(t);
        return;
    }
    if (text.len > HISTORY_BYTES_MAX) {
        history_shorten(shell, text);
    }
    while (text.len > 0) {
        (void)str_cut(text, '\n', &line, &text);
        if (line.len > 0) {
            line_edit_remember(shell->edit, history_unescape(t->mem, line));
        }
    }
}

void shell_history_add(struct shell *shell, str text)
{
    str line;
    int fd;

    text = str_trim(text);
    if (text.len == 0) {
        return;
    }
    line_edit_remember(shell->edit, text);
    if (shell->history_path.len == 0) {
        return;
    }
    line = history_escape(shell->t->mem, text);
    fd =
        open(shell->history_path.ptr, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0) {
        /* What does not fit on the disk is no reason to end a session. */
        ssize_t written = write(fd, line.ptr, line.len);

        (void)written;
        close(fd);
    }
}
