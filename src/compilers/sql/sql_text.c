/* Statements as text: where one ends, what is left of it without its literals, and how to show a place in it. */
#include "buf/buf.h"
#include "limits/limits.h"
#include "shape/shape_names.h"
#include "sql/sql.h"
#include "width/width.h"

struct lexer {
    struct task *t; /* NULL: any depth of comments is passed */
    str text;
    size_t at;
};

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_name_part(char c)
{
    return is_name_start(c) || (c >= '0' && c <= '9') || c == '$';
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static char peek(const struct lexer *l, size_t ahead)
{
    return l->at + ahead < l->text.len ? l->text.ptr[l->at + ahead] : '\0';
}

/* Past the closing quote, or at the end of the text: the engine then says what is open. */
static void skip_quoted(struct lexer *l, char quote, bool has_escapes)
{
    for (l->at++; l->at < l->text.len; l->at++) {
        char c = peek(l, 0);
        if (has_escapes && c == '\\') {
            l->at++;
        } else if (c == quote) {
            if (peek(l, 1) != quote) {
                l->at++;
                return;
            }
            l->at++;
        }
    }
    l->at = l->text.len;
}

/* `$$ … $$` or `$tag$ … $tag$`; a `$1` is no quote. */
static void skip_dollar(struct lexer *l)
{
    size_t end = 1;
    if (is_name_start(peek(l, end)))
        while (is_name_part(peek(l, end)) && peek(l, end) != '$')
            end++;
    if (peek(l, end) != '$') {
        l->at++;
        return;
    }
    str tag = str_sub(l->text, l->at, end + 1);
    str rest = str_from(l->text, l->at + tag.len);
    size_t close = str_find(rest, tag);
    l->at = close < rest.len ? l->at + tag.len + close + tag.len : l->text.len;
}

static bool skip_comment(struct lexer *l)
{
    size_t start = l->at;
    int depth = 0;
    while (l->at < l->text.len) {
        if (peek(l, 0) == '/' && peek(l, 1) == '*') {
            if (++depth > SQL_COMMENT_DEPTH_MAX && l->t != NULL) {
                task_fail(l->t, ERR_LIMIT, "comments nest deeper than %d levels",
                          SQL_COMMENT_DEPTH_MAX);
                return task_position(l->t, (uint32_t)start + 1);
            }
            l->at += 2;
        } else if (peek(l, 0) == '*' && peek(l, 1) == '/') {
            l->at += 2;
            if (--depth == 0)
                return true;
        } else {
            l->at++;
        }
    }
    return true;
}

static void skip_line(struct lexer *l)
{
    while (l->at < l->text.len && peek(l, 0) != '\n' && peek(l, 0) != '\r')
        l->at++;
}

static void skip_name(struct lexer *l)
{
    size_t start = l->at;
    while (l->at < l->text.len && is_name_part(peek(l, 0)))
        l->at++;
    /* E'…' knows backslashes; other letters before a quote change nothing about where it ends. */
    if (l->at == start + 1 && (l->text.ptr[start] == 'e' || l->text.ptr[start] == 'E')
        && peek(l, 0) == '\'')
        skip_quoted(l, '\'', true);
}

/* Past one word, quote, comment or sign. */
static bool skip_token(struct lexer *l)
{
    char c = peek(l, 0);
    if (c == '\'' || c == '"')
        skip_quoted(l, c, false);
    else if (c == '$')
        skip_dollar(l);
    else if (c == '/' && peek(l, 1) == '*')
        return skip_comment(l);
    else if (c == '-' && peek(l, 1) == '-')
        skip_line(l);
    else if (is_name_part(c))
        skip_name(l);
    else
        l->at++;
    return true;
}

static bool is_blank_token(const struct lexer *l)
{
    char c = peek(l, 0);
    return is_space(c) || (c == '/' && peek(l, 1) == '*') || (c == '-' && peek(l, 1) == '-');
}

static bool check_bytes(struct task *t, str text)
{
    if (text.len > SQL_BYTES_MAX) {
        task_fail(t, ERR_LIMIT, "the text has %zu bytes; at most %d are let through", text.len,
                  SQL_BYTES_MAX);
        return task_hint(t, "put values into a table instead of the text");
    }
    for (size_t i = 0; i < text.len; i++) {
        size_t len = str_utf8_at(text, i);
        if (len == 0 || text.ptr[i] == '\0') {
            task_fail(t, ERR_SYNTAX, "the text is no UTF-8, or holds a NUL");
            return task_position(t, (uint32_t)i + 1);
        }
        i += len - 1;
    }
    return true;
}

bool sql_statement(struct task *t, str text, str *out)
{
    if (!check_bytes(t, text))
        return false;
    struct lexer l = {.t = t, .text = text};
    bool is_empty = true;
    while (l.at < text.len && peek(&l, 0) != ';') {
        is_empty = is_empty && is_blank_token(&l);
        if (!skip_token(&l))
            return false;
    }
    if (is_empty) {
        task_fail(t, ERR_SYNTAX, "the text holds no statement");
        return task_hint(t, "write one SELECT");
    }
    str statement = str_sub(text, 0, l.at);
    for (l.at++; l.at < text.len;) {
        if (!is_blank_token(&l)) {
            task_fail(t, ERR_SYNTAX, "only one statement is let through");
            task_hint(t, "send what follows the `;` on its own");
            return task_position(t, (uint32_t)l.at + 1);
        }
        if (!skip_token(&l))
            return false;
    }
    *out = statement;
    return true;
}

bool sql_find_end(str text, size_t *offset_out)
{
    struct lexer l = {.text = text};

    while (l.at < text.len && peek(&l, 0) != ';' && peek(&l, 0) != '\\')
        (void)skip_token(&l);
    *offset_out = l.at;
    return l.at < text.len;
}

/* ---- without literals */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_number_start(const struct lexer *l)
{
    return is_digit(peek(l, 0)) || (peek(l, 0) == '.' && is_digit(peek(l, 1)));
}

/* Rather too much than too little: what is stuck to a number goes with it. */
static void skip_number(struct lexer *l)
{
    while (is_name_part(peek(l, 0)) || peek(l, 0) == '.') {
        bool is_exponent = peek(l, 0) == 'e' || peek(l, 0) == 'E';
        l->at++;
        if (is_exponent && (peek(l, 0) == '+' || peek(l, 0) == '-') && is_digit(peek(l, 1)))
            l->at++;
    }
}

/* A parameter `$1` is no literal: its number says nothing. */
static bool is_parameter(const struct lexer *l)
{
    return peek(l, 0) == '$' && is_digit(peek(l, 1));
}

static void skip_parameter(struct lexer *l)
{
    for (l->at++; is_digit(peek(l, 0));)
        l->at++;
}

bool sql_find_parameter(str text, str *name_out, size_t *offset_out)
{
    struct lexer l = {.text = text};
    while (l.at < text.len) {
        size_t start = l.at;
        char c = peek(&l, 0);
        (void)skip_token(&l);
        bool is_quote = l.at > start + 1;
        if (is_quote || (c != '?' && (c != '$' || !is_name_part(peek(&l, 0)))))
            continue;
        while (c == '$' && is_name_part(peek(&l, 0)))
            l.at++;
        *name_out = str_sub(text, start, l.at - start);
        *offset_out = start;
        return true;
    }
    return false;
}

/* `$since`, and not the start of `$since_when` or of a quote `$since$`. */
static bool is_since(const struct lexer *l)
{
    static const str word = STR("$since");
    return str_eq_nocase(str_sub(l->text, l->at, word.len), word)
        && !is_name_part(peek(l, word.len));
}

str sql_put_since(struct arena *mem, str text, str expression, struct sql_shifts *shifts_out)
{
    struct lexer l = {.text = text};
    struct buf *out = buf_new(mem, SQL_BYTES_MAX * 4 + text.len);
    *shifts_out = (struct sql_shifts){0};
    while (l.at < text.len) {
        size_t start = l.at;
        if (is_since(&l)) {
            l.at += STR("$since").len;
            vec_push(mem, shifts_out,
                     ((struct sql_shift){(uint32_t)out->len, (uint32_t)(l.at - start),
                                         (uint32_t)expression.len}));
            buf_add(out, expression);
            continue;
        }
        (void)skip_token(&l);
        buf_add(out, str_sub(text, start, l.at - start));
    }
    return shifts_out->len && !out->full ? buf_str(out) : text;
}

uint32_t sql_shift_back(const struct sql_shifts *shifts, uint32_t position)
{
    uint32_t more = 0; /* bytes that the new text has before the position */
    for (size_t i = 0; i < shifts->len && position > shifts->at[i].at; i++) {
        const struct sql_shift *shift = &shifts->at[i];
        if (position <= shift->at + shift->to_len)
            return shift->at - more + 1;
        more += shift->to_len - shift->from_len;
    }
    return position - more;
}

str sql_redact(struct arena *mem, str text)
{
    struct lexer l = {.text = text};
    struct buf *out = buf_new(mem, text.len + 1);
    while (l.at < text.len) {
        size_t start = l.at;
        char c = peek(&l, 0);
        bool is_comment = is_blank_token(&l) && !is_space(c);
        bool is_literal = c == '\'' || is_number_start(&l);
        if (is_parameter(&l))
            skip_parameter(&l);
        else if (is_number_start(&l))
            skip_number(&l);
        else
            (void)skip_token(&l);
        str token = str_sub(text, start, l.at - start);
        /* `$$…$$` and E'…' show in what was passed, not in how it began. */
        is_literal = is_literal || (c == '$' && token.len > 1 && !is_digit(token.ptr[1]))
                  || (token.len > 1 && token.ptr[1] == '\'' && c != '"');
        buf_add(out, is_comment ? STR(" ") : is_literal ? STR("?") : token);
    }
    return buf_str(out);
}

/* `?, ?` becomes `?`: how many values a list has says little about what is asked. */
static void add_mark(struct buf *out)
{
    size_t len = out->len;
    while (len > 0 && out->ptr[len - 1] == ' ')
        len--;
    if (len > 0 && out->ptr[len - 1] == ',') {
        len--;
        while (len > 0 && out->ptr[len - 1] == ' ')
            len--;
        if (len > 0 && out->ptr[len - 1] == '?') {
            out->len = len;
            return;
        }
    }
    buf_add_byte(out, '?');
}

str sql_fingerprint(struct arena *mem, str text)
{
    struct lexer l = {.text = sql_redact(mem, text)};
    struct buf *out = buf_new(mem, l.text.len + 1);
    while (l.at < l.text.len) {
        size_t start = l.at;
        if (is_space(peek(&l, 0))) {
            while (is_space(peek(&l, 0)))
                l.at++;
            if (out->len > 0 && l.at < l.text.len)
                buf_add_byte(out, ' ');
            continue;
        }
        if (peek(&l, 0) == '?') {
            l.at++;
            add_mark(out);
            continue;
        }
        bool is_quoted = peek(&l, 0) == '"';
        (void)skip_token(&l);
        str token = str_sub(l.text, start, l.at - start);
        buf_add(out, is_quoted ? token : arena_lower(mem, token));
    }
    return buf_str(out);
}

/* Start of the line of a byte offset; counts lines and the characters before it. */
static size_t find_line(str text, size_t offset, uint32_t *line_out, uint32_t *column_out)
{
    size_t start = 0;
    uint32_t line = 1, column = 1;
    for (size_t i = 0; i < offset && i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '\n') {
            line++;
            column = 1;
            start = i + 1;
        } else if ((c & 0xc0) != 0x80) {
            column++;
        }
    }
    *line_out = line;
    *column_out = column;
    return start;
}

