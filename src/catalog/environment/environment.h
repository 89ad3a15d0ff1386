/* Environments: what the catalog of one has beside what every catalog has, and how it is made of that of the mesh. */
#ifndef WEFT_ENVIRONMENT_H
#define WEFT_ENVIRONMENT_H

#include "audit/audit.h"
#include "model/model.h"

struct environment {
    str name, created_by;
    int64_t created_us;
    uint64_t mesh_version; /* of the mesh that its catalog was copied of; 0: it must be made anew */
    str problem;           /* why its files do not fit that mesh; empty: they do */
};

/* A file that it has otherwise than the mesh. */
struct environment_file {
    str path, text;
    bool is_removed; /* it has none */
    str base;        /* SHA-256 of what the mesh had when it was applied; empty: nothing */
    str changed_by;
    int64_t changed_us;
};

struct environment_files {
    VEC_OF(struct environment_file) /* by path */
};

/* A release that was made in it, the current one of its product. */
struct environment_release {
    str product; /* domain.product */
    uint64_t product_id, number, base;
    str run_id, compiled_digest;
    str seen; /* empty: it was not made by a run */
};

struct environment_releases {
    VEC_OF(struct environment_release) /* by product */
};

/* `[a-z][a-z0-9-]*`, at most NAME_BYTES_MAX. Pure. */
bool environment_is_name(str name);
/* False `found_out`: the catalog is that of a mesh. */
MUST_CHECK bool environment_find(struct task *t, struct metadb *db, struct environment *out,
                                 bool *found_out);
MUST_CHECK bool environment_files(struct task *t, struct metadb *db, struct environment_files *out);
MUST_CHECK bool environment_releases(struct task *t, struct metadb *db,
                                     struct environment_releases *out);
/* Was this release made in it? */
MUST_CHECK bool environment_has_made(struct task *t, struct metadb *db, uint64_t product_id,
                                     uint64_t number, bool *out);
/* The number of the mesh's own current release of a product, as this catalog has it; 0: none. */
MUST_CHECK bool environment_mesh_release(struct task *t, struct metadb *db, uint64_t product_id,
                                         uint64_t *number_out);

/* Each in a write. */
/* A copy of the mesh's catalog becomes that of an environment: what is of the mesh alone goes (queries, jobs, events, plans, tokens,
 * candidates, runs at work, the audit). */
MUST_CHECK bool environment_begin(struct task *t, struct metadb *db, const struct environment *env);
MUST_CHECK bool environment_set(struct task *t, struct metadb *db, uint64_t mesh_version,
                                str problem);
/* All files that it has otherwise; those of before that are equal keep who changed them. */
MUST_CHECK bool environment_set_files(struct task *t, struct metadb *db,
                                      const struct environment_files *files);
/* A release of this catalog was made in it, where it is that of an environment. `continued`: it holds rows of this release, and so
 * follows what that one does; 0: all of its rows are new. */
MUST_CHECK bool environment_made(struct task *t, struct metadb *db, uint64_t release_id,
                                 uint64_t product_id, uint64_t continued);
MUST_CHECK bool environment_saw(struct task *t, struct metadb *db, uint64_t product_id,
                                uint64_t number, str seen);
/* The release was carried over: what is known of it is that of another catalog. */
MUST_CHECK bool environment_carried(struct task *t, struct metadb *db, uint64_t product_id,
                                    uint64_t number, const struct environment_release *as);
/* Ids of products, tables and columns of `from` that `db` has not under other ids, as far as the model has the product. */
MUST_CHECK bool environment_take_ids(struct task *t, struct metadb *db, struct metadb *from,
                                     const struct model *model);
/* The chain of the audit of `from` as it is: into a catalog that has none. */
MUST_CHECK bool environment_take_audit(struct task *t, struct metadb *db, struct metadb *from);

/* Rows of the audit of an environment become rows of the mesh's: those that it has not yet. A write of its own. */
MUST_CHECK bool environment_keep_audit(struct task *t, struct metadb *mesh, struct metadb *from,
                                       str name);
/* In a write to the mesh: the environment of this name is dropped, and another may begin under it. */
MUST_CHECK bool environment_forget_audit(struct task *t, struct metadb *mesh, str name);

/* Is this catalog that of an environment? Then ids that it gives are none that the mesh gives. */
MUST_CHECK bool environment_is(struct task *t, struct metadb *db, bool *out);
/* In SQL: the parameter, a drawn id, where the catalog is that of an environment, else NULL: the id is counted. So the mesh gives it to
 * nothing else meanwhile. */
#define ENVIRONMENT_ID(parameter)                                                                  \
    "CASE WHEN EXISTS (SELECT 1 FROM environment) THEN ?" #parameter " END"
/* Such an id of a domain, product or table; one of a column. */
uint64_t environment_new_id(void);
uint32_t environment_new_column_id(void);

#endif
