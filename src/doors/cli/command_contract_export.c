/* A contract in another format. */
#include "buf/buf.h"
#include "cli/cli_contract.h"
#include "cli_inside.h"
#include "exchange/exchange.h"
#include "limits/limits.h"

struct export_choice {
    enum exchange_format format;
    enum exchange_dialect dialect;
    const struct contract_table *table;
};

static bool export_fail_format(struct task *t, str name)
{
    struct str_list names = {0};

    for (int i = 0; i < EXCHANGE_FORMATS; i++) {
        vec_push(t->mem, &names, str_of(exchange_format_name((enum exchange_format)i)));
    }
    task_fail(t, ERR_USAGE, name.len > 0 ? "no format is called %.*s" : "no format is named%.*s",
              STR_ARG(name));
    return task_hint(t, "say --to with one of: %.*s",
                     STR_ARG(str_list_join(t->mem, &names, STR(", "))));
}

static bool export_choose(struct task *t, const struct cli *cli, struct export_choice *out)
{
    str dialect = cli->value[OPTION_dialect];

    *out = (struct export_choice){0};
    if (!exchange_format_find(cli->value[OPTION_to], &out->format)) {
        return export_fail_format(t, cli->value[OPTION_to]);
    }
    if (!cli->has[OPTION_dialect]) {
        return true;
    }
    if (out->format != EXCHANGE_SQL) {
        return task_fail(t, ERR_USAGE, "--dialect is for --to sql");
    }
    if (!exchange_dialect_find(dialect, &out->dialect)) {
        task_fail(t, ERR_USAGE, "weft writes no SQL of %.*s", STR_ARG(dialect));
        return task_hint(t, "there are: postgres, duckdb");
    }
    return true;
}

static bool export_find_table(struct task *t, const struct cli *cli,
                              const struct contract *contract, struct export_choice *choice)
{
    struct str_list names = {0};

    if (contract->tables.len == 0) {
        return task_fail(t, ERR_INVALID, "the contract has no tables to export");
    }
    if (!cli->has[OPTION_table]) {
        return true;
    }
    choice->table = contract_find_table(contract, cli->value[OPTION_table]);
    if (choice->table != NULL) {
        return true;
    }
    for (size_t i = 0; i < contract->tables.len; i++) {
        vec_push(t->mem, &names, contract->tables.at[i].name);
    }
    task_fail(t, ERR_NOT_FOUND, "the contract has no table %.*s",
              STR_ARG(cli->value[OPTION_table]));
    return task_hint(t, "it has: %.*s", STR_ARG(str_list_join(t->mem, &names, STR(", "))));
}

bool command_contract_export(struct task *t, struct cli *cli)
{
    struct export_choice choice;
    struct report report;
    struct contract *contract;
    struct buf *out = buf_new(t->mem, EXCHANGE_BYTES_MAX);

    cli_listen(t);
    report_init(&report, t->mem);
    if (!cli_demand_arguments(t, cli, 1, 1) || !cli_contract_no_format(t, cli, "what --to says")
        || !export_choose(t, cli, &choice)
        || !cli_contract_read(t, cli->arguments.at[0], &report, &contract)) {
        return false;
    }
    if (contract == NULL) {
        cli_contract_tell(t, cli, &report);
        cli->exit_code = error_exit_code(ERR_INVALID);
        return true;
    }
    if (!export_find_table(t, cli, contract, &choice)) {
        return false;
    }
    report_init(&report, t->mem);
    exchange_export(t->mem, contract, choice.table, choice.format, choice.dialect, &report, out);
    if (out->full) {
        task_fail(t, ERR_INVALID, "the contract cannot be written as %s",
                  exchange_format_name(choice.format));
        return task_hint(
            t, "a text of it holds a NUL or is no UTF-8, or it would have more than %d bytes",
            EXCHANGE_BYTES_MAX);
    }
    if (cli->has[OPTION_out] ? !cli_contract_save(t, cli->value[OPTION_out], buf_str(out))
                             : !cli_contract_print(t, buf_str(out))) {
        return false;
    }
    cli_contract_tell(t, cli, &report);
    return true;
}
