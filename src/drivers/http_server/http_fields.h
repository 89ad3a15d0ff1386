/* Name and value, in order: headers and query parameters, for server and client. */
#ifndef WEFT_HTTP_FIELDS_H
#define WEFT_HTTP_FIELDS_H

#include "vec/vec.h"

struct http_field {
    str name; /* of a header that was received: lower case */
    str value;
};

struct http_fields {
    VEC_OF(struct http_field)
};

void http_fields_add(struct arena *mem, struct http_fields *fields, str name, str value);
/* The first with this name (case aside), or NULL. */
const struct http_field *http_fields_find(const struct http_fields *fields, str name);
/* Its value, or an empty str. */
str http_fields_value(const struct http_fields *fields, str name);
/* `a=1&b=x%20y` to fields, `+` being a space. False on a broken escape, a NUL or bytes that are no
 * UTF-8. */
bool http_fields_parse_query(struct arena *mem, str query, struct http_fields *out);
/* The token of an `Authorization` header; empty where the header is. False: it is another kind of credential. */
bool http_bearer(str header, str *token_out);
/* Percent-decodes; false as above. */
bool http_percent_decode(struct arena *mem, str s, bool plus_is_space, str *out);
/* All but letters, digits and `-._~` become %XX: for a segment of a path, or a value of a query. */
str http_percent_encode(struct arena *mem, str s);

#endif
