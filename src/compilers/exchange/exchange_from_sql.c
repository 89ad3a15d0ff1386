/* CREATE TABLE, ALTER TABLE, COMMENT ON and CREATE TYPE, as PostgreSQL, DuckDB and the standard write them, to a contract. */
#include "exchange/exchange_from_sql.h"
#include "shape/shape.h"

static void read_statement(struct sql_reader *r);
static void link_all(struct sql_reader *r);

/* ---- the cursor */

const struct lexeme *exchange_ddl_peek(const struct sql_reader *r, size_t ahead)
{
    size_t last = r->words.len - 1; /* the end */
    return &r->words.at[r->at + ahead < last ? r->at + ahead : last];
}

bool exchange_ddl_is(const struct sql_reader *r, const char *word)
{
    const struct lexeme *l = exchange_ddl_peek(r, 0);
    return (l->kind == LEXEME_WORD || l->kind == LEXEME_SIGN)
        && str_eq_nocase(l->text, str_of(word));
}

bool exchange_ddl_take(struct sql_reader *r, const char *word)
{
    if (!exchange_ddl_is(r, word))
        return false;
    r->at++;
    return true;
}

static bool is_sign(const struct lexeme *l, char sign)
{
    return l->kind == LEXEME_SIGN && l->text.len == 1 && l->text.ptr[0] == sign;
}

bool exchange_ddl_pass_group(struct sql_reader *r)
{
    int depth = 0;
    for (; exchange_ddl_peek(r, 0)->kind != LEXEME_END; r->at++) {
        const struct lexeme *l = exchange_ddl_peek(r, 0);
        if (is_sign(l, '(') || is_sign(l, '['))
            depth++;
        if ((is_sign(l, ')') || is_sign(l, ']')) && --depth == 0) {
            r->at++;
            return true;
        }
        if (is_sign(l, ';'))
            break;
    }
    exchange_ddl_error(r, "a parenthesis does not close");
    return false;
}

str exchange_ddl_name(struct sql_reader *r, const char *what)
{
    str name;
    for (;;) {
        const struct lexeme *l = exchange_ddl_peek(r, 0);
        if ((l->kind != LEXEME_WORD && l->kind != LEXEME_NAME) || !l->text.len) {
            exchange_ddl_error(r, "here the name of %s is expected", what);
            return STR_NONE;
        }
        name = l->text;
        r->at++;
        if (!is_sign(exchange_ddl_peek(r, 0), '.'))
            return name;
        exchange_ddl_left(
            r, "the schema " STR_FMT " has no place in a table's name: name it in servers",
            STR_ARG(name));
        r->at++;
    }
}

bool exchange_ddl_names(struct sql_reader *r, struct str_list *out)
{
    if (!exchange_ddl_take(r, "(")) {
        exchange_ddl_error(r, "here a list of columns in parentheses is expected");
        return false;
    }
    do {
        str name = exchange_ddl_name(r, "a column");
        if (!name.len)
            return false;
        vec_push(r->b.mem, out, name);
    } while (exchange_ddl_take(r, ","));
    if (exchange_ddl_take(r, ")"))
        return true;
    exchange_ddl_error(r, "the list of columns does not close");
    return false;
}

str exchange_ddl_slice(const struct sql_reader *r, size_t from, size_t to)
{
    if (to <= from)
        return STR_NONE;
    size_t start = r->words.at[from].start;
    return str_sub(r->text, start, r->words.at[to - 1].end - start);
}

void exchange_ddl_error(struct sql_reader *r, const char *format, ...)
{
    va_list args;
    struct place place = {.file = r->b.file};
    const struct lexeme *l = exchange_ddl_peek(r, 0);
    if (r->failed)
        return;
    r->failed = true;
    va_start(args, format);
    str message = arena_format_args(r->b.mem, format, args);
    va_end(args);
    exchange_lexer_place(r->text, l->start, &place.line, &place.column);
    struct finding *f = exchange_build_error(&r->b, place, STR_FMT, STR_ARG(message));
    f->found = l->kind == LEXEME_END
                 ? STR("the end of the text")
                 : str_sub(r->text, l->start, l->end - l->start < 60 ? l->end - l->start : 60);
}

void exchange_ddl_left(struct sql_reader *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    str what = arena_format_args(r->b.mem, format, args);
    va_end(args);
    exchange_build_left_at(&r->b, r->text, exchange_ddl_peek(r, 0)->start, STR_FMT, STR_ARG(what));
}

/* ---- statements */

