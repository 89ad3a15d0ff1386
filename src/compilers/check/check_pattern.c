/* ECMA-262 patterns (flag u) to RE2. All that could mean something else there is spelled out, so that what this lets through
 * means the same; the rest is a problem for people. */
#include <string.h>

#include "check/check_inside.h"
#include "limits/limits.h"

enum {
    REPEAT_MAX = 1000, /* RE2's, of nested repeats together */
    DEPTH_MAX = 100,
    LARGE = 10000, /* RE2 takes programs of some 80,000 steps; ours are counted roughly */
    LETTER_WEIGHT = 2,
    CLASS_WEIGHT = 12,
    PROPERTY_WEIGHT = 600,
};

#define SPACES                                                                                     \
    "\\x{9}-\\x{d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}"  \
    "\\x{3000}\\x{feff}"
#define NO_SPACES                                                                                  \
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{" \
    "2027}"                                                                                        \
    "\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{"   \
    "10ffff}"

struct reader {
    struct arena *mem;
    str text;
    size_t at;
    struct buf *out;
    size_t depth;
    size_t ended;                       /* where the last $ stands in `out`: behind it */
    bool is_odd, has_choice, is_within; /* within: it has \B */
    str problem;
};

/* What was read: how often it repeats inside, and how large its program is about. */
struct part {
    size_t repeats, weight;
};

static bool read_choice(struct reader *r, struct part *out);

static bool fail(struct reader *r, const char *what)
{
    size_t character = 1;
    for (size_t i = 0; i < r->at && i < r->text.len; i++)
        character += ((unsigned char)r->text.ptr[i] & 0xc0) != 0x80;
    if (!r->problem.len)
        r->problem = arena_format(r->mem, "its pattern %s (at character %zu)", what, character);
    return false;
}

