/* Makes what is told of the tables of keys (src/compilers/shape): the tables of docs/standards.md, between their marks, and the JSON
 * Schemas of our own kinds.
 *
 * usage: shapes [--check] ROOT
 *
 * With --check nothing is written: each file that is not what it should be is named, and the exit code is 1. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "buf/buf.h"
#include "model/model_inside.h"
#include "policy/policy_inside.h"
#include "shape/shape.h"

enum { TEXT_MAX = 1 << 22, SHAPES_MAX = 100 };

struct seen {
    const struct shape *at[SHAPES_MAX];
    size_t len;
};

static void see(struct seen *seen, const struct shape *shape)
{
    for (size_t i = 0; i < seen->len; i++)
        if (seen->at[i] == shape)
            return;
    if (seen->len == SHAPES_MAX) {
        fprintf(stderr, "more than %d shapes\n", SHAPES_MAX);
        exit(2);
    }
    seen->at[seen->len++] = shape;
}

static void see_keys(struct seen *seen, const struct shape_key *key)
{
    for (; key->name; key++)
        if (key->shape)
            see(seen, key->shape);
}

/* All shapes below the first one, in the order in which a reader meets them. */
static void see_all(struct seen *seen)
{
    for (size_t i = 0; i < seen->len; i++) {
        const struct shape *shape = seen->at[i];
        for (size_t j = 0; j < 3 && shape->keys[j]; j++)
            see_keys(seen, shape->keys[j]);
        for (const struct shape_variant *v = shape->variants; v && v->words; v++)
            see_keys(seen, v->keys);
    }
}

/* ---- the tables of docs/standards.md */

static str versions_cell(struct arena *mem, const struct shape_standard *standard, unsigned bits)
{
    str text = shape_versions_text(mem, standard, bits), old = STR("v3.0.0, v3.0.1, v3.0.2");
    if (!text.len)
        return STR("all");
    if (!str_starts(text, old))
        return text;
    return arena_format(mem, "v3.0.x" STR_FMT, STR_ARG(str_from(text, old.len)));
}

static void add_value(struct arena *mem, const struct shape_key *key,
                      const struct shape_standard *standard, struct buf *out)
{
    str text = shape_allows(mem, key);
    if (key->shape) {
        const char *title = key->shape->title;
        bool is_list = key->flags & SHAPE_LIST;
        str anchor = arena_format(mem, "%s: %s", standard->name, title);
        for (size_t i = 0; i < anchor.len; i++) {
            char *c = (char *)anchor.ptr + i;
            *c = *c == ' ' ? '-' : *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
        }
        buf_format(out, "%s%s[%s](#", key->type == SHAPE_TEXT_OR_MAP ? "text, or " : "",
                   is_list ? "list of " : "", title);
        for (size_t i = 0; i < anchor.len; i++)
            if (anchor.ptr[i] != ':')
                buf_add_byte(out, anchor.ptr[i]);
        buf_format(out, ")%s", key->flags & SHAPE_OR_LIST ? ", or a list of its members" : "");
        return;
    }
    buf_add(out, text);
}

static void add_use(const struct shape_key *key, struct buf *out)
{
    buf_format(out, "%s%s", key->use == SHAPE_USED ? "used" : "kept",
               key->flags & SHAPE_DEPRECATED ? ", deprecated" : "");
    if (key->about)
        buf_format(out, ": %s", key->about);
}

static void add_rows(struct arena *mem, const struct shape_standard *standard, const char *when,
                     const struct shape_key *key, struct buf *out)
{
    for (; key->name; key++) {
        if (when)
            buf_format(out, "| %s ", when);
        buf_format(out, "| `%s` | ", key->name);
        add_value(mem, key, standard, out);
        buf_format(out, " | %s | " STR_FMT " | ", key->flags & SHAPE_REQUIRED ? "yes" : "",
                   STR_ARG(versions_cell(mem, standard, key->versions)));
        add_use(key, out);
        buf_add(out, STR(" |\n"));
    }
}