static struct tree *find_table(struct sql_reader *r, str name)
{
    for (size_t i = 0; i < r->b.schema->len; i++)
        if (str_eq_nocase(tree_find_text(r->b.schema->at[i], STR("name")), name))
            return r->b.schema->at[i];
    return NULL;
}

static bool read_words(struct sql_reader *r)
{
    struct exchange_lexer lexer = {.mem = r->b.mem, .text = r->text};
    struct lexeme l;
    do {
        l = exchange_lexer_next(&lexer);
        vec_push(r->b.mem, &r->words, l);
        if (l.kind == LEXEME_WRONG) {
            r->at = r->words.len - 1;
            exchange_ddl_error(r, "a quote or a comment begins here and does not end");
            return false;
        }
    } while (l.kind != LEXEME_END);
    return true;
}

struct tree *exchange_import_sql(struct arena *mem, const struct exchange_import *import, str text)
{
    struct sql_reader r = {.text = text};
    exchange_build_begin(&r.b, mem, import);
    if (!str_is_utf8(text)) {
        exchange_build_error(&r.b, (struct place){.file = import->file},
                             "the text is no UTF-8, or holds a NUL");
        return NULL;
    }
    if (!read_words(&r))
        return NULL;
    while (exchange_ddl_peek(&r, 0)->kind != LEXEME_END) {
        r.failed = false;
        read_statement(&r);
        /* What is left of the statement; a semicolon in parentheses ends it too: it is one that does not close. */
        while (!exchange_ddl_is(&r, ";") && exchange_ddl_peek(&r, 0)->kind != LEXEME_END)
            r.at++;
        (void)exchange_ddl_take(&r, ";");
    }
    link_all(&r);
    return exchange_build_end(&r.b);
}

static void tell_rest(struct sql_reader *r, str table)
{
    size_t from = r->at;
    while (!exchange_ddl_is(r, ";") && exchange_ddl_peek(r, 0)->kind != LEXEME_END)
        r->at++;
    str rest = exchange_ddl_slice(r, from, r->at);
    if (!rest.len || r->failed)
        return;
    size_t to = r->at;
    r->at = from;
    exchange_ddl_left(
        r, "behind the columns of " STR_FMT ", " STR_FMT " has no place in a contract: left out",
        STR_ARG(table), STR_ARG(str_sub(rest, 0, rest.len < 60 ? rest.len : 60)));
    r->at = to;
}

static void read_create_table(struct sql_reader *r)
{
    if (exchange_ddl_take(r, "if")
        && !(exchange_ddl_take(r, "not") && exchange_ddl_take(r, "exists")))
        return exchange_ddl_error(r, "IF is not followed by NOT EXISTS");
    str name = exchange_ddl_name(r, "a table");
    if (!name.len)
        return;
    if (!exchange_ddl_take(r, "(")) {
        exchange_ddl_left(r, "the table " STR_FMT " has no list of columns: left out",
                          STR_ARG(name));
        return;
    }
    if (find_table(r, name))
        return exchange_ddl_error(r, "the table " STR_FMT " is there already", STR_ARG(name));
    struct tree *table = exchange_build_table(&r->b, name);
    do
        exchange_ddl_table_item(r, table);
    while (!r->failed && exchange_ddl_take(r, ","));
    if (r->failed)
        return;
    if (!exchange_ddl_take(r, ")"))
        return exchange_ddl_error(
            r, "here a comma or the end of the columns of " STR_FMT " is expected", STR_ARG(name));
    tell_rest(r, name);
}

static void read_create_type(struct sql_reader *r)
{
    struct sql_enum one = {.name = exchange_ddl_name(r, "a type")};
    if (!one.name.len)
        return;
    if (!exchange_ddl_take(r, "as") || !exchange_ddl_take(r, "enum")
        || !exchange_ddl_take(r, "(")) {
        exchange_ddl_left(r, "the type " STR_FMT " is no enum: left out", STR_ARG(one.name));
        return;
    }
    do {
        if (exchange_ddl_peek(r, 0)->kind != LEXEME_STRING)
            return exchange_ddl_error(r, "here a value of the enum is expected");
        vec_push(r->b.mem, &one.values, exchange_ddl_peek(r, 0)->text);
        r->at++;
    } while (exchange_ddl_take(r, ","));
    if (!exchange_ddl_take(r, ")"))
        return exchange_ddl_error(r, "the values of the enum do not close");
    vec_push(r->b.mem, &r->enums, one);
}

