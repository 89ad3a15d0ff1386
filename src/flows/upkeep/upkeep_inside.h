/* For the files of upkeep. */
#ifndef WEFT_UPKEEP_INSIDE_H
#define WEFT_UPKEEP_INSIDE_H

#include "upkeep/upkeep.h"

/* The first value that is not what it was, in words; empty: none is known. */
MUST_CHECK bool upkeep_check_catalog(struct task *t, struct metadb *db, str *finding_out);

#endif
