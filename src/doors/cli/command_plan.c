#include <stdlib.h>
#include <unistd.h>

#include "buf/buf.h"
#include "cli_inside.h"
#include "http_client/http_client.h"
#include "json_out/json_out.h"
#include "limits/limits.h"
#include "map/map.h"

struct plan_counts {
    size_t added, changed, removed;
};

static char plan_sign(str action)
{
    return str_eq(action, STR("added")) ? '+' : str_eq(action, STR("removed")) ? '-' : '~';
}

static const char *plan_color(char sign)
{
    return sign == '+' ? "\033[32m" : sign == '-' ? "\033[31m" : "\033[33m";
}

/* The product, domain or kind that a change is shown under. */
static str plan_group(struct arena *mem, const struct tree *change)
{
    str kind = tree_find_text(change, STR("kind")), name = tree_find_text(change, STR("name")),
        domain, rest, product;

    if (str_eq(kind, STR("mesh"))) {
        return STR("mesh.yaml");
    }
    if (str_eq(kind, STR("policy"))) {
        return STR("policies");
    }
    if (str_eq(kind, STR("file"))) {
        return STR("other files"); /* No name has a space: no product is meant. */
    }
    if (str_eq(kind, STR("domain"))) {
        return name;
    }
    (void)str_cut(name, ':', &name, &rest);
    (void)str_cut(name, '.', &domain, &rest);
    (void)str_cut(rest, '.', &product, &rest);
    (void)str_cut(product, '@', &product, &rest); /* majors stand together */
    return arena_format(mem, "%.*s.%.*s", STR_ARG(domain), STR_ARG(product));
}

/* A change as it is shown. Columns of a table that comes or goes as a whole are told by their number. */
struct plan_line {
    const struct tree *change;
    str group;
    int rank; /* what concerns all comes first, then each domain before its products */
    size_t at, columns;
    bool is_of_table; /* a column of a whole table: not shown */
};

static int plan_rank(str group)
{
    return str_eq(group, STR("mesh.yaml")) ? 0 : str_eq(group, STR("policies")) ? 1 : 2;
}

static int plan_compare_lines(const void *a, const void *b)
{
    const struct plan_line *left = a, *right = b;
    int order = left->rank - right->rank;

    if (order == 0) {
        order = str_compare(left->group, right->group);
    }
    return order != 0 ? order : (left->at > right->at) - (left->at < right->at);
}

/* Of a table that comes or goes. */
static str plan_table_key(struct arena *mem, const struct tree *change, str table)
{
    return arena_format(mem, "%.*s %.*s", STR_ARG(tree_find_text(change, STR("action"))),
                        STR_ARG(table));
}

static void plan_count_columns(struct arena *mem, struct plan_line *lines, size_t len)
{
    struct map tables;

    map_init(&tables, mem);
    for (size_t i = 0; i < len; i++) {
        const struct tree *change = lines[i].change;

        if (str_eq(tree_find_text(change, STR("kind")), STR("table"))
            && !str_eq(tree_find_text(change, STR("action")), STR("changed"))) {
            map_put(&tables, plan_table_key(mem, change, tree_find_text(change, STR("name"))),
                    &lines[i]);
        }
    }
    for (size_t i = 0; i < len; i++) {
        const struct tree *change = lines[i].change;
        str table, column;

        if (!str_eq(tree_find_text(change, STR("kind")), STR("column"))) {
            continue;
        }
        (void)str_cut_last(tree_find_text(change, STR("name")), '.', &table, &column);
        struct plan_line *of = map_find(&tables, plan_table_key(mem, change, table));
        lines[i].is_of_table = of != NULL;
        if (of != NULL) {
            of->columns++;
        }
    }
}

static void plan_show_line(struct task *t, const struct plan_line *line)
{
    const struct tree *change = line->change;
    char sign = plan_sign(tree_find_text(change, STR("action")));
    str kind = tree_find_text(change, STR("kind")), detail = tree_find_text(change, STR("detail"));
    bool is_colored = cli_is_colored(stdout);

    printf("  %s%c %-9.*s%s %.*s", is_colored ? plan_color(sign) : "", sign, STR_ARG(kind),
           is_colored ? "\033[0m" : "",
           STR_ARG(table_shown(t->mem, tree_find_text(change, STR("name")))));
    if (line->columns > 0) {
        printf(" (%zu column%s)", line->columns, line->columns > 1 ? "s" : "");
    }
    if (detail.len > 0) {
        printf(": %.*s", STR_ARG(table_shown(t->mem, detail)));
    }
    putchar('\n');
}

