/* Trees made by hand, and their text as JSON for people. */
#include "exchange/exchange_inside.h"

struct tree *exchange_map(struct arena *mem)
{
    return tree_new(mem, TREE_MAP);
}

struct tree *exchange_list(struct arena *mem)
{
    return tree_new(mem, TREE_LIST);
}

struct tree *exchange_text(struct arena *mem, str text)
{
    return tree_text(mem, text);
}

struct tree *exchange_word(struct arena *mem, str text)
{
    struct tree *scalar = tree_new(mem, str_eq(text, STR("null")) ? TREE_NULL : TREE_SCALAR);
    scalar->text = text;
    return scalar;
}

struct tree *exchange_int(struct arena *mem, int64_t value)
{
    return exchange_word(mem, arena_format(mem, "%lld", (long long)value));
}

void exchange_put(struct arena *mem, struct tree *map, const char *key, struct tree *value)
{
    if (value)
        (void)tree_put(mem, map, str_of(key), value);
}

void exchange_put_text(struct arena *mem, struct tree *map, const char *key, str text)
{
    if (text.len)
        exchange_put(mem, map, key, tree_text(mem, text));
}

void exchange_put_flag(struct arena *mem, struct tree *map, const char *key, bool is_set)
{
    if (is_set)
        exchange_put(mem, map, key, exchange_word(mem, STR("true")));
}

void exchange_put_texts(struct arena *mem, struct tree *map, const char *key,
                        const struct str_list *list)
{
    if (!list->len)
        return;
    struct tree *texts = tree_new(mem, TREE_LIST);
    for (size_t i = 0; i < list->len; i++)
        tree_push(mem, texts, tree_text(mem, list->at[i]));
    exchange_put(mem, map, key, texts);
}

void exchange_put_copy(struct arena *mem, struct tree *map, const char *key,
                       const struct tree *value)
{
    if (value)
        exchange_put(mem, map, key, tree_copy(mem, value));
}

str exchange_pointer(struct arena *mem, str name)
{
    struct buf *b = buf_new(mem, DOCUMENT_BYTES_MAX);
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (c == '~')
            buf_add(b, STR("~0"));
        else if (c == '/')
            buf_add(b, STR("~1"));
        else if (c <= ' ' || c == '%' || c == '"' || c == '#' || c > '~')
            buf_format(b, "%%%02X", c);
        else
            buf_add_byte(b, (char)c);
    }
    return buf_str(b);
}

static bool is_flat(const struct tree *tree)
{
    for (size_t i = 0; i < tree->len; i++)
        if (tree->at[i]->kind == TREE_LIST || tree->at[i]->kind == TREE_MAP)
            return false;
    return tree->kind == TREE_LIST || tree->len < 2;
}

static void add_line(struct buf *b, size_t depth)
{
    buf_add_byte(b, '\n');
    for (size_t i = 0; i < depth; i++)
        buf_add(b, STR("  "));
}

static void add_value(struct buf *b, const struct tree *tree, size_t depth)
{
    if (tree->kind == TREE_NULL || tree->kind == TREE_SCALAR || !tree->len) {
        tree_json(tree, b);
        return;
    }
    bool flat = is_flat(tree), is_map = tree->kind == TREE_MAP;
    buf_add_byte(b, is_map ? '{' : '[');
    for (size_t i = 0; i < tree->len; i++) {
        if (i)
            buf_add(b, flat ? STR(", ") : STR(","));
        if (!flat)
            add_line(b, depth + 1);
        if (is_map) {
            buf_add_json(b, tree->at[i]->key);
            buf_add(b, STR(": "));
        }
        add_value(b, tree->at[i], depth + 1);
    }
    if (!flat)
        add_line(b, depth);
    buf_add_byte(b, is_map ? '}' : ']');
}

void exchange_json(struct buf *b, const struct tree *tree)
{
    add_value(b, tree, 0);
    buf_add_byte(b, '\n');
}
