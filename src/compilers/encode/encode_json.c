#include "encode/encode_inside.h"

#include <string.h>

static const char HEX[] = "0123456789abcdef";

/* True for bytes that stand in a JSON string as they are. */
static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* Eight bytes at once: the highest bit of a byte is set where it is not plain (or may not be: the loop looks again). */
static bool eight_are_plain(const char *at)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t word;
    memcpy(&word, at, sizeof word);
    uint64_t quote = word ^ ones * '"';
    uint64_t slash = word ^ ones * '\\';
    uint64_t odd = (word - ones * 0x20) | (quote - ones) | (slash - ones) | word;
    return !(odd & highs);
}

static size_t plain_len(str text, size_t at)
{
    size_t start = at;
    while (text.len - at >= 8 && eight_are_plain(text.ptr + at))
        at += 8;
    while (at < text.len && is_plain((unsigned char)text.ptr[at]))
        at++;
    return at - start;
}

static void add_escape(struct buf *out, unsigned char c)
{
    switch (c) {
    case '"':
        buf_add(out, STR("\\\""));
        break;
    case '\\':
        buf_add(out, STR("\\\\"));
        break;
    case '\n':
        buf_add(out, STR("\\n"));
        break;
    case '\r':
        buf_add(out, STR("\\r"));
        break;
    case '\t':
        buf_add(out, STR("\\t"));
        break;
    default:
        buf_add(out, STR("\\u00"));
        buf_add_byte(out, HEX[c >> 4]);
        buf_add_byte(out, HEX[c & 15]);
    }
}

void encode_string(struct buf *out, str text)
{
    buf_add_byte(out, '"');
    for (size_t at = 0; at < text.len;) {
        size_t len = plain_len(text, at);
        if (len) {
            buf_add(out, str_sub(text, at, len));
            at += len;
            continue;
        }
        unsigned char c = (unsigned char)text.ptr[at];
        len = c < 0x80 ? 0 : str_utf8_at(text, at);
        if (len)
            buf_add(out, str_sub(text, at, len));
        else if (c < 0x80)
            add_escape(out, c);
        else
            buf_add(out, STR("\xef\xbf\xbd"));
        at += len ? len : 1;
    }
    buf_add_byte(out, '"');
}

/* ---- documents of JSON columns: read by the letter of RFC 8259, and written without space */

enum { DOCUMENT_DEPTH = 512 };

struct scan {
    str text;
    size_t at;
    struct buf *out;
    size_t depth;
    bool in_object[DOCUMENT_DEPTH];
};

static int peek(const struct scan *s)
{
    return s->at < s->text.len ? (unsigned char)s->text.ptr[s->at] : -1;
}

static void skip_space(struct scan *s)
{
    while (peek(s) == ' ' || peek(s) == '\t' || peek(s) == '\n' || peek(s) == '\r')
        s->at++;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(int c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool pass_escape(struct scan *s)
{
    int c = peek(s);
    s->at++;
    if (c == 'u') {
        for (int i = 0; i < 4; i++, s->at++)
            if (!is_hex(peek(s)))
                return false;
        return true;
    }
    return c > 0 && strchr("\"\\/bfnrt", c);
}

static bool pass_string(struct scan *s)
{
    size_t start = s->at++;
    for (;;) {
        s->at += plain_len(s->text, s->at);
        int c = peek(s);
        if (c < 0x20)
            return false;
        if (c == '"')
            break;
        if (c == '\\') {
            s->at++;
            if (!pass_escape(s))
                return false;
            continue;
        }
        size_t len = str_utf8_at(s->text, s->at);
        if (!len)
            return false;
        s->at += len;
    }
    s->at++;
    buf_add(s->out, str_sub(s->text, start, s->at - start));
    return true;
}

static bool pass_digits(struct scan *s)
{
    size_t start = s->at;
    while (is_digit(peek(s)))
        s->at++;
    return s->at > start;
}

static bool pass_number(struct scan *s)
{
    size_t start = s->at;
    if (peek(s) == '-')
        s->at++;
    if (peek(s) == '0')
        s->at++;
    else if (!pass_digits(s))
        return false;
    if (peek(s) == '.') {
        s->at++;
        if (!pass_digits(s))
            return false;
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        s->at++;
        if (peek(s) == '+' || peek(s) == '-')
            s->at++;
        if (!pass_digits(s))
            return false;
    }
    buf_add(s->out, str_sub(s->text, start, s->at - start));
    return true;
}

static bool pass_word(struct scan *s, str word)
{
    if (!str_starts(str_from(s->text, s->at), word))
        return false;
    s->at += word.len;
    buf_add(s->out, word);
    return true;
}

static bool pass_byte(struct scan *s, char c)
{
    skip_space(s);
    if (peek(s) != c)
        return false;
    s->at++;
    buf_add_byte(s->out, c);
    return true;
}

/* Key and colon, where the innermost open thing is an object. */
static bool pass_key(struct scan *s)
{
    if (!s->in_object[s->depth - 1])
        return true;
    skip_space(s);
    return peek(s) == '"' && pass_string(s) && pass_byte(s, ':');
}

static bool pass_scalar(struct scan *s)
{
    switch (peek(s)) {
    case '"':
        return pass_string(s);
    case 't':
        return pass_word(s, STR("true"));
    case 'f':
        return pass_word(s, STR("false"));
    case 'n':
        return pass_word(s, STR("null"));
    default:
        return pass_number(s);
    }
}

/* After a value: closes what ends here; true with depth 0 at the end, or before the next value. */
static bool pass_end(struct scan *s)
{
    while (s->depth) {
        if (pass_byte(s, ','))
            return pass_key(s);
        if (!pass_byte(s, s->in_object[s->depth - 1] ? '}' : ']'))
            return false;
        s->depth--;
    }
    return true;
}

/* One value, or the opening of one; then what may follow. */
static bool pass_value(struct scan *s)
{
    skip_space(s);
    int c = peek(s);
    if (c != '{' && c != '[')
        return pass_scalar(s) && pass_end(s);
    if (s->depth == DOCUMENT_DEPTH)
        return false;
    s->at++;
    buf_add_byte(s->out, (char)c);
    s->in_object[s->depth++] = c == '{';
    skip_space(s);
    if (peek(s) == (c == '{' ? '}' : ']'))
        return pass_end(s);
    return pass_key(s);
}

bool encode_document(struct buf *out, str text)
{
    struct scan s = {.text = text, .out = out};
    size_t before = out->len;
    bool ok;
    do {
        ok = pass_value(&s);
    } while (ok && s.depth);
    skip_space(&s);
    if (!ok || s.at != text.len) {
        out->len = before;
        return false;
    }
    return true;
}
