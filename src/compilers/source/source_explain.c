/* Engine messages about sources hold connection strings, whole rows and advice for another tool. So nothing of them is passed on but
 * what is known here to hold none of these. */
#include "buf/buf.h"
#include "limits/limits.h"
#include "source_inside.h"

enum { TEXT_BYTES_MAX = 300, LINE_BYTES_SHOWN = 3000 };

static bool source_says(str message, str part)
{
    return str_find(message, part) < message.len;
}

/* What stands behind the first `mark`; false when it is not there. */
static bool source_after(str message, str mark, str *out)
{
    size_t at = str_find(message, mark);

    *out = str_from(message, at < message.len ? at + mark.len : message.len);
    return at < message.len;
}

static bool source_after_last(str message, str mark, str *out)
{
    str rest;
    bool is_found = false;

    for (*out = message; source_after(*out, mark, &rest); *out = rest) {
        is_found = true;
    }
    return is_found;
}

static str source_until(str text, str mark)
{
    return str_sub(text, 0, str_find(text, mark));
}

/* A value may stand in quotes behind a colon. */
static str source_without_value(str line)
{
    return str_trim(
        source_until(source_until(source_until(line, STR("\n")), STR(": \"")), STR(": '")));
}

static str source_number(str text)
{
    size_t len = 0;

    while (len < text.len && text.ptr[len] >= '0' && text.ptr[len] <= '9') {
        len++;
    }
    return str_sub(text, 0, len);
}

/* `Unable to connect to Postgres at "host='…' password='…'": reason`. The last mark is behind the password, whatever that holds. */
static bool source_explain_connection(struct arena *mem, str message, str *out)
{
    str rest;

    if (!source_after(message, STR("Unable to connect to Postgres"), &rest)) {
        return false;
    }
    *out = source_after_last(rest, STR("\": "), &rest)
             ? arena_str(mem, str_trim(source_until(rest, STR("\n"))))
             : STR("the database refuses the connection");
    return true;
}

/* Our own words, from either side; not where the engine quotes our text. */
static bool source_explain_own(struct arena *mem, str message, str *out)
{
    str rest = str_from(message, 6);

    if (!str_starts(message, STR("weft: ")) && !source_after(message, STR("Error: weft: "), &rest)
        && !source_after(message, STR("\"weft: "), &rest)) {
        return false;
    }
    rest = source_until(rest, STR("\n"));
    *out = arena_str(mem, str_ends(rest, STR("\"")) ? str_sub(rest, 0, rest.len - 1) : rest);
    return true;
}

static bool source_explain_csv(struct arena *mem, str message, str *out)
{
    str rest, line, column, type, count;

    if (source_says(message, STR("state machine reached an invalid state"))) {
        *out = STR("its lines end in different ways: CR LF, LF or CR");
        return true;
    }
    if (!source_after(message, STR("CSV Error on Line: "), &rest)) {
        return false;
    }
    line = source_number(rest);
    if (source_after_last(message, STR("Error when converting column \""), &rest)) {
        column = source_until(rest, STR("\". Could not convert"));
        (void)source_after_last(rest, STR("\" to '"), &type);
        *out = arena_format(mem, "line %.*s: column %.*s: a value is no %.*s", STR_ARG(line),
                            STR_ARG(column), STR_ARG(source_until(type, STR("'"))));
    } else if (source_after_last(message, STR("Expected Number of Columns: "), &rest)) {
        count = source_number(rest);
        (void)source_after(rest, STR("Found: "), &rest);
        *out = arena_format(mem, "line %.*s has %.*s fields, not %.*s", STR_ARG(line),
                            STR_ARG(source_number(rest)), STR_ARG(count));
    } else if (source_says(message, STR("Invalid unicode"))) {
        *out = arena_format(mem, "line %.*s is not UTF-8", STR_ARG(line));
    } else if (source_says(message, STR("nterminated quote"))
               || source_says(message, STR("quote should be followed"))) {
        *out = arena_format(mem, "line %.*s has a quote that does not end", STR_ARG(line));
    } else if (source_says(message, STR("Maximum line size"))
               || message.len > LINE_BYTES_SHOWN) { /* the line itself pushed the rest out */
        *out = arena_format(mem, "line %.*s is too long, or has a quote that does not end",
                            STR_ARG(line));
    } else {
        *out = arena_format(mem, "line %.*s cannot be read", STR_ARG(line));
    }
    return true;
}

/* `column NAME: `, of the value whose text the engine's position lies in: `… AS "NAME"`; empty where there is none. */
static str source_column_at(struct arena *mem, str text, uint32_t position)
{
    str name;

    if (position == 0 || position > text.len
        || !source_after(str_from(text, position - 1), STR(" AS \""), &name)) {
        return STR_NONE;
    }
    return arena_format(mem, "column %.*s: ", STR_ARG(source_until(name, STR("\""))));
}

/* `Could not convert string '…' to T when casting from source column c`; a value may hold anything, so the end is read first. Inside of
 * lists and structs the engine names no column. */
static bool source_explain_cast(struct arena *mem, str message, str at, str *out)
{
    str column, type;

    message = source_until(message, STR("\nLINE "));
    if (source_says(message, STR("Map keys must be unique"))) {
        *out = STR("a map has a key twice");
        return true;
    }
    if (!source_after_last(message, STR(" when casting from source column "), &column)) {
        if (!source_says(message, STR("Could not convert string"))
            || !(source_after_last(message, STR("' to "), &type)
                 || source_after_last(message, STR("\" to "), &type))) {
            return false;
        }
        *out = arena_format(mem, "%.*sa value is no %.*s", STR_ARG(at), STR_ARG(str_trim(type)));
        return true;
    }
    column = str_trim(source_until(column, STR("\n")));
    if (source_says(message, STR("Malformed JSON"))) {
        type = STR("JSON");
    } else if (source_after_last(message, STR("' to "), &type)
               || source_after_last(message, STR("\" to "), &type)) {
        type = source_until(type, STR(" when casting"));
    } else {
        *out = arena_format(mem, "column %.*s: a value does not fit its type", STR_ARG(column));
        return true;
    }
    *out = arena_format(mem, "column %.*s: a value is no %.*s", STR_ARG(column), STR_ARG(type));
    return true;
}

