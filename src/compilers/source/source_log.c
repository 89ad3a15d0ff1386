/* Access logs, in the words of Apache's LogFormat: each word is a field, the text between is as it stands, and a line is taken apart by
 * one pattern of both. */
#include "buf/buf.h"
#include "limits/limits.h"
#include "source_inside.h"

enum log_form {
    LOG_TEXT,
    LOG_NUMBER,
    LOG_STATUS,
    LOG_TIME,
    LOG_REQUEST, /* and its method, path and protocol */
};

struct log_word {
    const char *word; /* behind the percent sign; `{}x` takes a name in braces */
    const char *column;
    enum log_form form;
};

static const struct log_word log_words[] = {
    {"h", "host", LOG_TEXT},          {"a", "address", LOG_TEXT},
    {"A", "local_address", LOG_TEXT}, {"l", "identity", LOG_TEXT},
    {"u", "user", LOG_TEXT},          {"t", "time", LOG_TIME},
    {"r", "request", LOG_REQUEST},    {"s", "status", LOG_STATUS},
    {"b", "bytes", LOG_NUMBER},       {"B", "bytes", LOG_NUMBER},
    {"O", "bytes_sent", LOG_NUMBER},  {"I", "bytes_received", LOG_NUMBER},
    {"D", "duration_us", LOG_NUMBER}, {"T", "duration_s", LOG_NUMBER},
    {"m", "method", LOG_TEXT},        {"U", "path", LOG_TEXT},
    {"q", "query", LOG_TEXT},         {"H", "protocol", LOG_TEXT},
    {"v", "server_name", LOG_TEXT},   {"V", "server_name", LOG_TEXT},
    {"p", "server_port", LOG_NUMBER}, {"P", "process", LOG_NUMBER},
    {"f", "file", LOG_TEXT},          {"L", "log_id", LOG_TEXT},
    {"X", "connection", LOG_TEXT},    {"k", "keepalives", LOG_NUMBER},
    {"R", "handler", LOG_TEXT},       {"{}i", "", LOG_TEXT},
    {"{}o", "response_", LOG_TEXT},   {"{}C", "cookie_", LOG_TEXT},
    {"{}e", "env_", LOG_TEXT},        {"{}n", "note_", LOG_TEXT},
};

struct log_field {
    str name;    /* of its column */
    str capture; /* of its group */
    enum log_form form;
};

struct log_format {
    struct buf *pattern;
    struct {
        VEC_OF(struct log_field)
    } fields;
    str problem, problem_word;
};

/* ---- the format */

static const char *const log_common = "%h %l %u %t \"%r\" %>s %b";
static const char *const log_combined =
    "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"";

static str log_spelled(const struct source_server *server)
{
    if (server->log_format.len == 0 || str_eq_nocase(server->log_format, STR("common"))) {
        return str_of(log_common);
    }
    return str_eq_nocase(server->log_format, STR("combined")) ? str_of(log_combined)
                                                              : server->log_format;
}

/* `User-Agent` -> user_agent */
static str log_column(struct arena *mem, str before, str name)
{
    struct buf *b = buf_new(mem, NAME_BYTES_MAX);

    buf_add(b, before);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

        buf_add_byte(b, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : is_word ? c : '_');
    }
    return buf_str(b);
}

static const struct log_word *log_find(str word)
{
    for (size_t i = 0; i < sizeof(log_words) / sizeof(log_words[0]); i++) {
        if (str_eq(str_of(log_words[i].word), word)) {
            return &log_words[i];
        }
    }
    return NULL;
}

/* `%>s`, `%{Referer}i`: gives the word without its percent sign, and what is left of the format. */
static str log_take_word(struct arena *mem, str *rest, str *name_out)
{
    str text = *rest;
    size_t used = 0;

    *name_out = STR_NONE;
    while (used < text.len && (text.ptr[used] == '>' || text.ptr[used] == '<')) {
        used++;
    }
    if (used < text.len && text.ptr[used] == '{') {
        size_t end = used + str_find(str_from(text, used), STR("}"));

        if (end + 1 < text.len) {
            *name_out = str_sub(text, used + 1, end - used - 1);
            *rest = str_from(text, end + 2);
            return arena_format(mem, "{}%c", text.ptr[end + 1]);
        }
    }
    str word = str_sub(text, used, 1);
    *rest = str_from(text, used + word.len);
    return word;
}

