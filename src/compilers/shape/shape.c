#include "shape/shape_inside.h"

#include "limits/limits.h"

enum { SHAPE_TABLES = 6, SHAPE_FOUND_BYTES = 80, VARIANTS_SHOWN = 6 };

/* All key tables that hold for one node. */
struct shape_keys {
    const struct shape_key *tables[SHAPE_TABLES];
    size_t len;
    unsigned version;
    bool is_open;
};

static void check_root(struct shape_walk *walk, const struct shape *shape, const struct tree *node);
static void check_map(struct shape_walk *walk, const struct shape *shape, const struct tree *node);
static void check_key(struct shape_walk *walk, const struct shape_key *key,
                      const struct tree *node);
static void check_one(struct shape_walk *walk, const struct shape_key *key,
                      const struct tree *node);
static void check_list(struct shape_walk *walk, const struct shape_key *key,
                       const struct tree *node);
static void check_text(struct shape_walk *walk, const struct shape_key *key,
                       const struct tree *node);
static void check_number(struct shape_walk *walk, const struct shape_key *key,
                         const struct tree *node);

bool shape_check(struct arena *mem, str file, const struct shape *shape, const struct tree *node,
                 struct report *report)
{
    size_t before = report->errors;
    check_root(&(struct shape_walk){.mem = mem, .file = file, .report = report}, shape, node);
    return report->errors == before;
}

void shape_check_version(struct arena *mem, str file, const struct shape_standard *standard,
                         unsigned version, const struct tree *node, struct report *report)
{
    struct shape_walk walk = {
        .mem = mem, .file = file, .report = report, .version = version, .standard = standard};
    check_root(&walk, standard->shape, node);
}

static void check_root(struct shape_walk *walk, const struct shape *shape, const struct tree *node)
{
    if (node->kind == TREE_MAP) {
        check_map(walk, shape, node);
    } else {
        struct finding *f =
            shape_error(walk->mem, walk->file, walk->report, node, "this is not %s", shape->title);
        f->found = shape_found(walk->mem, node);
        f->allowed = STR("a map");
    }
}

static void shape_tables(unsigned version, const struct shape *shape, const struct tree *node,
                         struct shape_keys *out)
{
    *out = (struct shape_keys){.version = version,
                               .is_open = shape->is_open || (shape->open_in & version)};
    for (size_t i = 0; i < 3 && shape->keys[i]; i++)
        out->tables[out->len++] = shape->keys[i];
    if (!shape->more)
        return;
    struct shape_more more = {.version = version};
    shape->more(node, &more);
    for (size_t i = 0; i < 3 && more.keys[i]; i++)
        out->tables[out->len++] = more.keys[i];
    out->is_open = out->is_open || more.is_open;
}

const struct shape_variant *shape_find_variant(const struct shape *shape, str text)
{
    for (const struct shape_variant *v = shape->variants; v && v->words; v++)
        if (shape_has_word(v->words, text))
            return v;
    return NULL;
}

static bool is_of_version(const struct shape_key *key, unsigned version)
{
    return !version || !key->versions || (key->versions & version);
}

static const struct shape_key *find_key(const struct shape_keys *keys, str name)
{
    for (size_t i = 0; i < keys->len; i++)
        for (const struct shape_key *key = keys->tables[i]; key->name; key++)
            if (is_of_version(key, keys->version) && str_eq(name, str_of(key->name)))
                return key;
    return NULL;
}

const struct shape_key *shape_find_key(const struct shape *shape, unsigned version,
                                       const struct tree *node, str name, bool *is_open_out)
{
    struct shape_keys keys;
    shape_tables(version, shape, node, &keys);
    *is_open_out = keys.is_open;
    return find_key(&keys, name);
}

/* Of a key that only other versions have: which ones. */
static str other_versions(struct shape_walk *walk, const struct shape_keys *keys, str name)
{
    unsigned bits = 0;
    for (size_t i = 0; walk->standard && i < keys->len; i++)
        for (const struct shape_key *key = keys->tables[i]; key->name; key++)
            if (str_eq(name, str_of(key->name)))
                bits |= key->versions;
    return bits ? shape_versions_text(walk->mem, walk->standard, bits) : STR_NONE;
}

