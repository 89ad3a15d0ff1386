#ifndef WEFT_INFER_INSIDE_H
#define WEFT_INFER_INSIDE_H

#include "infer/infer.h"

/* A contract that grows, and the comments beside it. */
struct infer_writer {
    struct arena *mem;
    const struct infer_table *table;
    struct yaml_out_notes *notes;
};

struct tree *infer_put(struct arena *mem, struct tree *map, const char *key, str text);
struct tree *infer_put_new(struct arena *mem, struct tree *map, const char *key,
                           enum tree_kind kind);
str infer_logical(struct arena *mem, str type);
void infer_suggest_label(const struct infer_writer *w, const struct infer_column *column,
                         const struct tree *property);

/* ---- infer_parts.c */

/* logicalType, and physicalType where no properties say it. */
void infer_put_type(const struct infer_writer *w, struct tree *property, str type, int depth);
/* `properties` or `items` of a type that has some. */
void infer_put_parts(const struct infer_writer *w, struct tree *property, str type, str path,
                     int depth);
/* What was counted of the elements of a list, or of the lists in it, for its label; NULL where nothing was. */
const struct infer_column *infer_find_elements(const struct infer_writer *w, str path);

#endif