void sql_place(str text, uint32_t position, uint32_t *line_out, uint32_t *column_out)
{
    *line_out = *column_out = 0;
    if (position)
        find_line(text, position - 1, line_out, column_out);
}

/* What may stand under a caret: a tab is one space, and what would steer a terminal or is no character a question mark. */
static void add_visible(struct buf *b, str text)
{
    for (size_t at = 0; at < text.len;) {
        size_t columns, len = width_at(text, at, &columns);
        uint32_t code = width_character(text, at);
        bool is_foreign = str_utf8_at(text, at) == 0 || code < 0x20 || (code >= 0x7f && code < 0xa0)
                       || (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);

        if (code == '\t')
            buf_add_byte(b, ' ');
        else if (is_foreign)
            buf_add_byte(b, '?');
        else
            buf_add(b, str_sub(text, at, len));
        at += len;
    }
}

str sql_caret(struct arena *mem, str text, uint32_t position)
{
    enum {
        WHOLE = 70,
        AROUND = 64,
        BEFORE = 44
    }; /* columns: with what stands around them below 80 */
    if (position == 0)
        return STR_NONE;
    uint32_t line, column;
    size_t offset = position - 1 < text.len ? position - 1 : text.len;
    size_t start = find_line(text, offset, &line, &column);
    size_t end = offset;
    while (end < text.len && text.ptr[end] != '\n' && text.ptr[end] != '\r')
        end++;

    struct buf *head = buf_new(mem, (offset - start) + 1), *tail = buf_new(mem, (end - offset) + 1);
    add_visible(head, str_sub(text, start, offset - start));
    add_visible(tail, str_sub(text, offset, end - offset));
    str before = buf_str(head), after = buf_str(tail);
    size_t head_columns = width_of(before), tail_columns = width_of(after);
    bool is_long = head_columns + tail_columns > WHOLE;
    size_t room = tail_columns < AROUND - BEFORE ? AROUND - tail_columns : BEFORE;
    bool cut_head = is_long && head_columns > room;
    if (cut_head)
        before = str_from(before, width_head(before, head_columns - room));
    size_t left = AROUND - width_of(before);
    bool cut_tail = is_long && tail_columns > left;
    if (cut_tail)
        after = str_sub(after, 0, width_head(after, left));

    struct buf *b = buf_new(mem, 4096);
    buf_format(b, "LINE %u: %s", line, cut_head ? "..." : "");
    size_t indent = b->len + width_of(before);
    buf_format(b, STR_FMT STR_FMT "%s\n%*s^", STR_ARG(before), STR_ARG(after),
               cut_tail ? "..." : "", (int)indent, "");
    return buf_str(b);
}

