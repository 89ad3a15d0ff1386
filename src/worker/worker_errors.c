#include "worker_errors.h"

#include <json-c/json.h>
#include <string.h>

#include "buf/buf.h"

enum {
    MESSAGE_BYTES_MAX = 4096,
    NAME_BYTES = 255,
    HINT_BYTES_MAX = 1024,
    NAMES_MAX = 3,
    SAID_BYTES_MAX = 1024 * 1024
};

/* ---- kinds */

struct kind_row {
    const char *name; /* as the engine spells it */
    enum error_code code;
};

static const struct kind_row KINDS[] = {
    {"Parser", ERR_SYNTAX},
    {"Syntax", ERR_SYNTAX},
    {"Binder", ERR_SYNTAX},
    {"Parameter Not Resolved", ERR_SYNTAX},
    {"Parameter Not Allowed", ERR_SYNTAX},
    {"Catalog", ERR_UNKNOWN_NAME},
    {"Conversion", ERR_DATA},
    {"Out of Range", ERR_DATA},
    {"Constraint", ERR_DATA},
    {"Invalid Input", ERR_DATA},
    {"Divide by Zero", ERR_DATA},
    {"Decimal", ERR_DATA},
    {"Expression", ERR_DATA},
    {"Sequence", ERR_DATA},
    {"Mismatch Type", ERR_TYPE},
    {"Invalid type", ERR_TYPE},
    {"Unknown Type", ERR_TYPE},
    {"Out of Memory", ERR_MEMORY},
    {"Object Size", ERR_MEMORY},
    {"INTERRUPT", ERR_CANCELLED},
    {"Interrupt", ERR_CANCELLED},
    {"IO", ERR_IO},
    {"HTTP", ERR_IO},
    {"Network", ERR_IO},
    {"Connection", ERR_IO},
    {"Permission", ERR_REFUSED},
    {"Not implemented", ERR_REFUSED},
    {"Missing Extension", ERR_CONFIG},
    {"Extension Autoloading", ERR_CONFIG},
};

static enum error_code code_of_kind(str kind)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (str_eq_nocase(kind, str_of(KINDS[i].name)))
            return KINDS[i].code;
    /* INTERNAL, FATAL, Invalid, and what later engines may add. */
    return ERR_ENGINE;
}

static bool has(str text, const char *part)
{
    return str_find(text, str_of(part)) < text.len;
}

static enum error_code code_of_binder(str subtype, str message)
{
    if (str_eq(subtype, STR("COLUMN_NOT_FOUND")) || has(message, "not found in FROM clause")
        || has(message, "does not have a column"))
        return ERR_UNKNOWN_COLUMN;
    if (str_starts(message, STR("Catalog \"")) && has(message, "does not exist"))
        return ERR_UNKNOWN_NAME;
    if (str_eq(subtype, STR("NO_MATCHING_FUNCTION")) || has(message, "No function matches")
        || has(message, "Cannot compare values") || has(message, "Cannot mix values")
        || has(message, "explicit cast") || has(message, "explicit type casts"))
        return ERR_TYPE;
    return ERR_SYNTAX;
}

/* The engine wraps what the system said. */
static enum error_code code_of_io(str message)
{
    if (has(message, "No space left on device") || has(message, "Disk quota exceeded"))
        return ERR_FULL;
    if (has(message, "File too large"))
        return ERR_LIMIT;
    if (has(message, "ostgres") || has(message, "libpq") || has(message, "connection to server"))
        return ERR_SOURCE;
    return ERR_IO;
}

bool worker_is_fatal(enum error_code code)
{
    return code == ERR_ENGINE || code == ERR_MEMORY;
}

/* ---- reading what the engine said */

struct said {
    str kind, subtype, message, candidates;
    bool has_position;
    uint64_t position; /* bytes from 0 */
};

static str json_text(struct arena *mem, struct json_object *object, const char *key)
{
    struct json_object *value;
    if (!json_object_object_get_ex(object, key, &value)
        || !json_object_is_type(value, json_type_string))
        return STR_NONE;
    str text = {json_object_get_string(value), (size_t)json_object_get_string_len(value)};
    return arena_str(mem, text);
}

static bool read_json(struct arena *mem, str text, struct said *out)
{
    struct json_tokener *reader = json_tokener_new();
    if (!reader)
        return false;
    struct json_object *object = json_tokener_parse_ex(reader, text.ptr, (int)text.len);
    bool ok = object && json_object_is_type(object, json_type_object);
    if (ok) {
        out->kind = json_text(mem, object, "exception_type");
        if (!out->kind.len)
            out->kind = json_text(mem, object, "error_type");
        out->message = json_text(mem, object, "exception_message");
        if (!out->message.len)
            out->message = json_text(mem, object, "error_message");
        out->subtype = json_text(mem, object, "error_subtype");
        out->candidates = json_text(mem, object, "candidates");
        out->has_position = str_to_u64(json_text(mem, object, "position"), &out->position);
    }
    json_object_put(object);
    json_tokener_free(reader);
    return ok && out->kind.len > 0;
}

