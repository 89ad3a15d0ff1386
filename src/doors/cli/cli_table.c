#include <string.h>

#include "buf/buf.h"
#include "cli_inside.h"
#include "limits/limits.h"

enum { TABLE_CELL_LEAST = 8 };

/* ---- what a text looks like */

static uint32_t table_character(str text, size_t at, size_t len)
{
    unsigned char first = (unsigned char)text.ptr[at];
    uint32_t code = len == 1 ? first : first & (0x7fu >> len);

    for (size_t i = 1; i < len; i++) {
        code = code << 6 | ((unsigned char)text.ptr[at + i] & 0x3f);
    }
    return code;
}

static size_t table_character_width(uint32_t code)
{
    static const struct {
        uint32_t from, to;
        size_t width;
    } ranges[] = {
        {0x0300, 0x036f, 0},   {0x1100, 0x115f, 2},   {0x200b, 0x200f, 0},   {0x20d0, 0x20ff, 0},
        {0x2e80, 0x303e, 2},   {0x3041, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},
        {0xfe00, 0xfe0f, 0},   {0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},   {0xffe0, 0xffe6, 2},
        {0x1f300, 0x1f64f, 2}, {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2},
    };

    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (code >= ranges[i].from && code <= ranges[i].to) {
            return ranges[i].width;
        }
    }
    return 1;
}

size_t table_width(str text)
{
    size_t width = 0;

    for (size_t at = 0; at < text.len;) {
        size_t len = str_utf8_at(text, at);

        width += len > 0 ? table_character_width(table_character(text, at, len)) : 1;
        at += len > 0 ? len : 1;
    }
    return width;
}

static bool table_is_plain(str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c < 0x20 || c >= 0x7f) {
            return false;
        }
    }
    return true;
}

str table_size(struct arena *mem, uint64_t bytes)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    double size = (double)bytes;
    size_t unit = 0;

    while (size >= 1000 && unit < 4) {
        size /= 1000;
        unit++;
    }
    return arena_format(mem, "%.*f %s", unit > 0 && size < 100 ? 1 : 0, size, units[unit]);
}

str table_shown(struct arena *mem, str text)
{
    struct buf *b;

    if (table_is_plain(text)) {
        return text;
    }
    b = buf_new(mem, text.len * 6 + 1);
    for (size_t at = 0; at < text.len;) {
        size_t len = str_utf8_at(text, at);
        uint32_t code = len > 0 ? table_character(text, at, len) : (unsigned char)text.ptr[at];

        if (code == '\n') {
            buf_add(b, STR("\\n"));
        } else if (code == '\t') {
            buf_add(b, STR("\\t"));
        } else if (len == 0 || code < 0x20 || code == 0x7f) {
            buf_format(b, "\\x%02x", (unsigned)code);
        } else if ((code >= 0x80 && code < 0xa0) || (code >= 0x202a && code <= 0x202e)
                   || (code >= 0x2066 && code <= 0x2069)) {
            buf_format(b, "\\u%04x", (unsigned)code);
        } else {
            buf_add(b, str_sub(text, at, len));
        }
        at += len > 0 ? len : 1;
    }
    return buf_str(b);
}

/* The head of a text that takes at most so many columns, with `...` where something was cut. */
static str table_cut(struct arena *mem, str text, size_t most)
{
    size_t width = 0, at = 0;

    if (table_width(text) <= most) {
        return text;
    }
    while (at < text.len) {
        size_t len = str_utf8_at(text, at);
        size_t more = len > 0 ? table_character_width(table_character(text, at, len)) : 1;

        if (width + more + 3 > most) {
            break;
        }
        width += more;
        at += len > 0 ? len : 1;
    }
    return arena_format(mem, "%.*s...", (int)at, text.ptr);
}

/* ---- printing */

static void table_pad(FILE *out, size_t width)
{
    for (size_t i = 0; i < width; i++) {
        fputc(' ', out);
    }
}

static void table_print_cell(const struct table *table, size_t column, str cell, bool is_null)
{
    bool is_last = column + 1 == table->len, is_dim = is_null && table->is_colored;
    struct arena *mem = table->mem;
    struct arena_mark mark = arena_mark(mem);
    size_t width = table->widths[column], taken;

    /* Only where somebody looks: what goes to a file stays whole. */
    cell = table->width > 0 ? table_cut(mem, cell, width) : cell;
    taken = table_width(cell);
    if (table->columns[column].is_right && taken < width) {
        table_pad(table->out, width - taken);
    }
    fprintf(table->out, is_dim ? "\033[2m%.*s\033[0m" : "%.*s", STR_ARG(cell));
    if (!table->columns[column].is_right && taken < width && !is_last) {
        table_pad(table->out, width - taken);
    }
    arena_rewind(mem, mark);
}

