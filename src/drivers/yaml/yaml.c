#include "yaml/yaml.h"

#include <string.h>

#include <libfyaml.h>

#include "buf/buf.h"
#include "limits/limits.h"
#include "map/map.h"

/* An escape of two bytes makes a character of three at most. */
enum { TEXT_BYTES_MAX = 2 * DOCUMENT_BYTES_MAX };

struct spot {
    uint32_t line, column;
};

struct level {
    struct tree *node;
    bool has_key; /* of a map: a key stands and waits for its value */
    str key;
    uint32_t key_line, key_column;
};

struct reader {
    struct task *t;
    struct arena *mem;
    str file;
    enum yaml_mode mode;
    struct fy_parser *parser;
    struct fy_diag *diag;
    struct fy_token_iter *iter;
    struct buf *text; /* of one scalar */
    struct map anchors;
    size_t nodes, aliases;
    struct level levels[DOCUMENT_DEPTH_MAX];
    size_t depth;
    struct tree *root;
    bool has_root, is_extra;
    struct yaml_documents *documents;
    size_t documents_max;
};

static void close_parser(void *handle)
{
    fy_parser_destroy(handle);
}

static void close_iter(void *handle)
{
    fy_token_iter_destroy(handle);
}

static void close_diag(void *handle)
{
    fy_diag_destroy(handle);
}

/* What libfyaml has to say is collected; this takes what it would print all the same. */
static void say_nothing(struct fy_diag *diag, void *user, const char *text, size_t len)
{
    (void)diag;
    (void)user;
    (void)text;
    (void)len;
}

static const char *language(const struct reader *r)
{
    return r->mode != YAML_MODE_YAML ? "JSON" : "YAML";
}

static bool place_at(struct reader *r, uint32_t line, uint32_t column)
{
    struct place place = {.file = r->file, .line = line, .column = column};
    if (r->depth > 0)
        place.path = tree_path(r->t->mem, r->levels[r->depth - 1].node);
    return task_place(r->t, place);
}

static bool fail_at(struct reader *r, struct spot spot, const char *message)
{
    task_fail(r->t, ERR_INVALID, "%s", message);
    return place_at(r, spot.line, spot.column);
}

static bool fail_limit(struct reader *r, struct spot spot, const char *what, int most)
{
    task_fail(r->t, ERR_LIMIT, "the document has more than %d %s", most, what);
    return place_at(r, spot.line, spot.column);
}

/* Where an event begins, from 1. libfyaml starts a quoted text behind its quote and an alias behind
 * its star, and has no place for a value that is not there: its key's is taken, or the parent's. */
static struct spot spot_of(const struct reader *r, struct fy_event *event)
{
    const struct fy_mark *mark = fy_event_start_mark(event);
    if (mark == NULL) {
        if (r->depth == 0)
            return (struct spot){1, 1};
        const struct level *level = &r->levels[r->depth - 1];
        if (level->has_key)
            return (struct spot){level->key_line, level->key_column};
        return (struct spot){level->node->line, level->node->column};
    }
    struct spot spot = {(uint32_t)mark->line + 1, (uint32_t)mark->column + 1};
    bool is_behind = event->type == FYET_ALIAS;
    if (event->type == FYET_SCALAR && event->scalar.value != NULL) {
        enum fy_scalar_style style = fy_token_scalar_style(event->scalar.value);
        is_behind = style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
    }
    if (is_behind && spot.column > 1)
        spot.column--;
    return spot;
}

/* The first error that libfyaml collected. */
static bool fail_parse(struct reader *r)
{
    void *at = NULL;
    const struct fy_diag_error *error = fy_diag_errors_iterate(r->diag, &at);
    task_fail(r->t, ERR_INVALID, "this is not valid %s", language(r));
    if (error == NULL)
        return place_at(r, 0, 0);
    task_detail(r->t, "%s", error->msg);
    return place_at(r, (uint32_t)error->line, (uint32_t)error->column);
}

static bool count_node(struct reader *r, struct spot spot)
{
    if (++r->nodes > DOCUMENT_NODES_MAX)
        return fail_limit(r, spot, "nodes", DOCUMENT_NODES_MAX);
    return true;
}

static struct tree *node_new(struct reader *r, enum tree_kind kind, struct spot spot)
{
    struct tree *node = tree_new(r->mem, kind);
    node->line = spot.line;
    node->column = spot.column;
    return node;
}

/* Chunk by chunk, because fy_token_get_text of 0.7.12 loses the list of chunks of a text with many
 * escapes: up to 8 MB for one document. */
