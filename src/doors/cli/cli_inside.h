/* What the commands share: options, the way to the server, errors, tables. */
#ifndef WEFT_CLI_INSIDE_H
#define WEFT_CLI_INSIDE_H

#include <stdio.h>

#include "cli/cli.h"
#include "error/report.h"
#include "http_client/http_client.h"
#include "model/model.h"
#include "tree/tree.h"

struct cli;

typedef bool command_fn(struct task *t, struct cli *cli);

struct command {
    const char *name; /* one or two words */
    command_fn *run;
    const char *arguments;
    const char *options; /* of its own, with spaces between */
    const char *meaning;
};

enum cli_option {
#define OPTION(name, id, letter, value, meaning) OPTION_##id,
#include "commands.def"
    OPTION_COUNT
};

enum cli_format {
    FORMAT_TABLE,
    FORMAT_JSON,
    FORMAT_NDJSON,
    FORMAT_CSV,
    FORMAT_MARKDOWN,
    FORMAT_YAML
};

/* One call of the program. */
struct cli {
    const struct command *command; /* NULL: none was named */
    bool has[OPTION_COUNT];
    str value[OPTION_COUNT];
    struct str_list settings; /* of every --set */
    struct str_list arguments;
    enum cli_format format;
    serve_fn *serve;
    int exit_code; /* of a command that ended as it should */

    /* Where results go, and how many columns that has; 0: nobody looks. */
    FILE *out;
    int out_width;
    bool is_expanded; /* a line a value, whatever would fit */

    str env; /* the environment that is asked; empty: the mesh */

    /* cli_find_home */
    str home, folder;
    /* cli_reach */
    struct http_target target;
    struct http_fields headers;

    /* For telling an error: what the server said of it, and the text its position counts in. */
    str problem;
    const struct tree *findings;
    str sql, sql_file; /* the file is empty for a text that came as an argument */
};

/* ---- cli_options.c */

/* The words of a command line, without the program's name. ERR_USAGE names what is nearest to a wrong one. */
MUST_CHECK bool cli_parse(struct task *t, const struct str_list *words, struct cli *cli);
/* A whole number from `least`; `fallback` when the option was not given. */
MUST_CHECK bool cli_number(struct task *t, const struct cli *cli, enum cli_option option,
                           int64_t least, int64_t fallback, int64_t *out);
/* Fails unless the command has so many arguments. */
MUST_CHECK bool cli_demand_arguments(struct task *t, const struct cli *cli, size_t least,
                                     size_t most);
/* An address as SQL spells it, `sales."orders@2".orders`, without its quotes. */
str cli_address(struct arena *mem, str spelled);
/* Takes one or two words; ERR_USAGE names what is near. */
MUST_CHECK bool command_find(struct task *t, const struct str_list *words,
                             const struct command **out, size_t *used_out);
/* The list of commands, or all about one. */
void command_help_all(FILE *out);
void command_help_one(const struct command *command, FILE *out);

#define COMMAND(name, run, arguments, options, meaning) command_fn command_##run;
#include "commands.def"

/* ---- cli_home.c */

/* Fills home and folder, absolute; ERR_USAGE where no mesh is found. `make` makes the home when it is not there. */
MUST_CHECK bool cli_find_home(struct task *t, struct cli *cli, bool make);
/* Where the home is or would be, absolute. */
MUST_CHECK bool cli_name_home(struct task *t, struct cli *cli, str *out);
/* A path without `.` or link in it; its last part need not be there. */
MUST_CHECK bool cli_absolute(struct task *t, str path, str *out);
/* The mesh folder alone, for commands that need no home: empty where none is found. */
MUST_CHECK bool cli_find_folder(struct task *t, struct cli *cli, str *out);
/* ERR_NOT_FOUND for a file that is not there, ERR_LIMIT for one over `most` bytes. `-` is standard input. */
MUST_CHECK bool cli_read_file(struct task *t, str path, size_t most, str *out);

/* ---- command_query.c */

/* The one argument, `--file`, or standard input for `-` and where nobody types. */
MUST_CHECK bool cli_read_sql(struct task *t, struct cli *cli, str *out);
/* Asks, and prints the answer to cli->out in the format of the command line. */
MUST_CHECK bool cli_query(struct task *t, struct cli *cli, str sql);

/* ---- command_plan.c */

/* The mesh folder that plans read: that of the home where it has a mesh, else the one around us. */
MUST_CHECK bool cli_plan_folder(struct task *t, struct cli *cli, str *out);
/* What the files of the folder, or of --domain or --policies, would change. */
MUST_CHECK bool cli_plan(struct task *t, struct cli *cli, const struct tree **out);
MUST_CHECK bool cli_apply(struct task *t, struct cli *cli, str plan, const struct tree **out);
void cli_plan_show(struct task *t, const struct tree *plan);
/* Asks, unless --yes was said. */
MUST_CHECK bool cli_is_wanted(struct task *t, struct cli *cli, const char *question, bool *out);

