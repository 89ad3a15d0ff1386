/* SQLite: statements, readers, and one writer that commits in groups. */
#ifndef WEFT_METADB_H
#define WEFT_METADB_H

#include "embed/embed.h"
#include "fault/fault.h"
#include "task/task.h"

/* A face of one database. The face that metadb_open gives reads through a pool of connections and
 * hands changes to the writer; the one that a write function gets is the writer's own; the one of
 * metadb_snapshot sees one instant. All of them prepare statements in the same way. */
struct metadb;
struct metadb_statement;

enum metadb_kind {
    METADB_CATALOG, /* every commit is on disk before it is reported */
    METADB_CACHE,   /* no syncs; removed when it was not closed the last time */
};

/* Creates the file (mode 0600) where there is none. ERR_CORRUPT when it is not a database of this
 * kind. */
MUST_CHECK bool metadb_open(struct task *t, str path, enum metadb_kind kind, struct metadb **out);
/* Waits for what was queued. No statement may be open. NULL is allowed. */
void metadb_close(struct metadb *db);
/* Runs the files `NNNN_name.sql` that are newer than the database, each in its own transaction.
 * ERR_CONFIG when the database is newer than the files. */
MUST_CHECK bool metadb_migrate(struct task *t, struct metadb *db, const struct embedded_file *files,
                               size_t len);
/* Any statements, without results, in a write. */
MUST_CHECK bool metadb_script(struct task *t, struct metadb *db, const char *sql);
/* ERR_CORRUPT with the first finding. */
MUST_CHECK bool metadb_verify(struct task *t, struct metadb *db);

/* A statement closes with the arena's mark under which it was prepared, or earlier by metadb_done;
 * one that a write function leaves open closes with it. Close early: an open read keeps the write-
 * ahead log from shrinking. */
MUST_CHECK bool metadb_prepare(struct task *t, struct metadb *db, const char *sql,
                               struct metadb_statement **out);
void metadb_done(struct task *t, struct metadb_statement *st);
/* Ready to run again; what is bound stays bound. */
void metadb_reset(struct metadb_statement *st);

/* Parameters count from 1. Texts are copied. */
void metadb_bind_int(struct metadb_statement *st, int index, int64_t value);
void metadb_bind_real(struct metadb_statement *st, int index, double value);
void metadb_bind_str(struct metadb_statement *st, int index, str value);

/* The next row, for one row (`if`) or all (`while`): false after the last one, and when reading failed. Then metadb_end, which closes
 * the statement, is false when reading failed; columns are read before it. */
MUST_CHECK bool metadb_next(struct task *t, struct metadb_statement *st);
MUST_CHECK bool metadb_end(struct task *t, struct metadb_statement *st);
MUST_CHECK bool metadb_step(struct task *t, struct metadb_statement *st, bool *has_row_out);
/* Columns count from 0. NULL reads as 0 or an empty text. A text lives in the task's arena. */
int64_t metadb_int(struct metadb_statement *st, int column);
uint64_t metadb_uint(struct metadb_statement *st, int column);
bool metadb_is_null(struct metadb_statement *st, int column);
str metadb_str(struct arena *mem, struct metadb_statement *st, int column);

/* One letter a parameter: `i` int64_t or uint64_t, `d` int or bool, `u` uint32_t, `r` double, `s`
 * str, `S` str that is NULL when empty, `I` int64_t or uint64_t that is NULL when 0, `n` NULL
 * (takes no argument). */
MUST_CHECK bool metadb_query(struct task *t, struct metadb *db, struct metadb_statement **out,
                             const char *sql, const char *types, ...);
/* The first column of the first row: 0 or an empty text when there is no row. */
MUST_CHECK bool metadb_find_uint(struct task *t, struct metadb *db, uint64_t *out, const char *sql,
                                 const char *types, ...);
MUST_CHECK bool metadb_find_str(struct task *t, struct metadb *db, str *out, const char *sql,
                                const char *types, ...);
/* Whether there is a row. */
MUST_CHECK bool metadb_has(struct task *t, struct metadb *db, bool *out, const char *sql,
                           const char *types, ...);
/* Runs to the end. A broken constraint is ERR_CONFLICT. */
MUST_CHECK bool metadb_run(struct task *t, struct metadb *db, const char *sql, const char *types,
                           ...);
/* The same for one that was prepared and bound, and may be bound and run again. */
MUST_CHECK bool metadb_run_prepared(struct task *t, struct metadb_statement *st);
/* Of the writer's face, after metadb_run. */
uint64_t metadb_last_id(struct metadb *db);
uint64_t metadb_changes(struct metadb *db);

/* What these statements read is of one instant. The face ends with the arena's mark, or by
 * metadb_snapshot_end. A face that is bound already (the writer's, a snapshot's) is given back as
 * it is. */
MUST_CHECK bool metadb_snapshot(struct task *t, struct metadb *db, struct metadb **out);
void metadb_snapshot_end(struct task *t, struct metadb *snapshot);
/* The whole database as a snapshot sees it, in a new file that nobody has open. Nobody waits for it, and it is not synced. */
MUST_CHECK bool metadb_copy(struct task *t, struct metadb *snapshot, str path);

/* Runs fn in the writer's transaction, on the writer's thread, with the caller's task, and returns
 * after the COMMIT is durable. What is queued at the same time shares one COMMIT; each keeps its
 * own success or failure: when fn returns false its changes are undone, and only they. From within
 * a write, fn runs in the same one. */
typedef bool metadb_write_fn(struct task *t, struct metadb *db, void *state);
MUST_CHECK bool metadb_write(struct task *t, struct metadb *db, metadb_write_fn *fn, void *state);
/* The same in two halves, so that other work goes on while the disk is waited for. It runs with a task of its own (and t's actor):
 * `state` stays as it is until metadb_write_end, which gives its success or error and may be called once; the arena's end waits too. */
struct metadb_ticket;
struct metadb_ticket *metadb_write_begin(struct task *t, struct metadb *db, metadb_write_fn *fn,
                                         void *state);
MUST_CHECK bool metadb_write_end(struct task *t, struct metadb_ticket *ticket);
/* The same without waiting, with a task of its own: a failure is logged. `free_state` may be NULL.
 * */
void metadb_post(struct metadb *db, metadb_write_fn *fn, void *state, void (*free_state)(void *));
/* From within a write: the group passes this fault point once before its COMMIT. */
void metadb_pass_before_commit(struct metadb *db, enum fault_point point);
/* False for readers: CHECK it in functions that must be part of a caller's transaction. */
bool metadb_is_writer(const struct metadb *db);

#endif
