#include "buf/buf.h"
#include "cli_inside.h"
#include "http_client/http_client.h"
#include "json_out/json_out.h"
#include "limits/limits.h"

#define ACCESS_LEN(columns) (sizeof(columns) / sizeof((columns)[0]))

static const struct cli_column access_columns[] = {
    {.key = "id", .title = "request", .is_right = true},
    {.key = "state"},
    {.key = "target"},
    {.key = "role"},
    {.key = "taker_kind", .title = "for"},
    {.key = "taker", .title = "who"},
    {.key = "purposes"},
    {.key = "until"},
    {.key = "requested_by", .title = "asked by"},
    {.key = "waits_for", .title = "waits for"},
    {.key = "note"},
};

static void access_add_option(struct json_out *o, const struct cli *cli, enum cli_option option,
                              const char *key)
{
    if (cli->has[option]) {
        json_out_str(o, key, cli->value[option]);
    }
}

static str access_path(struct task *t, str id, const char *step)
{
    return arena_format(t->mem, "/api/v1/access/requests/%.*s%s%s",
                        STR_ARG(http_percent_encode(t->mem, id)), step[0] ? "/" : "", step);
}

/* ---- one request, for the eye */

static void access_line(struct task *t, const struct tree *map, const char *key, const char *title)
{
    str value = table_cell(t->mem, map, key);

    if (value.len > 0) {
        printf("%-13s %.*s\n", title, STR_ARG(table_shown(t->mem, table_eased(t->mem, value))));
    }
}

static void access_show_reasons(struct task *t, const struct tree *table, const char *key)
{
    const struct tree *list = tree_find(table, str_of(key));

    for (size_t i = 0; list != NULL && i < list->len; i++) {
        printf("  %.*s: %.*s\n",
               STR_ARG(table_shown(t->mem, tree_find_text(list->at[i], STR("policy")))),
               STR_ARG(table_shown(t->mem, tree_find_text(list->at[i], STR("text")))));
    }
}

static bool access_show_effect(struct task *t, const struct cli *cli, const struct tree *effect)
{
    static const struct cli_column columns[] = {
        {.key = "table"},
        {.key = "purpose"},
        {.key = "visible"},
        {.key = "masked"},
        {.key = "absent"},
        {.key = "denied"},
        {.key = "rows"},
        {.key = "copies_to_make", .title = "copies to make", .is_right = true},
        {.key = "bytes_to_read", .title = "bytes to read", .is_right = true}};

    if (effect == NULL || effect->len == 0) {
        return true;
    }
    puts("\nwhat it opens");
    if (!table_list(t, cli, effect, columns, ACCESS_LEN(columns))) {
        return false;
    }
    for (size_t i = 0; i < effect->len; i++) {
        access_show_reasons(t, effect->at[i], "masks");
        access_show_reasons(t, effect->at[i], "filters");
        access_show_reasons(t, effect->at[i], "denials");
    }
    return true;
}

static bool access_show_whole(struct task *t, const struct cli *cli, const struct tree *request)
{
    static const struct cli_column steps[] = {{.key = "step"},  {.key = "level", .is_right = true},
                                              {.key = "by"},    {.key = "on_behalf"},
                                              {.key = "at"},    {.key = "state"},
                                              {.key = "reason"}};

    access_line(t, request, "id", "request");
    access_line(t, request, "state", "state");
    access_line(t, request, "target", "target");
    access_line(t, request, "contract", "contract");
    access_line(t, request, "role", "role");
    printf("%-13s %.*s %.*s\n", "for", STR_ARG(tree_find_text(request, STR("taker_kind"))),
           STR_ARG(table_shown(t->mem, tree_find_text(request, STR("taker")))));
    access_line(t, request, "purposes", "purposes");
    access_line(t, request, "until", "until");
    access_line(t, request, "reason", "reason");
    access_line(t, request, "note", "note");
    access_line(t, request, "waits_for", "waits for");
    access_line(t, request, "previous", "renews");
    puts("\nsteps");
    return table_list(t, cli, tree_find(request, STR("steps")), steps, ACCESS_LEN(steps))
        && access_show_effect(t, cli, tree_find(request, STR("effect")));
}

static bool access_give(struct task *t, const struct cli *cli, const struct tree *request)
{
    if (cli->format == FORMAT_JSON) {
        table_json(t, request, stdout);
        return true;
    }
    if (cli->format == FORMAT_CSV) {
        struct tree *list = tree_new(t->mem, TREE_LIST);

        tree_push(t->mem, list, tree_copy(t->mem, request));
        return table_list(t, cli, list, access_columns, ACCESS_LEN(access_columns));
    }
    return access_show_whole(t, cli, request);
}

/* ---- request, renew, steps */

