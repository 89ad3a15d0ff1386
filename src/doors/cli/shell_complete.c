#include <string.h>

#include "buf/buf.h"
#include "clock/clock.h"
#include "http_client/http_client.h"
#include "shell_inside.h"

/* Names come from the API under the caller's rights: what one may not discover is not offered, nor a column that is denied. */

enum { CATALOG_AGE_MS = 60000, COMPLETE_TABLES_MAX = 16 };

static const char *const words[] = {
    "ALL",      "AND",       "ANY",       "AS",     "ASC",    "BETWEEN", "BY",
    "CASE",     "CAST",      "COALESCE",  "COUNT",  "CROSS",  "DATE",    "DESC",
    "DISTINCT", "ELSE",      "END",       "EXCEPT", "EXISTS", "EXTRACT", "FALSE",
    "FILTER",   "FROM",      "FULL",      "GROUP",  "HAVING", "ILIKE",   "IN",
    "INNER",    "INTERSECT", "INTERVAL",  "IS",     "JOIN",   "LATERAL", "LEFT",
    "LIKE",     "LIMIT",     "MAX",       "MIN",    "NOT",    "NULL",    "NULLS FIRST",
    "OFFSET",   "ON",        "OR",        "ORDER",  "OUTER",  "OVER",    "PARTITION",
    "QUALIFY",  "RECURSIVE", "RIGHT",     "SELECT", "SUM",    "THEN",    "TIMESTAMP",
    "TRUE",     "TRY_CAST",  "UNION",     "USING",  "VALUES", "WHEN",    "WHERE",
    "WINDOW",   "WITH",      "NULLS LAST"};

static const struct {
    const char *table, *column;
} mesh_columns[] = {
#define MESH_COLUMN(table, column, type, meaning) {#table, #column},
#include "read_mesh/mesh_tables.def"
#undef MESH_COLUMN
};

/* One completion. */
struct completing {
    struct shell *shell;
    struct arena *mem;
    str text, whole; /* the statement up to the cursor, and with what comes after */
    str word;        /* the part of a name that is looked for */
    str before;      /* of the word: `domain.product.` */
    struct str_list *out;
};

/* ---- what the mesh has */

static bool catalog_get(struct shell *shell, str path, const struct tree **out)
{
    struct task *t = shell->t;
    struct cli *cli = shell->cli;
    struct arena_mark mark = arena_mark(t->mem);
    const struct tree *answer;
    bool ok = cli_call(t, cli, "GET", path, STR_NONE, &answer);

    if (ok) {
        *out = tree_copy(shell->catalog.mem, answer);
    }
    cli->problem = STR_NONE;
    cli->findings = NULL;
    arena_rewind(t->mem, mark);
    task_clear_error(t);
    return ok;
}

static const struct tree *catalog_products(struct shell *shell)
{
    struct shell_catalog *catalog = &shell->catalog;
    int64_t now_ms = clock_monotonic_ms();
    const struct tree *answer;

    if (catalog->mem != NULL && now_ms - catalog->asked_ms > CATALOG_AGE_MS) {
        arena_free(catalog->mem);
        *catalog = (struct shell_catalog){0};
    }
    if (catalog->mem == NULL) {
        *catalog = (struct shell_catalog){.mem = arena_new(), .asked_ms = now_ms};
        if (catalog_get(shell, STR("/api/v1/products"), &answer)) {
            catalog->products = tree_find(answer, STR("products"));
        }
    }
    return catalog->products;
}

static const struct tree *catalog_product(struct shell *shell, str address)
{
    struct shell_catalog *catalog = &shell->catalog;
    const struct tree *products = catalog_products(shell), *answer;

    for (size_t i = 0; i < catalog->len; i++) {
        if (str_eq(tree_find_text(catalog->at[i], STR("address")), address)) {
            return catalog->at[i];
        }
    }
    for (size_t i = 0; products != NULL && i < products->len; i++) {
        str path = arena_format(catalog->mem, "/api/v1/products/%.*s",
                                STR_ARG(http_percent_encode(catalog->mem, address)));

        if (str_eq(tree_find_text(products->at[i], STR("address")), address)
            && catalog_get(shell, path, &answer)) {
            vec_push(catalog->mem, catalog, answer);
            return answer;
        }
    }
    return NULL;
}

/* ---- what fits */