static void log_add_literal(struct buf *pattern, char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
        || (unsigned char)c >= 0x80) {
        buf_add_byte(pattern, c);
    } else {
        buf_format(pattern, "\\x%02x", (unsigned)(unsigned char)c);
    }
}

/* What may stand in a field: in quotes all but a quote that is not escaped, else up to the next literal. */
static const char *log_group(enum log_form form, char before, char after)
{
    if (form == LOG_TIME) {
        return "\\[(\\d{2}/[A-Z][a-z]{2}/\\d{4}:\\d{2}:\\d{2}:\\d{2} [-+]\\d{4})\\]";
    }
    if (form == LOG_STATUS) {
        return "(\\d{3}|-)";
    }
    if (form == LOG_NUMBER) {
        return "(\\d{1,18}|-)";
    }
    if (before == '"' && after == '"') {
        return "((?:[^\"\\\\]|\\\\.)*)";
    }
    /* Names of users may hold spaces, and what follows decides. */
    return after == '\0' ? "(.+)" : after == ' ' ? "(\\S+|\\S.*?\\S)" : "(\\S+?)";
}

static bool log_add_field(struct arena *mem, struct log_format *f, str name, enum log_form form)
{
    for (size_t i = 0; i < f->fields.len; i++) {
        if (str_eq(f->fields.at[i].name, name)) {
            f->problem = STR("gives two fields of one name");
            f->problem_word = name;
            return false;
        }
    }
    vec_push(mem, &f->fields,
             ((struct log_field){
                 .name = name, .capture = arena_format(mem, "f%zu", f->fields.len), .form = form}));
    return true;
}

static bool log_add_word(struct arena *mem, struct log_format *f, str *rest, char before)
{
    str at = *rest, name;
    str spelled = log_take_word(mem, rest, &name);
    const struct log_word *word = log_find(spelled);

    if (str_eq(spelled, STR("%"))) {
        log_add_literal(f->pattern, '%');
        return true;
    }
    if (word == NULL || (str_starts(spelled, STR("{}")) && name.len == 0)) {
        f->problem = STR("has a word that weft does not know");
        f->problem_word = arena_format(mem, "%%%.*s", STR_ARG(str_sub(at, 0, at.len - rest->len)));
        return false;
    }
    char after = rest->len == 0 ? '\0' : rest->ptr[0];
    buf_add(f->pattern, str_of(log_group(word->form, before, after)));
    return log_add_field(mem, f,
                         str_starts(spelled, STR("{}"))
                             ? log_column(mem, str_of(word->column), name)
                             : str_of(word->column),
                         word->form);
}

static bool log_read(struct arena *mem, str text, struct log_format *f)
{
    char before = '\0';

    *f = (struct log_format){.pattern = buf_new(mem, SQL_BYTES_MAX)};
    buf_add(f->pattern, STR("^("));
    while (text.len > 0) {
        char c = text.ptr[0];

        text = str_from(text, 1);
        if (c == '%' && !log_add_word(mem, f, &text, before)) {
            return false;
        }
        /* In a file of Apache's settings a quote is escaped. */
        if (c == '\\' && text.len > 0 && text.ptr[0] == '"') {
            continue;
        }
        if (c != '%') {
            log_add_literal(f->pattern, c);
        }
        before = c;
    }
    buf_add(f->pattern, STR(")$"));
    if (f->fields.len == 0) {
        f->problem = STR("has no field");
    }
    return f->fields.len > 0;
}

bool source_log_check(struct arena *mem, const struct source_server *server, struct report *report)
{
    struct log_format f;
    struct str_list words = {0};
    const struct tree *value = contract_custom(server->server->custom, STR("logFormat"));

    if (log_read(mem, log_spelled(server), &f)) {
        return true;
    }
    for (size_t i = 0; i < sizeof(log_words) / sizeof(log_words[0]); i++) {
        str word = str_of(log_words[i].word);
        bool has_name = str_starts(word, STR("{}"));

        vec_push(mem, &words,
                 has_name ? arena_format(mem, "%%{NAME}%.*s", STR_ARG(str_from(word, 2)))
                          : arena_format(mem, "%%%.*s", STR_ARG(word)));
    }
    struct finding *finding = report_add(
        report, FINDING_ERROR, ERR_INVALID,
        value != NULL ? tree_place(mem, server->server->place.file, value) : server->server->place,
        "logFormat %.*s", STR_ARG(f.problem));
    finding->found = f.problem_word;
    finding->allowed = arena_format(mem, "common, combined, or a pattern of %.*s",
                                    STR_ARG(str_list_join(mem, &words, STR(" "))));
    return false;
}

