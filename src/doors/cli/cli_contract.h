/* Files of the commands `weft contract …`. */
#ifndef WEFT_CLI_CONTRACT_H
#define WEFT_CLI_CONTRACT_H

#include "cli_inside.h"
#include "contract/contract.h"
#include "yaml_out/yaml_out.h"

/* A contract of any v3; NULL with findings in the report when it is none, or has errors. */
MUST_CHECK bool cli_contract_read(struct task *t, str path, struct report *report,
                                  struct contract **out);
/* YAML, or JSON for a name that ends in .json. */
MUST_CHECK bool cli_contract_tree(struct task *t, str path, bool is_json, size_t most,
                                  struct tree **out);
/* A contract, to the file of --out or to stdout: as YAML, with its notes (may be NULL), or with --format json as JSON. What is written says
 * the same when it is read. */
MUST_CHECK bool cli_contract_put(struct task *t, const struct cli *cli, const struct tree *contract,
                                 const struct yaml_out_notes *notes);
/* ERR_USAGE where --format was given to a command whose answer `what` is. */
MUST_CHECK bool cli_contract_no_format(struct task *t, const struct cli *cli, const char *what);
/* A new file; ERR_CONFLICT where one stands. */
MUST_CHECK bool cli_contract_save(struct task *t, str path, str text);
MUST_CHECK bool cli_contract_print(struct task *t, str text);
/* Findings, on stderr. Notes stay away with --quiet. */
void cli_contract_tell(struct task *t, const struct cli *cli, struct report *report);

#endif
