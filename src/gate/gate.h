/* The only way to data: names -> decisions -> cleared files. Denies by default. */
#ifndef WEFT_GATE_H
#define WEFT_GATE_H

#include "engine/engine.h"
#include "image/image.h"
#include "metadb/metadb.h"
#include "sql/sql.h"
#include "store/store.h"

struct gate;

/* Opens `<home>/cache.db`, the index of cleared copies: dropped after an unclean stop. */
MUST_CHECK bool gate_open(struct task *t, const struct config *config, struct store *store,
                          struct engine *engine, struct metadb *db, struct images *images, str home,
                          struct gate **out);
/* What is decided in an environment, under the policies of its mesh: */
enum gate_holds {
    GATE_ALL_HOLDS,
    GATE_PART_HOLDS,     /* the mesh has moved on; what has not changed with it holds */
    GATE_NONE_HOLDS = 3, /* the environment is made anew */
};
/* What the gate of an environment follows. */
struct gate_leader {
    struct gate *gate;    /* of the mesh: its copies are shared */
    struct metadb *users; /* the catalog that has them, and agreements */
    /* Brings the image up to the policies of the mesh, or only says whether it is (`may_write` false). */
    enum gate_holds (*follow)(void *state, bool may_write);
    /* Of a part: is this product decided as it is in the mesh by now; `is_built`: and would the same be built of it? Takes no lock of
     * the gate. */
    bool (*holds)(void *state, str product, bool is_built);
    void *state;
};
/* The gate of an environment, which shares index, copies and engine of another. That one is closed after it. */
MUST_CHECK bool gate_open_beside(struct task *t, const struct gate_leader *leader,
                                 struct metadb *db, struct images *images, struct gate **out);
/* Of an environment: the mesh is another one by now, and nothing is decided by it any more. */
bool gate_is_left(const struct gate *gate);
/* As it was found last. */
enum gate_holds gate_holds(const struct gate *gate);
/* From here on it is, since */
enum gate_end { GATE_MESH_MOVED, GATE_DROPPED };
void gate_leave(struct gate *gate, enum gate_end why);
/* The image, and what is followed, are those of the mesh again: who reads by it is decided anew. */
void gate_has_followed(struct gate *gate);
/* Cancels clearing that still goes on and waits for it. Before engine_close. NULL is allowed. */
void gate_close(struct gate *gate);

/* What names mean beside the mesh's tables: for a build, its input ports and self.*. */
struct gate_input {
    str schema;       /* input port, or `self` */
    const char *what; /* for messages: "input port" */
    const struct image_table
        *table; /* of a producer, at its pinned release; NULL: a staged table */
    str name;
    struct job_columns columns; /* staged: names, types, field ids */
    struct str_list paths;      /* staged: absolute */
    struct str_list
        deletions; /* empty, or one a path: of its deleted rows (job_view); empty for none */
};

struct gate_scope {
    const struct image_product *product; /* a build of this product, as itself; NULL: a consumer */
    struct {
        VEC_OF(struct gate_input)
    } inputs; /* of a build; nothing else can be read by it */
};

/* A table of the text, after the gate. */
struct clearance_table {
    str catalog, schema, name;       /* as the text's names mean it */
    const struct image_table *table; /* NULL: mesh.* or a staged table */
    uint64_t release;
    bool is_past;      /* a release that was named by its number, a candidate, or diverted rows */
    bool is_candidate; /* that, or rows that it diverted; `release` is 0 */
    struct decision decision;
    str class_id; /* hex; empty where originals serve */
    struct job_columns columns;
    struct str_list paths;     /* absolute, of the files that are linked */
    struct str_list deletions; /* staged tables: empty, or one a path. Copies hold no deleted row */
    struct str_list columns_read; /* of `columns`, by name */
    const struct job_view *rows;  /* mesh.*, unless its rows are in a file */
    struct {
        VEC_OF(const struct image_product *)
    } discovered; /* mesh.*: restricted products that may be told of; the term of that is the decision's */
};