/* What stands between two parentheses, as far as it has been read. */
struct parenthesis {
    bool has_words, is_query, has_join;
};

struct parentheses {
    VEC_OF(struct parenthesis)
};

static str word_at(const struct lexer *l)
{
    size_t end = l->at;
    while (end < l->text.len && is_name_part(l->text.ptr[end]))
        end++;
    return str_sub(l->text, l->at, end - l->at);
}

static bool is_word_of(str word, const char *const *words)
{
    for (; *words; words++)
        if (str_eq_nocase(word, str_of(*words)))
            return true;
    return false;
}

static bool names_follow(struct lexer *l)
{
    static const char *const joins[] = {"anti",    "asof",  "cross",      "full",  "inner", "left",
                                        "natural", "outer", "positional", "right", "semi",  NULL};
    while (l->at < l->text.len && is_blank_token(l))
        skip_token(l);
    str word = word_at(l);
    if (word.len == 0)
        return peek(l, 0) == '"';
    return str_eq_nocase(word, STR("as")) || (!is_word_of(word, joins) && !shape_is_reserved(word));
}

bool sql_hides_alias(struct arena *mem, str text)
{
    static const char *const queries[] = {"select", "with",  "from",    "values",
                                          "table",  "pivot", "unpivot", NULL};
    struct lexer l = {.text = text};
    struct parentheses open = {0};
    while (l.at < text.len) {
        struct parenthesis *inside = open.len ? &open.at[open.len - 1] : NULL;
        char c = peek(&l, 0);
        if (inside && is_name_start(c)) {
            str word = word_at(&l);
            inside->is_query =
                inside->is_query || (!inside->has_words && is_word_of(word, queries));
            inside->has_join = inside->has_join || str_eq_nocase(word, STR("join"));
        }
        if (inside && !is_blank_token(&l))
            inside->has_words = true;
        skip_token(&l);
        if (c == '(') {
            vec_add(mem, &open);
        } else if (c == ')' && inside) {
            bool is_join = inside->has_join && !inside->is_query;
            open.len--;
            if (is_join && names_follow(&l))
                return true;
        }
    }
    return false;
}
