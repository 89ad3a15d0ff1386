#include "cli/cli_contract.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
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

static bool contract_has_digit(str text, size_t at)
{
    return at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9';
}

/* A number as JSON spells it, which has no `+1`, `.5`, `5.`, `007` or `0x1F`. */
static str contract_number(struct task *t, const struct tree *node)
{
    str text = node->text, sign = str_sub(text, 0, str_starts(text, STR("-")));
    int64_t whole;
    double value;

    if (tree_is_int(node, &whole)) {
        return arena_format(t->mem, "%lld", (long long)whole);
    }
    if (!tree_is_number(node, &value)) {
        return text;
    }
    text = str_from(text, text.ptr[0] == '-' || text.ptr[0] == '+');
    while (text.ptr[0] == '0' && contract_has_digit(text, 1)) {
        text = str_from(text, 1);
    }
    size_t point = str_find(text, STR("."));
    return arena_format(t->mem, "%.*s%s%.*s%.*s", STR_ARG(sign), point == 0 ? "0" : "",
                        STR_ARG(str_sub(text, 0, point)),
                        STR_ARG(str_from(text, point + !contract_has_digit(text, point + 1))));
}

static void contract_spell_numbers(struct task *t, struct tree *node)
{
    if (node->kind == TREE_SCALAR && strcmp(tree_type_name(node), "text") != 0) {
        node->text = contract_number(t, node);
    }
    for (size_t i = 0; i < node->len; i++) {
        contract_spell_numbers(t, node->at[i]);
    }
}

static void contract_as_json(struct task *t, const struct tree *contract, struct buf *out)
{
    struct tree *spelled = tree_copy(t->mem, contract);

    contract_spell_numbers(t, spelled);
    tree_json(spelled, out);
    buf_add_byte(out, '\n');
}

/* What was written, as it is read. */
static bool contract_says_same(struct task *t, const struct tree *contract, str text, bool is_json)
{
    struct tree *again;

    if (!yaml_read(t, t->mem, text, STR("the contract"), is_json ? YAML_MODE_JSON : YAML_MODE_YAML,
                   &again)) {
        return false;
    }
    if (tree_equal(contract, again)) {
        return true;
    }
    task_fail(t, ERR_INVALID, "the contract cannot be written as %s without a loss",
              is_json ? "JSON" : "YAML");
    return is_json ? task_hint(t, "JSON has no .inf and no .nan: leave out --format json") : false;
}

bool cli_contract_put(struct task *t, const struct cli *cli, const struct tree *contract,
                      const struct yaml_out_notes *notes)
{
    struct buf *text = buf_new(t->mem, DOCUMENT_BYTES_MAX);
    bool is_json = cli->format == FORMAT_JSON;

    if (is_json) {
        contract_as_json(t, contract, text);
    } else {
        yaml_out(text, contract, notes);
    }
    if (text->full) {
        task_fail(t, ERR_LIMIT, "the contract cannot be written");
        return task_hint(t, "a text of it is no UTF-8, or it would have more than %d bytes",
                         DOCUMENT_BYTES_MAX);
    }
    if (!contract_says_same(t, contract, buf_str(text), is_json)) {
        return false;
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
