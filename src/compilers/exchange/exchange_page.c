/* A contract as a page for people, as Markdown or as HTML. Its texts are written by others: each goes through one of the two escapes. */
#include "exchange/exchange_inside.h"

struct page {
    struct exchanger *x;
    struct buf *b;
    bool is_html;
};

/* ---- the two escapes */

static void add_html(struct buf *b, str text)
{
    for (size_t i = 0; i < text.len; i++)
        switch (text.ptr[i]) {
        case '<':
            buf_add(b, STR("&lt;"));
            break;
        case '>':
            buf_add(b, STR("&gt;"));
            break;
        case '&':
            buf_add(b, STR("&amp;"));
            break;
        case '"':
            buf_add(b, STR("&quot;"));
            break;
        case '\'':
            buf_add(b, STR("&#39;"));
            break;
        default: {
            /* Control characters are none of HTML's, what is no UTF-8 is no character. */
            unsigned char c = (unsigned char)text.ptr[i];
            size_t len = str_utf8_at(text, i);
            if (!len || (c < ' ' && c != '\n' && c != '\t') || c == 0x7f) {
                buf_add(b, STR("\xEF\xBF\xBD"));
                break;
            }
            buf_add(b, str_sub(text, i, len));
            i += len - 1;
        }
        }
}

/* Every sign that Markdown or the HTML inside of it may mean something by is escaped; lines become spaces, so that a text cannot begin a
 * block, nor leave the row of its table. */
static void add_markdown(struct buf *b, str text)
{
    static const str signs = {"\\`*_{}[]()#+-.!|~<>&:@=^$\"'/", 28};
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        size_t len = str_utf8_at(text, i);
        if (!len) {
            buf_add(b, STR("\xEF\xBF\xBD"));
        } else if (c <= ' ' || c == 0x7f) {
            buf_add_byte(b, ' ');
        } else if (c == '<' || c == '>' || c == '&') {
            buf_add(b, c == '<' ? STR("&lt;") : c == '>' ? STR("&gt;") : STR("&amp;"));
        } else if (len == 1 && str_has(signs, (char)c)
                   && !(c == '-' || c == '.' || c == '(' || c == ')' || c == '\'' || c == '"'
                        || c == '/' || c == '=' || c == ':')) {
            buf_add_byte(b, '\\');
            buf_add_byte(b, (char)c);
        } else {
            buf_add(b, str_sub(text, i, len));
            i += len - 1;
        }
    }
}

static void add_text(struct page *p, str text)
{
    if (p->is_html)
        add_html(p->b, text);
    else
        add_markdown(p->b, text);
}

/* ---- parts of a page */

static void add_title(struct page *p, int level, str text)
{
    if (p->is_html)
        buf_format(p->b, "<h%d>", level);
    else
        buf_add(p->b,
                str_sub(STR("\n####"), p->b->len ? 0 : 1, (size_t)level + (p->b->len ? 1 : 0)));
    buf_add(p->b, p->is_html ? STR_NONE : STR(" "));
    add_text(p, text);
    if (p->is_html)
        buf_format(p->b, "</h%d>\n", level);
    else
        buf_add(p->b, STR("\n"));
}

static void add_paragraph(struct page *p, str text)
{
    if (!str_trim(text).len)
        return;
    buf_add(p->b, p->is_html ? STR("<p>") : STR("\n"));
    /* A sign that begins a line may begin a list, or a heading. */
    if (!p->is_html && str_has(STR("-=0123456789:"), str_trim(text).ptr[0]))
        buf_add(p->b, STR("&#8203;"));
    add_text(p, str_trim(text));
    buf_add(p->b, p->is_html ? STR("</p>\n") : STR("\n"));
}

static void begin_table(struct page *p, const char *const *titles, size_t len)
{
    buf_add(p->b, p->is_html ? STR("<table>\n<thead><tr>") : STR("\n|"));
    for (size_t i = 0; i < len; i++)
        buf_format(p->b, p->is_html ? "<th>%s</th>" : " %s |", titles[i]);
    buf_add(p->b, p->is_html ? STR("</tr></thead>\n<tbody>\n") : STR("\n|"));
    for (size_t i = 0; i < len && !p->is_html; i++)
        buf_add(p->b, STR(" --- |"));
    if (!p->is_html)
        buf_add(p->b, STR("\n"));
}

static void add_row(struct page *p, const str *cells, size_t len)
{
    buf_add(p->b, p->is_html ? STR("<tr>") : STR("|"));
    for (size_t i = 0; i < len; i++) {
        buf_add(p->b, p->is_html ? STR("<td>") : STR(" "));
        add_text(p, cells[i]);
        buf_add(p->b, p->is_html ? STR("</td>") : cells[i].len ? STR(" |") : STR("|"));
    }
    buf_add(p->b, p->is_html ? STR("</tr>\n") : STR("\n"));
}

