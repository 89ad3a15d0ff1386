/* A home as it is at one instant, in a folder of its own, while its server goes on; and a home made of that again. */
#ifndef WEFT_BACKUP_H
#define WEFT_BACKUP_H

#include "services/services.h"

/* The folder of a backup:
 *
 * SHA256SUMS           what follows, by content, as `sha256sum -c` reads it; lines that begin with # say of which home and when,
 *                      where its audit ended, and what the lines before hash to
 * catalog.db           of that instant
 * files/ab/<sha256>    every release file that this catalog names
 * audit.key, mask.key, weft.conf, secrets/DOMAIN
 */
struct backup {
    struct services *services;
    str folder; /* absolute: not there yet, or empty */
    str reuse;  /* absolute: a backup whose release files become second names; empty: none */
    int64_t taken_us;
    uint64_t files, reused, bytes; /* release files; of all files */
};
/* For the owner of the home. Written beside its place, synced, read back, and then named: there is no half of one. No release file is
 * removed meanwhile. */
MUST_CHECK bool backup_make(struct task *t, struct backup *b);

struct restore {
    str folder; /* a backup */
    str home;   /* absolute: not there yet, or empty */
    str taken, id;
    uint64_t files, bytes, audit_rows;
};
/* Without a server. Everything is held against SHA256SUMS, the catalog and the chain of its audit are checked, and the audit tells of
 * it; only then does the home have its name. ERR_CORRUPT names the file. */
MUST_CHECK bool backup_restore(struct task *t, struct restore *r);

#endif