enum { CLEARANCE_MAGIC = 0xc1ea };

struct clearance {
    uint32_t magic;
    str text;
    const struct image *image; /* pinned with the task */
    uint64_t policy_version;
    bool is_whole; /* false: refused, and these are the tables up to the one that was not cleared */
    struct {
        VEC_OF(struct clearance_table)
    } tables;
};

/* Text -> one SELECT tree: by the worker's parser, then held against the allow-lists of compilers/sql. */
MUST_CHECK bool gate_parse(struct task *t, struct worker *worker, str text, struct sql_tree **out);
/* The same of a product's text in which `$since` means this expression of ours (empty: an error with its position). Positions of the tree,
 * and of errors, are those of the text that runs: sql_shift_back leads to the author's. */
MUST_CHECK bool gate_parse_since(struct task *t, struct worker *worker, str text, str since,
                                 struct sql_shifts *shifts_out, struct sql_tree **out);
/* Names and types of the result of a job that gate_fill_job or gate_sketch filled, with ids from 1. Nothing runs. */
MUST_CHECK bool gate_describe(struct task *t, struct worker *worker, const struct engine_job *job,
                              struct job_columns *out);

/* Resolves every name of the tree, decides for t->actor (or for the product of the scope) and makes sure of the cleared files; a
 * cold class is made by a clearing worker, with progress to `sink` where there is one. `scope` NULL: a consumer. On failure `*out` is
 * what was decided until then, for the audit. */
MUST_CHECK bool gate_clear(struct task *t, struct gate *gate, const struct sql_tree *tree,
                           const struct gate_scope *scope, struct row_sink *sink,
                           struct clearance **out);
/* Decides anew for all who read, after a change of policies, grants, users or groups: whoever may no longer read what he reads ends
 * at once, and idle workers with him. A thread of the gate does it several times a second besides. */
void gate_recheck(struct gate *gate);
/* The same at this very instant for what this task has read by, before something is made of it that stays. False: it is withdrawn. */
MUST_CHECK bool gate_still_holds(struct task *t, struct gate *gate);
/* Of a task that failed: was its access withdrawn? Then that is its error, and it is no longer cancelled. */
bool gate_withdrawn(struct task *t, struct gate *gate);
/* Fills text, views and links of a job from a clearance; output and limits are the caller's. */
void gate_fill_job(struct task *t, const struct clearance *clearance, struct engine_job *job);
/* The decision for this actor, as gate_clear takes it: for explain and the mesh tables. Borrowed, as image_decide gives it. */
const struct decision *gate_decide(struct task *t, const struct image *image,
                                   const struct image_table *table);
/* Makes the copies that a decision asks for, where they are not there: for those who will read soon. */
MUST_CHECK bool gate_prepare(struct task *t, struct gate *gate, const struct image_table *table,
                             const struct decision *decision);

/* What a decision would ask of the files of a table's release. */
struct gate_weight {
    uint64_t files, originals, hidden; /* all; served as they are; without a visible row */
    uint64_t copies, copies_there;     /* the others, and how many of these are made already */
    uint64_t bytes_there;              /* of these */
    uint64_t bytes_to_read;            /* of the files whose copies are still to make */
    struct str_list classes;           /* of the copies, hex */
};

/* Makes nothing: for those who want to know before it is decided. */
MUST_CHECK bool gate_weigh(struct task *t, struct gate *gate, const struct image_table *table,
                           const struct decision *decision, struct gate_weight *out);
/* A table of a text, as gate_clear would take it. */
struct gate_explained {
    str catalog, schema, name;
    const struct image_table *table; /* NULL: mesh.* */
    const struct decision *decision; /* NULL: mesh.*; may be a denial */
    uint64_t release;
    uint32_t position;
    struct str_list columns_read;
    struct gate_weight weight;
};
struct gate_explanation {
    const struct image *image;
    struct {
        VEC_OF(struct gate_explained)
    } tables;
};
/* For t->actor. Fails only where a name cannot be resolved. */
MUST_CHECK bool gate_explain(struct task *t, struct gate *gate, const struct sql_tree *tree,
                             struct gate_explanation *out);
