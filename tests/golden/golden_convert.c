#include "golden.h"

#include "convert/convert.h"
#include "limits/limits.h"
#include "model/model.h"
#include "yaml/yaml.h"
#include "yaml_out/yaml_out.h"

/* A contract of an older version: what is told, and what comes out; then what v3.1.0 says of that. */
GOLDEN(convert)
{
    struct report report;
    struct task *t = task_new();
    for (size_t i = 0; i < input->files.len; i++) {
        const struct golden_file *file = &input->files.at[i];
        struct tree *tree, *again;
        report_init(&report, mem);
        if (!yaml_read(t, mem, file->text, file->path, YAML_MODE_YAML, &tree)) {
            buf_format(out, "no YAML: " STR_FMT "\n", STR_ARG(t->err.message));
            continue;
        }
        const struct tree *contract = convert_contract(mem, file->path, tree, &report);
        report_sort(&report);
        report_text(&report, out);
        if (!contract)
            continue;
        struct buf *text = buf_new(mem, DOCUMENT_BYTES_MAX);
        yaml_out(text, contract, NULL);
        buf_add(out, buf_str(text));
        if (!yaml_read(t, mem, buf_str(text), STR("again"), YAML_MODE_YAML, &again)
            || !tree_equal(contract, again))
            buf_add(out, STR("it is read as something else\n"));
    }
    task_free(t);
}
