/* By positions (Glushkov): each character of the pattern is one, and a state is the set of those that may come to be read next. */
#include "check/check_machine.h"

#include <string.h>

enum {
    POSITIONS_MAX = 63,
    DEPTH_MAX = 20,
    REPEAT_MAX = 63,
    STATE_NO = 0,
    STATE_UNKNOWN = 1,
    STATE_FIRST = 2,
};

/* No character of the pattern, but what stands before the first one. */
#define START (1ull << 63)

struct letters {
    uint64_t of[2]; /* a bit for each byte of ASCII */
};

struct builder {
    str text;
    size_t at, depth;
    size_t positions;
    struct letters letters[POSITIONS_MAX];
    uint64_t follow[POSITIONS_MAX];
    uint64_t sets[MACHINE_STATES_MAX];
    size_t states;
};

/* What a part of the pattern may begin with, what it may end with, and whether it may be nothing. */
struct part {
    uint64_t first, last;
    bool is_empty;
};

static bool read_choice(struct builder *b, struct part *out);

static int peek(const struct builder *b, size_t ahead)
{
    return b->at + ahead < b->text.len ? (unsigned char)b->text.ptr[b->at + ahead] : -1;
}

static bool take(struct builder *b, const char *text)
{
    bool is_here = str_starts(str_from(b->text, b->at), str_of(text));
    b->at += is_here ? str_of(text).len : 0;
    return is_here;
}

static void add_letters(struct letters *letters, uint32_t low, uint32_t high)
{
    for (uint32_t c = low; c <= high && c < 0x80; c++)
        letters->of[c / 64] |= 1ull << c % 64;
}

/* A letter, a digit, or `\x{…}`. */
static bool read_character(struct builder *b, uint32_t *out)
{
    int c = peek(b, 0);
    bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    *out = is_plain ? (uint32_t)c : 0;
    if (is_plain) {
        b->at++;
        return true;
    }
    if (!take(b, "\\x{"))
        return false;
    for (c = peek(b, 0); c != '}'; c = peek(b, 0)) {
        bool is_digit = c >= '0' && c <= '9';
        if ((!is_digit && (c < 'a' || c > 'f')) || *out > 0x10ffff)
            return false;
        *out = *out * 16 + (uint32_t)(is_digit ? c - '0' : c - 'a' + 10);
        b->at++;
    }
    b->at++;
    return true;
}

/* `\d` and kin, of ASCII on both sides. */
static bool read_set(struct builder *b, struct letters *letters)
{
    if (take(b, "\\d")) {
        add_letters(letters, '0', '9');
        return true;
    }
    if (!take(b, "\\w"))
        return false;
    add_letters(letters, '0', '9');
    add_letters(letters, 'A', 'Z');
    add_letters(letters, '_', '_');
    add_letters(letters, 'a', 'z');
    return true;
}

static bool read_brackets(struct builder *b, struct letters *letters)
{
    bool is_negated = take(b, "[^");
    uint32_t low, high;
    b->at += is_negated ? 0 : 1;
    while (peek(b, 0) != ']') {
        if (read_set(b, letters))
            continue;
        if (!read_character(b, &low))
            return false;
        high = low;
        if (take(b, "-") && !read_character(b, &high))
            return false;
        add_letters(letters, low, high);
    }
    b->at++;
    for (size_t i = 0; i < 2 && is_negated; i++)
        letters->of[i] = ~letters->of[i];
    return true;
}

static bool read_atom(struct builder *b, struct part *out)
{
    struct letters letters = {{0, 0}};
    uint32_t character;
    if (take(b, "(?:")) {
        b->depth++;
        bool ok = b->depth < DEPTH_MAX && read_choice(b, out) && take(b, ")");
        b->depth--;
        return ok;
    }
    if (b->positions == POSITIONS_MAX)
        return false;
    if (peek(b, 0) == '[') {
        if (!read_brackets(b, &letters))
            return false;
    } else if (!read_set(b, &letters)) {
        if (!read_character(b, &character))
            return false;
        add_letters(&letters, character, character);
    }
    b->letters[b->positions] = letters;
    *out = (struct part){1ull << b->positions, 1ull << b->positions, false};
    b->positions++;
    return true;
}

static void connect(struct builder *b, uint64_t last, uint64_t first)
{
    for (size_t i = 0; i < b->positions; i++)
        if (last >> i & 1)
            b->follow[i] |= first;
}

static void append(struct builder *b, struct part *whole, struct part part)
{
    connect(b, whole->last, part.first);
    whole->first |= whole->is_empty ? part.first : 0;
    whole->last = part.last | (part.is_empty ? whole->last : 0);
    whole->is_empty = whole->is_empty && part.is_empty;
}

static bool read_number(struct builder *b, size_t *out)
{
    size_t begun = b->at;
    for (*out = 0; peek(b, 0) >= '0' && peek(b, 0) <= '9' && *out <= REPEAT_MAX; b->at++)
        *out = *out * 10 + (size_t)(peek(b, 0) - '0');
    return b->at > begun && *out <= REPEAT_MAX;
}

