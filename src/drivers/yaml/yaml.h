/* YAML and JSON documents to trees with positions, by libfyaml, within the limits of limits.def. */
#ifndef WEFT_YAML_H
#define WEFT_YAML_H

#include "task/task.h"
#include "tree/tree.h"

enum yaml_mode {
    YAML_MODE_YAML,
    YAML_MODE_JSON,
    YAML_MODE_BUNDLE, /* JSON of many texts, up to BUNDLE_BYTES_MAX: the body that carries a bundle */
};

struct yaml_documents {
    VEC_OF(struct tree *)
};

/* Exactly one document, into `mem`; `file` names it in errors. No tags, no duplicate keys, scalars
 * as keys only, UTF-8 without NUL (a byte order mark is skipped), aliases copied within
 * DOCUMENT_ALIASES_MAX and DOCUMENT_NODES_MAX. `<<` is a plain key. An empty document is TREE_NULL
 * in YAML, an error in JSON. Fails with ERR_INVALID or ERR_LIMIT, and the place. */
MUST_CHECK bool yaml_read(struct task *t, struct arena *mem, str bytes, str file,
                          enum yaml_mode mode, struct tree **out);
/* All documents of a YAML file, separated by `---`; none gives an empty list. The limits hold for
 * all together. */
MUST_CHECK bool yaml_read_all(struct task *t, struct arena *mem, str bytes, str file,
                              struct yaml_documents *out);

#endif
