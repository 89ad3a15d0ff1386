#include "yaml_out/yaml_out.h"

enum {
    LINE_BYTES_MAX = 100,
    KEY_BYTES_MAX = 1000, /* YAML allows 1,024 characters in a key without a mark of its own */
    INDENT = 2,
};

struct yaml_writer {
    struct buf *b;
    const struct yaml_out_notes *notes;
};

static str yaml_node_key(const struct tree *const *node)
{
    return (str){(const char *)node, sizeof(*node)};
}

void yaml_out_notes_init(struct yaml_out_notes *notes, struct arena *mem)
{
    map_init(&notes->by_node, mem);
}

void yaml_out_note(struct arena *mem, struct yaml_out_notes *notes, const struct tree *node,
                   str text)
{
    str key = yaml_node_key(&node);
    struct str_list *lines = map_find(&notes->by_node, key);

    if (lines == NULL) {
        lines = ARENA_NEW(mem, struct str_list);
        map_put(&notes->by_node, arena_str(mem, key), lines);
    }
    vec_push(mem, lines, arena_str(mem, text));
}

static const struct str_list *yaml_find_notes(const struct yaml_writer *w, const struct tree *node)
{
    return w->notes != NULL ? map_find(&w->notes->by_node, yaml_node_key(&node)) : NULL;
}

/* ---- scalars */

static bool yaml_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Characters that some reader takes for a line break or drops, beside those of ASCII: NEL, LS, PS, a byte order mark, C1, and the two
 * that are none. */
static bool yaml_is_odd(str text, size_t at, size_t len)
{
    const unsigned char *p = (const unsigned char *)text.ptr + at;

    return (len == 2 && p[0] == 0xc2 && (p[1] < 0xa0 || p[1] == 0xad))
        || (len == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9))
        || (len == 3 && p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf)
        || (len == 3 && p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe);
}

/* Readers of YAML 1.1 take these for true, false and null. */
static bool yaml_is_old_word(str text)
{
    static const char *const words[] = {"y",   "n",    "yes",  "no",    "on",
                                        "off", "null", "true", "false", NULL};

    for (size_t i = 0; words[i] != NULL; i++) {
        if (str_eq_nocase(text, str_of(words[i]))) {
            return true;
        }
    }
    return false;
}

/* `1.0.0` is text to every reader. */
static bool yaml_is_version(str text)
{
    size_t points = 0;

    for (size_t i = 0; i < text.len; i++) {
        bool is_point = text.ptr[i] == '.';

        points += is_point;
        if (!is_point && !yaml_is_digit(text.ptr[i])) {
            return false;
        }
        if (is_point && (i == 0 || i + 1 == text.len || text.ptr[i - 1] == '.')) {
            return false;
        }
    }
    return points == 2;
}

/* Numbers, dates and times of YAML 1.1 and 1.2 begin so, and hold nothing else. */
static bool yaml_is_like_number(str text)
{
    str letters = STR("abcdefABCDEFxXoO+-.:_TtZz ");

    if (!yaml_is_digit(text.ptr[0])) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!yaml_is_digit(text.ptr[i]) && !str_has(letters, text.ptr[i])) {
            return false;
        }
    }
    return !yaml_is_version(text);
}

/* Text that every reader takes for the same text when it stands there bare. */
static bool yaml_is_plain(str text, bool in_flow)
{
    unsigned char first = text.len > 0 ? (unsigned char)text.ptr[0] : ' ';
    bool may_begin = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z')
                  || yaml_is_digit((char)first) || first == '_' || first == '/' || first == '('
                  || first == '$' || first >= 0x80;

    if (!may_begin || yaml_is_old_word(text) || yaml_is_like_number(text)
        || text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == ':') {
        return false;
    }
    for (size_t i = 0; i < text.len;) {
        size_t len = str_utf8_at(text, i);
        char c = text.ptr[i];

        if (len == 0 || yaml_is_odd(text, i, len) || (len == 1 && (c < ' ' || c == 0x7f))) {
            return false;
        }
        if (in_flow && (c == ',' || c == '[' || c == ']' || c == '{' || c == '}' || c == ':')) {
            return false;
        }
        if (i + 1 < text.len
            && ((c == ':' && text.ptr[i + 1] == ' ') || (c == ' ' && text.ptr[i + 1] == '#'))) {
            return false;
        }
        i += len;
    }
    return true;
}

static void yaml_add_escaped(struct buf *b, char c)
{
    switch (c) {
    case '"':
        buf_add(b, STR("\\\""));
        break;
    case '\\':
        buf_add(b, STR("\\\\"));
        break;
    case '\n':
        buf_add(b, STR("\\n"));
        break;
    case '\r':
        buf_add(b, STR("\\r"));
        break;
    case '\t':
        buf_add(b, STR("\\t"));
        break;
    default:
        if ((unsigned char)c < ' ' || c == 0x7f) {
            buf_format(b, "\\x%02x", (unsigned)(unsigned char)c);
        } else {
            buf_add_byte(b, c);
        }
    }
}

