/* What a CHECK says: bounds, lengths and lists of values of one column become what a contract has for them, anything else a rule in SQL. */
#include "contract/contract_time.h"
#include "exchange/exchange_from_sql.h"

enum { CHECK_WORDS_MAX = 4096 };

struct check {
    struct sql_reader *r;
    struct tree *table;
    str expression;
    struct lexeme words[12]; /* the first of it */
    size_t len;
};

/* Without the parentheses around all of it, as pg_dump writes them. */
static str unwrap(struct arena *mem, str text)
{
    for (;;) {
        struct exchange_lexer lexer = {.mem = mem, .text = text};
        int depth = 0;
        bool is_around = text.len > 1 && text.ptr[0] == '(' && text.ptr[text.len - 1] == ')';
        while (is_around) {
            struct lexeme l = exchange_lexer_next(&lexer);
            if (l.kind == LEXEME_END || l.kind == LEXEME_WRONG)
                return text;
            bool is_sign = l.kind == LEXEME_SIGN && l.text.len == 1;
            depth += is_sign && l.text.ptr[0] == '(' ? 1 : is_sign && l.text.ptr[0] == ')' ? -1 : 0;
            if (depth == 0)
                break;
        }
        if (!is_around || lexer.at != text.len)
            return text;
        text = str_trim(str_sub(text, 1, text.len - 2));
    }
}

static bool is_sign(const struct lexeme *l, const char *sign)
{
    return l->kind == LEXEME_SIGN && str_eq(l->text, str_of(sign));
}

static bool is_name(const struct lexeme *l)
{
    return l->kind == LEXEME_WORD || l->kind == LEXEME_NAME;
}

static bool has_logical(const struct tree *column, const char *a, const char *b)
{
    str type = tree_find_text(column, STR("logicalType"));
    return str_eq(type, str_of(a)) || str_eq(type, str_of(b));
}

static str type_of(const struct check *c, const struct tree *column)
{
    struct report ignored;
    report_init(&ignored, c->r->b.mem);
    return contract_type(c->r->b.mem, c->r->b.file, column, &ignored);
}

/* `'2020-01-01'`, alone or cast to the type of its column, as pg_dump writes it. Of an offset that the column has not, engines make
 * different things. */
static bool read_moment(const struct check *c, const struct tree *column,
                        const struct lexeme *words, size_t len, struct tree **out)
{
    struct contract_moment moment;
    str type = type_of(c, column);
    bool is_date = has_logical(column, "date", "date");
    bool is_time = has_logical(column, "time", "time");
    if (!len || words[0].kind != LEXEME_STRING
        || (!is_date && !is_time && !has_logical(column, "timestamp", "timestamp"))
        || !contract_time_iso(words[0].text, &moment))
        return false;
    if (len > 1
        && (!is_sign(&words[1], "::")
            || !str_eq(
                type, contract_type_canonical(c->r->b.mem, str_from(c->expression, words[1].end)))))
        return false;
    *out = exchange_text(c->r->b.mem, words[0].text);
    return moment.has_date == !is_time && moment.has_time >= is_time && moment.has_time <= !is_date
        && (!moment.has_offset || str_ends(type, STR("WITH TIME ZONE")));
}

/* `3`, `-3` */
static bool read_number(const struct check *c, const struct lexeme *words, size_t len,
                        struct tree **out)
{
    bool is_negative = len == 2 && is_sign(&words[0], "-");
    double number;
    if (!len || len > 2 || (len == 2 && !is_negative) || words[len - 1].kind != LEXEME_NUMBER
        || !str_to_f64(words[len - 1].text, &number))
        return false;
    *out =
        exchange_word(c->r->b.mem, arena_format(c->r->b.mem, "%s" STR_FMT, is_negative ? "-" : "",
                                                STR_ARG(words[len - 1].text)));
    return true;
}

