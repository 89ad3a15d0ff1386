/* The grammar: from OR, which binds loosest, down to names and literals; as PostgreSQL orders them. */
#include "policy/policy_expression.h"
#include "contract/contract.h"
#include "policy/policy_lexer.h"

enum { EXPRESSION_DEPTH_MAX = 64, EXPRESSION_SIGNS_MAX = 1000 };

static const struct function {
    str name;
    size_t least, most;
} functions[] = {
#define FUNCTION(name, least, most) {STR(name), least, most},
#include "policy/policy_functions.def"
#undef FUNCTION
};

struct parser {
    struct lexer l;
    struct arena *mem;
    bool is_mask;
    struct expression_error *error;
    uint32_t depth, signs; /* left-deep chains count as depth for those who walk the tree */
};

typedef const struct policy_expression *node;

static node parse_or(struct parser *p);
static node parse_primary(struct parser *p);

static node fail(struct parser *p, uint32_t position, str message, str hint)
{
    if (!p->error->message.len)
        *p->error =
            (struct expression_error){.position = position, .message = message, .hint = hint};
    return NULL;
}

static str token_text(struct parser *p)
{
    if (p->l.token.kind == TOKEN_END)
        return STR("the end");
    return p->l.token.kind == TOKEN_TEXT
             ? arena_format(p->mem, "'" STR_FMT "'", STR_ARG(p->l.token.text))
             : p->l.token.text;
}

static node fail_here(struct parser *p, const char *wanted)
{
    return fail(
        p, p->l.token.position,
        arena_format(p->mem, STR_FMT " stands where %s is meant", STR_ARG(token_text(p)), wanted),
        STR_NONE);
}

static struct policy_expression *make(struct parser *p, enum expression_kind kind,
                                      uint32_t position)
{
    struct policy_expression *e = ARENA_NEW(p->mem, struct policy_expression);
    e->kind = kind;
    e->position = position;
    return e;
}

static bool is_sign(const struct parser *p, const char *sign)
{
    return p->l.token.kind == TOKEN_SIGN && str_eq(p->l.token.text, str_of(sign));
}

static bool is_word(const struct parser *p, const char *word)
{
    return p->l.token.kind == TOKEN_WORD && str_eq(p->l.token.text, str_of(word));
}

static bool take_sign(struct parser *p, const char *sign)
{
    bool is = is_sign(p, sign);
    if (is)
        lexer_next(&p->l);
    return is;
}

static bool take_word(struct parser *p, const char *word)
{
    bool is = is_word(p, word);
    if (is)
        lexer_next(&p->l);
    return is;
}

static bool want_sign(struct parser *p, const char *sign)
{
    return take_sign(p, sign) || fail_here(p, arena_format(p->mem, "`%s`", sign).ptr);
}

static bool want_word(struct parser *p, const char *word)
{
    return take_word(p, word) || fail_here(p, arena_format(p->mem, "`%s`", word).ptr);
}

static bool add(struct parser *p, struct policy_expression *parent, node child)
{
    if (child)
        vec_push(p->mem, &parent->children, child);
    return child != NULL;
}

/* Each sign of a chain deepens the tree without nesting the text. */
static bool count_sign(struct parser *p, uint32_t position)
{
    return ++p->signs <= EXPRESSION_SIGNS_MAX
        || fail(p, position, STR("the expression is too long"),
                STR("write x IN (…) for many values of one column"));
}

static node binary(struct parser *p, const char *sign, node left, node right, uint32_t position)
{
    if (!count_sign(p, position))
        return NULL;
    struct policy_expression *e = make(p, EXPRESSION_BINARY, position);
    e->text = str_of(sign);
    return add(p, e, left) && add(p, e, right) ? e : NULL;
}

static node unary(struct parser *p, const char *sign, node child, bool is_suffix, uint32_t position)
{
    if (!count_sign(p, position))
        return NULL;
    struct policy_expression *e = make(p, EXPRESSION_UNARY, position);
    e->text = str_of(sign);
    e->is_suffix = is_suffix;
    return add(p, e, child) ? e : NULL;
}

/* `(a, b)` or `[a, b]`, the opening sign taken. */
static bool parse_list(struct parser *p, struct policy_expression *parent, const char *end)
{
    if (take_sign(p, end))
        return true;
    do {
        if (!add(p, parent, parse_or(p)))
            return false;
    } while (take_sign(p, ","));
    return want_sign(p, end);
}

