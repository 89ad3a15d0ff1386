/* For the files of govern. */
#ifndef WEFT_GOVERN_INSIDE_H
#define WEFT_GOVERN_INSIDE_H

#include "access_request/access_request.h"
#include "govern/govern.h"
#include "image/images.h"
#include "read_access/read_access.h"

enum { GOVERN_TEXT_BYTES_MAX = 4096, GOVERN_LIST_MAX = 1000 };

/* In whose name the server does what nobody asks for. */
extern const struct actor govern_itself;

/* ---- rights */

/* May t->actor take this step of the request? `first_by`: who approved on the first level, or empty. ERR_DENIED says why not. */
MUST_CHECK bool govern_may_move(struct task *t, const struct image *image,
                                const struct access_request *row, enum govern_move move,
                                str first_by);
/* Somebody of the mesh can approve it on each level: else a request would wait for ever. */
MUST_CHECK bool govern_has_approvers(struct task *t, struct services *s, const struct image *image,
                                     const struct access_request *row);

/* ---- writing */

/* What the audit and the event say of a request. */
str govern_detail(struct task *t, const struct access_request *row, enum access_step step,
                  str reason);
/* Audit row and event of a step that was taken: part of its write. */
MUST_CHECK bool govern_tell(struct task *t, struct metadb *db, const struct access_request *row,
                            enum access_step step, str reason);
/* In a write: the image that the rights were held against is that of the mesh as it is. */
MUST_CHECK bool govern_is_current(struct task *t, struct metadb *db, const struct image *image);
/* `7`, or ERR_NOT_FOUND in the words for what one may not know of. */
MUST_CHECK bool govern_read_id(struct task *t, str id, uint64_t *out);
bool govern_unknown(struct task *t, uint64_t id);
/* The request, if t->actor may know of it; else as if there were none. */
MUST_CHECK bool govern_find(struct task *t, struct services *s, const struct image *image, str id,
                            struct access_request **out);
/* A reason that can be kept. */
MUST_CHECK bool govern_demand_reason(struct task *t, str reason, bool is_required);
/* The asking of govern_request; `previous` 0, or the request that this one renews. */
MUST_CHECK bool govern_ask_for(struct task *t, struct services *s, const struct govern_ask *ask,
                               const struct access_request *previous, uint64_t *id_out);

/* ---- deciding for others */

/* The taker of a request as one who reads for a purpose; a group is a nameless member of it, a user who is gone a
 * name without groups. */
MUST_CHECK bool govern_reader(struct task *t, struct services *s, enum access_taker_kind kind,
                              str taker, str purpose, struct policy_actor *out);
/* Those tables of the product that the request is about. */
struct govern_tables {
    VEC_OF(const struct image_table *)
};
void govern_tables_of(struct task *t, const struct image *image, const struct access_request *row,
                      struct govern_tables *out);

/* ---- JSON */

/* The members of a request, into an object that is open. */
void govern_put(struct task *t, const struct image *image, const struct access_request *row,
                const struct access_request_steps *steps, struct json_out *o);
/* What it opens: a list, `effect`. */
MUST_CHECK bool govern_put_effect(struct task *t, struct services *s, const struct image *image,
                                  const struct access_request *row, struct json_out *o);
/* `access` of a column under a decision: visible, masked, absent, denied. */
const char *govern_access(const struct decision *decision, uint32_t column_id);
/* Why other grants do not hold is of no matter where one does. */
bool govern_matters(const struct decision *decision, const struct decision_reason *reason);
/* The reasons of a decision with this effect, as a list. */
void govern_put_reasons(const struct decision *decision, const char *key, const char *effect,
                        struct json_out *o);

#endif
