#include "golden.h"

#include "exchange/exchange.h"
#include "limits/limits.h"
#include "model/model.h"
#include "yaml/yaml.h"
#include "yaml_out/yaml_out.h"

static struct tree *import_one(struct task *t, struct arena *mem, const struct golden_file *file,
                               struct report *report)
{
    struct exchange_import import = {.file = file->path, .id = STR("imported"), .report = report};
    struct tree *document;
    if (str_ends(file->path, STR(".sql")))
        return exchange_import_sql(mem, &import, file->text);
    if (!yaml_read(t, mem, file->text, file->path, YAML_MODE_JSON, &document)) {
        report_error(report, &t->err);
        return NULL;
    }
    return str_ends(file->path, STR(".avsc")) ? exchange_import_avro(mem, &import, document)
                                              : exchange_import_json_schema(mem, &import, document);
}

static void import_project(struct task *t, struct arena *mem, const struct golden_file *file,
                           struct buf *out)
{
    struct report report;
    struct exchange_import import = {.file = file->path, .id = STR("shop"), .report = &report};
    struct exchange_files files = {0};
    struct tree *manifest;
    report_init(&report, mem);
    if (!yaml_read(t, mem, file->text, file->path, YAML_MODE_JSON, &manifest))
        report_error(&report, &t->err);
    else if (exchange_import_dbt(mem, &import, manifest, &files))
        for (size_t i = 0; i < files.len; i++)
            buf_format(out, "--- " STR_FMT "\n" STR_FMT, STR_ARG(files.at[i].path),
                       STR_ARG(files.at[i].text));
    report_sort(&report);
    report_text(&report, out);
}

/* manifest.json is dbt's, whose files are shown; *.json is JSON Schema, *.avsc Avro, *.sql SQL: what is told, and the contract; then what its standard says of it. */
GOLDEN(imports)
{
    struct report report;
    struct task *t = task_new();
    for (size_t i = 0; i < input->files.len; i++) {
        const struct golden_file *file = &input->files.at[i];
        if (str_eq(file->path, STR("manifest.json"))) {
            import_project(t, mem, file, out);
            continue;
        }
        report_init(&report, mem);
        struct tree *contract = import_one(t, mem, file, &report), *again;
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
        report_init(&report, mem);
        model_check_document(mem, STR("again"), again, &report);
        report_text(&report, out);
    }
    task_free(t);
}
