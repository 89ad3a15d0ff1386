/* Events that wait to be sent: written with the change they tell of. */
#ifndef WEFT_OUTBOX_H
#define WEFT_OUTBOX_H

#include "metadb/metadb.h"
#include "vec/vec.h"

struct outbox_event {
    uint64_t sequence;
    str id;   /* UUID: receivers know an event that comes twice */
    str type; /* released, rejected, … */
    str subject;
    str payload; /* JSON */
    int64_t created_us, sent_us;
};

struct outbox_list {
    VEC_OF(struct outbox_event) /* in order */
};

/* Part of the transaction of the change. `sequence_out` may be NULL. */
MUST_CHECK bool outbox_add(struct task *t, struct metadb *db, str type, str subject, str payload,
                           uint64_t *sequence_out);
/* Is there one that says the same, sent or not? */
MUST_CHECK bool outbox_has(struct task *t, struct metadb *db, str type, str subject, str payload,
                           bool *out);
MUST_CHECK bool outbox_waiting(struct task *t, struct metadb *db, uint64_t most,
                               struct outbox_list *out);
/* After a sequence, sent or not: for followers. */
MUST_CHECK bool outbox_after(struct task *t, struct metadb *db, uint64_t sequence, uint64_t most,
                             struct outbox_list *out);
MUST_CHECK bool outbox_sent(struct task *t, struct metadb *db, uint64_t sequence);

#endif