/* `Kind Error: message`, then lines that show the place. */
static void read_plain(str text, struct said *out)
{
    size_t end = str_find(text, STR(" Error: "));
    if (end < text.len && end < 40) {
        out->kind = str_sub(text, 0, end);
        text = str_from(text, end + sizeof " Error: " - 1);
    }
    out->message = text;
}

/* The JSON may stand behind `Kind Error: `, and some errors say it again in a message of their own. */
static struct said read_said(struct arena *mem, str text)
{
    struct said said = {0};
    if (text.len > SAID_BYTES_MAX)
        text.len = SAID_BYTES_MAX;
    size_t brace = str_find(text, STR("{\"exception_type\""));
    if (brace == text.len)
        brace = str_find(text, STR("{\"error\":true"));
    if (brace == text.len || !read_json(mem, str_from(text, brace), &said))
        read_plain(text, &said);
    return said;
}

/* ---- making it readable */

/* The first of these ends the message: what follows is the engine's own caret, advice and lists. */
static const char *const ENDS[] = {
    "\n\n",           "\nLINE ",     "\nDid you mean ", "\n\tCandidate ",
    "\nCandidate ",   "\nPossible ", "\n  file = ",     "\nThis error signals an assertion failure",
    "\nStack Trace:",
};

static str first_part(str message, str *rest)
{
    size_t end = message.len;
    for (size_t i = 0; i < sizeof ENDS / sizeof *ENDS; i++) {
        size_t at = str_find(message, str_of(ENDS[i]));
        if (at < end)
            end = at;
    }
    *rest = str_trim(str_from(message, end));
    return str_trim(str_sub(message, 0, end));
}

/* Cut between characters. */
static str at_most(str text, size_t most)
{
    if (text.len <= most)
        return text;
    while (most && ((unsigned char)text.ptr[most] & 0xc0) == 0x80)
        most--;
    return str_sub(text, 0, most);
}

static bool is_name_byte(char c)
{
    return c && !strchr("\"'` \n\t,:;)]", c);
}

/* Paths below our own folders, which mean nothing to a reader. */
static const struct {
    str folder, name;
} OWN[] = {{STR("in/"), STR("a file of the table")},
           {STR("tmp/"), STR("a temporary file")},
           {STR("out/"), STR("the result")}};

/* The row of OWN whose folder begins at `at`, or -1. */
static int own_folder(str text, size_t at)
{
    if (at > 0 && text.ptr[at - 1] != '/' && is_name_byte(text.ptr[at - 1]))
        return -1;
    for (int i = 0; i < 3; i++) {
        str rest = str_from(text, at);
        str folder = OWN[i].folder;
        if (rest.len > folder.len && str_starts(rest, folder) && is_name_byte(rest.ptr[folder.len]))
            return i;
    }
    return -1;
}

static void add_without_files(struct buf *out, str text)
{
    size_t done = 0;
    for (size_t at = 0; at < text.len; at++) {
        int own = own_folder(text, at);
        if (own < 0)
            continue;
        size_t start = at;
        while (start > done && is_name_byte(text.ptr[start - 1]))
            start--;
        buf_add(out, str_sub(text, done, start - done));
        buf_add(out, OWN[own].name);
        while (at < text.len && is_name_byte(text.ptr[at]))
            at++;
        done = at;
    }
    buf_add(out, str_from(text, done));
}

static str without(struct arena *mem, str text, str hidden)
{
    if (!hidden.len || str_find(text, hidden) == text.len)
        return text;
    struct buf *out = buf_new(mem, 2 * SAID_BYTES_MAX);
    size_t at;
    while ((at = str_find(text, hidden)) < text.len) {
        buf_add(out, str_sub(text, 0, at));
        buf_add(out, STR("***"));
        text = str_from(text, at + hidden.len);
    }
    buf_add(out, text);
    return buf_str(out);
}

static str clean(struct task *t, const struct worker_secrets *secrets, str text, size_t most)
{
    for (size_t i = 0; i < secrets->hidden.len; i++)
        text = without(t->mem, text, secrets->hidden.at[i]);
    if (secrets->hides_files) {
        struct buf *out = buf_new(t->mem, 2 * SAID_BYTES_MAX);
        add_without_files(out, text);
        text = buf_str(out);
    }
    return at_most(text, most);
}

/* Names that weft would not let through anyway are no advice. */
static bool is_advice(str candidates)
{
    return candidates.len && candidates.len < 200 && !has(candidates, "pg_")
        && !has(candidates, "duckdb_") && !has(candidates, "information_schema")
        && !has(candidates, "->");
}

