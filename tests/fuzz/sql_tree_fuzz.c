/* Bytes as the engine's tree of a statement: the reader must refuse or accept them, and touch nothing outside. */
#include <stddef.h>
#include <stdint.h>

#include "limits/limits.h"
#include "sql/sql_since.h"
#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const struct json_limits limits = {
        .bytes = 1 << 20, .depth = JSON_DEPTH_MAX, .nodes = 200000};
    struct task *t = task_new();
    str input = {(const char *)bytes, len}, statement;
    struct tree *document;
    struct sql_tree *tree;
    if (sql_statement(t, input, &statement))
        CHECK(statement.len <= input.len);
    if (json_read(t, t->mem, input, &limits, &document)
        && sql_read(t, STR("SELECT 1"), document, &tree)) {
        struct sql_since since;
        str why;
        CHECK(tree->magic == SQL_TREE_MAGIC && tree->root != NULL);
        bool ok = sql_find_since(t->mem, tree, STR("20"), STR("BIGINT"), &since, &why);
        CHECK(ok ? since.table.len && since.column.len && !why.len : why.len > 0);
    }
    (void)sql_caret(t->mem, input, len ? bytes[0] : 0);
    task_free(t);
    return 0;
}
