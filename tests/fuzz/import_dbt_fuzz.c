#include "buf/buf.h"
#include "exchange/exchange.h"
#include "limits/limits.h"
#include "yaml/yaml.h"
#include "yaml_out/yaml_out.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any JSON as a manifest of dbt: no crash, and files below their folder. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct task *t = task_new();
    struct report report;
    struct exchange_files files = {0};
    struct exchange_import import = {STR("manifest.json"), STR("fuzz"), &report};
    struct tree *tree;
    report_init(&report, t->mem);
    if (yaml_read(t, t->mem, (str){(const char *)data, size}, import.file, YAML_MODE_JSON, &tree)
        && exchange_import_dbt(t->mem, &import, tree, &files))
        for (size_t i = 0; i < files.len; i++)
            CHECK(!str_starts(files.at[i].path, STR("/"))
                  && str_find(files.at[i].path, STR("..")) == files.at[i].path.len);
    task_free(t);
    return 0;
}