static void table_print(const struct table *table, const str *cells)
{
    for (size_t i = 0; i < table->len; i++) {
        fputs(i == 0 ? (table->is_ruled ? " " : "") : (table->is_ruled ? " | " : "  "), table->out);
        table_print_cell(table, i, cells[i].ptr == NULL ? STR("NULL") : cells[i],
                         cells[i].ptr == NULL);
    }
    fputc('\n', table->out);
}

static str table_title(const struct table *table, size_t column)
{
    const struct cli_column *c = &table->columns[column];

    return str_of(c->title != NULL ? c->title : c->key);
}

static void table_print_head(const struct table *table)
{
    for (size_t i = 0; i < table->len; i++) {
        fputs(i == 0 ? (table->is_ruled ? " " : "") : (table->is_ruled ? " | " : "  "), table->out);
        table_print_cell(table, i, table_shown(table->mem, table_title(table, i)), false);
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

/* The widest columns give way until the row fits, if it can. */
static void table_fit(struct table *table)
{
    size_t gap = table->is_ruled ? 3 : 2, all = table->is_ruled ? 2 : 0;

    for (size_t i = 0; i < table->len; i++) {
        if (table->width > 0 && table->widths[i] > (size_t)table->width) {
            table->widths[i] = (size_t)table->width;
        }
        all += table->widths[i] + (i > 0 ? gap : 0);
    }
    while (table->width > 0 && all > (size_t)table->width) {
        size_t widest = 0;

        for (size_t i = 1; i < table->len; i++) {
            widest = table->widths[i] > table->widths[widest] ? i : widest;
        }
        if (table->widths[widest] <= TABLE_CELL_LEAST) {
            return;
        }
        table->widths[widest]--;
        all--;
    }
}

static void table_open(struct table *table)
{
    if (table->is_open) {
        return;
    }
    table->is_open = true;
    for (size_t i = 0; i < table->len; i++) {
        table->widths[i] = table_width(table_shown(table->mem, table_title(table, i)));
        for (size_t row = 0; row < table->kept_len; row++) {
            str cell = table->kept[row * table->len + i];
            size_t width = cell.ptr == NULL ? 4 : table_width(cell);

            table->widths[i] = width > table->widths[i] ? width : table->widths[i];
        }
    }
    table_fit(table);
    table_print_head(table);
    for (size_t row = 0; row < table->kept_len; row++) {
        table_print(table, &table->kept[row * table->len]);
    }
}

static void table_print_csv(FILE *out, str cell)
{
    bool needs_quotes = false;

    for (size_t i = 0; i < cell.len; i++) {
        char c = cell.ptr[i];
        needs_quotes = needs_quotes || c == ',' || c == '"' || c == '\n' || c == '\r';
    }
    if (!needs_quotes) {
        fwrite(cell.len > 0 ? cell.ptr : "", 1, cell.len, out);
        return;
    }
    fputc('"', out);
    for (size_t i = 0; i < cell.len; i++) {
        if (cell.ptr[i] == '"') {
            fputc('"', out);
        }
        fputc(cell.ptr[i], out);
    }
    fputc('"', out);
}

void table_begin(struct table *table, struct arena *mem, FILE *out,
                 const struct cli_column *columns, size_t len)
{
    *table = (struct table){.mem = mem,
                            .out = out,
                            .columns = columns,
                            .len = len,
                            .width = cli_terminal_width(out, 0),
                            .is_colored = cli_is_colored(out),
                            .widths = ARENA_ARRAY(mem, size_t, len > 0 ? len : 1)};
}

static void table_keep(struct table *table, const str *cells)
{
    if (table->kept_len == table->kept_cap) {
        size_t cap = table->kept_cap > 0 ? table->kept_cap * 2 : 16;
        str *grown = ARENA_ARRAY(table->mem, str, cap * (table->len + 1));

        if (table->kept_len > 0) {
            memcpy(grown, table->kept, table->kept_len * table->len * sizeof(str));
        }
        table->kept = grown;
        table->kept_cap = cap;
    }
    for (size_t i = 0; i < table->len; i++) {
        table->kept[table->kept_len * table->len + i] =
            cells[i].ptr == NULL ? STR_NONE
                                 : arena_str(table->mem, table_shown(table->mem, cells[i]));
    }
    table->kept_len++;
}

void table_row(struct table *table, const str *cells)
{
    table->rows++;
    if (table->is_csv) {
        if (!table->is_open) {
            for (size_t i = 0; i < table->len; i++) {
                fputs(i > 0 ? "," : "", table->out);
                table_print_csv(table->out, str_of(table->columns[i].key));
            }
            fputs("\r\n", table->out);
            table->is_open = true;
        }
        for (size_t i = 0; i < table->len; i++) {
            fputs(i > 0 ? "," : "", table->out);
            table_print_csv(table->out, cells[i]);
        }
        fputs("\r\n", table->out);
        return;
    }
    if (table->kept_len < TABLE_KEEP) {
        table_keep(table, cells);
        return;
    }
    struct arena_mark mark;
    str *shown;

    table_open(table);
    mark = arena_mark(table->mem);
    shown = ARENA_ARRAY(table->mem, str, table->len + 1);
    for (size_t i = 0; i < table->len; i++) {
        shown[i] = cells[i].ptr == NULL ? STR_NONE : table_shown(table->mem, cells[i]);
    }
    table_print(table, shown);
    arena_rewind(table->mem, mark);
}

void table_end(struct table *table)
{
    if (!table->is_csv) {
        table_open(table);
    }
}

/* ---- answers */

void table_json(struct task *t, const struct tree *tree, FILE *out)
{
    struct buf *b = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX * 2);

    tree_json(tree, b);
    fprintf(out, "%.*s\n", STR_ARG(buf_str(b)));
}

str table_cell(struct arena *mem, const struct tree *row, const char *key)
{
    str rest = str_of(key), part;
    struct buf *b;

    while (rest.len > 0 && row != NULL) {
        (void)str_cut(rest, '.', &part, &rest);
        row = tree_find(row, part);
    }
    if (row == NULL || row->kind == TREE_NULL) {
        return STR_NONE;
    }
    if (row->kind == TREE_SCALAR) {
        return row->text.ptr != NULL ? row->text : STR("");
    }
    b = buf_new(mem, HTTP_ANSWER_BYTES_MAX);
    for (size_t i = 0; i < row->len; i++) {
        buf_add(b, i > 0 ? STR(", ") : STR_NONE);
        if (row->kind == TREE_MAP) {
            buf_format(b, "%.*s: ", STR_ARG(row->at[i]->key));
        }
        if (row->at[i]->kind == TREE_SCALAR) {
            buf_add(b, row->at[i]->text);
        } else {
            tree_json(row->at[i], b);
        }
    }
    return b->len > 0 ? buf_str(b) : STR("");
}

str table_eased(struct arena *mem, str cell)
{
    bool is_time = cell.len == sizeof("2026-11-22T10:47:24.123456Z") - 1 && cell.ptr[10] == 'T'
                && cell.ptr[19] == '.' && cell.ptr[26] == 'Z';

    if (cell.len == 0) {
        return STR("-");
    }
    return is_time ? arena_format(mem, "%.10s %.8s", cell.ptr, cell.ptr + 11) : cell;
}

bool table_list(struct task *t, const struct cli *cli, const struct tree *list,
                const struct cli_column *columns, size_t len)
{
    struct table table;
    str *cells = ARENA_ARRAY(t->mem, str, len + 1);

    if (list == NULL || list->kind != TREE_LIST) {
        return task_fail(t, ERR_PROTOCOL, "the answer of the server lacks its list");
    }
    if (cli->format == FORMAT_JSON) {
        fputs("[", stdout);
        for (size_t i = 0; i < list->len; i++) {
            struct buf *b = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX);

            tree_json(list->at[i], b);
            fprintf(stdout, "%s%.*s", i > 0 ? ",\n " : "", STR_ARG(buf_str(b)));
        }
        fputs("]\n", stdout);
        return true;
    }
    table_begin(&table, t->mem, stdout, columns, len);
    table.is_csv = cli->format == FORMAT_CSV;
    for (size_t i = 0; i < list->len; i++) {
        for (size_t j = 0; j < len; j++) {
            cells[j] = table_cell(t->mem, list->at[i], columns[j].key);
            cells[j] = table.is_csv ? cells[j] : table_eased(t->mem, cells[j]);
        }
        table_row(&table, cells);
    }
    table_end(&table);
    return true;
}

bool table_object(struct task *t, const struct cli *cli, const struct tree *object)
{
    static const struct cli_column columns[] = {{.key = "name"}, {.key = "value"}};
    struct table table;

    if (cli->format == FORMAT_JSON) {
        table_json(t, object, stdout);
        return true;
    }
    table_begin(&table, t->mem, stdout, columns, 2);
    table.is_csv = cli->format == FORMAT_CSV;
    for (size_t i = 0; i < object->len; i++) {
        str cell = table_cell(t->mem, object, arena_c_string(t->mem, object->at[i]->key));

        table_row(&table, (const str[]){object->at[i]->key,
                                        table.is_csv ? cell : table_eased(t->mem, cell)});
    }
    table_end(&table);
    return true;
}