static void plan_show_changes(struct task *t, const struct tree *changes)
{
    struct plan_line *lines = ARENA_ARRAY(t->mem, struct plan_line, changes->len + 1);

    for (size_t i = 0; i < changes->len; i++) {
        str group = plan_group(t->mem, changes->at[i]);

        lines[i] = (struct plan_line){
            .change = changes->at[i], .group = group, .rank = plan_rank(group), .at = i};
    }
    plan_count_columns(t->mem, lines, changes->len);
    qsort(lines, changes->len, sizeof(*lines), plan_compare_lines);
    for (size_t i = 0; i < changes->len; i++) {
        if (i == 0 || !str_eq(lines[i].group, lines[i - 1].group)) {
            printf("%.*s\n", STR_ARG(table_shown(t->mem, lines[i].group)));
        }
        if (!lines[i].is_of_table) {
            plan_show_line(t, &lines[i]);
        }
    }
}

static struct plan_counts plan_count(const struct tree *changes)
{
    struct plan_counts counts = {0};

    for (size_t i = 0; i < changes->len; i++) {
        char sign = plan_sign(tree_find_text(changes->at[i], STR("action")));

        counts.added += sign == '+';
        counts.changed += sign == '~';
        counts.removed += sign == '-';
    }
    return counts;
}

/* What the products of the plan may not read yet. */
static void plan_show_needs(struct task *t, const struct tree *needs)
{
    for (size_t i = 0; needs != NULL && i < needs->len; i++) {
        const struct tree *need = needs->at[i];
        str request = tree_find_text(need, STR("request"));

        printf("%s  %.*s for %.*s%s%.*s\n", i == 0 ? "grants still needed\n" : "",
               STR_ARG(table_shown(t->mem, tree_find_text(need, STR("target")))),
               STR_ARG(table_shown(t->mem, tree_find_text(need, STR("product")))),
               request.len > 0 ? ": waits for a decision, access request " : "", STR_ARG(request));
    }
    if (needs != NULL && needs->len > 0) {
        putchar('\n');
    }
}

/* `sales.orders.orders: 12 classes for 40 readers, 3.1 MB at most (was 3, 1.2 MB)` */
static void plan_show_classes(struct task *t, const struct tree *plan)
{
    const struct tree *classes = tree_find(plan, STR("classes"));
    str left_out = tree_find_text(plan, STR("tables_not_counted"));

    for (size_t i = 0; classes != NULL && i < classes->len; i++) {
        const struct tree *row = classes->at[i];
        str classes_text = tree_find_text(row, STR("classes"));
        str readers = tree_find_text(row, STR("readers"));
        uint64_t bytes, bytes_now;
        bool has_bytes = str_to_u64(tree_find_text(row, STR("bytes")), &bytes)
                      && str_to_u64(tree_find_text(row, STR("bytes_now")), &bytes_now);

        printf("%s  %.*s: %.*s class%s of copies for %.*s reader%s%s%.*s (now %.*s%s%.*s)\n",
               i == 0 ? "classes\n" : "",
               STR_ARG(table_shown(t->mem, tree_find_text(row, STR("table")))),
               STR_ARG(classes_text), str_eq(classes_text, STR("1")) ? "" : "es", STR_ARG(readers),
               str_eq(readers, STR("1")) ? "" : "s", has_bytes ? ", at most " : "",
               STR_ARG(has_bytes ? table_size(t->mem, bytes) : STR_NONE),
               STR_ARG(tree_find_text(row, STR("classes_now"))), has_bytes ? ", " : "",
               STR_ARG(has_bytes ? table_size(t->mem, bytes_now) : STR_NONE));
    }
    if (left_out.len > 0 && !str_eq(left_out, STR("0"))) {
        printf("  %.*s tables were not counted: there are too many readers\n", STR_ARG(left_out));
    }
    if (classes != NULL && classes->len > 0) {
        putchar('\n');
    }
}

