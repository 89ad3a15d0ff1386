/* A source contract to an extraction plan: what the worker attaches, reads and casts, for each kind of server. Pure: paths, addresses
 * and secrets are put in by the caller. */
#ifndef WEFT_SOURCE_H
#define WEFT_SOURCE_H

#include "contract/contract.h"
#include "job/job.h"

enum source_kind { SOURCE_FILES, SOURCE_POSTGRES };
enum source_file_format { SOURCE_CSV, SOURCE_NDJSON, SOURCE_JSON, SOURCE_PARQUET, SOURCE_LOG };

/* `${NAME}` in a text: gives its value, or false with nothing set. */
struct source_secrets {
    void *state;
    bool (*find)(void *state, str name, str *value_out);
};

/* What a server entry says, typed; placeholders still in place. */
struct source_server {
    const struct contract_server *server;
    enum source_kind kind;
    enum source_file_format file_format; /* files */
    str location; /* files: path or glob, relative; {table} stands for the physical table */
    str delimiter;
    str records;          /* json: a pointer to them */
    str log_format;       /* accesslog, in the words of Apache's LogFormat */
    bool skips_bad_lines; /* accesslog: lines that do not match are left out, and counted */
    bool has_many_fields; /* JSON: its records are no maps, however many or rare their fields are */
    bool takes_int96;     /* parquet: their digits beyond microseconds may go */
    str host, port, database, schema, user, password; /* postgres */
};

/* Chooses the server to read (the first, or the one of this environment) and types it; findings when it cannot be read by this
 * version, lacks what it needs, or holds a secret in the clear. */
bool source_choose(struct arena *mem, const struct contract *contract, str environment,
                   struct source_server *out, struct report *report);
/* The same for the server of this name; the first that this version reads when it is empty. */
bool source_choose_named(struct arena *mem, const struct contract *contract, str name,
                         struct source_server *out, struct report *report);
/* What a `local` server says of its files, by itself: for checks before anything is read. */
bool source_choose_files(struct arena *mem, const struct contract_server *server,
                         struct source_server *out, struct report *report);
/* Replaces ${NAME}; false and a finding that names the secret, never a value. */
bool source_resolve(struct arena *mem, const struct source_secrets *secrets,
                    struct source_server *server, struct report *report);

/* A column as the source has it. */
struct source_column {
    str name, type; /* the source's spelling */
    bool nullable;
    size_t file; /* Parquet: which of the table's files says so */
};

/* Rows that are wanted: those whose value lies between, and those that have none. */
struct source_range {
    const struct contract_column *column; /* NULL: all rows */
    str type;       /* of the bounds: an integer, DATE, TIMESTAMP, with time zone or not */
    str low, high;  /* empty: open */
    bool is_low_in; /* the low one itself, too; the high one always is */
};

/* Values of a column at which ranges of rows begin, in order: each range can then be read by itself. */
struct source_cuts {
    const struct contract_column *column; /* NULL: the table is read as a whole */
    str type;                             /* as of the bounds of a range */
    struct str_list
        at; /* the first range begins before all of them; none: the source is to be asked for some */
};

struct source_table {
    const struct contract_table *table;
    struct str_list files;     /* names inside `in/` */
    struct source_range range; /* of the caller, before source_compile */
    struct source_cuts
        cuts; /* likewise; source_compile takes them away where the source cannot be read so */
    const struct source_column *found; /* what source_compile was given */
    size_t found_len;
    str describe; /* JOB_ROWS text that lists the source's columns: name, type, nullable */
    str text;     /* JOB_FILE text; made by source_compile after the columns are known */
    str quick; /* the same rows in any order, by the worker's own reader of plain CSV: it fails, saying nothing, where `text` is to be
                * asked. Empty where there is none */
    struct job_looks looks; /* what the worker looks through first */
    str skipped; /* JOB_ROWS text that counts lines which were left out; empty where none can be */
    str locate; /* JOB_ROWS text of CSV and log files: where `text` failed on a value, this mostly fails on the same with its
                            * line; empty for other kinds */
    struct job_columns columns; /* what the staged file will hold, with field ids of the caller */
    bool
        is_plain; /* Parquet whose values no cast of `text` refuses: it may be read where it lies, in part and again */
};

