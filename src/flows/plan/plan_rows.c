#include "plan/plan_rows.h"

#include "buf/buf.h"
#include "limits/limits.h"
#include "source/source.h"

void plan_differ(struct arena *mem, struct plan_differences *differences, size_t row, str column,
                 str expected, str got)
{
    vec_push(mem, differences,
             ((struct plan_difference){.row = row > 0 ? arena_format(mem, "%zu", row) : STR("-"),
                                       .column = column.len ? column : STR("-"),
                                       .expected = expected,
                                       .got = got}));
}

static size_t plan_text_width(str text)
{
    size_t width = 0;

    for (size_t i = 0; i < text.len; i++) {
        width += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    }
    return width;
}

static void plan_put_cell(struct buf *b, str text, size_t width)
{
    size_t has = plan_text_width(text);

    buf_add(b, text);
    for (; has < width; has++) {
        buf_add_byte(b, ' ');
    }
    buf_add(b, STR("  "));
}

str plan_difference_table(struct arena *mem, const struct plan_differences *differences)
{
    struct buf *b = buf_new(mem, DOCUMENT_BYTES_MAX);
    size_t told =
        differences->len < PLAN_DIFFERENCES_TOLD ? differences->len : PLAN_DIFFERENCES_TOLD;
    size_t column = 6, expected = 8;

    for (size_t i = 0; i < told; i++) {
        const struct plan_difference *at = &differences->at[i];
        size_t a = plan_text_width(at->column), e = plan_text_width(at->expected);

        column = a > column ? a : column;
        expected = e > expected ? e : expected;
    }
    for (size_t i = 0; i <= told; i++) {
        static const struct plan_difference head = {
            {"row", 3}, {"column", 6}, {"expected", 8}, {"got", 3}};
        const struct plan_difference *at = i == 0 ? &head : &differences->at[i - 1];

        buf_add(b, i ? STR("\n") : STR(""));
        plan_put_cell(b, at->row, 3);
        plan_put_cell(b, at->column, column);
        plan_put_cell(b, at->expected, expected);
        buf_add(b, at->got);
    }
    if (differences->len > told) {
        buf_format(b, "\n… and %zu more", differences->len - told);
    }
    return buf_str(b);
}

str plan_value_text(struct arena *mem, const struct tree *node)
{
    struct buf *b;

    if (node == NULL || node->kind == TREE_NULL) {
        return STR_NONE;
    }
    if (node->kind == TREE_SCALAR) {
        return node->text;
    }
    b = buf_new(mem, DOCUMENT_BYTES_MAX);
    tree_json(node, b);
    return buf_str(b);
}

/* It would break its line, or be taken for something else. */
static bool plan_needs_quotes(str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < 0x20) {
            return true;
        }
    }
    return text.len == 0 || text.ptr[0] == ' ' || text.ptr[text.len - 1] == ' '
        || str_eq(text, STR("NULL"));
}

str plan_cell_text(struct arena *mem, const struct tree *row, size_t at)
{
    const struct tree *cell = at < row->len ? row->at[at] : NULL;
    struct buf *b;

    if (cell == NULL || cell->kind == TREE_NULL) {
        return STR("NULL");
    }
    str text = plan_value_text(mem, cell);
    if (!plan_needs_quotes(text)) {
        return text;
    }
    b = buf_new(mem, DOCUMENT_BYTES_MAX);
    buf_add_json(b, text);
    return buf_str(b);
}

void plan_put_value(struct arena *mem, struct job_view *view, const struct tree *node, bool is_null)
{
    str text = plan_value_text(mem, node);
    bool is_empty = node == NULL || node->kind == TREE_NULL
                 || (node->kind == TREE_SCALAR && tree_is_null(node)) || is_null;

    vec_push(mem, &view->cells, ((struct job_cell){.text = text, .is_null = is_empty}));
}

void plan_put_number(struct arena *mem, struct job_view *view, size_t number)
{
    vec_push(mem, &view->cells, ((struct job_cell){.text = arena_format(mem, "%zu", number)}));
}

/* Digits and signs: a whole number or a date, which no cast rounds. */
static bool plan_is_plain(const struct tree *cell)
{
    for (size_t i = 0; i < cell->text.len; i++) {
        char c = cell->text.ptr[i];

        if ((c < '0' || c > '9') && c != '-' && c != '+') {
            return false;
        }
    }
    return cell->kind == TREE_SCALAR;
}

/* Has a row something else in this column? Most columns of wide tables have nothing, and what asks each value costs much. */
static bool plan_is_guarded(const struct tree *rows, str name)
{
    for (size_t i = 0; rows != NULL && i < rows->len; i++) {
        for (size_t k = 0; k < rows->at[i]->len; k++) {
            const struct tree *cell = rows->at[i]->at[k];

            if (!plan_is_plain(cell) && str_eq_nocase(cell->key, name)) {
                return true;
            }
        }
    }
    return false;
}

void plan_add_text_column(struct arena *mem, struct job_view *view, struct buf *sql, str name,
                          str type, const struct tree *rows)
{
    struct contract_column column = {.name = name, .type = type};
    struct buf *value = buf_new(mem, NAME_BYTES_MAX * 4);

    vec_push(mem, &view->columns, ((struct job_column){.name = name, .type = STR("VARCHAR")}));
    /* Lists and structs are read from JSON as they are, maps are not. */
    bool is_json = str_find(type, STR("MAP(")) < type.len;

    buf_add(value, is_json ? STR("CAST(") : STR(""));
    buf_add_identifier(value, name);
    buf_add(value, is_json ? STR(" AS JSON)") : STR(""));
    buf_add(sql, view->columns.len > 1 ? STR(", ") : STR(""));
    if (plan_is_guarded(rows, name)) {
        source_add_exact(mem, sql, &column, buf_str(value));
    } else {
        buf_format(sql, "CAST(%.*s AS %.*s)", STR_ARG(buf_str(value)), STR_ARG(type));
    }
    buf_add(sql, STR(" AS "));
    buf_add_identifier(sql, name);
}