/* Does this actor see all rows and values of the table? Only then are numbers about rows for him. */
bool gate_is_clear(struct task *t, const struct image *image, const struct image_table *table);
/* May this actor know that the product is there? A restricted one is known to its domain and to those who may read of it. */
bool gate_may_discover(struct task *t, const struct image *image,
                       const struct image_product *product);

/* Fills the rows of a set of entitlements from files of its table (release files or staged ones; deletions as in gate_input): sorted,
 * distinct, in the task. */
MUST_CHECK bool gate_read_entitled(struct task *t, struct gate *gate,
                                   const struct job_columns *columns, const struct str_list *paths,
                                   const struct str_list *deletions,
                                   struct policy_entitlement *set);
/* What a build sees of its inputs: digest of the classes of their tables under the decisions of this image. Equal digests, equal
 * rows and values of equal files. Hex. */
str gate_seen(struct task *t, const struct gate *gate, const struct image *image,
              const struct gate_scope *scope);

/* Copies that are made before anybody asks, for those who read lately, within the budget of clearing_hot_ms and clearing_hot_mb. What
 * goes wrong goes to the log: the first query then waits. */
/* Of tables with the files of a release that is about to be committed: returns when they are there, or the time is over. */
void gate_prepare_release(struct gate *gate, const struct image_table *tables, size_t len);
/* Under policies that are about to hold; nothing where one of the readers loses by them. Waits as above. */
void gate_prepare_policies(struct gate *gate, const struct policies *policies);

/* What policies make of a table, for plan. */
struct gate_classes {
    uint64_t readers; /* of the actors */
    uint64_t classes; /* of copies: none where originals serve everybody */
    uint64_t bytes;   /* of all of them, at most */
    str column; /* that most filters are over; to cluster by it makes copies small or needless */
};
/* For these actors, each with one purpose; the rules are over the table's columns, by their ids. Pure. */
void gate_count_classes(struct arena *mem, const struct policy_rules *rules,
                        const struct image_table *table, const struct policy_actor *actors,
                        size_t len, int64_t now_us, struct gate_classes *out);

/* Copies go that were unused for cleared_days_max, and those of originals that are not in `keep`; some are read again, and those that
 * are damaged go. */
struct gate_upkeep {
    uint64_t removed, damaged, read_bytes;
};
MUST_CHECK bool gate_upkeep(struct task *t, struct gate *gate, const struct str_list *keep,
                            struct gate_upkeep *out);
/* Copies of these originals go, but for those that somebody reads. */
MUST_CHECK bool gate_forget(struct task *t, struct gate *gate, const struct str_list *origins);
/* Reads every copy again; those that are damaged go. */
MUST_CHECK bool gate_verify(struct task *t, struct gate *gate, struct gate_upkeep *out);
/* Does `mask.key` still hold the key of hash masks? What is wrong with it, or nothing. */
MUST_CHECK bool gate_verify_key(struct task *t, struct gate *gate, str *finding_out);
/* What copies take; of tables the heaviest. */
struct gate_total_table {
    uint64_t table_id, classes, copies, bytes;
};
struct gate_total {
    uint64_t copies, bytes; /* with the files of mesh.* tables */
    struct {
        VEC_OF(struct gate_total_table)
    } tables;
};
MUST_CHECK bool gate_total(struct task *t, struct gate *gate, struct gate_total *out);

/* What readers of a deprecated table are told, or empty; its last moment, or 0. */
str gate_notice(struct arena *mem, const struct image_table *table, int64_t now_us,
                int64_t *sunset_us_out);

/* Names and nothing else, for plan: every table name of the tree is in the scope and its columns exist; builds a job of empty typed
 * views to describe the result with. Runs no decision. */
MUST_CHECK bool gate_sketch(struct task *t, const struct sql_tree *tree,
                            const struct gate_scope *scope, struct engine_job *job_out);

#endif
