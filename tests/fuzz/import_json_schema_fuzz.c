#include "buf/buf.h"
#include "exchange/exchange.h"
#include "limits/limits.h"
#include "yaml/yaml.h"
#include "yaml_out/yaml_out.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any JSON as a JSON Schema: no crash, and what comes out can be written or is refused. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct task *t = task_new();
    struct report report;
    struct exchange_import import = {STR("fuzz.json"), STR("fuzz"), &report};
    struct tree *tree;
    report_init(&report, t->mem);
    if (yaml_read(t, t->mem, (str){(const char *)data, size}, import.file, YAML_MODE_JSON, &tree)) {
        const struct tree *contract = exchange_import_json_schema(t->mem, &import, tree);
        if (contract)
            yaml_out(buf_new(t->mem, DOCUMENT_BYTES_MAX), contract, NULL);
    }
    task_free(t);
    return 0;
}
