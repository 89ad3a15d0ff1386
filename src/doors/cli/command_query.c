#include <inttypes.h>

#include "buf/buf.h"
#include "cli/cli_lines.h"
#include "cli_inside.h"
#include "json_out/json_out.h"
#include "limits/limits.h"

struct query_answer {
    struct cli *cli;
    struct arena *mem; /* of the table: lives longer than a line */
    struct table table;
    struct cli_column *columns;
    str *cells;
    bool has_table, has_ended;
    bool shows_progress;
    char last; /* byte of a raw answer */
};

/* ---- the text */

bool cli_read_sql(struct task *t, struct cli *cli, str *out)
{
    bool is_input = cli->arguments.len == 1 && str_eq(cli->arguments.at[0], STR("-"));

    if (cli->has[OPTION_file] && cli->arguments.len > 0) {
        return task_fail(t, ERR_USAGE, "the SQL comes as an argument or from a file, not both");
    }
    if (cli->has[OPTION_file]) {
        cli->sql_file = cli->value[OPTION_file];
        return cli_read_file(t, cli->value[OPTION_file], SQL_BYTES_MAX, out);
    }
    if (cli->arguments.len == 1 && !is_input) {
        *out = cli->arguments.at[0];
        return true;
    }
    if (!is_input && cli_is_terminal(stdin)) {
        task_fail(t, ERR_USAGE, "there is no SQL to run");
        return task_hint(t, "weft query 'SELECT ...', or weft query -f FILE, or pipe the text in");
    }
    cli->sql_file = STR("<stdin>");
    return cli_read_file(t, STR("-"), SQL_BYTES_MAX, out);
}

static bool query_body(struct task *t, const struct cli *cli, str sql, str *out)
{
    static const char *const formats[] = {[FORMAT_TABLE] = "rows",
                                          [FORMAT_JSON] = "json",
                                          [FORMAT_NDJSON] = "ndjson",
                                          [FORMAT_CSV] = "csv"};
    struct json_out o = {.b = buf_new(t->mem, HTTP_BODY_BYTES_MAX)};
    int64_t seconds, rows_max;

    if (!cli_number(t, cli, OPTION_timeout, 1, 0, &seconds)
        || !cli_number(t, cli, OPTION_max_rows, 1, 0, &rows_max)) {
        return false;
    }
    json_out_begin(&o, "", '{');
    json_out_str(&o, "sql", sql);
    json_out_str(&o, "format", str_of(formats[cli->format]));
    if (cli->has[OPTION_purpose]) {
        json_out_str(&o, "purpose", cli->value[OPTION_purpose]);
    }
    if (rows_max > 0) {
        json_out_int(&o, "rows_max", rows_max);
    }
    if (seconds > 0) {
        json_out_int(&o, "timeout_ms", seconds < INT64_MAX / 1000 ? seconds * 1000 : INT64_MAX);
    }
    json_out_end(&o, '}');
    *out = buf_str(o.b);
    return !o.b->full || task_fail(t, ERR_LIMIT, "the SQL text is too large");
}

/* ---- rows as a table */

static void query_clear_progress(struct query_answer *answer)
{
    if (answer->shows_progress) {
        fputs("\r\033[K", stderr);
        answer->shows_progress = false;
    }
}

static void query_progress(struct query_answer *answer, const struct tree *progress)
{
    str step = tree_find_text(progress, STR("step"));
    double share = 0;
    int64_t files, of;

    bool is_elsewhere = answer->has_table && answer->cli->out != stdout;

    /* A pager has the screen by now. */
    if (answer->cli->has[OPTION_quiet] || is_elsewhere || !cli_is_terminal(stderr)) {
        return;
    }
    (void)tree_is_number(tree_find(progress, STR("share")), &share);
    if (!str_eq(step, STR("clear"))) {
        fprintf(stderr, "\r\033[K%.*s %.0f %%", STR_ARG(step), share * 100);
    } else if (tree_is_int(tree_find(progress, STR("files")), &files)
               && tree_is_int(tree_find(progress, STR("of")), &of)) {
        fprintf(stderr, "\r\033[Kclearing %lld of %lld file%s, %.0f %%", (long long)files,
                (long long)of, of == 1 ? "" : "s", share * 100);
    } else {
        fprintf(stderr, "\r\033[Kclearing, %.0f %%", share * 100);
    }
    answer->shows_progress = true;
}

static bool query_is_number(str type)
{
    static const char *const beginnings[] = {
        "TINYINT",  "SMALLINT", "INTEGER",  "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT",
        "UINTEGER", "UBIGINT",  "UHUGEINT", "FLOAT",  "DOUBLE",  "DECIMAL",  "BIGNUM"};

    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
        if (str_starts(type, str_of(beginnings[i]))) {
            return !str_ends(type, STR("]"));
        }
    }
    return false;
}