/* Of a key that the node would have if it were of another type: `type: sql`. */
static str other_variants(struct shape_walk *walk, const struct shape *shape, str name)
{
    struct str_list words = {0};
    str when = STR_NONE, rest;

    for (const struct shape_variant *v = shape->variants; v && v->words; v++) {
        struct shape_keys keys = {.tables = {v->keys}, .len = 1, .version = walk->version};
        str text = str_of(v->words), word;

        if (!find_key(&keys, name))
            continue;
        (void)str_cut(str_of(v->when), ',', &when, &rest);
        while (text.len) {
            (void)str_cut(text, ' ', &word, &text);
            str_list_add(walk->mem, &words, word);
        }
    }
    if (!words.len || words.len > VARIANTS_SHOWN)
        return STR_NONE;
    return arena_format(walk->mem, STR_FMT ": " STR_FMT, STR_ARG(when),
                        STR_ARG(str_list_join(walk->mem, &words, STR(", "))));
}

static void unknown_key(struct shape_walk *walk, const struct shape *shape,
                        const struct shape_keys *keys, const struct tree *child)
{
    struct str_list names = {0};
    for (size_t i = 0; i < keys->len; i++)
        for (const struct shape_key *key = keys->tables[i]; key->name; key++)
            if (is_of_version(key, keys->version) && !(key->flags & SHAPE_LATER))
                str_list_add(walk->mem, &names, str_of(key->name));
    struct finding *f =
        shape_key_error(walk->mem, walk->file, walk->report, child, "unknown key " STR_FMT " in %s",
                        STR_ARG(child->key), shape->title);
    f->found = child->key;
    f->allowed = names.len ? str_list_join(walk->mem, &names, STR(", ")) : STR("no key");
    for (const struct shape_slip *slip = shape->slips; slip && slip->wrong; slip++)
        if (str_eq(child->key, str_of(slip->wrong)))
            f->hint = str_of(slip->hint);
    str nearest = STR_NONE;
    for (size_t i = 0; i < names.len && !nearest.len; i++)
        if (str_eq_nocase(names.at[i], child->key))
            nearest = names.at[i];
    if (!nearest.len)
        nearest = str_list_nearest(&names, child->key);
    str others = other_versions(walk, keys, child->key);
    if (others.len)
        f->hint = arena_format(walk->mem, "it is a key of " STR_FMT, STR_ARG(others));
    str variants = f->hint.len ? STR_NONE : other_variants(walk, shape, child->key);
    if (variants.len)
        f->hint = arena_format(walk->mem, "it goes with " STR_FMT, STR_ARG(variants));
    if (!f->hint.len && nearest.len)
        f->hint = arena_format(walk->mem, "did you mean " STR_FMT "?", STR_ARG(nearest));
}

str shape_allows(struct arena *mem, const struct shape_key *key)
{
    static const char *const one[] = {
        [SHAPE_ANY] = "any value",
        [SHAPE_TEXT] = "text",
        [SHAPE_BOOL] = "true or false",
        [SHAPE_INT] = "an integer",
        [SHAPE_NUMBER] = "a number",
        [SHAPE_SCALAR] = "text, a number, true or false",
        [SHAPE_MAP] = "a map",
        [SHAPE_TEXT_OR_MAP] = "text or a map",
        [SHAPE_PORT] = "an integer, or ${NAME}",
    };
    str base = str_of(one[key->type]);
    if (key->words)
        base = shape_words_text(mem, key->words);
    else if (key->format)
        base = str_of(key->format->says);
    if (key->flags & SHAPE_NAMED)
        return arena_format(mem, "a map from names to " STR_FMT, STR_ARG(base));
    if (key->flags & SHAPE_LIST)
        return arena_format(mem, "a list of: " STR_FMT, STR_ARG(base));
    if (key->flags & SHAPE_OR_LIST)
        return arena_format(mem, STR_FMT ", or a list of it", STR_ARG(base));
    return base;
}

static void missing_key(struct shape_walk *walk, const struct shape *shape,
                        const struct shape_key *key, const struct tree *node)
{
    struct finding *f = shape_error(walk->mem, walk->file, walk->report, node,
                                    "%s is missing in %s", key->name, shape->title);
    f->allowed = shape_allows(walk->mem, key);
    f->hint = arena_format(walk->mem, "add %s", key->name);
}

