/* Text as pointer and length. It may hold any byte and owns nothing. */
#ifndef WEFT_STR_H
#define WEFT_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct str {
    const char *ptr;
    size_t len;
} str;

#define STR(literal) ((str){"" literal, sizeof(literal) - 1})
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).len, (s).len ? (s).ptr : ""
#define STR_NONE ((str){NULL, 0})

/* A C string as a str; NULL gives an empty one. */
str str_of(const char *text);
bool str_eq(str a, str b);
/* Compares ASCII letters without case. */
bool str_eq_nocase(str a, str b);
/* Byte order, shorter first among equals: negative, zero or positive. */
int str_compare(str a, str b);
int str_compare_nocase(str a, str b); /* the same with ASCII letters as small ones */
bool str_starts(str s, str prefix);
bool str_ends(str s, str suffix);
bool str_has(str s, char c);
/* Offset of the first `needle`, or s.len when there is none. */
size_t str_find(str s, str needle);
str str_from(str s, size_t start);
str str_sub(str s, size_t start, size_t len);
/* Without spaces, tabs, carriage returns and line feeds at both ends. */
str str_trim(str s);
/* Splits at the first `separator`; false when there is none (then *head is all, *tail empty). */
bool str_cut(str s, char separator, str *head_out, str *tail_out);
/* As str_cut, at the last `separator`. */
bool str_cut_last(str s, char separator, str *head_out, str *tail_out);
/* Is it one of those that a list with commas names? An empty list names none. */
bool str_is_listed(str list, str word);
/* Whole text must be the number: no spaces, no overflow. */
bool str_to_i64(str s, int64_t *out);
bool str_to_u64(str s, uint64_t *out);
bool str_to_f64(str s, double *out);
/* What a hexadecimal digit is worth; -1: it is none. */
int str_hex_digit(char c);
/* How many decimal digits follow each other from `at` on. */
size_t str_digits_at(str s, size_t at);
/* True for well-formed UTF-8 without NUL. */
bool str_is_utf8(str s);
/* Bytes of the well-formed UTF-8 character that starts at `at`, or 0 where there is none. */
size_t str_utf8_at(str s, size_t at);
/* True for `[a-z][a-z0-9_]*`. */
bool str_is_name(str s);
/* Differs from process to process, so that nobody can choose keys that collide: never store it. */
uint64_t str_hash(str s);
uint64_t str_hash_nocase(str s); /* the same for texts that str_eq_nocase holds for equal */
/* Edits (insert, delete, replace, swap of neighbours) between two short texts, at most `most` +
 * 1. */
size_t str_distance(str a, str b, size_t most);

#endif