/* Odd ones are of the basic plane, all of them. */
static void yaml_add_odd(struct buf *b, str text, size_t at, size_t len)
{
    const unsigned char *p = (const unsigned char *)text.ptr + at;
    unsigned code = len == 2 ? (p[0] & 0x1fU) << 6 | (p[1] & 0x3fU)
                             : (p[0] & 0x0fU) << 12 | (p[1] & 0x3fU) << 6 | (p[2] & 0x3fU);

    buf_format(b, "\\u%04x", code);
}

static void yaml_add_quoted(struct buf *b, str text)
{
    buf_add_byte(b, '"');
    for (size_t i = 0; i < text.len && !b->full;) {
        size_t len = str_utf8_at(text, i);

        if (len == 0 || text.ptr[i] == '\0') {
            b->full = true;
        } else if (len == 1) {
            yaml_add_escaped(b, text.ptr[i]);
        } else if (yaml_is_odd(text, i, len)) {
            yaml_add_odd(b, text, i, len);
        } else {
            buf_add(b, str_sub(text, i, len));
        }
        i += len > 0 ? len : 1;
    }
    buf_add_byte(b, '"');
}

static void yaml_add_text(struct buf *b, str text, bool in_flow)
{
    if (yaml_is_plain(text, in_flow)) {
        buf_add(b, text);
    } else {
        yaml_add_quoted(b, text);
    }
}

static void yaml_add_scalar(struct buf *b, const struct tree *tree, bool in_flow)
{
    if (tree_is_null(tree)) {
        buf_add(b, STR("null"));
    } else if (tree_is_string(tree)) {
        yaml_add_text(b, tree->text, in_flow);
    } else {
        buf_add(b, tree->text);
    }
}

/* Several lines, of which none would be read otherwise as a block: SQL, long descriptions. */
static bool yaml_is_block_text(const struct tree *tree)
{
    str text = tree->text;

    if (!tree_is_string(tree) || !str_has(text, '\n') || text.ptr[0] == ' ' || text.ptr[0] == '\n'
        || text.ptr[0] == '\t' || str_ends(text, STR("\n\n"))) {
        return false;
    }
    for (size_t i = 0; i < text.len;) {
        size_t len = str_utf8_at(text, i);
        char c = text.ptr[i];

        if (len == 0 || yaml_is_odd(text, i, len)
            || (len == 1 && c != '\n' && (c < ' ' || c == 0x7f))) {
            return false;
        }
        if (c == ' ' && (i + 1 == text.len || text.ptr[i + 1] == '\n')) {
            return false;
        }
        i += len;
    }
    return true;
}

static void yaml_add_indent(struct buf *b, size_t indent)
{
    for (size_t i = 0; i < indent; i++) {
        buf_add_byte(b, ' ');
    }
}

static void yaml_add_block_text(struct buf *b, str text, size_t indent)
{
    str line;

    buf_add(b, str_ends(text, STR("\n")) ? STR("|\n") : STR("|-\n"));
    while (text.len > 0) {
        (void)str_cut(text, '\n', &line, &text);
        if (line.len > 0) {
            yaml_add_indent(b, indent);
        }
        buf_add(b, line);
        buf_add_byte(b, '\n');
    }
}

/* ---- lists and maps on one line */

static bool yaml_is_leaf(const struct tree *tree)
{
    return tree->kind == TREE_NULL || tree->kind == TREE_SCALAR || tree->len == 0;
}

static void yaml_add_flow(const struct yaml_writer *w, const struct tree *tree, bool is_inside)
{
    if (tree->kind == TREE_NULL || tree->kind == TREE_SCALAR) {
        yaml_add_scalar(w->b, tree, is_inside);
        return;
    }
    buf_add_byte(w->b, tree->kind == TREE_MAP ? '{' : '[');
    for (size_t i = 0; i < tree->len; i++) {
        buf_add(w->b, i > 0 ? STR(", ") : STR(""));
        if (tree->kind == TREE_MAP) {
            yaml_add_text(w->b, tree->at[i]->key, true);
            buf_add(w->b, STR(": "));
        }
        yaml_add_flow(w, tree->at[i], true);
    }
    buf_add_byte(w->b, tree->kind == TREE_MAP ? '}' : ']');
}

/* Leaves, lists of leaves, and maps of these: more than that reads better a line each. */
static bool yaml_may_flow(const struct yaml_writer *w, const struct tree *tree, int depth)
{
    if (yaml_is_leaf(tree)) {
        return true;
    }
    for (size_t i = 0; i < tree->len; i++) {
        const struct tree *child = tree->at[i];

        if (depth == 0 || yaml_find_notes(w, child) != NULL || !yaml_may_flow(w, child, depth - 1)
            || (child->kind == TREE_SCALAR && str_has(child->text, '\n'))) {
            return false;
        }
    }
    return true;
}

