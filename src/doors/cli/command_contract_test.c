/* A contract held against the table or file that it speaks of: `weft contract test`. */
#include <unistd.h>

#include "buf/buf.h"
#include "cli_inside.h"
#include "contract/contract.h"
#include "limits/limits.h"
#include "probe/probe_contract.h"
#include "yaml/yaml.h"

struct contract_test {
    struct report report;
    struct probe_contract probe;
    bool is_readable; /* its file; else only findings are told */
    size_t rules, failed, warned, not_executable;
};

static bool test_read(struct task *t, str path, struct contract_test *test)
{
    struct tree *document;
    str text;

    if (!cli_read_file(t, path, DOCUMENT_BYTES_MAX, &text)) {
        return false;
    }
    if (!yaml_read(t, t->mem, text, path,
                   str_ends(path, STR(".json")) ? YAML_MODE_JSON : YAML_MODE_YAML, &document)) {
        report_error(&test->report, &t->err);
        task_clear_error(t);
        return true;
    }
    test->probe.contract = contract_read(t->mem, path, document, &test->report);
    test->is_readable = test->probe.contract != NULL && test->report.errors == 0;
    return true;
}

/* Relative locations are of the mesh around us; without one, of this folder. */
static bool test_find_folder(struct task *t, struct cli *cli, str *out)
{
    char *here;

    if (!cli_find_folder(t, cli, out) || out->len > 0) {
        return out->len > 0;
    }
    here = getcwd(ARENA_ARRAY(t->mem, char, PATH_BYTES_MAX), PATH_BYTES_MAX);
    *out = str_of(here);
    return here != NULL || task_fail_errno(t, ERR_IO, "cannot say which folder this is");
}

static struct tree *test_number(struct task *t, uint64_t number)
{
    struct tree *node = tree_new(t->mem, TREE_SCALAR);

    node->text = arena_format(t->mem, "%llu", (unsigned long long)number);
    return node;
}

static void test_put(struct task *t, struct tree *row, const char *key, str text)
{
    (void)tree_put(t->mem, row, str_of(key),
                   text.len > 0 ? tree_text(t->mem, text) : tree_new(t->mem, TREE_NULL));
}

static struct tree *test_row(struct task *t, const struct contract_table *table,
                             const struct check_result *result)
{
    const struct contract_rule *rule = result->rule;
    struct tree *row = tree_new(t->mem, TREE_MAP);

    test_put(t, row, "table", table->name);
    test_put(t, row, "column", str_list_join(t->mem, &rule->columns, STR(", ")));
    test_put(t, row, "rule", rule->id);
    test_put(t, row, "name", rule->name);
    test_put(t, row, "kind", contract_rule_kind(rule));
    test_put(t, row, "verdict", str_of(verdict_name(result->verdict)));
    test_put(t, row, "effect", rule->effect == RULE_REJECTS ? STR("rejects") : STR("warns"));
    test_put(t, row, "dimension", rule->dimension);
    test_put(t, row, "expected", result->expected);
    test_put(t, row, "found", result->found);
    test_put(t, row, "message", result->message);
    (void)tree_put(t->mem, row, STR("rows_failed"),
                   result->has_rows_failed ? test_number(t, result->rows_failed)
                                           : tree_new(t->mem, TREE_NULL));
    (void)tree_put(t->mem, row, STR("rows_total"),
                   result->has_rows_failed ? test_number(t, result->rows)
                                           : tree_new(t->mem, TREE_NULL));
    return row;
}

static struct tree *test_rows(struct task *t, struct contract_test *test)
{
    struct tree *list = tree_new(t->mem, TREE_LIST);

