/* Recorded queries: who asked what, for what purpose, and which columns of which releases were
 * read. */
#ifndef WEFT_QUERY_ROW_H
#define WEFT_QUERY_ROW_H

#include "metadb/metadb.h"
#include "vec/vec.h"

struct query_row_column {
    uint32_t id; /* 0: of a table without ids */
    str name;
};

/* What a decision on a table came from. */
struct query_row_policy {
    str effect; /* grant, filter, mask, deny */
    str policy; /* id, or `owner`, `self`, `default` */
};

struct query_row_table {
    uint64_t table_id; /* 0: mesh.* */
    str address;       /* domain.product.table, mesh.table */
    uint64_t release;
    str class_id; /* of the decision, one of several where files differ; empty: originals */
    struct str_list files; /* that were linked, a fact: NAME of an original, CLASS/NAME of a copy */
    struct {
        VEC_OF(struct query_row_column)
    } columns; /* read by the text */
    struct {
        VEC_OF(struct query_row_policy)
    } policies; /* that decided on it */
};

struct query_row {
    uint64_t sequence;
    str id; /* UUID, the task's */
    int64_t time_us;
    str actor_kind, actor, on_behalf, door,
        purpose; /* filled from t->actor by announce and refuse */
    str text;    /* as it is kept: literals may be gone */
    str digest;  /* SHA-256 of that text, filled likewise */
    uint64_t policy_version;
    str environment; /* that was read; empty: the mesh. It is in the row of the audit */
    str outcome;     /* running, done, failed, cancelled, denied; unknown: its server ended first */
    str error;       /* name of the error code, or empty */
    uint64_t rows, bytes;
    int64_t duration_us;
    struct {
        VEC_OF(struct query_row_table)
    } tables;
};

struct query_row_list {
    VEC_OF(struct query_row *) /* newest first, without tables */
};

/* Hands query, tables, columns and audit row to the writer, as one commit; the work goes on meanwhile. The row stays as it is until
 * query_row_announced, which returns when it is durable: before that no byte of the answer may leave. It sets row->sequence. */
struct metadb_ticket *query_row_announce(struct task *t, struct metadb *db, struct query_row *row);
MUST_CHECK bool query_row_announced(struct task *t, struct metadb_ticket *ticket);
/* The end of an announced query, and its audit row; does not wait, and copies what it needs. */
void query_row_end(struct metadb *db, const struct query_row *row, str outcome,
                   enum error_code error, uint64_t rows, uint64_t bytes, int64_t duration_us);
/* One that was refused or failed before it was announced: query and audit row, durable on return.
 * Keeps the error of `t`, whose code it records. */
MUST_CHECK bool query_row_refuse(struct task *t, struct metadb *db, struct query_row *row);
/* At start: how those of an earlier server ended that was killed, nobody knows. Each gets an audit row that says so. */
MUST_CHECK bool query_row_recover(struct task *t, struct metadb *db, uint64_t *count_out);
/* With tables and columns; NULL when there is none. */
MUST_CHECK bool query_row_find(struct task *t, struct metadb *db, uint64_t sequence,
                               struct query_row **out);
/* What the audit binds of a query's rows: hex digests of all that stands in them when it is announced or refused, and of its end. */
MUST_CHECK bool query_row_record(struct task *t, struct metadb *db, uint64_t sequence,
                                 bool is_refused, str *out);
MUST_CHECK bool query_row_end_record(struct task *t, struct metadb *db, uint64_t sequence,
                                     str *out);
/* Classes of the copies that were linked, each once, sorted: one of each value where a table is cleared by value. None: only originals
 * were read, or nothing. */
void query_row_classes(struct arena *mem, const struct query_row_table *table,
                       struct str_list *out);
/* Of one actor, or of all when empty. */
MUST_CHECK bool query_row_list(struct task *t, struct metadb *db, str actor, uint64_t most,
                               struct query_row_list *out);

#endif