/* What changes for those who read; words alone are told by their number. */
static void plan_show_contract_changes(struct task *t, const struct tree *plan)
{
    const struct tree *rows = tree_find(plan, STR("contract_changes"));
    size_t words = 0, shown = 0;

    for (size_t i = 0; rows != NULL && i < rows->len; i++) {
        const struct tree *row = rows->at[i];
        str class = tree_find_text(row, STR("class"));
        str readers = tree_find_text(tree_find(row, STR("evidence")), STR("text"));

        if (str_eq(class, STR("documentation")) && readers.len == 0) {
            words++;
            continue;
        }
        printf("%s  %-8.*s  %.*s, major %.*s: %.*s\n", shown++ == 0 ? "contracts\n" : "",
               STR_ARG(class), STR_ARG(table_shown(t->mem, tree_find_text(row, STR("product")))),
               STR_ARG(tree_find_text(row, STR("major"))),
               STR_ARG(table_shown(t->mem, tree_find_text(row, STR("text")))));
        if (readers.len > 0) {
            printf("            read by %.*s\n", STR_ARG(table_shown(t->mem, readers)));
        }
    }
    if (words > 0) {
        printf("%s  %zu change%s of words alone\n", shown == 0 ? "contracts\n" : "", words,
               words == 1 ? "" : "s");
    }
    if (shown + words > 0) {
        putchar('\n');
    }
}

void cli_plan_show(struct task *t, const struct tree *plan)
{
    const struct tree *changes = tree_find(plan, STR("changes"));
    struct plan_counts counts;

    cli_tell_findings(t, tree_find(plan, STR("findings")), stdout);
    plan_show_needs(t, tree_find(plan, STR("grants_needed")));
    plan_show_classes(t, plan);
    plan_show_contract_changes(t, plan);
    if (changes == NULL || changes->len == 0) {
        puts(tree_find_text(plan, STR("plan")).len > 0
                 ? "All is as in the mesh: what the environment has otherwise, and does not fit, "
                   "goes."
                 : "Nothing to change: the mesh is as its files say.");
        return;
    }
    plan_show_changes(t, changes);
    counts = plan_count(changes);
    printf("\n%zu to add, %zu to change, %zu to remove\n", counts.added, counts.changed,
           counts.removed);
}

/* That of the home where it has a mesh; else the one around us, as for a home or server elsewhere. */
bool cli_plan_folder(struct task *t, struct cli *cli, str *out)
{
    *out = cli->folder;
    if (out->len > 0
        && (cli->has[OPTION_folder]
            || access(arena_format(t->mem, "%.*s/mesh.yaml", STR_ARG(*out)).ptr, F_OK) == 0)) {
        return true;
    }
    if (!cli_find_folder(t, cli, out)) {
        return false;
    }
    if (out->len > 0) {
        return true;
    }
    task_fail(t, ERR_USAGE, "there is no mesh.yaml here or above");
    return task_hint(t, "go to the folder of the mesh, or say --folder DIR");
}

static bool plan_body(struct task *t, struct cli *cli, str *out)
{
    struct bundle bundle;
    struct json_out o = {.b = buf_new(t->mem, 2 * (size_t)BUNDLE_BYTES_MAX)};
    str folder;

    str scope = cli->has[OPTION_policies] ? STR("policies/") : cli->value[OPTION_domain];

    if (!cli_plan_folder(t, cli, &folder) || !cli_read_bundle(t, folder, scope, &bundle)) {
        return false;
    }
    json_out_begin(&o, "", '{');
    if (cli->has[OPTION_policies]) {
        json_out_bool(&o, "policies", true);
    }
    if (cli->has[OPTION_domain]) {
        json_out_str(&o, "domain", cli->value[OPTION_domain]);
    }
    json_out_begin(&o, "files", '[');
    for (size_t i = 0; i < bundle.len; i++) {
        json_out_begin(&o, "", '{');
        json_out_str(&o, "path", bundle.at[i].path);
        json_out_str(&o, "text", bundle.at[i].text);
        json_out_end(&o, '}');
    }
    json_out_end(&o, ']');
    json_out_end(&o, '}');
    *out = buf_str(o.b);
    return !o.b->full
        || task_fail(t, ERR_LIMIT, "the files of the mesh are too large for one bundle");
}

