#include "vec/vec.h"

#include <stdlib.h>
#include <string.h>

enum { BEGINNING_LETTERS = 4 }; /* fewer begin too many names */

/* Lists of large things mostly have one or two of them. */
static size_t first_room(size_t size)
{
    return size <= 32 ? 8 : size <= 128 ? 2 : 1;
}

void *vec_room(struct arena *mem, void *at, size_t len, size_t *cap, size_t size)
{
    if (len < *cap) {
        /* The element may have been used before the list was shortened. */
        memset((char *)at + len * size, 0, size);
        return at;
    }
    size_t wider = *cap ? *cap * 2 : first_room(size);
    void *grown = arena_array(mem, wider, size);
    if (len)
        memcpy(grown, at, len * size);
    *cap = wider;
    return grown;
}

bool str_list_has(const struct str_list *list, str s)
{
    for (size_t i = 0; i < list->len; i++)
        if (str_eq(list->at[i], s))
            return true;
    return false;
}

void str_list_add(struct arena *mem, struct str_list *list, str s)
{
    if (!str_list_has(list, s))
        vec_push(mem, list, s);
}

static int compare(const void *a, const void *b)
{
    return str_compare(*(const str *)a, *(const str *)b);
}

void str_list_sort(struct str_list *list)
{
    if (list->len > 1)
        qsort(list->at, list->len, sizeof *list->at, compare);
}

str str_list_join(struct arena *mem, const struct str_list *list, str separator)
{
    size_t len = 0;
    for (size_t i = 0; i < list->len; i++)
        len += list->at[i].len + (i ? separator.len : 0);
    char *text = arena_alloc(mem, len + 1);
    size_t at = 0;
    for (size_t i = 0; i < list->len; i++) {
        if (i && separator.len) {
            memcpy(text + at, separator.ptr, separator.len);
            at += separator.len;
        }
        if (list->at[i].len)
            memcpy(text + at, list->at[i].ptr, list->at[i].len);
        at += list->at[i].len;
    }
    return (str){text, len};
}

/* The shortest name that begins with `s`: `class` means classification. */
static str begun(const struct str_list *list, str s)
{
    str shortest = STR_NONE;

    for (size_t i = 0; s.len >= BEGINNING_LETTERS && i < list->len; i++)
        if (str_starts(list->at[i], s) && (!shortest.len || list->at[i].len < shortest.len))
            shortest = list->at[i];
    return shortest;
}

str str_list_nearest(const struct str_list *list, str s)
{
    /* Names of one or two letters are near to everything, so the bound grows with the length. */
    size_t bound = s.len / 3 > 2 ? s.len / 3 : 2;
    str nearest = STR_NONE;
    for (size_t i = 0; i < list->len; i++) {
        size_t edits = str_distance(list->at[i], s, bound);
        if (edits > bound || edits >= s.len || edits >= list->at[i].len)
            continue;
        nearest = list->at[i];
        if (edits == 0)
            break;
        bound = edits - 1;
    }
    return nearest.len ? nearest : begun(list, s);
}
