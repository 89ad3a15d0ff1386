/* Bytes as the engine's tree of a statement: the reader must refuse or accept them, and touch nothing outside. */
#include <stddef.h>
#include <stdint.h>

#include "limits/limits.h"
#include "sql/sql.h"
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
        && sql_read(t, STR("SELECT 1"), document, &tree))
        CHECK(tree->magic == SQL_TREE_MAGIC && tree->root != NULL);
    (void)sql_caret(t->mem, input, len ? bytes[0] : 0);
    task_free(t);
    return 0;
}