static bool complete_fits(str candidate, str word)
{
    return candidate.len >= word.len && str_eq_nocase(str_sub(candidate, 0, word.len), word);
}

static void complete_offer(struct completing *c, str candidate, const char *end)
{
    if (complete_fits(candidate, c->word)) {
        str_list_add(
            c->mem, c->out,
            arena_format(c->mem, "%.*s%.*s%s", STR_ARG(c->before), STR_ARG(candidate), end));
    }
}

/* In the case that is being typed. */
static void complete_words(struct completing *c)
{
    bool is_lower = c->word.len > 0 && c->word.ptr[0] >= 'a' && c->word.ptr[0] <= 'z';

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && c->word.len > 0; i++) {
        str word = str_of(words[i]);

        complete_offer(c, is_lower ? arena_lower(c->mem, word) : word, " ");
    }
}

static void complete_domains(struct completing *c)
{
    const struct tree *products = catalog_products(c->shell);

    for (size_t i = 0; products != NULL && i < products->len; i++) {
        complete_offer(c, tree_find_text(products->at[i], STR("domain")), ".");
    }
    complete_offer(c, STR("mesh"), ".");
}

static void complete_products(struct completing *c, str domain)
{
    const struct tree *products = catalog_products(c->shell);

    for (size_t i = 0; products != NULL && i < products->len; i++) {
        if (str_eq_nocase(tree_find_text(products->at[i], STR("domain")), domain)) {
            complete_offer(c, tree_find_text(products->at[i], STR("name")), ".");
        }
    }
}

static void complete_tables(struct completing *c, str product)
{
    const struct tree *tables = tree_find(catalog_product(c->shell, product), STR("tables"));

    for (size_t i = 0; tables != NULL && i < tables->len; i++) {
        complete_offer(c, tree_find_text(tables->at[i], STR("name")), "");
    }
}

static void complete_mesh(struct completing *c, str table)
{
    for (size_t i = 0; i < sizeof(mesh_columns) / sizeof(mesh_columns[0]); i++) {
        if (table.len == 0) {
            complete_offer(c, str_of(mesh_columns[i].table), "");
        } else if (str_eq_nocase(table, str_of(mesh_columns[i].table))) {
            complete_offer(c, str_of(mesh_columns[i].column), "");
        }
    }
}

/* Of a table by its whole address. */
static void complete_columns(struct completing *c, str address)
{
    str product, name;
    const struct tree *tables, *columns;

    if (!str_cut_last(address, '.', &product, &name)) {
        return;
    }
    if (str_eq_nocase(product, STR("mesh"))) {
        complete_mesh(c, name);
        return;
    }
    tables = tree_find(catalog_product(c->shell, product), STR("tables"));
    for (size_t i = 0; tables != NULL && i < tables->len; i++) {
        if (!str_eq(tree_find_text(tables->at[i], STR("name")), name)) {
            continue;
        }
        columns = tree_find(tables->at[i], STR("columns"));
        for (size_t k = 0; columns != NULL && k < columns->len; k++) {
            if (!str_eq(tree_find_text(columns->at[k], STR("access")), STR("denied"))) {
                complete_offer(c, tree_find_text(columns->at[k], STR("name")), "");
            }
        }
    }
}

/* ---- what the statement reads */

static bool complete_is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'
        || c == '.' || c == '@' || c == '#' || (unsigned char)c >= 0x80;
}

static str complete_next(str *text)
{
    size_t at = 0, from;

    while (at < text->len && !complete_is_word(text->ptr[at])) {
        at++;
    }
    from = at;
    while (at < text->len && complete_is_word(text->ptr[at])) {
        at++;
    }
    str word = str_sub(*text, from, at - from);
    *text = str_from(*text, at);
    return word;
}

static bool complete_is_keyword(str word)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (str_eq_nocase(word, str_of(words[i]))) {
            return true;
        }
    }
    return false;
}

/* The name that a table has in a text: what follows it, or the last part of its address. What comes behind is left in `rest`. */
static str complete_alias(str table, str *rest)
{
    str look = *rest, alias, head, last;
    str gap = str_trim(str_sub(look, 0, str_find(look, STR(","))));

    alias = gap.len > 0 ? complete_next(&look) : STR_NONE;
    if (str_eq_nocase(alias, STR("AS"))) {
        alias = complete_next(&look);
    }
    if (alias.len > 0 && !complete_is_keyword(alias)) {
        *rest = look;
        return alias;
    }
    return str_cut_last(table, '.', &head, &last) ? last : table;
}

