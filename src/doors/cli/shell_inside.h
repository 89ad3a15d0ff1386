/* The parts of the shell of `weft query`. */
#ifndef WEFT_SHELL_INSIDE_H
#define WEFT_SHELL_INSIDE_H

#include "cli_inside.h"
#include "line_edit/line_edit.h"

/* What the caller may discover, as far as it was asked for; forgotten after a while. */
struct shell_catalog {
    struct arena *mem; /* NULL: nothing is known */
    int64_t asked_ms;
    const struct tree *products;
    VEC_OF(const struct tree *) /* each with its tables and their columns */
};

struct shell {
    struct task *t;
    struct cli *cli;
    struct line_edit *edit;
    struct arena *mem; /* as long as the shell */
    struct buf *text;  /* of a statement that has not ended */
    str mesh, purpose, last, history_path;
    struct shell_catalog catalog;
    FILE *file; /* of `\o` */
    bool shows_time, is_over;
    int depth;   /* of files that name files */
    int hold_fd; /* a connection that keeps the server of the home awake; below 0: none */
};

/* ---- shell.c */

/* Runs all statements of a text; the rest after the last `;` is `rest_out`, or run too where that is NULL. Errors name the file. False
 * when one failed: it was told. */
bool shell_statements(struct shell *shell, str text, str file, str *rest_out);
/* The same of a text that was typed or edited. The statement before is then all of it, or of one with commands the last that was asked. */
bool shell_typed(struct shell *shell, str text, str *rest_out);
/* Calls and prints with the output of the shell: a pager, or the file of `\o`. Errors are told. */
bool shell_with_output(struct shell *shell, bool (*work)(struct shell *shell, void *state),
                       void *state);

/* ---- shell_commands.c */

/* A line that begins with a backslash. False when it failed: it was told. */
bool shell_command(struct shell *shell, str line);
/* Names of commands, for completion. */
void shell_command_names(struct arena *mem, struct str_list *out);

/* ---- shell_complete.c */

void shell_complete(void *shell, struct arena *mem, str before, str after, struct str_list *out,
                    size_t *word_out);

/* ---- shell_history.c */

/* Finds the file in the user's state folder, makes it, and remembers what it holds. Where that cannot be, there is no history. */
void shell_history_open(struct shell *shell);
void shell_history_add(struct shell *shell, str text);

/* ---- shell_pager.c */

struct shell_pager;
/* Takes bytes; shows them by $PAGER when they are more lines than the screen has. What a reader leaves unread cancels the task. */
FILE *shell_pager_open(struct task *t, struct arena *mem, struct shell_pager **out);
/* Waits for the pager. `has_left_out` says that the reader left before the end. */
void shell_pager_close(struct shell_pager *pager, FILE *out, bool *has_left_out);
/* A program of the shell's language with one argument, on the terminal; false when it could not run or failed. */
bool shell_run_program(const char *script, const char *argument, int stdin_fd, int *status_out);

#endif