static void end_table(struct page *p)
{
    if (p->is_html)
        buf_add(p->b, STR("</tbody>\n</table>\n"));
}

/* ---- the contract */

static str joined(struct exchanger *x, str head, const char *between, str tail)
{
    return !head.len ? tail
         : !tail.len
             ? head
             : arena_format(x->mem, STR_FMT "%s" STR_FMT, STR_ARG(head), between, STR_ARG(tail));
}

static str shown(struct exchanger *x, const struct tree *value)
{
    struct buf *b = buf_new(x->mem, DOCUMENT_BYTES_MAX);
    if (!value)
        return STR_NONE;
    if (value->kind == TREE_SCALAR)
        return value->text;
    tree_json(value, b);
    return buf_str(b);
}

static str options_text(struct exchanger *x, const struct tree *source)
{
    const struct tree *options = contract_options(x->mem, source);
    str text = STR_NONE;
    for (size_t i = 0; options && options->kind == TREE_MAP && i < options->len; i++)
        if (!tree_is_null(options->at[i]))
            text = joined(x, text, ", ",
                          arena_format(x->mem, STR_FMT " " STR_FMT, STR_ARG(options->at[i]->key),
                                       STR_ARG(shown(x, options->at[i]))));
    return text;
}

static str promises_of(struct exchanger *x, const struct contract_column *column, size_t key_len)
{
    str text = STR_NONE;
    if (column->primary_key)
        text = key_len > 1 ? arena_format(x->mem, "primary key (%d)", column->primary_key)
                           : STR("primary key");
    if (column->required && !column->primary_key)
        text = joined(x, text, ", ", STR("required"));
    if (column->unique)
        text = joined(x, text, ", ", STR("unique"));
    return joined(x, text, ", ", options_text(x, column->source));
}

static void add_columns(struct page *p, const struct contract_table *table)
{
    static const char *const titles[] = {"Column", "Type", "Promises", "Labels", "Description"};
    struct exchanger *x = p->x;
    size_t key_len = exchange_key(x->mem, table).len;
    begin_table(p, titles, 5);
    for (size_t i = 0; i < table->columns.len; i++) {
        const struct contract_column *column = &table->columns.at[i];
        str tags = str_list_join(x->mem, &column->tags, STR(", "));
        str business = tree_find_text(column->source, STR("businessName"));
        add_row(p,
                (const str[]){column->name, column->type, promises_of(x, column, key_len),
                              joined(x, column->classification, ", ", tags),
                              joined(x, business, ": ", column->description)},
                5);
    }
    end_table(p);
}

static void add_rules(struct page *p, const struct contract_table *table)
{
    static const char *const titles[] = {"Rule", "When it fails", "Description"};
    size_t count = 0;
    for (size_t i = 0; i < table->rules.len; i++) {
        const struct contract_rule *rule = &table->rules.at[i];
        if (exchange_is_schema_rule(rule))
            continue;
        if (!count++)
            begin_table(p, titles, 3);
        bool is_told = rule->kind == RULE_TEXT || rule->kind == RULE_CUSTOM;
        str text = contract_rule_text(p->x->mem, rule);
        if (rule->has_values)
            text = joined(p->x, text, ": ", shown(p->x, tree_find(rule->source, STR("arguments"))));
        add_row(p,
                (const str[]){joined(p->x, text, ": ", rule->query),
                              is_told                            ? STR("not executed")
                              : rule->effect == RULE_REJECTS     ? STR("the run is rejected")
                              : rule->effect == RULE_QUARANTINES ? STR("rows are quarantined")
                                                                 : STR("a warning"),
                              rule->description},
                3);
    }
    if (count)
        end_table(p);
}

static void add_links(struct page *p, const struct contract_table *table, const struct tree *source,
                      str column, size_t *count)
{
    static const char *const titles[] = {"From", "To"};
    const struct tree *list = tree_find(source, STR("relationships"));
    for (size_t i = 0; list && list->kind == TREE_LIST && i < list->len; i++) {
        str from = column.len ? arena_format(p->x->mem, STR_FMT "." STR_FMT, STR_ARG(table->name),
                                             STR_ARG(column))
                              : shown(p->x, tree_find(list->at[i], STR("from")));
        if (!(*count)++)
            begin_table(p, titles, 2);
        add_row(p, (const str[]){from, shown(p->x, tree_find(list->at[i], STR("to")))}, 2);
    }
}