/* Tries the line, and takes it back where it is too long. */
static bool yaml_add_line(const struct yaml_writer *w, const struct tree *tree, size_t column)
{
    size_t start = w->b->len;

    if (!yaml_may_flow(w, tree, 2)) {
        return false;
    }
    yaml_add_flow(w, tree, false);
    if (!w->b->full && column + w->b->len - start > LINE_BYTES_MAX && !yaml_is_leaf(tree)) {
        w->b->len = start;
        return false;
    }
    buf_add_byte(w->b, '\n');
    return true;
}

/* ---- lists and maps, a line an entry */

static void yaml_add_notes(const struct yaml_writer *w, const struct tree *node, size_t indent)
{
    const struct str_list *notes = yaml_find_notes(w, node);
    str rest, line;

    for (size_t i = 0; notes != NULL && i < notes->len; i++) {
        for (rest = notes->at[i]; rest.len > 0;) {
            (void)str_cut(rest, '\n', &line, &rest);
            yaml_add_indent(w->b, indent);
            buf_add(w->b, STR("# "));
            for (size_t j = 0; j < line.len;) {
                size_t len = str_utf8_at(line, j);
                bool is_shown = len > 0 && !yaml_is_odd(line, j, len)
                             && (len > 1 || (line.ptr[j] >= ' ' && line.ptr[j] != 0x7f));

                buf_add(w->b, is_shown ? str_sub(line, j, len) : STR("?"));
                j += len > 0 ? len : 1;
            }
            buf_add_byte(w->b, '\n');
        }
    }
}

static void yaml_add_block(const struct yaml_writer *w, const struct tree *tree, size_t indent,
                           bool is_begun);

/* What stands behind `key:` (with `indent` of the key) or at the root. */
static void yaml_add_value(const struct yaml_writer *w, const struct tree *tree, size_t indent,
                           size_t column)
{
    if (tree->kind == TREE_SCALAR && yaml_is_block_text(tree)) {
        buf_add_byte(w->b, ' ');
        yaml_add_block_text(w->b, tree->text, indent + INDENT);
        return;
    }
    size_t start = w->b->len;
    bool is_list_of_maps = tree->kind == TREE_LIST && tree->len > 0 && !yaml_is_leaf(tree->at[0]);
    buf_add_byte(w->b, ' ');
    if (!is_list_of_maps && yaml_add_line(w, tree, column + 1)) {
        return;
    }
    w->b->len = w->b->full ? w->b->len : start;
    buf_add_byte(w->b, '\n');
    yaml_add_block(w, tree, indent + INDENT, false);
}

static void yaml_add_entry(const struct yaml_writer *w, const struct tree *child, size_t indent)
{
    size_t start = w->b->len;

    if (child->key.len > KEY_BYTES_MAX) {
        buf_add(w->b, STR("? "));
        yaml_add_text(w->b, child->key, false);
        buf_add_byte(w->b, '\n');
        yaml_add_indent(w->b, indent);
    } else {
        yaml_add_text(w->b, child->key, false);
    }
    buf_add_byte(w->b, ':');
    yaml_add_value(w, child, indent, indent + w->b->len - start);
}

/* An item that is a map or list itself begins on the line of its dash. */
static void yaml_add_item(const struct yaml_writer *w, const struct tree *child, size_t indent)
{
    buf_add(w->b, STR("- "));
    if (child->kind == TREE_SCALAR && yaml_is_block_text(child)) {
        yaml_add_block_text(w->b, child->text, indent + INDENT);
    } else if (!yaml_add_line(w, child, indent + INDENT)) {
        yaml_add_block(w, child, indent + INDENT, true);
    }
}

/* With `is_begun` the first entry's indent is there already, and its notes too. */
static void yaml_add_block(const struct yaml_writer *w, const struct tree *tree, size_t indent,
                           bool is_begun)
{
    for (size_t i = 0; i < tree->len && !w->b->full; i++) {
        const struct tree *child = tree->at[i];
        const struct tree *first = child;

        if (i > 0 || !is_begun) {
            yaml_add_notes(w, child, indent);
            /* Those of what begins on the same line. */
            while (tree->kind == TREE_LIST && first->kind != TREE_SCALAR && first->len > 0) {
                bool is_list = first->kind == TREE_LIST;

                first = first->at[0];
                yaml_add_notes(w, first, indent);
                if (!is_list) {
                    break;
                }
            }
            yaml_add_indent(w->b, indent);
        }
        if (tree->kind == TREE_MAP) {
            yaml_add_entry(w, child, indent);
        } else {
            yaml_add_item(w, child, indent);
        }
    }
}

void yaml_out(struct buf *b, const struct tree *tree, const struct yaml_out_notes *notes)
{
    struct yaml_writer w = {.b = b, .notes = notes};

    yaml_add_notes(&w, tree, 0);
    if (tree->kind == TREE_SCALAR && yaml_is_block_text(tree)) {
        yaml_add_block_text(b, tree->text, INDENT);
    } else if (yaml_is_leaf(tree)) {
        yaml_add_flow(&w, tree, false);
        buf_add_byte(b, '\n');
    } else {
        yaml_add_block(&w, tree, 0, false);
    }
}