static node parse_call(struct parser *p, str name, uint32_t position)
{
    struct policy_expression *e = make(p, EXPRESSION_CALL, position);
    const struct function *known = NULL;
    struct str_list names = {0};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        vec_push(p->mem, &names, functions[i].name);
        if (str_eq(functions[i].name, name))
            known = &functions[i];
    }
    if (!known) {
        str nearest = str_list_nearest(&names, name);
        return fail(p, position,
                    arena_format(p->mem, "function " STR_FMT " is not for policies", STR_ARG(name)),
                    nearest.len
                        ? arena_format(p->mem, "did you mean " STR_FMT "?", STR_ARG(nearest))
                        : STR("an expression of a policy is the same at every time and for every "
                              "session; docs/policies.md lists its functions"));
    }
    e->text = known->name;
    if (!parse_list(p, e, ")"))
        return NULL;
    if (e->children.len < known->least || e->children.len > known->most)
        return fail(p, position,
                    arena_format(p->mem, "function " STR_FMT " takes another number of arguments",
                                 STR_ARG(name)),
                    STR_NONE);
    return e;
}

/* A type as CAST and `::` take it, up to what cannot belong to one. */
static bool parse_type(struct parser *p, str *out)
{
    uint32_t position = p->l.token.position;
    size_t start = p->l.token.position - 1, end;
    if (p->l.token.kind != TOKEN_WORD)
        return fail_here(p, "a type");
    do {
        lexer_next(&p->l);
        end = p->l.token.position - 1;
    } while (is_word(p, "precision") || is_word(p, "varying"));
    if (take_sign(p, "(")) {
        while (p->l.token.kind == TOKEN_NUMBER || is_sign(p, ","))
            lexer_next(&p->l);
        if (!want_sign(p, ")"))
            return false;
        end = p->l.token.position - 1;
    }
    while (is_sign(p, "[")) {
        lexer_next(&p->l);
        if (!want_sign(p, "]"))
            return false;
        end = p->l.token.position - 1;
    }
    str written = str_trim(str_sub(p->l.text, start, end - start));
    *out = contract_type_canonical(p->mem, written);
    return out->len
        || fail(p, position, arena_format(p->mem, "there is no type " STR_FMT, STR_ARG(written)),
                STR_NONE);
}

static node parse_cast(struct parser *p, bool is_try, uint32_t position)
{
    struct policy_expression *e = make(p, EXPRESSION_CAST, position);
    e->is_negated = is_try;
    return want_sign(p, "(") && add(p, e, parse_or(p)) && want_word(p, "as")
                && parse_type(p, &e->text) && want_sign(p, ")")
             ? e
             : NULL;
}

static node parse_case(struct parser *p, uint32_t position)
{
    struct policy_expression *e = make(p, EXPRESSION_CASE, position);
    e->has_operand = !is_word(p, "when");
    if (e->has_operand && !add(p, e, parse_or(p)))
        return NULL;
    if (!is_word(p, "when"))
        return fail_here(p, "`when`");
    while (take_word(p, "when"))
        if (!add(p, e, parse_or(p)) || !want_word(p, "then") || !add(p, e, parse_or(p)))
            return NULL;
    e->has_else = take_word(p, "else");
    if (e->has_else && !add(p, e, parse_or(p)))
        return NULL;
    return want_word(p, "end") ? e : NULL;
}

/* `date '2026-01-31'`: a literal of a type. */
static node parse_typed_text(struct parser *p, const char *type, uint32_t position)
{
    struct policy_expression *e = make(p, EXPRESSION_CAST, position);
    struct policy_expression *text = make(p, EXPRESSION_TEXT, p->l.token.position);
    e->text = str_of(type);
    text->text = p->l.token.text;
    lexer_next(&p->l);
    return add(p, e, text) ? e : NULL;
}

static node parse_name(struct parser *p, str name, uint32_t position)
{
    struct policy_expression *e = make(p, EXPRESSION_COLUMN, position);
    vec_push(p->mem, &e->parts, name);
    while (take_sign(p, ".")) {
        if (p->l.token.kind != TOKEN_WORD && p->l.token.kind != TOKEN_NAME)
            return fail_here(p, "the name of a field");
        vec_push(p->mem, &e->parts, p->l.token.text);
        lexer_next(&p->l);
    }
    if (p->is_mask)
        return fail(
            p, position,
            arena_format(p->mem, "a mask sees no column, and " STR_FMT " is one", STR_ARG(name)),
            STR("the masked value is $value"));
    return e;
}