bool cli_plan(struct task *t, struct cli *cli, const struct tree **out)
{
    str body, scope = cli->has[OPTION_policies] ? STR("policies/") : cli->value[OPTION_domain];

    if (cli->has[OPTION_policies] && cli->has[OPTION_domain]) {
        return task_fail(t, ERR_USAGE, "say --domain or --policies, not both");
    }
    if (cli->has[OPTION_against] && !cli_is_against_url(cli)) {
        return cli_plan_against_folder(t, cli, scope, out);
    }
    if (cli->has[OPTION_against] && !cli_against_server(t, cli)) {
        return false;
    }
    /* The server first: it says where the home is, when the files are not to be found from here. */
    return cli_reach(t, cli) && plan_body(t, cli, &body)
        && cli_call(t, cli, "POST", STR("/api/v1/plans"), body, out);
}

static bool plan_show_csv(struct task *t, struct cli *cli, const struct tree *plan)
{
    static const struct cli_column columns[] = {
        {.key = "action"}, {.key = "kind"}, {.key = "name"}, {.key = "file"}, {.key = "detail"}};

    return table_list(t, cli, tree_find(plan, STR("changes")), columns,
                      sizeof(columns) / sizeof(columns[0]));
}

static bool plan_is_proposal(const struct tree *plan)
{
    const struct tree *node = tree_find(plan, STR("proposal"));
    bool is_proposal = false;

    return node != NULL && tree_is_bool(node, &is_proposal) && is_proposal;
}

/* `added policy x, changed policy y` */
static str plan_changes_text(struct arena *mem, const struct tree *changes)
{
    struct buf *b = buf_new(mem, DOCUMENT_BYTES_MAX);

    for (size_t i = 0; changes != NULL && i < changes->len; i++) {
        buf_format(b, "%s%.*s %.*s %.*s", i ? ", " : "",
                   STR_ARG(tree_find_text(changes->at[i], STR("action"))),
                   STR_ARG(tree_find_text(changes->at[i], STR("kind"))),
                   STR_ARG(tree_find_text(changes->at[i], STR("name"))));
    }
    return buf_str(b);
}

bool command_plan_list(struct task *t, struct cli *cli)
{
    static const struct cli_column columns[] = {{.key = "plan"},
                                                {.key = "author"},
                                                {.key = "created_at", .title = "proposed"},
                                                {.key = "fits"},
                                                {.key = "summary", .title = "changes"}};
    const struct tree *answer, *plans;
    struct tree *rows = tree_new(t->mem, TREE_LIST);

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 0, 0)
        || !cli_call(t, cli, "GET", STR("/api/v1/plans"), STR_NONE, &answer)) {
        return false;
    }
    plans = tree_find(answer, STR("plans"));
    for (size_t i = 0; plans != NULL && i < plans->len; i++) {
        struct tree *row = tree_copy(t->mem, plans->at[i]);

        (void)tree_put(
            t->mem, row, STR("summary"),
            tree_text(t->mem, plan_changes_text(t->mem, tree_find(row, STR("changes")))));
        tree_push(t->mem, rows, row);
    }
    return table_list(t, cli, rows, columns, sizeof(columns) / sizeof(columns[0]));
}

/* Of a plan, or of the problem that it ended with; other failures are no plan. */
static bool plan_summarize(struct task *t, struct cli *cli, const struct tree *plan, str *out)
{
    struct tree *problem = NULL;
    struct plan_summary summary = {
        .plan = plan,
        .against = cli->has[OPTION_against] ? cli->value[OPTION_against]
                 : cli->has[OPTION_server]  ? cli->value[OPTION_server]
                                            : STR("the mesh of this folder"),
        .scope = cli->has[OPTION_policies] ? STR("policies/")
               : cli->has[OPTION_domain]   ? arena_format(
                       t->mem, "domain%s %.*s", str_has(cli->value[OPTION_domain], ',') ? "s" : "",
                       STR_ARG(cli->value[OPTION_domain]))
                                         : STR_NONE,
        .is_refused = plan == NULL,
        .is_offline = cli->has[OPTION_against] && !cli_is_against_url(cli),
    };

    *out = STR_NONE;
    if (plan == NULL) {
        struct task *reader = task_new(); /* the error of ours stays */
        bool ok = cli->findings != NULL && cli_read_json(reader, t->mem, cli->problem, &problem);

        task_free(reader);
        summary.plan = problem;
        summary.message = t->err.message;
        if (!ok) {
            return false;
        }
    }
    *out = cli_plan_summary(t->mem, &summary);
    return true;
}

