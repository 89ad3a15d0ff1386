/* Bodies of calls, and trees that a worker wrote: a tree within the limits, or an error. */
#include <stdint.h>

#include "limits/limits.h"
#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* UTF-8, of which a NUL is a part here: \u0000 is a character. */
static bool is_text(str s)
{
    size_t at = 0, n;
    while ((n = str_utf8_at(s, at)) > 0)
        at += n;
    return at == s.len;
}

static uint32_t count(const struct tree *node, uint32_t depth, uint32_t most)
{
    uint32_t nodes = 1;
    CHECK(depth <= most);
    CHECK(is_text(node->text) && is_text(node->key));
    for (size_t i = 0; i < node->len; i++)
        nodes += count(node->at[i], depth + 1, most);
    return nodes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct json_limits limits[] = {
        {DOCUMENT_BYTES_MAX, DOCUMENT_DEPTH_MAX, DOCUMENT_NODES_MAX}, {1000, 4, 10}};
    for (int i = 0; i < 2; i++) {
        struct task *t = task_new();
        struct tree *tree = NULL;
        if (json_read(t, t->mem, (str){(const char *)data, len}, &limits[i], &tree))
            CHECK(count(tree, 0, limits[i].depth) <= limits[i].nodes + 1);
        else
            CHECK((t->err.code == ERR_PROTOCOL || t->err.code == ERR_LIMIT)
                  && t->err.message.len > 0);
        task_free(t);
    }
    return 0;
}
