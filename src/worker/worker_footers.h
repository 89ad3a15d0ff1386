/* What stands in the footers of linked files, so that a view over files that fit its columns as they are can be a plain one.
 * Matching by field id costs the engine a millisecond each time a text is bound, and most files fit. */
#ifndef WEFT_WORKER_FOOTERS_H
#define WEFT_WORKER_FOOTERS_H

#include "worker_engine.h"

struct worker_footers;

struct worker_footers *worker_footers_new(struct arena *mem);
/* True when each file of the view has the same columns, and those of the view are among them by id, name and type. False where
 * that is not known: too many files, nested columns, a file that cannot be read. */
bool worker_footers_fit(struct task *t, struct worker_engine *e, const struct job_view *view);
/* True when it is certain that no file has a column of this name (lower case), in whatever case it writes it. */
bool worker_footers_lack(struct task *t, struct worker_engine *e, const struct job_view *view,
                         str name);

#endif