static void add_shape(struct arena *mem, const struct shape_standard *standard,
                      const struct shape *shape, struct buf *out)
{
    buf_format(out, "### %s: %s\n\n", standard->name, shape->title);
    if (shape->is_open)
        buf_add(out, STR("Other keys may stand here too.\n\n"));
    else if (shape->open_in)
        buf_format(out, "In " STR_FMT " other keys may stand here too.\n\n",
                   STR_ARG(versions_cell(mem, standard, shape->open_in)));
    if (shape->keys[0])
        buf_add(out, STR("| key | value | needed | versions | weft |\n"
                         "| --- | --- | --- | --- | --- |\n"));
    for (size_t i = 0; i < 3 && shape->keys[i]; i++)
        add_rows(mem, standard, NULL, shape->keys[i], out);
    buf_add(out, shape->keys[0] ? STR("\n") : STR_NONE);
    if (!shape->variants)
        return;
    buf_format(out,
               "| by %s | key | value | needed | versions | weft |\n"
               "| --- | --- | --- | --- | --- | --- |\n",
               shape->variants->when);
    for (const struct shape_variant *v = shape->variants; v->words; v++) {
        struct buf *words = buf_new(mem, TEXT_MAX);
        for (const char *c = v->words; *c; c++)
            buf_add(words, *c == ' ' ? STR(", ") : (str){c, 1});
        add_rows(mem, standard, arena_c_string(mem, buf_str(words)), v->keys, out);
    }
    buf_add(out, STR("\n"));
}

static void add_standard(struct arena *mem, const struct shape_standard *standard, struct buf *out)
{
    struct seen seen = {0};
    see(&seen, standard->shape);
    see_all(&seen);
    for (size_t i = 0; i < seen.len; i++)
        add_shape(mem, standard, seen.at[i], out);
}

/* Puts the tables between `<!-- keys of ODCS -->` and `<!-- end -->`. */
static bool fill(struct arena *mem, str page, const struct shape_standard *standard, str *out)
{
    struct buf *b = buf_new(mem, TEXT_MAX);
    str begin = arena_format(mem, "<!-- keys of %s -->\n", standard->name);
    str end = STR("<!-- end -->\n");
    size_t from = str_find(page, begin);
    if (from == page.len)
        return false;
    str rest = str_from(page, from + begin.len);
    size_t to = str_find(rest, end);
    if (to == rest.len)
        return false;
    buf_add(b, str_sub(page, 0, from + begin.len));
    buf_add(b, STR("\n"));
    add_standard(mem, standard, b);
    buf_add(b, str_from(rest, to));
    *out = buf_str(b);
    return true;
}

/* ---- JSON Schema (draft-07) */

struct schema {
    struct arena *mem;
    struct seen seen;
};

static struct tree *text_node(struct arena *mem, const char *text)
{
    return tree_text(mem, str_of(text));
}

static void put(struct arena *mem, struct tree *map, const char *key, struct tree *value)
{
    (void)tree_put(mem, map, str_of(key), value);
}

static struct tree *plain(struct arena *mem, const char *text)
{
    struct tree *node = tree_new(mem, TREE_SCALAR);
    node->text = str_of(text);
    return node;
}

/* "type": NAME, or a list of NAME and null. */
static void put_type(struct arena *mem, struct tree *to, const char *type, bool or_null)
{
    struct tree *both = tree_new(mem, TREE_LIST);
    tree_push(mem, both, text_node(mem, type));
    tree_push(mem, both, text_node(mem, "null"));
    put(mem, to, "type", or_null ? both : text_node(mem, type));
}

static str slug(struct arena *mem, const struct shape *shape)
{
    str text = str_of(shape->title);
    if (str_starts(text, STR("the ")))
        text = str_from(text, 4);
    if (str_starts(text, STR("an ")))
        text = str_from(text, 3);
    else if (str_starts(text, STR("a ")))
        text = str_from(text, 2);
    char *copy = arena_c_string(mem, text);
    for (size_t i = 0; i < text.len; i++)
        copy[i] = copy[i] == ' ' || copy[i] == '\'' ? '-' : copy[i];
    return (str){copy, text.len};
}

static struct tree *one_schema(struct schema *s, const struct shape_key *key, bool or_null);

