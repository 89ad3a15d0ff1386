/* Engine messages about sources hold connection strings, whole rows and advice for another tool. */
#include "buf/buf.h"
#include "limits/limits.h"
#include "source_inside.h"

/* `… at "host='…' password='…'": reason` -> reason. */
static str source_without_connection(str message)
{
    str marks[] = {STR("Unable to connect to Postgres at \""), STR("Unable to connect to Postgres at")};

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        size_t at = str_find(message, marks[i]);
        if (at < message.len) {
            str rest = str_from(message, at + marks[i].len);
            size_t end = str_find(rest, STR("\": "));
            return end < rest.len ? str_from(rest, end + 3) : STR("the database refuses the connection");
        }
    }
    return message;
}

static bool source_says(str message, str part)
{
    return str_find(message, part) < message.len;
}

/* Lines of an engine's message that speak of weft's own options, or show a row. */
static bool source_is_noise(str line)
{
    static const char *const starts[] = {"Original Line:", "Possible ", "* ", "Column ", "This type ", "file = ",
                                         "LINE ", "^", "Try setting", "Failed to prepare"};

    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (str_starts(line, str_of(starts[i]))) {
            return true;
        }
    }
    return line.len == 0;
}

/* Values stay with their owners: `Could not convert string "xx" to 'DECIMAL'` -> `no DECIMAL`. */
static void source_add_line(struct buf *out, str line)
{
    str mark = STR("Could not convert string \"");
    size_t at = str_find(line, mark), to;
    str rest = str_from(line, at);

    if (at == line.len) {
        buf_add(out, line);
        return;
    }
    buf_add(out, str_sub(line, 0, at));
    to = str_find(rest, STR("\" to '"));
    if (to < rest.len) {
        str type = str_from(rest, to + 6);
        buf_format(out, "a value is no %.*s", STR_ARG(str_sub(type, 0, str_find(type, STR("'")))));
    } else {
        buf_add(out, STR("a value does not fit"));
    }
}

static str source_hint(const struct source_server *server, str message)
{
    if (source_says(message, STR("nicode")) || source_says(message, STR("utf-8"))) {
        return STR("files must be UTF-8: convert the file, for example with iconv -f LATIN1 -t UTF-8");
    }
    if (source_says(message, STR("onnect")) || source_says(message, STR("refused"))) {
        return STR("is the source up, and reachable from here? the last good release stays in use");
    }
    if (source_says(message, STR("authentication")) || source_says(message, STR("password"))) {
        return STR("check user and password: they are secrets of the product's domain");
    }
    if (source_says(message, STR("permission denied"))) {
        return STR("the source's user needs the right to read this table");
    }
    return server->kind == SOURCE_FILES ? STR("mend the file, or change the source contract; nothing was published")
                                        : STR_NONE;
}

/* In `…/in/t0_0_name.csv` the name is the source's, the rest is the worker's. */
static str source_prefix_of_engine(str line)
{
    static const char *const kinds[] = {"Conversion Error: ", "Invalid Input Error: ", "IO Error: ",
                                        "Binder Error: ", "Catalog Error: ", "Invalid Error: "};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (str_starts(line, str_of(kinds[i]))) {
            return str_from(line, str_of(kinds[i]).len);
        }
    }
    return line;
}

void source_explain(struct arena *mem, const struct source_server *server, str message, str *message_out, str *hint_out)
{
    struct buf *out = buf_new(mem, DOCUMENT_BYTES_MAX);
    str rest = source_without_connection(message), line;

    *hint_out = source_hint(server, rest);
    while (rest.len > 0 && out->len < 400) {
        (void)str_cut(rest, '\n', &line, &rest);
        line = source_prefix_of_engine(str_trim(line));
        if (source_is_noise(line)) {
            if (str_starts(line, STR("Failed to prepare"))) {
                size_t at = str_find(line, STR("ERROR:"));
                line = at < line.len ? str_trim(str_from(line, at + 6)) : STR_NONE;
            }
            if (line.len == 0 || source_is_noise(line)) {
                continue;
            }
        }
        buf_add(out, out->len ? STR("; ") : STR(""));
        source_add_line(out, line);
    }
    *message_out = out->len ? buf_str(out) : STR("it cannot be read");
}