static bool plan_write_summary(struct task *t, str path, str text)
{
    FILE *file = fopen(arena_c_string(t->mem, path), "we");
    bool ok = file != NULL && fwrite(text.ptr, 1, text.len, file) == text.len;

    ok = file != NULL && fclose(file) == 0 && ok;
    return ok || task_fail_errno(t, ERR_IO, "cannot write %.*s", STR_ARG(path));
}

/* Of a refused plan: that is what the command ends with, and this is told beside it. */
static void plan_try_summary(const struct cli *cli, str text)
{
    struct task *writer = task_new();

    if (!plan_write_summary(writer, cli->value[OPTION_summary], text)) {
        fprintf(stderr, "weft: %.*s\n", STR_ARG(table_shown(writer->mem, writer->err.message)));
    }
    task_free(writer);
}

/* Asked for, it is written whether the plan was refused or not. */
static bool plan_ask(struct task *t, struct cli *cli, const struct tree **out)
{
    const struct tree *plan = NULL;
    bool ok = cli_plan(t, cli, &plan);
    str text;

    *out = plan;
    if (!cli->has[OPTION_summary] && cli->format != FORMAT_MARKDOWN) {
        return ok;
    }
    if (!plan_summarize(t, cli, ok ? plan : NULL, &text)) {
        return ok;
    }
    if (cli->format == FORMAT_MARKDOWN) {
        printf("%.*s", STR_ARG(text));
    }
    if (cli->has[OPTION_summary] && ok) {
        return plan_write_summary(t, cli->value[OPTION_summary], text);
    }
    if (cli->has[OPTION_summary]) {
        plan_try_summary(cli, text);
    }
    return ok;
}

bool command_plan(struct task *t, struct cli *cli)
{
    const struct tree *plan;

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 0, 0) || !plan_ask(t, cli, &plan)) {
        return false;
    }
    if (cli->format == FORMAT_MARKDOWN) {
        return true;
    }
    if (cli->format == FORMAT_JSON) {
        table_json(t, plan, stdout);
        return true;
    }
    if (cli->format == FORMAT_CSV) {
        return plan_show_csv(t, cli, plan);
    }
    cli_plan_show(t, plan);
    if (cli->has[OPTION_against] && !cli_is_against_url(cli)) {
        cli_note(cli,
                 "two folders were compared: what was published, who reads it and which grants "
                 "there are is not known");
    }
    if (tree_find_text(plan, STR("plan")).len > 0) {
        printf("plan %.*s, on mesh version %.*s\n", STR_ARG(tree_find_text(plan, STR("plan"))),
               STR_ARG(tree_find_text(plan, STR("base_version"))));
        cli_note(cli,
                 plan_is_proposal(plan) ? "a proposal: somebody of the guild does it by weft apply "
                                          "--plan %.*s"
                                        : "weft apply --plan %.*s does it",
                 STR_ARG(tree_find_text(plan, STR("plan"))));
    }
    return true;
}

/* ---- apply */

bool cli_is_wanted(struct task *t, struct cli *cli, const char *question, bool *out)
{
    char answer[16];

    *out = cli->has[OPTION_yes];
    if (*out) {
        return true;
    }
    if (!cli_is_terminal(stdin)) {
        task_fail(t, ERR_USAGE,
                  "%s asks before it changes the mesh, and there is no terminal to ask at",
                  cli->command->name);
        return task_hint(t, "say --yes");
    }
    printf("%s [y/N] ", question);
    fflush(stdout);
    if (fgets(answer, sizeof(answer), stdin) == NULL) {
        putchar('\n');
        return task_go_on(t);
    }
    *out = answer[0] == 'y' || answer[0] == 'Y';
    return task_go_on(t);
}

