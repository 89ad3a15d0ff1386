/* Tests of a mesh, offline: unit tests of products, and whether policies do what is expected of them. */
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf/buf.h"
#include "cli_inside.h"
#include "json_out/json_out.h"
#include "limits/limits.h"
#include "plan/plan.h"

struct tests {
    str folder;
    struct plan_tests which;
    struct report report;
    struct plan_case_results results;
};

static bool tests_is_mesh(struct task *t, str folder)
{
    return access(arena_format(t->mem, "%.*s/mesh.yaml", STR_ARG(folder)).ptr, F_OK) == 0;
}

/* The mesh around a file or folder, and the path of a file in it. */
static bool tests_find_mesh(struct task *t, str path, struct tests *tests)
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
        if (tests_is_mesh(t, at)) {
            tests->folder = arena_str(t->mem, at);
            tests->which.file = S_ISDIR(facts.st_mode) ? STR_NONE : str_from(folder, at.len + 1);
            return true;
        }
        if (above.len == at.len) {
            break;
        }
    }
    task_fail(t, ERR_NOT_FOUND, "there is no mesh.yaml around %.*s", STR_ARG(path));
    return task_hint(t, "tests are run in the mesh that they belong to");
}

static bool tests_is_path(struct task *t, str named)
{
    return str_has(named, '/') || !str_has(named, '.') || str_ends(named, STR(".yaml"))
        || str_ends(named, STR(".yml")) || access(arena_c_string(t->mem, named), F_OK) == 0;
}

/* A folder or file; else the product of this address, in the mesh of this folder. */
static bool tests_find(struct task *t, struct cli *cli, struct tests *tests)
{
    str named = cli->arguments.len > 0 ? cli->arguments.at[0] : STR_NONE;

    if (named.len > 0 && (!tests->which.of_products || tests_is_path(t, named))) {
        return tests_find_mesh(t, named, tests);
    }
    tests->which.product = named;
    if (!cli_find_folder(t, cli, &tests->folder)) {
        return false;
    }
    if (tests->folder.len > 0) {
        return true;
    }
    task_fail(t, ERR_USAGE, "there is no mesh.yaml here or above");
    return task_hint(t, "go to the folder of a mesh, or name a folder or a file of tests");
}

static bool tests_hint(struct task *t, const struct tests *tests)
{
    return task_hint(t,
                     "tests are NAME.policytest.yaml in policies/tests/ or domains/DOMAIN/tests/%s",
                     tests->which.of_products ? ", and NAME.yaml in tests/ of a product" : "");
}

static bool tests_run(struct task *t, struct tests *tests)
{
    struct bundle bundle;
    struct engine *engine;

    if (!cli_read_bundle(t, tests->folder, STR_NONE, &bundle) || !cli_open_engine(t, &engine)) {
        return false;
    }
    if (!plan_test(t, engine, &bundle, &tests->which, &tests->report, &tests->results)) {
        if (t->err.code != ERR_INVALID || tests->report.errors == 0) {
            return false;
        }
        task_clear_error(t);
    }
    str named = tests->which.file.len ? tests->which.file : tests->which.product;
    if (named.len == 0 || tests->results.len > 0 || tests->report.errors > 0) {
        return true;
    }
    task_fail(t, ERR_INVALID, "%.*s has no tests%s", STR_ARG(named),
              tests->which.of_products ? "" : " of policies");
    return tests_hint(t, tests);
}

static const struct tree *tests_results(struct task *t, const struct tests *tests)
{
    struct tree *list = tree_new(t->mem, TREE_LIST);

    for (size_t i = 0; i < tests->results.len; i++) {
        const struct plan_case_result *result = &tests->results.at[i];
        struct tree *row = tree_new(t->mem, TREE_MAP);
        struct tree *line = tree_new(t->mem, TREE_SCALAR);

        line->text = arena_format(t->mem, "%u", result->place.line);
        (void)tree_put(t->mem, row, STR("case"), tree_text(t->mem, result->name));
        (void)tree_put(t->mem, row, STR("of"), tree_text(t->mem, result->subject));
        (void)tree_put(t->mem, row, STR("result"),
                       tree_text(t->mem, result->is_left_out  ? STR("left out")
                                         : result->has_passed ? STR("passed")
                                                              : STR("failed")));
        (void)tree_put(t->mem, row, STR("file"), tree_text(t->mem, result->place.file));
        (void)tree_put(t->mem, row, STR("line"), line);
        tree_push(t->mem, list, row);
    }
    return list;
}

static void tests_tell_json(struct task *t, const struct tests *tests)
{
    struct buf *b = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX);

    buf_add(b, STR("{\"cases\":"));
    tree_json(tests_results(t, tests), b);
    buf_add(b, STR(",\"findings\":"));
    report_json(&tests->report, b);
    buf_add(b, STR("}"));
    printf("%.*s\n", STR_ARG(buf_str(b)));
}

static bool tests_tell(struct task *t, const struct cli *cli, const struct tests *tests)
{
    static const struct cli_column columns[] = {
        {.key = "case"}, {.key = "of"}, {.key = "result"}, {.key = "file"}, {.key = "line"}};
    struct buf *text = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX);
    size_t failed = 0, left_out = 0;

    if (cli->format == FORMAT_JSON) {
        tests_tell_json(t, tests);
        return true;
    }
    if (cli->format == FORMAT_TABLE) {
        report_text(&tests->report, text);
        printf("%.*s", STR_ARG(buf_str(text)));
    }
    if ((tests->results.len > 0 || cli->format == FORMAT_CSV)
        && !table_list(t, cli, tests_results(t, tests), columns, 5)) {
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

static bool tests_command(struct task *t, struct cli *cli, bool of_products)
{
    struct tests tests = {.which = {.of_policies = true, .of_products = of_products}};

    cli_listen(t);
    report_init(&tests.report, t->mem);
    if (!cli_demand_arguments(t, cli, 0, 1) || !tests_find(t, cli, &tests)) {
        return false;
    }
    tests.which.of_policies = tests.which.product.len == 0;
    if (!tests_run(t, &tests) || !tests_tell(t, cli, &tests)) {
        return false;
    }
    cli->exit_code = tests.report.errors > 0 ? error_exit_code(ERR_INVALID) : 0;
    return true;
}

bool command_policy_test(struct task *t, struct cli *cli)
{
    return tests_command(t, cli, false);
}

bool command_test(struct task *t, struct cli *cli)
{
    return tests_command(t, cli, true);
}
