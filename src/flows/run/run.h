/* A run of a product: from sources to a visible release, or to a rejection that leaves the last one as it is. */
#ifndef WEFT_RUN_H
#define WEFT_RUN_H

#include "check/check.h"
#include "lineage/lineage_proof.h"
#include "lineage/lineage_through.h"
#include "quarantine/quarantine.h"
#include "require/require.h"
#include "scheduled_check/scheduled_check.h"
#include "services/services.h"
#include "sink/sink.h"
#include "source/source.h"

/* A file of an output table. */
struct run_part {
    str path;
    uint64_t rows;
    struct check_fact *facts; /* a fact for each column */
};

/* A file of the release before that the next one names too. */
struct run_kept {
    const struct image_file *file;
    str deletions;    /* path of the file of its deleted rows; empty: none */
    bool is_new;      /* and that is staged; else it is the one of before */
    uint64_t deleted; /* how many rows are */
};

/* An incremental table, and what becomes of the rows that it has. */
struct run_increment {
    const struct image_table *table; /* with the files of the release before */
    const struct contract_table *definition;
    str why_full; /* why all rows are made anew; empty: they are added to */

    /* What is made: rows behind `since`, or of a window. As texts of the key's type. */
    bool is_window;
    str since;     /* what `$since` is */
    str low, high; /* of the rows that come; empty: open */
    bool is_low_in;

    /* What is kept: in the order of before. */
    struct {
        VEC_OF(struct run_kept)
    } kept;
    uint64_t kept_rows; /* that live */
    str delta;          /* path of the rows that came, before files were joined with them */
    uint64_t delta_rows;
    uint64_t added, replaced, deleted; /* rows, against the release before */
    uint64_t joined;                   /* files of before whose rows were written anew */
};

/* Rows of a table that go into quarantine. */
struct run_diverted {
    struct {
        VEC_OF(struct check_result) /* of the rules that divert them, about all rows that came */
    } verdicts;
    uint64_t table_id;          /* by which the quarantine knows the table, and its columns */
    struct job_columns columns; /* as the table has them, with the ids of these */
    uint64_t checked;           /* rows that came */
    uint64_t rows, bytes;
    str path, sha256;
};

/* What an incremental table asks a source for. */
struct run_pushed {
    str of;            /* the table */
    str schema, table; /* of the source */
    const struct contract_column *column;
    struct source_range range; /* no column: all rows are read */
    str why;                   /* then: why */
};

/* Quarantined rows that an incremental run reads again, or may: what is left of them without these. */
struct run_reread {
    struct quarantine_row row;
    str path; /* of the rows that are left; empty: none */
};

/* A table in staging: extracted from a source, internal, or an output. */
struct run_table {
    str schema; /* input port, `self`, or empty for outputs */
    str name;
    const struct contract *contract;         /* NULL: internal */
    const struct contract_table *definition; /* NULL: internal */
    const struct image_table *table;         /* outputs: of the product */
    struct job_columns columns;
    str path;        /* of the staged file; empty: it is in `parts`, as it was read in ranges */
    bool is_output;  /* extracted with the columns of the output table that passes it through */
    bool is_light;   /* staged for reading once more: its file is no release file */
    bool is_partial; /* extracted from a key on: not all rows of the source */
    struct source_range range; /* then: which */
    struct run_increment
        *increment; /* outputs that are added to: `path`, `rows`, `bytes` are of what comes */
    struct run_diverted *diverted; /* NULL: no row */
    uint64_t rows, bytes;
    struct check_result *verdicts;
    size_t verdict_count;
    struct {
        VEC_OF(struct run_part)
    } parts; /* outputs: the files to publish, in the order of the table's key */
};

/* An input that is another product: its release is pinned with the image. */
struct run_input {
    const struct model_input *input;
    const struct image_product *producer;
};

/* Progress of a run: `step`, and the share done in thousandths or -1. */
struct run_watcher {
    void *state;
    void (*progress)(struct task *t, void *state, const char *step, str subject, int thousandths);
};

/* An output table with its lineage, of tables of input ports. */
struct run_trace {
    str table;
    const struct sql_tree *tree; /* NULL: passed through */
    const struct lineage_inputs *inputs;
    const struct lineage *lineage;
};

struct run_between {
    str table; /* internal */
    struct lineage_between between;
};

/* What the texts of a run have read so far. */
struct run_tracing {
    struct lineage_inputs *inputs;
    struct str_list hashed; /* `port.table.column`: what the build saw of them is a keyed hash */
    struct lineage_texts texts; /* of internal tables */
    struct {
        VEC_OF(struct run_between)
    } between;
};

struct run {
    /* What was asked. */
    struct services *services;
    str product; /* domain.product */
    str job_id;  /* empty: none */
    struct run_watcher watcher;
    bool is_candidate;     /* what it makes waits to be published */
    bool is_between;       /* nothing is made: rules that are due are asked of the release */
    uint64_t candidate_of; /* a trial: of this producer the candidate is read; 0: none */
    bool is_full;          /* all rows of all tables are made anew */
    bool is_replay;        /* quarantined rows that pass by now are added, and nothing is made */
    str replayed;          /* by this run they were diverted; empty: by any */
    str from, to;          /* a window of the keys of incremental tables; empty: none */

    /* What the steps make. */
    const struct image *image;
    const struct image_product *target;
    const struct image_product *candidate; /* of the producer, in a trial */
    str id;
    str step;
    str staging;
    int64_t started_us;
    struct {
        VEC_OF(struct run_input)
    } inputs;
    str basis; /* what rows hang on beside those of the inputs */
    struct {
        struct quarantine_which which;
        struct quarantine_list rows;
    } replay;
    struct {
        VEC_OF(struct run_reread)
    } reread;
    struct {
        VEC_OF(struct run_increment)
    } increments;
    struct {
        VEC_OF(struct run_pushed)
    } pushed; /* of the increments that are added to */
    struct {
        VEC_OF(struct run_table)
    } staged; /* sources and internal tables */
    struct {
        VEC_OF(struct run_table)
    } outputs;
    struct run_tracing tracing;
    struct {
        VEC_OF(struct run_trace)
    } traces; /* of the outputs */
    struct require_release required;
    bool has_schedules;                    /* these hold: */
    struct scheduled_check_list schedules; /* last verdicts of rules with a schedule */
    struct report findings;                /* drift and warnings */
    bool is_rejected;
    uint64_t release; /* the number, once published */
};

/* Runs all steps. False: the run failed or was rejected (ERR_CHECK_FAILED, ERR_DRIFT); its row says why, and the current release
 * stays. The caller holds the only run of this product. */
MUST_CHECK bool run_product(struct task *t, struct run *r);
/* The same steps of a consumer over the candidate of what it reads; nothing is published, and no row is written. */
MUST_CHECK bool run_try(struct task *t, struct run *r);
/* Rows of an output table, those that are kept among them. */
uint64_t run_table_rows(const struct run_table *table);
/* Rows of all inputs and outputs that went into quarantine. */
uint64_t run_diverted_rows(const struct run *r);
/* `id > 20`, for people. */
str run_range_text(struct arena *mem, const struct source_range *range);
/* The error of the task as JSON of at most RUN_ERROR_BYTES_MAX: what is longer is told without its detail. */
enum { RUN_ERROR_BYTES_MAX = 256 << 10 };
str run_error_json(struct task *t);

#endif
