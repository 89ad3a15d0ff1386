/* A consumer's SELECT, from text to rows. */
#ifndef WEFT_QUERY_H
#define WEFT_QUERY_H

#include "services/services.h"
#include "sink/sink.h"

struct query {
    /* What was asked. */
    struct services *services;
    str text;
    enum row_format format;
    uint64_t rows_max, bytes_max; /* 0: the setting, which is the most as well */
    int64_t timeout_ms;           /* 0: the setting */

    /* What the steps make. */
    bool has_turn;
    bool rows_max_is_asked; /* else it is the setting */
    struct worker *worker;
    struct sql_tree *tree;
    struct clearance *clear;
    struct query_row *row;        /* once it was announced */
    struct metadb_ticket *ticket; /* until that is on disk */
    int64_t started_us;
    struct job_result result;
    struct str_list notices; /* of deprecated tables, for who asks */
    int64_t deprecated_us;   /* since when the first of them has been deprecated, or 0 */
    int64_t sunset_us;       /* the first last moment of them, or 0 */
};

/* Parse, clear, announce, execute, in this order, and close on every path. Rows go to `sink`; on failure the sink was aborted if
 * it had begun. */
MUST_CHECK bool query_run(struct task *t, struct query *q, struct row_sink *sink);

#endif