static int peek(const struct reader *r, size_t ahead)
{
    return r->at + ahead < r->text.len ? (unsigned char)r->text.ptr[r->at + ahead] : -1;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static int hex_of(int c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* `len` hexadecimal digits from here on. */
static bool read_hex(struct reader *r, size_t len, uint32_t *out)
{
    *out = 0;
    for (size_t i = 0; i < len; i++) {
        int digit = hex_of(peek(r, i));
        if (digit < 0)
            return fail(r, "has an escape without its hexadecimal digits");
        *out = *out * 16 + (uint32_t)digit;
    }
    r->at += len;
    return true;
}

/* Behind `\u`: four digits, two halves of a pair, or any number in braces. */
static bool read_unicode(struct reader *r, uint32_t *out)
{
    uint32_t low;
    if (peek(r, 0) == '{') {
        size_t len = 0;
        while (hex_of(peek(r, 1 + len)) >= 0)
            len++;
        r->at++;
        if (!len || len > 6 || peek(r, len) != '}' || !read_hex(r, len, out) || *out > 0x10ffff)
            return fail(r, "has an escape that is no character");
        r->at++;
    } else if (!read_hex(r, 4, out)) {
        return false;
    } else if (*out >= 0xd800 && *out < 0xdc00 && peek(r, 0) == '\\' && peek(r, 1) == 'u') {
        r->at += 2;
        if (!read_hex(r, 4, &low))
            return false;
        if (low < 0xdc00 || low > 0xdfff)
            return fail(r, "has half of a surrogate pair, which no text holds");
        *out = 0x10000 + ((*out - 0xd800) << 10) + (low - 0xdc00);
    }
    if (*out >= 0xd800 && *out <= 0xdfff)
        return fail(r, "has half of a surrogate pair, which no text holds");
    return true;
}

static bool read_plain(struct reader *r, uint32_t *out)
{
    size_t len = str_utf8_at(r->text, r->at);
    unsigned char first = (unsigned char)r->text.ptr[r->at];
    if (!len)
        return fail(r, "is not UTF-8");
    *out = len == 1 ? first : (uint32_t)(first & (0xff >> (len + 1)));
    for (size_t i = 1; i < len; i++)
        *out = *out << 6 | ((unsigned char)r->text.ptr[r->at + i] & 0x3f);
    r->at += len;
    return true;
}

/* Behind a backslash: an escape that is one character. */
static bool read_escape(struct reader *r, uint32_t *out)
{
    static const char letters[] = "tnvfr";
    static const char controls[] = "\t\n\v\f\r";
    int c = peek(r, 0);
    const char *letter = c > 0 && c < 0x80 ? memchr(letters, c, sizeof letters - 1) : NULL;
    if (c < 0)
        return fail(r, "ends with a backslash");
    if (c >= 0x80)
        return read_plain(r, out);
    r->at++;
    if (letter) {
        *out = (uint32_t)controls[letter - letters];
        return true;
    }
    if (c == 'x')
        return read_hex(r, 2, out);
    if (c == 'u')
        return read_unicode(r, out);
    if (c == '0' && !is_digit(peek(r, 0))) {
        *out = 0;
        return true;
    }
    if (c == 'c' && ((peek(r, 0) | 32) >= 'a' && (peek(r, 0) | 32) <= 'z')) {
        *out = (uint32_t)peek(r, 0) % 32;
        r->at++;
        return true;
    }
    r->at--;
    if (is_digit(c) || c == 'k')
        return fail(r, "refers back to a group, which the engine cannot do");
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return fail(r, "has an escape that ECMA-262 does not know");
    *out = (uint32_t)c;
    r->at++;
    return true;
}

static void add_character(struct reader *r, uint32_t c)
{
    bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (is_plain)
        buf_add_byte(r->out, (char)c);
    else
        buf_format(r->out, "\\x{%x}", c);
}

/* General categories, by the names that both sides know or by their long ones. */
static const char *category(str name)
{
    static const char *const known[][2] = {{"L", "Letter"},
                                           {"Lu", "Uppercase_Letter"},
                                           {"Ll", "Lowercase_Letter"},
                                           {"Lt", "Titlecase_Letter"},
                                           {"Lm", "Modifier_Letter"},
                                           {"Lo", "Other_Letter"},
                                           {"M", "Mark"},
                                           {"Mn", "Nonspacing_Mark"},
                                           {"Mc", "Spacing_Mark"},
                                           {"Me", "Enclosing_Mark"},
                                           {"N", "Number"},
                                           {"Nd", "Decimal_Number"},
                                           {"Nl", "Letter_Number"},
                                           {"No", "Other_Number"},
                                           {"P", "Punctuation"},
                                           {"Pc", "Connector_Punctuation"},
                                           {"Pd", "Dash_Punctuation"},
                                           {"Ps", "Open_Punctuation"},
                                           {"Pe", "Close_Punctuation"},
                                           {"Pi", "Initial_Punctuation"},
                                           {"Pf", "Final_Punctuation"},
                                           {"Po", "Other_Punctuation"},
                                           {"S", "Symbol"},
                                           {"Sm", "Math_Symbol"},
                                           {"Sc", "Currency_Symbol"},
                                           {"Sk", "Modifier_Symbol"},
                                           {"So", "Other_Symbol"},
                                           {"Z", "Separator"},
                                           {"Zs", "Space_Separator"},
                                           {"Zl", "Line_Separator"},
                                           {"Zp", "Paragraph_Separator"},
                                           {"Cc", "Control"},
                                           {"Cf", "Format"},
                                           {"Co", "Private_Use"}};
    static const char *const scripts[] = {
        "Arabic",   "Armenian", "Bengali", "Cyrillic", "Devanagari", "Georgian",  "Greek",
        "Gujarati", "Gurmukhi", "Han",     "Hangul",   "Hebrew",     "Hiragana",  "Kannada",
        "Katakana", "Khmer",    "Lao",     "Latin",    "Malayalam",  "Mongolian", "Myanmar",
        "Sinhala",  "Tamil",    "Telugu",  "Thai",     "Tibetan"};
    str key, value;
    bool is_pair = str_cut(name, '=', &key, &value);
    bool is_script = is_pair && (str_eq(key, STR("Script")) || str_eq(key, STR("sc")));
    if (is_pair && !is_script && !str_eq(key, STR("General_Category")) && !str_eq(key, STR("gc")))
        return NULL;
    str wanted = is_pair ? value : name;
    for (size_t i = 0; !is_script && i < sizeof known / sizeof *known; i++)
        if (str_eq(wanted, str_of(known[i][0])) || str_eq(wanted, str_of(known[i][1])))
            return known[i][0];
    for (size_t i = 0; is_script && i < sizeof scripts / sizeof *scripts; i++)
        if (str_eq(wanted, str_of(scripts[i])))
            return scripts[i];
    return NULL;
}

/* `\d` and kin; `*found_out` is false, with nothing read, where none stands. `is_inside`: of brackets. */
static bool read_set(struct reader *r, bool is_inside, bool *found_out, struct part *part)
{
    int c = peek(r, 0) == '\\' ? peek(r, 1) : -1;
    *found_out = c > 0 && memchr("dDwWsSpP", c, 8);
    if (!*found_out)
        return true;
    part->weight = CLASS_WEIGHT;
    r->at += 2;
    if (c == 's' || c == 'S') {
        str set = c == 's' ? STR(SPACES) : STR(NO_SPACES);
        part->weight = (size_t)CLASS_WEIGHT * 8;
        buf_format(r->out, is_inside ? STR_FMT : "[" STR_FMT "]", STR_ARG(set));
        return true;
    }
    if (c != 'p' && c != 'P') {
        buf_format(r->out, "\\%c", c);
        return true;
    }
    str rest = str_from(r->text, r->at);
    size_t end = str_find(rest, STR("}"));
    const char *name =
        peek(r, 0) == '{' && end < rest.len ? category(str_sub(rest, 1, end - 1)) : NULL;
    if (!name)
        return fail(r, "has a property of characters that the engine does not know");
    r->at += end + 1;
    part->weight = PROPERTY_WEIGHT;
    buf_format(r->out, "\\%c{%s}", c, name);
    return true;
}

/* One end of a range, or a single character, of brackets. */
static bool read_member(struct reader *r, uint32_t *out)
{
    if (peek(r, 0) != '\\')
        return read_plain(r, out);
    if (peek(r, 1) == 'b' || peek(r, 1) == '-') {
        *out = peek(r, 1) == 'b' ? 8 : '-';
        r->at += 2;
        return true;
    }
    r->at++;
    return read_escape(r, out);
}

static bool read_range(struct reader *r, struct part *part)
{
    uint32_t low, high;
    bool is_set;
    struct part member = {1, CLASS_WEIGHT};
    if (!read_set(r, true, &is_set, &member))
        return false;
    part->weight += member.weight;
    if (is_set)
        return peek(r, 0) != '-' || peek(r, 1) == ']'
            || fail(r, "has a range that begins with a class");
    if (!read_member(r, &low))
        return false;
    add_character(r, low);
    if (peek(r, 0) != '-' || peek(r, 1) == ']' || peek(r, 1) < 0)
        return true;
    r->at++;
    if (!read_member(r, &high))
        return false;
    if (high < low)
        return fail(r, "has a range that ends before it begins");
    buf_add_byte(r->out, '-');
    add_character(r, high);
    return true;
}

static bool read_brackets(struct reader *r, struct part *part)
{
    bool is_negated = peek(r, 1) == '^';
    r->at += is_negated ? 2 : 1;
    if (peek(r, 0) == ']') { /* [] is nothing, [^] is anything */
        r->at++;
        buf_add(r->out, is_negated ? STR("[\\x{0}-\\x{10ffff}]") : STR("[^\\x{0}-\\x{10ffff}]"));
        return true;
    }
    buf_add(r->out, is_negated ? STR("[^") : STR("["));
    while (peek(r, 0) >= 0 && peek(r, 0) != ']')
        if (!read_range(r, part))
            return false;
    if (peek(r, 0) < 0)
        return fail(r, "has a [ without its ]");
    r->at++;
    buf_add_byte(r->out, ']');
    return true;
}

/* `(?:`, `(?<name>`, `(?i:`. Groups catch nothing here: only whether the whole matches is asked. */
static bool read_opening(struct reader *r)
{
    r->at++;
    if (peek(r, 0) != '?') {
        buf_add(r->out, STR("(?:"));
        return true;
    }
    if (peek(r, 1) == '=' || peek(r, 1) == '!')
        return fail(r, "looks ahead, which the engine cannot do");
    if (peek(r, 1) == '<' && (peek(r, 2) == '=' || peek(r, 2) == '!'))
        return fail(r, "looks behind, which the engine cannot do");
    if (peek(r, 1) == '<') {
        size_t len = str_find(str_from(r->text, r->at), STR(">"));
        if (len < 3 || r->at + len >= r->text.len)
            return fail(r, "has a group whose name does not end");
        r->at += len + 1;
        buf_add(r->out, STR("(?:"));
        return true;
    }
    str modifiers[] = {STR("?:"), STR("?i:"), STR("?-i:")};
    for (size_t i = 0; i < sizeof modifiers / sizeof *modifiers; i++)
        if (str_starts(str_from(r->text, r->at), modifiers[i])) {
            r->at += modifiers[i].len;
            buf_format(r->out, "(" STR_FMT, STR_ARG(modifiers[i]));
            return true;
        }
    return fail(r, peek(r, 1) == 'i' ? "has (?i), which ECMA-262 does not know: write (?i:…)"
                                     : "has a group that the engine does not know");
}

static bool read_group(struct reader *r, struct part *part)
{
    if (r->depth == DEPTH_MAX)
        return fail(r, "is nested too deeply");
    if (!read_opening(r))
        return false;
    r->depth++;
    r->is_odd = r->is_odd || peek(r, 0) == ')';
    if (!read_choice(r, part))
        return false;
    r->depth--;
    if (peek(r, 0) != ')')
        return fail(r, "has a ( without its )");
    r->at++;
    buf_add_byte(r->out, ')');
    return true;
}

static bool read_number(struct reader *r, size_t *at, size_t *out)
{
    size_t start = *at;
    for (*out = 0; is_digit(peek(r, *at)); (*at)++)
        *out = *out > REPEAT_MAX ? *out : *out * 10 + (size_t)(peek(r, *at) - '0');
    return *at > start;
}

/* `{n}`, `{n,}`, `{n,m}`: its length, or 0 where the brace is a character. */
static size_t braces(struct reader *r, size_t *least, size_t *most)
{
    size_t at = 1;
    if (peek(r, 0) != '{' || !read_number(r, &at, least))
        return 0;
    *most = *least;
    if (peek(r, at) == ',') {
        at++;
        if (!read_number(r, &at, most))
            *most = *least;
    }
    return peek(r, at) == '}' ? at + 1 : 0;
}

static bool read_quantifier(struct reader *r, struct part *part, bool may_repeat)
{
    size_t least = 1, most = 1, len = braces(r, &least, &most);
    int c = peek(r, 0);
    if (!len)
        len = c == '*' || c == '+' || c == '?';
    if (!len)
        return true;
    if (!may_repeat)
        return fail(r, "repeats something that cannot be repeated");
    if (most < least)
        return fail(r, "has a repeat whose numbers are in the wrong order");
    if (most > REPEAT_MAX || part->repeats * (most ? most : 1) > REPEAT_MAX)
        return fail(r, "repeats more than 1000 times, which the engine cannot do");
    /* RE2 would read a number with zeros before it as text. */
    if (c != '{')
        buf_add_byte(r->out, (char)c);
    else if (peek(r, len - 2) == ',')
        buf_format(r->out, "{%zu,}", least);
    else
        buf_format(r->out, "{%zu,%zu}", least, most);
    part->repeats *= most ? most : 1;
    part->weight *= most ? most : 1;
    r->at += len;
    /* How greedy it is does not change whether it matches. */
    r->at += peek(r, 0) == '?';
    c = peek(r, 0);
    if (c == '*' || c == '+' || c == '?' || braces(r, &least, &most))
        return fail(r, "repeats something that cannot be repeated");
    return true;
}

static bool read_term(struct reader *r, struct part *part)
{
    uint32_t character = 0;
    bool is_set, is_assertion = false;
    size_t least, most;
    int c = peek(r, 0);
    *part = (struct part){1, LETTER_WEIGHT};
    if (c == '^' || c == '$') {
        r->is_odd = r->is_odd || (c == '^' ? r->out->len : r->ended);
        buf_add(r->out, c == '^' ? STR("\\A") : STR("\\z"));
        r->ended = c == '^' ? r->ended : r->out->len;
        is_assertion = true;
        r->at++;
    } else if (c == '\\' && (peek(r, 1) == 'b' || peek(r, 1) == 'B')) {
        buf_format(r->out, "\\%c", peek(r, 1));
        r->is_within = r->is_within || peek(r, 1) == 'B';
        is_assertion = true;
        r->at += 2;
    } else if (c == '(') {
        if (!read_group(r, part))
            return false;
    } else if (c == '[') {
        if (!read_brackets(r, part))
            return false;
    } else if (c == '.') {
        buf_add(r->out, STR("[^\\x{a}\\x{d}\\x{2028}\\x{2029}]"));
        part->weight = (size_t)CLASS_WEIGHT * 3;
        r->at++;
    } else if (c == '*' || c == '+' || c == '?' || braces(r, &least, &most)) {
        return fail(r, "repeats something that cannot be repeated");
    } else {
        if (!read_set(r, false, &is_set, part))
            return false;
        if (!is_set) {
            r->at += c == '\\';
            if (!(c == '\\' ? read_escape(r, &character) : read_plain(r, &character)))
                return false;
            add_character(r, character);
        }
    }
    return read_quantifier(r, part, !is_assertion);
}

static bool read_choice(struct reader *r, struct part *out)
{
    *out = (struct part){1, 1};
    for (int c = peek(r, 0); c >= 0 && c != ')'; c = peek(r, 0)) {
        struct part part;
        if (c == '|') {
            buf_add_byte(r->out, '|');
            r->has_choice = true;
            r->at++;
            continue;
        }
        if (!read_term(r, &part))
            return false;
        out->repeats = part.repeats > out->repeats ? part.repeats : out->repeats;
        out->weight += part.weight;
    }
    return true;
}

/* The engine makes a LIKE of what it takes for a plain text, and gets that wrong where an end stands within, or a group is empty: a
 * group that catches keeps it from that. It finds \B between the bytes of a character too, unless whole ones lead there. */
static str spelled(const struct reader *r)
{
    bool is_odd = r->is_odd || (r->ended && r->ended < r->out->len);
    str text = buf_str(r->out);
    if (r->is_within)
        return arena_format(r->mem, "\\A[\\x{0}-\\x{10ffff}]*?(?:" STR_FMT ")", STR_ARG(text));
    return is_odd && !r->has_choice ? arena_format(r->mem, "(" STR_FMT ")", STR_ARG(text)) : text;
}

bool check_pattern(struct arena *mem, str pattern, str *out, bool *is_large_out, str *problem_out)
{
    struct reader r = {.mem = mem, .text = pattern, .out = buf_new(mem, SQL_BYTES_MAX)};
    struct part whole;
    bool ok = read_choice(&r, &whole);
    if (ok && r.at < r.text.len)
        ok = fail(&r, "has a ) without its (");
    if (ok && r.out->full)
        ok = fail(&r, "is too long");
    *out = spelled(&r);
    *is_large_out = ok && whole.weight > LARGE;
    *problem_out = r.problem;
    return ok;
}
