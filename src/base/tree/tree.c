#include "tree/tree.h"

#include "buf/buf.h"
#include "map/map.h"

/* From this many keys on, a map has an index: else a document of many keys takes quadratic time. */
enum { INDEX_LEAST = 16 };

/* Two spellings with no more digits than this differ as doubles when they differ as numbers. */
enum { EXACT_DIGITS = 15 };

struct tree *tree_new(struct arena *mem, enum tree_kind kind)
{
    struct tree *tree = ARENA_NEW(mem, struct tree);
    tree->kind = kind;
    return tree;
}

struct tree *tree_text(struct arena *mem, str text)
{
    struct tree *tree = tree_new(mem, TREE_SCALAR);
    tree->text = text;
    tree->quoted = true;
    return tree;
}

void tree_push(struct arena *mem, struct tree *list, struct tree *child)
{
    child->parent = list;
    child->index = (uint32_t)list->len;
    vec_push(mem, list, child);
}

static void index_keys(struct arena *mem, struct tree *map)
{
    map->by_key = ARENA_NEW(mem, struct map);
    map_init(map->by_key, mem);
    for (size_t i = 0; i < map->len; i++)
        map_put(map->by_key, map->at[i]->key, map->at[i]);
}

bool tree_put(struct arena *mem, struct tree *map, str key, struct tree *child)
{
    if (tree_get(map, key))
        return false;
    child->key = key;
    tree_push(mem, map, child);
    if (map->by_key)
        map_put(map->by_key, key, child);
    else if (map->len >= INDEX_LEAST)
        index_keys(mem, map);
    return true;
}

const struct tree *tree_get(const struct tree *tree, str key)
{
    if (!tree || tree->kind != TREE_MAP)
        return NULL;
    if (tree->by_key)
        return map_find(tree->by_key, key);
    for (size_t i = 0; i < tree->len; i++)
        if (str_eq(tree->at[i]->key, key))
            return tree->at[i];
    return NULL;
}

const struct tree *tree_find(const struct tree *tree, str key)
{
    const struct tree *child = tree_get(tree, key);
    return child && !tree_is_null(child) ? child : NULL;
}

str tree_find_text(const struct tree *tree, str key)
{
    const struct tree *child = tree_find(tree, key);
    return child && child->kind == TREE_SCALAR ? child->text : STR_NONE;
}

static bool is_one_of(str text, const char *const *words)
{
    for (; *words; words++)
        if (str_eq(text, str_of(*words)))
            return true;
    return false;
}

static bool is_plain(const struct tree *tree)
{
    return tree && tree->kind == TREE_SCALAR && !tree->quoted;
}

bool tree_is_null(const struct tree *tree)
{
    static const char *const words[] = {"", "null", "Null", "NULL", "~", NULL};
    return tree && (tree->kind == TREE_NULL || (is_plain(tree) && is_one_of(tree->text, words)));
}

bool tree_is_bool(const struct tree *tree, bool *out)
{
    static const char *const yes[] = {"true", "True", "TRUE", NULL};
    static const char *const no[] = {"false", "False", "FALSE", NULL};
    if (!is_plain(tree))
        return false;
    if (is_one_of(tree->text, yes)) {
        *out = true;
        return true;
    }
    if (is_one_of(tree->text, no)) {
        *out = false;
        return true;
    }
    return false;
}

/* `0o17` and `0x1F`: of the core schema, not of JSON. `fits_out` is false past 64 bits. */
static bool is_based(str text, int64_t *out, bool *fits_out)
{
    int base = str_starts(text, STR("0o")) ? 8 : str_starts(text, STR("0x")) ? 16 : 0;
    int64_t value = 0;
    *fits_out = true;
    if (!base || text.len == 2)
        return false;
    for (size_t i = 2; i < text.len; i++) {
        int digit = str_hex_digit(text.ptr[i]);
        if (digit < 0 || digit >= base)
            return false;
        if (__builtin_mul_overflow(value, base, &value)
            || __builtin_add_overflow(value, digit, &value)) {
            *fits_out = false;
            value = 0;
        }
    }
    *out = value;
    return true;
}

