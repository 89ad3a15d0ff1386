/* For the files of the gate only. */
#ifndef WEFT_GATE_INSIDE_H
#define WEFT_GATE_INSIDE_H

#include <pthread.h>

#include "actor/actor.h"
#include "gate.h"

enum { GATE_MAGIC = 0x9a7e, GATE_KEY_BYTES = 32 };

/* Part of every class: copies that another engine or another clearing code made are never taken for ours. */
#define GATE_CLEARING_VERSION "weft clearing 8, duckdb 1.5.5"

/* Limits of a decision that is cleared by value: beyond them it has copies of its own. */
enum { GATE_VALUES_MAX = 1000, GATE_PATHS_MAX = 20000 };

enum { GATE_BUCKETS = 4096 };

/* A copy that somebody links or is about to: eviction leaves it alone. */
struct gate_hold {
    struct gate *gate;
    char *path;
    struct gate_hold *next;
};

/* A copy that a making makes. */
struct gate_part {
    struct gate_making *making;
    str class_id, name, path; /* in the making's memory */
    size_t copy;              /* of the job */
    struct gate_part *next;   /* of its bucket */
};

enum making_state { MAKING_QUEUED, MAKING_RUNS, MAKING_DONE };

/* Copies in the making, by one job of a clearing worker: it outlives those who wait for it, unless all of them go. */
struct gate_making {
    struct gate *gate;
    struct task *task; /* its own; holds all that follows */
    enum making_state state;
    bool ok;
    int tries;
    size_t waiters;
    bool is_kept; /* the gate itself is one of them, until it is done: made before anybody asks */
    atomic_int thousandths;
    uint64_t table_id, origin_bytes, text_bytes;
    struct str_list origins;   /* SHA-256 */
    struct str_list deletions; /* of each; empty: none */
    struct gate_part *parts;
    size_t part_count;
    struct engine_job job;
    struct gate_making *next;        /* of all */
    struct gate_making *next_queued; /* of those that wait for a thread */
};

struct gate {
    uint32_t magic;
    struct gate *root;         /* whose copies are used: itself, or that of the mesh */
    struct gate_leader leader; /* of an environment; its gate is NULL else */
    atomic_ullong
        following; /* of an environment: how often it has followed, and enum gate_holds since */
    atomic_bool is_dropped; /* of an environment */
    struct metadb *users;   /* the catalog that has them */
    struct store *store;
    struct engine *engine;
    struct metadb *db;    /* the catalog */
    struct metadb *cache; /* the index of copies: of the root */
    struct images *images;
    uint64_t cleared_bytes_max, hot_bytes_max, mesh_file_bytes;
    int64_t cleared_days_max, hot_ms;
    int home_fd;
    char hash_key[GATE_KEY_BYTES]; /* of hash masks: one for the mesh, in <home>/mask.key */
    str hash_key_id;               /* part of every class; tells nothing of the key */
    pthread_mutex_t lock;          /* of all that follows */
    pthread_cond_t changed;
    struct gate_hold *holds[GATE_BUCKETS]; /* by path */
    struct gate_part *parts[GATE_BUCKETS]; /* by path; of makings that are not gone */
    struct gate_making *makings, *queue, **queue_end;
    size_t threads, threads_max, running;
    uint64_t copies, copy_bytes; /* of the index */
    struct gate_mesh_file *mesh_files;
    size_t mesh_file_count;
    uint64_t mesh_version, mesh_uses; /* the newest image that was seen; uses of mesh files */
    int64_t run; /* of this server, in the index: what it has read since its start */
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

/* ---- environments */

/* With its locks, and nothing else. */
struct gate *gate_new(void);
/* Does anything that is decided by the image hold for the mesh as it is now? True for its own gate. */
bool gate_follows(struct gate *gate, bool may_write);
/* Does what was decided of this table of a clearance, by this reader? */
bool gate_holds_of(const struct gate *gate, const struct clearance_table *table,
                   const struct policy_actor *reader);
bool gate_fail_left(struct task *t, const struct gate *gate);

/* ---- who reads now */

/* A decision holds in between. */
struct gate_term {
    int64_t from_us, until_us;
};

void gate_term_narrow(struct gate_term *term, const struct gate_term *by);

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
    bool is_left;    /* the mesh was changed in what it reads */
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
    bool is_past;                    /* a release by its number, a candidate, or diverted rows */
    bool is_candidate;               /* that, or rows that it diverted */
    uint64_t release;
};

