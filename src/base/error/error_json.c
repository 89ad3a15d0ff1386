#include "buf/buf.h"
#include "error/report.h"

static void error_json_text(struct buf *out, const char *key, str value)
{
    if (value.len > 0) {
        buf_format(out, ",\"%s\":", key);
        buf_add_json(out, value);
    }
}

void error_json(const struct error *error, struct buf *out)
{
    buf_add(out, STR("{\"code\":"));
    buf_add_json(out, str_of(error_name(error->code)));
    error_json_text(out, "message", error->message);
    error_json_text(out, "detail", error->detail);
    error_json_text(out, "hint", error->hint);
    if (error->position > 0) {
        buf_format(out, ",\"position\":%u", error->position);
    }
    error_json_text(out, "file", error->place.file);
    if (error->place.line > 0) {
        buf_format(out, ",\"line\":%u,\"column\":%u", error->place.line, error->place.column);
    }
    error_json_text(out, "path", error->place.path);
    buf_add(out, STR("}"));
}