static void read_comment(struct sql_reader *r)
{
    bool is_column = exchange_ddl_is(r, "column");
    if (!is_column && !exchange_ddl_is(r, "table")) {
        exchange_ddl_left(r, "a comment on " STR_FMT " has no place in a contract: left out",
                          STR_ARG(exchange_ddl_peek(r, 0)->text));
        return;
    }
    r->at++;
    struct str_list names = {0};
    for (;;) {
        const struct lexeme *l = exchange_ddl_peek(r, 0);
        if (l->kind != LEXEME_WORD && l->kind != LEXEME_NAME)
            return exchange_ddl_error(r, "here a name is expected");
        vec_push(r->b.mem, &names, l->text);
        r->at++;
        if (!exchange_ddl_take(r, "."))
            break;
    }
    if (!exchange_ddl_take(r, "is"))
        return exchange_ddl_error(r, "here IS is expected");
    if (is_column && names.len < 2)
        return exchange_ddl_error(r, "a comment on a column names its table too");
    struct tree *table = find_table(r, names.at[names.len - 1 - is_column]);
    struct tree *at =
        table && is_column ? exchange_ddl_column(table, names.at[names.len - 1]) : table;
    if (exchange_ddl_peek(r, 0)->kind != LEXEME_STRING)
        return; /* IS NULL takes a comment away */
    if (!at) {
        exchange_ddl_left(r, "a comment on " STR_FMT ", which is no %s here, is left out",
                          STR_ARG(str_list_join(r->b.mem, &names, STR("."))),
                          is_column ? "column" : "table");
        return;
    }
    exchange_put_text(r->b.mem, at, "description", exchange_ddl_peek(r, 0)->text);
    r->at++;
}

static void read_alter_column(struct sql_reader *r, struct tree *table)
{
    (void)exchange_ddl_take(r, "column");
    struct tree *column = exchange_ddl_column(table, exchange_ddl_name(r, "a column"));
    if (r->failed)
        return;
    if (column && exchange_ddl_take(r, "set") && exchange_ddl_take(r, "not")
        && exchange_ddl_take(r, "null")) {
        exchange_ddl_required(r, column);
        return;
    }
    exchange_ddl_left(r, "ALTER COLUMN … " STR_FMT " is left out",
                      STR_ARG(exchange_ddl_peek(r, 0)->text));
    while (!exchange_ddl_is(r, ",") && !exchange_ddl_is(r, ";")
           && exchange_ddl_peek(r, 0)->kind != LEXEME_END)
        r->at++;
}

static void read_alter_table(struct sql_reader *r)
{
    if (exchange_ddl_take(r, "if"))
        (void)exchange_ddl_take(r, "exists");
    (void)exchange_ddl_take(r, "only");
    str name = exchange_ddl_name(r, "a table");
    struct tree *table = name.len ? find_table(r, name) : NULL;
    if (!name.len)
        return;
    if (!table) {
        exchange_ddl_left(r, "ALTER TABLE of " STR_FMT ", which is no table here, is left out",
                          STR_ARG(name));
        return;
    }
    do {
        if (exchange_ddl_take(r, "add")) {
            if (exchange_ddl_take(r, "column") && exchange_ddl_take(r, "if"))
                r->at += 2; /* NOT EXISTS */
            exchange_ddl_table_item(r, table);
        } else if (exchange_ddl_take(r, "alter")) {
            read_alter_column(r, table);
        } else {
            exchange_ddl_left(r, "ALTER TABLE … " STR_FMT " is left out",
                              STR_ARG(exchange_ddl_peek(r, 0)->text));
            return;
        }
    } while (!r->failed && exchange_ddl_take(r, ","));
}

/* The first words of a statement, for people. */
static void tell_statement(struct sql_reader *r, size_t from)
{
    size_t to = from;
    while (to < r->words.len && to < from + 2 && r->words.at[to].kind == LEXEME_WORD)
        to++;
    r->at = from;
    if (to == from)
        exchange_ddl_left(r, "a statement that begins with no word is left out");
    else
        exchange_ddl_left(r, STR_FMT " says nothing of tables' columns: left out",
                          STR_ARG(exchange_ddl_slice(r, from, to)));
}

