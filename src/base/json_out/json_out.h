/* Small JSON answers, written member by member. Rows of queries are compilers/encode's. */
#ifndef WEFT_JSON_OUT_H
#define WEFT_JSON_OUT_H

#include "buf/buf.h"
#include "vec/vec.h"

struct json_out {
    struct buf *b;
    bool needs_comma;
};

/* `key` is empty inside lists and for the root. `bracket` is `{` or `[`, and its partner to end it. */
void json_out_begin(struct json_out *o, const char *key, char bracket);
void json_out_end(struct json_out *o, char bracket);
void json_out_str(struct json_out *o, const char *key, str value);
/* null when empty. */
void json_out_maybe(struct json_out *o, const char *key, str value);
void json_out_int(struct json_out *o, const char *key, int64_t value);
void json_out_uint(struct json_out *o, const char *key, uint64_t value);
void json_out_bool(struct json_out *o, const char *key, bool value);
void json_out_null(struct json_out *o, const char *key);
/* A text that is JSON already; null when empty. */
void json_out_raw(struct json_out *o, const char *key, str json);
/* Microseconds since 1970 as ISO 8601; null when 0. */
void json_out_time(struct json_out *o, const char *key, int64_t time_us);
void json_out_list(struct json_out *o, const char *key, const struct str_list *list);

#endif
