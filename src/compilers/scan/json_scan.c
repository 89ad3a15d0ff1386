#include "scan/json_scan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limits/limits.h"
#include "vec/vec.h"

enum {
    NUMBER_BYTES_MAX = 1000,
    KEY_BYTES_MAX = 65536,
    EXACT_DIGITS = 15, /* every decimal number of so many digits comes back from a double */
    POINTER_DEPTH_MAX = 32,
    KEYS_LEAST = 16,
};

enum json_state {
    STATE_VALUE,
    STATE_FIRST_ELEMENT, /* a value, or the end of the array */
    STATE_FIRST_KEY,     /* a key, or the end of the object */
    STATE_KEY,
    STATE_COLON,
    STATE_NEXT, /* a comma, or the end of what is open */
    STATE_STRING,
    STATE_ESCAPE,
    STATE_UNICODE,
    STATE_NUMBER,
    STATE_WORD,
    STATE_DONE, /* behind the root */
};

/* Hashes of the keys of one object; it is used again by the next object of the same depth. */
struct json_keys {
    uint64_t *slots; /* 0 is free */
    size_t cap, len;
};

struct json_level {
    bool is_object;
    bool is_path; /* the pointer leads through it */
    size_t index; /* of the element that is read */
    struct json_keys keys;
};

struct json_scan {
    struct arena *mem;
    enum json_scan_kind kind;
    struct buf *out;
    struct str_list pointer; /* its steps, unescaped */
    enum json_state state;
    struct json_level levels[SOURCE_JSON_DEPTH_MAX];
    size_t depth;
    size_t
        records_depth; /* of the array whose elements are records; SIZE_MAX where there is none open */
    size_t record_depth;       /* of the record that is open, 0 for none */
    bool is_found, is_on_path; /* the value that comes next lies on the pointer's way */
    bool is_key;
    struct buf *text;              /* a key, unescaped; a number; a word */
    unsigned code, code_len, high; /* of \uXXXX; `high` is the first half of a pair */
    unsigned char utf8[4];
    size_t utf8_len, utf8_want;
    unsigned bom;
    size_t line, column, token_column;
    bool is_at_start;
    const char *problem;
    size_t problem_line, problem_column;
};

/* ---- what is wrong */

static bool scan_fail(struct json_scan *s, const char *problem)
{
    if (s->problem == NULL) {
        s->problem = problem;
        s->problem_line = s->line;
        s->problem_column = s->column;
    }
    return false;
}

/* Of a key, number or word, which shows at its end. */
static bool scan_fail_token(struct json_scan *s, const char *problem)
{
    s->column = s->token_column;
    return scan_fail(s, problem);
}

str json_scan_message(struct arena *mem, const struct json_scan *s)
{
    return s->problem == NULL ? STR_NONE
                              : arena_format(mem, "line %zu, column %zu: %s", s->problem_line,
                                             s->problem_column, s->problem);
}

/* ---- the pointer */

static bool scan_read_pointer(struct arena *mem, str text, struct str_list *out)
{
    str step;

    if (text.len > 0 && text.ptr[0] != '/') {
        return false;
    }
    while (text.len > 0) {
        struct buf *b = buf_new(mem, KEY_BYTES_MAX);
        bool more = str_cut(str_from(text, 1), '/', &step, &text);

        if (more) {
            text = (str){text.ptr - 1, text.len + 1};
        }
        for (size_t i = 0; i < step.len; i++) {
            bool is_escape = step.ptr[i] == '~';

            if (is_escape
                && (i + 1 == step.len || (step.ptr[i + 1] != '0' && step.ptr[i + 1] != '1'))) {
                return false;
            }
            buf_add_byte(b, !is_escape ? step.ptr[i] : step.ptr[i + 1] == '0' ? '~' : '/');
            i += is_escape;
        }
        vec_push(mem, out, buf_str(b));
    }
    return out->len <= POINTER_DEPTH_MAX;
}

struct json_scan *json_scan_new(struct arena *mem, enum json_scan_kind kind, str records,
                                struct buf *out)
{
    struct json_scan *s = ARENA_NEW(mem, struct json_scan);

    s->mem = mem;
    s->kind = kind;
    s->out = out;
    s->text = buf_new(mem, KEY_BYTES_MAX);
    s->line = 1;
    s->records_depth = SIZE_MAX;
    s->is_at_start = true;
    s->is_on_path = true;
    return scan_read_pointer(mem, records, &s->pointer) ? s : NULL;
}

