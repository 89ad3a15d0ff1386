/* What of an environment holds though its mesh has moved on, until it has followed: who works on that, or reads it, goes on. */
#ifndef WEFT_ENV_DRIFT_H
#define WEFT_ENV_DRIFT_H

#include "image/image.h"
#include "metadb/metadb.h"

struct env_drift;

struct env_drift *env_drift_new(void);
/* NULL is allowed. */
void env_drift_free(struct env_drift *drift);
/* Holds the image of an environment, whose catalog `db` is, against that of its mesh. False `holds_out`: nothing of it holds. What
 * policies say is not looked at: those of the mesh hold anyway. */
MUST_CHECK bool env_drift_look(struct task *t, struct env_drift *drift, struct metadb *db,
                               const struct image *own, const struct image *mesh, bool *holds_out);
/* Of the images that were looked at last: is what a policy sees of the product (domain.product) as it will be when the environment has
 * followed? `is_built`: and are its files? */
bool env_drift_holds(struct env_drift *drift, str product, bool is_built);

#endif