bool tree_is_int(const struct tree *tree, int64_t *out)
{
    bool fits;
    int64_t value;
    if (!is_plain(tree))
        return false;
    if (!str_to_i64(tree->text, &value) && (!is_based(tree->text, &value, &fits) || !fits))
        return false;
    *out = value;
    return true;
}

bool tree_is_number(const struct tree *tree, double *out)
{
    int64_t whole;
    if (tree_is_int(tree, &whole)) {
        *out = (double)whole;
        return true;
    }
    return is_plain(tree) && str_to_f64(tree->text, out);
}

/* `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`, of any length and size. */
static bool has_number_form(str s)
{
    size_t at = s.len && (s.ptr[0] == '-' || s.ptr[0] == '+') ? 1 : 0;
    size_t whole = str_digits_at(s, at);
    at += whole;
    if (at < s.len && s.ptr[at] == '.') {
        size_t part = str_digits_at(s, at + 1);
        if (whole + part == 0)
            return false;
        at += 1 + part;
    } else if (whole == 0) {
        return false;
    }
    if (at < s.len && (s.ptr[at] == 'e' || s.ptr[at] == 'E')) {
        at++;
        if (at < s.len && (s.ptr[at] == '-' || s.ptr[at] == '+'))
            at++;
        size_t power = str_digits_at(s, at);
        if (power == 0)
            return false;
        at += power;
    }
    return at == s.len;
}

/* True for every scalar that the core schema calls an int or a float, finite or not. */
static bool has_number_spelling(const struct tree *tree)
{
    static const char *const endless[] = {".inf", ".Inf", ".INF", NULL};
    static const char *const none[] = {".nan", ".NaN", ".NAN", NULL};
    int64_t value;
    bool fits;
    if (!is_plain(tree))
        return false;
    str text = tree->text;
    if (has_number_form(text) || is_based(text, &value, &fits) || is_one_of(text, none))
        return true;
    if (text.len && (text.ptr[0] == '-' || text.ptr[0] == '+'))
        text = str_from(text, 1);
    return is_one_of(text, endless);
}

bool tree_is_string(const struct tree *tree)
{
    bool truth;
    if (!tree || tree->kind != TREE_SCALAR)
        return false;
    return tree->quoted
        || !(tree_is_null(tree) || tree_is_bool(tree, &truth) || has_number_spelling(tree));
}

const char *tree_type_name(const struct tree *tree)
{
    bool truth;
    int64_t whole;
    if (!tree || tree_is_null(tree))
        return "null";
    if (tree->kind == TREE_MAP)
        return "map";
    if (tree->kind == TREE_LIST)
        return "list";
    if (tree_is_bool(tree, &truth))
        return "true/false";
    if (tree_is_int(tree, &whole))
        return "integer";
    return tree_is_string(tree) ? "text" : "number";
}

static bool is_path_word(str key)
{
    if (key.len == 0)
        return false;
    for (size_t i = 0; i < key.len; i++) {
        char c = key.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'
              || c == '-' || (unsigned char)c >= 0x80))
            return false;
    }
    return true;
}

static void add_step(struct buf *path, const struct tree *tree)
{
    if (tree->parent->kind == TREE_LIST) {
        buf_format(path, "[%u]", tree->index);
    } else if (is_path_word(tree->key)) {
        if (path->len)
            buf_add_byte(path, '.');
        buf_add(path, tree->key);
    } else {
        buf_add_byte(path, '[');
        buf_add_json(path, tree->key);
        buf_add_byte(path, ']');
    }
}

static void add_path(struct buf *path, const struct tree *tree)
{
    if (!tree->parent)
        return;
    add_path(path, tree->parent);
    add_step(path, tree);
}

str tree_path(struct arena *mem, const struct tree *tree)
{
    struct buf path;
    if (!tree || !tree->parent)
        return STR("$");
    buf_init(&path, SIZE_MAX);
    add_path(&path, tree);
    str copy = buf_copy(&path, mem);
    buf_free(&path);
    return copy;
}

struct place tree_place(struct arena *mem, str file, const struct tree *tree)
{
    return (struct place){file, tree ? tree->line : 0, tree ? tree->column : 0,
                          tree_path(mem, tree)};
}

