/* Documents of users: whatever the bytes are, a tree within the limits or an error with its place.
 */
#include <stdint.h>
#include <stdlib.h>

#include "limits/limits.h"
#include "yaml/yaml.h"
#include "yaml_out/yaml_out.h"

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

/* What is written from a tree is read as the same tree. */
static void check_way_back(const struct tree *tree)
{
    struct task *t = task_new();
    struct buf *text = buf_new(t->mem, DOCUMENT_BYTES_MAX);
    struct tree *again = NULL;

    yaml_out(text, tree, NULL);
    if (!text->full) {
        CHECK(yaml_read(t, t->mem, buf_str(text), STR("f"), YAML_MODE_YAML, &again)
              || t->err.code == ERR_LIMIT);
        CHECK(t->err.code == ERR_LIMIT || tree_equal(tree, again));
    }
    task_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    str bytes = {(const char *)data, len};
    for (int mode = YAML_MODE_YAML; mode <= YAML_MODE_JSON; mode++) {
        struct task *t = task_new();
        struct tree *tree = NULL;
        if (yaml_read(t, t->mem, bytes, STR("f"), (enum yaml_mode)mode, &tree)) {
            CHECK(check_tree(tree, 0) <= DOCUMENT_NODES_MAX + 1);
            check_way_back(tree);
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
