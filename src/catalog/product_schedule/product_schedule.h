/* Products that run by themselves: since when they do, and the last run of each that counts. */
#ifndef WEFT_PRODUCT_SCHEDULE_H
#define WEFT_PRODUCT_SCHEDULE_H

#include "metadb/metadb.h"
#include "model/model.h"
#include "pointer_map/pointer_map.h"
#include "run_row/run_row.h"

struct product_schedule {
    uint64_t product_id;
    str words;
    int64_t since_us;
    str run_id; /* the last run that read all that it reads, and ended by itself; empty: none */
    int64_t started_us;
};

struct product_schedules {
    VEC_OF(struct product_schedule) /* by product_id */
};

/* In an applying transaction, after ids are given: schedules that are new or read otherwise count from now on. `kept`: products of
 * the model that stand as they stood. */
MUST_CHECK bool product_schedule_replace(struct task *t, struct metadb *db,
                                         const struct model *model, const struct pointer_map *kept);
/* Of a product; 0: of all. */
MUST_CHECK bool product_schedule_list(struct task *t, struct metadb *db, uint64_t product_id,
                                      struct product_schedules *out);
const struct product_schedule *product_schedule_find(const struct product_schedules *list,
                                                     uint64_t product_id);
/* The first time of it that no run has done with, which may be past; INT64_MAX: none comes, or the product is retired. */
int64_t product_schedule_next(const struct product_schedule *row,
                              const struct model_product *product);
/* Which releases a run has read. */
MUST_CHECK bool product_schedule_read(struct task *t, struct metadb *db, str run_id,
                                      struct run_pins *out);

#endif
