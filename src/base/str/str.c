#include "str/str.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

enum { NUMBER_BYTES_MAX = 400, DISTANCE_BYTES_MAX = 128 };

str str_of(const char *text)
{
    return text ? (str){text, strlen(text)} : STR_NONE;
}

bool str_eq(str a, str b)
{
    return a.len == b.len && (a.len == 0 || a.ptr == b.ptr || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool str_eq_nocase(str a, str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

int str_compare(str a, str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.ptr, b.ptr, n) : 0;
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

int str_compare_nocase(str a, str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < n; i++) {
        int order = (unsigned char)lower(a.ptr[i]) - (unsigned char)lower(b.ptr[i]);
        if (order != 0)
            return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

bool str_starts(str s, str prefix)
{
    return s.len >= prefix.len && str_eq((str){s.ptr, prefix.len}, prefix);
}

bool str_ends(str s, str suffix)
{
    return s.len >= suffix.len && str_eq(str_from(s, s.len - suffix.len), suffix);
}

bool str_has(str s, char c)
{
    return s.len && memchr(s.ptr, c, s.len) != NULL;
}

size_t str_find(str s, str needle)
{
    if (needle.len == 0)
        return 0;
    if (s.len < needle.len)
        return s.len;
    const char *found = memmem(s.ptr, s.len, needle.ptr, needle.len);
    return found ? (size_t)(found - s.ptr) : s.len;
}

str str_from(str s, size_t start)
{
    if (start >= s.len)
        return (str){s.ptr ? s.ptr + s.len : NULL, 0};
    return (str){s.ptr + start, s.len - start};
}

str str_sub(str s, size_t start, size_t len)
{
    str rest = str_from(s, start);
    if (rest.len > len)
        rest.len = len;
    return rest;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

str str_trim(str s)
{
    while (s.len && is_space(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

static bool cut_at(str s, const char *found, str *head_out, str *tail_out)
{
    /* `s` may be one of the results, so nothing of it is read after the first store. */
    size_t at = found ? (size_t)(found - s.ptr) : s.len;
    *head_out = str_sub(s, 0, at);
    *tail_out = str_from(s, found ? at + 1 : s.len);
    return found != NULL;
}

bool str_cut(str s, char separator, str *head_out, str *tail_out)
{
    return cut_at(s, s.len ? memchr(s.ptr, separator, s.len) : NULL, head_out, tail_out);
}

bool str_cut_last(str s, char separator, str *head_out, str *tail_out)
{
    return cut_at(s, s.len ? memrchr(s.ptr, separator, s.len) : NULL, head_out, tail_out);
}

bool str_to_u64(str s, uint64_t *out)
{
    uint64_t value = 0;
    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c < '0' || c > '9')
            return false;
        if (__builtin_mul_overflow(value, 10U, &value)
            || __builtin_add_overflow(value, (uint64_t)(c - '0'), &value))
            return false;
    }
    *out = value;
    return true;
}

bool str_is_listed(str list, str word)
{
    str one, rest = list;
    while (rest.len) {
        str_cut(rest, ',', &one, &rest);
        if (str_eq(one, word))
            return true;
    }
    return false;
}

bool str_to_i64(str s, int64_t *out)
{
    bool negative = s.len && s.ptr[0] == '-';
    if (s.len && (s.ptr[0] == '-' || s.ptr[0] == '+'))
        s = str_from(s, 1);
    uint64_t size = 0;
    if (!str_to_u64(s, &size) || size > (uint64_t)INT64_MAX + negative)
        return false;
    *out = negative ? (int64_t)(0 - size) : (int64_t)size;
    return true;
}

int str_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

size_t str_digits_at(str s, size_t at)
{
    size_t n = 0;
    while (at + n < s.len && s.ptr[at + n] >= '0' && s.ptr[at + n] <= '9')
        n++;
    return n;
}

/* strtod alone would also take spaces, hexadecimal, "inf" and "nan". */
static bool is_decimal(str s)
{
    size_t at = s.len && (s.ptr[0] == '-' || s.ptr[0] == '+') ? 1 : 0;
    size_t whole = str_digits_at(s, at);
    size_t part = 0;
    at += whole;
    if (at < s.len && s.ptr[at] == '.') {
        at++;
        part = str_digits_at(s, at);
        at += part;
    }
    if (whole + part == 0)
        return false;
    if (at < s.len && (s.ptr[at] == 'e' || s.ptr[at] == 'E')) {
        at++;
        if (at < s.len && (s.ptr[at] == '-' || s.ptr[at] == '+'))
            at++;
        size_t power = str_digits_at(s, at);
        if (power == 0)
            return false;
        at += power;
    }
    return at == s.len;
}

bool str_to_f64(str s, double *out)
{
    char text[NUMBER_BYTES_MAX + 1];
    if (s.len > NUMBER_BYTES_MAX || !is_decimal(s))
        return false;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    double value = strtod(text, NULL);
    if (!isfinite(value))
        return false;
    *out = value;
    return true;
}

static bool is_follower(str s, size_t at)
{
    return at < s.len && ((unsigned char)s.ptr[at] & 0xc0) == 0x80;
}

size_t str_utf8_at(str s, size_t at)
{
    if (at >= s.len)
        return 0;
    unsigned char first = (unsigned char)s.ptr[at];
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4 || !is_follower(s, at + 1))
        return 0;
    if (first < 0xe0)
        return 2;
    unsigned char second = (unsigned char)s.ptr[at + 1];
    /* The second byte alone tells overlong forms, surrogates and what is past U+10FFFF. */
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)
        || (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)
        || !is_follower(s, at + 2))
        return 0;
    if (first < 0xf0)
        return 3;
    return is_follower(s, at + 3) ? 4 : 0;
}

bool str_is_utf8(str s)
{
    size_t at = 0;
    while (at < s.len) {
        size_t n = s.ptr[at] == '\0' ? 0 : str_utf8_at(s, at);
        if (n == 0)
            return false;
        at += n;
    }
    return true;
}

bool str_is_name(str s)
{
    if (s.len == 0 || s.ptr[0] < 'a' || s.ptr[0] > 'z')
        return false;
    for (size_t i = 1; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return true;
}

/* The kernel gives each process 16 random bytes; reading them takes no system call, which a sandbox
 * might refuse. */
static void hash_seed(uint64_t seed[2])
{
    static _Atomic uint64_t kept[2];
    static _Atomic bool ready;
    if (!atomic_load_explicit(&ready, memory_order_acquire)) {
        uint64_t fresh[2] = {0x9e3779b97f4a7c15U, 0xc2b2ae3d27d4eb4fU};
        const void *random = (const void *)(uintptr_t)getauxval(AT_RANDOM);
        if (random)
            memcpy(fresh, random, sizeof fresh);
        atomic_store_explicit(&kept[0], fresh[0], memory_order_relaxed);
        atomic_store_explicit(&kept[1], fresh[1], memory_order_relaxed);
        atomic_store_explicit(&ready, true, memory_order_release);
    }
    seed[0] = atomic_load_explicit(&kept[0], memory_order_relaxed);
    seed[1] = atomic_load_explicit(&kept[1], memory_order_relaxed);
}

static uint64_t rotate(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

/* SipHash-1-3: keys come from outside, so a plain hash would let them degrade every map to a
 * list. */
/* A word of bytes with its ASCII letters in lower case. */
static uint64_t lower_word(uint64_t word)
{
    unsigned char bytes[8];
    memcpy(bytes, &word, 8);
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)lower((char)bytes[i]);
    memcpy(&word, bytes, 8);
    return word;
}

static uint64_t hash_of(str s, bool is_nocase)
{
    uint64_t seed[2];
    hash_seed(seed);
    uint64_t v[4] = {seed[0] ^ 0x736f6d6570736575U, seed[1] ^ 0x646f72616e646f6dU,
                     seed[0] ^ 0x6c7967656e657261U, seed[1] ^ 0x7465646279746573U};
    size_t at = 0;
    for (; at + 8 <= s.len; at += 8) {
        uint64_t word;
        memcpy(&word, s.ptr + at, 8);
        if (is_nocase)
            word = lower_word(word);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    uint64_t last = (uint64_t)s.len << 56;
    for (size_t i = 0; at + i < s.len; i++)
        last |= (uint64_t)(unsigned char)(is_nocase ? lower(s.ptr[at + i]) : s.ptr[at + i])
             << (8 * i);
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t str_hash(str s)
{
    return hash_of(s, false);
}

uint64_t str_hash_nocase(str s)
{
    return hash_of(s, true);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Three rows of the table of Damerau and Levenshtein are enough: a swap looks back two. */
size_t str_distance(str a, str b, size_t most)
{
    size_t rows[3][DISTANCE_BYTES_MAX + 1];
    size_t gap = a.len > b.len ? a.len - b.len : b.len - a.len;
    if (gap > most || a.len > DISTANCE_BYTES_MAX || b.len > DISTANCE_BYTES_MAX)
        return str_eq(a, b) ? 0 : most + 1;
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *now = rows[i % 3];
        const size_t *before = rows[(i - 1) % 3];
        size_t row_least = now[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t cost = a.ptr[i - 1] != b.ptr[j - 1];
            now[j] = least(least(now[j - 1], before[j]) + 1, before[j - 1] + cost);
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1])
                now[j] = least(now[j], rows[(i - 2) % 3][j - 2] + 1);
            row_least = least(row_least, now[j]);
        }
        /* A swap may still come from the row before, so that one must be past the bound too. */
        if (row_least > most + 1)
            return most + 1;
    }
    return least(rows[a.len % 3][b.len], most + 1);
}
