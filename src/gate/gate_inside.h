/* For the files of the gate only. */
#ifndef WEFT_GATE_INSIDE_H
#define WEFT_GATE_INSIDE_H

#include <pthread.h>

#include "actor/actor.h"
#include "gate.h"

enum { GATE_MAGIC = 0x9a7e, GATE_KEY_BYTES = 32 };

/* Part of every class: copies that another engine or another clearing code made are never taken for ours. */
#define GATE_CLEARING_VERSION "weft clearing 3, duckdb 1.5.5"

/* A copy that somebody links or is about to: eviction leaves it alone. */
struct gate_hold {
    struct gate *gate;
    char *path;
    struct gate_hold *next;
};

/* A copy in the making, by a thread of its own: it outlives those who wait for it, unless all of them go. */
struct gate_making {
    struct gate *gate;
    struct task *task; /* its own */
    str path;          /* which copy */
    size_t waiters;
    bool is_done, ok;
    struct gate_making *next;
    /* what the thread works on, in the task's memory */
    uint64_t table_id, origin_bytes;
    str class_id, file; /* name in the class's folder */
    str origin;         /* SHA-256 */
    struct engine_job job;
};

struct gate {
    uint32_t magic;
    struct store *store;
    struct engine *engine;
    struct metadb *db;    /* the catalog */
    struct metadb *cache; /* the index of copies */
    struct images *images;
    uint64_t cleared_bytes_max;
    int home_fd;
    char hash_key[GATE_KEY_BYTES]; /* of hash masks: one for the mesh, in <home>/mask.key */
    str hash_key_id;               /* part of every class; tells nothing of the key */
    pthread_mutex_t lock;          /* of all that follows */
    pthread_cond_t changed;
    struct gate_hold *holds;
    struct gate_making *makings;
    size_t threads;
    bool is_closing;
    int64_t worker_idle_ms;
    pthread_mutex_t live_lock; /* of all that follows; never held together with `lock` */
    pthread_cond_t live_changed;
    struct gate_live *lives;
    struct gate_owner *owners;
    pthread_t watcher;
    bool has_watcher, is_watch_over;
};

/* ---- the key of hash masks */

/* Reads `<home>/mask.key`, or makes it. ERR_CORRUPT when it is not what we wrote. */
MUST_CHECK bool gate_key_open(struct task *t, struct gate *gate);

/* ---- who reads now */

/* A decision holds in between. */
struct gate_term {
    int64_t from_us, until_us;
};

/* A task that reads, or is about to, by the decisions of its clearance. In the task's memory. */
struct gate_live {
    struct gate *gate;
    struct task *task;
    const struct clearance *clearance;
    struct policy_actor reader; /* as decided for */
    str owner;                  /* of its workers */
    struct gate_term *terms;    /* one a table of the clearance */
    atomic_bool is_stale;       /* decided anew before it reads anything */
    /* Under live_lock. */
    uint64_t image_version, user_version; /* looked at last */
    bool is_reading;
    char *withdrawn; /* malloc; why */
    struct gate_live *next;
};

/* Until the task ends, or gate_live_end. */
struct gate_live *gate_live_begin(struct task *t, struct gate *gate,
                                  const struct clearance *clearance,
                                  const struct policy_actor *reader, uint64_t user_version,
                                  str owner);
/* From here on a withdrawal ends it. False: it is stale, and must be decided anew. */
bool gate_live_read(struct task *t, struct gate_live *live);
void gate_live_end(struct task *t, struct gate_live *live);
/* The same reader with the groups and attributes of this moment; `is_there`: he is still of the mesh. */
MUST_CHECK bool gate_reader_now(struct task *t, struct gate *gate, const struct image *now,
                                const struct policy_actor *before, uint64_t *version_out,
                                bool *is_there_out, struct policy_actor *out);
/* A thread that looks several times a second while anybody reads. */
MUST_CHECK bool gate_watch_begin(struct task *t, struct gate *gate);
void gate_watch_end(struct gate *gate);
/* Is all that `before` shows shown by `after` too? Else why not. Pure. */
bool gate_takes_nothing(struct arena *mem, const struct decision *before,
                        const struct decision *after, str *why_out);
/* The reason of a denial that says most. Pure. */
str gate_why_denied(const struct decision *decision);

