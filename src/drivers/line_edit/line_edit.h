/* Lines that somebody types on a terminal: editing, history, completion, pasted text; by libedit. */
#ifndef WEFT_LINE_EDIT_H
#define WEFT_LINE_EDIT_H

#include "buf/buf.h"
#include "task/task.h"
#include "vec/vec.h"

struct line_edit;

/* Who owns the lines. All are called while a line is read. */
struct line_edit_owner {
    void *state;
    /* What the word that ends `before` (the line up to the cursor) may become, in `out`; the word's bytes are `word_out`. `after` is
     * the rest of the line. */
    void (*complete)(void *state, struct arena *mem, str before, str after, struct str_list *out,
                     size_t *word_out);
    /* True when a signal was heard that ends the line. */
    bool (*is_stopped)(void *state);
    /* Once a second while nobody types. */
    void (*idle)(void *state);
};

enum line_edit_end { LINE_EDIT_LINE, LINE_EDIT_STOPPED, LINE_EDIT_CLOSED };

/* On standard input and output, which must be a terminal. Reads ~/.editrc. */
MUST_CHECK bool line_edit_open(struct task *t, const struct line_edit_owner *owner,
                               struct line_edit **out);
void line_edit_close(struct line_edit *edit);
/* What the keys for older lines bring; may be of several lines. */
void line_edit_remember(struct line_edit *edit, str text);
/* One line, without its end, into `out`. Of text that is pasted the line feeds stay inside. */
enum line_edit_end line_edit_read(struct line_edit *edit, str prompt, struct buf *out);

#endif
