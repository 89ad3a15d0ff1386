/* Source contracts to plans: servers of every kind, formats of logs, errors of engines. Any contract gives findings or texts. */
#include <stdint.h>

#include "buf/buf.h"
#include "contract/contract.h"
#include "source/source.h"
#include "yaml/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void compile(struct arena *mem, const struct source_server *server,
                    struct source_table *table, struct report *report)
{
    struct source_column columns[8];
    size_t len = 0;
    for (size_t i = 0; i < table->table->columns.len && len < 8; i++) {
        const struct contract_column *column = &table->table->columns.at[i];
        columns[len++] = (struct source_column){
            .name = column->name, .type = i % 2 ? column->type : STR("VARCHAR"), .nullable = true};
    }
    if (source_compile(mem, server, table, columns, len, report))
        CHECK(table->text.len > 0);
}

static void plan(struct arena *mem, const struct contract *contract,
                 const struct source_server *server, struct report *report)
{
    struct source_plan out = {0};
    struct str_list *files = ARENA_ARRAY(mem, struct str_list, contract->tables.len);
    str message, hint;

    for (size_t i = 0; i < contract->tables.len; i++)
        vec_push(mem, &files[i], STR("t0_0_orders.csv"));
    if (source_open(mem, contract, server, STR("127.0.0.1"),
                    server->kind == SOURCE_FILES ? files : NULL, &out, report)) {
        for (size_t i = 0; i < out.tables.len; i++)
            compile(mem, server, &out.tables.at[i], report);
    }
    struct error error = {.message = contract->id, .position = (uint32_t)contract->version.len};
    source_explain(mem, server, &error, contract->name, &message, &hint);
    CHECK(message.len > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct task *t = task_new();
    struct tree *tree;
    str text = {(const char *)data, len};
    if (yaml_read(t, t->mem, text, STR("fuzz.odcs.yaml"), YAML_MODE_YAML, &tree)) {
        struct report report;
        struct source_server server = {0};
        report_init(&report, t->mem);
        const struct contract *contract =
            contract_read(t->mem, STR("fuzz.odcs.yaml"), tree, &report);
        if (contract && source_choose(t->mem, contract, STR("prod"), &server, &report))
            plan(t->mem, contract, &server, &report);
        for (size_t i = 0; contract && i < contract->servers.len; i++) {
            struct source_server files = {0};
            (void)source_choose_files(t->mem, &contract->servers.at[i], &files, &report);
        }
        report_text(&report, buf_new(t->mem, 1 << 22));
    }
    task_free(t);
    return 0;
}
