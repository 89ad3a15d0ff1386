/* Placeholders in the text of a sql rule. What stands in comments, and in texts between dollars, is left alone. */
#include "check/check_inside.h"
#include "limits/limits.h"

struct filler {
    str text;
    size_t at;
    str view, table, column, value;
    struct buf *out;
    size_t end;        /* of the output, behind the last thing that says something */
    size_t semicolons; /* since then */
    const char *problem;
};

enum where { IN_CODE, IN_TEXT, IN_NAME };

static void add(struct filler *f, size_t len)
{
    buf_add(f->out, str_sub(f->text, f->at, len));
    f->at += len;
}

static bool is_at(const struct filler *f, const char *text)
{
    return str_starts(str_from(f->text, f->at), str_of(text));
}

/* The length of a placeholder here, or 0. */
static size_t placeholder(const struct filler *f, bool *is_column)
{
    static const struct {
        const char *text;
        bool is_column;
    } known[] = {{"{object}", false},   {"{table}", false},   {"{property}", true},
                 {"{column}", true},    {"${object}", false}, {"${table}", false},
                 {"${property}", true}, {"${column}", true}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (is_at(f, known[i].text)) {
            *is_column = known[i].is_column;
            return str_of(known[i].text).len;
        }
    return 0;
}

/* Between quotes the name itself stands, with these quotes doubled. */
static void add_name(struct filler *f, str name, char quote)
{
    for (size_t i = 0; i < name.len; i++) {
        buf_add_byte(f->out, name.ptr[i]);
        if (name.ptr[i] == quote)
            buf_add_byte(f->out, quote);
    }
}

/* A whole name in quotes, `"{object}"`, is the placeholder alone: the table stands in a schema. */
static bool fill(struct filler *f, enum where where)
{
    bool is_column;
    bool is_whole = false;
    struct filler inner = *f;
    size_t len = placeholder(f, &is_column);
    if (!len && where == IN_CODE && is_at(f, "\"")) {
        inner.at++;
        len = placeholder(&inner, &is_column);
        inner.at += len;
        is_whole = len && is_at(&inner, "\"");
        len = is_whole ? len + 2 : 0;
    }
    if (!len)
        return false;
    if (is_column && !f->column.len)
        f->problem = "its query speaks of a property, but the rule stands at the table";
    if (where != IN_CODE)
        add_name(f, is_column ? f->column : f->table, where == IN_TEXT ? '\'' : '"');
    else if (is_column)
        buf_add(f->out, f->value);
    else
        buf_add(f->out, f->view);
    f->at += len;
    return true;
}

/* Doubled quotes end one text and begin the next, which is as good here. */
static void fill_quoted(struct filler *f, char quote, bool has_backslashes)
{
    add(f, 1);
    while (f->at < f->text.len) {
        if (fill(f, quote == '\'' ? IN_TEXT : IN_NAME))
            continue;
        char c = f->text.ptr[f->at];
        bool is_pair = has_backslashes && c == '\\' && f->at + 1 < f->text.len;
        add(f, is_pair ? 2 : 1);
        if (c == quote)
            return;
    }
}

static void pass_comment(struct filler *f)
{
    size_t depth = 0, start = f->at;
    if (is_at(f, "--")) {
        size_t len = str_find(str_from(f->text, f->at), STR("\n"));
        add(f, len);
        return;
    }
    do {
        bool opens = is_at(f, "/*"), closes = is_at(f, "*/") && f->at > start;
        depth = depth + opens - closes;
        add(f, opens || closes ? 2 : 1);
    } while (depth && f->at < f->text.len);
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'
        || (unsigned char)c >= 0x80;
}

/* `$tag$ … $tag$`; false when no such text begins here. */
static bool pass_dollars(struct filler *f)
{
    str rest = str_from(f->text, f->at);
    size_t tag = 1;
    while (tag < rest.len && is_word(rest.ptr[tag]))
        tag++;
    if (tag >= rest.len || rest.ptr[tag] != '$'
        || (tag > 1 && rest.ptr[1] >= '0' && rest.ptr[1] <= '9'))
        return false;
    tag++;
    size_t len = str_find(str_from(rest, tag), str_sub(rest, 0, tag));
    add(f, len + tag < rest.len ? tag + len + tag : rest.len);
    return true;
}

static void fill_one(struct filler *f)
{
    char c = f->text.ptr[f->at];
    if (is_at(f, "--") || is_at(f, "/*")) {
        pass_comment(f);
        return;
    }
    if (c == ';' || c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        f->semicolons += c == ';';
        add(f, 1);
        return;
    }
    char before = f->at ? f->text.ptr[f->at - 1] : ' ';
    bool is_escaped =
        (before == 'e' || before == 'E') && (f->at < 2 || !is_word(f->text.ptr[f->at - 2]));
    if (fill(f, IN_CODE))
        ;
    else if (c == '\'' || c == '"')
        fill_quoted(f, c, c == '\'' && is_escaped);
    else if (c != '$' || is_word(before) || !pass_dollars(f))
        add(f, 1);
    f->end = f->out->len;
    f->semicolons = 0;
}

bool check_query(struct arena *mem, str query, str view, str table, str column, str value, str *out,
                 str *problem_out)
{
    struct filler f = {.text = query,
                       .view = view,
                       .table = table,
                       .column = column,
                       .value = value,
                       .out = buf_new(mem, SQL_BYTES_MAX)};
    while (f.at < f.text.len && !f.out->full)
        fill_one(&f);
    if (f.out->full)
        f.problem = "its query is longer than weft takes";
    if (!f.end && !f.problem)
        f.problem = "its query is empty";
    *problem_out = str_of(f.problem);
    /* What follows a semicolon at the end is space and comments. */
    *out = f.semicolons ? str_sub(buf_str(f.out), 0, f.end) : buf_str(f.out);
    return !f.problem;
}
