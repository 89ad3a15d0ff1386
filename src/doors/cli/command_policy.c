/* Policies: which there are, what one does, and whether they do what their tests say. */
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf/buf.h"
#include "cli_inside.h"
#include "json_out/json_out.h"
#include "limits/limits.h"
#include "plan/plan.h"

bool command_policy_list(struct task *t, struct cli *cli)
{
    static const struct cli_column columns[] = {
        {.key = "id", .title = "policy"},
        {.key = "scope"},
        {.key = "effect"},
        {.key = "tables_count", .title = "tables", .is_right = true},
        {.key = "columns_count", .title = "columns", .is_right = true},
        {.key = "owner"},
        {.key = "file"}};
    const struct tree *answer;

    cli_listen(t);
    return cli_demand_arguments(t, cli, 0, 0)
        && cli_call(t, cli, "GET", STR("/api/v1/policies"), STR_NONE, &answer)
        && table_list(t, cli, tree_find(answer, STR("policies")), columns,
                      sizeof(columns) / sizeof(columns[0]));
}

bool command_policy_show(struct task *t, struct cli *cli)
{
    const struct tree *policy;

    cli_listen(t);
    return cli_demand_arguments(t, cli, 1, 1)
        && cli_call(t, cli, "GET",
                    arena_format(t->mem, "/api/v1/policies/%.*s",
                                 STR_ARG(http_percent_encode(t->mem, cli->arguments.at[0]))),
                    STR_NONE, &policy)
        && table_object(t, cli, policy);
}

/* ---- tests, offline */

struct policy_tests {
    str folder;
    str file; /* of the bundle; empty: all */
    struct report report;
    struct plan_case_results results;
};

static bool policy_is_mesh(struct task *t, str folder)
{
    return access(arena_format(t->mem, "%.*s/mesh.yaml", STR_ARG(folder)).ptr, F_OK) == 0;
}

/* The mesh around a file or folder, and the path of a file in it. */
static bool policy_find_mesh(struct task *t, str path, struct policy_tests *tests)
{
    char whole[PATH_MAX];
    struct stat facts;
    str folder, above, name;

    if (realpath(arena_c_string(t->mem, path), whole) == NULL || stat(whole, &facts) != 0) {
        return task_fail_errno(t, ERR_NOT_FOUND, "cannot read %.*s", STR_ARG(path));
    }
    folder = arena_str(t->mem, str_of(whole));
    for (str at = folder; at.len > 0; at = above) {
        (void)str_cut_last(at, '/', &above, &name);
        if (policy_is_mesh(t, at)) {
            tests->folder = arena_str(t->mem, at);
            tests->file = S_ISDIR(facts.st_mode) ? STR_NONE : str_from(folder, at.len + 1);
            return true;
        }
        if (above.len == at.len) {
            break;
        }
    }
    task_fail(t, ERR_NOT_FOUND, "there is no mesh.yaml around %.*s", STR_ARG(path));
    return task_hint(t, "policies are tested in the mesh that they belong to");
}

static bool policy_find_tests(struct task *t, struct cli *cli, struct policy_tests *tests)
{
    if (cli->arguments.len > 0) {
        return policy_find_mesh(t, cli->arguments.at[0], tests);
    }
    if (!cli_find_folder(t, cli, &tests->folder)) {
        return false;
    }
    if (tests->folder.len > 0) {
        return true;
    }
    task_fail(t, ERR_USAGE, "there is no mesh.yaml here or above");
    return task_hint(t, "go to the folder of a mesh, or name a folder or a file of tests");
}

