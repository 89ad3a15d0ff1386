/* A contract of an older ODCS as one of v3.1.0. */
#include "cli/cli_contract.h"
#include "cli_inside.h"
#include "convert/convert.h"
#include "limits/limits.h"
#include "yaml/yaml.h"

static enum yaml_mode convert_mode(str path)
{
    return str_ends(path, STR(".json")) ? YAML_MODE_JSON : YAML_MODE_YAML;
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

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 1, 1)
        || !convert_read(t, cli->arguments.at[0], &report, &contract)) {
        return false;
    }
    if (contract != NULL && !cli_contract_put(t, cli, contract, NULL)) {
        return false;
    }
    cli_contract_tell(t, cli, &report);
    if (contract != NULL && report.errors > 0) {
        cli_note(cli, "%zu error%s of v3.1.0 are left to mend", report.errors,
                 report.errors == 1 ? "" : "s");
    }
    cli->exit_code = report.errors > 0 ? error_exit_code(ERR_INVALID) : 0;
    return true;
}
