/* The environments of a mesh: opened at first use, made anew where the mesh has moved on, closed when nobody uses them. */
#ifndef WEFT_ENVS_H
#define WEFT_ENVS_H

#include "environment/environment.h"
#include "services/services.h"

struct envs;

/* Steps of making one anew that are other flows' work; main hands them down. */
struct env_steps {
    /* The files that it has otherwise become those of `next`, which is the mesh as it is now. They may not fit: then nothing is changed,
     * and `problem_out` says why. Ids are those of `before` where that has them. */
    bool (*apply)(struct task *t, struct services *before, struct services *next,
                  const struct environment_files *files, str *problem_out);
    /* Releases that were made in `before` are made releases of `next`, where they are still what they were. */
    bool (*carry)(struct task *t, struct services *before, struct services *next);
    /* Its files become those of the mesh as it is now with its own, while somebody works in it; its releases stay. `version_out` is that
     * of the mesh; 0: that cannot be, and it is to be made anew. */
    bool (*follow)(struct task *t, struct services *s, uint64_t *version_out);
};

struct envs *envs_new(struct services *mesh);
/* Nobody may be in one. NULL is allowed. */
void envs_free(struct envs *envs);
void envs_set_steps(struct envs *envs, const struct env_steps *steps);
/* At start: what an earlier server had begun and not finished goes. */
MUST_CHECK bool envs_recover(struct task *t, struct services *mesh);

/* The longer it may stay, the greater. */
enum env_use {
    ENV_READS,   /* its files must fit the mesh; ends when the mesh moves on */
    ENV_MENDS,   /* the same, but they need not fit */
    ENV_WORKS,   /* they must fit; ends where what it reads through the gate is decided otherwise */
    ENV_FOLLOWS, /* need not fit, and stays to its own end */
    ENV_USE_COUNT,
};

/* The services of the environment, as the mesh is now; they are left with the task. ERR_NOT_FOUND where there is none,
 * ERR_CONFLICT where its files do not fit the mesh any more. */
MUST_CHECK bool envs_enter(struct task *t, struct services *mesh, str name, enum env_use use,
                           struct services **out);
/* For another task, while somebody is in it. */
void envs_stay(struct task *t, struct services *s, enum env_use use);
/* May the actor know why its files do not fit? It begins with the path of one, and may tell what that one reads. */
bool envs_may_know(struct task *t, struct services *s, str problem);
/* ERR_CONFLICT where its files do not fit. */
MUST_CHECK bool envs_demand_fit(struct task *t, struct services *s);

/* What one is, without entering it: also of one that is behind. `found_out` false: there is none. */
MUST_CHECK bool envs_peek(struct task *t, struct services *mesh, str name, struct environment *out,
                          uint64_t *files_out, bool *found_out);
MUST_CHECK bool envs_list(struct task *t, struct services *mesh, struct str_list *out);
/* A copy of the mesh; ERR_CONFLICT where the name is taken, ERR_LIMIT where there are too many. */
MUST_CHECK bool envs_create(struct task *t, struct services *mesh, str name);
/* Anew, though the mesh has not moved on. */
MUST_CHECK bool envs_refresh(struct task *t, struct services *mesh, str name);
/* Whoever is in it ends; then nothing is left of it but what the audit of the mesh says. */
/* `which` is what the actor was found to have the right to; ERR_CONFLICT where another one has its name by now. */
MUST_CHECK bool envs_drop(struct task *t, struct services *mesh, const struct environment *which);

/* After the mesh has changed who may read what: policies of environments follow, and whoever is in one that has to be made anew ends. */
void envs_follow(struct services *mesh);
/* Calls `each` for environments that are open, while they stay so. */
void envs_each_open(struct services *mesh,
                    void (*each)(struct task *t, struct services *s, void *state), void *state);
/* Closes those that nobody has used for a while. */
void envs_tidy(struct services *mesh);
/* Cancels all that works in any of them; no one enters from now on. */
void envs_end(struct services *mesh);

#endif
