#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actor/actor.h"
#include "buf/buf.h"
#include "cli_inside.h"
#include "clock/clock.h"
#include "contract/contract_change.h"
#include "contract/contract_life.h"
#include "engine/engine.h"
#include "limits/limits.h"
#include "plan/plan.h"
#include "yaml/yaml.h"

/* ---- an engine for as long as the check lasts */

static int check_remove_one(const char *path, const struct stat *facts, int kind, struct FTW *where)
{
    (void)facts, (void)kind, (void)where;
    return remove(path);
}

static void check_remove_home(void *path)
{
    (void)nftw(path, check_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void check_close_engine(void *engine)
{
    engine_close(engine);
}

bool cli_open_engine(struct task *t, struct engine **out)
{
    const char *folder = getenv("TMPDIR");
    char *home =
        arena_c_string(t->mem, arena_format(t->mem, "%s/weft-check-XXXXXX",
                                            folder != NULL && folder[0] == '/' ? folder : "/tmp"));
    struct config *config;

    if (mkdtemp(home) == NULL) {
        return task_fail_errno(t, ERR_IO, "cannot make a folder in %s",
                               folder != NULL ? folder : "/tmp");
    }
    arena_defer(t->mem, check_remove_home, home);
    if (!config_load(t, t->mem, &config) || !config_set(t, config, STR("workers_warm"), STR("0"))
        || !engine_open(t, config, str_of(home), out)) {
        return false;
    }
    arena_defer(t->mem, check_close_engine, *out);
    return true;
}

/* ---- what is checked */

struct check {
    struct report report;
    size_t files;
};

/* Findings with errors are the answer; anything else that fails is not. */
static bool check_mesh(struct task *t, struct cli *cli, str folder, struct check *check)
{
    struct bundle bundle;
    struct engine *engine;
    struct plan *p = ARENA_NEW(t->mem, struct plan);
    bool ok;

    if (!cli_read_bundle(t, folder, STR_NONE, &bundle)) {
        if (t->err.place.file.len == 0) {
            return false;
        }
        report_error(&check->report, &t->err);
        task_clear_error(t);
        return true;
    }
    check->files += bundle.len;
    if (cli->has[OPTION_against]) {
        ok = cli_against_folder(t, cli, &bundle, STR_NONE, p);
        check->report = p->findings.mem != NULL ? p->findings : check->report;
    } else if (cli_open_engine(t, &engine)) {
        ok = plan_check(t, engine, &bundle, &check->report);
    } else {
        return false;
    }
    if (ok) {
        return true;
    }
    if (t->err.code != ERR_INVALID || check->report.errors == 0) {
        return false;
    }
    task_clear_error(t);
    return true;
}

/* A contract as it was, against the same as it is. Whether it was published is not known: one that is in force may have been. */
static bool check_contract_against(struct task *t, str path_before, const struct contract *now,
                                   struct check *check)
{
    struct report ignored;
    struct tree *document;
    const struct contract *before;
    struct contract_changes changes = {0};
    struct contract_life life;
    str text;

    report_init(&ignored, t->mem);
    if (!cli_read_file(t, path_before, DOCUMENT_BYTES_MAX, &text)
        || !yaml_read(t, t->mem, text, path_before,
                      str_ends(path_before, STR(".json")) ? YAML_MODE_JSON : YAML_MODE_YAML,
                      &document)) {
        return false;
    }
    before = contract_read(t->mem, path_before, document, &ignored);
    if (before == NULL || ignored.errors > 0) {
        task_fail(t, ERR_INVALID, "%.*s is no contract without errors", STR_ARG(path_before));
        return task_hint(t, "weft check %.*s says what is wrong", STR_ARG(path_before));
    }
    if (!str_eq(before->id, now->id)) {
        return task_fail(t, ERR_USAGE, "%.*s is contract %.*s, not %.*s", STR_ARG(path_before),
                         STR_ARG(before->id), STR_ARG(now->id));
    }
    contract_life(before, clock_now_us(), &life);
    contract_compare(t->mem, before, now, &changes);
    for (size_t i = 0; i < changes.len; i++) {
        bool is_breaking = contract_change_class(changes.at[i].kind) == CHANGE_BREAKING;
        bool is_same_major = contract_major(before->version) == contract_major(now->version);
        bool is_refused = is_breaking && is_same_major && contract_major(before->version) > 0
                       && (life.stage == CONTRACT_ACTIVE || life.stage == CONTRACT_DEPRECATED);
        struct finding *finding =
            report_add(&check->report, is_refused ? FINDING_ERROR : FINDING_NOTE, ERR_INVALID,
                       changes.at[i].place, "%s: %.*s",
                       contract_change_class_name(contract_change_class(changes.at[i].kind)),
                       STR_ARG(contract_change_text(t->mem, &changes.at[i])));

        finding->hint =
            is_refused ? STR("a breaking change needs a new major, beside the old one") : STR_NONE;
    }
    return true;
}

static bool check_file_against(struct task *t, struct cli *cli, str path,
                               const struct tree *document, struct check *check)
{
    struct report ignored;
    const struct contract *now;

    if (!cli->has[OPTION_against] || check->report.errors > 0) {
        return true;
    }
    report_init(&ignored, t->mem);
    now = str_eq(tree_find_text(document, STR("kind")), STR("DataContract"))
            ? contract_read(t->mem, path, document, &ignored)
            : NULL;
    if (now == NULL || ignored.errors > 0) {
        return task_fail(t, ERR_USAGE, "with --against %.*s is a contract that a mesh can have",
                         STR_ARG(path));
    }
    return check_contract_against(t, cli->value[OPTION_against], now, check);
}

static bool check_file(struct task *t, struct cli *cli, str path, struct check *check)
{
    struct tree *document;
    str text;

    if (!cli_read_file(t, path, DOCUMENT_BYTES_MAX, &text)) {
        return false;
    }
    check->files++;
    if (!yaml_read(t, t->mem, text, path,
                   str_ends(path, STR(".json")) ? YAML_MODE_JSON : YAML_MODE_YAML, &document)) {
        report_error(&check->report, &t->err);
        task_clear_error(t);
        return true;
    }
    model_check_document(t->mem, path, document, &check->report);
    return check_file_against(t, cli, path, document, check);
}

static bool check_one(struct task *t, struct cli *cli, str path, struct check *check)
{
    struct stat facts;

    if (stat(arena_c_string(t->mem, path), &facts) != 0) {
        return task_fail_errno(t, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot read %.*s",
                               STR_ARG(path));
    }
    if (!S_ISDIR(facts.st_mode)) {
        return check_file(t, cli, path, check);
    }
    if (access(arena_format(t->mem, "%.*s/mesh.yaml", STR_ARG(path)).ptr, F_OK) != 0) {
        task_fail(t, ERR_NOT_FOUND, "there is no mesh.yaml in %.*s", STR_ARG(path));
        return task_hint(t, "name the folder of a mesh, or single files");
    }
    return check_mesh(t, cli, path, check);
}

/* What the mesh itself says of the files: all that a check says, and more. */
static bool check_server(struct task *t, struct cli *cli, struct check *check)
{
    const struct tree *plan;
    bool ok;

    if (cli->arguments.len > 1) {
        return task_fail(t, ERR_USAGE, "a server is asked about one mesh folder");
    }
    if (cli->arguments.len == 1) {
        cli->has[OPTION_folder] = true;
        cli->value[OPTION_folder] = cli->arguments.at[0];
    }
    ok = cli_plan(t, cli, &plan);
    if (!ok && (t->err.code != ERR_INVALID || cli->findings == NULL)) {
        return false;
    }
    cli_read_findings(ok ? tree_find(plan, STR("findings")) : cli->findings, &check->report);
    task_clear_error(t);
    return true;
}

static bool check_all(struct task *t, struct cli *cli, struct check *check)
{
    str folder;

    if (cli->has[OPTION_against] && cli_is_against_url(cli)) {
        return check_server(t, cli, check);
    }
    if (cli->has[OPTION_against] && cli->arguments.len > 1) {
        return task_fail(t, ERR_USAGE, "--against compares one folder or file");
    }
    for (size_t i = 0; i < cli->arguments.len; i++) {
        if (!check_one(t, cli, cli->arguments.at[i], check)) {
            return false;
        }
    }
    if (cli->arguments.len > 0) {
        return true;
    }
    if (!cli_find_folder(t, cli, &folder)) {
        return false;
    }
    if (folder.len == 0) {
        task_fail(t, ERR_USAGE, "there is no mesh.yaml here or above");
        return task_hint(t, "go to the folder of a mesh, or name folders or files");
    }
    return check_mesh(t, cli, folder, check);
}

/* ---- what was found */

static void check_show_csv(struct task *t, const struct report *report)
{
    static const struct cli_column columns[] = {{.key = "level"},   {.key = "file"},
                                                {.key = "line"},    {.key = "column"},
                                                {.key = "message"}, {.key = "hint"}};
    static const char *const levels[] = {"error", "warning", "note"};
    struct table table;

    table_begin(&table, t->mem, stdout, columns, 6);
    table.is_csv = true;
    for (size_t i = 0; i < report->len; i++) {
        const struct finding *finding = &report->at[i];

        table_row(&table, (const str[]){str_of(levels[finding->level]), finding->place.file,
                                        arena_format(t->mem, "%u", finding->place.line),
                                        arena_format(t->mem, "%u", finding->place.column),
                                        finding->message, finding->hint});
    }
    table_end(&table);
}

static void check_show(struct task *t, const struct cli *cli, const struct check *check)
{
    struct buf *text = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX);
    size_t errors = check->report.errors, others = check->report.len - errors;

    if (cli->format == FORMAT_CSV) {
        check_show_csv(t, &check->report);
        return;
    }
    if (cli->format == FORMAT_JSON) {
        report_json(&check->report, text);
        printf("%.*s\n", STR_ARG(buf_str(text)));
        return;
    }
    report_text(&check->report, text);
    printf("%.*s", STR_ARG(buf_str(text)));
    if (cli->has[OPTION_quiet]) {
        return;
    }
    if (check->files > 0) {
        printf("%zu file%s, ", check->files, check->files == 1 ? "" : "s");
    }
    if (errors == 0) {
        printf("no errors");
    } else {
        printf("%zu error%s", errors, errors == 1 ? "" : "s");
    }
    if (others > 0) {
        printf(", %zu warning%s", others, others == 1 ? "" : "s");
    }
    putchar('\n');
}

bool command_check(struct task *t, struct cli *cli)
{
    struct check check = {0};

    cli_listen(t);
    report_init(&check.report, t->mem);
    if (!check_all(t, cli, &check)) {
        return false;
    }
    report_sort(&check.report);
    check_show(t, cli, &check);
    cli->exit_code = check.report.errors > 0 ? error_exit_code(ERR_INVALID) : 0;
    return true;
}
