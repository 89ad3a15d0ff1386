/* For the files of release. */
#ifndef WEFT_RELEASE_INSIDE_H
#define WEFT_RELEASE_INSIDE_H

#include "release/release.h"

/* The rows of a release, and nothing else. */
MUST_CHECK bool release_insert(struct task *t, struct metadb *db,
                               const struct release_manifest *manifest, int64_t published_us,
                               uint64_t number, uint64_t *id_out);
MUST_CHECK bool release_insert_edges(struct task *t, struct metadb *db, uint64_t release_id,
                                     const struct release_edges *edges);

#endif
