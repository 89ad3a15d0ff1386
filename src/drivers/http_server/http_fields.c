#include "http_server/http_fields.h"

void http_fields_add(struct arena *mem, struct http_fields *fields, str name, str value)
{
    vec_push(mem, fields, ((struct http_field){.name = name, .value = value}));
}

const struct http_field *http_fields_find(const struct http_fields *fields, str name)
{
    for (size_t i = 0; i < fields->len; i++)
        if (str_eq_nocase(fields->at[i].name, name))
            return &fields->at[i];
    return NULL;
}

str http_fields_value(const struct http_fields *fields, str name)
{
    const struct http_field *found = http_fields_find(fields, name);
    return found != NULL ? found->value : STR_NONE;
}

bool http_percent_decode(struct arena *mem, str s, bool plus_is_space, str *out)
{
    char *text = arena_alloc(mem, s.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '%') {
            int high = s.len - i > 2 ? str_hex_digit(s.ptr[i + 1]) : -1;
            int low = s.len - i > 2 ? str_hex_digit(s.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        text[len++] = c;
    }
    *out = (str){text, len};
    return str_is_utf8(*out);
}

bool http_fields_parse_query(struct arena *mem, str query, struct http_fields *out)
{
    while (query.len > 0) {
        str pair = STR_NONE;
        str name = STR_NONE;
        str value = STR_NONE;
        str_cut(query, '&', &pair, &query);
        if (pair.len == 0)
            continue;
        str_cut(pair, '=', &name, &value);
        if (!http_percent_decode(mem, name, true, &name)
            || !http_percent_decode(mem, value, true, &value))
            return false;
        http_fields_add(mem, out, name, value);
    }
    return true;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'
        || c == '.' || c == '_' || c == '~';
}

str http_percent_encode(struct arena *mem, str s)
{
    static const char digits[] = "0123456789ABCDEF";
    char *text = arena_array(mem, s.len + 1, 3);
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (is_unreserved((char)c)) {
            text[len++] = (char)c;
        } else {
            text[len++] = '%';
            text[len++] = digits[c >> 4];
            text[len++] = digits[c & 15];
        }
    }
    return (str){text, len};
}

bool http_bearer(str header, str *token_out)
{
    bool is_bearer = header.len > 7 && str_eq_nocase(str_sub(header, 0, 7), STR("Bearer "));
    *token_out = is_bearer ? str_trim(str_from(header, 7)) : STR_NONE;
    return is_bearer || header.len == 0;
}