/* ---- records */

static void scan_emit(struct json_scan *s, char c)
{
    if (s->record_depth > 0 && s->out != NULL) {
        buf_add_byte(s->out, c);
    }
}

/* A value begins: is it what the pointer means, or a record? Gives false for what cannot be one. */
static bool scan_begin_value(struct json_scan *s, char c)
{
    bool is_target = s->is_on_path && s->depth == s->pointer.len && !s->is_found;
    bool is_record = s->records_depth == s->depth;

    if (s->kind == JSON_SCAN_LINES) {
        is_target = s->depth == 0;
    }
    if (is_target) {
        s->is_found = true;
        is_record = c == '{';
        if (c == '[' && s->kind == JSON_SCAN_DOCUMENT) {
            s->records_depth = s->depth + 1;
        } else if (!is_record) {
            return scan_fail(s, s->kind == JSON_SCAN_LINES
                                    ? "the line is not a JSON object"
                                    : "here stands neither an array nor an object");
        }
    } else if (is_record && c != '{') {
        return scan_fail(s, "an element of the array is not an object");
    }
    if (is_record) {
        s->record_depth = s->depth + 1;
    }
    return true;
}

static void scan_end_record(struct json_scan *s)
{
    if (s->record_depth == s->depth + 1) {
        scan_emit(s, '\n');
        s->record_depth = 0;
    }
}

/* ---- objects and arrays */

static bool scan_open(struct json_scan *s, char c)
{
    bool is_path = s->is_on_path && s->depth < s->pointer.len;

    if (s->depth == SOURCE_JSON_DEPTH_MAX) {
        return scan_fail(s, "it is nested deeper than this version reads");
    }
    struct json_level *level = &s->levels[s->depth++];
    level->is_object = c == '{';
    level->is_path = is_path;
    level->index = 0;
    level->keys.len = 0;
    if (level->keys.cap > 0) {
        memset(level->keys.slots, 0, level->keys.cap * sizeof(uint64_t));
    }
    s->is_on_path = is_path && !level->is_object && s->pointer.len > 0
                 && str_eq(s->pointer.at[s->depth - 1], STR("0"));
    s->state = level->is_object ? STATE_FIRST_KEY : STATE_FIRST_ELEMENT;
    scan_emit(s, c);
    return true;
}

static void scan_end_value(struct json_scan *s)
{
    s->is_on_path = false;
    s->state = s->depth > 0 ? STATE_NEXT : STATE_DONE;
}

static bool scan_close(struct json_scan *s, char c)
{
    if (s->depth == 0 || s->levels[s->depth - 1].is_object != (c == '}')) {
        return scan_fail(s, "it is not JSON");
    }
    scan_emit(s, c);
    if (s->records_depth == s->depth) {
        s->records_depth = SIZE_MAX;
    }
    s->depth--;
    scan_end_record(s);
    scan_end_value(s);
    return true;
}

static void scan_add_key(struct json_scan *s, struct json_keys *keys, uint64_t hash)
{
    if (keys->len * 2 >= keys->cap) {
        struct json_keys old = *keys;

        keys->cap = old.cap > 0 ? old.cap * 2 : KEYS_LEAST;
        keys->slots = ARENA_ARRAY(s->mem, uint64_t, keys->cap);
        keys->len = 0;
        for (size_t i = 0; i < old.cap; i++) {
            if (old.slots[i] != 0) {
                scan_add_key(s, keys, old.slots[i]);
            }
        }
    }
    size_t at = hash & (keys->cap - 1);
    while (keys->slots[at] != 0) {
        at = (at + 1) & (keys->cap - 1);
    }
    keys->slots[at] = hash;
    keys->len++;
}

static bool scan_has_key(const struct json_keys *keys, uint64_t hash)
{
    for (size_t at = hash; keys->cap > 0; at++) {
        uint64_t slot = keys->slots[at & (keys->cap - 1)];

        if (slot == hash || slot == 0) {
            return slot == hash;
        }
    }
    return false;
}

static bool scan_key(struct json_scan *s)
{
    struct json_level *level = &s->levels[s->depth - 1];
    str key = buf_str(s->text);
    uint64_t hash = str_hash(key) | 1;

    if (s->text->full) {
        return scan_fail_token(s, "a key is too long");
    }
    if (scan_has_key(&level->keys, hash)) {
        return scan_fail_token(s, "a key stands twice in one object");
    }
    if (level->keys.len >= COLUMNS_MAX) {
        return scan_fail_token(s, "an object has too many keys");
    }
    scan_add_key(s, &level->keys, hash);
    s->is_on_path = level->is_path && str_eq(s->pointer.at[s->depth - 1], key);
    s->state = STATE_COLON;
    return true;
}

