#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actor/actor.h"
#include "buf/buf.h"
#include "cli_inside.h"
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
static bool check_mesh(struct task *t, str folder, struct check *check)
{
    struct bundle bundle;
    struct engine *engine;

    if (!cli_read_bundle(t, folder, STR_NONE, &bundle)) {
        if (t->err.place.file.len == 0) {
            return false;
        }
        report_error(&check->report, &t->err);
        task_clear_error(t);
        return true;
    }
    check->files += bundle.len;
    if (!cli_open_engine(t, &engine)) {
        return false;
    }
    if (plan_check(t, engine, &bundle, &check->report)) {
        return true;
    }
    if (t->err.code != ERR_INVALID || check->report.errors == 0) {
        return false;
    }
    task_clear_error(t);
    return true;
}

static bool check_file(struct task *t, str path, struct check *check)
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
    return true;
}

static bool check_one(struct task *t, str path, struct check *check)
{
    struct stat facts;

    if (stat(arena_c_string(t->mem, path), &facts) != 0) {
        return task_fail_errno(t, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot read %.*s",
                               STR_ARG(path));
    }
    if (!S_ISDIR(facts.st_mode)) {
        return check_file(t, path, check);
    }
    if (access(arena_format(t->mem, "%.*s/mesh.yaml", STR_ARG(path)).ptr, F_OK) != 0) {
        task_fail(t, ERR_NOT_FOUND, "there is no mesh.yaml in %.*s", STR_ARG(path));
        return task_hint(t, "name the folder of a mesh, or single files");
    }
    return check_mesh(t, path, check);
}

static bool check_all(struct task *t, struct cli *cli, struct check *check)
{
    str folder;

    for (size_t i = 0; i < cli->arguments.len; i++) {
        if (!check_one(t, cli->arguments.at[i], check)) {
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
    return check_mesh(t, folder, check);
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
    printf("%zu file%s, ", check->files, check->files == 1 ? "" : "s");
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
