#include <stdarg.h>

#include "buf/buf.h"
#include "cli_inside.h"
#include "http_client/http_client.h"
#include "limits/limits.h"
#include "sql/sql.h"
#include "yaml/yaml.h"
#include "json/json.h"

static const struct json_limits json_limits = {
    .bytes = HTTP_ANSWER_BYTES_MAX, .depth = 100, .nodes = 10000000};

bool cli_read_json(struct task *t, struct arena *mem, str text, struct tree **out)
{
    if (json_read(t, mem, text, &json_limits, out)) {
        return true;
    }
    if (t->err.code != ERR_PROTOCOL) {
        return false;
    }
    /* The fast reader keeps no number of more than 64 bits; this one keeps their digits. */
    task_clear_error(t);
    if (yaml_read(t, mem, text, STR_NONE, YAML_MODE_JSON, out)) {
        return true;
    }
    return task_fail(t, ERR_PROTOCOL, "the answer of the server is not JSON");
}

/* ---- errors */

static uint32_t call_number(const struct tree *map, const char *key)
{
    int64_t number = 0;
    const struct tree *child = tree_find(map, str_of(key));

    return child != NULL && tree_is_int(child, &number) && number > 0 && number <= UINT32_MAX
             ? (uint32_t)number
             : 0;
}

bool cli_fail_as(struct task *t, struct cli *cli, const struct tree *problem,
                 const char *message_key)
{
    bool is_problem = str_eq(str_of(message_key), STR("detail"));
    struct error error = {
        .code = ERR_INTERNAL,
        .message = tree_find_text(problem, str_of(message_key)),
        .detail = tree_find_text(problem, is_problem ? STR("more") : STR("detail")),
        .hint = tree_find_text(problem, STR("hint")),
        .place = {.file = tree_find_text(problem, STR("file")),
                  .line = call_number(problem, "line"),
                  .column = call_number(problem, "column"),
                  .path = tree_find_text(problem, STR("path"))},
        .position = call_number(problem, "position"),
    };

    /* A code of a later version than ours is still an error. */
    if (!error_by_name(tree_find_text(problem, STR("code")), &error.code)
        || error.code == ERR_NONE) {
        error.code = ERR_INTERNAL;
    }
    if (error.message.len == 0) {
        error.message = str_of(error_meaning(error.code));
    }
    cli->findings = tree_find(problem, STR("findings"));
    return task_fail_as(t, &error);
}

/* An answer that is no success. */
static bool call_fail(struct task *t, struct cli *cli, const struct http_answer *answer, str body)
{
    struct tree *problem;

    if (str_starts(answer->content_type, STR("application/problem+json"))
        && cli_read_json(t, t->mem, body, &problem)) {
        cli->problem = arena_str(t->mem, body);
        return cli_fail_as(t, cli, problem, "detail");
    }
    task_fail(t, ERR_PROTOCOL, "the server answered with status %d", answer->status);
    return task_hint(t, "is there a weft server at this address?");
}

static void call_tell_lines(str lines, const char *indent)
{
    str line;

    while (lines.len > 0) {
        (void)str_cut(lines, '\n', &line, &lines);
        fprintf(stderr, "%s%.*s\n", indent, STR_ARG(line));
    }
}

static enum finding_level call_level(str name)
{
    return str_eq(name, STR("error"))   ? FINDING_ERROR
         : str_eq(name, STR("warning")) ? FINDING_WARNING
                                        : FINDING_NOTE;
}

void cli_read_findings(const struct tree *findings, struct report *out)
{
    for (size_t i = 0; findings != NULL && i < findings->len; i++) {
        const struct tree *row = findings->at[i];
        struct place place = {.file = tree_find_text(row, STR("file")),
                              .line = call_number(row, "line"),
                              .column = call_number(row, "column"),
                              .path = tree_find_text(row, STR("path"))};
        struct finding *finding =
            report_add(out, call_level(tree_find_text(row, STR("level"))), ERR_INVALID, place,
                       "%.*s", STR_ARG(tree_find_text(row, STR("message"))));

        finding->found = tree_find_text(row, STR("found"));
        finding->allowed = tree_find_text(row, STR("allowed"));
        finding->hint = tree_find_text(row, STR("hint"));
        finding->excerpt = tree_find_text(row, STR("excerpt"));
    }
}

void cli_tell_findings(struct task *t, const struct tree *findings, FILE *out)
{
    struct report report;
    struct buf *text = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX);

    report_init(&report, t->mem);
    cli_read_findings(findings, &report);
    report_text(&report, text);
    fprintf(out, "%.*s", STR_ARG(buf_str(text)));
}