static void read_statement(struct sql_reader *r)
{
    size_t from = r->at;
    if (exchange_ddl_is(r, ";"))
        return;
    if (exchange_ddl_take(r, "create")) {
        if (exchange_ddl_take(r, "or"))
            (void)exchange_ddl_take(r, "replace");
        while (exchange_ddl_is(r, "global") || exchange_ddl_is(r, "local")
               || exchange_ddl_is(r, "temp") || exchange_ddl_is(r, "temporary")
               || exchange_ddl_is(r, "unlogged") || exchange_ddl_is(r, "foreign"))
            r->at++;
        if (exchange_ddl_take(r, "table"))
            return read_create_table(r);
        if (exchange_ddl_take(r, "type"))
            return read_create_type(r);
    } else if (exchange_ddl_take(r, "alter") && exchange_ddl_take(r, "table")) {
        return read_alter_table(r);
    } else if (exchange_ddl_take(r, "comment") && exchange_ddl_take(r, "on")) {
        return read_comment(r);
    }
    tell_statement(r, from);
}

/* ---- foreign keys */

/* The shorthand of ODCS takes plain names only. */
static bool is_plain(str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!is_letter && !(i && c >= '0' && c <= '9'))
            return false;
    }
    return name.len > 0;
}

static void add_key(struct sql_reader *r, struct sql_link *link, const struct tree *table)
{
    const struct tree *properties = tree_get(table, STR("properties"));
    for (int64_t want = 1; want <= (int64_t)properties->len; want++)
        for (size_t i = 0; i < properties->len; i++) {
            int64_t position = -1;
            (void)tree_is_int(tree_find(properties->at[i], STR("primaryKeyPosition")), &position);
            if (position == want)
                vec_push(r->b.mem, &link->to, tree_find_text(properties->at[i], STR("name")));
        }
}

static bool is_linkable(struct sql_reader *r, struct sql_link *link)
{
    struct tree *to = find_table(r, link->to_table);
    if (!to || link->from.len == 0)
        return false;
    if (!link->to.len)
        add_key(r, link, to);
    link->to_table = tree_find_text(to, STR("name"));
    if (link->to.len != link->from.len || !is_plain(link->to_table)
        || !is_plain(tree_find_text(link->table, STR("name"))))
        return false;
    for (size_t i = 0; i < link->to.len; i++) {
        struct tree *column = exchange_ddl_column(to, link->to.at[i]);
        struct tree *own = exchange_ddl_column(link->table, link->from.at[i]);
        if (!column || !own)
            return false;
        link->to.at[i] = tree_find_text(column, STR("name"));
        link->from.at[i] = tree_find_text(own, STR("name"));
        if (!is_plain(link->to.at[i]) || !is_plain(link->from.at[i]))
            return false;
    }
    return true;
}

static struct tree *ends_of(struct sql_reader *r, str table, const struct str_list *columns)
{
    struct tree *list = exchange_list(r->b.mem);
    for (size_t i = 0; i < columns->len; i++)
        tree_push(r->b.mem, list,
                  exchange_text(r->b.mem, arena_format(r->b.mem, STR_FMT "." STR_FMT,
                                                       STR_ARG(table), STR_ARG(columns->at[i]))));
    return list;
}

/* Some dumps say one with its column, and once more with ALTER TABLE. */
static void add_relationship(struct sql_reader *r, struct tree *to, struct tree *relationship)
{
    const struct tree *found = tree_get(to, STR("relationships"));
    struct tree *list = found ? to->at[found->index] : exchange_list(r->b.mem);
    for (size_t i = 0; i < list->len; i++)
        if (tree_equal(list->at[i], relationship))
            return;
    tree_push(r->b.mem, list, relationship);
    if (!found)
        exchange_put(r->b.mem, to, "relationships", list);
}

static void link_all(struct sql_reader *r)
{
    struct arena *mem = r->b.mem;
    for (size_t i = 0; i < r->links.len; i++) {
        struct sql_link *link = &r->links.at[i];
        struct tree *relationship = exchange_map(mem);
        str own = tree_find_text(link->table, STR("name"));
        if (!is_linkable(r, link)) {
            exchange_build_left_at(
                &r->b, r->text, link->offset,
                "the foreign key of " STR_FMT " to " STR_FMT
                " points to no key of this text, or names are not plain: left out",
                STR_ARG(own), STR_ARG(link->to_table));
            continue;
        }
        struct tree *to = ends_of(r, link->to_table, &link->to);
        if (link->from.len == 1) {
            exchange_put(mem, relationship, "to", exchange_text(mem, to->at[0]->text));
            add_relationship(r, exchange_ddl_column(link->table, link->from.at[0]), relationship);
            continue;
        }
        exchange_put(mem, relationship, "from", ends_of(r, own, &link->from));
        exchange_put(mem, relationship, "to", to);
        add_relationship(r, link->table, relationship);
    }
}
