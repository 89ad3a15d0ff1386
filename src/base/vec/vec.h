/* Lists that grow in an arena: `struct names { VEC_OF(str) }`. */
#ifndef WEFT_VEC_H
#define WEFT_VEC_H

#include "arena/arena.h"

#define VEC_OF(type)                                                                               \
    type *at;                                                                                      \
    size_t len;                                                                                    \
    size_t cap;

/* Appends a zeroed element and gives its address, which later pushes may move. */
#define vec_add(mem, vec)                                                                          \
    ((vec)->at = vec_room((mem), (vec)->at, (vec)->len, &(vec)->cap, sizeof(*(vec)->at)),          \
     &(vec)->at[(vec)->len++])
#define vec_push(mem, vec, value) (*vec_add((mem), (vec)) = (value))

/* Of a list that is empty: room for so many and no more, where they are known. */
#define vec_reserve(mem, vec, count)                                                               \
    ((vec)->at = arena_array((mem), (count), sizeof(*(vec)->at)), (vec)->cap = (count))

/* Room for one more element, zeroed; used by the macros. */
void *vec_room(struct arena *mem, void *at, size_t len, size_t *cap, size_t size);

struct str_list {
    VEC_OF(str)
};

bool str_list_has(const struct str_list *list, str s);
/* Adds unless it is there. */
void str_list_add(struct arena *mem, struct str_list *list, str s);
void str_list_sort(struct str_list *list);
str str_list_join(struct arena *mem, const struct str_list *list, str separator);
/* The element nearest in spelling, or an empty str when none is near: for "did you mean". */
str str_list_nearest(const struct str_list *list, str s);

#endif