static node parse_parameter(struct parser *p)
{
    struct token token = p->l.token;
    str head, name;
    lexer_next(&p->l);
    if (str_eq(token.text, STR("value"))) {
        if (!p->is_mask)
            return fail(p, token.position, STR("a condition has no $value"),
                        STR("write the name of the column"));
        return make(p, EXPRESSION_VALUE, token.position);
    }
    if (p->is_mask || !str_cut(token.text, '.', &head, &name) || !str_eq(head, STR("actor"))
        || !name.len || str_has(name, '.'))
        return fail(
            p, token.position, arena_format(p->mem, "there is no $" STR_FMT, STR_ARG(token.text)),
            p->is_mask
                ? STR("a mask knows $value and nothing else")
                : STR("a condition knows $actor.NAME: id, groups, purpose, or an attribute"));
    struct policy_expression *e = make(p, EXPRESSION_ATTRIBUTE, token.position);
    e->text = name;
    return e;
}

static node parse_word(struct parser *p)
{
    struct token token = p->l.token;
    lexer_next(&p->l);
    if (str_eq(token.text, STR("null")))
        return make(p, EXPRESSION_NULL, token.position);
    if (str_eq(token.text, STR("true")) || str_eq(token.text, STR("false"))) {
        struct policy_expression *e = make(p, EXPRESSION_BOOL, token.position);
        e->text = token.text;
        return e;
    }
    if (str_eq(token.text, STR("case")))
        return parse_case(p, token.position);
    if (str_eq(token.text, STR("cast")))
        return parse_cast(p, false, token.position);
    if (str_eq(token.text, STR("try_cast")))
        return parse_cast(p, true, token.position);
    if (p->l.token.kind == TOKEN_TEXT && str_eq(token.text, STR("date")))
        return parse_typed_text(p, "DATE", token.position);
    if (p->l.token.kind == TOKEN_TEXT && str_eq(token.text, STR("timestamp")))
        return parse_typed_text(p, "TIMESTAMP", token.position);
    if (str_eq(token.text, STR("select")))
        return fail(p, token.position, STR("a SELECT stands here"),
                    STR("membership in an entitlements product is written COLUMN IN (SELECT value "
                        "FROM domain.product.table WHERE user = $actor.id)"));
    if (take_sign(p, "("))
        return parse_call(p, token.text, token.position);
    return parse_name(p, token.text, token.position);
}

static node parse_primary(struct parser *p)
{
    struct token token = p->l.token;
    struct policy_expression *e = NULL;
    switch (token.kind) {
    case TOKEN_NUMBER:
    case TOKEN_TEXT:
        e = make(p, token.kind == TOKEN_TEXT ? EXPRESSION_TEXT : EXPRESSION_NUMBER, token.position);
        e->text = token.text;
        lexer_next(&p->l);
        return e;
    case TOKEN_NAME:
        lexer_next(&p->l);
        return parse_name(p, token.text, token.position);
    case TOKEN_PARAMETER:
        return parse_parameter(p);
    case TOKEN_WORD:
        return parse_word(p);
    case TOKEN_SIGN:
        if (take_sign(p, "(")) {
            node inner = parse_or(p);
            return inner && want_sign(p, ")") ? inner : NULL;
        }
        if (take_sign(p, "[")) {
            e = make(p, EXPRESSION_LIST, token.position);
            return parse_list(p, e, "]") ? e : NULL;
        }
        break;
    case TOKEN_BROKEN:
        return fail(p, token.position,
                    arena_format(p->mem, STR_FMT " cannot stand here", STR_ARG(token.text)),
                    STR_NONE);
    case TOKEN_END:
        break;
    }
    return fail_here(p, "a value");
}

static node parse_postfix(struct parser *p)
{
    node e = parse_primary(p);
    while (e && is_sign(p, "::")) {
        struct policy_expression *cast = make(p, EXPRESSION_CAST, p->l.token.position);
        if (!count_sign(p, cast->position))
            return NULL;
        lexer_next(&p->l);
        e = add(p, cast, e) && parse_type(p, &cast->text) ? cast : NULL;
    }
    return e;
}

static node parse_unary(struct parser *p)
{
    uint32_t position = p->l.token.position;
    if (p->depth >= EXPRESSION_DEPTH_MAX)
        return fail(p, position, STR("the expression is nested too deeply"), STR_NONE);
    if (!is_sign(p, "-") && !is_sign(p, "+"))
        return parse_postfix(p);
    const char *sign = is_sign(p, "-") ? "-" : "+";
    lexer_next(&p->l);
    p->depth++;
    node e = unary(p, sign, parse_unary(p), false, position);
    p->depth--;
    return e;
}

