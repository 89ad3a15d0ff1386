/* Documents of users: whatever the bytes are, a tree within the limits or an error with its place.
 */
#include <stdint.h>
#include <stdlib.h>

#include "buf/buf.h"
#include "limits/limits.h"
#include "yaml/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static size_t check_tree(const struct tree *node, size_t depth)
{
    size_t nodes = 1;
    CHECK(depth <= DOCUMENT_DEPTH_MAX);
    CHECK(node->line > 0 && node->column > 0);
    CHECK(node->kind == TREE_SCALAR || node->text.len == 0);
    CHECK(str_is_utf8(node->text) && str_is_utf8(node->key));
    for (size_t i = 0; i < node->len; i++) {
        CHECK(node->at[i]->parent == node && node->at[i]->index == i);
        nodes += check_tree(node->at[i], depth + 1);
    }
    return nodes;
}

static void check_error(const struct task *t)
{
    CHECK(t->err.code == ERR_INVALID || t->err.code == ERR_LIMIT);
    CHECK(t->err.message.len > 0 && str_eq(t->err.place.file, STR("f")));
}

/* A key of more than 1024 characters has to be written otherwise than ours, and aliases are written out. */
static bool has_long_key(const struct tree *node)
{
    bool found = node->key.len > 500;
    for (size_t i = 0; i < node->len; i++)
        found = found || has_long_key(node->at[i]);
    return found;
}

/* What is written is read as the same tree. */
static void check_written(struct task *t, const struct tree *tree)
{
    struct tree *again = NULL;
    struct buf *text = buf_new(t->mem, DOCUMENT_BYTES_MAX);
    tree_yaml(tree, text);
    if (text->full || has_long_key(tree))
        return;
    CHECK(yaml_read(t, t->mem, buf_str(text), STR("f"), YAML_MODE_YAML, &again));
    CHECK(tree_equal(tree, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    str bytes = {(const char *)data, len};
    for (int mode = YAML_MODE_YAML; mode <= YAML_MODE_JSON; mode++) {
        struct task *t = task_new();
        struct tree *tree = NULL;
        if (yaml_read(t, t->mem, bytes, STR("f"), (enum yaml_mode)mode, &tree)) {
            CHECK(check_tree(tree, 0) <= DOCUMENT_NODES_MAX + 1);
            check_written(t, tree);
        } else {
            check_error(t);
        }
        task_free(t);
    }
    struct task *t = task_new();
    struct yaml_documents documents;
    if (yaml_read_all(t, t->mem, bytes, STR("f"), &documents))
        for (size_t i = 0; i < documents.len; i++)
            check_tree(documents.at[i], 0);
    else
        check_error(t);
    task_free(t);
    return 0;
}
