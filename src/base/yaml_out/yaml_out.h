/* A tree as a YAML 1.2 document, as a person would write it: the way back from `tree`. What is read from it is the same tree. */
#ifndef WEFT_YAML_OUT_H
#define WEFT_YAML_OUT_H

#include "buf/buf.h"
#include "map/map.h"
#include "tree/tree.h"

/* Comments, by the node that they stand above. */
struct yaml_out_notes {
    struct map by_node; /* the node's address -> struct str_list */
};

void yaml_out_notes_init(struct yaml_out_notes *notes, struct arena *mem);
/* Lines above the node's own line, without the `# `; a node may have several. Of the root: at the head of the document. A list or map
 * that has notes inside is written with one entry a line. */
void yaml_out_note(struct arena *mem, struct yaml_out_notes *notes, const struct tree *node,
                   str text);

/* The whole document, with a line feed at its end. `notes` may be NULL. Text in `tree` that is no UTF-8, or holds a NUL, cannot stand in
 * YAML: it fills `b`, as does what passes its ceiling. */
void yaml_out(struct buf *b, const struct tree *tree, const struct yaml_out_notes *notes);

#endif