/* One level of left-associative signs over the next. */
static node parse_level(struct parser *p, const char *const *signs, node (*below)(struct parser *))
{
    node left = below(p);
    while (left) {
        uint32_t position = p->l.token.position;
        const char *sign = NULL;
        for (size_t i = 0; signs[i] && !sign; i++)
            sign = is_sign(p, signs[i]) ? signs[i] : NULL;
        if (!sign)
            return left;
        lexer_next(&p->l);
        left = binary(p, sign, left, below(p), position);
    }
    return NULL;
}

static node parse_product(struct parser *p)
{
    static const char *const signs[] = {"*", "/", "%", NULL};
    return parse_level(p, signs, parse_unary);
}

static node parse_sum(struct parser *p)
{
    static const char *const signs[] = {"+", "-", NULL};
    return parse_level(p, signs, parse_product);
}

static node parse_text(struct parser *p)
{
    static const char *const signs[] = {"||", NULL};
    return parse_level(p, signs, parse_sum);
}

/* A word or quoted name; its spelling stays. */
static bool want_name(struct parser *p, str *out)
{
    if (p->l.token.kind != TOKEN_WORD && p->l.token.kind != TOKEN_NAME)
        return fail_here(p, "a name");
    *out = p->l.token.text;
    lexer_next(&p->l);
    return true;
}

/* `SELECT value FROM domain.product.table WHERE user = $actor.id)`, the SELECT taken. */
static bool parse_entitled(struct parser *p, struct policy_expression *e)
{
    str parts[3] = {0}, left;
    if (!want_name(p, &e->value) || !want_word(p, "from"))
        return false;
    for (size_t i = 0; i < 3; i++)
        if ((i && !want_sign(p, ".")) || !want_name(p, &parts[i]))
            return false;
    e->table = arena_format(p->mem, STR_FMT "." STR_FMT "." STR_FMT, STR_ARG(parts[0]),
                            STR_ARG(parts[1]), STR_ARG(parts[2]));
    if (!want_word(p, "where"))
        return false;
    bool actor_first = p->l.token.kind == TOKEN_PARAMETER;
    for (int i = 0; i < 2; i++) {
        if (i && !want_sign(p, "="))
            return false;
        if ((i == 0) == actor_first) {
            if (p->l.token.kind != TOKEN_PARAMETER || !str_eq(p->l.token.text, STR("actor.id")))
                return fail_here(p, "$actor.id");
            lexer_next(&p->l);
        } else if (!want_name(p, &left)) {
            return false;
        }
    }
    e->user = left;
    return want_sign(p, ")");
}

static node parse_in(struct parser *p, node left, bool is_negated, uint32_t position)
{
    struct policy_expression *e = make(p, EXPRESSION_IN, position);
    e->is_negated = is_negated;
    if (!count_sign(p, position) || !want_sign(p, "(") || !add(p, e, left))
        return NULL;
    if (take_word(p, "select")) {
        e->kind = EXPRESSION_ENTITLED;
        return parse_entitled(p, e) ? e : NULL;
    }
    if (is_sign(p, ")"))
        return fail_here(p, "a value");
    return parse_list(p, e, ")") ? e : NULL;
}

static node parse_between(struct parser *p, node left, bool is_negated, uint32_t position)
{
    node low = parse_text(p);
    if (!low || !want_word(p, "and"))
        return NULL;
    node high = parse_text(p);
    if (!high)
        return NULL;
    node both = binary(p, "AND", binary(p, ">=", left, low, position),
                       binary(p, "<=", left, high, position), position);
    return is_negated ? unary(p, "NOT", both, false, position) : both;
}

/* IN, BETWEEN and LIKE bind tighter than comparisons. */
static node parse_member(struct parser *p)
{
    node left = parse_text(p);
    while (left) {
        uint32_t position = p->l.token.position;
        struct lexer before = p->l;
        bool is_negated = take_word(p, "not");
        if (take_word(p, "in")) {
            left = parse_in(p, left, is_negated, position);
        } else if (take_word(p, "between")) {
            left = parse_between(p, left, is_negated, position);
        } else if (is_word(p, "like") || is_word(p, "ilike")) {
            const char *sign = is_word(p, "like") ? "LIKE" : "ILIKE";
            lexer_next(&p->l);
            left = binary(p, sign, left, parse_text(p), position);
            left = left && is_negated ? unary(p, "NOT", left, false, position) : left;
        } else {
            p->l = before;
            return left;
        }
    }
    return NULL;
}

static node parse_any(struct parser *p, node left, uint32_t position)
{
    struct policy_expression *e = make(p, EXPRESSION_ANY, position);
    return want_sign(p, "(") && add(p, e, left) && add(p, e, parse_or(p)) && want_sign(p, ")")
             ? e
             : NULL;
}