static bool token_text(struct reader *r, struct fy_token *token, struct spot spot, str *out)
{
    *out = STR_NONE;
    if (token == NULL)
        return true;
    const struct fy_iter_chunk *chunk = NULL;
    int status = 0;
    buf_clear(r->text);
    fy_token_iter_start(token, r->iter);
    while ((chunk = fy_token_iter_chunk_next(r->iter, chunk, &status)) != NULL)
        buf_add(r->text, (str){chunk->str, chunk->len});
    fy_token_iter_finish(r->iter);
    if (status != 0)
        return fail_at(r, spot, "this text cannot be read");
    if (r->text->full)
        return fail_at(r, spot, "this text is longer than a document may be");
    *out = buf_copy(r->text, r->mem);
    return true;
}

static bool remember_anchor(struct reader *r, struct fy_token *anchor, struct tree *node)
{
    str name = STR_NONE;
    if (!token_text(r, anchor, (struct spot){node->line, node->column}, &name))
        return false;
    if (name.len > 0)
        map_put(&r->anchors, name, node);
    return true;
}

/* Puts a finished or just opened node where it belongs. */
static bool place_node(struct reader *r, struct tree *node, struct spot spot)
{
    if (r->depth == 0) {
        CHECK(!r->has_root);
        r->root = node;
        r->has_root = true;
        return true;
    }
    struct level *level = &r->levels[r->depth - 1];
    if (level->node->kind == TREE_LIST) {
        tree_push(r->mem, level->node, node);
        return true;
    }
    if (!level->has_key)
        return fail_at(r, spot, "a key must be a text");
    node->key_line = level->key_line;
    node->key_column = level->key_column;
    level->has_key = false;
    /* Keys were held against each other when they came. */
    CHECK(tree_put(r->mem, level->node, level->key, node));
    return true;
}

static bool is_key_next(const struct reader *r)
{
    if (r->depth == 0)
        return false;
    const struct level *level = &r->levels[r->depth - 1];
    return level->node->kind == TREE_MAP && !level->has_key;
}

static bool take_key(struct reader *r, struct tree *scalar, struct spot spot)
{
    struct level *level = &r->levels[r->depth - 1];
    if (scalar->kind != TREE_SCALAR || (scalar->text.len == 0 && !scalar->quoted))
        return fail_at(r, spot, "a key must be a text");
    const struct tree *before = tree_get(level->node, scalar->text);
    if (before != NULL) {
        task_fail(r->t, ERR_INVALID, "the key `" STR_FMT "` stands twice",
                  STR_ARG(str_sub(scalar->text, 0, 100)));
        task_detail(r->t, "it stands first in line %u", (unsigned)before->key_line);
        return place_at(r, spot.line, spot.column);
    }
    level->has_key = true;
    level->key = scalar->text;
    level->key_line = scalar->line;
    level->key_column = scalar->column;
    return true;
}

static bool is_null_text(const struct reader *r, str text)
{
    if (r->mode != YAML_MODE_YAML)
        return str_eq(text, STR("null"));
    return text.len == 0 || str_eq(text, STR("~")) || str_eq(text, STR("null"))
        || str_eq(text, STR("Null")) || str_eq(text, STR("NULL"));
}

static bool read_scalar(struct reader *r, struct fy_event *event)
{
    struct spot spot = spot_of(r, event);
    if (event->scalar.tag != NULL)
        return fail_at(r, spot, "tags (`!name`) are not read here");
    if (!count_node(r, spot))
        return false;
    struct tree *node = node_new(r, TREE_SCALAR, spot);
    if (!token_text(r, event->scalar.value, spot, &node->text))
        return false;
    node->quoted =
        event->scalar.value != NULL && fy_token_scalar_style(event->scalar.value) != FYSS_PLAIN;
    if (node->quoted && !str_is_utf8(node->text))
        return fail_at(r, spot, "an escape makes a character that no text may hold");
    if (!remember_anchor(r, event->scalar.anchor, node))
        return false;
    if (is_key_next(r))
        return take_key(r, node, spot);
    if (!node->quoted && is_null_text(r, node->text)) {
        node->kind = TREE_NULL;
        node->text = STR_NONE;
    }
    return place_node(r, node, spot);
}

static bool open_level(struct reader *r, struct fy_event *event, enum tree_kind kind,
                       struct fy_token *anchor, struct fy_token *tag)
{
    struct spot spot = spot_of(r, event);
    if (tag != NULL)
        return fail_at(r, spot, "tags (`!name`) are not read here");
    if (is_key_next(r))
        return fail_at(r, spot, "a key must be a text");
    if (r->depth == DOCUMENT_DEPTH_MAX)
        return fail_limit(r, spot, "levels", DOCUMENT_DEPTH_MAX);
    if (!count_node(r, spot))
        return false;
    struct tree *node = node_new(r, kind, spot);
    if (!remember_anchor(r, anchor, node) || !place_node(r, node, spot))
        return false;
    r->levels[r->depth++] = (struct level){.node = node};
    return true;
}

