/* Products that run by themselves: at times of their schedule, and when what they read has a new release. */
#ifndef WEFT_RUN_START_H
#define WEFT_RUN_START_H

#include "services/services.h"

/* Has the mesh any? The same as long as the mesh version is. */
bool run_has_starters(const struct image *image);
/* Addresses of those that are to run now; and when to look again. INT64_MAX: with the next image. One that runs or waits already, or by
 * releases alone while something that it reads, however far, does, is looked at again soon. */
MUST_CHECK bool run_starters(struct task *t, struct services *services, int64_t now_us,
                             struct str_list *due_out, int64_t *next_us_out);

#endif
