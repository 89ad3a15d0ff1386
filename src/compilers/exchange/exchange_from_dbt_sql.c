/* The SQL of a model, with the names of relations as weft calls them. All else stays as it is. */
#include "exchange/exchange_from_dbt.h"
#include "exchange/exchange_lexer.h"
#include "shape/shape.h"

enum { CHAIN_MAX = 4 };

struct rewriter {
    struct dbt_reader *r;
    struct dbt_product *product;
    struct dbt_node *node; /* whose SQL it is */
    struct buf *out;
    str problem; /* why it cannot be rewritten */
};

/* ---- what a relation is to this product */

static void add_internal(struct rewriter *w, struct dbt_node *node)
{
    for (size_t i = 0; i < w->product->internals.len; i++)
        if (w->product->internals.at[i].node == node)
            return;
    vec_push(w->r->mem, &w->product->internals, ((struct dbt_table){.node = node}));
}

static str name_here(struct rewriter *w, struct dbt_node *node)
{
    struct arena *mem = w->r->mem;
    if (node->kind == DBT_SOURCE) {
        bool is_there = false;
        for (size_t i = 0; i < w->product->sources.len; i++)
            is_there = is_there || w->product->sources.at[i] == node;
        if (!is_there)
            vec_push(mem, &w->product->sources, node);
        return arena_format(mem, STR_FMT "." STR_FMT, STR_ARG(node->source), STR_ARG(node->name));
    }
    if (node->kind == DBT_INTERNAL) {
        add_internal(w, node);
        return arena_format(mem, "self." STR_FMT, STR_ARG(node->name));
    }
    if (node->product == w->product) {
        node->is_read = true;
        return arena_format(mem, "self." STR_FMT "_rows", STR_ARG(node->name));
    }
    bool is_there = false;
    for (size_t i = 0; i < w->product->inputs.len; i++)
        is_there = is_there || w->product->inputs.at[i] == node->product;
    if (!is_there)
        vec_push(mem, &w->product->inputs, node->product);
    return arena_format(mem, STR_FMT "." STR_FMT, STR_ARG(node->product->name),
                        STR_ARG(node->name));
}

static struct dbt_node *find_relation(struct rewriter *w, const str *chain, size_t len)
{
    struct arena_mark mark = arena_mark(w->r->mem);
    struct dbt_node *node =
        map_find(&w->r->by_relation, exchange_dbt_relation(w->r->mem, chain, len));
    arena_rewind(w->r->mem, mark);
    return node;
}

/* ---- compiled SQL */

static bool is_name(const struct lexeme *l)
{
    return l->kind == LEXEME_WORD || l->kind == LEXEME_NAME;
}

/* Names with dots between, from `first` on: how many, and where each ends. */
static size_t read_chain(struct exchange_lexer *lexer, struct lexeme first, str *chain,
                         size_t *ends)
{
    size_t len = 0;
    chain[len] = first.text;
    ends[len++] = first.end;
    while (len < CHAIN_MAX) {
        struct exchange_lexer ahead = *lexer;
        struct lexeme dot = exchange_lexer_next(&ahead), name = exchange_lexer_next(&ahead);
        if (dot.kind != LEXEME_SIGN || !str_eq(dot.text, STR(".")) || !is_name(&name))
            break;
        chain[len] = name.text;
        ends[len++] = name.end;
        *lexer = ahead;
    }
    return len;
}

/* Two names may be an alias and its column: only where a table is expected they are a relation. */
static void rewrite_compiled(struct rewriter *w, str sql)
{
    struct exchange_lexer lexer = {.mem = w->r->mem, .text = sql};
    size_t copied = 0;
    bool is_table = false;
    for (;;) {
        struct lexeme l = exchange_lexer_next(&lexer);
        if (l.kind == LEXEME_WRONG) {
            w->problem = STR("a quote or a comment of it does not end");
            return;
        }
        if (l.kind == LEXEME_END)
            break;
        if (!is_name(&l)) {
            is_table = l.kind == LEXEME_SIGN && str_eq(l.text, STR(","));
            continue;
        }
        str chain[CHAIN_MAX];
        size_t ends[CHAIN_MAX], len = read_chain(&lexer, l, chain, ends), used = 0;
        struct dbt_node *node = NULL;
        if (len >= 3 && (node = find_relation(w, chain, 3)))
            used = 3;
        else if (len >= 2 && (is_table || len == 3) && (node = find_relation(w, chain, 2)))
            used = 2; /* of three, the last is a column */
        if (node) {
            buf_add(w->out, str_sub(sql, copied, l.start - copied));
            buf_add(w->out, name_here(w, node));
            copied = ends[used - 1];
        }
        is_table = len == 1 && l.kind == LEXEME_WORD
                && (str_eq_nocase(l.text, STR("from")) || str_eq_nocase(l.text, STR("join")));
    }
    buf_add(w->out, str_from(sql, copied));
}

/* ---- raw SQL: {{ ref('x') }}, {{ source('a', 'b') }}, {{ config(…) }}, comments, and nothing else of Jinja */

