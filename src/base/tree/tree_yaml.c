#include "buf/buf.h"
#include "tree/tree.h"

/* A tree as YAML 1.2, in blocks, so that what is read back is the same tree. */

enum { INDENT = 2 };

static void add_indent(struct buf *out, size_t depth)
{
    for (size_t i = 0; i < depth * INDENT; i++)
        buf_add_byte(out, ' ');
}

/* NEL, LS, PS and the byte order mark: breaks or nothing to some readers. */
static size_t odd_break(str text, size_t at)
{
    static const char *const odd[] = {"\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        if (str_starts(str_from(text, at), str_of(odd[i])))
            return str_of(odd[i]).len;
    return 0;
}

/* No control characters but those of `allowed`, and no C1 ones. */
static bool is_printable(str text, str allowed)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool is_c1 = c == 0xc2 && i + 1 < text.len && (unsigned char)text.ptr[i + 1] < 0xa0;
        if (((c < ' ' || c == 0x7f) && !str_has(allowed, (char)c)) || is_c1 || odd_break(text, i))
            return false;
    }
    return true;
}

static bool can_begin(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
        || (unsigned char)c >= 0x80 || str_has(STR("_./$(+"), c);
}

/* May it stand without quotes, in a block? What it then means is not asked. */
static bool is_plain(str text)
{
    if (!text.len || text.len > 1000 || !is_printable(text, STR_NONE))
        return false;
    char first = text.ptr[0], last = text.ptr[text.len - 1];
    bool is_negative = first == '-' && text.len > 1 && text.ptr[1] >= '0' && text.ptr[1] <= '9';
    if (!can_begin(first) && !is_negative)
        return false;
    if (last == ' ' || last == ':' || str_starts(text, STR("...")))
        return false;
    return str_find(text, STR(": ")) == text.len && str_find(text, STR(" #")) == text.len;
}

static void add_quoted(struct buf *out, str text)
{
    buf_add_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool is_c1 = c == 0xc2 && i + 1 < text.len && (unsigned char)text.ptr[i + 1] < 0xa0;
        size_t odd = odd_break(text, i);
        if (is_c1) {
            buf_format(out, "\\x%02x", (unsigned char)text.ptr[++i]);
        } else if (odd == 3) {
            unsigned code = ((c & 0x0fu) << 12) | (((unsigned char)text.ptr[i + 1] & 0x3fu) << 6)
                          | ((unsigned char)text.ptr[i + 2] & 0x3fu);
            buf_format(out, "\\u%04x", code);
            i += 2;
        } else if (c == '\n') {
            buf_add(out, STR("\\n"));
        } else if (c == '\t') {
            buf_add(out, STR("\\t"));
        } else if (c < ' ' || c == 0x7f) {
            buf_format(out, "\\x%02x", c);
        } else {
            if (c == '"' || c == '\\')
                buf_add_byte(out, '\\');
            buf_add_byte(out, (char)c);
        }
    }
    buf_add_byte(out, '"');
}

/* Lines as they are: where the first one is not indented, and one line feed or none is at the end. */
static bool is_block(str text)
{
    size_t feeds = 0;
    if (!text.len || text.ptr[0] == ' ' || text.ptr[0] == '\t' || text.ptr[0] == '\n')
        return false;
    for (size_t i = 0; i < text.len; i++)
        feeds += text.ptr[i] == '\n';
    bool ends_twice = text.len > 1 && str_ends(text, STR("\n\n"));
    return feeds > 0 && !(feeds == 1 && text.len == 1) && !ends_twice
        && is_printable(text, STR("\n\t"));
}

static void add_block(struct buf *out, str text, size_t depth)
{
    str rest = text, line;
    buf_add(out, str_ends(text, STR("\n")) ? STR("|") : STR("|-"));
    while (rest.len) {
        str_cut(rest, '\n', &line, &rest);
        buf_add_byte(out, '\n');
        if (line.len)
            add_indent(out, depth ? depth : 1);
        buf_add(out, line);
    }
}

static void add_scalar(struct buf *out, const struct tree *node, size_t depth)
{
    struct tree bare = {.kind = TREE_SCALAR, .text = node->text};
    if (node->kind == TREE_NULL) {
        buf_add(out, STR("null"));
        return;
    }
    /* Quotes are what makes a text of `1.0`; elsewhere they may go. */
    bool needs_quotes = tree_is_string(node) && !tree_is_string(&bare);
    if (!needs_quotes && is_plain(node->text))
        buf_add(out, node->text);
    else if (!needs_quotes && !node->quoted && !tree_is_string(node))
        buf_add(out, node->text); /* a number in a spelling that is never a text, as `.5` */
    else if (is_block(node->text))
        add_block(out, node->text, depth);
    else
        add_quoted(out, node->text);
}

static void add_node(struct buf *out, const struct tree *node, size_t depth);

static void add_key(struct buf *out, str key)
{
    if (is_plain(key))
        buf_add(out, key);
    else
        add_quoted(out, key);
    buf_add_byte(out, ':');
}

/* The first child stands on the line that its parent began. */
static void add_children(struct buf *out, const struct tree *node, size_t depth)
{
    for (size_t i = 0; i < node->len && !out->full; i++) {
        const struct tree *child = node->at[i];
        bool is_nested = (child->kind == TREE_MAP || child->kind == TREE_LIST) && child->len > 0;
        if (i > 0) {
            buf_add_byte(out, '\n');
            add_indent(out, depth);
        }
        if (node->kind == TREE_LIST) {
            buf_add(out, STR("- "));
            add_node(out, child, depth + 1);
            continue;
        }
        add_key(out, child->key);
        if (is_nested) {
            buf_add_byte(out, '\n');
            add_indent(out, depth + 1);
        } else {
            buf_add_byte(out, ' ');
        }
        add_node(out, child, depth + 1);
    }
}

static void add_node(struct buf *out, const struct tree *node, size_t depth)
{
    if (node->kind != TREE_MAP && node->kind != TREE_LIST)
        add_scalar(out, node, depth);
    else if (!node->len)
        buf_add(out, node->kind == TREE_MAP ? STR("{}") : STR("[]"));
    else
        add_children(out, node, depth);
}

void tree_yaml(const struct tree *tree, struct buf *out)
{
    if (!tree)
        return;
    add_node(out, tree, 0);
    buf_add_byte(out, '\n');
}
