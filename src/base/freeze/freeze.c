#include "freeze/freeze.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 16, MET_LEAST = 1024, TEXT_SLOTS = 1 << 14, TEXT_SHORT = 64 };

/* From addresses of originals to those of their copies. */
struct met {
    const void *from;
    const struct freeze_type *type;
    void *to;
};

struct met_table {
    struct met *slots;
    size_t count, len;
};

/* A copy that has its address and waits for its content: chains of pointers are as long as a mesh, and no stack is. */
struct waiting {
    const void *from;
    void *to;
    const struct freeze_type *type;
};

struct freeze {
    char *base;
    size_t used, room;
    freeze_room *more;
    void *ctx;
    bool is_full;
    struct met_table near, far;
    struct {
        struct waiting *at;
        size_t first, len, cap;
    } queue;
    str texts[TEXT_SLOTS]; /* short texts that were copied lately: many are said again and again */
};

const struct freeze_type freeze_number = {.size = sizeof(uint32_t)};
FREEZE_TYPE(freeze_text, str, 16, FREEZE_UNMET, {FREEZE_TEXT, 0, NULL});
FREEZE_TYPE(freeze_texts, struct str_list, 24, FREEZE_UNMET, {FREEZE_LIST, 0, &freeze_text});

/* What grows by more than an arena should hold twice. */
static void *grown(void *at, size_t count, size_t size)
{
    void *wider = reallocarray(at, count, size);
    if (!wider)
        abort();
    return wider;
}

static void let_go(void *freeze)
{
    struct freeze *f = freeze;
    free(f->near.slots);
    free(f->far.slots);
    free(f->queue.at);
}

struct freeze *freeze_begin(struct arena *mem, void *base, freeze_room *room, void *ctx)
{
    struct freeze *f = ARENA_NEW(mem, struct freeze);
    f->base = base;
    f->more = room;
    f->ctx = ctx;
    arena_defer(mem, let_go, f);
    return f;
}

static void *take(struct freeze *f, size_t bytes, size_t alignment)
{
    size_t at = (f->used + alignment - 1) / alignment * alignment;
    if (f->is_full || bytes > SIZE_MAX / 2 - at)
        return NULL;
    if (at + bytes > f->room) {
        size_t room = f->room + f->room / 8;
        if (room < at + bytes)
            room = at + bytes;
        if (!f->more(f->ctx, room)) {
            f->is_full = true;
            return NULL;
        }
        f->room = room;
    }
    f->used = at + bytes;
    return f->base + at;
}

/* Of an address; where structs begin with others, their types tell them apart. */
static size_t slot_of(const struct met_table *table, const void *from,
                      const struct freeze_type *type)
{
    uint64_t mixed =
        ((uint64_t)(uintptr_t)from ^ (uint64_t)(uintptr_t)type * 31) * 0x9e3779b97f4a7c15U;
    size_t at = (size_t)(mixed >> 20) & (table->count - 1);
    while (table->slots[at].from
           && (table->slots[at].from != from || table->slots[at].type != type))
        at = (at + 1) & (table->count - 1);
    return at;
}

static void widen(struct met_table *table)
{
    struct met_table wider = {.count = table->count ? table->count * 2 : MET_LEAST,
                              .len = table->len};
    wider.slots = grown(NULL, wider.count, sizeof *wider.slots);
    memset(wider.slots, 0, wider.count * sizeof *wider.slots);
    for (size_t i = 0; i < table->count; i++)
        if (table->slots[i].from)
            wider.slots[slot_of(&wider, table->slots[i].from, table->slots[i].type)] =
                table->slots[i];
    free(table->slots);
    *table = wider;
}

static struct met_table *table_of(struct freeze *f, const struct freeze_type *type)
{
    return type->span == FREEZE_FAR ? &f->far : &f->near;
}

static void meet(struct freeze *f, const struct freeze_type *type, const void *from, void *to)
{
    struct met_table *table = table_of(f, type);
    if (table->len * 2 >= table->count)
        widen(table);
    size_t at = slot_of(table, from, type);
    table->len += !table->slots[at].from;
    table->slots[at] = (struct met){from, type, to};
}

static void *find_met(struct freeze *f, const struct freeze_type *type, const void *from)
{
    const struct met_table *table = table_of(f, type);
    return table->count ? table->slots[slot_of(table, from, type)].to : NULL;
}

void freeze_forget(struct freeze *f)
{
    if (f->near.len)
        memset(f->near.slots, 0, f->near.count * sizeof *f->near.slots);
    f->near.len = 0;
}

static str copy_text(struct freeze *f, str text)
{
    if (!text.len)
        return STR_NONE;
    str *known = text.len <= TEXT_SHORT ? &f->texts[str_hash(text) % TEXT_SLOTS] : NULL;
    if (known && str_eq(*known, text))
        return *known;
    char *to = take(f, text.len + 1, 1);
    if (!to)
        return STR_NONE;
    memcpy(to, text.ptr, text.len);
    str copy = {to, text.len};
    if (known)
        *known = copy;
    return copy;
}

