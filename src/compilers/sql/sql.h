/* The engine's own tree of one SELECT: read, checked against allow-lists, its table names and columns found. Pure. */
#ifndef WEFT_SQL_H
#define WEFT_SQL_H

#include "task/task.h"
#include "tree/tree.h"

/* A table name in FROM that is no CTE of a visible scope. */
struct sql_table {
    str catalog, schema, name; /* as written; catalog and schema may be empty */
    uint32_t position;         /* bytes from 1 in the text; 0 is unknown */
    struct str_list
        columns; /* column names that the text may read of it, lower case; `*` stands for all */
};

enum { SQL_TREE_MAGIC = 0x5e1e };

/* One parsed SELECT, for reading only: the text that runs is the text that came. */
struct sql_tree {
    uint32_t magic;
    str text;
    const struct tree *root; /* its statement node */
    struct {
        VEC_OF(struct sql_table)
    } tables; /* distinct by name, in order of appearance */
};

/* The text up to its end or first top-level `;`. Fails when it is longer than SQL_BYTES_MAX, no UTF-8, holds NUL, nests
 * comments deeper than SQL_COMMENT_DEPTH_MAX, is empty, or when anything but space and comments follows the `;`. */
MUST_CHECK bool sql_statement(struct task *t, str text, str *out);
/* Whether a `;` ends the first statement of the text, or a `\` begins a command of the shell in it, outside of quotes and comments;
 * the offset of the first of them. */
bool sql_find_end(str text, size_t *offset_out);
/* The text with `?` for every number and string literal and a space for every comment; all else as it was, quoted names too. Takes
 * any bytes, and what it takes for a literal is rather too much than too little. */
str sql_redact(struct arena *mem, str text);
/* The same for telling queries apart: one space for many, lower case outside of quoted names, `?` for a list of them. */
str sql_fingerprint(struct arena *mem, str text);
/* Where a text was changed: positions in what came of it lead back to where they were. */
struct sql_shift {
    uint32_t at, from_len, to_len; /* bytes from 0 in the new text */
};
struct sql_shifts {
    VEC_OF(struct sql_shift)
};
/* The first parameter (`$name`, `$1` or `?`) outside of quotes and comments, as written; its offset. */
bool sql_find_parameter(str text, str *name_out, size_t *offset_out);
/* The text with `expression` in place of every `$since` that stands outside of quotes and comments; the text itself where there is
 * none. */
str sql_put_since(struct arena *mem, str text, str expression, struct sql_shifts *shifts_out);
/* A position (from 1; 0 is unknown) in the text that came of it, as one in the text that was given. */
uint32_t sql_shift_back(const struct sql_shifts *shifts, uint32_t position);
/* From the JSON that the engine made of the text. Fails closed: more than one statement, SHOW or DESCRIBE, unknown node classes,
 * table functions off the list, refused functions, oversized literals, tree too big; with the position in the text and a hint. */
MUST_CHECK bool sql_read(struct task *t, str text, const struct tree *document,
                         struct sql_tree **out);
/* Line and column, from 1, of a byte position from 1 in a text. */
void sql_place(str text, uint32_t position, uint32_t *line_out, uint32_t *column_out);
/* The line of the position with a caret under it, as psql shows it; empty when the position is 0. Right by the columns of a terminal,
 * and below 80 of them: of a long line what stands around the place. Safe to print. */
str sql_caret(struct arena *mem, str text, uint32_t position);
/* True when a join in parentheses has a name of its own, as `(a JOIN b USING (id)) j`: the engine's tree leaves it out, so that the
 * tree alone does not tell what a name means. */
bool sql_hides_alias(struct arena *mem, str text);

#endif
