/* Columns and constraints of a table. */
#include "exchange/exchange_from_sql.h"
#include "shape/shape.h"

static const char *const after_expression =
    "not null default primary unique references check constraint collate generated comment";
static const char *const after_type =
    "not null default primary unique references check constraint collate generated comment "
    "auto_increment autoincrement identity as on encode distkey sortkey storage compression";

struct tree *exchange_ddl_column(struct tree *table, str name)
{
    struct tree *properties = exchange_build_properties(table);
    for (size_t i = 0; i < properties->len; i++)
        if (str_eq_nocase(tree_find_text(properties->at[i], STR("name")), name))
            return properties->at[i];
    return NULL;
}

void exchange_ddl_required(struct sql_reader *r, struct tree *column)
{
    exchange_put_flag(r->b.mem, column, "required", true);
}

static bool is_one_of(const struct sql_reader *r, const char *words)
{
    const struct lexeme *l = exchange_ddl_peek(r, 0);
    return l->kind == LEXEME_WORD && shape_has_word(words, arena_lower(r->b.mem, l->text));
}

static bool is_after_type(const struct sql_reader *r)
{
    return is_one_of(r, after_type);
}

static bool is_item_end(const struct sql_reader *r)
{
    return exchange_ddl_is(r, ",") || exchange_ddl_is(r, ")") || exchange_ddl_is(r, ";")
        || exchange_ddl_peek(r, 0)->kind == LEXEME_END;
}

/* ---- types */

static const struct sql_enum *find_enum(const struct sql_reader *r, str name)
{
    for (size_t i = 0; i < r->enums.len; i++)
        if (str_eq_nocase(r->enums.at[i].name, name))
            return &r->enums.at[i];
    return NULL;
}

static void put_enum(struct sql_reader *r, struct tree *column, const struct sql_enum *one)
{
    struct tree *values = exchange_list(r->b.mem);
    for (size_t i = 0; i < one->values.len; i++)
        tree_push(r->b.mem, values, exchange_text(r->b.mem, one->values.at[i]));
    (void)exchange_build_type(&r->b, column, STR("VARCHAR"));
    if (values->len)
        exchange_build_values(&r->b, column, values);
}

/* Of a type that weft knows it takes no parts that cannot be: the spelling of `decimal(50,2)` stands beside. */
static void put_unknown(struct sql_reader *r, struct tree *column, str type)
{
    struct report findings;
    struct tree *tried = exchange_map(r->b.mem);
    exchange_put_text(r->b.mem, tried, "logicalType", STR("string"));
    exchange_put_text(r->b.mem, tried, "physicalType", type);
    report_init(&findings, r->b.mem);
    (void)contract_type(r->b.mem, r->b.file, tried, &findings);
    exchange_put_text(r->b.mem, column, "logicalType", STR("string"));
    if (!findings.errors)
        return exchange_put_text(r->b.mem, column, "physicalType", type);
    struct tree *list = exchange_list(r->b.mem), *said = exchange_map(r->b.mem);
    exchange_put_text(r->b.mem, said, "property", STR("sql.type"));
    exchange_put_text(r->b.mem, said, "value", type);
    tree_push(r->b.mem, list, said);
    exchange_put(r->b.mem, column, "customProperties", list);
}

static void read_type(struct sql_reader *r, struct tree *column)
{
    size_t from = r->at, last = r->at;
    while (!is_item_end(r) && !is_after_type(r)) {
        last = r->at;
        if (!exchange_ddl_is(r, "(") && !exchange_ddl_is(r, "["))
            r->at++;
        else if (!exchange_ddl_pass_group(r))
            return;
    }
    if (r->at == from)
        return exchange_ddl_error(r, "the column " STR_FMT " has no type",
                                  STR_ARG(tree_find_text(column, STR("name"))));
    str type = exchange_ddl_slice(r, from, r->at);
    const struct sql_enum *one = find_enum(r, r->words.at[last].text);
    if (exchange_build_type(&r->b, column, type))
        return;
    if (one)
        return put_enum(r, column, one);
    /* `pg_catalog.int4`: the type is what stands last. */
    if (r->words.at[last].kind != LEXEME_SIGN && last >= from + 2
        && exchange_build_type(&r->b, column, r->words.at[last].text))
        return;
    exchange_ddl_left(
        r, "weft does not know the type " STR_FMT " of " STR_FMT ": it is taken for text",
        STR_ARG(type), STR_ARG(tree_find_text(column, STR("name"))));
    put_unknown(r, column, type);
}

/* ---- keys */

static void put_primary_key(struct sql_reader *r, struct tree *table, const struct str_list *names)
{
    for (size_t i = 0; i < names->len; i++) {
        struct tree *column = exchange_ddl_column(table, names->at[i]);
        if (!column)
            return exchange_ddl_error(
                r, "the primary key names " STR_FMT ", which is no column of the table",
                STR_ARG(names->at[i]));
        exchange_put_flag(r->b.mem, column, "primaryKey", true);
        exchange_put(r->b.mem, column, "primaryKeyPosition",
                     exchange_int(r->b.mem, (int64_t)i + 1));
        exchange_ddl_required(r, column);
    }
}