    for (size_t i = 0; i < test->probe.tables.len; i++) {
        const struct probe_checked *checked = &test->probe.tables.at[i];

        for (size_t j = 0; j < checked->len; j++) {
            const struct check_result *result = &checked->verdicts[j];
            bool has_failed = result->verdict == VERDICT_FAIL || result->verdict == VERDICT_ERROR;

            test->rules++;
            test->failed += has_failed && result->rule->effect == RULE_REJECTS;
            test->warned += has_failed && result->rule->effect != RULE_REJECTS;
            test->not_executable += result->verdict == VERDICT_NOT_EXECUTABLE;
            tree_push(t->mem, list, test_row(t, checked->table, result));
        }
    }
    return list;
}

static void test_tell_json(struct task *t, const struct contract_test *test,
                           const struct tree *rows)
{
    struct buf *b = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX);
    const struct probe_contract *p = &test->probe;
    struct tree *head = tree_new(t->mem, TREE_MAP);

    test_put(t, head, "contract", test->is_readable ? p->contract->id : STR_NONE);
    test_put(t, head, "version", test->is_readable ? p->contract->version : STR_NONE);
    test_put(t, head, "server", p->used != NULL ? p->used->name : STR_NONE);
    tree_json(head, b);
    b->len--; /* its bracket */
    buf_add(b, STR(",\"findings\":"));
    report_json(&test->report, b);
    buf_add(b, STR(",\"checks\":"));
    tree_json(rows, b);
    buf_add(b, STR("}"));
    printf("%.*s\n", STR_ARG(buf_str(b)));
}

static void test_tell_summary(const struct contract_test *test)
{
    printf("%zu rule%s, %zu failed", test->rules, test->rules == 1 ? "" : "s", test->failed);
    if (test->warned > 0) {
        printf(", %zu warned", test->warned);
    }
    if (test->not_executable > 0) {
        printf(", %zu not executable", test->not_executable);
    }
    if (test->report.errors > 0) {
        printf("; %zu error%s of the source", test->report.errors,
               test->report.errors == 1 ? "" : "s");
    }
    putchar('\n');
}

static bool test_tell(struct task *t, const struct cli *cli, struct contract_test *test)
{
    static const struct cli_column columns[] = {
        {.key = "table"},
        {.key = "column"},
        {.key = "rule"},
        {.key = "verdict"},
        {.key = "effect"},
        {.key = "expected"},
        {.key = "found"},
        {.key = "rows_failed", .title = "failed", .is_right = true},
        {.key = "rows_total", .title = "of", .is_right = true},
        {.key = "message"}};
    const struct tree *rows = test_rows(t, test);
    struct buf *text = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX);

    if (cli->format == FORMAT_JSON) {
        test_tell_json(t, test, rows);
        return true;
    }
    report_text(&test->report, text);
    /* Rows of CSV are for programs: what else there is to say goes beside them. */
    fprintf(cli->format == FORMAT_CSV ? stderr : stdout, "%.*s", STR_ARG(buf_str(text)));
    if ((rows->len > 0 || cli->format == FORMAT_CSV)
        && !table_list(t, cli, rows, columns, sizeof(columns) / sizeof(columns[0]))) {
        return false;
    }
    if (cli->format == FORMAT_TABLE && !cli->has[OPTION_quiet] && test->is_readable) {
        test_tell_summary(test);
    }
    return true;
}

bool command_contract_test(struct task *t, struct cli *cli)
{
    struct contract_test test = {0};
    struct engine *engine;

    cli_listen(t);
    report_init(&test.report, t->mem);
    if (!cli_demand_arguments(t, cli, 1, 1) || !test_read(t, cli->arguments.at[0], &test)) {
        return false;
    }
    test.probe.server = cli->value[OPTION_server];
    test.probe.table = cli->value[OPTION_table];
    test.probe.report = &test.report;
    if (test.is_readable
        && (!test_find_folder(t, cli, &test.probe.folder) || !cli_open_engine(t, &engine)
            || !probe_contract(t, engine, &test.probe))) {
        return false;
    }
    report_sort(&test.report);
    if (!test_tell(t, cli, &test)) {
        return false;
    }
    cli->exit_code =
        test.failed > 0 || test.report.errors > 0 ? error_exit_code(ERR_CHECK_FAILED) : 0;
    return true;
}
