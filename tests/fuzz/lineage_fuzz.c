/* Bytes as the engine's tree of a statement: what the reader lets through is traced without a fault, and every edge names a column that
 * is there. */
#include <stddef.h>
#include <stdint.h>

#include "limits/limits.h"
#include "lineage/lineage.h"
#include "json/json.h"

static void add_input(struct arena *mem, struct lineage_inputs *inputs, str name,
                      const str *columns, size_t len)
{
    struct lineage_input *input = vec_add(mem, inputs);

    input->schema = STR("m");
    input->name = name;
    for (size_t i = 0; i < len; i++)
        vec_push(mem, &input->columns, ((struct lineage_column){columns[i], STR("INTEGER")}));
}

static void check_edges(const struct lineage_inputs *inputs, const struct lineage_edges *edges)
{
    for (size_t i = 0; i < edges->len; i++)
        CHECK(edges->at[i].input < inputs->len
              && edges->at[i].column < inputs->at[edges->at[i].input].columns.len
              && edges->at[i].kind < LINEAGE_KINDS);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const struct json_limits limits = {
        .bytes = 1 << 20, .depth = JSON_DEPTH_MAX, .nodes = 200000};
    static const str columns[] = {STR("id"), STR("x"), STR("k"), STR("v"), STR("t"), STR("p")};
    struct task *t = task_new();
    str input = {(const char *)bytes, len};
    struct lineage_inputs inputs = {0};
    struct str_list names = {0};
    struct tree *document;
    struct sql_tree *tree;

    add_input(t->mem, &inputs, STR("a"), columns, 6);
    add_input(t->mem, &inputs, STR("b"), columns, 5);
    vec_push(t->mem, &names, STR("id"));
    (void)sql_hides_alias(t->mem, input);
    if (json_read(t, t->mem, input, &limits, &document)
        && sql_read(t, STR("SELECT 1"), document, &tree)) {
        for (int with_names = 0; with_names < 2; with_names++) {
            const struct lineage *lineage =
                lineage_read(t->mem, tree, &inputs, with_names ? &names : NULL);

            CHECK(!with_names || lineage->outputs.len == 1);
            check_edges(&inputs, &lineage->rows);
            for (size_t i = 0; i < lineage->outputs.len; i++)
                check_edges(&inputs, &lineage->outputs.at[i].edges);
        }
    }
    task_free(t);
    return 0;
}
