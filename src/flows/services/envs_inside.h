/* For the files of envs. */
#ifndef WEFT_ENVS_INSIDE_H
#define WEFT_ENVS_INSIDE_H

#include "services/envs.h"

struct env;

/* A task in an environment. In the task's memory. */
struct env_user {
    struct env *env;
    struct task *task;
    enum env_use use;
    struct env_user *next;
};

struct env {
    struct envs *envs;
    char name[64];
    struct services *services; /* NULL: closed; of who changes it alone, once nobody is in it */
    struct env_user *users;
    bool is_changing; /* one task opens it, makes it anew or drops it: nobody enters */
    bool is_dropped;
    size_t waiting; /* for whoever changes it */
    int64_t used_ms;
    struct env *next;
};

struct envs {
    struct services *mesh;
    struct env_steps steps;
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t changed;
    struct env *first;
    bool is_over;
};

/* Brings it up to the mesh while others work in it. False `followed_out`: it has to be made anew. */
MUST_CHECK bool env_follow(struct task *t, struct env *env, bool *followed_out);
/* Makes the environment anew, or for the first time; it is closed or nobody is in it. At the end it is open. */
MUST_CHECK bool env_make_anew(struct task *t, struct env *env);
MUST_CHECK bool env_make(struct task *t, struct envs *envs, str name);
/* What it has made goes with it. */
MUST_CHECK bool env_unmake(struct task *t, struct env *env, const struct environment *which);

#endif