static struct tree *either(struct schema *s, struct tree *a, struct tree *b, bool or_null)
{
    struct tree *out = tree_new(s->mem, TREE_MAP), *list = tree_new(s->mem, TREE_LIST);
    tree_push(s->mem, list, a);
    if (b)
        tree_push(s->mem, list, b);
    if (or_null) {
        struct tree *null = tree_new(s->mem, TREE_MAP);
        put(s->mem, null, "type", text_node(s->mem, "null"));
        tree_push(s->mem, list, null);
    }
    if (list->len == 1)
        return a;
    put(s->mem, out, "anyOf", list);
    return out;
}

static struct tree *map_schema(struct schema *s, const struct shape_key *key, bool or_null)
{
    struct tree *out = tree_new(s->mem, TREE_MAP);
    if (!key->shape) {
        put_type(s->mem, out, "object", or_null);
        return out;
    }
    struct tree *reference = tree_new(s->mem, TREE_MAP);
    see(&s->seen, key->shape);
    str path = arena_format(s->mem, "#/definitions/" STR_FMT, STR_ARG(slug(s->mem, key->shape)));
    put(s->mem, reference, "$ref", tree_text(s->mem, path));
    return either(s, reference, NULL, or_null);
}

static struct tree *text_schema(struct schema *s, const struct shape_key *key, bool or_null)
{
    struct tree *out = tree_new(s->mem, TREE_MAP);
    or_null = or_null || (key->flags & SHAPE_NULL);
    put_type(s->mem, out, "string", or_null);
    if (key->words) {
        struct tree *words = tree_new(s->mem, TREE_LIST);
        str rest = str_of(key->words), word;
        while (rest.len) {
            str_cut(rest, ' ', &word, &rest);
            tree_push(s->mem, words, tree_text(s->mem, word));
        }
        if (or_null)
            tree_push(s->mem, words, tree_new(s->mem, TREE_NULL));
        put(s->mem, out, "enum", words);
    } else if (key->pattern || key->format) {
        put(s->mem, out, "pattern",
            text_node(s->mem, key->pattern ? key->pattern : key->format->pattern));
    } else if (key->flags & SHAPE_NOT_EMPTY) {
        put(s->mem, out, "minLength", plain(s->mem, "1"));
    }
    return out;
}

static struct tree *scalar_schema(struct schema *s, const char *const *types, bool or_null)
{
    struct tree *out = tree_new(s->mem, TREE_MAP), *list = tree_new(s->mem, TREE_LIST);
    for (; *types; types++)
        tree_push(s->mem, list, text_node(s->mem, *types));
    if (or_null)
        tree_push(s->mem, list, text_node(s->mem, "null"));
    put(s->mem, out, "type", list->len > 1 ? list : tree_copy(s->mem, list->at[0]));
    return out;
}

static struct tree *one_schema(struct schema *s, const struct shape_key *key, bool or_null)
{
    switch (key->type) {
    case SHAPE_ANY:
        return tree_new(s->mem, TREE_MAP);
    case SHAPE_TEXT:
        return text_schema(s, key, or_null);
    case SHAPE_BOOL:
        return scalar_schema(s, (const char *const[]){"boolean", NULL}, or_null);
    case SHAPE_INT:
        return scalar_schema(s, (const char *const[]){"integer", NULL}, or_null);
    case SHAPE_NUMBER:
        return scalar_schema(s, (const char *const[]){"number", NULL}, or_null);
    case SHAPE_SCALAR:
        return scalar_schema(s, (const char *const[]){"string", "number", "boolean", NULL},
                             or_null);
    case SHAPE_MAP:
        return map_schema(s, key, or_null);
    case SHAPE_TEXT_OR_MAP:
        return either(s, text_schema(s, &(struct shape_key){.name = key->name}, false),
                      map_schema(s, key, false), or_null);
    case SHAPE_PORT:
        break;
    }
    fprintf(stderr, "%s has a type that no kind of ours has\n", key->name);
    exit(2);
}

