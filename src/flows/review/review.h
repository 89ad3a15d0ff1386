/* Looking back: what the audit shows, and to whom; whether it is whole; and its heads. */
#ifndef WEFT_REVIEW_H
#define WEFT_REVIEW_H

#include "chain/chain.h"
#include "json_out/json_out.h"
#include "services/services.h"
#include "tree/tree.h"

/* A list `audit` of rows into the object that is open. Who `sees_all` gets all rows; a user his own, and of queries by others what
 * they read of the products that he owns: no text, but its fingerprint. `own` and `owned_tables` of the filter are filled here. */
MUST_CHECK bool review_show(struct task *t, struct services *s, bool sees_all,
                            struct audit_filter *filter, struct json_out *o);

/* The end of the chain now, signed by the home's key. */
MUST_CHECK bool review_head(struct task *t, struct services *s, struct chain_head *out);
/* Hex of the public key by which heads of this home are signed. */
str review_key(struct arena *mem, const struct services *s);
/* Heads and verdicts as JSON. ERR_INVALID for what is no head. */
MUST_CHECK bool review_read_head(struct task *t, const struct tree *document,
                                 struct chain_head *out);
void review_write_head(const struct chain_head *head, struct json_out *o);
void review_write_verdict(const struct chain_verdict *verdict, const char *key, struct json_out *o);

/* `head` may be NULL. One that is signed must be signed by `key` (hex; empty: the home's own) and be of this home: else
 * ERR_INVALID. */
MUST_CHECK bool review_verify(struct task *t, struct services *s, const struct chain_head *head,
                              str key, const struct chain_watcher *watcher,
                              struct chain_verdict *out);
/* The same over a catalog that no server holds, as an auditor has a copy of it: it is not written to. `key` is not empty for a head
 * that is signed. ERR_INVALID where it is of another version than this program. */
MUST_CHECK bool review_verify_copy(struct task *t, str path, const struct chain_head *head, str key,
                                   const struct chain_watcher *watcher, struct chain_verdict *out);

#endif
