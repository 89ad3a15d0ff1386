/* A plan as Markdown, for a pull request. The same plan gives the same text. */
#include "buf/buf.h"
#include "cli_inside.h"

enum {
    SUMMARY_BYTES_MAX = 4 << 20,
    SUMMARY_ROWS_MAX = 100, /* of a table; forges cut or refuse long comments */
    SUMMARY_CELL_MAX = 400, /* bytes of a text */
};

static bool summary_is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Marks of Markdown and HTML, and what forges make links of: as references to characters they are text. Names of people and numbers of
 * issues are linked after that, where nothing stands between the sign and the word. */
static void summary_put(struct arena *mem, struct buf *b, str text)
{
    str shown = table_shown(mem, text);
    size_t most = shown.len;

    if (most > SUMMARY_CELL_MAX) {
        most = SUMMARY_CELL_MAX;
        while (most > 0 && ((unsigned char)shown.ptr[most] & 0xc0) == 0x80) {
            most--;
        }
    }
    for (size_t i = 0; i < most; i++) {
        char c = shown.ptr[i];
        bool is_inside = c == '_' && i > 0 && i + 1 < most && summary_is_word(shown.ptr[i - 1])
                      && summary_is_word(shown.ptr[i + 1]);
        bool is_link = (c == ':' && str_starts(str_from(shown, i), STR("://")))
                    || (c == '.' && i >= 3 && str_eq_nocase(str_sub(shown, i - 3, 3), STR("www")));

        if (is_link || (!is_inside && str_has(STR("\\`*_{}[]<>#|&~$"), c))) {
            buf_format(b, "&#%d;", c);
        } else {
            buf_add_byte(b, c);
        }
        if (c == '@' || c == '#') {
            buf_add(b, STR("<!-- -->"));
        }
    }
    if (most < shown.len) {
        buf_add(b, STR("…"));
    }
}

static void summary_cell(struct arena *mem, struct buf *b, str text)
{
    buf_add(b, STR(" "));
    summary_put(mem, b, text);
    buf_add(b, STR(" |"));
}

static void summary_head(struct buf *b, const char *title, const char *columns)
{
    buf_format(b, "\n### %s\n\n|", title);
    for (str rest = str_of(columns), column; rest.len > 0;) {
        (void)str_cut(rest, ' ', &column, &rest);
        buf_format(b, " %.*s |", STR_ARG(column));
    }
    buf_add(b, STR("\n|"));
    for (str rest = str_of(columns), column; rest.len > 0;) {
        (void)str_cut(rest, ' ', &column, &rest);
        buf_add(b, STR(" --- |"));
    }
    buf_add(b, STR("\n"));
}

static void summary_more(struct buf *b, size_t rows)
{
    if (rows > SUMMARY_ROWS_MAX) {
        buf_format(b, "\n… and %zu more\n", rows - SUMMARY_ROWS_MAX);
    }
}

static size_t summary_len(const struct tree *list)
{
    return list != NULL && list->kind == TREE_LIST ? list->len : 0;
}

static bool summary_is(const struct tree *row, const char *key)
{
    bool is = false;
    const struct tree *node = tree_find(row, str_of(key));

    return node != NULL && tree_is_bool(node, &is) && is;
}

static void summary_contracts(struct arena *mem, struct buf *b, const struct tree *rows)
{
    for (size_t i = 0; i < summary_len(rows) && i < SUMMARY_ROWS_MAX; i++) {
        const struct tree *row = rows->at[i], *evidence = tree_find(row, STR("evidence"));

        if (i == 0) {
            summary_head(b, "Contracts", "class product major change readers");
        }
        buf_format(b, "| %s%.*s%s |", summary_is(row, "refused") ? "**" : "",
                   STR_ARG(tree_find_text(row, STR("class"))),
                   summary_is(row, "refused") ? ", refused**" : "");
        summary_cell(mem, b, tree_find_text(row, STR("product")));
        summary_cell(mem, b, tree_find_text(row, STR("major")));
        summary_cell(mem, b, tree_find_text(row, STR("text")));
        summary_cell(mem, b, tree_find_text(evidence, STR("text")));
        buf_add(b, STR("\n"));
    }
    summary_more(b, summary_len(rows));
}

static void summary_changes(struct arena *mem, struct buf *b, const struct tree *rows)
{
    for (size_t i = 0; i < summary_len(rows) && i < SUMMARY_ROWS_MAX; i++) {
        const struct tree *row = rows->at[i];

        if (i == 0) {
            summary_head(b, "Changes", "action kind name detail file");
        }
        buf_add(b, STR("|"));
        summary_cell(mem, b, tree_find_text(row, STR("action")));
        summary_cell(mem, b, tree_find_text(row, STR("kind")));
        summary_cell(mem, b, tree_find_text(row, STR("name")));
        summary_cell(mem, b, tree_find_text(row, STR("detail")));
        summary_cell(mem, b, tree_find_text(row, STR("file")));
        buf_add(b, STR("\n"));
    }
    summary_more(b, summary_len(rows));
}

