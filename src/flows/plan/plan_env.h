/* Files of environments. */
#ifndef WEFT_PLAN_ENV_H
#define WEFT_PLAN_ENV_H

#include "environment/environment.h"
#include "plan/plan.h"
#include "services/env_products.h"

/* For env_steps: the files that the environment has otherwise become those of `next`. */
MUST_CHECK bool plan_env_apply(struct task *t, struct services *before, struct services *next,
                               const struct environment_files *files, str *problem_out);
/* For env_steps: the files of an environment become those of the mesh as it is now with its own. */
MUST_CHECK bool plan_env_follow(struct task *t, struct services *s, uint64_t *version_out);
/* A plan of the mesh: the files of this part as the environment has them. ERR_INVALID names what cannot come without the other. */
MUST_CHECK bool plan_promote(struct task *t, struct services *env, const struct env_part *part,
                             struct plan *p);
/* Applies such a plan: products, tables and columns that the mesh has not get the ids that they have in the environment. */
MUST_CHECK bool plan_apply_of(struct task *t, struct services *s, struct services *env, str id,
                              struct plan_applied *out);

#endif
