#include "exchange/exchange_lexer.h"

static bool is_letter(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static unsigned char byte_at(const struct exchange_lexer *l, size_t at)
{
    return at < l->text.len ? (unsigned char)l->text.ptr[at] : 0;
}

/* Comments in comments count, as in PostgreSQL. False when one does not end. */
static bool pass_comment(struct exchange_lexer *l)
{
    int depth = 0;
    while (l->at < l->text.len) {
        if (byte_at(l, l->at) == '/' && byte_at(l, l->at + 1) == '*') {
            depth++;
            l->at += 2;
        } else if (byte_at(l, l->at) == '*' && byte_at(l, l->at + 1) == '/') {
            l->at += 2;
            if (!--depth)
                return true;
        } else {
            l->at++;
        }
    }
    return false;
}

static bool pass_space(struct exchange_lexer *l)
{
    while (l->at < l->text.len) {
        unsigned char c = byte_at(l, l->at);
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v') {
            l->at++;
        } else if (c == '-' && byte_at(l, l->at + 1) == '-') {
            while (l->at < l->text.len && byte_at(l, l->at) != '\n')
                l->at++;
        } else if (c == '/' && byte_at(l, l->at + 1) == '*') {
            if (!pass_comment(l))
                return false;
        } else {
            return true;
        }
    }
    return true;
}

/* Past the closing quote; false when there is none. A doubled one stands for itself. */
static bool pass_quoted(struct exchange_lexer *l, char close, bool escapes)
{
    for (l->at++; l->at < l->text.len; l->at++) {
        char c = l->text.ptr[l->at];
        if (escapes && c == '\\') {
            l->at++;
        } else if (c == close) {
            if (byte_at(l, l->at + 1) != (unsigned char)close) {
                l->at++;
                return true;
            }
            l->at++;
        }
    }
    l->at = l->text.len;
    return false;
}

static struct lexeme read_quoted(struct exchange_lexer *l, char close, enum lexeme_kind kind,
                                 bool escapes)
{
    size_t start = l->at, len = 0;
    if (!pass_quoted(l, close, escapes))
        return (struct lexeme){LEXEME_WRONG, STR_NONE, start, l->at};
    char *text = arena_alloc(l->mem, l->at - start);
    for (size_t i = start + 1; i + 1 < l->at; i++) {
        char c = l->text.ptr[i];
        if (escapes && c == '\\') {
            c = l->text.ptr[++i];
            c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
        } else if (c == close) {
            i++;
        }
        text[len++] = c;
    }
    return (struct lexeme){kind, {text, len}, start, l->at};
}

/* `$tag$ … $tag$`; false when this is none. */
static bool read_dollars(struct exchange_lexer *l, struct lexeme *out)
{
    size_t start = l->at, end = start + 1;
    while (is_letter(byte_at(l, end)) || (end > start + 1 && is_digit(byte_at(l, end))))
        end++;
    if (byte_at(l, end) != '$')
        return false;
    str tag = str_sub(l->text, start, end + 1 - start);
    str body = str_from(l->text, end + 1);
    size_t len = str_find(body, tag);
    l->at = len < body.len ? end + 1 + len + tag.len : l->text.len;
    *out = len < body.len ? (struct lexeme){LEXEME_STRING, str_sub(body, 0, len), start, l->at}
                          : (struct lexeme){LEXEME_WRONG, STR_NONE, start, l->at};
    return true;
}

static struct lexeme read_number(struct exchange_lexer *l)
{
    size_t start = l->at;
    while (is_digit(byte_at(l, l->at)) || byte_at(l, l->at) == '.' || byte_at(l, l->at) == '_'
           || ((byte_at(l, l->at) | 0x20) == 'e'
               && (is_digit(byte_at(l, l->at + 1))
                   || ((byte_at(l, l->at + 1) == '-' || byte_at(l, l->at + 1) == '+')
                       && is_digit(byte_at(l, l->at + 2))))))
        l->at += (byte_at(l, l->at) | 0x20) == 'e' ? 2 : 1;
    return (struct lexeme){LEXEME_NUMBER, str_sub(l->text, start, l->at - start), start, l->at};
}

struct lexeme exchange_lexer_next(struct exchange_lexer *l)
{
    size_t begin = l->at;
    struct lexeme dollars;
    if (!pass_space(l))
        return (struct lexeme){LEXEME_WRONG, STR_NONE, begin, l->at};
    size_t start = l->at;
    unsigned char c = byte_at(l, start);
    if (start >= l->text.len)
        return (struct lexeme){LEXEME_END, STR_NONE, start, start};
    if ((c == 'e' || c == 'E') && byte_at(l, start + 1) == '\'') {
        l->at++;
        struct lexeme string = read_quoted(l, '\'', LEXEME_STRING, true);
        string.start = start;
        return string;
    }
    if (is_letter(c)) {
        while (is_letter(byte_at(l, l->at)) || is_digit(byte_at(l, l->at))
               || (byte_at(l, l->at) == '$' && l->at < l->text.len))
            l->at++;
        return (struct lexeme){LEXEME_WORD, str_sub(l->text, start, l->at - start), start, l->at};
    }
    if (is_digit(c) || (c == '.' && is_digit(byte_at(l, start + 1))))
        return read_number(l);
    if (c == '\'')
        return read_quoted(l, '\'', LEXEME_STRING, false);
    if (c == '"' || c == '`')
        return read_quoted(l, (char)c, LEXEME_NAME, false);
    if (c == '[' && l->has_brackets)
        return read_quoted(l, ']', LEXEME_NAME, false);
    if (c == '$' && read_dollars(l, &dollars))
        return dollars;
    l->at += c == ':' && byte_at(l, start + 1) == ':' ? 2 : 1;
    return (struct lexeme){LEXEME_SIGN, str_sub(l->text, start, l->at - start), start, l->at};
}

void exchange_lexer_place(str text, size_t offset, uint32_t *line_out, uint32_t *column_out)
{
    uint32_t line = 1, column = 1;
    for (size_t i = 0; i < offset && i < text.len; i++)
        if (text.ptr[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)text.ptr[i] & 0xc0) != 0x80) {
            column++;
        }
    *line_out = line;
    *column_out = column;
}