/* ---- names */

/* What a name of the text means. */
struct gate_meaning {
    str catalog, schema, name;       /* as its view is called */
    const struct image_table *table; /* of the mesh, at its release */
    const struct gate_input *staged; /* of a build */
    bool is_mesh;                    /* mesh.NAME */
    bool is_past;                    /* a release by its number */
    uint64_t release;
};

/* Of a consumer, or of a build when there is a scope. Fails with the position and a hint. */
MUST_CHECK bool gate_resolve(struct task *t, struct gate *gate, const struct image *image,
                             const struct gate_scope *scope, const struct sql_table *name,
                             struct gate_meaning *out);
/* Of a build: the input or internal table, or the failure. Pure. */
MUST_CHECK bool gate_resolve_input(struct task *t, const struct gate_scope *scope,
                                   const struct sql_table *name, const struct gate_input **out);
/* `profiles#41` -> `profiles`, 41; false when it is no past release. Pure. */
bool gate_split_release(str schema, str *product_out, uint64_t *number_out);
/* Columns that the text names and the table has; all of them for `*`. Pure. */
void gate_columns_read(struct arena *mem, const struct str_list *named,
                       const struct job_columns *columns, struct str_list *out);

/* ---- decisions */

/* Who reads: the task's actor, or the product of a build. */
void gate_reader(const struct task *t, const struct gate_scope *scope, struct policy_actor *out);
/* ERR_DENIED with the reasons, and whom to ask. */
bool gate_denied(struct task *t, const struct image_table *table, str name,
                 const struct decision *decision, uint32_t position);
/* The rows of mesh.NAME that this actor may know. */
MUST_CHECK bool gate_mesh_rows(struct task *t, struct gate *gate, const struct image *image,
                               str name, const struct job_view **out);

/* ---- facts */

enum gate_proof { GATE_PROOF_NONE, GATE_ALL_VISIBLE, GATE_ALL_HIDDEN };

/* What the facts of a file prove about the filters of a decision. Pure. */
enum gate_proof gate_prove(const struct image_file *file, const struct decision *decision);

/* ---- the index of copies; all under gate->lock */

struct gate_copy {
    uint64_t rows, bytes;
};

MUST_CHECK bool gate_index_open(struct task *t, struct gate *gate, str home);
/* NULL when there is no such copy, or its file is gone. Remembers that it was used. */
MUST_CHECK bool gate_index_find(struct task *t, struct gate *gate, uint64_t table_id, str class_id,
                                str file, str path, struct gate_copy *copy_out, bool *found_out);
MUST_CHECK bool gate_index_add(struct task *t, struct gate *gate, uint64_t table_id, str class_id,
                               str file, uint64_t rows, uint64_t bytes);
/* Removes the least lately used copies that nobody holds until all weigh no more than this. */
MUST_CHECK bool gate_evict(struct task *t, struct gate *gate, uint64_t bytes_most);

/* ---- copies */

/* The copy of a file for a decision: makes it, or waits for who makes it. No path: no row of it is visible. */
MUST_CHECK bool gate_copy(struct task *t, struct gate *gate, const struct image_table *table,
                          const struct image_file *file, const struct decision *decision,
                          struct row_sink *sink, str *path_out, str *class_out);
/* Is the copy there? Nothing is made, and no use is remembered. `class_out` is set either way, the first time. */
bool gate_has_copy(struct task *t, struct gate *gate, const struct image_table *table,
                   const struct image_file *file, const struct decision *decision, str *class_out,
                   uint64_t *bytes_out);
/* The decision for the columns of one file, its texts in `mem`; at least one column. Pure. */
void gate_restrict(struct arena *mem, const struct decision *decision,
                   const struct image_file *file, struct decision *out);
/* What a clearing worker does with a file of this name, but for its link. The name must be the content's: the worker is used
 * again, and its caches know files by name. Pure. */
void gate_clearing_job(struct arena *mem, const struct decision *restricted, str file,
                       struct engine_job *out);
/* Under gate->lock: the file at `path` stays until the task ends. */
void gate_hold_path(struct task *t, struct gate *gate, str path);
bool gate_is_held(const struct gate *gate, str path);
/* Cancels all makings and waits for their threads. */
void gate_end_makings(struct gate *gate);

#endif