/* `column >= 3`, `length(column) <= 50`; the words are all there is. */
static bool read_bound(struct check *c, const struct lexeme *words, size_t len)
{
    static const struct {
        const char *first, *second;
        const char *number, *length;
    } signs[] = {
        {">", "=", "minimum", "minLength"},
        {"<", "=", "maximum", "maxLength"},
        {">", NULL, "exclusiveMinimum", NULL},
        {"<", NULL, "exclusiveMaximum", NULL},
    };
    bool is_length = len > 4 && words[0].kind == LEXEME_WORD
                  && (str_eq_nocase(words[0].text, STR("length"))
                      || str_eq_nocase(words[0].text, STR("char_length")))
                  && is_sign(&words[1], "(") && is_sign(&words[3], ")");
    const struct lexeme *name = &words[is_length ? 2 : 0];
    const struct lexeme *rest = &words[is_length ? 4 : 1];
    size_t left = len - (is_length ? 4 : 1);
    struct tree *column = is_name(name) ? exchange_ddl_column(c->table, name->text) : NULL;
    for (size_t i = 0; column && i < sizeof signs / sizeof *signs; i++) {
        size_t used = signs[i].second ? 2 : 1;
        const char *option = is_length ? signs[i].length : signs[i].number;
        struct tree *value;
        if (left < used + 1 || !is_sign(&rest[0], signs[i].first)
            || (signs[i].second && !is_sign(&rest[1], signs[i].second)))
            continue;
        bool is_bound = read_number(c, rest + used, left - used, &value)
                          ? (is_length ? has_logical(column, "string", "string")
                                             && !str_starts(value->text, STR("-"))
                                       : has_logical(column, "integer", "number"))
                          : !is_length && read_moment(c, column, rest + used, left - used, &value);
        /* Of two lower bounds one is a rule. */
        if (!is_bound || !option
            || tree_get(tree_get(column, STR("logicalTypeOptions")), str_of(option)))
            continue;
        exchange_build_option(&c->r->b, column, option, value);
        return true;
    }
    return false;
}

/* `column IN ('a', 'b')` */
static bool read_values(struct check *c, str expression)
{
    struct exchange_lexer lexer = {.mem = c->r->b.mem, .text = expression};
    struct tree *values = exchange_list(c->r->b.mem);
    if (c->len < 4 || !is_name(&c->words[0]) || c->words[1].kind != LEXEME_WORD
        || !str_eq_nocase(c->words[1].text, STR("in")) || !is_sign(&c->words[2], "("))
        return false;
    struct tree *column = exchange_ddl_column(c->table, c->words[0].text);
    if (!column || tree_get(column, STR("quality")))
        return false;
    lexer.at = c->words[2].end;
    for (;;) {
        struct lexeme value = exchange_lexer_next(&lexer), next = exchange_lexer_next(&lexer);
        bool is_text = value.kind == LEXEME_STRING && has_logical(column, "string", "string");
        bool is_number = value.kind == LEXEME_NUMBER && has_logical(column, "integer", "number");
        if (!is_text && !is_number)
            return false;
        tree_push(c->r->b.mem, values,
                  is_text ? exchange_text(c->r->b.mem, value.text)
                          : exchange_word(c->r->b.mem, value.text));
        if (is_sign(&next, ","))
            continue;
        if (!is_sign(&next, ")") || exchange_lexer_next(&lexer).kind != LEXEME_END)
            return false;
        exchange_build_values(&c->r->b, column, values);
        return true;
    }
}

static void put_rule(struct check *c, str name, str expression)
{
    struct arena *mem = c->r->b.mem;
    struct tree *rule = exchange_map(mem);
    const struct tree *found = tree_get(c->table, STR("quality"));
    struct tree *list = found ? c->table->at[found->index] : exchange_list(mem);
    /* Braces would be taken for a placeholder; a comment would hide what closes. */
    bool is_plain = !str_has(expression, '{') && !str_has(expression, '}')
                 && str_find(expression, STR("--")) == expression.len;
    exchange_put_text(mem, rule, "name", name);
    exchange_put_text(mem, rule, "type", is_plain ? STR("sql") : STR("text"));
    if (is_plain) {
        exchange_put_text(mem, rule, "query",
                          arena_format(mem, "SELECT count(*) FROM {object} WHERE NOT (" STR_FMT ")",
                                       STR_ARG(expression)));
        exchange_put(mem, rule, "mustBe", exchange_int(mem, 0));
    } else {
        exchange_put_text(mem, rule, "description",
                          arena_format(mem, "CHECK (" STR_FMT ")", STR_ARG(expression)));
    }
    tree_push(mem, list, rule);
    if (!found)
        exchange_put(mem, c->table, "quality", list);
}

void exchange_ddl_check(struct sql_reader *r, struct tree *table, str name, str expression,
                        size_t offset)
{
    expression = unwrap(r->b.mem, expression);
    struct check c = {.r = r, .table = table, .expression = expression};
    struct exchange_lexer lexer = {.mem = r->b.mem, .text = expression};
    size_t count = 0;
    if (!expression.len)
        return exchange_ddl_error(r, "CHECK has no condition");
    for (;; count++) {
        struct lexeme l = exchange_lexer_next(&lexer);
        if (l.kind == LEXEME_END || l.kind == LEXEME_WRONG || count == CHECK_WORDS_MAX)
            break;
        if (c.len < sizeof c.words / sizeof *c.words)
            c.words[c.len++] = l;
    }
    if (count <= sizeof c.words / sizeof *c.words && count > 2 && read_bound(&c, c.words, c.len))
        return;
    if (read_values(&c, expression))
        return;
    put_rule(&c, name, expression);
    exchange_build_left_at(
        &r->b, r->text, offset,
        "a CHECK is kept as a rule in SQL: weft runs it as the engine understands it");
}
