/* What the flows work with: opened once by main, the same for every request of one server. */
#ifndef WEFT_SERVICES_H
#define WEFT_SERVICES_H

#include <pthread.h>
#include <stdatomic.h>

#include "actor/actor.h"
#include "config/config.h"
#include "crypto/crypto.h"
#include "engine/engine.h"
#include "gate.h"
#include "image/image.h"
#include "metadb/metadb.h"
#include "services/jobs.h"
#include "store/store.h"

struct turn;

/* A counted right to work: at most `most` at once, the others wait. Actors come in turns, the tasks of one in the order in which they
 * asked: who asks for much holds up nobody but himself. */
struct turns {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    int64_t most, waiting_most;
    int64_t taken, waiting;
    uint64_t round;
    struct turn *first; /* all of them, in the order in which they asked */
};

struct envs;

struct services {
    const struct config *config;
    str home;   /* absolute */
    str folder; /* absolute: of the mesh, which local sources resolve against */
    struct metadb *db;
    struct images *images;
    struct store *store;
    struct engine *engine;
    struct gate *gate;
    struct turns *queries;
    struct turns *runs;
    struct turns *removal; /* one: removes release files, or keeps all from being removed */
    struct jobs *jobs;
    char audit_seed[CRYPTO_SEED_BYTES]; /* signs heads of the audit */
    char home_id[37];                   /* empty until the home is open */
    struct envs *envs;                  /* of the mesh: its environments */
    /* Of an environment: store, engine, cleared copies, turns, users and agreements are those of its mesh. */
    struct services *mesh;      /* NULL: this is the mesh */
    str environment;            /* its name */
    atomic_ullong mesh_version; /* of the mesh whose files it has, beside its own */
    struct env_drift *drift;
};

/* Opens all of it under the lock of the home: store, catalog, image, engine, gate; then removes what no manifest names. */
MUST_CHECK bool services_open(struct task *t, const struct config *config, str home, str folder,
                              struct services **out);
/* Those of an environment, on a catalog of its own at `path`. `name` lives as long as they do. */
MUST_CHECK bool services_open_beside(struct task *t, struct services *mesh, str name, str path,
                                     struct services **out);
/* Ends workers, waits, closes in reverse order. NULL is allowed. */
void services_close(struct services *s);
/* The mesh of an environment, or the mesh itself: who its users are, what is agreed, what is recorded of reading. */
struct services *services_mesh(struct services *s);
/* The catalog of an environment, to be read and closed. */
MUST_CHECK bool services_open_catalog_of(struct task *t, struct services *mesh, str name,
                                         struct metadb **out);
/* The one of before its files did not fit; NULL: there is none. */
MUST_CHECK bool services_open_last_of(struct task *t, struct services *mesh, str name,
                                      struct metadb **out);
/* SHA-256 of all files that a catalog of this home names, those of environments too: what must not be removed. */
MUST_CHECK bool services_files(struct task *t, struct services *s, struct str_list *out);
/* Of these files (sorted) those that no catalog names any more go, with their cleared copies. Where a run works just now it may be about
 * to publish one of the same content: then upkeep removes them later. The caller has the turn of `removal`. */
MUST_CHECK bool services_remove_files(struct task *t, struct services *s,
                                      const struct str_list *files);

/* After a COMMIT that changes who may read what: the image follows, whatever happened since. A stale policy must not be served, not
 * even by a server that is out of memory or files. */
void services_show(struct services *s);
/* The audit tells that a server has the home now and how it is set; the key that signs its heads is made when it is not there. */
MUST_CHECK bool services_open_home(struct task *t, struct services *s);
/* This program itself, in the name of who runs it. */
const struct actor *services_operator(struct task *t);
/* It tells that it has it no more; nothing where it was not opened. */
void services_close_home(struct services *s);

/* Who may work on a product, run it or bring an earlier release back: owners and members of its domain, administrators of the mesh,
 * the owner of the home. */
bool services_may_run(const struct actor *actor, const struct image *image,
                      const struct image_product *product);
/* Who may know what stands in a file of a domain: its owners and members, administrators, the owner of the home. */
bool services_may_know_file(const struct actor *actor, const struct image *image, str path);
/* The product at `domain.product`: ERR_NOT_FOUND in the same words for what is not there and what t->actor may not discover. */
MUST_CHECK bool services_find_product(struct task *t, const struct image *image, str address,
                                      const struct image_product **out);
/* The same: ERR_DENIED where he may not run it. */
MUST_CHECK bool services_demand_run(struct task *t, const struct image *image, str address,
                                    const struct image_product **out);

/* Waits for a turn until `wait_ms` or the task's end; ERR_TOO_MANY says what there are too many of, at once where too many wait. The turn ends with the task's
 * arena, or with turns_give. */
MUST_CHECK bool turns_take(struct task *t, struct turns *turns, int64_t wait_ms, const char *what);
struct turns_state {
    uint64_t running, waiting;
};
struct turns_state turns_state(struct turns *turns);
void turns_give(struct task *t, struct turns *turns);
/* All of them at once, where nobody has one just now: nobody begins until it is given back. */
MUST_CHECK bool turns_take_all(struct task *t, struct turns *turns);

#endif
