#include "buf/buf.h"
#include "exchange/exchange.h"
#include "limits/limits.h"
#include "task/task.h"
#include "yaml_out/yaml_out.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any text as statements: no crash, and what comes out can be written or is refused. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct task *t = task_new();
    struct report report;
    struct exchange_import import = {STR("fuzz.sql"), STR("fuzz"), &report};
    report_init(&report, t->mem);
    const struct tree *contract =
        exchange_import_sql(t->mem, &import, (str){(const char *)data, size});
    if (contract)
        yaml_out(buf_new(t->mem, DOCUMENT_BYTES_MAX), contract, NULL);
    task_free(t);
    return 0;
}