static node parse_comparison(struct parser *p)
{
    static const struct {
        const char *sign, *meaning;
    } signs[] = {{"=", "="},   {"==", "="},  {"<>", "<>"}, {"!=", "<>"},
                 {"<=", "<="}, {">=", ">="}, {"<", "<"},   {">", ">"}};
    node left = parse_member(p);
    for (size_t i = 0; left && i < sizeof signs / sizeof signs[0]; i++) {
        uint32_t position = p->l.token.position;
        if (!take_sign(p, signs[i].sign))
            continue;
        if (signs[i].meaning[0] == '=' && take_word(p, "any"))
            return parse_any(p, left, position);
        node right = parse_member(p);
        if (right && (left->kind == EXPRESSION_NULL || right->kind == EXPRESSION_NULL))
            return fail(p, position, STR("a comparison with null is never true"),
                        STR("write IS NULL or IS NOT NULL"));
        return binary(p, signs[i].meaning, left, right, position);
    }
    return left;
}

static node parse_is(struct parser *p)
{
    static const struct {
        const char *word, *is, *is_not;
    } words[] = {{"null", "IS NULL", "IS NOT NULL"},
                 {"true", "IS TRUE", "IS NOT TRUE"},
                 {"false", "IS FALSE", "IS NOT FALSE"}};
    node left = parse_comparison(p);
    while (left) {
        uint32_t position = p->l.token.position;
        if (!take_word(p, "is"))
            return left;
        bool is_not = take_word(p, "not");
        if (take_word(p, "distinct")) {
            if (!want_word(p, "from"))
                return NULL;
            left = binary(p, is_not ? "IS NOT DISTINCT FROM" : "IS DISTINCT FROM", left,
                          parse_comparison(p), position);
            continue;
        }
        const char *text = NULL;
        for (size_t i = 0; i < sizeof words / sizeof words[0] && !text; i++)
            if (take_word(p, words[i].word))
                text = is_not ? words[i].is_not : words[i].is;
        if (!text)
            return fail_here(p, "null, true, false or distinct from");
        left = unary(p, text, left, true, position);
    }
    return NULL;
}

static node parse_not(struct parser *p)
{
    uint32_t position = p->l.token.position;
    if (!take_word(p, "not"))
        return parse_is(p);
    p->depth++;
    node e = p->depth >= EXPRESSION_DEPTH_MAX
               ? fail(p, position, STR("the expression is nested too deeply"), STR_NONE)
               : unary(p, "NOT", parse_not(p), false, position);
    p->depth--;
    return e;
}

static node parse_and(struct parser *p)
{
    node left = parse_not(p);
    while (left && is_word(p, "and")) {
        uint32_t position = p->l.token.position;
        lexer_next(&p->l);
        left = binary(p, "AND", left, parse_not(p), position);
    }
    return left;
}

static node parse_or(struct parser *p)
{
    if (++p->depth >= EXPRESSION_DEPTH_MAX)
        return fail(p, p->l.token.position, STR("the expression is nested too deeply"), STR_NONE);
    node left = parse_and(p);
    while (left && is_word(p, "or")) {
        uint32_t position = p->l.token.position;
        lexer_next(&p->l);
        left = binary(p, "OR", left, parse_and(p), position);
    }
    p->depth--;
    return left;
}

const struct policy_expression *policy_expression_parse(struct arena *mem, str text, bool is_mask,
                                                        struct expression_error *error_out)
{
    struct parser p = {.mem = mem, .is_mask = is_mask, .error = error_out};
    *error_out = (struct expression_error){0};
    lexer_open(&p.l, mem, text);
    node e = parse_or(&p);
    if (e && p.l.token.kind == TOKEN_BROKEN)
        return parse_primary(&p); /* which says what is broken */
    if (e && p.l.token.kind != TOKEN_END)
        return fail_here(&p, "the end");
    return e;
}

void policy_expression_walk(const struct policy_expression *expression, void *state,
                            void (*visit)(void *state, const struct policy_expression *at))
{
    visit(state, expression);
    for (size_t i = 0; i < expression->children.len; i++)
        policy_expression_walk(expression->children.at[i], state, visit);
}

struct naming {
    struct arena *mem;
    struct str_list *out;
};

static void name_column(void *state, const struct policy_expression *at)
{
    struct naming *naming = state;
    if (at->kind == EXPRESSION_COLUMN)
        str_list_add(naming->mem, naming->out, at->parts.at[0]);
}

void policy_expression_columns(struct arena *mem, const struct policy_expression *expression,
                               struct str_list *out)
{
    struct naming naming = {.mem = mem, .out = out};
    policy_expression_walk(expression, &naming, name_column);
}