/* ---- numbers */

static size_t scan_digits(str text, char *out)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len && text.ptr[i] != 'e' && text.ptr[i] != 'E'; i++) {
        bool is_digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';

        if (is_digit && (len > 0 || text.ptr[i] != '0')) {
            out[len++] = text.ptr[i];
        }
    }
    return len;
}

/* The digits of the double, as many as were written: where these are others, the engine would lose some. */
static bool scan_keeps_digits(str text, double value)
{
    char digits[NUMBER_BYTES_MAX], printed[NUMBER_BYTES_MAX + 40], kept[NUMBER_BYTES_MAX + 40];
    size_t len = scan_digits(text, digits);

    if (len == 0 || (len <= EXACT_DIGITS && value != 0 && fabs(value) >= 1e-300)) {
        return true;
    }
    int printed_len = snprintf(printed, sizeof(printed), "%.*e", (int)len - 1, value);
    size_t kept_len = scan_digits((str){printed, printed_len > 0 ? (size_t)printed_len : 0}, kept);
    return kept_len == len && memcmp(digits, kept, len) == 0;
}

static bool scan_has_form(str text)
{
    size_t i = text.len > 0 && text.ptr[0] == '-' ? 1 : 0, start = i;

    while (i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9') {
        i++;
    }
    if (i == start || (text.ptr[start] == '0' && i - start > 1)) {
        return false;
    }
    if (i < text.len && text.ptr[i] == '.') {
        start = ++i;
        while (i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9') {
            i++;
        }
        if (i == start) {
            return false;
        }
    }
    if (i < text.len && (text.ptr[i] == 'e' || text.ptr[i] == 'E')) {
        i++;
        i += i < text.len && (text.ptr[i] == '+' || text.ptr[i] == '-');
        start = i;
        while (i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9') {
            i++;
        }
        if (i == start) {
            return false;
        }
    }
    return i == text.len;
}

static bool scan_number(struct json_scan *s)
{
    str text = buf_str(s->text);

    if (text.len > NUMBER_BYTES_MAX) {
        return scan_fail_token(s, "a number is too long");
    }
    if (!scan_has_form(text)) {
        return scan_fail_token(s, "it is not JSON");
    }
    scan_end_value(s);
    /* The engine keeps whole numbers of any length as they are. */
    if (!str_has(text, '.') && !str_has(text, 'e') && !str_has(text, 'E')) {
        return true;
    }
    double value = strtod(arena_c_string(s->mem, text), NULL);
    if (!isfinite(value)) {
        return scan_fail_token(s, "a number is beyond the range of numbers");
    }
    return scan_keeps_digits(text, value)
        || scan_fail_token(
               s, "a number has more digits than can be kept: write it as text, in quotes");
}

static bool scan_word(struct json_scan *s)
{
    str text = buf_str(s->text);

    if (!str_eq(text, STR("true")) && !str_eq(text, STR("false")) && !str_eq(text, STR("null"))) {
        return scan_fail_token(s, "it is not JSON");
    }
    scan_end_value(s);
    return true;
}

/* Numbers and words end by what follows. */
static bool scan_finish(struct json_scan *s)
{
    struct arena_mark mark = arena_mark(s->mem);
    bool ok = s->state == STATE_NUMBER ? scan_number(s)
            : s->state == STATE_WORD   ? scan_word(s)
                                       : true;

    arena_rewind(s->mem, mark);
    return ok;
}

/* ---- strings */

static void scan_add_code(struct json_scan *s, unsigned code)
{
    if (code < 0x80) {
        buf_add_byte(s->text, (char)code);
    } else if (code < 0x800) {
        buf_add_byte(s->text, (char)(0xc0 | code >> 6));
        buf_add_byte(s->text, (char)(0x80 | (code & 0x3f)));
    } else if (code < 0x10000) {
        buf_add_byte(s->text, (char)(0xe0 | code >> 12));
        buf_add_byte(s->text, (char)(0x80 | (code >> 6 & 0x3f)));
        buf_add_byte(s->text, (char)(0x80 | (code & 0x3f)));
    } else {
        buf_add_byte(s->text, (char)(0xf0 | code >> 18));
        buf_add_byte(s->text, (char)(0x80 | (code >> 12 & 0x3f)));
        buf_add_byte(s->text, (char)(0x80 | (code >> 6 & 0x3f)));
        buf_add_byte(s->text, (char)(0x80 | (code & 0x3f)));
    }
}

