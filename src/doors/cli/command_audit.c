/* Commands of those who look back: the audit's rows, its heads, whether it is whole. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli_lines.h"
#include "cli_inside.h"
#include "json_out/json_out.h"
#include "limits/limits.h"
#include "review/review.h"
#include "store/store_file.h"
#include "yaml/yaml.h"

enum { AUDIT_FOLLOW_MS = 500, AUDIT_ROWS = 100 };

/* ---- show */

static const struct cli_column audit_columns[] = {
    {.key = "sequence", .is_right = true},
    {.key = "time"},
    {.key = "actor"},
    {.key = "on_behalf"},
    {.key = "door"},
    {.key = "action"},
    {.key = "object"},
    {.key = "outcome"},
    {.key = "text"},
    {.key = "fingerprint_text", .title = "fingerprint"},
    {.key = "detail"}};
enum { AUDIT_COLUMNS = sizeof(audit_columns) / sizeof(audit_columns[0]) };

/* Rows after one, or (below 0) the newest that fit. */
static bool audit_path(struct task *t, const struct cli *cli, int64_t after, str *out)
{
    static const struct {
        enum cli_option option;
        const char *key;
    } filters[] = {{OPTION_actor, "actor"},
                   {OPTION_action, "action"},
                   {OPTION_object, "object"},
                   {OPTION_since, "since"},
                   {OPTION_until, "until"}};
    struct buf *b = buf_new(t->mem, HTTP_HEADER_BYTES_MAX);
    int64_t limit;

    if (!cli_number(t, cli, OPTION_limit, 1, AUDIT_ROWS, &limit)) {
        return false;
    }
    buf_format(b, "/api/v1/audit?limit=%" PRId64, limit);
    if (after >= 0) {
        buf_format(b, "&after=%" PRId64, after);
    }
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        if (cli->has[filters[i].option]) {
            buf_format(b, "&%s=%.*s", filters[i].key,
                       STR_ARG(http_percent_encode(t->mem, cli->value[filters[i].option])));
        }
    }
    *out = buf_str(b);
    return !b->full || task_fail(t, ERR_USAGE, "the filters are longer than a request may be");
}

static void audit_print_row(struct task *t, const struct cli *cli, struct table *csv,
                            const struct tree *row)
{
    str cells[AUDIT_COLUMNS];

    if (cli->format == FORMAT_JSON) {
        struct buf *b = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX);

        tree_json(row, b);
        printf("%.*s\n", STR_ARG(buf_str(b)));
        return;
    }
    for (size_t i = 0; i < AUDIT_COLUMNS; i++) {
        cells[i] = table_cell(t->mem, row, audit_columns[i].key);
    }
    if (cli->format == FORMAT_CSV) {
        table_row(csv, cells);
        return;
    }
    for (size_t i = 0; i < AUDIT_COLUMNS; i++) {
        if (cells[i].len > 0) {
            printf("%s%.*s", i > 0 ? "  " : "",
                   STR_ARG(table_shown(t->mem, table_eased(t->mem, cells[i]))));
        }
    }
    putchar('\n');
}

static bool audit_print_rows(struct task *t, struct cli *cli, struct table *csv, int64_t *after_io,
                             size_t *len_out)
{
    const struct tree *answer, *list;
    str path;

    if (!audit_path(t, cli, *after_io, &path)
        || !cli_call(t, cli, "GET", path, STR_NONE, &answer)) {
        return false;
    }
    list = tree_find(answer, STR("audit"));
    *len_out = list != NULL ? list->len : 0;
    for (size_t i = 0; i < *len_out; i++) {
        audit_print_row(t, cli, csv, list->at[i]);
        (void)tree_is_int(tree_find(list->at[i], STR("sequence")), after_io);
    }
    return fflush(stdout) == 0 || task_fail_errno(t, ERR_IO, "cannot write the output");
}

/* One row a line as they come: nobody knows how wide those to come will be. */
static bool audit_follow(struct task *t, struct cli *cli, int64_t after)
{
    const struct timespec pause = {.tv_nsec = AUDIT_FOLLOW_MS * 1000000L};
    struct table csv;
    size_t len;

    table_begin(&csv, t->mem, stdout, audit_columns, AUDIT_COLUMNS);
    csv.is_csv = true;
    /* The way to the server outlives each call's memory. */
    if (!cli_reach(t, cli)) {
        return false;
    }
    for (;;) {
        struct arena_mark mark = arena_mark(t->mem);

        if (!audit_print_rows(t, cli, &csv, &after, &len) || !task_go_on(t)) {
            return false;
        }
        arena_rewind(t->mem, mark);
        if (len == 0) {
            (void)nanosleep(&pause, NULL); /* a signal ends it, and the task with it */
        }
    }
}