/* An agreement is a grant, and a policy that denies is stronger. */
static void access_note_denied(struct task *t, const struct cli *cli, const struct tree *effect)
{
    for (size_t i = 0; effect != NULL && i < effect->len; i++) {
        const struct tree *denials = tree_find(effect->at[i], STR("denials"));
        bool is_allowed = false;

        (void)tree_is_bool(tree_find(effect->at[i], STR("allowed")), &is_allowed);
        if (!is_allowed && denials != NULL && denials->len > 0) {
            cli_note(cli, "%.*s stays closed to it: %.*s",
                     STR_ARG(table_shown(t->mem, tree_find_text(effect->at[i], STR("table")))),
                     STR_ARG(table_shown(t->mem, tree_find_text(denials->at[0], STR("text")))));
        }
    }
}

/* What came of it, in a line; all of it in the other formats. */
static bool access_tell(struct task *t, const struct cli *cli, const struct tree *request)
{
    str waits = table_cell(t->mem, request, "waits_for");

    if (cli->format != FORMAT_TABLE) {
        return access_give(t, cli, request);
    }
    if (!cli->has[OPTION_quiet]) {
        printf("access request %.*s: %.*s for %.*s %.*s is %.*s\n",
               STR_ARG(tree_find_text(request, STR("id"))),
               STR_ARG(table_shown(t->mem, tree_find_text(request, STR("target")))),
               STR_ARG(tree_find_text(request, STR("taker_kind"))),
               STR_ARG(table_shown(t->mem, tree_find_text(request, STR("taker")))),
               STR_ARG(tree_find_text(request, STR("state"))));
        if (waits.len > 0) {
            cli_note(cli, "it waits for one of: %.*s", STR_ARG(table_shown(t->mem, waits)));
        }
        access_note_denied(t, cli, tree_find(request, STR("effect")));
    }
    return true;
}

static void access_put_purposes(struct task *t, const struct cli *cli, struct json_out *o)
{
    str rest = cli->value[OPTION_purpose], part;
    struct str_list purposes = {0};

    while (rest.len > 0) {
        (void)str_cut(rest, ',', &part, &rest);
        if (str_trim(part).len > 0) {
            str_list_add(t->mem, &purposes, str_trim(part));
        }
    }
    json_out_list(o, "purposes", &purposes);
}

bool command_access_request(struct task *t, struct cli *cli)
{
    struct json_out o = {.b = buf_new(t->mem, HTTP_BODY_BYTES_MAX)};
    const struct tree *request;

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 1, 1)) {
        return false;
    }
    if (!cli->has[OPTION_purpose] || !cli->has[OPTION_until] || !cli->has[OPTION_reason]) {
        task_fail(t, ERR_USAGE, "an access request says --purpose, --until and --reason");
        return task_hint(t, "weft access request %.*s --purpose P --until 2027-01-31 --reason …",
                         STR_ARG(cli->arguments.at[0]));
    }
    json_out_begin(&o, "", '{');
    json_out_str(&o, "target", cli_address(t->mem, cli->arguments.at[0]));
    access_add_option(&o, cli, OPTION_role, "role");
    access_add_option(&o, cli, OPTION_for, "for");
    access_put_purposes(t, cli, &o);
    access_add_option(&o, cli, OPTION_until, "until");
    access_add_option(&o, cli, OPTION_reason, "reason");
    json_out_end(&o, '}');
    return cli_call(t, cli, "POST", STR("/api/v1/access/requests"), buf_str(o.b), &request)
        && access_tell(t, cli, request);
}

static bool access_step(struct task *t, struct cli *cli, const char *step, bool needs_reason)
{
    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 1, SIZE_MAX)) {
        return false;
    }
    if (needs_reason && !cli->has[OPTION_reason]) {
        return task_fail(t, ERR_USAGE, "weft access %s says --reason", step);
    }
    for (size_t i = 0; i < cli->arguments.len; i++) {
        struct json_out o = {.b = buf_new(t->mem, HTTP_BODY_BYTES_MAX)};
        const struct tree *request;

        json_out_begin(&o, "", '{');
        access_add_option(&o, cli, OPTION_until, "until");
        access_add_option(&o, cli, OPTION_reason, "reason");
        json_out_end(&o, '}');
        if (!cli_call(t, cli, "POST", access_path(t, cli->arguments.at[i], step), buf_str(o.b),
                      &request)
            || !access_tell(t, cli, request)) {
            return false;
        }
    }
    return true;
}

bool command_access_approve(struct task *t, struct cli *cli)
{
    return access_step(t, cli, "approve", false);
}

bool command_access_deny(struct task *t, struct cli *cli)
{
    return access_step(t, cli, "deny", true);
}

bool command_access_withdraw(struct task *t, struct cli *cli)
{
    return access_step(t, cli, "withdraw", false);
}

bool command_access_revoke(struct task *t, struct cli *cli)
{
    return access_step(t, cli, "revoke", true);
}