static struct tree *list_schema(struct schema *s, const struct shape_key *key, bool or_null)
{
    struct tree *out = tree_new(s->mem, TREE_MAP);
    put_type(s->mem, out, "array", or_null);
    put(s->mem, out, "items", one_schema(s, key, false));
    if (key->flags & SHAPE_NOT_EMPTY)
        put(s->mem, out, "minItems", plain(s->mem, "1"));
    if (key->flags & SHAPE_DISTINCT)
        put(s->mem, out, "uniqueItems", plain(s->mem, "true"));
    return out;
}

static struct tree *key_schema(struct schema *s, const struct shape_key *key)
{
    struct tree *out;
    bool or_null = !(key->flags & SHAPE_REQUIRED);
    if (key->flags & SHAPE_NAMED) {
        struct shape_key entry = *key;
        entry.flags &= ~(unsigned)(SHAPE_NAMED | SHAPE_REQUIRED);
        entry.about = NULL;
        out = tree_new(s->mem, TREE_MAP);
        put_type(s->mem, out, "object", or_null);
        put(s->mem, out, "additionalProperties", key_schema(s, &entry));
    } else if (key->flags & SHAPE_LIST) {
        out = list_schema(s, key, or_null);
    } else if (key->flags & SHAPE_OR_LIST) {
        out = either(s, one_schema(s, key, false), list_schema(s, key, false), or_null);
    } else {
        out = one_schema(s, key, or_null);
    }
    if (key->about)
        put(s->mem, out, "description", text_node(s->mem, key->about));
    return out;
}

static void put_one_of(struct schema *s, struct tree *out, const char *words)
{
    struct tree *list = tree_new(s->mem, TREE_LIST);
    str rest = str_of(words), word;
    while (rest.len) {
        struct tree *one = tree_new(s->mem, TREE_MAP), *required = tree_new(s->mem, TREE_LIST);
        struct tree *properties = tree_new(s->mem, TREE_MAP), *there = tree_new(s->mem, TREE_MAP);
        str_cut(rest, ' ', &word, &rest);
        tree_push(s->mem, required, tree_text(s->mem, word));
        put(s->mem, one, "required", required);
        put(s->mem, there, "type", text_node(s->mem, "object"));
        (void)tree_put(s->mem, properties, word, there);
        put(s->mem, one, "properties", properties);
        tree_push(s->mem, list, one);
    }
    put(s->mem, out, "oneOf", list);
}

static void put_shape(struct schema *s, const struct shape *shape, struct tree *out)
{
    struct tree *properties = tree_new(s->mem, TREE_MAP), *needed = tree_new(s->mem, TREE_LIST);
    put(s->mem, out, "type", text_node(s->mem, "object"));
    for (size_t i = 0; i < 3 && shape->keys[i]; i++)
        for (const struct shape_key *key = shape->keys[i]; key->name; key++) {
            if (key->flags & SHAPE_LATER)
                continue;
            put(s->mem, properties, key->name, key_schema(s, key));
            if (key->flags & SHAPE_REQUIRED)
                tree_push(s->mem, needed, text_node(s->mem, key->name));
        }
    put(s->mem, out, "properties", properties);
    if (needed->len)
        put(s->mem, out, "required", needed);
    if (shape->one_of)
        put_one_of(s, out, shape->one_of);
    put(s->mem, out, "additionalProperties", plain(s->mem, "false"));
}

static struct tree *schema_of(struct arena *mem, const struct shape *shape, const char *title)
{
    struct schema s = {.mem = mem};
    struct tree *out = tree_new(mem, TREE_MAP), *definitions = tree_new(mem, TREE_MAP);
    put(mem, out, "$schema", text_node(mem, "http://json-schema.org/draft-07/schema#"));
    put(mem, out, "title", text_node(mem, title));
    see(&s.seen, shape);
    put_shape(&s, shape, out);
    for (size_t i = 1; i < s.seen.len; i++) {
        struct tree *one = tree_new(mem, TREE_MAP);
        put_shape(&s, s.seen.at[i], one);
        (void)tree_put(mem, definitions, slug(mem, s.seen.at[i]), one);
    }
    if (definitions->len)
        put(mem, out, "definitions", definitions);
    return out;
}

static bool is_short(const struct tree *node)
{
    for (size_t i = 0; i < node->len; i++)
        if (node->at[i]->kind == TREE_MAP || node->at[i]->kind == TREE_LIST)
            return false;
    return true;
}

