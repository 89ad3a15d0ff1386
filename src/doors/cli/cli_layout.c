#include <string.h>

#include "cli_inside.h"
#include "width/width.h"

/* How a row lies on the screen: columns side by side while they fit, cells over several lines or cut where they do not, and a line
 * a value where even that is too wide. What goes to a file or a pipe has no width and stays whole. */

enum { LAYOUT_CELL_LEAST = 8, LAYOUT_ROWS = 100 };

/* How long a word may be that is not broken, from what reads best to what still reads. */
static const size_t layout_pieces[] = {24, 13, 11};

/* ---- where a text may be broken */

/* After this byte, a space or a mark between the words of names. Times and numbers are broken at spaces only. */
static bool layout_ends_piece(str text, size_t at)
{
    char c = text.ptr[at];
    bool is_time =
        text.len < sizeof("2026-11-22 10:47:24") && text.ptr[0] >= '0' && text.ptr[0] <= '9';

    return c == ' ' || (!is_time && memchr(".,-_/:;|&=", c, 10) != NULL);
}

size_t cli_layout_break(str text, size_t columns)
{
    size_t head = width_head(text, columns), ignored;

    if (head >= text.len) {
        return text.len;
    }
    if (head == 0) {
        return width_at(text, 0, &ignored);
    }
    if (text.ptr[head] == ' ') {
        return head;
    }
    for (size_t at = head; at > 0; at--) {
        if (layout_ends_piece(text, at - 1)) {
            return at;
        }
    }
    return head;
}

/* The narrowest that a text can be without a break inside of a word; long words are broken all the same. */
static size_t layout_least(str text, size_t piece_most)
{
    size_t most = 0, from = 0;

    for (size_t at = 0; at < text.len; at++) {
        if (at + 1 == text.len || layout_ends_piece(text, at)) {
            /* Lines after the first are set in by one. */
            size_t width = width_of(str_sub(text, from, at + 1 - from)) + (from > 0 ? 1 : 0);

            most = width > most ? width : most;
            from = at + 1;
        }
    }
    return most < piece_most ? most : piece_most;
}

/* ---- how wide each column is */

static str layout_kept(const struct table *table, size_t row, size_t column)
{
    str cell = table->kept[row * table->len + column];

    return cell.ptr == NULL ? STR("NULL") : cell;
}

static str layout_title(const struct table *table, size_t column)
{
    const struct cli_column *c = &table->columns[column];

    return table_shown(table->mem, str_of(c->title != NULL ? c->title : c->key));
}

static size_t layout_whole_width(const struct table *table)
{
    size_t all = table->is_ruled ? 2 : 0;
    bool is_first = true;

    for (size_t i = 0; i < table->len; i++) {
        if (!table->is_left_out[i]) {
            all += table->widths[i] + (is_first ? 0 : table->is_ruled ? 3 : 2);
            is_first = false;
        }
    }
    return all;
}

static bool layout_fits(const struct table *table)
{
    return table->width == 0 || layout_whole_width(table) <= (size_t)table->width;
}

/* Numbers are never cut nor broken; of the cells of an answer some part remains, of words in a list each is whole. */
static size_t layout_column_least(const struct table *table, size_t column, size_t piece_most)
{
    size_t least = width_of(layout_title(table, column));

    if (table->columns[column].is_right) {
        return table->widths[column];
    }
    if (table->is_ruled) {
        return table->widths[column] < LAYOUT_CELL_LEAST ? table->widths[column]
                                                         : LAYOUT_CELL_LEAST;
    }
    for (size_t row = 0; row < table->kept_len; row++) {
        size_t piece = layout_least(layout_kept(table, row, column), piece_most);

        least = piece > least ? piece : least;
    }
    return least < table->widths[column] ? least : table->widths[column];
}

/* In a list, columns in which nobody has anything say the least. */
static void layout_leave_out(struct table *table)
{
    for (size_t i = 1; i < table->len && !table->is_ruled && table->kept_len > 0; i++) {
        bool has_any = false;

        for (size_t row = 0; row < table->kept_len; row++) {
            str cell = layout_kept(table, row, i);

            has_any = has_any || (cell.len > 0 && !str_eq(cell, STR("-")));
        }
        table->is_left_out[i] = !has_any;
    }
}

/* How many lines the cells of a column take beyond their first; of an answer, whose cells are cut, none. */
static size_t layout_lines(const struct table *table, size_t column, size_t width)
{
    size_t lines = 0, rows = table->kept_len < LAYOUT_ROWS ? table->kept_len : LAYOUT_ROWS;

    for (size_t row = 0; row < rows && !table->is_ruled; row++) {
        str rest = layout_kept(table, row, column);

        for (size_t more = 0; rest.len > 0; more = 1) {
            rest = str_from(rest, cli_layout_break(rest, width - more));
            lines += rest.len > 0 ? 1 : 0;
        }
    }
    return lines;
}