static void apply_show(struct task *t, const struct cli *cli, str plan, const struct tree *applied)
{
    struct buf *b = buf_new(t->mem, DOCUMENT_BYTES_MAX);
    struct json_out o = {.b = b};
    bool is_new = false, is_override = false;
    str version = tree_find_text(applied, STR("mesh_version"));

    (void)tree_is_bool(tree_find(applied, STR("applied")), &is_new);
    (void)tree_is_bool(tree_find(applied, STR("override")), &is_override);
    if (cli->format == FORMAT_TABLE) {
        printf(is_new ? "Applied: mesh version %.*s%s%.*s\n"
                      : "Nothing to do: applied before, as mesh version %.*s%s%.*s\n",
               STR_ARG(version), cli->env.len ? " of environment " : "", STR_ARG(cli->env));
        if (is_override) {
            cli_note(cli,
                     "note: the owner of the home overrode who may change this; the audit says so");
        }
        return;
    }
    json_out_begin(&o, "", '{');
    json_out_maybe(&o, "plan", plan);
    json_out_raw(&o, "mesh_version", version);
    json_out_bool(&o, "applied", is_new);
    json_out_bool(&o, "override", is_override);
    json_out_end(&o, '}');
    if (cli->format == FORMAT_JSON) {
        printf("%.*s\n", STR_ARG(buf_str(b)));
    } else {
        printf("plan,mesh_version,applied,override\r\n%.*s,%.*s,%s,%s\r\n", STR_ARG(plan),
               STR_ARG(version), is_new ? "true" : "false", is_override ? "true" : "false");
    }
}

/* An answer as of an apply, for a plan that changes nothing. */
static const struct tree *apply_nothing(struct task *t, const struct tree *plan)
{
    struct tree *answer = tree_new(t->mem, TREE_MAP), *version = tree_new(t->mem, TREE_SCALAR);

    version->text = tree_find_text(plan, STR("base_version"));
    (void)tree_put(t->mem, answer, STR("mesh_version"), version);
    return answer;
}

static bool apply_plan_first(struct task *t, struct cli *cli, str *id_out, bool *is_wanted_out)
{
    const struct tree *plan;

    *id_out = STR_NONE;
    *is_wanted_out = true;
    if (!cli->has[OPTION_yes] && !cli_is_terminal(stdin)) {
        return cli_is_wanted(t, cli, "Apply this?", is_wanted_out);
    }
    if (!cli_plan(t, cli, &plan)) {
        return false;
    }
    if (cli->format == FORMAT_TABLE) {
        cli_plan_show(t, plan);
    }
    if (tree_find_text(plan, STR("plan")).len == 0) {
        if (cli->format != FORMAT_TABLE) {
            apply_show(t, cli, STR_NONE, apply_nothing(t, plan));
        }
        return true;
    }
    if (!cli_is_wanted(t, cli, "Apply this?", is_wanted_out)) {
        return false;
    }
    if (!*is_wanted_out) {
        puts("Not applied.");
        return true;
    }
    *id_out = tree_find_text(plan, STR("plan"));
    return true;
}

bool cli_apply(struct task *t, struct cli *cli, str plan, const struct tree **out)
{
    return cli_call(t, cli, "POST",
                    arena_format(t->mem, "/api/v1/plans/%.*s/apply",
                                 STR_ARG(http_percent_encode(t->mem, plan))),
                    STR_NONE, out);
}

static bool apply_work(struct task *t, struct cli *cli, bool *is_wanted_out)
{
    const struct tree *applied;
    str id = cli->value[OPTION_plan];

    *is_wanted_out = true;
    if (!cli->has[OPTION_plan] && !apply_plan_first(t, cli, &id, is_wanted_out)) {
        return false;
    }
    if (id.len == 0) {
        return true;
    }
    if (!cli_apply(t, cli, id, &applied)) {
        return false;
    }
    apply_show(t, cli, id, applied);
    return true;
}

bool command_apply(struct task *t, struct cli *cli)
{
    bool is_made = false, is_wanted;

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 0, 0)) {
        return false;
    }
    if (cli->has[OPTION_plan] && (cli->has[OPTION_domain] || cli->has[OPTION_policies])) {
        return task_fail(t, ERR_USAGE,
                         "--plan names a plan that was made, --domain and --policies ask for a new "
                         "one: say one of them");
    }
    if (cli->env.len > 0 && cli->has[OPTION_policies]) {
        task_fail(t, ERR_USAGE, "policies are those of the mesh");
        return task_hint(t, "say it without --env");
    }
    if (cli->env.len > 0 && !cli_env_make(t, cli, &is_made)) {
        return false;
    }
    bool ok = apply_work(t, cli, &is_wanted);
    if (is_made && !(ok && is_wanted)) {
        cli_env_unmake(cli);
    }
    return ok;
}
