/* What writing and reading a backup share. */
#ifndef WEFT_BACKUP_INSIDE_H
#define WEFT_BACKUP_INSIDE_H

#include "backup/backup.h"
#include "chain/chain.h"

#define BACKUP_LIST "SHA256SUMS"
#define BACKUP_FIRST_LINE "# weft backup 1"

/* A database of a copy, open until the task ends or arena_close. */
MUST_CHECK bool backup_open_catalog(struct task *t, str path, struct metadb **out);
str backup_release_path(struct arena *mem, str sha256); /* files/ab/<sha256> */

#endif
