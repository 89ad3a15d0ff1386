/* For the files of release. */
#ifndef WEFT_RELEASE_INSIDE_H
#define WEFT_RELEASE_INSIDE_H

#include "release/release.h"

MUST_CHECK bool release_insert_edges(struct task *t, struct metadb *db, uint64_t release_id,
                                     const struct release_edges *edges);

#endif