static void call_tell_place(const struct place *place)
{
    if (place->file.len > 0) {
        fprintf(stderr, "%.*s:", STR_ARG(place->file));
        if (place->line > 0) {
            fprintf(stderr, "%u:%u:", place->line, place->column);
        }
        fputc(' ', stderr);
    }
}

void cli_tell_error(struct task *t, struct cli *cli)
{
    struct error error = t->err;
    const bool is_colored = cli_is_colored(stderr);

    if (cli->format == FORMAT_JSON) {
        struct buf *json = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX);

        error_json(&error, json);
        str shown = cli->problem.len > 0 ? cli->problem : buf_str(json);
        fprintf(stderr, "%.*s\n", STR_ARG(shown));
        return;
    }
    cli_tell_findings(t, cli->findings, stderr);
    fprintf(stderr, "weft: %serror:%s ", is_colored ? "\033[1;31m" : "",
            is_colored ? "\033[0m" : "");
    if (cli->sql.len > 0 && error.position > 0 && cli->sql_file.len > 0) {
        error.place.file = cli->sql_file;
        sql_place(cli->sql, error.position, &error.place.line, &error.place.column);
    }
    call_tell_place(&error.place);
    call_tell_lines(table_shown(t->mem, error.message), "");
    if (cli->sql.len > 0 && error.position > 0) {
        call_tell_lines(sql_caret(t->mem, cli->sql, error.position), "");
    }
    /* Line by line, so that only the ends of lines are not escaped. */
    for (str line, rest = error.detail; rest.len > 0;) {
        (void)str_cut(rest, '\n', &line, &rest);
        call_tell_lines(table_shown(t->mem, line), "  ");
    }
    if (error.hint.len > 0) {
        fprintf(stderr, "hint: %.*s\n", STR_ARG(table_shown(t->mem, error.hint)));
    }
}

void cli_note(const struct cli *cli, const char *format, ...)
{
    va_list args;

    if (cli->has[OPTION_quiet]) {
        return;
    }
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* ---- calls */

struct call_taker {
    struct cli *cli;
    bool (*take)(struct task *t, void *state, str bytes);
    void *state;
    bool is_success;
    struct buf *problem;
};

static bool call_begin(struct task *t, void *state, const struct http_answer *answer)
{
    struct call_taker *taker = state;

    taker->is_success = answer->status >= 200 && answer->status < 300;
    /* In the format that is shown as a table they are lines of the answer. */
    for (size_t i = 0; taker->cli->format != FORMAT_TABLE && i < answer->headers.len; i++) {
        if (str_eq(answer->headers.at[i].name, STR("weft-notice"))) {
            cli_note(taker->cli, "note: %.*s",
                     STR_ARG(table_shown(t->mem, answer->headers.at[i].value)));
        }
    }
    return true;
}

static bool call_bytes(struct task *t, void *state, str bytes)
{
    struct call_taker *taker = state;

    if (taker->is_success) {
        return taker->take(t, taker->state, bytes);
    }
    (void)buf_add(taker->problem, bytes);
    return true;
}

/* Of an environment it is the same below its name; which there are is known by the mesh. */
static str call_path(struct task *t, const struct cli *cli, str path)
{
    bool is_of_mesh = cli->env.len == 0 || str_starts(path, STR("/api/v1/environments"));

    return is_of_mesh ? path
                      : arena_format(t->mem, "/env/%.*s%.*s",
                                     STR_ARG(http_percent_encode(t->mem, cli->env)), STR_ARG(path));
}

bool cli_stream(struct task *t, struct cli *cli, const char *method, str path, str body,
                bool (*take)(struct task *t, void *state, str bytes), void *state)
{
    struct call_taker taker = {.cli = cli,
                               .take = take,
                               .state = state,
                               .problem = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX)};
    struct http_receiver receiver = {.state = &taker, .begin = call_begin, .bytes = call_bytes};
    struct http_answer answer;

    if (!cli_reach(t, cli)
        || !http_call_stream(t, &cli->target, str_of(method), call_path(t, cli, path),
                             &cli->headers, body, &receiver, &answer)) {
        return false;
    }
    return taker.is_success || call_fail(t, cli, &answer, buf_str(taker.problem));
}

static bool call_keep(struct task *t, void *state, str bytes)
{
    return buf_add(state, bytes)
        || task_fail(t, ERR_LIMIT, "the answer is larger than %d bytes",
                     (int)HTTP_ANSWER_BYTES_MAX);
}

bool cli_call(struct task *t, struct cli *cli, const char *method, str path, str body,
              const struct tree **out)
{
    struct buf *kept = buf_new(t->mem, HTTP_ANSWER_BYTES_MAX);
    struct tree *answer;

    if (!cli_stream(t, cli, method, path, body, call_keep, kept)
        || !cli_read_json(t, t->mem, buf_str(kept), &answer)) {
        return false;
    }
    *out = answer;
    return true;
}