/* The column that a row becomes least taller by when it gives way; among equals the widest. */
static size_t layout_next(const struct table *table, const size_t *least)
{
    size_t next = table->len, next_cost = 0;

    for (size_t i = 0; i < table->len; i++) {
        if (table->is_left_out[i] || table->widths[i] <= least[i]) {
            continue;
        }
        size_t cost =
            layout_lines(table, i, table->widths[i] - 1) - layout_lines(table, i, table->widths[i]);

        if (next == table->len || cost < next_cost
            || (cost == next_cost && table->widths[i] > table->widths[next])) {
            next = i;
            next_cost = cost;
        }
    }
    return next;
}

/* Columns give way until the row fits, if it can. */
static bool layout_shrink(struct table *table, size_t piece_most)
{
    size_t *least = ARENA_ARRAY(table->mem, size_t, table->len + 1);

    for (size_t i = 0; i < table->len; i++) {
        least[i] = layout_column_least(table, i, piece_most);
    }
    while (!layout_fits(table)) {
        size_t next = layout_next(table, least);

        if (next == table->len) {
            return false;
        }
        table->widths[next]--;
    }
    return true;
}

void cli_layout_decide(struct table *table)
{
    size_t *natural = ARENA_ARRAY(table->mem, size_t, table->len + 1);

    for (size_t i = 0; i < table->len; i++) {
        table->widths[i] = width_of(layout_title(table, i));
        table->title_width =
            table->widths[i] > table->title_width ? table->widths[i] : table->title_width;
        for (size_t row = 0; row < table->kept_len; row++) {
            size_t width = width_of(layout_kept(table, row, i));

            table->widths[i] = width > table->widths[i] ? width : table->widths[i];
        }
        natural[i] = table->widths[i];
    }
    if (table->is_records || table->kept_len == 0 || layout_fits(table)) {
        return;
    }
    layout_leave_out(table);
    /* A cell of a megabyte would give way column by column. */
    for (size_t i = 0; i < table->len; i++) {
        size_t most = (size_t)table->width;

        table->widths[i] = natural[i] < most || table->columns[i].is_right ? natural[i] : most;
    }
    bool fits = false;
    for (size_t i = 0; i < sizeof(layout_pieces) / sizeof(layout_pieces[0]) && !fits; i++) {
        fits = layout_shrink(table, layout_pieces[i]);
    }
    if (!fits) {
        memset(table->is_left_out, 0, table->len * sizeof(*table->is_left_out));
        table->is_records = true;
    }
}

/* ---- one row */

static void layout_pad(FILE *out, size_t width)
{
    for (size_t i = 0; i < width; i++) {
        fputc(' ', out);
    }
}

/* The head of a text that takes at most so many columns, with `...` where something was cut. */
static str layout_cut(struct arena *mem, str text, size_t most)
{
    if (width_of(text) <= most) {
        return text;
    }
    return arena_format(mem, "%.*s...", (int)width_head(text, most > 3 ? most - 3 : 0), text.ptr);
}

/* Gives the spaces that are owed before the next cell: a line ends with none. */
static size_t layout_print_cell(const struct table *table, size_t column, str line, bool is_dim,
                                size_t owed)
{
    size_t width = table->widths[column], taken = width_of(line);
    size_t pad = taken < width ? width - taken : 0;

    if (line.len == 0) {
        return owed + pad;
    }
    layout_pad(table->out, owed + (table->columns[column].is_right ? pad : 0));
    fprintf(table->out, is_dim ? "\033[2m%.*s\033[0m" : "%.*s", STR_ARG(line));
    return table->columns[column].is_right ? 0 : pad;
}

/* What stands between two cells; spaces are owed. */
static size_t layout_print_gap(const struct table *table, bool is_first, size_t owed)
{
    if (!table->is_ruled) {
        return owed + (is_first ? 0 : 2);
    }
    if (!is_first) {
        layout_pad(table->out, owed);
        fputs(" |", table->out);
        owed = 0;
    }
    return owed + 1;
}

static str layout_without_end(str line)
{
    while (line.len > 0 && line.ptr[line.len - 1] == ' ') {
        line.len--;
    }
    return line;
}

/* What of the cells comes on this line of the row; the rest stays in `rests`. */
static str layout_take(const struct table *table, size_t column, str *rests, bool is_first)
{
    str rest = rests[column], line;
    size_t width = table->widths[column], len;

    if (table->width == 0 || table->columns[column].is_right || table->is_ruled) {
        rests[column] = STR_NONE;
        return table->width == 0 || table->columns[column].is_right
                 ? rest
                 : layout_cut(table->mem, rest, width);
    }
    if (rest.len == 0 || is_first || width < LAYOUT_CELL_LEAST) {
        len = cli_layout_break(rest, width);
        line = layout_without_end(str_sub(rest, 0, len));
    } else {
        len = cli_layout_break(rest, width - 1);
        line =
            arena_format(table->mem, " %.*s", STR_ARG(layout_without_end(str_sub(rest, 0, len))));
    }
    rest = str_from(rest, len);
    while (rest.len > 0 && rest.ptr[0] == ' ') {
        rest = str_from(rest, 1);
    }
    rests[column] = rest;
    return line;
}

