/* One piece of work for a worker: plain values, no policy in it. Packed by drivers/engine, unpacked by the worker. */
#ifndef WEFT_JOB_H
#define WEFT_JOB_H

#include "frame/frame.h"
#include "sink/sink.h"
#include "vec/vec.h"

/* Five kinds of worker, each with its own narrow rules (worker/README.md). */
enum worker_kind {
    WORKER_CONSUMER, /* an actor's text over cleared files */
    WORKER_CLEARING, /* the gate's own text: one file in, one cleared copy out */
    WORKER_BUILD,    /* a product's text over cleared inputs, to staged outputs */
    WORKER_CHECK,    /* our own text over staged files */
    WORKER_EXTRACT,  /* our own text; the only kind with extensions and sockets */
    WORKER_KIND_COUNT
};

const char *worker_kind_name(enum worker_kind kind); /* "consumer" */
bool worker_kind_by_name(str name, enum worker_kind *out);

struct job_column {
    str name;
    str type;    /* in the engine's spelling */
    uint32_t id; /* Parquet field id; 0 is none */
};

struct job_columns {
    VEC_OF(struct job_column)
};

/* A cell of an inline table; `is_null` without text. */
struct job_cell {
    str text;
    bool is_null;
};

/* A name that the text may use. With files: a view over them, matched by field id; a column that no file has is NULL.
 * With `is_inline`: a temporary table of `cells`, row by row. Without files: a typed view of no rows. */
struct job_view {
    str catalog; /* an attached in-memory catalog; empty: the default one */
    str schema;
    str name;
    struct job_columns columns;
    struct str_list files; /* names inside the worker's `in/` */
    /* Empty, or one a file: the name of a file of the numbers of rows that are deleted in it (job_deletion_columns); empty for none. */
    struct str_list deletions;
    bool is_inline;
    struct {
        VEC_OF(struct job_cell)
    } cells;
};

/* What a file of deleted rows holds: `row`, the number of a row in its file from 0, in order, each once. */
void job_deletion_columns(struct arena *mem, struct job_columns *out);

/* A file that the worker may read, linked into its `in/` before the job and unlinked after it. */
struct job_link {
    str path; /* absolute, on the server's side: never sent */
    str name; /* inside `in/`: no slash */
};

enum job_look_kind {
    JOB_LOOK_WHOLE, /* one that is packed was not cut, and its checksum holds */
    JOB_LOOK_CSV,   /* and its first line is not empty */
    JOB_LOOK_JSON_LINES,
    JOB_LOOK_JSON_DOCUMENT, /* and its records are written to `tmp/<file>.ndjson`, one a line */
    JOB_LOOK_PARQUET,
    JOB_LOOK_COUNT
};

/* A file of `in/` that an extract worker looks through before the text runs: for what the engine would pass over. */
struct job_look {
    str file;
    enum job_look_kind kind;
    str records; /* JOB_LOOK_JSON_DOCUMENT: a JSON pointer to them */
};

struct job_looks {
    VEC_OF(struct job_look)
};

/* How a Parquet file is compressed. */
enum job_packing { PACKED_WELL, PACKED_QUICKLY, PACKED_NOT, JOB_PACKING_COUNT };

enum job_output {
    JOB_ROWS, /* encoded rows to the sink */
    JOB_FILE, /* a Parquet file `out/<file>`, columns cast and named as `columns`, with their field ids */
    JOB_COLUMNS, /* names and types of the result only; nothing runs */
    JOB_FILES, /* the Parquet files of `copies`, one after the other; clearing and extract workers only */
    JOB_OUTPUT_COUNT
};

/* One step of JOB_FILES: a file `out/<file>`, or without a file a temporary table `staged` that those which follow may read, until
 * the next one takes its place. */
struct job_copy {
    str text; /* one SELECT */
    str file;
    uint32_t layout; /* which of `layouts`: what the file must hold */
};

struct engine_job {
    struct str_list
        prepare; /* statements of ours, before the views: check, clearing and extract workers only */
    struct {
        VEC_OF(struct job_view)
    } views; /* in order: an inline or file view never refers to another */
    struct {
        VEC_OF(struct job_link)
    } links;
    struct job_looks looks;
    str text; /* one SELECT, without `;` at its end; consumers' and builds' were cleared by the gate */
    enum job_output output;
    enum row_format format; /* JOB_ROWS */
    str file;               /* JOB_FILE */
    struct job_columns
        columns; /* JOB_FILE: what the file must hold; empty: the result's own columns */
    struct {
        VEC_OF(struct job_columns)
    } layouts; /* JOB_FILES */
    struct {
        VEC_OF(struct job_copy)
    } copies; /* JOB_FILES */
    /* Extract workers: statements that let a second connection of the engine read what the first does. Where it takes them, `copies`, which
     * then all have a file, are made on both at once. */
    struct str_list beside;
    enum job_packing packing; /* what is not packed well in JOB_FILES is in small groups of rows */
    bool keep_order;          /* rows leave in the order of the text's result */
    uint64_t rows_max;        /* 0: none; the one more is ERR_LIMIT */
    bool rows_max_is_asked;   /* the caller named it; else it is a setting */
    uint64_t bytes_max;
    str hash_key; /* of masks, for clearing workers only; any bytes */
    str now; /* what the text takes for the present, as 2026-03-01T12:00:00Z; empty: the clock */
};

struct job_written {
    uint64_t rows, bytes;
};

struct job_result {
    uint64_t rows;
    uint64_t bytes; /* encoded, or of the file */
    struct {
        VEC_OF(struct job_written)
    } written; /* JOB_FILES: one a copy, in order; without a file it is empty */
};

/* Body of a JOB frame; links stay behind. False when it passes the frame's cap. */
bool job_pack(struct buf *b, const struct engine_job *job);
/* Texts are borrowed from the frame. False when the body breaks the rules. */
bool job_unpack(struct frame_reader *r, struct arena *mem, struct engine_job *out);

#endif