static void add_rule(struct sql_reader *r, struct tree *to, struct tree *rule)
{
    const struct tree *found = tree_get(to, STR("quality"));
    struct tree *list = found ? to->at[found->index] : exchange_list(r->b.mem);
    tree_push(r->b.mem, list, rule);
    if (!found)
        exchange_put(r->b.mem, to, "quality", list);
}

static void put_unique(struct sql_reader *r, struct tree *table, const struct str_list *names)
{
    struct str_list columns = {0};
    for (size_t i = 0; i < names->len; i++) {
        struct tree *column = exchange_ddl_column(table, names->at[i]);
        if (!column)
            return exchange_ddl_error(r,
                                      "UNIQUE names " STR_FMT ", which is no column of the table",
                                      STR_ARG(names->at[i]));
        if (names->len == 1)
            return exchange_put_flag(r->b.mem, column, "unique", true);
        vec_push(r->b.mem, &columns, tree_find_text(column, STR("name")));
    }
    struct tree *rule = exchange_map(r->b.mem), *arguments = exchange_map(r->b.mem);
    exchange_put_text(r->b.mem, rule, "metric", STR("duplicateValues"));
    exchange_put_texts(r->b.mem, arguments, "properties", &columns);
    exchange_put(r->b.mem, rule, "arguments", arguments);
    exchange_put(r->b.mem, rule, "mustBe", exchange_int(r->b.mem, 0));
    add_rule(r, table, rule);
}

/* ON DELETE CASCADE and kin say what a database does, which a contract does not promise. */
static void pass_actions(struct sql_reader *r)
{
    for (;;) {
        if (exchange_ddl_is(r, "on") || exchange_ddl_is(r, "match"))
            r->at += 2;
        else if (exchange_ddl_is(r, "cascade") || exchange_ddl_is(r, "restrict")
                 || exchange_ddl_is(r, "action") || exchange_ddl_is(r, "no")
                 || exchange_ddl_is(r, "set") || exchange_ddl_is(r, "deferrable")
                 || exchange_ddl_is(r, "initially") || exchange_ddl_is(r, "deferred")
                 || exchange_ddl_is(r, "immediate") || exchange_ddl_is(r, "valid"))
            r->at++;
        else if (exchange_ddl_is(r, "not")
                 && (str_eq_nocase(exchange_ddl_peek(r, 1)->text, STR("valid"))
                     || str_eq_nocase(exchange_ddl_peek(r, 1)->text, STR("deferrable"))))
            r->at += 2;
        else if (exchange_ddl_is(r, "using"))
            r->at += 4; /* INDEX TABLESPACE name */
        else if (exchange_ddl_is(r, "include") && exchange_ddl_peek(r, 1)->kind == LEXEME_SIGN) {
            r->at++;
            if (!exchange_ddl_pass_group(r))
                return;
        } else if ((exchange_ddl_is(r, "null") || exchange_ddl_is(r, "default")) && r->at
                   && str_eq_nocase(r->words.at[r->at - 1].text, STR("set")))
            r->at++;
        else
            return;
    }
}

static void read_references(struct sql_reader *r, struct tree *table, const struct str_list *from)
{
    struct sql_link link = {
        .table = table, .from = *from, .offset = exchange_ddl_peek(r, 0)->start};
    link.to_table = exchange_ddl_name(r, "a table");
    if (!link.to_table.len || (exchange_ddl_is(r, "(") && !exchange_ddl_names(r, &link.to)))
        return;
    pass_actions(r);
    vec_push(r->b.mem, &r->links, link);
}

/* ---- constraints */

static void read_check(struct sql_reader *r, struct tree *table, str name)
{
    size_t from = r->at;
    if (!exchange_ddl_is(r, "("))
        return exchange_ddl_error(r, "CHECK is not followed by a condition in parentheses");
    if (!exchange_ddl_pass_group(r))
        return;
    str whole = exchange_ddl_slice(r, from, r->at);
    exchange_ddl_check(r, table, name, str_trim(str_sub(whole, 1, whole.len - 2)),
                       r->words.at[from].start);
    if (exchange_ddl_take(r, "no"))
        (void)exchange_ddl_take(r, "inherit");
    pass_actions(r);
}

static bool read_constraint(struct sql_reader *r, struct tree *table)
{
    struct str_list names = {0};
    str name = STR_NONE;
    if (exchange_ddl_take(r, "constraint"))
        name = exchange_ddl_name(r, "a constraint");
    if (exchange_ddl_take(r, "primary")) {
        if (!exchange_ddl_take(r, "key"))
            exchange_ddl_error(r, "PRIMARY is not followed by KEY");
        else if (exchange_ddl_names(r, &names))
            put_primary_key(r, table, &names);
    } else if (exchange_ddl_is(r, "unique")) {
        r->at++;
        (void)exchange_ddl_take(r, "key");
        if (exchange_ddl_take(r, "nulls")) { /* NOT DISTINCT: nulls are a matter of required */
            (void)exchange_ddl_take(r, "not");
            (void)exchange_ddl_take(r, "distinct");
        }
        if (exchange_ddl_names(r, &names))
            put_unique(r, table, &names);
    } else if (exchange_ddl_take(r, "foreign")) {
        if (!exchange_ddl_take(r, "key"))
            exchange_ddl_error(r, "FOREIGN is not followed by KEY");
        else if (exchange_ddl_names(r, &names) && !exchange_ddl_take(r, "references"))
            exchange_ddl_error(r, "here REFERENCES is expected");
        else if (!r->failed)
            read_references(r, table, &names);
    } else if (exchange_ddl_take(r, "check")) {
        read_check(r, table, name);
    } else {
        if (name.len)
            exchange_ddl_error(r, "weft does not know this constraint");
        return false;
    }
    pass_actions(r);
    return true;
}

