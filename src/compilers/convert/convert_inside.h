/* For the files of compilers/convert only. */
#ifndef WEFT_CONVERT_INSIDE_H
#define WEFT_CONVERT_INSIDE_H

#include "convert/convert.h"
#include "task/task.h"

struct converter {
    struct arena *mem;
    str file;
    struct report *report;
    struct {
        VEC_OF(struct convert_moved {
            str what;
            struct place place; /* of the first */
            size_t count;
        })
    } moved;
};

/* How a key of an older version becomes one of v3.1.0. */
struct convert_rename {
    const char *from, *to;
    /* What stands below it; NULL: it stays as it is. It may give NULL, for nothing. */
    struct tree *(*how)(struct converter *c, const struct tree *node);
};

/* A copy of a map under new names, without nulls; keys that are not listed stay. */
struct tree *convert_map(struct converter *c, const struct tree *node,
                         const struct convert_rename *renames);
/* A list whose maps are converted. */
struct tree *convert_list(struct converter *c, const struct tree *list,
                          struct tree *(*how)(struct converter *c, const struct tree *node));
/* As tree_put, where the value is there and the key is not. */
void convert_put(struct converter *c, struct tree *map, const char *key, struct tree *value);
struct tree *convert_scalar(struct converter *c, const struct tree *like, const char *text);
void convert_note(struct converter *c, const struct tree *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* customProperties of every version: each has a property and a value. */
struct tree *convert_custom(struct converter *c, const struct tree *list);
/* true for false, and the other way round. */
struct tree *convert_opposite(struct converter *c, const struct tree *node);
/* Members of a team as the map of v3.1.0. */
struct tree *convert_team(struct converter *c, const struct tree *list);

struct tree *convert_from_v2(struct converter *c, const struct tree *document);
struct tree *convert_from_v30(struct converter *c, const struct tree *document);

#endif