bool command_access_renew(struct task *t, struct cli *cli)
{
    if (!cli->has[OPTION_until]) {
        return task_fail(t, ERR_USAGE, "weft access renew says --until");
    }
    return access_step(t, cli, "renew", false);
}

/* ---- looking */

bool command_access_list(struct task *t, struct cli *cli)
{
    const struct tree *answer;

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 0, 1)) {
        return false;
    }
    str path = arena_format(t->mem, "/api/v1/access/requests?state=%.*s",
                            STR_ARG(http_percent_encode(t->mem, cli->value[OPTION_state])));
    if (cli->arguments.len > 0) {
        path = arena_format(t->mem, "%.*s&target=%.*s", STR_ARG(path),
                            STR_ARG(http_percent_encode(t->mem, cli->arguments.at[0])));
    }
    return cli_call(t, cli, "GET", path, STR_NONE, &answer)
        && table_list(t, cli, tree_find(answer, STR("requests")), access_columns,
                      ACCESS_LEN(access_columns));
}

bool command_access_show(struct task *t, struct cli *cli)
{
    const struct tree *request;

    cli_listen(t);
    return cli_demand_arguments(t, cli, 1, 1)
        && cli_call(t, cli, "GET", access_path(t, cli->arguments.at[0], ""), STR_NONE, &request)
        && access_give(t, cli, request);
}

/* ---- reports */

static const struct cli_column report_column_columns[] = {{.key = "actor"}, {.key = "kind"},
                                                          {.key = "for"},   {.key = "access"},
                                                          {.key = "rows"},  {.key = "by"}};

static const struct cli_column report_actor_columns[] = {
    {.key = "table"},  {.key = "for"},    {.key = "rows"}, {.key = "visible"},
    {.key = "masked"}, {.key = "absent"}, {.key = "by"}};

static const struct cli_column report_waivers_columns[] = {
    {.key = "waiver"},   {.key = "waives"}, {.key = "to", .title = "for"},
    {.key = "approver"}, {.key = "until"},  {.key = "reason"},
    {.key = "file"}};

static const struct cli_column report_unused_columns[] = {
    {.key = "grant"},
    {.key = "taker_kind", .title = "for"},
    {.key = "taker", .title = "who"},
    {.key = "opens"},
    {.key = "purposes"},
    {.key = "until"},
    {.key = "last_used", .title = "last used"},
    {.key = "file"}};

static bool report_ask(struct task *t, struct cli *cli, str path, const char *key,
                       const struct cli_column *columns, size_t len)
{
    const struct tree *answer;

    return cli_call(t, cli, "GET", path, STR_NONE, &answer)
        && table_list(t, cli, tree_find(answer, str_of(key)), columns, len);
}

static bool report_demand(struct task *t, const struct cli *cli, size_t arguments)
{
    if (cli->has[OPTION_days] && !str_eq(cli->arguments.at[0], STR("unused"))) {
        return task_fail(t, ERR_USAGE, "only the report unused has --days");
    }
    return cli_demand_arguments(t, cli, arguments, arguments);
}

bool command_access_report(struct task *t, struct cli *cli)
{
    str kind, name = STR_NONE;
    int64_t days;

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 1, 2) || !cli_number(t, cli, OPTION_days, 0, 90, &days)) {
        return false;
    }
    kind = cli->arguments.at[0];
    if (cli->arguments.len > 1) {
        name = http_percent_encode(t->mem, cli->arguments.at[1]);
    }
    if (str_eq(kind, STR("column"))) {
        return report_demand(t, cli, 2)
            && report_ask(t, cli,
                          arena_format(t->mem, "/api/v1/access/report/column/%.*s", STR_ARG(name)),
                          "actors", report_column_columns, ACCESS_LEN(report_column_columns));
    }
    if (str_eq(kind, STR("actor"))) {
        return report_demand(t, cli, 2)
            && report_ask(t, cli,
                          arena_format(t->mem, "/api/v1/access/report/actor/%.*s", STR_ARG(name)),
                          "tables", report_actor_columns, ACCESS_LEN(report_actor_columns));
    }
    if (str_eq(kind, STR("waivers"))) {
        return report_demand(t, cli, 1)
            && report_ask(t, cli, STR("/api/v1/access/report/waivers"), "waivers",
                          report_waivers_columns, ACCESS_LEN(report_waivers_columns));
    }
    if (str_eq(kind, STR("unused"))) {
        return report_demand(t, cli, 1)
            && report_ask(
                   t, cli,
                   arena_format(t->mem, "/api/v1/access/report/unused?days=%lld", (long long)days),
                   "grants", report_unused_columns, ACCESS_LEN(report_unused_columns));
    }
    task_fail(t, ERR_USAGE, "there is no report %.*s", STR_ARG(kind));
    return task_hint(t, "column DOMAIN.PRODUCT.TABLE.COLUMN, actor NAME, waivers, or unused");
}