struct source_plan {
    struct str_list
        open; /* prepare of the first job: LOAD, ATTACH, BEGIN (read only, repeatable read) */
    struct str_list close; /* prepare of the last job: COMMIT, DETACH */
    struct {
        VEC_OF(struct source_table)
    } tables;
};

/* Opening statements and the describing texts. `hostaddr` is the numeric address that the server resolved and checked. For files,
 * tables[i].files must be filled between source_plan and source_compile when `files` is NULL. */
bool source_open(struct arena *mem, const struct contract *contract,
                 const struct source_server *server, str hostaddr, const struct str_list *files,
                 struct source_plan *out, struct report *report);
/* A row of `describe`; false where it is none. */
bool source_read_column(const struct tree *row, const struct source_table *table,
                        struct source_column *out);
/* The delimiter that a header of one name holds, which was meant otherwise; 0 for none. */
char source_other_delimiter(const struct source_server *server, const struct source_column *columns,
                            size_t len);
/* Columns that the source has, held against the contract: missing, new and retyped ones are drift (findings; new columns are
 * warnings), and the text that reads and casts exactly. */
bool source_compile(struct arena *mem, const struct source_server *server,
                    struct source_table *table, const struct source_column *columns, size_t len,
                    struct report *report);
/* Of a table with a column for cuts, JOB_ROWS text of two numbers. Is it cheap to read it by ranges? Above 0, rows lie in the order of the
 * column, and an index leads to those of a range. Then: may its snapshot be shared? */
str source_order_text(struct arena *mem, const struct source_server *server,
                      const struct source_table *table);
/* Likewise, what the source knows of values of the column: rows and bytes of the table, as it guesses them, and a value; in order of the values,
 * between which are about as many rows each time. */
str source_cuts_text(struct arena *mem, const struct source_server *server,
                     const struct source_table *table);
/* Of any table, JOB_ROWS text of no row, or one: how many rows it has, as the source guesses, in how many blocks, how many bytes with
 * what lies beside these, and the last number of source_order_text. No row: it cannot be read by its blocks. */
str source_blocks_text(struct arena *mem, const struct source_server *server,
                       const struct source_table *table);
/* The rows of `text` that lie in blocks from the first on, before the end; sorted by columns of the contract. */
str source_piece_text(struct arena *mem, const struct source_server *server,
                      const struct source_table *table, const struct job_columns *key,
                      uint64_t first, uint64_t end);
/* JOB_ROWS text of the name of the snapshot that is read, and what lets a second connection of the worker read the same. */
str source_snapshot_text(struct arena *mem);
void source_join_snapshot(struct arena *mem, str snapshot, struct str_list *out);
/* The rows of `text` that are in a range, in the order of the column; there is one range more than cuts. */
str source_range_text(struct arena *mem, const struct source_server *server,
                      const struct source_table *table, size_t range);
/* What stands behind FROM to read all columns of files as they are: those of text files as text, the others by their own types. */
str source_files_from(struct arena *mem, const struct source_server *server,
                      const struct source_table *table, const struct source_column *columns,
                      size_t len);
/* A text as a value of the column's type, and nothing rounded; what is none stops with an error that names the column and tells it. */
void source_add_exact(struct arena *mem, struct buf *b, const struct contract_column *column,
                      str value);
/* Where the files of a table are: {table} filled in. Empty where it would be too long. */
str source_table_location(struct arena *mem, str location, str table);
/* An engine's error about a source as one line without connection strings and rows, and what to do. `text` is what was asked, where
 * that is known. */
void source_explain(struct arena *mem, const struct source_server *server,
                    const struct error *error, str text, str *message_out, str *hint_out);

#endif
