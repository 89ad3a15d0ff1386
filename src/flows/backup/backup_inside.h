/* What writing and reading a backup share. */
#ifndef WEFT_BACKUP_INSIDE_H
#define WEFT_BACKUP_INSIDE_H

#include "backup/backup.h"
#include "chain/chain.h"

#define BACKUP_LIST "SHA256SUMS"
#define BACKUP_FIRST_LINE "# weft backup 1"

/* The list of a backup, from its text, which it borrows. */
struct backup_list {
    str rest;
    str home, taken;        /* as far as it was read */
    struct chain_head head; /* of the audit; sequence 0: it does not say */
};

/* ERR_CORRUPT; always false. */
bool backup_damaged(struct task *t, str name, const char *why);
/* Holds the text against its own hash, and against the kind that we know. */
MUST_CHECK bool backup_list_open(struct task *t, str text, struct backup_list *out);
/* The next file that it names; an empty name: there is none. */
MUST_CHECK bool backup_list_next(struct task *t, struct backup_list *list, str *name_out,
                                 str *sha256_out);
bool backup_is_release(str name, str sha256);

/* A database of a copy, open until the task ends or arena_close. */
MUST_CHECK bool backup_open_catalog(struct task *t, str path, struct metadb **out);
str backup_release_path(struct arena *mem, str sha256); /* files/ab/<sha256> */

#endif