static void summary_grants(struct arena *mem, struct buf *b, const struct tree *rows)
{
    for (size_t i = 0; i < summary_len(rows) && i < SUMMARY_ROWS_MAX; i++) {
        const struct tree *row = rows->at[i];
        str request = tree_find_text(row, STR("request"));

        if (i == 0) {
            summary_head(b, "Grants needed", "product input reads how");
        }
        buf_add(b, STR("|"));
        summary_cell(mem, b, tree_find_text(row, STR("product")));
        summary_cell(mem, b, tree_find_text(row, STR("input")));
        summary_cell(mem, b, tree_find_text(row, STR("target")));
        summary_cell(mem, b,
                     request.len > 0
                         ? arena_format(mem, "access request %.*s waits", STR_ARG(request))
                         : tree_find_text(row, STR("command")));
        buf_add(b, STR("\n"));
    }
    summary_more(b, summary_len(rows));
}

static void summary_findings(struct arena *mem, struct buf *b, const struct tree *rows)
{
    for (size_t i = 0; i < summary_len(rows) && i < SUMMARY_ROWS_MAX; i++) {
        const struct tree *row = rows->at[i];
        str file = tree_find_text(row, STR("file")), line = tree_find_text(row, STR("line"));

        if (i == 0) {
            summary_head(b, "Findings", "level where what found hint");
        }
        buf_format(b, "| %.*s |", STR_ARG(tree_find_text(row, STR("level"))));
        summary_cell(mem, b,
                     line.len > 0 && !str_eq(line, STR("0"))
                         ? arena_format(mem, "%.*s:%.*s", STR_ARG(file), STR_ARG(line))
                         : file);
        summary_cell(mem, b, tree_find_text(row, STR("message")));
        summary_cell(mem, b, tree_find_text(row, STR("found")));
        summary_cell(mem, b, tree_find_text(row, STR("hint")));
        buf_add(b, STR("\n"));
    }
    summary_more(b, summary_len(rows));
}

static size_t summary_errors(const struct tree *findings)
{
    size_t errors = 0;

    for (size_t i = 0; i < summary_len(findings); i++) {
        errors += str_eq(tree_find_text(findings->at[i], STR("level")), STR("error"));
    }
    return errors;
}

static bool summary_has_breaking(const struct tree *rows)
{
    for (size_t i = 0; i < summary_len(rows); i++) {
        if (str_eq(tree_find_text(rows->at[i], STR("class")), STR("breaking"))) {
            return true;
        }
    }
    return false;
}

static void summary_to_do(struct buf *b, const struct plan_summary *s)
{
    const struct tree *changes = tree_find(s->plan, STR("changes"));

    buf_add(b, STR("\n### What to do\n\n"));
    if (s->is_refused) {
        buf_add(b, STR("- mend what the findings name, and plan again\n"));
        if (summary_has_breaking(tree_find(s->plan, STR("contract_changes")))) {
            buf_add(b, STR("- a breaking change stands beside the old contract as a new major\n"));
        }
        return;
    }
    if (summary_len(tree_find(s->plan, STR("grants_needed"))) > 0) {
        buf_add(b, STR("- ask for the grants that are needed: runs are refused without them\n"));
    }
    buf_add(b, summary_len(changes) == 0 ? STR("- nothing: the mesh is as the files say\n")
               : summary_is(s->plan, "proposal")
                   ? STR("- propose it by weft plan; somebody of the guild applies it\n")
                   : STR("- merge, then weft apply\n"));
}

str cli_plan_summary(struct arena *mem, const struct plan_summary *s)
{
    struct buf *b = buf_new(mem, SUMMARY_BYTES_MAX);
    const struct tree *findings = tree_find(s->plan, STR("findings"));
    const struct tree *changes = tree_find(s->plan, STR("changes"));
    size_t errors = summary_errors(findings), count = summary_len(changes);

    if (s->is_refused) {
        buf_format(b, "## weft plan: refused, %zu error%s\n\n", errors, errors == 1 ? "" : "s");
        summary_put(mem, b, s->message);
        buf_add(b, STR("\n"));
    } else if (count == 0) {
        buf_add(b, STR("## weft plan: nothing to change\n"));
    } else {
        buf_format(b, "## weft plan: %zu change%s\n", count, count == 1 ? "" : "s");
    }
    buf_add(b, STR("\nHeld against "));
    summary_put(mem, b, s->against);
    if (s->scope.len > 0) {
        buf_add(b, STR(", only "));
        summary_put(mem, b, s->scope);
    }
    buf_add(b, s->is_offline ? STR(
                   ". Two folders were compared: what was published, who reads it and which grants "
                   "there are is not known.\n")
                             : STR(".\n"));
    summary_contracts(mem, b, tree_find(s->plan, STR("contract_changes")));
    summary_changes(mem, b, changes);
    summary_grants(mem, b, tree_find(s->plan, STR("grants_needed")));
    summary_findings(mem, b, findings);
    summary_to_do(b, s);
    return buf_str(b);
}
