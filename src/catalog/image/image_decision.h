/* Decisions under an image, each made once for an actor, a purpose and a table. They die with the image, so that no policy, label,
 * release or entitlement can be stale; what ends by time is held against the clock at every look. */
#ifndef WEFT_IMAGE_DECISION_H
#define WEFT_IMAGE_DECISION_H

#include "image/image.h"

/* Borrowed: it lives as long as the pin of the image, or as the task where it could not be kept (a past release, a full cache).
 * `actor_version` changes with the groups and attributes of the actor. From any thread. */
const struct decision *image_decide(struct task *t, const struct image *image,
                                    const struct policy_actor *actor, uint64_t actor_version,
                                    const struct image_table *table);
/* What the policies of the image say of one of its tables (of the current release, none of the past), whoever asks: made once, and
 * kept with the image. From any thread. */
const struct policy_rules *image_rules(const struct image *image, const struct image_table *table);

#endif