static void check_map(struct shape_walk *walk, const struct shape *shape, const struct tree *node)
{
    if (walk->depth >= DOCUMENT_DEPTH_MAX)
        return;
    walk->depth++;
    struct shape_keys keys;
    shape_tables(walk->version, shape, node, &keys);
    for (size_t i = 0; i < node->len; i++) {
        const struct shape_key *key = find_key(&keys, node->at[i]->key);
        if (key)
            check_key(walk, key, node->at[i]);
        else if (!keys.is_open)
            unknown_key(walk, shape, &keys, node->at[i]);
    }
    for (size_t i = 0; i < keys.len; i++)
        for (const struct shape_key *key = keys.tables[i]; key->name; key++) {
            if (!(key->flags & SHAPE_REQUIRED) || !is_of_version(key, walk->version))
                continue;
            str name = str_of(key->name);
            bool is_there = key->flags & SHAPE_NULL ? tree_get(node, name) != NULL
                                                    : tree_find(node, name) != NULL;
            if (!is_there)
                missing_key(walk, shape, key, node);
        }
    if (shape->also)
        shape->also(walk, node);
    walk->depth--;
}

static struct finding *wrong_type(struct shape_walk *walk, const struct shape_key *key,
                                  const struct tree *node, str allowed)
{
    struct finding *f = shape_error(walk->mem, walk->file, walk->report, node,
                                    "%s must be " STR_FMT, key->name, STR_ARG(allowed));
    f->found = shape_found(walk->mem, node);
    f->allowed = allowed;
    return f;
}

static void check_named(struct shape_walk *walk, const struct shape_key *key,
                        const struct tree *node)
{
    if (node->kind != TREE_MAP) {
        wrong_type(walk, key, node, shape_allows(walk->mem, key));
        return;
    }
    struct shape_key one = *key;
    one.flags &= ~(unsigned)SHAPE_NAMED;
    for (size_t i = 0; i < node->len; i++)
        if (!tree_is_null(node->at[i]))
            check_key(walk, &one, node->at[i]);
}

static void check_key(struct shape_walk *walk, const struct shape_key *key, const struct tree *node)
{
    if (tree_is_null(node))
        return; /* null equals absent */
    if (key->flags & SHAPE_LATER) {
        struct finding *f =
            shape_key_error(walk->mem, walk->file, walk->report, node,
                            "%s is not supported yet by this version of weft", key->name);
        f->hint = STR("remove it: what is not enforced is refused rather than ignored");
        return;
    }
    if (key->flags & SHAPE_DEPRECATED)
        report_add(walk->report, FINDING_NOTE, ERR_INVALID, tree_place(walk->mem, walk->file, node),
                   "%s is deprecated by the standard", key->name);
    if (key->flags & SHAPE_NAMED)
        check_named(walk, key, node);
    else if (key->flags & SHAPE_LIST || (key->flags & SHAPE_OR_LIST && node->kind == TREE_LIST))
        check_list(walk, key, node);
    else
        check_one(walk, key, node);
}

static void check_list(struct shape_walk *walk, const struct shape_key *key,
                       const struct tree *node)
{
    if (node->kind != TREE_LIST) {
        struct finding *f = wrong_type(walk, key, node, shape_allows(walk->mem, key));
        if (node->kind == TREE_SCALAR && key->type == SHAPE_TEXT)
            f->hint = arena_format(walk->mem, "write it as a list: [" STR_FMT "]",
                                   STR_ARG(str_sub(node->text, 0, SHAPE_FOUND_BYTES)));
        return;
    }
    if (key->flags & SHAPE_OLD_LIST)
        report_add(walk->report, FINDING_NOTE, ERR_INVALID, tree_place(walk->mem, walk->file, node),
                   "a list as %s is deprecated by the standard", key->name);
    if (!node->len && key->flags & SHAPE_NOT_EMPTY)
        wrong_type(walk, key, node, STR("a list that is not empty"));
    struct shape_key entry = *key;
    str name = str_of(key->name);
    entry.name =
        arena_c_string(walk->mem, arena_format(walk->mem, "an entry of " STR_FMT, STR_ARG(name)));
    entry.flags &= ~(unsigned)(SHAPE_LIST | SHAPE_OR_LIST);
    for (size_t i = 0; i < node->len; i++) {
        check_one(walk, &entry, node->at[i]);
        for (size_t j = 0; key->flags & SHAPE_DISTINCT && j < i; j++)
            if (tree_equal(node->at[i], node->at[j])) {
                struct finding *f = shape_error(walk->mem, walk->file, walk->report, node->at[i],
                                                "an entry of %s stands there twice", key->name);
                f->found = shape_found(walk->mem, node->at[i]);
                break;
            }
    }
}

