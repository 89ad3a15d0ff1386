/* Contracts from what there is: `weft contract infer`. */
#include "cli/cli_contract.h"
#include "cli_inside.h"
#include "limits/limits.h"
#include "probe/probe.h"

enum { INFER_ROWS_DEFAULT = 1000000 };

bool cli_probe(struct task *t, struct cli *cli, str source, struct probe *out)
{
    struct engine *engine;
    int64_t rows;

    *out = (struct probe){.source = source,
                          .format = cli->value[OPTION_source_format],
                          .delimiter = cli->value[OPTION_delimiter],
                          .log_format = cli->value[OPTION_log_format],
                          .records = cli->value[OPTION_records]};
    if (!cli_find_folder(t, cli, &out->folder)
        || !cli_number(t, cli, OPTION_sample, 1, INFER_ROWS_DEFAULT, &rows)
        || !cli_open_engine(t, &engine)) {
        return false;
    }
    out->rows_max = (uint64_t)rows;
    return probe_source(t, engine, out);
}

struct tree *cli_contract_infer(struct task *t, const struct probe *p, str id, str title,
                                bool is_source, struct yaml_out_notes *notes)
{
    yaml_out_notes_init(notes, t->mem);
    struct tree *contract =
        infer_contract(t->mem, id, title, &p->tables, is_source ? p->server : NULL, notes);
    for (size_t i = 0; is_source && i < p->notes.len; i++) {
        yaml_out_note(t->mem, notes, contract, p->notes.at[i]);
    }
    return contract;
}

bool command_contract_infer(struct task *t, struct cli *cli)
{
    struct probe p;
    struct str_list taken = {0};
    struct yaml_out_notes notes;

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 1, 1) || !cli_probe(t, cli, cli->arguments.at[0], &p)) {
        return false;
    }
    str id = infer_name(t->mem, p.title, &taken);
    struct tree *contract = cli_contract_infer(t, &p, id, p.title, true, &notes);
    if (cli_contract_put(t, cli, contract, &notes)) {
        return true;
    }
    return t->err.code != ERR_LIMIT
             ? false
             : task_hint(t, "name one table: postgres://USER@HOST:PORT/DATABASE/SCHEMA/TABLE");
}