static void add_advice(struct task *t, const struct worker_secrets *secrets,
                       const struct said *said, str rest)
{
    if (is_advice(said->candidates)) {
        struct str_list names = {0};
        str left = clean(t, secrets, said->candidates, HINT_BYTES_MAX);
        while (left.len && names.len < NAMES_MAX) {
            str name;
            str_cut(left, ',', &name, &left);
            vec_push(t->mem, &names, name);
        }
        str all = str_list_join(t->mem, &names, STR(" or "));
        task_hint(t, "did you mean " STR_FMT "?", STR_ARG(all));
        return;
    }
    if (t->err.code == ERR_TYPE && has(rest, "Candidate functions:"))
        task_hint(t, "add a cast, as in column::DOUBLE");
    else if (t->err.code == ERR_MEMORY || t->err.code == ERR_LIMIT)
        task_hint(t, "ask for less at once: fewer columns, a filter, or an aggregate; or set "
                     "worker_memory_mb or worker_temp_mb higher");
}

/* Of a broken line in a source file: which file. */
static void add_file_name(struct task *t, const struct worker_secrets *secrets, str rest)
{
    str mark = STR("file = in/");
    size_t at = str_find(rest, mark);
    str name, after;
    if (secrets->hides_files || at == rest.len)
        return;
    str_cut(str_from(rest, at + mark.len), '\n', &name, &after);
    name = at_most(name, NAME_BYTES);
    task_detail(t, "in file " STR_FMT, STR_ARG(name));
}

static uint32_t position_in(const struct said *said, struct worker_span span)
{
    if (!said->has_position || !span.len || said->position < span.start)
        return 0;
    uint64_t at = said->position - span.start;
    /* One behind the end is where an unfinished text is told of. */
    return at <= span.len && at < UINT32_MAX ? (uint32_t)at + 1 : 0;
}

bool worker_fail(struct task *t, const struct worker_secrets *secrets, const char *text,
                 struct worker_span span)
{
    struct said said = read_said(t->mem, str_of(text));
    enum error_code code = code_of_kind(said.kind);
    str rest;
    str message = first_part(said.message, &rest);
    if (str_eq_nocase(said.kind, STR("Binder")))
        code = code_of_binder(said.subtype, said.message);
    else if (code == ERR_IO)
        code = code_of_io(said.message);
    else if (has(said.message, "Cannot prepare multiple statements"))
        code = ERR_SYNTAX;
    message = clean(t, secrets, message, MESSAGE_BYTES_MAX);
    if (code == ERR_CANCELLED)
        task_fail(t, code, "the query was cancelled");
    else if (code == ERR_LIMIT && has(said.message, "duckdb_temp"))
        task_fail(t, code, "the query needs more space for spilling than a worker may take");
    else if (code == ERR_MEMORY)
        task_fail(t, code, "the query needs more memory than a worker may take%s" STR_FMT,
                  message.len ? ": " : "", STR_ARG(message));
    else if (message.len)
        task_fail(t, code, STR_FMT, STR_ARG(message));
    else
        task_fail(t, code, "the engine failed without a word");
    add_advice(t, secrets, &said, rest);
    add_file_name(t, secrets, rest);
    task_position(t, position_in(&said, span));
    return false;
}

/* ---- secrets */

static void hide(struct worker_secrets *secrets, str value)
{
    if (value.len)
        str_list_add(secrets->mem, &secrets->hidden, arena_str(secrets->mem, value));
}

/* In `key=value key='value with \' quote'` of a connection string. */
static void hide_password_of(struct worker_secrets *secrets, str literal)
{
    str key = STR("password=");
    size_t at = str_find(literal, key);
    if (at == literal.len)
        return;
    str value = str_from(literal, at + key.len);
    if (value.len && value.ptr[0] == '\'') {
        value = str_from(value, 1);
        size_t len = 0;
        while (len < value.len && value.ptr[len] != '\'')
            len += value.ptr[len] == '\\' && len + 1 < value.len ? 2 : 1;
        value = str_sub(value, 0, len);
    } else {
        value = str_sub(value, 0, str_find(value, STR(" ")));
    }
    hide(secrets, value);
}

/* A literal with its doubled quotes made single, and where it ends. */
static str read_literal(struct arena *mem, str sql, size_t *at)
{
    char *text = arena_alloc(mem, sql.len - *at + 1);
    size_t len = 0;
    for (++*at; *at < sql.len; ++*at) {
        if (sql.ptr[*at] == '\'') {
            if (*at + 1 == sql.len || sql.ptr[*at + 1] != '\'')
                break;
            ++*at;
        }
        text[len++] = sql.ptr[*at];
    }
    return (str){text, len};
}

void worker_secrets_learn(struct worker_secrets *secrets, str sql)
{
    enum { CONNECTION_BYTES_LEAST = 12 };
    size_t word = 0; /* start of the word in front of a literal */
    for (size_t at = 0; at < sql.len; at++) {
        if (sql.ptr[at] != '\'') {
            if (sql.ptr[at] != ' ' && (at == 0 || sql.ptr[at - 1] == ' ' || sql.ptr[at - 1] == '('))
                word = at;
            continue;
        }
        str literal = read_literal(secrets->mem, sql, &at);
        str key = str_sub(sql, word, sizeof "password" - 1);
        hide_password_of(secrets, literal);
        if (str_eq_nocase(key, STR("password"))
            || (literal.len >= CONNECTION_BYTES_LEAST && str_has(literal, '=')))
            hide(secrets, literal);
    }
}