static bool scan_escape(struct json_scan *s, char c)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *at = c != '\0' ? strchr(from, c) : NULL;

    if (s->high != 0 && c != 'u') {
        return scan_fail(s, "half of a surrogate pair stands alone");
    }
    if (c == 'u') {
        s->code = s->code_len = 0;
        s->state = STATE_UNICODE;
        return true;
    }
    if (at == NULL) {
        return scan_fail(s, "a text has an escape that JSON does not know");
    }
    if (s->is_key) {
        buf_add_byte(s->text, to[at - from]);
    }
    s->state = STATE_STRING;
    return true;
}

static bool scan_unicode(struct json_scan *s, char c)
{
    unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0')
                   : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                   : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                          : 16;

    if (digit == 16) {
        return scan_fail(s, "a text has an escape that JSON does not know");
    }
    s->code = s->code << 4 | digit;
    if (++s->code_len < 4) {
        return true;
    }
    bool is_low = s->code >= 0xdc00 && s->code < 0xe000;
    s->state = STATE_STRING;
    if (is_low != (s->high != 0)) {
        return scan_fail(s, "half of a surrogate pair stands alone");
    }
    if (s->code >= 0xd800 && s->code < 0xdc00) {
        s->high = s->code;
        return true;
    }
    unsigned code = is_low ? 0x10000 + ((s->high - 0xd800) << 10) + (s->code - 0xdc00) : s->code;
    s->high = 0;
    if (s->is_key) {
        scan_add_code(s, code);
    }
    return true;
}

static bool scan_in_string(struct json_scan *s, char c)
{
    scan_emit(s, c);
    if (s->state == STATE_ESCAPE) {
        return scan_escape(s, c);
    }
    if (s->state == STATE_UNICODE) {
        return scan_unicode(s, c);
    }
    if (c == '\\') {
        s->state = STATE_ESCAPE;
        return true;
    }
    if (s->high != 0) {
        return scan_fail(s, "half of a surrogate pair stands alone");
    }
    if (c == '"') {
        if (s->is_key) {
            return scan_key(s);
        }
        scan_end_value(s);
        return true;
    }
    if ((unsigned char)c < ' ') {
        return scan_fail(s, c == '\n' ? "a text has no end" : "a text holds a control character");
    }
    if (s->is_key) {
        buf_add_byte(s->text, c);
    }
    return true;
}

static bool scan_begin_string(struct json_scan *s, bool is_key)
{
    s->is_key = is_key;
    s->token_column = s->column;
    s->state = STATE_STRING;
    buf_clear(s->text);
    scan_emit(s, '"');
    return true;
}

/* ---- one byte after the other */

static bool scan_value(struct json_scan *s, char c)
{
    if (!scan_begin_value(s, c)) {
        return false;
    }
    if (c == '{' || c == '[') {
        return scan_open(s, c);
    }
    if (c == '"') {
        return scan_begin_string(s, false);
    }
    if (c != '-' && (c < '0' || c > '9') && c != 't' && c != 'f' && c != 'n') {
        return scan_fail(s, "it is not JSON");
    }
    s->token_column = s->column;
    s->state = c == 't' || c == 'f' || c == 'n' ? STATE_WORD : STATE_NUMBER;
    buf_clear(s->text);
    buf_add_byte(s->text, c);
    scan_emit(s, c);
    return true;
}

static bool scan_next(struct json_scan *s, char c)
{
    struct json_level *level = &s->levels[s->depth - 1];

    if (c == '}' || c == ']') {
        return scan_close(s, c);
    }
    if (c != ',') {
        return scan_fail(s, "it is not JSON");
    }
    scan_emit(s, c);
    level->index++;
    s->state = level->is_object ? STATE_KEY : STATE_VALUE;
    if (level->is_path && !level->is_object) {
        char index[24];
        snprintf(index, sizeof(index), "%zu", level->index);
        s->is_on_path = str_eq(s->pointer.at[s->depth - 1], str_of(index));
    }
    return true;
}

