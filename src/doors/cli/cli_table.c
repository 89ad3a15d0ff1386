#include <string.h>

#include "buf/buf.h"
#include "cli_inside.h"
#include "limits/limits.h"
#include "width/width.h"

/* ---- what a text looks like */

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
        uint32_t code = width_character(text, at);

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

/* ---- printing */

static void table_open(struct table *table)
{
    if (table->is_open) {
        return;
    }
    table->is_open = true;
    cli_layout_decide(table);
    cli_layout_print_head(table);
    for (size_t row = 0; row < table->kept_len; row++) {
        cli_layout_print(table, &table->kept[row * table->len]);
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
                            .widths = ARENA_ARRAY(mem, size_t, len + 1),
                            .is_left_out = ARENA_ARRAY(mem, bool, len + 1)};
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
    cli_layout_print(table, shown);
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
        fputs("[", cli->out);
        for (size_t i = 0; i < list->len; i++) {
            struct buf *b = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX);

            tree_json(list->at[i], b);
            fprintf(cli->out, "%s%.*s", i > 0 ? ",\n " : "", STR_ARG(buf_str(b)));
        }
        fputs("]\n", cli->out);
        return true;
    }
    table_begin(&table, t->mem, cli->out, columns, len);
    table.width = cli->out_width;
    table.is_records = cli->is_expanded;
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
        table_json(t, object, cli->out);
        return true;
    }
    table_begin(&table, t->mem, cli->out, columns, 2);
    table.width = cli->out_width;
    table.is_csv = cli->format == FORMAT_CSV;
    for (size_t i = 0; i < object->len; i++) {
        str cell = table_cell(t->mem, object, arena_c_string(t->mem, object->at[i]->key));

        table_row(&table, (const str[]){object->at[i]->key,
                                        table.is_csv ? cell : table_eased(t->mem, cell)});
    }
    table_end(&table);
    return true;
}
