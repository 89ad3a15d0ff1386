#include "cli/cli_contract.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "buf/buf.h"
#include "limits/limits.h"
#include "yaml/yaml.h"

bool cli_contract_tree(struct task *t, str path, bool is_json, size_t most, struct tree **out)
{
    str text;

    return cli_read_file(t, path, most, &text)
        && yaml_read(t, t->mem, text, path, is_json ? YAML_MODE_JSON : YAML_MODE_YAML, out);
}

bool cli_contract_read(struct task *t, str path, struct report *report, struct contract **out)
{
    struct tree *document;

    *out = NULL;
    if (!cli_contract_tree(t, path, str_ends(path, STR(".json")), DOCUMENT_BYTES_MAX, &document)) {
        return false;
    }
    *out = contract_read(t->mem, path, document, report);
    if (report->errors > 0) {
        *out = NULL;
    }
    return true;
}

bool cli_contract_save(struct task *t, str path, str text)
{
    struct cli_files one = {0};
    str folder, name;

    /* A folder of another name is a slip of the pen, mostly. */
    if (str_cut_last(path, '/', &folder, &name) && folder.len > 0
        && access(arena_c_string(t->mem, folder), F_OK) != 0) {
        return task_fail_errno(t, ERR_IO, "cannot write %.*s", STR_ARG(path));
    }
    vec_push(t->mem, &one, ((struct cli_file){.path = path, .text = text, .mode = 0666}));
    if (cli_write_files(t, STR("."), &one)) {
        return true;
    }
    return t->err.code == ERR_CONFLICT ? task_hint(t, "remove it, or name another file") : false;
}

/* Texts of a contract are written by others: a terminal obeys some of them. */
static str contract_for_terminal(struct task *t, str text)
{
    struct buf *shown = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX);
    str line;

    while (text.len > 0) {
        bool has_end = str_cut(text, '\n', &line, &text);

        buf_add(shown, table_shown(t->mem, line));
        buf_add(shown, has_end ? STR("\n") : STR_NONE);
    }
    return buf_str(shown);
}

bool cli_contract_print(struct task *t, str text)
{
    if (cli_is_terminal(stdout)) {
        text = contract_for_terminal(t, text);
    }
    if (fwrite(text.ptr, 1, text.len, stdout) != text.len || fflush(stdout) != 0) {
        return task_fail_errno(t, ERR_IO, "cannot write the answer");
    }
    return true;
}

static bool contract_as_yaml(struct task *t, const struct tree *contract,
                             const struct yaml_out_notes *notes, struct buf *out)
{
    struct tree *again;

    yaml_out(out, contract, notes);
    if (out->full) {
        return true;
    }
    if (!yaml_read(t, t->mem, buf_str(out), STR("the contract"), YAML_MODE_YAML, &again)) {
        return false;
    }
    return tree_equal(contract, again)
        || task_fail(t, ERR_INVALID, "the contract cannot be written as YAML without a loss");
}

bool cli_contract_put(struct task *t, const struct cli *cli, const struct tree *contract,
                      const struct yaml_out_notes *notes)
{
    struct buf *text = buf_new(t->mem, DOCUMENT_BYTES_MAX);

    if (cli->format == FORMAT_JSON) {
        tree_json(contract, text);
        buf_add_byte(text, '\n');
    } else if (!contract_as_yaml(t, contract, notes, text)) {
        return false;
    }
    if (text->full) {
        task_fail(t, ERR_LIMIT, "the contract cannot be written");
        return task_hint(t, "a text of it is no UTF-8, or it would have more than %d bytes",
                         DOCUMENT_BYTES_MAX);
    }
    if (!cli->has[OPTION_out]) {
        return cli_contract_print(t, buf_str(text));
    }
    if (!cli_contract_save(t, cli->value[OPTION_out], buf_str(text))) {
        return false;
    }
    cli_note(cli, "wrote %.*s", STR_ARG(cli->value[OPTION_out]));
    return true;
}

bool cli_contract_no_format(struct task *t, const struct cli *cli, const char *what)
{
    return !cli->has[OPTION_format]
        || task_fail(t, ERR_USAGE, "--format %.*s: weft %s writes %s",
                     STR_ARG(cli->value[OPTION_format]), cli->command->name, what);
}

void cli_contract_tell(struct task *t, const struct cli *cli, struct report *report)
{
    struct buf *text = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX);

    if (cli->has[OPTION_quiet] && report->errors == 0) {
        return;
    }
    report_sort(report);
    report_text(report, text);
    fprintf(stderr, "%.*s", STR_ARG(buf_str(text)));
}
