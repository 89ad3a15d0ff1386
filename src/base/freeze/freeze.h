/* Structs and all that they point to as one block of memory, which another process can map at the same address and use where it lies:
 * nothing is read, nothing is made anew. Tables say where the pointers of a struct are; everything else is copied as it is. */
#ifndef WEFT_FREEZE_H
#define WEFT_FREEZE_H

#include "map/map.h"
#include "vec/vec.h"

enum freeze_kind {
    FREEZE_TEXT,    /* str */
    FREEZE_PART,    /* a struct of this type, in place */
    FREEZE_LIST,    /* VEC_OF(struct) */
    FREEZE_REF,     /* a pointer to a struct, or NULL */
    FREEZE_REFS,    /* VEC_OF(struct *) */
    FREEZE_MAP,     /* struct map, in place: to numbers without a type, else to structs */
    FREEZE_MAP_REF, /* a pointer to such a map, or NULL */
    FREEZE_NOTHING, /* a pointer that has no meaning elsewhere: NULL */
};

struct freeze_type;

struct freeze_field {
    enum freeze_kind kind;
    size_t offset;
    const struct freeze_type *of;
};

/* What others may point to has an address that is remembered: to the end, or until freeze_forget. */
enum freeze_span { FREEZE_UNMET, FREEZE_NEAR, FREEZE_FAR };

struct freeze_type {
    size_t size;
    const struct freeze_field *fields;
    size_t field_count;
    enum freeze_span span; /* of structs in place; behind a FREEZE_REF each is met */
};

/* The size is said once more, so that whoever adds a field looks here. */
#define FREEZE_TYPE(name, type, bytes, how_far, ...)                                               \
    const struct freeze_type name = {.size = sizeof(type),                                         \
                                     .fields = (const struct freeze_field[]){__VA_ARGS__},         \
                                     .field_count =                                                \
                                         sizeof((const struct freeze_field[]){__VA_ARGS__})        \
                                         / sizeof(struct freeze_field),                            \
                                     .span = (how_far)};                                           \
    _Static_assert(sizeof(type) == (bytes), "a field was added: is it a pointer?")

#define FROZEN_TEXT(type, field)                                                                   \
    {                                                                                              \
        FREEZE_TEXT, offsetof(struct type, field), NULL                                            \
    }
#define FROZEN_PART(type, field, of)                                                               \
    {                                                                                              \
        FREEZE_PART, offsetof(struct type, field), &(of)                                           \
    }
#define FROZEN_TEXTS(type, field) FROZEN_PART(type, field, freeze_texts)
#define FROZEN_LIST(type, field, of)                                                               \
    {                                                                                              \
        FREEZE_LIST, offsetof(struct type, field), &(of)                                           \
    }
#define FROZEN_REF(type, field, of)                                                                \
    {                                                                                              \
        FREEZE_REF, offsetof(struct type, field), &(of)                                            \
    }
#define FROZEN_REFS(type, field, of)                                                               \
    {                                                                                              \
        FREEZE_REFS, offsetof(struct type, field), &(of)                                           \
    }
#define FROZEN_MAP(type, field)                                                                    \
    {                                                                                              \
        FREEZE_MAP, offsetof(struct type, field), NULL                                             \
    }
#define FROZEN_MAP_REF(type, field, of)                                                            \
    {                                                                                              \
        FREEZE_MAP_REF, offsetof(struct type, field), &(of)                                        \
    }
#define FROZEN_NOTHING(type, field)                                                                \
    {                                                                                              \
        FREEZE_NOTHING, offsetof(struct type, field), NULL                                         \
    }

extern const struct freeze_type freeze_number; /* uint32_t: for lists */
extern const struct freeze_type freeze_text;   /* str: for lists */
extern const struct freeze_type freeze_texts;  /* struct str_list */

struct freeze;

/* Where the block grows: room for so many bytes in all, zeroed, from the first address on. False ends the work. */
typedef bool freeze_room(void *ctx, size_t bytes);

/* In `mem`, which is needed until the end. The block begins at `base`. */
struct freeze *freeze_begin(struct arena *mem, void *base, freeze_room *room, void *ctx);
/* Room for an array of so many structs, zeroed. NULL: there is none. */
void *freeze_array(struct freeze *f, const struct freeze_type *type, size_t count);
/* The next addresses begin a page. */
void freeze_align(struct freeze *f, size_t bytes);
/* Copies one struct with all that it points to. What was copied before is not copied again: pointers to it are pointers to the copy. */
void freeze_fill(struct freeze *f, const struct freeze_type *type, const void *from, void *to);
/* The copy of a struct behind a pointer, made now if there is none. */
void *freeze_ref(struct freeze *f, const struct freeze_type *type, const void *from);
/* Addresses of types that are near are not asked for any more. */
void freeze_forget(struct freeze *f);
size_t freeze_bytes(const struct freeze *f);
/* False: there was no room. */
bool freeze_is_whole(const struct freeze *f);

#endif
