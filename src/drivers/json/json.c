#include "json/json.h"

#include <string.h>

#include <json-c/json.h>

static void close_tokener(void *handle)
{
    json_tokener_free(handle);
}

static void close_object(void *handle)
{
    json_object_put(handle);
}

static bool fail_syntax(struct task *t, const char *reason, size_t offset)
{
    task_fail(t, ERR_PROTOCOL, "a tree of the engine is not JSON");
    return task_detail(t, "%s at byte %zu", reason, offset + 1);
}

static bool fail_limit(struct task *t, const char *what, size_t most)
{
    return task_fail(t, ERR_LIMIT, "the tree has more than %zu %s", most, what);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Digits from `start` to `end`: no integer over 64 bits, no point without a digit behind it. */
static bool is_exact(str bytes, size_t start, size_t end)
{
    char before = start > 0 ? bytes.ptr[start - 1] : ' ';
    char behind = end < bytes.len ? bytes.ptr[end] : ' ';
    uint64_t value = 0;
    if (behind == '.')
        return end + 1 < bytes.len && is_digit(bytes.ptr[end + 1]);
    if (before == '.' || (behind | 32) == 'e' || end - start <= 18)
        return true;
    return str_to_u64(str_sub(bytes, start, end - start), &value)
        && (before != '-' || value <= (uint64_t)INT64_MAX + 1);
}

/* A colon comes next: json-c holds keys as C strings, which end at a NUL. */
static bool is_key_end(str bytes, size_t at)
{
    while (at < bytes.len && strchr(" \t\r\n", bytes.ptr[at]) != NULL && bytes.ptr[at] != '\0')
        at++;
    return at < bytes.len && bytes.ptr[at] == ':';
}

/* One pass over the bytes, before anything is built: holds them against the limits, and refuses
 * what json-c would read as something else: integers over 64 bits (it clamps them), NUL in keys (it
 * cuts there), words and single quotes, and UTF-8 of overlong forms and surrogates (it lets them
 * pass). */
static bool survey(struct task *t, str bytes, const struct json_limits *limits)
{
    size_t depth = 0;
    size_t nodes = 1;
    bool in_string = false, has_nul = false;
    for (size_t i = 0; i < bytes.len; i++) {
        char c = bytes.ptr[i];
        if ((unsigned char)c < ' ' && (in_string || (c != '\n' && c != '\r' && c != '\t')))
            return fail_syntax(t, "a control character", i);
        if (in_string) {
            if (c == '"') {
                in_string = false;
                if (has_nul && is_key_end(bytes, i + 1))
                    return fail_syntax(t, "an escaped NUL in a key", i);
            } else if (c == '\\') {
                has_nul = has_nul || str_starts(str_from(bytes, i), STR("\\u0000"));
                i++;
            } else if ((unsigned char)c >= 0x80) {
                size_t n = str_utf8_at(bytes, i);
                if (n == 0)
                    return fail_syntax(t, "a byte that is not UTF-8", i);
                i += n - 1;
            }
            continue;
        }
        if (c == '"') {
            in_string = true;
            has_nul = false;
        } else if (c == '{' || c == '[') {
            nodes++;
            if (++depth > limits->depth)
                return fail_limit(t, "levels", limits->depth);
        } else if (c == '}' || c == ']') {
            depth -= depth > 0;
        } else if (c == ',') {
            nodes++;
        } else if (is_digit(c)) {
            size_t start = i;
            while (i + 1 < bytes.len && is_digit(bytes.ptr[i + 1]))
                i++;
            if (!is_exact(bytes, start, i + 1))
                return fail_syntax(t, "a number that cannot be kept", start);
        } else if (c == '\'' || (is_letter(c) && strchr("truefalsnE", c) == NULL)) {
            return fail_syntax(t, "a word", i);
        }
        if (nodes > limits->nodes)
            return fail_limit(t, "nodes", limits->nodes);
    }
    return true;
}

/* Recurses no deeper than JSON_DEPTH_MAX. */
static struct tree *convert(struct arena *mem, struct json_object *from)
{
    struct tree *node = tree_new(mem, TREE_SCALAR);
    switch (json_object_get_type(from)) {
    case json_type_null:
        node->kind = TREE_NULL;
        break;
    case json_type_object:
        node->kind = TREE_MAP;
        json_object_object_foreach(from, key, child)
        {
            struct tree *value = convert(mem, child);
            /* json-c has let one of two equal keys win, so that none is there twice. */
            CHECK(tree_put(mem, node, arena_str(mem, str_of(key)), value));
        }
        break;
    case json_type_array:
        node->kind = TREE_LIST;
        for (size_t i = 0; i < json_object_array_length(from); i++)
            tree_push(mem, node, convert(mem, json_object_array_get_idx(from, i)));
        break;
    case json_type_string:
        node->quoted = true;
        node->text = arena_str(
            mem, (str){json_object_get_string(from), (size_t)json_object_get_string_len(from)});
        break;
    default:
        node->text = arena_str(mem, str_of(json_object_get_string(from)));
        break;
    }
    return node;
}

static bool parse(struct task *t, str bytes, const struct json_limits *limits,
                  struct json_object **out)
{
    /* Its depth counts the scalar inside the last list, too. */
    struct json_tokener *tokener = json_tokener_new_ex((int)limits->depth + 2);
    CHECK(tokener != NULL);
    arena_defer(t->mem, close_tokener, tokener);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    *out = json_tokener_parse_ex(tokener, bytes.ptr, (int)bytes.len);
    enum json_tokener_error status = json_tokener_get_error(tokener);
    size_t offset = json_tokener_get_parse_end(tokener);
    if (status == json_tokener_continue) {
        /* A number at the end may go on; this says that it does not. */
        *out = json_tokener_parse_ex(tokener, "", 1);
        status = json_tokener_get_error(tokener);
        offset = bytes.len;
    }
    arena_close(t->mem, tokener);
    if (status != json_tokener_success)
        return fail_syntax(t, json_tokener_error_desc(status), offset);
    for (; offset < bytes.len; offset++)
        if (str_trim(str_sub(bytes, offset, 1)).len > 0) {
            json_object_put(*out);
            return fail_syntax(t, "more text after the value", offset);
        }
    return true;
}

bool json_read(struct task *t, struct arena *mem, str bytes, const struct json_limits *limits,
               struct tree **out)
{
    struct json_object *object = NULL;
    CHECK(limits->depth <= JSON_DEPTH_MAX && limits->bytes <= INT32_MAX);
    if (bytes.len > limits->bytes)
        return fail_limit(t, "bytes", limits->bytes);
    if (str_trim(bytes).len == 0)
        return fail_syntax(t, "nothing", 0);
    if (!survey(t, bytes, limits) || !parse(t, bytes, limits, &object))
        return false;
    if (object != NULL)
        arena_defer(t->mem, close_object, object);
    *out = convert(mem, object);
    if (object != NULL)
        arena_close(t->mem, object);
    return true;
}
