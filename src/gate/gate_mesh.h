/* Questions about the mesh itself: SELECTs over mesh.* and nothing else, as requirements ask them. */
#ifndef WEFT_GATE_MESH_H
#define WEFT_GATE_MESH_H

#include "engine/engine.h"
#include "image/image.h"
#include "metadb/metadb.h"
#include "sql/sql.h"

/* Who asks of which mesh. No numbers about rows and nothing that checks found is told to anybody here: a requirement speaks of what
 * the mesh declares. */
struct gate_mesh {
    struct engine *engine;
    str owner;                 /* of the worker: authors who do not trust each other share none */
    struct metadb *db;         /* NULL: nothing is known of releases, runs and checks */
    const struct image *image; /* or a candidate */
    void *ctx;
    bool (*may_discover)(void *ctx, const struct image_product *product);

    /* What the questions make. */
    struct worker *worker; /* or NULL */
    struct {
        VEC_OF(const struct job_view *)
    } views; /* read once each */
};

/* What a question gives. Either may fail with t->err set, which ends the answer. */
struct gate_mesh_taker {
    void *state;
    bool (*columns)(struct task *t, void *state, const struct row_column *columns, size_t len);
    /* One row: a JSON array of its values as texts, numbers and null. Borrowed. */
    bool (*row)(struct task *t, void *state, str line);
};

/* Text -> tree, whose tables are all of mesh.*; anything else is refused with its position. */
MUST_CHECK bool gate_mesh_parse(struct task *t, struct gate_mesh *mesh, str text,
                                struct sql_tree **out);
/* Columns of the answer; nothing runs and `row` is not called. */
MUST_CHECK bool gate_mesh_describe(struct task *t, struct gate_mesh *mesh,
                                   const struct sql_tree *tree,
                                   const struct gate_mesh_taker *taker);
/* The whole answer. ERR_LIMIT when it has more than `rows_max` rows, after those were given. */
MUST_CHECK bool gate_mesh_ask(struct task *t, struct gate_mesh *mesh, const struct sql_tree *tree,
                              uint64_t rows_max, const struct gate_mesh_taker *taker);
/* The rows of mesh.<table> as this mesh shows them. */
MUST_CHECK bool gate_mesh_rows_of(struct task *t, struct gate_mesh *mesh, str table,
                                  const struct job_view **out);
/* Gives the worker back; the next question takes another. */
void gate_mesh_rest(struct task *t, struct gate_mesh *mesh);

#endif