/* Columns of the tables after FROM, JOIN and commas between: of all, or of the one that goes by this name. */
static void complete_from(struct completing *c, str name)
{
    str rest = c->whole;
    bool is_next = false;

    for (int i = 0; rest.len > 0 && i < COMPLETE_TABLES_MAX;) {
        str word = complete_next(&rest), table, alias, last, head;

        if (!is_next && !str_eq_nocase(word, STR("FROM")) && !str_eq_nocase(word, STR("JOIN"))) {
            continue;
        }
        table = is_next ? word : complete_next(&rest);
        alias = complete_alias(table, &rest);
        is_next = str_starts(str_trim(rest), STR(","));
        if (!str_cut_last(table, '.', &head, &last)) {
            last = table;
        }
        if (name.len == 0 || str_eq_nocase(name, last) || str_eq_nocase(name, alias)) {
            complete_columns(c, table);
        }
        i++;
    }
}

static bool complete_wants_table(str before)
{
    str text = before, last = STR_NONE;

    while (text.len > 0) {
        str word = complete_next(&text);

        last = word.len > 0 ? word : last;
    }
    return str_eq_nocase(last, STR("FROM")) || str_eq_nocase(last, STR("JOIN"));
}

static void complete_name(struct completing *c, str path)
{
    size_t dots = 0;

    for (size_t i = 0; i < path.len; i++) {
        dots += path.ptr[i] == '.';
    }
    if (str_eq_nocase(path, STR("mesh"))) {
        complete_mesh(c, STR_NONE);
    } else if (dots == 0) {
        complete_products(c, path);
        complete_from(c, path);
    } else if (dots == 1 && str_starts(path, STR("mesh."))) {
        complete_columns(c, path);
    } else if (dots == 1) {
        complete_tables(c, path);
    } else if (dots == 2) {
        complete_columns(c, path);
    }
}

/* ---- commands of the shell */

static void complete_command(struct completing *c, str line)
{
    static const char *const formats[] = {"table", "json", "ndjson", "csv"};
    str command, argument, path;
    struct str_list names = {0};

    if (!str_cut(line, ' ', &command, &argument)) {
        c->word = line;
        shell_command_names(c->mem, &names);
        for (size_t i = 0; i < names.len; i++) {
            complete_offer(c, names.at[i], " ");
        }
    } else if (str_eq(command, STR("\\format"))) {
        for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
            complete_offer(c, str_of(formats[i]), "");
        }
    } else if (str_starts(command, STR("\\d"))) {
        if (str_cut_last(c->word, '.', &path, &argument)) {
            c->before = arena_format(c->mem, "%.*s.", STR_ARG(path));
            c->word = argument;
            complete_name(c, path);
        } else {
            complete_domains(c);
        }
    }
}

void shell_complete(void *state, struct arena *mem, str before, str after, struct str_list *out,
                    size_t *word_out)
{
    struct shell *shell = state;
    struct completing c = {.shell = shell, .mem = mem, .out = out};
    size_t from = before.len;
    str path, word;

    while (from > 0 && complete_is_word(before.ptr[from - 1])) {
        from--;
    }
    c.text = arena_format(mem, "%.*s%.*s", STR_ARG(buf_str(shell->text)), STR_ARG(before));
    c.whole = arena_format(mem, "%.*s%.*s", STR_ARG(c.text), STR_ARG(after));
    c.word = str_from(before, from);
    if (shell->text->len == 0 && str_starts(before, STR("\\"))) {
        bool is_name = !str_has(before, ' ');

        complete_command(&c, before);
        *word_out = is_name ? before.len : before.len - from;
        return;
    }
    *word_out = c.word.len;
    if (str_cut_last(c.word, '.', &path, &word)) {
        c.before = arena_format(mem, "%.*s.", STR_ARG(path));
        c.word = word;
        complete_name(&c, path);
    } else if (complete_wants_table(str_sub(c.text, 0, c.text.len - c.word.len))) {
        complete_domains(&c);
    } else {
        complete_from(&c, STR_NONE);
        complete_words(&c);
        if (c.word.len > 0) {
            complete_domains(&c);
        }
    }
}
