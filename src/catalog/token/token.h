/* Bearer tokens: 256 random bits, of which the catalog keeps the SHA-256 only. */
#ifndef WEFT_TOKEN_H
#define WEFT_TOKEN_H

#include "metadb/metadb.h"
#include "vec/vec.h"

struct token {
    uint64_t id;
    str user, label, created_by;
    int64_t created_us, expires_us, revoked_us; /* revoked_us: 0 is never */
};

struct token_list {
    VEC_OF(struct token) /* newest first */
};

/* The text `weft_…` is given once and kept nowhere. A write of its own, or part of the caller's.
 * ERR_NOT_FOUND when there is no such user. */
MUST_CHECK bool token_create(struct task *t, struct metadb *db, str user, str label,
                             int64_t expires_us, str *text_out, uint64_t *id_out);
/* NULL unless it stands, is neither revoked nor expired, and its user exists. */
MUST_CHECK bool token_find(struct task *t, struct metadb *db, str text, int64_t now_us,
                           struct token **out);
/* Of one user, or of all when `user` is empty. */
MUST_CHECK bool token_list(struct task *t, struct metadb *db, str user, struct token_list *out);
/* ERR_NOT_FOUND when there is none of that user (any user when empty). Twice is no error. */
MUST_CHECK bool token_revoke(struct task *t, struct metadb *db, uint64_t id, str user);

#endif
