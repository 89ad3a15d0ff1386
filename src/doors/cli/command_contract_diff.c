/* Two versions of a contract: what changed, and what of it breaks those who read. */
#include "buf/buf.h"
#include "cli/cli_contract.h"
#include "cli_inside.h"
#include "contract/contract_change.h"
#include "json_out/json_out.h"
#include "limits/limits.h"

struct diff_counts {
    size_t additive, breaking, documentation;
};

static struct diff_counts diff_count(const struct contract_changes *changes)
{
    struct diff_counts counts = {0};

    for (size_t i = 0; i < changes->len; i++) {
        enum contract_change_class class = contract_change_class(changes->at[i].kind);

        counts.additive += class == CHANGE_ADDITIVE;
        counts.breaking += class == CHANGE_BREAKING;
        counts.documentation += class == CHANGE_DOCUMENTATION;
    }
    return counts;
}

static str diff_class(const struct contract_change *change)
{
    return str_of(contract_change_class_name(contract_change_class(change->kind)));
}

static void diff_show_table(struct task *t, const struct cli *cli,
                            const struct contract_changes *changes)
{
    static const struct cli_column columns[] = {{.key = "class"},  {.key = "change"},
                                                {.key = "table"},  {.key = "column"},
                                                {.key = "before"}, {.key = "now"}};
    struct table table;

    table_begin(&table, t->mem, stdout, columns, 6);
    table.is_csv = cli->format == FORMAT_CSV;
    for (size_t i = 0; i < changes->len; i++) {
        const struct contract_change *change = &changes->at[i];

        table_row(&table,
                  (const str[]){diff_class(change), str_of(contract_change_name(change->kind)),
                                change->table.len > 0 ? change->table : STR(""),
                                change->column.len > 0 ? change->column : STR(""),
                                change->before.len > 0 ? change->before : STR(""),
                                change->now.len > 0 ? change->now : STR("")});
    }
    table_end(&table);
}

static void diff_show_json(struct task *t, const struct contract_changes *changes)
{
    struct json_out o = {.b = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX)};

    json_out_begin(&o, "", '[');
    for (size_t i = 0; i < changes->len; i++) {
        const struct contract_change *change = &changes->at[i];

        json_out_begin(&o, "", '{');
        json_out_str(&o, "class", diff_class(change));
        json_out_str(&o, "change", str_of(contract_change_name(change->kind)));
        json_out_maybe(&o, "table", change->table);
        json_out_maybe(&o, "column", change->column);
        json_out_maybe(&o, "before", change->before);
        json_out_maybe(&o, "now", change->now);
        json_out_str(&o, "why", str_of(contract_change_why(change->kind)));
        json_out_maybe(&o, "file", change->place.file);
        json_out_uint(&o, "line", change->place.line);
        json_out_end(&o, '}');
    }
    json_out_end(&o, ']');
    printf("%.*s\n", STR_ARG(buf_str(o.b)));
}

/* Texts of a contract stand in code spans, which hold no Markdown: without backticks, bars and line feeds of their own. */
static void diff_add_code(struct buf *b, str text)
{
    if (text.len == 0) {
        return;
    }
    buf_add(b, STR("`"));
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_odd = c == '`' || c == '|' || (unsigned char)c < ' ' || c == 0x7f;

        buf_add_byte(b, c == '`' ? '\'' : c == '|' ? '/' : is_odd ? ' ' : c);
    }
    buf_add(b, STR("`"));
}

static bool diff_show_markdown(struct task *t, const struct contract *now,
                               const struct contract_changes *changes)
{
    struct diff_counts counts = diff_count(changes);
    struct buf *b = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX);

    buf_add(b, STR("### Contract "));
    diff_add_code(b, now->id);
    buf_format(b, "\n\n%zu breaking, %zu additive, %zu documentation\n", counts.breaking,
               counts.additive, counts.documentation);
    if (changes->len > 0) {
        buf_add(
            b,
            STR("\n| class | change | where | before | now |\n| --- | --- | --- | --- | --- |\n"));
    }
    for (size_t i = 0; i < changes->len; i++) {
        const struct contract_change *change = &changes->at[i];
        bool is_breaking = contract_change_class(change->kind) == CHANGE_BREAKING;
        str where =
            change->column.len > 0
                ? arena_format(t->mem, "%.*s.%.*s", STR_ARG(change->table), STR_ARG(change->column))
                : change->table;

        buf_format(b, is_breaking ? "| **%.*s** | %s | " : "| %.*s | %s | ",
                   STR_ARG(diff_class(change)), contract_change_name(change->kind));
        diff_add_code(b, where);
        buf_add(b, STR(" | "));
        diff_add_code(b, change->before);
        buf_add(b, STR(" | "));
        diff_add_code(b, change->now);
        buf_add(b, STR(" |\n"));
    }
    return cli_contract_print(t, buf_str(b));
}

static void diff_summarize(const struct cli *cli, const struct contract *before,
                           const struct contract *now, const struct contract_changes *changes)
{
    struct diff_counts counts = diff_count(changes);

    if (changes->len == 0) {
        cli_note(cli, "nothing has changed");
        return;
    }
    cli_note(cli, "%zu breaking, %zu additive, %zu documentation", counts.breaking, counts.additive,
             counts.documentation);
    if (counts.breaking == 0) {
        return;
    }
    if (!str_eq(before->id, now->id)) {
        cli_note(cli, "another id is another contract: keep %.*s, or put the new one beside it",
                 STR_ARG(before->id));
    } else if (str_eq(before->version, now->version)) {
        cli_note(cli, "what breaks needs a new major: both are version %.*s",
                 STR_ARG(now->version));
    } else if (contract_major(before->version) == contract_major(now->version)) {
        cli_note(cli, "what breaks needs a new major: %.*s has the major of %.*s",
                 STR_ARG(now->version), STR_ARG(before->version));
    } else {
        cli_note(cli, "it is a new major: who reads the old one stays with it (%.*s)",
                 STR_ARG(before->version));
    }
}

bool command_contract_diff(struct task *t, struct cli *cli)
{
    struct report report;
    struct contract *before, *now = NULL;
    struct contract_changes changes = {0};

    cli_listen(t);
    report_init(&report, t->mem);
    if (!cli_demand_arguments(t, cli, 2, 2)
        || !cli_contract_read(t, cli->arguments.at[0], &report, &before)
        || !cli_contract_read(t, cli->arguments.at[1], &report, &now)) {
        return false;
    }
    if (report.errors > 0) {
        cli_contract_tell(t, cli, &report);
        cli->exit_code = error_exit_code(ERR_INVALID);
        return true;
    }
    contract_compare(t->mem, before, now, &changes);
    if (cli->format == FORMAT_MARKDOWN) {
        if (!diff_show_markdown(t, now, &changes)) {
            return false;
        }
    } else if (cli->format == FORMAT_JSON) {
        diff_show_json(t, &changes);
    } else if (changes.len > 0 || cli->format == FORMAT_CSV) {
        diff_show_table(t, cli, &changes);
    }
    diff_summarize(cli, before, now, &changes);
    cli->exit_code = diff_count(&changes).breaking > 0 ? error_exit_code(ERR_INVALID) : 0;
    return true;
}