/* Recurses no deeper than DOCUMENT_DEPTH_MAX. Texts are shared, positions stay those of the
 * original. */
static struct tree *copy_node(struct reader *r, const struct tree *node, size_t depth,
                              struct spot spot)
{
    if (!count_node(r, spot))
        return NULL;
    if (node->kind != TREE_SCALAR && node->kind != TREE_NULL && depth >= DOCUMENT_DEPTH_MAX) {
        fail_limit(r, spot, "levels", DOCUMENT_DEPTH_MAX);
        return NULL;
    }
    struct tree *copy = tree_new(r->mem, node->kind);
    copy->quoted = node->quoted;
    copy->text = node->text;
    copy->line = node->line;
    copy->column = node->column;
    for (size_t i = 0; i < node->len; i++) {
        struct tree *child = copy_node(r, node->at[i], depth + 1, spot);
        if (child == NULL)
            return NULL;
        child->key_line = node->at[i]->key_line;
        child->key_column = node->at[i]->key_column;
        if (node->kind == TREE_MAP)
            CHECK(tree_put(r->mem, copy, node->at[i]->key, child));
        else
            tree_push(r->mem, copy, child);
    }
    return copy;
}

static bool read_alias(struct reader *r, struct fy_event *event)
{
    struct spot spot = spot_of(r, event);
    str name = STR_NONE;
    if (is_key_next(r))
        return fail_at(r, spot, "a key must be a text");
    if (!token_text(r, event->alias.anchor, spot, &name))
        return false;
    if (++r->aliases > DOCUMENT_ALIASES_MAX)
        return fail_limit(r, spot, "aliases", DOCUMENT_ALIASES_MAX);
    const struct tree *found = map_find(&r->anchors, name);
    if (found == NULL) {
        task_fail(r->t, ERR_INVALID, "the alias `*" STR_FMT "` has no anchor before it",
                  STR_ARG(name));
        return place_at(r, spot.line, spot.column);
    }
    for (size_t i = 0; i < r->depth; i++)
        if (r->levels[i].node == found)
            return fail_at(r, spot, "an alias stands inside its own anchor");
    struct tree *copy = copy_node(r, found, r->depth, spot);
    return copy != NULL && place_node(r, copy, spot);
}

static bool fail_extra(struct reader *r, struct fy_event *event)
{
    return fail_at(r, spot_of(r, event),
                   "a second document begins here, and there may be one only");
}

static bool begin_document(struct reader *r, struct fy_event *event)
{
    r->is_extra = r->documents->len == r->documents_max;
    /* One that begins without `---` has no place before its first node. */
    if (r->is_extra && fy_event_start_mark(event) != NULL)
        return fail_extra(r, event);
    map_init(&r->anchors, r->mem);
    r->has_root = false;
    r->depth = 0;
    return true;
}

static bool end_document(struct reader *r)
{
    if (!r->has_root)
        r->root = tree_new(r->mem, TREE_NULL);
    vec_push(r->mem, r->documents, r->root);
    return true;
}

static bool take_event(struct reader *r, struct fy_event *event)
{
    if (r->is_extra)
        return fail_extra(r, event);
    switch (event->type) {
    case FYET_DOCUMENT_START:
        return begin_document(r, event);
    case FYET_DOCUMENT_END:
        return end_document(r);
    case FYET_MAPPING_START:
        return open_level(r, event, TREE_MAP, event->mapping_start.anchor,
                          event->mapping_start.tag);
    case FYET_SEQUENCE_START:
        return open_level(r, event, TREE_LIST, event->sequence_start.anchor,
                          event->sequence_start.tag);
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        CHECK(r->depth > 0);
        r->depth--;
        return true;
    case FYET_SCALAR:
        return read_scalar(r, event);
    case FYET_ALIAS:
        return read_alias(r, event);
    default:
        return true;
    }
}

static bool read_events(struct reader *r)
{
    bool is_ended = false;
    while (!is_ended) {
        struct fy_event *event = fy_parser_parse(r->parser);
        if (event == NULL)
            return fail_parse(r); /* Without an end of the stream something is left unread. */
        is_ended = event->type == FYET_STREAM_END;
        bool ok = take_event(r, event);
        fy_parser_event_free(r->parser, event);
        if (!ok)
            return false;
    }
    return true;
}