/* Of a consumer, or of a build when there is a scope. Fails with the position and a hint. */
MUST_CHECK bool gate_resolve(struct task *t, struct gate *gate, const struct image *image,
                             const struct gate_scope *scope, const struct sql_table *name,
                             struct gate_meaning *out);
/* As SQL names it: sales."orders@2".orders. */
str gate_name_of(struct arena *mem, const struct image_table *table);
/* False: its contract is retired; the failure names its successor. */
MUST_CHECK bool gate_still_serves(struct task *t, const struct image_table *table,
                                  uint32_t position);
/* `orders@2`: a product and a major of it. */
bool gate_split_major(str schema, str *product_out, uint64_t *major_out);
/* Of a build: the input or internal table, or the failure. Pure. */
MUST_CHECK bool gate_resolve_input(struct task *t, const struct gate_scope *scope,
                                   const struct sql_table *name, const struct gate_input **out);
/* `profiles#41` -> `profiles`, 41; false when it is no past release. Pure. */
bool gate_split_release(str schema, str *product_out, uint64_t *number_out);
/* `orders!quarantine` -> `orders`: rows that were diverted. Pure. */
bool gate_split_quarantine(str schema, str *product_out);
/* `orders#candidate` -> `orders`: the release that waits. Pure. */
bool gate_split_candidate(str schema, str *product_out);
/* Columns that the text names and the table has; all of them for `*`. Pure. */
void gate_columns_read(struct arena *mem, const struct str_list *named,
                       const struct job_columns *columns, struct str_list *out);

/* ---- decisions */

/* Who reads: the task's actor, or the product of a build. */
void gate_reader(const struct task *t, const struct gate_scope *scope, struct policy_actor *out);
/* ERR_DENIED with the reasons, and how to ask; `reader` NULL: the task's actor. */
bool gate_denied(struct task *t, const struct policy_actor *reader, const struct image_table *table,
                 str name, const struct decision *decision, uint32_t position);
/* The rows of mesh.NAME that this actor may know, with those products of the image that are shown. */
MUST_CHECK bool gate_mesh_rows(struct task *t, struct gate *gate, const struct image *image,
                               str name, const bool *is_shown, const struct job_view **out);
bool gate_is_restricted(const struct image_product *product);
/* May this reader know that the product is there? Then the term is narrowed to that of the decision that says so. */
bool gate_discovers(struct task *t, const struct image *image, const struct policy_actor *reader,
                    uint64_t user_version, const struct image_product *product,
                    struct gate_term *term);

/* ---- files of mesh.* tables */

/* What a query reads of mesh.NAME: `rows`, or `paths` of a file with the same rows, which stays until the task ends; and which
 * restricted products it tells of. */
MUST_CHECK bool gate_mesh_take(struct task *t, struct gate *gate, const struct image *image,
                               const struct policy_actor *reader, uint64_t user_version, str name,
                               struct clearance_table *table);
/* Those of earlier images that nobody reads go. */
void gate_mesh_tidy(struct task *t, struct gate *gate, const struct image *now);
/* Under gate->lock: how many there are, and what they take. */
void gate_mesh_weigh(const struct gate *gate, uint64_t *files_out, uint64_t *bytes_out);
/* Removes what an earlier server left. */
MUST_CHECK bool gate_mesh_files_open(struct task *t, struct gate *gate);
void gate_mesh_files_close(struct gate *gate);

/* ---- facts */

enum gate_proof { GATE_PROOF_NONE, GATE_ALL_VISIBLE, GATE_ALL_HIDDEN };

/* What the facts of a file prove about the filters of a decision. Pure. */
enum gate_proof gate_prove(const struct image_file *file, const struct decision *decision);
/* Is each value of its one filter cleared by itself? Pure. */
bool gate_is_by_value(const struct decision *decision, size_t files);
/* A condition that no row meets, whatever the files hold: as of one who has none of what it asks for. */
bool gate_shows_no_row(const struct decision *decision);
/* Those values of a filter that rows of the file may have. Pure. */
void gate_values_in(struct arena *mem, const struct image_file *file,
                    const struct decision_filter *filter, struct str_list *out);

/* ---- the index of copies; under gate->lock but for gate_index_check and gate_index_touch */

struct gate_want;
struct gate_wants;

/* What a row says of a copy, beside when it was used and read. */
struct gate_row {
    uint64_t table_id;
    str class_id, name;
    uint64_t rows, bytes;
    str sha256;
};
MUST_CHECK bool gate_index_open(struct task *t, struct gate *gate, str home);
/* Sets is_found and what goes with it; a copy whose file is gone is none. */
MUST_CHECK bool gate_index_find(struct task *t, struct gate *gate, struct gate_want *want);
MUST_CHECK bool gate_index_add(struct task *t, struct gate *gate, const struct gate_part *part,
                               const struct job_written *written, str sha256);