static bool scan_token(struct json_scan *s, char c)
{
    switch (s->state) {
    case STATE_VALUE:
        return scan_value(s, c);
    case STATE_FIRST_ELEMENT:
        return c == ']' ? scan_close(s, c) : scan_value(s, c);
    case STATE_FIRST_KEY:
    case STATE_KEY:
        if (c == '"') {
            return scan_begin_string(s, true);
        }
        return c == '}' && s->state == STATE_FIRST_KEY ? scan_close(s, c)
                                                       : scan_fail(s, "it is not JSON");
    case STATE_COLON:
        scan_emit(s, c);
        s->state = STATE_VALUE;
        return c == ':' || scan_fail(s, "it is not JSON");
    case STATE_NEXT:
        return scan_next(s, c);
    default:
        return scan_fail(s, "something stands behind the end of the document");
    }
}

static bool scan_is_inside(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.'
        || c == '-' || c == '+';
}

/* A line feed ends a record of lines, and nothing that is open. */
static bool scan_line_feed(struct json_scan *s)
{
    if (s->kind == JSON_SCAN_LINES && s->depth > 0) {
        return scan_fail(s, "the line is no whole JSON object");
    }
    if (s->kind == JSON_SCAN_LINES) {
        s->state = STATE_VALUE;
    }
    s->line++;
    s->column = 0;
    return true;
}

static bool scan_byte(struct json_scan *s, char c)
{
    if (s->state == STATE_STRING || s->state == STATE_ESCAPE || s->state == STATE_UNICODE) {
        return scan_in_string(s, c);
    }
    if (s->state == STATE_NUMBER || s->state == STATE_WORD) {
        if (scan_is_inside(c)) {
            buf_add_byte(s->text, c);
            scan_emit(s, c);
            return true;
        }
        if (!scan_finish(s)) {
            return false;
        }
    }
    if (c == '\n') {
        return scan_line_feed(s);
    }
    return c == ' ' || c == '\t' || c == '\r' || scan_token(s, c);
}

/* Bytes of a character that has more than one, with what UTF-8 forbids: overlong forms, surrogates, what lies beyond. */
static bool scan_utf8(struct json_scan *s, unsigned char c)
{
    if (s->utf8_len == 0) {
        s->utf8_want = c >= 0xc2 && c <= 0xdf ? 2
                     : c >= 0xe0 && c <= 0xef ? 3
                     : c >= 0xf0 && c <= 0xf4 ? 4
                                              : 0;
        if (s->utf8_want == 0) {
            return scan_fail(s, "it is not UTF-8");
        }
    }
    s->utf8[s->utf8_len++] = c;
    if (s->utf8_len > 1 && (c & 0xc0) != 0x80) {
        return scan_fail(s, "it is not UTF-8");
    }
    if (s->utf8_len < s->utf8_want) {
        return true;
    }
    bool ok = str_utf8_at((str){(const char *)s->utf8, s->utf8_len}, 0) == s->utf8_len;
    s->utf8_len = 0;
    return ok || scan_fail(s, "it is not UTF-8");
}

bool json_scan_feed(struct json_scan *s, str bytes)
{
    for (size_t i = 0; i < bytes.len && s->problem == NULL; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];

        if (s->is_at_start && s->bom < 3 && c == (unsigned char)"\xef\xbb\xbf"[s->bom]) {
            s->bom++;
            if (s->bom == 3 && s->kind == JSON_SCAN_LINES) {
                s->column = 1;
                return scan_fail(s, "a byte order mark stands here: save the file without");
            }
            continue;
        }
        if (s->is_at_start && s->bom != 0 && s->bom != 3) {
            return scan_fail(s, "it is not UTF-8");
        }
        s->is_at_start = false;
        s->column += (c & 0xc0) != 0x80;
        if (c < 0x80 && s->utf8_len > 0) {
            s->column--;
            return scan_fail(s, "it is not UTF-8");
        }
        if (c >= 0x80 && !scan_utf8(s, c)) {
            return false;
        }
        if (!scan_byte(s, (char)c)) {
            return false;
        }
    }
    return s->problem == NULL;
}

bool json_scan_end(struct json_scan *s)
{
    s->column++;
    if (s->problem != NULL || !scan_finish(s)) {
        return false;
    }
    if (s->kind == JSON_SCAN_LINES) {
        return (s->depth == 0 && s->utf8_len == 0
                && (s->state == STATE_VALUE || s->state == STATE_DONE))
            || scan_fail(s, "the file ends in the middle of a JSON object");
    }
    if (s->state != STATE_DONE) {
        return scan_fail(s, "the file ends in the middle of the document, or is empty");
    }
    return s->is_found || scan_fail(s, "the document has nothing where `records` points");
}
