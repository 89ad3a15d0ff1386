/* The tables of schema `mesh`: rows that an actor may discover, as inline views of a query. */
#ifndef WEFT_READ_MESH_H
#define WEFT_READ_MESH_H

#include "image/image.h"
#include "job/job.h"
#include "metadb/metadb.h"

/* Who reads, as the gate judges it. `is_clear`: nothing of the table is hidden from him; else
 * numbers about rows are NULL. `owns` (or NULL: nobody does): he may see what was found in the
 * product's sources, which no policy speaks of. `now_us`: when a date is past; 0: as the clock says. */
struct mesh_reader {
    void *ctx;
    bool (*may_discover)(void *ctx, const struct image_product *product);
    bool (*is_clear)(void *ctx, const struct image_table *table);
    bool (*owns)(void *ctx, const struct image_product *product);
    int64_t now_us;
};

/* Names of the tables, in the order of mesh_tables.def. */
void read_mesh_names(struct arena *mem, struct str_list *out);
/* False when there is no such table. Columns in the order of mesh_tables.def, without rows. */
bool read_mesh_columns(struct arena *mem, str table, struct job_columns *out);
/* Are the rows decided by the image and the products that the reader may discover, and by nothing else, between two dates? `from` and
 * `until` (0: for ever) are the dates around now. */
bool read_mesh_is_of_image(const struct image *image, str table, int64_t now_us,
                           int64_t *from_us_out, int64_t *until_us_out);
/* True when the policy names no product that the reader may not discover. */
bool read_mesh_may_know_policy(struct arena *mem, const struct image *image,
                               const struct mesh_reader *reader, const struct policy *policy);
/* May the actor of the task know how many objects a domain (or, when it is empty, the mesh) has? */
bool read_mesh_may_count(struct task *t, const struct image *image,
                         const struct mesh_reader *reader, str domain);
/* The view `mesh.<table>` with its rows, in the task; ERR_UNKNOWN_NAME when there is no such table.
 * */
MUST_CHECK bool read_mesh_view(struct task *t, struct metadb *db, const struct image *image,
                               const struct mesh_reader *reader, str table, struct job_view *out);

#endif
