#include "policy/policy_lexer.h"

#include "buf/buf.h"

static char char_at(const struct lexer *l, size_t ahead)
{
    return l->at + ahead < l->text.len ? l->text.ptr[l->at + ahead] : '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_'
        || (unsigned char)c >= 0x80;
}

/* Text between quotes that are doubled inside. */
static void take_quoted(struct lexer *l, char quote, enum token_kind kind)
{
    size_t len = 0, end = l->at + 1;
    /* Up to a quote that is not doubled: a list has many texts, and each takes its own bytes only. */
    while (
        end < l->text.len
        && (l->text.ptr[end] != quote || (end + 1 < l->text.len && l->text.ptr[end + 1] == quote)))
        end += l->text.ptr[end] == quote ? 2 : 1;
    char *text = arena_alloc(l->mem, end - l->at + 1);
    for (l->at++; l->at < l->text.len; l->at++) {
        if (char_at(l, 0) == quote) {
            if (char_at(l, 1) != quote) {
                l->at++;
                l->token.kind = kind;
                l->token.text = (str){text, len};
                return;
            }
            l->at++;
        }
        text[len++] = char_at(l, 0);
    }
    l->token.kind = TOKEN_BROKEN;
    l->token.text = quote == '"' ? STR("a name whose quotes do not end")
                                 : STR("a text whose quotes do not end");
}

static void take_number(struct lexer *l)
{
    size_t start = l->at;
    while (is_digit(char_at(l, 0)))
        l->at++;
    if (char_at(l, 0) == '.' && is_digit(char_at(l, 1)))
        for (l->at++; is_digit(char_at(l, 0));)
            l->at++;
    if (char_at(l, 0) == 'e' || char_at(l, 0) == 'E') {
        size_t sign = char_at(l, 1) == '-' || char_at(l, 1) == '+';
        if (is_digit(char_at(l, 1 + sign)))
            for (l->at += 1 + sign; is_digit(char_at(l, 0));)
                l->at++;
    }
    l->token.kind = TOKEN_NUMBER;
    l->token.text = str_sub(l->text, start, l->at - start);
    if (is_word_byte(char_at(l, 0))) {
        l->token.kind = TOKEN_BROKEN;
        l->token.text = STR("a number with letters behind it");
    }
}

static void take_parameter(struct lexer *l)
{
    size_t start = ++l->at;
    while (is_word_byte(char_at(l, 0)) || (char_at(l, 0) == '.' && is_word_byte(char_at(l, 1))))
        l->at++;
    l->token.kind = TOKEN_PARAMETER;
    l->token.text = str_sub(l->text, start, l->at - start);
}

static void take_sign(struct lexer *l)
{
    static const char *const signs[] = {
        "::", "<>", "!=", "<=", ">=", "||", "==", "(", ")", "[", "]",
        ",",  ".",  "=",  "<",  ">",  "+",  "-",  "*", "/", "%"};
    str rest = str_from(l->text, l->at);
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (str_starts(rest, str_of(signs[i]))) {
            l->token.kind = TOKEN_SIGN;
            l->token.text = str_sub(rest, 0, str_of(signs[i]).len);
            l->at += l->token.text.len;
            return;
        }
    l->token.kind = TOKEN_BROKEN;
    l->token.text = arena_format(l->mem, "the sign %.1s", rest.ptr);
    l->at++;
}

void lexer_next(struct lexer *l)
{
    while (l->at < l->text.len && str_has(STR(" \t\r\n"), char_at(l, 0)))
        l->at++;
    l->token = (struct token){.position = (uint32_t)l->at + 1};
    char c = char_at(l, 0);
    if (l->at >= l->text.len)
        l->token.kind = TOKEN_END;
    else if (c == '"')
        take_quoted(l, '"', TOKEN_NAME);
    else if (c == '\'')
        take_quoted(l, '\'', TOKEN_TEXT);
    else if (is_digit(c) || (c == '.' && is_digit(char_at(l, 1))))
        take_number(l);
    else if (c == '$')
        take_parameter(l);
    else if (c == '-' && char_at(l, 1) == '-') {
        l->token.kind = TOKEN_BROKEN;
        l->token.text = STR("a comment");
    } else if (is_word_byte(c)) {
        size_t start = l->at;
        while (is_word_byte(char_at(l, 0)))
            l->at++;
        l->token.kind = TOKEN_WORD;
        l->token.text = arena_lower(l->mem, str_sub(l->text, start, l->at - start));
    } else {
        take_sign(l);
    }
}

void lexer_open(struct lexer *l, struct arena *mem, str text)
{
    *l = (struct lexer){.mem = mem, .text = text};
    lexer_next(l);
}