/* ---- its columns */

struct log_column {
    str name, type, value; /* SQL over the captures `f` */
    enum log_form form;
};

struct log_columns {
    VEC_OF(struct log_column)
};

static void log_add_column(struct arena *mem, struct log_columns *out, str name, const char *type,
                           enum log_form form, str value)
{
    for (size_t i = 0; i < out->len; i++) {
        if (str_eq(out->at[i].name, name)) {
            return;
        }
    }
    vec_push(
        mem, out,
        ((struct log_column){.name = name, .type = str_of(type), .form = form, .value = value}));
}

static const char *log_type(enum log_form form)
{
    switch (form) {
    case LOG_NUMBER:
        return "BIGINT";
    case LOG_STATUS:
        return "INTEGER";
    case LOG_TIME:
        return "TIMESTAMP WITH TIME ZONE";
    default:
        return "VARCHAR";
    }
}

/* A request that is none (`-`, or what a scanner sent) has no method, path or protocol; the request itself stays as it is. */
static void log_add_request(struct arena *mem, struct log_columns *out, str field)
{
    static const char *const parts[] = {"method", "path", "protocol"};

    for (int i = 0; i < 3; i++) {
        log_add_column(mem, out, str_of(parts[i]), "VARCHAR", LOG_TEXT,
                       arena_format(mem,
                                    "nullif(regexp_extract(%.*s, '^([A-Z]+) (\\S+) "
                                    "(HTTP/[0-9.]+)$', %d), '')",
                                    STR_ARG(field), i + 1));
    }
}

static void log_columns(struct arena *mem, const struct log_format *f, struct log_columns *out)
{
    for (size_t i = 0; i < f->fields.len; i++) {
        const struct log_field *field = &f->fields.at[i];
        str value = arena_format(mem, "nullif(f.%.*s, '-')", STR_ARG(field->capture));

        log_add_column(mem, out, field->name, log_type(field->form), field->form, value);
    }
    for (size_t i = 0; i < f->fields.len; i++) {
        if (f->fields.at[i].form == LOG_REQUEST) {
            log_add_request(mem, out,
                            arena_format(mem, "f.%.*s", STR_ARG(f->fields.at[i].capture)));
        }
    }
}

str source_log_describe(struct arena *mem, const struct source_server *server)
{
    struct buf *b = buf_new(mem, SQL_BYTES_MAX);
    struct log_columns columns = {0};
    struct log_format f;

    if (!log_read(mem, log_spelled(server), &f)) {
        return STR_NONE;
    }
    log_columns(mem, &f, &columns);
    buf_add(b, STR("SELECT * FROM (VALUES "));
    for (size_t i = 0; i < columns.len; i++) {
        buf_add(b, i ? STR(", (") : STR("("));
        buf_add_literal(b, columns.at[i].name);
        buf_add(b, STR(", "));
        buf_add_literal(b, columns.at[i].type);
        buf_add(b, STR(", true)"));
    }
    buf_add(b, STR(")"));
    return b->full ? STR_NONE : buf_str(b);
}

/* ---- its rows */

void source_add_line_options(struct buf *b)
{
    buf_add(b, STR(", auto_detect = false, header = false, columns = {'line': 'VARCHAR'}, quote = "
                   "'', escape = '', delim = chr(31) || chr(30) || chr(31) || chr(29), "
                   "allow_quoted_nulls = false, nullstr = chr(10)"));
}

static void log_add_match(struct buf *b, const struct log_format *f)
{
    buf_add(b, STR("regexp_extract(line, "));
    buf_add_literal(b, buf_str(f->pattern));
    buf_add(b, STR(", ['whole'"));
    for (size_t i = 0; i < f->fields.len; i++) {
        buf_format(b, ", '%.*s'", STR_ARG(f->fields.at[i].capture));
    }
    buf_add(b, STR("])"));
}

static const char *const log_time = "'%d/%b/%Y:%H:%M:%S %z'";