/* ---- command_env.c */

/* ERR_USAGE for what no environment is called. */
MUST_CHECK bool cli_is_env(struct task *t, str name);
/* ERR_NOT_FOUND where there is no environment of --env. */
MUST_CHECK bool cli_env_demand(struct task *t, struct cli *cli);
/* The environment of --env is there from here on. */
MUST_CHECK bool cli_env_make(struct task *t, struct cli *cli, bool *made_out);
/* One that this command made goes, unless something was applied to it. */
void cli_env_unmake(struct cli *cli);

/* ---- plan_summary.c */

struct plan_summary {
    const struct tree *plan;     /* as the API answers; of one that is refused its problem */
    str against, scope, message; /* the error, where it is refused */
    bool is_refused, is_offline;
};
/* As Markdown. */
str cli_plan_summary(struct arena *mem, const struct plan_summary *s);

/* ---- command_against.c */

bool cli_is_against_url(const struct cli *cli);
/* From here on --against is the server that is asked. */
MUST_CHECK bool cli_against_server(struct task *t, struct cli *cli);
struct plan;
/* The files of `scope`, or all, held against the folder of --against: p->findings also where it fails. */
MUST_CHECK bool cli_against_folder(struct task *t, struct cli *cli, const struct bundle *bundle,
                                   str scope, struct plan *p);
/* The same for `weft plan`: as the API answers. */
MUST_CHECK bool cli_plan_against_folder(struct task *t, struct cli *cli, str scope,
                                        const struct tree **out);

/* ---- command_run.c */

/* Runs the products that the arguments name, or all for --all, and follows them. */
MUST_CHECK bool cli_run(struct task *t, struct cli *cli);
/* Begins a job of runs by this request, and follows it to its end. */
MUST_CHECK bool cli_run_job(struct task *t, struct cli *cli, str path, str body);
MUST_CHECK bool cli_run_watch(struct task *t, struct cli *cli);

/* ---- command_show.c */

/* A domain, product or table by its name; empty: all products. */
MUST_CHECK bool cli_show(struct task *t, struct cli *cli, str name);

/* ---- shell.c */

/* `weft query` on a terminal: statements and commands until it is left. */
MUST_CHECK bool shell_run(struct task *t, struct cli *cli);

/* ---- cli_server.c */

/* Somebody answers at cli->target: the server of the home, which is started when it does not run, or that of --server. */
MUST_CHECK bool cli_reach(struct task *t, struct cli *cli);

/* ---- cli_call.c */

/* A call of the API whose answer is JSON. `body` may be empty. A problem becomes the error of the task. */
MUST_CHECK bool cli_call(struct task *t, struct cli *cli, const char *method, str path, str body,
                         const struct tree **out);
/* One call whose bytes go to `take`; a problem becomes the error of the task. */
MUST_CHECK bool cli_stream(struct task *t, struct cli *cli, const char *method, str path, str body,
                           bool (*take)(struct task *t, void *state, str bytes), void *state);
MUST_CHECK bool cli_read_json(struct task *t, struct arena *mem, str text, struct tree **out);
/* An error as the API writes it, to the error of the task. */
bool cli_fail_as(struct task *t, struct cli *cli, const struct tree *problem,
                 const char *message_key);
