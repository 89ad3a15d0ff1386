#include <inttypes.h>

#include "buf/buf.h"
#include "cli/cli_lines.h"
#include "cli/cli_progress.h"
#include "cli_inside.h"
#include "clock/clock.h"
#include "json_out/json_out.h"
#include "limits/limits.h"

/* One `weft run`: what its job has told so far. */
struct run_follow {
    struct cli *cli;
    struct arena *mem;
    struct progress progress;
    struct tree *products; /* one event of each that has ended */
    struct tree *end;
    size_t published, failed;
    enum error_code first_error;
};

static bool run_body(struct task *t, const struct cli *cli, str *out)
{
    struct json_out o = {.b = buf_new(t->mem, HTTP_BODY_BYTES_MAX)};

    if (cli->has[OPTION_candidate] && (cli->has[OPTION_all] || cli->arguments.len != 1)) {
        task_fail(t, ERR_USAGE, "a candidate is of one product");
        return task_hint(t, "weft run PRODUCT --candidate");
    }
    if (cli->has[OPTION_all] == (cli->arguments.len > 0)) {
        task_fail(t, ERR_USAGE,
                  cli->has[OPTION_all] ? "say --all or name products, not both"
                                       : "which products?");
        return task_hint(t,
                         "weft run PRODUCT ..., or weft run --all; weft show lists the products");
    }
    json_out_begin(&o, "", '{');
    if (cli->has[OPTION_all]) {
        json_out_bool(&o, "all", true);
    } else if (!cli->has[OPTION_candidate]) {
        json_out_list(&o, "products", &cli->arguments);
    }
    if (cli->has[OPTION_full]) {
        json_out_bool(&o, "full", true);
    }
    if (cli->has[OPTION_from]) {
        json_out_str(&o, "from", cli->value[OPTION_from]);
    }
    if (cli->has[OPTION_to]) {
        json_out_str(&o, "to", cli->value[OPTION_to]);
    }
    json_out_end(&o, '}');
    *out = buf_str(o.b);
    return !o.b->full || task_fail(t, ERR_LIMIT, "there are too many products to name");
}

/* ---- events */

static bool run_is_good(str state)
{
    return str_eq(state, STR("published")) || str_eq(state, STR("candidate"))
        || str_eq(state, STR("unchanged"));
}

static bool run_has_ended(const struct run_follow *follow, str product)
{
    for (size_t i = 0; i < follow->products->len; i++) {
        if (str_eq(tree_find_text(follow->products->at[i], STR("product")), product)) {
            return true;
        }
    }
    return false;
}

static void run_show_warnings(struct task *t, const struct tree *event)
{
    const struct tree *warnings = tree_find(event, STR("warnings"));

    for (size_t i = 0; warnings != NULL && i < warnings->len; i++) {
        fprintf(stderr, "%.*s: warning: %.*s\n", STR_ARG(tree_find_text(event, STR("product"))),
                STR_ARG(table_shown(t->mem, tree_find_text(warnings->at[i], STR("message")))));
    }
}

static void run_show_error(struct task *t, str product, const struct tree *error)
{
    str detail = tree_find_text(error, STR("detail")), hint = tree_find_text(error, STR("hint")),
        line;

    str file = tree_find_text(error, STR("file")), line_number = tree_find_text(error, STR("line"));

    fprintf(stderr, "%.*s: error: ", STR_ARG(product));
    if (file.len > 0 && line_number.len > 0) {
        fprintf(stderr, "%.*s:%.*s:%.*s: ", STR_ARG(table_shown(t->mem, file)),
                STR_ARG(line_number), STR_ARG(tree_find_text(error, STR("column"))));
    }
    fprintf(stderr, "%.*s\n", STR_ARG(table_shown(t->mem, tree_find_text(error, STR("message")))));
    while (detail.len > 0) {
        (void)str_cut(detail, '\n', &line, &detail);
        fprintf(stderr, "  %.*s\n", STR_ARG(table_shown(t->mem, line)));
    }
    if (hint.len > 0) {
        fprintf(stderr, "  hint: %.*s\n", STR_ARG(table_shown(t->mem, hint)));
    }
}

static str run_count(const struct tree *of, const char *key)
{
    return tree_find_text(of, str_of(key));
}