static void log_add_value(struct arena *mem, struct buf *b, const struct contract_column *column,
                          const struct log_column *found)
{
    if (found == NULL) { /* what a worker says of the file may be anything */
        buf_add(b, STR("error("));
        buf_add_literal(b, arena_format(mem, "weft: column %.*s: the log has none",
                                        STR_ARG(source_column_name(column))));
        buf_add(b, STR(")"));
        return;
    }
    if (found->form != LOG_TIME || str_eq(column->type, STR("VARCHAR"))) {
        source_add_guarded(mem, b, column, found->value);
        return;
    }
    str time = arena_format(mem, "try_strptime(%.*s, %s)", STR_ARG(found->value), log_time);
    buf_format(b, "CAST(CASE WHEN %.*s IS NULL AND %.*s IS NOT NULL THEN error(", STR_ARG(time),
               STR_ARG(found->value));
    buf_add_literal(b, arena_format(mem, "weft: column %.*s: a value is no time",
                                    STR_ARG(source_column_name(column))));
    buf_format(b, ") ELSE %.*s END AS %.*s)", STR_ARG(time), STR_ARG(column->type));
}

static const struct log_column *log_find_column(const struct log_columns *columns, str name)
{
    for (size_t i = 0; i < columns->len; i++) {
        if (str_eq(columns->at[i].name, name)) {
            return &columns->at[i];
        }
    }
    return NULL;
}

static str log_text(struct arena *mem, const struct source_server *server,
                    const struct source_table *table, const struct log_format *f,
                    const struct log_columns *columns)
{
    struct buf *b = buf_new(mem, SOURCE_SQL_BYTES_MAX);

    buf_add(b, STR("SELECT "));
    for (size_t i = 0; i < table->table->columns.len; i++) {
        const struct contract_column *column = &table->table->columns.at[i];

        buf_add(b, i ? STR(", ") : STR(""));
        log_add_value(mem, b, column, log_find_column(columns, source_column_name(column)));
        buf_add(b, STR(" AS "));
        buf_add_identifier(b, column->name);
    }
    buf_add(b, server->skips_bad_lines
                   ? STR(" FROM (SELECT f FROM (SELECT ")
                   : STR(" FROM (SELECT CASE WHEN f.whole = '' THEN error('weft: a line does not "
                         "match logFormat') ELSE f END AS f FROM (SELECT "));
    log_add_match(b, f);
    buf_add(b, STR(" AS f FROM read_csv("));
    source_add_files(mem, b, &table->files);
    source_add_line_options(b);
    buf_add(b, server->skips_bad_lines ? STR(")) WHERE f.whole <> '')") : STR(")))"));
    return b->full ? STR_NONE : buf_str(b);
}

/* SELECT … FROM the lines of each file, one after the other. */
static str log_each_file(struct arena *mem, const struct source_table *table,
                         const struct log_format *f, bool is_located)
{
    struct buf *b = buf_new(mem, SOURCE_SQL_BYTES_MAX);

    for (size_t i = 0; i < table->files.len; i++) {
        buf_add(b, i ? STR(" UNION ALL ") : STR(""));
        if (is_located) {
            buf_add(b,
                    STR("SELECT CASE WHEN nth IS NOT NULL THEN error('weft: line ' || nth || ' "
                        "does not match logFormat (empty lines are not counted)' || chr(10) || "));
            source_add_file(mem, b, table->files.at[i]);
            buf_add(b,
                    STR(") END FROM (SELECT min(nth) AS nth FROM (SELECT row_number() OVER () AS "
                        "nth, line FROM read_csv("));
        } else {
            buf_add(b, STR("SELECT count(*) AS lines FROM (SELECT line FROM read_csv("));
        }
        source_add_file(mem, b, table->files.at[i]);
        source_add_line_options(b);
        buf_add(b, STR(")) WHERE NOT regexp_full_match(line, "));
        buf_add_literal(b, buf_str(f->pattern));
        buf_add(b, is_located ? STR("))") : STR(")"));
    }
    return b->full ? STR_NONE : buf_str(b);
}

void source_log_text(struct arena *mem, const struct source_server *server,
                     struct source_table *table)
{
    struct log_columns columns = {0};
    struct log_format f;

    if (!log_read(mem, log_spelled(server), &f)) {
        return;
    }
    log_columns(mem, &f, &columns);
    table->text = log_text(mem, server, table, &f, &columns);
    if (server->skips_bad_lines) {
        table->skipped = arena_format(mem, "SELECT sum(lines)::BIGINT FROM (%.*s)",
                                      STR_ARG(log_each_file(mem, table, &f, false)));
    } else {
        table->locate = log_each_file(mem, table, &f, true);
    }
}
