#include "golden.h"

#include "exchange/exchange.h"
#include "limits/limits.h"
#include "yaml/yaml.h"

static void show_export(struct arena *mem, const struct contract *contract, str what,
                        struct buf *out)
{
    enum exchange_format format;
    enum exchange_dialect dialect = EXCHANGE_POSTGRES;
    struct report report;
    str name, rest;
    struct buf *text = buf_new(mem, EXCHANGE_BYTES_MAX);
    report_init(&report, mem);
    (void)str_cut(what, ' ', &name, &rest);
    if (!exchange_format_find(name, &format)
        || (rest.len && !exchange_dialect_find(rest, &dialect))) {
        buf_format(out, "no format: " STR_FMT "\n", STR_ARG(what));
        return;
    }
    exchange_export(mem, contract, NULL, format, dialect, &report, text);
    buf_format(out, "--- " STR_FMT "\n", STR_ARG(what));
    if (text->full)
        buf_add(out, STR("it cannot be written\n"));
    else
        buf_add(out, buf_str(text));
    report_sort(&report);
    report_text(&report, out);
}

/* A contract, and a file `formats` with the formats that it is exported to, one a line. */
GOLDEN(exchange)
{
    struct report report;
    struct task *t = task_new();
    const struct contract *contract = NULL;
    for (size_t i = 0; i < input->files.len; i++) {
        const struct golden_file *file = &input->files.at[i];
        str rest = file->text, line;
        struct tree *tree;
        report_init(&report, mem);
        if (str_eq(file->path, STR("formats"))) {
            while (contract && rest.len) {
                (void)str_cut(rest, '\n', &line, &rest);
                if (str_trim(line).len)
                    show_export(mem, contract, str_trim(line), out);
            }
        } else if (!yaml_read(t, mem, file->text, file->path, YAML_MODE_YAML, &tree)) {
            buf_format(out, "no YAML: " STR_FMT "\n", STR_ARG(t->err.message));
        } else {
            contract = contract_read(mem, file->path, tree, &report);
            report_sort(&report);
            report_text(&report, out);
        }
    }
    task_free(t);
}