static struct dbt_node *find_ref(struct rewriter *w, const struct str_list *words)
{
    for (size_t i = 0; i < w->r->nodes.len; i++) {
        struct dbt_node *node = w->r->nodes.at[i];
        bool is_source = str_starts(node->id, STR("source."));
        str name = words->at[words->len - 1];
        if (!str_eq(node->dbt_name, name))
            continue;
        if (str_eq(words->at[0], STR("ref")) && !is_source
            && (words->len == 2 || str_eq(words->at[1], node->package)))
            return node;
        if (str_eq(words->at[0], STR("source")) && is_source && words->len == 3
            && str_eq(words->at[1], node->source_name))
            return node;
    }
    return NULL;
}

/* `ref('a', 'b')` as its words; none when it is no call of plain texts. */
static void read_call(struct rewriter *w, str text, struct str_list *words)
{
    struct exchange_lexer lexer = {.mem = w->r->mem, .text = text};
    struct lexeme l = exchange_lexer_next(&lexer);
    *words = (struct str_list){0};
    if (l.kind != LEXEME_WORD)
        return;
    vec_push(w->r->mem, words, l.text);
    l = exchange_lexer_next(&lexer);
    bool is_good = l.kind == LEXEME_SIGN && str_eq(l.text, STR("("));
    while (is_good) {
        l = exchange_lexer_next(&lexer);
        is_good = l.kind == LEXEME_STRING || l.kind == LEXEME_NAME;
        vec_push(w->r->mem, words, l.text);
        l = exchange_lexer_next(&lexer);
        if (l.kind != LEXEME_SIGN || !str_eq(l.text, STR(",")))
            break;
    }
    if (!is_good || l.kind != LEXEME_SIGN || !str_eq(l.text, STR(")"))
        || exchange_lexer_next(&lexer).kind != LEXEME_END || words->len < 2)
        *words = (struct str_list){0};
}

static void rewrite_expression(struct rewriter *w, str text)
{
    struct str_list words;
    text = str_trim(text);
    if (str_starts(text, STR("config")) && str_ends(text, STR(")")))
        return;
    read_call(w, text, &words);
    struct dbt_node *node = words.len ? find_ref(w, &words) : NULL;
    if (node)
        buf_add(w->out, name_here(w, node));
    else
        w->problem = arena_format(w->r->mem, "{{ " STR_FMT " }} is more than a simple reference",
                                  STR_ARG(str_sub(text, 0, text.len < 60 ? text.len : 60)));
}

static void rewrite_raw(struct rewriter *w, str sql)
{
    while (sql.len && !w->problem.len) {
        size_t at = 0;
        while (at + 1 < sql.len && !(sql.ptr[at] == '{' && str_has(STR("{%#"), sql.ptr[at + 1])))
            at++;
        if (at + 1 >= sql.len) {
            buf_add(w->out, sql);
            return;
        }
        char kind = sql.ptr[at + 1];
        str end = kind == '{' ? STR("}}") : kind == '#' ? STR("#}") : STR("%}");
        str rest = str_from(sql, at + 2);
        size_t len = str_find(rest, end);
        buf_add(w->out, str_sub(sql, 0, at));
        if (len == rest.len || kind == '%')
            w->problem = STR("its templates have not been compiled, and are more than references");
        else if (kind == '{')
            rewrite_expression(w, str_sub(rest, 0, len));
        sql = str_from(rest, len + 2);
    }
}

/* ---- the whole */

/* One SELECT: what ends a statement is none of it. */
static str without_end(str sql)
{
    sql = str_trim(sql);
    while (str_ends(sql, STR(";")))
        sql = str_trim(str_sub(sql, 0, sql.len - 1));
    return sql;
}

static str as_comment(struct arena *mem, str why, str sql)
{
    struct buf *b = buf_new(mem, EXCHANGE_BYTES_MAX);
    str line;
    buf_format(b, "-- This model was not rewritten: " STR_FMT ".\n", STR_ARG(why));
    while (sql.len) {
        (void)str_cut(sql, '\n', &line, &sql);
        buf_add(b, STR("-- "));
        buf_add(b, line);
        buf_add(b, STR("\n"));
    }
    return buf_str(b);
}

void exchange_dbt_rewrite(struct dbt_reader *r, struct dbt_product *product,
                          struct dbt_table *table)
{
    struct rewriter w = {.r = r,
                         .product = product,
                         .node = table->node,
                         .out = buf_new(r->mem, EXCHANGE_BYTES_MAX)};
    str compiled = tree_find_text(table->node->tree, STR("compiled_code"));
    str raw = tree_find_text(table->node->tree, STR("raw_code"));
    if (str_eq(tree_find_text(table->node->tree, STR("language")), STR("python")))
        w.problem = STR("it is written in Python");
    else if (compiled.len)
        rewrite_compiled(&w, without_end(compiled));
    else if (raw.len)
        rewrite_raw(&w, without_end(raw));
    else
        w.problem = STR("the manifest holds no SQL of it");
    table->is_rewritten = !w.problem.len && !w.out->full;
    if (table->is_rewritten) {
        table->sql = arena_format(r->mem, "-- dbt: " STR_FMT "\n" STR_FMT "\n",
                                  STR_ARG(table->node->id), STR_ARG(str_trim(buf_str(w.out))));
        return;
    }
    table->sql = as_comment(r->mem, w.problem, compiled.len ? compiled : raw);
    struct finding *f = report_add(r->import->report, FINDING_WARNING, ERR_INVALID,
                                   (struct place){.file = r->import->file, .path = table->node->id},
                                   "the SQL is not rewritten: " STR_FMT, STR_ARG(w.problem));
    f->hint = STR("write the SELECT by hand: the old text stands in its file as a comment");
}