static void query_begin_table(struct query_answer *answer, const struct tree *columns)
{
    answer->columns = ARENA_ARRAY(answer->mem, struct cli_column, columns->len + 1);
    answer->cells = ARENA_ARRAY(answer->mem, str, columns->len + 1);
    for (size_t i = 0; i < columns->len; i++) {
        answer->columns[i] = (struct cli_column){
            .key = arena_c_string(answer->mem, tree_find_text(columns->at[i], STR("name"))),
            .is_right = query_is_number(tree_find_text(columns->at[i], STR("type")))};
    }
    table_begin(&answer->table, answer->mem, answer->cli->out, answer->columns, columns->len);
    answer->table.width = answer->cli->out_width;
    answer->table.is_colored = answer->table.width > 0 && cli_is_colored(stdout);
    answer->table.is_records = answer->cli->is_expanded;
    answer->table.is_ruled = true;
    answer->has_table = true;
}

static str query_cell(struct arena *mem, const struct tree *value)
{
    struct buf *b;

    if (value->kind == TREE_NULL || tree_is_null(value)) {
        return STR_NONE;
    }
    if (value->kind == TREE_SCALAR) {
        return value->text.ptr != NULL ? value->text : STR("");
    }
    b = buf_new(mem, HTTP_ANSWER_BYTES_MAX);
    tree_json(value, b);
    return buf_str(b);
}

static bool query_row(struct task *t, struct query_answer *answer, const struct tree *row)
{
    if (!answer->has_table || row->len != answer->table.len) {
        return task_fail(t, ERR_PROTOCOL, "a row of the answer does not fit its columns");
    }
    for (size_t i = 0; i < row->len; i++) {
        answer->cells[i] = query_cell(t->mem, row->at[i]);
    }
    table_row(&answer->table, answer->cells);
    return true;
}

static bool query_line(struct task *t, void *state, str line)
{
    struct query_answer *answer = state;
    struct tree *value;

    if (!cli_read_json(t, t->mem, line, &value)) {
        return false;
    }
    query_clear_progress(answer);
    if (value->kind == TREE_LIST) {
        return query_row(t, answer, value);
    }
    if (tree_find(value, STR("progress")) != NULL) {
        query_progress(answer, tree_find(value, STR("progress")));
    } else if (tree_find(value, STR("notice")) != NULL) {
        cli_note(answer->cli, "note: %.*s",
                 STR_ARG(table_shown(t->mem, tree_find_text(value, STR("notice")))));
    } else if (tree_find(value, STR("columns")) != NULL) {
        query_begin_table(answer, tree_find(value, STR("columns")));
    } else if (tree_find(value, STR("error")) != NULL) {
        (void)cli_fail_as(t, answer->cli, tree_find(value, STR("error")), "message");
        answer->cli->findings = NULL;
        return false;
    } else if (tree_find(value, STR("end")) != NULL) {
        answer->has_ended = true;
    }
    return true;
}

static bool query_as_table(struct task *t, struct cli *cli, str body, struct query_answer *answer)
{
    struct cli_lines lines = {.state = answer, .line = query_line};

    cli_lines_begin(t, &lines);
    bool ok = cli_stream(t, cli, "POST", STR("/api/v1/query"), body, cli_lines_take, &lines);
    query_clear_progress(answer);
    if (!ok) {
        return false;
    }
    if (!answer->has_table || !answer->has_ended) {
        return task_fail(t, ERR_PROTOCOL, "the answer of the server broke off");
    }
    table_end(&answer->table);
    if (!cli->has[OPTION_quiet]) {
        fprintf(cli->out, "(%" PRIu64 " row%s)\n", answer->table.rows,
                answer->table.rows == 1 ? "" : "s");
    }
    return true;
}

/* ---- bytes as they come */

static bool query_bytes(struct task *t, void *state, str bytes)
{
    struct query_answer *answer = state;

    if (bytes.len == 0) {
        return true;
    }
    answer->last = bytes.ptr[bytes.len - 1];
    return fwrite(bytes.ptr, 1, bytes.len, answer->cli->out) == bytes.len
        || task_fail_errno(t, ERR_IO, "cannot write the output");
}

static bool query_as_bytes(struct task *t, struct cli *cli, str body, struct query_answer *answer)
{
    if (!cli_stream(t, cli, "POST", STR("/api/v1/query"), body, query_bytes, answer)) {
        return false;
    }
    if (answer->last != '\n' && answer->last != '\0') {
        fputc('\n', cli->out);
    }
    return true;
}

bool cli_query(struct task *t, struct cli *cli, str sql)
{
    struct query_answer answer = {.cli = cli, .mem = arena_new()};
    str body;

    cli->sql = sql;
    bool ok = query_body(t, cli, sql, &body)
           && (cli->format == FORMAT_TABLE ? query_as_table(t, cli, body, &answer)
                                           : query_as_bytes(t, cli, body, &answer));
    arena_free(answer.mem);
    return ok;
}

bool command_query(struct task *t, struct cli *cli)
{
    str sql;

    cli_listen(t);
    if (!cli_demand_arguments(t, cli, 0, 1)) {
        return false;
    }
    if (cli->arguments.len == 0 && !cli->has[OPTION_file] && cli_is_terminal(stdin)
        && cli_is_terminal(stdout)) {
        return shell_run(t, cli);
    }
    return cli_read_sql(t, cli, &sql) && cli_query(t, cli, sql);
}