/* What became of the rows of its incremental tables, a line each. */
/* Which rows of its source were read. */
static void run_show_pushed(struct task *t, const struct tree *of)
{
    str read = tree_find_text(of, STR("read")), why = tree_find_text(of, STR("read_all"));

    if (read.len > 0) {
        printf("    read of %.*s\n", STR_ARG(table_shown(t->mem, read)));
    }
    if (why.len > 0) {
        printf("    all rows of the source were read: %.*s\n", STR_ARG(table_shown(t->mem, why)));
    }
}

static void run_show_increments(struct task *t, const struct tree *event)
{
    const struct tree *list = tree_find(event, STR("increments"));

    for (size_t i = 0; list != NULL && i < list->len; i++) {
        const struct tree *of = list->at[i];
        str why = tree_find_text(of, STR("all_rows")), joined = run_count(of, "files_joined");

        printf("  %.*s: ", STR_ARG(tree_find_text(of, STR("table"))));
        if (why.len > 0) {
            printf("all rows, since %.*s\n", STR_ARG(table_shown(t->mem, why)));
            continue;
        }
        printf("%.*s rows added, %.*s replaced, %.*s deleted; %.*s files kept, %.*s new",
               STR_ARG(run_count(of, "added")), STR_ARG(run_count(of, "replaced")),
               STR_ARG(run_count(of, "deleted")), STR_ARG(run_count(of, "files_kept")),
               STR_ARG(run_count(of, "files_new")));
        if (!str_eq(joined, STR("0"))) {
            printf(", %.*s joined", STR_ARG(joined));
        }
        putchar('\n');
        run_show_pushed(t, of);
    }
}

static void run_show_quarantined(const struct tree *event)
{
    const struct tree *list = tree_find(event, STR("quarantined"));

    for (size_t i = 0; list != NULL && i < list->len; i++) {
        printf("  %.*s: %.*s of %.*s rows quarantined\n",
               STR_ARG(tree_find_text(list->at[i], STR("table"))),
               STR_ARG(run_count(list->at[i], "rows")), STR_ARG(run_count(list->at[i], "of")));
    }
}

/* One line for each product that has ended, and below it what was wrong. */
static void run_show_product(struct task *t, const struct run_follow *follow,
                             const struct tree *event)
{
    str product = tree_find_text(event, STR("product")),
        state = tree_find_text(event, STR("state"));
    bool is_published = run_is_good(state), is_colored = cli_is_colored(stdout);
    str release = table_cell(t->mem, event, "release");
    const struct tree *warnings = tree_find(event, STR("warnings"));
    double seconds = 0;

    if (follow->cli->format != FORMAT_TABLE) {
        return;
    }
    if (tree_find(event, STR("seconds")) != NULL) {
        (void)tree_is_number(tree_find(event, STR("seconds")), &seconds);
    }
    if (str_eq(state, STR("unchanged"))) {
        printf("%-*.*s  unchanged: %s%.*s\n", (int)follow->progress.width, STR_ARG(product),
               release.len ? "release " : "no release yet", STR_ARG(release));
        return;
    }
    printf("%-*.*s  %s%.*s%s", (int)follow->progress.width, STR_ARG(product),
           !is_colored    ? ""
           : is_published ? "\033[32m"
                          : "\033[31m",
           STR_ARG(state), is_colored ? "\033[0m" : "");
    if (is_published) {
        printf("%s%.*s, %.*s rows", follow->cli->has[OPTION_candidate] ? "" : " release ",
               STR_ARG(tree_find_text(event, STR("release"))),
               STR_ARG(tree_find_text(event, STR("rows"))));
    }
    printf(", %.1f s", seconds);
    if (warnings != NULL && warnings->len > 0) {
        printf(", %zu warning%s", warnings->len, warnings->len > 1 ? "s" : "");
    }
    putchar('\n');
    run_show_increments(t, event);
    run_show_quarantined(event);
    fflush(stdout);
    run_show_warnings(t, event);
    if (tree_find(event, STR("error")) != NULL) {
        run_show_error(t, product, tree_find(event, STR("error")));
    }
}

static void run_product_ended(struct task *t, struct run_follow *follow, const struct tree *event)
{
    str product = tree_find_text(event, STR("product"));
    enum error_code code = ERR_INTERNAL;

    /* Events come again when a job is followed anew. */
    if (run_has_ended(follow, product)) {
        return;
    }
    tree_push(follow->mem, follow->products, tree_copy(follow->mem, event));
    if (str_eq(tree_find_text(event, STR("state")), STR("unchanged"))) {
        /* counted at the end */
    } else if (run_is_good(tree_find_text(event, STR("state")))) {
        follow->published++;
    } else {
        (void)error_by_name(tree_find_text(tree_find(event, STR("error")), STR("code")), &code);
        follow->failed++;
        follow->first_error = follow->first_error == ERR_NONE ? code : follow->first_error;
    }
    progress_end(&follow->progress, product);
    run_show_product(t, follow, event);
    progress_draw(&follow->progress);
}

