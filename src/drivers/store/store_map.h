/* A file of a home whose content is used where it lies in memory, at the same address in every process: pointers in it hold. It may be
 * lost at any time, and is only used by the program that wrote it. */
#ifndef WEFT_STORE_MAP_H
#define WEFT_STORE_MAP_H

#include "task/task.h"

struct store_map;

/* A file in the making beside `path`, which is removed with the task unless it was finished. Its content begins at `base_out`. */
MUST_CHECK bool store_map_begin(struct task *t, str path, struct store_map **out, void **base_out);
/* Room for so many bytes in all, zeroed, on disk: a full disk is known here. Says why not in the map's task. */
bool store_map_room(void *map, size_t bytes);
/* On disk with its checksum, then it gets its name. The first bytes, up to a page, will be writable: for whoever maps it alone.
 * KEPT_BEFORE_MOVE, KEPT_AFTER_MOVE. */
MUST_CHECK bool store_map_finish(struct task *t, struct store_map *map, size_t bytes,
                                 size_t writable);
/* NULL in `base_out`: there is none that this program wrote, or its addresses are taken; one that is damaged is told and removed, as
 * is a draft that a crash left. Mapped until `mem` is freed. */
MUST_CHECK bool store_map_open(struct task *t, struct arena *mem, str path, void **base_out);

/* Reads it again: one that is damaged is told and removed. */
MUST_CHECK bool store_map_verify(struct task *t, str path, bool *removed_out);

#endif
