/* Access requests as people stand to them: who approves, who may know of them. */
#ifndef WEFT_READ_ACCESS_H
#define WEFT_READ_ACCESS_H

#include "access_request/access_request.h"
#include "actor/actor.h"
#include "image/image.h"
#include "json_out/json_out.h"

struct access_approvers {
    struct str_list first, second; /* `user:NAME`, `group:NAME`; no second level: empty */
    bool are_owners;               /* of the domain: the role names nobody */
    struct str_list strange;       /* what the role names and can be no user or group */
};

/* Those of the role of the request's contract, else the owners of its domain. False: the product, the contract or the role is gone. */
bool read_access_approvers(struct arena *mem, const struct image *image,
                           const struct access_request *row, struct access_approvers *out);
/* Administrators of mesh.yaml, the guild, the operator. */
bool read_access_governs(const struct image *image, const struct actor *actor);
/* An owner or member of the domain of this product (`domain.product`); a product is of its own team. */
bool read_access_is_of_team(const struct image *image, const struct actor *actor, str product);
/* An owner of the domain of this product. */
bool read_access_is_owner(const struct image *image, const struct actor *actor, str product);
/* The user, a member of the group, or one of the product's team. */
bool read_access_is_taker(const struct image *image, const struct actor *actor,
                          enum access_taker_kind kind, str taker);
/* May the actor know of the request? Those who asked, take, decide or answer for the product, and those who govern. */
bool read_access_may_know(struct arena *mem, const struct image *image, const struct actor *actor,
                          const struct access_request *row);

/* Of one whose taker or product is no more: its end comes before its time. */
struct access_orphan {
    uint64_t id;
    str reason;
};
struct access_orphans {
    VEC_OF(struct access_orphan)
};
MUST_CHECK bool read_access_orphans(struct task *t, struct metadb *db, struct access_orphans *out);

/* Whom a grant is given to: each taker apart. */
struct access_taker {
    enum access_taker_kind kind;
    str name;
};
struct access_takers {
    VEC_OF(struct access_taker)
};
void read_access_takers(struct arena *mem, const struct policy *grant, struct access_takers *out);
/* Would this grant alone let the taker read of the table, for a purpose that it is for, before its end? */
bool read_access_opens(struct arena *mem, const struct policy *grant,
                       const struct access_taker *taker, const struct image_table *table);
/* The array `waivers`: those that govern see all, owners those that may concern their products, takers their own. */
void read_access_put_waivers(struct arena *mem, const struct image *image,
                             const struct actor *actor, int64_t now_us, bool with_ended,
                             struct json_out *o);
/* Is the grant one of an agreement? Then its id. */
bool read_access_is_agreement(const struct policy *grant, uint64_t *id_out);

#endif