static bool run_event(struct task *t, void *state, str line)
{
    struct run_follow *follow = state;
    struct tree *event;

    if (!cli_read_json(t, t->mem, line, &event)) {
        return false;
    }
    if (tree_find(event, STR("end")) != NULL) {
        follow->end = tree_copy(follow->mem, tree_find(event, STR("end")));
    } else if (tree_find(event, STR("state")) != NULL) {
        run_product_ended(t, follow, event);
    } else if (tree_find(event, STR("step")) != NULL
               && !run_has_ended(follow, tree_find_text(event, STR("product")))) {
        progress_step(&follow->progress, event);
    }
    return true;
}

static bool run_read_events(struct task *t, struct run_follow *follow, str job)
{
    struct cli_lines lines = {.state = follow, .line = run_event};

    cli_lines_begin(t, &lines);
    bool ok = cli_stream(t, follow->cli, "GET",
                         arena_format(t->mem, "/api/v1/jobs/%.*s/events", STR_ARG(job)), STR_NONE,
                         cli_lines_take, &lines);
    progress_clear(&follow->progress);
    return ok;
}

/* Ctrl-C ends the job, not only our look at it: what it was about to publish is not published. */
static bool run_cancel(struct task *t, struct run_follow *follow, str job)
{
    const struct tree *answer;

    task_clear_error(t);
    atomic_store(&t->cancelled, false);
    /* Events come again from the first: on paper they stand already. */
    follow->progress.is_quiet = follow->progress.is_quiet || !follow->progress.is_terminal;
    cli_note(follow->cli, "cancelling; once more leaves the job to itself");
    return cli_call(t, follow->cli, "POST",
                    arena_format(t->mem, "/api/v1/jobs/%.*s/cancel", STR_ARG(job)), STR_NONE,
                    &answer)
        && run_read_events(t, follow, job);
}

static bool run_follow(struct task *t, struct run_follow *follow, str job)
{
    if (run_read_events(t, follow, job)) {
        return true;
    }
    return t->err.code == ERR_CANCELLED && run_cancel(t, follow, job);
}

/* ---- the end */

static void run_show_summary(const struct run_follow *follow, int64_t began_ms)
{
    if (follow->cli->format != FORMAT_TABLE || follow->cli->has[OPTION_quiet]) {
        return;
    }
    str unchanged = tree_find_text(follow->end, STR("unchanged"));

    printf("\n%zu published, %zu failed", follow->published, follow->failed);
    if (unchanged.len > 0 && !str_eq(unchanged, STR("0"))) {
        printf(", %.*s unchanged", STR_ARG(unchanged));
    }
    printf(", in %.1f s\n", (double)(clock_monotonic_ms() - began_ms) / 1000);
}

static bool run_show_data(struct task *t, const struct run_follow *follow, str job)
{
    static const struct cli_column columns[] = {
        {.key = "product"}, {.key = "state"},      {.key = "release"}, {.key = "rows"},
        {.key = "seconds"}, {.key = "error.code"}, {.key = "run"}};
    struct tree *answer = tree_new(t->mem, TREE_MAP);

    if (follow->cli->format == FORMAT_CSV) {
        return table_list(t, follow->cli, follow->products, columns,
                          sizeof(columns) / sizeof(columns[0]));
    }
    if (follow->cli->format == FORMAT_JSON) {
        (void)tree_put(t->mem, answer, STR("job"), tree_text(t->mem, job));
        (void)tree_put(t->mem, answer, STR("products"), tree_copy(t->mem, follow->products));
        if (follow->end != NULL) {
            (void)tree_put(t->mem, answer, STR("end"), tree_copy(t->mem, follow->end));
        }
        table_json(t, answer, stdout);
    }
    return true;
}

/* Which ones, once more: in a long run what was said of them is far above. */
static str run_failures(struct task *t, const struct run_follow *follow)
{
    struct str_list lines = {0};

    for (size_t i = 0; i < follow->products->len; i++) {
        const struct tree *event = follow->products->at[i];

        if (!run_is_good(tree_find_text(event, STR("state")))) {
            str message = tree_find_text(tree_find(event, STR("error")), STR("message"));

            vec_push(t->mem, &lines,
                     arena_format(t->mem, "%.*s: %.*s",
                                  STR_ARG(tree_find_text(event, STR("product"))),
                                  STR_ARG(message)));
        }
    }
    return str_list_join(t->mem, &lines, STR("\n"));
}

