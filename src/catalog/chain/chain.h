/* The audit's chain read anew: what somebody changed after it was written, and where; and heads, by which those who keep them
 * elsewhere hold the whole chain to what it was. */
#ifndef WEFT_CHAIN_H
#define WEFT_CHAIN_H

#include "audit/audit.h"

/* The end of the chain at some moment. */
struct chain_head {
    uint64_t sequence;
    str hash;        /* hex */
    int64_t time_us; /* when it was exported; 0: not known */
    str mesh, home;  /* name, id; empty: not known */
    str key;         /* hex of the public key; empty: not signed */
    str signature;   /* hex */
};

enum chain_fault {
    CHAIN_WHOLE,
    CHAIN_EDITED,       /* a row, or the query that it tells of, is not what it was */
    CHAIN_MISSING,      /* rows are gone */
    CHAIN_OUT_OF_ORDER, /* rows have changed places */
    CHAIN_INSERTED,     /* rows that were never written by the chain */
    CHAIN_TRUNCATED,    /* ends before the head */
    CHAIN_REWRITTEN,    /* fits in itself, and not the head */
};

const char *chain_fault_name(enum chain_fault fault); /* "out of order" */

struct chain_verdict {
    enum chain_fault fault;
    uint64_t broken_at;           /* first sequence that is not as it was */
    str reason;                   /* in words, with the place */
    uint64_t rows;                /* that fit */
    uint64_t queries, unfinished; /* recorded ones that fit, and those at work now */
    uint64_t lost;                /* whose server ended first: no end is known */
    str head;                     /* hash of the last row that fits */
};

struct chain_watcher {
    void *ctx;
    bool (*progress)(struct task *t, void *ctx, uint64_t rows, uint64_t of); /* false ends it */
};

/* Reads all rows, in pages, and computes them anew. `head` and `watcher` may be NULL. False only when reading fails or the task
 * ends. */
MUST_CHECK bool chain_verify(struct task *t, struct metadb *db, const struct chain_head *head,
                             const struct chain_watcher *watcher, struct chain_verdict *out);

/* The last row; of none the sequence is 0. */
MUST_CHECK bool chain_last(struct task *t, struct metadb *db, struct chain_head *out);
/* Fills key and signature. */
void chain_sign(struct arena *mem, str seed, struct chain_head *head);
/* True when the signature is the key's over all else. Pure. */
bool chain_is_signed(struct arena *mem, const struct chain_head *head);

/* `<home>/audit.key`: made when it is not there, mode 0600. Gives the seed. ERR_CONFIG for one that others may read or that is
 * no key. */
MUST_CHECK bool chain_open_key(struct task *t, str home, str *seed_out);
/* Does the file still hold this seed? What is wrong with it, or nothing. */
MUST_CHECK bool chain_verify_key(struct task *t, str home, str seed, str *finding_out);

#endif