/* The error of the task, on stderr. */
void cli_tell_error(struct task *t, struct cli *cli);
/* Findings of an answer. */
void cli_read_findings(const struct tree *findings, struct report *out);
/* The same, as a compiler shows them. */
void cli_tell_findings(struct task *t, const struct tree *findings, FILE *out);
/* A line on stderr unless --quiet. */
void cli_note(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- cli_table.c */

struct cli_column {
    const char *key;   /* of a member; a dot goes into members of members */
    const char *title; /* NULL: the key */
    bool is_right;
};

/* Rows with aligned columns. The first TABLE_KEEP rows decide the widths, later ones are printed as they come. */
struct table {
    struct arena *mem;
    FILE *out;
    const struct cli_column *columns;
    size_t len;
    bool is_ruled; /* bars and a rule, as psql; else two spaces */
    bool is_csv;
    bool
        is_records; /* a line a value: asked for, or decided where a row is too wide for the terminal */
    int width;      /* of the terminal; 0: nothing is cut or broken */
    bool is_colored; /* NULL is dim */
    size_t *widths, title_width;
    bool *is_left_out; /* columns without a value, where a list is too wide */
    str *kept;
    size_t kept_len, kept_cap;
    bool is_open; /* the header is out */
    uint64_t rows, printed;
};

enum { TABLE_KEEP = 1000 };

void table_begin(struct table *table, struct arena *mem, FILE *out,
                 const struct cli_column *columns, size_t len);
/* `len` cells, copied; one with ptr NULL is NULL. */
void table_row(struct table *table, const str *cells);
void table_end(struct table *table);
/* As it may go to a terminal: control characters are escaped. */
str table_shown(struct arena *mem, str text);
/* `3.1 MB`, of 1,000,000 bytes each. */
str table_size(struct arena *mem, uint64_t bytes);
/* A list of objects in the format of the command line: JSON as it is, else the columns. */
MUST_CHECK bool table_list(struct task *t, const struct cli *cli, const struct tree *list,
                           const struct cli_column *columns, size_t len);
/* The members of an object, one a line; JSON as it is. */
MUST_CHECK bool table_object(struct task *t, const struct cli *cli, const struct tree *object);
/* A member by its key or path of keys, as text; ptr is NULL when there is none. */
str table_cell(struct arena *mem, const struct tree *row, const char *key);
/* For the eye: a time to the second (`2026-11-22 10:47:24`), a dash for nothing. */
str table_eased(struct arena *mem, str cell);
void table_json(struct task *t, const struct tree *tree, FILE *out);

/* ---- command_candidate.c */

str cli_candidate_path(struct task *t, str product, const char *step);
/* With the verdicts of those who read it; ERR_CHECK_FAILED where one of them fails. */
MUST_CHECK bool cli_candidate_print(struct task *t, const struct cli *cli,
                                    const struct tree *answer);
MUST_CHECK bool cli_candidate_verdict(struct task *t, const struct tree *answer);

/* ---- cli_layout.c */

/* After the first rows are kept: how wide each column is, or that values come a line each. */
void cli_layout_decide(struct table *table);
void cli_layout_print_head(const struct table *table);
void cli_layout_print(struct table *table, const str *cells);
/* Bytes of the first line of a text, when a line has so many columns: broken after a space or a mark of names, or where it must. */
size_t cli_layout_break(str text, size_t columns);
/* A text and a line feed; on a terminal of `width` columns further lines stand under the first, which begins at `indent`. */
void cli_layout_print_text(FILE *out, str text, size_t indent, size_t width);

/* ---- cli_terminal.c */

bool cli_is_terminal(const FILE *file);
/* Columns, or `fallback` where nobody looks. */
int cli_terminal_width(const FILE *file, int fallback);
bool cli_is_colored(const FILE *file);
/* Ctrl-C and kin cancel this task; the second one ends the program. */
void cli_listen(struct task *t);
/* From now on no Ctrl-C ends the program, however many come. */
void cli_listen_on(void);
/* The signal that was heard last, 0 for none; after that none was. */
int cli_heard(void);

/* ---- cli_write.c */

/* New files, with their paths below a folder, or absolute. */
struct cli_file {
    str path, text;
    unsigned mode;
};

struct cli_files {
    VEC_OF(struct cli_file)
};

/* All of them or none, on disk when it returns; ERR_CONFLICT where one stands. */
MUST_CHECK bool cli_write_files(struct task *t, str folder, const struct cli_files *files);
/* A file in the place of one that is there: either the one or the other. */
MUST_CHECK bool cli_write_over(struct task *t, str path, str text);

/* ---- command_init.c */

/* A new file below the folder, with the folders above it; ERR_CONFLICT where one stands. */
MUST_CHECK bool cli_write_new(struct task *t, str folder, str path, str text, unsigned mode);

/* ---- command_check.c */

struct engine;
/* Workers for as long as the task lasts, in a folder of their own: for commands without a server. */
MUST_CHECK bool cli_open_engine(struct task *t, struct engine **out);

/* ---- command_contract.c */

struct probe;
/* Looks at a file or database, in workers of its own; paths are written from the mesh folder where there is one. */
MUST_CHECK bool cli_probe(struct task *t, struct cli *cli, str source, struct probe *out);
struct yaml_out_notes;
/* Without the source it is a promise of the same tables. */
struct tree *cli_contract_infer(struct task *t, const struct probe *p, str id, str title,
                                bool is_source, struct yaml_out_notes *notes);

/* ---- cli_bundle.c */

/* The files of a mesh folder that are its declaration: mesh.yaml, policies, domains; with `domain` only that one's, or those of several, with
 * commas between; with `policies/` only those below it. Sorted. */
MUST_CHECK bool cli_read_bundle(struct task *t, str folder, str domain, struct bundle *out);

#endif
