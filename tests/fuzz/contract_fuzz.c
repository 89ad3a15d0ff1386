#include "buf/buf.h"
#include "check/check.h"
#include "convert/convert.h"
#include "model/model.h"
#include "yaml/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any text as a lone document, and as a contract of a mesh, and converted: no crash, no leak, and findings that can be printed. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct task *t = task_new();
    struct tree *tree;
    str text = {(const char *)data, size};
    if (yaml_read(t, t->mem, text, STR("fuzz.odcs.yaml"), YAML_MODE_YAML, &tree)) {
        struct report report;
        report_init(&report, t->mem);
        model_check_document(t->mem, STR("fuzz.odcs.yaml"), tree, &report);
        const struct contract *contract =
            contract_read(t->mem, STR("fuzz.odcs.yaml"), tree, &report);
        for (size_t i = 0; contract && i < contract->roles.len; i++) {
            struct str_list approvers, strange;
            contract_role_approvers(t->mem, contract->roles.at[i].first_approvers, &approvers,
                                    &strange);
        }
        if (contract)
            check_contract(t->mem, contract, &report);
        (void)convert_contract(t->mem, STR("fuzz.odcs.yaml"), tree, &report);
        report_sort(&report);
        report_text(&report, buf_new(t->mem, 1 << 22));
    }
    task_free(t);
    return 0;
}