static bool run_verdict(struct task *t, struct run_follow *follow, str job)
{
    const struct tree *error = tree_find(follow->end, STR("error"));
    enum error_code code = follow->first_error;

    if (follow->end == NULL) {
        task_fail(t, ERR_PROTOCOL, "the server told no end of the job %.*s", STR_ARG(job));
        return task_hint(t, "weft show runs tells how its runs ended");
    }
    if (error != NULL && tree_find(error, STR("message")) != NULL) {
        return cli_fail_as(t, follow->cli, error, "message");
    }
    if (error != NULL) {
        (void)error_by_name(tree_find_text(error, STR("code")), &code);
    }
    if (code == ERR_NONE && str_eq(tree_find_text(follow->end, STR("state")), STR("done"))) {
        return true;
    }
    code = code == ERR_NONE ? ERR_INTERNAL : code;
    if (follow->products->len == 0) {
        task_fail(t, code, "the job %.*s failed, and its server told nothing of its products",
                  STR_ARG(job));
        return task_hint(t, "weft show runs tells how its runs ended");
    }
    task_fail(t, code, "%zu of %zu products %s not published", follow->failed,
              follow->failed + follow->published, follow->failed == 1 ? "was" : "were");
    task_detail(t, STR_FMT, STR_ARG(run_failures(t, follow)));
    return task_hint(t, "their last releases stay as they were; weft show runs lists the runs, "
                        "weft show ID their checks");
}

static bool run_show_candidate(struct task *t, struct cli *cli)
{
    const struct tree *answer;

    return cli_call(t, cli, "GET", cli_candidate_path(t, cli->arguments.at[0], ""), STR_NONE,
                    &answer)
        && cli_candidate_print(t, cli, answer) && cli_candidate_verdict(t, answer);
}

bool cli_run_job(struct task *t, struct cli *cli, str path, str body)
{
    struct run_follow follow = {.cli = cli, .mem = t->mem};
    const struct tree *started;
    int64_t began_ms = clock_monotonic_ms();
    str job;

    if (!cli_call(t, cli, "POST", path, body, &started)) {
        return false;
    }
    job = arena_str(t->mem, tree_find_text(started, STR("job")));
    /* Lines of events come and go in the task's memory; what is kept of them must not. */
    follow.mem = arena_new();
    follow.products = tree_new(follow.mem, TREE_LIST);
    progress_begin(&follow.progress, follow.mem,
                   cli->has[OPTION_quiet] || cli->format != FORMAT_TABLE);
    bool ok = run_follow(t, &follow, job);
    if (ok && cli->has[OPTION_candidate]) {
        ok = run_verdict(t, &follow, job) && run_show_candidate(t, cli);
    } else if (ok) {
        run_show_summary(&follow, began_ms);
        ok = run_show_data(t, &follow, job) && run_verdict(t, &follow, job);
    }
    arena_free(follow.mem);
    return ok;
}

bool cli_run(struct task *t, struct cli *cli)
{
    str body;

    return run_body(t, cli, &body)
        && cli_run_job(t, cli,
                       cli->has[OPTION_candidate] ? cli_candidate_path(t, cli->arguments.at[0], "")
                                                  : STR("/api/v1/runs"),
                       body);
}

bool command_run(struct task *t, struct cli *cli)
{
    bool is_made;

    cli_listen(t);
    if (cli->has[OPTION_watch] && cli->has[OPTION_all] && cli->arguments.len > 0) {
        return task_fail(t, ERR_USAGE, "say --all or name products, not both");
    }
    if (cli->has[OPTION_candidate] && cli->has[OPTION_watch]) {
        return task_fail(t, ERR_USAGE, "--watch publishes what it runs, and --candidate does not");
    }
    if (cli->has[OPTION_yes] && !cli->has[OPTION_watch]) {
        task_fail(t, ERR_USAGE, "run asks nothing, and applies nothing");
        return task_hint(t, "--yes goes with --watch");
    }
    if (!cli->has[OPTION_watch]) {
        return cli_run(t, cli);
    }
    if (cli->env.len > 0
        && !(cli->has[OPTION_yes] ? cli_env_make(t, cli, &is_made) : cli_env_demand(t, cli))) {
        return false;
    }
    return cli_run_watch(t, cli);
}
