#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli_watch.h"
#include "cli_inside.h"
#include "clock/clock.h"
#include "limits/limits.h"
#include "yaml/yaml.h"

/* `weft run --watch`: at each change of the mesh folder or of local sources check, apply where that was allowed, run. */

struct run_watch {
    struct cli *cli;
    struct arena *mem;
    str folder;            /* of the mesh, absolute */
    struct str_list names; /* of products; none: those that a change touches */
    struct cli_watch *watch;
};

/* ---- which folders */

static void watch_add_folder(struct run_watch *w, struct str_list *out, str path)
{
    char space[PATH_MAX];
    str whole = str_starts(path, STR("/"))
                  ? arena_format(w->mem, "%.*s", STR_ARG(path))
                  : arena_format(w->mem, "%.*s/%.*s", STR_ARG(w->folder), STR_ARG(path));
    str found;

    if (realpath(whole.ptr, space) == NULL) {
        return;
    }
    found = arena_str(w->mem, str_of(space));
    for (size_t i = 0; i < out->len; i++) {
        str root = arena_format(w->mem, "%.*s/", STR_ARG(out->at[i]));

        if (str_eq(found, out->at[i]) || str_starts(found, root)) {
            return;
        }
    }
    vec_push(w->mem, out, found);
}

/* The folder of the mesh, and the roots of local sources that lie elsewhere. A mesh.yaml that cannot be read is told by the check. */
static void watch_folders(struct task *t, struct run_watch *w, struct str_list *out)
{
    str path = arena_format(w->mem, "%.*s/mesh.yaml", STR_ARG(w->folder)), text;
    const struct tree *roots;
    struct tree *mesh;

    watch_add_folder(w, out, w->folder);
    if (!cli_read_file(t, path, DOCUMENT_BYTES_MAX, &text)
        || !yaml_read(t, w->mem, text, path, YAML_MODE_YAML, &mesh)) {
        task_clear_error(t);
        return;
    }
    roots = tree_find(tree_find(mesh, STR("sources")), STR("roots"));
    for (size_t i = 0; roots != NULL && roots->kind == TREE_LIST && i < roots->len; i++) {
        watch_add_folder(w, out, roots->at[i]->text);
    }
}

/* ---- which products */

/* `domains/D/P/...` is of the product D.P; anything else may be of any. False where it is of all. */
static bool watch_product_of(struct task *t, const struct run_watch *w, str path, str *out)
{
    str begin = arena_format(t->mem, "%.*s/domains/", STR_ARG(w->folder)), domain, product, rest;

    return str_starts(path, begin) && str_cut(str_from(path, begin.len), '/', &domain, &rest)
        && str_cut(rest, '/', &product, &rest)
        && access(arena_format(t->mem, "%.*s%.*s/%.*s/product.odps.yaml", STR_ARG(begin),
                               STR_ARG(domain), STR_ARG(product))
                      .ptr,
                  F_OK)
               == 0
        && (*out = arena_format(t->mem, "%.*s.%.*s", STR_ARG(domain), STR_ARG(product)), true);
}

static void watch_choose(struct task *t, struct run_watch *w, const struct str_list *changed)
{
    struct cli *cli = w->cli;
    struct str_list chosen = {0};
    bool is_all = w->names.len == 0 && changed->len == 0;
    str name;

    for (size_t i = 0; i < changed->len && w->names.len == 0; i++) {
        if (watch_product_of(t, w, changed->at[i], &name)) {
            str_list_add(t->mem, &chosen, name);
        } else {
            is_all = true;
        }
    }
    cli->has[OPTION_all] = is_all;
    cli->arguments = is_all ? (struct str_list){0} : w->names.len > 0 ? w->names : chosen;
}

/* ---- one round */

/* A domain alone fits into a mesh that is there; the first time it comes with the rest. */
static bool watch_is_new(struct task *t, struct run_watch *w, bool *out)
{
    const struct tree *status;

    *out = false;
    if (!cli_call(t, w->cli, "GET", STR("/api/v1/status"), STR_NONE, &status)) {
        /* An environment that does not fit its mesh any more: a plan may mend it. */
        bool is_misfit = t->err.code == ERR_CONFLICT;

        if (is_misfit) {
            task_clear_error(t);
            w->cli->problem = STR_NONE;
        }
        return is_misfit;
    }
    *out = str_eq(tree_find_text(status, STR("mesh_version")), STR("0"));
    return true;
}

/* Plans with something to do. One without changes takes from the environment what does not fit. */
struct watch_plans {
    size_t changes;
    bool takes_misfits;
};

static void watch_count(const struct tree *plan, struct watch_plans *plans)
{
    const struct tree *changes = tree_find(plan, STR("changes"));
    size_t count = changes != NULL ? changes->len : 0;

    plans->changes += count;
    plans->takes_misfits = plans->takes_misfits || count == 0;
}

static bool watch_is_open(const struct watch_plans *plans)
{
    return plans->changes > 0 || plans->takes_misfits;
}

/* The domains of the products that were named, each planned and applied by itself; none were: all of the folder. */
static bool watch_apply(struct task *t, struct run_watch *w, struct watch_plans *applied,
                        struct watch_plans *open)
{
    struct cli *cli = w->cli;
    struct str_list domains = {0};
    bool is_new = false, ok = watch_is_new(t, w, &is_new);

