/* What keeps a home in order: retention, files that nobody names, whether what is stored is still what was stored. */
#ifndef WEFT_UPKEEP_H
#define WEFT_UPKEEP_H

#include "chain/chain.h"
#include "services/services.h"

struct upkeep_verdict {
    uint64_t files;
    struct str_list damaged; /* SHA-256 names of files whose content is another */
    str catalog;             /* empty: whole; else the first finding */
    struct chain_verdict audit;
    struct gate_upkeep
        copies; /* cleared ones, and the image for the next start: what was damaged is gone, and is made again */
};

/* Reads every file of every kept release again, and the chain of the audit. False only when it cannot look. */
MUST_CHECK bool upkeep_verify(struct task *t, struct services *s, struct upkeep_verdict *out);
/* Forgets releases past their retention and removes files that no release names for an hour. */
MUST_CHECK bool upkeep_sweep(struct task *t, struct services *s);

/* What is known of last days, so that a turn of the timer costs nothing. */
struct upkeep_endings {
    bool is_known;
    uint64_t mesh_version;
    int64_t next_us; /* when the next last day is over */
};
/* An event `retired` for each deprecated contract whose last day is over: once, also over restarts. */
MUST_CHECK bool upkeep_tell_endings(struct task *t, struct services *s,
                                    struct upkeep_endings *state);

/* Has the image changed since this version so much that it should be kept for the next start? Costs nothing where it has not changed. */
bool upkeep_is_image_due(struct task *t, struct services *s, uint64_t *version_io);
/* Keeps it: seconds for 100,000 products. */
MUST_CHECK bool upkeep_keep_image(struct task *t, struct services *s);

#endif