static bool source_explain_json(struct arena *mem, str message, str *out)
{
    static const struct {
        const char *mark, *meaning;
    } known[] = {
        {"UTF-8", "is not UTF-8"},
        {"Malformed JSON", "is not JSON"},
        {"but got", "has a value that does not fit the type of its column"},
        {"has duplicate key", "has a key twice"},
        {"date field format", "has a value that is no date"},
        {"timestamp field format", "has a value that is no timestamp"},
        {"Failed to cast value", "has a value that does not fit the type of its column"},
    };
    const char *meaning = "has a value that does not fit";
    str line;

    if (source_says(message, STR("in struct auto-detected in JSON"))) {
        *out = STR("an object has two keys that differ in upper and lower case alone");
        return true;
    }
    if ((!source_says(message, STR("JSON transform error"))
         && !source_says(message, STR("Malformed JSON")))
        || !source_after(message, STR(" in line "), &line)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (source_says(message, str_of(known[i].mark))) {
            meaning = known[i].meaning;
            break;
        }
    }
    uint64_t number = 0;
    (void)str_to_u64(source_number(line), &number);
    /* The engine is one line further where it cannot read, and at the line where it can. */
    if (!source_says(message, STR("JSON transform error")) && number > 1) {
        number--;
    }
    *out = arena_format(mem, "line %llu %s", (unsigned long long)number, meaning);
    return true;
}

/* Parquet is read in pieces: what each finds wrong means the same to who brought the file. */
static bool source_explain_parquet(const struct source_server *server, str message, str *out)
{
    static const char *const none[] = {"No magic bytes", "too small to be a Parquet file", NULL};
    static const char *const damaged[] = {"Footer length error",
                                          "TProtocolException",
                                          "Prefetch registered",
                                          "Out of buffer",
                                          "Malformed Parquet",
                                          "power of 2",
                                          "Could not read from",
                                          "ecompress",
                                          "Snappy",
                                          "ZSTD",
                                          "GZIP",
                                          "Invalid argument",
                                          "exceeds file size",
                                          "arquet",
                                          NULL};

    if (server->kind != SOURCE_FILES || server->file_format != SOURCE_PARQUET) {
        return false;
    }
    if (source_says(message, STR("not valid UTF8"))
        || source_says(message, STR("onvert blob to UTF8"))) {
        *out = STR("a text of the file is not UTF-8");
        return true;
    }
    if (source_says(message, STR("Invalid JSON"))) {
        *out = STR("a value of the file is no JSON");
        return true;
    }
    for (size_t i = 0; none[i] != NULL; i++) {
        if (source_says(message, str_of(none[i]))) {
            *out = STR("the file is no Parquet file, or it was cut");
            return true;
        }
    }
    for (size_t i = 0; damaged[i] != NULL; i++) {
        if (source_says(message, str_of(damaged[i]))) {
            *out = STR("the Parquet file is damaged, or was cut");
            return true;
        }
    }
    return false;
}

/* What a PostgreSQL server says; its detail may show a row. */
static bool source_explain_postgres(struct arena *mem, str message, str *out)
{
    str rest;

    if (source_says(message, STR("server closed the connection"))
        || source_says(message, STR("terminating connection"))
        || source_says(message, STR("connection not open"))
        || source_says(message, STR("no connection to the server"))) {
        *out = STR("the database closed the connection");
        return true;
    }
    if (!source_after(message, STR("ERROR:"), &rest)) {
        return false;
    }
    *out = arena_str(mem, source_without_value(str_trim(rest)));
    return true;
}

static str source_hint(const struct source_server *server, str message)
{
    if (source_says(message, STR("UTF-8"))) {
        return STR(
            "files must be UTF-8: convert the file, for example with iconv -f LATIN1 -t UTF-8");
    }
    if (source_says(message, STR("authentication")) || source_says(message, STR("password"))
        || source_says(message, STR("FATAL:"))) {
        return STR("check database, user and password; what is written ${NAME} is a secret of the "
                   "product's domain");
    }
    if (source_says(message, STR("onnect")) || source_says(message, STR("refused"))) {
        return STR("is the source up, and reachable from here?");
    }
    if (source_says(message, STR("permission denied"))) {
        return STR("the source's user needs the right to read this table");
    }
    return server->kind == SOURCE_FILES ? STR("mend the file, or change the source contract")
                                        : STR("the log of the database tells more");
}

void source_explain(struct arena *mem, const struct source_server *server,
                    const struct error *error, str text, str *message_out, str *hint_out)
{
    str message = error->message;

    if (!source_explain_connection(mem, message, message_out)
        && !source_explain_own(mem, message, message_out)
        && !source_explain_parquet(server, message, message_out)
        && !source_explain_csv(mem, message, message_out)
        && !source_explain_cast(mem, message, source_column_at(mem, text, error->position),
                                message_out)
        && !source_explain_json(mem, message, message_out)
        && !source_explain_postgres(mem, message, message_out)) {
        *message_out = server->kind == SOURCE_FILES ? STR("its files cannot be read")
                                                    : STR("the database cannot be read");
    }
    *message_out = str_sub(*message_out, 0, TEXT_BYTES_MAX);
    *hint_out = source_hint(server, *message_out);
}