void *freeze_array(struct freeze *f, const struct freeze_type *type, size_t count)
{
    return count && type->size > SIZE_MAX / 2 / count ? NULL
                                                      : take(f, count * type->size, ALIGNMENT);
}

void freeze_align(struct freeze *f, size_t bytes)
{
    (void)take(f, 0, bytes);
    f->used = (f->used + bytes - 1) / bytes * bytes;
}

static void await(struct freeze *f, const struct freeze_type *type, const void *from, void *to)
{
    if (f->queue.len == f->queue.cap) {
        f->queue.cap = f->queue.cap ? f->queue.cap * 2 : MET_LEAST;
        f->queue.at = grown(f->queue.at, f->queue.cap, sizeof *f->queue.at);
    }
    f->queue.at[f->queue.len++] = (struct waiting){from, to, type};
}

static void *refer(struct freeze *f, const struct freeze_type *type, const void *from)
{
    if (!from)
        return NULL;
    void *to = find_met(f, type, from);
    if (to)
        return to;
    to = freeze_array(f, type, 1);
    if (to) {
        meet(f, type, from, to);
        await(f, type, from, to);
    }
    return to;
}

/* Lists of any type have the same shape. */
struct list {
    VEC_OF(char)
};
struct refs {
    VEC_OF(void *)
};

static void fill(struct freeze *f, const struct freeze_type *type, const void *from, void *to);

static void fill_list(struct freeze *f, const struct freeze_type *of, const struct list *from,
                      struct list *to)
{
    to->cap = to->len = from->len;
    to->at = from->len ? freeze_array(f, of, from->len) : NULL;
    for (size_t i = 0; to->at && i < from->len; i++)
        fill(f, of, from->at + i * of->size, to->at + i * of->size);
}

static void fill_refs(struct freeze *f, const struct freeze_type *of, const struct refs *from,
                      struct refs *to)
{
    to->cap = to->len = from->len;
    to->at = from->len ? take(f, from->len * sizeof(void *), ALIGNMENT) : NULL;
    for (size_t i = 0; to->at && i < from->len; i++)
        to->at[i] = refer(f, of, from->at[i]);
}

/* The hash of a text is another one in each process: a map that is carried on has its keys in order. */
static void fill_map(struct freeze *f, const struct freeze_type *of, const struct map *from,
                     struct map *to)
{
    *to = (struct map){.len = from->len, .cap = from->len, .is_nocase = from->is_nocase};
    if (!from->len)
        return;
    to->entries = take(f, from->len * sizeof *to->entries, ALIGNMENT);
    for (size_t i = 0; to->entries && i < from->len; i++)
        to->entries[i] =
            (struct map_entry){copy_text(f, from->entries[i].key),
                               of ? refer(f, of, from->entries[i].value) : from->entries[i].value};
    if (to->entries)
        map_order(to);
}

static void fill_field(struct freeze *f, const struct freeze_field *field, const void *from,
                       void *to)
{
    switch (field->kind) {
    case FREEZE_TEXT:
        *(str *)to = copy_text(f, *(const str *)from);
        break;
    case FREEZE_PART:
        fill(f, field->of, from, to);
        break;
    case FREEZE_LIST:
        fill_list(f, field->of, from, to);
        break;
    case FREEZE_REF:
        *(void **)to = refer(f, field->of, *(void *const *)from);
        break;
    case FREEZE_REFS:
        fill_refs(f, field->of, from, to);
        break;
    case FREEZE_MAP:
        fill_map(f, field->of, from, to);
        break;
    case FREEZE_MAP_REF: {
        const struct map *map = *(const struct map *const *)from;
        struct map *copy = map ? take(f, sizeof *map, ALIGNMENT) : NULL;
        if (map && copy)
            fill_map(f, field->of, map, copy);
        *(struct map **)to = copy;
        break;
    }
    case FREEZE_NOTHING:
        *(void **)to = NULL;
        break;
    }
}

static void fill(struct freeze *f, const struct freeze_type *type, const void *from, void *to)
{
    memcpy(to, from, type->size);
    if (type->span != FREEZE_UNMET)
        meet(f, type, from, to);
    for (size_t i = 0; i < type->field_count; i++)
        fill_field(f, &type->fields[i], (const char *)from + type->fields[i].offset,
                   (char *)to + type->fields[i].offset);
}

static void drain(struct freeze *f)
{
    while (f->queue.first < f->queue.len && !f->is_full) {
        struct waiting next = f->queue.at[f->queue.first++];
        fill(f, next.type, next.from, next.to);
    }
    f->queue.first = f->queue.len = 0;
}

void freeze_fill(struct freeze *f, const struct freeze_type *type, const void *from, void *to)
{
    if (!to)
        return;
    fill(f, type, from, to);
    drain(f);
}

void *freeze_ref(struct freeze *f, const struct freeze_type *type, const void *from)
{
    void *to = refer(f, type, from);
    drain(f);
    return to;
}

size_t freeze_bytes(const struct freeze *f)
{
    return f->used;
}

bool freeze_is_whole(const struct freeze *f)
{
    return !f->is_full;
}