/* ---- columns */

/* An expression ends before a word that begins the next constraint. */
static void pass_expression(struct sql_reader *r)
{
    bool is_first = true;
    while (!is_item_end(r)) {
        if (!is_first && is_one_of(r, after_expression)
            && !(exchange_ddl_is(r, "null") && r->at
                 && str_eq_nocase(r->words.at[r->at - 1].text, STR("is"))))
            return;
        is_first = false;
        if (!exchange_ddl_is(r, "(") && !exchange_ddl_is(r, "["))
            r->at++;
        else if (!exchange_ddl_pass_group(r))
            return;
    }
}

static void read_column_words(struct sql_reader *r, struct tree *table, struct tree *column)
{
    struct str_list own = {0};
    str name = tree_find_text(column, STR("name"));
    vec_push(r->b.mem, &own, name);
    if (exchange_ddl_take(r, "not")) {
        if (!exchange_ddl_take(r, "null"))
            return exchange_ddl_error(r, "NOT is not followed by NULL");
        exchange_ddl_required(r, column);
    } else if (exchange_ddl_take(r, "null")) {
        return;
    } else if (exchange_ddl_take(r, "primary")) {
        if (!exchange_ddl_take(r, "key"))
            return exchange_ddl_error(r, "PRIMARY is not followed by KEY");
        put_primary_key(r, table, &own);
    } else if (exchange_ddl_take(r, "unique")) {
        put_unique(r, table, &own);
    } else if (exchange_ddl_take(r, "references")) {
        read_references(r, table, &own);
    } else if (exchange_ddl_take(r, "check")) {
        read_check(r, table, STR_NONE);
    } else if (exchange_ddl_take(r, "constraint")) {
        (void)exchange_ddl_name(r, "a constraint");
    } else if (exchange_ddl_is(r, "comment") && exchange_ddl_peek(r, 1)->kind == LEXEME_STRING) {
        exchange_put_text(r->b.mem, column, "description", exchange_ddl_peek(r, 1)->text);
        r->at += 2;
    } else {
        exchange_ddl_left(r, STR_FMT " of a column has no place in a contract: left out",
                          STR_ARG(arena_lower(r->b.mem, exchange_ddl_peek(r, 0)->text)));
        r->at++;
        pass_expression(r);
    }
}

static bool is_constraint(const struct sql_reader *r)
{
    return exchange_ddl_peek(r, 0)->kind == LEXEME_WORD
        && (exchange_ddl_is(r, "constraint") || exchange_ddl_is(r, "check")
            || exchange_ddl_is(r, "exclude") || exchange_ddl_is(r, "like")
            || ((exchange_ddl_is(r, "primary") || exchange_ddl_is(r, "foreign"))
                && str_eq_nocase(exchange_ddl_peek(r, 1)->text, STR("key")))
            || (exchange_ddl_is(r, "unique")
                && (exchange_ddl_peek(r, 1)->kind == LEXEME_SIGN
                    || str_eq_nocase(exchange_ddl_peek(r, 1)->text, STR("nulls"))
                    || str_eq_nocase(exchange_ddl_peek(r, 1)->text, STR("key")))));
}

void exchange_ddl_table_item(struct sql_reader *r, struct tree *table)
{
    if (is_constraint(r)) {
        if (read_constraint(r, table) || r->failed)
            return;
        exchange_ddl_left(r, STR_FMT " is no promise of a contract: left out",
                          STR_ARG(arena_lower(r->b.mem, exchange_ddl_peek(r, 0)->text)));
        while (!is_item_end(r))
            if (!exchange_ddl_is(r, "("))
                r->at++;
            else if (!exchange_ddl_pass_group(r))
                return;
        return;
    }
    const struct lexeme *l = exchange_ddl_peek(r, 0);
    if ((l->kind != LEXEME_WORD && l->kind != LEXEME_NAME) || !l->text.len)
        return exchange_ddl_error(r, "here the name of a column is expected");
    if (exchange_ddl_column(table, l->text))
        return exchange_ddl_error(r, "the column " STR_FMT " is there already", STR_ARG(l->text));
    struct tree *column = exchange_build_property(&r->b, exchange_build_properties(table), l->text);
    r->at++;
    if (!column) {
        r->failed = true;
        return;
    }
    read_type(r, column);
    while (!r->failed && !is_item_end(r))
        read_column_words(r, table, column);
}