/* How often; `most` counts where there is an end to it. */
static bool read_quantifier(struct builder *b, size_t *least, size_t *most, bool *is_endless)
{
    *least = *most = 1;
    *is_endless = false;
    if (take(b, "*")) {
        *least = 0;
        *is_endless = true;
    } else if (take(b, "+")) {
        *is_endless = true;
    } else if (take(b, "?")) {
        *least = 0;
    } else if (take(b, "{")) {
        if (!read_number(b, least) || !take(b, ","))
            return false;
        *is_endless = peek(b, 0) == '}';
        *most = *least;
        return (*is_endless || read_number(b, most)) && take(b, "}");
    }
    return true;
}

/* What repeats a number of times is read as often, each time as characters of its own. */
static bool read_term(struct builder *b, struct part *whole)
{
    size_t begun = b->at, least, most;
    bool is_endless;
    struct part part;
    if (!read_atom(b, &part) || !read_quantifier(b, &least, &most, &is_endless))
        return false;
    size_t end = b->at, times = is_endless ? (least > 1 ? least : 1) : most;
    for (size_t i = 0; i < times; i++) {
        b->at = begun;
        if (i && !read_atom(b, &part))
            return false;
        if (is_endless && i + 1 == times)
            connect(b, part.last, part.first);
        part.is_empty = part.is_empty || i >= least;
        append(b, whole, part);
    }
    b->at = end;
    return true;
}

static bool is_at_end(const struct builder *b)
{
    int c = peek(b, 0);
    return c < 0 || c == ')' || c == '|' || (c == '\\' && peek(b, 1) == 'z');
}

static bool read_sequence(struct builder *b, struct part *out)
{
    *out = (struct part){0, 0, true};
    while (!is_at_end(b))
        if (!read_term(b, out))
            return false;
    return true;
}

static bool read_choice(struct builder *b, struct part *out)
{
    if (!read_sequence(b, out))
        return false;
    while (take(b, "|")) {
        struct part part;
        if (!read_sequence(b, &part))
            return false;
        out->first |= part.first;
        out->last |= part.last;
        out->is_empty = out->is_empty || part.is_empty;
    }
    return true;
}

/* ---- states */

static bool find_state(struct builder *b, uint64_t set, size_t *out)
{
    *out = STATE_NO;
    if (!set)
        return true;
    for (*out = STATE_FIRST; *out < b->states && b->sets[*out] != set; (*out)++)
        ;
    if (*out < b->states)
        return true;
    if (b->states == MACHINE_STATES_MAX)
        return false;
    b->sets[b->states++] = set;
    return true;
}

static uint64_t next_of(const struct builder *b, struct part whole, uint64_t set)
{
    uint64_t next = set & START ? whole.first : 0;
    for (size_t i = 0; i < b->positions; i++)
        next |= set >> i & 1 ? b->follow[i] : 0;
    return next;
}

static uint64_t positions_of(const struct builder *b, size_t byte)
{
    uint64_t set = 0;
    for (size_t i = 0; i < b->positions; i++)
        set |= (b->letters[i].of[byte / 64] >> byte % 64 & 1) << i;
    return set;
}

static bool add_states(struct builder *b, struct part whole, struct check_machine *out)
{
    b->states = STATE_FIRST;
    memset(out, 0, sizeof *out);
    memset(out->next[STATE_UNKNOWN], STATE_UNKNOWN, 256);
    out->answers[STATE_UNKNOWN] = MACHINE_UNKNOWN;
    size_t state;
    if (!find_state(b, START, &state))
        return false;
    for (; state < b->states; state++) {
        uint64_t set = b->sets[state], next = next_of(b, whole, set);
        bool ends = (set & whole.last) || (set & START && whole.is_empty);
        out->answers[state] = ends ? MACHINE_YES : MACHINE_NO;
        for (size_t byte = 0; byte < 0x80; byte++) {
            size_t to;
            if (!find_state(b, next & positions_of(b, byte), &to))
                return false;
            out->next[state][byte] = (uint8_t)to;
        }
        memset(&out->next[state][0x80], STATE_UNKNOWN, 0x80);
    }
    return true;
}

bool check_machine_make(str spelled, struct check_machine *out)
{
    struct builder b = {.text = spelled};
    struct part whole;
    return take(&b, "\\A") && read_sequence(&b, &whole) && take(&b, "\\z") && b.at == spelled.len
        && add_states(&b, whole, out);
}

static size_t read_from(const struct check_machine *machine, str text, size_t begun, size_t state)
{
    for (size_t i = begun; i < text.len; i++)
        state = machine->next[state][(unsigned char)text.ptr[i]];
    return state;
}

void check_machine_ask(const struct check_machine *machine, str one, str other,
                       enum machine_answer answers[2])
{
    size_t len = one.len < other.len ? one.len : other.len;
    size_t first = STATE_FIRST, second = STATE_FIRST;
    for (size_t i = 0; i < len; i++) {
        first = machine->next[first][(unsigned char)one.ptr[i]];
        second = machine->next[second][(unsigned char)other.ptr[i]];
    }
    answers[0] = machine->answers[read_from(machine, one, len, first)];
    answers[1] = machine->answers[read_from(machine, other, len, second)];
}