static void layout_print_line(const struct table *table, const str *cells)
{
    str *rests = ARENA_ARRAY(table->mem, str, table->len + 1);
    bool has_more = true;

    for (size_t i = 0; i < table->len; i++) {
        rests[i] = cells[i].ptr == NULL ? STR("NULL") : cells[i];
    }
    for (bool is_first = true; has_more; is_first = false) {
        size_t owed = 0;

        has_more = false;
        for (size_t i = 0; i < table->len; i++) {
            if (table->is_left_out[i]) {
                continue;
            }
            owed = layout_print_gap(table, i == 0, owed);
            owed = layout_print_cell(table, i, layout_take(table, i, rests, is_first),
                                     cells[i].ptr == NULL && table->is_colored, owed);
            has_more = has_more || rests[i].len > 0;
        }
        fputc('\n', table->out);
    }
}

void cli_layout_print_text(FILE *out, str text, size_t indent, size_t width)
{
    bool is_narrow = width == 0 || width < indent + LAYOUT_CELL_LEAST;

    for (bool is_first = true; text.len > 0 || is_first; is_first = false) {
        size_t len = is_narrow ? text.len : cli_layout_break(text, width - indent);

        if (!is_first) {
            layout_pad(out, indent);
        }
        str line = str_sub(text, 0, len);
        fprintf(out, "%.*s\n", STR_ARG(is_narrow ? line : layout_without_end(line)));
        text = str_from(text, len);
        while (text.len > 0 && text.ptr[0] == ' ') {
            text = str_from(text, 1);
        }
    }
}

static void layout_print_record(struct table *table, const str *cells)
{
    table->printed++;
    if (table->is_ruled) {
        fprintf(table->out, "-[ RECORD %llu ]", (unsigned long long)table->printed);
        fputs("--------------------\n", table->out);
    } else if (table->printed > 1) {
        fputc('\n', table->out);
    }
    for (size_t i = 0; i < table->len; i++) {
        str title = layout_title(table, i), cell = cells[i].ptr == NULL ? STR("NULL") : cells[i];
        bool is_dim = cells[i].ptr == NULL && table->is_colored;

        if (!table->is_ruled && (cell.len == 0 || str_eq(cell, STR("-")))) {
            continue;
        }
        fprintf(table->out, "%.*s", STR_ARG(title));
        layout_pad(table->out, table->title_width - width_of(title));
        if (!table->is_ruled) {
            fputs("  ", table->out);
            cli_layout_print_text(table->out, cell, table->title_width + 2, (size_t)table->width);
        } else {
            fprintf(table->out, is_dim ? " | \033[2m%.*s\033[0m\n" : " | %.*s\n", STR_ARG(cell));
        }
    }
}

void cli_layout_print(struct table *table, const str *cells)
{
    struct arena_mark mark = arena_mark(table->mem);

    if (table->is_records) {
        layout_print_record(table, cells);
    } else {
        layout_print_line(table, cells);
    }
    arena_rewind(table->mem, mark);
}

/* Of a list without a row: as many lines as they need. */
static void layout_print_titles(const struct table *table)
{
    struct str_list titles = {0};

    for (size_t i = 0; i < table->len; i++) {
        vec_push(table->mem, &titles, layout_title(table, i));
    }
    cli_layout_print_text(table->out, str_list_join(table->mem, &titles, STR("  ")), 0,
                          (size_t)table->width);
}

void cli_layout_print_head(const struct table *table)
{
    size_t owed = 0;

    if (table->is_records) {
        return;
    }
    if (table->kept_len == 0 && !table->is_ruled) {
        layout_print_titles(table);
        return;
    }
    for (size_t i = 0; i < table->len; i++) {
        str title = layout_title(table, i);

        if (!table->is_left_out[i]) {
            title = table->width > 0 ? layout_cut(table->mem, title, table->widths[i]) : title;
            owed = layout_print_gap(table, i == 0, owed);
            owed = layout_print_cell(table, i, title, false, owed);
        }
    }
    fputc('\n', table->out);
    for (size_t i = 0; table->is_ruled && i < table->len; i++) {
        fputs(i == 0 ? "-" : "-+-", table->out);
        for (size_t j = 0; j < table->widths[i]; j++) {
            fputc('-', table->out);
        }
        fputs(i + 1 == table->len ? "-\n" : "", table->out);
    }
}