/* Reads the copy. Is it no longer what was made, is_found becomes false. */
MUST_CHECK bool gate_index_check(struct task *t, struct gate_want *want);
/* Removes a copy that was found damaged when it was read, unless another stands there by now. */
MUST_CHECK bool gate_index_drop(struct task *t, struct gate *gate, const struct gate_want *want);
/* Remembers of all that was found that it was used, and read. */
MUST_CHECK bool gate_index_touch(struct task *t, struct gate *gate, const struct gate_wants *wants);
struct gate_removal {
    uint64_t table_id, bytes;
    str class_id, name;
};

struct gate_removals {
    VEC_OF(struct gate_removal)
};

MUST_CHECK bool gate_index_remove(struct task *t, struct gate *gate,
                                  const struct gate_removals *removals);
/* Rows that are not as they were written: not under the lock. */
MUST_CHECK bool gate_index_damaged(struct task *t, struct gate *gate, struct gate_removals *out);
/* Removes the least lately used copies that nobody holds until all weigh no more than this. */
MUST_CHECK bool gate_evict(struct task *t, struct gate *gate, uint64_t bytes_most);

/* ---- readers of cleared tables, so that their classes are there before a release is */

/* That this clearance was read by: once a minute. */
MUST_CHECK bool gate_hot_remember(struct task *t, struct gate *gate,
                                  const struct clearance *clearance,
                                  const struct policy_actor *reader, str key);

/* ---- copies */

/* A file that a decision needs: an original, or a copy (of one value where it is cleared so). */
struct gate_want {
    const struct image_table *table;
    const struct image_file *file;
    const struct decision *decision; /* the whole one */
    str value;
    bool is_by_value, is_original;
    str class_id, name, path;
    struct gate_making
        *making; /* that its query waits for just now, under gate->lock; NULL: none */
    /* Once it is there. */
    bool is_found, has_rows;
    uint64_t bytes;
    /* As the index has it. */
    bool must_check, must_touch; /* not read yet by this server; not used lately */
    str sha256;
    int64_t inode, written_ns;
};

struct gate_wants {
    VEC_OF(struct gate_want)
    /* May he who asks be told how many there are? gate.c says when. */
    bool tells_files;
};

/* All that a decision needs of a table's files, in their order. `class_out`: of the whole decision; empty where originals serve. */
void gate_want(struct task *t, const struct gate *gate, const struct image_table *table,
               const struct decision *decision, struct gate_wants *out, str *class_out);
/* Makes sure of all of them, and holds them until the task ends. Copies that are missing are made, or waited for where somebody makes
 * them. Ends early when `is_stale` becomes true, with ERR_CONFLICT. */
MUST_CHECK bool gate_fetch(struct task *t, struct gate *gate, struct gate_wants *wants,
                           struct row_sink *sink, const atomic_bool *is_stale);
/* Begins what is missing, for nobody who waits: it goes on whoever leaves. Then waits for all of it, at most so long. */
MUST_CHECK bool gate_fetch_early(struct task *t, struct gate *gate, struct gate_wants *wants,
                                 int64_t wait_ms);
/* Under gate->lock, which it gives away: until something has changed, or it is time to look whether the task still goes on. */
void gate_wait_slice(struct gate *gate);
/* Is the copy there? Takes hold of nothing. */
MUST_CHECK bool gate_peek(struct task *t, struct gate *gate, struct gate_want *want);
/* The decision for the columns of one file, its texts in `mem`; at least one column. Pure. */
void gate_restrict(struct arena *mem, const struct decision *decision,
                   const struct image_file *file, struct decision *out);
/* Adds to a clearing worker's job what it does with a file of this name, but for its link: one copy, or one of each value of the only
 * filter. `deletions`: the name of the file of its deleted rows, or empty. The names must be the contents': the worker is used again, and its caches know files by name. Pure. */
void gate_clearing_add(struct arena *mem, const struct decision *restricted, str file,
                       str deletions, bool is_by_value, struct engine_job *job);
/* Under gate->lock: the file at `path` stays until the task ends. */
void gate_hold_path(struct task *t, struct gate *gate, str path);
bool gate_is_held(const struct gate *gate, str path);
/* Cancels all makings and waits for their threads. */
void gate_end_makings(struct gate *gate);

#endif
