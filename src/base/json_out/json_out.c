#include "json_out/json_out.h"

#include <inttypes.h>

#include "clock/clock.h"

static void json_out_key(struct json_out *o, const char *key)
{
    if (o->needs_comma) {
        buf_add_byte(o->b, ',');
    }
    o->needs_comma = true;
    if (key[0] != '\0') {
        buf_add_json(o->b, str_of(key));
        buf_add_byte(o->b, ':');
    }
}

void json_out_begin(struct json_out *o, const char *key, char bracket)
{
    json_out_key(o, key);
    buf_add_byte(o->b, bracket);
    o->needs_comma = false;
}

void json_out_end(struct json_out *o, char bracket)
{
    buf_add_byte(o->b, bracket);
    o->needs_comma = true;
}

void json_out_str(struct json_out *o, const char *key, str value)
{
    json_out_key(o, key);
    buf_add_json(o->b, value);
}

void json_out_maybe(struct json_out *o, const char *key, str value)
{
    if (value.len == 0) {
        json_out_null(o, key);
    } else {
        json_out_str(o, key, value);
    }
}

void json_out_int(struct json_out *o, const char *key, int64_t value)
{
    json_out_key(o, key);
    buf_format(o->b, "%" PRId64, value);
}

void json_out_uint(struct json_out *o, const char *key, uint64_t value)
{
    json_out_key(o, key);
    buf_format(o->b, "%" PRIu64, value);
}

void json_out_bool(struct json_out *o, const char *key, bool value)
{
    json_out_key(o, key);
    buf_add(o->b, value ? STR("true") : STR("false"));
}

void json_out_null(struct json_out *o, const char *key)
{
    json_out_key(o, key);
    buf_add(o->b, STR("null"));
}

void json_out_raw(struct json_out *o, const char *key, str json)
{
    json_out_key(o, key);
    buf_add(o->b, json.len ? json : STR("null"));
}

void json_out_time(struct json_out *o, const char *key, int64_t time_us)
{
    struct arena *mem;

    if (time_us == 0) {
        json_out_null(o, key);
        return;
    }
    mem = arena_new();
    json_out_str(o, key, clock_text(mem, time_us));
    arena_free(mem);
}

void json_out_list(struct json_out *o, const char *key, const struct str_list *list)
{
    json_out_begin(o, key, '[');
    for (size_t i = 0; i < list->len; i++) {
        json_out_str(o, "", list->at[i]);
    }
    json_out_end(o, ']');
}