static bool is_whole(const struct tree *node)
{
    int64_t whole;
    double number;
    if (tree_is_int(node, &whole))
        return true;
    return tree_is_number(node, &number) && number > -9e15 && number < 9e15
        && number == (double)(int64_t)number;
}

static void check_one(struct shape_walk *walk, const struct shape_key *key, const struct tree *node)
{
    bool flag, fits = true;
    double number;
    switch (key->type) {
    case SHAPE_ANY:
        return;
    case SHAPE_TEXT:
        check_text(walk, key, node);
        return;
    case SHAPE_INT:
    case SHAPE_NUMBER:
        check_number(walk, key, node);
        return;
    case SHAPE_BOOL:
        fits = tree_is_bool(node, &flag);
        break;
    case SHAPE_SCALAR:
        fits = node->kind == TREE_SCALAR
            && (tree_is_string(node) || tree_is_bool(node, &flag) || tree_is_number(node, &number));
        break;
    case SHAPE_MAP:
        fits = node->kind == TREE_MAP;
        break;
    case SHAPE_TEXT_OR_MAP:
        fits = node->kind == TREE_MAP || tree_is_string(node);
        break;
    case SHAPE_PORT:
        fits = is_whole(node) || (node->kind == TREE_SCALAR && shape_is_secret(node->text));
        break;
    }
    if (!fits) {
        struct finding *f = wrong_type(walk, key, node, shape_allows(walk->mem, key));
        if (key->type == SHAPE_BOOL && node->kind == TREE_SCALAR)
            f->hint = STR("YAML 1.2 knows true and false only, without quotes");
        return;
    }
    if (node->kind == TREE_MAP && key->shape)
        check_map(walk, key->shape, node);
}

static void check_text(struct shape_walk *walk, const struct shape_key *key,
                       const struct tree *node)
{
    if (!tree_is_string(node)) {
        struct finding *f = wrong_type(walk, key, node, STR("text"));
        if (node->kind == TREE_SCALAR)
            f->hint = arena_format(walk->mem, "quote it: \"" STR_FMT "\"",
                                   STR_ARG(str_sub(node->text, 0, SHAPE_FOUND_BYTES)));
    } else if (key->words && !shape_has_word(key->words, node->text)) {
        struct finding *f =
            shape_error(walk->mem, walk->file, walk->report, node, "%s cannot be " STR_FMT,
                        key->name, STR_ARG(str_sub(node->text, 0, SHAPE_FOUND_BYTES)));
        f->found = shape_found(walk->mem, node);
        f->allowed = shape_words_text(walk->mem, key->words);
        for (const struct shape_slip *slip = key->slips; slip && slip->wrong; slip++)
            if (str_eq_nocase(node->text, str_of(slip->wrong)))
                f->hint = str_of(slip->hint);
        if (!f->hint.len)
            f->hint = shape_nearest(walk->mem, key->words, node->text);
    } else if (key->format && !key->format->fits(node->text)) {
        wrong_type(walk, key, node, str_of(key->format->says));
    } else if (!node->text.len && key->flags & SHAPE_NOT_EMPTY) {
        wrong_type(walk, key, node, STR("text that is not empty"));
    }
}

static void check_number(struct shape_walk *walk, const struct shape_key *key,
                         const struct tree *node)
{
    double number = 0;
    bool is_number = tree_is_number(node, &number);
    if (!is_number || (key->type == SHAPE_INT && !is_whole(node))) {
        struct finding *f = wrong_type(
            walk, key, node, key->type == SHAPE_INT ? STR("an integer") : STR("a number"));
        double inside;
        if (node->kind == TREE_SCALAR && node->quoted && str_to_f64(node->text, &inside))
            f->hint = STR("write it without quotes");
        return;
    }
    if (key->least && number < *key->least)
        wrong_type(walk, key, node, arena_format(walk->mem, "%g or more", *key->least));
    if (key->above && number <= *key->above)
        wrong_type(walk, key, node, arena_format(walk->mem, "more than %g", *key->above));
}

