/* The active files of the mesh, kept by content, from which the model is compiled at every start.
 * */
#ifndef WEFT_DOCUMENT_H
#define WEFT_DOCUMENT_H

#include "metadb/metadb.h"
#include "model/model.h"

/* Reads path and text of the active files, sorted by path, into `mem`; document_parse adds their
 * trees. */
MUST_CHECK bool document_load(struct task *t, struct arena *mem, struct metadb *db,
                              struct bundle *out);
/* The same over the files of `before`, which an earlier call gave: those that are the same are taken over with all that they have, the
 * texts of others are in `parts` and they are of `part`. */
MUST_CHECK bool document_load_over(struct task *t, struct arena *mem, struct arena *parts,
                                   struct model_part *part, struct metadb *db,
                                   const struct bundle *before, struct bundle *out);
/* In an applying transaction: the active files are those of `before`, and from now on these. Only what differs is written. */
MUST_CHECK bool document_replace(struct task *t, struct metadb *db, const struct bundle *before,
                                 const struct bundle *after);
/* Stores a text by its content, in a write; gives its SHA-256. */
MUST_CHECK bool document_keep_content(struct task *t, struct metadb *db, str text, str *sha256_out);
/* Reads every .yaml, .yml and .json of the bundle that has no `document` yet into it, in `mem`; what cannot be
 * read is a finding. The texts of the bundle must live as long as `mem`. */
MUST_CHECK bool document_parse(struct task *t, struct arena *mem, struct bundle *bundle,
                               struct report *report);
/* SHA-256 over sorted paths and contents, in hex: equal bundles, equal digest. */
str document_digest(struct arena *mem, const struct bundle *bundle);
/* In a write: forgets contents that neither an active file nor a plan names. */
MUST_CHECK bool document_sweep(struct task *t, struct metadb *db);

#endif
