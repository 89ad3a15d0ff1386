#include "buf/buf.h"
#include "exchange/exchange.h"
#include "limits/limits.h"
#include "yaml/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any contract to every format: no crash, and texts that are whole or refused. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct task *t = task_new();
    struct tree *tree;
    str text = {(const char *)data, size};
    if (yaml_read(t, t->mem, text, STR("fuzz.odcs.yaml"), YAML_MODE_YAML, &tree)) {
        struct report report;
        report_init(&report, t->mem);
        const struct contract *contract =
            contract_read(t->mem, STR("fuzz.odcs.yaml"), tree, &report);
        for (int i = 0; contract && contract->tables.len && i < EXCHANGE_FORMATS * 2; i++)
            exchange_export(t->mem, contract, NULL, (enum exchange_format)(i / 2),
                            (enum exchange_dialect)(i % 2), &report,
                            buf_new(t->mem, EXCHANGE_BYTES_MAX));
    }
    task_free(t);
    return 0;
}