/* JSON has no `+1`, `.5`, `1.`, `007` or `0x1f`. */
static bool is_json_number(str text)
{
    if (!has_number_form(text) || text.ptr[0] == '+')
        return false;
    if (text.ptr[0] == '-')
        text = str_from(text, 1);
    size_t whole = str_digits_at(text, 0);
    if (whole == 0 || (whole > 1 && text.ptr[0] == '0'))
        return false;
    return whole == text.len || text.ptr[whole] != '.' || str_digits_at(text, whole + 1) > 0;
}

static void scalar_json(const struct tree *tree, struct buf *out)
{
    bool truth;
    if (tree_is_null(tree))
        buf_add(out, STR("null"));
    else if (tree_is_bool(tree, &truth))
        buf_add(out, truth ? STR("true") : STR("false"));
    else if (!tree->quoted && is_json_number(tree->text))
        buf_add(out, tree->text);
    else
        buf_add_json(out, tree->text);
}

void tree_json(const struct tree *tree, struct buf *out)
{
    if (!tree || tree->kind == TREE_NULL) {
        buf_add(out, STR("null"));
        return;
    }
    if (tree->kind == TREE_SCALAR) {
        scalar_json(tree, out);
        return;
    }
    bool is_map = tree->kind == TREE_MAP;
    buf_add_byte(out, is_map ? '{' : '[');
    for (size_t i = 0; i < tree->len && !out->full; i++) {
        if (i)
            buf_add_byte(out, ',');
        if (is_map) {
            buf_add_json(out, tree->at[i]->key);
            buf_add_byte(out, ':');
        }
        tree_json(tree->at[i], out);
    }
    buf_add_byte(out, is_map ? '}' : ']');
}

static size_t count_digits(str text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += text.ptr[i] >= '0' && text.ptr[i] <= '9';
    return n;
}

static bool equal_numbers(const struct tree *a, const struct tree *b)
{
    int64_t whole_a, whole_b;
    double value_a, value_b;
    if (tree_is_int(a, &whole_a) && tree_is_int(b, &whole_b))
        return whole_a == whole_b;
    /* Longer spellings may differ and yet be one double. */
    if (count_digits(a->text) > EXACT_DIGITS || count_digits(b->text) > EXACT_DIGITS)
        return false;
    return tree_is_number(a, &value_a) && tree_is_number(b, &value_b) && value_a == value_b;
}

static bool equal_scalars(const struct tree *a, const struct tree *b)
{
    bool truth_a, truth_b;
    if (tree_is_string(a) || tree_is_string(b))
        return tree_is_string(a) && tree_is_string(b) && str_eq(a->text, b->text);
    if (str_eq(a->text, b->text))
        return true;
    if (tree_is_bool(a, &truth_a))
        return tree_is_bool(b, &truth_b) && truth_a == truth_b;
    return equal_numbers(a, b);
}

bool tree_equal(const struct tree *a, const struct tree *b)
{
    if (!a || !b)
        return a == b;
    if (tree_is_null(a) || tree_is_null(b))
        return tree_is_null(a) && tree_is_null(b);
    if (a->kind != b->kind || a->len != b->len)
        return false;
    if (a->kind == TREE_SCALAR)
        return equal_scalars(a, b);
    for (size_t i = 0; i < a->len; i++) {
        const struct tree *other = a->kind == TREE_MAP ? tree_get(b, a->at[i]->key) : b->at[i];
        if (!other || !tree_equal(a->at[i], other))
            return false;
    }
    return true;
}

struct tree *tree_copy(struct arena *mem, const struct tree *tree)
{
    if (!tree)
        return NULL;
    struct tree *copy = tree_new(mem, tree->kind);
    copy->quoted = tree->quoted;
    copy->text = arena_str(mem, tree->text);
    copy->line = tree->line;
    copy->column = tree->column;
    copy->key = arena_str(mem, tree->key);
    copy->key_line = tree->key_line;
    copy->key_column = tree->key_column;
    for (size_t i = 0; i < tree->len; i++) {
        struct tree *child = tree_copy(mem, tree->at[i]);
        if (tree->kind == TREE_MAP)
            (void)tree_put(mem, copy, child->key, child);
        else
            tree_push(mem, copy, child);
    }
    return copy;
}