static bool policy_run_tests(struct task *t, struct policy_tests *tests)
{
    struct bundle bundle;
    struct engine *engine;

    if (!cli_read_bundle(t, tests->folder, STR_NONE, &bundle) || !cli_open_engine(t, &engine)) {
        return false;
    }
    if (!plan_test_policies(t, engine, &bundle, tests->file, &tests->report, &tests->results)) {
        if (t->err.code != ERR_INVALID || tests->report.errors == 0) {
            return false;
        }
        task_clear_error(t);
    }
    if (tests->file.len == 0 || tests->results.len > 0 || tests->report.errors > 0) {
        return true;
    }
    task_fail(t, ERR_INVALID, "%.*s holds no tests of policies", STR_ARG(tests->file));
    return task_hint(t,
                     "tests are NAME.policytest.yaml in policies/tests/ or domains/DOMAIN/tests/");
}

static const struct tree *policy_results(struct task *t, const struct policy_tests *tests)
{
    struct tree *list = tree_new(t->mem, TREE_LIST);

    for (size_t i = 0; i < tests->results.len; i++) {
        const struct plan_case_result *result = &tests->results.at[i];
        struct tree *row = tree_new(t->mem, TREE_MAP);
        struct tree *line = tree_new(t->mem, TREE_SCALAR);

        line->text = arena_format(t->mem, "%u", result->of->place.line);
        (void)tree_put(t->mem, row, STR("case"), tree_text(t->mem, result->of->name));
        (void)tree_put(t->mem, row, STR("table"), tree_text(t->mem, result->of->table));
        (void)tree_put(t->mem, row, STR("result"),
                       tree_text(t->mem, result->is_left_out  ? STR("left out")
                                         : result->has_passed ? STR("passed")
                                                              : STR("failed")));
        (void)tree_put(t->mem, row, STR("file"), tree_text(t->mem, result->of->file));
        (void)tree_put(t->mem, row, STR("line"), line);
        tree_push(t->mem, list, row);
    }
    return list;
}

static void policy_tell_json(struct task *t, const struct policy_tests *tests)
{
    struct buf *b = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX);

    buf_add(b, STR("{\"cases\":"));
    tree_json(policy_results(t, tests), b);
    buf_add(b, STR(",\"findings\":"));
    report_json(&tests->report, b);
    buf_add(b, STR("}"));
    printf("%.*s\n", STR_ARG(buf_str(b)));
}

static bool policy_tell(struct task *t, const struct cli *cli, const struct policy_tests *tests)
{
    static const struct cli_column columns[] = {
        {.key = "case"}, {.key = "table"}, {.key = "result"}, {.key = "file"}, {.key = "line"}};
    struct buf *text = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX);
    size_t failed = 0, left_out = 0;

    if (cli->format == FORMAT_JSON) {
        policy_tell_json(t, tests);
        return true;
    }
    if (cli->format == FORMAT_TABLE) {
        report_text(&tests->report, text);
        printf("%.*s", STR_ARG(buf_str(text)));
    }
    if ((tests->results.len > 0 || cli->format == FORMAT_CSV)
        && !table_list(t, cli, policy_results(t, tests), columns, 5)) {
        return false;
    }
    for (size_t i = 0; i < tests->results.len; i++) {
        failed += !tests->results.at[i].has_passed;
        left_out += tests->results.at[i].is_left_out;
    }
    if (cli->format == FORMAT_TABLE && !cli->has[OPTION_quiet]) {
        printf("%zu case%s, %zu failed", tests->results.len, tests->results.len == 1 ? "" : "s",
               failed);
        if (left_out > 0) {
            printf(", %zu left out", left_out);
        }
        putchar('\n');
    }
    return true;
}

bool command_policy_test(struct task *t, struct cli *cli)
{
    struct policy_tests tests = {0};

    cli_listen(t);
    report_init(&tests.report, t->mem);
    if (!cli_demand_arguments(t, cli, 0, 1) || !policy_find_tests(t, cli, &tests)
        || !policy_run_tests(t, &tests) || !policy_tell(t, cli, &tests)) {
        return false;
    }
    cli->exit_code = tests.report.errors > 0 ? error_exit_code(ERR_INVALID) : 0;
    return true;
}