bool command_audit_show(struct task *t, struct cli *cli)
{
    const struct tree *audit;
    int64_t after;
    str path;

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 0, 0) || !cli_number(t, cli, OPTION_after, 0, -1, &after)) {
        return false;
    }
    if (cli->has[OPTION_follow]) {
        return audit_follow(t, cli, after);
    }
    return audit_path(t, cli, after, &path) && cli_call(t, cli, "GET", path, STR_NONE, &audit)
        && table_list(t, cli, tree_find(audit, STR("audit")), audit_columns, AUDIT_COLUMNS);
}

/* ---- heads */

/* Whole or not there: a head that was cut short is worse than none. */
static bool audit_write_head(struct task *t, const struct cli *cli, const struct tree *head)
{
    str path = cli->value[OPTION_out];
    str staged = arena_format(t->mem, "%.*s.%d", STR_ARG(path), (int)getpid());
    struct buf *b = buf_new(t->mem, DOCUMENT_BYTES_MAX);
    int fd;

    tree_json(head, b);
    buf_add_byte(b, '\n');
    fd = open(staged.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool ok = fd >= 0 && store_file_write(fd, buf_str(b)) && fsync(fd) == 0;
    ok = ok && rename(staged.ptr, arena_c_string(t->mem, path)) == 0;
    if (!ok) {
        task_fail_errno(t, ERR_IO, "cannot write %.*s", STR_ARG(path));
        (void)unlink(staged.ptr);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (!ok) {
        return false;
    }
    cli_note(cli, "row %.*s, hash %.*s", STR_ARG(table_cell(t->mem, head, "sequence")),
             STR_ARG(table_cell(t->mem, head, "hash")));
    return true;
}

bool command_audit_head(struct task *t, struct cli *cli)
{
    const struct tree *head;

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 0, 0)
        || !cli_call(t, cli, "GET", STR("/api/v1/audit/head"), STR_NONE, &head)) {
        return false;
    }
    return cli->has[OPTION_out] ? audit_write_head(t, cli, head) : table_object(t, cli, head);
}

bool command_audit_key(struct task *t, struct cli *cli)
{
    const struct tree *key;

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 0, 0)
        || !cli_call(t, cli, "GET", STR("/api/v1/audit/key"), STR_NONE, &key)) {
        return false;
    }
    if (cli->format != FORMAT_TABLE) {
        return table_object(t, cli, key);
    }
    printf("%.*s\n", STR_ARG(tree_find_text(key, STR("key"))));
    return true;
}

/* ---- verify */

/* HASH:SEQUENCE, or a file that `weft audit head` wrote. */
static bool audit_read_head(struct task *t, struct cli *cli, const struct tree **out)
{
    str given = cli->value[OPTION_head], hash, sequence, text;
    struct tree *head;
    uint64_t number;

    if (str_cut(given, ':', &hash, &sequence) && hash.len == CRYPTO_SHA256_HEX
        && str_to_u64(sequence, &number)) {
        text = arena_format(t->mem, "{\"sequence\":%.*s,\"hash\":\"%.*s\"}", STR_ARG(sequence),
                            STR_ARG(hash));
    } else if (!cli_read_file(t, given, DOCUMENT_BYTES_MAX, &text)) {
        return task_hint(
            t, "--head takes a file that `weft audit head --out` wrote, or HASH:SEQUENCE");
    }
    if (!yaml_read(t, t->mem, text, given, YAML_MODE_JSON, &head)) {
        return false;
    }
    *out = head;
    return true;
}

struct audit_check {
    struct cli *cli;
    const struct tree *verdict;
    struct arena *mem;
    bool shows_progress;
};

static void audit_clear_progress(struct audit_check *check)
{
    if (check->shows_progress) {
        fputs("\r\033[K", stderr);
        check->shows_progress = false;
    }
}

static void audit_say_progress(struct audit_check *check, int64_t rows, int64_t of)
{
    if (check->cli->has[OPTION_quiet] || !cli_is_terminal(stderr)) {
        return;
    }
    fprintf(stderr, "\r\033[Kverify %" PRId64 " of %" PRId64 " rows, %.0f %%", rows, of,
            of > 0 ? 100.0 * (double)rows / (double)of : 100.0);
    check->shows_progress = true;
}