static void add_json(struct buf *out, const struct tree *node, int depth)
{
    bool is_map = node->kind == TREE_MAP;
    if ((!is_map && node->kind != TREE_LIST) || is_short(node)) {
        tree_json(node, out);
        return;
    }
    buf_add_byte(out, is_map ? '{' : '[');
    for (size_t i = 0; i < node->len; i++) {
        buf_format(out, "%s\n%*s", i ? "," : "", depth * 2 + 2, "");
        if (is_map) {
            buf_add_json(out, node->at[i]->key);
            buf_add(out, STR(": "));
        }
        add_json(out, node->at[i], depth + 1);
    }
    buf_format(out, "\n%*s%c", depth * 2, "", is_map ? '}' : ']');
}

/* ---- files */

static str read_file(struct arena *mem, const char *path)
{
    struct buf *b = buf_new(mem, TEXT_MAX);
    FILE *in = fopen(path, "rb");
    for (int c = in ? getc(in) : EOF; c != EOF; c = getc(in))
        buf_add_byte(b, (char)c);
    if (in)
        fclose(in);
    return buf_str(b);
}

/* True when the file is as it should be, or was made so. */
static bool settle(struct arena *mem, str root, const char *path, str text, bool check)
{
    const char *whole = arena_c_string(mem, arena_format(mem, STR_FMT "/%s", STR_ARG(root), path));
    if (str_eq(read_file(mem, whole), text))
        return true;
    if (check) {
        printf("%s:1: not in step with src/compilers/shape: run `make docs`\n", path);
        return false;
    }
    FILE *out = fopen(whole, "wb");
    if (!out || fwrite(text.ptr, 1, text.len, out) != text.len || fclose(out) != 0) {
        fprintf(stderr, "%s: %s\n", whole, strerror(errno));
        exit(2);
    }
    return true;
}

static bool settle_page(struct arena *mem, str root, bool check)
{
    static const char *const path = "docs/standards.md";
    str page =
        read_file(mem, arena_c_string(mem, arena_format(mem, STR_FMT "/%s", STR_ARG(root), path)));
    if (!fill(mem, page, &shape_standard_odcs, &page)
        || !fill(mem, page, &shape_standard_odps, &page)) {
        printf("%s:1: a mark is missing: `<!-- keys of ODCS -->` or of ODPS, or its end\n", path);
        return false;
    }
    return settle(mem, root, path, page, check);
}

static bool settle_schemas(struct arena *mem, str root, bool check)
{
    static const struct {
        const char *path, *title;
        const struct shape *shape;
    } kinds[] = {
        {"schemas/mesh.schema.json", "mesh.yaml of weft", &shape_mesh},
        {"schemas/domain.schema.json", "domain.yaml of weft", &shape_domain},
        {"schemas/policy.schema.json", "*.policy.yaml of weft", &shape_policy},
        {"schemas/policytest.schema.json", "*.policytest.yaml of weft", &shape_policy_test},
        {"schemas/producttest.schema.json", "tests/*.yaml of a product of weft",
         &shape_product_test},
    };
    bool ok = true;
    if (!check)
        (void)mkdir(arena_c_string(mem, arena_format(mem, STR_FMT "/schemas", STR_ARG(root))),
                    0755);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct buf *b = buf_new(mem, TEXT_MAX);
        add_json(b, schema_of(mem, kinds[i].shape, kinds[i].title), 0);
        buf_add_byte(b, '\n');
        ok = settle(mem, root, kinds[i].path, buf_str(b), check) && ok;
    }
    return ok;
}

int main(int argc, char **argv)
{
    bool check = argc > 1 && strcmp(argv[1], "--check") == 0;
    if (argc != 2 + check) {
        fputs("usage: shapes [--check] ROOT\n", stderr);
        return 2;
    }
    struct arena *mem = arena_new();
    str root = str_of(argv[1 + check]);
    bool ok = settle_page(mem, root, check);
    ok = settle_schemas(mem, root, check) && ok;
    arena_free(mem);
    return ok ? 0 : 1;
}