static struct finding *error_at(struct arena *mem, struct report *report, struct place place,
                                const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));

static struct finding *error_at(struct arena *mem, struct report *report, struct place place,
                                const char *format, va_list args)
{
    str message = arena_format_args(mem, format, args);
    return report_add(report, FINDING_ERROR, ERR_INVALID, place, STR_FMT, STR_ARG(message));
}

struct finding *shape_error(struct arena *mem, str file, struct report *report,
                            const struct tree *node, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct finding *f = error_at(mem, report, tree_place(mem, file, node), format, args);
    va_end(args);
    return f;
}

struct finding *shape_key_error(struct arena *mem, str file, struct report *report,
                                const struct tree *node, const char *format, ...)
{
    struct place place = tree_place(mem, file, node);
    if (node->key_line) {
        place.line = node->key_line;
        place.column = node->key_column;
    }
    va_list args;
    va_start(args, format);
    struct finding *f = error_at(mem, report, place, format, args);
    va_end(args);
    return f;
}

str shape_found(struct arena *mem, const struct tree *node)
{
    if (!node || node->kind == TREE_NULL)
        return STR("null");
    if (node->kind == TREE_MAP)
        return STR("a map");
    if (node->kind == TREE_LIST)
        return node->len ? STR("a list") : STR("an empty list");
    if (!node->text.len)
        return STR("an empty text");
    size_t len = 0;
    while (len < node->text.len && len < SHAPE_FOUND_BYTES) {
        size_t step = str_utf8_at(node->text, len);
        len += step ? step : 1;
    }
    return arena_format(mem, STR_FMT "%s (%s)", STR_ARG(str_sub(node->text, 0, len)),
                        len < node->text.len ? "…" : "", tree_type_name(node));
}

/* Takes the next word off; false at the end. */
static bool next_word(str *words, str *out)
{
    if (!words->len)
        return false;
    str_cut(*words, ' ', out, words);
    return true;
}

bool shape_has_word(const char *words, str text)
{
    str rest = str_of(words), word;
    while (next_word(&rest, &word))
        if (str_eq(word, text))
            return true;
    return false;
}

static struct str_list word_list(struct arena *mem, const char *words)
{
    struct str_list list = {0};
    str rest = str_of(words), word;
    while (next_word(&rest, &word))
        vec_push(mem, &list, word);
    return list;
}

str shape_words_text(struct arena *mem, const char *words)
{
    struct str_list list = word_list(mem, words);
    str joined = str_list_join(mem, &list, STR(", "));
    return list.len == 1 ? joined : arena_format(mem, "one of " STR_FMT, STR_ARG(joined));
}

str shape_nearest(struct arena *mem, const char *words, str text)
{
    struct str_list list = word_list(mem, words);
    for (size_t i = 0; i < list.len; i++)
        if (str_eq_nocase(list.at[i], text))
            return arena_format(mem, "did you mean " STR_FMT "?", STR_ARG(list.at[i]));
    str nearest = str_list_nearest(&list, text);
    return nearest.len ? arena_format(mem, "did you mean " STR_FMT "?", STR_ARG(nearest))
                       : STR_NONE;
}

bool shape_is_principal(str text)
{
    str kind, name;
    if (!str_cut(text, ':', &kind, &name) || !name.len)
        return false;
    if (!str_eq(kind, STR("user")) && !str_eq(kind, STR("group")))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.ptr[i] <= ' ' || name.ptr[i] == ':')
            return false;
    return true;
}

bool shape_is_secret(str text)
{
    if (text.len < 4 || !str_starts(text, STR("${")) || text.ptr[text.len - 1] != '}')
        return false;
    for (size_t i = 2; i + 1 < text.len; i++) {
        char c = text.ptr[i];
        bool is_first = i == 2;
        if (!((c >= 'A' && c <= 'Z') || c == '_' || (!is_first && c >= '0' && c <= '9')))
            return false;
    }
    return true;
}