static bool audit_line(struct task *t, void *state, str line)
{
    struct audit_check *check = state;
    struct tree *value;
    int64_t rows = 0, of = 0;

    if (!cli_read_json(t, check->mem, line, &value)) {
        return false;
    }
    audit_clear_progress(check);
    if (tree_find(value, STR("error")) != NULL) {
        return cli_fail_as(t, check->cli, tree_find(value, STR("error")), "message");
    }
    if (tree_find(value, STR("verdict")) != NULL) {
        check->verdict = tree_find(value, STR("verdict"));
        return true;
    }
    const struct tree *progress = tree_find(value, STR("progress"));
    if (progress != NULL && tree_is_int(tree_find(progress, STR("rows")), &rows)
        && tree_is_int(tree_find(progress, STR("of")), &of)) {
        audit_say_progress(check, rows, of);
    }
    return true;
}

static bool audit_ask(struct task *t, struct audit_check *check, const struct tree *head)
{
    struct cli *cli = check->cli;
    struct cli_lines lines = {.state = check, .line = audit_line};
    struct json_out o = {.b = buf_new(t->mem, 2 * DOCUMENT_BYTES_MAX)};
    struct buf *document = buf_new(t->mem, DOCUMENT_BYTES_MAX);

    json_out_begin(&o, "", '{');
    if (head != NULL) {
        tree_json(head, document);
        json_out_raw(&o, "head", buf_str(document));
    }
    if (cli->has[OPTION_key]) {
        json_out_str(&o, "key", cli->value[OPTION_key]);
    }
    json_out_end(&o, '}');
    http_fields_add(t->mem, &cli->headers, STR("Accept"), STR("application/x-ndjson"));
    cli_lines_begin(t, &lines);
    bool ok = cli_stream(t, cli, "POST", STR("/api/v1/audit/verify"), buf_str(o.b), cli_lines_take,
                         &lines);
    audit_clear_progress(check);
    return ok
        && (check->verdict != NULL
            || task_fail(t, ERR_PROTOCOL, "the answer of the server broke off"));
}

static bool audit_progress(struct task *t, void *ctx, uint64_t rows, uint64_t of)
{
    audit_say_progress(ctx, (int64_t)rows, (int64_t)of);
    return task_go_on(t);
}

/* By this program itself: an auditor's machine has a copy and no home. */
static bool audit_read_copy(struct task *t, struct audit_check *check, const struct tree *head)
{
    struct chain_watcher watcher = {.ctx = check, .progress = audit_progress};
    struct json_out o = {.b = buf_new(t->mem, DOCUMENT_BYTES_MAX)};
    struct cli *cli = check->cli;
    struct chain_head wanted;
    struct chain_verdict verdict;
    struct tree *document;

    if ((head != NULL && !review_read_head(t, head, &wanted))
        || !review_verify_copy(t, cli->value[OPTION_catalog], head != NULL ? &wanted : NULL,
                               cli->has[OPTION_key] ? cli->value[OPTION_key] : STR_NONE, &watcher,
                               &verdict)) {
        audit_clear_progress(check);
        return false;
    }
    audit_clear_progress(check);
    review_write_verdict(&verdict, "", &o);
    if (!cli_read_json(t, check->mem, buf_str(o.b), &document)) {
        return false;
    }
    check->verdict = document;
    return true;
}

static bool audit_tell(struct task *t, struct cli *cli, const struct tree *verdict)
{
    bool is_whole = false;

    if (!table_object(t, cli, verdict)) {
        return false;
    }
    (void)tree_is_bool(tree_find(verdict, STR("whole")), &is_whole);
    if (!is_whole) {
        cli->exit_code = error_exit_code(ERR_CORRUPT);
        cli_note(cli, "weft: the audit was changed after it was written");
    }
    return true;
}

bool command_audit_verify(struct task *t, struct cli *cli)
{
    struct audit_check check = {.cli = cli, .mem = arena_new()};
    const struct tree *head = NULL;

    cli_listen(t);
    bool ok = cli_demand_arguments(t, cli, 0, 0)
           && (!cli->has[OPTION_head] || audit_read_head(t, cli, &head))
           && (cli->has[OPTION_catalog] ? audit_read_copy(t, &check, head)
                                        : audit_ask(t, &check, head))
           && audit_tell(t, cli, check.verdict);
    arena_free(check.mem);
    return ok;
}