static void add_table(struct page *p, const struct contract_table *table)
{
    size_t links = 0;
    str tags = str_list_join(p->x->mem, &table->tags, STR(", "));
    add_title(p, 2, table->name);
    add_paragraph(p, table->description);
    add_paragraph(p, tree_find_text(table->source, STR("dataGranularityDescription")));
    if (tags.len)
        add_paragraph(p, arena_format(p->x->mem, "Tags: " STR_FMT, STR_ARG(tags)));
    add_columns(p, table);
    add_links(p, table, table->source, STR_NONE, &links);
    for (size_t i = 0; i < table->columns.len; i++)
        add_links(p, table, table->columns.at[i].source, table->columns.at[i].name, &links);
    if (links)
        end_table(p);
    add_rules(p, table);
}

static void add_head(struct page *p)
{
    static const char *const titles[] = {"Contract", ""};
    const struct contract *contract = p->x->contract;
    const struct tree *described = tree_find(contract->source, STR("description"));
    const struct {
        const char *name;
        str value;
    } facts[] = {
        {"id", contract->id},
        {"version", contract->version},
        {"status", contract->status},
        {"domain", contract->domain},
        {"tags", str_list_join(p->x->mem, &contract->tags, STR(", "))},
    };
    add_title(p, 1, contract->name);
    add_paragraph(p, contract->description);
    add_paragraph(p, tree_find_text(described, STR("usage")));
    add_paragraph(p, tree_find_text(described, STR("limitations")));
    begin_table(p, titles, 2);
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        if (facts[i].value.len)
            add_row(p, (const str[]){str_of(facts[i].name), facts[i].value}, 2);
    end_table(p);
}

static void add_promises(struct page *p)
{
    static const char *const titles[] = {"Promise", "Value", "Of", "Description"};
    const struct tree *list = tree_find(p->x->contract->source, STR("slaProperties"));
    if (!list || list->kind != TREE_LIST || !list->len)
        return;
    add_title(p, 2, STR("Service levels"));
    begin_table(p, titles, 4);
    for (size_t i = 0; i < list->len; i++)
        add_row(p,
                (const str[]){tree_find_text(list->at[i], STR("property")),
                              joined(p->x, shown(p->x, tree_find(list->at[i], STR("value"))), " ",
                                     tree_find_text(list->at[i], STR("unit"))),
                              shown(p->x, tree_find(list->at[i], STR("element"))),
                              tree_find_text(list->at[i], STR("description"))},
                4);
    end_table(p);
}

/* Servers by name and kind only: how to reach one, and as whom, is not for a page. */
static void add_servers(struct page *p)
{
    static const char *const titles[] = {"Server", "Type", "Environment", "Description"};
    const struct contract *contract = p->x->contract;
    if (!contract->servers.len)
        return;
    add_title(p, 2, STR("Servers"));
    begin_table(p, titles, 4);
    for (size_t i = 0; i < contract->servers.len; i++)
        add_row(p,
                (const str[]){contract->servers.at[i].name, contract->servers.at[i].type,
                              contract->servers.at[i].environment,
                              tree_find_text(contract->servers.at[i].source, STR("description"))},
                4);
    end_table(p);
}

static void add_roles(struct page *p)
{
    static const char *const titles[] = {"Role", "Access", "Approved by"};
    const struct contract *contract = p->x->contract;
    if (!contract->roles.len)
        return;
    add_title(p, 2, STR("Roles"));
    begin_table(p, titles, 3);
    for (size_t i = 0; i < contract->roles.len; i++)
        add_row(p,
                (const str[]){contract->roles.at[i].role, contract->roles.at[i].access,
                              joined(p->x, contract->roles.at[i].first_approvers, "; then ",
                                     contract->roles.at[i].second_approvers)},
                3);
    end_table(p);
}

static void add_page(struct page *p)
{
    const struct contract *contract = p->x->contract;
    add_head(p);
    for (size_t i = 0; i < contract->tables.len; i++)
        if (!p->x->only || p->x->only == &contract->tables.at[i])
            add_table(p, &contract->tables.at[i]);
    add_promises(p);
    add_servers(p);
    add_roles(p);
}

void exchange_markdown(struct exchanger *x)
{
    struct page p = {.x = x, .b = x->out};
    add_page(&p);
}

void exchange_html(struct exchanger *x)
{
    struct page p = {.x = x, .b = x->out, .is_html = true};
    /* The policy lets no script run, and nothing be loaded, even if an escape were missing. */
    buf_add(p.b, STR("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                     "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                     "style-src 'unsafe-inline'\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                     "<title>"));
    add_text(&p, x->contract->name);
    buf_add(p.b, STR("</title>\n<style>\n"
                     "body { font: 16px/1.5 sans-serif; max-width: 70em; margin: 2em auto; "
                     "padding: 0 1em }\n"
                     "table { border-collapse: collapse; margin: 1em 0 }\n"
                     "th, td { border: 1px solid #bbb; padding: .25em .6em; text-align: left; "
                     "vertical-align: top }\n"
                     "</style>\n</head>\n<body>\n"));
    add_page(&p);
    buf_add(p.b, STR("</body>\n</html>\n"));
}
