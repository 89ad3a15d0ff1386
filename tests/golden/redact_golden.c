/* What is left of a statement without its literals, and its fingerprint. */
#include "buf/buf.h"
#include "cases.h"
#include "limits/limits.h"
#include "sql/sql.h"
#include "test.h"
#include "json/json.h"

static str redact_one(struct task *t, const struct golden_case *c)
{
    struct buf *out = buf_new(t->mem, 1 << 20);
    str text = golden_section(c, "sql");
    buf_format(out, STR_FMT "\nfingerprint: " STR_FMT "\n", STR_ARG(sql_redact(t->mem, text)),
               STR_ARG(sql_fingerprint(t->mem, text)));
    return buf_str(out);
}

TEST(literals_leave_the_text_as_written)
{
    EXPECT(golden_run("redact", redact_one) >= 25);
}

/* Constants as the engine itself sees them: every `"value":{…,"value":X}` of its tree. */
static void find_constants(struct arena *mem, const struct tree *node, struct str_list *out)
{
    const struct tree *value = tree_find(node, STR("value"));
    if (node->kind == TREE_MAP && value != NULL && value->kind == TREE_SCALAR
        && tree_find(node, STR("is_null")) != NULL && value->text.len > 0)
        str_list_add(mem, out, value->text);
    for (size_t i = 0; i < node->len; i++)
        find_constants(mem, node->at[i], out);
}

static size_t constants_seen;

static str check_constants(struct task *t, const struct golden_case *c)
{
    static const struct json_limits LIMITS = {SQL_TREE_BYTES_MAX, JSON_DEPTH_MAX, 2000000};
    str text = golden_section(c, "sql");
    str all = golden_file(t->mem, "sql/accepted.trees");
    str title = arena_format(t->mem, "== " STR_FMT "\n", STR_ARG(c->title));
    size_t at = str_find(all, title);
    struct str_list constants = {0};
    struct tree *document;
    str line, rest, redacted = sql_redact(t->mem, text);
    if (!str_eq(str_of(c->file), STR("accepted")) || at == all.len)
        return golden_section(c, "expected");
    (void)str_cut(str_from(all, at + title.len), '\n', &line, &rest);
    EXPECT_OK(t, json_read(t, t->mem, line, &LIMITS, &document));
    find_constants(t->mem, document, &constants);
    for (size_t i = 0; i < constants.len; i++) {
        str constant = constants.at[i];
        /* Key words become constants too: `extract(year …)`. One digit stands in names as well. */
        str quoted = arena_format(t->mem, "'" STR_FMT "'", STR_ARG(constant));
        bool is_number = constant.ptr[0] >= '0' && constant.ptr[0] <= '9';
        if (constant.len < 2 || str_find(text, is_number ? constant : quoted) == text.len)
            continue;
        constants_seen++;
        if (str_find(redacted, constant) < redacted.len)
            printf("%s: " STR_FMT " stands in " STR_FMT "\n", c->file, STR_ARG(constant),
                   STR_ARG(redacted));
        EXPECT(str_find(redacted, constant) == redacted.len);
    }
    return golden_section(c, "expected");
}

TEST(no_constant_that_the_engine_finds_is_left)
{
    EXPECT(golden_run("sql", check_constants) >= 120);
    EXPECT(constants_seen >= 15);
}