    for (size_t i = 0; !is_new && i < w->names.len; i++) {
        str domain, rest;

        (void)str_cut(w->names.at[i], '.', &domain, &rest);
        str_list_add(t->mem, &domains, domain);
    }
    for (size_t i = 0; ok && i < (domains.len > 0 ? domains.len : 1); i++) {
        const struct tree *plan, *answer;

        cli->has[OPTION_domain] = domains.len > 0;
        cli->value[OPTION_domain] = domains.len > 0 ? domains.at[i] : STR_NONE;
        ok = cli_plan(t, cli, &plan);
        if (!ok) {
            break;
        }
        if (tree_find_text(plan, STR("plan")).len == 0) {
            continue;
        }
        if (cli->has[OPTION_yes]) {
            ok = cli_apply(t, cli, tree_find_text(plan, STR("plan")), &answer);
        }
        if (ok) {
            watch_count(plan, cli->has[OPTION_yes] ? applied : open);
        }
    }
    cli->has[OPTION_domain] = false;
    return ok;
}

static str watch_told(struct task *t, const struct watch_plans *plans, bool is_applied)
{
    str changes = plans->changes > 0 ? arena_format(t->mem, ", %zu change%s %s", plans->changes,
                                                    plans->changes == 1 ? "" : "s",
                                                    is_applied ? "applied" : "not applied")
                                     : STR_NONE;
    const char *misfits =
        !plans->takes_misfits ? ""
        : is_applied          ? ", what the environment had otherwise and did not fit is gone"
                     : ", what the environment has otherwise and does not fit is still there";

    return arena_format(t->mem, "checked%.*s%s%s", STR_ARG(changes), misfits,
                        is_applied ? "" : ", so nothing is run: weft apply, or --yes");
}

static void watch_say(const struct run_watch *w, str text)
{
    time_t now = (time_t)(clock_now_us() / 1000000);
    struct tm at;
    char shown[16] = "";

    if (localtime_r(&now, &at) != NULL) {
        (void)strftime(shown, sizeof(shown), "%H:%M:%S", &at);
    }
    if (!w->cli->has[OPTION_quiet]) {
        printf("%s %.*s\n", shown, STR_ARG(text));
        fflush(stdout);
    }
}

static bool watch_round(struct task *t, struct run_watch *w, const struct str_list *changed)
{
    struct watch_plans applied = {0}, open = {0};

    if (!watch_apply(t, w, &applied, &open)) {
        return false;
    }
    if (watch_is_open(&open)) {
        watch_say(w, watch_told(t, &open, false));
        return true;
    }
    watch_say(w, watch_told(t, &applied, true));
    watch_choose(t, w, changed);
    return cli_run(t, w->cli);
}

/* Errors are told, and the next change is waited for: somebody is about to mend them. */
static bool watch_loop(struct task *t, struct run_watch *w)
{
    struct str_list changed = {0};

    for (;;) {
        struct arena_mark mark = arena_mark(t->mem);
        int number;

        if (!watch_round(t, w, &changed)) {
            cli_tell_error(t, w->cli);
            task_clear_error(t);
        }
        w->cli->problem = STR_NONE;
        w->cli->findings = NULL;
        fflush(stdout);
        number = cli_heard();
        changed = (struct str_list){0};
        arena_rewind(t->mem, mark);
        if (number != 0 || atomic_load(&t->cancelled)) {
            return true;
        }
        watch_say(w, STR("waiting for changes"));
        if (!cli_watch_wait(t, w->watch, &changed)) {
            bool is_end = t->err.code == ERR_CANCELLED;

            if (is_end) {
                task_clear_error(t);
            }
            return is_end;
        }
    }
}

bool cli_run_watch(struct task *t, struct cli *cli)
{
    struct run_watch w = {.cli = cli, .mem = arena_new()};
    struct str_list folders = {0};
    char space[PATH_MAX];
    str folder;

    if (cli->format != FORMAT_TABLE) {
        return task_fail(t, ERR_USAGE, "--watch is for people: it has no other format");
    }
    for (size_t i = 0; i < cli->arguments.len; i++) {
        vec_push(w.mem, &w.names, cli->arguments.at[i]);
    }
    bool ok = cli_reach(t, cli) && cli_plan_folder(t, cli, &folder);
    if (ok && realpath(arena_c_string(t->mem, folder), space) == NULL) {
        ok = task_fail_errno(t, ERR_NOT_FOUND, "cannot find %.*s", STR_ARG(folder));
    }
    if (ok) {
        w.folder = arena_str(w.mem, str_of(space));
        watch_folders(t, &w, &folders);
        ok = cli_watch_open(t, &folders, cli->home, &w.watch);
    }
    if (ok && !cli->has[OPTION_quiet]) {
        size_t count = cli_watch_folders(w.watch);

        printf("watching %zu folder%s of %.*s; Ctrl-C ends\n", count, count == 1 ? "" : "s",
               STR_ARG(w.folder));
        fflush(stdout);
    }
    ok = ok && watch_loop(t, &w);
    arena_free(w.mem);
    return ok;
}
