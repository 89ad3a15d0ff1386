/* A contract of an older ODCS as one of v3.1.0. */
#include "buf/buf.h"
#include "cli/cli_contract.h"
#include "cli_inside.h"
#include "convert/convert.h"
#include "limits/limits.h"
#include "yaml/yaml.h"
#include "yaml_out/yaml_out.h"

static enum yaml_mode convert_mode(str path)
{
    return str_ends(path, STR(".json")) ? YAML_MODE_JSON : YAML_MODE_YAML;
}

/* What is written must say the same when it is read. */
static bool convert_write_text(struct task *t, const struct tree *contract, str *out)
{
    struct buf *text = buf_new(t->mem, DOCUMENT_BYTES_MAX);
    struct tree *again;

    yaml_out(text, contract, NULL);
    if (text->full) {
        return task_fail(t, ERR_LIMIT, "the contract would have more than %d bytes",
                         DOCUMENT_BYTES_MAX);
    }
    *out = buf_str(text);
    if (!yaml_read(t, t->mem, *out, STR("the converted contract"), YAML_MODE_YAML, &again)) {
        return false;
    }
    if (!tree_equal(contract, again)) {
        return task_fail(t, ERR_INVALID, "the contract cannot be written as YAML without a loss");
    }
    return true;
}

static bool convert_read(struct task *t, str path, struct report *report, struct tree **out)
{
    struct tree *document;
    str text;

    report_init(report, t->mem);
    if (!cli_read_file(t, path, DOCUMENT_BYTES_MAX, &text)
        || !yaml_read(t, t->mem, text, path, convert_mode(path), &document)) {
        return false;
    }
    *out = convert_contract(t->mem, path, document, report);
    return true;
}

bool command_convert(struct task *t, struct cli *cli)
{
    struct report report;
    struct tree *contract;
    str text;

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 1, 1)
        || !convert_read(t, cli->arguments.at[0], &report, &contract)) {
        return false;
    }
    if (contract != NULL) {
        if (!convert_write_text(t, contract, &text)
            || (cli->has[OPTION_out] && !cli_contract_save(t, cli->value[OPTION_out], text))) {
            return false;
        }
        if (!cli->has[OPTION_out]) {
            printf("%.*s", STR_ARG(text));
        }
    }
    cli_contract_tell(t, cli, &report);
    if (contract != NULL && report.errors > 0) {
        cli_note(cli, "%zu error%s of v3.1.0 are left to mend", report.errors,
                 report.errors == 1 ? "" : "s");
    }
    cli->exit_code = report.errors > 0 ? error_exit_code(ERR_INVALID) : 0;
    return true;
}