/* Line and column of the first byte that is no text. */
static bool fail_encoding(struct reader *r, str bytes)
{
    uint32_t line = 1;
    size_t line_start = 0;
    size_t good = 0;
    for (size_t i = 0; i <= bytes.len; i++) {
        if (i < bytes.len && bytes.ptr[i] != '\n')
            continue;
        if (!str_is_utf8(str_sub(bytes, line_start, i - line_start)))
            break;
        line++;
        line_start = i + 1;
    }
    str rest = str_from(bytes, line_start);
    uint32_t column = 1;
    while (good < rest.len) {
        size_t len = 1;
        while (len <= 4 && !str_is_utf8(str_sub(rest, good, len)))
            len++;
        if (len > 4)
            break;
        good += len;
        column++;
    }
    task_fail(r->t, ERR_INVALID, "the file is not UTF-8 text");
    task_hint(r->t, "save it as UTF-8");
    return place_at(r, line, column);
}

static bool open_parser(struct reader *r, str text)
{
    struct fy_diag_cfg diag_config;
    fy_diag_cfg_default(&diag_config);
    diag_config.fp = NULL;
    diag_config.output_fn = say_nothing;
    diag_config.colorize = false;
    r->diag = fy_diag_create(&diag_config);
    CHECK(r->diag != NULL);
    arena_defer(r->t->mem, close_diag, r->diag);
    fy_diag_set_collect_errors(r->diag, true);
    struct fy_parse_cfg config = {
        .flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2
               | (r->mode != YAML_MODE_YAML ? FYPCF_JSON_FORCE : FYPCF_JSON_NONE),
        .diag = r->diag,
    };
    r->parser = fy_parser_create(&config);
    CHECK(r->parser != NULL);
    arena_defer(r->t->mem, close_parser, r->parser);
    r->iter = fy_token_iter_create(NULL);
    CHECK(r->iter != NULL);
    arena_defer(r->t->mem, close_iter, r->iter);
    r->text = buf_new(r->t->mem, TEXT_BYTES_MAX);
    if (fy_parser_set_string(r->parser, text.ptr, text.len) != 0)
        return fail_parse(r);
    return true;
}

static bool read_documents(struct task *t, struct arena *mem, str bytes, str file,
                           enum yaml_mode mode, size_t documents_max, struct yaml_documents *out)
{
    struct reader *r = ARENA_NEW(t->mem, struct reader);
    *r = (struct reader){.t = t,
                         .mem = mem,
                         .file = file,
                         .mode = mode,
                         .documents = out,
                         .documents_max = documents_max};
    *out = (struct yaml_documents){.len = 0};
    map_init(&r->anchors, mem);
    int bytes_max = mode == YAML_MODE_BUNDLE ? BUNDLE_BYTES_MAX : DOCUMENT_BYTES_MAX;
    if (bytes.len > (size_t)bytes_max) {
        task_fail(t, ERR_LIMIT, "the document has more than %d bytes", bytes_max);
        return place_at(r, 0, 0);
    }
    if (!str_is_utf8(bytes))
        return fail_encoding(r, bytes);
    if (str_starts(bytes, STR("\xef\xbb\xbf")))
        bytes = str_from(bytes, 3);
    if (bytes.len == 0)
        return true; /* libfyaml takes a length of 0 for a C string. */
    /* With a line end behind it: an empty block at the very end is read past its end otherwise. */
    str text =
        arena_format(t->mem, STR_FMT "%s", STR_ARG(bytes), str_ends(bytes, STR("\n")) ? "" : "\n");
    bool ok = open_parser(r, text) && read_events(r);
    arena_close(t->mem, r->iter);
    arena_close(t->mem, r->parser);
    arena_close(t->mem, r->diag);
    return ok;
}

bool yaml_read(struct task *t, struct arena *mem, str bytes, str file, enum yaml_mode mode,
               struct tree **out)
{
    struct yaml_documents documents;
    if (!read_documents(t, mem, bytes, file, mode, 1, &documents))
        return false;
    if (documents.len == 0 && mode != YAML_MODE_YAML) {
        task_fail(t, ERR_INVALID, "the document is empty");
        return task_place(t, (struct place){.file = file, .line = 1, .column = 1});
    }
    *out = documents.len > 0 ? documents.at[0] : tree_new(mem, TREE_NULL);
    if ((*out)->line == 0)
        (*out)->line = (*out)->column = 1;
    return true;
}

bool yaml_read_all(struct task *t, struct arena *mem, str bytes, str file,
                   struct yaml_documents *out)
{
    return read_documents(t, mem, bytes, file, YAML_MODE_YAML, SIZE_MAX, out);
}
